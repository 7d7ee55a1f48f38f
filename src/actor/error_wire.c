/* The id travels too, so that an error that comes back to where it arose is still the same one. What a
 * peer says of its errors is believed as far as it can do no harm: codes are negative, depths, counts and
 * texts are limited. */
#include "actor/error_wire.h"

#include "base/error.h"

#include <errno.h>

tr_struct(facts, (tr_str, type), (tr_str, message), (int32_t, code), (uint64_t, id), (tr_str, file),
          (int32_t, line), (tr_str, name), (tr_str, uuid), (tr_str, address), (int32_t, pid),
          (int32_t, signal), (int32_t, exit_status), (tr_list_tr_str, frames));

static int put_facts(struct buf *out, struct tr_error *error)
{
    error_locate_frames(error);
    facts all = {.type = error->type,
                 .message = error->message,
                 .code = error->code,
                 .id = error->id,
                 .file = error->file,
                 .line = error->line,
                 .name = error->actor.name,
                 .uuid = error->actor.uuid,
                 .address = error->actor.address,
                 .pid = error->actor.pid,
                 .signal = error->signal,
                 .exit_status = error->exit_status,
                 .frames = {error->frames, error->frame_count}};
    return codec_encode(out, &tr_type_facts, &all);
}

/* Where it goes, and how many more errors the whole may be: each is counted when it is announced. What is too
 * many is left out. */
struct sink {
    struct buf *out;
    size_t left;
};

static size_t announce(struct sink *sink, size_t wanted)
{
    size_t count = wanted < sink->left ? wanted : sink->left;
    sink->left -= count;
    return count;
}

static int put(struct sink *sink, struct tr_error *error, int depth)
{
    bool cut = depth >= ERROR_DEPTH;
    size_t causes = announce(sink, error->cause && !cut);
    tr_try(codec_put_array(sink->out, 3));
    tr_try(put_facts(sink->out, error));
    tr_try(codec_put_array(sink->out, causes));
    if (causes)
        tr_try(put(sink, error->cause, depth + 1));
    size_t members = announce(sink, cut ? 0 : error->member_count);
    tr_try(codec_put_array(sink->out, members));
    for (size_t i = 0; i < members; i++)
        tr_try(put(sink, error->members[i], depth + 1));
    return 0;
}

int error_put(struct buf *out, struct tr_error *error)
{
    struct sink sink = {out, ERROR_MEMBERS - 1};
    return put(&sink, error, 0);
}

static const char *text_of(const char *text)
{
    return text ? text : "";
}

/* Text read into the error's own memory already; only NULLs need replacing. */
static void take_facts(struct tr_error *error, const facts *all)
{
    error->type = text_of(all->type);
    error->message = text_of(all->message);
    error->code = all->code < 0 ? all->code : TR_ERAISED;
    error->id = all->id;
    error->file = text_of(all->file);
    error->line = all->line;
    error->actor = (tr_actor){text_of(all->name), text_of(all->uuid), text_of(all->address),
                              all->pid};
    error->signal = all->signal;
    error->exit_status = all->exit_status;
    error->frames = (const char **)all->frames.items;
    error->frame_count = all->frames.count < ERROR_FRAMES ? all->frames.count : ERROR_FRAMES;
    for (size_t i = 0; i < error->frame_count; i++)
        error->frames[i] = text_of(error->frames[i]);
}

/* What is read, and how many errors it may still turn out to be: each takes far more memory than the few
 * bytes that it can be told in. */
struct source {
    struct reader *from;
    int left;
};

static int get(struct source *source, struct tr_error **ret_error, int depth);

static int get_members(struct source *source, struct tr_error *group, int depth, size_t count)
{
    if (count > 0 && group->code != TR_EGROUP)
        return raise_code(TR_EPROTOCOL, "an error with members that is no group");
    for (size_t i = 0; i < count; i++) {
        struct tr_error *member;
        tr_try(get(source, &member, depth + 1));
        if (!error_add_member(group, member)) {
            error_unref(member);
            return error_raise_plain(-ENOMEM);
        }
    }
    return 0;
}

static int get_cause(struct source *source, struct tr_error *error, int depth)
{
    struct tr_error *cause;
    tr_try(get(source, &cause, depth + 1));
    error_set_cause(error, cause);
    return 0;
}

static int get_parts(struct source *source, struct tr_error *error, int depth)
{
    struct reader *from = source->from;
    size_t parts, causes, members;
    facts all = {0};
    tr_try(codec_get_array(from, &parts));
    tr_try(codec_decode(from, &tr_type_facts, &error->memory, &all));
    take_facts(error, &all);
    tr_try(codec_get_array(from, &causes));
    if (parts != 3 || causes > 1 || depth > ERROR_DEPTH)
        return raise_code(TR_EPROTOCOL, "an error of the wrong shape");
    if (causes)
        tr_try(get_cause(source, error, depth));
    tr_try(codec_get_array(from, &members));
    return get_members(source, error, depth, members);
}

static int get(struct source *source, struct tr_error **ret_error, int depth)
{
    if (source->left-- == 0)
        return raise_code(TR_EPROTOCOL, "more than %d errors in one", ERROR_MEMBERS);
    struct tr_error *error = error_blank(TR_ERAISED);
    if (!error)
        return error_raise_plain(-ENOMEM);
    int rc = get_parts(source, error, depth);
    if (rc < 0) {
        error_unref(error);
        return rc;
    }
    *ret_error = error;
    return 0;
}

int error_get(struct reader *from, struct tr_error **ret_error)
{
    struct source source = {from, ERROR_MEMBERS};
    return get(&source, ret_error, 0);
}

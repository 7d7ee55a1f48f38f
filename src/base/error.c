/* Making, combining and looking at error objects.
 *
 * Happy path: error_new captures type, message, actor and backtrace into one arena; error_raise puts
 * the object into the slot of the running task, where tr_last_error and error_of find it; whoever
 * returns the code up the stack never touches it. What can go wrong is memory, and then the plain
 * ENOMEM object stands in: a failure is never lost because describing it failed.
 *
 * Plain errors are constants. Cancelled is one of them, because it is raised once for each blocked
 * task of a cancelled scope, and there may be a million. */
#include "base/error.h"

#include "base/hooks.h"
#include "base/panic.h"
#include "base/runtime.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LARGEST_ERRNO = 4095 };

_Thread_local struct runtime *runtime __attribute__((tls_model("initial-exec")));

#define PLAIN(CODE, VALUE, TYPE, SENTENCE)                                                         \
    {.refs = IMMORTAL,                                                                             \
     .code = (VALUE),                                                                              \
     .type = (TYPE),                                                                               \
     .message = (SENTENCE),                                                                        \
     .file = "",                                                                                   \
     .actor = {"", "", "", 0},                                                                     \
     .exit_status = -1,                                                                            \
     .report = TYPE ": " SENTENCE "\n"},
static const struct tr_error plain[] = {
    TR_ERRORS(PLAIN) /* and the one that must not need memory: */
    PLAIN(, -ENOMEM, "errno.ENOMEM", "out of memory")};
#undef PLAIN

enum { PLAIN_COUNT = sizeof plain / sizeof *plain };

static struct tr_error *constant_for(int code)
{
    for (size_t i = 0; i < PLAIN_COUNT; i++)
        if (plain[i].code == code)
            return (struct tr_error *)&plain[i]; /* never written: its count says IMMORTAL */
    return NULL;
}

const char *tr_code_type(int code)
{
    static const char *const unknown = "Error";
    const struct tr_error *constant = constant_for(code);
    if (constant)
        return constant->type;
    const char *name = code < 0 && code >= -LARGEST_ERRNO ? strerrorname_np(-code) : NULL;
    return name ? name : unknown;
}

const char *tr_code_sentence(int code)
{
    const struct tr_error *constant = constant_for(code);
    if (constant)
        return constant->message;
    const char *text = code < 0 && code >= -LARGEST_ERRNO ? strerrordesc_np(-code) : NULL;
    return text ? text : "a code of the application";
}

static int code_of_type(const char *type)
{
    if (!type || !type[0])
        return TR_ERAISED;
    for (size_t i = 0; i < PLAIN_COUNT; i++)
        if (strcmp(plain[i].type, type) == 0)
            return plain[i].code;
    if (strncmp(type, "errno.", 6) != 0)
        return TR_ERAISED;
    for (int number = 1; number <= LARGEST_ERRNO; number++) {
        const char *name = strerrorname_np(number);
        if (name && strcmp(name, type + 6) == 0)
            return -number;
    }
    return TR_ERAISED;
}

/* An object that owns its own memory; NULL when there is none. */
static struct tr_error *new_object(int code)
{
    if (!runtime)
        return NULL;
    struct arena memory = {0};
    struct tr_error *error = arena_alloc(&memory, sizeof *error);
    if (!error)
        return NULL;
    *error = (struct tr_error){.refs = 1, .code = code, .exit_status = -1, .memory = memory};
    error->id = ++runtime->error_ids;
    return error;
}

const char *error_keep_text(struct tr_error *error, const char *text)
{
    const char *copy = arena_text(&error->memory, text ? text : "");
    return copy ? copy : "";
}

static const char *keep_format(struct tr_error *error, const char *format, va_list args)
{
    char text[1024]; /* longer messages are cut; what they are about stands at their start */
    vsnprintf(text, sizeof text, format, args);
    return error_keep_text(error, text);
}

/* "errno.ENOENT" for errno values: the type names of the library are plain words. */
static const char *full_type(struct tr_error *error, int code, const char *type)
{
    if (code >= 0 || code < -LARGEST_ERRNO || strncmp(type, "errno.", 6) == 0)
        return error_keep_text(error, type);
    char name[64];
    snprintf(name, sizeof name, "errno.%s", type);
    return error_keep_text(error, name);
}

void error_keep_actor(struct tr_error *error, const tr_actor *actor)
{
    error->actor = (tr_actor){.name = error_keep_text(error, actor->name),
                              .uuid = error_keep_text(error, actor->uuid),
                              .address = error_keep_text(error, actor->address),
                              .pid = actor->pid};
}

struct tr_error *error_blank(int code)
{
    struct tr_error *error = new_object(code);
    if (!error)
        return NULL;
    error->type = error->message = error->file = "";
    error->actor = (tr_actor){"", "", "", 0};
    return error;
}

static void fill(struct tr_error *error, const char *type, const char *file, int line)
{
    error->type = full_type(error, error->code, type);
    error->file = error_keep_text(error, file);
    error->line = line;
    error_keep_actor(error, &runtime->self);
    error->frame_count = trace_capture((void **)error->addresses, ERROR_FRAMES);
}

static struct tr_error *new_error(int code, const char *type, const char *file, int line,
                                  const char *format, va_list args)
{
    struct tr_error *error = new_object(code);
    if (!error)
        return constant_for(runtime ? -ENOMEM : TR_ENORUNTIME);
    fill(error, type, file, line);
    error->message = keep_format(error, format, args);
    if (error->type[0])
        return error;
    error_unref(error); /* better a plain error than one without a type */
    return constant_for(-ENOMEM);
}

struct tr_error *error_new(int code, const char *type, const char *file, int line,
                           const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct tr_error *error = new_error(code, type, file, line, format, args);
    va_end(args);
    return error;
}

struct tr_error *error_plain(int code)
{
    struct tr_error *constant = constant_for(code);
    return constant ? constant
                    : error_new(code, tr_code_type(code), "", 0, "%s", tr_code_sentence(code));
}

struct tr_error *error_ref(struct tr_error *error)
{
    if (error && error->refs != IMMORTAL)
        error->refs++;
    return error;
}

/* Without its cause. */
static void free_error(struct tr_error *error)
{
    for (size_t i = 0; i < error->member_count; i++)
        error_unref(error->members[i]);
    map_fini(&error->keys);
    struct arena memory = error->memory;
    arena_fini(&memory);
}

void error_unref(struct tr_error *error)
{
    while (error && error->refs != IMMORTAL && --error->refs == 0) {
        struct tr_error *cause = error->cause;
        free_error(error);
        error = cause;
    }
}

int error_make_newest(struct tr_error *error)
{
    int code = error->code;
    ensure(code < 0);
    if (!runtime)
        return code;
    struct tr_error *before = runtime->front->error;
    runtime->front->error = error;
    error_unref(before);
    return code;
}

int error_raise_plain_(int code)
{
    return error_raise(error_plain(code));
}

struct tr_error *error_of(int rc)
{
    if (rc >= 0)
        return NULL;
    struct tr_error *last = runtime ? runtime->front->error : NULL;
    return last && last->code == rc ? error_ref(last) : error_plain(rc);
}

/* ---- boxes and backtraces -------------------------------------------------------------------------- */

/* A chain of causes that grows without end, as in a loop that tries again, keeps its two ends. */
void error_set_cause(struct tr_error *error, struct tr_error *cause)
{
    if (error->refs == IMMORTAL) {
        error_unref(cause);
        return;
    }
    if (cause && cause->depth >= ERROR_DEEPEST) {
        struct tr_error *root = cause;
        while (root->depth > 0)
            root = root->cause ? root->cause : root->members[0];
        error_ref(root);
        error_unref(cause);
        cause = root;
    }
    error->cause = cause;
    if (cause && cause->depth >= error->depth)
        error->depth = cause->depth + 1;
}

/* What is heard of one failure of an actor by several calls is one error. */
static uint64_t id_of_box(const struct tr_error *cause, const tr_actor *peer)
{
    uint64_t id = cause->id;
    for (const char *at = peer->uuid; *at; at++) /* FNV-1a */
        id = (id ^ (unsigned char)*at) * 0x100000001b3u;
    return id;
}

/* What a whole row of boxes is about. */
static const struct tr_error *unboxed(const struct tr_error *error)
{
    while (error->code == TR_EREMOTE && error->cause)
        error = error->cause;
    return error;
}

bool error_is_cancellation(const struct tr_error *error)
{
    return unboxed(error)->code == TR_ECANCELLED;
}

bool error_of_is_cancellation(int rc)
{
    struct tr_error *error = error_of(rc);
    const bool is = error && error_is_cancellation(error);
    error_unref(error);
    return is;
}

struct tr_error *error_box(struct tr_error *cause, const tr_actor *peer)
{
    const struct tr_error *first = unboxed(cause);
    struct tr_error *box = error_new(TR_EREMOTE, tr_code_type(TR_EREMOTE), "", 0,
                                     "actor %s (%.8s, pid %d) failed: %s: %s", peer->name,
                                     peer->uuid, peer->pid, first->type, first->message);
    if (box->refs != IMMORTAL && cause->id)
        box->id = id_of_box(cause, peer);
    error_set_cause(box, cause);
    if (box->refs != IMMORTAL)
        error_keep_actor(box, peer);
    return box;
}

/* Without memory there is none. */
static const char **frame_texts(struct tr_error *error)
{
    const char **texts = arena_alloc(&error->memory, error->frame_count * sizeof *texts);
    if (!texts)
        error->frame_count = 0;
    return texts;
}

void error_locate_frames(struct tr_error *error)
{
    if (error->frames || error->frame_count == 0)
        return;
    error->frames = frame_texts(error);
    for (size_t i = 0; i < error->frame_count; i++) {
        char text[512];
        trace_locate(error->addresses[i], text, sizeof text);
        error->frames[i] = error_keep_text(error, text);
    }
}

void error_show_frames(struct tr_error *error)
{
    error_locate_frames(error);
    if (error->shown || error->frame_count == 0)
        return;
    error->shown = frame_texts(error);
    for (size_t i = 0; i < error->frame_count; i++) {
        char text[512];
        if (trace_show(error->frames[i], text, sizeof text))
            error->library_frames |= (uint32_t)1 << i;
        error->shown[i] = error_keep_text(error, text);
    }
}

/* ---- the public view ------------------------------------------------------------------------------ */

static const char *name_of(const char *type)
{
    return type && type[0] ? type : tr_code_type(TR_ERAISED);
}

int tr_raise_at_(const char *file, int line, const char *type, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct tr_error *error = new_error(code_of_type(type), name_of(type), file, line, format, args);
    va_end(args);
    return error_raise(error);
}

int tr_raise_from_(const tr_error *cause, const char *file, int line, const char *type,
                   const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct tr_error *error = new_error(code_of_type(type), name_of(type), file, line, format, args);
    va_end(args);
    if (!cause)
        cause = tr_last_error();
    error_set_cause(error, error_ref((struct tr_error *)cause));
    return error_raise(error);
}

int tr_reraise(const tr_error *error)
{
    if (!error)
        return raise_code(TR_EMISUSE, "there is no error to raise again");
    return error_raise(error_ref((struct tr_error *)error));
}

const tr_error *tr_last_error(void)
{
    return runtime ? runtime->front->error : constant_for(TR_ENORUNTIME);
}

const tr_error *tr_error_find(const tr_error *error, const char *type)
{
    for (; error; error = error->cause) {
        if (strcmp(error->type, type) == 0)
            return error;
        for (size_t i = 0; i < error->member_count; i++) {
            const tr_error *found = tr_error_find(error->members[i], type);
            if (found)
                return found;
        }
    }
    return NULL;
}

bool tr_error_is(const tr_error *error, const char *type)
{
    return tr_error_find(error, type) != NULL;
}

/* What there is to read of no error at all. */
static const struct tr_error none = {.refs = IMMORTAL,
                                     .type = "",
                                     .message = "",
                                     .file = "",
                                     .actor = {"", "", "", 0},
                                     .exit_status = -1,
                                     .report = ""};

static const struct tr_error *or_none(const tr_error *error)
{
    return error ? error : &none;
}

int tr_error_code(const tr_error *error)
{
    return or_none(error)->code;
}

const char *tr_error_type(const tr_error *error)
{
    return or_none(error)->type;
}

const char *tr_error_message(const tr_error *error)
{
    return or_none(error)->message;
}

const tr_actor *tr_error_actor(const tr_error *error)
{
    return &or_none(error)->actor;
}

const char *tr_error_file(const tr_error *error)
{
    return or_none(error)->file;
}

int tr_error_line(const tr_error *error)
{
    return or_none(error)->line;
}

uint64_t tr_error_id(const tr_error *error)
{
    return or_none(error)->id;
}

const tr_error *tr_error_cause(const tr_error *error)
{
    return or_none(error)->cause;
}

size_t tr_error_members(const tr_error *error)
{
    return or_none(error)->member_count;
}

const tr_error *tr_error_member(const tr_error *error, size_t index)
{
    return error && index < error->member_count ? error->members[index] : NULL;
}

int tr_error_signal(const tr_error *error)
{
    return or_none(error)->signal;
}

int tr_error_exit_status(const tr_error *error)
{
    return or_none(error)->exit_status;
}

size_t tr_error_frames(const tr_error *error)
{
    return or_none(error)->frame_count;
}

const char *tr_error_frame(const tr_error *error, size_t index)
{
    if (!error)
        return NULL;
    error_show_frames((struct tr_error *)error);
    return index < error->frame_count ? error->shown[index] : NULL;
}

const tr_error *tr_error_keep(const tr_error *error)
{
    return error_ref((struct tr_error *)error);
}

void tr_error_release(const tr_error *error)
{
    error_unref((struct tr_error *)error);
}

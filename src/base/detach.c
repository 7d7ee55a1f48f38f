/* Errors on their way to another thread.
 *
 * References are counted without atomics, so an object may change threads only as a whole: nobody who stays
 * behind may hold any part of it. Mostly nobody does, and it goes as it is. Where somebody does (a program
 * that kept the error, two errors with one cause), a copy goes, with the same ids: it is the same error. */
#include "base/error.h"

#include <errno.h>
#include <string.h>

static bool is_shared(const struct tr_error *error)
{
    if (!error || error->refs == IMMORTAL)
        return false;
    for (size_t i = 0; i < error->member_count; i++)
        if (is_shared(error->members[i]))
            return true;
    return error->refs > 1 || is_shared(error->cause);
}

static void copy_frames(struct tr_error *to, const struct tr_error *from)
{
    memcpy(to->addresses, from->addresses, sizeof to->addresses);
    to->frame_count = from->frame_count;
    if (!from->frames)
        return; /* located from the addresses, once somebody looks */
    to->frames = arena_alloc(&to->memory, from->frame_count * sizeof *to->frames);
    if (!to->frames)
        to->frame_count = 0;
    for (size_t i = 0; i < to->frame_count; i++)
        to->frames[i] = error_keep_text(to, from->frames[i]);
}

static struct tr_error *copy(const struct tr_error *error)
{
    if (error->refs == IMMORTAL)
        return (struct tr_error *)error; /* never written */
    struct tr_error *own = error_blank(error->code);
    if (own)
        own->type = error_keep_text(own, error->type);
    if (!own || !own->type[0]) {
        error_unref(own);
        return error_plain(-ENOMEM);
    }
    own->id = error->id;
    own->message = error_keep_text(own, error->message);
    own->file = error_keep_text(own, error->file);
    own->line = error->line;
    own->signal = error->signal;
    own->exit_status = error->exit_status;
    error_keep_actor(own, &error->actor);
    copy_frames(own, error);
    error_set_cause(own, error->cause ? copy(error->cause) : NULL);
    for (size_t i = 0; i < error->member_count; i++) {
        struct tr_error *member = copy(error->members[i]);
        if (!error_add_member(own, member))
            error_unref(member);
    }
    return own;
}

struct tr_error *error_detach(struct tr_error *error)
{
    if (!is_shared(error))
        return error;
    struct tr_error *own = copy(error);
    error_unref(error);
    return own;
}

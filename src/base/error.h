/* Error objects, as the rooms of the library make and combine them. The public view of them is
 * tractor/error.h; what an error means is said there.
 *
 * An object is immutable once raised and counted by reference, so the body of a nursery, its child and
 * its end can hold the same one; `id` tells that it is the same even after a trip through another
 * process. The reference counts are plain integers: an error belongs to one thread at a
 * time, and changes it by error_detach only. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/arena.h"
#include "base/map.h"
#include "tractor/error.h"

enum { ERROR_FRAMES = 24 };        /* enough to see the cause, small enough to send */
enum { ERROR_DEEPEST = 32 };       /* chains and trees of more lose their middle: they are walked by recursion */
enum { IMMORTAL = -1 };

struct tr_error {
    int refs;                      /* IMMORTAL for the plain ones, one per code */
    int code;
    uint64_t id;
    const char *type, *message, *file;
    int line;
    tr_actor actor;                /* where it arose; strings in `memory` */
    struct tr_error *cause;        /* owned, may be NULL */
    int depth;                     /* how many there are below, one causing or holding the other */
    struct tr_error **members;     /* of an ErrorGroup; owned */
    size_t member_count, member_room;
    struct map keys;               /* of the members, and of theirs: see group.c */
    const void *addresses[ERROR_FRAMES]; /* captured here, located only when the error leaves or is shown */
    const char **frames;           /* located, as they travel (trace_locate), once made or received */
    const char **shown;            /* for people (trace_show), once somebody has looked */
    uint32_t library_frames;       /* which of those shown are in this library, a bit each */
    size_t frame_count;
    int signal, exit_status;       /* of ActorDied; 0 and -1 otherwise */
    const char *report;            /* tr_error_report's text, once made */
    struct arena memory;           /* all of the above, this struct included */
};

/* A new error with one reference, of the calling actor, with the backtrace of this place. Never NULL:
 * when memory is out it is the plain "errno.ENOMEM". */
struct tr_error *error_new(int code, const char *type, const char *file, int line,
                           const char *format, ...) TR_PRINTF(5, 6);

/* An error with nothing but a code, the same object each time. For those that are many (Cancelled). */
struct tr_error *error_plain(int code);

struct tr_error *error_ref(struct tr_error *error);
void error_unref(struct tr_error *error);

/* An empty error with one reference, for those that were received: the caller fills it in, with texts
 * copied by error_keep_text (never NULL). NULL when memory is out. */
struct tr_error *error_blank(int code);
const char *error_keep_text(struct tr_error *error, const char *text);
void error_keep_actor(struct tr_error *error, const tr_actor *actor);

/* Makes it the task's newest error, taking over the caller's reference; returns its code. */
int error_make_newest(struct tr_error *error) __attribute__((cold));
static inline int error_raise(struct tr_error *error)
{
    return tr_failure_(error_make_newest(error));
}

/* Raises a library or errno code with a message of its own / with the code's sentence. */
#define raise_code(code, ...)                                                                      \
    error_raise(error_new((code), tr_code_type(code), __FILE__, __LINE__, __VA_ARGS__))
int error_raise_plain_(int code) __attribute__((cold, noinline));
static inline int error_raise_plain(int code)
{
    return tr_failure_(error_raise_plain_(code));
}

/* The object for a negative result: the newest error if it has that code, else a plain one. A new
 * reference. NULL when rc is no error. */
struct tr_error *error_of(int rc);

/* What failed of several things that somebody waits for; all zero at first. */
struct errors {
    struct tr_error *all;          /* NULL, the one, or the group of them; owned */
    bool several;                  /* `all` is a group made here, which nobody else has seen yet */
};

/* Takes the reference over; NULL is allowed, and an error that is there already counts once. */
void errors_add(struct errors *errors, struct tr_error *error);

/* All of them as one error, a reference or NULL; none is left. */
struct tr_error *errors_take(struct errors *errors);

/* The error without its Cancelled parts, however deep in groups; NULL when nothing else is left. Takes over the
 * reference. *ret_found is set if there were any. */
struct tr_error *error_without_cancelled(struct tr_error *error, bool *ret_found);

/* Whether it is Cancelled, of this actor or, in boxes, of another. */
bool error_is_cancellation(const struct tr_error *error);
bool error_of_is_cancellation(int rc); /* the same of what error_of would give */

/* Adds a member to an ErrorGroup that nobody has seen yet, and takes its reference over; false, with
 * nothing taken, when memory is out. */
bool error_add_member(struct tr_error *group, struct tr_error *member);

/* Makes `cause`, a reference or NULL, the reason for an error that nobody has seen yet. Takes it over. */
void error_set_cause(struct tr_error *error, struct tr_error *cause);

/* RemoteActorError around an error of `peer`; the same one if both are the same. Takes over the reference. */
struct tr_error *error_box(struct tr_error *cause, const tr_actor *peer);

/* The error for another thread, which alone will hold it and all its parts: itself, or a copy. NULL is
 * allowed. Takes over the reference and returns one. */
struct tr_error *error_detach(struct tr_error *error);

/* Makes sure that the backtrace exists as it travels / as it is shown. */
void error_locate_frames(struct tr_error *error);
void error_show_frames(struct tr_error *error);

#endif

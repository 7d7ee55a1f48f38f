/* Large byte strings in the messages of a session, which its peer reads where they lie (transport/shelf.h). */
#ifndef ACTOR_LARGE_H
#define ACTOR_LARGE_H

#include "actor/protocol.h"
#include "base/far.h"
#include "base/machine.h"
#include "transport/shelf.h"

struct session;

/* A session's part in it. */
struct large {
    struct far_lender lender;       /* what it puts into messages */
    struct machine lending;
    struct shelf *shelf;            /* ours; NULL where there is none */
    bool wished;                    /* something large was sent, and there is none yet */
    bool used;                      /* since the keeper has looked last */
    bool unkept;                    /* it is open, and has no keeper yet */
    size_t far;                     /* how much of the value that was encoded last lies on it */
    struct shelf_view *view;        /* of the peer's; NULL where there is none */
    bool offered;                   /* the peer has one, whose descriptor has not come yet */
};

/* `outside`: the peer may be on another host, and there is nothing of all this. */
void large_init(struct large *large, bool outside);
/* The session has ended: what is still held stays. */
void large_leave(struct session *session);

/* ---- sending ------------------------------------------------------------------------------------------------ */

/* Before a value is encoded with that lender; `far` says then how much of it lies on the shelf. / After that, when it
 * is not sent after all. / Where it is wished, once the frame is complete: there may be a shelf from now on. */
static inline void large_begin(struct large *large)
{
    large->far = 0;
    if (large->shelf)
        shelf_begin(large->shelf);
}
void large_undo(struct session *session);
void large_settle(struct session *session);

/* All three: appends a frame whose last field is that value. 0 or a negative code, raised, with nothing appended. */
int large_put(struct session *session, struct buf *out, const struct frame *frame, const tr_type *type,
              const void *value);

/* Memory for something to be sent to the peer, on the shelf if that can be, which ends with the running task's
 * innermost frame. NULL. */
void *large_memory(struct session *session, size_t size);

/* ---- receiving ---------------------------------------------------------------------------------------------- */

typedef int large_action(struct session *session, const struct frame *frame);

/* Acts on a frame parts of which lie on the peer's shelf; TR_EPROTOCOL, raised, if that cannot be. */
int large_act_on(struct session *session, struct frame *frame, large_action *action);

/* Whether what an unchecked frame has is a value; for who could not decode it, or has not. TR_EPROTOCOL, raised. */
int large_check(const struct frame *frame);

/* What reads the raw field of a frame. */
struct reader large_reader(const struct frame *frame);

/* After each read, where something is offered or unkept: takes the peer's shelf, if its descriptor has come by now, and
 * sees to ours. */
void large_consider(struct session *session);

/* Whatever lies on that shelf, of encoded values which are kept: it is held once more / once less. */
void large_hold(struct shelf_view *view, tr_bytes values);
void large_drop(struct shelf_view *view, tr_bytes values);

/* What arrives. */
int lend_heard(struct session *session, const struct frame *frame);
int borrow_heard(struct session *session, const struct frame *frame);
int back_heard(struct session *session, const struct frame *frame);

#endif

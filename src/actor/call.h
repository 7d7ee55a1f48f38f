/* Calls that we make. One that is under way is a struct where its maker keeps it, found by its id when
 * frames about it arrive, until it is done: by the result, the remote error, the loss of the session, or
 * because it was given up. */
#ifndef ACTOR_CALL_H
#define ACTOR_CALL_H

#include "actor/session.h"
#include "value/function.h"

struct call {
    struct session *session;        /* a reference */
    uint64_t id;
    const tr_fn_info *fn;
    struct arena *memory;           /* for what the result points to */
    void *ret;                      /* NULL: the result is dropped */
    struct talk *talk;              /* that this is the call of; NULL for one of one result only */
    int64_t deadline;               /* that the callee knows of */
    tr_event done;
    bool introduces;                /* the peer learns the function by it, if it returns */
    bool lost;                      /* it is done because the session is */
    struct tr_error *error;         /* how it failed; owned; NULL for a result */
};

/* A checkpoint: sends START over the session. `call` has everything from `fn` to `talk` set. The arguments
 * are `args`, or, if that is NULL, the bytes `encoded`. After success call_end is due. */
int call_begin(struct call *call, struct session *session, const void *args, tr_bytes encoded);

/* A checkpoint: waits for the outcome, and tells the callee when there is more or less time. The same for somebody
 * who waits for something else of it. */
int call_wait(struct call *call);
int call_park(struct call *call, tr_lot *lot);

/* What became of it for a caller that has given up: 0 if it was faster and succeeded, the code of call->error if it
 * failed for another reason, TR_ECANCELLED otherwise. */
int call_given_up(const struct call *call);

/* The result of call_wait, call_give_up or call_given_up, raised; and, the second, the end of the call. A checkpoint
 * where the callee was cut off by the caller's deadline, which then is to cancel the caller. */
int call_outcome(struct call *call, int rc);
int call_conclude(struct call *call, int rc);

/* The remote task is cancelled and its end awaited, shielded, no longer than the grace: as call_given_up. */
int call_give_up(struct call *call);

/* Raises how a call that is done has failed; `error` is not NULL. Any number of times. */
int call_raise(struct call *call);

/* Forgets it. */
void call_end(struct call *call);

/* A checkpoint: runs `fn` at the other end of the session and waits for its result, which is decoded into
 * *ret (NULL to drop it) with what it points to in `memory`. What tr_call promises. */
int call_run(struct session *session, const tr_fn_info *fn, const void *args, tr_bytes encoded,
             struct arena *memory, void *ret);

#endif

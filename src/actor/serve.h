/* Calls that others make of us: what a remote function's `ctx` is. */
#ifndef ACTOR_SERVE_H
#define ACTOR_SERVE_H

#include "actor/flow.h"
#include "actor/session.h"
#include "tractor/task.h"
#include "value/function.h"

/* One call being served. */
struct served {
    struct session *session;        /* a reference */
    uint64_t id;
    const tr_fn_entry *fn;
    struct arena memory;            /* of arguments and result */
    void *args, *ret;
    struct context *context;        /* of a stream or context; NULL for a call of one result */
    double seconds_left;            /* that the caller has; INFINITY for no limit */
    tr_scope scope;                 /* around the function: how the caller cancels it */
    bool given_up;                  /* the caller has done that */
    struct served *next;            /* of those to be used again, whose memory is all that counts */
};

/* A remote function's view of the call it serves. */
struct tr_ctx {
    struct served *served;
};

/* Why it was cancelled: a Cancelled of whoever asked for that. A reference. */
struct tr_error *served_cancelled(const struct served *served);

/* The session that a call came over; for functions of the runtime's own. */
static inline struct session *ctx_session(const tr_ctx *ctx)
{
    return ctx->served->session;
}

#endif

/* Calls that others make of us: what a remote function's `ctx` is. */
#ifndef ACTOR_SERVE_H
#define ACTOR_SERVE_H

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
    int64_t credit;                 /* of a stream: what it may still send */
    tr_lot for_credit;          /* its tasks wait here for more */
    double seconds_left;            /* that the caller has; INFINITY for no limit */
    tr_scope scope;                 /* around the function: how the caller cancels it */
};

/* A remote function's view of the call it serves. */
struct tr_ctx {
    struct served *served;
};

/* The session that a call came over; for functions of the runtime's own. */
static inline struct session *ctx_session(const tr_ctx *ctx)
{
    return ctx->served->session;
}

#endif

/* The callee's end of a stream or context: what its function yields, and what it is sent. */
#ifndef ACTOR_CONTEXT_H
#define ACTOR_CONTEXT_H

#include "actor/flow.h"
#include "value/function.h"

struct served;

struct context {
    struct outflow out;             /* what the function yields */
    struct inflow in;               /* of a context: what its caller sends */
    struct reader_at at;            /* and how far that was received */
    struct arena memory;            /* of the value that was received last */
    bool started;                   /* values may go to and fro; a stream is from the beginning */
    bool ended;                     /* the caller sends no more */
};

/* As START asks for it. 0 or -ENOMEM, raised. */
int context_new(const wire_start *start, const tr_fn_info *fn, struct context **ret_context);
void context_free(struct context *context);

/* The function has returned well: TR_EMISUSE, raised, if it has never started, else 0. */
int context_complete(const struct served *served);

/* TR_EMISUSE, raised, for a context that has not started yet; else 0. */
int context_check_started(const tr_ctx *ctx);

/* The caller has given up: nothing will come, and nothing is taken. */
void context_abandon(struct context *context);

/* Whoever waits should look again whether the session is up. */
void context_wake(struct context *context);

#endif

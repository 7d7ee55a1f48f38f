/* The caller's end of a stream or context: a call with values before its outcome, and, of a context, values to it. It
 * lasts as long as one of its readers (stream.c), or the keeper of an actor that was started to run it. */
#ifndef ACTOR_TALK_H
#define ACTOR_TALK_H

#include "actor/call.h"
#include "actor/flow.h"

struct talk {
    int refs;                       /* of its readers and, if it is an actor's main function, of the keeper */
    struct call call;
    struct inflow in;               /* what it yields */
    struct outflow out;             /* and what a context is sent */
    tr_event begun;                 /* a stream: START is on its way; a context: it has started; or it never will */
    bool started;
    struct tr_error *misbegun;      /* its first word made no sense; owned; NULL otherwise */
    void *ret_first;                /* where that goes; NULL to drop it */
    struct arena *first_memory;     /* and what it points to */
    void *result;                   /* of a context; in `memory` */
    struct arena memory;
    uint64_t opened_in;             /* the scope, by whose deadline it runs */
    bool said_end;                  /* no more is sent */
    bool leaving;                   /* what still arrives is nobody's */
    tr_event over;                  /* it is done, or there is no reader any more */
};

/* With one reference, and no reader. TR_EARGUMENT for a flow that makes no sense, or -ENOMEM, raised. */
int talk_new(const tr_fn_info *fn, const tr_flow *flow, struct talk **ret_talk);

/* A checkpoint: asks for it, as call_begin. The session is held as long as the talk. */
int talk_begin(struct talk *talk, struct session *session, const void *args, tr_bytes encoded);

struct talk *talk_ref(struct talk *talk);
void talk_unref(struct talk *talk);

/* The call is done, and whoever waits is told; for call.c. */
void talk_done(struct talk *talk);

/* A checkpoint: waits for what that lot of its tells of, a value or the outcome. */
int talk_wait(struct talk *talk, tr_lot *lot);

/* Cancelled, and its end awaited, shielded, no longer than the grace: as call_give_up. */
int talk_leave(struct talk *talk);

/* A reader of it, at its beginning, in *ret_stream, which takes over a reference, also on failure: -ENOMEM, raised. */
int stream_new(struct talk *talk, tr_stream **ret_stream);

#endif

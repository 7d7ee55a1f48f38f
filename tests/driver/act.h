/* What the acts of a play share: act.c has the calls and the scenes, stream.c the streams, talk.c
 * the contexts, ledger.c what these two write down. */
#ifndef DRIVER_ACT_H
#define DRIVER_ACT_H

#include "play.h"

#include <tractor.h>

/* The play that this process is in. */
struct play *play_here(void);

/* In the ledger: a call begins, by that portal (NULL: its callee is not there yet); its function runs; its outcome.
 * settle_call returns `rc`. */
struct call_record *record_call(enum op op, const tr_portal *portal, int64_t *ret_token);
void note_executed(int64_t token);
int settle_call(struct call_record *call, int rc, bool right);

/* stream.c and talk.c: the operations that are streams or contexts; on an actor, and with one of their own. */
int call_stream_op(tr_portal *portal, const struct step *step);
int call_talk(tr_portal *portal, const struct step *step);
int call_main_stream(const struct step *step);

/* ---- large byte strings (large.c) -------------------------------------------------------------------------- */

enum { KEPT_MOST = 6 };

/* Those that a scene has been given and still has. All zero: none. */
struct kept {
    tr_frame *frame;                /* which they end with; NULL while there are none */
    struct kept_bytes {
        struct call_record *call;   /* that they came by */
        tr_bytes bytes;
        int64_t number;             /* that they are to have */
    } of[KEPT_MOST];
    int count;
    bool was_used;
};

/* Calls, which are given some of them; the other operations with large ones. */
int call_large(struct kept *kept, tr_portal *portal, const struct step *step);
int call_large_talk(tr_portal *portal, const struct step *step);

/* Whether they are what they were / and that is all. */
void look_at_kept(const struct kept *kept);
void let_go_of_kept(struct kept *kept);

/* A checkpoint: nothing is lent between here and there any more. */
int expect_all_back(const struct kept *kept, tr_portal *portal);

/* ---- the ledger of streams and contexts (ledger.c) --------------------------------------------------------- *
 *
 * Both ends write down what they send and take, so the ledger knows at each moment what the other one may see: in
 * order, each once, no more ahead than was granted, and an end, or a result, only after all that came before it. */

/* A promise was not kept: these are the two numbers that do not fit. */
void broken(const struct call_record *call, const char *what, int64_t a, int64_t b);

/* The function: it begins; sends its next value; and what it returns, once it is through. */
struct call_record *begin_talk(int64_t token);
int yield_value(tr_ctx *ctx, struct call_record *call, int64_t value);
int talk_through(struct call_record *call, int rc);

/* The caller: it asks; took a value; was told the end or an error, and again; the same for a flow, which may drop some;
 * does nothing for a while; leaves. */
struct call_record *record_talk(const struct step *step, const tr_portal *portal, int64_t *ret_token);
void took_value(struct call_record *call, int64_t value);
int ended_talk(struct call_record *call, int rc);
void check_again(const struct call_record *call, int rc, int again);
void took_of_flow(struct call_record *call, int64_t value, int64_t *newest);
int ended_flow(const tr_stream *stream, const struct call_record *call, enum tr_overrun overrun, int rc, int64_t newest);
int rest_for(struct call_record *call, double seconds);
void leaves_talk(struct call_record *call);

/* One more than was granted may be on its way. */
void check_ahead(const struct call_record *call, int64_t most, int64_t sent, int64_t taken);

#endif

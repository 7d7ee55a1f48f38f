/* Contexts: calls in which both sides speak. The caller opens one, the function starts and says a first word; then
 * both send values to each other when they like, until the function returns its result.
 *
 *     tr_context_fn(int64_t, play, (tr_str, int64_t, int64_t), (int64_t, rounds))
 *     {                        // result, name, (first word, what it hears, what it says), members
 *         tr_try(tr_ctx_started(ctx, "ready"));
 *         int64_t ball;
 *         int rc;
 *         while ((rc = tr_ctx_receive(ctx, &ball)) > 0)
 *             tr_try(tr_yield(ctx, ball + 1));
 *         *ret = ball;
 *         return rc;
 *     }
 *
 *     tr_auto(stream) game = NULL;
 *     tr_str word;
 *     tr_try(tr_open_context(portal, &game, &word, play, .rounds = 3));
 *     int64_t ball = 0;
 *     for (int i = 0; i < 3; i++) {
 *         tr_try(tr_stream_send(game, play, ball));
 *         tr_try(tr_next(game, &ball, play));
 *     }
 *     return tr_stream_result(game, &ball, play);
 *
 * The caller's handle is a stream (stream.h) that can also be sent to, the function's is its `ctx`. Each direction is a
 * stream of its own: in order, each value once, with flow control, and an end. Who sends waits for who is to read: two
 * who both send more than a window and never read wait for each other, for ever.
 *
 * Cancellation: the caller that leaves, or tr_stream_cancel, cancels the function, which it asked for itself and is no
 * error to it. A function that was cancelled by somebody else (its actor was told to end, by whomever) fails with
 * RemoteActorError, caused by Cancelled, whose tr_error_actor is the one who asked for that. The function that returns
 * or fails ends what the caller could still send. (Context, Portal.open_context) */
#ifndef TRACTOR_CONTEXT_H
#define TRACTOR_CONTEXT_H

#include "tractor/stream.h"

/* A function with a context; otherwise like tr_fn, tr_fn_decl and tr_fn_def. TALK is (FIRST, HEARD, ITEM): the types of
 * the value that it starts with, of those that its caller sends, and of those that it yields; void for none. The body
 * sees `args`, `ctx` and `ret`. It must call tr_ctx_started before it returns, or fail. */
#define tr_context_fn(OUT, ...) TR_CONTEXT_FN_(OUT, __VA_ARGS__, )
#define TR_CONTEXT_FN_(OUT, NAME, TALK, ...)                                                       \
    TR_CONTEXT_DECL_P_(static, OUT, NAME, TR_UNPACK_ TALK, __VA_ARGS__);                           \
    TR_CONTEXT_DEF_(static, NAME)
#define tr_context_fn_decl(OUT, ...) TR_CONTEXT_DECL_F_(OUT, __VA_ARGS__, )
#define TR_CONTEXT_DECL_F_(OUT, NAME, TALK, ...)                                                   \
    TR_CONTEXT_DECL_P_(, OUT, NAME, TR_UNPACK_ TALK, __VA_ARGS__)
#define TR_CONTEXT_DECL_P_(...) TR_CONTEXT_DECL_(__VA_ARGS__)
#define tr_context_fn_def(NAME) TR_CONTEXT_DEF_(, NAME)

/* ---- the function's end ---------------------------------------------------------------------------- */

/* In its body: the caller's tr_open_context returns with this value: tr_ctx_started(ctx, "ready"), or, where FIRST is
 * void, tr_ctx_started(ctx). Exactly once, and before anything is yielded or received: TR_EMISUSE otherwise. The
 * value is copied. A checkpoint. TR_EARGUMENT for one that cannot be sent, -ENOMEM. (Context.started) */
#define tr_ctx_started(...)                                                                        \
    TR_STARTED_PICK_(__VA_ARGS__, TR_STARTED_, TR_STARTED_, TR_STARTED_, TR_STARTED_, TR_STARTED_, \
                     TR_STARTED_, TR_STARTED_, TR_STARTED_, TR_STARTED_, TR_STARTED_, TR_STARTED_, \
                     TR_STARTED_, TR_STARTED_, TR_STARTED_, TR_STARTED_, TR_STARTED_,              \
                     TR_STARTED_VOID_, )(__VA_ARGS__)

/* Waits for the caller's next value: 1 with it in *ret_item, 0 at the end, when the caller has said that there are no
 * more. What it points to lives until the next one or the function's end. A checkpoint. One task at a time.
 * TR_EREMOTE when the caller is lost, or TR_EBROKEN when it has left, which mostly cancels the function first. */
#define tr_ctx_receive(CTX, ret_item)                                                              \
    tr_ctx_receive_((CTX), NULL, sizeof *tr_heard_, (__typeof__(tr_heard_)[1]){ret_item}[0])

/* The same outside the body: tr_ctx_receive_as(ctx, int64_t, &ball). TR_EMISUSE if the caller's values are of another
 * type. */
#define tr_ctx_receive_as(CTX, TYPE, ret_item)                                                     \
    tr_ctx_receive_((CTX), &tr_type_##TYPE, sizeof(TYPE), (TYPE *const[1]){ret_item}[0])

/* How far the caller may be ahead of us. Before tr_ctx_started; TR_EMISUSE later. `flow` is copied. No checkpoint. With
 * TR_OVERRUN_FAILS it is tr_ctx_receive that fails; the caller goes on, and what it sends is dropped. */
TR_API int tr_ctx_set_flow(tr_ctx *ctx, const tr_flow *flow) TR_USE_RESULT;

/* ---- the caller's end ------------------------------------------------------------------------------ */

/* Opens it and waits until the function has started, with its first word in *ret_first (NULL to drop it), which lives
 * in the task's innermost frame as a call's result does. A checkpoint; cancelled, so is the function. Errors as
 * tr_call's, and the function's own if it fails before it has started. For the rest see tr_open_stream. */
#define tr_open_context(portal, ret_stream, ret_first, ...)                                        \
    TR_OPEN_CONTEXT_(portal, ret_stream, NULL, ret_first, __VA_ARGS__, )
#define tr_open_context_with(portal, ret_stream, flow, ret_first, ...)                             \
    TR_OPEN_CONTEXT_(portal, ret_stream, flow, ret_first, __VA_ARGS__, )
#define TR_OPEN_CONTEXT_(PORTAL, STREAM, FLOW, FIRST, NAME, ...)                                   \
    NAME##_tr_context_((PORTAL), (STREAM), (FLOW), (FIRST), TR_ARGS_(NAME, __VA_ARGS__))

/* Sends a value: tr_stream_send(game, play, 7), or for a struct tr_stream_send(feed, trade, {.id = 7}). It is copied. A
 * checkpoint, and waits while the function is too far behind. TR_EBROKEN when that has ended: tr_next and
 * tr_stream_result tell how; TR_ECLOSED after tr_stream_end, also when another task calls that meanwhile;
 * TR_EARGUMENT for what cannot be sent. */
#define tr_stream_send(stream, NAME, ...)                                                          \
    tr_stream_send_((stream), &NAME##_tr_info_, (NAME##_tr_heard_[1]){__VA_ARGS__})

/* There are no more from us: the function's tr_ctx_receive returns 0 after what was sent. May be repeated. No
 * checkpoint. */
TR_API int tr_stream_end(tr_stream *stream) TR_USE_RESULT;

/* Waits for the result, and gives it again each time; it belongs to the stream. Says that no more values come from us,
 * and drops those that we have not read. A checkpoint. TR_EREMOTE as tr_call. (Context.wait_for_result) */
#define tr_stream_result(stream, ret, fn) fn##_tr_outcome_((stream), (ret))

/* ---- below: how the macros do it ------------------------------------------------------------------- */

#define TR_CONTEXT_DECL_(LINKAGE, OUT, NAME, FIRST, HEARD, ITEM, ...)                              \
    TR_COMMON_(TR_WAY_CONTEXT, OUT, FIRST, HEARD, ITEM, NAME, __VA_ARGS__)                         \
    TR_NEXT_(NAME)                                                                                 \
    TR_CHECKED_ static inline int NAME##_tr_context_(tr_portal *portal_, tr_stream **stream_,      \
                                                    const tr_flow *flow_, NAME##_tr_first_ *first_, \
                                                    const struct NAME##_args *args_)               \
    {                                                                                              \
        return tr_open_context_(portal_, stream_, flow_, first_, &NAME##_tr_info_, args_);         \
    }                                                                                              \
    TR_CHECKED_ static inline int NAME##_tr_outcome_(tr_stream *stream_, NAME##_tr_out_ *out_)     \
    {                                                                                              \
        return tr_stream_result_(stream_, &NAME##_tr_info_, out_);                                 \
    }                                                                                              \
    LINKAGE int NAME##_tr_body_(tr_ctx *, const struct NAME##_args *, NAME##_tr_out_ *,            \
                                NAME##_tr_first_ *, NAME##_tr_heard_ *, NAME##_tr_item_ *)

/* The last three are never looked at: they have the types of what is said. */
#define TR_CONTEXT_DEF_(LINKAGE, NAME)                                                             \
    TR_REGISTER_AS_(NAME, NAME##_tr_body_(ctx_, args_, ret_, NULL, NULL, NULL))                    \
    LINKAGE int NAME##_tr_body_(                                                                   \
        TR_UNUSED_ tr_ctx *ctx, TR_UNUSED_ const struct NAME##_args *args,                         \
        TR_UNUSED_ NAME##_tr_out_ *ret, TR_UNUSED_ NAME##_tr_first_ *tr_first_,                    \
        TR_UNUSED_ NAME##_tr_heard_ *tr_heard_, TR_UNUSED_ NAME##_tr_item_ *tr_item_)

#define TR_STARTED_PICK_(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, _17, \
                         N, ...)                                                                   \
    N
#define TR_STARTED_(CTX, ...)                                                                      \
    tr_ctx_started_((CTX), sizeof *tr_first_, (__typeof__(*tr_first_)[1]){__VA_ARGS__})
#define TR_STARTED_VOID_(CTX) tr_ctx_started_((CTX), 0, NULL)

TR_API int tr_ctx_started_(tr_ctx *ctx, size_t size, const void *first) TR_USE_RESULT;
TR_API int tr_ctx_receive_(tr_ctx *ctx, const tr_type *type, size_t size, void *ret_item) TR_USE_RESULT;
TR_API int tr_open_context_(tr_portal *portal, tr_stream **ret_stream, const tr_flow *flow, void *ret_first,
                            const tr_fn_info *fn, const void *args) TR_USE_RESULT;
TR_API int tr_stream_send_(tr_stream *stream, const tr_fn_info *fn, const void *item) TR_USE_RESULT;
TR_API int tr_stream_result_(tr_stream *stream, const tr_fn_info *fn, void *ret) TR_USE_RESULT;

#endif

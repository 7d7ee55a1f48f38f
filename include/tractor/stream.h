/* Streams: remote functions that give many values, one after the other, before they end.
 *
 *     tr_stream_fn(int64_t, count_to, (int64_t, last))        // type of an item, name, members
 *     {
 *         for (int64_t i = 1; i <= args->last; i++)
 *             tr_try(tr_yield(ctx, i));
 *         return 0;
 *     }
 *
 *     tr_auto(stream) numbers = NULL;
 *     tr_try(tr_open_stream(portal, &numbers, count_to, .last = 10));
 *     int64_t number;
 *     int rc;
 *     while ((rc = tr_next(numbers, &number, count_to)) > 0)
 *         printf("%ld\n", (long)number);
 *     return rc;
 *
 * The values arrive in the order in which they were sent, each once, without gaps, up to the end or the
 * error; the producer's error comes after the values it had sent. A producer that is ahead of its
 * consumer by about 256 KiB waits; tr_flow says otherwise. Leaving the block early cancels the producer and waits
 * for its end, 2 seconds at most. (An async generator, opened by Portal.run or Portal.open_stream_from in Python.)
 *
 * Values in both directions, and a result: context.h. One producer for many consumers: topics.h. */
#ifndef TRACTOR_STREAM_H
#define TRACTOR_STREAM_H

#include "tractor/actor.h"

typedef struct tr_stream tr_stream;

/* A remote function that yields; otherwise like tr_fn, tr_fn_decl and tr_fn_def. OUT is the type of an
 * item and not void. The body sees `args` and `ctx`. */
#define tr_stream_fn(OUT, ...) TR_STREAM_FN_(OUT, __VA_ARGS__, )
#define TR_STREAM_FN_(OUT, NAME, ...)                                                              \
    TR_STREAM_DECL_(static, OUT, NAME, __VA_ARGS__);                                               \
    TR_STREAM_DEF_(static, NAME)
#define tr_stream_fn_decl(OUT, ...) TR_STREAM_DECL_P_(, OUT, __VA_ARGS__, )
#define TR_STREAM_DECL_P_(...) TR_STREAM_DECL_(__VA_ARGS__)
#define tr_stream_fn_def(NAME) TR_STREAM_DEF_(, NAME)

/* ---- the producer's end --------------------------------------------------------------------------- */

/* In the body of a stream function: sends one item, which may be written as tr_yield(ctx, i) or, for a
 * struct, tr_yield(ctx, {.id = 7, .urgent = true}). The item is copied. A checkpoint, and it waits while
 * the consumer is too far behind. TR_ECANCELLED when the consumer has left, or TR_EBROKEN where a shield keeps that
 * from being noticed; TR_EARGUMENT for an item that cannot be sent, which costs nothing else. */
#define tr_yield(CTX, ...)                                                                         \
    tr_yield_((CTX), NULL, sizeof *tr_item_, (__typeof__(*tr_item_)[1]){__VA_ARGS__})

/* The same outside the body, where only the context is known, also from several tasks of the function's
 * nursery at once: tr_send_yield(ctx, int64_t, i). TR_EMISUSE if the stream's items are of another type, or the
 * context is not of a stream. (Context.send_yield) */
#define tr_send_yield(CTX, TYPE, ...)                                                              \
    tr_yield_((CTX), &tr_type_##TYPE, sizeof(TYPE), (TYPE[1]){__VA_ARGS__})
TR_API int tr_yield_(tr_ctx *ctx, const tr_type *type, size_t size, const void *item) TR_USE_RESULT;

/* Runs the body of another stream function in the calling task, as a part of this one: what it yields goes to the
 * consumer of `ctx`. Arguments as in a call; they are not copied, and must outlive it. With tr_start_soon several
 * sources flow into one stream:
 *
 *     static int stream_one(void *arg)
 *     {
 *         struct source *source = arg;
 *         return tr_yield_from(source->ctx, streamer, .url = source->url);
 *     }
 *
 * Returns what the body returns; TR_EMISUSE if its items are of another type. A checkpoint where the body is.
 * (Python: a call of the function with the caller's context) */
#define tr_yield_from(ctx, ...) TR_YIELD_FROM_(ctx, __VA_ARGS__, )
#define TR_YIELD_FROM_(CTX, NAME, ...) NAME##_tr_from_((CTX), TR_ARGS_(NAME, __VA_ARGS__))

/* Who has called: owned by the call. Never NULL. */
TR_API const tr_actor *tr_ctx_caller(const tr_ctx *ctx);

/* ---- the consumer's end --------------------------------------------------------------------------- */

/* What becomes of a value for which there is no room, because its reader is too far behind. */
enum tr_overrun {
    TR_BLOCK,       /* the sender waits */
    TR_DROP_OLDEST, /* the reader will not see the oldest that it has not taken yet */
    TR_DROP_NEWEST, /* nor, with this, the one that comes last */
    TR_OVERRUN_FAILS /* the function that yields is cancelled, and the reader gets TR_EOVERRUN after what there was */
};

/* How far a sender may be ahead of its reader; all zero is the usual. It may be ahead by one value more, so that
 * none is too large. */
typedef struct tr_flow {
    enum tr_overrun overrun;
    uint32_t bytes;         /* as values are encoded, and 32 for each; 0: 256 KiB */
    uint32_t messages;      /* each takes that part of the bytes instead of the 32; 0: as many as have room */
} tr_flow;
#define tr_flow_options(...) (&(const tr_flow){__VA_ARGS__})

/* Asks for the stream; 0 does not mean yet that the function exists: that is known with the first item.
 * `*ret_stream` is the caller's, for the block it stands in: tr_auto(stream) s = NULL. A checkpoint.
 * Errors as tr_call's, some of them from tr_next. The deadline of the scope around it holds for the producer, also
 * when it is moved while tr_next is waited for in that same scope; those of other scopes do not. */
#define tr_open_stream(portal, ret_stream, ...) TR_OPEN_(portal, ret_stream, NULL, __VA_ARGS__, )
#define TR_OPEN_(PORTAL, STREAM, FLOW, NAME, ...)                                                  \
    NAME##_tr_open_((PORTAL), (STREAM), (FLOW), TR_ARGS_(NAME, __VA_ARGS__))

/* The same with a flow of its own: tr_open_stream_with(portal, &ticks, tr_flow_options(.overrun = TR_DROP_OLDEST),
 * quotes, .symbol = "X"). A flow is only read; NULL is the usual. */
#define tr_open_stream_with(portal, ret_stream, flow, ...)                                         \
    TR_OPEN_(portal, ret_stream, flow, __VA_ARGS__, )

/* The stream of the function that an actor was started to run: tr_run_in_actor(n, &portal, "aggregator", aggregate,
 * .seed = 1000), and then tr_result_stream(portal, &numbers, aggregate). Once, and before the nursery's body has
 * come to its join or its end: what nobody has taken by then is cancelled. The actor lives until the
 * stream was left or is at its end, and tr_join waits for that: come to it or leave before you join, or read in a
 * task. If the function fails, so does the nursery, with the same error. A checkpoint on its way to waiting
 * only. TR_EMISUSE if it was taken before or the actor does not run a stream, TR_ESIGNATURE if it runs another one,
 * TR_ECLOSED when it was cancelled, or could not be asked for. (Portal.result of an async generator) */
#define tr_result_stream(portal, ret_stream, fn) fn##_tr_result_stream_((portal), (ret_stream))

/* Waits for the next item: 1 with it in *ret_item, 0 at the end. What the item points to lives until the
 * next tr_next or the stream's end; byte strings in it may begin at any address. A checkpoint. One task at a time.
 * After the end it returns 0, after an error that error, each time. TR_EREMOTE as tr_call. (__anext__) */
#define tr_next(stream, ret_item, fn) fn##_tr_next_((stream), (ret_item))

/* How many values were dropped, by its flow, so far. No checkpoint. */
TR_API uint64_t tr_stream_dropped(const tr_stream *stream);

/* Cancels the remote function and waits for its end, shielded, 2 seconds at most: 1 when it has ended of that, 0 when
 * it had ended before, or did so by itself. What comes afterwards from it, or had come and was not read, is dropped;
 * tr_next then returns TR_EREMOTE, caused by a Cancelled whose tr_error_actor is this actor. It is no error of the
 * block's; TR_EREMOTE if it failed with something else meanwhile. TR_ETIMEOUT when it does not heed it; it is not
 * waited for any more then, and tr_next returns TR_ECLOSED. (Context.cancel) */
TR_API int tr_stream_cancel(tr_stream *stream) TR_USE_RESULT;

/* tr_auto(stream): ends it at the end of the block. A shielded checkpoint: waits for a producer that is still
 * at it, and what goes wrong in its ending fails the enclosing scope. The portal may go before its streams.
 * (aclose) */
typedef tr_stream *tr_stream_auto_;
TR_API void tr_stream_done_(tr_stream **stream);

/* ---- several readers in one actor ------------------------------------------------------------------ */

/* Another reader of the same stream, which gets every value that `stream` has yet to take: for a task of its own, with
 * tr_next like the first, and ended like that by tr_auto(stream). Each reads at its own pace. One that is more than
 * `lag` values behind the foremost (1 to 65536; `stream` itself may then be that far behind, or more) misses
 * the oldest: its next tr_next returns TR_ELAGGED, once, which tells how many, and then goes on. The stream is left
 * with its last reader. Who wants a value and finds none waits for the producer on behalf of all. Of a context, any
 * reader may also send, end and ask for the result. No checkpoint. TR_EARGUMENT, -ENOMEM. (MsgStream.subscribe) */
TR_API int tr_subscribe(tr_stream *stream, tr_stream **ret_reader, size_t lag) TR_USE_RESULT;

/* ---- long byte strings ----------------------------------------------------------------------------- */

/* A byte string of any length travels in pieces, so that nobody has to hold it: tr_stream_fn(tr_piece, download,
 * (tr_str, path)). `more`: the next piece belongs to the same one. */
tr_struct(tr_piece, (tr_bytes, data), (bool, more));

/* In a function whose items are tr_piece: sends the bytes as pieces of 64 KiB. A checkpoint, like tr_yield; cut short
 * by an error, the rest never comes. Several tasks that send at once would mix theirs. */
TR_API int tr_yield_bytes(tr_ctx *ctx, tr_bytes bytes) TR_USE_RESULT;

/* ---- below: how the macros do it ------------------------------------------------------------------- */

#define TR_STREAM_DECL_(LINKAGE, OUT, NAME, ...)                                                   \
    TR_COMMON_(TR_WAY_STREAM, void, void, void, OUT, NAME, __VA_ARGS__)                            \
    TR_RUNNABLE_(NAME)                                                                             \
    TR_NEXT_(NAME)                                                                                 \
    TR_CHECKED_ static inline int NAME##_tr_open_(tr_portal *portal_, tr_stream **stream_,         \
                                                 const tr_flow *flow_,                             \
                                                 const struct NAME##_args *args_)                  \
    {                                                                                              \
        return tr_open_stream_(portal_, stream_, flow_, &NAME##_tr_info_, args_);                  \
    }                                                                                              \
    TR_CHECKED_ static inline int NAME##_tr_result_stream_(tr_portal *portal_, tr_stream **stream_) \
    {                                                                                              \
        return tr_result_stream_(portal_, stream_, &NAME##_tr_info_);                              \
    }                                                                                              \
    LINKAGE int NAME##_tr_body_(tr_ctx *, const struct NAME##_args *, NAME##_tr_item_ *);          \
    TR_CHECKED_ static inline int NAME##_tr_from_(tr_ctx *ctx_, const struct NAME##_args *args_)   \
    {                                                                                              \
        struct NAME##_args filled_ = *args_;                                                       \
        int rc_ = tr_yield_from_(ctx_, &NAME##_tr_info_, &filled_);                                \
        return rc_ < 0 ? rc_ : NAME##_tr_body_(ctx_, &filled_, NULL);                              \
    }                                                                                              \
    struct NAME##_args

#define TR_NEXT_(NAME)                                                                             \
    TR_CHECKED_ static inline int NAME##_tr_next_(tr_stream *stream_, NAME##_tr_item_ *item_)      \
    {                                                                                              \
        return tr_next_(stream_, &NAME##_tr_info_, item_);                                         \
    }

/* `tr_item_` is never looked at: it has the type of an item, for tr_yield. */
#define TR_STREAM_DEF_(LINKAGE, NAME)                                                              \
    TR_REGISTER_AS_(NAME, NAME##_tr_body_(ctx_, args_, NULL))                                      \
    LINKAGE int NAME##_tr_body_(TR_UNUSED_ tr_ctx *ctx, TR_UNUSED_ const struct NAME##_args *args, \
                                TR_UNUSED_ NAME##_tr_item_ *tr_item_)

TR_API int tr_open_stream_(tr_portal *portal, tr_stream **ret_stream, const tr_flow *flow,
                           const tr_fn_info *fn, const void *args) TR_USE_RESULT;
TR_API int tr_result_stream_(tr_portal *portal, tr_stream **ret_stream, const tr_fn_info *fn) TR_USE_RESULT;
TR_API int tr_next_(tr_stream *stream, const tr_fn_info *fn, void *ret_item) TR_USE_RESULT;
TR_API int tr_yield_from_(tr_ctx *ctx, const tr_fn_info *fn, void *args) TR_USE_RESULT;

#endif

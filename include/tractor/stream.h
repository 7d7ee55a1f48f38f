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
 * consumer by about 256 KiB waits. Leaving the block early cancels the producer and waits for its end, 2
 * seconds at most. (An async generator, opened by Portal.run or Portal.open_stream_from in Python.) */
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

/* In the body of a stream function: sends one item, which may be written as tr_yield(ctx, i) or, for a
 * struct, tr_yield(ctx, {.id = 7, .urgent = true}). The item is copied. A checkpoint, and it waits while
 * the consumer is too far behind. TR_ECANCELLED when the consumer has left, TR_EARGUMENT for an item
 * that cannot be sent, which costs nothing else. */
#define tr_yield(CTX, ...)                                                                         \
    tr_yield_((CTX), NULL, sizeof *tr_item_, (__typeof__(*tr_item_)[1]){__VA_ARGS__})

/* The same outside the body, where only the context is known, also from other tasks of the function's
 * nursery: tr_send_yield(ctx, int64_t, i). TR_EMISUSE if the stream's items are of another type, or the
 * context is not of a stream. */
#define tr_send_yield(CTX, TYPE, ...)                                                              \
    tr_yield_((CTX), &tr_type_##TYPE, sizeof(TYPE), (TYPE[1]){__VA_ARGS__})
TR_API int tr_yield_(tr_ctx *ctx, const tr_type *type, size_t size, const void *item) TR_USE_RESULT;

/* Asks for the stream; 0 does not mean yet that the function exists: that is known with the first item.
 * `*ret_stream` is the caller's, for the block it stands in: tr_auto(stream) s = NULL. A checkpoint.
 * Errors as tr_call's, some of them from tr_next. */
#define tr_open_stream(portal, ret_stream, ...) TR_OPEN_(portal, ret_stream, __VA_ARGS__, )
#define TR_OPEN_(PORTAL, STREAM, NAME, ...)                                                        \
    NAME##_tr_open_((PORTAL), (STREAM), TR_ARGS_(NAME, __VA_ARGS__))

/* Waits for the next item: 1 with it in *ret_item, 0 at the end. What the item points to lives until the
 * next tr_next or the stream's end. A checkpoint. One task at a time. After the end it returns 0, after
 * an error that error, each time. TR_EREMOTE as tr_call. (__anext__) */
#define tr_next(stream, ret_item, fn) fn##_tr_next_((stream), (ret_item))

/* tr_auto(stream): ends it at the end of the block. A shielded checkpoint: waits for a producer that is still
 * at it, and what goes wrong in its ending fails the enclosing scope. The portal may go before its streams.
 * (aclose) */
typedef tr_stream *tr_stream_auto_;
TR_API void tr_stream_done_(tr_stream **stream);

/* ---- below: how the macros do it ------------------------------------------------------------------- */

#define TR_STREAM_DECL_(LINKAGE, OUT, NAME, ...)                                                   \
    TR_COMMON_(true, OUT, NAME, __VA_ARGS__)                                                       \
    TR_CHECKED_ static inline int NAME##_tr_open_(tr_portal *portal_, tr_stream **stream_,         \
                                                 const struct NAME##_args *args_)                  \
    {                                                                                              \
        return tr_open_stream_(portal_, stream_, &NAME##_tr_info_, args_);                         \
    }                                                                                              \
    TR_CHECKED_ static inline int NAME##_tr_next_(tr_stream *stream_, NAME##_tr_out_ *item_)       \
    {                                                                                              \
        return tr_next_(stream_, &NAME##_tr_info_, item_);                                         \
    }                                                                                              \
    LINKAGE int NAME##_tr_body_(tr_ctx *, const struct NAME##_args *, NAME##_tr_out_ *)

/* `tr_item_` is never looked at: it has the type of an item, for tr_yield. */
#define TR_STREAM_DEF_(LINKAGE, NAME)                                                              \
    TR_REGISTER_(NAME)                                                                             \
    LINKAGE int NAME##_tr_body_(TR_UNUSED_ tr_ctx *ctx, TR_UNUSED_ const struct NAME##_args *args, \
                                TR_UNUSED_ NAME##_tr_out_ *tr_item_)

TR_API int tr_open_stream_(tr_portal *portal, tr_stream **ret_stream, const tr_fn_info *fn,
                           const void *args) TR_USE_RESULT;
TR_API int tr_next_(tr_stream *stream, const tr_fn_info *fn, void *ret_item) TR_USE_RESULT;

#endif

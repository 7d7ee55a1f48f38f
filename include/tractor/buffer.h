/* Large byte strings that are filled where their receiver reads them, instead of being copied from actor to actor.
 *
 *     tr_stream_fn(tr_bytes, pictures, (int64_t, count))
 *     {
 *         for (int64_t i = 0; i < args->count; i++) {
 *             tr_auto(frame) frame = tr_open_frame();                 // what is in it ends with each turn
 *             unsigned char *pixels = tr_buffer(ctx, 640 * 480);
 *             if (!pixels)
 *                 return -ENOMEM;
 *             draw(pixels, i);
 *             tr_try(tr_yield(ctx, {pixels, 640 * 480}));
 *         }
 *         return 0;
 *     }
 *
 * (examples/camera.c is such a program, with one that looks at the pictures.)
 *
 * Between actors of one host a byte string (tr_bytes) of 16 KiB or more does not travel with its message: it lies in
 * memory of the sender's that the receiver sees, 8 MiB for each direction between two actors, and what travels is
 * where. This holds wherever bytes are in a value, in arguments, results, and what streams and contexts carry; bytes
 * that lie elsewhere in the sender are copied there once. With tr_buffer that one copy is gone, too. To other hosts,
 * for the first values, and when the receiver holds so much that there is no room, they travel as ever: nobody waits
 * for room, and programs see no difference but in time.
 *
 * The receiver has what it was given for as long as any other value: its arguments until the function returns, results
 * until the end of the frame, what tr_next gave until the next one. Then its sender may use the place again.
 *
 * What that means for the sender: the peer could see what is in a buffer before it is sent, and if it never is; so
 * nothing belongs there that is not for its eyes.
 *
 * What that means for the receiver: the bytes are const, and here that is enforced: to write through them, as
 * by a cast, ends the process (SIGSEGV). And while it reads, a sender that does not keep to the rules below could
 * still change them: who has to rely on what was checked copies first. (Text, tr_str, is always copied.) */
#ifndef TRACTOR_BUFFER_H
#define TRACTOR_BUFFER_H

#include "tractor/stream.h"

/* Memory to be filled and then sent to one peer: `to` is the tr_portal, the tr_ctx or the tr_stream that it will be
 * sent by, as the bytes {it, n} of a value, n being up to `size`. What is in it at first is anything.
 *
 * It lives, as memory of tr_alloc does, until the calling task's innermost frame ends; but from when it was
 * sent it is the receiver's, and must not be written to any more. To send it again, to somebody else, or just a part
 * that does not begin at its beginning, is allowed, and costs a copy.
 *
 * Not a checkpoint. NULL when memory is out, when `to` is NULL, or outside a task. (Python has only copies.) */
#define tr_buffer(to, size)                                                                        \
    _Generic((to), tr_portal *: tr_portal_buffer_, tr_ctx *: tr_ctx_buffer_,                       \
             tr_stream *: tr_stream_buffer_)((to), (size))

/* ---- below: how the macro does it ------------------------------------------------------------------ */

/* Not checkpoints. */
TR_API void *tr_portal_buffer_(tr_portal *portal, size_t size);
TR_API void *tr_ctx_buffer_(tr_ctx *ctx, size_t size);
TR_API void *tr_stream_buffer_(tr_stream *stream, size_t size);

#endif

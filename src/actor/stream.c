/* Streams, at both ends: START with a window, YIELD ... YIELD, RETURN or ERROR; CREDIT the other way.
 *
 * Flow control is one number, in bytes. The consumer grants it (the window with START, and then CREDIT
 * whenever half of it was read), each value costs its encoded size and a little more, and the producer
 * sends while there is any left. It may overdraw by one value, so values larger than the window pass
 * too and a stream never holds more than the window and one value. A value that arrives without credit
 * ends the session: that peer does not keep to the protocol.
 *
 * The consumer's end is a call whose values queue up, still encoded, until tr_next takes them one by one;
 * its outcome, the end or an error, comes after them. */
#include "actor/stream.h"

#include "actor/call.h"
#include "actor/portal.h"
#include "actor/serve.h"
#include "base/error.h"
#include "base/plant.h"
#include "base/hooks.h"
#include "sched/task.h"
#include "tractor/stream.h"

#include <errno.h>
#include <string.h>

struct tr_stream {
    struct call call;
    struct buf values;              /* arrived and not yet taken: size, bytes, size, bytes ... */
    tr_lot waiting;             /* tr_next, for a value or the outcome */
    struct arena memory;            /* of the value that was taken last */
    int64_t granted;                /* what the producer may still send */
    uint32_t taken;                 /* and what it is owed for what was taken since the last CREDIT */
    struct tr_error *spoilt;        /* a value made no sense, and so nothing after it; owned; else NULL */
    bool leaving;                   /* nobody will take what still arrives */
};

/* ---- the producer's end ------------------------------------------------------------------------- */

static bool is_same(const tr_type *a, const tr_type *b)
{
    return a->kind == b->kind && a->size == b->size && strcmp(a->name, b->name) == 0;
}

static int check_item(const tr_ctx *ctx, const tr_type *type, size_t size)
{
    const tr_fn_info *fn = ctx->served->fn->info;
    if (!fn->stream)
        return raise_code(TR_EMISUSE, "%s is no stream function and cannot yield", fn->name);
    if (size != fn->out->size || (type && !is_same(type, fn->out)))
        return raise_code(TR_EMISUSE, "the stream %s has items of type %s, not %s", fn->name,
                          fn->out->name, type ? type->name : "this");
    return 0;
}

/* With credit and room, too: after a STOP nothing may follow. */
static int wait_for_credit(struct served *served)
{
    while (session_is_up(served->session)) {
        if (served->credit > 0 && session_has_room(served->session))
            return 0;
        tr_try(served->credit <= 0 ? lot_park(&served->for_credit)
                                   : session_wait_room(served->session));
    }
    return session_wait_loss(served->session);
}

static int send_value(struct served *served, const void *item)
{
    struct frame frame = {.kind = FRAME_YIELD, .id = served->id};
    struct buf *out = &served->session->out;
    size_t start;
    tr_try(frame_open(out, &frame, &start));
    size_t before = out->size;
    int rc = codec_encode(out, served->fn->info->out, item);
    if (rc < 0) {
        frame_abandon(out, start);
        return rc == -ENOMEM ? error_raise_plain(rc) : rc;
    }
    size_t cost = out->size - before + STREAM_VALUE_COST;
    tr_try(frame_close(out, start));
    served->credit -= (int64_t)cost;
    session_flush(served->session);
    return 0;
}

int tr_yield_(tr_ctx *ctx, const tr_type *type, size_t size, const void *item)
{
    tr_try(check_item(ctx, type, size));
    tr_try(tr_checkpoint());
    tr_try(wait_for_credit(ctx->served));
    return send_value(ctx->served, item);
}

int serve_credit(struct session *session, const struct frame *frame)
{
    struct served *served = map_get(&session->served, frame->id);
    if (!served)
        return 0; /* it has ended meanwhile */
    if (!served->fn->info->stream || served->credit + frame->credit.bytes > UINT32_MAX)
        return raise_code(TR_EPROTOCOL, "a CREDIT frame for what is no stream, or over all bounds");
    served->credit += frame->credit.bytes;
    lot_wake_all(&served->for_credit);
    return 0;
}

/* ---- what arrives at the consumer's end --------------------------------------------------------- */

static int queue_value(struct tr_stream *stream, tr_bytes value)
{
    uint32_t size = (uint32_t)value.size; /* a frame's size is limited to less */
    if (buf_reserve(&stream->values, sizeof size + value.size) < 0)
        return error_raise_plain(-ENOMEM);
    (void)buf_append(&stream->values, &size, sizeof size);
    (void)buf_append(&stream->values, value.data, value.size);
    lot_wake_one(&stream->waiting);
    return 0;
}

int stream_yielded(struct session *session, const struct frame *frame)
{
    struct call *call = map_get(&session->calls, frame->id);
    if (!call)
        return 0; /* given up */
    struct tr_stream *stream = call->stream;
    if (!stream || stream->granted <= 0)
        return raise_code(TR_EPROTOCOL, "a YIELD frame for what is no stream, or without credit");
    stream->granted -= (int64_t)(frame->outcome.value.size + STREAM_VALUE_COST);
    return stream->leaving || planted(STREAM_GAP) ? 0 : queue_value(stream, frame->outcome.value);
}

void stream_ended(struct tr_stream *stream)
{
    lot_wake_all(&stream->waiting);
}

/* ---- the consumer ------------------------------------------------------------------------------- */

int tr_open_stream_(tr_portal *portal, tr_stream **ret_stream, const tr_fn_info *fn,
                    const void *args)
{
    tr_try(portal_usable(portal));
    struct tr_stream *stream = mem_zalloc(sizeof *stream);
    if (!stream)
        return error_raise_plain(-ENOMEM);
    stream->call = (struct call){.fn = fn, .stream = stream};
    stream->granted = STREAM_WINDOW;
    int rc = tr_checkpoint();
    if (rc >= 0)
        rc = call_begin(&stream->call, portal->session, args, (tr_bytes){0}, STREAM_WINDOW);
    if (rc < 0) {
        mem_free(stream);
        return rc;
    }
    session_hold(portal->session);
    *ret_stream = stream;
    return 0;
}

/* Before anything is taken: if it cannot be sent now, that costs no value. */
static int give_credit(struct tr_stream *stream)
{
    struct call *call = &stream->call;
    if (stream->taken < STREAM_WINDOW / 2 || call->done.set || !session_is_up(call->session))
        return 0;
    struct frame frame = {.kind = FRAME_CREDIT, .id = call->id, .credit = {stream->taken}};
    tr_try(session_send(call->session, &frame));
    stream->granted += stream->taken;
    stream->taken = 0;
    return 0;
}

static int take_value(struct tr_stream *stream, void *ret_item)
{
    uint32_t size;
    memcpy(&size, stream->values.data, sizeof size);
    struct reader from = {stream->values.data + sizeof size, size};
    int rc = codec_decode(&from, stream->call.fn->out, &stream->memory, ret_item);
    if (rc == -ENOMEM)
        return error_raise_plain(rc); /* it is still there */
    if (rc < 0) {
        stream->spoilt = error_box(error_of(rc), &stream->call.session->peer);
        return error_raise(error_ref(stream->spoilt));
    }
    buf_drain(&stream->values, sizeof size + size);
    stream->taken += size + STREAM_VALUE_COST;
    return 1;
}

static int next(struct tr_stream *stream, void *ret_item)
{
    if (stream->spoilt)
        return error_raise(error_ref(stream->spoilt));
    tr_try(give_credit(stream));
    arena_fini(&stream->memory);
    while (stream->values.size == 0) {
        if (stream->call.done.set)
            return stream->call.error ? call_raise(&stream->call) : 0;
        tr_try(lot_park(&stream->waiting));
    }
    return take_value(stream, ret_item);
}

int tr_next_(tr_stream *stream, const tr_fn_info *fn, void *ret_item)
{
    tr_try(tr_checkpoint());
    if (!stream)
        return raise_code(TR_EMISUSE, "the stream is NULL");
    if (fn != stream->call.fn && function_hash(fn) != function_hash(stream->call.fn))
        return raise_code(TR_EMISUSE, "the stream was opened with %s, not with %s",
                          stream->call.fn->name, fn->name);
    return next(stream, ret_item);
}

/* ---- leaving ------------------------------------------------------------------------------------ */

/* The producer is told to end. What goes wrong in that is the leaver's to know, but not what had gone wrong
 * ahead of what was taken, which the leaver did not want to come to. */
static void leave(struct tr_stream *stream)
{
    struct call *call = &stream->call;
    stream->leaving = true;
    int rc = call_give_up(call);
    if (rc < 0 && rc != TR_ECANCELLED)
        task_fail_scope(error_ref(call->error));
}

void tr_stream_done_(tr_stream **held)
{
    struct tr_stream *stream = *held;
    if (!stream)
        return;
    *held = NULL;
    struct tr_error *newest = task_error_aside();
    if (!stream->call.done.set)
        leave(stream);
    task_error_back(newest);
    struct session *session = stream->call.session;
    call_end(&stream->call);
    session_let_go(session);
    buf_fini(&stream->values);
    arena_fini(&stream->memory);
    error_unref(stream->spoilt);
    mem_free(stream);
}

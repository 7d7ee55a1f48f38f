/* Handles on streams and contexts, as programs hold them: each is one reader of a talk. The first comes with it, others
 * by tr_subscribe; with the last one the talk is left. */
#include "actor/portal.h"
#include "actor/talk.h"
#include "base/error.h"
#include "base/hooks.h"
#include "base/plant.h"
#include "sched/frame.h"
#include "sched/task.h"
#include "tractor/buffer.h"
#include "tractor/context.h"

#include <errno.h>
#include <string.h>

enum { LARGEST_LAG = 65536 };

struct tr_stream {
    struct talk *talk;              /* a reference */
    struct reader_at at;
    struct arena memory;            /* of the value that was taken last */
};

int stream_new(struct talk *talk, tr_stream **ret_stream)
{
    struct tr_stream *stream = mem_zalloc(sizeof *stream);
    if (!stream) {
        talk_unref(talk);
        return error_raise_plain(-ENOMEM);
    }
    stream->talk = talk;
    stream->at.in_place = true;
    inflow_add_reader(&talk->in, &stream->at);
    *ret_stream = stream;
    return 0;
}

static void stream_free(struct tr_stream *stream)
{
    struct talk *talk = stream->talk;
    arena_fini(&stream->memory);
    inflow_release(&talk->in, &stream->at);
    mem_free(stream);
    talk_unref(talk);
}

/* ---- opening ---------------------------------------------------------------------------------------- */

/* All that may be wanting is there before the function is asked for: what nobody can leave would run for ever. */
static int open_talk(tr_portal *portal, const tr_flow *flow, const tr_fn_info *fn, const void *args, void *ret_first,
                     tr_stream **ret_stream)
{
    struct talk *talk;
    tr_stream *stream;
    tr_try(portal_usable(portal));
    tr_try(tr_checkpoint());
    tr_try(talk_new(fn, flow, &talk));
    tr_try(stream_new(talk, &stream));
    talk->ret_first = ret_first;
    talk->first_memory = ret_first ? frame_memory() : NULL;
    int rc = ret_first && !talk->first_memory ? error_raise_plain(-ENOMEM)
                                              : talk_begin(talk, portal->session, args, (tr_bytes){0});
    if (rc < 0) {
        stream_free(stream);
        return rc;
    }
    *ret_stream = stream;
    return 0;
}

int tr_open_stream_(tr_portal *portal, tr_stream **ret_stream, const tr_flow *flow, const tr_fn_info *fn,
                    const void *args)
{
    return open_talk(portal, flow, fn, args, NULL, ret_stream);
}

static int wait_for_start(struct talk *talk)
{
    tr_try(talk->begun.set ? 0 : talk_wait(talk, &talk->begun.waiting_));
    if (talk->misbegun)
        return error_raise(error_ref(talk->misbegun));
    if (talk->started)
        return 0;
    tr_try(call_outcome(&talk->call, 0));
    return raise_code(TR_EPROTOCOL, "the context %s has ended without a start", talk->call.fn->name);
}

int tr_open_context_(tr_portal *portal, tr_stream **ret_stream, const tr_flow *flow, void *ret_first,
                     const tr_fn_info *fn, const void *args)
{
    tr_stream *stream = NULL;
    tr_try(open_talk(portal, flow, fn, args, ret_first, &stream));
    int rc = wait_for_start(stream->talk);
    stream->talk->ret_first = NULL; /* which may not live longer than this */
    if (rc < 0) {
        tr_stream_done_(&stream);
        return rc;
    }
    *ret_stream = stream;
    return 0;
}

int tr_subscribe(tr_stream *stream, tr_stream **ret_reader, size_t lag)
{
    if (!stream || lag < 1 || lag > LARGEST_LAG)
        return raise_code(TR_EARGUMENT, "a stream must be given, and a lag of 1 to %d, not %zu", LARGEST_LAG, lag);
    tr_stream *reader;
    tr_try(stream_new(talk_ref(stream->talk), &reader));
    reader->at.number = stream->at.number;
    reader->at.byte = stream->at.byte;
    reader->at.lag = lag;
    if (stream->at.lag < lag)
        stream->at.lag = lag;
    *ret_reader = reader;
    return 0;
}

/* ---- reading ---------------------------------------------------------------------------------------- */

static int check(const tr_stream *stream, const tr_fn_info *fn)
{
    if (!stream)
        return raise_code(TR_EMISUSE, "the stream is NULL");
    const tr_fn_info *own = stream->talk->call.fn;
    if (fn != own && function_hash(fn) != function_hash(own))
        return raise_code(TR_EMISUSE, "the stream was opened with %s, not with %s", own->name, fn->name);
    return 0;
}

static int next(struct tr_stream *stream, void *ret_item)
{
    struct talk *talk = stream->talk;
    struct call *call = &talk->call;
    for (;;) {
        int rc = inflow_take(&talk->in, &stream->at, call->fn->item, &stream->memory, &call->session->peer, ret_item);
        if (rc != 0)
            return rc;
        if (call->done.set)
            return call_outcome(call, 0);
        if (talk->over.set)
            return raise_code(TR_ECLOSED, "the stream was cancelled, and does not heed it");
        tr_try(talk_wait(talk, &talk->in.waiting));
    }
}

int tr_next_(tr_stream *stream, const tr_fn_info *fn, void *ret_item)
{
    if (stream)
        inflow_release(&stream->talk->in, &stream->at);
    tr_try(tr_checkpoint());
    tr_try(check(stream, fn));
    struct call *call = &stream->talk->call;
    if (!call->done.set) /* before anything is taken: if it cannot be sent now, that costs no value */
        tr_try(inflow_grant(&stream->talk->in, call->session, FRAME_CREDIT, call->id));
    arena_clear(&stream->memory, ARENA_MUCH);
    return next(stream, ret_item);
}

uint64_t tr_stream_dropped(const tr_stream *stream)
{
    return stream ? stream->talk->in.dropped : 0;
}

void *tr_stream_buffer_(tr_stream *stream, size_t size)
{
    return stream ? large_memory(stream->talk->call.session, size) : NULL;
}

/* ---- sending, and the result ------------------------------------------------------------------------ */

int tr_stream_send_(tr_stream *stream, const tr_fn_info *fn, const void *item)
{
    tr_try(check(stream, fn));
    struct talk *talk = stream->talk;
    if (fn->heard->kind == TR_VOID)
        return raise_code(TR_EMISUSE, "%s is no context that receives values", fn->name);
    int rc = outflow_send(&talk->out, talk->call.session, FRAME_SEND, talk->call.id, fn->heard, item);
    return rc == TR_EBROKEN && talk->said_end ? raise_code(TR_ECLOSED, "after tr_stream_end nothing can be sent") : rc;
}

int tr_stream_end(tr_stream *stream)
{
    if (!stream || stream->talk->call.fn->way != TR_WAY_CONTEXT)
        return raise_code(TR_EMISUSE, "only to a context could more be sent");
    struct talk *talk = stream->talk;
    if (!talk->said_end && !talk->call.done.set && !planted(LOST_END))
        session_tell(talk->call.session, FRAME_END, talk->call.id);
    talk->said_end = true;
    if (!planted(VALUE_AFTER_END))
        outflow_end(&talk->out); /* nor is anything sent by those who wait to */
    return 0;
}

/* Values that nobody reads must not keep it from its end. */
static int wait_for_result(struct talk *talk)
{
    struct call *call = &talk->call;
    tr_try(tr_checkpoint());
    inflow_drop(&talk->in);
    if (call->done.set)
        return 0;
    tr_try(inflow_grant(&talk->in, call->session, FRAME_CREDIT, call->id));
    if (talk->over.set)
        return raise_code(TR_ECLOSED, "the context was cancelled, and does not heed it");
    return talk_wait(talk, &call->done.waiting_);
}

int tr_stream_result_(tr_stream *stream, const tr_fn_info *fn, void *ret)
{
    tr_try(check(stream, fn));
    tr_try(tr_stream_end(stream));
    tr_try(wait_for_result(stream->talk));
    tr_try(call_outcome(&stream->talk->call, 0));
    if (ret)
        memcpy(ret, stream->talk->result, fn->out->size);
    return 0;
}

/* ---- leaving ---------------------------------------------------------------------------------------- */

int tr_stream_cancel(tr_stream *stream)
{
    if (!stream)
        return raise_code(TR_EMISUSE, "the stream is NULL");
    struct talk *talk = stream->talk;
    inflow_drop(&talk->in);
    if (talk->call.done.set)
        return 0;
    int rc = talk_leave(talk);
    tr_event_set(&talk->over);
    inflow_wake(&talk->in);
    if (!talk->call.done.set)
        return raise_code(TR_ETIMEOUT, "%s goes on though it was cancelled", talk->call.fn->name);
    if (rc == TR_ECANCELLED)
        return 1;
    return rc < 0 ? call_raise(&talk->call) : 0;
}

/* The producer is told to end. What goes wrong in that is the leaver's to know, but not what had gone wrong
 * ahead of what was taken, which the leaver did not want to come to. */
static void leave(struct talk *talk)
{
    if (!talk->call.done.set && !talk->leaving) {
        int rc = talk_leave(talk);
        if (rc < 0 && rc != TR_ECANCELLED)
            task_fail_scope(error_ref(talk->call.error));
    }
    tr_event_set(&talk->over);
}

void tr_stream_done_(tr_stream **held)
{
    struct tr_stream *stream = *held;
    if (!stream)
        return;
    *held = NULL;
    struct talk *talk = stream->talk;
    struct tr_error *newest = task_error_aside();
    inflow_remove_reader(&talk->in, &stream->at);
    if (list_empty(&talk->in.readers))
        leave(talk);
    stream_free(stream);
    task_error_back(newest);
}

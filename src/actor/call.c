/* Calls that we make: START, wait, RETURN or ERROR.
 *
 * The answer is decoded straight to where the caller wants it. Giving up takes a cancelled caller: it sends
 * CANCEL and waits, shielded, for the remote task to end, as it would for a local one, but no longer than
 * the grace; what comes after that finds no call of its id and is dropped. */
#include "actor/call.h"

#include "actor/error_wire.h"
#include "actor/talk.h"
#include "base/error.h"
#include "base/log.h"
#include "base/plant.h"
#include "sched/task.h"

#include <errno.h>
#include <math.h>

static const double GRACE_S = 2;    /* for a cancelled remote task to end */
static const double CLOCKS_APART_S = 0.1;   /* that much sooner may a deadline come elsewhere */

/* ---- answers ---------------------------------------------------------------------------------------- */

static void finish(struct call *call, struct tr_error *error)
{
    map_remove(&call->session->calls, call->id);
    call->error = error;
    tr_event_set(&call->done);
    if (call->talk)
        talk_done(call->talk);
}

/* From now on its signature is enough. Not from when it was asked for: it might not have been there. Functions whose
 * description lives only as long as a call have to be named each time, as they can be without end. */
static void remember(struct session *session, const tr_fn_info *fn)
{
    const uint64_t key = function_hash(fn);
    if (fn->signature_ && !map_get(&session->known_to_peer, key))
        (void)map_put(&session->known_to_peer, key, (void *)fn); /* without memory it is named again */
}

int call_returned(struct session *session, const struct frame *frame)
{
    struct call *call = map_get(&session->calls, frame->id);
    if (!call)
        return large_check(frame); /* given up */
    if (call->introduces)
        remember(session, call->fn);
    struct reader from = large_reader(frame);
    int rc = call->ret ? codec_decode(&from, call->fn->out, call->memory, call->ret) : 0;
    if (!call->ret || rc < 0 || from.left > 0)
        tr_try(large_check(frame));
    finish(call, rc < 0 ? error_box(error_of(rc), &session->peer) : NULL);
    return 0;
}

/* Mismatched declarations are best mended by seeing both. Once, since whoever raises it raises the same error. */
static struct tr_error *explain(struct tr_error *error, const tr_fn_info *fn)
{
    struct tr_error *cause = error->cause;
    struct buf ours = {0};
    if (!cause || cause->code != TR_ESIGNATURE)
        return error;
    if (function_signature(&ours, fn) < 0) {
        buf_fini(&ours);
        return error;
    }
    struct tr_error *fuller = error_new(TR_EREMOTE, tr_code_type(TR_EREMOTE), "", 0,
                                        "%s; the caller declares %.*s", cause->message,
                                        (int)ours.size, (const char *)ours.data);
    buf_fini(&ours);
    if (fuller->code != TR_EREMOTE)
        return error;
    error_keep_actor(fuller, &error->actor);
    error_set_cause(fuller, error_ref(cause));
    error_unref(error);
    return fuller;
}

int call_failed(struct session *session, const struct frame *frame)
{
    struct call *call = frame->id ? map_get(&session->calls, frame->id) : NULL;
    if (!call && frame->id)
        return 0;
    struct reader from = {.at = frame->failure.error.data, .left = frame->failure.error.size};
    struct tr_error *error;
    tr_try(error_get(&from, &error)); /* an error that makes no sense ends the session */
    if (!call)
        return session_refused(session, error);
    if (call->talk && planted(FALSE_END)) {
        error_unref(error);
        finish(call, NULL);
        return 0;
    }
    finish(call, explain(error_box(error, &session->peer), call->fn));
    return 0;
}

void calls_lost(struct session *session)
{
    for (size_t i = 0; i < session->calls.room;) {
        struct call *call = session->calls.slots[i].value;
        if (!call || planted(UNLINKED_WAITER)) {
            i++;
            continue;
        }
        call->lost = true;
        finish(call, session_loss(session)); /* which may move another one into this slot */
    }
}

/* ---- asking ----------------------------------------------------------------------------------------- */

/* Time left, not a time: clocks differ between hosts. */
static double seconds_left(const struct call *call)
{
    return fmax(sched_seconds_until(call->deadline), 0); /* infinite without a deadline */
}

static void name_function(const struct call *call, char module[MODULE_ROOM], struct frame *frame)
{
    const struct inflow *in = call->talk ? &call->talk->in : NULL;
    frame->kind = FRAME_START;
    frame->start = (wire_start){.module = function_module(call->fn, module),
                                .function = call->fn->name,
                                .signature = function_hash(call->fn),
                                .seconds_left = seconds_left(call),
                                .way = (uint8_t)call->fn->way,
                                .window = in ? in->window : 0,
                                .value_cost = in ? in->value_cost : 0};
}

static int send_args(struct call *call, const struct frame *frame, const void *args, tr_bytes encoded)
{
    struct session *session = call->session;
    const tr_type arguments = {call->fn->name, call->fn->args_size, TR_STRUCT, call->fn->args, NULL};
    tr_try(args ? large_put(session, &session->out, frame, &arguments, args)
                : large_put(session, &session->out, frame, &tr_type_tr_raw, &encoded));
    session_flush_now(session);
    return 0;
}

static int send_call(struct call *call, const void *args, tr_bytes encoded)
{
    char module[MODULE_ROOM];
    const uint64_t signature = function_hash(call->fn);
    struct frame frame;
    frame_init(&frame, FRAME_CALL, call->id);
    frame.call = (wire_call){.signature = signature, .seconds_left = seconds_left(call)};
    call->introduces = !call->talk && !map_get(&call->session->known_to_peer, signature);
    if (call->introduces || call->talk)
        name_function(call, module, &frame);
    return send_args(call, &frame, args, encoded);
}

int call_begin(struct call *call, struct session *session, const void *args, tr_bytes encoded)
{
    tr_try(task_checkpoint_if_cancelled());
    tr_try(session_wait_room(session));
    if (!session_is_up(session) || session->state.at != SESSION_OPEN)
        return session_wait_loss(session);
    call->session = session_ref(session);
    call->deadline = task_deadline();
    if (!planted(STALE_CALL_ID) || !session->last_call || map_get(&session->calls, session->last_call))
        session->last_call++;
    call->id = session->last_call;
    int rc = map_put(&session->calls, call->id, call) < 0 ? error_raise_plain(-ENOMEM)
                                                         : send_call(call, args, encoded);
    if (rc < 0) {
        call_end(call);
        call->session = NULL;
    }
    return rc;
}

void call_end(struct call *call)
{
    map_remove(&call->session->calls, call->id);
    if (!planted(LEAK))
        error_unref(call->error);
    session_unref(call->session);
}

/* ---- giving up -------------------------------------------------------------------------------------- */

int call_give_up(struct call *call)
{
    if (!planted(MISSED_CANCEL))
        session_cancel(call->session, call->id, GRACE_S);
    log_at(TR_LOG_CANCEL, "call %llu, %s in %s, is given up", (unsigned long long)call->id, call->fn->name,
           call->session->peer.name);
    (void)event_wait_shielded(&call->done, planted(ENDLESS_GRACE) ? 100 * GRACE_S : GRACE_S);
    return call_given_up(call);
}

int call_given_up(const struct call *call)
{
    if (!call->done.set)
        return TR_ECANCELLED;
    if (!call->error)
        return 0; /* it was faster */
    if (call->lost)
        return TR_ECANCELLED; /* perhaps by our own force; the actor's nursery and the next call are told */
    /* Somewhere down there, in an actor that the callee called in turn, it may be told to end before the callee is. */
    return error_is_cancellation(call->error) ? TR_ECANCELLED : call->error->code;
}

/* ---- the outcome ------------------------------------------------------------------------------------ */

/* That the callee was cut off by the caller's deadline may be heard before that deadline is noticed here: clocks do
 * not run alike, and a thread may lose its processor between the two. It is the same deadline nevertheless, and the
 * caller is cancelled by it, not failed. A deadline that was put off meanwhile, too late, is an error, and so is one
 * that there is no memory to wait for. */
static bool heeds_deadline(const struct call *call)
{
    const struct tr_error *cause = call->error->cause;
    bool by_us = cause && cause->code == TR_ECANCELLED && strcmp(cause->actor.uuid, runtime->self.uuid) == 0;
    bool is_due = sched_seconds_until(call->deadline) <= CLOCKS_APART_S && task_deadline() <= call->deadline;
    return by_us && is_due && tr_sleep(CLOCKS_APART_S) == TR_ECANCELLED;
}

int call_raise(struct call *call)
{
    return error_raise(error_ref(call->error));
}

/* A call in progress whose caller's deadline is watched. */
struct watched {
    struct deadline_watch watch;
    struct call *call;
};

/* The newest is all that matters to a peer that takes nothing just now. */
static bool tell_deadline(struct deadline_watch *watch)
{
    struct call *call = container_of(watch, struct watched, watch)->call;
    if (!session_has_room(call->session))
        return false;
    session_deadline(call->session, call->id, sched_seconds_until(watch->deadline));
    return true;
}

int call_park(struct call *call, tr_lot *lot)
{
    struct watched watched = {.watch = {.moved = tell_deadline, .deadline = call->deadline}, .call = call};
    task_watch_deadline(&watched.watch);
    int rc = lot_park(lot);
    task_unwatch_deadline(&watched.watch);
    call->deadline = watched.watch.deadline;
    return rc;
}

int call_wait(struct call *call)
{
    return call->done.set ? 0 : call_park(call, &call->done.waiting_);
}

int call_outcome(struct call *call, int rc)
{
    if (rc == TR_ECANCELLED)
        return error_raise_plain(rc);
    if (!call->error)
        return rc;
    return heeds_deadline(call) ? TR_ECANCELLED : call_raise(call);
}

int call_conclude(struct call *call, int rc)
{
    rc = call_outcome(call, rc);
    call_end(call);
    return rc;
}

int call_run(struct session *session, const tr_fn_info *fn, const void *args, tr_bytes encoded,
             struct arena *memory, void *ret)
{
    struct call call = {.fn = fn, .memory = memory, .ret = ret};
    tr_try(call_begin(&call, session, args, encoded));
    int rc = call_wait(&call);
    if (rc == TR_ECANCELLED)
        rc = call_give_up(&call);
    return call_conclude(&call, rc);
}

/* Calls that we make: START, wait, RETURN or ERROR.
 *
 * A call is a struct on the stack of the task that waits for it, found by its id when the answer comes;
 * the answer is decoded straight to where the caller wants it. Exactly one of these ends it: the result,
 * the remote error, the loss of the session, or giving up. Giving up takes a cancelled caller: it sends
 * CANCEL and waits, shielded, for the remote task to end, as it would for a local one, but no longer than
 * the grace; what comes after that finds no call of its id and is dropped. */
#include "actor/call.h"

#include "actor/error_wire.h"
#include "base/error.h"
#include "sched/task.h"

#include <errno.h>
#include <math.h>

static const double GRACE_S = 2;    /* for a cancelled remote task to end */

struct call {
    struct session *session;
    uint64_t id;
    const tr_type *type;            /* of the result */
    struct arena *memory;
    void *ret;                      /* NULL: the result is dropped */
    struct event done;
    struct tr_error *error;         /* how it failed; owned; NULL for a value */
};

/* ---- answers ---------------------------------------------------------------------------------------- */

static void finish(struct call *call, struct tr_error *error)
{
    map_remove(&call->session->calls, call->id);
    call->error = error;
    event_set(&call->done);
}

int call_returned(struct session *session, const struct frame *frame)
{
    struct call *call = map_get(&session->calls, frame->id);
    if (!call)
        return 0; /* given up */
    struct reader from = {frame->outcome.value.data, frame->outcome.value.size};
    int rc = call->ret ? codec_decode(&from, call->type, call->memory, call->ret) : 0;
    finish(call, rc < 0 ? error_box(error_of(rc), &session->peer) : NULL);
    return 0;
}

int call_failed(struct session *session, const struct frame *frame)
{
    struct call *call = map_get(&session->calls, frame->id);
    if (!call)
        return 0;
    struct reader from = {frame->failure.error.data, frame->failure.error.size};
    struct tr_error *error;
    tr_try(error_get(&from, &error)); /* an error that makes no sense ends the session */
    finish(call, error_box(error, &session->peer));
    return 0;
}

void calls_lost(struct session *session)
{
    for (size_t i = 0; i < session->calls.room;) {
        struct call *call = session->calls.slots[i].value;
        if (call)
            finish(call, session_loss(session)); /* which may move another one into this slot */
        else
            i++;
    }
}

/* ---- asking ----------------------------------------------------------------------------------------- */

/* Time left, not a time: clocks differ between hosts. */
static double seconds_left(void)
{
    double deadline = tr_effective_deadline();
    double left = deadline - tr_now();
    return left > 0 ? left : 0; /* infinite without a deadline */
}

static int put_args(struct buf *out, const tr_fn_info *fn, const void *args, tr_bytes encoded)
{
    if (args)
        return codec_encode_fields(out, fn->args, args);
    return buf_append(out, encoded.data, encoded.size);
}

static int send_start(struct call *call, const tr_fn_info *fn, const void *args, tr_bytes encoded)
{
    char module[MODULE_ROOM];
    struct frame frame = {.kind = FRAME_START,
                          .id = call->id,
                          .start = {.module = function_module(fn, module),
                                    .function = fn->name,
                                    .signature = function_hash(fn),
                                    .seconds_left = seconds_left()}};
    struct buf *out = &call->session->out;
    size_t start;
    tr_try(frame_open(out, &frame, &start));
    int rc = put_args(out, fn, args, encoded);
    if (rc < 0) {
        frame_abandon(out, start);
        return rc == -ENOMEM ? error_raise_plain(rc) : rc;
    }
    tr_try(frame_close(out, start));
    session_flush(call->session);
    return 0;
}

static int wait_shielded(struct call *call)
{
    tr_scope grace = tr_move_on_after(GRACE_S);
    grace.shield = true;
    return tr_within(&grace, event_wait(&call->done));
}

/* The caller was cancelled: so is the remote task, and its end is awaited. */
static int give_up(struct call *call)
{
    session_tell(call->session, FRAME_CANCEL, call->id);
    (void)wait_shielded(call);
    if (!call->done.set)
        map_remove(&call->session->calls, call->id);
    else if (!call->error)
        return 0; /* it was faster */
    else if (call->error->cause && call->error->cause->code != TR_ECANCELLED)
        return call->error->code;
    return TR_ECANCELLED;
}

/* Mismatched declarations are best mended by seeing both. */
static struct tr_error *explain(struct tr_error *error, const tr_fn_info *fn)
{
    struct tr_error *cause = error->cause;
    struct buf ours = {0};
    if (!cause || cause->code != TR_ESIGNATURE || function_signature(&ours, fn) < 0)
        return error;
    struct tr_error *fuller = error_new(TR_EREMOTE, tr_code_type(TR_EREMOTE), "", 0,
                                        "%s; the caller declares %.*s", cause->message,
                                        (int)ours.size, (const char *)ours.data);
    buf_fini(&ours);
    if (fuller->code != TR_EREMOTE)
        return error;
    error_keep_actor(fuller, &error->actor);
    fuller->cause = error_ref(cause);
    error_unref(error);
    return fuller;
}

static int conclude(struct call *call, const tr_fn_info *fn, int rc)
{
    struct tr_error *error = call->error;
    if (rc == TR_ECANCELLED) {
        error_unref(error);
        return error_raise_plain(rc);
    }
    return error ? error_raise(explain(error, fn)) : rc;
}

int call_run(struct session *session, const tr_fn_info *fn, const void *args, tr_bytes encoded,
             struct arena *memory, void *ret)
{
    tr_try(task_cancelled());
    tr_try(session_wait_room(session));
    if (!session_is_up(session) || session->state.at != SESSION_OPEN)
        return error_raise(session_loss(session));
    struct call call = {.session = session, .id = ++session->last_call, .type = fn->out,
                        .memory = memory, .ret = ret};
    event_init(&call.done);
    if (map_put(&session->calls, call.id, &call) < 0)
        return error_raise_plain(-ENOMEM);
    int rc = send_start(&call, fn, args, encoded);
    if (rc < 0) {
        map_remove(&session->calls, call.id);
        return rc;
    }
    session_ref(session);
    rc = event_wait(&call.done);
    if (rc == TR_ECANCELLED)
        rc = give_up(&call);
    rc = conclude(&call, fn, rc);
    session_unref(session);
    return rc;
}

/* START with a window; YIELD ... YIELD, RETURN or ERROR; CREDIT the other way. For a context, STARTED before that, and
 * SEND ... SEND, END in the other direction, with GRANT for its credit.
 *
 * It is a call whose values queue up, still encoded, until a reader takes them; its outcome, the end or an error, comes
 * after them. Who leaves before that has the function cancelled, and waits for its end as a caller would. */
#include "actor/talk.h"

#include "base/error.h"
#include "base/hooks.h"
#include "base/plant.h"
#include "sched/task.h"

#include <errno.h>

static const double GRACE_S = 2;    /* for a sender that was cancelled since it did not keep to the flow */

int talk_new(const tr_fn_info *fn, const tr_flow *flow, struct talk **ret_talk)
{
    struct talk *talk = mem_zalloc(sizeof *talk);
    if (!talk)
        return error_raise_plain(-ENOMEM);
    talk->refs = 1;
    talk->call = (struct call){.fn = fn, .talk = talk, .memory = &talk->memory};
    int rc = inflow_open(&talk->in, flow);
    if (rc >= 0 && fn->way == TR_WAY_CONTEXT) {
        talk->result = talk->call.ret = arena_alloc(&talk->memory, fn->out->size + 1);
        rc = talk->result ? 0 : error_raise_plain(-ENOMEM);
    }
    if (rc < 0) {
        talk_unref(talk);
        return rc;
    }
    *ret_talk = talk;
    return 0;
}

int talk_begin(struct talk *talk, struct session *session, const void *args, tr_bytes encoded)
{
    talk->opened_in = task_scope();
    int rc = call_begin(&talk->call, session, args, encoded);
    if (rc >= 0)
        session_hold(session);
    if (rc < 0 || talk->call.fn->way == TR_WAY_STREAM)
        tr_event_set(&talk->begun);
    return rc;
}

struct talk *talk_ref(struct talk *talk)
{
    talk->refs++;
    return talk;
}

void talk_unref(struct talk *talk)
{
    if (!talk || --talk->refs > 0)
        return;
    struct session *session = talk->call.session; /* NULL if it never began */
    if (session) {
        call_end(&talk->call);
        session_let_go(session);
    }
    inflow_fini(&talk->in);
    error_unref(talk->misbegun);
    arena_fini(&talk->memory);
    mem_free(talk);
}

void talk_done(struct talk *talk)
{
    tr_event_set(&talk->begun);
    tr_event_set(&talk->over);
    outflow_end(&talk->out);
    inflow_wake(&talk->in);
}

/* If a reader waits in the scope that it was opened in, a deadline that moves is the producer's, too. */
int talk_wait(struct talk *talk, tr_lot *lot)
{
    return task_scope() == talk->opened_in ? call_park(&talk->call, lot) : lot_park(lot);
}

int talk_leave(struct talk *talk)
{
    talk->leaving = true;
    outflow_end(&talk->out);
    return call_give_up(&talk->call);
}

/* ---- what arrives ------------------------------------------------------------------------------------ */

int talk_started(struct session *session, const struct frame *frame)
{
    struct call *call = map_get(&session->calls, frame->id);
    if (!call)
        return 0; /* given up */
    struct talk *talk = call->talk;
    if (call->fn->way != TR_WAY_CONTEXT || talk->started)
        return raise_code(TR_EPROTOCOL, "a STARTED frame for what is no context, or has started before");
    struct reader from = large_reader(frame);
    bool wanted = talk->ret_first && !planted(LOST_WORD);
    int rc = wanted ? codec_decode(&from, call->fn->first, talk->first_memory, talk->ret_first) : 0;
    if (rc < 0)
        talk->misbegun = error_box(error_of(rc), &session->peer);
    outflow_open(&talk->out, frame->started.window, frame->started.value_cost);
    talk->started = true;
    tr_event_set(&talk->begun);
    return 0;
}

int talk_yielded(struct session *session, const struct frame *frame)
{
    struct call *call = map_get(&session->calls, frame->id);
    if (!call)
        return 0; /* given up */
    struct talk *talk = call->talk;
    if (!talk || (call->fn->way == TR_WAY_CONTEXT && !talk->started))
        return raise_code(TR_EPROTOCOL, "a YIELD frame for what is no stream, or has not started");
    if (talk->leaving)
        return 0;
    int rc = inflow_arrived(&talk->in, frame);
    if (rc == TR_EOVERRUN) {
        session_cancel(session, frame->id, GRACE_S);
        return 0;
    }
    return rc < 0 ? rc : inflow_grant(&talk->in, session, FRAME_CREDIT, frame->id);
}

int talk_granted(struct session *session, const struct frame *frame)
{
    struct call *call = map_get(&session->calls, frame->id);
    if (!call)
        return 0;
    if (call->fn->way != TR_WAY_CONTEXT || !call->talk->started)
        return raise_code(TR_EPROTOCOL, "a GRANT frame for what is no context, or has not started");
    return outflow_granted(&call->talk->out, frame->credit.bytes);
}

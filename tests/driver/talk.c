/* Contexts in a play: ended by their result, left, cut by a deadline, cancelled, failed by their functions; with a
 * caller that is ahead, and with a function that does not let go. */
#define TR_MODULE "act"
#include "act.h"

enum { ITEMS = 40, ROUNDS = 8 };

static const double LEAVE_AFTER_S = 0.1;

/* ---- contexts: the function ------------------------------------------------------------------------------- */

static void heard(struct call_record *call, int64_t ball)
{
    if (ball != call->first + call->heard || call->heard >= call->sent)
        broken(call, "a context heard another value than the next", ball, call->first + call->heard);
    call->heard++;
}

static int answer_balls(tr_ctx *ctx, struct call_record *call, int64_t breaks)
{
    int64_t ball;
    int rc;
    while ((rc = tr_ctx_receive_as(ctx, int64_t, &ball)) > 0) {
        heard(call, ball);
        if (breaks > 0 && call->heard == breaks)
            return tr_raise("driver.Refused", "in the middle");
        tr_try(yield_value(ctx, call, ball));
    }
    if (rc == 0 && (!call->said_end || call->heard != call->sent))
        broken(call, "a context heard an end before all that was sent", call->heard, call->sent);
    return rc;
}

tr_context_fn(int64_t, converse, (int64_t, int64_t, int64_t), (int64_t, token), (int64_t, breaks),
              (uint32_t, messages), (double, pause))
{
    struct call_record *call = begin_talk(args->token);
    const tr_flow flow = {.messages = args->messages};
    int rc = tr_ctx_set_flow(ctx, &flow);
    if (rc >= 0)
        rc = tr_ctx_started(ctx, call->first - 1);
    if (rc >= 0)
        rc = tr_sleep(args->pause);
    if (rc >= 0)
        rc = answer_balls(ctx, call, args->breaks);
    *ret = call->heard;
    return talk_through(call, rc);
}

static int speak_on(tr_ctx *ctx, struct call_record *call)
{
    int64_t ball;
    int rc = 0;
    for (int64_t i = 0; rc >= 0; i++)
        rc = yield_value(ctx, call, call->first + i);
    do
        rc = tr_ctx_receive_as(ctx, int64_t, &ball);
    while (rc > 0);
    return 0;
}

/* It does not notice that it is cancelled, but that nobody is there any more. */
tr_context_fn(void, persist, (void, int64_t, int64_t), (int64_t, token))
{
    struct call_record *call = begin_talk(args->token);
    int rc = tr_ctx_started(ctx);
    tr_scope shield = tr_shield();
    if (rc >= 0)
        rc = tr_within(&shield, speak_on(ctx, call));
    return talk_through(call, rc);
}

/* ---- contexts: the caller --------------------------------------------------------------------------------- */

static int open_talk(tr_portal *portal, tr_stream **ret_stream, struct call_record *call, const tr_flow *flow,
                     int64_t token, int64_t breaks, uint32_t messages, double pause)
{
    int64_t word = -2;
    tr_try(tr_open_context_with(portal, ret_stream, flow, &word, converse, .token = token, .breaks = breaks,
                                .messages = messages, .pause = pause));
    if (word != call->first - 1)
        broken(call, "a context has started with another word", word, call->first - 1);
    return 0;
}

static int send_ball(tr_stream *stream, struct call_record *call)
{
    tr_try(tr_stream_send(stream, converse, call->first + call->sent));
    call->sent++;
    check_ahead(call, call->most_sent, call->sent, call->heard);
    return 0;
}

static int take_balls(tr_stream *stream, struct call_record *call, int64_t most)
{
    int64_t ball, again;
    int rc = 1;
    while (call->got < most && (rc = tr_next(stream, &ball, converse)) > 0)
        took_value(call, ball);
    if (rc > 0)
        return 0;
    tr_try(ended_talk(call, rc));
    check_again(call, rc, tr_next(stream, &again, converse));
    return rc;
}

static int play_ball(tr_stream *stream, struct call_record *call, int64_t rounds)
{
    int rc = 0;
    for (int64_t i = 0; i < rounds && rc >= 0; i++) {
        rc = send_ball(stream, call);
        if (rc >= 0)
            rc = take_balls(stream, call, i + 1);
    }
    return rc == TR_EBROKEN ? take_balls(stream, call, INT64_MAX) : rc; /* which tells how it has ended */
}

/* It is how many it heard: all, and what it said before was there. */
static int take_result(tr_stream *stream, struct call_record *call, bool all_was_read)
{
    int64_t result = -1;
    call->said_end = true;
    call->most_yielded = 0; /* what is not read makes room */
    tr_try(tr_stream_result(stream, &result, converse));
    if (!call->complete || result != call->sent || call->heard != call->sent)
        broken(call, "a context's result is not that of all it was sent", result, call->sent);
    if (all_was_read && call->got != call->yielded)
        broken(call, "a context's result came before its values", call->got, call->yielded);
    return 0;
}

static int talk_to_the_end(tr_portal *portal, const struct step *step, struct call_record *call, int64_t token)
{
    tr_auto(stream) stream = NULL;
    tr_try(open_talk(portal, &stream, call, NULL, token, step->op == TALK_BROKEN ? 1 + step->value % ROUNDS : 0, 0,
                     step->seconds / 10));
    tr_try(play_ball(stream, call, ROUNDS));
    return take_result(stream, call, true);
}

/* By return, or by a deadline in the middle. */
static int talk_and_leave(tr_portal *portal, const struct step *step, struct call_record *call, int64_t token)
{
    tr_auto(stream) stream = NULL;
    tr_try(open_talk(portal, &stream, call, NULL, token, 0, 2, step->seconds / 20));
    tr_try(play_ball(stream, call, step->value % ROUNDS));
    int64_t ball;
    int rc = step->value % 2 ? tr_next(stream, &ball, converse) : 0; /* for ever */
    leaves_talk(call);
    return rc;
}

static int talk_until_cut(tr_portal *portal, const struct step *step, struct call_record *call, int64_t token)
{
    tr_scope limit = tr_move_on_after(LEAVE_AFTER_S);
    call->deadline = fmin(call->deadline, tr_now() + LEAVE_AFTER_S);
    return tr_within(&limit, talk_and_leave(portal, step, call, token));
}

static int talk_and_cancel(tr_portal *portal, const struct step *step, struct call_record *call, int64_t token)
{
    tr_auto(stream) stream = NULL;
    int64_t ball;
    tr_try(open_talk(portal, &stream, call, NULL, token, 0, 2, step->seconds / 20));
    tr_try(play_ball(stream, call, step->value % ROUNDS));
    leaves_talk(call);
    int rc = tr_stream_cancel(stream);
    if (rc != 1)
        return rc;
    if (tr_next(stream, &ball, converse) >= 0)
        broken(call, "a context that was cancelled goes on", 0, 0);
    return 0;
}

/* ---- a caller that is ahead ------------------------------------------------------------------------------- */

struct sender {
    tr_stream *stream;
    struct call_record *call;
};

static int send_all(void *arg)
{
    struct sender *sender = arg;
    int rc = 0;
    for (int i = 0; i < ITEMS && rc >= 0; i++)
        rc = send_ball(sender->stream, sender->call);
    return rc == TR_ECLOSED || rc == TR_EBROKEN ? 0 : rc;
}

static int end_of_sending(struct sender *sender)
{
    sender->call->said_end = true;
    return tr_stream_end(sender->stream);
}

/* The end is said while another task still sends, or waits to. */
static int send_and_end_meanwhile(struct sender *sender, double pause)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    if (!nursery)
        return tr_error_code(tr_last_error());
    tr_try(tr_start_soon(nursery, send_all, sender));
    tr_try(rest_for(sender->call, pause));
    return tr_join_with(nursery, end_of_sending(sender));
}

/* What it says back is read, or not: there is room for little of it. */
static int talk_ahead(tr_portal *portal, const struct step *step, struct call_record *call, int64_t token)
{
    bool reads = step->value % 3 > 0;
    const tr_flow few = {.messages = reads ? 0 : 3};
    tr_auto(stream) stream = NULL;
    struct sender sender = {.call = call};
    call->most_sent = 1 + step->value / 6 % 5;
    call->most_yielded = few.messages;
    tr_try(open_talk(portal, &stream, call, &few, token, 0, (uint32_t)call->most_sent, step->seconds / 10));
    sender.stream = stream;
    if (step->value % 2)
        tr_try(send_and_end_meanwhile(&sender, step->seconds / 20));
    else if (reads)
        tr_try(send_all(&sender));
    else
        for (int i = 0; i < 4; i++)
            tr_try(send_ball(stream, call));
    tr_try(end_of_sending(&sender));
    tr_try(reads ? take_balls(stream, call, INT64_MAX) : rest_for(call, step->seconds / 5));
    return take_result(stream, call, reads);
}

/* ---- a function that does not let go --------------------------------------------------------------------- */

static int talk_to_shielded(tr_portal *portal, const struct step *step, struct call_record *call, int64_t token)
{
    const tr_flow few = {.messages = 1 + (uint32_t)(step->value % 5)};
    int64_t ball;
    call->most_yielded = (int64_t)few.messages;
    tr_auto(stream) stream = NULL;
    tr_try(tr_open_context_with(portal, &stream, &few, NULL, persist, .token = token));
    for (int i = 0; i < step->value % ROUNDS; i++) {
        tr_try(tr_next(stream, &ball, persist));
        took_value(call, ball);
    }
    tr_try(rest_for(call, step->seconds / 10));
    leaves_talk(call);
    return 0;
}

/* ---- all of them ------------------------------------------------------------------------------------------ */

static int talk(tr_portal *portal, const struct step *step, struct call_record *call, int64_t token)
{
    switch (step->op) {
    case TALK_LEFT:
        return step->value % 2 ? talk_until_cut(portal, step, call, token) : talk_and_leave(portal, step, call, token);
    case TALK_CANCELLED: return talk_and_cancel(portal, step, call, token);
    case AHEAD: return talk_ahead(portal, step, call, token);
    case SHIELDED: return talk_to_shielded(portal, step, call, token);
    default: return talk_to_the_end(portal, step, call, token);
    }
}

int call_talk(tr_portal *portal, const struct step *step)
{
    int64_t token;
    struct call_record *call = record_talk(step, portal, &token);
    return settle_call(call, talk(portal, step, call, token), true);
}

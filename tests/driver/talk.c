/* Streams and contexts in a play. Both ends write down what they send and take, so the ledger knows at each moment
 * what the other one may see: in order, each once, no more ahead than was granted, and an end, or a result, only
 * after all that came before it. */
#define TR_MODULE "act"
#include "act.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ITEMS = 40, ROUNDS = 8 };

static const double LEAVE_AFTER_S = 0.1;

/* ---- the ledger ------------------------------------------------------------------------------------------ */

static void broke(const struct call_record *call, const char *what, int64_t a, int64_t b)
{
    struct play *play = play_here();
    violated(play, "call %d (%s): %s (%" PRId64 ", %" PRId64 ")", (int)(call - play->calls), op_names[call->op], what,
             a, b);
}

static struct call_record *begin(int64_t token)
{
    executed(token);
    return &play_here()->calls[token];
}

/* What the function returns, once it is through. */
static int through(struct call_record *call, int rc)
{
    call->returned++;
    call->complete = rc >= 0;
    return rc;
}

/* One more than was granted may be on its way. */
static void check_ahead(const struct call_record *call, int64_t most, int64_t sent, int64_t taken)
{
    if (most > 0 && sent - taken > most + 1)
        broke(call, "a sender is too far ahead of its reader", sent, taken);
}

static int yield(tr_ctx *ctx, struct call_record *call, int64_t value)
{
    tr_try(tr_send_yield(ctx, int64_t, value));
    call->yielded++;
    check_ahead(call, call->most_yielded, call->yielded, call->got);
    return 0;
}

static void took(struct call_record *call, int64_t value)
{
    if (value != call->first + call->got || call->got >= call->yielded)
        broke(call, "a stream gave another value than the next", value, call->first + call->got);
    call->got++;
}

/* The end, or an error of the function's own, comes when all that it had sent has been taken. */
static int ended(struct call_record *call, int rc)
{
    bool own_error = rc < 0 && tr_error_is(tr_last_error(), "driver.Refused");
    if (rc == 0 && !call->complete)
        broke(call, "a stream ended before its function", call->got, call->yielded);
    if ((rc == 0 || own_error) && call->got != call->yielded)
        broke(call, "values before the end are missing", call->got, call->yielded);
    return rc;
}

/* However often it is asked for; unless it was this process that could not ask. */
static void check_again(const struct call_record *call, int rc, int again)
{
    if (again != rc && rc != TR_ECANCELLED && again != TR_ECANCELLED && rc != -ENOMEM && again != -ENOMEM)
        broke(call, "a stream has two ends", rc, again);
}

static struct call_record *record_talk(const struct step *step, const tr_portal *portal, int64_t *ret_token)
{
    struct call_record *call = record(step->op, portal, ret_token);
    call->first = step->value;
    return call;
}

/* The caller, for itself. */
static int rest(struct call_record *call, double seconds)
{
    call->rested_s += seconds;
    return tr_sleep(seconds);
}

static void leaves(struct call_record *call)
{
    call->left_ns = world_now_ns(play_here()->world);
}

/* ---- streams --------------------------------------------------------------------------------------------- */

static int pour(tr_ctx *ctx, struct call_record *call, int64_t items, double pause)
{
    for (int64_t i = 0; i < items; i++) {
        tr_try(yield(ctx, call, call->first + i));
        if (i % 8 == 0)
            tr_try(tr_sleep(pause));
    }
    return 0;
}

tr_stream_fn(int64_t, count, (int64_t, token), (int64_t, items), (bool, fails), (double, pause))
{
    struct call_record *call = begin(args->token);
    int rc = pour(ctx, call, args->items, args->pause);
    if (rc >= 0 && args->fails)
        rc = tr_raise("driver.Refused", "in the middle");
    return through(call, rc);
}

static int read_stream(tr_stream *stream, struct call_record *call, int64_t most)
{
    int64_t value, again;
    int rc = 0;
    while (call->got < most && (rc = tr_next(stream, &value, count)) > 0)
        took(call, value);
    if (rc > 0)
        return 0; /* that is enough */
    tr_try(ended(call, rc));
    check_again(call, rc, tr_next(stream, &again, count));
    return rc;
}

static int call_stream(tr_portal *portal, const struct step *step, struct call_record *call, int64_t token)
{
    tr_auto(stream) stream = NULL;
    tr_try(tr_open_stream(portal, &stream, count, .token = token, .items = ITEMS, .fails = step->op == BROKEN,
                          .pause = step->seconds / 10));
    int rc = read_stream(stream, call, step->op == LEFT ? ITEMS / 2 : INT64_MAX);
    if (step->op == LEFT)
        leaves(call);
    return rc;
}

/* ---- flows ----------------------------------------------------------------------------------------------- */

static int read_what_is_left(tr_stream *stream, struct call_record *call, double pause, int64_t *ret_newest)
{
    int64_t value;
    int rc;
    *ret_newest = -1;
    while ((rc = tr_next(stream, &value, count)) > 0) {
        if (value - call->first <= *ret_newest || value - call->first >= call->yielded)
            broke(call, "a flow gave a value again, or one that was not sent", value - call->first, *ret_newest);
        *ret_newest = value - call->first;
        call->got++;
        tr_try(rest(call, pause));
    }
    return rc;
}

/* Each value has come or was counted as dropped; what must come has. */
static void check_flow(const tr_stream *stream, const struct call_record *call, enum tr_overrun overrun, int rc,
                       int64_t newest)
{
    int64_t dropped = (int64_t)tr_stream_dropped(stream);
    if (overrun == TR_BLOCK || overrun == TR_OVERRUN_FAILS) {
        if (dropped != 0 || newest + 1 != call->got)
            broke(call, "a flow that drops nothing has a gap", newest + 1, call->got);
    }
    if (rc == 0 && (!call->complete || call->got + dropped != call->yielded))
        broke(call, "what has come and what was dropped is not what was sent", call->got + dropped, call->yielded);
    if (rc == 0 && overrun == TR_DROP_OLDEST && newest + 1 != call->yielded)
        broke(call, "a flow that drops the oldest has lost the newest", newest + 1, call->yielded);
    if (call->got + dropped > call->yielded)
        broke(call, "more has come or was dropped than was sent", call->got + dropped, call->yielded);
}

static int call_flow(tr_portal *portal, const struct step *step, struct call_record *call, int64_t token)
{
    enum tr_overrun overrun = (enum tr_overrun)(step->value % (TR_OVERRUN_FAILS + 1));
    const tr_flow flow = {.overrun = overrun, .messages = 1 + (uint32_t)(step->value / 4 % 7)};
    int64_t newest;
    call->most_yielded = overrun == TR_BLOCK ? (int64_t)flow.messages : 0;
    tr_auto(stream) stream = NULL;
    tr_try(tr_open_stream_with(portal, &stream, &flow, count, .token = token, .items = ITEMS,
                               .pause = step->value % 3 ? 0 : step->seconds / 20));
    int rc = read_what_is_left(stream, call, step->value % 3 ? step->seconds / 50 : 0, &newest);
    check_flow(stream, call, overrun, rc, newest);
    return rc == TR_EOVERRUN && overrun == TR_OVERRUN_FAILS ? 0 : rc;
}

/* ---- several readers ------------------------------------------------------------------------------------- */

struct reader {
    tr_stream *stream;
    struct call_record *call;
    size_t lag;
    int64_t most, next, missed;
    double pause;
    int rc;
};

/* It tells how many, and so they are. */
static int lagged(struct reader *reader)
{
    unsigned long long missed = 0;
    if (sscanf(tr_error_message(tr_last_error()), "this reader has missed %llu", &missed) != 1 || missed == 0)
        broke(reader->call, "a reader lags, and has missed nothing", reader->next, 0);
    if (reader->lag >= ITEMS)
        broke(reader->call, "a reader may lag more than it does, and has missed some", (int64_t)missed, ITEMS);
    reader->next += (int64_t)missed;
    reader->missed += (int64_t)missed;
    return 1;
}

static int read_next(struct reader *reader)
{
    int64_t value;
    int rc = tr_next(reader->stream, &value, count);
    if (rc == TR_ELAGGED)
        return lagged(reader);
    if (rc > 0 && value != reader->call->first + reader->next++)
        broke(reader->call, "a reader has another value than the next", value, reader->call->first + reader->next - 1);
    return rc;
}

static int read_along(struct reader *reader)
{
    int rc = 1;
    while (rc > 0 && reader->next < reader->most) {
        rc = read_next(reader);
        if (rc > 0 && reader->pause > 0)
            tr_try(rest(reader->call, reader->pause));
    }
    if (rc == 0 && (!reader->call->complete || reader->next != reader->call->yielded))
        broke(reader->call, "a reader is at the end, and not all has come", reader->next, reader->call->yielded);
    return rc < 0 ? rc : 0;
}

static int read_in_task(void *arg)
{
    struct reader *reader = arg;
    tr_auto(stream) stream = reader->stream;
    return reader->rc = read_along(reader);
}

static int call_readers(tr_portal *portal, const struct step *step, struct call_record *call, int64_t token)
{
    static const size_t lags[] = {1, 5, ITEMS};
    size_t lag = lags[step->value % 3];
    tr_auto(stream) stream = NULL;
    tr_try(tr_open_stream(portal, &stream, count, .token = token, .items = ITEMS, .pause = step->seconds / 20));
    struct reader first = {.stream = stream, .call = call, .lag = lag, .most = INT64_MAX};
    struct reader second = {.call = call, .lag = lag, .most = step->value % 2 ? ITEMS / 2 : INT64_MAX};
    (step->value % 5 < 2 ? &first : &second)->pause = step->seconds / 50;
    tr_auto(nursery) nursery = tr_open_nursery();
    if (!nursery)
        return tr_error_code(tr_last_error());
    tr_try(tr_subscribe(stream, &second.stream, lag));
    int rc = tr_start_soon(nursery, read_in_task, &second);
    if (rc < 0) {
        tr_stream_done_(&second.stream);
        return rc;
    }
    return tr_join_with(nursery, read_along(&first));
}

/* ---- contexts: the function ------------------------------------------------------------------------------- */

static void heard(struct call_record *call, int64_t ball)
{
    if (ball != call->first + call->heard || call->heard >= call->sent)
        broke(call, "a context heard another value than the next", ball, call->first + call->heard);
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
        tr_try(yield(ctx, call, ball));
    }
    if (rc == 0 && (!call->said_end || call->heard != call->sent))
        broke(call, "a context heard an end before all that was sent", call->heard, call->sent);
    return rc;
}

tr_context_fn(int64_t, converse, (int64_t, int64_t, int64_t), (int64_t, token), (int64_t, breaks),
              (uint32_t, messages), (double, pause))
{
    struct call_record *call = begin(args->token);
    const tr_flow flow = {.messages = args->messages};
    int rc = tr_ctx_set_flow(ctx, &flow);
    if (rc >= 0)
        rc = tr_ctx_started(ctx, call->first - 1);
    if (rc >= 0)
        rc = tr_sleep(args->pause);
    if (rc >= 0)
        rc = answer_balls(ctx, call, args->breaks);
    *ret = call->heard;
    return through(call, rc);
}

static int speak_on(tr_ctx *ctx, struct call_record *call)
{
    int64_t ball;
    int rc = 0;
    for (int64_t i = 0; rc >= 0; i++)
        rc = yield(ctx, call, call->first + i);
    do
        rc = tr_ctx_receive_as(ctx, int64_t, &ball);
    while (rc > 0);
    return 0;
}

/* It does not notice that it is cancelled, but that nobody is there any more. */
tr_context_fn(void, persist, (void, int64_t, int64_t), (int64_t, token))
{
    struct call_record *call = begin(args->token);
    int rc = tr_ctx_started(ctx);
    tr_scope shield = tr_shield();
    if (rc >= 0)
        rc = tr_within(&shield, speak_on(ctx, call));
    return through(call, rc);
}

/* ---- contexts: the caller --------------------------------------------------------------------------------- */

static int open_talk(tr_portal *portal, tr_stream **ret_stream, struct call_record *call, const tr_flow *flow,
                     int64_t token, int64_t breaks, uint32_t messages, double pause)
{
    int64_t word = -2;
    tr_try(tr_open_context_with(portal, ret_stream, flow, &word, converse, .token = token, .breaks = breaks,
                                .messages = messages, .pause = pause));
    if (word != call->first - 1)
        broke(call, "a context has started with another word", word, call->first - 1);
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
        took(call, ball);
    if (rc > 0)
        return 0;
    tr_try(ended(call, rc));
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
        broke(call, "a context's result is not that of all it was sent", result, call->sent);
    if (all_was_read && call->got != call->yielded)
        broke(call, "a context's result came before its values", call->got, call->yielded);
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
    leaves(call);
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
    leaves(call);
    int rc = tr_stream_cancel(stream);
    if (rc != 1)
        return rc;
    if (tr_next(stream, &ball, converse) >= 0)
        broke(call, "a context that was cancelled goes on", 0, 0);
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
    tr_try(rest(sender->call, pause));
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
    tr_try(reads ? take_balls(stream, call, INT64_MAX) : rest(call, step->seconds / 5));
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
        took(call, ball);
    }
    tr_try(rest(call, step->seconds / 10));
    leaves(call);
    return 0;
}

/* ---- an actor for a stream -------------------------------------------------------------------------------- */

static int read_main_stream(tr_portal *portal, const struct step *step, struct call_record *call)
{
    tr_auto(stream) stream = NULL;
    if (step->value % 3 == 0)
        return rest(call, step->seconds / 10); /* nobody takes it */
    tr_try(tr_result_stream(portal, &stream, count));
    return read_stream(stream, call, step->value % 3 == 1 ? ITEMS / 2 : INT64_MAX);
}

static int run_main_stream(const struct step *step, struct call_record *call, int64_t token)
{
    char name[32];
    tr_portal *portal;
    snprintf(name, sizeof name, "s%d", (int)token);
    tr_auto(nursery) nursery = tr_open_nursery();
    if (!nursery)
        return tr_error_code(tr_last_error());
    tr_try(tr_run_in_actor(nursery, &portal, name, count, .token = token, .items = ITEMS, .pause = step->seconds / 10));
    call->callee = world_process(play_here()->world, tr_portal_actor(portal)->pid);
    return tr_join_with(nursery, read_main_stream(portal, step, call));
}

int call_main_stream(const struct step *step)
{
    int64_t token;
    struct call_record *call = record_talk(step, NULL, &token);
    int rc = run_main_stream(step, call, token);
    if (call->callee && process_alive(call->callee))
        broke(call, "a nursery was left while the actor of a stream lived", 0, 0);
    return settle(call, rc, true);
}

/* ---- all of them ------------------------------------------------------------------------------------------ */

static int talk(tr_portal *portal, const struct step *step, struct call_record *call, int64_t token)
{
    switch (step->op) {
    case FLOW: return call_flow(portal, step, call, token);
    case READERS: return call_readers(portal, step, call, token);
    case TALK: case TALK_BROKEN: return talk_to_the_end(portal, step, call, token);
    case TALK_LEFT:
        return step->value % 2 ? talk_until_cut(portal, step, call, token) : talk_and_leave(portal, step, call, token);
    case TALK_CANCELLED: return talk_and_cancel(portal, step, call, token);
    case AHEAD: return talk_ahead(portal, step, call, token);
    case SHIELDED: return talk_to_shielded(portal, step, call, token);
    default: return call_stream(portal, step, call, token);
    }
}

int call_talk(tr_portal *portal, const struct step *step)
{
    int64_t token;
    struct call_record *call = record_talk(step, portal, &token);
    return settle(call, talk(portal, step, call, token), true);
}

/* Streams in a play: read to the end, left, failed by their functions, with all kinds of flow, by two readers, and of
 * actors that were started for them. */
#define TR_MODULE "act"
#include "act.h"

#include <stdio.h>
#include <string.h>

enum { ITEMS = 40 };

/* ---- streams --------------------------------------------------------------------------------------------- */

static int pour(tr_ctx *ctx, struct call_record *call, int64_t items, double pause)
{
    for (int64_t i = 0; i < items; i++) {
        tr_try(yield_value(ctx, call, call->first + i));
        if (i % 8 == 0)
            tr_try(tr_sleep(pause));
    }
    return 0;
}

tr_stream_fn(int64_t, count, (int64_t, token), (int64_t, items), (bool, fails), (double, pause))
{
    struct call_record *call = begin_talk(args->token);
    int rc = pour(ctx, call, args->items, args->pause);
    if (rc >= 0 && args->fails)
        rc = tr_raise("driver.Refused", "in the middle");
    return talk_through(call, rc);
}

static int read_stream(tr_stream *stream, struct call_record *call, int64_t most)
{
    int64_t value, again;
    int rc = 0;
    while (call->got < most && (rc = tr_next(stream, &value, count)) > 0)
        took_value(call, value);
    if (rc > 0)
        return 0; /* that is enough */
    tr_try(ended_talk(call, rc));
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
        leaves_talk(call);
    return rc;
}

/* ---- flows ----------------------------------------------------------------------------------------------- */

static int read_what_is_left(tr_stream *stream, struct call_record *call, double pause, int64_t *ret_newest)
{
    int64_t value;
    int rc;
    *ret_newest = -1;
    while ((rc = tr_next(stream, &value, count)) > 0) {
        took_of_flow(call, value, ret_newest);
        tr_try(rest_for(call, pause));
    }
    return rc;
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
    return ended_flow(stream, call, overrun, rc, newest);
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
        broken(reader->call, "a reader lags, and has missed nothing", reader->next, 0);
    if (reader->lag >= ITEMS)
        broken(reader->call, "a reader may lag more than it does, and has missed some", (int64_t)missed, ITEMS);
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
        broken(reader->call, "a reader has another value than the next", value,
               reader->call->first + reader->next - 1);
    return rc;
}

static int read_along(struct reader *reader)
{
    int rc = 1;
    while (rc > 0 && reader->next < reader->most) {
        rc = read_next(reader);
        if (rc > 0 && reader->pause > 0)
            tr_try(rest_for(reader->call, reader->pause));
    }
    if (rc == 0 && (!reader->call->complete || reader->next != reader->call->yielded))
        broken(reader->call, "a reader is at the end, and not all has come", reader->next, reader->call->yielded);
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

/* ---- an actor for a stream -------------------------------------------------------------------------------- */

static int read_main_stream(tr_portal *portal, const struct step *step, struct call_record *call)
{
    tr_auto(stream) stream = NULL;
    if (step->value % 3 == 0)
        return rest_for(call, step->seconds / 10); /* nobody takes it */
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
        broken(call, "a nursery was left while the actor of a stream lived", 0, 0);
    return settle_call(call, rc, true);
}

/* ---- all of them ------------------------------------------------------------------------------------------ */

static int stream(tr_portal *portal, const struct step *step, struct call_record *call, int64_t token)
{
    switch (step->op) {
    case FLOW: return call_flow(portal, step, call, token);
    case READERS: return call_readers(portal, step, call, token);
    default: return call_stream(portal, step, call, token);
    }
}

int call_stream_op(tr_portal *portal, const struct step *step)
{
    int64_t token;
    struct call_record *call = record_talk(step, portal, &token);
    return settle_call(call, stream(portal, step, call, token), true);
}

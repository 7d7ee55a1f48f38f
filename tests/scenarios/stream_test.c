/* Streams in the fake world: how far a producer may be ahead, several readers of one stream, streams that an actor was
 * started for, and what arrives when somebody dies at any moment. */
#define TR_MODULE "stream"
#include "scenarios/theatre.h"

#include <stdio.h>
#include <string.h>

/* Inside a scenario, where a failure is an error that fails the run. */
#define want(...)                                                                                            \
    do {                                                                                                     \
        if (!(__VA_ARGS__))                                                                                  \
            return tr_raise("test.Failed", "line %d: not so: %s", __LINE__, #__VA_ARGS__);                   \
    } while (0)

static int64_t yielded;             /* of all processes: one producer in each scenario */

/* ---- producers ---------------------------------------------------------------------------------------------- */

static int count_to(tr_ctx *ctx, int64_t last)
{
    for (int64_t i = 1; i <= last; i++) {
        tr_try(tr_send_yield(ctx, int64_t, i));
        yielded = i;
    }
    return 0;
}

tr_stream_fn(int64_t, count, (int64_t, last))
{
    int rc = count_to(ctx, args->last);
    if (rc == TR_ECANCELLED)
        say("cancelled");
    return rc;
}

tr_stream_fn(int64_t, count_and_break, (int64_t, last))
{
    tr_try(count_to(ctx, args->last));
    return tr_raise("app.Broken", "after %lld", (long long)args->last);
}

tr_stream_fn(int64_t, count_slowly, (int64_t, last), (double, seconds))
{
    for (int64_t i = 1; i <= args->last; i++) {
        tr_try(tr_yield(ctx, i));
        tr_try(tr_sleep(args->seconds));
    }
    return 0;
}

tr_stream_fn(int64_t, forward_slowly, (tr_str, from), (int64_t, last))
{
    tr_auto(portal) source = NULL;
    tr_auto(stream) numbers = NULL;
    tr_try(tr_wait_for_actor(&source, args->from));
    tr_try(tr_open_stream_with(source, &numbers, tr_flow_options(.messages = 2), count, .last = args->last));
    int64_t number;
    int rc;
    while ((rc = tr_next(numbers, &number, count)) > 0)
        tr_try(tr_yield(ctx, number));
    return rc;
}

struct source {
    tr_ctx *ctx;
    int64_t last;
};

static int flow_in(void *arg)
{
    const struct source *source = arg;
    return tr_yield_from(source->ctx, count, .last = source->last);
}

tr_stream_fn(int64_t, count_from_two)
{
    struct source sources[] = {{ctx, 10}, {ctx, 20}};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, flow_in, &sources[0]));
    tr_try(tr_start_soon(n, flow_in, &sources[1]));
    return tr_join(n);
}

tr_stream_fn(double, count_in_doubles)
{
    return tr_yield_from(ctx, count, .last = 3);
}

tr_stream_fn(int64_t, with_default, (int64_t, last, 5))
{
    return count_to(ctx, args->last);
}

tr_stream_fn(int64_t, from_one_with_a_default)
{
    return tr_yield_from(ctx, with_default);
}

tr_stream_fn(tr_piece, blob, (uint32_t, size))
{
    static char bytes[1024 * 1024];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i % 251);
    tr_try(tr_yield_bytes(ctx, (tr_bytes){bytes, args->size}));
    return tr_yield_bytes(ctx, (tr_bytes){"end", 3});
}

tr_fn(tr_str, who_calls)
{
    return tr_return_fmt("%s", tr_ctx_caller(ctx)->name);
}

tr_fn(void, ping)
{
    return 0;
}

/* ---- plays ---------------------------------------------------------------------------------------------------- */

/* With an actor "donny", which is ended afterwards. */
static int with_donny(int (*body)(tr_portal *donny))
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names("stream")));
    tr_try(body(donny));
    tr_try(tr_call(donny, NULL, ping));
    tr_try(tr_cancel_actor(donny));
    return tr_join(n);
}

static int be_ahead_by_messages(tr_portal *donny)
{
    static const uint32_t cases[] = {1, 2, 7, 100};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tr_auto(stream) numbers = NULL;
        int64_t number;
        yielded = 0;
        tr_try(tr_open_stream_with(donny, &numbers, tr_flow_options(.messages = cases[i]), count, .last = 1000));
        tr_try(tr_sleep(1));
        want(yielded == cases[i]);
        for (int64_t n = 1; n <= 1000; n++)
            want(tr_next(numbers, &number, count) == 1 && number == n && yielded <= n + cases[i]);
        want(tr_next(numbers, &number, count) == 0 && tr_stream_dropped(numbers) == 0);
    }
    return 0;
}

static int read_late(tr_portal *donny, enum tr_overrun overrun, int64_t first, int64_t last, int end)
{
    tr_auto(stream) numbers = NULL;
    int64_t number;
    tr_try(tr_open_stream_with(donny, &numbers, tr_flow_options(.overrun = overrun, .messages = 10), count,
                               .last = 5000));
    tr_try(tr_sleep(1));
    for (int64_t n = first; n <= last; n++)
        want(tr_next(numbers, &number, count) == 1 && number == n);
    want(tr_next(numbers, &number, count) == end && tr_next(numbers, &number, count) == end);
    want(tr_stream_dropped(numbers) == (overrun == TR_OVERRUN_FAILS ? 0 : 4990));
    return end < 0 ? 1 : 0;
}

static int lose_the_oldest(tr_portal *donny)
{
    return read_late(donny, TR_DROP_OLDEST, 4991, 5000, 0);
}

static int lose_the_newest(tr_portal *donny)
{
    return read_late(donny, TR_DROP_NEWEST, 1, 10, 0);
}

static int fail_when_overrun(tr_portal *donny)
{
    want(read_late(donny, TR_OVERRUN_FAILS, 1, 10, TR_EOVERRUN) == 1);
    want(yielded < 5000);
    return 0;
}

static int ask_for_bad_flows(tr_portal *donny)
{
    tr_auto(stream) numbers = NULL;
    tr_flow bad[] = {{.overrun = (enum tr_overrun)9}, {.bytes = UINT32_MAX}};
    for (int i = 0; i < 2; i++)
        want(tr_open_stream_with(donny, &numbers, &bad[i], count, .last = 1) == TR_EARGUMENT && !numbers);
    tr_try(tr_open_stream(donny, &numbers, count, .last = 1));
    tr_stream *none = NULL;
    want(tr_subscribe(numbers, &none, 0) == TR_EARGUMENT && tr_subscribe(NULL, &none, 1) == TR_EARGUMENT && !none);
    return 0;
}

static int call_beside_a_stalled_stream(tr_portal *donny)
{
    tr_auto(stream) stalled = NULL;
    int64_t number;
    tr_try(tr_open_stream(donny, &stalled, count, .last = 1000000));
    tr_try(tr_sleep(1));
    int64_t before = yielded;
    double start = tr_now();
    for (int i = 0; i < 1000; i++)
        tr_try(tr_call(donny, NULL, ping));
    want(yielded == before && before < 10000 && tr_now() - start < 5);
    want(tr_next(stalled, &number, count) == 1 && number == 1);
    return 0;
}

static int mix_two(tr_portal *donny)
{
    tr_auto(stream) both = NULL;
    int64_t number, sum = 0, many = 0;
    int rc;
    tr_try(tr_open_stream(donny, &both, count_from_two));
    for (; (rc = tr_next(both, &number, count_from_two)) > 0; many++)
        sum += number;
    want(rc == 0 && many == 30 && sum == 55 + 210);
    tr_auto(stream) doubles = NULL;
    double real;
    tr_try(tr_open_stream(donny, &doubles, count_in_doubles));
    want(tr_next(doubles, &real, count_in_doubles) == TR_EREMOTE && tr_error_is(tr_last_error(), "Misuse"));
    tr_auto(stream) filled = NULL;
    tr_try(tr_open_stream(donny, &filled, from_one_with_a_default));
    for (int64_t n = 1; n <= 5; n++)
        want(tr_next(filled, &number, from_one_with_a_default) == 1 && number == n);
    return tr_next(filled, &number, from_one_with_a_default);
}

static int read_a_blob(tr_portal *donny, uint32_t size)
{
    tr_auto(stream) pieces = NULL;
    tr_piece piece = {.more = true};
    uint32_t have = 0;
    tr_try(tr_open_stream(donny, &pieces, blob, .size = size));
    for (; piece.more; have += (uint32_t)piece.data.size) {
        want(tr_next(pieces, &piece, blob) == 1 && piece.data.size <= 65536);
        for (size_t i = 0; i < piece.data.size; i++)
            want(((const unsigned char *)piece.data.data)[i] == (have + i) % 251);
    }
    want(have == size);
    want(tr_next(pieces, &piece, blob) == 1 && !piece.more && piece.data.size == 3);
    return tr_next(pieces, &piece, blob);
}

static int read_blobs(tr_portal *donny)
{
    static const uint32_t sizes[] = {0, 1, 65535, 65536, 65537, 1000000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        tr_try(read_a_blob(donny, sizes[i]));
    return 0;
}

static int ask_who_calls(tr_portal *donny)
{
    tr_str name;
    tr_try(tr_call(donny, &name, who_calls));
    want(strcmp(name, "root") == 0);
    return 0;
}

/* The producer's time is that of the scope the stream was opened in, and so is more of it. */
static int read_with_more_time(tr_portal *donny, tr_scope *limit)
{
    tr_auto(stream) numbers = NULL;
    int64_t number;
    int rc;
    tr_try(tr_open_stream(donny, &numbers, count_slowly, .last = 10, .seconds = 1));
    for (int64_t n = 1; (rc = tr_next(numbers, &number, count_slowly)) > 0; n++) {
        want(number == n);
        tr_try(tr_scope_set_deadline(limit, tr_now() + 2));
    }
    return rc;
}

static int put_off_a_deadline(tr_portal *donny)
{
    tr_scope limit = tr_fail_after(2);
    return tr_within(&limit, read_with_more_time(donny, &limit));
}

#define PLAY(name)                                                                                           \
    static int play_##name(void *arg)                                                                        \
    {                                                                                                        \
        (void)arg;                                                                                           \
        return with_donny(name);                                                                             \
    }
PLAY(be_ahead_by_messages)
PLAY(lose_the_oldest)
PLAY(lose_the_newest)
PLAY(fail_when_overrun)
PLAY(ask_for_bad_flows)
PLAY(call_beside_a_stalled_stream)
PLAY(mix_two)
PLAY(read_blobs)
PLAY(ask_who_calls)
PLAY(put_off_a_deadline)

static void succeeds(int (*director)(void *), const char *said, uint64_t seeds)
{
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct theatre *theatre = raise_curtain(seed, director);
        yielded = 0;
        expect_outcome(theatre, NULL);
        if (said)
            assert_string_equal(theatre->said, said);
        expect_nothing_left(theatre);
    }
}

#define SUCCEEDS(scenario, play, said)                                                                       \
    static void scenario(void **state)                                                                       \
    {                                                                                                        \
        (void)state;                                                                                         \
        succeeds(play, said, 5);                                                                             \
    }

SUCCEEDS(a_producer_is_as_many_messages_ahead_as_was_asked_for, play_be_ahead_by_messages, "")
SUCCEEDS(a_reader_that_is_too_slow_may_lose_the_oldest, play_lose_the_oldest, "")
SUCCEEDS(or_the_newest, play_lose_the_newest, "")
SUCCEEDS(or_have_the_producer_cancelled, play_fail_when_overrun, "cancelled\n")
SUCCEEDS(a_flow_that_makes_no_sense_is_refused, play_ask_for_bad_flows, NULL)
SUCCEEDS(a_stalled_stream_does_not_keep_calls_waiting, play_call_beside_a_stalled_stream, "cancelled\n")
SUCCEEDS(several_sources_flow_into_one_stream, play_mix_two, "")
SUCCEEDS(a_long_byte_string_comes_in_pieces, play_read_blobs, "")
SUCCEEDS(a_function_knows_who_calls, play_ask_who_calls, "")
SUCCEEDS(a_deadline_that_is_put_off_is_the_producers_too, play_put_off_a_deadline, "")

/* ---- several readers ------------------------------------------------------------------------------------------- */

struct listener {
    tr_stream *stream;
    double pace;                /* seconds for each value */
    int64_t most;               /* it leaves after so many; 0: at the end */
    int64_t heard, missed;
    int rc;
};

static int listen_to(void *arg)
{
    struct listener *us = arg;
    tr_auto(stream) own = us->stream;
    int64_t number = 0, before = 0;
    for (;;) {
        us->rc = tr_next(own, &number, count_slowly);
        if (us->rc == TR_ELAGGED) {
            us->missed++;
            continue;
        }
        if (us->rc <= 0)
            return 0;
        want(number > before);
        before = number;
        if (++us->heard == us->most)
            return 0;
        tr_try(tr_sleep(us->pace));
    }
}

enum { LISTENERS = 3 };

static int listen_all(tr_portal *donny, struct listener listeners[LISTENERS], int64_t last, size_t lag)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_open_stream(donny, &listeners[0].stream, count_slowly, .last = last, .seconds = 0.1));
    for (int i = 1; i < LISTENERS; i++)
        tr_try(tr_subscribe(listeners[0].stream, &listeners[i].stream, lag));
    for (int i = 0; i < LISTENERS; i++)
        tr_try(tr_start_soon(n, listen_to, &listeners[i]));
    return tr_join(n);
}

static int all_hear_all(tr_portal *donny)
{
    struct listener listeners[LISTENERS] = {{.pace = 0.01}, {.pace = 0.02}, {.pace = 0.2}};
    tr_try(listen_all(donny, listeners, 100, 1000));
    for (int i = 0; i < LISTENERS; i++)
        want(listeners[i].heard == 100 && listeners[i].missed == 0 && listeners[i].rc == 0);
    return 0;
}

static int one_lags_behind(tr_portal *donny)
{
    struct listener listeners[LISTENERS] = {{.pace = 0.01}, {.pace = 0.02}, {.pace = 2}};
    tr_try(listen_all(donny, listeners, 100, 5));
    want(listeners[0].heard == 100 && listeners[1].heard == 100);
    want(listeners[2].missed > 0 && listeners[2].heard < 20 && listeners[2].rc == 0);
    return 0;
}

static int the_first_leaves(tr_portal *donny)
{
    struct listener listeners[LISTENERS] = {{.pace = 0.01, .most = 10}, {.pace = 0.02}, {.pace = 0.3}};
    tr_try(listen_all(donny, listeners, 50, 100));
    want(listeners[0].heard == 10 && listeners[1].heard == 50 && listeners[2].heard == 50);
    return 0;
}

static int all_leave(tr_portal *donny)
{
    struct listener listeners[LISTENERS] = {{.most = 10}, {.most = 11}, {.most = 12}};
    return listen_all(donny, listeners, 1000000, 100);
}

static int each_hears_the_error(tr_portal *donny)
{
    tr_auto(stream) first = NULL;
    tr_auto(stream) second = NULL;
    int64_t number;
    tr_try(tr_open_stream(donny, &first, count_and_break, .last = 2));
    tr_try(tr_subscribe(first, &second, 10));
    tr_stream *readers[] = {first, second};
    for (int i = 0; i < 2; i++) {
        want(tr_next(readers[i], &number, count_and_break) == 1 && number == 1);
        want(tr_next(readers[i], &number, count_and_break) == 1 && number == 2);
        want(tr_next(readers[i], &number, count_and_break) == TR_EREMOTE);
        want(tr_error_is(tr_last_error(), "app.Broken"));
    }
    return 0;
}

/* Nobody reads for a slow one: what it may lag is kept, and the fast one is not kept waiting by more than that. */
static int readers_that_drop(tr_portal *donny)
{
    tr_auto(stream) fast = NULL;
    tr_auto(stream) slow = NULL;
    int64_t number;
    tr_try(tr_open_stream_with(donny, &fast, tr_flow_options(.overrun = TR_DROP_OLDEST, .messages = 10), count,
                               .last = 1000));
    tr_try(tr_subscribe(fast, &slow, 3));
    want(tr_next(fast, &number, count) == 1);
    tr_try(tr_sleep(1));
    want(tr_next(fast, &number, count) == 1 && number == 991);
    want(tr_next(slow, &number, count) == TR_ELAGGED);
    want(tr_next(slow, &number, count) == 1 && number == 991);
    return 0;
}
PLAY(all_hear_all)
PLAY(one_lags_behind)
PLAY(the_first_leaves)
PLAY(all_leave)
PLAY(each_hears_the_error)
PLAY(readers_that_drop)

SUCCEEDS(each_reader_hears_all_at_its_own_pace, play_all_hear_all, "")
SUCCEEDS(a_reader_that_lags_misses_some_and_is_told, play_one_lags_behind, "")
SUCCEEDS(the_others_go_on_when_the_first_reader_leaves, play_the_first_leaves, "")
SUCCEEDS(the_last_reader_to_leave_ends_the_stream, play_all_leave, "")
SUCCEEDS(each_reader_hears_the_error_after_the_values, play_each_hears_the_error, "")
SUCCEEDS(readers_of_a_stream_that_drops_know_where_they_are, play_readers_that_drop, "")

/* ---- an actor that was started for a stream ------------------------------------------------------------------- */

static int run_and_read(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_auto(stream) numbers = NULL;
    tr_stream *again = NULL;
    int64_t number, heard = 0;
    int rc;
    tr_try(tr_run_in_actor(n, &donny, "donny", count, .last = 10000));
    want(tr_result_stream(donny, &numbers, with_default) == TR_ESIGNATURE && !numbers);
    tr_try(tr_result_stream(donny, &numbers, count));
    want(tr_result_stream(donny, &again, count) == TR_EMISUSE && !again);
    while ((rc = tr_next(numbers, &number, count)) > 0)
        want(number == ++heard);
    want(rc == 0 && heard == 10000);
    return tr_join(n);
}

static int read_it(void *arg)
{
    tr_auto(stream) numbers = arg;
    int64_t number, heard = 0;
    int rc;
    while ((rc = tr_next(numbers, &number, count)) > 0)
        want(number == ++heard);
    say(heard == 10000 ? "heard all" : "heard less");
    return rc;
}

/* After the join, in a task of the same nursery. */
static int run_and_read_in_a_task(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_stream *numbers;
    tr_try(tr_run_in_actor(n, &donny, "donny", count, .last = 10000));
    tr_try(tr_result_stream(donny, &numbers, count));
    tr_try(tr_start_soon(n, read_it, numbers));
    return tr_join(n);
}

static int run_and_leave(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_run_in_actor(n, &donny, "donny", count, .last = INT64_MAX));
    {
        tr_auto(stream) numbers = NULL;
        int64_t number;
        tr_try(tr_result_stream(donny, &numbers, count));
        want(tr_next(numbers, &number, count) == 1 && number == 1);
    }
    return tr_join(n);
}

static int run_and_do_not_read(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_run_in_actor(n, &donny, "donny", count, .last = INT64_MAX));
    tr_try(tr_sleep(1));
    return tr_join(n);
}

static int run_one_that_breaks(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_auto(stream) numbers = NULL;
    int64_t number;
    int rc;
    tr_try(tr_run_in_actor(n, &donny, "donny", count_and_break, .last = 10));
    tr_try(tr_result_stream(donny, &numbers, count_and_break));
    while ((rc = tr_next(numbers, &number, count_and_break)) > 0)
        continue;
    return tr_join_with(n, rc);
}

static int take_from_a_daemon(tr_portal *donny)
{
    tr_auto(stream) numbers = NULL;
    want(tr_result_stream(donny, &numbers, count) == TR_EMISUSE && !numbers);
    return 0;
}
PLAY(take_from_a_daemon)

SUCCEEDS(a_stream_that_an_actor_was_started_for_is_read_once, run_and_read, "")
SUCCEEDS(it_may_be_read_by_a_task_while_the_nursery_is_joined, run_and_read_in_a_task, "heard all\n")
SUCCEEDS(who_leaves_it_ends_the_actor, run_and_leave, "cancelled\n")
SUCCEEDS(what_nobody_has_taken_by_the_join_is_cancelled, run_and_do_not_read, "cancelled\n")
SUCCEEDS(a_daemon_has_no_stream_of_its_own, play_take_from_a_daemon, "")

static void what_breaks_it_is_the_nurserys_error_once(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, run_one_that_breaks);
    expect_shape(theatre, "donny > app.Broken(after 10)@donny");
    expect_nothing_left(theatre);
}

/* ---- pipelines ------------------------------------------------------------------------------------------------- */

/* source -> middle -> us, all of them two messages ahead at most. */
static int read_through(int64_t last, int64_t most)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *middle;
    tr_try(tr_start_actor(n, NULL, "source", .modules = tr_names("stream")));
    tr_try(tr_start_actor(n, &middle, "middle", .modules = tr_names("stream")));
    int rc = 0;
    {
        tr_auto(stream) numbers = NULL;
        int64_t number, heard = 0;
        tr_try(tr_open_stream_with(middle, &numbers, tr_flow_options(.messages = 2), forward_slowly, .from = "source",
                                   .last = last));
        tr_try(tr_sleep(1));
        want(yielded <= 6);
        while (heard < most && (rc = tr_next(numbers, &number, forward_slowly)) > 0) {
            want(number == ++heard);
            say(heard == 1 ? "begun" : "");
        }
    }
    tr_cancel(n);
    return tr_join_with(n, rc < 0 ? rc : 0);
}

static int read_through_to_the_end(void *arg)
{
    (void)arg;
    return read_through(100, INT64_MAX);
}

static int read_through_and_leave(void *arg)
{
    (void)arg;
    return read_through(INT64_MAX, 3);
}

static int read_through_for_ever(void *arg)
{
    (void)arg;
    return read_through(INT64_MAX, INT64_MAX);
}

SUCCEEDS(the_end_and_the_pressure_back_pass_through_a_pipeline, read_through_to_the_end, NULL)

static void leaving_a_pipeline_cancels_all_of_it(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, read_through_and_leave);
    expect_outcome(theatre, NULL);
    assert_non_null(strstr(theatre->said, "cancelled")); /* the source */
    expect_nothing_left(theatre);
}

static void a_death_at_the_source_arrives_at_the_end(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, read_through_for_ever);
    run_until_said(theatre, "begun");
    kill_actor(theatre, "source");
    expect_outcome(theatre, "ActorDied");
    expect_nothing_left(theatre);
}

/* ---- whoever dies, whenever ------------------------------------------------------------------------------------ */

enum { LAST = 2000 };
static int64_t arrived;
static int ended_with;

static int read_until_it_ends(tr_portal *donny)
{
    tr_auto(stream) numbers = NULL;
    int64_t number;
    tr_try(tr_open_stream(donny, &numbers, count, .last = LAST));
    while ((ended_with = tr_next(numbers, &number, count)) > 0)
        if (number != ++arrived)
            return tr_raise("test.Failed", "%lld came instead of %lld", (long long)number, (long long)arrived);
    return ended_with;
}
PLAY(read_until_it_ends)

/* After so many decisions of the world. */
static void run_steps(struct theatre *theatre, uint64_t steps)
{
    while (steps-- > 0 && world_step(theatre->world))
        continue;
}

/* What had come by then is a prefix without gaps, of what was sent; an end comes only when all has come. */
static void whoever_dies_what_has_arrived_is_a_prefix(void **state)
{
    (void)state;
    int complete = 0, cut = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct theatre *theatre = raise_curtain(seed, play_read_until_it_ends);
        arrived = yielded = ended_with = 0;
        run_steps(theatre, seed * 7919 % 800);
        const char *victim = seed % 3 == 0 ? "root" : "donny";
        struct process *process = world_find(theatre->world, victim);
        if (process)
            world_kill(process, SIGKILL);
        run_to_the_end(theatre);
        assert_true(arrived <= yielded + 1 && !strstr(theatre->outcome, "test.Failed"));
        complete += arrived == LAST;
        cut += arrived > 0 && arrived < LAST;
        if (arrived > 0 && seed % 3 != 0)
            assert_true(ended_with != 0 || arrived == LAST);
        expect_nothing_left(theatre);
    }
    assert_true(complete > 0 && cut > 50); /* else it was not tried */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_producer_is_as_many_messages_ahead_as_was_asked_for),
        cmocka_unit_test(a_reader_that_is_too_slow_may_lose_the_oldest),
        cmocka_unit_test(or_the_newest),
        cmocka_unit_test(or_have_the_producer_cancelled),
        cmocka_unit_test(a_flow_that_makes_no_sense_is_refused),
        cmocka_unit_test(a_stalled_stream_does_not_keep_calls_waiting),
        cmocka_unit_test(several_sources_flow_into_one_stream),
        cmocka_unit_test(a_long_byte_string_comes_in_pieces),
        cmocka_unit_test(a_function_knows_who_calls),
        cmocka_unit_test(a_deadline_that_is_put_off_is_the_producers_too),
        cmocka_unit_test(each_reader_hears_all_at_its_own_pace),
        cmocka_unit_test(a_reader_that_lags_misses_some_and_is_told),
        cmocka_unit_test(the_others_go_on_when_the_first_reader_leaves),
        cmocka_unit_test(the_last_reader_to_leave_ends_the_stream),
        cmocka_unit_test(each_reader_hears_the_error_after_the_values),
        cmocka_unit_test(readers_of_a_stream_that_drops_know_where_they_are),
        cmocka_unit_test(a_stream_that_an_actor_was_started_for_is_read_once),
        cmocka_unit_test(it_may_be_read_by_a_task_while_the_nursery_is_joined),
        cmocka_unit_test(who_leaves_it_ends_the_actor),
        cmocka_unit_test(what_nobody_has_taken_by_the_join_is_cancelled),
        cmocka_unit_test(a_daemon_has_no_stream_of_its_own),
        cmocka_unit_test(what_breaks_it_is_the_nurserys_error_once),
        cmocka_unit_test(the_end_and_the_pressure_back_pass_through_a_pipeline),
        cmocka_unit_test(leaving_a_pipeline_cancels_all_of_it),
        cmocka_unit_test(a_death_at_the_source_arrives_at_the_end),
        cmocka_unit_test(whoever_dies_what_has_arrived_is_a_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

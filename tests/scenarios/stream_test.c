/* Streams in the fake world: how far a producer may be ahead, several readers of one stream, streams that an actor was
 * started for, and what arrives when somebody dies at any moment. */
#define TR_MODULE "stream"
#include "scenarios/theatre.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

enum { NEARLY_A_FRAME = 16 * 1024 * 1024 - 32 };

tr_stream_fn(tr_bytes, small_and_huge)
{
    void *huge = calloc(1, NEARLY_A_FRAME);
    int rc = tr_send_yield(ctx, tr_bytes, {"small", 5});
    rc = rc < 0 ? rc : tr_send_yield(ctx, tr_bytes, {huge, NEARLY_A_FRAME});
    free(huge);
    return rc;
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

static int read_small_and_huge(tr_portal *donny)
{
    tr_auto(stream) texts = NULL;
    tr_bytes text;
    tr_try(tr_open_stream(donny, &texts, small_and_huge));
    want(tr_next(texts, &text, small_and_huge) == 1 && text.size == 5 && memcmp(text.data, "small", 5) == 0);
    want(tr_next(texts, &text, small_and_huge) == 1 && text.size == NEARLY_A_FRAME);
    return tr_next(texts, &text, small_and_huge);
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

PLAY(be_ahead_by_messages)
PLAY(lose_the_oldest)
PLAY(lose_the_newest)
PLAY(fail_when_overrun)
PLAY(ask_for_bad_flows)
PLAY(call_beside_a_stalled_stream)
PLAY(mix_two)
PLAY(read_blobs)
PLAY(read_small_and_huge)
PLAY(ask_who_calls)
PLAY(put_off_a_deadline)

SUCCEEDS(a_producer_is_as_many_messages_ahead_as_was_asked_for, play_be_ahead_by_messages, "")
SUCCEEDS(a_reader_that_is_too_slow_may_lose_the_oldest, play_lose_the_oldest, "")
SUCCEEDS(or_the_newest, play_lose_the_newest, "")
SUCCEEDS(or_have_the_producer_cancelled, play_fail_when_overrun, "cancelled\n")
SUCCEEDS(a_flow_that_makes_no_sense_is_refused, play_ask_for_bad_flows, NULL)
SUCCEEDS(a_stalled_stream_does_not_keep_calls_waiting, play_call_beside_a_stalled_stream, "cancelled\n")
SUCCEEDS(several_sources_flow_into_one_stream, play_mix_two, "")
SUCCEEDS(a_long_byte_string_comes_in_pieces, play_read_blobs, "")
SUCCEEDS(what_fits_a_frame_is_sent_whatever_was_sent_before, play_read_small_and_huge, "")
SUCCEEDS(a_function_knows_who_calls, play_ask_who_calls, "")
SUCCEEDS(a_deadline_that_is_put_off_is_the_producers_too, play_put_off_a_deadline, "")

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

static double cut_after;            /* seconds */

static int read_through_for_a_while(void *arg)
{
    tr_scope limit = tr_move_on_after(cut_after);
    return tr_within(&limit, read_through_for_ever(arg));
}

/* Also while it is being built. */
static void a_pipeline_may_be_cut_at_any_time(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct theatre *theatre = raise_curtain(seed, read_through_for_a_while);
        cut_after = 0.0005 * (double)seed + (seed % 7 == 0 ? 1 : 0);
        expect_outcome(theatre, NULL);
        expect_nothing_left(theatre);
    }
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

/* Several windows, and more writes than that, though many values leave in one. */
enum { LAST = 20000 };
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
        run_steps(theatre, seed * 7919 % 500);
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
        cmocka_unit_test(what_fits_a_frame_is_sent_whatever_was_sent_before),
        cmocka_unit_test(a_function_knows_who_calls),
        cmocka_unit_test(a_deadline_that_is_put_off_is_the_producers_too),
        cmocka_unit_test(the_end_and_the_pressure_back_pass_through_a_pipeline),
        cmocka_unit_test(leaving_a_pipeline_cancels_all_of_it),
        cmocka_unit_test(a_pipeline_may_be_cut_at_any_time),
        cmocka_unit_test(a_death_at_the_source_arrives_at_the_end),
        cmocka_unit_test(whoever_dies_what_has_arrived_is_a_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Topics under hardship in the fake world: subscribers that are behind, that come and go all the time, that die; a
 * publisher that dies, is told to end, or runs out of memory. */
#include "scenarios/exchange.h"

#include <math.h>

struct one_of_many {
    tr_portal *publisher;
    int number;
};

static int come_and_go(void *arg)
{
    static const char *const names[] = {"A", "B", "C", "D"};
    struct one_of_many *one = arg;
    for (int i = 0; i < 3; i++) {
        tr_try(tr_sleep(0.13 * one->number));
        tr_try(subscribe(one->publisher, names[(one->number + i) % 4], names[(one->number + 1) % 4], 2 + one->number));
    }
    return 0;
}

static int run_many(tr_portal *publisher)
{
    tr_auto(nursery) n = tr_open_nursery();
    struct one_of_many many[8];
    for (int i = 0; i < 8; i++) {
        many[i] = (struct one_of_many){publisher, i};
        tr_try(tr_start_soon(n, come_and_go, &many[i]));
    }
    return tr_join(n);
}

static int many_tasks(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *publisher;
    tr_try(start_publisher(n, &publisher));
    tr_try(run_many(publisher));
    if (seen.running > 0)
        return tr_raise("test.Failed", "there is a producer without subscribers");
    tr_cancel(n);
    return 0;
}

static void many_tasks_of_one_actor_come_and_go(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct theatre *theatre = raise_curtain(seed, many_tasks);
        expect_outcome(theatre, NULL);
        assert_int_equal(count_of(theatre, "subscriber leaves"), 24);
        assert_int_equal(count_of(theatre, "producer begins"), count_of(theatre, "producer ends"));
        expect_nothing_left(theatre);
    }
}

/* ---- who is behind --------------------------------------------------------------------------------------- */

/* As fast as it may. */
static int produce_fast(tr_publisher *to, void *arg)
{
    (void)arg;
    tr_try(tr_wait_topic(to, "X"));
    tr_try(tr_wait_topic(to, "Y"));
    for (int64_t i = 1;; i++) {
        tr_try(tr_publish(to, quote, "X", {"X", i}));
        tr_try(tr_publish(to, quote, "Y", {"Y", i}));
        seen.published = i;
        tr_try(tr_sleep(0.001));
    }
}

tr_stream_fn(quote, fast_quotes, (tr_list_tr_str, symbols))
{
    return tr_serve_topics(ctx, "fast", args->symbols, produce_fast, NULL);
}

/* A reader that reads nothing, and one that reads for two seconds; how far the producer came. */
static int read_beside(tr_portal *publisher, const tr_flow *flow, int64_t *ret_published)
{
    tr_auto(stream) slow = NULL;
    tr_auto(stream) mine = NULL;
    quote got;
    tr_try(tr_open_stream_with(publisher, &slow, flow, fast_quotes, .symbols = tr_names("X")));
    tr_try(tr_open_stream(publisher, &mine, fast_quotes, .symbols = tr_names("Y")));
    double until = tr_now() + 2;
    while (tr_now() < until) {
        tr_scope limit = tr_move_on_at(until);
        tr_try(tr_within(&limit, tr_next(mine, &got, fast_quotes)));
    }
    *ret_published = seen.published;
    return 0;
}

static int compare_flows(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *publisher;
    int64_t blocked = 0, dropping = 0;
    tr_try(start_publisher(n, &publisher));
    tr_try(read_beside(publisher, &(tr_flow){.messages = 10}, &blocked));
    tr_try(read_beside(publisher, &(tr_flow){.messages = 10, .overrun = TR_DROP_OLDEST}, &dropping));
    if (blocked < 9 || blocked > 11 || dropping < 500)
        return tr_raise("test.Failed", "%ld beside one that blocks, %ld beside one that drops", (long)blocked,
                        (long)dropping);
    tr_cancel(n);
    return 0;
}

static void a_slow_subscriber_holds_up_the_others_unless_it_drops(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, compare_flows);
    expect_outcome(theatre, NULL);
    expect_nothing_left(theatre);
}

/* How a subscriber leaves: as its caller does, or later, or by itself. */
enum leaving { AT_ONCE, LATE, BY_ITSELF };

static const double ITS_TIME_S = 2.5;

tr_stream_fn(quote, fast_quotes_until, (tr_list_tr_str, symbols), (int32_t, leaving))
{
    tr_scope limit = tr_move_on_after(args->leaving == AT_ONCE ? INFINITY : ITS_TIME_S);
    limit.shield = args->leaving == LATE;
    return tr_within(&limit, tr_serve_topics(ctx, "fast", args->symbols, produce_fast, NULL));
}

/* The producer waits for the slow one alone, with its second Y, which the other has had; when that leaves, it goes on. */
static int leave_while_waited_for(tr_portal *publisher, tr_stream *mine, enum leaving leaving)
{
    tr_auto(stream) slow = NULL;
    quote got;
    tr_try(tr_open_stream_with(publisher, &slow, &(tr_flow){.messages = 3}, fast_quotes_until,
                               .symbols = tr_names("X", "Y"), .leaving = leaving));
    for (int i = 1; i <= 2; i++)
        if (tr_next(mine, &got, fast_quotes) != 1 || got.number != i)
            return tr_raise("test.Failed", "not number %d", i);
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, tr_next(mine, &got, fast_quotes)));
    if (!limit.cancelled_caught)
        return tr_raise("test.Failed", "the producer does not wait");
    return leaving == BY_ITSELF ? tr_sleep(ITS_TIME_S) : 0;
}

static int one_leaves(enum leaving leaving)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *publisher;
    quote got;
    tr_try(start_publisher(n, &publisher));
    {
        tr_auto(stream) mine = NULL;
        tr_try(tr_open_stream(publisher, &mine, fast_quotes, .symbols = tr_names("Y")));
        tr_try(leave_while_waited_for(publisher, mine, leaving));
        if (leaving != AT_ONCE && seen.published < 500) /* meanwhile */
            return tr_raise("test.Failed", "the producer waits for who does not listen");
        for (int64_t i = 3; i < 100; i++)
            if (tr_next(mine, &got, fast_quotes) != 1 || got.number != i)
                return tr_raise("test.Failed", "not number %ld but %ld", (long)i, (long)got.number);
    }
    tr_cancel(n);
    return 0;
}

static int one_leaves_at_once(void *arg)
{
    (void)arg;
    return one_leaves(AT_ONCE);
}

static int one_leaves_late(void *arg)
{
    (void)arg;
    return one_leaves(LATE);
}

static int one_leaves_by_itself(void *arg)
{
    (void)arg;
    return one_leaves(BY_ITSELF);
}

static void play_twenty_times(int (*director)(void *))
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct theatre *theatre = raise_curtain(seed, director);
        expect_outcome(theatre, NULL);
        expect_nothing_left(theatre);
    }
}

static void who_leaves_while_it_is_waited_for_lets_the_producer_go_on(void **state)
{
    (void)state;
    play_twenty_times(one_leaves_at_once);
}

static void so_does_one_whose_function_is_slow_to_notice(void **state)
{
    (void)state;
    play_twenty_times(one_leaves_late);
}

static void and_one_whose_time_is_over(void **state)
{
    (void)state;
    play_twenty_times(one_leaves_by_itself);
}

/* ---- deaths ---------------------------------------------------------------------------------------------- */

static int read_on(tr_portal *publisher)
{
    tr_auto(stream) mine = NULL;
    quote got;
    int rc = tr_open_stream(publisher, &mine, quotes, .symbols = tr_names("Y"));
    say("reads");
    for (int i = 0; i < 100 && rc >= 0; i++)
        rc = tr_next(mine, &got, quotes);
    say(rc > 0 ? "has read on" : "could not read on");
    return rc;
}

/* Actor a is in a nursery of its own: its death is nobody else's. */
static int beside_one_that_dies(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *a;
    tr_try(tr_run_in_actor_with(n, &a, tr_options("a", .modules = tr_names("topics")), subscriber, .first = "X",
                                .second = "Y", .count = 1000000));
    return tr_join(n);
}

static int survive(void *arg)
{
    (void)arg;
    tr_scope around = tr_cancel_scope();
    int rc = tr_within(&around, beside_one_that_dies());
    say(rc < 0 && tr_error_is(tr_last_error(), "ActorDied") ? "it died" : "it did not die");
    return 0;
}

static int others_live_on(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *publisher;
    tr_try(start_publisher(n, &publisher));
    tr_try(tr_start_soon(n, survive, NULL));
    tr_try(read_on(publisher));
    tr_cancel(n);
    return 0;
}

static void a_killed_subscriber_is_forgotten_and_the_others_read_on(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct theatre *theatre = raise_curtain(seed, others_live_on);
        run_until_said(theatre, "wanted: Y X");
        run_for(theatre, 0.01 * (double)seed);
        kill_actor(theatre, "a");
        expect_outcome(theatre, NULL);
        assert_int_equal(count_of(theatre, "it died"), 1);
        assert_int_equal(count_of(theatre, "has read on"), 1);
        assert_int_equal(count_of(theatre, "producer begins"), 1);
        expect_nothing_left(theatre);
    }
}

static void a_killed_publisher_ends_all_streams_with_its_death(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, others_live_on);
    run_until_said(theatre, "wanted: Y X");
    kill_actor(theatre, "publisher");
    expect_outcome(theatre, "ActorDied");
    assert_int_equal(count_of(theatre, "could not read on"), 1);
    expect_nothing_left(theatre);
}

/* Reads nothing, and so is waited for. */
tr_fn(void, never_read)
{
    tr_auto(portal) publisher = NULL;
    tr_auto(stream) mine = NULL;
    tr_try(tr_wait_for_actor(&publisher, "publisher"));
    tr_try(tr_open_stream_with(publisher, &mine, &(tr_flow){.messages = 3}, fast_quotes, .symbols = tr_names("X")));
    return tr_sleep_forever();
}

static int run_one_that_never_reads(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_run_in_actor_with(n, NULL, tr_options("a", .modules = tr_names("topics")), never_read));
    return tr_join(n);
}

static int outlive_it(void *arg)
{
    (void)arg;
    tr_scope around = tr_cancel_scope();
    return tr_within(&around, run_one_that_never_reads()) < 0 ? 0 : tr_raise("test.Failed", "it did not die");
}

static int read_fast(tr_portal *publisher)
{
    tr_auto(stream) mine = NULL;
    quote got;
    tr_try(tr_open_stream(publisher, &mine, fast_quotes, .symbols = tr_names("Y")));
    for (int i = 1; i <= 100; i++) {
        if (tr_next(mine, &got, fast_quotes) != 1 || got.number != i)
            return tr_raise("test.Failed", "not number %d", i);
        if (i == 3)
            say("three");
        if (i == 4)
            say("four");
    }
    return 0;
}

static int others_are_held_up(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *publisher;
    tr_try(start_publisher(n, &publisher));
    tr_try(tr_start_soon(n, outlive_it, NULL));
    tr_try(read_fast(publisher));
    tr_cancel(n);
    return 0;
}

static void the_death_of_who_is_waited_for_lets_the_producer_go_on(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct theatre *theatre = raise_curtain(seed, others_are_held_up);
        run_until_said(theatre, "three");
        stop_actor(theatre, "a");
        run_for(theatre, 5);
        assert_null(strstr(theatre->said, "four"));
        kill_actor(theatre, "a");
        expect_outcome(theatre, NULL);
        expect_nothing_left(theatre);
    }
}

static int end_it(void *publisher)
{
    tr_try(tr_sleep(3));
    return tr_cancel_actor(publisher);
}

static int cancelled_publisher(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *publisher;
    tr_try(start_publisher(n, &publisher));
    tr_try(tr_start_soon(n, end_it, publisher));
    int rc = read_on(publisher);
    return rc == TR_EREMOTE && tr_error_is(tr_last_error(), "Cancelled") ? tr_join(n) : rc;
}

static void a_publisher_that_is_told_to_end_cancels_its_producer_and_its_streams(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct theatre *theatre = raise_curtain(seed, cancelled_publisher);
        expect_outcome(theatre, NULL);
        assert_int_equal(count_of(theatre, "could not read on"), 1);
        assert_int_equal(count_of(theatre, "producer ends"), 1);
        expect_nothing_left(theatre);
    }
}

/* ---- memory ---------------------------------------------------------------------------------------------- */

/* Whatever fails, nothing is left and nobody waits for ever. */
static void memory_may_run_out_at_any_allocation_of_the_publisher(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct theatre *theatre = raise_curtain(1 + n % 5, many_tasks);
        while (!world_find(theatre->world, "publisher"))
            assert_true(world_step(theatre->world));
        struct process *publisher = world_find(theatre->world, "publisher");
        process_fail_memory(publisher, n, n % 2 == 0);
        run_to_the_end(theatre);
        bool failed = process_failed(publisher) > 0;
        expect_nothing_left(theatre);
        if (!failed)
            break;
        assert_true(n < 5000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_tasks_of_one_actor_come_and_go),
        cmocka_unit_test(a_slow_subscriber_holds_up_the_others_unless_it_drops),
        cmocka_unit_test(who_leaves_while_it_is_waited_for_lets_the_producer_go_on),
        cmocka_unit_test(so_does_one_whose_function_is_slow_to_notice),
        cmocka_unit_test(and_one_whose_time_is_over),
        cmocka_unit_test(a_killed_subscriber_is_forgotten_and_the_others_read_on),
        cmocka_unit_test(the_death_of_who_is_waited_for_lets_the_producer_go_on),
        cmocka_unit_test(a_killed_publisher_ends_all_streams_with_its_death),
        cmocka_unit_test(a_publisher_that_is_told_to_end_cancels_its_producer_and_its_streams),
        cmocka_unit_test(memory_may_run_out_at_any_allocation_of_the_publisher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Who dies, is stopped, or cannot be reached, and what becomes of those who had to do with them. */
#define TR_MODULE "death"
#include "scenarios/theatre.h"

#include <string.h>

static const double A_MOMENT_S = 0.05; /* for what happens at once */

tr_fn(int64_t, wait_for_ever)
{
    say("called");
    return tr_sleep_forever();
}

tr_fn(int64_t, answer_in, (double, seconds))
{
    say("called");
    tr_try(tr_sleep(args->seconds));
    *ret = 42;
    return 0;
}

tr_fn(int64_t, compute_for, (double, seconds))
{
    say("called");
    process_spin(args->seconds);
    return 0;
}

tr_fn(int64_t, start_another, (tr_str, name))
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *portal;
    tr_try(tr_start_actor(nursery, &portal, args->name, .modules = tr_names("death")));
    return tr_call(portal, NULL, wait_for_ever);
}

tr_stream_fn(int64_t, count_to, (int64_t, last))
{
    for (int64_t i = 1; i <= args->last; i++)
        tr_try(tr_yield(ctx, i));
    return 0;
}

/* ---- what roots do ------------------------------------------------------------------------------- */

static int call_for_ever(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_start_actor(nursery, &donny, "donny", .modules = tr_names("death")));
    return tr_call(donny, NULL, wait_for_ever);
}

static int call_in_time(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    int64_t answer;
    tr_try(tr_start_actor(nursery, &donny, "donny", .modules = tr_names("death")));
    tr_scope limit = tr_fail_after(5);
    tr_try(tr_within(&limit, tr_call(donny, &answer, answer_in, .seconds = 1)));
    say("answered");
    tr_try(tr_cancel_actor(donny));
    return tr_join(nursery);
}

static int call_and_cancel(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_start_actor(nursery, &donny, "donny", .modules = tr_names("death")));
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, tr_call(donny, NULL, compute_for, .seconds = 3600)));
    tr_try(tr_cancel_actor(donny));
    return tr_join(nursery);
}

static int three_generations(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *parent;
    tr_try(tr_start_actor(nursery, &parent, "parent", .modules = tr_names("death")));
    return tr_call(parent, NULL, start_another, .name = "child");
}

static int count_far(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_start_actor(nursery, &donny, "donny", .modules = tr_names("death")));
    tr_auto(stream) numbers = NULL;
    tr_try(tr_open_stream(donny, &numbers, count_to, .last = 20000));
    int64_t number, expected = 0;
    int rc;
    while ((rc = tr_next(numbers, &number, count_to)) > 0)
        if (number != ++expected)
            return tr_raise("test.Failed", "%lld came instead of %lld", (long long)number,
                            (long long)expected);
    tr_try(rc);
    tr_try(tr_cancel_actor(donny));
    tr_try(tr_join(nursery));
    return expected == 20000 ? 0 : tr_raise("test.Failed", "%lld came", (long long)expected);
}

static int just_wait(void *arg)
{
    (void)arg;
    say("waiting");
    return tr_sleep_forever();
}

/* ---- death --------------------------------------------------------------------------------------- */

static void a_killed_actor_ends_the_call_on_it_at_once(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, call_for_ever);
    run_until_said(theatre, "called");
    run_for(theatre, 10);
    double killed = seconds_now(theatre);
    kill_actor(theatre, "donny");
    expect_outcome(theatre, "ActorDied");
    assert_true(seconds_now(theatre) - killed < A_MOMENT_S);
    expect_nothing_left(theatre);
}

static void a_killed_root_takes_everybody_with_it(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(2, three_generations);
    run_until_said(theatre, "called");
    double killed = seconds_now(theatre);
    kill_actor(theatre, "root");
    run_to_the_end(theatre);
    assert_true(seconds_now(theatre) - killed < A_MOMENT_S);
    expect_nothing_left(theatre);
}

static void so_do_stopped_ones_end_when_their_root_is_killed(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(3, three_generations);
    run_until_said(theatre, "called");
    stop_actor(theatre, "child");
    stop_actor(theatre, "parent");
    kill_actor(theatre, "root");
    run_for(theatre, 1);
    expect_nothing_left(theatre);
}

static void an_error_climbs_two_generations(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(4, three_generations);
    run_until_said(theatre, "called");
    kill_actor(theatre, "child");
    expect_outcome(theatre, "actor child was killed by signal 9");
    expect_nothing_left(theatre);
}

static void an_actor_killed_before_its_greeting_fails_its_start(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(5, call_for_ever);
    while (!world_nth(theatre->world, 1))
        assert_true(world_step(theatre->world));
    world_kill(world_nth(theatre->world, 1), SIGKILL);
    expect_outcome(theatre, "StartFailed");
    expect_nothing_left(theatre);
}

static void wherever_in_its_life_it_is_killed_nothing_is_left(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct theatre *theatre = raise_curtain(6, call_in_time);
        while (!world_nth(theatre->world, 1))
            assert_true(world_step(theatre->world));
        struct process *donny = world_nth(theatre->world, 1);
        process_kill_at(donny, n);
        run_to_the_end(theatre);
        bool untouched = process_signal(donny) == 0;
        assert_true(untouched || strstr(theatre->outcome, "was killed by signal 9") || !theatre->outcome[0]);
        expect_nothing_left(theatre);
        if (untouched)
            break;
        assert_true(n < 1000);
    }
}

/* ---- those who do not answer --------------------------------------------------------------------- */

static void a_stopped_actor_ends_within_its_bounds(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(7, call_in_time);
    run_until_said(theatre, "called");
    double called = seconds_now(theatre);
    stop_actor(theatre, "donny");
    expect_outcome(theatre, "TooSlow");
    assert_true(seconds_now(theatre) - called < 5 + 2 + 1 + 1 + A_MOMENT_S); /* deadline, grace, ladder */
    expect_nothing_left(theatre);
}

static void an_actor_that_computes_is_ended_all_the_same(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(8, call_and_cancel);
    expect_outcome(theatre, NULL);
    assert_true(seconds_now(theatre) < 1 + 1 + 2 + 1 + 1 + 1); /* the clock begins at 1 */
    expect_nothing_left(theatre);
}

static void a_stopped_actor_that_goes_on_in_time_answers(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(9, call_in_time);
    run_until_said(theatre, "called");
    stop_actor(theatre, "donny");
    run_for(theatre, 3);
    wake_actor(theatre, "donny");
    expect_outcome(theatre, NULL);
    expect_nothing_left(theatre);
}

/* ---- connections --------------------------------------------------------------------------------- */

static void a_cut_that_heals_in_time_is_not_noticed(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(10, call_in_time);
    run_until_said(theatre, "called");
    cut_actors(theatre, "root", "donny");
    run_for(theatre, 4);
    heal_actors(theatre, "root", "donny");
    expect_outcome(theatre, NULL);
    expect_nothing_left(theatre);
}

static void a_call_over_a_cut_connection_ends_by_its_deadline(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(11, call_in_time);
    run_until_said(theatre, "called");
    cut_actors(theatre, "root", "donny");
    expect_outcome(theatre, "TooSlow");
    expect_nothing_left(theatre);
}

static void a_broken_connection_ends_the_calls_on_it(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(12, call_for_ever);
    run_until_said(theatre, "called");
    reset_actors(theatre, "root", "donny");
    expect_outcome(theatre, "ActorDied");
    expect_nothing_left(theatre);
}

static void a_stream_through_tiny_buffers_arrives_whole(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(13, count_far);
    world_weather(theatre->world)->buffer = 256;
    world_weather(theatre->world)->split = 500;
    expect_outcome(theatre, NULL);
    expect_nothing_left(theatre);
}

static void a_dead_arbiters_path_is_taken_over(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(14, just_wait);
    theatre->arbiter = "unix:/run/stage";
    run_until_said(theatre, "waiting");
    world_kill(theatre->root, SIGKILL);
    assert_int_equal(world_paths(theatre->world), 1);
    theatre->said[0] = '\0';
    struct process *heir = another_root(theatre);
    run_until_said(theatre, "waiting");
    assert_true(process_alive(heir));
    world_kill(heir, SIGTERM);
    run_for(theatre, 1);
    assert_int_equal(world_paths(theatre->world), 0); /* told in time, it removes it */
}

/* The first root is the arbiter; the second watches with it for somebody who never comes. */
static int ask_the_arbiter(void *arg)
{
    (void)arg;
    tr_auto(portal) arbiter = NULL;
    tr_auto(stream) changes = NULL;
    tr_actor_event nobody;
    tr_try(tr_get_arbiter(&arbiter));
    if (strcmp(tr_portal_actor(arbiter)->uuid, tr_current_actor()->uuid) == 0) {
        say("serving");
        return tr_sleep_forever();
    }
    tr_try(tr_watch_actors(&changes, "nobody"));
    say("asking");
    if (tr_next_actor(changes, &nobody) == TR_ENOARBITER)
        say("told");
    return 0;
}

static void run_steps(struct theatre *theatre, uint64_t steps)
{
    while (steps-- > 0 && world_step(theatre->world))
        continue;
}

static int call_and_wait_for_the_answer(void *arg)
{
    (void)arg;
    int64_t got = 0;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_start_actor(nursery, &donny, "donny", .modules = tr_names("death")));
    tr_ignore(tr_call(donny, &got, answer_in, .seconds = 1));
    say("over");
    tr_cancel(nursery);
    return tr_join(nursery);
}

/* It dies before or in its greeting, and when there was no memory for who it is. There is again, for the news. */
static void a_death_of_somebody_whom_there_was_no_memory_for(void **state)
{
    (void)state;
    for (uint64_t at = 1; at <= 30; at++) {
        for (uint64_t n = 1, sprung = 1; sprung > 0; n++) {
            struct theatre *theatre = raise_curtain(1, call_and_wait_for_the_answer);
            process_fail_memory(theatre->root, n, true);
            run_steps(theatre, at);
            process_fail_memory(theatre->root, UINT64_MAX, false);
            if (world_nth(theatre->world, 1))
                world_kill(world_nth(theatre->world, 1), SIGKILL);
            run_to_the_end(theatre);
            sprung = process_failed(theatre->root);
            expect_nothing_left(theatre);
        }
    }
}

/* Though its process and the connection live on. */
static void an_actor_that_cannot_write_any_more_is_lost_to_its_callers(void **state)
{
    (void)state;
    bool sprung = true;
    for (uint64_t n = 1; sprung; n++) {
        struct theatre *theatre = raise_curtain(1, call_and_wait_for_the_answer);
        run_until_said(theatre, "called");
        process_fail_calls(world_find(theatre->world, "donny"), n, false);
        run_for(theatre, 4);
        assert_non_null(strstr(theatre->said, "over"));
        run_to_the_end(theatre);
        sprung = process_failed(world_nth(theatre->world, 1));
        expect_nothing_left(theatre);
    }
}

static void a_death_behind_a_cut_is_heard_of_when_that_is_healed(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(15, ask_the_arbiter);
    theatre->arbiter = "tcp://127.0.0.1:7";
    run_until_said(theatre, "serving");
    struct process *other = another_root(theatre);
    run_until_said(theatre, "asking");
    run_for(theatre, 0.1); /* what is on its way arrives: unread, it would make the death a reset */
    assert_true(world_cut(theatre->root, other) > 0);
    world_kill(theatre->root, SIGKILL);
    run_for(theatre, 1);
    assert_null(strstr(theatre->said, "told"));
    (void)world_heal(theatre->root, other);
    run_until_said(theatre, "told");
    expect_nothing_left(theatre);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_actor_ends_the_call_on_it_at_once),
        cmocka_unit_test(a_killed_root_takes_everybody_with_it),
        cmocka_unit_test(so_do_stopped_ones_end_when_their_root_is_killed),
        cmocka_unit_test(an_error_climbs_two_generations),
        cmocka_unit_test(an_actor_killed_before_its_greeting_fails_its_start),
        cmocka_unit_test(wherever_in_its_life_it_is_killed_nothing_is_left),
        cmocka_unit_test(a_stopped_actor_ends_within_its_bounds),
        cmocka_unit_test(an_actor_that_computes_is_ended_all_the_same),
        cmocka_unit_test(a_stopped_actor_that_goes_on_in_time_answers),
        cmocka_unit_test(a_cut_that_heals_in_time_is_not_noticed),
        cmocka_unit_test(a_call_over_a_cut_connection_ends_by_its_deadline),
        cmocka_unit_test(a_broken_connection_ends_the_calls_on_it),
        cmocka_unit_test(a_stream_through_tiny_buffers_arrives_whole),
        cmocka_unit_test(a_dead_arbiters_path_is_taken_over),
        cmocka_unit_test(a_death_of_somebody_whom_there_was_no_memory_for),
        cmocka_unit_test(an_actor_that_cannot_write_any_more_is_lost_to_its_callers),
        cmocka_unit_test(a_death_behind_a_cut_is_heard_of_when_that_is_healed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The tools for users' tests, used as they would: tr_run_virtually on the real world with a clock that jumps. */
#include "support/tasks.h"

#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

/* A scenario that passes, in a run of its own. */
static void passes(int (*fn)(void *), uint64_t seed)
{
    int rc = tr_run_virtually(fn, NULL, .seed = seed);
    if (rc < 0)
        print_error("%s\n", tr_error_report(tr_last_error()));
    assert_true(rc >= 0);
}

#define ON_JUMPING_CLOCK(name)                                                                     \
    static int name##_(void *arg);                                                                 \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        passes(name##_, 0);                                                                        \
    }                                                                                              \
    static int name##_(void *arg)

/* ---- the clock ----------------------------------------------------------------------------------------------- */

ON_JUMPING_CLOCK(a_year_takes_no_time)
{
    (void)arg;
    expect(tr_now() == 0);
    tr_try(tr_sleep(365 * 24 * 3600.0));
    expect(tr_now() == 365 * 24 * 3600.0);
    return 0;
}

static int take_every(void *arg)
{
    double seconds = *(double *)arg;
    for (int i = 0; i < 10; i++)
        tr_try(tr_sleep(seconds));
    return 0;
}

ON_JUMPING_CLOCK(tasks_keep_step_with_each_other)
{
    (void)arg;
    double day = 86400, hour = 3600;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, take_every, &day));
    tr_try(tr_start_soon(n, take_every, &hour));
    tr_try(tr_join(n));
    expect(about(tr_now(), 10 * day));
    return 0;
}

ON_JUMPING_CLOCK(the_clock_stands_still_while_somebody_works)
{
    (void)arg;
    double start = tr_now();
    for (int i = 0; i < 1000; i++)
        tr_try(tr_checkpoint());
    expect(tr_now() == start);
    return 0;
}

static int tell_time(void *arg)
{
    *(double *)arg = tr_now();
    return 0;
}

static void the_clock_begins_where_it_is_told(void **state)
{
    (void)state;
    double now = 0;
    assert_int_equal(tr_run_virtually(tell_time, &now, .start = 5000), 0);
    assert_true(now == 5000); /* to the nanosecond */
}

/* A thread writes after a little real time; meanwhile the clock must not jump. */
static void *write_later(void *fd)
{
    usleep(20000); /* tidy: call: real time passing is what is tested */
    assert_int_equal(write(*(int *)fd, "x", 1), 1);
    return NULL;
}

static int wait_for_the_thread(void *arg)
{
    int *fds = arg;
    pthread_t thread;
    tr_scope limit = tr_move_on_after(1);
    if (pthread_create(&thread, NULL, write_later, &fds[1]) != 0)
        return -1;
    int rc = tr_within(&limit, tr_wait_readable(fds[0]));
    pthread_join(thread, NULL);
    expect(!limit.cancelled_caught);
    return rc;
}

static void the_threshold_gives_the_world_time(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(tr_run_virtually(wait_for_the_thread, fds, .threshold = 5), 0);
    close(fds[0]);
    close(fds[1]);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    assert_int_equal(tr_run_virtually(tell_time, NULL, .threshold = -1), TR_EARGUMENT);
    assert_int_equal(tr_run_virtually(tell_time, NULL, .start = NAN), TR_EARGUMENT);
    assert_int_equal(tr_run_virtually(NULL, NULL), TR_EARGUMENT);
}

static int run_again(void *arg)
{
    return tr_run_virtually(tell_time, arg);
}

static void a_run_inside_a_run_is_refused(void **state)
{
    (void)state;
    assert_int_equal(tr_run_virtually(run_again, NULL), TR_EMISUSE);
}

/* ---- seeds --------------------------------------------------------------------------------------------------- */

enum { RUNNERS = 6 };

struct arrival {
    int order[RUNNERS], count;
};

struct runner {
    struct arrival *arrival;
    int number;
};

/* One that can be stopped. */
struct stoppable {
    tr_scope scope;
    struct runner runner;
};

static int arrive(void *arg)
{
    struct runner *runner = arg;
    runner->arrival->order[runner->arrival->count++] = runner->number;
    return 0;
}

static int race(void *arg)
{
    struct runner runners[RUNNERS];
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < RUNNERS; i++) {
        runners[i] = (struct runner){arg, i};
        tr_try(tr_start_soon(n, arrive, &runners[i]));
    }
    return tr_join(n);
}

static void a_seed_decides_the_order_and_always_the_same(void **state)
{
    (void)state;
    struct arrival first = {.count = 0};
    int different = 0;
    assert_int_equal(tr_run_virtually(race, &first), 0);
    for (int i = 0; i < RUNNERS; i++)
        assert_int_equal(first.order[i], i); /* without a seed, in the order of their start */
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct arrival once = {.count = 0}, again = {.count = 0};
        assert_int_equal(tr_run_virtually(race, &once, .seed = seed), 0);
        assert_int_equal(tr_run_virtually(race, &again, .seed = seed), 0);
        assert_memory_equal(&once, &again, sizeof once);
        different += memcmp(&once, &first, sizeof once) != 0;
    }
    assert_true(different > 40);
}

/* ---- waiting for everybody to wait --------------------------------------------------------------------------- */

static int work_a_while(void *arg)
{
    for (int i = 0; i < 100; i++)
        tr_try(tr_checkpoint());
    *(bool *)arg = true;
    return tr_sleep_forever();
}

ON_JUMPING_CLOCK(waiting_ends_when_everybody_waits_and_before_the_clock_jumps)
{
    (void)arg;
    bool done = false;
    tr_auto(nursery) n = tr_open_nursery();
    double day = 86400, start = tr_now();
    tr_try(tr_start_soon(n, work_a_while, &done));
    tr_try(tr_start_soon(n, take_every, &day));
    tr_try(tr_wait_all_blocked(0));
    expect(done && tr_now() == start);
    tr_cancel(n);
    return tr_join(n);
}

static int wait_and_note(void *arg)
{
    struct runner *runner = arg;
    tr_try(tr_wait_all_blocked(runner->number / 1000.0));
    return arrive(arg);
}

ON_JUMPING_CLOCK(the_shortest_cushion_goes_first)
{
    (void)arg;
    struct arrival arrival = {.count = 0};
    struct runner a = {&arrival, 5}, b = {&arrival, 0}, c = {&arrival, 2};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, wait_and_note, &a));
    tr_try(tr_start_soon(n, wait_and_note, &b));
    tr_try(tr_start_soon(n, wait_and_note, &c));
    tr_try(tr_join(n));
    expect(arrival.order[0] == 0 && arrival.order[1] == 2 && arrival.order[2] == 5);
    return 0;
}

ON_JUMPING_CLOCK(waiting_for_the_others_can_be_cancelled)
{
    (void)arg;
    struct arrival arrival = {.count = 0};
    struct runner runner = {&arrival, 3000};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, wait_and_note, &runner));
    tr_try(tr_start_soon(n, wait_and_note, &runner));
    tr_try(tr_wait_all_blocked(0));
    tr_cancel(n);
    tr_try(tr_join(n));
    expect(arrival.count == 0);
    expect(tr_wait_all_blocked(-1) == TR_EARGUMENT && tr_wait_all_blocked(NAN) == TR_EARGUMENT);
    expect(tr_wait_all_blocked(INFINITY) == TR_EARGUMENT);
    return 0;
}

static int wait_in_a_scope(void *arg)
{
    struct stoppable *it = arg;
    return tr_within(&it->scope, wait_and_note(&it->runner));
}

/* Whichever of those who wait it is, the others are told when their moment has come. */
ON_JUMPING_CLOCK(one_of_those_who_wait_for_the_others_can_be_cancelled)
{
    (void)arg;
    for (int which = 0; which < 3; which++) {
        struct arrival arrival = {.count = 0};
        struct stoppable waiters[3];
        tr_auto(nursery) n = tr_open_nursery();
        for (int i = 0; i < 3; i++) {
            waiters[i] = (struct stoppable){tr_cancel_scope(), {&arrival, 1 + i}};
            tr_try(tr_start_soon(n, wait_in_a_scope, &waiters[i]));
        }
        tr_try(tr_wait_all_blocked(0));
        tr_scope_cancel(&waiters[which].scope);
        tr_try(tr_join(n));
        expect(waiters[which].scope.cancelled_caught && arrival.count == 2);
        expect(arrival.order[0] == (which == 0 ? 2 : 1) && arrival.order[1] == (which == 2 ? 2 : 3));
    }
    return 0;
}

static int wait_on_a_clock_that_runs(void *arg)
{
    bool done = false;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, work_a_while, &done));
    tr_try(tr_wait_all_blocked(0.001));
    *(bool *)arg = done;
    tr_cancel(n);
    return tr_join(n);
}

static void it_works_on_a_clock_that_runs(void **state)
{
    (void)state;
    bool done = false;
    assert_int_equal(tr_run(wait_on_a_clock_that_runs, &done), 0);
    assert_true(done);
}

/* ---- sequences ----------------------------------------------------------------------------------------------- */

struct script {
    tr_sequencer order;
    char said[16];
    int count;
};

static int say(struct script *script, char what)
{
    tr_try(tr_sleep(1)); /* the others must wait for it */
    script->said[script->count++] = what;
    return 0;
}

static int odd_lines(void *arg)
{
    struct script *script = arg;
    tr_try(tr_in_sequence(&script->order, 1, say(script, 'b')));
    return tr_in_sequence(&script->order, 3, say(script, 'd'));
}

static int even_lines(void *arg)
{
    struct script *script = arg;
    tr_try(tr_in_sequence(&script->order, 0, say(script, 'a')));
    tr_try(tr_in_sequence(&script->order, 2, say(script, 'c')));
    return tr_in_sequence(&script->order, 4, say(script, 'e'));
}

static int play(void *arg)
{
    (void)arg;
    struct script script = {.count = 0};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, odd_lines, &script));
    tr_try(tr_start_soon(n, even_lines, &script));
    tr_try(tr_join(n));
    expect(strcmp(script.said, "abcde") == 0);
    return 0;
}

static void pieces_run_in_sequence_whatever_the_schedule(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++)
        passes(play, seed);
}

static int wait_for_turn_five(void *arg)
{
    return tr_in_sequence((tr_sequencer *)arg, 5, 0);
}

struct waiter {
    tr_sequencer *order;
    int rc;
};

static int tell_how_turn_seven_went(void *arg)
{
    struct waiter *waiter = arg;
    waiter->rc = tr_in_sequence(waiter->order, 7, 0);
    return 0;
}

ON_JUMPING_CLOCK(a_cancelled_turn_breaks_the_sequence_for_all)
{
    (void)arg;
    tr_sequencer order = {0};
    struct waiter waiter = {&order, 0};
    tr_auto(nursery) n = tr_open_nursery();
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_start_soon(n, tell_how_turn_seven_went, &waiter));
    tr_try(tr_within(&limit, tr_in_sequence(&order, 3, 0)));
    expect(limit.cancelled_caught);
    expect(tr_in_sequence(&order, 0, 0) == TR_EBROKEN);
    tr_try(tr_join(n));
    expect(waiter.rc == TR_EBROKEN);
    return 0;
}

ON_JUMPING_CLOCK(the_turn_that_is_next_can_be_cancelled_too)
{
    (void)arg;
    tr_sequencer order = {0};
    tr_scope now = tr_cancel_scope();
    tr_scope_cancel(&now);
    tr_try(tr_within(&now, tr_in_sequence(&order, 0, 0)));
    expect(now.cancelled_caught);
    expect(tr_in_sequence(&order, 1, 0) == TR_EBROKEN);
    return 0;
}

ON_JUMPING_CLOCK(each_turn_is_taken_once)
{
    (void)arg;
    tr_sequencer order = {0};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, wait_for_turn_five, &order));
    tr_try(tr_wait_all_blocked(0));
    expect(tr_in_sequence(&order, 5, 0) == TR_EMISUSE); /* somebody waits for it */
    expect(tr_in_sequence(&order, 0, 7) == 7);
    expect(tr_in_sequence(&order, 0, 7) == TR_EMISUSE); /* over */
    expect(tr_in_sequence(&order, 1, tr_in_sequence(&order, 1, 0)) == TR_EMISUSE); /* under way */
    tr_cancel(n);
    return tr_join(n);
}

static int take_the_first_turn(void *arg)
{
    return tr_in_sequence((tr_sequencer *)arg, 0, 0);
}

ON_JUMPING_CLOCK(of_two_who_come_at_once_one_has_the_turn)
{
    (void)arg;
    tr_sequencer order = {0};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, take_the_first_turn, &order));
    tr_try(tr_start_soon(n, take_the_first_turn, &order));
    expect(tr_join(n) == TR_EMISUSE);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_year_takes_no_time),
        cmocka_unit_test(tasks_keep_step_with_each_other),
        cmocka_unit_test(the_clock_stands_still_while_somebody_works),
        cmocka_unit_test(the_clock_begins_where_it_is_told),
        cmocka_unit_test(the_threshold_gives_the_world_time),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(a_run_inside_a_run_is_refused),
        cmocka_unit_test(a_seed_decides_the_order_and_always_the_same),
        cmocka_unit_test(waiting_ends_when_everybody_waits_and_before_the_clock_jumps),
        cmocka_unit_test(the_shortest_cushion_goes_first),
        cmocka_unit_test(waiting_for_the_others_can_be_cancelled),
        cmocka_unit_test(one_of_those_who_wait_for_the_others_can_be_cancelled),
        cmocka_unit_test(it_works_on_a_clock_that_runs),
        cmocka_unit_test(pieces_run_in_sequence_whatever_the_schedule),
        cmocka_unit_test(a_cancelled_turn_breaks_the_sequence_for_all),
        cmocka_unit_test(the_turn_that_is_next_can_be_cancelled_too),
        cmocka_unit_test(each_turn_is_taken_once),
        cmocka_unit_test(of_two_who_come_at_once_one_has_the_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

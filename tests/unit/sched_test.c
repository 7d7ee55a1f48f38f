/* Time, cancel scopes and what belongs to a task, on the virtual clock: trio's semantics, case by case. */
#include "support/dies.h"
#include "support/tasks.h"

#include "base/error.h"
#include "clock_world.h"
#include "sched/task.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

/* ---- time -------------------------------------------------------------------------------------------------- */

static int a_sleep_takes_the_time_it_says(void *arg)
{
    (void)arg;
    double start = tr_now();
    tr_try(tr_sleep(365 * 24 * 3600.0));
    expect(about(tr_now() - start, 365 * 24 * 3600.0));
    tr_try(tr_sleep_until(start)); /* in the past: a checkpoint */
    expect(tr_sleep(-1) == TR_EARGUMENT);
    expect(tr_sleep(NAN) == TR_EARGUMENT);
    return tr_sleep(0);
}

static int sleepers_wake_in_the_order_of_their_deadlines(void *arg)
{
    static char order[4];
    static int woken;
    if (arg) {
        const char *who = arg;
        tr_try(tr_sleep(*who - '0'));
        order[woken++] = *who;
        return 0;
    }
    woken = 0;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, sleepers_wake_in_the_order_of_their_deadlines, "3"));
    tr_try(tr_start_soon(n, sleepers_wake_in_the_order_of_their_deadlines, "1"));
    tr_try(tr_start_soon(n, sleepers_wake_in_the_order_of_their_deadlines, "2"));
    tr_try(tr_join(n));
    expect(memcmp(order, "123", 3) == 0);
    return 0;
}

static int yield_until(void *arg)
{
    bool *done = arg;
    while (!*done)
        tr_try(tr_checkpoint());
    return 0;
}

static int set_after_a_second(void *arg)
{
    tr_try(tr_sleep(1));
    *(bool *)arg = true;
    return 0;
}

static int a_deadline_ends_a_task_that_yields_in_a_loop(void *arg)
{
    (void)arg;
    bool done = false;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, set_after_a_second, &done));
    tr_scope limit = tr_move_on_after(0); /* this clock stands still while anybody is busy */
    tr_try(tr_within(&limit, yield_until(&done)));
    expect(limit.cancelled_caught);
    return tr_join(n);
}

/* ---- scopes -------------------------------------------------------------------------------------------------- */

static int cancelled_again_and_again(void)
{
    expect(tr_sleep_forever() == TR_ECANCELLED);
    for (int i = 0; i < 3; i++) {
        expect(tr_checkpoint() == TR_ECANCELLED);
        expect(tr_sleep(1) == TR_ECANCELLED);
    }
    return TR_ECANCELLED;
}

static int cancellation_is_level_triggered(void *arg)
{
    (void)arg;
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, cancelled_again_and_again()));
    expect(limit.cancelled_caught && limit.cancel_called);
    return tr_checkpoint();
}

static int clean_up_shielded(double *ret_took)
{
    double start = tr_now();
    int rc = tr_sleep_forever();
    tr_scope shield = tr_shield();
    tr_try(tr_within(&shield, tr_sleep(5)));
    *ret_took = tr_now() - start;
    return rc;
}

static int a_shield_lets_work_finish_in_a_cancelled_scope(void *arg)
{
    (void)arg;
    double took = 0;
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, clean_up_shielded(&took)));
    expect(limit.cancelled_caught && about(took, 6));
    return 0;
}

static int sleep_in(tr_scope *scope)
{
    return tr_within(scope, tr_sleep_forever());
}

static int only_the_scope_that_was_cancelled_absorbs(void *arg)
{
    (void)arg;
    tr_scope outer = tr_move_on_after(1), inner = tr_move_on_after(2);
    tr_try(tr_within(&outer, sleep_in(&inner)));
    expect(outer.cancelled_caught && !inner.cancelled_caught && !inner.cancel_called);
    tr_scope late = tr_move_on_after(2), soon = tr_move_on_after(1);
    tr_try(tr_within(&late, sleep_in(&soon)));
    expect(!late.cancelled_caught && soon.cancelled_caught);
    tr_scope both = tr_move_on_after(1), same = tr_move_on_after(1);
    tr_try(tr_within(&both, sleep_in(&same)));
    expect(both.cancelled_caught && !same.cancelled_caught); /* the outer one's is seen through it */
    return 0;
}

static int a_deadline_in_the_past_cancels_at_the_first_checkpoint(void *arg)
{
    (void)arg;
    tr_scope past = tr_move_on_at(tr_now() - 1), now = tr_move_on_after(0);
    tr_try(tr_within(&past, tr_sleep_forever()));
    tr_try(tr_within(&now, tr_sleep_forever()));
    expect(past.cancelled_caught && now.cancelled_caught);
    tr_scope unneeded = tr_move_on_at(tr_now() - 1);
    expect(tr_within(&unneeded, 7) == 7); /* no checkpoint, no cancellation */
    expect(!unneeded.cancelled_caught);
    return 0;
}

static int fail_after_is_an_error_of_its_own(void *arg)
{
    (void)arg;
    tr_scope limit = tr_fail_after(1);
    expect(tr_within(&limit, tr_sleep_forever()) == TR_ETIMEOUT);
    expect(tr_error_is(tr_last_error(), "TooSlow"));
    tr_scope enough = tr_fail_after(1);
    return tr_within(&enough, tr_sleep(0.5));
}

static int fail_at_is_the_same_by_the_clock(void *arg)
{
    (void)arg;
    double start = tr_now();
    tr_scope limit = tr_fail_at(start + 1);
    expect(tr_within(&limit, tr_sleep_forever()) == TR_ETIMEOUT);
    expect(tr_error_is(tr_last_error(), "TooSlow") && tr_now() == start + 1);
    tr_scope enough = tr_fail_at(tr_now() + 1);
    return tr_within(&enough, tr_sleep(0.5));
}

static tr_scope *target;

static int cancel_target(void *arg)
{
    (void)arg;
    tr_try(tr_sleep(1));
    tr_scope_cancel(target);
    return 0;
}

static int postpone_target(void *arg)
{
    (void)arg;
    tr_try(tr_sleep(0.5));
    tr_scope_set_deadline(target, target->deadline + 9);
    return 0;
}

/* Sleeps in the scope while another task does something to it; how long that took. */
static int sleep_while(tr_scope *scope, int (*other)(void *), double *ret_took)
{
    double start = tr_now();
    tr_auto(nursery) n = tr_open_nursery();
    target = scope;
    tr_try(tr_start_soon(n, other, NULL));
    tr_try(tr_within(scope, tr_sleep_forever()));
    *ret_took = tr_now() - start;
    return tr_join(n);
}

static int a_scope_can_be_cancelled_and_postponed_by_another_task(void *arg)
{
    (void)arg;
    double took;
    tr_scope scope = tr_cancel_scope(), limit = tr_move_on_after(1);
    tr_try(sleep_while(&scope, cancel_target, &took));
    expect(about(took, 1) && scope.cancelled_caught);
    tr_try(sleep_while(&limit, postpone_target, &took));
    expect(about(took, 10) && limit.cancelled_caught);
    return 0;
}

static int unshield_from_outside(void *arg)
{
    tr_try(tr_sleep(1));
    tr_scope_set_shield(arg, false);
    return 0;
}

static int sleep_shielded(void *arg)
{
    return sleep_in(arg);
}

static int a_shield_that_is_lifted_lets_cancellation_in(void *arg)
{
    (void)arg;
    double start = tr_now();
    tr_scope shield = tr_shield();
    tr_auto(nursery) around = tr_open_nursery();
    tr_try(tr_start_soon(around, unshield_from_outside, &shield));
    {
        tr_auto(nursery) inside = tr_open_nursery();
        tr_try(tr_start_soon(inside, sleep_shielded, &shield));
        tr_try(tr_checkpoint());
        tr_cancel(inside);
        tr_try(tr_join(inside));
    }
    expect(about(tr_now() - start, 1));
    return tr_join(around);
}

static int a_scope_cancelled_before_it_is_entered_is_cancelled_then(void *arg)
{
    (void)arg;
    tr_scope scope = tr_cancel_scope();
    tr_scope_cancel(&scope);
    tr_try(tr_within(&scope, tr_sleep_forever()));
    expect(scope.cancelled_caught);
    return 0;
}

static int scopes_refuse_nonsense(void *arg)
{
    (void)arg;
    tr_scope negative = tr_move_on_after(-1), nan = tr_move_on_at(NAN), used = tr_cancel_scope();
    expect(tr_within(&negative, 0) == TR_EARGUMENT);
    expect(tr_within(&nan, 0) == TR_EARGUMENT);
    expect(tr_within(&used, tr_within(&used, 0)) == TR_EMISUSE);
    return 0;
}

static int the_effective_deadline_is_the_nearest_that_reaches_in(void *arg)
{
    (void)arg;
    expect(isinf(tr_effective_deadline()));
    tr_scope far = tr_move_on_after(9), near = tr_move_on_after(3);
    double now = tr_now(), nearest = 0, shielded = 0;
    tr_scope shield = tr_shield();
    tr_try(tr_within(&far, tr_within(&near, (nearest = tr_effective_deadline(), 0))));
    tr_try(tr_within(&far, tr_within(&shield, (shielded = tr_effective_deadline(), 0))));
    expect(about(nearest, now + 3) && isinf(shielded));
    return 0;
}

static int in_a_cancelled_scope_no_time_is_left(void *arg)
{
    (void)arg;
    tr_scope cancelled = tr_move_on_after(9), inside = tr_move_on_after(3), shield = tr_shield();
    double direct = 0, further_in = 0, shielded = 0;
    tr_try(tr_within(&cancelled, (tr_scope_cancel(&cancelled), direct = tr_effective_deadline(),
                                  tr_within(&inside, (further_in = tr_effective_deadline(), 0)))));
    cancelled = tr_move_on_after(9);
    cancelled.cancel_called = true;
    tr_try(tr_within(&cancelled, tr_within(&shield, (shielded = tr_effective_deadline(), 0))));
    expect(direct == -INFINITY && further_in == -INFINITY && shielded == INFINITY);
    return 0;
}

static int nest(int depth)
{
    tr_scope scope = tr_cancel_scope();
    return depth == 0 ? tr_sleep_forever() : tr_within(&scope, nest(depth - 1));
}

static char reason[128];

static int note_the_reason(void *arg)
{
    (void)arg;
    int rc = tr_sleep_forever();
    snprintf(reason, sizeof reason, "%s", tr_cancel_reason());
    return rc;
}

static int leave_it_waiting(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, note_the_reason, NULL));
    return tr_checkpoint();
}

static int fail_beside_it(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, note_the_reason, NULL));
    tr_try(tr_start_soon(n, fail_after_a_second, NULL));
    return tr_join(n);
}

static int fail_in_a_block_inside(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, fail_after_a_second, NULL));
    tr_scope shield = tr_shield();
    return tr_within(&shield, tr_sleep(2)); /* and leaves it without a join */
}

static int fail_inside(void)
{
    tr_ignore(fail_in_a_block_inside());
    return note_the_reason(NULL);
}

static int the_reason_of_a_cancellation_is_known(void *arg)
{
    (void)arg;
    expect(tr_cancel_reason()[0] == 0);
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, note_the_reason(NULL)));
    expect(strcmp(reason, "deadline") == 0);
    tr_scope asked = tr_cancel_scope();
    tr_scope_cancel(&asked);
    tr_try(tr_within(&asked, note_the_reason(NULL)));
    expect(strcmp(reason, "explicit") == 0);
    tr_try(leave_it_waiting());
    expect(strcmp(reason, "left early") == 0);
    expect(fail_beside_it() == TR_ERAISED);
    expect(strcmp(reason, "sibling failed: app.Late: late") == 0);
    tr_scope around = tr_cancel_scope();
    expect(tr_within(&around, fail_inside()) == TR_ERAISED);
    expect(strcmp(reason, "block inside failed: app.Late: late") == 0);
    limit = tr_move_on_after(1);
    tr_scope shield = tr_shield();
    tr_try(tr_within(&limit, tr_within(&shield, (tr_ignore(tr_sleep(2)), *tr_cancel_reason()))));
    expect(limit.cancel_called); /* but the reason did not reach in */
    return tr_cancel_reason()[0];
}

static int cancellation_reaches_a_hundred_scopes_deep(void *arg)
{
    (void)arg;
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, nest(100)));
    expect(limit.cancelled_caught);
    return 0;
}

/* No value of an expression means anything but itself. */
static int a_scope_returns_any_value_of_its_expression(void *arg)
{
    (void)arg;
    tr_scope scope = tr_move_on_after(1);
    expect(tr_within(&scope, INT_MIN) == INT_MIN);
    tr_lock lock = {0};
    expect(tr_holding(&lock, INT_MIN) == INT_MIN && !tr_locked(&lock));
    expect(tr_within(NULL, 1) == TR_EMISUSE);
    tr_scope_cancel(NULL);
    tr_scope_set_shield(NULL, true);
    return tr_sleep(2);
}

/* ---- memory of a task ------------------------------------------------------------------------------------------ */

static int frames_hold_what_is_allocated_in_them(void *arg)
{
    (void)arg;
    const char *outer = tr_format("%s-%d", "outer", 1);
    for (int i = 0; i < 100; i++) {
        tr_auto(frame) frame = tr_open_frame();
        memset(tr_alloc(10000), i, 10000);
        expect(strcmp(tr_format("%d", 7), "7") == 0);
    }
    expect(strcmp(outer, "outer-1") == 0);
    return 0;
}

static size_t memory_in_use(void)
{
    return ((struct clock_world *)runtime->sys)->alive;
}

/* Which is kept for the next. */
static void open_and_close_one(void)
{
    tr_auto(frame) frame = tr_open_frame();
    (void)tr_alloc(frame ? 10000 : 0);
}

static int a_loop_that_opens_a_frame_each_time_allocates_nothing(void *arg)
{
    (void)arg;
    size_t before = 0;
    for (int i = 0; i < 100; i++) {
        tr_auto(frame) frame = tr_open_frame();
        expect(frame && tr_alloc(100));
        expect(i == 0 || ((struct clock_world *)runtime->sys)->allocations == before);
        before = ((struct clock_world *)runtime->sys)->allocations;
    }
    return 0;
}

static int a_frame_that_was_left_open_ends_with_the_one_around_it(void *arg)
{
    (void)arg;
    const char *outside = tr_format("%s", "outside");
    open_and_close_one();
    size_t before = memory_in_use();
    for (int i = 0; i < 3; i++) {
        tr_auto(frame) frame = tr_open_frame();
        tr_frame *forgotten = tr_open_frame(), *another = tr_open_frame();
        expect(frame && forgotten && another && tr_alloc(10000));
        expect(memory_in_use() > before);
    }
    expect(memory_in_use() == before && strcmp(outside, "outside") == 0);
    return 0;
}

static int open_frames(void *arg)
{
    (void)arg;
    size_t before = memory_in_use();
    bool opened;
    {
        tr_auto(frame) frame = tr_open_frame();
        opened = frame && tr_alloc(10000);
    }
    expect(memory_in_use() <= before + 1); /* it is kept itself, without what was in it */
    return opened ? 0 : -ENOMEM;
}

static void a_frame_that_could_not_be_opened_need_not_be_closed(void **state)
{
    (void)state;
    run_short_of_memory(open_frames);
    tr_auto(frame) outside_a_run = tr_open_frame();
    assert_null(outside_a_run);
}

/* ---- misuse ------------------------------------------------------------------------------------------ */

static void everything_outside_a_run_says_so(void **state)
{
    (void)state;
    tr_scope scope = tr_cancel_scope();
    assert_int_equal(tr_sleep(1), TR_ENORUNTIME);
    assert_int_equal(tr_checkpoint(), TR_ENORUNTIME);
    assert_null(tr_open_nursery());
    assert_int_equal(tr_join(NULL), TR_ENORUNTIME);
    assert_int_equal(tr_start_soon(NULL, forever, NULL), TR_ENORUNTIME);
    assert_int_equal(tr_started(NULL), TR_ENORUNTIME);
    assert_int_equal(tr_within(&scope, 0), TR_ENORUNTIME);
    assert_null(tr_alloc(1));
    assert_true(isnan(tr_now()));
    assert_string_equal(tr_task_name(), "");
    assert_true(tr_raise("app.Bad", "bad") < 0);
}

static int a_run_inside_a_run_is_refused(void *arg)
{
    (void)arg;
    expect(tr_run(forever, NULL) == TR_EMISUSE);
    return 0;
}

static int misnest(void *arg)
{
    (void)arg;
    tr_auto(nursery) outer = tr_open_nursery();
    tr_auto(nursery) inner = tr_open_nursery();
    (void)inner;
    return tr_join(outer);
}

static void joining_an_outer_nursery_first_ends_the_process(void **state)
{
    (void)state;
    assert_dies(misnest, "still open (task main)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(a_sleep_takes_the_time_it_says),
        SCENARIO(sleepers_wake_in_the_order_of_their_deadlines),
        SCENARIO(a_deadline_ends_a_task_that_yields_in_a_loop),
        SCENARIO(cancellation_is_level_triggered),
        SCENARIO(a_shield_lets_work_finish_in_a_cancelled_scope),
        SCENARIO(only_the_scope_that_was_cancelled_absorbs),
        SCENARIO(a_deadline_in_the_past_cancels_at_the_first_checkpoint),
        SCENARIO(fail_after_is_an_error_of_its_own),
        SCENARIO(fail_at_is_the_same_by_the_clock),
        SCENARIO(a_scope_can_be_cancelled_and_postponed_by_another_task),
        SCENARIO(a_shield_that_is_lifted_lets_cancellation_in),
        SCENARIO(a_scope_cancelled_before_it_is_entered_is_cancelled_then),
        SCENARIO(scopes_refuse_nonsense),
        SCENARIO(the_effective_deadline_is_the_nearest_that_reaches_in),
        SCENARIO(in_a_cancelled_scope_no_time_is_left),
        SCENARIO(the_reason_of_a_cancellation_is_known),
        SCENARIO(cancellation_reaches_a_hundred_scopes_deep),
        SCENARIO(frames_hold_what_is_allocated_in_them),
        SCENARIO(a_loop_that_opens_a_frame_each_time_allocates_nothing),
        SCENARIO(a_frame_that_was_left_open_ends_with_the_one_around_it),
        cmocka_unit_test(a_frame_that_could_not_be_opened_need_not_be_closed),
        SCENARIO(a_scope_returns_any_value_of_its_expression),
        cmocka_unit_test(everything_outside_a_run_says_so),
        SCENARIO(a_run_inside_a_run_is_refused),
        cmocka_unit_test(joining_an_outer_nursery_first_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

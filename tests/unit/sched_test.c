/* Tasks, nurseries and cancel scopes on the virtual clock: trio's semantics, case by case. */
#include "support/virtual.h"

#include "base/error.h"
#include "sched/task.h"

#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what the scenarios are made of ---------------------------------------------------------------------- */

static int forever(void *arg)
{
    (void)arg;
    return tr_sleep_forever();
}

/* Counts how it ended. */
struct witness {
    int ended, cancelled;
};

static int watched(void *arg)
{
    struct witness *witness = arg;
    int rc = tr_sleep_forever();
    witness->ended++;
    witness->cancelled += rc == TR_ECANCELLED;
    return rc;
}

static int fail_now(void *arg)
{
    (void)arg;
    return tr_raise("app.Bad", "bad");
}

static int fail_after_a_second(void *arg)
{
    (void)arg;
    tr_try(tr_sleep(1));
    return tr_raise("app.Late", "late");
}

static int a_second(void *arg)
{
    (void)arg;
    return tr_sleep(1);
}

static int fail_when_cancelled(void *arg)
{
    (void)arg;
    tr_ignore(tr_sleep_forever());
    return tr_raise("app.WhenCancelled", "while it ended");
}

static bool about(double a, double b)
{
    return fabs(a - b) < 1e-6;
}

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

/* ---- nurseries --------------------------------------------------------------------------------------------- */

static int a_join_waits_for_every_task(void *arg)
{
    (void)arg;
    double start = tr_now();
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < 1000; i++)
        tr_try(tr_start_soon(n, a_second, NULL));
    tr_try(tr_join(n));
    expect(about(tr_now() - start, 1));
    expect(!tr_cancelled(n));
    return 0;
}

static int a_failed_task_cancels_its_siblings_and_comes_out(void *arg)
{
    (void)arg;
    struct witness sibling = {0};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, watched, &sibling));
    tr_try(tr_start_soon(n, fail_after_a_second, NULL));
    expect(tr_join(n) == TR_ERAISED);
    expect(strcmp(tr_error_type(tr_last_error()), "app.Late") == 0); /* a single one is not wrapped */
    expect(sibling.ended == 1 && sibling.cancelled == 1);
    expect(tr_cancelled(n));
    return 0;
}

static int two_failures_are_a_group(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, fail_now, NULL));
    tr_try(tr_start_soon(n, fail_now, NULL));
    expect(tr_join(n) == TR_EGROUP);
    expect(tr_error_members(tr_last_error()) == 2);
    expect(tr_error_is(tr_last_error(), "app.Bad"));
    return 0;
}

static int fail_while_being_cancelled(void *arg)
{
    (void)arg;
    if (tr_sleep_forever() == TR_ECANCELLED)
        return tr_raise("app.Cleanup", "and the clean-up failed too");
    return 0;
}

static int an_error_during_cancellation_is_kept(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, fail_while_being_cancelled, NULL));
    tr_try(tr_checkpoint());
    tr_cancel(n);
    tr_cancel(n);
    expect(tr_join(n) == TR_ERAISED);
    expect(tr_error_is(tr_last_error(), "app.Cleanup"));
    return 0;
}

static int an_explicit_cancel_is_no_error(void *arg)
{
    (void)arg;
    struct witness task = {0};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, watched, &task));
    tr_cancel(n);
    expect(tr_checkpoint() == TR_ECANCELLED); /* the body is inside */
    tr_try(tr_join(n));
    expect(task.cancelled == 1);
    return 0;
}

static int join_in_a_second(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, forever, NULL));
    return tr_join(n);
}

static int a_join_that_is_cancelled_cancels_and_still_waits(void *arg)
{
    (void)arg;
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, join_in_a_second()));
    expect(limit.cancelled_caught);
    return 0;
}

enum way { RETURN, BREAK, GOTO };

static int leave(enum way way, struct witness *witness)
{
    for (;;) {
        tr_auto(nursery) n = tr_open_nursery();
        tr_try(tr_start_soon(n, watched, witness));
        tr_try(tr_checkpoint());
        if (way == RETURN)
            return 0;
        if (way == BREAK)
            break;
        goto out;
    }
out:
    return 0;
}

static int leaving_a_block_by_any_way_cancels_and_joins(void *arg)
{
    (void)arg;
    for (enum way way = RETURN; way <= GOTO; way++) {
        struct witness task = {0};
        tr_try(leave(way, &task));
        expect(task.ended == 1 && task.cancelled == 1);
        tr_try(tr_checkpoint()); /* and nothing around is cancelled by it */
    }
    return 0;
}

static int leave_a_failing_nursery(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, fail_now, NULL));
    (void)!tr_checkpoint();
    return 0;
}

static int the_error_of_an_implicit_join_fails_the_enclosing_scope(void *arg)
{
    (void)arg;
    tr_scope scope = tr_cancel_scope();
    expect(tr_within(&scope, leave_a_failing_nursery()) == TR_ERAISED);
    expect(tr_error_is(tr_last_error(), "app.Bad"));
    expect(scope.cancel_called);
    return tr_checkpoint();
}

static int leave_a_failing_nursery_in_a_task(void *arg)
{
    (void)arg;
    return leave_a_failing_nursery();
}

static int the_error_of_an_implicit_join_in_a_task_fails_its_nursery(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, leave_a_failing_nursery_in_a_task, NULL));
    expect(tr_join(n) == TR_ERAISED);
    expect(tr_error_is(tr_last_error(), "app.Bad"));
    return 0;
}

static int fail_in_a_failing_nursery(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, fail_now, NULL));
    (void)!tr_checkpoint();
    return tr_raise("app.Body", "the body");
}

static int body_and_task_failing_together_are_a_group_of_both(void *arg)
{
    (void)arg;
    tr_scope scope = tr_cancel_scope();
    expect(tr_within(&scope, fail_in_a_failing_nursery()) == TR_EGROUP);
    expect(tr_error_members(tr_last_error()) == 2);
    expect(tr_error_is(tr_last_error(), "app.Body"));
    expect(tr_error_is(tr_last_error(), "app.Bad"));
    return 0;
}

/* Both see the error that is kept here. */
static const tr_error *shared;

static int fail_shared(void *arg)
{
    (void)arg;
    return tr_reraise(shared);
}

static int see_the_same_error(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, fail_shared, NULL));
    (void)!tr_checkpoint();
    return tr_reraise(shared);
}

static int the_same_error_seen_by_body_and_nursery_counts_once(void *arg)
{
    (void)arg;
    tr_ignore(tr_raise("app.Once", "once"));
    shared = tr_error_keep(tr_last_error());
    tr_scope scope = tr_cancel_scope();
    int rc = tr_within(&scope, see_the_same_error());
    bool same = tr_error_id(tr_last_error()) == tr_error_id(shared);
    tr_error_release(shared);
    expect(rc == TR_ERAISED && same);
    return 0;
}

static int a_nursery_cannot_be_used_after_its_end(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_join(n));
    expect(tr_start_soon(n, forever, NULL) == TR_ECLOSED);
    expect(tr_start(n, forever, NULL, NULL) == TR_ECLOSED);
    expect(tr_join(n) == TR_ECLOSED);
    tr_cancel(n);
    expect(tr_start_soon(NULL, forever, NULL) < 0 && tr_join(NULL) < 0);
    return 0;
}

static int start_another(void *arg)
{
    tr_nursery *nursery = arg;
    tr_try(tr_sleep(1));
    return tr_start_soon(nursery, a_second, NULL);
}

static int a_task_may_start_others_while_the_host_joins(void *arg)
{
    (void)arg;
    double start = tr_now();
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, start_another, n));
    tr_try(tr_join(n));
    expect(about(tr_now() - start, 2));
    return 0;
}

/* ---- tr_start ------------------------------------------------------------------------------------------------ */

static int start_then_wait(void *arg)
{
    tr_try(tr_sleep(1));
    tr_try(tr_started(arg));
    return tr_sleep_forever();
}

static int tr_start_waits_for_tr_started_and_moves_the_task(void *arg)
{
    (void)arg;
    double start = tr_now();
    int token;
    void *value;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start(n, start_then_wait, &token, &value));
    expect(value == &token && about(tr_now() - start, 1));
    tr_cancel(n);
    return tr_join(n);
}

static int an_error_before_tr_started_is_the_starters_only(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    expect(tr_start(n, fail_after_a_second, NULL, NULL) == TR_ERAISED);
    expect(tr_error_is(tr_last_error(), "app.Late"));
    expect(!tr_cancelled(n));
    expect(tr_start(n, a_second, NULL, NULL) == TR_EMISUSE); /* never said that it had started */
    expect(tr_started(NULL) == TR_EMISUSE);
    return tr_join(n);
}

static int start_then_fail(void *arg)
{
    (void)arg;
    tr_try(tr_started(NULL));
    return tr_raise("app.Later", "after the start");
}

static int an_error_after_tr_started_is_the_nurserys(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start(n, start_then_fail, NULL, NULL));
    expect(tr_join(n) == TR_ERAISED);
    expect(tr_error_is(tr_last_error(), "app.Later"));
    return 0;
}

static int a_start_that_is_cancelled_leaves_nothing(void *arg)
{
    (void)arg;
    struct witness task = {0};
    tr_auto(nursery) n = tr_open_nursery();
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, tr_start(n, watched, &task, NULL)));
    expect(limit.cancelled_caught && task.ended == 1);
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

static int nest(int depth)
{
    tr_scope scope = tr_cancel_scope();
    return depth == 0 ? tr_sleep_forever() : tr_within(&scope, nest(depth - 1));
}

static int cancellation_reaches_a_hundred_scopes_deep(void *arg)
{
    (void)arg;
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, nest(100)));
    expect(limit.cancelled_caught);
    return 0;
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

/* ---- misuse ------------------------------------------------------------------------------------------------------ */

/* ---- the moment a nursery closes ----------------------------------------------------------------------------- */

static tr_nursery *closing, *around_it;

static int start_in_what_is_closing(void *arg)
{
    (void)arg;
    expect(tr_start_soon(closing, forever, NULL) == TR_ECLOSED);
    expect(tr_start(closing, forever, NULL, NULL) == TR_ECLOSED);
    return 0;
}

/* The last task of a nursery; what it starts elsewhere runs before the nursery's host. */
static int end_before_others_try(void *arg)
{
    (void)arg;
    return tr_start_soon(around_it, start_in_what_is_closing, NULL);
}

static int open_and_join(int (*task)(void *))
{
    tr_auto(nursery) n = closing = tr_open_nursery();
    if (task)
        tr_try(tr_start_soon(n, task, NULL));
    return tr_join(n);
}

/* It has no task any more, but its host has not run yet: trio closes it then and there. */
static int nothing_starts_in_a_nursery_whose_join_is_decided(void *arg)
{
    (void)arg;
    for (int with_task = 0; with_task <= 1; with_task++) {
        tr_auto(nursery) around = around_it = tr_open_nursery();
        if (!with_task)
            tr_try(tr_start_soon(around, start_in_what_is_closing, NULL));
        tr_try(open_and_join(with_task ? end_before_others_try : NULL));
        tr_try(tr_join(around));
    }
    return 0;
}

static int sleep_in_cancelled(tr_nursery *n)
{
    tr_cancel(n);
    return tr_sleep(1);
}

static int fail_in(tr_nursery *n)
{
    tr_try(tr_start_soon(n, fail_when_cancelled, NULL));
    tr_try(tr_checkpoint());
    return tr_raise("app.Body", "body");
}

static int a_body_with_a_result_counts_as_a_task(void *arg)
{
    (void)arg;
    {
        tr_auto(nursery) n = tr_open_nursery();
        expect(tr_join_with(n, sleep_in_cancelled(n)) == 0); /* its own cancellation ends here */
    }
    {
        tr_auto(nursery) n = tr_open_nursery();
        expect(tr_join_with(n, 7) == 7);
    }
    {
        tr_auto(nursery) n = tr_open_nursery();
        expect(tr_join_with(n, fail_in(n)) == TR_EGROUP);
        expect(tr_error_is(tr_last_error(), "app.Body"));
        expect(tr_error_is(tr_last_error(), "app.WhenCancelled"));
    }
    expect(tr_join_with(NULL, -5) == TR_EMISUSE);
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
    return tr_sleep(2);
}

static int null_is_refused_where_something_is_needed(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    expect(tr_start_soon(n, NULL, NULL) == TR_EARGUMENT);
    expect(tr_start(n, NULL, NULL, NULL) == TR_EARGUMENT);
    expect(tr_start_soon(NULL, forever, NULL) == TR_EMISUSE);
    expect(tr_join(NULL) == TR_EMISUSE);
    return tr_join(n);
}

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
    int said[2];
    assert_int_equal(pipe(said), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(said[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        (void)!tr_run(misnest, NULL);
        _exit(0);
    }
    close(said[1]);
    char text[1000] = "";
    ssize_t size = read(said[0], text, sizeof text - 1);
    close(said[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(size > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, "nursery"));
    assert_non_null(strstr(text, "still open"));
}

/* ---- short of memory ------------------------------------------------------------------------------------------------ */

static int a_bit_of_everything(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, fail_after_a_second, NULL));
    tr_try(tr_start(n, start_then_wait, NULL, NULL));
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, tr_sleep(0.5)));
    if (!tr_format("%d", 1))
        return -12;
    return tr_join(n);
}

/* A real failure must not give way to the cancellation that it meets. */
static int cancel_and_fail(void *arg)
{
    tr_nursery *n = arg;
    tr_cancel(n);
    tr_ignore(tr_sleep(1));
    return tr_raise("app.Lost", "lost");
}

static int a_failure_among_cancellations(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, forever, NULL));
    tr_try(tr_start_soon(n, cancel_and_fail, n));
    int rc = tr_join(n);
    expect(rc < 0);
    return rc;
}

static int fail_in_failing_nurseries(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, leave_a_failing_nursery_in_a_task, NULL));
    return fail_in_a_failing_nursery();
}

static void running_out_of_memory_anywhere_is_a_clean_error(void **state)
{
    (void)state;
    run_short_of_memory(a_bit_of_everything);
    run_short_of_memory(a_failure_among_cancellations);
    run_short_of_memory(leave_a_failing_nursery_in_a_task);
    run_short_of_memory(fail_in_failing_nurseries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(a_sleep_takes_the_time_it_says),
        SCENARIO(sleepers_wake_in_the_order_of_their_deadlines),
        SCENARIO(a_deadline_ends_a_task_that_yields_in_a_loop),
        SCENARIO(a_join_waits_for_every_task),
        SCENARIO(a_failed_task_cancels_its_siblings_and_comes_out),
        SCENARIO(two_failures_are_a_group),
        SCENARIO(an_error_during_cancellation_is_kept),
        SCENARIO(an_explicit_cancel_is_no_error),
        SCENARIO(a_join_that_is_cancelled_cancels_and_still_waits),
        SCENARIO(leaving_a_block_by_any_way_cancels_and_joins),
        SCENARIO(the_error_of_an_implicit_join_fails_the_enclosing_scope),
        SCENARIO(the_error_of_an_implicit_join_in_a_task_fails_its_nursery),
        SCENARIO(body_and_task_failing_together_are_a_group_of_both),
        SCENARIO(the_same_error_seen_by_body_and_nursery_counts_once),
        SCENARIO(a_nursery_cannot_be_used_after_its_end),
        SCENARIO(a_task_may_start_others_while_the_host_joins),
        SCENARIO(tr_start_waits_for_tr_started_and_moves_the_task),
        SCENARIO(an_error_before_tr_started_is_the_starters_only),
        SCENARIO(an_error_after_tr_started_is_the_nurserys),
        SCENARIO(a_start_that_is_cancelled_leaves_nothing),
        SCENARIO(cancellation_is_level_triggered),
        SCENARIO(a_shield_lets_work_finish_in_a_cancelled_scope),
        SCENARIO(only_the_scope_that_was_cancelled_absorbs),
        SCENARIO(a_deadline_in_the_past_cancels_at_the_first_checkpoint),
        SCENARIO(fail_after_is_an_error_of_its_own),
        SCENARIO(a_scope_can_be_cancelled_and_postponed_by_another_task),
        SCENARIO(a_shield_that_is_lifted_lets_cancellation_in),
        SCENARIO(a_scope_cancelled_before_it_is_entered_is_cancelled_then),
        SCENARIO(scopes_refuse_nonsense),
        SCENARIO(the_effective_deadline_is_the_nearest_that_reaches_in),
        SCENARIO(cancellation_reaches_a_hundred_scopes_deep),
        SCENARIO(frames_hold_what_is_allocated_in_them),
        SCENARIO(nothing_starts_in_a_nursery_whose_join_is_decided),
        SCENARIO(a_body_with_a_result_counts_as_a_task),
        SCENARIO(a_scope_returns_any_value_of_its_expression),
        SCENARIO(null_is_refused_where_something_is_needed),
        cmocka_unit_test(everything_outside_a_run_says_so),
        SCENARIO(a_run_inside_a_run_is_refused),
        cmocka_unit_test(joining_an_outer_nursery_first_ends_the_process),
        cmocka_unit_test(running_out_of_memory_anywhere_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

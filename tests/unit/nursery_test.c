/* Nurseries on the virtual clock: joins, errors, tr_start, and the moment they close. */
#include "support/tasks.h"

#include "base/error.h"
#include "sched/task.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REASON_ROOM = 64 };

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

static int leave_a_cancelled_nursery(void *arg)
{
    (void)arg;
    tr_auto(nursery) inner = tr_open_nursery();
    tr_cancel(inner);
    tr_try(tr_checkpoint()); /* its code leaves the task, though what was cancelled ends here */
    return tr_join(inner);
}

static int a_cancellation_that_is_over_does_not_cut_siblings(void *arg)
{
    (void)arg;
    struct witness sibling = {0};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, leave_a_cancelled_nursery, NULL));
    tr_try(tr_start_soon(n, watched, &sibling));
    tr_try(tr_sleep(1));
    expect(!tr_cancelled(n));
    expect(sibling.cancelled == 0);
    tr_cancel(n);
    return tr_join(n);
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

static int fail_twice(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, fail_now, NULL));
    tr_try(tr_start_soon(n, fail_now, NULL));
    return tr_join(n);
}

static int groups_of_nurseries_inside_are_groups_inside_the_outer_one(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, fail_twice, NULL));
    tr_try(tr_start_soon(n, fail_now, NULL));
    expect(tr_join_with(n, fail_twice(NULL)) == TR_EGROUP);
    const tr_error *all = tr_last_error();
    expect(tr_error_members(all) == 3);
    size_t groups = 0;
    for (size_t i = 0; i < 3; i++)
        groups += tr_error_members(tr_error_member(all, i)) == 2;
    expect(groups == 2);
    return 0;
}

static int a_nursery_with_one_failure_passes_a_group_on_as_it_is(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, fail_twice, NULL));
    expect(tr_join(n) == TR_EGROUP && tr_error_members(tr_last_error()) == 2);
    return 0;
}

static tr_nursery *leave_a_nursery(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    return n;
}

static int expect_refused(void *gone)
{
    expect(tr_start_soon(gone, fail_now, NULL) == TR_ECLOSED);
    expect(tr_start(gone, fail_now, NULL, NULL) == TR_ECLOSED);
    expect(tr_join(gone) == TR_ECLOSED);
    expect(tr_stop(gone, 1) == TR_ECLOSED);
    expect(tr_open_door(gone) == NULL);
    expect_error("Closed", "block was left");
    tr_cancel(gone);
    return 0;
}

/* Though its memory serves another one by then. */
static int a_nursery_whose_block_was_left_is_known_for_one(void *arg)
{
    (void)arg;
    tr_nursery *gone = leave_a_nursery();
    tr_try(expect_refused(gone));
    tr_auto(nursery) another = tr_open_nursery();
    tr_try(expect_refused(gone));
    expect(!tr_cancelled(another) && !tr_cancelled(gone) && gone != another);
    return tr_join(another);
}

static int keep_a_nursery(void *arg)
{
    *(tr_nursery **)arg = leave_a_nursery();
    return 0;
}

/* So it is in a later run of the thread. */
static void a_nursery_of_another_run_is_refused(void **state)
{
    (void)state;
    tr_nursery *gone;
    assert_int_equal(tr_run(keep_a_nursery, &gone), 0);
    assert_int_equal(tr_start_soon(gone, fail_now, NULL), TR_ENORUNTIME);
    tr_cancel(gone);
    assert_int_equal(tr_run(expect_refused, gone), 0);
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

static int swallow_cancellation(void *arg)
{
    snprintf(arg, REASON_ROOM, "%s", tr_sleep_forever() < 0 ? tr_cancel_reason() : "none");
    return 0;
}

static int join_one_that_swallows(char *ret_reason, int *ret_joined)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, swallow_cancellation, ret_reason));
    *ret_joined = tr_join(n);
    expect(!tr_cancelled(n));
    return 0;
}

static int a_nursery_passes_cancellation_on_but_is_never_its_source(void *arg)
{
    (void)arg;
    char why[REASON_ROOM] = "";
    int joined = -1;
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, join_one_that_swallows(why, &joined)));
    expect(joined == 0);
    expect(limit.cancel_called && !limit.cancelled_caught);
    expect(strcmp(why, "deadline") == 0);
    return 0;
}

static int join_two_the_first_of_which_is_cut(char *ret_reason)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, forever, NULL));
    tr_try(tr_start_soon(n, swallow_cancellation, ret_reason));
    return tr_join(n);
}

static int the_reason_of_a_cancellation_is_the_same_for_all_tasks_that_it_reaches(void *arg)
{
    (void)arg;
    char why[REASON_ROOM] = "";
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, join_two_the_first_of_which_is_cut(why)));
    expect(limit.cancelled_caught);
    expect(strcmp(why, "deadline") == 0);
    return 0;
}

static int a_start_that_is_cut_says_so_though_the_task_ends_well(void *arg)
{
    (void)arg;
    char why[REASON_ROOM] = "";
    tr_auto(nursery) n = tr_open_nursery();
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, tr_start(n, swallow_cancellation, why, NULL)));
    expect(limit.cancelled_caught);
    return tr_join(n);
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
    return 0;
}

static int a_bodys_error_is_not_lost_where_there_is_nothing_to_join(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_join(n));
    expect(tr_join_with(n, tr_raise("app.Body", "body")) == TR_EGROUP);
    expect(tr_error_is(tr_last_error(), "app.Body") && tr_error_is(tr_last_error(), "Closed"));
    expect(tr_join_with(NULL, tr_raise("app.Body", "body")) == TR_EGROUP);
    expect(tr_error_is(tr_last_error(), "app.Body") && tr_error_is(tr_last_error(), "Misuse"));
    expect(tr_join_with(NULL, 1) == TR_EMISUSE);
    return 0;
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

/* ---- as long as the body ----------------------------------------------------------------------------------------- */

struct companion {
    tr_scope scope;
    struct witness witness;
};

static int stay_for_the_body(void *arg)
{
    struct companion *it = arg;
    int rc = tr_within(&it->scope, nursery_wait_join());
    it->witness.ended++;
    it->witness.cancelled += it->scope.cancelled_caught;
    return rc;
}

static int who_waits_for_the_join_can_be_cancelled(void *arg)
{
    (void)arg;
    struct companion some[3];
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < 3; i++) {
        some[i] = (struct companion){.scope = tr_cancel_scope()};
        tr_try(tr_start_soon(n, stay_for_the_body, &some[i]));
    }
    tr_try(tr_sleep(1));
    expect(some[0].witness.ended + some[1].witness.ended + some[2].witness.ended == 0);
    tr_scope_cancel(&some[1].scope);
    tr_try(tr_sleep(1));
    expect(some[1].witness.ended == 1 && some[1].witness.cancelled == 1);
    expect(some[0].witness.ended + some[2].witness.ended == 0);
    tr_try(tr_join(n));
    for (int i = 0; i < 3; i++)
        expect(some[i].witness.ended == 1 && some[i].witness.cancelled == (i == 1));
    return 0;
}

/* ---- looking inside -------------------------------------------------------------------------------------------- */

static int wait_for_an_event(void *event)
{
    tr_scope limit = tr_move_on_after(90);
    return tr_within(&limit, tr_event_wait(event));
}

static int the_tree_shows_who_waits_for_what(void *arg)
{
    (void)arg;
    const int line = __LINE__;
    tr_auto(nursery) n = tr_open_nursery();
    tr_event event = {0};
    tr_scope shield = tr_shield();
    tr_try(tr_start_soon(n, wait_for_an_event, &event));
    tr_try(tr_sleep(30));
    tr_str before = tr_task_tree();
    tr_try(tr_within(&shield, (tr_cancel(n), before = tr_task_tree(), 0)));
    char expected[512];
    snprintf(expected, sizeof expected,
             "task main: running\n"
             "  nursery (%s:%d), cancelled (explicit)\n"
             "    task wait_for_an_event (%s:%d): ready\n"
             "      scope (%s:%d), 60.000 s left\n"
             "    scope (%s:%d), shielded\n",
             __FILE__, line + 1, __FILE__, line + 4, __FILE__, line - 6, __FILE__, line + 7);
    if (strcmp(before, expected) != 0)
        fprintf(stderr, "%s", before);
    expect(strcmp(before, expected) == 0);
    return tr_join(n);
}

/* ---- options of a task --------------------------------------------------------------------------------------- */

__attribute__((noinline)) static int fill(volatile char *hole, size_t size)
{
    for (size_t i = 0; i < size; i += 1024)
        hole[i] = 1;
    return hole[size - 1024];
}

static int dig_deep(void *name)
{
    volatile char hole[900 * 1024];
    *(const char **)name = tr_task_name();
    return fill(hole, sizeof hole) == 1 ? tr_checkpoint() : -1;
}

static int a_task_may_have_a_stack_and_a_name_of_its_own(void *arg)
{
    (void)arg;
    const char *name = "", *other = "";
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, dig_deep, &name, .stack_size = 1000 * 1024));
    tr_try(tr_start_soon(n, dig_deep, &other, .name = "mole", .stack_size = 1000 * 1024));
    expect(tr_start_soon(n, dig_deep, &name, .stack_size = (size_t)2 << 30) == TR_EARGUMENT);
    tr_try(tr_join(n));
    expect(strcmp(name, "dig_deep") == 0);
    expect(strcmp(other, "mole") == 0);
    return 0;
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
        SCENARIO(a_join_waits_for_every_task),
        SCENARIO(a_cancellation_that_is_over_does_not_cut_siblings),
        SCENARIO(a_failed_task_cancels_its_siblings_and_comes_out),
        SCENARIO(two_failures_are_a_group),
        SCENARIO(a_nursery_whose_block_was_left_is_known_for_one),
        cmocka_unit_test(a_nursery_of_another_run_is_refused),
        SCENARIO(groups_of_nurseries_inside_are_groups_inside_the_outer_one),
        SCENARIO(a_nursery_with_one_failure_passes_a_group_on_as_it_is),
        SCENARIO(an_error_during_cancellation_is_kept),
        SCENARIO(an_explicit_cancel_is_no_error),
        SCENARIO(a_join_that_is_cancelled_cancels_and_still_waits),
        SCENARIO(a_nursery_passes_cancellation_on_but_is_never_its_source),
        SCENARIO(the_reason_of_a_cancellation_is_the_same_for_all_tasks_that_it_reaches),
        SCENARIO(a_start_that_is_cut_says_so_though_the_task_ends_well),
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
        SCENARIO(nothing_starts_in_a_nursery_whose_join_is_decided),
        SCENARIO(a_body_with_a_result_counts_as_a_task),
        SCENARIO(a_bodys_error_is_not_lost_where_there_is_nothing_to_join),
        SCENARIO(null_is_refused_where_something_is_needed),
        SCENARIO(who_waits_for_the_join_can_be_cancelled),
        SCENARIO(the_tree_shows_who_waits_for_what),
        SCENARIO(a_task_may_have_a_stack_and_a_name_of_its_own),
        cmocka_unit_test(running_out_of_memory_anywhere_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Cancellation where it is not obvious: the corner cases that trio's reference and design pages speak of, and
 * asking before cutting. The plain cases are in sched_test.c and nursery_test.c. */
#include "support/tasks.h"

#include <tractor.h>

/* ---- what a scope absorbs ------------------------------------------------------------------------------------ */

static int a_cancelled_scope_without_a_checkpoint_catches_nothing(void *arg)
{
    (void)arg;
    tr_scope scope = tr_cancel_scope();
    tr_try(tr_within(&scope, (tr_scope_cancel(&scope), 7) == 7 ? 0 : -1));
    expect(scope.cancel_called && !scope.cancelled_caught);
    return 0;
}

static int cancel_and_sleep(tr_scope *scope)
{
    tr_scope_cancel(scope);
    return tr_sleep(1);
}

static int cancel_both_and_sleep(tr_scope *outer, tr_scope *inner)
{
    tr_scope_cancel(inner);
    tr_scope_cancel(outer);
    int rc = tr_within(inner, tr_sleep(1));
    return rc == TR_ECANCELLED ? rc : tr_raise("test.Failed", "the inner scope kept it");
}

static int of_two_cancelled_scopes_the_outer_absorbs(void *arg)
{
    (void)arg;
    tr_scope outer = tr_cancel_scope(), inner = tr_cancel_scope();
    tr_try(tr_within(&outer, cancel_both_and_sleep(&outer, &inner)));
    expect(outer.cancelled_caught && inner.cancel_called && !inner.cancelled_caught);
    return tr_checkpoint();
}

static int fail_in(tr_scope *scope)
{
    tr_scope_cancel(scope);
    tr_ignore(tr_checkpoint());
    return tr_raise("app.Bad", "bad");
}

static int an_error_passes_through_a_cancelled_scope(void *arg)
{
    (void)arg;
    tr_scope scope = tr_cancel_scope();
    expect(tr_within(&scope, fail_in(&scope)) == TR_ERAISED);
    expect_error("app.Bad", "bad");
    expect(scope.cancel_called && !scope.cancelled_caught);
    return 0;
}

static int wait_twice(tr_scope *scope, int *ret_second)
{
    tr_ignore(cancel_and_sleep(scope));
    *ret_second = tr_sleep(1);
    return 0;
}

static int who_ignores_cancellation_meets_it_again(void *arg)
{
    (void)arg;
    tr_scope scope = tr_cancel_scope();
    int second = 0;
    double start = tr_now();
    tr_try(tr_within(&scope, wait_twice(&scope, &second)));
    expect(second == TR_ECANCELLED && !scope.cancelled_caught);
    expect(about(tr_now(), start));
    return 0;
}

static int one_fails_one_is_cancelled(tr_scope *scope)
{
    struct witness other = {0, 0};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, watched, &other));
    tr_try(tr_start_soon(n, fail_when_cancelled, NULL));
    tr_try(tr_checkpoint());
    tr_scope_cancel(scope);
    return tr_join(n);
}

static int of_a_group_the_scope_takes_the_cancelled_and_leaves_the_rest(void *arg)
{
    (void)arg;
    tr_scope scope = tr_cancel_scope();
    expect(tr_within(&scope, one_fails_one_is_cancelled(&scope)) == TR_ERAISED);
    expect(tr_error_is(tr_last_error(), "app.WhenCancelled"));
    expect(!tr_error_is(tr_last_error(), "Cancelled"));
    expect(scope.cancelled_caught);
    return 0;
}

static int a_scope_that_ended_is_cancelled_in_vain(void *arg)
{
    (void)arg;
    tr_scope scope = tr_cancel_scope();
    tr_try(tr_within(&scope, tr_checkpoint()));
    tr_scope_cancel(&scope);
    expect(scope.cancel_called && !scope.cancelled_caught);
    return tr_checkpoint();
}

static int a_shield_can_be_put_up_before_its_scope_is_entered(void *arg)
{
    (void)arg;
    tr_scope scope = tr_cancel_scope();
    tr_scope_set_shield(&scope, true);
    expect(scope.shield);
    return tr_within(&scope, tr_checkpoint());
}

/* ---- deadlines ----------------------------------------------------------------------------------------------- */

static int no_time_at_all_lets_run_up_to_the_first_checkpoint(void *arg)
{
    (void)arg;
    bool ran = false;
    tr_scope none = tr_move_on_after(0);
    tr_try(tr_within(&none, (ran = true, tr_checkpoint())));
    expect(ran && none.cancelled_caught);
    return 0;
}

static int sleep_shielded(double seconds, int *ret_inside)
{
    tr_scope shield = tr_shield();
    *ret_inside = tr_within(&shield, tr_sleep(seconds));
    return tr_checkpoint();
}

static int a_deadline_that_passes_while_shielded_holds_afterwards(void *arg)
{
    (void)arg;
    int inside = -1;
    double start = tr_now();
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, sleep_shielded(5, &inside)));
    expect(inside == 0 && limit.cancelled_caught);
    expect(about(tr_now(), start + 5));
    return 0;
}

static int clean_up(tr_scope *outer, tr_scope *cleanup)
{
    tr_scope_cancel(outer);
    tr_try(tr_within(cleanup, tr_sleep(10)));
    return tr_checkpoint();
}

static int clean_up_may_be_shielded_and_limited(void *arg)
{
    (void)arg;
    tr_scope outer = tr_cancel_scope(), cleanup = tr_move_on_after(2);
    cleanup.shield = true;
    double start = tr_now();
    tr_try(tr_within(&outer, clean_up(&outer, &cleanup)));
    expect(cleanup.cancelled_caught && outer.cancelled_caught);
    expect(about(tr_now(), start + 2));
    return 0;
}

static int the_inner_deadline_fires_the_outer_does_not(void *arg)
{
    (void)arg;
    tr_scope outer = tr_fail_after(10), inner = tr_move_on_after(1);
    tr_try(tr_within(&outer, tr_within(&inner, tr_sleep(100))));
    expect(inner.cancelled_caught && !outer.cancel_called);
    return 0;
}

static int the_outer_deadline_fires_through_the_inner(void *arg)
{
    (void)arg;
    tr_scope outer = tr_fail_after(1), inner = tr_fail_after(10);
    expect(tr_within(&outer, tr_within(&inner, tr_sleep(100))) == TR_ETIMEOUT);
    expect(!inner.cancel_called && outer.cancelled_caught);
    return 0;
}

static struct {
    tr_scope *scope;
    double after, deadline;
} move;

static int move_deadline(void *arg)
{
    (void)arg;
    tr_try(tr_sleep(move.after));
    tr_try(tr_scope_set_deadline(move.scope, move.deadline));
    return 0;
}

/* How long a sleep of 100 seconds in a scope of 10 takes when after 2 seconds the deadline is moved. */
static int moved_to(double deadline, double *ret_took)
{
    double start = tr_now();
    tr_scope limit = tr_move_on_after(10);
    move.scope = &limit;
    move.after = 2;
    move.deadline = start + deadline;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, move_deadline, NULL));
    tr_try(tr_within(&limit, tr_sleep(100)));
    *ret_took = tr_now() - start;
    return tr_join(n);
}

static int a_deadline_can_be_moved_anywhere_while_somebody_waits(void *arg)
{
    (void)arg;
    double took;
    tr_try(moved_to(5, &took));
    expect(about(took, 5));
    tr_try(moved_to(20, &took));
    expect(about(took, 20));
    tr_try(moved_to(1, &took)); /* already past */
    expect(about(took, 2));
    tr_try(moved_to(INFINITY, &took));
    expect(about(took, 100));
    return 0;
}

static int a_deadline_that_is_no_number_is_refused(void *arg)
{
    (void)arg;
    tr_scope limit = tr_move_on_after(1);
    expect(tr_scope_set_deadline(&limit, NAN) == TR_EARGUMENT);
    expect(tr_scope_set_deadline(NULL, 1) == TR_EARGUMENT);
    return tr_within(&limit, tr_sleep(5));
}

/* ---- waking and cancelling at the same time ------------------------------------------------------------------ */

struct race {
    tr_event event;
    tr_scope scope;
    int waited, after;
};

static int wait_and_go_on(struct race *race)
{
    race->waited = tr_event_wait(&race->event);
    race->after = tr_checkpoint();
    return race->waited < 0 ? race->waited : race->after;
}

static int racer(void *arg)
{
    struct race *race = arg;
    return tr_within(&race->scope, wait_and_go_on(race));
}

static int what_came_first_is_what_the_waiter_sees(void *arg)
{
    (void)arg;
    struct race set_first = {.scope = tr_cancel_scope()}, cancel_first = {.scope = tr_cancel_scope()};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, racer, &set_first));
    tr_try(tr_start_soon(n, racer, &cancel_first));
    tr_try(tr_sleep(1));
    tr_event_set(&set_first.event);
    tr_scope_cancel(&set_first.scope);
    tr_scope_cancel(&cancel_first.scope);
    tr_event_set(&cancel_first.event);
    tr_try(tr_join(n));
    expect(set_first.waited == 0 && set_first.after == TR_ECANCELLED);
    expect(cancel_first.waited == TR_ECANCELLED && cancel_first.after == TR_ECANCELLED);
    return 0;
}

static int cancel_own_scope_and_wait(tr_scope *scope, tr_event *event)
{
    tr_scope_cancel(scope);
    return tr_event_wait(event);
}

static int what_has_happened_does_not_hide_cancellation(void *arg)
{
    (void)arg;
    tr_event happened = {0};
    tr_event_set(&happened);
    tr_scope scope = tr_cancel_scope();
    tr_try(tr_within(&scope, cancel_own_scope_and_wait(&scope, &happened)));
    expect(scope.cancelled_caught); /* every checkpoint notices, also where it need not wait */
    return 0;
}

/* ---- nurseries ----------------------------------------------------------------------------------------------- */

static int note_and_sleep(void *arg)
{
    *(int *)arg += 1;
    tr_try(tr_sleep(1));
    *(int *)arg += 100;
    return 0;
}

static int a_task_started_in_a_cancelled_nursery_runs_to_its_first_checkpoint(void *arg)
{
    (void)arg;
    int noted = 0;
    tr_auto(nursery) n = tr_open_nursery();
    tr_cancel(n);
    tr_try(tr_start_soon(n, note_and_sleep, &noted));
    tr_try(tr_join(n));
    expect(noted == 1);
    return 0;
}

static int body_that_waits(tr_nursery *n, int *ret_rc)
{
    tr_try(tr_start_soon(n, fail_after_a_second, NULL));
    return *ret_rc = tr_sleep_forever();
}

static int a_failing_child_cancels_the_body_which_absorbs_it(void *arg)
{
    (void)arg;
    int in_body = 0;
    tr_auto(nursery) n = tr_open_nursery();
    expect(tr_join_with(n, body_that_waits(n, &in_body)) == TR_ERAISED);
    expect(in_body == TR_ECANCELLED);
    expect(strcmp(tr_error_type(tr_last_error()), "app.Late") == 0);
    return tr_checkpoint();
}

static int shielded_body(tr_nursery *n)
{
    tr_scope shield = tr_shield();
    tr_try(tr_start_soon(n, fail_after_a_second, NULL));
    tr_try(tr_within(&shield, tr_sleep(5)));
    return tr_checkpoint();
}

static int a_shielded_body_is_waited_for(void *arg)
{
    (void)arg;
    double start = tr_now();
    tr_auto(nursery) n = tr_open_nursery();
    expect(tr_join_with(n, shielded_body(n)) == TR_ERAISED);
    expect(about(tr_now(), start + 5));
    return 0;
}

static int start_two_and_join(struct witness *witness)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, watched, witness));
    tr_try(tr_start_soon(n, watched, witness));
    return tr_join(n);
}

static int a_nursery_inside_a_shield_is_not_cancelled_from_outside(void *arg)
{
    (void)arg;
    struct witness witness = {0, 0};
    tr_scope limit = tr_move_on_after(1), inside = tr_move_on_after(3);
    inside.shield = true;
    double start = tr_now();
    tr_try(tr_within(&limit, tr_within(&inside, start_two_and_join(&witness))));
    expect(witness.ended == 2 && witness.cancelled == 2);
    expect(about(tr_now(), start + 3));
    return 0;
}

static int cancel_the_nursery(void *nursery)
{
    tr_try(tr_sleep(1));
    tr_cancel(nursery);
    return tr_sleep(1);
}

static int a_task_may_cancel_the_nursery_it_is_in(void *arg)
{
    (void)arg;
    struct witness other = {0, 0};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, watched, &other));
    tr_try(tr_start_soon(n, cancel_the_nursery, n));
    tr_try(tr_join(n));
    expect(other.cancelled == 1 && tr_cancelled(n));
    return 0;
}

/* ---- starting ------------------------------------------------------------------------------------------------ */

static int start_at_once(void *arg)
{
    struct witness *witness = arg;
    tr_try(tr_started(NULL));
    return watched(witness);
}

static int start_into(tr_nursery *n, struct witness *witness, tr_scope *scope)
{
    tr_try(tr_start(n, start_at_once, witness, NULL));
    tr_scope_cancel(scope);
    return tr_checkpoint();
}

static int a_task_that_has_started_is_the_nurserys_and_not_the_starters(void *arg)
{
    (void)arg;
    struct witness witness = {0, 0};
    tr_scope scope = tr_cancel_scope();
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_within(&scope, start_into(n, &witness, &scope)));
    expect(scope.cancelled_caught && witness.ended == 0);
    tr_cancel(n);
    tr_try(tr_join(n));
    expect(witness.cancelled == 1);
    return 0;
}

static int start_late(void *arg)
{
    tr_try(tr_sleep(2));
    tr_try(tr_started(NULL));
    return watched(arg);
}

static int cancel_after_a_second(void *nursery)
{
    tr_try(tr_sleep(1));
    tr_cancel(nursery);
    return 0;
}

static int a_task_that_starts_into_a_cancelled_nursery_is_cancelled_there(void *arg)
{
    (void)arg;
    struct witness witness = {0, 0};
    tr_auto(nursery) around = tr_open_nursery();
    tr_auto(nursery) n = tr_open_nursery();
    tr_scope shield = tr_shield();
    tr_try(tr_start_soon(around, cancel_after_a_second, n));
    tr_try(tr_within(&shield, tr_start(n, start_late, &witness, NULL)));
    expect(witness.ended == 0);
    tr_try(tr_join(n));
    expect(witness.cancelled == 1);
    return tr_join(around);
}

static int start_while_ending(void *arg)
{
    tr_ignore(tr_sleep_forever());
    int rc = tr_started(NULL);
    *(int *)arg = rc;
    return TR_ECANCELLED;
}

static int tr_started_while_being_cancelled_moves_nothing(void *arg)
{
    (void)arg;
    int started = -1;
    tr_auto(nursery) n = tr_open_nursery();
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, tr_start(n, start_while_ending, &started, NULL)));
    expect(started == 0 && limit.cancelled_caught);
    return tr_join(n);
}

static int start_twice(void *arg)
{
    tr_try(tr_started(NULL));
    *(int *)arg = tr_started(NULL);
    return 0;
}

static int a_task_starts_once(void *arg)
{
    (void)arg;
    int second = 0;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start(n, start_twice, &second, NULL));
    expect(second == TR_EMISUSE);
    expect(tr_started(NULL) == TR_EMISUSE);
    return tr_join(n);
}

/* ---- asking before cutting ----------------------------------------------------------------------------------- */

/* Takes orders until asked to stop; each takes ten seconds. */
struct shop {
    tr_receiver *orders;
    int done, cancelled;
};

static int serve(struct shop *shop, int order)
{
    int rc = tr_sleep(10);
    shop->done += rc == 0 ? order : 0;
    shop->cancelled += rc == TR_ECANCELLED;
    return rc;
}

static int keep_shop(void *arg)
{
    struct shop *shop = arg;
    for (;;) {
        int order = 0;
        tr_scope idle = tr_until_stopped();
        int got = tr_within(&idle, tr_receive(shop->orders, &order));
        if (idle.cancelled_caught)
            return 0;
        tr_try(got);
        tr_try(serve(shop, order));
    }
}

/* An order that is begun and one that waits; then the shop is asked to close. */
static int close_shop(struct shop *shop, double grace)
{
    tr_auto(sender) in = NULL;
    tr_auto(receiver) out = NULL;
    tr_try(tr_open_channel(&in, &out, sizeof(int), 10));
    shop->orders = out;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, keep_shop, shop));
    tr_try(tr_send(in, &(int){1}));
    tr_try(tr_send(in, &(int){2}));
    tr_try(tr_sleep(1));
    tr_try(tr_stop(n, grace));
    return tr_join(n);
}

static int who_is_asked_to_stop_finishes_what_is_under_way(void *arg)
{
    (void)arg;
    struct shop shop = {0};
    double start = tr_now();
    tr_try(close_shop(&shop, INFINITY));
    expect(shop.done == 1 && shop.cancelled == 0);
    expect(about(tr_now(), start + 10));
    return 0;
}

static int what_takes_longer_than_the_grace_is_cut(void *arg)
{
    (void)arg;
    struct shop shop = {0};
    double start = tr_now();
    tr_try(close_shop(&shop, 4));
    expect(shop.done == 0 && shop.cancelled == 1);
    expect(about(tr_now(), start + 5));
    return 0;
}

static int a_place_entered_after_the_asking_ends_at_once(void *arg)
{
    (void)arg;
    tr_scope outer = tr_cancel_scope(), idle = tr_until_stopped();
    tr_try(tr_scope_stop(&outer, INFINITY)); /* before it is entered */
    tr_try(tr_within(&outer, tr_within(&idle, tr_sleep(1))));
    expect(outer.stop_called && !outer.cancel_called);
    expect(idle.cancelled_caught);
    return 0;
}

static int look_and_sleep(tr_scope *outer, bool *ret_before, bool *ret_inside)
{
    tr_scope shield = tr_shield(), idle = tr_until_stopped();
    *ret_before = tr_stopping();
    tr_try(tr_scope_stop(outer, INFINITY));
    tr_try(tr_within(&shield, (*ret_inside = tr_stopping(), tr_within(&idle, tr_sleep(1)))));
    return tr_stopping() && !idle.cancel_called ? 0 : tr_raise("test.Failed", "not as it should be");
}

static int a_shield_holds_off_the_asking(void *arg)
{
    (void)arg;
    bool before = true, inside = true;
    tr_scope outer = tr_cancel_scope();
    tr_try(tr_within(&outer, look_and_sleep(&outer, &before, &inside)));
    expect(!before && !inside);
    return 0;
}

static int idle_until_stopped(void *arg)
{
    tr_scope idle = tr_until_stopped();
    tr_try(tr_within(&idle, tr_sleep_forever()));
    *(int *)arg += idle.cancelled_caught;
    expect(strcmp(tr_cancel_reason(), "") == 0);
    return 0;
}

static int everybody_idle_in_a_nursery_is_reached(void *arg)
{
    (void)arg;
    int stopped = 0;
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < 100; i++)
        tr_try(tr_start_soon(n, idle_until_stopped, &stopped));
    tr_try(tr_sleep(1));
    tr_try(tr_stop(n, 5));
    tr_try(tr_join(n));
    expect(stopped == 100);
    expect(!tr_cancelled(n));
    return 0;
}

static int sleep_and_tell(const char **ret_reason)
{
    int rc = tr_sleep(1);
    *ret_reason = tr_cancel_reason();
    return rc;
}

static int the_reason_is_that_it_was_asked(void *arg)
{
    (void)arg;
    const char *reason = "";
    tr_scope idle = tr_until_stopped();
    tr_try(tr_scope_stop(&idle, INFINITY));
    tr_try(tr_within(&idle, sleep_and_tell(&reason)));
    expect(strcmp(reason, "asked to stop") == 0);
    return 0;
}

static int a_grace_must_be_a_time(void *arg)
{
    (void)arg;
    tr_scope scope = tr_cancel_scope();
    tr_auto(nursery) n = tr_open_nursery();
    expect(tr_scope_stop(&scope, -1) == TR_EARGUMENT && !scope.stop_called);
    expect(tr_scope_stop(&scope, NAN) == TR_EARGUMENT);
    expect(tr_scope_stop(NULL, 1) == TR_EMISUSE);
    expect(tr_stop(n, -1) == TR_EARGUMENT);
    expect(tr_stop(NULL, 1) == TR_EMISUSE);
    expect(!tr_stopping());
    return tr_join(n);
}

static int the_grace_of_a_scope_with_an_earlier_deadline_is_that(void *arg)
{
    (void)arg;
    double start = tr_now();
    tr_scope limit = tr_move_on_after(3);
    tr_try(tr_scope_stop(&limit, 50));
    tr_try(tr_within(&limit, tr_sleep(10)));
    expect(about(tr_now(), start + 3));
    tr_scope other = tr_move_on_after(50);
    tr_try(tr_scope_stop(&other, 3));
    tr_try(tr_within(&other, tr_sleep(10)));
    expect(about(tr_now(), start + 6));
    return 0;
}

/* ---- checkpoints of a cancelled task --------------------------------------------------------------- */

struct insistence {
    tr_sender *in;
    tr_receiver *out;
    bool other_ran;
};

static int note_that_it_ran(void *arg)
{
    struct insistence *it = arg;
    it->other_ran = true;
    return 0;
}

static int sends(struct insistence *it)
{
    return tr_send(it->in, &(int){1});
}

static int receives(struct insistence *it)
{
    int item;
    return tr_receive(it->out, &item);
}

static int selects(struct insistence *it)
{
    int item;
    tr_case cases[] = {tr_case_receive(it->out, &item)};
    return tr_select(cases, 1);
}

static int locks(struct insistence *it)
{
    (void)it;
    return tr_lock_acquire(&(tr_lock){0});
}

static int takes_a_place(struct insistence *it)
{
    (void)it;
    return tr_semaphore_acquire(&(tr_semaphore){.value = 1});
}

static int borrows(struct insistence *it)
{
    return tr_limiter_acquire(&(tr_limiter){.total = 1}, it);
}

static int parks(struct insistence *it)
{
    (void)it;
    return tr_park(&(tr_lot){0});
}

static int waits_for_an_event(struct insistence *it)
{
    (void)it;
    return tr_event_wait(&(tr_event){0});
}

static int sleeps(struct insistence *it)
{
    (void)it;
    return tr_sleep(1);
}

static int insist(struct insistence *it, int (*call)(struct insistence *))
{
    tr_auto(nursery) n = tr_open_nursery();
    it->other_ran = false;
    tr_try(tr_start_soon(n, note_that_it_ran, it));
    for (int i = 0; i < 100 && !it->other_ran; i++)
        expect(call(it) == TR_ECANCELLED);
    expect(it->other_ran);
    return tr_join(n);
}

static int insist_each_way(struct insistence *it)
{
    int (*const calls[])(struct insistence *) = {sends,         receives, selects, locks,
                                                 takes_a_place, borrows,  parks,   waits_for_an_event,
                                                 sleeps};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        tr_try(insist(it, calls[i]));
    return 0;
}

static int a_cancelled_task_that_tries_again_starves_nobody(void *arg)
{
    (void)arg;
    struct insistence it = {0};
    tr_auto(sender) in = NULL;
    tr_auto(receiver) out = NULL;
    tr_try(tr_open_channel(&in, &out, sizeof(int), 1));
    it.in = in;
    it.out = out;
    tr_scope scope = tr_cancel_scope();
    tr_scope_cancel(&scope);
    return tr_within(&scope, insist_each_way(&it));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(a_cancelled_scope_without_a_checkpoint_catches_nothing),
        SCENARIO(of_two_cancelled_scopes_the_outer_absorbs),
        SCENARIO(an_error_passes_through_a_cancelled_scope),
        SCENARIO(who_ignores_cancellation_meets_it_again),
        SCENARIO(of_a_group_the_scope_takes_the_cancelled_and_leaves_the_rest),
        SCENARIO(a_scope_that_ended_is_cancelled_in_vain),
        SCENARIO(a_shield_can_be_put_up_before_its_scope_is_entered),
        SCENARIO(no_time_at_all_lets_run_up_to_the_first_checkpoint),
        SCENARIO(a_deadline_that_passes_while_shielded_holds_afterwards),
        SCENARIO(clean_up_may_be_shielded_and_limited),
        SCENARIO(the_inner_deadline_fires_the_outer_does_not),
        SCENARIO(the_outer_deadline_fires_through_the_inner),
        SCENARIO(a_deadline_can_be_moved_anywhere_while_somebody_waits),
        SCENARIO(a_deadline_that_is_no_number_is_refused),
        SCENARIO(what_came_first_is_what_the_waiter_sees),
        SCENARIO(what_has_happened_does_not_hide_cancellation),
        SCENARIO(a_task_started_in_a_cancelled_nursery_runs_to_its_first_checkpoint),
        SCENARIO(a_failing_child_cancels_the_body_which_absorbs_it),
        SCENARIO(a_shielded_body_is_waited_for),
        SCENARIO(a_nursery_inside_a_shield_is_not_cancelled_from_outside),
        SCENARIO(a_task_may_cancel_the_nursery_it_is_in),
        SCENARIO(a_task_that_has_started_is_the_nurserys_and_not_the_starters),
        SCENARIO(a_task_that_starts_into_a_cancelled_nursery_is_cancelled_there),
        SCENARIO(tr_started_while_being_cancelled_moves_nothing),
        SCENARIO(a_task_starts_once),
        SCENARIO(who_is_asked_to_stop_finishes_what_is_under_way),
        SCENARIO(what_takes_longer_than_the_grace_is_cut),
        SCENARIO(a_place_entered_after_the_asking_ends_at_once),
        SCENARIO(a_shield_holds_off_the_asking),
        SCENARIO(everybody_idle_in_a_nursery_is_reached),
        SCENARIO(the_reason_is_that_it_was_asked),
        SCENARIO(a_grace_must_be_a_time),
        SCENARIO(the_grace_of_a_scope_with_an_earlier_deadline_is_that),
        SCENARIO(a_cancelled_task_that_tries_again_starves_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Threads that use what belongs to a run of another one, without coming in by a door. Where there is a result it says
 * so; where there is none, or it is too late for one, the process ends with a sentence, since somebody would wait for
 * ever otherwise, or memory be spoilt. */
#include "support/dies.h"
#include "support/tasks.h"

#include <pthread.h>

static tr_event event;
static tr_lot lot, theirs;
static tr_scope scope;
static tr_nursery *nursery;

static int wait_for_event(void *arg)
{
    (void)arg;
    return tr_event_wait(&event);
}

static int wait_in_lot(void *arg)
{
    (void)arg;
    return tr_park(&lot);
}

static int wait_in_their_lot(void *arg)
{
    (void)arg;
    return tr_park(&theirs);
}

static int wait_in_scope(void *arg)
{
    (void)arg;
    scope = tr_cancel_scope();
    return tr_within(&scope, tr_sleep_forever());
}

static void *set_event(void *arg)
{
    tr_event_set(&event);
    return arg;
}

static void *unpark(void *arg)
{
    tr_unpark(&lot, 1);
    return arg;
}

static void *move_to_another_lot(void *arg)
{
    tr_lot other = {0};
    tr_repark(&lot, &other, 1);
    return arg;
}

static int move_behind_ours(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    theirs = (tr_lot){0};
    tr_try(tr_start_soon(n, wait_in_their_lot, NULL));
    tr_try(tr_checkpoint());
    tr_repark(&theirs, &lot, 1);
    tr_cancel(n);
    return tr_join(n);
}

static void *run_and_move_behind(void *arg)
{
    tr_ignore(tr_run(move_behind_ours, NULL));
    return arg;
}

static void *cancel_scope(void *arg)
{
    tr_scope_cancel(&scope);
    return arg;
}

static void *shield_scope(void *arg)
{
    tr_scope_set_shield(&scope, true);
    return arg;
}

static void *set_deadline(void *ret_rc)
{
    *(int *)ret_rc = tr_scope_set_deadline(&scope, 0);
    return NULL;
}

static void *stop_scope(void *ret_rc)
{
    *(int *)ret_rc = tr_scope_stop(&scope, 0);
    return NULL;
}

/* The same from a run of that thread's own. */
static int set_deadline_in_run(void *ret_rc)
{
    set_deadline(ret_rc);
    return 0;
}

static int stop_scope_in_run(void *ret_rc)
{
    stop_scope(ret_rc);
    return 0;
}

static void *run_and_set_deadline(void *ret_rc)
{
    tr_ignore(tr_run(set_deadline_in_run, ret_rc));
    return NULL;
}

static void *run_and_stop_scope(void *ret_rc)
{
    tr_ignore(tr_run(stop_scope_in_run, ret_rc));
    return NULL;
}

static void *leave_block(void *ret_rc)
{
    tr_nursery *held = nursery;
    tr_nursery_done_(&held);
    *(int *)ret_rc = held ? 0 : TR_ENORUNTIME;
    return NULL;
}

/* While a task waits as said, this run stands still for what the other thread does. */
static int meanwhile(int (*waits)(void *), void *(*does)(void *), int *ret_rc)
{
    tr_auto(nursery) n = tr_open_nursery();
    nursery = n;
    tr_try(tr_start_soon(n, waits, NULL, .name = "sleeper"));
    tr_try(tr_checkpoint());
    pthread_t thread;
    expect(pthread_create(&thread, NULL, does, ret_rc) == 0);
    expect(pthread_join(thread, NULL) == 0);
    tr_cancel(n);
    return tr_join(n);
}

static int set_event_in_run(void *arg)
{
    (void)set_event(arg);
    return 0;
}

static void *run_and_set_event(void *ret_rc)
{
    *(int *)ret_rc = tr_run(set_event_in_run, NULL);
    return NULL;
}

static int an_event_is_set_in_another_run(void *arg)
{
    (void)arg;
    int rc;
    return meanwhile(wait_for_event, run_and_set_event, &rc);
}

static int an_event_is_set(void *arg)
{
    return meanwhile(wait_for_event, set_event, arg);
}

static int a_lot_is_emptied(void *arg)
{
    return meanwhile(wait_in_lot, unpark, arg);
}

static int a_lot_is_emptied_into_another(void *arg)
{
    return meanwhile(wait_in_lot, move_to_another_lot, arg);
}

static int a_lot_is_emptied_into_that_of_another_run(void *arg)
{
    return meanwhile(wait_in_lot, run_and_move_behind, arg);
}

static int a_scope_is_cancelled(void *arg)
{
    return meanwhile(wait_in_scope, cancel_scope, arg);
}

static int a_scope_is_shielded(void *arg)
{
    return meanwhile(wait_in_scope, shield_scope, arg);
}

static void who_waits_cannot_be_woken_by_a_foreign_thread(void **state)
{
    (void)state;
    assert_dies(an_event_is_set, "task sleeper (tests/unit/foreign_test.c:");
    assert_dies(an_event_is_set_in_another_run, "belongs to a run of another thread");
    assert_dies(a_lot_is_emptied, "belongs to a run of another thread");
}

static void who_waits_cannot_be_moved_by_a_foreign_thread(void **state)
{
    (void)state;
    assert_dies(a_lot_is_emptied_into_another, "task sleeper (tests/unit/foreign_test.c:");
    assert_dies(a_lot_is_emptied_into_that_of_another_run, "belongs to a run of another thread");
}

static void a_scope_cannot_be_cut_by_a_foreign_thread(void **state)
{
    (void)state;
    assert_dies(a_scope_is_cancelled, "task sleeper (tests/unit/foreign_test.c:");
    assert_dies(a_scope_is_shielded, "belongs to a run of another thread");
}

static int where_there_is_a_result_it_says_so(void *arg)
{
    (void)arg;
    void *(*const all[])(void *) = {set_deadline, run_and_set_deadline, stop_scope, run_and_stop_scope, leave_block};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int rc = 0;
        tr_try(meanwhile(wait_in_scope, all[i], &rc));
        expect(rc == TR_ENORUNTIME);
    }
    return 0;
}

static void *nothing_waits(void *arg)
{
    tr_event_set(&event);
    tr_scope_cancel(&scope);
    tr_scope_set_shield(&scope, true);
    return arg;
}

/* Nobody is harmed by it. */
static int what_nobody_waits_with_can_be_set_anywhere(void *arg)
{
    (void)arg;
    event = (tr_event){0};
    scope = tr_cancel_scope();
    pthread_t thread;
    expect(pthread_create(&thread, NULL, nothing_waits, NULL) == 0);
    expect(pthread_join(thread, NULL) == 0);
    expect(event.set && scope.shield);
    return tr_within(&scope, tr_event_wait(&event)) == 0 && scope.cancel_called ? 0 : tr_raise("test.Failed", "late");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_cannot_be_woken_by_a_foreign_thread),
        cmocka_unit_test(who_waits_cannot_be_moved_by_a_foreign_thread),
        cmocka_unit_test(a_scope_cannot_be_cut_by_a_foreign_thread),
        SCENARIO(where_there_is_a_result_it_says_so),
        SCENARIO(what_nobody_waits_with_can_be_set_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Events, locks, semaphores, conditions, limiters and lots on the virtual clock, as trio documents them. */
#include "support/virtual.h"

#include "base/error.h"
#include "base/hooks.h"
#include "base/map.h"

#include <errno.h>
#include <stdint.h>

/* ---- what the scenarios are made of ---------------------------------------------------------------------- */

/* Writes down in which order things happened. */
static char history[64];

static void happened(char what)
{
    size_t size = strlen(history);
    if (size + 1 < sizeof history)
        memcpy(history + size, (char[2]){what, 0}, 2);
}

static int forget(void)
{
    history[0] = 0;
    return 0;
}

static bool order_was(const char *expected)
{
    if (strcmp(history, expected) == 0)
        return true;
    fprintf(stderr, "the order was %s\n", history);
    return false;
}

struct actor_of {
    char name;
    tr_event *event;
    tr_lock *lock;
    tr_semaphore *semaphore;
    tr_condition *condition;
    tr_limiter *limiter;
    tr_lot *lot;
    double seconds;
    int rc;
};

/* ---- events ------------------------------------------------------------------------------------------------ */

static int wait_for_event(void *arg)
{
    struct actor_of *who = arg;
    tr_try(tr_event_wait(who->event));
    happened(who->name);
    return 0;
}

static int an_event_wakes_all_that_wait_in_their_order(void *arg)
{
    (void)arg;
    forget();
    tr_auto(nursery) n = tr_open_nursery();
    tr_event event = {0};
    struct actor_of who[3] = {{'a', .event = &event}, {'b', .event = &event}, {'c', .event = &event}};
    for (int i = 0; i < 3; i++)
        tr_try(tr_start_soon(n, wait_for_event, &who[i]));
    tr_try(tr_sleep(1));
    expect(order_was(""));
    tr_event_set(&event);
    tr_event_set(&event);
    expect(event.set && order_was("")); /* setting is no checkpoint */
    tr_try(tr_join(n));
    expect(order_was("abc"));
    return 0;
}

static int waiting_for_what_has_happened_is_still_a_checkpoint(void *arg)
{
    (void)arg;
    forget();
    tr_auto(nursery) n = tr_open_nursery();
    tr_event event = {.set = true};
    struct actor_of other = {'b', .event = &event};
    tr_try(tr_start_soon(n, wait_for_event, &other));
    tr_try(tr_event_wait(&event));
    tr_try(tr_event_wait(&event));
    happened('a');
    expect(order_was("ba"));
    tr_scope over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_event_wait(&event)));
    expect(over.cancelled_caught);
    return tr_join(n);
}

/* ---- locks ------------------------------------------------------------------------------------------------- */

static int hold_for_a_while(void *arg)
{
    struct actor_of *who = arg;
    tr_try(tr_lock_acquire(who->lock));
    happened(who->name);
    int rc = tr_sleep(who->seconds);
    tr_try(tr_lock_release(who->lock));
    return rc;
}

static int a_lock_goes_to_the_longest_waiting(void *arg)
{
    (void)arg;
    forget();
    tr_auto(nursery) n = tr_open_nursery();
    tr_lock lock = {0};
    struct actor_of who[3] = {{'a', .lock = &lock, .seconds = 1},
                              {'b', .lock = &lock, .seconds = 1},
                              {'c', .lock = &lock, .seconds = 1}};
    for (int i = 0; i < 3; i++)
        tr_try(tr_start_soon(n, hold_for_a_while, &who[i]));
    tr_try(tr_sleep(0.5));
    expect(tr_locked(&lock) && tr_lock_try(&lock) == 0);
    double start = tr_now();
    tr_try(tr_lock_acquire(&lock));
    happened('d');
    expect(order_was("abcd") && tr_now() - start > 2.4);
    tr_try(tr_lock_release(&lock));
    expect(!tr_locked(&lock));
    return tr_join(n);
}

/* Released and wanted again at once: it has gone to the one who waited. */
static int a_lock_cannot_be_snatched_back(void *arg)
{
    (void)arg;
    forget();
    tr_auto(nursery) n = tr_open_nursery();
    tr_lock lock = {0};
    struct actor_of other = {'b', .lock = &lock};
    tr_try(tr_lock_acquire(&lock));
    tr_try(tr_start_soon(n, hold_for_a_while, &other));
    tr_try(tr_checkpoint());
    tr_try(tr_lock_release(&lock));
    expect(tr_lock_try(&lock) == 0);
    tr_try(tr_lock_acquire(&lock));
    happened('a');
    expect(order_was("ba"));
    tr_try(tr_lock_release(&lock));
    return tr_join(n);
}

static int release_a_lock_of_another(void *lock)
{
    expect(tr_lock_release(lock) == TR_EMISUSE);
    expect_error("Misuse", "release_a_lock_of_another does not have this lock");
    return 0;
}

static int locks_are_released_by_their_owner_only(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_lock lock = {0};
    expect(tr_lock_release(&lock) == TR_EMISUSE);
    tr_try(tr_lock_acquire(&lock));
    expect(tr_lock_acquire(&lock) == TR_EMISUSE);
    expect(tr_lock_try(&lock) == TR_EMISUSE);
    expect_error("Misuse", "has this lock already");
    tr_try(tr_start_soon(n, release_a_lock_of_another, &lock));
    tr_try(tr_join(n));
    return tr_lock_release(&lock);
}

static int take_and_keep(void *arg)
{
    struct actor_of *who = arg;
    tr_try(tr_lock_acquire(who->lock));
    return tr_limiter_acquire(who->limiter, NULL);
}

static int try_to_release(void *arg)
{
    struct actor_of *who = arg;
    expect(tr_lock_release(who->lock) == TR_EMISUSE && tr_lock_try(who->lock) == 0);
    expect(tr_limiter_release(who->limiter, NULL) == TR_EMISUSE && tr_limiter_try(who->limiter, NULL) == 0);
    return 0;
}

/* Though the later one stands where the earlier one stood. */
static int what_a_task_kept_is_not_taken_for_a_later_tasks(void *arg)
{
    (void)arg;
    tr_lock lock = {0};
    tr_limiter limiter = tr_limiter_of(1);
    struct actor_of who = {'a', .lock = &lock, .limiter = &limiter};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, take_and_keep, &who));
    tr_try(tr_sleep(1));
    tr_try(tr_start_soon(n, try_to_release, &who));
    tr_try(tr_join(n));
    expect(tr_locked(&lock) && limiter.borrowed == 1);
    map_fini(limiter.borrowers_); /* what was never given back */
    mem_free(limiter.borrowers_);
    return 0;
}

static int a_cancelled_wait_leaves_the_line(void *arg)
{
    (void)arg;
    forget();
    tr_auto(nursery) n = tr_open_nursery();
    tr_lock lock = {0};
    struct actor_of first = {'a', .lock = &lock, .seconds = 2};
    struct actor_of last = {'c', .lock = &lock};
    tr_try(tr_start_soon(n, hold_for_a_while, &first));
    tr_try(tr_sleep(0.5));
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_start_soon(n, hold_for_a_while, &last));
    tr_try(tr_within(&limit, tr_lock_acquire(&lock)));
    expect(limit.cancelled_caught);
    tr_try(tr_join(n));
    expect(order_was("ac") && !tr_locked(&lock));
    return 0;
}

/* Handed over and cancelled in the same step: it has the lock, and gives it back. */
static int a_lock_on_its_way_is_not_lost_to_cancellation(void *arg)
{
    (void)arg;
    forget();
    tr_auto(nursery) n = tr_open_nursery();
    tr_lock lock = {0};
    struct actor_of other = {'b', .lock = &lock, .seconds = 1};
    tr_try(tr_lock_acquire(&lock));
    tr_try(tr_start_soon(n, hold_for_a_while, &other));
    tr_try(tr_sleep(1));
    tr_try(tr_lock_release(&lock));
    tr_cancel(n);
    tr_try(tr_join(n));
    expect(order_was("b") && !tr_locked(&lock));
    return 0;
}

static int fail_while_holding(tr_lock *lock)
{
    expect(tr_locked(lock));
    return tr_raise("app.Bad", "bad");
}

static int holding_a_lock_ends_with_the_expression(void *arg)
{
    (void)arg;
    tr_lock lock = {0};
    expect(tr_holding(&lock, tr_locked(&lock) ? 7 : 0) == 7);
    expect(!tr_locked(&lock));
    expect(tr_holding(&lock, fail_while_holding(&lock)) == TR_ERAISED);
    expect(!tr_locked(&lock) && tr_error_is(tr_last_error(), "app.Bad"));
    expect(tr_holding(&lock, tr_holding(&lock, 1)) == TR_EMISUSE);
    expect(tr_holding(&lock, tr_lock_release(&lock)) == TR_EMISUSE);
    expect(!tr_locked(&lock));
    return 0;
}

/* ---- semaphores -------------------------------------------------------------------------------------------- */

static int use_one(void *arg)
{
    struct actor_of *who = arg;
    tr_try(tr_semaphore_acquire(who->semaphore));
    happened(who->name);
    tr_try(tr_sleep(1));
    return tr_semaphore_release(who->semaphore);
}

static int a_semaphore_lets_so_many_in(void *arg)
{
    (void)arg;
    forget();
    tr_auto(nursery) n = tr_open_nursery();
    tr_semaphore two = tr_semaphore_of(2, 2);
    struct actor_of who[4] = {{'a', .semaphore = &two}, {'b', .semaphore = &two},
                              {'c', .semaphore = &two}, {'d', .semaphore = &two}};
    for (int i = 0; i < 4; i++)
        tr_try(tr_start_soon(n, use_one, &who[i]));
    tr_try(tr_sleep(0.5));
    expect(order_was("ab") && two.value == 0 && tr_semaphore_try(&two) == 0);
    tr_try(tr_join(n));
    expect(order_was("abcd") && two.value == 2);
    expect(tr_semaphore_release(&two) == TR_EMISUSE);
    expect_error("Misuse", "limit of 2");
    expect(tr_semaphore_try(&two) == 1 && two.value == 1);
    tr_semaphore endless = tr_semaphore_of(0, 0);
    tr_try(tr_semaphore_release(&endless));
    expect(endless.value == 1);
    tr_scope over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_semaphore_acquire(&endless)));
    expect(over.cancelled_caught && endless.value == 1);
    return 0;
}

/* ---- conditions -------------------------------------------------------------------------------------------- */

static int wait_for_condition(void *arg)
{
    struct actor_of *who = arg;
    tr_try(tr_lock_acquire(who->lock));
    who->rc = tr_condition_wait(who->condition, who->lock);
    happened(who->name);
    tr_try(tr_lock_release(who->lock)); /* held in any case */
    return who->rc;
}

static int notified_tasks_go_on_one_after_the_other(void *arg)
{
    (void)arg;
    forget();
    tr_auto(nursery) n = tr_open_nursery();
    tr_lock lock = {0};
    tr_condition condition = {0};
    struct actor_of who[4];
    for (int i = 0; i < 4; i++) {
        who[i] = (struct actor_of){(char)('a' + i), .lock = &lock, .condition = &condition};
        tr_try(tr_start_soon(n, wait_for_condition, &who[i]));
    }
    tr_try(tr_sleep(1));
    expect(tr_condition_notify(&condition, &lock, 1) == TR_EMISUSE);
    tr_try(tr_lock_acquire(&lock));
    tr_try(tr_condition_notify(&condition, &lock, 2));
    tr_try(tr_sleep(1));
    expect(order_was("")); /* the lock is still ours */
    tr_try(tr_lock_release(&lock));
    tr_try(tr_sleep(1));
    expect(order_was("ab"));
    tr_try(tr_lock_acquire(&lock));
    tr_try(tr_condition_notify(&condition, &lock, SIZE_MAX));
    tr_try(tr_lock_release(&lock));
    tr_try(tr_join(n));
    expect(order_was("abcd"));
    return 0;
}

static int a_condition_goes_with_one_lock_at_a_time(void *arg)
{
    (void)arg;
    forget();
    tr_auto(nursery) n = tr_open_nursery();
    tr_lock lock = {0}, other = {0};
    tr_condition condition = {0};
    struct actor_of waits = {'a', .lock = &lock, .condition = &condition};
    tr_try(tr_start_soon(n, wait_for_condition, &waits));
    tr_try(tr_sleep(1));
    tr_try(tr_lock_acquire(&other));
    expect(tr_condition_notify(&condition, &other, 1) == TR_EMISUSE);
    expect(tr_condition_wait(&condition, &other) == TR_EMISUSE);
    tr_try(tr_lock_acquire(&lock));
    tr_try(tr_condition_notify(&condition, &lock, 1));
    tr_try(tr_lock_release(&lock));
    tr_try(tr_join(n));
    expect(order_was("a"));
    return tr_condition_notify(&condition, &other, 1); /* nobody waits: to be used with any */
}

static int a_cancelled_condition_holds_the_lock_again(void *arg)
{
    (void)arg;
    forget();
    tr_auto(nursery) n = tr_open_nursery();
    tr_lock lock = {0};
    tr_condition condition = {0};
    struct actor_of waits = {'a', .lock = &lock, .condition = &condition};
    struct actor_of holds = {'b', .lock = &lock, .seconds = 5};
    tr_try(tr_start_soon(n, wait_for_condition, &waits));
    tr_try(tr_sleep(1));
    tr_scope shield = tr_shield();
    tr_try(tr_start_soon(n, hold_for_a_while, &holds));
    tr_try(tr_sleep(1));
    tr_cancel(n); /* b lets go of the lock as it ends, and a must have it once more */
    tr_try(tr_within(&shield, tr_sleep(1)));
    tr_try(tr_join(n));
    expect(order_was("ba") && waits.rc == TR_ECANCELLED && !tr_locked(&lock));
    expect(tr_condition_wait(&condition, &lock) == TR_EMISUSE);
    return 0;
}

/* Nobody has the lock when the wait is cancelled: it is simply taken, and the next waits for it. */
static int a_cancelled_condition_takes_a_lock_that_is_free(void *arg)
{
    (void)arg;
    tr_lock lock = {0};
    tr_condition condition = {0};
    tr_try(tr_lock_acquire(&lock));
    tr_scope limit = tr_move_on_after(1);
    double start = tr_now();
    tr_try(tr_within(&limit, tr_condition_wait(&condition, &lock)));
    expect(limit.cancelled_caught && tr_now() == start + 1 && tr_locked(&lock));
    tr_scope other = tr_move_on_after(1);
    tr_auto(nursery) n = tr_open_nursery();
    struct actor_of holds = {'a', .lock = &lock};
    forget();
    tr_try(tr_start_soon(n, hold_for_a_while, &holds));
    tr_try(tr_within(&other, tr_sleep_forever()));
    expect(order_was(""));
    tr_try(tr_lock_release(&lock)); /* it is ours to release */
    tr_try(tr_join(n));
    expect(order_was("a") && !tr_locked(&lock));
    return 0;
}

/* ---- limiters ---------------------------------------------------------------------------------------------- */

static int borrow(void *arg)
{
    struct actor_of *who = arg;
    tr_try(tr_limiter_acquire(who->limiter, NULL));
    happened(who->name);
    int rc = tr_sleep(who->seconds);
    tr_try(tr_limiter_release(who->limiter, NULL));
    return rc;
}

static int a_limiter_lends_so_many(void *arg)
{
    (void)arg;
    forget();
    tr_auto(nursery) n = tr_open_nursery();
    tr_limiter limiter = tr_limiter_of(1);
    struct actor_of who[4];
    for (int i = 0; i < 4; i++) {
        who[i] = (struct actor_of){(char)('a' + i), .limiter = &limiter, .seconds = 10};
        tr_try(tr_start_soon(n, borrow, &who[i]));
    }
    tr_try(tr_sleep(1));
    expect(order_was("a") && limiter.borrowed == 1);
    expect(tr_limiter_try(&limiter, NULL) == 0);
    tr_limiter_set_total(&limiter, 3);
    tr_try(tr_sleep(1));
    expect(order_was("abc") && limiter.borrowed == 3);
    tr_limiter_set_total(&limiter, 1);
    expect(limiter.borrowed == 3);
    tr_try(tr_join(n));
    expect(order_was("abcd") && limiter.borrowed == 0);
    return 0;
}

static int a_borrower_has_one_at_most(void *arg)
{
    (void)arg;
    tr_limiter limiter = tr_limiter_of(2);
    int car, bus, boat;
    tr_try(tr_limiter_acquire(&limiter, &car));
    expect(tr_limiter_acquire(&limiter, &car) == TR_EMISUSE);
    expect(tr_limiter_try(&limiter, &bus) == 1);
    expect(tr_limiter_release(&limiter, &boat) == TR_EMISUSE);
    expect(tr_limiter_release(&limiter, NULL) == TR_EMISUSE);
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, tr_limiter_acquire(&limiter, &boat)));
    expect(limit.cancelled_caught && limiter.borrowed == 2);
    expect(tr_limiter_release(&limiter, &boat) == TR_EMISUSE);
    tr_try(tr_limiter_release(&limiter, &car));
    tr_try(tr_limiter_release(&limiter, &bus));
    expect(limiter.borrowed == 0);
    return 0;
}

/* ---- lots -------------------------------------------------------------------------------------------------- */

static int park(void *arg)
{
    struct actor_of *who = arg;
    tr_try(tr_park(who->lot));
    happened(who->name);
    return 0;
}

static int a_lot_wakes_as_many_as_asked_and_moves_them(void *arg)
{
    (void)arg;
    forget();
    tr_auto(nursery) n = tr_open_nursery();
    tr_lot lot = {0}, other = {0};
    struct actor_of who[5];
    for (int i = 0; i < 5; i++) {
        who[i] = (struct actor_of){(char)('a' + i), .lot = &lot};
        tr_try(tr_start_soon(n, park, &who[i]));
    }
    tr_try(tr_sleep(1));
    expect(tr_parked(&lot) == 5 && tr_unpark(&lot, 1) == 1);
    expect(tr_repark(&lot, &other, 2) == 2);
    expect(tr_parked(&lot) == 2 && tr_parked(&other) == 2);
    tr_try(tr_sleep(1));
    expect(order_was("a"));
    expect(tr_unpark(&lot, SIZE_MAX) == 2 && tr_unpark(&lot, 1) == 0);
    tr_try(tr_sleep(1));
    expect(order_was("ade"));
    tr_cancel(n); /* those that were moved leave the lot they are in now */
    tr_try(tr_join(n));
    expect(tr_parked(&other) == 0 && order_was("ade"));
    return 0;
}

static int a_lot_moves_each_to_its_own_end_once(void *arg)
{
    (void)arg;
    forget();
    tr_auto(nursery) n = tr_open_nursery();
    tr_lot lot = {0}, empty = {0};
    struct actor_of who[3];
    for (int i = 0; i < 3; i++) {
        who[i] = (struct actor_of){(char)('a' + i), .lot = &lot};
        tr_try(tr_start_soon(n, park, &who[i]));
    }
    tr_try(tr_sleep(1));
    expect(tr_repark(&lot, &lot, SIZE_MAX) == 3 && tr_repark(&lot, &lot, 1) == 1);
    expect(tr_repark(&empty, &lot, SIZE_MAX) == 0 && tr_repark(&lot, &empty, 0) == 0);
    expect(tr_parked(&lot) == 3 && tr_unpark(&lot, SIZE_MAX) == 3);
    tr_try(tr_join(n));
    expect(order_was("bca"));
    return 0;
}

/* ---- outside, and without memory ----------------------------------------------------------------------------- */

static void nothing_waits_outside_a_run(void **state)
{
    (void)state;
    tr_lot lot = {0};
    tr_event event = {0}, set = {.set = true};
    tr_lock lock = {0};
    tr_semaphore semaphore = tr_semaphore_of(1, 1);
    tr_condition condition = {0};
    tr_limiter limiter = tr_limiter_of(1);
    assert_int_equal(tr_park(&lot), TR_ENORUNTIME);
    assert_int_equal(tr_event_wait(&event), TR_ENORUNTIME);
    assert_int_equal(tr_event_wait(&set), TR_ENORUNTIME);
    assert_int_equal(tr_lock_acquire(&lock), TR_ENORUNTIME);
    assert_int_equal(tr_lock_try(&lock), TR_ENORUNTIME);
    assert_int_equal(tr_lock_release(&lock), TR_ENORUNTIME);
    assert_int_equal(tr_holding(&lock, 1), TR_ENORUNTIME);
    assert_int_equal(tr_semaphore_acquire(&semaphore), TR_ENORUNTIME);
    assert_int_equal(tr_semaphore_try(&semaphore), TR_ENORUNTIME);
    assert_int_equal(tr_semaphore_release(&semaphore), TR_ENORUNTIME);
    assert_int_equal(tr_condition_wait(&condition, &lock), TR_ENORUNTIME);
    assert_int_equal(tr_condition_notify(&condition, &lock, 1), TR_ENORUNTIME);
    assert_int_equal(tr_limiter_acquire(&limiter, NULL), TR_ENORUNTIME);
    assert_int_equal(tr_limiter_try(&limiter, NULL), TR_ENORUNTIME);
    assert_int_equal(tr_limiter_release(&limiter, NULL), TR_ENORUNTIME);
    tr_limiter_set_total(&limiter, 2);
    assert_int_equal(limiter.total, 2);
    assert_int_equal(tr_unpark(&lot, 1), 0);
}

static int borrow_two(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_limiter limiter = tr_limiter_of(1);
    struct actor_of who[2] = {{'a', .limiter = &limiter}, {'b', .limiter = &limiter}};
    tr_try(tr_start_soon(n, borrow, &who[0]));
    tr_try(tr_start_soon(n, borrow, &who[1]));
    int rc = tr_join(n);
    expect(limiter.borrowed == 0 && !limiter.borrowers_);
    return rc;
}

static void running_out_of_memory_anywhere_is_a_clean_error(void **state)
{
    (void)state;
    run_short_of_memory(borrow_two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(an_event_wakes_all_that_wait_in_their_order),
        SCENARIO(waiting_for_what_has_happened_is_still_a_checkpoint),
        SCENARIO(a_lock_goes_to_the_longest_waiting),
        SCENARIO(a_lock_cannot_be_snatched_back),
        SCENARIO(locks_are_released_by_their_owner_only),
        SCENARIO(what_a_task_kept_is_not_taken_for_a_later_tasks),
        SCENARIO(a_cancelled_wait_leaves_the_line),
        SCENARIO(a_lock_on_its_way_is_not_lost_to_cancellation),
        SCENARIO(holding_a_lock_ends_with_the_expression),
        SCENARIO(a_semaphore_lets_so_many_in),
        SCENARIO(notified_tasks_go_on_one_after_the_other),
        SCENARIO(a_condition_goes_with_one_lock_at_a_time),
        SCENARIO(a_cancelled_condition_holds_the_lock_again),
        SCENARIO(a_cancelled_condition_takes_a_lock_that_is_free),
        SCENARIO(a_limiter_lends_so_many),
        SCENARIO(a_borrower_has_one_at_most),
        SCENARIO(a_lot_wakes_as_many_as_asked_and_moves_them),
        SCENARIO(a_lot_moves_each_to_its_own_end_once),
        cmocka_unit_test(nothing_waits_outside_a_run),
        cmocka_unit_test(running_out_of_memory_anywhere_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Locks, semaphores and conditions: three ways to hand something on.
 *
 * What is released while somebody waits never becomes free: it goes to the longest waiting in the same
 * step. So the order is strict, and a wait that was ended by the handing over is successful even if the
 * waiter is cancelled before it runs: it has the lock, and learns of the cancellation at its next
 * checkpoint. */
#include "base/error.h"
#include "sched/task.h"
#include "sync/lot.h"

/* ---- lock ------------------------------------------------------------------------------------------- */

static bool is_ours(const tr_lock *lock)
{
    return lock->owner_ == task_number(task_current());
}

int tr_lock_try(tr_lock *lock)
{
    tr_try(task_required());
    if (is_ours(lock))
        return raise_code(TR_EMISUSE, "task %s has this lock already", tr_task_name());
    if (lock->owner_)
        return 0;
    lock->owner_ = task_number(task_current());
    return 1;
}

int tr_lock_acquire(tr_lock *lock)
{
    tr_try(task_required());
    tr_try(task_checkpoint_if_cancelled());
    int rc = tr_lock_try(lock);
    if (rc == 0)
        return lot_park_for(&lock->waiting_, "a lock"); /* whoever wakes us has made us the owner */
    return rc > 0 ? task_yield(0) : rc;
}

static int check_owner(const tr_lock *lock)
{
    tr_try(task_required());
    if (is_ours(lock))
        return 0;
    return raise_code(TR_EMISUSE, "task %s does not have this lock", tr_task_name());
}

int tr_lock_release(tr_lock *lock)
{
    tr_try(check_owner(lock));
    const struct task *next = lot_wake_one(&lock->waiting_);
    lock->owner_ = next ? task_number(next) : 0;
    return 0;
}

bool tr_locked(const tr_lock *lock)
{
    return lock->owner_ != 0;
}

int tr_lock_leave_(tr_lock *lock, int rc)
{
    struct tr_error *newest = task_error_aside();
    int released = tr_lock_release(lock);
    if (released < 0 && rc >= 0) {
        error_unref(newest);
        return released;
    }
    task_error_back(newest);
    return rc;
}

/* ---- semaphore -------------------------------------------------------------------------------------- */

tr_semaphore tr_semaphore_of(size_t value, size_t most)
{
    return (tr_semaphore){.value = value, .most = most};
}

int tr_semaphore_try(tr_semaphore *semaphore)
{
    tr_try(task_required());
    if (semaphore->value == 0)
        return 0;
    semaphore->value--;
    return 1;
}

int tr_semaphore_acquire(tr_semaphore *semaphore)
{
    tr_try(task_required());
    tr_try(task_checkpoint_if_cancelled());
    if (tr_semaphore_try(semaphore) == 0)
        return lot_park_for(&semaphore->waiting_, "a semaphore");
    return task_yield(0);
}

int tr_semaphore_release(tr_semaphore *semaphore)
{
    tr_try(task_required());
    if (lot_wake_one(&semaphore->waiting_))
        return 0;
    if (semaphore->most > 0 && semaphore->value >= semaphore->most)
        return raise_code(TR_EMISUSE, "the semaphore would exceed its limit of %zu", semaphore->most);
    semaphore->value++;
    return 0;
}

/* ---- condition -------------------------------------------------------------------------------------- */

static void take_back(tr_lock *lock)
{
    if (lock->owner_)
        lot_park_shielded(&lock->waiting_, "a lock");
    else
        lock->owner_ = task_number(task_current());
}

/* In the lot of another lock they would become the owners of that one. */
static int check_pair(const tr_condition *condition, const tr_lock *lock)
{
    tr_try(check_owner(lock));
    if (!condition->waiting_.first_ || condition->lock_ == lock)
        return 0;
    return raise_code(TR_EMISUSE, "tasks wait for this condition with another lock");
}

/* Notified waiters are moved to the lock's lot: the release that wakes one has made it the owner. */
int tr_condition_wait(tr_condition *condition, tr_lock *lock)
{
    tr_try(check_pair(condition, lock));
    tr_try(task_checkpoint_if_cancelled());
    tr_try(tr_lock_release(lock));
    condition->lock_ = lock;
    int rc = lot_park_for(&condition->waiting_, "a condition");
    if (rc < 0)
        take_back(lock);
    return rc;
}

int tr_condition_notify(tr_condition *condition, tr_lock *lock, size_t count)
{
    tr_try(check_pair(condition, lock));
    (void)tr_repark(&condition->waiting_, &lock->waiting_, count);
    return 0;
}

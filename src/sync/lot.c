/* Parking lots.
 *
 * Each waiter is a struct on its own task's stack: it is taken out of the list by whoever ends the wait,
 * so it never outlives the call that made it. Ends are NULL, so that an empty lot is all zero and needs no
 * beginning. */
#include "sync/lot.h"

#include "base/error.h"
#include "sched/task.h"

struct tr_waiter_ {
    tr_lot *lot;
    struct tr_waiter_ *prev, *next;
    struct task *task;
};

static void add(tr_lot *lot, struct tr_waiter_ *waiter)
{
    waiter->lot = lot;
    waiter->next = NULL;
    waiter->prev = lot->last_;
    *(lot->last_ ? &lot->last_->next : &lot->first_) = waiter;
    lot->last_ = waiter;
}

static void drop(struct tr_waiter_ *waiter)
{
    tr_lot *lot = waiter->lot;
    *(waiter->prev ? &waiter->prev->next : &lot->first_) = waiter->next;
    *(waiter->next ? &waiter->next->prev : &lot->last_) = waiter->prev;
}

static bool leave(void *waiter)
{
    drop(waiter);
    return true;
}

int lot_park_for(tr_lot *lot, const char *what)
{
    struct tr_waiter_ waiter = {.task = task_current()};
    add(lot, &waiter);
    return task_park(what, leave, &waiter);
}

void lot_park_shielded(tr_lot *lot, const char *what)
{
    struct tr_waiter_ waiter = {.task = task_current()};
    add(lot, &waiter);
    (void)task_park(what, NULL, NULL);
}

struct task *lot_wake_one(tr_lot *lot)
{
    struct tr_waiter_ *first = lot->first_;
    if (!first)
        return NULL;
    struct task *task = first->task;
    drop(first);
    task_wake(task, 0);
    return task;
}

int tr_park(tr_lot *lot)
{
    int rc = task_required();
    return rc < 0 ? rc : lot_park(lot);
}

size_t tr_unpark(tr_lot *lot, size_t count)
{
    size_t woken = 0;
    while (woken < count && lot_wake_one(lot))
        woken++;
    return woken;
}

size_t tr_repark(tr_lot *lot, tr_lot *to, size_t count)
{
    size_t moved = 0;
    const struct tr_waiter_ *last = lot->last_;
    if (count > 0 && lot->first_ && to->last_)
        task_must_be_ours(to->last_->task);
    for (struct tr_waiter_ *first; moved < count && (first = lot->first_);) {
        task_must_be_ours(first->task);
        drop(first);
        add(to, first);
        moved++;
        if (first == last)
            break; /* behind it in the same lot would come those that were moved */
    }
    return moved;
}

size_t tr_parked(const tr_lot *lot)
{
    size_t count = 0;
    for (const struct tr_waiter_ *at = lot->first_; at; at = at->next)
        count++;
    return count;
}

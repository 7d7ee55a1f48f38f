/* Each waiter is a struct on its own task's stack: it is taken out of the list by whoever ends the wait,
 * so it never outlives the call that made it. */
#include "sync/lot.h"

#include "sched/task.h"

struct waiter {
    struct link place;
    struct task *task;
};

void lot_init(struct lot *lot)
{
    list_init(&lot->waiting);
}

static bool leave(void *arg)
{
    struct waiter *waiter = arg;
    list_remove(&waiter->place);
    return true;
}

int lot_park(struct lot *lot)
{
    struct waiter waiter = {.task = task_current()};
    list_push(&lot->waiting, &waiter.place);
    return task_park(leave, &waiter);
}

void lot_wake_one(struct lot *lot, int rc)
{
    struct link *first = list_shift(&lot->waiting);
    if (first)
        task_wake(container_of(first, struct waiter, place)->task, rc);
}

void lot_wake_all(struct lot *lot, int rc)
{
    while (!lot_empty(lot))
        lot_wake_one(lot, rc);
}

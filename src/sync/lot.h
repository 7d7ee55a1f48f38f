/* Parking lots, as the rooms above use them: inside a task, and without a checkpoint more than needed. */
#ifndef SYNC_LOT_H
#define SYNC_LOT_H

#include "tractor/sync.h"

struct task;

/* A checkpoint: waits until woken. `what` is told to people. */
int lot_park_for(tr_lot *lot, const char *what);

static inline int lot_park(tr_lot *lot)
{
    return lot_park_for(lot, "another task");
}

/* The same, not affected by cancellation. */
void lot_park_shielded(tr_lot *lot, const char *what);

/* Wakes the first; NULL when there is none. */
struct task *lot_wake_one(tr_lot *lot);

static inline void lot_wake_all(tr_lot *lot)
{
    while (lot_wake_one(lot))
        continue;
}

/* A checkpoint on its way to waiting only. */
static inline int event_wait(tr_event *event)
{
    return event->set ? 0 : lot_park_for(&event->waiting_, "an event");
}

/* Waits, not affected by cancellation and in need of no memory, for so many seconds at most: whether it was
 * set. The newest error may be another one then. */
bool event_wait_shielded(tr_event *event, double seconds);

/* Gives one of a limiter back, on the run's thread, also where no task runs; the borrower must have one. */
void limiter_give_back(tr_limiter *limiter, const void *borrower);

#endif

/* Events. */
#include "base/error.h"
#include "sched/task.h"
#include "sync/lot.h"

void tr_event_set(tr_event *event)
{
    event->set = true;
    lot_wake_all(&event->waiting_);
}

int tr_event_wait(tr_event *event)
{
    return event->set ? tr_checkpoint() : tr_park(&event->waiting_);
}

/* Events. */
#include "base/error.h"
#include "sched/task.h"
#include "sync/lot.h"

void tr_event_set(tr_event *event)
{
    event->set = true;
    lot_wake_all(&event->waiting_);
}

static int wait_for(void *event)
{
    return event_wait(event);
}

bool event_wait_shielded(tr_event *event, double seconds)
{
    bool cut;
    if (!event->set)
        (void)task_within_shield(seconds, wait_for, event, &cut);
    return event->set;
}

int tr_event_wait(tr_event *event)
{
    tr_try(task_required());
    return event->set ? tr_checkpoint() : event_wait(event);
}

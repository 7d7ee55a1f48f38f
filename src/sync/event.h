/* Something that happens once, and whoever waits for it. (trio.Event) */
#ifndef SYNC_EVENT_H
#define SYNC_EVENT_H

#include "sync/lot.h"

struct event {
    bool set;
    struct lot lot;
};

static inline void event_init(struct event *event)
{
    event->set = false;
    lot_init(&event->lot);
}

static inline void event_set(struct event *event)
{
    event->set = true;
    lot_wake_all(&event->lot, 0);
}

/* A checkpoint on its way to waiting only. */
static inline int event_wait(struct event *event)
{
    return event->set ? 0 : lot_park(&event->lot);
}

#endif

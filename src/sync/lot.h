/* A parking lot: tasks that wait for the same thing, the longest waiting first. What events, conditions
 * and channels are made of. (trio.lowlevel.ParkingLot) */
#ifndef SYNC_LOT_H
#define SYNC_LOT_H

#include "base/list.h"

#include <stdbool.h>

struct lot {
    struct link waiting;
};

void lot_init(struct lot *lot);

/* A checkpoint: waits for lot_wake; returns its rc, or TR_ECANCELLED. */
int lot_park(struct lot *lot);

/* Wakes the first, or all. */
void lot_wake_one(struct lot *lot, int rc);
void lot_wake_all(struct lot *lot, int rc);

static inline bool lot_empty(const struct lot *lot)
{
    return list_empty(&lot->waiting);
}

#endif

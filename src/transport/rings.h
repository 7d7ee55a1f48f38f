/* Two rings, one for each direction, in a piece of memory that two processes share (sys_share). */
#ifndef TRANSPORT_RINGS_H
#define TRANSPORT_RINGS_H

#include "transport/ring.h"

struct rings {
    void *memory;
    struct ring in, out;
};

/* Makes them, and a descriptor for the peer to take them by. A negative errno value, not raised: no rings. */
int rings_make(struct rings *ret, int *ret_fd);

/* The same from the other side; the descriptor stays the caller's. -EPERM for memory that is not as it should be. */
int rings_take(struct rings *ret, int fd);

void rings_free(struct rings *rings);

#endif

/* The memory that belongs to the running task's innermost frame; NULL when there is no memory. */
#ifndef SCHED_FRAME_H
#define SCHED_FRAME_H

#include "base/arena.h"

struct arena *frame_memory(void);

#endif

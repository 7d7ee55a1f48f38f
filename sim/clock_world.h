/* A world with a clock that jumps and nothing else: for tests of the scheduler and what is built on it.
 *
 * Polling with a timeout moves the clock there at once, so a test that sleeps a year takes no time and
 * gives the same result each time. When every task waits and no deadline is set, nothing can ever happen
 * again: that ends the process with a message.
 *
 * Work for other threads is done on this one, by a poll, when as much time has passed as work is said to
 * take; what is left at the end of the world is done then. Nobody may wait for an answer there: who
 * would give it? */
#ifndef SIM_CLOCK_WORLD_H
#define SIM_CLOCK_WORLD_H

#include "sys/sys.h"

struct clock_world {
    struct sys sys;             /* first */
    int64_t now_ns;
    size_t allocations;         /* ever made, of memory and stacks */
    size_t alive;               /* not yet freed */
    size_t fail_at;             /* the allocation of this number fails, counted from 1; 0: none */
    bool fail_after;            /* and so do all that follow */
    uint64_t seed;              /* of `random` */
    int64_t work_ns;            /* how long work for other threads takes */
    struct clock_work *works;   /* to be done, in the order they were given */
};

/* Becomes this thread's world. It starts at second 1000 of its clock. */
struct clock_world *clock_world_new(uint64_t seed);

/* Runs fn(arg) in a new one; what tr_run would return. tr_last_error() works afterwards. */
int clock_world_run(int (*fn)(void *), void *arg);

#endif

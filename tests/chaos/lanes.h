/* Many trials, each in a process of its own: the observer of that one. It is a subreaper, has changed its namespaces,
 * and may come to harm, all of which ends with it.
 *
 * One after the other, because what is measured is time, and there are few processors; but a trial that has nothing
 * left to do but to wait for a timeout of the library's says so, and the next begins meanwhile. */
#ifndef CHAOS_LANES_H
#define CHAOS_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lane;

/* In the trial's process: fills the result, which is zero, and shared. */
typedef void trial_fn(struct lane *lane, uint64_t seed, void *result);

/* In the program's process, when it is over; result is NULL when the observer itself has crashed. False: no more
 * trials are begun. */
typedef bool collect_fn(uint64_t seed, const void *result);

void lanes_run(uint64_t first, uint64_t count, size_t result_size, trial_fn *run, collect_fn *collect);

/* In the trial's process. */
void lane_only_waits(struct lane *lane);

#endif

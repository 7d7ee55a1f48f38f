/* What scenarios with real threads are made of: gates that a thread passes once another has opened them,
 * and a cmocka runner in the real world. */
#ifndef TESTS_THREADS_H
#define TESTS_THREADS_H

#include "support/virtual.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#define REALLY(name) {#name, run_really, NULL, NULL, &(struct virtual_scenario){name}}

static inline void run_really(void **state)
{
    const struct virtual_scenario *scenario = *state;
    int rc = tr_run(scenario->fn, NULL);
    if (rc < 0)
        print_error("%s\n", tr_error_report(tr_last_error()));
    assert_true(rc >= 0);
}

/* Lets one through for each time it was opened. */
typedef sem_t gate;

static inline void gate_init(gate *it)
{
    sem_init(it, 0, 0);
}

static inline int gate_open(void *it)
{
    return sem_post(it);
}

/* Blocks the thread: for workers, or on them with tr_to_thread. */
static inline int gate_pass(void *it)
{
    while (sem_wait(it) < 0)
        continue;
    return 0;
}

/* For tasks: waits until it is open. */
static inline int task_passes(gate *it)
{
    return tr_to_thread(gate_pass, it);
}

static inline int join_thread(void *thread)
{
    return -pthread_join(*(pthread_t *)thread, NULL);
}

#endif

/* Scenarios in the real world, where descriptors, signals and sockets are the point, run by cmocka: each in
 * a run of its own, which must leave no child process and no descriptor behind. */
#ifndef TESTS_REAL_H
#define TESTS_REAL_H

#include "support/descriptors.h"
#include "support/virtual.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define IN_EARNEST(name) {#name, run_in_earnest, NULL, NULL, &(struct virtual_scenario){name}}

static inline int nothing_at_all(void *arg)
{
    (void)arg;
    return 0;
}

/* For which a run needs a libuv loop, and libuv some descriptors that it keeps for the process. */
static inline int one_signal(void *arg)
{
    (void)arg;
    tr_auto(signals) none = NULL;
    return tr_open_signals(&none, SIGURG);
}

/* A cmocka test whose initial state is a struct virtual_scenario. */
static inline void run_in_earnest(void **state)
{
    const struct virtual_scenario *scenario = *state;
    assert_int_equal(tr_run(one_signal, NULL), 0); /* what a process opens once and keeps */
    int before = open_descriptors();
    int rc = tr_run(scenario->fn, NULL);
    if (rc < 0)
        print_error("%s\n", tr_error_report(tr_last_error()));
    assert_true(rc >= 0);
    assert_true(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    for (int i = 0; i < 10000 && open_descriptors() != before; i++)
        usleep(1000); /* tidy: call: a thread left to itself holds one, and nobody is told of its end */
    assert_int_equal(open_descriptors(), before);
}

#endif

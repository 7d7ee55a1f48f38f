/* What scenarios of the scheduler are made of: tasks that sleep, fail, and tell how they ended. */
#ifndef TESTS_TASKS_H
#define TESTS_TASKS_H

#include "support/virtual.h"

#include <math.h>

static inline int forever(void *arg)
{
    (void)arg;
    return tr_sleep_forever();
}

/* Counts how it ended. */
struct witness {
    int ended, cancelled;
};

static inline int watched(void *arg)
{
    struct witness *witness = arg;
    int rc = tr_sleep_forever();
    witness->ended++;
    witness->cancelled += rc == TR_ECANCELLED;
    return rc;
}

static inline int fail_now(void *arg)
{
    (void)arg;
    return tr_raise("app.Bad", "bad");
}

static inline int fail_after_a_second(void *arg)
{
    (void)arg;
    tr_try(tr_sleep(1));
    return tr_raise("app.Late", "late");
}

static inline int a_second(void *arg)
{
    (void)arg;
    return tr_sleep(1);
}

static inline int fail_when_cancelled(void *arg)
{
    (void)arg;
    tr_ignore(tr_sleep_forever());
    return tr_raise("app.WhenCancelled", "while it ended");
}

static inline bool about(double a, double b)
{
    return fabs(a - b) < 1e-6;
}

#endif

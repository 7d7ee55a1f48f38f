/* What the two files of the model have in common. */
#ifndef TESTS_STRESS_MODEL_INSIDE_H
#define TESTS_STRESS_MODEL_INSIDE_H

#include "events.h"
#include "model.h"

static inline void happened(enum event event)
{
    model_events[event]++;
}

/* The task is READY, and its wait has come to this. */
void model_wake(struct task *task, outcome got);
/* Waits there, unless it is cancelled. */
void model_wait_at(struct task *task, enum waits where);
/* A wait that is over before it begins, but lets others run. */
void model_pass(struct task *task, enum waits where, outcome got);

void channels_reset(void);
/* The task carries out its order to send, receive or select. */
void channels_use(struct task *task);
/* What came of it. */
outcome channels_end(struct task *task);
/* A command of the driver's. */
int channels_apply(const struct command *command);

#endif

/* The same commands carried out with the library: each task is a puppet that waits for orders, carries one
 * out and waits for the next, until it is told to leave, fails, or is cancelled. Whenever a call that waits
 * has returned it writes down what it saw. */
#ifndef TESTS_STRESS_PUPPETS_H
#define TESTS_STRESS_PUPPETS_H

#include "model.h"

#include <tractor.h>

enum { SIGHTS = 4096 };

/* How a scope was left. */
struct fate {
    bool over, cancel_called, caught, stop_called;
    outcome out;
};

struct puppet {
    int number, depth;
    enum waits waits;
    tr_lot orders;
    struct command order;
    enum prepared prepared;
    int prepared_failure;
    ticks prepared_time;
};

extern struct puppets {
    struct puppet all[TASKS];
    tr_scope *scopes[BLOCKS];       /* while they are open */
    tr_nursery *nurseries[BLOCKS];
    struct fate fates[BLOCKS];
    tr_sender *senders[CHANNELS];
    tr_receiver *receivers[CHANNELS];
    struct sight sights[SIGHTS];
    int sight_count;
} puppets;

/* Block 0, which the driver has opened. */
int puppets_begin(tr_nursery *nursery);
void puppets_end(void);

/* As model_apply. ADVANCE sleeps. */
int puppets_apply(const struct command *command);

ticks now_in_ticks(void);
outcome outcome_of(int rc);

#endif

/* An actor in the fuzzers' world, and a peer of it that the fuzzer plays.
 *
 * It lives as src/runtime has actors live: the runtime's own tasks in `service`, inside it what serves calls,
 * and an orderly end. The fuzzer's script runs beside it, so that it also sees the actor ending. */
#ifndef FUZZ_LIFE_H
#define FUZZ_LIFE_H

#include "actor/session.h"
#include "tractor/task.h"
#include "world.h"

struct life {
    struct world *world;
    struct actor actor;
    bool is_child;              /* it has a parent, whom it reads from `parent`; else it is a root and arbiter */
    int parent;
    bool up, over;              /* it serves; it has ended */
    int rc;                     /* and how */
    void (*before)(struct life *life);  /* what the world shall be like; may be NULL */
    void (*script)(struct life *life);
    void *arg;
    uint64_t seed;              /* of the order in which tasks have their turns; 0: that in which they became ready */
};

/* Runs the script while an actor lives, ends the actor, and checks that nothing of it is left. */
void live(struct life *life);

/* Lets that much time go by. */
void pass(double seconds);

#endif

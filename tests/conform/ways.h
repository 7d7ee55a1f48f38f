/* The ways in which two ends of a wire come to be, in the real world and in the fake one, and what runs a scenario
 * with each: whatever is promised of a wire (transport/wire.h) is promised of all. */
#ifndef TESTS_WAYS_H
#define TESTS_WAYS_H

#include "support/real.h"
#include "transport/wire.h"

struct ends {
    struct wire a, b;
    bool in_earnest;            /* this is the real world */
};

typedef int wire_scenario(struct ends *ends);

struct way {
    const char *name;
    int (*meet)(struct ends *ret_ends);
};

enum { WAYS = 3 };
extern const struct way ways[WAYS];

/* Runs the scenario once for each way in a run of its own, which must leave nothing behind. */
void in_the_real_world(const struct way *way, wire_scenario *scenario);

/* The same where each end believes that the other runs on another processor, and looks for it before it sleeps. */
void on_two_processors(const struct way *way, wire_scenario *scenario);

/* The same where reads and writes take less than they could, thirty seeds. */
void in_fake_worlds(const struct way *way, wire_scenario *scenario);

/* There, the first, second, third ... allocation fails, and likewise system calls, once and for ever. It may fail,
 * but not crash, hang or leak. */
void in_need(const struct way *way, wire_scenario *scenario);

#endif

/* Scenarios on the virtual clock, run by cmocka: each in a world of its own, which must have got back all
 * its memory afterwards. */
#ifndef TESTS_VIRTUAL_H
#define TESTS_VIRTUAL_H

#include "support/expect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SCENARIO(name) {#name, run_virtually, NULL, NULL, &(struct virtual_scenario){name}}

struct virtual_scenario {
    int (*fn)(void *);
};

/* A cmocka test whose initial state is a struct virtual_scenario. */
void run_virtually(void **state);

/* Runs the scenario again and again, failing the first allocation, the second, ..., once each and then from
 * there on, until it passes untouched. It may fail, but not crash, hang or leak. */
void run_short_of_memory(int (*scenario)(void *));

#endif

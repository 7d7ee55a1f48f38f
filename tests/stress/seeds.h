/* What every test of random seeds needs: its arguments, its dice, and an account of what came up. */
#ifndef TESTS_STRESS_SEEDS_H
#define TESTS_STRESS_SEEDS_H

#include "random.h"

#include <stdbool.h>
#include <stdint.h>

/* Which ones to run: --first SEED, --seeds COUNT; or --seed SEED, one alone, which tells what it does. */
struct seeds {
    uint64_t first, count;
    bool tells;
};

struct seeds seeds_of_arguments(int argc, char **argv, uint64_t count);

/* Prints how often each of them came up. How many never did, which are named on standard error. */
int seeds_account(const char *title, const char *const *names, const long *counts, int kinds);

#endif

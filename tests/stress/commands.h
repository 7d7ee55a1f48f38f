/* Where the commands come from. */
#ifndef TESTS_STRESS_COMMANDS_H
#define TESTS_STRESS_COMMANDS_H

#include "model.h"

#include <stddef.h>

/* Numbers used up so far, and the state of the generator. */
struct commands {
    uint64_t seed;
    int blocks, tasks, failures, items, graces;
};

void commands_begin(struct commands *commands, uint64_t seed);
uint64_t commands_random(struct commands *commands, uint64_t below);

/* One that is possible as the model stands; COMMAND_KINDS when all numbers are used up. Only the first one
 * of a step may be alone in it. */
struct command commands_next(struct commands *commands, bool first);

/* The passing of time until something happens, or a bit of that. False when nothing will. */
bool commands_advance(struct commands *commands, bool all_the_way, struct command *ret);

/* For people; cut at `room`. */
void command_print(const struct command *command, char *ret_text, size_t room);

extern const char *const command_names[COMMAND_KINDS];

#endif

#include "seeds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct seeds seeds_of_arguments(int argc, char **argv, uint64_t count)
{
    struct seeds seeds = {.first = 1, .count = count};
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t value = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seed") == 0)
            return (struct seeds){.first = value, .count = 1, .tells = true};
        *(strcmp(argv[i], "--first") == 0 ? &seeds.first : &seeds.count) = value;
    }
    return seeds;
}

int seeds_account(const char *title, const char *const *names, const long *counts, int kinds)
{
    int never = 0;
    printf("%s\n", title);
    for (int i = 0; i < kinds; i++) {
        printf("%10ld  %s\n", counts[i], names[i]);
        if (counts[i] == 0) {
            fprintf(stderr, "stress: this never happened: %s\n", names[i]);
            never++;
        }
    }
    return never;
}

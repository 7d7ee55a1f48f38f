/* The command lines of benches: a table of what may stand there, and where it goes. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct option {
    const char *name;
    bool *flag;                 /* set by the name; NULL: it is one with */
    const char **text;          /* a word after it, */
    int *number;                /* a number after that, or both */
};

/* Takes what belongs to the option from the words that are left: how many of them, 0 if they are too few. */
static inline int take_option(const struct option *it, int left, char **words)
{
    int wanted = 1 + (it->text != NULL) + (it->number != NULL);
    if (left < wanted)
        return 0;
    if (it->flag)
        *it->flag = true;
    if (it->text)
        *it->text = words[1];
    if (it->number)
        *it->number = (int)strtol(words[wanted - 1], NULL, 10);
    return wanted;
}

static inline const struct option *find_option(const struct option *table, const char *name)
{
    while (table->name && strcmp(table->name, name) != 0)
        table++;
    return table;
}

static inline void print_usage(const struct option *table, const char *program)
{
    fprintf(stderr, "usage: %s", program);
    for (const struct option *it = table; it->name; it++)
        fprintf(stderr, " [%s%s%s]", it->name, it->text ? " TEXT" : "", it->number ? " N" : "");
    fprintf(stderr, "\n");
}

/* Reads a command line by the table, whose last row is empty. What is not in it ends the program, which then has
 * said how it is used. */
static inline void understand(const struct option *table, int argc, char **argv)
{
    for (int i = 1, taken; i < argc; i += taken) {
        const struct option *it = find_option(table, argv[i]);
        taken = it->name ? take_option(it, argc - i, argv + i) : 0;
        if (taken > 0)
            continue;
        print_usage(table, argv[0]);
        exit(2);
    }
}

#endif

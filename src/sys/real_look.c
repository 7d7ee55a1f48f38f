/* What there is to see from outside: names at which somebody listens, and what this process has cost.
 *
 * Linux tells the former only in a text, /proc/net/unix, of which a line is one socket of this network namespace:
 *
 *     ffff9a3c8d5b4c00: 00000002 00000000 00010000 0001 01 23456 @tractor/1000/b8d3dc09...
 *
 * A path may hold whatever its owner likes, also a newline; so what is found here is a hint, and whoever answers
 * there is to be asked who it is. */
#include "sys/real.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_ROOM = 512, FIELDS_BEFORE = 3, DIGITS_OF_FLAGS = 8 };

static const char listens[] = "00010000";   /* __SO_ACCEPTCON; those that were accepted there have the same name */

/* The name in a line, if it is of a socket that listens; else NULL. */
static char *name_in(char *line)
{
    char *at = line;
    for (int i = 0; i < FIELDS_BEFORE && at; i++)
        at = (at = strchr(at, ' ')) ? at + 1 : NULL;
    if (!at || strncmp(at, listens, DIGITS_OF_FLAGS) != 0)
        return NULL;
    line[strcspn(line, "\n")] = '\0';
    return strchr(at, '@');
}

int real_listening(struct sys *sys, const char *prefix, sys_name_fn *each, void *arg)
{
    (void)sys;
    FILE *table = fopen("/proc/net/unix", "re");
    if (!table)
        return -errno;
    char line[LINE_ROOM];
    int rc = 0;
    while (rc >= 0 && fgets(line, sizeof line, table)) {
        char *name = name_in(line);
        if (name && strncmp(name, prefix, strlen(prefix)) == 0)
            rc = each(arg, name);
    }
    fclose(table);
    return rc < 0 ? rc : 0;
}

/* In kB, of a line like "Pss:                 512 kB"; 0 if there is none. */
static uint64_t kilobytes_in(const char *path, const char *field)
{
    FILE *table = fopen(path, "re");
    char line[LINE_ROOM];
    uint64_t found = 0;
    while (table && !found && fgets(line, sizeof line, table))
        if (strncmp(line, field, strlen(field)) == 0)
            found = strtoull(line + strlen(field), NULL, 10);
    if (table)
        fclose(table);
    return found;
}

/* Actors of one program share most of what is resident: only shares can be added up. A kernel may not tell them. */
int real_usage(struct sys *sys, struct sys_usage *ret)
{
    (void)sys;
    enum { KILO = 1024 };
    struct timespec cpu;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) < 0)
        return -errno;
    uint64_t memory = kilobytes_in("/proc/self/smaps_rollup", "Pss:");
    if (!memory)
        memory = kilobytes_in("/proc/self/status", "VmRSS:");
    *ret = (struct sys_usage){.memory = memory * KILO,
                              .cpu_ns = (int64_t)cpu.tv_sec * 1000000000 + cpu.tv_nsec};
    return 0;
}

void real_host(struct sys *sys, char *ret_name, size_t room)
{
    (void)sys;
    if (gethostname(ret_name, room) < 0)
        snprintf(ret_name, room, "?");
    ret_name[room - 1] = '\0';
}

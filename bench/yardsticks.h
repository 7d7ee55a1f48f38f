/* The same figures for others, measured in the same call by programs of their own, and how many
 * instructions ours take, counted by valgrind, which is the same number again and again on a machine that
 * is not quiet.
 *
 * A yardstick prints lines of a key and a number. One whose language is not installed is left out. */
#ifndef BENCH_YARDSTICKS_H
#define BENCH_YARDSTICKS_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tractor.h>
#include <unistd.h>

/* What a command prints, in the frame's memory; NULL if it could not be run or failed. */
static inline const char *output_of(const char *command)
{
    tr_process_result result;
    int rc = tr_run_process(&result, tr_argv("/bin/sh", "-c", command), .capture_stdout = true,
                            .capture_stderr = true, .may_fail = true);
    return rc >= 0 && result.status == 0 ? (const char *)result.out.data : NULL;
}

/* The number in the line that begins with the key; negative if there is none. */
static inline double number_after(const char *text, const char *key)
{
    size_t size = strlen(key);
    for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL)
        if (strncmp(line, key, size) == 0 && line[size] == ' ')
            return strtod(line + size, NULL);
    return -1;
}

static inline const char *go_figures(const char *folder)
{
    return output_of(tr_format("command -v go >/dev/null && GO111MODULE=off GOFLAGS= "
                               "GOCACHE=\"${TMPDIR:-/tmp}/tractor-bench-go\" go run %s/sched.go", folder));
}

/* Debian's Python has Debian's trio, whatever other Python comes first. */
static inline const char *trio_figures(const char *folder)
{
    return output_of(
        tr_format("for python in /usr/bin/python3 python3; do "
                  "$python -c 'import trio' 2>/dev/null && exec $python %s/sched.py; done; exit 1",
                  folder));
}

/* Instructions of this program when it is run with `--count KEY TIMES`. */
static inline double instructions(const char *key, int times)
{
    tr_auto(frame) frame = tr_open_frame();
    const char *text = output_of(tr_format("exec valgrind --tool=callgrind --callgrind-out-file=/dev/null "
                                           "--log-fd=1 /proc/%d/exe --count %s %d | sed 's/^==[0-9]*== //'",
                                           getpid(), key, times));
    return number_after(text, "Collected :");
}

/* For one more: what a run's beginning and end cost is in both. Negative without valgrind. */
static inline double instructions_for_one(const char *key, int times)
{
    double once = instructions(key, times), twice = instructions(key, 2 * times);
    return once > 0 && twice > 0 ? (twice - once) / times : -1;
}

#endif

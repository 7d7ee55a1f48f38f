/* How every pair of processes is asked, ours, the bare primitives and the libraries of others alike:
 *
 *     PROGRAM WHAT SIZE COUNT PLACE OUTSTANDING
 *
 * WHAT     "call": COUNT messages there and back, OUTSTANDING of them under way at any time;
 *          "latency": the same, one under way, with each of them timed;
 *          "stream": COUNT messages one way, each looked at where it arrives
 * SIZE     of a message, in bytes; a stream of 8 is one of 64-bit integers
 * PLACE    "one": both processes on the first processor; "two": the near on the first, the far on the second;
 *          "free": wherever the kernel puts them
 *
 * The answer is lines of a key and a number: `us`, microseconds for one message; `cpu_us`, the processor's time that
 * both processes took for it; of "latency" also p50_us, p90_us, p99_us and p999_us. Starting is not in it, but a tenth
 * more messages before, for everything to be warm. The near process is the one that measures; the far one is its child.
 *
 * Used by C and C++. */
#ifndef BENCH_PAIR_H
#define BENCH_PAIR_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

struct pair_job {
    const char *what, *place;
    size_t size;
    int64_t count;
    int outstanding;
    double *samples;            /* of "latency", in microseconds; else NULL */
    pid_t far;
    double wall, cpu;           /* when it began */
};

enum { PAIR_WARM_UP = 10, PAIR_MOST_OUTSTANDING = 65536 };

static inline double pair_seconds(clockid_t clock)
{
    struct timespec now = {0, 0};
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Of another process as well, to the nanosecond. */
static inline double pair_cpu_seconds(pid_t pid)
{
    clockid_t clock;
    return clock_getcpuclockid(pid, &clock) == 0 ? pair_seconds(clock) : 0;
}

static inline bool pair_is(const struct pair_job *job, const char *what)
{
    return strcmp(job->what, what) == 0;
}

static inline void pair_usage(const char *program)
{
    fprintf(stderr, "usage: %s call|latency|stream SIZE COUNT one|two|free OUTSTANDING\n", program);
    exit(2);
}

/* The arguments from argv[first] on. */
static inline void pair_understand(struct pair_job *job, int argc, char **argv, int first)
{
    memset(job, 0, sizeof *job);
    if (argc < first + 5)
        pair_usage(argv[0]);
    job->what = argv[first];
    job->size = strtoul(argv[first + 1], NULL, 10);
    job->count = strtol(argv[first + 2], NULL, 10);
    job->place = argv[first + 3];
    job->outstanding = (int)strtol(argv[first + 4], NULL, 10);
    if (job->size < 8 || job->count < 1 || job->outstanding < 1 || job->outstanding > PAIR_MOST_OUTSTANDING)
        pair_usage(argv[0]);
}

/* For the process that calls it, and whatever it starts from then on. `second`: the far one of "two". */
static inline void pair_stand(const char *place, bool second)
{
    cpu_set_t there;
    if (strcmp(place, "free") == 0)
        return;
    CPU_ZERO(&there);
    CPU_SET(second && strcmp(place, "two") == 0 ? 1 : 0, &there);
    if (sched_setaffinity(0, sizeof there, &there) != 0) {
        fprintf(stderr, "there is no second processor\n");
        exit(77);
    }
}

static inline int64_t pair_warm_up(const struct pair_job *job)
{
    return job->count / PAIR_WARM_UP + 1;
}

/* From here on calls of "latency" are timed. `far`: 0 if it is not one process, whose time is not told then. */
static inline void pair_begin(struct pair_job *job, pid_t far)
{
    job->far = far;
    if (pair_is(job, "latency"))
        job->samples = (double *)calloc((size_t)job->count, sizeof *job->samples);
    job->cpu = pair_cpu_seconds(0) + pair_cpu_seconds(far);
    job->wall = pair_seconds(CLOCK_MONOTONIC);
}

/* After each call of "latency". */
static inline void pair_lap(struct pair_job *job, int64_t number, double *last)
{
    double now = pair_seconds(CLOCK_MONOTONIC);
    job->samples[number] = (now - *last) * 1e6;
    *last = now;
}

static inline int pair_by_size(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static inline void pair_tell_percentiles(struct pair_job *job)
{
    const struct { const char *key; double part; } parts[] = {
        {"p50_us", .5}, {"p90_us", .9}, {"p99_us", .99}, {"p999_us", .999}};
    qsort(job->samples, (size_t)job->count, sizeof *job->samples, pair_by_size);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        printf("%s %.4f\n", parts[i].key, job->samples[(size_t)((double)(job->count - 1) * parts[i].part)]);
}

/* At the end of what is measured, while the far process lives. */
static inline void pair_end(struct pair_job *job)
{
    double wall = pair_seconds(CLOCK_MONOTONIC) - job->wall;
    double cpu = pair_cpu_seconds(0) + pair_cpu_seconds(job->far) - job->cpu;
    printf("us %.5f\n", wall * 1e6 / (double)job->count);
    if (job->far > 0)
        printf("cpu_us %.5f\n", cpu * 1e6 / (double)job->count);
    if (job->samples)
        pair_tell_percentiles(job);
    free(job->samples);
    job->samples = NULL;
    fflush(stdout);
}

/* What is sent: the message's number at the beginning, and what is seen to arrive. */
static inline void pair_mark(void *bytes, int64_t number)
{
    memcpy(bytes, &number, sizeof number);
}

static inline void pair_check(const void *bytes, int64_t number)
{
    if (memcmp(bytes, &number, sizeof number) != 0) {
        fprintf(stderr, "message %ld is not what was sent\n", (long)number);
        exit(1);
    }
}

/* How often a process has given up a processor since it began, by waiting or because it was taken from it. */
static inline double pair_switches(pid_t pid)
{
    char path[64], line[256];
    double sum = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strstr(line, "ctxt_switches:"))
            sum += strtod(strchr(line, ':') + 1, NULL);
    if (file)
        fclose(file);
    return sum;
}

#endif

/* What every bench needs: one core, the middle of several rounds, and a file of figures. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <tractor.h>

/* What this process starts stays there, too. */
static inline void stay_on_one_core(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    (void)sched_setaffinity(0, sizeof one, &one);
}

/* A thousand actors take a few descriptors each. */
static inline void allow_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static inline int by_size(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

/* Sorts them. */
static inline double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_size);
    return values[count / 2];
}

/* Memory of a process in KiB, as the kernel says by that name ("Rss", "Pss"); -1 if it does not. */
static inline double memory_kib(int pid, const char *name)
{
    char path[64], line[256];
    size_t size = strlen(name);
    double kib = -1;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    FILE *file = fopen(path, "r");
    while (file && kib < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, name, size) == 0 && line[size] == ':')
            kib = strtod(line + size + 1, NULL);
    if (file)
        fclose(file);
    return kib;
}

/* A member of the one object in a file of JSON, with `prefix` before its key; none if it is negative, which is
 * how what is not known is told. The caller ends the object. */
static inline void add_member(FILE *json, const char *prefix, const char *key, double value)
{
    if (value >= 0)
        fprintf(json, "%s\"%s%s\": %.3f", ftell(json) > 0 ? ", " : "{", prefix, key, value);
}

static inline int open_json(const char *path, FILE **ret)
{
    FILE *json = fopen(path, "w");
    if (!json)
        return tr_raise(tr_code_type(-errno), "%s", path);
    *ret = json;
    return 0;
}

static inline int close_json(FILE *json, const char *path)
{
    fprintf(json, "}\n");
    return fclose(json) == 0 ? 0 : tr_raise(tr_code_type(-errno), "%s", path);
}

#endif

/* What the scheduler costs; each figure is nanoseconds for one, unless its name says otherwise:
 *
 *     switch_ns                two tasks that take turns, one checkpoint
 *     switch_fp_ns             the same while one of them computes with doubles
 *     spawn_join_ns            a nursery with one task that ends at once, opened and joined
 *     channel_ns               an int through a memory channel of capacity 64 between two tasks
 *     deadline_ns              a scope with a deadline entered and left
 *     idle_task_bytes          resident memory of a parked task, 100 000 of them alive
 *     million_cancel_join_ns   a million parked tasks cancelled and joined, for each
 *     switch_100k_ratio        switch_ns while 100 000 tasks are parked, as a multiple of it while 10 are
 *
 * Usage: sched [--json FILE]. One core; medians of several rounds. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tractor.h>
#include <unistd.h>

enum { ROUNDS = 9, SWITCHES = 200000, SPAWNS = 100000, MESSAGES = 200000, SCOPES = 200000 };
enum { MANY = 100000, MILLION = 1000000 };

/* ---- what the tasks do ------------------------------------------------------------------------------------- */

static int take_turns(void *arg)
{
    for (int *left = arg; *left > 0; --*left)
        tr_try(tr_checkpoint());
    return 0;
}

static volatile double sink;

static int take_turns_computing(void *arg)
{
    double x = 1;
    for (int *left = arg; *left > 0; --*left) {
        x = x * 1.0000001 + 0.5;
        tr_try(tr_checkpoint());
    }
    sink = x;
    return 0;
}

static int end_at_once(void *arg)
{
    (void)arg;
    return 0;
}

static int park(void *arg)
{
    (void)arg;
    return tr_sleep_forever();
}

static int send_all(void *arg)
{
    tr_sender *in = arg;
    int rc = 0;
    for (int i = 0; i < MESSAGES && rc >= 0; i++)
        rc = tr_send(in, &i);
    tr_close_sender(&in);
    return rc;
}

/* ---- one round of each -------------------------------------------------------------------------------------- */

static int switch_with(int (*other)(void *), double *ret_ns)
{
    tr_auto(nursery) n = tr_open_nursery();
    int left = SWITCHES;
    double start = tr_now();
    tr_try(tr_start_soon(n, take_turns, &left));
    tr_try(tr_start_soon(n, other, &left));
    tr_try(tr_join(n));
    *ret_ns = (tr_now() - start) / SWITCHES * 1e9;
    return 0;
}

static int switches(double *ret_ns)
{
    return switch_with(take_turns, ret_ns);
}

static int switches_fp(double *ret_ns)
{
    return switch_with(take_turns_computing, ret_ns);
}

static int one_task(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, end_at_once, NULL));
    return tr_join(n);
}

static int spawns(double *ret_ns)
{
    double start = tr_now();
    for (int i = 0; i < SPAWNS; i++)
        tr_try(one_task());
    *ret_ns = (tr_now() - start) / SPAWNS * 1e9;
    return 0;
}

static int messages(double *ret_ns)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(receiver) out = NULL;
    tr_sender *in;
    int item, expected = 0;
    tr_try(tr_open_channel(&in, &out, sizeof(int), 64));
    double start = tr_now();
    tr_try(tr_start_soon(n, send_all, in));
    while (tr_receive(out, &item) > 0)
        if (item != expected++)
            return tr_raise("bench.Failed", "a message is missing");
    *ret_ns = (tr_now() - start) / MESSAGES * 1e9;
    return tr_join(n);
}

static int deadlines(double *ret_ns)
{
    double start = tr_now();
    for (int i = 0; i < SCOPES; i++) {
        tr_scope limit = tr_move_on_after(10);
        tr_try(tr_within(&limit, 0));
    }
    *ret_ns = (tr_now() - start) / SCOPES * 1e9;
    return 0;
}

/* ---- with many tasks ----------------------------------------------------------------------------------------- */

static double resident_bytes(void)
{
    long pages = 0, resident = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (statm && fscanf(statm, "%ld %ld", &pages, &resident) != 2)
        resident = 0;
    if (statm)
        fclose(statm);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static int park_many(tr_nursery *n, int count)
{
    for (int i = 0; i < count; i++)
        tr_try(tr_start_soon(n, park, NULL));
    return tr_checkpoint();
}

static int idle_bytes(double *ret_bytes)
{
    tr_auto(nursery) n = tr_open_nursery();
    double before = resident_bytes();
    tr_try(park_many(n, MANY));
    *ret_bytes = (resident_bytes() - before) / MANY;
    tr_cancel(n);
    return tr_join(n);
}

static int switch_while_parked(int count, double *ret_ns)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(park_many(n, count));
    tr_try(switches(ret_ns));
    tr_cancel(n);
    return tr_join(n);
}

static int ratio(double *ret_ratio)
{
    double few, many;
    tr_try(switch_while_parked(10, &few));
    tr_try(switch_while_parked(MANY, &many));
    *ret_ratio = many / few;
    return 0;
}

static int million(double *ret_ns)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(park_many(n, MILLION));
    double start = tr_now();
    tr_cancel(n);
    tr_try(tr_join(n));
    *ret_ns = (tr_now() - start) / MILLION * 1e9;
    return 0;
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

static struct figure {
    const char *name;
    int (*round)(double *ret);
    int rounds;
    double values[ROUNDS];
} figures[] = {
    {"idle_task_bytes", idle_bytes, 1, {0}}, /* first, while no stack is kept from before */
    {"switch_ns", switches, ROUNDS, {0}},
    {"switch_fp_ns", switches_fp, ROUNDS, {0}},
    {"spawn_join_ns", spawns, ROUNDS, {0}},
    {"channel_ns", messages, ROUNDS, {0}},
    {"deadline_ns", deadlines, ROUNDS, {0}},
    {"switch_100k_ratio", ratio, 3, {0}},
    {"million_cancel_join_ns", million, 1, {0}},
};
enum { FIGURES = sizeof figures / sizeof *figures };

static int by_size(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static void print_to(FILE *out)
{
    for (int i = 0; i < FIGURES; i++) {
        qsort(figures[i].values, (size_t)figures[i].rounds, sizeof(double), by_size);
        fprintf(out, "%s\"%s\": %.3f", i ? ", " : "{", figures[i].name,
                figures[i].values[figures[i].rounds / 2]);
    }
    fprintf(out, "}\n");
}

static int measure(void *file)
{
    for (int i = 0; i < FIGURES; i++)
        for (int round = 0; round < figures[i].rounds; round++)
            tr_try(figures[i].round(&figures[i].values[round]));
    FILE *json = file ? fopen(file, "w") : NULL;
    print_to(stdout);
    if (json) {
        print_to(json);
        fclose(json);
    }
    return 0;
}

int main(int argc, char **argv)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    (void)sched_setaffinity(0, sizeof one, &one);
    char *json = argc > 2 && strcmp(argv[1], "--json") == 0 ? argv[2] : NULL;
    if (tr_run(measure, json) >= 0)
        return 0;
    fprintf(stderr, "%s", tr_error_report(tr_last_error()));
    return 1;
}

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
 * Beside each stands how many times as long Go and trio take for the same (bench/yardsticks), in the same
 * call, where they are installed; "-" where they are not. The file also has their figures, as go_switch_ns
 * and trio_switch_ns, and, where valgrind is installed, our instructions for one, as switch_instructions.
 *
 * Usage: sched [--json FILE] [--alone]. One core; medians of several rounds; --alone leaves out
 * the others. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tractor.h>
#include <unistd.h>

#include "measure.h"
#include "options.h"
#include "yardsticks.h"

enum { ROUNDS = 9, MANY = 100000, MILLION = 1000000 };

static int times = 200000; /* in each round */

/* ---- what the tasks do ------------------------------------------------------------------------------ */

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
    for (int i = 0; i < times && rc >= 0; i++)
        rc = tr_send(in, &i);
    tr_close_sender(&in);
    return rc;
}

/* ---- one round of each ------------------------------------------------------------------------------ */

static int switch_with(int (*other)(void *), double *ret_ns)
{
    tr_auto(nursery) n = tr_open_nursery();
    int left = times;
    double start = tr_now();
    tr_try(tr_start_soon(n, take_turns, &left));
    tr_try(tr_start_soon(n, other, &left));
    tr_try(tr_join(n));
    *ret_ns = (tr_now() - start) / times * 1e9;
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
    for (int i = 0; i < times; i++)
        tr_try(one_task());
    *ret_ns = (tr_now() - start) / times * 1e9;
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
    *ret_ns = (tr_now() - start) / times * 1e9;
    return tr_join(n);
}

static int deadlines(double *ret_ns)
{
    double start = tr_now();
    for (int i = 0; i < times; i++) {
        tr_scope limit = tr_move_on_after(10);
        tr_try(tr_within(&limit, 0));
    }
    *ret_ns = (tr_now() - start) / times * 1e9;
    return 0;
}

/* ---- with many tasks -------------------------------------------------------------------------------- */

static double resident_bytes(void)
{
    long pages = 0, resident = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (statm && fscanf(statm, "%ld %ld", &pages, &resident) != 2) /* NOLINT(cert-err34-c): the kernel's */
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

static bool has_room_for_a_million(void)
{
    return (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) >= 6.0 * 1024 * 1024 * 1024;
}

static int million(double *ret_ns)
{
    *ret_ns = -1;
    if (!has_room_for_a_million())
        return 0;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(park_many(n, MILLION));
    double start = tr_now();
    tr_cancel(n);
    tr_try(tr_join(n));
    *ret_ns = (tr_now() - start) / MILLION * 1e9;
    return 0;
}

/* ---- all of it -------------------------------------------------------------------------------------- */

static struct figure {
    const char *name, *instructions;    /* the key of its instructions, where counting makes sense */
    int (*round)(double *ret);
    int rounds;
    double most;                        /* that it may be */
    double values[ROUNDS];
    double ours, go, trio, count;       /* filled in; negative if not known */
} figures[] = {
    {"idle_task_bytes", NULL, idle_bytes, 1, 4608, {0}, -1, -1, -1, -1}, /* first, while no stack is kept */
    {"switch_ns", "switch_instructions", switches, ROUNDS, 30, {0}, -1, -1, -1, -1},
    {"switch_fp_ns", "switch_fp_instructions", switches_fp, ROUNDS, 35, {0}, -1, -1, -1, -1},
    {"spawn_join_ns", "spawn_join_instructions", spawns, ROUNDS, 90, {0}, -1, -1, -1, -1},
    {"channel_ns", "channel_instructions", messages, ROUNDS, 75, {0}, -1, -1, -1, -1},
    {"deadline_ns", "deadline_instructions", deadlines, ROUNDS, 60, {0}, -1, -1, -1, -1},
    {"switch_100k_ratio", NULL, ratio, 3, 2, {0}, -1, -1, -1, -1},
    {"million_cancel_join_ns", NULL, million, 1, 1000, {0}, -1, -1, -1, -1},
};
enum { FIGURES = sizeof figures / sizeof *figures };

static int measure(struct figure *figure)
{
    for (int round = 0; round < figure->rounds; round++)
        tr_try(figure->round(&figure->values[round]));
    figure->ours = median(figure->values, figure->rounds);
    return 0;
}

static int measure_others(void)
{
    const char *go = go_figures(YARDSTICKS), *trio = trio_figures(YARDSTICKS);
    for (int i = 0; i < FIGURES; i++) {
        figures[i].go = number_after(go, figures[i].name);
        figures[i].trio = number_after(trio, figures[i].name);
        if (figures[i].instructions)
            figures[i].count = instructions_for_one(figures[i].name, 2000);
    }
    return 0;
}

/* ---- telling ---------------------------------------------------------------------------------------- */

static const char *times_ours(double other, double ours)
{
    return other < 0 || ours <= 0 ? "-" : tr_format("%.1f", other / ours);
}

static void print_table(void)
{
    printf("%-24s %10s %8s %10s %10s %14s\n", "", "libtractor", "must be", "Go takes", "trio takes",
           "instructions");
    for (int i = 0; i < FIGURES; i++) {
        const struct figure *it = &figures[i];
        if (it->ours < 0)
            printf("%-24s left out: that takes 6 GiB\n", it->name);
        else
            printf("%-24s %10.1f %8.0f %9s× %9s× %14s\n", it->name, it->ours, it->most,
                   times_ours(it->go, it->ours), times_ours(it->trio, it->ours),
                   it->count < 0 ? "-" : tr_format("%.0f", it->count));
    }
}

static int write_json(const char *path)
{
    FILE *json = NULL;
    tr_try(open_json(path, &json));
    for (int i = 0; i < FIGURES; i++) {
        const struct figure *it = &figures[i];
        add_member(json, "", it->name, it->ours);
        add_member(json, "go_", it->name, it->go);
        add_member(json, "trio_", it->name, it->trio);
        if (it->instructions)
            add_member(json, "", it->instructions, it->count);
    }
    return close_json(json, path);
}

/* ---- main ------------------------------------------------------------------------------------------- */

static struct {
    const char *json, *count;
    bool alone;
} options;

static int run(void *arg)
{
    (void)arg;
    for (int i = 0; i < FIGURES; i++)
        tr_try(measure(&figures[i]));
    if (!options.alone)
        tr_try(measure_others());
    print_table();
    return options.json ? write_json(options.json) : 0;
}

static int repeat_one(void *figure)
{
    double ignored;
    return ((const struct figure *)figure)->round(&ignored);
}

/* For whoever counts instructions. By a clock that stands: on one that runs the loop looks at the world the more
 * often the slower the counting is. Only where reading the clock is part of what is counted it must run. */
static int count_one(const char *name)
{
    for (int i = 0; i < FIGURES; i++)
        if (strcmp(figures[i].name, name) == 0)
            return figures[i].round == deadlines ? tr_run(repeat_one, &figures[i])
                                                 : tr_run_virtually(repeat_one, &figures[i]);
    fprintf(stderr, "there is no figure %s\n", name);
    exit(2);
}

int main(int argc, char **argv)
{
    const struct option known[] = {{"--json", .text = &options.json}, {"--alone", .flag = &options.alone},
                                   {"--count", .text = &options.count, .number = &times}, {0}};
    understand(known, argc, argv);
    stay_on_one_core();
    if ((options.count ? count_one(options.count) : tr_run(run, NULL)) >= 0)
        return 0;
    fprintf(stderr, "%s", tr_error_report(tr_last_error()));
    return 1;
}

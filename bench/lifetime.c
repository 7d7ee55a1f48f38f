/* What it costs to start actors, to keep them, and to see them go:
 *
 *     spawn_us             one is started and answers its first call, by a process of its own (method spawn)
 *     raw_exec_us          vfork, exec and a byte there and back, of a program that does nothing but is linked
 *                          alike (bench/raw); raw_exec_static_us: one that is linked statically, without the library
 *     spawn_growth         spawn_us with 1 GiB of touched memory in the parent, as a multiple of it without
 *     forkserver_us        as spawn_us, by the fork server; raw_fork_us: fork and a byte there and back
 *     actors_1000_spawn_s, actors_1000_forkserver_s
 *                          a thousand are started, each called once, all alive
 *     join_1000_ms         those thousand are cancelled and reaped
 *     actors_1000_cpu_s    the processor's time for both, theirs and ours, which says more on a busy machine
 *     cancel_10_ms         ten idle ones are cancelled and reaped
 *     idle_pss_kib, idle_pss_forkserver_kib
 *                          memory of an idle one: its own, and its part of what it shares with the others, with
 *                          ten of them alive; idle_pss_1000_kib: with a thousand
 *     death_noticed_us     from the SIGKILL of one to the error of a call in it
 *
 * All by turns in one run, so that a noisy moment hits ours and the bare system calls alike; medians. What the
 * fork server does is measured by this program once more, in a tree of its own, with TRACTOR_START_METHOD set.
 * Beside each stands what it must be and what it should be; of these some are multiples of the bare calls. The
 * file also has the multiples, and, where valgrind is installed, the instructions that a parent executes to
 * start, call and end one, as spawn_instructions.
 *
 * Usage: lifetime [--json FILE] [--unpinned] [--quick]. One core unless told otherwise; --quick leaves out the
 * thousands and the instructions. */
#define _GNU_SOURCE
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <tractor.h>

#include "figures.h"
#include "options.h"
#include "raw_process.h"
#include "yardsticks.h"

enum { ROUNDS = 101, GROWTHS = 5, GROWTH_ROUNDS = 21, CANCEL_ROUNDS = 21, THOUSAND_ROUNDS = 3, TEN = 10, THOUSAND = 1000 };

static struct {
    const char *json, *count;
    int times;
    bool forkserver, probe, unpinned, quick;
} options;

/* ---- figures ---------------------------------------------------------------------------------------- */

#define BY_FORKSERVER "no tree was started by a fork server"

static struct figure table[] = {
    {.key = "raw_exec_us"},
    {.key = "raw_exec_static_us"},
    {.key = "spawn_us", .of = "raw_exec_us", .must = 2, .aim = 1.3},
    {.key = "spawn_growth", .must = 1.2, .aim = 1.1}, /* "flat": where noise ends */
    {.key = "raw_fork_us", .left_out = BY_FORKSERVER},
    {.key = "forkserver_us", .of = "raw_fork_us", .must = 4, .aim = 2, .left_out = BY_FORKSERVER},
    {.key = "actors_1000_spawn_s", .must = 2.5, .aim = 1.5},
    {.key = "actors_1000_forkserver_s", .must = 0.6, .aim = 0.25, .left_out = BY_FORKSERVER},
    {.key = "actors_1000_cpu_s"},
    {.key = "join_1000_ms", .must = 500, .aim = 150},
    {.key = "cancel_10_ms", .must = 10, .aim = 3},
    {.key = "idle_pss_kib", .must = 500, .aim = 150},
    {.key = "idle_pss_1000_kib", .must = 500, .aim = 150},
    {.key = "idle_pss_forkserver_kib", .must = 500, .aim = 150, .left_out = BY_FORKSERVER},
    {.key = "death_noticed_us", .must = 2000, .aim = 300},
};
static const struct figures figures = {table, sizeof table / sizeof *table};

/* Measured in the tree that is started so. */
static bool is_forkservers(const struct figure *it)
{
    return it->left_out != NULL;
}

/* ---- what the actors do ------------------------------------------------------------------------------ */

tr_fn(void, nothing)
{
    return 0;
}

tr_fn(void, hang)
{
    return tr_sleep_forever();
}

static int start(tr_nursery *n, tr_portal **ret)
{
    tr_try(tr_start_actor(n, ret, "idle", .modules = tr_names(tr_this_module())));
    return tr_call(*ret, NULL, nothing);
}

/* ---- one ----------------------------------------------------------------------------------------------- */

static int start_one(double *ret_us)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *actor;
    double begin = tr_now();
    tr_try(start(n, &actor));
    *ret_us = (tr_now() - begin) * 1e6;
    tr_cancel(n);
    return tr_join(n);
}

static int raw_one(pid_t (*begin_process)(const char *, int), const char *program, double *ret_us)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return tr_raise(tr_code_type(-errno), "no pair of sockets");
    double begin = tr_now();
    pid_t pid = begin_process(program, ends[1]);
    close(ends[1]);
    bool answered = pid > 0 && raw_round_trip(ends[0]);
    *ret_us = (tr_now() - begin) * 1e6;
    raw_end(pid, ends[0]);
    return answered ? 0 : tr_raise("bench.Failed", "%s does not answer", program);
}

static int one_of_each(void)
{
    double us;
    tr_try(start_one(&us));
    note(&figures, options.forkserver ? "forkserver_us" : "spawn_us", us);
    tr_try(raw_one(raw_fork, "a fork of this program", &us));
    note(&figures, "raw_fork_us", us);
    tr_try(raw_one(raw_exec, RAW_NOTHING, &us));
    note(&figures, "raw_exec_us", us);
    tr_try(raw_one(raw_exec, RAW_NOTHING_STATIC, &us));
    note(&figures, "raw_exec_static_us", us);
    return 0;
}

/* ---- the parent's size ------------------------------------------------------------------------------- */

static int keep_best(double *best_us)
{
    double us;
    for (int i = 0; i < GROWTH_ROUNDS; i++) {
        tr_try(start_one(&us));
        *best_us = us < *best_us ? us : *best_us;
    }
    return 0;
}

static int grow(double *best_us)
{
    const size_t size = (size_t)1 << 30;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 0; /* there is no room for it here */
    (void)madvise(memory, size, MADV_NOHUGEPAGE); /* in as many pages as can be */
    memset(memory, 1, size);
    int rc = keep_best(best_us);
    munmap(memory, size);
    return rc;
}

/* The best of several: these two cannot be measured by turns, and who has just filled a gigabyte gets less of a busy
 * processor for a while. */
static int growth(void)
{
    double small = INFINITY, large = INFINITY;
    for (int i = 0; i < GROWTHS; i++) {
        tr_try(keep_best(&small));
        tr_try(grow(&large));
    }
    if (large < INFINITY)
        note(&figures, "spawn_growth", large / small);
    return 0;
}

/* ---- many ---------------------------------------------------------------------------------------------- */

static int start_many(tr_nursery *n, tr_portal **actors, int count)
{
    for (int i = 0; i < count; i++)
        tr_try(start(n, &actors[i]));
    return 0;
}

static void note_memory(const char *key, tr_portal *const *actors, int count)
{
    for (int i = 0; i < count; i += count / TEN)
        note(&figures, key, memory_kib(tr_portal_actor(actors[i])->pid, "Pss"));
}

static int cancel_all(tr_nursery *n, double *ret_ms)
{
    double begin = tr_now();
    tr_cancel(n);
    tr_try(tr_join(n));
    *ret_ms = (tr_now() - begin) * 1e3;
    return 0;
}

static int ten(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *actors[TEN];
    double ms;
    tr_try(start_many(n, actors, TEN));
    note_memory(options.forkserver ? "idle_pss_forkserver_kib" : "idle_pss_kib", actors, TEN);
    tr_try(cancel_all(n, &ms));
    if (!options.forkserver)
        note(&figures, "cancel_10_ms", ms);
    return 0;
}

/* Of this process and of those that it has reaped. */
static double cpu_s(void)
{
    struct rusage ours, theirs;
    getrusage(RUSAGE_SELF, &ours);
    getrusage(RUSAGE_CHILDREN, &theirs);
    return (double)(ours.ru_utime.tv_sec + ours.ru_stime.tv_sec + theirs.ru_utime.tv_sec + theirs.ru_stime.tv_sec) +
           (double)(ours.ru_utime.tv_usec + ours.ru_stime.tv_usec + theirs.ru_utime.tv_usec +
                    theirs.ru_stime.tv_usec) / 1e6;
}

static int thousand(void)
{
    static tr_portal *actors[THOUSAND];
    tr_auto(nursery) n = tr_open_nursery();
    double ms, cpu = cpu_s(), begin = tr_now();
    tr_try(start_many(n, actors, THOUSAND));
    note(&figures, options.forkserver ? "actors_1000_forkserver_s" : "actors_1000_spawn_s", tr_now() - begin);
    if (!options.forkserver)
        note_memory("idle_pss_1000_kib", actors, THOUSAND);
    tr_try(cancel_all(n, &ms));
    if (!options.forkserver) {
        note(&figures, "join_1000_ms", ms);
        note(&figures, "actors_1000_cpu_s", cpu_s() - cpu);
    }
    return 0;
}

/* ---- death ---------------------------------------------------------------------------------------------- */

struct doomed {
    tr_portal *actor;
    double noticed;             /* when; 0 if not as a death */
};

static int call_doomed(void *arg)
{
    struct doomed *doomed = arg;
    int rc = tr_call(doomed->actor, NULL, hang);
    if (rc < 0 && tr_error_is(tr_last_error(), "ActorDied"))
        doomed->noticed = tr_now();
    return 0;
}

/* The second call is answered once the first has begun. The nursery fails as well, as it should. */
static int kill_one(struct doomed *doomed, double *ret_begin)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(start(n, &doomed->actor));
    tr_try(tr_start_soon(n, call_doomed, doomed));
    tr_try(tr_checkpoint());
    tr_try(tr_call(doomed->actor, NULL, nothing));
    *ret_begin = tr_now();
    kill(tr_portal_actor(doomed->actor)->pid, SIGKILL);
    return tr_join(n);
}

static int death(void)
{
    struct doomed doomed = {0};
    double begin = 0;
    tr_scope all = tr_cancel_scope();
    int rc = tr_within(&all, kill_one(&doomed, &begin));
    if (rc >= 0 || doomed.noticed <= 0)
        return rc < 0 ? rc : tr_raise("bench.Failed", "a death was not noticed");
    note(&figures, "death_noticed_us", (doomed.noticed - begin) * 1e6);
    return 0;
}

/* ---- the fork server's ------------------------------------------------------------------------------- */

/* What this program says, run once more with that start method; NULL if it failed, as where there is no such. */
static const char *output_with_method(const char *method, const char *option)
{
    tr_process_result result;
    const char *quick = options.quick ? "--quick" : "--all";
    tr_list_tr_str words = tr_argv(tr_format("/proc/%d/exe", getpid()), option, quick);
    int rc = tr_run_process(&result, words, .capture_stdout = true, .capture_stderr = true, .may_fail = true,
                            .environment = tr_argv(tr_format("TRACTOR_START_METHOD=%s", method)));
    return rc >= 0 && result.status == 0 ? (const char *)result.out.data : NULL;
}

static int measure_forkserver(void)
{
    tr_auto(frame) frame = tr_open_frame();
    const char *text = output_with_method("forkserver", "--forkserver");
    for (int i = 0; i < figures.count; i++)
        if (is_forkservers(&table[i]) && text)
            table[i].value = number_after(text, table[i].key);
    return 0;
}

static void tell_parent(void)
{
    for (int i = 0; i < figures.count; i++)
        if (is_forkservers(&table[i]) && table[i].value >= 0)
            printf("%s %.3f\n", table[i].key, table[i].value);
}

/* ---- telling ------------------------------------------------------------------------------------------- */

static int write_json(const char *path, double instructions)
{
    FILE *json = NULL;
    tr_try(open_json(path, &json));
    add_figures(json, &figures);
    add_member(json, "", "spawn_instructions", instructions);
    return close_json(json, path);
}

/* ---- main ------------------------------------------------------------------------------------------------ */

static int repeat(int (*round)(void), int times)
{
    for (int i = 0; i < times; i++)
        tr_try(round());
    return 0;
}

static int by_turns(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        tr_try(one_of_each());
        if (round % (ROUNDS / CANCEL_ROUNDS) == 0)
            tr_try(ten());
        if (!options.forkserver)
            tr_try(death());
    }
    if (!options.forkserver)
        tr_try(growth());
    return options.quick ? 0 : repeat(thousand, THOUSAND_ROUNDS);
}

static int measure_all(void)
{
    tr_try(by_turns());
    find_medians(&figures);
    if (options.forkserver) {
        tell_parent();
        return 0;
    }
    tr_try(measure_forkserver());
    double count = options.quick ? -1 : instructions_for_one("spawn_us", 20);
    print_figures(&figures);
    if (count >= 0)
        printf("%-25s %10.0f\n", "spawn_instructions", count);
    return options.json ? write_json(options.json, count) : 0;
}

static int run(void *arg)
{
    (void)arg;
    double ignored;
    if (options.probe)
        return start_one(&ignored);
    for (int i = 0; i < options.times; i++) /* for whoever counts instructions */
        tr_try(start_one(&ignored));
    return options.count ? 0 : measure_all();
}

static void prepare_root(int argc, char **argv)
{
    bool all = false; /* the contrary of quick, which is the usual */
    const struct option known[] = {{"--json", .text = &options.json},
                                   {"--unpinned", .flag = &options.unpinned},
                                   {"--quick", .flag = &options.quick},
                                   {"--all", .flag = &all},
                                   {"--forkserver", .flag = &options.forkserver},
                                   {"--probe", .flag = &options.probe},
                                   {"--count", .text = &options.count, .number = &options.times},
                                   {0}};
    understand(known, argc, argv);
    if (!options.unpinned && !options.forkserver) /* which stays where its parent is */
        stay_on_one_core();
    allow_descriptors();
}

int main(int argc, char **argv)
{
    if (!tr_is_child())
        prepare_root(argc, argv);
    return tr_main(argc, argv, run, NULL);
}

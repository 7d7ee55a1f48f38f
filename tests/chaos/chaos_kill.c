/* chaos_kill: trees of thirteen real processes, some of which are killed or stopped at some moment, and whether what
 * is promised holds: nothing outlives its block, no process is orphaned, no error is lost.
 *
 *     chaos_kill --trials 1000 --seed 1       ends with a line of sums, after one for each kind of strike
 *     chaos_kill --trials 1 --seed 17 --trace     one, with its plan, and what the tree printed
 *     ... --stop-newborn                      what is known not to hold, see strike.h
 *     ... --method spawn                      with one way to start actors; otherwise each in turn
 *
 * Trial i of a run has the seed S + i; that is how one is replayed. A seed decides the plan (strike.h), and the
 * machine what else happens: what failed once may need several tries.
 *
 * What is a violation:
 *     orphan      a process that is left ten seconds after its root has died or ended; or, when nobody was killed,
 *                 one that its parent has not reaped
 *     hung        a root that lives has not ended when it had to (it has a time limit for what is stopped), or a
 *                 caller has noticed a death by that limit only
 *     lost error  an actor was killed that had not been told to end, and the root's error does not name a death;
 *                 or a root failed that had no reason to; or a call gave another value
 *     file left   a file, an abstract socket or shared memory (room.h) */
#include "lanes.h"
#include "observer.h"
#include "play.h"
#include "room.h"
#include "strike.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <tractor.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
enum { SLOWER = 4 };
#else
enum { SLOWER = 1 };
#endif

/* Seconds. A tree in which nothing is stopped has more than enough; one in which something is, is to find out
 * soon. Ending takes two grace periods of the library's for each level at most. */
static const double LIMIT_S = 20 * SLOWER, LIMIT_OF_STOPPED_S = 1.5 * SLOWER;
enum { BEGIN_S = 20 * SLOWER, END_S = 30 * SLOWER, ORPHAN_S = 10 };

/* From a root's death to that of the last of its tree, in milliseconds. */
static const double MEDIAN_MS = 5, WORST_MS = 1000;

/* From which number of trials on every phase, and every kind of strike, must have been there; and the median is judged,
 * which is another one where something else is going on, as beside other tests. */
enum { ENOUGH_FOR_PHASES = 50, ENOUGH_FOR_ALL = 100, ENOUGH_FOR_MEDIAN = 1000 };

static const char *const methods[] = {"spawn", "forkserver", "fork"};
enum { METHODS = sizeof methods / sizeof methods[0] };
static const char *only_method;
static bool trace, stop_newborn;

static const char *method_of(uint64_t seed)
{
    return only_method ? only_method : methods[seed % METHODS];
}

/* ---- one trial -------------------------------------------------------------------------------------- */

struct result {
    bool struck, root_died;
    enum strike kind;
    enum phase phase;
    int dead[PHASE_COUNT];
    double teardown_ms;
    int orphans, hung, lost_errors, files_left;
    char why[512];
};

__attribute__((format(printf, 3, 4)))
static void blame(struct result *result, int *what, const char *format, ...)
{
    va_list args;
    *what += 1;
    va_start(args, format);
    if (!result->why[0])
        vsnprintf(result->why, sizeof result->why, format, args);
    va_end(args);
}

/* One that was killed for no reason of its own, and whose death is thus an error. (Of a server it is not known
 * whether its owner had anything left to do.) */
static int count_owed(const struct strike_done *done)
{
    int owed = 0;
    for (int i = 0; i < done->victim_count; i++)
        owed += done->victims[i].killed && done->victims[i].name[0] && !done->victims[i].serves && done->victims[i].phase != EXITING;
    return owed;
}

/* Actors that share a server die with it, and the error is its end, which may come out beside the main function. */
static bool names_one(const struct observer *observer, const struct strike_done *done)
{
    const struct board *board = observer->board;
    char text[64];
    if (observer_heard(observer, "forked from has ended") || observer_heard(observer, "server that it was forked from"))
        return true;
    if (!board->names_a_death)
        return false;
    for (int i = 0; i < done->victim_count; i++) {
        snprintf(text, sizeof text, "process %d of actor ", done->victims[i].pid);
        if (done->victims[i].killed && strstr(board->report, text))
            return true;
    }
    return strlen(board->report) == REPORT_ROOM - 1; /* cut off: it may have */
}

static void judge_root(const struct observer *observer, const struct strike_plan *plan,
                       const struct strike_done *done, struct result *result)
{
    const struct board *board = observer->board;
    if (!observer->root_gone) {
        blame(result, &result->hung, "the root has not ended after %d s", END_S);
        return;
    }
    if (!WIFEXITED(observer->root_status) || !board->concluded)
        blame(result, &result->lost_errors, "the root came to harm: status 0x%x", observer->root_status);
    else if (board->failed != (WEXITSTATUS(observer->root_status) == 1))
        blame(result, &result->lost_errors, "the root said one thing and exited with another");
    else if (board->out_of_time && !strike_stops(plan))
        blame(result, &result->hung, "the root's time limit was over, and nothing was stopped");
    else if (count_owed(done) && !names_one(observer, done))
        blame(result, &result->lost_errors, "%d actors were killed, and the root's error names none",
              count_owed(done));
    else if (plan->kind == PAUSE_SOME && board->failed)
        blame(result, &result->lost_errors, "actors were paused, and the root failed");
}

static void judge(struct observer *observer, const struct strike_plan *plan, struct strike_done *done,
                  const struct room *room, struct result *result)
{
    char left[256];
    strike_look_at_dead(done, observer->board);
    if (!done->root_killed)
        judge_root(observer, plan, done, result);
    if (observer->board->wrong)
        blame(result, &result->lost_errors, "%s", observer->board->what_was_wrong);
    bool all_lived = !done->struck || plan->kind == PAUSE_SOME;
    if (all_lived && observer->foundlings > 0)
        blame(result, &result->orphans, "%d actors were not reaped by their parents", observer->foundlings);
    if (!observer->all_gone)
        observer_print_living(observer, stdout);
    if (!observer->all_gone && observer->root_gone) {
        int count = observer_end_all(observer);
        blame(result, &result->orphans, "%d processes are left", count);
    }
    (void)observer_end_all(observer);
    result->files_left = room_left(room, left, sizeof left);
    if (result->files_left)
        blame(result, &(int){0}, "left:%s", left);
}

static void note(const struct observer *observer, const struct strike_plan *plan,
                 const struct strike_done *done, struct result *result)
{
    result->struck = done->struck;
    result->kind = plan->kind;
    result->phase = done->phase;
    result->root_died = done->root_killed;
    for (int i = 0; i < done->victim_count; i++)
        result->dead[done->victims[i].phase] += done->victims[i].killed;
    if (done->root_killed)
        result->teardown_ms = (double)(observer->all_gone_ns - done->root_killed_ns) / 1e6;
}

static bool root_is_gone(struct observer *observer, void *none)
{
    (void)none;
    return observer->root_gone;
}

/* A root that lives is waited for; those who survive it have no long time then. */
static void await_end(struct observer *observer)
{
    enum { S = 1000000000 };
    (void)observer_wait(observer, root_is_gone, NULL, now_ns() + (int64_t)END_S * S);
    if (observer->root_gone)
        (void)observer_wait_for_end(observer, now_ns() + (int64_t)ORPHAN_S * S);
}

static void print_trial(uint64_t seed, const struct strike_plan *plan, const struct strike_done *done,
                        struct observer *observer)
{
    printf("seed %llu, method %s; ", (unsigned long long)seed, method_of(seed));
    strike_print(plan, stdout);
    for (int i = 0; i < done->victim_count; i++)
        printf("  %d %s%s %s, %s\n", done->victims[i].pid, done->victims[i].name,
               done->victims[i].pid == observer->root ? " (root)" : "",
               done->victims[i].killed ? "killed" : "stopped", phase_names[done->victims[i].phase]);
    printf("  the root: %s; the tree printed:\n", observer->board->concluded ? "concluded" : "did not conclude");
    observer_print_log(observer, stdout);
}

static void run_trial(struct lane *lane, uint64_t seed, void *arg)
{
    struct result *result = arg;
    struct strike_plan plan = strike_draw(seed, stop_newborn);
    struct strike_done done;
    struct observer observer;
    struct room room;
    if (!room_enter(&room, 0) || !observer_prepare(&observer))
        abort();
    setenv("TRACTOR_START_METHOD", method_of(seed), 1);
    observer.board->seed = seed;
    observer.board->limit_s = strike_stops(&plan) ? LIMIT_OF_STOPPED_S : LIMIT_S;
    if (!observer_start(&observer, (char *const[]){"chaos_kill", "--tree", NULL}))
        abort();
    strike(&plan, &observer, now_ns() + BEGIN_S * 1000000000LL, &done);
    if (strike_stops(&plan))
        lane_only_waits(lane);
    await_end(&observer);
    judge(&observer, &plan, &done, &room, result);
    note(&observer, &plan, &done, result);
    if (trace || result->why[0])
        print_trial(seed, &plan, &done, &observer);
    room_leave(&room);
}

/* ---- many -------------------------------------------------------------------------------------------- */

static struct sums {
    uint64_t trials, struck, orphans, hung, lost_errors, files_left, crashed;
    uint64_t hits[STRIKE_COUNT][PHASE_COUNT], dead[PHASE_COUNT];
    double *teardowns;
    size_t teardown_count;
} sums;

static bool collect(uint64_t seed, const void *arg)
{
    const struct result *result = arg;
    sums.trials++;
    if (!result) {
        sums.crashed++;
        printf("seed %llu: the observer has crashed\n", (unsigned long long)seed);
        return sums.crashed < 3;
    }
    sums.struck += result->struck;
    sums.hits[result->kind][result->phase] += result->struck;
    for (int i = 0; i < PHASE_COUNT; i++)
        sums.dead[i] += (uint64_t)result->dead[i];
    if (result->root_died)
        sums.teardowns[sums.teardown_count++] = result->teardown_ms;
    sums.orphans += (uint64_t)result->orphans;
    sums.hung += (uint64_t)result->hung;
    sums.lost_errors += (uint64_t)result->lost_errors;
    sums.files_left += (uint64_t)result->files_left;
    if (result->why[0])
        printf("VIOLATION: seed %llu: %s\nreplay: chaos_kill --trials 1 --seed %llu --method %s --trace\n",
               (unsigned long long)seed, result->why, (unsigned long long)seed, method_of(seed));
    return sums.orphans + sums.hung + sums.lost_errors + sums.files_left < 10;
}

static int ascending(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

static double percentile(double of)
{
    if (sums.teardown_count == 0)
        return 0;
    return sums.teardowns[(size_t)(of * (double)(sums.teardown_count - 1))];
}

static bool print_hits(void)
{
    bool all = true;
    uint64_t in_phase[PHASE_COUNT] = {0};
    for (int kind = 0; kind < STRIKE_COUNT; kind++) {
        printf("%-22s", strike_names[kind]);
        uint64_t sum = 0;
        for (int i = 0; i < PHASE_COUNT; i++) {
            printf(" %s=%llu", phase_names[i], (unsigned long long)sums.hits[kind][i]);
            sum += sums.hits[kind][i];
            in_phase[i] += sums.hits[kind][i];
        }
        printf("%s\n", sum ? "" : "  NEVER");
        all &= sum > 0 || sums.trials < ENOUGH_FOR_ALL;
    }
    printf("%-22s", "the killed were");
    for (int i = 0; i < PHASE_COUNT; i++) {
        printf(" %s=%llu", phase_names[i], (unsigned long long)sums.dead[i]);
        all &= (sums.dead[i] > 0 && in_phase[i] > 0) || sums.trials < ENOUGH_FOR_PHASES;
    }
    printf("\nstruck=%llu of %llu\n", (unsigned long long)sums.struck, (unsigned long long)sums.trials);
    return all;
}

static bool print_sums(void)
{
    qsort(sums.teardowns, sums.teardown_count, sizeof *sums.teardowns, ascending);
    bool all = print_hits(), slow = false;
    if (!all)
        printf("something never happened\n");
    double median = percentile(0.5), worst = percentile(1);
    if (SLOWER == 1)
        slow = (sums.trials >= ENOUGH_FOR_MEDIAN && median > MEDIAN_MS) || worst > WORST_MS;
    if (slow)
        printf("too slow: the median may be %g ms, the worst %g ms\n", MEDIAN_MS, WORST_MS);
    printf("trials=%llu orphans=%llu hung=%llu lost_errors=%llu files_left=%llu p50_ms=%.2f p99_ms=%.2f "
           "max_ms=%.2f\n",
           (unsigned long long)sums.trials, (unsigned long long)sums.orphans, (unsigned long long)sums.hung,
           (unsigned long long)sums.lost_errors, (unsigned long long)sums.files_left, median, percentile(0.99),
           worst);
    return all && !slow && !sums.crashed && !sums.orphans && !sums.hung && !sums.lost_errors && !sums.files_left;
}

static int observe(uint64_t trials, uint64_t first)
{
    if (!room_may_be_closed())
        printf("sockets and shared memory are not looked at: namespaces are not permitted here\n");
    sums.teardowns = calloc(trials, sizeof *sums.teardowns);
    if (!sums.teardowns)
        return 2;
    lanes_run(first, trials, sizeof(struct result), run_trial, collect);
    bool good = print_sums();
    free(sums.teardowns);
    return good ? 0 : 1;
}

static int usage(void)
{
    fprintf(stderr, "chaos_kill [--trials N] [--seed S] [--method M] [--stop-newborn] [--trace]\n");
    return 2;
}

int main(int argc, char **argv)
{
    uint64_t trials = 100, first = 1;
    if (tr_is_child() || (argc > 1 && strcmp(argv[1], "--tree") == 0)) {
        struct board *board = board_join();
        return board ? tr_main(argc, argv, play_tree, board) : 2;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* a violation is told at once */
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--trace") == 0)
            trace = true;
        else if (strcmp(argv[i], "--stop-newborn") == 0)
            stop_newborn = true;
        else if (strcmp(argv[i], "--trials") == 0)
            trials = strtoull(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--seed") == 0)
            first = strtoull(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--method") == 0)
            only_method = value, i++;
        else
            return usage();
    }
    return observe(trials, first);
}

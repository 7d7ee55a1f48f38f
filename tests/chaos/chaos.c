/* chaos: real processes under real faults, other than kills and stops at any moment, which are chaos_kill's.
 *
 *     chaos --trials 200 --seed 1             ends with "trials=200 violations=0", after a line for each fault
 *     chaos --trials 1 --seed 17 --trace      one, with what the trees printed
 *     chaos --trials 9 --seed 1 --only "full disk"    one kind of fault
 *
 * Trial i of a run has the seed S + i. What is expected of a tree is said where it is played: of guests at a host
 * behind a proxy in guest.h and meeting.h; of one that survives many deaths in hardship.h; of all others here: the
 * root ends in time and by itself, with success or an error; what cannot hurt it (a full disk, a wall clock that
 * jumps) does not; and nothing is left, no process and no file. */
#include "guest.h"
#include "hardship.h"
#include "lanes.h"
#include "meeting.h"
#include "play.h"
#include "random.h"
#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
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

#define FAULTS(X)                                                                                          \
    X(DELAYS, "delays")                                                                                    \
    X(PARTIALS, "partial writes")                                                                          \
    X(RESETS, "resets")                                                                                    \
    X(HOLES, "black holes")                                                                                \
    X(FLIPS, "bit flips")                                                                                  \
    X(KILLED_HOST, "host killed")                                                                          \
    X(STOPPED_HOST, "host stopped")                                                                        \
    X(KILLED_GUESTS, "guests killed")                                                                      \
    X(FEW_DESCRIPTORS, "few descriptors")                                                                  \
    X(LITTLE_MEMORY, "little memory")                                                                      \
    X(FULL_DISK, "full disk")                                                                              \
    X(WALL_CLOCK, "wall clock jumps")                                                                      \
    X(OLD_CLOCK, "machine is up for years")                                                                \
    X(MANY_DEATHS, "many deaths")

#define AS_FAULT(name, text) name,
enum fault { FAULTS(AS_FAULT) FAULT_COUNT };
#define AS_TEXT(name, text) text,
static const char *const fault_names[] = {FAULTS(AS_TEXT)};

enum { ENOUGH_TRIALS = 2 * FAULT_COUNT }; /* in which everything must have happened */
static const int64_t S = 1000000000;
static const double LIMIT_S = 20 * SLOWER;
enum { END_S = 60 * SLOWER, GONE_S = 10 };

static bool trace;
static int only = -1;

/* ---- one trial: what it is about -------------------------------------------------------------------- */

struct result {
    enum fault fault;
    bool skipped, failed;       /* failed: the tree did, as it may */
    uint64_t struck, good, bad;
    char why[1024];
};

struct trial {
    struct lane *lane;
    struct observer observer;
    struct room room;
    uint64_t random;
    enum fault fault;
    bool must_succeed;
    struct result *result;
};

__attribute__((format(printf, 2, 3)))
static void blame(struct trial *trial, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!trial->result->why[0])
        vsnprintf(trial->result->why, sizeof trial->result->why, format, args);
    va_end(args);
}

/* ---- one tree --------------------------------------------------------------------------------------- */

static bool root_is_gone(struct observer *observer, void *none)
{
    (void)none;
    return observer->root_gone;
}

/* In few bytes there is not even room for the C library; what says so is no actor yet. */
static void judge_root(struct trial *trial)
{
    const struct observer *observer = &trial->observer;
    const struct board *board = observer->board;
    int status = observer->root_status;
    if (!observer->root_gone) {
        blame(trial, "the root has not ended after %d s", END_S);
        return;
    }
    if (!WIFEXITED(status))
        blame(trial, "the root died: status 0x%x", status);
    trial->result->failed = status != 0;
    if (status != 0 && trial->must_succeed)
        blame(trial, "the root failed with status 0x%x, though nothing was in its way:\n%s", status, board->report);
}

static void play_tree_of(struct trial *trial, const char *what)
{
    struct observer *observer = &trial->observer;
    observer->board->limit_s = LIMIT_S;
    if (!observer_start(observer, (char *const[]){"chaos", (char *)what, NULL})) {
        blame(trial, "the tree could not be started");
        return;
    }
    (void)observer_wait(observer, root_is_gone, NULL, now_ns() + END_S * S);
    judge_root(trial);
    if (observer->root_gone && !observer_wait_for_end(observer, now_ns() + GONE_S * S)) {
        observer_print_living(observer, stdout);
        blame(trial, "%d processes are left", observer_end_all(observer));
    }
    if (trial->must_succeed && observer->foundlings > 0)
        blame(trial, "%d actors were not reaped by their parents", observer->foundlings);
}

/* ---- the faults ------------------------------------------------------------------------------------- */

static void play_few_descriptors(struct trial *trial)
{
    trial->observer.board->most_descriptors = 4 + random_below(&trial->random, 60);
    play_tree_of(trial, "--tree");
}

static void play_little_memory(struct trial *trial)
{
    enum { MIB = 1 << 20 };
    if (SLOWER > 1) {
        trial->result->skipped = true; /* AddressSanitizer takes terabytes of addresses */
        return;
    }
    trial->observer.board->most_memory = 4 * MIB + random_below(&trial->random, 40 * MIB);
    play_tree_of(trial, "--tree");
}

/* Nothing at all fits any more. */
static void fill_disk(const char *path)
{
    static const char block[4096];
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (fd >= 0 && write(fd, block, sizeof block) > 0)
        continue;
    if (fd >= 0)
        close(fd);
}

/* What the tree prints and logs goes there, too. Of a shared arbiter's path it may be that it cannot be made. */
static void play_full_disk(struct trial *trial)
{
    char filler[128], log[128], arbiter[128];
    if (!trial->room.closed) {
        trial->result->skipped = true;
        return;
    }
    snprintf(filler, sizeof filler, "%s/filler", trial->room.folder);
    snprintf(log, sizeof log, "%s/log", trial->room.folder);
    snprintf(arbiter, sizeof arbiter, "unix:%s/arbiter", trial->room.folder);
    trial->must_succeed = random_chance(&trial->random, 500);
    if (!trial->must_succeed)
        setenv("TRACTOR_ARBITER", arbiter, 1);
    setenv("TRACTOR_LOG", "trace", 1);
    trial->observer.log = open(log, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    fill_disk(filler);
    play_tree_of(trial, "--tree");
    (void)unlink(filler);
    (void)unlink(log);
}

static bool clock_jumps(struct observer *observer, void *random)
{
    enum { HOURS_OF_TEN_YEARS = 87600 };
    int64_t hours = (int64_t)random_below(random, 2 * HOURS_OF_TEN_YEARS) - HOURS_OF_TEN_YEARS;
    atomic_store(&observer->board->clock_offset_s, hours * 3600);
    return observer->root_gone;
}

/* Whenever the tree rings, which it does often. */
static void play_wall_clock(struct trial *trial)
{
    struct observer *observer = &trial->observer;
    trial->must_succeed = true;
    observer->board->limit_s = LIMIT_S;
    if (!observer_start(observer, (char *const[]){"chaos", "--tree", NULL})) {
        blame(trial, "the tree could not be started");
        return;
    }
    (void)observer_wait(observer, clock_jumps, &trial->random, now_ns() + END_S * S);
    judge_root(trial);
}

/* A clock that never jumps may begin anywhere: a namespace of time has its own. (It cannot be moved afterwards.) */
static void play_old_clock(struct trial *trial)
{
    char offset[64];
    int size = snprintf(offset, sizeof offset, "monotonic %llu 0\n",
                        (unsigned long long)random_below(&trial->random, 1u << 31));
    int fd = unshare(0x80 /* CLONE_NEWTIME */) == 0 ? open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC) : -1;
    trial->result->skipped = fd < 0 || write(fd, offset, (size_t)size) < 0;
    if (fd >= 0)
        close(fd);
    trial->must_succeed = true;
    if (!trial->result->skipped)
        play_tree_of(trial, "--tree");
}

static void play_many_deaths(struct trial *trial)
{
    enum { SLACK_KIB = 256 };
    const struct board *board = trial->observer.board;
    trial->must_succeed = true;
    play_tree_of(trial, "--outlive");
    if (trial->result->why[0])
        return;
    if (board->late.descriptors > board->early.descriptors)
        blame(trial, "the root had %d descriptors and has %d", (int)board->early.descriptors,
              (int)board->late.descriptors);
    if (SLOWER == 1 && board->late.memory_kib > board->early.memory_kib + SLACK_KIB)
        blame(trial, "the root had %d KiB and has %d", (int)board->early.memory_kib,
              (int)board->late.memory_kib);
}

static void only_waits(void *lane)
{
    lane_only_waits(lane);
}

static const enum weather weather_of[] = {
    [DELAYS] = DELAY, [PARTIALS] = PARTIAL, [RESETS] = RESET, [HOLES] = HOLE, [FLIPS] = FLIP};

static const enum luck luck_in[FAULT_COUNT] = {
    [KILLED_HOST] = HOST_DIES, [STOPPED_HOST] = HOST_STOPS, [KILLED_GUESTS] = GUESTS_DIE};

/* TCP only where a port can be had without asking others. */
static void play_meeting(struct trial *trial)
{
    struct meeting meeting = {.random = trial->random, .only_waits = only_waits, .arg = trial->lane};
    meeting.weather = trial->fault <= FLIPS ? weather_of[trial->fault] : CLEAR;
    meeting.luck = luck_in[trial->fault];
    meeting.kind = trial->room.closed && random_chance(&meeting.random, 400) ? PROXY_TCP : PROXY_UNIX;
    if (!trial->room.closed) {
        trial->result->skipped = true;
        return;
    }
    trial->result->struck = meeting_hold(&meeting, &trial->observer);
}

static void (*const plays[])(struct trial *) = {
    [DELAYS] = play_meeting,
    [PARTIALS] = play_meeting,
    [RESETS] = play_meeting,
    [HOLES] = play_meeting,
    [FLIPS] = play_meeting,
    [KILLED_HOST] = play_meeting,
    [STOPPED_HOST] = play_meeting,
    [KILLED_GUESTS] = play_meeting,
    [FEW_DESCRIPTORS] = play_few_descriptors,
    [LITTLE_MEMORY] = play_little_memory,
    [FULL_DISK] = play_full_disk,
    [WALL_CLOCK] = play_wall_clock,
    [OLD_CLOCK] = play_old_clock,
    [MANY_DEATHS] = play_many_deaths,
};

/* ---- one trial -------------------------------------------------------------------------------------- */

static enum fault fault_of(uint64_t seed)
{
    return only >= 0 ? (enum fault)only : (enum fault)(seed % FAULT_COUNT);
}

static void look_around(struct trial *trial)
{
    char left[256];
    struct board *board = trial->observer.board;
    if (board->wrong)
        blame(trial, "%s", board->what_was_wrong);
    (void)observer_end_all(&trial->observer);
    if (room_left(&trial->room, left, sizeof left))
        blame(trial, "left:%s", left);
    trial->result->good = board->good;
    trial->result->bad = board->bad;
}

static void run_trial(struct lane *lane, uint64_t seed, void *result)
{
    enum { SMALL_DISK_KIB = 64 };
    struct trial trial = {.lane = lane, .random = seed, .fault = fault_of(seed), .result = result};
    if (!room_enter(&trial.room, trial.fault == FULL_DISK ? SMALL_DISK_KIB : 0) ||
        !observer_prepare(&trial.observer))
        abort();
    trial.result->fault = trial.fault;
    trial.observer.board->seed = random_next(&trial.random);
    trial.observer.all_gone = true; /* while nothing was started */
    plays[trial.fault](&trial);
    look_around(&trial);
    if (trace || trial.result->why[0]) {
        printf("seed %llu, %s; the trees printed:\n", (unsigned long long)seed, fault_names[trial.fault]);
        observer_print_log(&trial.observer, stdout);
    }
    room_leave(&trial.room);
}

/* ---- many -------------------------------------------------------------------------------------------- */

static struct sums {
    uint64_t trials, violations;
    struct {
        uint64_t trials, skipped, failed, struck, good, bad;
    } of[FAULT_COUNT];
} sums;

static void print_violation(uint64_t seed, const char *why)
{
    sums.violations++;
    printf("VIOLATION: seed %llu, %s: %s\nreplay: chaos --trials 1 --seed %llu --only \"%s\" --trace\n",
           (unsigned long long)seed, fault_names[fault_of(seed)], why, (unsigned long long)seed,
           fault_names[fault_of(seed)]);
}

static bool collect(uint64_t seed, const void *arg)
{
    const struct result *result = arg;
    enum fault fault = fault_of(seed);
    sums.trials++;
    sums.of[fault].trials++;
    if (!result) {
        print_violation(seed, "the observer has crashed");
        return sums.violations < 10;
    }
    sums.of[fault].skipped += result->skipped;
    sums.of[fault].failed += result->failed;
    sums.of[fault].struck += result->struck;
    sums.of[fault].good += result->good;
    sums.of[fault].bad += result->bad;
    if (result->why[0])
        print_violation(seed, result->why);
    return sums.violations < 10;
}

static bool print_sums(void)
{
    bool all = true;
    for (int i = 0; i < FAULT_COUNT; i++) {
        uint64_t trials = sums.of[i].trials, skipped = sums.of[i].skipped;
        if (only >= 0 && i != only)
            continue;
        printf("%-24s trials=%llu", fault_names[i], (unsigned long long)trials);
        if (i <= KILLED_GUESTS)
            printf(" struck=%llu calls: good=%llu bad=%llu", (unsigned long long)sums.of[i].struck,
                   (unsigned long long)sums.of[i].good, (unsigned long long)sums.of[i].bad);
        else
            printf(" succeeded=%llu failed=%llu", (unsigned long long)(trials - skipped - sums.of[i].failed),
                   (unsigned long long)sums.of[i].failed);
        if (skipped)
            printf(" SKIPPED=%llu, which this machine or build does not permit", (unsigned long long)skipped);
        printf("%s\n", trials ? "" : "  NEVER");
        all &= trials > 0 && (i < RESETS || i > KILLED_GUESTS || skipped == trials || sums.of[i].struck > 0);
    }
    if (!all && sums.trials >= ENOUGH_TRIALS)
        printf("something never happened\n");
    printf("trials=%llu violations=%llu\n", (unsigned long long)sums.trials, (unsigned long long)sums.violations);
    return sums.violations == 0 && (all || sums.trials < ENOUGH_TRIALS);
}

static int usage(void)
{
    fprintf(stderr, "chaos [--trials N] [--seed S] [--only FAULT] [--trace]; faults:\n");
    for (int i = 0; i < FAULT_COUNT; i++)
        fprintf(stderr, "    %s\n", fault_names[i]);
    return 2;
}

static bool choose(const char *name)
{
    for (only = FAULT_COUNT - 1; only >= 0; only--)
        if (strcmp(fault_names[only], name) == 0)
            return true;
    return false;
}

/* ---- the trees -------------------------------------------------------------------------------------- */

static int play(int argc, char **argv)
{
    struct board *board = board_join();
    if (!board)
        return 2;
    hardship_begin(board);
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "--host") == 0)
        return tr_main(argc, argv, host_main, board, .name = "host", .modules = tr_names(GUEST_MODULE));
    if (strcmp(what, "--guests") == 0)
        return tr_main(argc, argv, guest_main, board, .name = "guests");
    return tr_main(argc, argv, strcmp(what, "--outlive") == 0 ? outlive_many : play_tree, board);
}

static bool is_tree(int argc, char **argv)
{
    static const char *const trees[] = {"--tree", "--host", "--guests", "--outlive"};
    for (size_t i = 0; argc > 1 && i < sizeof trees / sizeof trees[0]; i++)
        if (strcmp(argv[1], trees[i]) == 0)
            return true;
    return tr_is_child();
}

int main(int argc, char **argv)
{
    uint64_t trials = 2 * FAULT_COUNT, first = 1;
    if (is_tree(argc, argv))
        return play(argc, argv);
    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* a violation is told at once */
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--trace") == 0)
            trace = true;
        else if (strcmp(argv[i], "--trials") == 0)
            trials = strtoull(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--seed") == 0)
            first = strtoull(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--only") == 0 && choose(value))
            i++;
        else
            return usage();
    }

    if (!room_may_be_closed())
        printf("no namespaces are permitted here: no proxies, no full disk, and sockets are not looked at\n");
    lanes_run(first, trials, sizeof(struct result), run_trial, collect);
    return print_sums() ? 0 : 1;
}

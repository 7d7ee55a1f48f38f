/* sim_driver: random trees of actors, random faults, and whether every promise is kept.
 *
 *     sim_driver --seeds 1000 --first 1       many; ends with a line of sums, after one for each operation and fault
 *     sim_driver --seed 17 --trace            one, with its plan and each system call
 *     sim_driver --seed 17 --without 3,4,9    one, without these parts of its plan
 *     sim_driver --torture 5                  each allocation and system call of that many plays fails once
 *     sim_planted --plants 2                  as many deliberate bugs, each of which some seed has to find
 *     sim_planted --plant 3 --seed 17         one of them, by its number in base/plant.h
 *
 * A seed that fails is made small: each part of its plan is left out if it fails without it, too. What
 * is left is printed, and the command that plays it. Every hundredth seed is played twice, and must
 * give the same trace. */
#include "play.h"

#include "base/plant.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { AGAIN_EVERY = 100, ENOUGH_SEEDS = 10000 };

static struct play play; /* too large for the stack */

static enum plant plant; /* PLANT_NONE where none are compiled in */

static bool run(uint64_t seed, const bool *without, struct counts *counts, FILE *trace)
{
    memset(&play, 0, sizeof play);
    play.plant = plant;
    if (without)
        memcpy(play.without, without, sizeof play.without);
    play.counts = counts;
    play_plan(&play, seed);
    return play_run(&play, trace);
}

/* ---- making a failure small --------------------------------------------------------------------------- */

static int leave_out_what_can_be(uint64_t seed, bool *without, int parts)
{
    int left_out = 0;
    for (int i = 0; i < parts; i++) {
        if (without[i])
            continue;
        without[i] = true;
        if (run(seed, without, NULL, NULL))
            without[i] = false;
        else
            left_out++;
    }
    return left_out;
}

static void print_command(uint64_t seed, const bool *without, int parts)
{
    const char *before = " --without ";
    printf("replay: sim_driver --seed %llu", (unsigned long long)seed);
    for (int i = 0; i < parts; i++)
        if (without[i]) {
            printf("%s%d", before, i);
            before = ",";
        }
    printf(" --trace\n");
}

static void report(uint64_t seed)
{
    bool without[PARTS_MOST] = {false};
    int parts = play.part_count;
    printf("seed %llu: %s\n", (unsigned long long)seed, play.violation);
    while (leave_out_what_can_be(seed, without, parts) > 0)
        continue;
    (void)run(seed, without, NULL, NULL);
    printf("what is left of it fails with: %s\n", play.violation);
    play_print(&play, stdout);
    print_command(seed, without, parts);
}

/* ---- many --------------------------------------------------------------------------------------------- */

static void check_same(uint64_t seed, struct counts *counts)
{
    uint64_t hash = play.hash;
    (void)run(seed, NULL, NULL, NULL);
    if (play.hash == hash)
        return;
    printf("seed %llu does not give the same run twice\n", (unsigned long long)seed);
    counts->violations++;
}

static bool print_outcomes(const char *what, const char *name, const uint64_t outcomes[OUTCOME_COUNT])
{
    uint64_t sum = 0;
    printf("%s %-17s", what, name);
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        printf(" %s=%llu", outcome_names[i], (unsigned long long)outcomes[i]);
        sum += outcomes[i];
    }
    printf("%s\n", sum ? "" : "  NEVER");
    return sum > 0;
}

static bool print_counts(const struct counts *counts)
{
    bool all = true;
    for (int op = 0; op < OP_COUNT; op++)
        all &= print_outcomes("op", op_names[op], counts->ops[op]);
    for (int start = 0; start < START_COUNT; start++)
        all &= print_outcomes("start by", start_names[start], counts->starts[start]);
    all &= print_outcomes("a visitor's call", "", counts->visits);
    for (int fault = 0; fault < FAULT_COUNT; fault++) {
        printf("fault %-16s", fault_names[fault]);
        for (int i = 0; i < PHASE_COUNT; i++) {
            printf(" %s=%llu", phase_names[i], (unsigned long long)counts->faults[fault][i]);
            all &= counts->faults[fault][i] > 0 || fault == FAULT_KILL_ROOT ||
                   !fault_may_strike((enum fault_kind)fault, false, i == PHASE_SERVING);
        }
        printf("\n");
    }
    return all;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int run_many(uint64_t first, uint64_t seeds)
{
    static struct counts counts;
    double begun = seconds_now();
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        if (!run(seed, NULL, &counts, NULL))
            report(seed);
        else if (seed % AGAIN_EVERY == 0)
            check_same(seed, &counts);
        if (counts.violations >= 10)
            break;
    }
    double took = seconds_now() - begun;
    bool all = print_counts(&counts) || seeds < ENOUGH_SEEDS;
    if (!all)
        printf("something never happened\n");
    printf("seeds=%llu steps=%llu steps_per_s=%.0f seeds_per_s=%.0f violations=%llu\n",
           (unsigned long long)counts.seeds, (unsigned long long)counts.steps, (double)counts.steps / took,
           (double)counts.seeds / took, (unsigned long long)counts.violations);
    return counts.violations || !all;
}

/* ---- planted bugs -------------------------------------------------------------------------------------- */

#ifdef TR_PLANTS

#define PLANT_TEXT_(name, text, often) [PLANT_##name] = text,
static const char *const plant_names[] = {PLANTS(PLANT_TEXT_)};

struct finding {
    uint64_t seed;                  /* the first one that finds it; 0: none does */
    char as[sizeof play.violation];
};

static void find_plant(struct finding *finding, enum plant which, uint64_t first, uint64_t seeds)
{
    plant = which;
    for (finding->seed = first; finding->seed < first + seeds; finding->seed++)
        if (!run(finding->seed, NULL, NULL, NULL)) {
            memcpy(finding->as, play.violation, sizeof finding->as);
            return;
        }
    finding->seed = 0;
}

/* In a process of its own, since what is planted may crash it. */
static void find_plant_aside(struct finding *finding, enum plant which, uint64_t first, uint64_t seeds)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        find_plant(finding, which, first, seeds);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0)
        abort();
    if (WIFSIGNALED(status))
        snprintf(finding->as, sizeof finding->as, "all of it was killed by signal %d", WTERMSIG(status));
}

static bool expect_found(enum plant which, uint64_t first, uint64_t seeds)
{
    struct finding *finding = mmap(NULL, sizeof *finding, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (finding == MAP_FAILED)
        abort();
    find_plant_aside(finding, which, first, seeds);
    uint64_t seed = finding->seed;
    if (seed)
        printf("%-20s found by seed %llu, the %llu.: %s\n", plant_names[which], (unsigned long long)seed,
               (unsigned long long)(seed - first + 1), finding->as);
    else
        printf("%-20s NOT FOUND in %llu seeds\n", plant_names[which], (unsigned long long)seeds);
    munmap(finding, sizeof *finding);
    return seed != 0;
}

/* `count` different ones, drawn by the date unless there is a seed; all of them when there are not so
 * many. */
static int run_plants(uint64_t count, uint64_t first, uint64_t seeds)
{
    enum { ALL = PLANT_END - 1 };
    uint64_t day = (uint64_t)time(NULL) / 86400, missed = 0;
    for (uint64_t i = 0; i < count && i < ALL; i++)
        missed += !expect_found((enum plant)(1 + (count < ALL ? day * count + i : i) % ALL), first, seeds);
    printf("plants=%llu missed=%llu\n", (unsigned long long)(count < ALL ? count : ALL),
           (unsigned long long)missed);
    return missed > 0;
}

#else

static int run_plants(uint64_t count, uint64_t first, uint64_t seeds)
{
    (void)count;
    (void)first;
    (void)seeds;
    fprintf(stderr, "no bugs are planted in this program; sim_planted has them\n");
    return 2;
}

#endif

/* ---- one ----------------------------------------------------------------------------------------------- */

static void read_parts(const char *list, bool *without)
{
    for (char *end; *list; list = *end == ',' ? end + 1 : end) {
        unsigned long part = strtoul(list, &end, 10);
        if (end == list)
            return;
        if (part < PARTS_MOST)
            without[part] = true;
    }
}

static struct torture torment; /* of a single play */

static int run_one(uint64_t seed, const bool *without, FILE *trace)
{
    memset(&play, 0, sizeof play);
    memcpy(play.without, without, sizeof play.without);
    play.plant = plant;
    play_plan(&play, seed);
    play.torture = torment;
    play.sunny &= !torment.on;
    bool kept = play_run(&play, trace);
    play_print(&play, stdout);
    printf("hash=%016llx steps=%llu\n", (unsigned long long)play.hash, (unsigned long long)play.steps);
    printf("%s\n", kept ? "all promises kept" : play.violation);
    return !kept;
}

/* As torture prints it. */
static void read_torment(const char *text)
{
    unsigned long long numbers[4] = {0};
    char *end = (char *)text;
    for (size_t i = 0; i < 4 && *end; i++)
        numbers[i] = strtoull(i ? end + 1 : end, &end, 10);
    torment = (struct torture){.on = true,
                               .victim = (size_t)numbers[0],
                               .calls = numbers[1] > 0,
                               .from_then_on = numbers[2] > 0,
                               .n = numbers[3]};
}

static int usage(void)
{
    fprintf(stderr, "sim_driver [--seeds N] [--first N] | --seed N [--without 1,2] [--trace] | --torture N;\n"
                    "with each [--transport shm]\n");
    return 2;
}

int main(int argc, char **argv)
{
    uint64_t first = 1, seeds = 1000, seed = 0, plants = 0, tortured = 0;
    bool without[PARTS_MOST] = {false};
    FILE *trace = NULL;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--trace") == 0)
            trace = stdout;
        else if (strcmp(argv[i], "--without") == 0)
            read_parts(argv[++i], without);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--plants") == 0)
            plants = strtoull(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--plant") == 0)
            plant = (enum plant)strtoul(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--torment") == 0)
            read_torment(argv[++i]);
        else if (strcmp(argv[i], "--torture") == 0)
            tortured = strtoull(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--transport") == 0)
            play_transport = argv[++i];
        else if (strcmp(argv[i], "--first") == 0)
            first = strtoull(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--seeds") == 0)
            seeds = strtoull(value, NULL, 10), i++;
        else
            return usage();
    }
    if (plants)
        return run_plants(plants, first, seeds < 20000 ? 20000 : seeds);
    if (tortured)
        return torture(first, tortured) > 0;
    return seed ? run_one(seed, without, trace) : run_many(first, seeds);
}

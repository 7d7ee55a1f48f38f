/* Torture: in plays in which nothing else goes wrong, the n-th allocation of a process fails, once or
 * with all that follow, and likewise its n-th system call; for every process and every n, until it ends
 * before there are so many. Every promise is kept all the same: no crash, no hang, no leak, nobody and
 * nothing left behind; what fails is an error. */
#include "play.h"

#include <stdlib.h>
#include <string.h>

enum { VICTIMS_MOST = 16 };

struct sums {
    uint64_t runs, failures;        /* injected */
    int violations;
};

static struct play play; /* too large for the stack */

static void complain(const struct torture *torture)
{
    printf("seed %llu, process %zu, %s %llu fails%s: %s\n", (unsigned long long)play.seed, torture->victim,
           torture->calls ? "system call" : "allocation", (unsigned long long)torture->n,
           torture->from_then_on ? " and all that follow" : "", play.violation);
    printf("replay: sim_driver --seed %llu --torment %zu,%d,%d,%llu --trace\n", (unsigned long long)play.seed,
           torture->victim, torture->calls, torture->from_then_on, (unsigned long long)torture->n);
}

/* Whether the victim lived long enough to be hurt. */
static bool hurt(uint64_t seed, const struct torture *torture, struct sums *sums)
{
    memset(&play, 0, sizeof play);
    play_plan(&play, seed);
    play.sunny = false;
    play.torture = *torture;
    bool kept = play_run(&play, NULL);
    sums->runs++;
    sums->failures += play.torture.sprung;
    if (!kept) {
        sums->violations++;
        complain(torture);
    }
    return play.torture.sprung > 0;
}

/* Every n for one process; whether there is such a process. */
static bool torture_process(uint64_t seed, struct torture torture, struct sums *sums)
{
    torture.n = 1;
    while (sums->violations < 10 && hurt(seed, &torture, sums))
        torture.n++;
    return play.torture.begun;
}

static void torture_play(uint64_t seed, struct sums *sums)
{
    for (int how = 0; how < 4; how++) {
        struct torture torture = {.on = true, .calls = how & 1, .from_then_on = how & 2};
        while (torture.victim < VICTIMS_MOST && torture_process(seed, torture, sums))
            torture.victim++;
    }
}

static bool is_sunny(uint64_t seed)
{
    memset(&play, 0, sizeof play);
    play_plan(&play, seed);
    return play.sunny;
}

int torture(uint64_t first, uint64_t plays)
{
    struct sums sums = {0};
    for (uint64_t seed = first; plays > 0 && sums.violations < 10; seed++) {
        if (!is_sunny(seed))
            continue;
        torture_play(seed, &sums);
        plays--;
    }
    printf("runs=%llu injected_failures=%llu violations=%d\n", (unsigned long long)sums.runs,
           (unsigned long long)sums.failures, sums.violations);
    return sums.violations;
}

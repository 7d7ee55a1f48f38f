#include "hardship.h"

#include "board.h"
#include "random.h"
#include "support/descriptors.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <tractor.h>
#include <unistd.h>

/* ---- limits ----------------------------------------------------------------------------------------- */

static void limit(int what, uint64_t most)
{
    struct rlimit both = {.rlim_cur = most, .rlim_max = most};
    if (most > 0 && setrlimit(what, &both) < 0)
        perror("setrlimit");
}

void hardship_begin(const struct board *board)
{
    limit(RLIMIT_NOFILE, board->most_descriptors);
    limit(RLIMIT_AS, board->most_memory);
}

/* ---- a wall clock that jumps ------------------------------------------------------------------------ */

static int64_t offset_s(void)
{
    struct board *board = board_own();
    return board ? atomic_load(&board->clock_offset_s) : 0;
}

/* In place of the C library's, for the program and all libraries: nobody may set a machine's clock for a test, and
 * Linux has no namespace for this one. */
int clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, ret_now);
    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        ret_now->tv_sec += offset_s();
    return rc;
}

int gettimeofday(struct timeval *restrict ret_now, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    int rc = clock_gettime(CLOCK_REALTIME, &now);
    *ret_now = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return rc;
}

time_t time(time_t *ret_now)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret_now)
        *ret_now = now.tv_sec;
    return now.tv_sec;
}

/* ---- many deaths ------------------------------------------------------------------------------------ */

tr_fn(int64_t, come_to_an_end, (int32_t, how))
{
    switch (args->how) {
    case 0:
        raise(SIGKILL);
        break;
    case 1:
        _exit(3);
    case 2:
        return tr_raise("chaos.Failed", "as it was told to");
    case 3:
        return tr_sleep_forever();
    default:
        *ret = args->how;
    }
    return 0;
}

static int one_end(int how)
{
    tr_auto(frame) frame = tr_open_frame();
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *actor;
    int64_t value;
    tr_scope limit = tr_move_on_after(how == 3 ? 0.005 : 20);
    tr_try(tr_start_actor(n, &actor, "mortal", .modules = tr_names(tr_this_module())));
    int rc = tr_within(&limit, tr_call(actor, &value, come_to_an_end, .how = how));
    tr_cancel(n);
    return tr_join_with(n, rc);
}

static void expect_end(int how)
{
    tr_scope around = tr_cancel_scope();
    int rc = tr_within(&around, one_end(how));
    const char *type = how < 2 ? "ActorDied" : "chaos.Failed";
    if (how > 2 && rc < 0)
        board_wrong("end %d: %s", how, tr_error_report(tr_last_error()));
    if (how <= 2 && (rc >= 0 || !tr_error_is(tr_last_error(), type)))
        board_wrong("end %d was not a %s", how, type);
}

static uint64_t memory_kib(void)
{
    char text[128] = "";
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    char *at = file ? fgets(text, sizeof text, file) : NULL;
    if (at && (at = strchr(text, ' ')))
        pages = strtoul(at, NULL, 10);
    if (file)
        fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

int outlive_many(void *arg)
{
    enum { EARLY = 20, ALL = 80, WAYS = 5 };
    struct board *board = arg;
    uint64_t random = board->seed;
    for (int i = 0; i < ALL; i++) {
        if (i == EARLY) {
            board->early.descriptors = (uint64_t)open_descriptors();
            board->early.memory_kib = memory_kib();
        }
        expect_end((int)random_below(&random, WAYS));
        board_ring();
    }
    board->late.descriptors = (uint64_t)open_descriptors();
    board->late.memory_kib = memory_kib();
    return 0;
}

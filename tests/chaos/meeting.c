#include "meeting.h"

#include "guest.h"
#include "random.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 4, HOST_AND_SIDEMAN = 2 };
static const int64_t S = 1000000000;
enum { UP_S = 30, ROUND_S = 120, GONE_S = 10, CLOSED_S = 10, END_S = 20 };

/* What board_wrong is for the tree; the observer writes on the same board. */
__attribute__((format(printf, 2, 3)))
static bool wrong(struct observer *observer, const char *format, ...)
{
    va_list args;
    struct board *board = observer->board;
    if (atomic_fetch_add(&board->wrong, 1) > 0)
        return false;
    va_start(args, format);
    vsnprintf(board->what_was_wrong, sizeof board->what_was_wrong, format, args);
    va_end(args);
    return false;
}

/* ---- the host --------------------------------------------------------------------------------------- */

static bool host_is_up(struct observer *observer, void *none)
{
    (void)none;
    return atomic_load(&observer->board->host_is_up) || observer->host_gone;
}

static bool raise_curtain(struct observer *observer, enum proxy_kind kind, int *ret_curtain)
{
    char path[64];
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return wrong(observer, "no pipe for the curtain");
    snprintf(path, sizeof path, "/proc/%d/fd/%d", getpid(), ends[0]);
    setenv("CHAOS_CURTAIN", path, 1);
    setenv("TRACTOR_ARBITER", proxy_real[kind], 1);
    *ret_curtain = ends[1];
    if (!observer_start_host(observer, (char *const[]){"chaos", "--host", NULL}))
        return wrong(observer, "the host could not be started");
    (void)observer_wait(observer, host_is_up, NULL, now_ns() + UP_S * S);
    return atomic_load(&observer->board->host_is_up) || wrong(observer, "the host did not come up");
}

static bool host_is_gone(struct observer *observer, void *none)
{
    (void)none;
    return observer->host_gone;
}

static void let_curtain_fall(struct observer *observer, int curtain, bool well)
{
    close(curtain);
    if (!observer_wait(observer, host_is_gone, NULL, now_ns() + END_S * S) && !observer->host_gone)
        wrong(observer, "the host does not end");
    else if (well && observer->host_status != 0)
        wrong(observer, "the host ended with status 0x%x", observer->host_status);
}

static int count_descriptors(pid_t pid)
{
    char path[64];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *all = opendir(path);
    while (all && readdir(all))
        count++;
    if (all)
        closedir(all);
    return count;
}

static bool has_no_more_than(struct observer *observer, void *arg)
{
    return count_descriptors(observer->host) <= *(int *)arg;
}

/* ---- a round of guests ------------------------------------------------------------------------------ */

static bool root_is_gone(struct observer *observer, void *none)
{
    (void)none;
    return observer->root_gone;
}

static bool guests_are_gone(struct observer *observer, void *none)
{
    struct seen seen[SEEN_MOST];
    (void)none;
    return observer_look(observer, seen) <= (observer->host_gone ? 0 : HOST_AND_SIDEMAN);
}

/* Looked at from time to time: not every end is told. */
static bool wait_often(struct observer *observer, bool (*is_so)(struct observer *, void *), void *arg, int64_t s)
{
    for (int64_t until = now_ns() + s * S; now_ns() < until;)
        if (observer_wait(observer, is_so, arg, now_ns() + S / 100) || is_so(observer, arg))
            return true;
    return false;
}

/* After so long the victim dies, or stops. */
static int bad_luck(const struct meeting *meeting, struct observer *observer, uint64_t *random)
{
    int64_t moment = now_ns() + (int64_t)random_below(random, 80000000);
    (void)observer_wait(observer, root_is_gone, NULL, moment);
    if (meeting->luck == GUESTS_DIE && !observer->root_gone)
        return kill(observer->root, SIGKILL) == 0;
    if (meeting->luck == HOST_DIES && !observer->host_gone)
        return kill(observer->host, SIGKILL) == 0;
    if (meeting->luck == HOST_STOPS)
        return kill(observer->host, SIGSTOP) == 0;
    return 0;
}

static int play_round(const struct meeting *meeting, struct observer *observer, bool calm, uint64_t *random)
{
    int deaths = 0;
    struct board *board = observer->board;
    board->weather = calm ? CLEAR : meeting->weather;
    board->host_dies = !calm && meeting->luck == HOST_DIES;
    board->host_stops = !calm && meeting->luck == HOST_STOPS;
    board->seed = random_next(random);
    proxy_new_round();
    if (!observer_start(observer, (char *const[]){"chaos", "--guests", NULL})) {
        wrong(observer, "the guests could not be started");
        return deaths;
    }
    if (!calm)
        deaths = bad_luck(meeting, observer, random);
    if (!observer_wait(observer, root_is_gone, NULL, now_ns() + ROUND_S * S) && !observer->root_gone) {
        wrong(observer, "the guests do not end");
        return deaths;
    }
    (void)kill(observer->host, SIGCONT);
    bool tolerant = !calm && (meeting->weather > PARTIAL || meeting->luck != BAD_WEATHER);
    if (observer->root_status != 0 && !tolerant)
        wrong(observer, "the guests' root ended with status 0x%x", observer->root_status);
    if (WIFSIGNALED(observer->root_status) && meeting->luck != GUESTS_DIE)
        wrong(observer, "the guests' root died by signal %d", WTERMSIG(observer->root_status));
    if (!wait_often(observer, guests_are_gone, NULL, GONE_S)) {
        observer_print_living(observer, stdout);
        wrong(observer, "guests are left");
    }
    return deaths;
}

/* ---- the whole -------------------------------------------------------------------------------------- */

static bool is_mostly_waiting(const struct meeting *meeting)
{
    return meeting->weather == DELAY || meeting->weather >= HOLE || meeting->luck == HOST_STOPS;
}

static int play_rounds(const struct meeting *meeting, struct observer *observer)
{
    uint64_t random = meeting->random;
    int before = 0, deaths = 0;
    for (int i = 0; i < ROUNDS && !observer->board->wrong && !observer->host_gone; i++) {
        bool calm = i == 0 || i == ROUNDS - 1;
        if (!calm && meeting->only_waits && is_mostly_waiting(meeting))
            meeting->only_waits(meeting->arg);
        deaths += play_round(meeting, observer, calm, &random);
        if (i == 0)
            before = count_descriptors(observer->host);
    }
    if (observer->host_gone && meeting->luck != HOST_DIES)
        wrong(observer, "the host is gone");
    if (!observer->host_gone && !wait_often(observer, has_no_more_than, &before, CLOSED_S))
        wrong(observer, "the host had %d descriptors and has %d", before, count_descriptors(observer->host));
    return deaths;
}

uint64_t meeting_hold(const struct meeting *meeting, struct observer *observer)
{
    int curtain = -1, deaths;
    observer->board->everybody_has = meeting->kind == PROXY_TCP;
    if (!raise_curtain(observer, meeting->kind, &curtain))
        return 0;
    if (!proxy_begin(observer->board, meeting->kind, meeting->random)) {
        wrong(observer, "the proxy cannot listen");
        return 0;
    }
    setenv("TRACTOR_ARBITER", proxy_address[meeting->kind], 1);
    deaths = play_rounds(meeting, observer);
    let_curtain_fall(observer, curtain, meeting->luck != HOST_DIES);
    proxy_end();
    if (!observer_wait_for_end(observer, now_ns() + GONE_S * S))
        wrong(observer, "%d processes are left", observer_end_all(observer));
    return proxy_struck() + (uint64_t)deaths;
}

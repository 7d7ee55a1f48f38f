#include "lanes.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LANES = 12 };

struct lane {
    uint64_t seed;
    void *result;               /* shared with the trial's process */
    pid_t pid;                  /* 0: free */
    int news;                   /* a byte when it only waits, the end when it is over */
    bool waits;
};

void lane_only_waits(struct lane *lane)
{
    if (write(lane->news, "w", 1) < 0)
        perror("a lane");
}

static void begin(struct lane *lane, uint64_t seed, size_t result_size, trial_fn *run)
{
    int news[2];
    pid_t parent = getpid();
    if (pipe2(news, O_CLOEXEC) < 0)
        abort();
    memset(lane->result, 0, result_size);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        lane->news = news[1];
        if (getppid() == parent)
            run(lane, seed, lane->result);
        fflush(NULL);
        _exit(0);
    }
    close(news[1]);
    *lane = (struct lane){.seed = seed, .result = lane->result, .pid = pid, .news = news[0]};
}

static bool end(struct lane *lane, collect_fn *collect)
{
    int status = -1;
    (void)waitpid(lane->pid, &status, 0);
    close(lane->news);
    lane->pid = 0;
    return collect(lane->seed, status == 0 ? lane->result : NULL);
}

/* False when one is over that says that there shall be no more. */
static bool await(struct lane *lanes, collect_fn *collect)
{
    struct pollfd news[LANES];
    bool go_on = true;
    char byte;
    for (int i = 0; i < LANES; i++)
        news[i] = (struct pollfd){.fd = lanes[i].pid ? lanes[i].news : -1, .events = POLLIN};
    (void)poll(news, LANES, -1);
    for (int i = 0; i < LANES; i++) {
        if (news[i].fd < 0 || !news[i].revents)
            continue;
        if (read(lanes[i].news, &byte, 1) == 1)
            lanes[i].waits = true;
        else
            go_on &= end(&lanes[i], collect);
    }
    return go_on;
}

/* A lane for the next trial; NULL while one is at work, or none is free. */
static struct lane *free_lane(struct lane *lanes)
{
    struct lane *found = NULL;
    for (int i = 0; i < LANES; i++) {
        if (lanes[i].pid && !lanes[i].waits)
            return NULL;
        if (!lanes[i].pid)
            found = &lanes[i];
    }
    return found;
}

static bool any(const struct lane *lanes)
{
    for (int i = 0; i < LANES; i++)
        if (lanes[i].pid)
            return true;
    return false;
}

void lanes_run(uint64_t first, uint64_t count, size_t result_size, trial_fn *run, collect_fn *collect)
{
    struct lane lanes[LANES] = {0}, *lane;
    char *results = mmap(NULL, LANES * result_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (results == MAP_FAILED)
        abort();
    for (int i = 0; i < LANES; i++)
        lanes[i].result = results + (size_t)i * result_size;
    uint64_t seed = first, end_seed = first + count;
    while (seed != end_seed || any(lanes)) {
        if (seed != end_seed && (lane = free_lane(lanes)))
            begin(lane, seed++, result_size, run);
        else if (!await(lanes, collect))
            end_seed = seed;
    }
    munmap(results, LANES * result_size);
}

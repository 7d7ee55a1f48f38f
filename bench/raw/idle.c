/* A thousand processes that wait to be told something, and nobody does: how often they are given a processor.
 *
 *     idle WHAT SIZE COUNT PLACE OUTSTANDING
 *
 * OUTSTANDING processes, each in a read of a socket, watched for COUNT milliseconds; the rest means nothing. */
#include "pair.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Its socket's other end ends with the parent, and so does it. */
static pid_t start_one(void)
{
    int ends[2];
    char byte;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        exit(1);
    pid_t pid = fork();
    if (pid == 0) {
        close_range(3, (unsigned)ends[1] - 1, 0); /* all but its own */
        (void)!read(ends[1], &byte, 1);
        _exit(0);
    }
    close(ends[1]);
    return pid;
}

static double sum_switches(const pid_t *pids, int count)
{
    double sum = pair_switches(getpid());
    for (int i = 0; i < count; i++)
        sum += pair_switches(pids[i]);
    return sum;
}

static void wait_ms(int64_t ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

int main(int argc, char **argv)
{
    enum { SETTLED_MS = 200 };
    struct pair_job job;
    pair_understand(&job, argc, argv, 1);
    pair_stand(job.place, false);
    pid_t *pids = calloc((size_t)job.outstanding, sizeof *pids);
    for (int i = 0; i < job.outstanding; i++)
        pids[i] = start_one();
    wait_ms(SETTLED_MS);
    double before = sum_switches(pids, job.outstanding);
    wait_ms(job.count);
    printf("wakeups_per_s %.2f\n", (sum_switches(pids, job.outstanding) - before) * 1e3 / (double)job.count);
    for (int i = 0; i < job.outstanding; i++)
        kill(pids[i], SIGKILL);
    while (wait(NULL) > 0)
        continue;
    free(pids);
    return 0;
}

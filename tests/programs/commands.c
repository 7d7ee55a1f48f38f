/* No command outlives the process that runs it, killed at whatever moment: this program runs itself as one that
 * starts commands and ends them, without end, kills it after a random time, and looks that within a second
 * nothing is left. Since it is what the kernel gives orphans to, it cannot overlook one.
 *
 * Usage: commands [rounds]; the other words are what it tells itself. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <tractor.h>
#include <unistd.h>

/* ---- commands, each hard to kill in its own way --------------------------------------------------------- */

static void wait_for_ever(void)
{
    for (;;)
        pause();
}

static void be_busy(void)
{
    for (volatile unsigned i = 0;; i++)
        continue;
}

static void be_stopped(void)
{
    for (;;)
        raise(SIGSTOP);
}

static void be_deaf(void)
{
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_IGN);
    wait_for_ever();
}

static void close_everything(void)
{
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
    wait_for_ever();
}

static void want_no_signal(void)
{
    prctl(PR_SET_PDEATHSIG, 0);
    wait_for_ever();
}

static const struct {
    const char *name;
    void (*be)(void);
} kinds[] = {{"busy", be_busy}, {"stopped", be_stopped}, {"deaf", be_deaf},
             {"closed", close_everything}, {"unsignalled", want_no_signal}};

enum { KINDS = sizeof kinds / sizeof *kinds };

/* ---- the one that is killed ------------------------------------------------------------------------------- */

static int start_all(const char *self)
{
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < KINDS; i++)
        tr_try(tr_start_process(n, NULL, tr_argv(self, kinds[i].name), .in = TR_STDIO_PIPE, .grace = 1e-3));
    tr_try(tr_sleep(0.01));
    return 0;
}

static int start_again_and_again(void *self)
{
    if (write(1, "!", 1) != 1)
        return -errno;
    for (;;)
        tr_try(start_all(self));
}

/* ---- the one that kills --------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void sleep_for(double seconds)
{
    /* tidy: call: a random moment to kill at, and a while to look for orphans again: no event tells */
    nanosleep(&(struct timespec){.tv_nsec = (long)(seconds * 1e9)}, NULL);
}

/* Counts those that die; whether none is left in the end. */
static bool all_die_within_a_second(int *orphans)
{
    for (double start = now();;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0 && errno == ECHILD)
            return true;
        if (pid > 0)
            ++*orphans;
        else if (now() - start > 1)
            return false;
        else
            sleep_for(1e-3);
    }
}

static void show_and_kill_survivors(void)
{
    char path[64], command[256];
    int pid;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    FILE *children = fopen(path, "re");
    while (children && fscanf(children, "%d", &pid) == 1) {
        snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
        FILE *line = fopen(path, "re");
        size_t size = line ? fread(command, 1, sizeof command - 1, line) : 0;
        command[size] = 0;
        fprintf(stderr, "process %d survived: %s %s\n", pid, command, command + strlen(command) + (size > 0));
        if (line)
            fclose(line);
        kill(pid, SIGKILL);
    }
    if (children)
        fclose(children);
}

/* Returns once it is about to start its first command: its own start may take longer than it is to live. */
static pid_t start_victim(char *self)
{
    int began[2];
    char word;
    if (pipe(began) < 0)
        return -1;
    pid_t victim = fork();
    if (victim == 0) {
        dup2(began[1], 1);
        close(began[0]);
        close(began[1]);
        execl(self, self, "victim", NULL);
        _exit(127);
    }
    close(began[1]);
    (void)!read(began[0], &word, 1);
    close(began[0]);
    return victim;
}

static bool play_round(char *self, unsigned *seed, int *orphans)
{
    pid_t victim = start_victim(self);
    if (victim < 0)
        return false;
    sleep_for(rand_r(seed) % 60000 / 1e6);
    kill(victim, SIGKILL);
    waitpid(victim, NULL, 0);
    if (all_die_within_a_second(orphans))
        return true;
    show_and_kill_survivors();
    return false;
}

static int kill_again_and_again(char *self, int rounds)
{
    unsigned seed = (unsigned)time(NULL) ^ (unsigned)getpid();
    int passed = 0, orphans = 0;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    fprintf(stderr, "seed %u\n", seed);
    for (int i = 0; i < rounds; i++)
        passed += play_round(self, &seed, &orphans);
    fprintf(stderr, "%d commands died with their parents\n", orphans);
    if (orphans < rounds)
        fprintf(stderr, "that is not enough to prove anything\n");
    printf("%d passed, %d failed\n", passed, rounds - passed);
    return passed < rounds || orphans < rounds;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "50";
    if (strcmp(what, "victim") == 0)
        return tr_run(start_again_and_again, argv[0]) < 0;
    for (int i = 0; i < KINDS; i++)
        if (strcmp(what, kinds[i].name) == 0)
            kinds[i].be();
    return kill_again_and_again(argv[0], atoi(what));
}

#include "observer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* ---- beginning ------------------------------------------------------------------------------------ */

bool observer_prepare(struct observer *observer)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    *observer = (struct observer){.root = -1, .host = -1};
    observer->board = board_make(&observer->memory, &observer->bell);
    observer->log = memfd_create("log", MFD_CLOEXEC);
    (void)sigprocmask(SIG_BLOCK, &child, NULL);
    observer->children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    return observer->board && observer->log >= 0 && observer->children >= 0 &&
           prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
}

/* It does not outlive us, should we be interrupted. */
static void become_root(const struct observer *observer, pid_t parent, char *const *argv)
{
    sigset_t none;
    sigemptyset(&none);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)dup2(observer->log, STDOUT_FILENO);
    (void)dup2(observer->log, STDERR_FILENO);
    execv("/proc/self/exe", argv);
    _exit(127);
}

static pid_t start(const struct observer *observer, char *const *argv)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become_root(observer, parent, argv);
    return pid;
}

bool observer_start(struct observer *observer, char *const *argv)
{
    observer->root_gone = observer->all_gone = false;
    observer->root = start(observer, argv);
    return observer->root > 0;
}

bool observer_start_host(struct observer *observer, char *const *argv)
{
    observer->host_gone = observer->all_gone = false;
    observer->host = start(observer, argv);
    return observer->host > 0;
}

/* ---- who lives ------------------------------------------------------------------------------------ */

static size_t read_text(const char *path, char *ret_text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, ret_text, size - 1) : -1;
    if (fd >= 0)
        close(fd);
    ret_text[got > 0 ? got : 0] = '\0';
    return got > 0 ? (size_t)got : 0;
}

void observer_name(pid_t pid, char *ret_name, size_t room)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    size_t size = read_text(path, ret_name, room);
    if (size > 0)
        ret_name[size - 1] = '\0'; /* the newline */
}

/* The state stands behind the program's name, which ends with the last bracket. */
static bool lives(pid_t pid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (read_text(path, text, sizeof text) == 0)
        return false;
    const char *state = strrchr(text, ')');
    return state && state[1] && state[2] != 'Z' && state[2] != 'X';
}

static void add(struct observer *observer, pid_t pid, struct seen *seen, int *count)
{
    if (*count >= SEEN_MOST)
        return;
    struct place *place = board_find(observer->board, pid);
    seen[(*count)++] =
        (struct seen){.pid = pid, .phase = place ? (enum phase)atomic_load(&place->phase) : SPAWNING};
}

/* Actors start actors from their first thread, whose number is the process's. A zombie may have none any more. */
static void add_children(struct observer *observer, pid_t pid, struct seen *seen, int *count)
{
    char path[64], text[4096], *at = text, *end;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    read_text(path, text, sizeof text);
    for (long child; (child = strtol(at, &end, 10)) > 0 && end != at; at = end) {
        if (lives((pid_t)child))
            add(observer, (pid_t)child, seen, count);
        add_children(observer, (pid_t)child, seen, count);
    }
}

int observer_look(struct observer *observer, struct seen *ret_seen)
{
    int count = 0;
    add_children(observer, getpid(), ret_seen, &count);
    for (int i = 1; i < count; i++)
        if (ret_seen[i].pid == observer->root) {
            struct seen root = ret_seen[i];
            ret_seen[i] = ret_seen[0];
            ret_seen[0] = root;
        }
    return count;
}

/* The library has all signals blocked until then. */
bool observer_is_newborn(pid_t pid)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    read_text(path, text, sizeof text);
    const char *blocked = strstr(text, "\nSigBlk:\t");
    return blocked && strtoull(blocked + strlen("\nSigBlk:\t"), NULL, 16) >> 32 == 0xfffffffe;
}

static void print_status(pid_t pid, FILE *to)
{
    char path[64], text[4096], *at;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    read_text(path, text, sizeof text);
    for (char *line = strtok_r(text, "\n", &at); line; line = strtok_r(NULL, "\n", &at))
        if (strncmp(line, "State:", 6) == 0 || strncmp(line, "PPid:", 5) == 0 ||
            strncmp(line, "Sig", 3) == 0 || strncmp(line, "ShdPnd:", 7) == 0)
            fprintf(to, "    %s\n", line);
}

void observer_print_living(struct observer *observer, FILE *to)
{
    struct seen seen[SEEN_MOST];
    int count = observer_look(observer, seen);
    for (int i = 0; i < count; i++) {
        fprintf(to, "  lives: %d, %s\n", seen[i].pid, phase_names[seen[i].phase]);
        print_status(seen[i].pid, to);
    }
}

/* ---- waiting -------------------------------------------------------------------------------------- */

static void reap(struct observer *observer)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == observer->root) {
            observer->root_gone = true;
            observer->root_status = status;
        } else if (pid == observer->host) {
            observer->host_gone = true;
            observer->host_status = status;
        } else {
            observer->foundlings++;
        }
    }
    if (pid < 0 && errno == ECHILD && !observer->all_gone) {
        observer->all_gone = true;
        observer->all_gone_ns = now_ns();
    }
}

/* Until something happens, or that time has come. */
static void pause_until(struct observer *observer, int64_t until_ns)
{
    char rung[512];
    struct pollfd what[] = {{.fd = observer->bell, .events = POLLIN},
                            {.fd = observer->children, .events = POLLIN}};
    int64_t left = until_ns - now_ns();
    if (left <= 0)
        return;
    struct timespec limit = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
    if (ppoll(what, 2, &limit, NULL) <= 0)
        return;
    for (int i = 0; i < 2; i++)
        while (read(what[i].fd, rung, sizeof rung) > 0)
            continue;
}

bool observer_wait(struct observer *observer, bool (*is_so)(struct observer *, void *), void *arg,
                   int64_t until_ns)
{
    for (;;) {
        reap(observer);
        if (is_so && is_so(observer, arg))
            return true;
        if (observer->all_gone || now_ns() >= until_ns)
            return false;
        pause_until(observer, until_ns);
    }
}

bool observer_wait_for_end(struct observer *observer, int64_t until_ns)
{
    (void)observer_wait(observer, NULL, NULL, until_ns);
    return observer->all_gone;
}

int observer_end_all(struct observer *observer)
{
    struct seen seen[SEEN_MOST];
    int first = -1;
    for (int64_t patience = 20000000; !observer->all_gone;) {
        int count = observer_look(observer, seen);
        for (int i = 0; i < count; i++)
            (void)kill(seen[i].pid, SIGKILL);
        first = first < 0 ? count : first;
        (void)observer_wait_for_end(observer, now_ns() + patience);
    }
    return first > 0 ? first : 0;
}

enum { LOG_ROOM = 16384 };

/* The end of it, if it is long. */
static void read_log(const struct observer *observer, char ret_text[LOG_ROOM])
{
    off_t size = lseek(observer->log, 0, SEEK_END), from = size > LOG_ROOM - 1 ? size - (LOG_ROOM - 1) : 0;
    ssize_t got = pread(observer->log, ret_text, LOG_ROOM - 1, from);
    ret_text[got > 0 ? got : 0] = '\0';
}

bool observer_heard(const struct observer *observer, const char *text)
{
    char log[LOG_ROOM];
    read_log(observer, log);
    return strstr(log, text);
}

void observer_print_log(const struct observer *observer, FILE *to)
{
    char log[LOG_ROOM];
    read_log(observer, log);
    fputs(log, to);
}

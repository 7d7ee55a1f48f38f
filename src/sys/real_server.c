/* The server that actors are forked from.
 *
 * A process that runs must not be forked: its threads would be missing in the copy and their locks not, and its
 * scheduler, its sockets and its lifelines would be there twice. So the copy is made before there is any of
 * that, when tr_main is called, and is all the server is: this process as it stood there, with one thread, which
 * waits for orders and forks itself. Whoever is forked returns from here into tr_main, as if it had called it.
 *
 *     tr_main --> make --> in the owner: goes on as root or actor, orders by real_fork.c
 *                  |
 *                  +----> fork_serve: waits for orders, and forks (real_serve.c)
 *                           |
 *                           +--> returns, in each process that is forked
 *
 * What main had set up until then is in each copy: memory, descriptors, handlers of signals, what is ignored and
 * blocked, limits. Memory speaks of descriptors, so those stay open too. What a parent has at the time of the
 * order is passed on with it: standard streams, working directory, environment, and what the child keeps.
 *
 * It dies with its owner in the same two ways as an actor does, and everything it has forked with it, by the
 * parent-death signal. All signals are blocked in it: Ctrl-C is for the root, which still needs it then. */
#include "sys/fork.h"
#include "sys/real.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* How things stood when tr_main was called, to be put back in each copy. */
struct before {
    sigset_t blocked;
    struct sigaction child_ended;
    struct rlimit files;
    char name[16];
};

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

/* ---- being forked ----------------------------------------------------------------------------------- */

/* Zero-terminated texts, as many as there are. Who has been told one before, and made a server at once, is the
 * only one who has seen that. */
static void take_environment(int fd)
{
    static char **entries, *text;
    struct stat all;
    if (fstat(fd, &all) < 0)
        _exit(EXIT_FAILURE);
    size_t size = (size_t)all.st_size, count = 0;
    free(entries);
    free(text);
    text = malloc(size + 1);
    if (!text || pread(fd, text, size, 0) != (ssize_t)size)
        _exit(EXIT_FAILURE);
    for (size_t i = 0; i < size; i++)
        count += !text[i];
    entries = calloc(count + 1, sizeof *entries);
    if (!entries)
        _exit(EXIT_FAILURE);
    char *at = text;
    for (size_t i = 0; i < count; at += strlen(at) + 1)
        entries[i++] = at;
    environ = entries;
}

static void put_back(const struct before *before)
{
    prctl(PR_SET_NAME, before->name);
    setrlimit(RLIMIT_NOFILE, &before->files);
    sigaction(SIGCHLD, &before->child_ended, NULL);
    pthread_sigmask(SIG_SETMASK, &before->blocked, NULL);
}

/* From here on it is no server any more, but a process that has just called tr_main. */
static void become_actor(const struct fork_order *order, const int *fds, pid_t server, const struct before *before)
{
    for (int i = 0; i < 3; i++)
        if (dup2(fds[FORK_STANDARD + i], i) < 0)
            _exit(EXIT_FAILURE);
    if (fchdir(fds[FORK_DIRECTORY]) < 0)
        _exit(EXIT_FAILURE);
    take_environment(fds[FORK_ENVIRONMENT]);
    close_all(fds, FORK_KEEP);
    real_be_born(order->birth, fds + FORK_KEEP, order->keep_count, server);
    put_back(before);
}

/* ---- making one ------------------------------------------------------------------------------------- */

/* What this process orders with: of a server of its own, or its parent's. */
static struct {
    int door;                   /* 0: none. Never a standard stream */
    int lifeline;
    pid_t pid;                  /* 0: not ours */
    int pidfd;                  /* -1 where there are none: somebody else may reap it, and its number mean another */
} used;
static atomic_flag made = ATOMIC_FLAG_INIT;
static _Thread_local bool for_next_world;

/* The owner may have died before either was armed. */
static void die_with_owner(int lifeline, pid_t owner)
{
    struct pollfd end = {.fd = lifeline, .events = POLLIN};
    if (fcntl(lifeline, F_SETOWN, getpid()) < 0 || fcntl(lifeline, F_SETSIG, SIGKILL) < 0 ||
        fcntl(lifeline, F_SETFL, O_ASYNC | O_NONBLOCK) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
        poll(&end, 1, 0) > 0 || getppid() != owner)
        _exit(EXIT_FAILURE);
}

/* What its owner is an actor with is not for the server: others wait for its end there. */
static void drop_inheritance(void)
{
    int fd;
    for (size_t i = 0; (fd = real_inherited(NULL, i)) >= 0; i++)
        close(fd);
    real_be_born("", NULL, 0, 0);
}

/* One connection for each process that orders. */
static void have_room(const struct rlimit *before)
{
    struct rlimit all = {before->rlim_max, before->rlim_max};
    (void)setrlimit(RLIMIT_NOFILE, &all);
}

/* Returns in each copy. */
static void be_server(int door, int lifeline, pid_t owner, const struct before *before, const struct rlimit *mark)
{
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    struct fork_order order = {0};
    int fds[FORK_MOST];
    pid_t server = getpid(); /* a copy may find it dead already */
    die_with_owner(lifeline, owner);
    drop_inheritance();
    if (mark)
        (void)setrlimit(RLIMIT_RSS, mark);
    have_room(&before->files);
    sigaction(SIGCHLD, &usual, NULL);
    fork_serve(door, &order, fds);
    close(lifeline);
    become_actor(&order, fds, server, before);
}

bool real_has_threads(void)
{
#if defined(__SANITIZE_THREAD__)
    return false; /* it has one of its own, and sees to that */
#else
    struct stat tasks;
    return stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink > 3; /* ".", "..", and ours */
#endif
}

static void note_before(struct before *before)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before->blocked);
    sigaction(SIGCHLD, NULL, &before->child_ended);
    getrlimit(RLIMIT_NOFILE, &before->files);
    prctl(PR_GET_NAME, before->name);
}

/* 1 in a copy of the server. What is buffered for the standard streams would come out once for each. */
static int make(const int door[2], const int line[2])
{
    struct before before;
    struct rlimit mark;
    bool marked = !real_birth() && real_mark(&mark); /* an actor has its root's */
    pid_t owner = getpid();
    fflush(NULL);
    note_before(&before);
    prctl(PR_SET_NAME, "tractor-server"); /* so it is never seen under another */
    pid_t pid = fork();
    if (pid == 0) {
        close(door[1]);
        close(line[1]);
        be_server(door[0], line[0], owner, &before, marked ? &mark : NULL);
        return 1;
    }
    int rc = pid < 0 ? -errno : 0;
    prctl(PR_SET_NAME, before.name);
    pthread_sigmask(SIG_SETMASK, &before.blocked, NULL);
    if (rc == 0) {
        fork_bind(pid, line[0]);
        used.door = door[1];
        used.lifeline = line[1];
        used.pid = pid;
        used.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    }
    return rc;
}

static int make_with_pipes(void)
{
    int door[2], line[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, door) < 0)
        return -errno;
    if (pipe2(line, O_CLOEXEC) < 0) {
        int rc = -errno;
        close_all(door, 2);
        return rc;
    }
    int rc = make(door, line);
    if (rc == 0)
        close_all((int[]){door[0], line[0]}, 2);
    else if (rc < 0)
        close_all((int[]){door[0], door[1], line[0], line[1]}, 4);
    return rc;
}

int real_make_server(void)
{
    if (real_has_threads())
        return -EDEADLK;
    if (atomic_flag_test_and_set(&made))
        return -EBUSY;
    real_have_standard_streams();
    int rc = make_with_pipes();
    for_next_world = rc == 0;
    if (rc != 0)
        atomic_flag_clear(&made); /* it failed; or a copy has none */
    return rc;
}

/* ---- having one ------------------------------------------------------------------------------------- */

int real_server(struct sys *sys)
{
    (void)sys;
    return used.door ? used.door : -1;
}

void real_use_server(struct sys *sys, int fd)
{
    (void)sys;
    used.door = fd;
}

bool real_is_server(pid_t pid)
{
    return pid == used.pid;
}

bool real_server_is_for_us(void)
{
    bool ours = for_next_world;
    for_next_world = false;
    return ours;
}

void real_end_server(void)
{
    close(used.door);
    used.door = 0;
    close(used.lifeline);
    if (used.pidfd < 0)
        kill(used.pid, SIGKILL);
    else
        (void)syscall(SYS_pidfd_send_signal, used.pidfd, SIGKILL, NULL, 0);
    while (waitpid(used.pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    if (used.pidfd >= 0)
        close(used.pidfd);
    used.pid = 0;
    atomic_flag_clear(&made);
}

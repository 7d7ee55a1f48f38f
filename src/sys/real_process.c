/* Child processes, once real_start.c has started them: noticing their end, and being one.
 *
 * An exit is noticed through a pidfd, which the poller watches like any descriptor; where there is none
 * (an old kernel, valgrind), or where it says so before the status can be had (a debugger has it first),
 * SIGCHLD says that one of ours may have ended, and each is asked, by its own pid only, so that children the
 * program started by other means stay its own.
 *
 * The kernel sees to it that a child dies with its parent, by two independent means, each closing the
 * other's gap: the lifeline, a pipe that the kernel answers with SIGKILL when its last writer is gone, which
 * works for a process that is busy or stopped, and for one that has changed its user; and the parent-death
 * signal, which works if somebody else holds the pipe, or the child has closed it. An actor arms both itself,
 * once it knows which descriptor is which, and looks afterwards, since the parent may have died before. */
#include "sys/real.h"

#include "base/numbers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct sys_process {
    struct link unseen;        /* in real->unseen, unless there is a pidfd */
    pid_t pid;
    int pidfd;                 /* -1 where there is none */
    struct sys_watch *watch;   /* of the pidfd */
    struct real *real;
    bool reaped;               /* the pid means nothing any more */
    sys_exited_fn *exited;
    void *arg;
};

/* Asked by the pidfd where there is one: its number is another's as soon as somebody else has reaped it.
 * Linux 5.3 has pidfds that cannot be asked. */
static int ask_for_exit(const struct sys_process *process, siginfo_t *ret)
{
    enum { BY_PIDFD = 3 };
    *ret = (siginfo_t){0};
    if (process->pidfd >= 0) {
        int rc = waitid((idtype_t)BY_PIDFD, (id_t)process->pidfd, ret, WEXITED | WNOHANG);
        if (rc == 0 || errno != EINVAL)
            return rc;
    }
    return waitid(P_PID, (id_t)process->pid, ret, WEXITED | WNOHANG);
}

/* Reports the exit if there was one, and whether it did. A stranger's wait may have taken the status; what
 * is left to say then is that the process is gone. */
static bool reap(struct sys_process *process)
{
    siginfo_t end;
    if (process->reaped)
        return false;
    int rc = ask_for_exit(process, &end);
    if (rc == 0 ? end.si_pid == 0 : errno != ECHILD)
        return false;
    process->reaped = true;
    list_remove(&process->unseen);
    struct sys_exit how = {.status = -1};
    if (rc == 0 && end.si_code == CLD_EXITED)
        how.status = end.si_status;
    else if (rc == 0)
        how.signal = end.si_status;
    process->exited(process->arg, how);
    return true;
}

/* Whoever listened to the signal before may have missed some for children of its own, and hears of one now. */
static void let_signal_go(struct real *real)
{
    if (!real->child_signal || !list_empty(&real->unseen))
        return;
    (void)real_let_signal_go(&real->sys, real->child_signal);
    real->child_signal = NULL;
    raise(SIGCHLD);
}

void real_ask_unseen(struct real *real)
{
    list_each(at, &real->unseen)
        reap(container_of(at, struct sys_process, unseen));
    let_signal_go(real);
}

static void ask_all(void *real)
{
    real_ask_unseen(real);
}

/* It may have ended before the signal was listened to, so it is asked once soon; from the poller, since
 * whoever starts a process does not expect to be told of its end in the middle of that. */
static int notice_by_signal(struct real *real, struct sys_process *process)
{
    int rc = real->child_signal
                 ? 0
                 : real_catch_signal(&real->sys, SIGCHLD, ask_all, real, &real->child_signal);
    if (rc < 0)
        return rc;
    list_push(&real->unseen, &process->unseen);
    real->ask_soon = true;
    return 0;
}

/* Readable, and yet no status to be had: a debugger has first call on it, and SIGCHLD comes when it lets
 * go. */
static void pidfd_ready(void *arg, int events)
{
    (void)events;
    struct sys_process *process = arg;
    if (!reap(process))
        (void)notice_by_signal(process->real, process);
}

static int notice_exit(struct real *real, struct sys_process *process)
{
    process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    if (process->pidfd < 0)
        return notice_by_signal(real, process);
    int rc = real_watch(&real->sys, process->pidfd, pidfd_ready, process, &process->watch);
    return rc < 0 ? rc : real_watch_for(&real->sys, process->watch, SYS_READABLE);
}

/* ---- what a child is told by its environment ------------------------------------------------------ */

#define BIRTH "TRACTOR_CHILD"

/* Taken and erased before main, so that a program that this one starts is not taken for a child. */
static char birth[64];

__attribute__((constructor)) static void take_birth(void)
{
    const char *said = getenv(BIRTH);
    if (!said)
        return;
    snprintf(birth, sizeof birth, "%s", said);
    unsetenv(BIRTH);
    int fds[4]; /* three, and the parent's number */
    if (numbers_parse(birth, fds, 4))
        for (int i = 0; i < 3; i++)
            fcntl(fds[i], F_SETFD, FD_CLOEXEC); /* they are for us alone */
}

bool sys_real_is_child(void)
{
    return birth[0] != '\0';
}

const char *real_birth(struct sys *sys)
{
    (void)sys;
    return birth[0] ? birth : NULL;
}

/* ---- starting --------------------------------------------------------------------------------------- */

/* An ignored SIGCHLD, which a program may inherit without knowing, has the kernel throw away how children
 * ended, and so has a flag beside a handler. */
static void want_exit_statuses(void)
{
    struct sigaction now;
    if (sigaction(SIGCHLD, NULL, &now) < 0 ||
        (now.sa_handler != SIG_IGN && !(now.sa_flags & SA_NOCLDWAIT)))
        return;
    now.sa_flags &= ~SA_NOCLDWAIT;
    if (now.sa_handler == SIG_IGN)
        now.sa_handler = SIG_DFL;
    (void)sigaction(SIGCHLD, &now, NULL);
}

int real_spawn(struct sys *sys, const struct sys_spawn *what, sys_exited_fn *exited, void *arg,
               struct sys_process **ret)
{
    struct real *real = real_of(sys);
    struct sys_process *process = calloc(1, sizeof *process);
    char entry[sizeof BIRTH + sizeof birth];
    if (what->birth)
        snprintf(entry, sizeof entry, "%s=%s", BIRTH, what->birth);
    want_exit_statuses();
    int rc = process ? real_start_program(what, what->birth ? entry : NULL, &process->pid) : -ENOMEM;
    if (rc < 0) {
        free(process);
        return rc;
    }
    list_init(&process->unseen);
    process->pidfd = -1;
    process->real = real;
    process->exited = exited;
    process->arg = arg;
    rc = notice_exit(real, process);
    if (rc < 0) { /* a child whose end nobody would notice must not live */
        kill(process->pid, SIGKILL);
        while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        process->reaped = true;
        real_forget(sys, process);
        return rc;
    }
    *ret = process;
    return 0;
}

int real_signal(struct sys *sys, struct sys_process *process, int number)
{
    (void)sys;
    if (process->reaped)
        return -ESRCH;
    int rc = process->pidfd >= 0 ? (int)syscall(SYS_pidfd_send_signal, process->pidfd, number, NULL, 0)
                                 : kill(process->pid, number);
    return rc < 0 ? -errno : 0;
}

void real_forget(struct sys *sys, struct sys_process *process)
{
    list_remove(&process->unseen);
    let_signal_go(process->real);
    if (process->watch)
        real_unwatch(sys, process->watch);
    if (process->pidfd >= 0)
        close(process->pidfd);
    free(process);
}

int real_pid(struct sys *sys, const struct sys_process *process)
{
    (void)sys;
    return process ? process->pid : getpid();
}

int real_program(struct sys *sys, char *ret_path, size_t room)
{
    (void)sys;
    ssize_t size = readlink("/proc/self/exe", ret_path, room);
    if (size < 0)
        return -errno;
    if ((size_t)size >= room)
        return -ENAMETOOLONG;
    ret_path[size] = '\0';
    return 0;
}

int real_die_with_parent(struct sys *sys, int lifeline, int parent)
{
    (void)sys;
    if (fcntl(lifeline, F_SETOWN, getpid()) < 0 || fcntl(lifeline, F_SETSIG, SIGKILL) < 0 ||
        fcntl(lifeline, F_SETFL, O_ASYNC | O_NONBLOCK) < 0)
        return -errno;
    struct pollfd end = {.fd = lifeline, .events = POLLIN};
    if (poll(&end, 1, 0) > 0)
        _exit(EXIT_FAILURE); /* it died before the line was armed */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return -errno;
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    /* Ctrl-C goes to the whole terminal; the root decides what it means and tells the others. */
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    return 0;
}

int real_claim_root(struct sys *sys, int claim)
{
    (void)sys;
    static atomic_flag claimed = ATOMIC_FLAG_INIT;
    if (!claim)
        atomic_flag_clear(&claimed);
    else if (atomic_flag_test_and_set(&claimed))
        return -EBUSY;
    return 0;
}

unsigned real_user(struct sys *sys)
{
    (void)sys;
    return geteuid();
}

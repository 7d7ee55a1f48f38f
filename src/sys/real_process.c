/* Child processes, once real_start.c has started them: noticing their end, and being one. (Those that a server
 * has forked are somebody else's children: real_fork.c.)
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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
    map_remove(&process->real->orphans.started, (uint64_t)process->pid);
    list_remove(&process->unseen);
    struct sys_exit how = {.status = -1};
    if (rc == 0 && end.si_code == CLD_EXITED)
        how.status = end.si_status;
    else if (rc == 0)
        how.signal = end.si_status;
    struct real *real = process->real;
    process->exited(process->arg, how);
    real_reap_orphans(real); /* it may have left some, and has hidden others */
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

/* ---- what a child is told ------------------------------------------------------------------------- */

/* By its environment: what its parent's spawn said, a semicolon, and the numbers of the descriptors it got. */
#define BIRTH "TRACTOR_CHILD"
enum { BIRTH_ENTRY_ROOM = sizeof BIRTH + SYS_BIRTH_ROOM + SYS_KEEP_MOST * sizeof "-2147483648," };

static char birth[SYS_BIRTH_ROOM];
static int inherited[SYS_KEEP_MOST];
static size_t inherited_count;
static pid_t forked_by;         /* the server that we are a copy of, and whose child; 0 for none */

/* Descriptors are for us alone. */
void real_be_born(const char *said, const int *fds, size_t count, pid_t by)
{
    snprintf(birth, sizeof birth, "%s", said);
    forked_by = by;
    inherited_count = count;
    for (size_t i = 0; i < count; i++) {
        inherited[i] = fds[i];
        fcntl(fds[i], F_SETFD, FD_CLOEXEC);
    }
}

/* Taken and erased before main, so that a program that this one starts is not taken for a child. */
__attribute__((constructor)) static void take_birth(void)
{
    const char *said = getenv(BIRTH), *numbers = said ? strchr(said, ';') : NULL;
    char text[SYS_BIRTH_ROOM];
    int fds[SYS_KEEP_MOST];
    size_t count = 0;
    if (!said)
        return;
    snprintf(text, sizeof text, "%.*s", (int)strcspn(said, ";"), said);
    for (size_t wanted = SYS_KEEP_MOST; numbers && wanted > 0 && count == 0; wanted--)
        if (numbers_parse(numbers + 1, fds, wanted))
            count = wanted;
    unsetenv(BIRTH);
    real_be_born(text, fds, count, 0);
}

const char *real_birth(void)
{
    return birth[0] ? birth : NULL;
}

int real_inherited(struct sys *sys, size_t i)
{
    (void)sys;
    return i < inherited_count ? inherited[i] : -1;
}

/* NULL for a child that is no actor. */
static const char *birth_entry(const struct sys_spawn *what, char ret_entry[BIRTH_ENTRY_ROOM])
{
    if (!what->birth)
        return NULL;
    int size = snprintf(ret_entry, BIRTH_ENTRY_ROOM, BIRTH "=%s", what->birth);
    for (size_t i = 0; i < what->keep_count && i < SYS_KEEP_MOST; i++)
        size += snprintf(ret_entry + size, BIRTH_ENTRY_ROOM - (size_t)size, "%c%d", i ? ',' : ';', what->keep[i]);
    return ret_entry;
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

/* A child whose end nobody would notice must not live. */
static int start_child(struct real *real, const struct sys_spawn *what, struct sys_process *process)
{
    char entry[BIRTH_ENTRY_ROOM];
    struct rlimit mark;
    int rc = map_reserve(&real->orphans.started, 1);
    if (rc >= 0)
        rc = real_start_program(what, birth_entry(what, entry),
                                real->orphans.is_root && real_mark(&mark) ? &mark : NULL, &process->pid);
    if (rc < 0)
        return rc;
    map_set(&real->orphans.started, (uint64_t)process->pid, process);
    rc = notice_exit(real, process);
    if (rc >= 0)
        return 0;
    map_remove(&real->orphans.started, (uint64_t)process->pid);
    kill(process->pid, SIGKILL);
    while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    process->reaped = true;
    return rc;
}

int real_spawn(struct sys *sys, const struct sys_spawn *what, sys_exited_fn *exited, void *arg,
               struct sys_process **ret)
{
    struct real *real = real_of(sys);
    struct sys_process *process = calloc(1, sizeof *process);
    if (!process)
        return -ENOMEM;
    *process = (struct sys_process){.pidfd = -1, .real = real, .exited = exited, .arg = arg};
    list_init(&process->unseen);
    if (!what->fork)
        want_exit_statuses();
    real_have_orphans(real);
    int rc = what->fork ? real_fork(real, what, process) : start_child(real, what, process);
    if (rc < 0)
        real_forget(sys, process);
    else
        *ret = process;
    return rc;
}

int real_signal(struct sys *sys, struct sys_process *process, int number)
{
    (void)sys;
    if (process->reaped)
        return -ESRCH;
    if (!process->pid)
        return real_signal_unborn(process, number);
    int rc = process->pidfd >= 0 ? (int)syscall(SYS_pidfd_send_signal, process->pidfd, number, NULL, 0)
                                 : kill(process->pid, number);
    return rc < 0 ? -errno : 0;
}

void real_forget(struct sys *sys, struct sys_process *process)
{
    list_remove(&process->unseen);
    if (process->id)
        real_forget_forked(process);
    else
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
    if (getppid() != (forked_by ? forked_by : parent))
        _exit(EXIT_FAILURE);
    /* Ctrl-C goes to the whole terminal; the root decides what it means and tells the others. */
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    return 0;
}

unsigned real_user(struct sys *sys)
{
    (void)sys;
    return geteuid();
}

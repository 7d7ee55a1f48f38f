/* Starting a program: what has to be true between the fork and the exec.
 *
 * The child borrows our memory until its exec, as after vfork, so that the price does not grow with the
 * parent; it therefore makes nothing but system calls. What needs memory is made before: the environment,
 * and the paths to try, since the search along PATH is execvp's own: by trying. All signals are blocked
 * meanwhile, so that no handler of ours runs in it, and let through again when there are none left.
 *
 * Why not posix_spawn: it cannot bind the child to its parent. Here the kernel is told before the exec, so
 * there is no moment at which our death would leave the child behind; and a program that knows nothing of
 * us is bound as well, by the lifeline too, since what is armed is the open file, which the exec does not
 * close. The parent may have died before the parent-death signal was set: looked at afterwards. The
 * lifeline needs no second look: its last writer is then the child itself, whose exec hangs it up.
 *
 * What can go wrong is told through the borrowed memory, by errno. Where vfork is a fork (under an
 * emulator or valgrind) it is not seen, and a program that cannot be run is one that exits with status
 * 127. */
#include "sys/real.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the environment ------------------------------------------------------------------------------- */

/* Whether two entries, "NAME=value" or "NAME", are of the same name. */
static bool same_name(const char *a, const char *b)
{
    while (*a && *a != '=' && *a == *b)
        a++, b++;
    return (!*a || *a == '=') && (!*b || *b == '=');
}

static bool names_one_of(const char *entry, const char *const *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (same_name(entry, entries[i]))
            return true;
    return false;
}

/* Ours, unless that is not wanted, with the changes that are, of which the last of a name counts, and one
 * entry more if that is not NULL. For free(); NULL when memory is out. */
char **real_new_environment(const struct sys_spawn *what, const char *more)
{
    const char *const *changes = what->environment;
    size_t change_count = what->environment_count, ours = 0, count = 0;
    while (environ && !what->clear_environment && environ[ours])
        ours++;
    char **entries = calloc(ours + change_count + 2, sizeof *entries);
    if (!entries)
        return NULL;
    for (size_t i = 0; i < ours; i++)
        if (!names_one_of(environ[i], changes, change_count))
            entries[count++] = environ[i];
    for (size_t i = 0; i < change_count; i++)
        if (strchr(changes[i], '=') && !names_one_of(changes[i], changes + i + 1, change_count - i - 1))
            entries[count++] = (char *)changes[i];
    if (more)
        entries[count] = (char *)more;
    return entries;
}

/* ---- the paths to try ------------------------------------------------------------------------------ */

static const char *path_of(char **environment)
{
    for (; *environment; environment++)
        if (strncmp(*environment, "PATH=", 5) == 0)
            return *environment + 5;
    return "/bin:/usr/bin"; /* what the C library searches where nobody says */
}

static size_t count_of(const char *text, char c)
{
    size_t count = 0;
    while ((text = strchr(text, c)))
        text++, count++;
    return count;
}

/* Each folder of the path, of which an empty one is the current, with the name behind. One block: the
 * table, the texts after it. */
static char **along_path(const char *path, const char *name)
{
    size_t folders = count_of(path, ':') + 1, table = (folders + 1) * sizeof(char *);
    char **paths = malloc(table + strlen(path) + folders * (strlen(name) + 2));
    if (!paths)
        return NULL;
    char *text = (char *)paths + table;
    for (size_t i = 0; i < folders; i++) {
        size_t size = strcspn(path, ":");
        paths[i] = text;
        memcpy(text, path, size);
        text += size;
        if (size > 0)
            *text++ = '/';
        memcpy(text, name, strlen(name) + 1);
        text += strlen(name) + 1;
        path += size + 1;
    }
    paths[folders] = NULL;
    return paths;
}

/* For free(); NULL when memory is out. */
static char **paths_to_try(const struct sys_spawn *what, char **environment)
{
    if (what->search && what->program[0] && !strchr(what->program, '/'))
        return along_path(path_of(environment), what->program);
    char **only = calloc(2, sizeof *only);
    if (only)
        only[0] = (char *)what->program;
    return only;
}

/* ---- in the child ---------------------------------------------------------------------------------- */

/* ASan knows the stacks of tasks and not this one. */
#define IN_CHILD static __attribute__((no_sanitize_address))

enum { FIRST_FREE = 3, ABOVE_WHAT_SCRIPTS_USE = 100 };

struct start {
    const struct sys_spawn *what;
    char **environment, **paths;
    const struct rlimit *mark;
    pid_t parent;
    int error;                  /* an errno value; 0 once it is another program */
    bool bad_directory;         /* which it was about */
};

/* What a terminal or its end sends to all: one who does not hear it does not want it heard, as with nohup,
 * or as in an actor, where Ctrl-C is the root's business. */
IN_CHILD bool stays_ignored(int number)
{
    return number == SIGHUP || number == SIGINT || number == SIGQUIT;
}

IN_CHILD void forget_handlers(void)
{
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    struct sigaction now;
    for (int number = 1; number < NSIG; number++)
        if (sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_DFL &&
            !(now.sa_handler == SIG_IGN && stays_ignored(number)))
            (void)sigaction(number, &usual, NULL);
}

/* From the start: between this and tr_main a Ctrl-C, which is the root's business, must not kill it. */
IN_CHILD void ignore_terminal(void)
{
    const struct sigaction ignored = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGINT, &ignored, NULL);
    (void)sigaction(SIGQUIT, &ignored, NULL);
}

IN_CHILD int die_with_parent(const struct start *start)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return -errno;
    if (getppid() != start->parent)
        _exit(EXIT_FAILURE); /* it died before that was set */
    return 0;
}

/* Under a number that is not in anybody's way, or, when there is no room for one more, its own. A second net:
 * where it cannot be had there is the first. */
IN_CHILD void arm_lifeline(int lifeline)
{
    if (lifeline < 0 || fcntl(lifeline, F_SETOWN, getpid()) < 0 ||
        fcntl(lifeline, F_SETSIG, SIGKILL) < 0 || fcntl(lifeline, F_SETFL, O_ASYNC | O_NONBLOCK) < 0)
        return;
    if (fcntl(lifeline, F_DUPFD, ABOVE_WHAT_SCRIPTS_USE) < 0 && fcntl(lifeline, F_DUPFD, FIRST_FREE) < 0)
        (void)fcntl(lifeline, F_SETFD, 0);
}

/* Whoever opened them without close-on-exec: what is not meant for the child does not reach it. Without
 * close_range (before Linux 5.11) only ours do not. */
IN_CHILD int pass_descriptors(const struct sys_spawn *what)
{
    enum { CLOEXEC = 4 };
    (void)syscall(SYS_close_range, FIRST_FREE, UINT_MAX, CLOEXEC);
    for (size_t i = 0; i < what->keep_count; i++)
        if (fcntl(what->keep[i], F_SETFD, 0) < 0)
            return -errno;
    return 0;
}

/* The descriptor for the child's number `to`; never one of those that are still to be overwritten. */
IN_CHILD int source_of(int from, int to)
{
    if (from == SYS_OURS)
        return to;
    int fd = from == SYS_NULL ? open("/dev/null", O_RDWR | O_CLOEXEC) : from;
    if (fd >= 0 && fd < FIRST_FREE)
        fd = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE);
    return fd;
}

IN_CHILD int connect_standard(const int standard[FIRST_FREE])
{
    int from[FIRST_FREE];
    for (int to = 0; to < FIRST_FREE; to++)
        if ((from[to] = source_of(standard[to], to)) < 0)
            return -errno;
    for (int to = 0; to < FIRST_FREE; to++)
        if (from[to] != to && dup2(from[to], to) < 0)
            return -errno;
    return 0;
}

/* As execvp: what is not there, or not for us, is looked for further on. */
IN_CHILD int become_program(const struct start *start)
{
    bool refused = false;
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    for (char **path = start->paths; *path; path++) {
        execve(*path, start->what->argv, start->environment);
        refused |= errno == EACCES;
        if (errno != EACCES && errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG &&
            errno != ESTALE && errno != ENODEV && errno != ETIMEDOUT)
            return -errno;
    }
    return refused ? -EACCES : -errno;
}

IN_CHILD int prepare(struct start *start)
{
    const struct sys_spawn *what = start->what;
    int rc = die_with_parent(start); /* first: whoever is stopped before this is bound to nobody */
    if (start->mark)
        (void)setrlimit(RLIMIT_RSS, start->mark);
    forget_handlers();
    if (what->birth)
        ignore_terminal();
    if (rc >= 0)
        rc = pass_descriptors(what);
    if (rc < 0)
        return rc;
    arm_lifeline(what->lifeline);
    rc = connect_standard(what->standard);
    if (rc < 0 || !what->directory)
        return rc;
    start->bad_directory = chdir(what->directory) < 0;
    return start->bad_directory ? -errno : 0;
}

IN_CHILD int in_child(void *arg)
{
    struct start *start = arg;
    int rc = prepare(start);
    if (rc >= 0)
        rc = become_program(start);
    start->error = -rc;
    _exit(127);
}

/* ---- in the parent --------------------------------------------------------------------------------- */

/* Large enough for the dynamic linker, which may look for a function just then. */
enum { CHILD_STACK = 64 * 1024 };

/* Returns when the child has become another program, or ended. */
static int run_child(struct start *start, pid_t *ret_pid)
{
    char *stack = malloc(CHILD_STACK);
    if (!stack)
        return -ENOMEM;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = clone(in_child, stack + CHILD_STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, start);
    int rc = pid < 0 ? -errno : -start->error;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    free(stack);
    if (pid >= 0 && rc < 0)
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    if (rc >= 0)
        *ret_pid = pid;
    return rc;
}

int real_start_program(const struct sys_spawn *what, const char *birth, const struct rlimit *mark, pid_t *ret_pid)
{
    struct start start = {.what = what, .mark = mark, .parent = getpid()};
    start.environment = real_new_environment(what, birth);
    start.paths = start.environment ? paths_to_try(what, start.environment) : NULL;
    int rc = start.paths ? run_child(&start, ret_pid) : -ENOMEM;
    if (what->ret_bad_directory)
        *what->ret_bad_directory = start.bad_directory;
    free(start.paths);
    free(start.environment);
    return rc;
}

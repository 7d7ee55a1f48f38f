/* Having the server fork (real_server.c), and hearing from it.
 *
 *     ordered --> born --> ended          process->pid is 0 before, process->reaped set at the end
 *          \         \-------^
 *           +-- failed ------^
 *
 * Nothing here waits for the server, so that a busy or a stopped one keeps nobody from anything else; the exception
 * is when it has more orders before it than there is room for. Its news comes over a connection of our own, made
 * at the first order.
 *
 * How a process ended only the server can know, whose child it is; that it ended the pidfd says as well. So
 * nothing hangs when the server does not answer: what has ended or was killed and is not told of in half a second
 * counts as ended untold. And when the server is gone, it takes all it has forked with it, and each is waited for
 * by its pidfd. One that was ordered and never told of may be born yet: it dies by its lifeline, whose other end
 * our caller closes. */
#include "sys/fork.h"
#include "sys/real.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATIENCE_MS = 500 };    /* less than a keeper has, who waits for the same */

/* ---- the end of one --------------------------------------------------------------------------------- */

static void report(struct sys_process *process, struct sys_exit how)
{
    process->reaped = true;
    list_remove(&process->unseen);
    if (process->watch)
        real_unwatch(&process->real->sys, process->watch);
    process->watch = NULL;
    process->exited(process->arg, how);
}

static void report_untold(struct sys_process *process)
{
    report(process, (struct sys_exit){.status = -1, .untold = process->lost ? SYS_SERVER_GONE : SYS_SERVER_SILENT});
}

static void lose_patience(uv_timer_t *timer);

static int have_patience(struct real *real, unsigned ms)
{
    struct forking *forking = &real->forking;
    uv_loop_t *loop;
    int rc = real_loop(real, &loop);
    if (rc >= 0 && !forking->has_patience && (rc = uv_timer_init(loop, &forking->patience)) >= 0) {
        forking->patience.data = real;
        forking->has_patience = true;
    }
    return rc < 0 ? rc : uv_timer_start(&forking->patience, lose_patience, ms, 0);
}

/* With those that are waited for no longer; or else with all. */
static void lose_patience(uv_timer_t *timer)
{
    struct real *real = timer->data;
    struct forking *forking = &real->forking;
    bool hurried = forking->hurried;
    struct link silent;
    list_init(&silent);
    list_splice(&silent, &forking->untold);
    forking->hurried = false;
    for (struct link *at; (at = list_shift(&silent));) {
        struct sys_process *process = container_of(at, struct sys_process, unseen);
        if (!hurried || process->hurried)
            report_untold(process);
        else
            list_push(&forking->untold, &process->unseen);
    }
    if (!list_empty(&forking->untold))
        (void)have_patience(real, PATIENCE_MS);
}

static void expect_news_of(struct sys_process *process)
{
    struct real *real = process->real;
    list_remove(&process->unseen);
    list_push(&real->forking.untold, &process->unseen);
    if (have_patience(real, real->forking.hurried ? 0 : PATIENCE_MS) < 0)
        report_untold(process);
}

static void pidfd_ready(void *arg, int events)
{
    (void)events;
    struct sys_process *process = arg;
    if (process->lost)
        report_untold(process);
    else
        expect_news_of(process);
}

static int watch_pidfd(struct sys_process *process)
{
    struct sys *sys = &process->real->sys;
    int rc = real_watch(sys, process->pidfd, pidfd_ready, process, &process->watch);
    return rc < 0 ? rc : real_watch_for(sys, process->watch, SYS_READABLE);
}

/* The server is gone. */
static void lose(struct sys_process *process)
{
    bool expected = !list_empty(&process->unseen);
    process->lost = true;
    if (process->reaped)
        return;
    (void)real_signal(&process->real->sys, process, SIGKILL); /* should it not have armed its own end yet */
    if (expected || !process->watch) /* that it has ended is known, or will never be */
        report_untold(process);
}

/* ---- news ------------------------------------------------------------------------------------------- */

/* Nobody waits for it any more, and so it does not live: its lifeline is closed. */
static void born(struct sys_process *process, pid_t pid, int pidfd)
{
    if (!process || process->reaped) {
        if (pidfd >= 0)
            close(pidfd);
        return;
    }
    process->pid = pid;
    process->pidfd = pidfd;
    list_remove(&process->unseen);
    if (pidfd >= 0)
        (void)watch_pidfd(process); /* without it, it takes the server to tell */
    if (process->pending)
        (void)real_signal(&process->real->sys, process, process->pending);
}

static void take_news(struct real *real, const struct fork_news *news, int pidfd)
{
    struct sys_process *process = map_get(&real->forking.processes, news->id);
    if (news->kind == FORK_BORN)
        born(process, news->pid, pidfd);
    else if (process && !process->reaped)
        report(process, (struct sys_exit){.status = news->status, .signal = news->signal, .error = news->error});
}

static void stop_listening(struct real *real)
{
    if (real->forking.reports)
        real_unwatch(&real->sys, real->forking.reports);
    real->forking.reports = NULL;
    if (real->forking.requests >= 0)
        close(real->forking.requests);
    real->forking.requests = -1;
}

static void lose_all(struct real *real)
{
    stop_listening(real);
    struct map *all = &real->forking.processes;
    for (size_t i = 0; i < all->room; i++)
        if (all->slots[i].key)
            lose(all->slots[i].value);
}

static void hear(void *arg, int events)
{
    (void)events;
    struct real *real = arg;
    struct fork_news news;
    int fds[FORK_MOST];
    size_t count;
    ssize_t size;
    while ((size = fork_receive(real->forking.requests, &news, sizeof news, fds, &count)) == sizeof news ||
           size == -EMFILE)
        take_news(real, &news, count > 0 ? fds[0] : -1);
    if (size == -EAGAIN)
        (void)real_watch_for(&real->sys, real->forking.reports, SYS_READABLE);
    else
        lose_all(real);
}

/* ---- orders ----------------------------------------------------------------------------------------- */

/* When there is no room the server is at work, or stopped. */
static int send_in_time(int to, const void *bytes, size_t size, const int *fds, size_t fd_count)
{
    struct pollfd room = {.fd = to, .events = POLLOUT};
    int rc;
    for (int ms = 0; ms < PATIENCE_MS; ms++) {
        rc = fork_send(to, bytes, size, fds, fd_count);
        if (rc == -EAGAIN)
            (void)poll(&room, 1, 1);
        else if (rc == -ETOOMANYREFS) /* descriptors under way; there is nothing to be told by */
            (void)poll(NULL, 0, 1);
        else
            return rc;
    }
    return rc;
}

static int connect_to_server(struct real *real)
{
    int pair[2], door = real_server(&real->sys);
    if (real->forking.requests >= 0)
        return 0;
    if (door < 0)
        return -ENOTCONN;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return -errno;
    int rc = send_in_time(door, "", 1, &pair[1], 1);
    close(pair[1]);
    real->forking.requests = pair[0];
    if (rc >= 0)
        rc = real_watch(&real->sys, pair[0], hear, real, &real->forking.reports);
    if (rc >= 0)
        rc = real_watch_for(&real->sys, real->forking.reports, SYS_READABLE);
    if (rc < 0)
        stop_listening(real);
    return rc;
}

static size_t size_of_texts(char **texts)
{
    size_t size = 0;
    for (; *texts; texts++)
        size += strlen(*texts) + 1;
    return size;
}

static int write_texts(int fd, char **texts)
{
    size_t size = size_of_texts(texts);
    char *all = malloc(size + 1), *at = all;
    if (!all)
        return -ENOMEM;
    for (; *texts; texts++) {
        size_t part = strlen(*texts) + 1;
        memcpy(at, *texts, part);
        at += part;
    }
    ssize_t written = write(fd, all, size);
    free(all);
    return written == (ssize_t)size ? 0 : -ENOMEM; /* it is a file in memory */
}

/* There is no limit to its size but memory: it goes as a file. */
static int environment_file(const struct sys_spawn *what)
{
    char **entries = real_new_environment(what, NULL);
    if (!entries)
        return -ENOMEM;
    int fd = real_memory_file("environment");
    int rc = fd < 0 ? fd : write_texts(fd, entries);
    free(entries);
    if (rc < 0 && fd >= 0)
        close(fd);
    return rc < 0 ? rc : fd;
}

/* What an order opens, to be closed when it is under way; -1 or a negative errno value for what is not. */
enum { NOTHING, DIRECTORY, ENVIRONMENT, OPENED };

static int open_for(const struct sys_spawn *what, int ret_fds[OPENED])
{
    const char *directory = what->directory ? what->directory : ".";
    ret_fds[DIRECTORY] = ret_fds[ENVIRONMENT] = -1;
    if ((ret_fds[NOTHING] = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0 ||
        (ret_fds[DIRECTORY] = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
        return -errno;
    return ret_fds[ENVIRONMENT] = environment_file(what);
}

/* The program may have closed its own. */
static int standard_of(const struct sys_spawn *what, int i, int nothing)
{
    int fd = what->standard[i] == SYS_OURS ? i : what->standard[i];
    return fd >= 0 && fcntl(fd, F_GETFD) >= 0 ? fd : nothing;
}

static int order(struct real *real, const struct sys_spawn *what, uint64_t id)
{
    struct fork_order order = {.id = id, .keep_count = (uint32_t)what->keep_count};
    int opened[OPENED], fds[FORK_MOST];
    snprintf(order.birth, sizeof order.birth, "%s", what->birth);
    int rc = open_for(what, opened);
    for (int i = 0; i < FORK_DIRECTORY; i++)
        fds[FORK_STANDARD + i] = standard_of(what, i, opened[NOTHING]);
    fds[FORK_DIRECTORY] = opened[DIRECTORY];
    fds[FORK_ENVIRONMENT] = opened[ENVIRONMENT];
    for (size_t i = 0; i < what->keep_count; i++) {
        fds[FORK_KEEP + i] = what->keep[i];
        if (what->keep[i] == what->lifeline)
            order.lifeline = (uint32_t)i + 1;
    }
    if (rc >= 0)
        rc = send_in_time(real->forking.requests, &order, sizeof order, fds, FORK_KEEP + what->keep_count);
    for (int i = 0; i < OPENED; i++)
        if (opened[i] >= 0)
            close(opened[i]);
    return rc < 0 ? rc : 0;
}

int real_fork(struct real *real, const struct sys_spawn *what, struct sys_process *process)
{
    if (what->keep_count > SYS_KEEP_MOST)
        return -E2BIG;
    int rc = connect_to_server(real);
    if (rc < 0)
        return rc;
    uint64_t id = ++real->forking.last_id;
    rc = map_put(&real->forking.processes, id, process);
    if (rc < 0)
        return rc;
    process->id = id;
    return order(real, what, id);
}

/* ---- afterwards ------------------------------------------------------------------------------------- */

/* Who is to be killed and cannot be yet shall not be waited for longer than it takes to see that the server does
 * not answer; and whoever says so again does not want to wait at all. */
int real_signal_unborn(struct sys_process *process, int number)
{
    bool again = process->pending == SIGKILL;
    if (!again)
        process->pending = number;
    if (number != SIGKILL)
        return 0;
    process->hurried = process->real->forking.hurried = again;
    expect_news_of(process);
    return 0;
}

void real_forget_forked(struct sys_process *process)
{
    map_remove(&process->real->forking.processes, process->id);
}

void real_end_forking(struct real *real)
{
    stop_listening(real);
    map_fini(&real->forking.processes);
    if (real->forking.owns_server)
        real_end_server();
    real->forking.owns_server = false;
}

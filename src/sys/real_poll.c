/* Polling: one libuv loop a runtime, which keeps the time and the signals, and inside it one epoll set for
 * descriptors, one timer that ends a poll.
 *
 * Descriptors are not watched by libuv itself, for two reasons. Its uv_poll_init makes a descriptor
 * non-blocking, and that flag belongs to the open file, which others may share: whoever sets it on its
 * standard input has set it for the shell too. And it tells the kernel of a descriptor only when the loop
 * turns, where one that was closed meanwhile ends the process; here the caller is told. The set is itself a
 * descriptor, readable when any in it has something to say, which is what libuv watches.
 *
 * The loop is never left running: `poll` turns it once. A watch is armed for one report and disarmed by it
 * (EPOLLONESHOT), so the code above decides each time what it still wants to know. The kernel may report a
 * watch that is gone, when the file it was for is still open under another number; so it is not told where
 * a watch lies, but only its number, which is never used again. */
#include "sys/real.h"

#include "base/panic.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000, A_DAY_MS = 24 * 60 * 60 * 1000, MOST_REPORTS = 128 };

struct sys_watch {
    uint64_t number;
    int fd;
    int wanted;                 /* events; 0 once reported or disarmed: what still comes is dropped */
    bool in_set;
    sys_ready_fn *ready;
    void *arg;
};

static void report(struct real *real, const struct epoll_event *event)
{
    struct sys_watch *watch = map_get(&real->watches, event->data.u64);
    if (!watch || !watch->wanted)
        return;
    int ready = (event->events & EPOLLIN ? SYS_READABLE : 0) | (event->events & EPOLLOUT ? SYS_WRITABLE : 0);
    if (event->events & (EPOLLERR | EPOLLHUP))
        ready = SYS_READABLE | SYS_WRITABLE; /* whoever reads or writes now learns what is wrong */
    watch->wanted = 0;
    watch->ready(watch->arg, ready);
}

static void on_descriptors(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct real *real = poll->data;
    struct epoll_event found[MOST_REPORTS];
    int count;
    do {
        count = epoll_wait(real->descriptors, found, MOST_REPORTS, 0);
        for (int i = 0; i < count; i++)
            report(real, &found[i]);
    } while (count == MOST_REPORTS);
}

/* The loop looks at its timers before it waits, too: one that rings there must keep it from waiting, or it
 * waits without a limit. */
static void alarm_rang(uv_timer_t *alarm)
{
    ((struct real *)alarm->data)->rang = true;
    uv_stop(alarm->loop);
}

static int watch_descriptors(struct real *real)
{
    int rc = uv_poll_init(&real->loop, &real->any_descriptor, real->descriptors);
    if (rc < 0)
        return rc;
    real->any_descriptor.data = real;
    return uv_poll_start(&real->any_descriptor, UV_READABLE, on_descriptors);
}

/* With its first loop libuv makes a pipe that it keeps, and where there is no room for that it aborts. So there
 * must be room for it, and for what the loop has got by then. */
static int find_room(void)
{
    enum { EPOLL_AND_PIPE = 3 };
    int fds[EPOLL_AND_PIPE], count = 0;
    while (count < EPOLL_AND_PIPE && (fds[count] = eventfd(0, EFD_CLOEXEC)) >= 0)
        count++;
    int rc = count < EPOLL_AND_PIPE ? -errno : 0;
    while (count > 0)
        close(fds[--count]);
    return rc;
}

/* Up to 1.50 a loop that cannot be had for want of descriptors keeps the one that it had got. */
static int init_loop(uv_loop_t *loop)
{
    enum { GIVES_BACK = 1 << 16 | 51 << 8 };
    int rc = find_room();
    if (rc < 0)
        return rc;
    rc = uv_loop_init(loop);
    if (rc < 0 && uv_version() < GIVES_BACK && uv_backend_fd(loop) >= 0)
        close(uv_backend_fd(loop));
    return rc;
}

int real_poll_start(struct real *real)
{
    real->descriptors = epoll_create1(EPOLL_CLOEXEC);
    if (real->descriptors < 0)
        return -errno;
    int rc = init_loop(&real->loop);
    if (rc < 0) {
        close(real->descriptors);
        return rc;
    }
    if ((rc = uv_timer_init(&real->loop, &real->alarm)) < 0 ||
        (rc = uv_timer_init(&real->loop, &real->ask)) < 0 || (rc = watch_descriptors(real)) < 0)
        real_poll_stop(real);
    return rc;
}

static void close_rest(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void real_poll_stop(struct real *real)
{
    uv_walk(&real->loop, close_rest, NULL);
    while (uv_run(&real->loop, UV_RUN_DEFAULT) != 0)
        continue;
    ensure(uv_loop_close(&real->loop) == 0);
    close(real->descriptors);
    map_fini(&real->watches);
}

int real_watch(struct sys *sys, int fd, sys_ready_fn *ready, void *arg, struct sys_watch **ret)
{
    struct real *real = real_of(sys);
    struct sys_watch *watch = malloc(sizeof *watch);
    if (!watch)
        return -ENOMEM;
    *watch = (struct sys_watch){++real->last_watch, fd, .ready = ready, .arg = arg};
    if (map_put(&real->watches, watch->number, watch) < 0) {
        free(watch);
        return -ENOMEM;
    }
    *ret = watch;
    return 0;
}

/* The number may be another file's by now, which the kernel does not know yet; or that of one that it
 * knows from before, since it was closed without a word and is back. */
static int tell_kernel(int set, const struct sys_watch *watch, struct epoll_event *event)
{
    int usual = watch->in_set ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int other = watch->in_set ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    int rc = epoll_ctl(set, usual, watch->fd, event);
    if (rc < 0 && (errno == ENOENT || errno == EEXIST))
        rc = epoll_ctl(set, other, watch->fd, event);
    return rc < 0 ? -errno : 0;
}

/* Disarming is left until there is something else to be told of: a report that comes first is dropped. */
int real_watch_for(struct sys *sys, struct sys_watch *watch, int events)
{
    struct epoll_event event = {.events = EPOLLONESHOT, .data.u64 = watch->number};
    if (events & SYS_READABLE)
        event.events |= EPOLLIN;
    if (events & SYS_WRITABLE)
        event.events |= EPOLLOUT;
    if (events && events != watch->wanted) {
        int rc = tell_kernel(real_of(sys)->descriptors, watch, &event);
        if (rc < 0)
            return rc;
        watch->in_set = true;
    }
    watch->wanted = events;
    return 0;
}

void real_unwatch(struct sys *sys, struct sys_watch *watch)
{
    struct real *real = real_of(sys);
    if (watch->in_set)
        (void)epoll_ctl(real->descriptors, EPOLL_CTL_DEL, watch->fd, NULL);
    map_remove(&real->watches, watch->number);
    free(watch);
}

bool real_poll(struct sys *sys, int64_t timeout_ns)
{
    struct real *real = real_of(sys);
    if (timeout_ns == 0) {
        uv_run(&real->loop, UV_RUN_NOWAIT);
        return true;
    }
    /* Rounded up: waking early would only mean going round once more. Without a limit a day does as
     * well, and keeps libuv from returning at once when nothing is watched. */
    int64_t ms = timeout_ns < 0 ? A_DAY_MS : (timeout_ns + NS_PER_MS - 1) / NS_PER_MS;
    if (ms > A_DAY_MS)
        ms = A_DAY_MS;
    uv_update_time(&real->loop);
    real->alarm.data = real;
    real->rang = false;
    uv_timer_start(&real->alarm, alarm_rang, (uint64_t)ms, 0);
    uv_run(&real->loop, UV_RUN_ONCE);
    uv_timer_stop(&real->alarm);
    return real->rang;
}

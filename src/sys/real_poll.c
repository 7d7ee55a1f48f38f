/* Polling: one epoll set a runtime, and in it, once something needs it, a libuv loop, for what libuv does for us:
 * signals and the bells of mailboxes.
 *
 * Descriptors are not watched by libuv itself, for three reasons. Its uv_poll_init makes a descriptor
 * non-blocking, and that flag belongs to the open file, which others may share: whoever sets it on its
 * standard input has set it for the shell too. And it tells the kernel of a descriptor only when the loop
 * turns, where one that was closed meanwhile ends the process; here the caller is told. And a loop takes six
 * descriptors and some twenty system calls, which most actors, living and dying without a signal or a thread,
 * need not pay; nor does anybody pay for a second wait each time something happens.
 *
 * A loop has a descriptor that is readable when it has something to do, which is in the set. It tells the kernel
 * what it waits for only when it turns; so whoever changes something about it says that it is `stirred`, and it is
 * turned before the next wait, which is none then, since nobody knows what that has brought about.
 *
 * A watch is armed for one report and disarmed by it, so the code above decides each time what it still wants to know.
 * For a program's own descriptors the kernel sees to that (EPOLLONESHOT), and so has to be told each time, and says if
 * one was closed. Ours, of which that is not to be feared, stay armed in the kernel until it reports what nobody wants
 * to know: who waits again when a report has been dealt with costs no system call. The kernel may report a watch that
 * is gone, when the file it was for is still open under another number; so it is not told where a watch lies, but only
 * its number, which is never used again.
 *
 * One look is told all there is: what it did not ask for would be told by a second one, among what the first has told
 * already, and that would pass for what nobody wants to know. So there is room for a report of each watch. */
#include "sys/real.h"

#include "base/panic.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000, A_DAY_MS = 24 * 60 * 60 * 1000, FIRST_ROOM = 16 };

enum { THE_LOOP = 0 };          /* the number of no watch */

struct sys_watch {
    uint64_t number;
    int fd;
    int wanted;                 /* events; 0 once reported or disarmed: what still comes is dropped */
    int armed;                  /* what the kernel reports */
    bool in_set;
    sys_ready_fn *ready;
    void *arg;
};

/* The number may be another file's by now, which the kernel does not know yet; or that of one that it
 * knows from before, since it was closed without a word and is back. */
static int tell_kernel(int set, struct sys_watch *watch, int events)
{
    struct epoll_event event = {.data.u64 = watch->number};
    event.events = (events & SYS_LASTING ? 0u : EPOLLONESHOT) | (events & SYS_READABLE ? EPOLLIN : 0u) |
                   (events & SYS_WRITABLE ? EPOLLOUT : 0u);
    int usual = watch->in_set ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int other = watch->in_set ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    int rc = epoll_ctl(set, usual, watch->fd, &event);
    if (rc < 0 && (errno == ENOENT || errno == EEXIST))
        rc = epoll_ctl(set, other, watch->fd, &event);
    if (rc < 0)
        return -errno;
    watch->in_set = true;
    watch->armed = events;
    return 0;
}

/* Out of the set: errors and ends would be reported again and again, whatever it is armed for. */
static void forget(int set, struct sys_watch *watch)
{
    if (watch->in_set)
        (void)epoll_ctl(set, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->in_set = false;
    watch->armed = 0;
}

/* What nobody wants to know of is not to be reported again. Whether somebody waits whom the kernel refuses to watch
 * for. */
static bool calm(struct real *real, struct sys_watch *watch)
{
    if (watch->wanted && tell_kernel(real->descriptors, watch, watch->wanted) >= 0)
        return false;
    forget(real->descriptors, watch);
    return watch->wanted != 0;
}

static void report(struct real *real, const struct epoll_event *event)
{
    struct sys_watch *watch = map_get(&real->watches, event->data.u64);
    if (!watch)
        return;
    bool ours = watch->armed & SYS_LASTING;
    int ready = (event->events & EPOLLIN ? SYS_READABLE : 0) | (event->events & EPOLLOUT ? SYS_WRITABLE : 0);
    if (event->events & (EPOLLERR | EPOLLHUP))
        ready = SYS_READABLE | SYS_WRITABLE; /* whoever reads or writes now learns what is wrong */
    if (!ours)
        watch->armed = 0;
    if (!(watch->wanted & ready) && ours && calm(real, watch))
        ready = watch->wanted & (SYS_READABLE | SYS_WRITABLE); /* who tries, and waits again, is told why not */
    if (watch->wanted & ready) {
        watch->wanted = 0;
        watch->ready(watch->arg, ready);
    }
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

static void close_rest(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void end_loop(uv_loop_t *loop)
{
    uv_walk(loop, close_rest, NULL);
    while (uv_run(loop, UV_RUN_DEFAULT) != 0)
        continue;
    ensure(uv_loop_close(loop) == 0);
}

static void never(uv_timer_t *timer)
{
    (void)timer;
}

/* A loop in which nothing is active does not look at what it has to do, as the end of a signal that was let go. */
static int keep_active(struct real *real)
{
    int rc = uv_timer_init(&real->loop, &real->active);
    return rc < 0 ? rc : uv_timer_start(&real->active, never, UINT64_MAX, 0);
}

int real_loop(struct real *real, uv_loop_t **ret)
{
    real->stirred = true;
    *ret = &real->loop;
    if (real->has_loop) {
        uv_update_time(&real->loop); /* timers start from then */
        return 0;
    }
    int rc = init_loop(&real->loop);
    if (rc < 0)
        return rc;
    struct epoll_event news = {.events = EPOLLIN, .data.u64 = THE_LOOP};
    if (epoll_ctl(real->descriptors, EPOLL_CTL_ADD, uv_backend_fd(&real->loop), &news) < 0)
        rc = -errno;
    if (rc >= 0)
        rc = keep_active(real);
    if (rc < 0)
        end_loop(&real->loop);
    real->has_loop = rc >= 0;
    return rc;
}

/* For that many more watches, and the loop. */
static int make_room(struct real *real, size_t more)
{
    size_t needed = real->watches.count + more + 1, room = real->room ? real->room : FIRST_ROOM;
    while (room < needed)
        room *= 2;
    if (room == real->room)
        return 0;
    struct epoll_event *larger = realloc(real->reports, room * sizeof *larger);
    if (!larger)
        return -ENOMEM;
    real->reports = larger;
    real->room = room;
    return 0;
}

int real_poll_start(struct real *real)
{
    int rc = make_room(real, 0);
    if (rc < 0)
        return rc;
    real->descriptors = epoll_create1(EPOLL_CLOEXEC);
    if (real->descriptors >= 0)
        return 0;
    rc = -errno;
    free(real->reports);
    return rc;
}

void real_poll_stop(struct real *real)
{
    if (real->has_loop)
        end_loop(&real->loop);
    close(real->descriptors);
    map_fini(&real->watches);
    free(real->reports);
}

int real_watch(struct sys *sys, int fd, sys_ready_fn *ready, void *arg, struct sys_watch **ret)
{
    struct real *real = real_of(sys);
    struct sys_watch *watch = make_room(real, 1) < 0 ? NULL : malloc(sizeof *watch);
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

/* Disarming is left until there is something else to be told of: a report that comes first is dropped. */
int real_watch_for(struct sys *sys, struct sys_watch *watch, int events)
{
    bool told = events & SYS_LASTING ? !(events & ~watch->armed) : !events || events == watch->armed;
    int rc = told ? 0 : tell_kernel(real_of(sys)->descriptors, watch, events);
    if (rc >= 0)
        watch->wanted = events;
    return rc;
}

void real_unwatch(struct sys *sys, struct sys_watch *watch)
{
    struct real *real = real_of(sys);
    forget(real->descriptors, watch);
    map_remove(&real->watches, watch->number);
    free(watch);
}

/* The loop may have timers; what is left until the next. */
static int sooner(struct real *real, int ms)
{
    if (!real->has_loop)
        return ms;
    uv_update_time(&real->loop);
    int left = uv_backend_timeout(&real->loop);
    return left >= 0 && left < ms ? left : ms;
}

/* Rounded up: waking early would only mean going round once more. Without a limit a day does as well. */
static int milliseconds(int64_t ns)
{
    int64_t ms = ns < 0 ? A_DAY_MS : (ns + NS_PER_MS - 1) / NS_PER_MS;
    return ms > A_DAY_MS ? A_DAY_MS : (int)ms;
}

/* Whether it was turned, or anything else was looked at that did not have to be waited for. */
static bool look_inside(struct real *real)
{
    bool stirred = real->stirred && real->has_loop, unseen = real->ask_soon;
    real->stirred = real->ask_soon = false;
    if (stirred)
        uv_run(&real->loop, UV_RUN_NOWAIT);
    if (unseen)
        real_ask_unseen(real);
    return stirred || unseen;
}

/* Returns how many there were; negative if a signal came first. Who is told may watch something else, and so the
 * reports may move. */
static int report_all(struct real *real, int ms)
{
    bool loop_has_news = false;
    int count = epoll_wait(real->descriptors, real->reports, (int)real->room, ms);
    for (int i = 0; i < count; i++) {
        const struct epoll_event found = real->reports[i];
        if (found.data.u64 == THE_LOOP)
            loop_has_news = true;
        else
            report(real, &found);
    }
    if (loop_has_news)
        uv_run(&real->loop, UV_RUN_NOWAIT);
    return count;
}

bool real_poll(struct sys *sys, int64_t timeout_ns)
{
    struct real *real = real_of(sys);
    bool waits = !look_inside(real) && timeout_ns != 0;
    int wanted = waits ? milliseconds(timeout_ns) : 0, ms = sooner(real, wanted);
    int count = report_all(real, ms);
    if (count == 0 && ms < wanted)
        uv_run(&real->loop, UV_RUN_NOWAIT);
    return timeout_ns == 0 || (waits && count == 0 && ms == wanted);
}

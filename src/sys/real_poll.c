/* Polling with libuv: one loop a runtime, one uv_poll_t a descriptor, one timer that ends a poll.
 *
 * The loop is never left running: `poll` turns it once. A watch is armed for one report and disarmed
 * before it is delivered, so the code above decides each time what it still wants to know. libuv frees
 * nothing before its close callback has run, one turn later, which is why a watch frees itself. */
#include "sys/real.h"

#include "base/panic.h"

#include <stdlib.h>

enum { NS_PER_MS = 1000000, A_DAY_MS = 24 * 60 * 60 * 1000 };

struct sys_watch {
    uv_poll_t poll;
    sys_ready_fn *ready;
    void *arg;
};

static void alarm_rang(uv_timer_t *alarm)
{
    (void)alarm; /* that the loop turned is all that was wanted */
}

int real_poll_start(struct real *real)
{
    int rc = uv_loop_init(&real->loop);
    if (rc < 0 || (rc = uv_timer_init(&real->loop, &real->alarm)) < 0)
        return rc;
    return uv_timer_init(&real->loop, &real->ask);
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
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct sys_watch *watch = poll->data;
    uv_poll_stop(poll);
    int ready = (events & UV_READABLE ? SYS_READABLE : 0) | (events & UV_WRITABLE ? SYS_WRITABLE : 0);
    if (status < 0)
        ready = SYS_READABLE | SYS_WRITABLE; /* whoever reads or writes now learns what is wrong */
    watch->ready(watch->arg, ready);
}

int real_watch(struct sys *sys, int fd, sys_ready_fn *ready, void *arg, struct sys_watch **ret)
{
    struct sys_watch *watch = malloc(sizeof *watch);
    if (!watch)
        return UV_ENOMEM;
    int rc = uv_poll_init(&real_of(sys)->loop, &watch->poll, fd);
    if (rc < 0) {
        free(watch);
        return rc;
    }
    watch->poll.data = watch;
    watch->ready = ready;
    watch->arg = arg;
    *ret = watch;
    return 0;
}

int real_watch_for(struct sys *sys, struct sys_watch *watch, int events)
{
    (void)sys;
    if (!events)
        return uv_poll_stop(&watch->poll);
    return uv_poll_start(&watch->poll,
                         (events & SYS_READABLE ? UV_READABLE : 0) |
                             (events & SYS_WRITABLE ? UV_WRITABLE : 0),
                         on_poll);
}

static void free_watch(uv_handle_t *handle)
{
    free(handle->data);
}

void real_unwatch(struct sys *sys, struct sys_watch *watch)
{
    (void)sys;
    uv_close((uv_handle_t *)&watch->poll, free_watch);
}

void real_poll(struct sys *sys, int64_t timeout_ns)
{
    struct real *real = real_of(sys);
    if (timeout_ns == 0) {
        uv_run(&real->loop, UV_RUN_NOWAIT);
        return;
    }
    /* Rounded up: waking early would only mean going round once more. Without a limit a day does as
     * well, and keeps libuv from returning at once when nothing is watched. */
    int64_t ms = timeout_ns < 0 ? A_DAY_MS : (timeout_ns + NS_PER_MS - 1) / NS_PER_MS;
    if (ms > A_DAY_MS)
        ms = A_DAY_MS;
    uv_update_time(&real->loop);
    uv_timer_start(&real->alarm, alarm_rang, (uint64_t)ms, 0);
    uv_run(&real->loop, UV_RUN_ONCE);
    uv_timer_stop(&real->alarm);
}

/* Signals, by libuv, whose handler writes into a pipe that the loop reads.
 *
 * What a signal did before belongs to the whole process, and libuv leaves the default behind instead. So it
 * is kept here, by the first who catches the signal, of however many runs on however many threads, and put
 * back by the last; unless libuv still has its handler there for somebody we do not know of. A signal that
 * is already in the pipe when it is let go will not be delivered, which libuv's two counters tell. */
#include "sys/real.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct sys_catch {
    uv_signal_t signal;
    int number;
    sys_caught_fn *caught;
    void *arg;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
    unsigned users;
    struct sigaction before;
    void (*ours)(int number);   /* libuv's handler */
} dispositions[NSIG];

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    struct sys_catch *it = signal->data;
    it->caught(it->arg);
}

static void free_catch(uv_handle_t *handle)
{
    free(handle->data);
}

/* If libuv was there before, for somebody else, then there is nothing to put back. */
static int start(struct sys_catch *it)
{
    struct sigaction before, ours;
    sigaction(it->number, NULL, &before);
    int rc = uv_signal_start(&it->signal, on_signal, it->number);
    if (rc < 0 || dispositions[it->number].users++ > 0)
        return rc;
    sigaction(it->number, NULL, &ours);
    if (before.sa_handler == ours.sa_handler)
        before = (struct sigaction){.sa_handler = SIG_DFL};
    dispositions[it->number].before = before;
    dispositions[it->number].ours = ours.sa_handler;
    return 0;
}

int real_catch_signal(struct sys *sys, int number, sys_caught_fn *caught, void *arg, struct sys_catch **ret)
{
    if (number < 1 || number >= NSIG)
        return -EINVAL;
    struct sys_catch *it = malloc(sizeof *it);
    if (!it)
        return -ENOMEM;
    it->number = number;
    it->caught = caught;
    it->arg = arg;
    uv_loop_t *loop;
    int rc = real_loop(real_of(sys), &loop);
    if (rc >= 0)
        rc = uv_signal_init(loop, &it->signal);
    if (rc < 0) {
        free(it);
        return rc;
    }
    it->signal.data = it;
    pthread_mutex_lock(&lock);
    rc = start(it);
    pthread_mutex_unlock(&lock);
    if (rc < 0)
        uv_close((uv_handle_t *)&it->signal, free_catch);
    else
        *ret = it;
    return rc;
}

static void stop(struct sys_catch *it)
{
    struct sigaction current, now;
    sigaction(it->number, NULL, &current);
    uv_signal_stop(&it->signal);
    if (--dispositions[it->number].users > 0)
        return;
    sigaction(it->number, NULL, &now);
    if (current.sa_handler != dispositions[it->number].ours)
        sigaction(it->number, &current, NULL); /* the program has put its own there meanwhile */
    else if (now.sa_handler == SIG_DFL)
        sigaction(it->number, &dispositions[it->number].before, NULL);
}

/* Between libuv's handler and the former one stands the default for a moment. So the signal is blocked here,
 * or it could kill us; in other threads nobody can block it from outside, and there it may. */
int real_let_signal_go(struct sys *sys, struct sys_catch *it)
{
    real_of(sys)->stirred = true;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pthread_mutex_lock(&lock);
    stop(it);
    pthread_mutex_unlock(&lock);
    int untold = it->signal.caught_signals != it->signal.dispatched_signals;
    uv_close((uv_handle_t *)&it->signal, free_catch);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return untold;
}

/* Where this thread blocks it, as workers do, it is another's: left to this one it would wait for ever. */
void real_raise_signal(struct sys *sys, int number)
{
    (void)sys;
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    if (sigismember(&blocked, number))
        kill(getpid(), number);
    else
        raise(number);
}

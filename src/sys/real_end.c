/* An end that somebody asks for from outside: by Ctrl-C, or SIGTERM.
 *
 *     heeded --> one comes: told, and all back to default --> let go --> exit(128 + its number): death by it
 *                                |
 *                                +--> a second comes: the kernel ends us, and with us our children
 *
 * The kernel itself takes the handler away as it calls it (SA_RESETHAND), and the handler takes away the other
 * signal's: so a second one ends a process that computes for ever, and one whose poller is never asked again.
 * Only what would end the process now is heeded. What is ignored, as by nohup, stays so; a program's own
 * handler stays, one that it installs later replaces ours, and ours is what tr_signals puts back.
 *
 * How a process died is the only thing its parent can tell: a shell that runs a script stops at a Ctrl-C if
 * the command has died of it, and goes on if it exited, with whatever status. On the other hand main may have
 * work to do behind tr_main, and the program handlers for its exit. So the death is the last of these: of a
 * process that exits with the status that a shell would show for it. */
#include "sys/real.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const int asking[] = {SIGTERM, SIGINT};
enum { ASKING = sizeof asking / sizeof *asking, SHELLS_OFFSET = 128 };

/* There is one actor in a process. */
static struct {
    volatile sig_atomic_t came, bell, owner;
    int pipe[2];
    struct sys_watch *watch;
    sys_asked_fn *told;
    void *arg;
    int dies_of;
} end;

static void asked(int number);

static void back_to_default(void)
{
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    struct sigaction now;
    for (int i = 0; i < ASKING; i++)
        if (sigaction(asking[i], NULL, &now) == 0 && now.sa_handler == asked)
            (void)sigaction(asking[i], &usual, NULL);
}

/* A signal handler. In a process that was forked from here and is no actor it does nothing for us. */
static void asked(int number)
{
    int before = errno;
    back_to_default();
    if (getpid() == end.owner) {
        end.came = number;
        (void)!write(end.bell, "", 1);
    } else {
        raise(number);
    }
    errno = before;
}

static void bell_rang(void *arg, int events)
{
    (void)arg;
    (void)events;
    end.told(end.arg, end.came);
}

static void heed(int number)
{
    struct sigaction now, ours = {.sa_handler = asked, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigfillset(&ours.sa_mask);
    if (sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        (void)sigaction(number, &ours, NULL);
}

int real_heed_end(struct sys *sys, bool is_root, sys_asked_fn *told, void *arg)
{
    int rc = real_pipe(sys, end.pipe);
    if (rc < 0)
        return rc;
    rc = real_watch(sys, end.pipe[0], bell_rang, NULL, &end.watch);
    if (rc >= 0)
        rc = real_watch_for(sys, end.watch, SYS_READABLE);
    if (rc < 0) {
        if (end.watch)
            real_unwatch(sys, end.watch);
        end.watch = NULL;
        real_close(sys, end.pipe[0]);
        real_close(sys, end.pipe[1]);
        return rc;
    }
    end.told = told;
    end.arg = arg;
    end.came = 0;
    end.bell = end.pipe[1];
    end.owner = getpid();
    heed(SIGTERM);
    if (is_root)
        heed(SIGINT);
    return 0;
}

int real_unheed_end(struct sys *sys)
{
    back_to_default();
    real_unwatch(sys, end.watch);
    end.watch = NULL;
    real_close(sys, end.pipe[0]);
    real_close(sys, end.pipe[1]);
    end.dies_of = end.came;
    return end.came;
}

/* ---- exits ------------------------------------------------------------------------------------------- */

/* Whose thread and process it is: there may be others, forked ones for instance. */
static struct {
    bool registered;
    void (*fn)(void *arg);
    void *arg;
    const struct sys *sys;
    pid_t owner;
} leaving;

static void leave(void)
{
    void (*fn)(void *) = leaving.fn;
    if (!fn || !runtime || runtime->sys != leaving.sys || getpid() != leaving.owner)
        return;
    leaving.fn = NULL;
    fn(leaving.arg);
}

int real_at_exit(struct sys *sys, void (*fn)(void *arg), void *arg)
{
    if (fn && !leaving.registered && atexit(leave) != 0)
        return -ENOMEM;
    leaving.registered |= fn != NULL;
    leaving.fn = fn;
    leaving.arg = arg;
    leaving.sys = sys;
    leaving.owner = getpid();
    return 0;
}

/* The last of all exit handlers, since it is the first that was registered. */
static void die_of_it(int status, void *arg)
{
    (void)arg;
    sigset_t it;
    if (!end.dies_of || status != SHELLS_OFFSET + end.dies_of)
        return;
    fflush(NULL);
    signal(end.dies_of, SIG_DFL);
    sigemptyset(&it);
    sigaddset(&it, end.dies_of);
    pthread_sigmask(SIG_UNBLOCK, &it, NULL);
    raise(end.dies_of);
}

__attribute__((constructor)) static void come_last(void)
{
    (void)on_exit(die_of_it, NULL); /* without it, an exit with that status */
}

/* The console: standard error, and the time and number of this process as it says them.
 *
 * A text is one write, so that those of many processes do not mix: the kernel does not tear what goes into a pipe
 * and is not longer than 4096 bytes, nor what is appended to a file. Nothing that befalls it is an error of the
 * program's: a reader that is gone (no SIGPIPE, then), a full disk, a file that may not grow (nor SIGXFSZ), a
 * descriptor that would have to wait and may not. What was not written is lost. */
#include "sys/real.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- standard error ------------------------------------------------------------------------------------- */

static void write_out(const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDERR_FILENO, text, size);
        if (written < 0 && errno != EINTR)
            return;
        if (written > 0) {
            text += written;
            size -= (size_t)written;
        }
    }
}

static void what_writing_raises(sigset_t *ret)
{
    sigemptyset(ret);
    sigaddset(ret, SIGPIPE);
    sigaddset(ret, SIGXFSZ);
}

/* What was raised is taken back, but for what was pending before: that is not ours. */
static void unraise(const sigset_t *raised, const sigset_t *pending_before)
{
    static const struct timespec at_once = {0, 0};
    sigset_t ours = *raised;
    if (sigismember(pending_before, SIGPIPE))
        sigdelset(&ours, SIGPIPE);
    if (sigismember(pending_before, SIGXFSZ))
        sigdelset(&ours, SIGXFSZ);
    while (sigtimedwait(&ours, NULL, &at_once) > 0 || errno == EINTR)
        continue;
}

void sys_real_print_error(const char *text, size_t size)
{
    sigset_t raised, before, pending;
    int error = errno;
    what_writing_raises(&raised);
    pthread_sigmask(SIG_BLOCK, &raised, &before);
    sigpending(&pending);
    errno = 0;
    write_out(text, size);
    if (errno == EPIPE || errno == EFBIG)
        unraise(&raised, &pending);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
}

void real_print_error(struct sys *sys, const char *text, size_t size)
{
    (void)sys;
    sys_real_print_error(text, size);
}

/* https://no-color.org */
bool sys_real_coloured(void)
{
    const char *refused = getenv("NO_COLOR"), *term = getenv("TERM");
    int error = errno;
    bool coloured = !(refused && refused[0]) && !(term && strcmp(term, "dumb") == 0) && isatty(STDERR_FILENO);
    errno = error;
    return coloured;
}

bool real_coloured(struct sys *sys)
{
    (void)sys;
    return sys_real_coloured();
}

int64_t sys_real_wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t real_wall(struct sys *sys)
{
    (void)sys;
    return sys_real_wall();
}

int sys_real_pid(void)
{
    return getpid();
}

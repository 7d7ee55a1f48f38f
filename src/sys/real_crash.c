/* What a dying process says of it, to its parent, by the pipe it was given: sys/crash.h has its form.
 *
 * A failed assert() of the C library calls __assert_fail, which this library defines in front of the
 * C library's: it prints the same line, aborts in the same way, and in between tells which expression failed
 * where. Signals that mean a fault, and abort(), are caught in actors, unless the program catches them itself:
 * the handler tells what it was and where, and lets the process die as if nobody had asked. So nothing can
 * save it, and if the handler itself faults, the signal is blocked and the kernel ends the process. What is
 * known is written first, and the backtrace after it, which may be what fails.
 *
 * A handler may use nothing that the interrupted code may hold: no memory of the C library, no stdio. The
 * unwinder and the lists of the dynamic linker are safe (sys/real_trace.c). In a process without such a pipe
 * nothing changes, but that a task which outgrows its stack is named. */
#include "sys/real.h"

#include "base/error.h"
#include "base/runtime.h"

#include "sys/crash.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- last words ------------------------------------------------------------------------------------------ */

/* Properties of the process, like its standard streams: an assertion fails in no runtime in particular. A
 * process that was forked off is not the one that is asked about. */
static int crash_fd = -1;
static pid_t crash_pid;
static size_t crash_left;          /* what the pipe surely takes */
static atomic_flag said_what = ATOMIC_FLAG_INIT, said_where = ATOMIC_FLAG_INIT;

static void say(const char *text)
{
    size_t size = strlen(text) + 1;
    if (size > crash_left)
        return;
    crash_left -= size;
    while (write(crash_fd, text, size) < 0 && errno == EINTR)
        continue;
}

static bool may_say(atomic_flag *said)
{
    return crash_fd >= 0 && getpid() == crash_pid && !atomic_flag_test_and_set(said);
}

/* Appends a text and its final zero, cut to what fits. */
static size_t add_text(char *words, size_t used, const char *text)
{
    size_t room = CRASH_ROOM / 2 - used;
    if (room == 0)
        return used;
    int size = snprintf(words + used, room, "%s", text);
    return used + ((size_t)size < room ? (size_t)size + 1 : room);
}

void real_last_words(struct sys *sys, const char *type, const char *message, const char *file, int line)
{
    (void)sys;
    if (!may_say(&said_what))
        return;
    static char words[CRASH_ROOM / 2]; /* static: a stack that may be at its end is no place for this */
    char number[16];
    snprintf(number, sizeof number, "%d", line);
    const char *const texts[CRASH_TEXTS] = {
        [CRASH_TYPE] = type, [CRASH_MESSAGE] = message, [CRASH_FILE] = file, [CRASH_LINE] = number};
    size_t used = 0;
    for (size_t i = 0; i < CRASH_TEXTS; i++)
        used = add_text(words, used, texts[i]);
    crash_left -= used;
    while (write(crash_fd, words, used) < 0 && errno == EINTR)
        continue;
}

/* One after the other, since finding the next one may be the end. */
static void say_where(void *const *addresses, size_t count)
{
    if (!may_say(&said_where))
        return;
    for (size_t i = 0; i < count; i++) {
        char text[512];
        real_trace_locate(NULL, addresses[i], text, sizeof text);
        say(text);
    }
}

/* ---- signals ----------------------------------------------------------------------------------------------- */

static sys_overflow_fn *_Atomic which_overflow; /* the same for all runs; set by each, on its thread */

static const char *current_task(void)
{
    return runtime && runtime->front->name ? runtime->front->name : "none";
}

static const char *why(const siginfo_t *info)
{
    if (info->si_signo == SIGSEGV && info->si_code == SEGV_MAPERR)
        return ", where nothing is mapped";
    if (info->si_signo == SIGSEGV && info->si_code == SEGV_ACCERR)
        return ", which does not allow it";
    if (info->si_signo == SIGBUS && info->si_code == BUS_ADRERR)
        return ", which is beyond the end of a file";
    return "";
}

static void describe_fault(const siginfo_t *info, char *ret_text, size_t room)
{
    if (info->si_code <= 0)
        snprintf(ret_text, room, "raised by the process itself, in task %s", current_task());
    else if (info->si_code == SI_KERNEL)
        snprintf(ret_text, room, "use of an address that cannot be, in task %s", current_task());
    else if (info->si_signo == SIGFPE && info->si_code == FPE_INTDIV)
        snprintf(ret_text, room, "division by zero, in task %s", current_task());
    else if (info->si_signo == SIGSEGV || info->si_signo == SIGBUS)
        snprintf(ret_text, room, "use of address %p%s, in task %s", info->si_addr, why(info), current_task());
    else
        snprintf(ret_text, room, "code %d, in task %s", info->si_code, current_task());
}

static bool is_overflow(const siginfo_t *info, char *ret_text, size_t room)
{
    return info->si_signo == SIGSEGV && info->si_code > 0 && runtime && which_overflow &&
           which_overflow(info->si_addr, ret_text, room);
}

static void say_signal(const siginfo_t *info)
{
    char text[256], type[32];
    snprintf(type, sizeof type, "SIG%s", sigabbrev_np(info->si_signo));
    if (is_overflow(info, text, sizeof text)) {
        char line[300];
        int size = snprintf(line, sizeof line, "libtractor: %s\n", text);
        (void)!write(STDERR_FILENO, line, (size_t)size);
        real_last_words(NULL, "StackOverflow", text, "", 0);
        return;
    }
    describe_fault(info, text, sizeof text);
    real_last_words(NULL, type, text, "", 0);
}

/* Says what it was, and lets the instruction fault once more, now as if nobody had asked. A signal that
 * was sent would not come again by itself; of one that others sent there is nothing to say. */
static void fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    void *addresses[ERROR_FRAMES];
    signal(number, SIG_DFL);
    bool sent = info->si_code <= 0;
    if (sent)
        (void)raise(number); /* blocked now, and delivered when this returns */
    if (sent && info->si_pid != getpid())
        return;
    say_signal(info);
    if (crash_fd >= 0)
        say_where(addresses, real_trace_from(NULL, addresses, ERROR_FRAMES));
}

static void catch_fault(int number)
{
    struct sigaction now, ours = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    if (sigaction(number, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL)
        (void)sigaction(number, &ours, NULL);
}

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };            /* AddressSanitizer says more of a fault than we could */
#else
enum { SANITIZED = 0 };
#endif

void real_crash_to(struct sys *sys, int fd)
{
    (void)sys;
    crash_fd = fd;
    crash_pid = getpid();
    crash_left = CRASH_ROOM;
    atomic_flag_clear(&said_what); /* a process that is made from another one by fork() may have its flags */
    atomic_flag_clear(&said_where);
    catch_fault(SIGABRT);
    if (SANITIZED)
        return;
    catch_fault(SIGSEGV);
    catch_fault(SIGBUS);
    catch_fault(SIGFPE);
    catch_fault(SIGILL);
}

/* ---- a task's stack that is not enough ---------------------------------------------------------------- */

enum { SIGNAL_STACK = 64 * 1024 };

static void give_signal_stack(struct real *real)
{
    stack_t now;
    if (real->signal_stack || sigaltstack(NULL, &now) < 0 || !(now.ss_flags & SS_DISABLE))
        return;
    if (!(real->signal_stack = malloc(SIGNAL_STACK)))
        return;
    stack_t ours = {.ss_sp = real->signal_stack, .ss_size = SIGNAL_STACK};
    (void)sigaltstack(&ours, NULL);
}

void real_name_overflow(struct sys *sys, sys_overflow_fn *which)
{
    if (SANITIZED)
        return;
    give_signal_stack(real_of(sys));
    which_overflow = which;
    catch_fault(SIGSEGV);
}

void real_forget_overflow(struct real *real)
{
    stack_t none = {.ss_flags = SS_DISABLE};
    if (real->signal_stack)
        (void)sigaltstack(&none, NULL);
    free(real->signal_stack);
    real->signal_stack = NULL;
}

TR_API _Noreturn void __assert_fail(const char *expression, const char *file, unsigned line,
                                    const char *function)
{
    fflush(stdout); /* what the program said before comes out before */
    fprintf(stderr, "%s: %s:%u: %s: Assertion `%s' failed.\n", program_invocation_short_name, file,
            line, function ? function : "?", expression);
    void *addresses[ERROR_FRAMES];
    real_last_words(NULL, "AssertionError", expression, file, (int)line);
    if (crash_fd >= 0)
        say_where(addresses, real_trace_from(__builtin_return_address(0), addresses, ERROR_FRAMES));
    abort();
}

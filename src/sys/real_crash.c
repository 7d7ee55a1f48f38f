/* Where the code is, and what a dying process says of it.
 *
 * A failed assert() of the C library calls __assert_fail, which this library defines in front of the
 * C library's: it prints the same line, aborts in the same way, and in between tells the parent, by the
 * pipe it was given, which expression failed where. In a process without such a pipe nothing changes. */
#include "sys/real.h"

#include "base/runtime.h"

#include "sys/crash.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A property of the process, like its standard streams: an assertion fails in no runtime in particular. */
static int crash_fd = -1;

void real_crash_to(struct sys *sys, int fd)
{
    (void)sys;
    crash_fd = fd;
}

enum { OURS = 3 }; /* this function, the hook that called it, and error_new: of no interest */

size_t real_trace(struct sys *sys, void **ret_addresses, size_t room)
{
    (void)sys;
    void *addresses[64];
    size_t want = room + OURS < 64 ? room + OURS : 64;
    int got = backtrace(addresses, (int)want);
    size_t count = got > OURS ? (size_t)got - OURS : 0;
    memcpy(ret_addresses, addresses + OURS, count * sizeof *addresses);
    return count;
}

void real_trace_text(struct sys *sys, const void *address, char *ret_text, size_t room)
{
    (void)sys;
    Dl_info info;
    const char *call = (const char *)address - 1; /* the call, not where it returns to */
    if (!dladdr(call, &info) || !info.dli_fname) {
        snprintf(ret_text, room, "%p", address);
        return;
    }
    const char *slash = strrchr(info.dli_fname, '/');
    const char *module = slash ? slash + 1 : info.dli_fname;
    size_t offset = (size_t)(call - (const char *)info.dli_fbase);
    if (info.dli_sname)
        snprintf(ret_text, room, "%s+0x%zx (%s+0x%zx)", module, offset, info.dli_sname,
                 (size_t)(call - (const char *)info.dli_saddr));
    else
        snprintf(ret_text, room, "%s+0x%zx", module, offset);
}

/* Appends a text and its final zero, cut to what fits. */
static size_t add_text(char *words, size_t used, const char *text)
{
    size_t room = CRASH_ROOM - used;
    if (room == 0)
        return used;
    int size = snprintf(words + used, room, "%s", text);
    return used + ((size_t)size < room ? (size_t)size + 1 : room);
}

void real_last_words(struct sys *sys, const char *type, const char *message, const char *file, int line)
{
    (void)sys;
    if (crash_fd < 0)
        return;
    static char words[CRASH_ROOM]; /* static: a stack that may be at its end is no place for this */
    char number[16];
    snprintf(number, sizeof number, "%d", line);
    const char *const texts[CRASH_TEXTS] = {
        [CRASH_TYPE] = type, [CRASH_MESSAGE] = message, [CRASH_FILE] = file, [CRASH_LINE] = number};
    size_t used = 0;
    for (size_t i = 0; i < CRASH_TEXTS; i++)
        used = add_text(words, used, texts[i]);
    void *addresses[16];
    size_t count = file[0] ? real_trace(NULL, addresses, 16) : 0; /* a place that has no file has no stack */
    for (size_t i = 0; i < count; i++) {
        char text[256];
        real_trace_text(NULL, addresses[i], text, sizeof text);
        used = add_text(words, used, text);
    }
    while (write(crash_fd, words, used) < 0 && errno == EINTR)
        continue;
}

/* ---- a task's stack that is not enough ---------------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__)

/* AddressSanitizer says more than we could. */
void real_name_overflow(struct sys *sys, sys_overflow_fn *which)
{
    (void)sys;
    (void)which;
}

#else

static sys_overflow_fn *_Atomic which_overflow; /* the same for all runs; set by each, on its thread */

/* Says what it was, and lets the instruction fault once more, now as if nobody had asked. A signal that
 * somebody sent would not come again by itself. */
static void fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    char text[256];
    signal(number, SIG_DFL);
    if (info->si_code <= 0)
        (void)raise(number); /* blocked now, and delivered when this returns */
    if (info->si_code <= 0 || !runtime || !which_overflow(info->si_addr, text, sizeof text))
        return;
    char line[300];
    int size = snprintf(line, sizeof line, "libtractor: %s\n", text);
    (void)!write(STDERR_FILENO, line, (size_t)size);
    real_last_words(NULL, "StackOverflow", text, "", 0);
}

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
    struct sigaction now, ours = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    give_signal_stack(real_of(sys));
    which_overflow = which;
    if (sigaction(SIGSEGV, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL)
        (void)sigaction(SIGSEGV, &ours, NULL);
}

#endif

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
    real_last_words(NULL, "AssertionError", expression, file, (int)line);
    abort();
}

/* The console, and how this process is seen from outside: by standard error, and by ps.
 *
 * A text is one write, so that those of many processes do not mix: the kernel does not tear what goes into a pipe
 * and is not longer than 4096 bytes, nor what is appended to a file. Nothing that befalls it is an error of the
 * program's: a reader that is gone (no SIGPIPE, then), a full disk, a file that may not grow (nor SIGXFSZ), a
 * descriptor that would have to wait and may not. What was not written is lost.
 *
 * The title: the short name is the thread's (prctl), which top and ps -e show. What ps -f shows is the memory that the
 * kernel was told the arguments are in. That is not overwritten, as is the custom, since it still is what the program
 * takes it for: argv, texts that main has kept from there, the name in front of what assert prints. Instead the
 * kernel is told of other memory (PR_SET_MM_MAP), which takes a kernel with checkpoint and restore, as distributions
 * have, and none of the privileges. It wants to be told all of the process's layout again, the end of the heap
 * included, which another thread might just be moving: so it is done while there is one thread. */
#include "sys/real.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
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

/* ---- the title ------------------------------------------------------------------------------------------ */

/* Field `number` of /proc/self/stat, as proc(5) counts, of which the second is in parentheses and may hold anything. */
static unsigned long field(const char *stat, int number)
{
    const char *at = strrchr(stat, ')');
    for (int i = 2; at && i < number; i++)
        at = strchr(at + 1, ' ');
    return at ? strtoul(at + 1, NULL, 10) : 0;
}

static bool read_layout(struct prctl_mm_map *ret)
{
    char stat[1024];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, stat, sizeof stat - 1);
    if (fd >= 0)
        close(fd);
    if (size <= 0)
        return false;
    stat[size] = '\0';
    *ret = (struct prctl_mm_map){.start_code = field(stat, 26), .end_code = field(stat, 27),
                                 .start_stack = field(stat, 28), .start_data = field(stat, 45),
                                 .end_data = field(stat, 46), .start_brk = field(stat, 47),
                                 .arg_start = field(stat, 48), .arg_end = field(stat, 49),
                                 .env_start = field(stat, 50), .env_end = field(stat, 51),
                                 .brk = (unsigned long)sbrk(0), .exe_fd = (unsigned)-1};
    return ret->env_end != 0; /* there are as many fields */
}

enum { TITLE_ROOM = 4096 };

/* A page of its own: of a library's variables, which are a file's, the kernel shows nothing. NULL: there is none. */
static char *memory_of_title(void)
{
    static char *memory;
    if (!memory) {
        void *page = mmap(NULL, TITLE_ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memory = page == MAP_FAILED ? NULL : page;
    }
    return memory;
}

/* Kernels without it, emulators and valgrind say no; then it stays as it was. */
static void set_command_line(const char *command)
{
    struct prctl_mm_map layout;
    char *title = real_has_threads() ? NULL : memory_of_title();
    if (!title || !read_layout(&layout))
        return;
    int size = snprintf(title, TITLE_ROOM, "%s", command);
    layout.arg_start = (unsigned long)title;
    layout.arg_end = layout.arg_start + (size < TITLE_ROOM ? (unsigned long)size + 1 : TITLE_ROOM);
    (void)prctl(PR_SET_MM, PR_SET_MM_MAP, &layout, sizeof layout, 0);
}

void real_title(struct sys *sys, const char *name, const char *command)
{
    (void)sys;
    int error = errno;
    (void)prctl(PR_SET_NAME, name);
    set_command_line(command);
    errno = error;
}

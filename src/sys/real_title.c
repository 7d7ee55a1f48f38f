/* How this process is seen from outside, by ps and top.
 *
 * The short name is the thread's (prctl), which top and ps -e show. What ps -f shows is the memory that the
 * kernel was told the arguments are in. That is not overwritten, as is the custom, since it still is what the program
 * takes it for: argv, texts that main has kept from there, the name in front of what assert prints. Instead the
 * kernel is told of other memory (PR_SET_MM_MAP), which takes a kernel with checkpoint and restore, as distributions
 * have, and none of the privileges. It wants to be told all of the process's layout again, the end of the heap
 * included, which another thread might just be moving: so it is done while there is one thread. */
#include "sys/real.h"

#include <fcntl.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

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

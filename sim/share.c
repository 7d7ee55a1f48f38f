/* Memory that several processes see. It goes away with the last descriptor and the last process that sees it, however
 * that ends. */
#include "kernel.h"

#include "base/panic.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Mapped, since most of it is never touched, and the C library would clear all of what it has used before. */
static struct shared *shared_new(enum sys_sharing sharing, size_t size)
{
    struct shared *shared = sim_new(sizeof *shared);
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED)
        panic("no memory for processes of the world to share");
    *shared = (struct shared){.holds = 1, .sharing = sharing, .size = size, .bytes = bytes};
    return shared;
}

static void shared_free(struct shared *shared)
{
    munmap(shared->bytes, shared->size);
    free(shared);
}

void shared_let_go(struct shared *shared)
{
    if (--shared->holds == 0)
        shared_free(shared);
}

static void *see(struct process *process, struct shared *shared)
{
    struct view *view = sim_new(sizeof *view);
    view->shared = shared;
    shared->holds++;
    list_push(&process->views, &view->place);
    process->alive++;
    return shared->bytes;
}

static void unsee(struct view *view)
{
    list_remove(&view->place);
    shared_let_go(view->shared);
    free(view);
}

int sim_share(struct sys *sys, enum sys_sharing sharing, size_t size, void **ret_memory, int *ret_fd)
{
    struct process *process = process_of(sys);
    if (sim_enter(process, "share", (int64_t)size))
        return -EMFILE;
    if (trap_springs(&process->memory))
        return -ENOMEM;
    struct file *file = file_new(process, FILE_MEMORY);
    struct shared *shared = file->shared = shared_new(sharing, size);
    int fd = file_install(process, file);
    if (fd < 0)
        return fd;
    *ret_fd = fd;
    *ret_memory = see(process, shared);
    return 0;
}

int sim_share_in(struct sys *sys, enum sys_sharing sharing, int fd, size_t size, void **ret_memory)
{
    struct process *process = process_of(sys);
    if (sim_enter(process, "share_in", fd) || trap_springs(&process->memory))
        return -ENOMEM;
    struct file *file = file_of(process, fd);
    if (!file || file->kind != FILE_MEMORY || file->shared->sharing != sharing || file->shared->size != size)
        return -EPERM;
    *ret_memory = see(process, file->shared);
    return 0;
}

void sim_unshare(struct sys *sys, void *memory, size_t size)
{
    struct process *process = process_of(sys);
    (void)size;
    list_each(at, &process->views)
    {
        struct view *view = container_of(at, struct view, place);
        if (view->shared->bytes != memory)
            continue;
        process->alive--;
        unsee(view);
        return;
    }
    panic("memory that was never shared is given back");
}

void views_reclaim(struct process *process)
{
    list_each(at, &process->views)
        unsee(container_of(at, struct view, place));
}

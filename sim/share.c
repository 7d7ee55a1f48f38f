/* Memory that several processes see. It goes away with the last descriptor and the last process that sees it, however
 * that ends. */
#include "kernel.h"

#include "base/panic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void shared_let_go(struct shared *shared)
{
    if (--shared->holds == 0)
        free(shared);
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

int sim_share(struct sys *sys, size_t size, void **ret_memory, int *ret_fd)
{
    struct process *process = process_of(sys);
    if (sim_enter(process, "share", (int64_t)size))
        return -EMFILE;
    if (trap_springs(&process->memory))
        return -ENOMEM;
    size_t room = (sizeof(struct shared) + size + 63) / 64 * 64;
    struct shared *shared = aligned_alloc(64, room);
    if (!shared)
        panic("no memory for processes of the world to share");
    memset(shared, 0, room);
    shared->size = size;
    shared->holds = 1;
    struct file *file = file_new(process, FILE_MEMORY);
    file->shared = shared;
    int fd = file_install(process, file);
    if (fd < 0)
        return fd;
    *ret_fd = fd;
    *ret_memory = see(process, shared);
    return 0;
}

int sim_share_in(struct sys *sys, int fd, size_t size, void **ret_memory)
{
    struct process *process = process_of(sys);
    if (sim_enter(process, "share_in", fd) || trap_springs(&process->memory))
        return -ENOMEM;
    struct file *file = file_of(process, fd);
    if (!file || file->kind != FILE_MEMORY || file->shared->size != size)
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

/* Memory of processes. The C library's, in blocks that know whom they belong to: when a process is
 * killed its memory goes with it, and when it ends in order none may be left. Stacks are kept for the
 * next who needs one, in this world or another of the thread, since mapping them would cost more than
 * all the rest of a short life. */
#include "kernel.h"

#include "base/panic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct block {
    struct link place;          /* in process->blocks */
    max_align_t bytes[];
};

/* A stack is written to from its top; its record is kept apart. */
struct mapping {
    struct link place;          /* in process->mappings, or on a shelf */
    void *low;
    size_t size;
};

bool trap_springs(struct trap *trap)
{
    if (trap->left == 0 || --trap->left > 0)
        return false;
    trap->sprung++;
    if (trap->for_ever)
        trap->left = 1;
    return true;
}

static void *free_block(struct process *process, void *memory)
{
    if (!memory)
        return NULL;
    struct block *block = container_of(memory, struct block, bytes);
    list_remove(&block->place);
    process->alive--;
    free(block);
    return NULL;
}

void *memory_resize(struct sys *sys, void *memory, size_t size)
{
    struct process *process = process_of(sys);
    if (size == 0)
        return free_block(process, memory);
    if (trap_springs(&process->memory))
        return NULL;
    struct block *block = memory ? container_of(memory, struct block, bytes) : NULL;
    if (block)
        list_remove(&block->place);
    else
        process->alive++;
    block = realloc(block, sizeof *block + size);
    if (!block)
        panic("no memory for a process of the world");
    list_push(&process->blocks, &block->place);
    return block->bytes;
}

/* ---- stacks ---------------------------------------------------------------------------------------- */

/* One for each power of two. Never given back: the next world begins sooner for it. */
static _Thread_local struct link shelves[64];

static struct link *shelf_of(size_t size)
{
    struct link *shelf = &shelves[__builtin_ctzll(size)];
    if (!shelf->next)
        list_init(shelf);
    return shelf;
}

/* Twice the size is mapped, and the aligned half of it used. */
static struct mapping *map_new(size_t size)
{
    struct mapping *mapping = sim_new(sizeof *mapping);
    char *low = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (low == MAP_FAILED)
        panic("no memory for a stack of the world");
    size_t before = -(uintptr_t)low & (size - 1);
    if (before > 0)
        munmap(low, before);
    munmap(low + before + size, size - before);
    *mapping = (struct mapping){.low = low + before, .size = size};
    list_init(&mapping->place);
    return mapping;
}

static struct mapping *take(size_t size)
{
    struct link *kept = list_shift(shelf_of(size));
    return kept ? container_of(kept, struct mapping, place) : map_new(size);
}

int memory_map(struct sys *sys, size_t size, void **ret_low)
{
    struct process *process = process_of(sys);
    if (trap_springs(&process->memory))
        return -ENOMEM;
    struct mapping *mapping = take(size);
    list_push(&process->mappings, &mapping->place);
    process->alive++;
    *ret_low = mapping->low;
    return 0;
}

void memory_unmap(struct sys *sys, void *low, size_t size)
{
    struct process *process = process_of(sys);
    list_each(at, &process->mappings)
    {
        struct mapping *mapping = container_of(at, struct mapping, place);
        if (mapping->low != low)
            continue;
        list_remove(at);
        list_push(shelf_of(size), at);
        process->alive--;
        return;
    }
    panic("a stack that was never mapped is given back");
}

void *stack_take(struct process *process, size_t size)
{
    struct mapping *mapping = take(size);
    list_push(&process->mappings, &mapping->place);
    return mapping->low;
}

/* All that a dead process had. It must not stand on one of its stacks any more. */
void memory_reclaim(struct process *process)
{
    list_each(at, &process->blocks)
        free(container_of(at, struct block, place));
    list_init(&process->blocks);
    list_each(at, &process->mappings)
    {
        list_remove(at);
        list_push(shelf_of(container_of(at, struct mapping, place)->size), at);
    }
    views_reclaim(process);
    process->alive = 0;
    if (process->runtime)
        free(process->runtime->sys); /* the runtime is in it */
    process->runtime = NULL;
}

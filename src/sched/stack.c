/* Stacks of tasks.
 *
 * Those of the default size come from slabs: one mapping for many stacks, so that a million tasks take a few
 * thousand mappings and not two million, of which the kernel allows 65530. A slab's first page has its
 * head, found from any of its stacks by the alignment; the stack that would lie there is given up (that is
 * address space, not memory). A stack that was used once is used again, the last one first, while its
 * top is still in the cache. Slabs that nobody uses are counted as they come and go, and looked for and given
 * back to the kernel when the loop has nothing else to do and so many have not been needed for a while, all but a few
 * (SLABS_KEPT).
 *
 * Below each stack lies a guard: touching it ends the process instead of spoiling a neighbour. It is as large
 * as a stack, since a function with large variables may step over a page without touching it; it costs
 * address space only. Where the kernel gives no more guards the place is there all the same, and what was
 * left on it is found when the task lets another run, if it lies near, or else when it has ended. */
#include "sched/stack.h"

#include "base/list.h"
#include "sched/sched.h"
#include "sys/sys.h"

#include <stdint.h>

enum { GUARD = STACK_DEFAULT, SLOT = GUARD + STACK_DEFAULT };
enum { SLAB_STACKS = 64 /* bits in `bare` */, SLAB_SIZE = SLAB_STACKS * SLOT };

/* Unused ones that are not given back while the run waits: what comes in bursts of a few hundred tasks would pay for a
 * system call each otherwise. Of each stack one page has been touched, so that is two megabytes after such a burst. */
enum { SLABS_KEPT = 8 };

struct slab {
    struct link place;          /* in sched->slabs; in no list while all are used */
    struct spare *spare;        /* used before and free now */
    size_t touched;             /* stacks ever used, the one under this head included */
    size_t used;
    uint64_t bare;              /* stacks without a guard, a bit each */
};

/* At the very top of a spare stack, in the page that the last task's struct has touched anyway. */
struct spare {
    struct spare *next;
};

static struct slab *slab_of(void *low)
{
    return (struct slab *)((uintptr_t)low & ~(uintptr_t)(SLAB_SIZE - 1));
}

static struct spare *top_of(void *low)
{
    return (struct spare *)((char *)low + STACK_DEFAULT) - 1;
}

bool stacks_are_too_many(const struct sched *sched)
{
    return sched->idle_slabs > SLABS_KEPT;
}

static struct slab *new_slab(struct sched *sched)
{
    void *low;
    if (sys_stacks_map(SLAB_SIZE, &low) < 0)
        return NULL;
    struct slab *slab = low;
    *slab = (struct slab){.touched = 1};
    list_push(&sched->slabs, &slab->place);
    sched->idle_slabs++;
    return slab;
}

/* The one with stacks to give that was used last. */
static struct slab *some_slab(struct sched *sched)
{
    if (list_empty(&sched->slabs))
        return new_slab(sched);
    return container_of(sched->slabs.next, struct slab, place);
}

static void unmap_slab(struct sched *sched, struct slab *slab)
{
    list_remove(&slab->place);
    sys_stacks_unmap(slab, SLAB_SIZE);
    sched->idle_slabs--;
}

static void *take(struct slab *slab)
{
    if (slab->spare) {
        void *low = (char *)(slab->spare + 1) - STACK_DEFAULT;
        slab->spare = slab->spare->next;
        return low;
    }
    size_t number = slab->touched++;
    char *slot = (char *)slab + number * SLOT;
    if (!sys_guard(slot, GUARD))
        slab->bare |= (uint64_t)1 << number;
    return slot + GUARD;
}

/* In the upper half of what is mapped. */
static void *map_one(size_t size, bool *ret_guarded)
{
    void *low;
    if (sys_stacks_map(2 * size, &low) < 0)
        return NULL;
    *ret_guarded = sys_guard((char *)low + size - GUARD, GUARD);
    return (char *)low + size;
}

static bool is_bare(const struct slab *slab, const void *low)
{
    return slab->bare >> ((uintptr_t)low - (uintptr_t)slab) / SLOT & 1;
}

void *stack_get(size_t size, bool *ret_guarded)
{
    struct sched *sched = runtime->sched;
    if (size != STACK_DEFAULT)
        return map_one(size, ret_guarded);
    struct slab *slab = some_slab(sched);
    if (!slab)
        return NULL;
    sched->idle_slabs -= slab->used++ == 0;
    void *low = take(slab);
    if (slab->used == SLAB_STACKS - 1)
        list_remove(&slab->place);
    *ret_guarded = !is_bare(slab, low);
    return low;
}

__attribute__((no_sanitize("address"))) bool stack_was_left(const void *low, size_t depth)
{
    const uint64_t *below = low;
    for (size_t i = 1; i <= depth / sizeof *below; i++)
        if (below[-(ptrdiff_t)i] != 0)
            return true;
    return false;
}

void stack_put(void *low, size_t size)
{
    struct sched *sched = runtime->sched;
    if (size != STACK_DEFAULT) {
        sys_stacks_unmap((char *)low - size, 2 * size);
        return;
    }
    struct slab *slab = slab_of(low);
    struct spare *spare = top_of(low);
    spare->next = slab->spare;
    slab->spare = spare;
    if (slab->used == SLAB_STACKS - 1)
        list_push(sched->slabs.next, &slab->place); /* to the front, to be used again first */
    if (--slab->used == 0 && ++sched->idle_slabs == SLABS_KEPT + 1)
        sched->slabs_needed = sched->looked;
}

static struct slab *slab_at(struct link *place)
{
    return container_of(place, struct slab, place);
}

void stacks_trim(struct sched *sched)
{
    list_each(at, &sched->slabs)
        if (slab_at(at)->used == 0 && sched->idle_slabs > SLABS_KEPT)
            unmap_slab(sched, slab_at(at));
}

void stacks_free(struct sched *sched)
{
    list_each(at, &sched->slabs)
        unmap_slab(sched, slab_at(at));
}

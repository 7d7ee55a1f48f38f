/* Structs of one size that come and go often, kept for reuse instead of being freed: for what a task makes
 * each time it enters a scope. What a pool has grown to it keeps until its end. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/hooks.h"

struct pool {
    struct pool_spare {
        struct pool_spare *next;
    } *spare;
};

/* Not cleared; NULL when memory is out. `size` is the same each time, and at least a pointer's. */
static inline void *pool_get(struct pool *pool, size_t size)
{
    struct pool_spare *spare = pool->spare;
    if (!spare)
        return mem_alloc(size);
    pool->spare = spare->next;
    return spare;
}

static inline void pool_put(struct pool *pool, void *memory)
{
    struct pool_spare *spare = memory;
    spare->next = pool->spare;
    pool->spare = spare;
}

static inline void pool_fini(struct pool *pool)
{
    for (struct pool_spare *spare; (spare = pool->spare);) {
        pool->spare = spare->next;
        mem_free(spare);
    }
}

#endif

/* Many small allocations that end together: the strings of a decoded value, the parts of an error,
 * the results a task holds. All zero is an empty arena. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena {
    struct arena_chunk *chunks;   /* the newest first */
    struct arena_end *ends;       /* likewise */
};

/* Aligned for any type; NULL when memory is out. Zeroed. */
void *arena_alloc(struct arena *arena, size_t size);

/* Copies that live as long as the arena; NULL when memory is out, or for a NULL text. */
void *arena_copy(struct arena *arena, const void *bytes, size_t size);
char *arena_text(struct arena *arena, const char *text);

/* Calls fn(arg, number) when all this ends, the last one first: for what the arena's values hold that is no memory
 * of its own. It may not wait, nor use the arena. 0 or -ENOMEM. */
typedef void arena_end_fn(void *arg, uint32_t number);
int arena_at_end(struct arena *arena, arena_end_fn *fn, void *arg, uint32_t number);

/* Ends everything allocated; the arena is empty and usable again. */
void arena_fini(struct arena *arena);

/* The same, but keeps memory to use again, if it is no more than that. */
enum { ARENA_LITTLE = 4096, ARENA_MUCH = 1024 * 1024 };
void arena_clear(struct arena *arena, size_t most);

#endif

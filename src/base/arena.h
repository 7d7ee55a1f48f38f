/* Many small allocations that end together: the strings of a decoded value, the parts of an error,
 * the results a task holds. All zero is an empty arena. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena {
    struct arena_chunk *chunks;   /* the newest first */
};

/* Aligned for any type; NULL when memory is out. Zeroed. */
void *arena_alloc(struct arena *arena, size_t size);

/* Copies that live as long as the arena; NULL when memory is out, or for a NULL text. */
void *arena_copy(struct arena *arena, const void *bytes, size_t size);
char *arena_text(struct arena *arena, const char *text);

/* Ends everything allocated; the arena is empty and usable again. */
void arena_fini(struct arena *arena);

/* The same, but keeps memory to use again, if it is not much. */
void arena_clear(struct arena *arena);

#endif

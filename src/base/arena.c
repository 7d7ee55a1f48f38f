/* Chunks double from 256 bytes, so a small error costs one small allocation and a large value few. */
#include "base/arena.h"

#include "base/copy.h"
#include "base/hooks.h"

#include <errno.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

enum { FIRST_CHUNK = 256, LARGEST_CHUNK = 64 * 1024 };

struct arena_chunk {
    struct arena_chunk *older;
    size_t used, room;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena_end {
    struct arena_end *before;
    arena_end_fn *fn;
    void *arg;
    uint32_t number;
};

/* What was allocated in it is over, though the memory is kept: AddressSanitizer shall tell who uses it all the same. */
static void empty(struct arena_chunk *chunk)
{
    chunk->used = 0;
    ASAN_POISON_MEMORY_REGION(chunk->bytes, chunk->room);
}

static struct arena_chunk *add_chunk(struct arena *arena, size_t size)
{
    size_t room = arena->chunks ? arena->chunks->room * 2 : FIRST_CHUNK;
    if (room > LARGEST_CHUNK)
        room = LARGEST_CHUNK;
    if (room < size)
        room = size;
    if (room > SIZE_MAX - sizeof(struct arena_chunk))
        return NULL;
    struct arena_chunk *chunk = mem_alloc(sizeof *chunk + room);
    if (!chunk)
        return NULL;
    *chunk = (struct arena_chunk){.older = arena->chunks, .room = room};
    empty(chunk);
    arena->chunks = chunk;
    return chunk;
}

static void *take(struct arena *arena, size_t size)
{
    const size_t step = alignof(max_align_t);
    if (size > SIZE_MAX - step)
        return NULL;
    size = (size + step - 1) / step * step;
    struct arena_chunk *chunk = arena->chunks;
    if (!chunk || chunk->room - chunk->used < size)
        chunk = add_chunk(arena, size);
    if (!chunk)
        return NULL;
    void *memory = chunk->bytes + chunk->used;
    chunk->used += size;
    ASAN_UNPOISON_MEMORY_REGION(memory, size);
    return memory;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    void *memory = take(arena, size);
    return memory ? memset(memory, 0, size) : NULL;
}

void *arena_copy(struct arena *arena, const void *bytes, size_t size)
{
    void *copy = take(arena, size ? size : 1);
    return copy ? copy_bytes(copy, bytes, size) : NULL;
}

char *arena_text(struct arena *arena, const char *text)
{
    return text ? arena_copy(arena, text, strlen(text) + 1) : NULL;
}

int arena_at_end(struct arena *arena, arena_end_fn *fn, void *arg, uint32_t number)
{
    struct arena_end *end = take(arena, sizeof *end);
    if (!end)
        return -ENOMEM;
    *end = (struct arena_end){arena->ends, fn, arg, number};
    arena->ends = end;
    return 0;
}

static void come_to_ends(struct arena *arena)
{
    for (struct arena_end *end; (end = arena->ends);) {
        arena->ends = end->before;
        end->fn(end->arg, end->number);
    }
}

void arena_fini(struct arena *arena)
{
    come_to_ends(arena);
    while (arena->chunks) {
        struct arena_chunk *older = arena->chunks->older;
        mem_free(arena->chunks);
        arena->chunks = older;
    }
}

void arena_clear(struct arena *arena, size_t most)
{
    struct arena_chunk *newest = arena->chunks;
    if (!newest)
        return;
    if (newest->room > most) {
        arena_fini(arena);
        return;
    }
    come_to_ends(arena);
    if (newest->older) {
        struct arena older = {.chunks = newest->older};
        arena_fini(&older);
        newest->older = NULL;
    }
    empty(newest);
}

/* Structs of one size that a program knows by handles, which are not their addresses: so that one which is used
 * after its struct was given back is found out, even when the memory serves another one by then.
 *
 * A handle is a number that no other struct ever had, and the place in a table where the struct is, if it still
 * is. Structs are kept for reuse, each at its place, until the end of all. Looking one up is a comparison with
 * what lies at the place. Numbers start where the owner says, so that the handles of two owners rarely meet. */
#ifndef BASE_HANDLES_H
#define BASE_HANDLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of 64 bits, so many say where. What is left counts: opened every 100 ns, nurseries would meet an old
 * handle after seven hours, and only if the program had kept that very one. */
enum { HANDLE_PLACE_BITS = sizeof(uintptr_t) == 8 ? 26 : 12 };

/* The first member of such a struct. */
struct handle {
    uintptr_t value;            /* HANDLE_NONE while it is not in use */
    size_t place;
    struct handle *next;        /* among the spare ones */
};

#define HANDLE_NONE UINTPTR_MAX

struct handles {
    struct handle **all;        /* by place */
    size_t count, room;
    struct handle *spare;
    uintptr_t number;           /* of the newest */
};

/* A struct that is not in use yet; NULL when memory is out. */
struct handle *handles_new_place(struct handles *handles, size_t size);

/* 0 is no number, so that no handle is NULL. */
static inline uintptr_t handles_next_number(struct handles *handles)
{
    const uintptr_t most = UINTPTR_MAX >> HANDLE_PLACE_BITS;
    handles->number = handles->number + 1 < most ? handles->number + 1 : 1;
    return handles->number;
}

/* A struct in which its handle is all that is said; NULL when memory is out. `size` is the same each time. */
static inline void *handles_get(struct handles *handles, size_t size)
{
    struct handle *handle = handles->spare;
    if (handle)
        handles->spare = handle->next;
    else if (!(handle = handles_new_place(handles, size)))
        return NULL;
    handle->value = handles_next_number(handles) << HANDLE_PLACE_BITS | handle->place;
    return handle;
}

void handles_put(struct handles *handles, struct handle *handle);
/* All must have been put. */
void handles_fini(struct handles *handles);

/* NULL for one that is not, or no more. */
static inline void *handles_find(const struct handles *handles, uintptr_t value)
{
    size_t place = value & (((uintptr_t)1 << HANDLE_PLACE_BITS) - 1);
    if (place >= handles->count || handles->all[place]->value != value)
        return NULL;
    return handles->all[place];
}

#endif

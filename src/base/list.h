/* An intrusive doubly linked ring. A link that is in no list points at itself, so removing it again
 * is harmless and "is it queued?" needs no flag. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *prev, *next;
};

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* Walks a ring, `at` being each link in turn; the current one may be removed while walking. */
#define list_each(at, ring)                                                                        \
    for (struct link *at = (ring)->next, *at##_next; at##_next = at->next, at != (ring);           \
         at = at##_next)

static inline void list_init(struct link *ring)
{
    ring->prev = ring->next = ring;
}

static inline bool list_empty(const struct link *ring)
{
    return ring->next == ring;
}

static inline void list_push(struct link *ring, struct link *item)
{
    item->prev = ring->prev;
    item->next = ring;
    ring->prev->next = item;
    ring->prev = item;
}

/* For one that is never looked at again. */
static inline void list_drop(struct link *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
}

static inline void list_remove(struct link *item)
{
    list_drop(item);
    list_init(item);
}

/* The first item, taken out; NULL when the ring is empty. */
static inline struct link *list_shift(struct link *ring)
{
    struct link *first = ring->next;
    if (first == ring)
        return NULL;
    ring->next = first->next; /* as list_remove does, without asking the item where the ring is */
    ring->next->prev = ring;
    list_init(first);
    return first;
}

/* Moves everything in `from` to the end of `to`; `from` is empty afterwards. */
static inline void list_splice(struct link *to, struct link *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#endif

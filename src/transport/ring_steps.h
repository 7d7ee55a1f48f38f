/* What a ring does with memory that another process sees, one step at a time. Its model test has steps of its own
 * instead of these, which let it try every order of them, and every time at which a store may arrive.
 *
 * Indices and flags are sequentially consistent: who stores one and then loads the other's must not both miss what
 * the other has stored, or both would sleep. On x86-64 that makes the stores exchanges, and costs nothing for loads.
 * The bytes themselves are ordered by the indices. */
#ifndef TRANSPORT_RING_STEPS_H
#define TRANSPORT_RING_STEPS_H

#include "base/copy.h"

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint32_t ring_word;

static inline uint32_t ring_load(ring_word *from)
{
    return atomic_load(from);
}

static inline void ring_store(ring_word *to, uint32_t value)
{
    atomic_store(to, value);
}

/* A store that may be seen after what is loaded next; only planted bugs use it. */
static inline void ring_store_late(ring_word *to, uint32_t value)
{
    atomic_store_explicit(to, value, memory_order_release);
}

static inline uint32_t ring_exchange(ring_word *at, uint32_t value)
{
    return atomic_exchange(at, value);
}

/* Private memory into the ring, and the other way. */
static inline void ring_put(uint8_t *to, const uint8_t *from, size_t size)
{
    copy_bytes(to, from, size);
}

static inline void ring_get(uint8_t *to, const uint8_t *from, size_t size)
{
    copy_bytes(to, from, size);
}

#endif

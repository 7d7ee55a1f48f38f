/* Types that are fuzzed, and values of any type, for inputs to begin with. */
#ifndef FUZZ_SAMPLES_H
#define FUZZ_SAMPLES_H

#include "base/buf.h"
#include "tractor/value.h"

enum { SAMPLE_TYPES = 24 };
extern const tr_type *const sample_types[SAMPLE_TYPES];

/* A buffer in memory that is not the world's, for what the fuzzer itself puts together. It must not be
 * filled beyond its room, nor freed. */
static inline struct buf buf_in(uint8_t *room, size_t size)
{
    return (struct buf){.data = room, .memory = room, .room = size};
}

/* Appends a value of the type as it is on the wire; variants differ in sizes and numbers. */
void make_sample(struct buf *out, const tr_type *type, int variant);

#endif

/* Whether two values of a type are the same, bit for bit, and what a type may make the decoder allocate. */
#ifndef FUZZ_EQUAL_H
#define FUZZ_EQUAL_H

#include "tractor/value.h"

bool equal(const tr_type *type, const void *a, const void *b);
bool equal_values(const tr_value *a, const tr_value *b);

/* The most bytes of memory that one byte of the message may cost. */
size_t largest_part(const tr_type *type);

#endif

/* Functions that travel as what they are: the types of this program's as a table, and a table as types. */
#ifndef INSPECT_SHAPE_H
#define INSPECT_SHAPE_H

#include "base/arena.h"
#include "inspect/functions.h"
#include "value/function.h"

/* Of a function of this program. What *ret points to lives in `memory`, or as long as the program. TR_EARGUMENT,
 * raised, for one with more types than anybody takes; -ENOMEM. */
int shape_write(const tr_fn_info *fn, struct arena *memory, function_shape *ret);

/* A function that can be called by what it says of itself, in `memory`. TR_EPROTOCOL, raised, for what makes no sense;
 * -ENOMEM. */
int shape_read(const function_shape *shape, struct arena *memory, tr_fn_info *ret);

/* A value of one type as one of another, by way of the wire; what *ret points to lives in `memory`. 0, TR_EARGUMENT,
 * raised, with the path to what does not fit, -ENOMEM. */
int shape_convert(const tr_type *type, const void *value, const tr_type *to, struct arena *memory, void *ret);

#endif

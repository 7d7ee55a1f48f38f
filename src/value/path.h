/* Where in a value something is wrong: "legs[2].qty". A chain of steps on the C stack, outermost last, made
 * while walking and turned into text only when there is something to say. */
#ifndef VALUE_PATH_H
#define VALUE_PATH_H

#include "value/codec.h"

#include <stddef.h>

struct path {
    const struct path *outer;   /* NULL at the top */
    const char *name;           /* of a member, or NULL for an item of a list */
    size_t index;
    int depth;                  /* of nesting so far */
};

/* TR_EARGUMENT, raised: "legs[2].qty: " and the message. */
int path_fail(const struct path *path, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Nested too deep: TR_EARGUMENT, raised. */
int path_too_deep(const struct path *path);

/* That if the step is too deep; else 0. */
static inline int path_check(const struct path *path)
{
    return path->depth <= CODEC_DEPTH ? 0 : path_too_deep(path);
}

#endif

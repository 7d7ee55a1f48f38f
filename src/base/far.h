/* Byte strings that do not travel with the message they belong to: what travels says where they lie, in memory that
 * the receiver sees, too. The codec knows no more of it than this; the memory is a shelf (transport/shelf.h). */
#ifndef BASE_FAR_H
#define BASE_FAR_H

#include "base/arena.h"

#include <stdbool.h>

/* Of whoever sends. */
struct far_lender {
    /* Whether the bytes are there, or were put there, for the receiver: *ret_place says where. If not they travel. */
    bool (*lend)(struct far_lender *lender, const void *bytes, size_t size, uint32_t *ret_place);
};

/* Of whoever receives. */
struct far_source {
    /* The bytes at a place, which stay there until `memory` ends. NULL if there are none; -ENOMEM in *ret_rc if that
     * is the reason, else 0. */
    const void *(*borrow)(struct far_source *source, uint32_t place, size_t size, struct arena *memory, int *ret_rc);
};

#endif

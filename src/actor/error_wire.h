/* Errors on the wire: [facts, [cause]?, [member, ...]], a map of plain facts and the same again for what
 * caused it (a list of none or one) and for a group's members. */
#ifndef ACTOR_ERROR_WIRE_H
#define ACTOR_ERROR_WIRE_H

#include "base/error.h"
#include "value/codec.h"

/* Enough for all that errors_add and error_set_cause make: a group, and the box around it. */
enum { ERROR_DEPTH = ERROR_DEEPEST + 2, ERROR_MEMBERS = 1024 };

/* Appends; what lies deeper than ERROR_DEPTH is left out. 0 or a negative code, raised. */
int error_put(struct buf *out, struct tr_error *error);

/* A new reference in *ret_error; 0 or a negative code, raised. */
int error_get(struct reader *from, struct tr_error **ret_error);

#endif

/* Errors on the wire: [facts, [cause]?, [member, ...]], a map of plain facts and the same again for what
 * caused it (a list of none or one) and for a group's members. */
#ifndef ACTOR_ERROR_WIRE_H
#define ACTOR_ERROR_WIRE_H

#include "value/codec.h"

/* Appends; causes deeper than ERROR_DEPTH are left out. 0 or a negative code, raised. */
enum { ERROR_DEPTH = 16, ERROR_MEMBERS = 1024 };
int error_put(struct buf *out, struct tr_error *error);

/* A new reference in *ret_error; 0 or a negative code, raised. */
int error_get(struct reader *from, struct tr_error **ret_error);

#endif

/* Calls that we make. */
#ifndef ACTOR_CALL_H
#define ACTOR_CALL_H

#include "actor/session.h"
#include "value/function.h"

/* A checkpoint: runs `fn` at the other end of the session and waits for its result, which is decoded into
 * *ret (NULL to drop it) with what it points to in `memory`. The arguments are `args`, or, if that is NULL,
 * the bytes `encoded`. What tr_call promises. */
int call_run(struct session *session, const tr_fn_info *fn, const void *args, tr_bytes encoded,
             struct arena *memory, void *ret);

#endif

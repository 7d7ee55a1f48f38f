/* An actor's statespace: given by whoever starts it, decoded by whoever first asks for it. */
#ifndef ACTOR_STATESPACE_H
#define ACTOR_STATESPACE_H

#include "actor/actor.h"

/* What is to be sent of it, in `memory`; all zero for none. 0, TR_EARGUMENT for what cannot be sent, or -ENOMEM,
 * raised. */
int statespace_pack(const tr_statespace_option *given, struct arena *memory, wire_statespace *ret);

/* This actor's is that from now on; copied. 0, or -ENOMEM, raised. */
int statespace_receive(const wire_statespace *packed);

#endif

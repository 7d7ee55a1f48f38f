/* The arbiter: who lives where, by name. */
#ifndef REGISTRY_REGISTRY_H
#define REGISTRY_REGISTRY_H

/* Makes this actor the arbiter of its tree, or of everything that comes to its address. -ENOMEM. */
int registry_serve(void);
void registry_free(void);

/* A checkpoint: makes this actor known to the arbiter at actor->arbiter. TR_ENOARBITER, raised, with the
 * reason as its cause, when there is none; its code is also the code of the cause where the address is
 * simply free (-ECONNREFUSED, -ENOENT). */
int registry_enroll(void);
void registry_leave(void);

#endif

/* The registry: who lives where, by name. */
#ifndef REGISTRY_REGISTRY_H
#define REGISTRY_REGISTRY_H

/* Makes this root the registry of its tree, and of everything else that comes to its address. -ENOMEM. */
int registry_serve(void);
void registry_free(void);

/* A checkpoint: makes this tree known to the shared arbiter at that address. TR_ENOARBITER, raised, with the reason as
 * its cause, when there is none; where the address is simply free that is errno.ECONNREFUSED or errno.ENOENT. */
int registry_join(const char *address);

/* From then on it stays so: what changes is told, and all of it to the next arbiter at that address. */
int registry_keep_joined(void);

/* A checkpoint: makes this child known to its root. TR_ENOARBITER, raised. */
int registry_enroll(void);

/* Gives back the sessions that this took. */
void registry_leave(void);

#endif

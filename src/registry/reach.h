/* The ways from an actor to those who know others. */
#ifndef REGISTRY_REACH_H
#define REGISTRY_REACH_H

#include "actor/portal.h"
#include "tractor/registry.h"

/* For somebody at an arbiter's address to answer: what takes longer is something else, and said within a second. */
#define ANSWER_S 0.9

/* Checkpoints: a portal to our root / to the shared arbiter, within a second, where whereabouts has given an address.
 * TR_ENOARBITER, raised. */
int reach_root(tr_portal **ret_portal);
int reach_shared(tr_portal **ret_portal);

/* A checkpoint: whether there is a shared arbiter that is not our root, 1 or 0, which is then actor_self()->shared.
 * TR_ENOARBITER. */
int whereabouts(void);

/* A checkpoint if `rc` is an error: what a call at a registry fails with, which is TR_ENOARBITER around everything but
 * cancellation and a lack of memory. */
int reach_settle(const char *address, int rc);

/* TR_ENOARBITER, raised, unless it may have been told by an arbiter: whoever tells it may be hostile. */
int reach_check(const tr_registration *told);

#endif

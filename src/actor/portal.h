/* Portals: handles on other actors. */
#ifndef ACTOR_PORTAL_H
#define ACTOR_PORTAL_H

#include "actor/session.h"
#include "sched/task.h"
#include "value/function.h"

struct keeper;

struct tr_portal {
    struct session *session;        /* a reference, held as by session_hold */
    struct keeper *keeper;          /* for an actor of a nursery: its keeper there, else NULL */
};

/* For the caller to release. Takes over a session that is held, also on failure: NULL, with -ENOMEM raised,
 * when memory is out. */
tr_portal *portal_new(struct session *session);

/* TR_EMISUSE, raised, for NULL. */
int portal_usable(const tr_portal *portal);

#endif

/* Keepers: the tasks through which a nursery owns actors. */
#ifndef ACTOR_KEEPER_H
#define ACTOR_KEEPER_H

struct keeper;

/* Behind tr_cancel_actor, for a portal of a nursery. */
int keeper_end(struct keeper *keeper);

#endif

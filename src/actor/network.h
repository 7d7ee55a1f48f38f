/* What an actor has to do with networks: nothing, unless its tree was told otherwise.
 *
 * Each actor listens at a Unix socket of its own, which is all it does by default. Options have it listen elsewhere
 * too, and say what others are told of that. Loopback addresses are free to use; anything else needs .allow_remote,
 * which the root has for its whole tree, for listening and for dialing alike. */
#ifndef ACTOR_NETWORK_H
#define ACTOR_NETWORK_H

#include "actor/actor.h"
#include "tractor/actor.h"

/* What the options say, copied to `memory`, or else what the actor `above` has: its hosts, at ports that the kernel
 * chooses, since hers are taken. Of a root that is none (NULL), and `allow_remote` and `lost_after` count. TR_EARGUMENT
 * for what makes no sense or is not allowed, -ENOMEM, raised. */
int network_choose_root(const tr_main_options *options, struct arena *memory, wire_network *ret);
int network_choose_child(const tr_actor_options *options, const wire_network *above, struct arena *memory,
                         wire_network *ret);

/* This actor's is that from now on; copied. -ENOMEM, raised. */
int network_receive(const wire_network *chosen);

/* Whether this address may be listened at; warns of one that other hosts reach. TR_EARGUMENT, raised. */
int network_permits(const struct sys_address *at);

/* Of the i-th address that it was to listen at: what others are told instead, for a listener at that port; "" when
 * nothing is to be told instead. */
int network_advertised(size_t i, uint16_t port, char ret_text[ADDRESS_TEXT]);

/* Whether a connected socket is one of TCP, so that nobody knows who is at the other end; and whether that is on
 * another host, as far as can be told. */
bool network_is_outside(int fd, bool *ret_remote);

#endif

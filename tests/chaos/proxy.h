/* A fault proxy: what comes in at one address goes out at another, and back, through a weather.
 *
 * It is a thread of the observer's, which ends with it. Each connection has the weather of who made it, if that can
 * be told (over Unix sockets), and keeps it on that process's place of the board; else all have the trial's. What
 * exactly happens (how many bytes, how long, which bit) is drawn from the seed. */
#ifndef CHAOS_PROXY_H
#define CHAOS_PROXY_H

#include "board.h"

enum proxy_kind { PROXY_UNIX, PROXY_TCP };

/* Where the real one listens, and where the proxy does: in a namespace of our own, or nobody else would have to
 * use them. */
extern const char *const proxy_real[], *const proxy_address[];

/* Begins; false if it cannot. `random` decides. */
bool proxy_begin(struct board *board, enum proxy_kind kind, uint64_t random);

/* All its connections are reset, and nobody listens any more. */
void proxy_end(void);

/* Who connects next is a root again. */
void proxy_new_round(void);

/* How many bits were flipped, connections reset, holed until now. */
uint64_t proxy_struck(void);

#endif

/* What a tree has to live with beside its peers: few descriptors, little memory, a clock that jumps, and many
 * deaths in a row. */
#ifndef CHAOS_HARDSHIP_H
#define CHAOS_HARDSHIP_H

struct board;

/* In every process of a tree, at the beginning of main: its limits, as the board has them. */
void hardship_begin(const struct board *board);

/* A root's main function: starts actors that come to all kinds of ends, one after the other, and survives them. What
 * it has of descriptors and memory early on and at its end stands on the board then. */
int outlive_many(void *board);

#endif

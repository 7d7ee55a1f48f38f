/* The tree under test: a root that starts three actors, each of which starts three, thirteen in all.
 *
 * Each of the twelve is a daemon, started in a task of its own, so that several come up at once. A branch (one of
 * the three) has its leaves called, streamed from, called and given up; then it ends them, in one of three ways that
 * the seed draws. Each leaf calls its branch in turn, over a connection of its own. Nothing that fails is handled:
 * whatever happens anywhere climbs to the root, which says at its end how it went, on the board.
 *
 * Each process says on the board which phase it is in (board.h). */
#ifndef CHAOS_PLAY_H
#define CHAOS_PLAY_H

enum { BRANCHES = 3, LEAVES = 3, TREE = 1 + BRANCHES + BRANCHES * LEAVES };

/* The root's main function; `board` is a struct board. */
int play_tree(void *board);

#endif

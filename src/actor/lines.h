/* What a child writes to its standard streams, line by line. */
#ifndef ACTOR_LINES_H
#define ACTOR_LINES_H

#include "tractor/actor.h"

struct lines;

/* Both pipes; the ends that are the child's are put into standard[1] and [2]. It lives as long as the arena does.
 * 0 or a negative code, raised, with *ret_lines NULL. */
struct arena;
int lines_open(struct arena *memory, tr_line_fn *fn, void *arg, int standard[3], struct lines **ret_lines);

/* The child has its ends, or never will. */
void lines_pass(struct lines *lines);

/* Starts the tasks that read, in a nursery that outlives the process: what `actor` writes. */
int lines_start(struct lines *lines, tr_nursery *nursery, const tr_actor *actor);

/* The process is gone: what is not read after so many seconds never is. */
void lines_limit(struct lines *lines, double seconds);

/* Closes what is open, once no task reads. */
void lines_close(struct lines *lines);

#endif

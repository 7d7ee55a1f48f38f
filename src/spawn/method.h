/* How actors are started. */
#ifndef SPAWN_METHOD_H
#define SPAWN_METHOD_H

#include <stdbool.h>

enum start_method { START_SPAWN, START_FORKSERVER, START_FORK };

/* How the tree that this process belongs to starts its actors: as its parent said, or, in a root, as `word` or,
 * if that is NULL or empty, the environment says. Where that takes a server it is made, so this has to come
 * before there is anything that must not be copied; it returns also in each process that is forked later, as if
 * that had called it. 0 or a negative code, not raised: see method_failed. */
int method_begin(const char *word, enum start_method *ret);

/* Its word. */
const char *method_name(enum start_method method);

/* Raises what method_begin has returned for that word. */
int method_failed(int rc, const char *word);

/* How an actor that asks for `word` (NULL or empty: for nothing) is started in a tree of that method. TR_EARGUMENT
 * or, where the tree has not prepared for it, TR_EMISUSE, raised. */
int method_for_actor(const char *word, enum start_method of_tree, enum start_method *ret);

#endif

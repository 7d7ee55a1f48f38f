/* An intrusive pairing heap: the node with the smallest key is found in constant time.
 *
 * Intrusive, so that entering a scope with a deadline never allocates and so never fails; a pairing
 * heap, because any node can be taken out when a scope is left early, which is the usual case. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct heap_node {
    int64_t key;
    struct heap_node *child;   /* the first of those not smaller than this one */
    struct heap_node *next;    /* the next sibling */
    struct heap_node *prev;    /* the previous sibling, or the parent of a first child */
    bool queued;
};

struct heap {
    struct heap_node *root;    /* the smallest, NULL when empty */
};

void heap_insert(struct heap *heap, struct heap_node *node, int64_t key);

/* Does nothing to a node that is not queued. */
void heap_remove(struct heap *heap, struct heap_node *node);

#endif

/* A pairing heap: a tree whose parents are never larger than their children. Insert and meld link
 * two roots; remove melds the orphaned children in pairs, left to right and back, which is what
 * makes the whole logarithmic when amortised. Nothing here recurses: a million deadlines are fine. */
#include "base/heap.h"

#include "base/panic.h"

#include <stddef.h>

static struct heap_node *meld(struct heap_node *a, struct heap_node *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->key < a->key) {
        struct heap_node *swap = a;
        a = b;
        b = swap;
    }
    b->prev = a;
    b->next = a->child;
    if (b->next)
        b->next->prev = b;
    a->child = b;
    a->next = NULL;
    return a;
}

static struct heap_node *meld_pairs(struct heap_node *first)
{
    struct heap_node *pairs = NULL; /* linked by `prev`, the last pair on top */
    while (first) {
        struct heap_node *a = first, *b = a->next;
        first = b ? b->next : NULL;
        a->next = NULL;
        if (b)
            b->next = NULL;
        struct heap_node *pair = meld(a, b);
        pair->prev = pairs;
        pairs = pair;
    }
    struct heap_node *root = NULL;
    while (pairs) {
        struct heap_node *below = pairs->prev;
        root = meld(root, pairs);
        pairs = below;
    }
    if (root)
        root->prev = NULL;
    return root;
}

void heap_insert(struct heap *heap, struct heap_node *node, int64_t key)
{
    *node = (struct heap_node){.key = key, .queued = true};
    heap->root = meld(heap->root, node);
    heap->root->prev = NULL;
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    if (!node->queued)
        return;
    struct heap_node *orphans = meld_pairs(node->child);
    if (node == heap->root) {
        heap->root = orphans;
    } else {
        if (node->prev->child == node)
            node->prev->child = node->next;
        else
            node->prev->next = node->next;
        if (node->next)
            node->next->prev = node->prev;
        ensure(heap->root);
        heap->root = meld(heap->root, orphans);
        heap->root->prev = NULL;
    }
    *node = (struct heap_node){.key = node->key};
}

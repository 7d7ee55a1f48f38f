/* A hash map from numbers to pointers: the calls of a session by their ids. Open addressing; it grows
 * and never shrinks, since what was once many will be many again. Key 0 is not allowed. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map {
    struct map_slot {
        uint64_t key;       /* 0: free */
        void *value;
    } *slots;
    size_t room;            /* a power of two, or 0 */
    size_t count;
};

/* All zero is an empty map. */
void map_fini(struct map *map);
int map_put(struct map *map, uint64_t key, void *value);   /* 0 or -ENOMEM; the key must be new */
int map_reserve(struct map *map, size_t more);             /* room for so many new keys; 0 or -ENOMEM */
void map_set(struct map *map, uint64_t key, void *value);  /* the key is there, or room for it is */
void *map_get(const struct map *map, uint64_t key);        /* NULL when there is none */
void map_remove(struct map *map, uint64_t key);

#endif

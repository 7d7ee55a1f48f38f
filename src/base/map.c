/* Linear probing at a load of at most one half. Removal moves later entries of the run back, so there
 * are no tombstones and a long life does not slow it down. */
#include "base/map.h"

#include "base/hooks.h"

#include <errno.h>

enum { FIRST_ROOM = 16 };

void map_fini(struct map *map)
{
    mem_free(map->slots);
    *map = (struct map){0};
}

static size_t home(const struct map *map, uint64_t key)
{
    return (size_t)(key * 0x9e3779b97f4a7c15u >> 32) & (map->room - 1);
}

/* The slot of the key, or the free one where it would go. */
static size_t find(const struct map *map, uint64_t key)
{
    size_t at = home(map, key);
    while (map->slots[at].key && map->slots[at].key != key)
        at = (at + 1) & (map->room - 1);
    return at;
}

static int resize(struct map *map, size_t room)
{
    struct map larger = {.room = room, .count = map->count};
    larger.slots = mem_zalloc(room * sizeof *larger.slots);
    if (!larger.slots)
        return -ENOMEM;
    for (size_t i = 0; i < map->room; i++)
        if (map->slots[i].key)
            larger.slots[find(&larger, map->slots[i].key)] = map->slots[i];
    mem_free(map->slots);
    *map = larger;
    return 0;
}

int map_reserve(struct map *map, size_t more)
{
    size_t room = map->room ? map->room : FIRST_ROOM;
    while (room < (map->count + more) * 2)
        room *= 2;
    return room > map->room ? resize(map, room) : 0;
}

void map_set(struct map *map, uint64_t key, void *value)
{
    struct map_slot *slot = &map->slots[find(map, key)];
    map->count += slot->key == 0;
    *slot = (struct map_slot){key, value};
}

int map_put(struct map *map, uint64_t key, void *value)
{
    if (map->room < (map->count + 1) * 2 && map_reserve(map, 1) < 0)
        return -ENOMEM;
    map_set(map, key, value);
    return 0;
}

void *map_get(const struct map *map, uint64_t key)
{
    return map->room ? map->slots[find(map, key)].value : NULL;
}

void map_remove(struct map *map, uint64_t key)
{
    if (map->room == 0)
        return;
    size_t hole = find(map, key), mask = map->room - 1;
    if (!map->slots[hole].key)
        return;
    map->count--;
    for (size_t at = (hole + 1) & mask; map->slots[at].key; at = (at + 1) & mask) {
        size_t wants = home(map, map->slots[at].key);
        if (((at - wants) & mask) < ((at - hole) & mask))
            continue; /* its home lies after the hole: it must not move before it */
        map->slots[hole] = map->slots[at];
        hole = at;
    }
    map->slots[hole] = (struct map_slot){0};
}

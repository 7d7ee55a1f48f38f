/* The descriptions of the built-in types, each with its list. */
#include "tractor/value.h"

#include <string.h>

#define BUILTIN(T, NAME, KIND)                                                                     \
    const tr_type tr_type_##T = {NAME, sizeof(T), KIND, NULL, NULL};                               \
    const tr_type tr_type_tr_list_##T = {"list", sizeof(tr_list_##T), TR_LIST, NULL, &tr_type_##T}

BUILTIN(int8_t, "int8_t", TR_INT8);
BUILTIN(int16_t, "int16_t", TR_INT16);
BUILTIN(int32_t, "int32_t", TR_INT32);
BUILTIN(int64_t, "int64_t", TR_INT64);
BUILTIN(uint8_t, "uint8_t", TR_UINT8);
BUILTIN(uint16_t, "uint16_t", TR_UINT16);
BUILTIN(uint32_t, "uint32_t", TR_UINT32);
BUILTIN(uint64_t, "uint64_t", TR_UINT64);
BUILTIN(double, "double", TR_DOUBLE);
BUILTIN(tr_str, "tr_str", TR_STR);
BUILTIN(tr_bytes, "tr_bytes", TR_BYTES);
BUILTIN(_Bool, "bool", TR_BOOL);
const tr_type tr_type_tr_flag = {.name = "bool", .size = sizeof(tr_flag), .kind = TR_BOOL};
BUILTIN(tr_value, "tr_value", TR_VALUE);

const tr_type tr_type_void = {"void", 0, TR_VOID, NULL, NULL};
const tr_type tr_type_tr_raw = {"raw", sizeof(tr_raw), TR_RAW, NULL, NULL};

const tr_value *tr_value_get(const tr_value *map, const char *key)
{
    if (!map || map->kind != TR_MAP)
        return NULL;
    for (size_t i = 0; i < map->map.count; i++)
        if (map->map.pairs[i].key && strcmp(map->map.pairs[i].key, key) == 0)
            return &map->map.pairs[i].value;
    return NULL;
}

bool type_is_same(const tr_type *a, const tr_type *b)
{
    if (a->kind != b->kind || a->size != b->size || strcmp(a->name, b->name) != 0)
        return false;
    return a->kind != TR_LIST || type_is_same(a->item, b->item);
}

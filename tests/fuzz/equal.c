#include "equal.h"

#include <string.h>

static bool equal_texts(tr_str a, tr_str b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool equal_bytes(tr_bytes a, tr_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static bool equal_members(const tr_field *fields, const char *a, const char *b)
{
    for (; fields->name; fields++)
        if (!equal(fields->type, a + fields->offset, b + fields->offset))
            return false;
    return true;
}

static bool equal_lists(const tr_type *item, const tr_list_int8_t *a, const tr_list_int8_t *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!equal(item, (const char *)a->items + i * item->size, (const char *)b->items + i * item->size))
            return false;
    return true;
}

static bool equal_arrays(const tr_value *a, const tr_value *b)
{
    for (size_t i = 0; i < a->array.count; i++)
        if (!equal_values(&a->array.items[i], &b->array.items[i]))
            return false;
    return true;
}

static bool equal_maps(const tr_value *a, const tr_value *b)
{
    for (size_t i = 0; i < a->map.count; i++)
        if (!equal_texts(a->map.pairs[i].key, b->map.pairs[i].key) ||
            !equal_values(&a->map.pairs[i].value, &b->map.pairs[i].value))
            return false;
    return true;
}

bool equal_values(const tr_value *a, const tr_value *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case TR_NIL:
        return true;
    case TR_BOOLEAN:
        return a->boolean == b->boolean;
    case TR_TEXT:
        return equal_texts(a->text, b->text);
    case TR_BINARY:
        return equal_bytes(a->binary, b->binary);
    case TR_ARRAY:
        return a->array.count == b->array.count && equal_arrays(a, b);
    case TR_MAP:
        return a->map.count == b->map.count && equal_maps(a, b);
    default: /* integers and reals, by their bits */
        return memcmp(&a->integer, &b->integer, sizeof a->integer) == 0;
    }
}

bool equal(const tr_type *type, const void *a, const void *b)
{
    switch (type->kind) {
    case TR_STR:
        return equal_texts(*(const tr_str *)a, *(const tr_str *)b);
    case TR_BYTES:
    case TR_RAW:
        return equal_bytes(*(const tr_bytes *)a, *(const tr_bytes *)b);
    case TR_STRUCT:
        return equal_members(type->fields, a, b);
    case TR_LIST:
        return equal_lists(type->item, a, b);
    case TR_VALUE:
        return equal_values(a, b);
    default:
        return memcmp(a, b, type->size) == 0;
    }
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

size_t largest_part(const tr_type *type)
{
    size_t most = 16; /* an empty string, aligned */
    if (type->kind == TR_VALUE)
        return sizeof(tr_pair);
    if (type->kind == TR_LIST)
        return larger(type->item->size, largest_part(type->item));
    for (const tr_field *field = type->fields; field && field->name; field++)
        most = larger(most, largest_part(field->type));
    return most;
}

/* The functions that an actor serves, and how they travel.
 *
 * Types refer to each other by pointers; sent, they are a table in which each speaks only of those before it. So
 * whoever reads it needs no recursion, and cannot be led in circles. */
#define TR_MODULE "tractor.inspect"
#include "actor/serve.h"
#include "base/error.h"
#include "inspect/shape.h"
#include "value/codec.h"

#include <errno.h>
#include <string.h>

enum { MOST_TYPES = 256 };      /* of one function */

struct scribe {
    struct arena *memory;
    const tr_type *types[MOST_TYPES];
    type_shape *shapes;              /* as many */
    uint32_t count;
};

static int no_memory(void)
{
    return error_raise_plain(-ENOMEM);
}

static int find_type(const struct scribe *scribe, const tr_type *type)
{
    for (uint32_t i = 0; i < scribe->count; i++)
        if (scribe->types[i] == type)
            return (int)i;
    return -1;
}

int shape_convert(const tr_type *type, const void *value, const tr_type *to, struct arena *memory, void *ret)
{
    struct buf wire = {0};
    int rc = codec_encode(&wire, type, value);
    struct reader from = {.at = wire.data, .left = wire.size};
    if (rc == -ENOMEM)
        rc = no_memory();
    if (rc >= 0)
        rc = codec_decode(&from, to, memory, ret);
    buf_fini(&wire);
    return rc;
}

static int write_type(struct scribe *scribe, const tr_type *type, uint32_t *ret_index);

static int write_members(struct scribe *scribe, const tr_field *fields, tr_list_shape_member *ret)
{
    size_t count = 0;
    while (fields[count].name)
        count++;
    shape_member *members = arena_alloc(scribe->memory, (count + 1) * sizeof *members);
    if (!members)
        return no_memory();
    for (size_t i = 0; i < count; i++) {
        members[i].name = fields[i].name;
        tr_try(write_type(scribe, fields[i].type, &members[i].type));
        if (fields[i].fallback)
            tr_try(shape_convert(fields[i].type, fields[i].fallback, &tr_type_tr_value, scribe->memory,
                                 &members[i].fallback));
    }
    *ret = (tr_list_shape_member){members, count};
    return 0;
}

static int write_type(struct scribe *scribe, const tr_type *type, uint32_t *ret_index)
{
    int known = find_type(scribe, type);
    type_shape it = {.name = type->name, .kind = (uint8_t)type->kind};
    if (known < 0 && type->kind == TR_LIST)
        tr_try(write_type(scribe, type->item, &it.item));
    if (known < 0 && type->kind == TR_STRUCT)
        tr_try(write_members(scribe, type->fields, &it.members));
    if (known < 0) {
        if (scribe->count == MOST_TYPES)
            return raise_code(TR_EARGUMENT, "a function with more than %d types", MOST_TYPES);
        known = (int)scribe->count++;
        scribe->types[known] = type;
        scribe->shapes[known] = it;
    }
    *ret_index = (uint32_t)known;
    return 0;
}

static int write_all(struct scribe *scribe, const tr_fn_info *fn, function_shape *ret)
{
    char room[MODULE_ROOM];
    scribe->shapes = arena_alloc(scribe->memory, MOST_TYPES * sizeof *scribe->shapes);
    ret->module = arena_text(scribe->memory, function_module(fn, room));
    if (!scribe->shapes || !ret->module)
        return no_memory();
    ret->name = fn->name;
    ret->way = (uint8_t)fn->way;
    tr_try(write_members(scribe, fn->args, &ret->args));
    tr_try(write_type(scribe, fn->out, &ret->out));
    tr_try(write_type(scribe, fn->first, &ret->first));
    tr_try(write_type(scribe, fn->heard, &ret->heard));
    tr_try(write_type(scribe, fn->item, &ret->item));
    ret->types = (tr_list_type_shape){scribe->shapes, scribe->count};
    return 0;
}

int shape_write(const tr_fn_info *fn, struct arena *memory, function_shape *ret)
{
    struct scribe scribe = {.memory = memory};
    *ret = (function_shape){.module = NULL};
    return write_all(&scribe, fn, ret);
}

/* ---- serving ----------------------------------------------------------------------------------------------- */

/* Whether it is asked for by "", "module" or "module.function". */
static bool is_meant(const char *which, const char *module, const char *name)
{
    return !which || !which[0] || function_exposed(&(tr_list_tr_str){&which, 1}, module, name);
}

static int yield_one(tr_ctx *ctx, const tr_fn_info *fn)
{
    struct arena memory = {0};
    function_shape it;
    int rc = shape_write(fn, &memory, &it);
    if (rc >= 0)
        rc = tr_send_yield(ctx, function_shape, it);
    arena_fini(&memory);
    return rc;
}

tr_stream_fn_def(tr_inspect_functions_of)
{
    const tr_fn_entry *entry = NULL;
    char room[MODULE_ROOM];
    while ((entry = function_next(entry))) {
        const char *module = function_module(entry->info, room);
        if (function_exposed(&actor_self()->modules, module, entry->info->name) &&
            is_meant(args->which, module, entry->info->name))
            tr_try(yield_one(ctx, entry->info));
    }
    return 0;
}

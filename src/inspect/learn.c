/* A table of types, as another actor sent it, becomes types that the codec can use, laid out in memory as is easy here:
 * each member at a multiple of eight bytes. Nothing in it is believed: each speaks of those before it, what it amounts
 * to when all is written out is bounded (a table of ten types can describe one of a million members), and a default
 * that is none of its type is refused by the codec itself. */
#define TR_MODULE "tractor.inspect"
#include "base/error.h"
#include "inspect/shape.h"

#include <errno.h>
#include <string.h>

/* Members of one struct, those of its own and of what is in it: more than any person would write. */
enum { MOST_MEMBERS = 64, MOST_IN_ALL = 4096, PLACE = 8 };

struct learner {
    struct arena *memory;
    tr_type *types;
    size_t *weights;            /* of each, what it amounts to */
    size_t count;               /* how many are known */
};

static int no_memory(void)
{
    return error_raise_plain(-ENOMEM);
}

static int refuse(const char *why)
{
    return raise_code(TR_EPROTOCOL, "a function is described that cannot be: %s", why);
}

static const tr_type *builtin(unsigned kind)
{
    static const tr_type *const all[] = {
        [TR_VOID] = &tr_type_void,         [TR_BOOL] = &tr_type_tr_flag,     [TR_INT8] = &tr_type_int8_t,
        [TR_INT16] = &tr_type_int16_t,     [TR_INT32] = &tr_type_int32_t,    [TR_INT64] = &tr_type_int64_t,
        [TR_UINT8] = &tr_type_uint8_t,     [TR_UINT16] = &tr_type_uint16_t,  [TR_UINT32] = &tr_type_uint32_t,
        [TR_UINT64] = &tr_type_uint64_t,   [TR_DOUBLE] = &tr_type_double,    [TR_STR] = &tr_type_tr_str,
        [TR_BYTES] = &tr_type_tr_bytes,    [TR_VALUE] = &tr_type_tr_value,
    };
    return kind < sizeof all / sizeof *all ? all[kind] : NULL;
}

static bool is_name(const char *text)
{
    static const char may_have[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    return text && text[0] && strspn(text, may_have) == strlen(text);
}

static int learn_fallback(struct learner *learner, const tr_value *value, tr_field *field)
{
    if (value->kind == TR_NIL)
        return 0;
    void *constant = arena_alloc(learner->memory, field->type->size + 1);
    if (!constant)
        return no_memory();
    field->fallback = constant;
    int rc = shape_convert(&tr_type_tr_value, value, field->type, learner->memory, constant);
    return rc == TR_EARGUMENT ? refuse("a default that is none of its type") : rc;
}

static int learn_member(struct learner *learner, const shape_member *member, tr_field *ret, size_t *weight)
{
    if (!is_name(member->name) || member->type >= learner->count)
        return refuse("a member without a name or a type");
    *weight += learner->weights[member->type];
    if (*weight > MOST_IN_ALL)
        return refuse("too many members");
    *ret = (tr_field){.name = arena_text(learner->memory, member->name), .type = &learner->types[member->type]};
    if (!ret->name)
        return no_memory();
    return learn_fallback(learner, &member->fallback, ret);
}

/* Of a struct or a function's arguments: *ret_weight is of all of them. */
static int learn_members(struct learner *learner, const tr_list_shape_member *members, const tr_field **ret_fields,
                         size_t *ret_size, size_t *ret_weight)
{
    if (members->count > MOST_MEMBERS)
        return refuse("too many members");
    tr_field *fields = arena_alloc(learner->memory, (members->count + 1) * sizeof *fields);
    size_t size = 0, weight = 1;
    if (!fields)
        return no_memory();
    for (size_t i = 0; i < members->count; i++) {
        tr_try(learn_member(learner, &members->items[i], &fields[i], &weight));
        fields[i].offset = size;
        size += (fields[i].type->size + PLACE - 1) / PLACE * PLACE;
    }
    *ret_fields = fields;
    *ret_size = size ? size : PLACE;
    *ret_weight = weight;
    return 0;
}

static int learn_struct(struct learner *learner, const type_shape *from, tr_type *ret, size_t *ret_weight)
{
    if (!is_name(from->name))
        return refuse("a struct without a name");
    *ret = (tr_type){.name = arena_text(learner->memory, from->name), .kind = TR_STRUCT};
    if (!ret->name)
        return no_memory();
    return learn_members(learner, &from->members, &ret->fields, &ret->size, ret_weight);
}

static int learn_type(struct learner *learner, const type_shape *from)
{
    tr_type *to = &learner->types[learner->count];
    size_t *weight = &learner->weights[learner->count];
    *weight = 1;
    if (from->kind == TR_STRUCT) {
        tr_try(learn_struct(learner, from, to, weight));
    } else if (from->kind == TR_LIST) {
        if (from->item >= learner->count)
            return refuse("a list of what is not known");
        *to = (tr_type){"list", sizeof(tr_list_tr_str), TR_LIST, NULL, &learner->types[from->item]};
        *weight += learner->weights[from->item];
    } else if (builtin(from->kind)) {
        *to = *builtin(from->kind);
    } else {
        return refuse("a type of no kind");
    }
    learner->count++;
    return 0;
}

static int learn_types(struct learner *learner, const tr_list_type_shape *types)
{
    learner->types = arena_alloc(learner->memory, (types->count + 1) * sizeof *learner->types);
    learner->weights = arena_alloc(learner->memory, (types->count + 1) * sizeof *learner->weights);
    if (!learner->types || !learner->weights)
        return no_memory();
    for (size_t i = 0; i < types->count; i++)
        tr_try(learn_type(learner, &types->items[i]));
    return 0;
}

static int check(const function_shape *shape, const struct learner *learner)
{
    const uint32_t used[] = {shape->out, shape->first, shape->heard, shape->item};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        if (used[i] >= learner->count)
            return refuse("a result of what is not known");
    if (!is_name(shape->name) || !shape->module || !shape->module[0] || shape->way > TR_WAY_CONTEXT)
        return refuse("no name, or no way to call it");
    return 0;
}

int shape_read(const function_shape *shape, struct arena *memory, tr_fn_info *ret)
{
    struct learner learner = {.memory = memory};
    size_t weight;
    tr_fn_info fn = {.file = "", .at = "", .way = (enum tr_way)shape->way};
    tr_try(learn_types(&learner, &shape->types));
    tr_try(check(shape, &learner));
    tr_try(learn_members(&learner, &shape->args, &fn.args, &fn.args_size, &weight));
    fn.module = arena_text(memory, shape->module);
    fn.name = arena_text(memory, shape->name);
    if (!fn.module || !fn.name)
        return no_memory();
    fn.out = &learner.types[shape->out];
    fn.first = &learner.types[shape->first];
    fn.heard = &learner.types[shape->heard];
    fn.item = &learner.types[shape->item];
    *ret = fn;
    return 0;
}

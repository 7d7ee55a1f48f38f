/* Calling functions that this program has not declared.
 *
 * What the caller gives is free-form. It is encoded as that, and decoded again as what the function wants: so the
 * codec, which has to look at every message anyway, finds what does not fit, and says where. The record that comes of
 * it is sent as any call's is. What comes back goes the same way round. */
#define TR_MODULE "tractor.inspect"
#include "actor/portal.h"
#include "base/error.h"
#include "inspect/shape.h"
#include "sched/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FUNCTIONS = 65536 };

static int no_memory(void)
{
    return error_raise_plain(-ENOMEM);
}

/* ---- which there are --------------------------------------------------------------------------------------- */

static int gather(tr_portal *portal, const char *which, struct arena *memory, struct buf *found)
{
    tr_auto(stream) functions = NULL;
    function_shape it;
    int rc;
    tr_try(tr_open_stream(portal, &functions, tr_inspect_functions_of, .which = which));
    while ((rc = tr_next(functions, &it, tr_inspect_functions_of)) > 0) {
        tr_fn_info fn;
        if (found->size >= MOST_FUNCTIONS * sizeof fn)
            return raise_code(TR_EPROTOCOL, "more than %d functions are described", MOST_FUNCTIONS);
        tr_try(shape_read(&it, memory, &fn));
        if (buf_append(found, &fn, sizeof fn) < 0)
            return no_memory();
    }
    return rc;
}

static int by_name(const void *a, const void *b)
{
    const tr_fn_info *one = a, *other = b;
    int order = strcmp(one->module, other->module);
    return order ? order : strcmp(one->name, other->name);
}

int tr_inspect_functions(tr_portal *portal, const char *which, tr_function_list *ret_functions)
{
    tr_try(portal_usable(portal));
    struct arena *memory = frame_memory();
    struct buf found = {0};
    if (!ret_functions)
        return raise_code(TR_EARGUMENT, "nowhere to put what is found");
    int rc = memory ? gather(portal, which, memory, &found) : no_memory();
    tr_fn_info *items = rc < 0 ? NULL : arena_copy(memory, found.data, found.size);
    const size_t count = found.size / sizeof *items;
    buf_fini(&found);
    if (!items)
        return rc < 0 ? rc : no_memory();
    qsort(items, count, sizeof *items, by_name);
    *ret_functions = (tr_function_list){items, count};
    return 0;
}

const char *tr_signature(const tr_fn_info *fn)
{
    struct buf text = {0};
    char *copy = NULL;
    if (fn && function_text(&text, fn) >= 0 && (copy = tr_alloc(text.size + 1)))
        memcpy(copy, text.data, text.size);
    buf_fini(&text);
    return copy ? copy : "";
}

/* ---- arguments --------------------------------------------------------------------------------------------- */

static int fit(const tr_value *value, const tr_type *type, struct arena *memory, tr_value *ret);

static const tr_type *type_of(const tr_field *fields, const char *name)
{
    while (fields->name && strcmp(fields->name, name ? name : "") != 0)
        fields++;
    return fields->type; /* NULL at the end: the codec says what it thinks of such a member */
}

static int fit_map(const tr_value *value, const tr_field *fields, struct arena *memory, tr_value *ret)
{
    tr_pair *pairs = arena_copy(memory, value->map.pairs, value->map.count * sizeof *pairs);
    if (!pairs)
        return no_memory();
    for (size_t i = 0; i < value->map.count; i++) {
        const tr_type *type = type_of(fields, pairs[i].key);
        if (type)
            tr_try(fit(&value->map.pairs[i].value, type, memory, &pairs[i].value));
    }
    *ret = (tr_value){.kind = TR_MAP, .map = {pairs, value->map.count}};
    return 0;
}

static int fit_array(const tr_value *value, const tr_type *item, struct arena *memory, tr_value *ret)
{
    tr_value *items = arena_copy(memory, value->array.items, value->array.count * sizeof *items);
    if (!items)
        return no_memory();
    for (size_t i = 0; i < value->array.count; i++)
        tr_try(fit(&value->array.items[i], item, memory, &items[i]));
    *ret = (tr_value){.kind = TR_ARRAY, .array = {items, value->array.count}};
    return 0;
}

/* People, and JSON, have no bytes but texts. Whatever else does not fit is left for the codec to find. */
static int fit(const tr_value *value, const tr_type *type, struct arena *memory, tr_value *ret)
{
    *ret = *value;
    if (type->kind == TR_STRUCT && value->kind == TR_MAP)
        return fit_map(value, type->fields, memory, ret);
    if (type->kind == TR_LIST && value->kind == TR_ARRAY)
        return fit_array(value, type->item, memory, ret);
    if (type->kind == TR_BYTES && value->kind == TR_TEXT)
        *ret = (tr_value){.kind = TR_BINARY, .binary = {value->text, strlen(value->text)}};
    return 0;
}

static int make_record(const tr_fn_info *fn, const tr_value *args, struct arena *memory, void *ret_record)
{
    const tr_type record = {.name = "arguments", .size = fn->args_size, .kind = TR_STRUCT, .fields = fn->args};
    tr_value fitted;
    tr_try(fit_map(args, fn->args, memory, &fitted));
    return shape_convert(&tr_type_tr_value, &fitted, &record, memory, ret_record);
}

/* The arguments as the function wants them. */
static int take_args(const tr_fn_info *fn, const tr_value *args, struct arena *memory, void **ret_record)
{
    static const tr_value none = {.kind = TR_MAP};
    if (!args || args->kind == TR_NIL)
        args = &none;
    *ret_record = arena_alloc(memory, fn->args_size);
    if (!*ret_record)
        return no_memory();
    int rc = args->kind == TR_MAP ? make_record(fn, args, memory, *ret_record)
                                  : raise_code(TR_EARGUMENT, "arguments have names: they are a map");
    if (rc != TR_EARGUMENT)
        return rc;
    return raise_code(TR_EARGUMENT, "%s; the function is %s", tr_error_message(tr_last_error()), tr_signature(fn));
}

/* ---- calls ------------------------------------------------------------------------------------------------- */

static int check(const tr_portal *portal, const tr_fn_info *fn, enum tr_way way, struct arena **ret_memory)
{
    static const char *const ways[] = {"is called for one result", "is a stream", "is a context"};
    tr_try(portal_usable(portal));
    if (!fn)
        return raise_code(TR_EARGUMENT, "no function");
    if (fn->way != way)
        return raise_code(TR_EMISUSE, "%s %s", fn->name, ways[fn->way]);
    *ret_memory = frame_memory();
    return *ret_memory ? 0 : no_memory();
}

int tr_call_value(tr_portal *portal, const tr_fn_info *fn, const tr_value *args, tr_value *ret_result)
{
    struct arena *memory;
    void *record, *result;
    tr_try(check(portal, fn, TR_WAY_CALL, &memory));
    tr_try(take_args(fn, args, memory, &record));
    result = arena_alloc(memory, fn->out->size + 1);
    if (!result)
        return no_memory();
    tr_try(tr_call_(portal, fn, record, result));
    return ret_result ? shape_convert(fn->out, result, &tr_type_tr_value, memory, ret_result) : 0;
}

int tr_open_stream_value(tr_portal *portal, tr_stream **ret_stream, const tr_fn_info *fn, const tr_value *args)
{
    struct arena *memory;
    void *record;
    tr_try(check(portal, fn, TR_WAY_STREAM, &memory));
    tr_try(take_args(fn, args, memory, &record));
    return tr_open_stream_(portal, ret_stream, NULL, fn, record);
}

int tr_next_value(tr_stream *stream, const tr_fn_info *fn, tr_value *ret_item)
{
    struct arena *memory = frame_memory();
    if (!fn || !ret_item)
        return raise_code(TR_EARGUMENT, "no function, or nowhere to put its value");
    void *item = memory ? arena_alloc(memory, fn->item->size + 1) : NULL;
    if (!item)
        return no_memory();
    int rc = tr_next_(stream, fn, item);
    if (rc > 0)
        tr_try(shape_convert(fn->item, item, &tr_type_tr_value, memory, ret_item));
    return rc;
}

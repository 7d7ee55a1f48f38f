/* C values to msgpack. One small function a kind, found by the type's kind; structs and lists go on with
 * the types of their parts. */
#include "base/error.h"
#include "value/msgpack.h"
#include "value/path.h"

#include <errno.h>
#include <string.h>

/* Where values go, and the bytes that need not go with them. */
struct outlet {
    struct buf *out;
    struct far_lender *lender;  /* or NULL */
    bool is_agreed;             /* who reads it knows the type: members need no names */
};

typedef int encode_fn(struct outlet *to, const tr_type *type, const void *at, const struct path *path);

static encode_fn encode;

static int encode_void(struct outlet *to, const tr_type *type, const void *at, const struct path *path)
{
    (void)type;
    (void)at;
    (void)path;
    return msgpack_put_nil(to->out);
}

static int encode_bool(struct outlet *to, const tr_type *type, const void *at, const struct path *path)
{
    (void)path;
    bool is_member = type->size == sizeof(tr_flag);
    return msgpack_put_bool(to->out, is_member ? *(const tr_flag *)at != 0 : *(const bool *)at);
}

static bool is_number(const tr_type *type)
{
    return type->kind >= TR_INT8 && type->kind <= TR_DOUBLE;
}

static int put_number(struct buf *out, const tr_type *type, const void *at)
{
    switch (type->kind) {
    case TR_INT8:
        return msgpack_put_int(out, *(const int8_t *)at);
    case TR_INT16:
        return msgpack_put_int(out, *(const int16_t *)at);
    case TR_INT32:
        return msgpack_put_int(out, *(const int32_t *)at);
    case TR_INT64:
        return msgpack_put_int(out, *(const int64_t *)at);
    case TR_UINT8:
        return msgpack_put_uint(out, *(const uint8_t *)at);
    case TR_UINT16:
        return msgpack_put_uint(out, *(const uint16_t *)at);
    case TR_UINT32:
        return msgpack_put_uint(out, *(const uint32_t *)at);
    case TR_UINT64:
        return msgpack_put_uint(out, *(const uint64_t *)at);
    default:
        return msgpack_put_real(out, *(const double *)at);
    }
}

static int encode_number(struct outlet *to, const tr_type *type, const void *at, const struct path *path)
{
    (void)path;
    return put_number(to->out, type, at);
}

static int check_size(size_t size, const struct path *path)
{
    return size > CODEC_MOST ? path_fail(path, "%zu bytes are over the limit of %d", size, CODEC_MOST) : 0;
}

static int encode_str(struct outlet *to, const tr_type *type, const void *at, const struct path *path)
{
    (void)type;
    tr_str text = *(const tr_str *)at;
    if (!text)
        return msgpack_put_nil(to->out);
    size_t size = strlen(text);
    tr_try(check_size(size, path));
    return msgpack_put_str(to->out, text, size);
}

static int encode_bytes(struct outlet *to, const tr_type *type, const void *at, const struct path *path)
{
    (void)type;
    tr_bytes bytes = *(const tr_bytes *)at;
    if (bytes.size > 0 && !bytes.data)
        return path_fail(path, "%zu bytes at NULL", bytes.size);
    tr_try(check_size(bytes.size, path));
    uint32_t place;
    if (bytes.size >= CODEC_LARGE && to->lender && to->lender->lend(to->lender, bytes.data, bytes.size, &place))
        return msgpack_put_far(to->out, place, (uint32_t)bytes.size);
    return msgpack_put_bin(to->out, bytes.data, bytes.size);
}

static int encode_raw(struct outlet *to, const tr_type *type, const void *at, const struct path *path)
{
    (void)type;
    (void)path;
    tr_raw raw = *(const tr_raw *)at;
    return buf_append(to->out, raw.data, raw.size);
}

/* ---- structs ---------------------------------------------------------------------------------------- */

static bool is_zero(const void *at, size_t size)
{
    const unsigned char *bytes = at;
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

static bool is_default(const tr_field *field, const char *record)
{
    return field->fallback && is_zero(record + field->offset, field->type->size);
}

static int encode_by_order(struct outlet *to, const tr_field *fields, const char *record, const struct path *outer)
{
    tr_try(msgpack_put_array(to->out, count_fields(fields)));
    for (const tr_field *field = fields; field->name; field++) {
        struct path path = {outer, field->name, 0, outer->depth + 1};
        tr_try(encode(to, field->type, record + field->offset, &path));
    }
    return 0;
}

static int encode_by_name(struct outlet *to, const tr_field *fields, const char *record, const struct path *outer)
{
    size_t count = 0;
    for (const tr_field *field = fields; field->name; field++)
        count += !is_default(field, record);
    tr_try(msgpack_put_map(to->out, count));
    for (const tr_field *field = fields; field->name; field++) {
        if (is_default(field, record))
            continue;
        struct path path = {outer, field->name, 0, outer->depth + 1};
        tr_try(msgpack_put_str(to->out, field->name, strlen(field->name)));
        tr_try(encode(to, field->type, record + field->offset, &path));
    }
    return 0;
}

static int encode_members(struct outlet *to, const tr_field *fields, const char *record, const struct path *path)
{
    return to->is_agreed && path->depth <= CODEC_AGREED ? encode_by_order(to, fields, record, path)
                                                        : encode_by_name(to, fields, record, path);
}

static int encode_struct(struct outlet *to, const tr_type *type, const void *at,
                         const struct path *path)
{
    return encode_members(to, type->fields, at, path);
}

/* ---- lists and free-form values ------------------------------------------------------------------------ */

/* Every list type has this shape. */
struct list {
    const char *items;
    size_t count;
};

static int encode_list(struct outlet *to, const tr_type *type, const void *at, const struct path *outer)
{
    struct list list;
    memcpy(&list, at, sizeof list);
    if (list.count > 0 && !list.items)
        return path_fail(outer, "a list of %zu items at NULL", list.count);
    tr_try(msgpack_put_array(to->out, list.count));
    for (size_t i = 0; i < list.count; i++) {
        struct path path = {outer, NULL, i, outer->depth + 1};
        tr_try(encode(to, type->item, list.items + i * type->item->size, &path));
    }
    return 0;
}

static int encode_array(struct outlet *to, const tr_value *value, const struct path *outer)
{
    if (value->array.count > 0 && !value->array.items)
        return path_fail(outer, "an array of %zu items at NULL", value->array.count);
    tr_try(msgpack_put_array(to->out, value->array.count));
    for (size_t i = 0; i < value->array.count; i++) {
        struct path path = {outer, NULL, i, outer->depth + 1};
        tr_try(encode(to, &tr_type_tr_value, &value->array.items[i], &path));
    }
    return 0;
}

static int encode_map(struct outlet *to, const tr_value *value, const struct path *outer)
{
    if (value->map.count > 0 && !value->map.pairs)
        return path_fail(outer, "a map of %zu pairs at NULL", value->map.count);
    tr_try(msgpack_put_map(to->out, value->map.count));
    for (size_t i = 0; i < value->map.count; i++) {
        const tr_pair *pair = &value->map.pairs[i];
        if (!pair->key)
            return path_fail(outer, "a map with a NULL key");
        struct path path = {outer, pair->key, 0, outer->depth + 1};
        tr_try(msgpack_put_str(to->out, pair->key, strlen(pair->key)));
        tr_try(encode(to, &tr_type_tr_value, &pair->value, &path));
    }
    return 0;
}

static int encode_value(struct outlet *to, const tr_type *type, const void *at, const struct path *path)
{
    (void)type;
    const tr_value *value = at;
    switch (value->kind) {
    case TR_NIL:
        return msgpack_put_nil(to->out);
    case TR_BOOLEAN:
        return msgpack_put_bool(to->out, value->boolean);
    case TR_INTEGER:
        return msgpack_put_int(to->out, value->integer);
    case TR_UNSIGNED:
        return msgpack_put_uint(to->out, value->unsigned_);
    case TR_REAL:
        return msgpack_put_real(to->out, value->real);
    case TR_TEXT:
        return encode_str(to, NULL, &value->text, path);
    case TR_BINARY:
        return encode_bytes(to, NULL, &value->binary, path);
    case TR_ARRAY:
        return encode_array(to, value, path);
    case TR_MAP:
        return encode_map(to, value, path);
    }
    return path_fail(path, "a value of no kind (%d)", (int)value->kind);
}

static encode_fn *const encoders[] = {
    [TR_VOID] = encode_void,      [TR_BOOL] = encode_bool,      [TR_INT8] = encode_number,
    [TR_INT16] = encode_number,   [TR_INT32] = encode_number,   [TR_INT64] = encode_number,
    [TR_UINT8] = encode_number,   [TR_UINT16] = encode_number,  [TR_UINT32] = encode_number,
    [TR_UINT64] = encode_number,  [TR_DOUBLE] = encode_number,  [TR_STR] = encode_str,
    [TR_BYTES] = encode_bytes,    [TR_STRUCT] = encode_struct,  [TR_LIST] = encode_list,
    [TR_VALUE] = encode_value,    [TR_RAW] = encode_raw,
};

static int encode(struct outlet *to, const tr_type *type, const void *at, const struct path *path)
{
    tr_try(path_check(path));
    return encoders[type->kind](to, type, at, path);
}

int codec_encode_agreed(struct buf *out, struct far_lender *lender, const tr_type *type, const void *value)
{
    struct outlet to = {out, lender, true};
    struct path top = {0};
    return encode(&to, type, value, &top);
}

int codec_encode(struct buf *out, const tr_type *type, const void *value)
{
    if (is_number(type)) /* as most parts of a frame are */
        return put_number(out, type, value);
    struct outlet to = {out, NULL, false};
    struct path top = {0};
    return encode(&to, type, value, &top);
}

int codec_encode_fields(struct buf *out, const tr_field *fields, const void *record)
{
    struct outlet to = {out, NULL, true};
    struct path top = {0};
    return encode_members(&to, fields, record, &top);
}

int codec_put_array(struct buf *out, size_t count)
{
    return msgpack_put_array(out, count);
}

/* Msgpack to C values, trusting nothing. One small function a kind, as in encode.c.
 *
 * Memory: a list's items are allocated once its count is known to fit the bytes that are left beside what the
 * lists around it still expect, so a frame of n bytes makes at most n items, however deep in each other, and
 * the largest item decides the factor; free-form values, whose items are large and whose wire form is small,
 * are also limited in number. */
#include "base/error.h"
#include "value/msgpack.h"
#include "value/path.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* Nodes of free-form data in one message: at 32 bytes each 2 MiB, where the wire needs 64 KiB. */
enum { MOST_NODES = 65536 };

/* What is passed along while one value is read. */
struct decoder {
    struct reader *from;
    struct arena *memory;
    size_t due;                 /* heads that were announced and are still to come, each of a byte at least */
    size_t nodes;               /* of free-form data so far */
};

typedef int decode_fn(struct decoder *decoder, const tr_type *type, void *at,
                      const struct path *path);

static decode_fn decode;

static int no_memory(void)
{
    return error_raise_plain(-ENOMEM);
}

static int take(struct decoder *decoder, struct msgpack_head *head, const struct path *path)
{
    bool there = msgpack_take(decoder->from, head);
    decoder->due--;
    if (there && (head->kind == MSGPACK_ARRAY || head->kind == MSGPACK_MAP))
        decoder->due += head->kind == MSGPACK_MAP ? 2 * head->count : head->count;
    return there && decoder->due <= decoder->from->left ? 0
                                                        : path_fail(path, "the message is cut or spoilt");
}

static int mismatch(const struct path *path, const tr_type *type, const struct msgpack_head *head)
{
    return path_fail(path, "expected %s, got %s", type->name, msgpack_kind_name(head->kind));
}

/* ---- scalars ------------------------------------------------------------------------------------------- */

static int decode_void(struct decoder *decoder, const tr_type *type, void *at,
                       const struct path *path)
{
    (void)at;
    struct msgpack_head head;
    tr_try(take(decoder, &head, path));
    return head.kind == MSGPACK_NIL ? 0 : mismatch(path, type, &head);
}

static int decode_bool(struct decoder *decoder, const tr_type *type, void *at,
                       const struct path *path)
{
    struct msgpack_head head;
    tr_try(take(decoder, &head, path));
    if (head.kind != MSGPACK_BOOL)
        return mismatch(path, type, &head);
    if (type->size == sizeof(tr_flag))
        *(tr_flag *)at = head.boolean;
    else
        *(bool *)at = head.boolean;
    return 0;
}

/* The bits of an integer type: its least and largest values. */
static int64_t least_of(const tr_type *type)
{
    return -1 - (int64_t)(UINT64_MAX >> (65 - 8 * type->size));
}

static uint64_t largest_of(const tr_type *type, bool is_signed)
{
    return UINT64_MAX >> ((is_signed ? 65 : 64) - 8 * type->size);
}

static void store(void *at, size_t size, uint64_t number)
{
    switch (size) {
    case sizeof(uint8_t): *(uint8_t *)at = (uint8_t)number; break;
    case sizeof(uint16_t): *(uint16_t *)at = (uint16_t)number; break;
    case sizeof(uint32_t): *(uint32_t *)at = (uint32_t)number; break;
    default: *(uint64_t *)at = number;
    }
}

static int decode_integer(struct decoder *decoder, const tr_type *type, void *at,
                          const struct path *path)
{
    struct msgpack_head head;
    bool is_signed = type->kind <= TR_INT64;
    tr_try(take(decoder, &head, path));
    if (head.kind == MSGPACK_UINT) {
        if (head.number > largest_of(type, is_signed))
            return path_fail(path, "%llu does not fit %s", (unsigned long long)head.number,
                             type->name);
    } else if (head.kind == MSGPACK_INT) {
        if (!is_signed || (int64_t)head.number < least_of(type))
            return path_fail(path, "%lld does not fit %s", (long long)head.number, type->name);
    } else {
        return mismatch(path, type, &head);
    }
    store(at, type->size, head.number);
    return 0;
}

/* Most of what is decoded is a number, and written so. False for all else, even if it is one: nothing is taken then. */
static inline bool decode_quickly(struct reader *from, const tr_type *type, void *ret)
{
    const struct reader before = *from;
    uint64_t number;
    if (type->kind == TR_DOUBLE)
        return msgpack_take_quick_real(from, ret);
    if (type->kind < TR_INT8 || type->kind > TR_UINT64 || !msgpack_take_quick_uint(from, &number))
        return false;
    if (number > largest_of(type, type->kind <= TR_INT64)) {
        *from = before;
        return false;
    }
    store(ret, type->size, number);
    return true;
}

static int decode_double(struct decoder *decoder, const tr_type *type, void *at,
                         const struct path *path)
{
    struct msgpack_head head;
    tr_try(take(decoder, &head, path));
    if (head.kind == MSGPACK_REAL)
        *(double *)at = head.real;
    else if (head.kind == MSGPACK_UINT)
        *(double *)at = (double)head.number;
    else if (head.kind == MSGPACK_INT)
        *(double *)at = (double)(int64_t)head.number;
    else
        return mismatch(path, type, &head);
    return 0;
}

/* ---- texts and bytes ----------------------------------------------------------------------------------- */

static int copy_text(struct decoder *decoder, const struct msgpack_head *head, tr_str *ret,
                     const struct path *path)
{
    if (head->count && memchr(head->bytes, '\0', head->count))
        return path_fail(path, "a string with a zero byte inside");
    char *text = arena_alloc(decoder->memory, head->count + 1);
    if (!text)
        return no_memory();
    if (head->count)
        memcpy(text, head->bytes, head->count);
    *ret = text;
    return 0;
}

static int keep_bytes(struct decoder *decoder, const struct msgpack_head *head, tr_bytes *ret)
{
    const void *data = NULL;
    if (decoder->from->in_place && head->count >= CODEC_IN_PLACE) {
        data = head->bytes;
        decoder->from->lent = true;
    } else if (head->count > 0 && !(data = arena_copy(decoder->memory, head->bytes, head->count))) {
        return no_memory();
    }
    *ret = (tr_bytes){data, head->count};
    return 0;
}

static int borrow_bytes(struct decoder *decoder, const struct msgpack_head *head, tr_bytes *ret,
                        const struct path *path)
{
    struct far_source *source = decoder->from->source;
    int rc = 0;
    const void *data = NULL;
    if (source)
        data = source->borrow(source, (uint32_t)head->number, head->count, decoder->memory, &rc);
    if (rc < 0)
        return no_memory();
    if (!data)
        return path_fail(path, "%zu bytes that lie where nothing is", head->count);
    *ret = (tr_bytes){data, head->count};
    return 0;
}

static int decode_str(struct decoder *decoder, const tr_type *type, void *at, const struct path *path)
{
    struct msgpack_head head;
    tr_try(take(decoder, &head, path));
    if (head.kind == MSGPACK_STR)
        return copy_text(decoder, &head, at, path);
    if (head.kind != MSGPACK_NIL)
        return mismatch(path, type, &head);
    *(tr_str *)at = NULL;
    return 0;
}

static int decode_bytes(struct decoder *decoder, const tr_type *type, void *at,
                        const struct path *path)
{
    struct msgpack_head head;
    tr_try(take(decoder, &head, path));
    if (head.kind == MSGPACK_BIN)
        return keep_bytes(decoder, &head, at);
    if (head.kind == MSGPACK_FAR)
        return borrow_bytes(decoder, &head, at, path);
    if (head.kind != MSGPACK_NIL)
        return mismatch(path, type, &head);
    *(tr_bytes *)at = (tr_bytes){0};
    return 0;
}

/* ---- structs ------------------------------------------------------------------------------------------- */

static int find_field(const tr_field *fields, const struct msgpack_head *key)
{
    for (int i = 0; fields[i].name; i++)
        if (strlen(fields[i].name) == key->count &&
            memcmp(fields[i].name, key->bytes, key->count) == 0)
            return i;
    return -1;
}

static int decode_member(struct decoder *decoder, const tr_field *fields, uint64_t *given,
                         char *record, const struct path *outer)
{
    struct msgpack_head key;
    tr_try(take(decoder, &key, outer));
    if (key.kind != MSGPACK_STR)
        return path_fail(outer, "a member's name is %s", msgpack_kind_name(key.kind));
    int index = find_field(fields, &key);
    if (index < 0)
        return path_fail(outer, "there is no argument or member \"%.*s\"",
                         key.count < 255 ? (int)key.count : 255, (const char *)key.bytes);
    struct path path = {outer, fields[index].name, 0, outer->depth + 1};
    if (*given & (uint64_t)1 << index)
        return path_fail(&path, "given twice");
    *given |= (uint64_t)1 << index;
    return decode(decoder, fields[index].type, record + fields[index].offset, &path);
}

static bool is_zero(const char *at, size_t size)
{
    while (size > 0 && at[size - 1] == 0)
        size--;
    return size == 0;
}

/* Zero means the default, also where it was sent, and in a struct that was not given at all: when the value is
 * sent on, the other side fills it in. */
void codec_fill_in_defaults(const tr_field *fields, void *record)
{
    for (const tr_field *field = fields; field->name; field++) {
        char *at = (char *)record + field->offset;
        if (field->type->kind == TR_STRUCT)
            codec_fill_in_defaults(field->type->fields, at);
        else if (field->fallback && is_zero(at, field->type->size))
            memcpy(at, field->fallback, field->type->size);
    }
}

static int decode_by_name(struct decoder *decoder, const tr_field *fields, size_t count, char *record,
                          const struct path *path)
{
    uint64_t given = 0;
    for (size_t i = 0; i < count; i++)
        tr_try(decode_member(decoder, fields, &given, record, path));
    return 0;
}

static int decode_by_order(struct decoder *decoder, const tr_field *fields, size_t count, char *record,
                           const struct path *outer)
{
    size_t members = count_fields(fields);
    if (members != count)
        return path_fail(outer, "expected %zu members, got %zu", members, count);
    for (const tr_field *field = fields; field->name; field++) {
        struct path path = {outer, field->name, 0, outer->depth + 1};
        tr_try(path_check(&path));
        if (decode_quickly(decoder->from, field->type, record + field->offset))
            decoder->due--;
        else
            tr_try(decode(decoder, field->type, record + field->offset, &path));
    }
    return 0;
}

static int decode_members(struct decoder *decoder, const tr_field *fields, char *record,
                          const struct path *path)
{
    struct msgpack_head head;
    tr_try(take(decoder, &head, path));
    if (head.kind != MSGPACK_MAP && head.kind != MSGPACK_ARRAY)
        return path_fail(path, "expected a map of members, got %s", msgpack_kind_name(head.kind));
    tr_try(head.kind == MSGPACK_MAP ? decode_by_name(decoder, fields, head.count, record, path)
                                    : decode_by_order(decoder, fields, head.count, record, path));
    codec_fill_in_defaults(fields, record);
    return 0;
}

static int decode_struct(struct decoder *decoder, const tr_type *type, void *at,
                         const struct path *path)
{
    memset(at, 0, type->size);
    return decode_members(decoder, type->fields, at, path);
}

/* ---- lists and free-form values ------------------------------------------------------------------------ */

struct list {
    const void *items;
    size_t count;
};

static int decode_list(struct decoder *decoder, const tr_type *type, void *at,
                       const struct path *outer)
{
    struct msgpack_head head;
    tr_try(take(decoder, &head, outer));
    if (head.kind != MSGPACK_ARRAY && head.kind != MSGPACK_NIL)
        return path_fail(outer, "expected a list of %s, got %s", type->item->name,
                         msgpack_kind_name(head.kind));
    size_t count = head.kind == MSGPACK_NIL ? 0 : head.count, size = type->item->size;
    char *items = count ? arena_alloc(decoder->memory, count * size) : NULL;
    if (count && !items)
        return no_memory();
    for (size_t i = 0; i < count; i++) {
        struct path path = {outer, NULL, i, outer->depth + 1};
        tr_try(decode(decoder, type->item, items + i * size, &path));
    }
    memcpy(at, &(struct list){items, count}, sizeof(struct list));
    return 0;
}

static int count_nodes(struct decoder *decoder, size_t count, const struct path *path)
{
    decoder->nodes += count;
    return decoder->nodes <= MOST_NODES ? 0
                                        : path_fail(path, "more than %d values in all", MOST_NODES);
}

static int decode_array(struct decoder *decoder, size_t count, tr_value *ret,
                        const struct path *outer)
{
    tr_try(count_nodes(decoder, count, outer));
    tr_value *items = count ? arena_alloc(decoder->memory, count * sizeof *items) : NULL;
    if (count && !items)
        return no_memory();
    for (size_t i = 0; i < count; i++) {
        struct path path = {outer, NULL, i, outer->depth + 1};
        tr_try(decode(decoder, &tr_type_tr_value, &items[i], &path));
    }
    *ret = (tr_value){.kind = TR_ARRAY, .array = {items, count}};
    return 0;
}

static int decode_pair(struct decoder *decoder, tr_pair *ret, const struct path *outer)
{
    struct msgpack_head key;
    tr_try(take(decoder, &key, outer));
    if (key.kind != MSGPACK_STR)
        return path_fail(outer, "a key is %s", msgpack_kind_name(key.kind));
    tr_try(copy_text(decoder, &key, &ret->key, outer));
    struct path path = {outer, ret->key, 0, outer->depth + 1};
    return decode(decoder, &tr_type_tr_value, &ret->value, &path);
}

static int decode_map(struct decoder *decoder, size_t count, tr_value *ret, const struct path *outer)
{
    tr_try(count_nodes(decoder, count, outer));
    tr_pair *pairs = count ? arena_alloc(decoder->memory, count * sizeof *pairs) : NULL;
    if (count && !pairs)
        return no_memory();
    for (size_t i = 0; i < count; i++)
        tr_try(decode_pair(decoder, &pairs[i], outer));
    *ret = (tr_value){.kind = TR_MAP, .map = {pairs, count}};
    return 0;
}

static int decode_value(struct decoder *decoder, const tr_type *type, void *at,
                        const struct path *path)
{
    (void)type;
    tr_value value = {.kind = TR_NIL};
    struct msgpack_head head;
    tr_try(take(decoder, &head, path));
    switch (head.kind) {
    case MSGPACK_BOOL:
        value = (tr_value){.kind = TR_BOOLEAN, .boolean = head.boolean};
        break;
    case MSGPACK_UINT:
        value = head.number <= INT64_MAX
                    ? (tr_value){.kind = TR_INTEGER, .integer = (int64_t)head.number}
                    : (tr_value){.kind = TR_UNSIGNED, .unsigned_ = head.number};
        break;
    case MSGPACK_INT:
        value = (tr_value){.kind = TR_INTEGER, .integer = (int64_t)head.number};
        break;
    case MSGPACK_REAL:
        value = (tr_value){.kind = TR_REAL, .real = head.real};
        break;
    case MSGPACK_STR:
        value.kind = TR_TEXT;
        tr_try(copy_text(decoder, &head, &value.text, path));
        break;
    case MSGPACK_BIN:
        value.kind = TR_BINARY;
        tr_try(keep_bytes(decoder, &head, &value.binary));
        break;
    case MSGPACK_FAR:
        value.kind = TR_BINARY;
        tr_try(borrow_bytes(decoder, &head, &value.binary, path));
        break;
    case MSGPACK_ARRAY:
        tr_try(decode_array(decoder, head.count, &value, path));
        break;
    case MSGPACK_MAP:
        tr_try(decode_map(decoder, head.count, &value, path));
        break;
    default:
        break;
    }
    *(tr_value *)at = value;
    return 0;
}

/* ---- all of them --------------------------------------------------------------------------------------- */

static decode_fn *const decoders[] = {
    [TR_VOID] = decode_void,       [TR_BOOL] = decode_bool,      [TR_INT8] = decode_integer,
    [TR_INT16] = decode_integer,   [TR_INT32] = decode_integer,  [TR_INT64] = decode_integer,
    [TR_UINT8] = decode_integer,   [TR_UINT16] = decode_integer, [TR_UINT32] = decode_integer,
    [TR_UINT64] = decode_integer,  [TR_DOUBLE] = decode_double,  [TR_STR] = decode_str,
    [TR_BYTES] = decode_bytes,     [TR_STRUCT] = decode_struct,  [TR_LIST] = decode_list,
    [TR_VALUE] = decode_value,
};

static int decode(struct decoder *decoder, const tr_type *type, void *at, const struct path *path)
{
    tr_try(path_check(path));
    if (!decode_quickly(decoder->from, type, at))
        return decoders[type->kind](decoder, type, at, path);
    decoder->due--;
    return 0;
}

int codec_decode(struct reader *from, const tr_type *type, struct arena *memory, void *ret_value)
{
    if (decode_quickly(from, type, ret_value))
        return 0;
    struct decoder decoder = {.from = from, .memory = memory, .due = 1};
    struct path top = {0};
    if (type->kind != TR_STRUCT)
        return decode(&decoder, type, ret_value, &top); /* which writes it when nothing can fail any more */
    _Alignas(max_align_t) char small[64]; /* so many need no allocation to be decoded aside */
    void *aside = type->size <= sizeof small ? small : arena_alloc(memory, type->size);
    if (!aside)
        return no_memory();
    tr_try(decode(&decoder, type, aside, &top));
    memcpy(ret_value, aside, type->size);
    return 0;
}

int codec_decode_fields(struct reader *from, const tr_field *fields, struct arena *memory, void *record)
{
    struct decoder decoder = {.from = from, .memory = memory, .due = 1};
    struct path top = {0};
    return decode_members(&decoder, fields, record, &top);
}

int codec_get_array(struct reader *from, size_t *ret_count)
{
    struct msgpack_head head;
    if (!msgpack_take(from, &head) || head.kind != MSGPACK_ARRAY)
        return raise_code(TR_EARGUMENT, "expected an array");
    *ret_count = head.count;
    return 0;
}

int codec_get_uint(struct reader *from, uint64_t *ret_number)
{
    struct msgpack_head head;
    if (msgpack_take_quick_uint(from, ret_number))
        return 0;
    if (!msgpack_take(from, &head) || head.kind != MSGPACK_UINT)
        return raise_code(TR_EARGUMENT, "expected an integer that is not negative");
    *ret_number = head.number;
    return 0;
}

static int raise_spoilt(void)
{
    return raise_code(TR_EARGUMENT, "the message is cut or spoilt");
}

int codec_skip(struct reader *from, tr_bytes *ret_span)
{
    const struct reader before = *from;
    if (!msgpack_skip(from)) {
        *from = before;
        return raise_spoilt();
    }
    *ret_span = (tr_bytes){before.at, before.left - from->left};
    return 0;
}

int codec_skip_several(struct reader *from, size_t count, tr_bytes *ret_span, size_t *ret_last)
{
    struct reader rest = *from;
    size_t left = rest.left, far = rest.far;
    for (size_t i = 0; i < count; i++) {
        left = rest.left;
        far = rest.far;
        if (!msgpack_skip(&rest))
            return raise_spoilt();
    }
    *ret_span = (tr_bytes){from->at, from->left - rest.left};
    *ret_last = left - rest.left + rest.far - far;
    *from = rest;
    return 0;
}

int codec_each_far(tr_bytes values, int (*fn)(void *arg, uint32_t place, size_t size), void *arg)
{
    struct reader from = {.at = values.data, .left = values.size};
    struct msgpack_head head;
    while (msgpack_take(&from, &head))
        if (head.kind == MSGPACK_FAR)
            tr_try(fn(arg, (uint32_t)head.number, head.count));
    return 0;
}

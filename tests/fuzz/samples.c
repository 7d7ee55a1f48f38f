#include "samples.h"

#include "actor/protocol.h"
#include "value/msgpack.h"

#include <string.h>

/* Each kind of member, with and without defaults, nested and in lists. */
tr_struct(leg, (tr_str, venue, "ARCA"), (double, price), (int64_t, qty, 1), (bool, urgent));
tr_list_of(leg);
tr_struct(order, (uint64_t, id), (tr_list_leg, legs), (leg, main), (tr_value, notes), (tr_bytes, seal),
          (int8_t, side, -1), (double, limit, 0.5), (tr_list_tr_str, tags), (bool, dry_run, true));
tr_list_of(order);
tr_struct(empty, (bool, nothing));
tr_list_of(empty);
tr_list_of(tr_list_int8_t);
tr_list_of(tr_list_tr_list_int8_t);

const tr_type *const sample_types[SAMPLE_TYPES] = {
    &tr_type_tr_value,         &tr_type_order,           &tr_type_leg,
    &tr_type_tr_list_order,    &tr_type_tr_list_leg,     &tr_type_tr_list_tr_value,
    &tr_type_bool,             &tr_type_int8_t,          &tr_type_int16_t,
    &tr_type_int32_t,          &tr_type_int64_t,         &tr_type_uint8_t,
    &tr_type_uint16_t,         &tr_type_uint32_t,        &tr_type_uint64_t,
    &tr_type_double,           &tr_type_tr_str,          &tr_type_tr_bytes,
    &tr_type_tr_list_tr_str,   &tr_type_tr_list_bool,    &tr_type_void,
    &tr_type_tr_list_empty,    &tr_type_wire_birth,      &tr_type_tr_list_tr_list_tr_list_int8_t,
};

static const int64_t numbers[] = {1, -7, 300};

static void make_value(struct buf *out, int variant)
{
    if (variant > 0)
        (void)msgpack_put_map(out, 2);
    else
        (void)msgpack_put_nil(out);
    for (int i = 0; variant > 0 && i < 2; i++) {
        (void)msgpack_put_str(out, i ? "b" : "a", 1);
        (void)msgpack_put_array(out, 2);
        (void)msgpack_put_real(out, 0.25);
        make_value(out, variant - 1);
    }
}

static void make_members(struct buf *out, const tr_field *fields, int variant)
{
    size_t count = 0;
    while (fields[count].name)
        count++;
    (void)msgpack_put_map(out, count);
    for (size_t i = 0; i < count; i++) {
        (void)msgpack_put_str(out, fields[i].name, strlen(fields[i].name));
        make_sample(out, fields[i].type, variant);
    }
}

void make_sample(struct buf *out, const tr_type *type, int variant)
{
    static const char text[] = "some text that needs a length byte";
    size_t length = variant == 2 ? sizeof text - 1 : 4 * (size_t)variant;
    switch (type->kind) {
    case TR_VOID:
        (void)msgpack_put_nil(out);
        break;
    case TR_BOOL:
        (void)msgpack_put_bool(out, variant > 0);
        break;
    case TR_DOUBLE:
        (void)msgpack_put_real(out, (double)numbers[variant] / 2);
        break;
    case TR_STR:
        (void)msgpack_put_str(out, text, length);
        break;
    case TR_BYTES:
        (void)msgpack_put_bin(out, text, length);
        break;
    case TR_STRUCT:
        make_members(out, type->fields, variant);
        break;
    case TR_LIST:
        (void)msgpack_put_array(out, (size_t)variant);
        for (int i = 0; i < variant; i++)
            make_sample(out, type->item, i);
        break;
    case TR_VALUE:
    case TR_RAW:
        make_value(out, variant);
        break;
    default:
        (void)msgpack_put_int(out, numbers[variant] > 0 ? numbers[variant] : type->kind <= TR_INT64 ? -7 : 7);
        break;
    }
}

/* Frames made by the protocol's table: the input says which values their fields have, by the fields' types. So a
 * fuzzer gets past the first checks, to where the interesting mistakes are; and as a choice at each place may
 * be a wrong one, it also sees what a frame with one mistake does. */
#include "frames.h"

#include "equal.h"
#include "functions.h"
#include "samples.h"

#include "actor/actor.h"
#include "base/error.h"
#include "transport/shelf.h"
#include "value/function.h"
#include "value/msgpack.h"

#include <math.h>
#include <string.h>

const struct frame_table frame_tables[FRAME_KINDS] = {
#define ROW(KIND, STRUCT, FIELDS, STATE) [FRAME_##KIND] = {STRUCT##_tr_fields_, (FIELDS), (STATE)},
    PROTOCOL(ROW)
#undef ROW
};

/* ---- frames as they were received ------------------------------------------------------------------- */

static const char *payload_of(const struct frame *frame)
{
    return (const char *)&frame->hello;
}

tr_bytes frame_raw(const struct frame *frame)
{
    const struct frame_table *table = &frame_tables[frame->kind];
    const tr_field *last = table->count ? &table->fields[table->count - 1] : NULL;
    if (!last || last->type->kind != TR_RAW)
        return (tr_bytes){NULL, 0};
    return *(const tr_bytes *)(payload_of(frame) + last->offset);
}

bool frames_equal(const struct frame *a, const struct frame *b)
{
    if (a->kind != b->kind || a->id != b->id)
        return false;
    const struct frame_table *table = &frame_tables[a->kind];
    for (size_t i = 0; i < table->count; i++)
        if (!equal(table->fields[i].type, payload_of(a) + table->fields[i].offset,
                   payload_of(b) + table->fields[i].offset))
            return false;
    return true;
}

/* ---- the frame around --------------------------------------------------------------------------------- */

static size_t open_frame(struct buf *out, enum frame_kind kind, uint64_t id)
{
    size_t start = out->size;
    (void)buf_append(out, "\0\0\0\0", FRAME_HEADER);
    (void)msgpack_put_array(out, frame_tables[kind].count + 2);
    (void)msgpack_put_uint(out, kind);
    (void)msgpack_put_uint(out, id);
    return start;
}

static void close_frame(struct buf *out, size_t start)
{
    size_t size = out->size - start - FRAME_HEADER;
    for (int i = 0; i < FRAME_HEADER; i++)
        out->data[start + (size_t)i] = (uint8_t)(size >> 8 * i);
}

static bool sample_hello(struct buf *out, int variant, const tr_field *field)
{
    static const char *const texts[][3] = {
        {"name", "donny", "gretchen"},
        {"uuid", "0123456789abcdef0123456789abcdef", "ffffffffffffffffffffffffffffffff"},
        {"addresses", "unix:@tractor/1/2", ""},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(field->name, texts[i][0]) == 0) {
            const char *text = texts[i][1 + variant % 2];
            if (field->type->kind == TR_LIST)
                (void)msgpack_put_array(out, 1);
            (void)msgpack_put_str(out, text, strlen(text));
            return true;
        }
    return false;
}

void make_frame_sample(struct buf *out, enum frame_kind kind, int variant)
{
    const struct frame_table *table = &frame_tables[kind];
    size_t start = open_frame(out, kind, (uint64_t)variant);
    for (size_t i = 0; i < table->count; i++)
        if (kind == FRAME_HELLO && i < 2)
            (void)msgpack_put_uint(out, PROTOCOL_VERSION);
        else if (kind != FRAME_HELLO || !sample_hello(out, variant, &table->fields[i]))
            make_sample(out, table->fields[i].type, variant);
    close_frame(out, start);
}

/* ---- values that the input chooses ------------------------------------------------------------------- */

static const char *const words[] = {
    "", "fuzz", "tractor.registry", "echo", "mirror", "blob", "count_to", "talk", "tr_registry_find", "donny",
    "0123456789abcdef0123456789abcdef", "unix:@fuzz", "tcp://127.0.0.1:1", "fuzz.echo", "name", "type",
    "message", "code", "Cancelled", "errno.ENOENT", "ErrorGroup", "no such thing", "a\x1b[31m\n",
    "tractor.inspect", "tr_inspect_state_of", "tr_inspect_tasks_of", "tr_inspect_functions_of", "tr_inspect_log_of",
};
enum { WORDS = sizeof words / sizeof *words };

static void put_text(struct buf *out, struct input *input)
{
    unsigned which = input_choice(input, WORDS + 2);
    if (which < WORDS) {
        (void)msgpack_put_str(out, words[which], strlen(words[which]));
    } else if (which == WORDS) {
        (void)msgpack_put_nil(out);
    } else {
        size_t size;
        const uint8_t *bytes = input_bytes(input, input_byte(input), &size);
        (void)msgpack_put_str(out, (const char *)bytes, size);
    }
}

/* In memory that the peer may have lent; sizes as a sender would have them, or not. */
static void put_far(struct buf *out, struct input *input)
{
    static const uint32_t sizes[] = {0, 1, CODEC_LARGE, SHELF_PAGE + 1, SHELF_SIZE, SHELF_SIZE + 1, UINT32_MAX};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    uint32_t place = input_byte(input) & 1 ? (uint32_t)input_number(input, 2) : 8 * input_byte(input);
    (void)msgpack_put_far(out, place, sizes[input_choice(input, SIZES)]);
}

static void put_binary(struct buf *out, struct input *input)
{
    size_t size;
    if (input_choice(input, 4) == 3) {
        put_far(out, input);
        return;
    }
    const uint8_t *bytes = input_bytes(input, input_byte(input), &size);
    (void)msgpack_put_bin(out, bytes, size);
}

static void put_real(struct buf *out, struct input *input)
{
    static const double reals[] = {0,   0.001, 0.1,      1,         10,  60, -1, 1e9,
                                   1e300, -1e300, INFINITY, -INFINITY, NAN, 1e-300};
    enum { REALS = sizeof reals / sizeof *reals };
    unsigned which = input_choice(input, REALS + 1);
    uint64_t bits = which < REALS ? 0 : input_number(input, 8);
    double real;
    memcpy(&real, which < REALS ? (const void *)&reals[which] : &bits, sizeof real);
    (void)msgpack_put_real(out, real);
}

static void put_integer(struct buf *out, struct input *input, const tr_type *type)
{
    switch (input_choice(input, 4)) {
    case 0:
        (void)msgpack_put_uint(out, input_byte(input));
        break;
    case 1:
        (void)msgpack_put_uint(out, UINT64_MAX >> (64 - 8 * type->size));
        break;
    case 2:
        (void)msgpack_put_uint(out, input_number(input, (int)type->size));
        break;
    default:
        (void)msgpack_put_int(out, (int64_t)input_number(input, 8));
        break;
    }
}

static void put_value(struct buf *out, struct input *input, const tr_type *type, int depth);

static void put_list(struct buf *out, struct input *input, const tr_type *item, int depth)
{
    unsigned count = input_choice(input, 5);
    (void)msgpack_put_array(out, count);
    for (unsigned i = 0; i < count; i++)
        put_value(out, input, item, depth + 1);
}

/* All of them, or one less. */
static void put_in_order(struct buf *out, struct input *input, const tr_field *fields, int depth)
{
    unsigned count = 0, less = input_choice(input, 4) == 0;
    while (fields[count].name)
        count++;
    count -= less && count > 0;
    (void)msgpack_put_array(out, count);
    for (unsigned i = 0; i < count; i++)
        put_value(out, input, fields[i].type, depth + 1);
}

/* Some of the members, each at most once. */
static void put_by_name(struct buf *out, struct input *input, const tr_field *fields, int depth)
{
    unsigned wanted = input_byte(input), count = 0;
    for (size_t i = 0; fields[i].name; i++)
        count += !(wanted >> (i % 8) & 1);
    (void)msgpack_put_map(out, count);
    for (size_t i = 0; fields[i].name; i++)
        if (!(wanted >> (i % 8) & 1)) {
            (void)msgpack_put_str(out, fields[i].name, strlen(fields[i].name));
            put_value(out, input, fields[i].type, depth + 1);
        }
}

static void put_members(struct buf *out, struct input *input, const tr_field *fields, int depth)
{
    if (input_choice(input, 2))
        put_in_order(out, input, fields, depth);
    else
        put_by_name(out, input, fields, depth);
}

static void put_free_form(struct buf *out, struct input *input, int depth)
{
    static const tr_type *const leaves[] = {&tr_type_void,    &tr_type_bool,   &tr_type_int8_t,
                                            &tr_type_int64_t, &tr_type_double, &tr_type_tr_str,
                                            &tr_type_tr_bytes};
    enum { LEAVES = sizeof leaves / sizeof *leaves };
    unsigned which = input_choice(input, LEAVES + 2);
    if (which < LEAVES) {
        put_value(out, input, leaves[which], depth + 1);
    } else if (which == LEAVES) {
        put_list(out, input, &tr_type_tr_value, depth);
    } else {
        unsigned count = input_choice(input, 4);
        (void)msgpack_put_map(out, count);
        for (unsigned i = 0; i < count; i++) {
            put_text(out, input);
            put_value(out, input, &tr_type_tr_value, depth + 1);
        }
    }
}

enum { DEEPEST = 40, ENOUGH = 1024 };

static void put_value(struct buf *out, struct input *input, const tr_type *type, int depth)
{
    if (depth > DEEPEST || buf_space(out) < ENOUGH)
        return;
    switch (type->kind) {
    case TR_VOID:
        (void)msgpack_put_nil(out);
        break;
    case TR_BOOL:
        (void)msgpack_put_bool(out, input_byte(input) & 1);
        break;
    case TR_DOUBLE:
        put_real(out, input);
        break;
    case TR_STR:
        put_text(out, input);
        break;
    case TR_BYTES:
        put_binary(out, input);
        break;
    case TR_STRUCT:
        put_members(out, input, type->fields, depth);
        break;
    case TR_LIST:
        put_list(out, input, type->item, depth);
        break;
    case TR_VALUE:
    case TR_RAW:
        put_free_form(out, input, depth);
        break;
    default:
        put_integer(out, input, type);
        break;
    }
}

static void put_bytes_as_they_are(struct buf *out, struct input *input)
{
    size_t size;
    const uint8_t *bytes = input_bytes(input, input_byte(input), &size);
    (void)buf_append(out, bytes, size);
}

/* ---- frames whose parts belong together -------------------------------------------------------------- */

static const struct known {
    const char *module, *name;
} known[] = {
    {"fuzz", "echo"},         {"fuzz", "mirror"}, {"fuzz", "points"},
    {"fuzz", "wait_a_while"}, {"fuzz", "stubborn"}, {"fuzz", "blob"},
    {"fuzz", "fail"},         {"fuzz", "count_to"}, {"fuzz", "blobs"},
    {"fuzz", "talk"},
    {REGISTRY_MODULE, "tr_registry_enroll"}, {REGISTRY_MODULE, "tr_registry_find"},
    {REGISTRY_MODULE, "tr_registry_wait"},
    {INSPECT_MODULE, "tr_inspect_state_of"}, {INSPECT_MODULE, "tr_inspect_tasks_of"},
    {INSPECT_MODULE, "tr_inspect_functions_of"}, {INSPECT_MODULE, "tr_inspect_log_of"},
};
enum { KNOWN = sizeof known / sizeof *known, WINDOW = 256 * 1024, VALUE_COST = 32 };

/* Mostly such as one value more or less makes a difference to. */
static uint64_t some_window(struct input *input)
{
    static const uint64_t windows[] = {0, 1, VALUE_COST, VALUE_COST + 1, 2 * (VALUE_COST + 1), 10 * (VALUE_COST + 1)};
    enum { WINDOWS = sizeof windows / sizeof *windows };
    unsigned which = input_choice(input, WINDOWS + 1);
    return which < WINDOWS ? windows[which] : input_number(input, 4);
}

static void put_args(struct buf *out, struct input *input, const tr_fn_info *fn)
{
    switch (input_choice(input, 4)) {
    case 1:
        put_value(out, input, &tr_type_tr_value, 0);
        break;
    case 2:
        put_bytes_as_they_are(out, input);
        break;
    default:
        put_members(out, input, fn->args, 0);
        break;
    }
}

static void put_start(struct buf *out, struct input *input)
{
    const struct known *which = &known[input_choice(input, KNOWN)];
    const tr_fn_info *fn = function_find(which->module, which->name)->info;
    unsigned odd = input_byte(input); /* 1: a name, 2: the signature, 4: the time, 8: the window, 32: the
                                           * way, 64: the cost of values */
    (void)msgpack_put_str(out, which->module, strlen(which->module));
    if (odd & 1)
        put_text(out, input);
    else
        (void)msgpack_put_str(out, which->name, strlen(which->name));
    (void)msgpack_put_uint(out, odd & 2 ? input_number(input, 2) : odd & 16 ? function_hash(fn) : 0);
    if (odd & 4)
        put_real(out, input);
    else
        (void)msgpack_put_real(out, INFINITY);
    (void)msgpack_put_uint(out, odd & 32 ? input_choice(input, 4) : (unsigned)fn->way);
    (void)msgpack_put_uint(out, odd & 8 ? some_window(input) : WINDOW);
    (void)msgpack_put_uint(out, odd & 64 ? input_number(input, 4) : VALUE_COST);
    put_args(out, input, fn);
}

/* One that may have been called by its name and signature before. */
static void put_call(struct buf *out, struct input *input)
{
    const struct known *which = &known[input_choice(input, KNOWN)];
    const tr_fn_info *fn = function_find(which->module, which->name)->info;
    unsigned odd = input_byte(input); /* 1: the signature, 2: the time */
    (void)msgpack_put_uint(out, odd & 1 ? input_number(input, 2) : function_hash(fn));
    if (odd & 2)
        put_real(out, input);
    else
        (void)msgpack_put_real(out, INFINITY);
    put_args(out, input, fn);
}

/* [facts, [cause]?, [member, ...]] */
static void put_error(struct buf *out, struct input *input, int depth)
{
    static const tr_field facts[] = {
        {"code", 0, &tr_type_int32_t, NULL}, {"id", 0, &tr_type_uint64_t, NULL},
        {"type", 0, &tr_type_tr_str, NULL},  {"message", 0, &tr_type_tr_str, NULL},
        {"frames", 0, &tr_type_tr_list_tr_str, NULL}, {NULL, 0, NULL, NULL}};
    static const int codes[] = {TR_ERAISED, TR_EGROUP, TR_ECANCELLED, TR_EREMOTE, TR_ESIGNATURE, TR_EDIED};
    unsigned shape = input_byte(input);
    (void)msgpack_put_array(out, 3);
    if (shape & 1) {
        put_members(out, input, facts, 0);
    } else {
        (void)msgpack_put_map(out, 1);
        (void)msgpack_put_str(out, "code", 4);
        (void)msgpack_put_int(out, codes[input_choice(input, sizeof codes / sizeof *codes)]);
    }
    unsigned causes = shape >> 1 & 1, members = shape >> 2 & 3;
    (void)msgpack_put_array(out, causes);
    if (causes && depth < DEEPEST)
        put_error(out, input, depth + 1);
    (void)msgpack_put_array(out, members);
    for (unsigned i = 0; i < members && depth < DEEPEST && buf_space(out) > ENOUGH; i++)
        put_error(out, input, depth + 1);
}

static void put_outcome(struct buf *out, struct input *input)
{
    static const tr_type *const outcomes[] = {&tr_type_tr_str,  &tr_type_tr_value, &tr_type_tr_list_point,
                                              &tr_type_int64_t, &tr_type_tr_bytes, &tr_type_void};
    enum { OUTCOMES = sizeof outcomes / sizeof *outcomes };
    unsigned which = input_choice(input, OUTCOMES + 1);
    if (which < OUTCOMES)
        put_value(out, input, outcomes[which], 0);
    else
        put_bytes_as_they_are(out, input);
}

/* A window, and its first word. */
static void put_started(struct buf *out, struct input *input)
{
    unsigned odd = input_byte(input); /* 1: the window, 2: the cost of values, 4: the word */
    (void)msgpack_put_uint(out, odd & 1 ? some_window(input) : WINDOW);
    (void)msgpack_put_uint(out, odd & 2 ? input_number(input, 4) : VALUE_COST);
    if (odd & 4)
        put_outcome(out, input);
    else
        (void)msgpack_put_str(out, "ready", 5);
}

/* What streams and contexts here carry. */
static void put_item(struct buf *out, struct input *input)
{
    if (input_choice(input, 4) > 0)
        put_integer(out, input, &tr_type_int64_t);
    else
        put_outcome(out, input);
}

static void put_fields(struct buf *out, enum frame_kind kind, struct input *input)
{
    for (size_t i = 0; i < frame_tables[kind].count; i++)
        put_value(out, input, frame_tables[kind].fields[i].type, 0);
}

static void put_hello(struct buf *out, struct input *input)
{
    unsigned odd = input_byte(input); /* the fields, by bits, that are not as they should be */
    const struct frame_table *table = &frame_tables[FRAME_HELLO];
    for (size_t i = 0; i < table->count; i++)
        if (odd >> i & 1)
            put_value(out, input, table->fields[i].type, 0);
        else if (i < 2)
            (void)msgpack_put_uint(out, PROTOCOL_VERSION);
        else if (!sample_hello(out, 0, &table->fields[i]))
            make_sample(out, table->fields[i].type, 0);
}

/* One value mostly, or a few: that many fields more than the array says already. */
static void put_several(struct buf *out, size_t start, struct input *input,
                        void (*put)(struct buf *out, struct input *input))
{
    unsigned more = input_choice(input, 4) == 0 ? input_choice(input, 4) : 0;
    out->data[start + FRAME_HEADER] = (uint8_t)(out->data[start + FRAME_HEADER] + more);
    for (unsigned i = 0; i <= more; i++)
        put(out, input);
}

static void put_lend(struct buf *out, struct input *input)
{
    unsigned how = input_choice(input, 4);
    (void)msgpack_put_uint(out, how == 3 ? input_number(input, 4) : how == 2 ? 0 : SHELF_SIZE);
}

void make_frame(struct buf *out, enum frame_kind kind, uint64_t id, struct input *input)
{
    if (buf_space(out) < 16 * ENOUGH)
        return;
    size_t start = open_frame(out, kind, id);
    switch (kind) {
    case FRAME_HELLO:
        put_hello(out, input);
        break;
    case FRAME_START:
        put_start(out, input);
        break;
    case FRAME_CALL:
        put_call(out, input);
        break;
    case FRAME_STARTED:
        put_started(out, input);
        break;
    case FRAME_SEND:
        put_several(out, start, input, put_item);
        break;
    case FRAME_YIELD:
        put_several(out, start, input, put_outcome);
        break;
    case FRAME_RETURN:
        put_outcome(out, input);
        break;
    case FRAME_ERROR:
        put_error(out, input, 0);
        break;
    case FRAME_LEND:
        put_lend(out, input);
        break;
    default:
        put_fields(out, kind, input);
        break;
    }
    close_frame(out, start);
}

/* The codec: values as they are, their limits, and every kind of bytes that are none. */
#include "support/virtual.h"

#include "base/error.h"
#include "base/list.h"
#include "clock_world.h"
#include "value/codec.h"

#include <errno.h>
#include <stdlib.h>

tr_struct(leg, (tr_str, venue, "ARCA"), (int64_t, qty, 1), (bool, live));
tr_list_of(leg);
tr_struct(parcel, (leg, leg));
tr_struct(order, (uint8_t, id), (int16_t, change), (double, price), (tr_list_leg, legs),
          (tr_bytes, blob), (tr_list_tr_str, tags), (tr_value, note));

/* ---- helpers ---------------------------------------------------------------------------------------------- */

static int decode(const tr_type *type, const void *bytes, size_t size, struct arena *memory, void *ret)
{
    struct reader from = {.at = bytes, .left = size};
    return codec_decode(&from, type, memory, ret);
}

/* Bytes written out in hexadecimal, spaces allowed. */
static size_t unhex(const char *hex, uint8_t *ret)
{
    size_t size = 0;
    for (; *hex; hex++) {
        if (*hex == ' ')
            continue;
        char digits[3] = {hex[0], hex[1], 0};
        ret[size++] = (uint8_t)strtoul(digits, NULL, 16);
        hex++;
    }
    return size;
}

static int refused(const tr_type *type, const char *hex, const char *why)
{
    uint8_t bytes[256];
    size_t size = unhex(hex, bytes);
    union {
        order as_order;
        leg as_leg;
        char room[512];
    } value;
    memset(&value, 0x5a, sizeof value);
    struct arena memory = {0};
    int rc = decode(type, bytes, size, &memory, &value);
    arena_fini(&memory);
    expect(rc == TR_EARGUMENT);
    expect_error("ArgumentError", why);
    for (size_t i = 0; i < type->size; i++)
        expect(((char *)&value)[i] == 0x5a); /* untouched on failure */
    return 0;
}

static int64_t integer_of(const tr_type *type, const char *hex)
{
    uint8_t bytes[64];
    union {
        int8_t i8;
        int64_t i64;
    } value = {.i64 = 0};
    if (decode(type, bytes, unhex(hex, bytes), NULL, &value) < 0)
        return INT64_MIN;
    return type->size == 1 ? value.i8 : value.i64;
}

static order sample(void)
{
    static const leg legs[] = {{.venue = "XETRA", .qty = 10, .live = true}, {.qty = -1}};
    static const tr_str tags[] = {"a", "", "ccc"};
    static const tr_value parts[] = {{.kind = TR_REAL, .real = 0.5}, {.kind = TR_TEXT, .text = "x"}};
    static const tr_pair pairs[] = {{"list", {.kind = TR_ARRAY, .array = {parts, 2}}},
                                    {"none", {.kind = TR_NIL}}};
    return (order){.id = 200,
                   .change = -300,
                   .price = 1.25,
                   .legs = {legs, 2},
                   .blob = {"\0\1\2", 3},
                   .tags = {tags, 3},
                   .note = {.kind = TR_MAP, .map = {pairs, 2}}};
}

/* ---- there and back ----------------------------------------------------------------------------------------- */

static int encode_agreed(struct buf *out, const tr_type *type, const void *value)
{
    return codec_encode_agreed(out, NULL, type, value);
}

static int comes_back_as_it_was(int (*encode)(struct buf *out, const tr_type *type, const void *value))
{
    struct buf out = {0};
    order sent = sample(), got;
    struct arena memory = {0};
    tr_try(encode(&out, &tr_type_order, &sent));
    tr_try(decode(&tr_type_order, out.data, out.size, &memory, &got));
    expect(got.id == 200 && got.change == -300 && got.price > 1.2 && got.legs.count == 2);
    expect(strcmp(got.legs.items[0].venue, "XETRA") == 0 && got.legs.items[0].live);
    expect(strcmp(got.legs.items[1].venue, "ARCA") == 0 && got.legs.items[1].qty == -1);
    expect(got.blob.size == 3 && got.tags.count == 3 && strcmp(got.tags.items[2], "ccc") == 0);
    const tr_value *list = tr_value_get(&got.note, "list");
    expect(list && list->array.count == 2 && strcmp(list->array.items[1].text, "x") == 0);
    expect(tr_value_get(&got.note, "none")->kind == TR_NIL);
    arena_fini(&memory);
    buf_fini(&out);
    return 0;
}

static int a_struct_comes_back_as_it_was(void *arg)
{
    (void)arg;
    return comes_back_as_it_was(codec_encode);
}

static int so_it_does_without_the_names_of_its_members(void *arg)
{
    struct buf out = {0};
    order sent = sample();
    (void)arg;
    tr_try(encode_agreed(&out, &tr_type_order, &sent));
    expect(!memmem(out.data, out.size, "legs", 4) && !memmem(out.data, out.size, "venue", 5));
    buf_fini(&out);
    return comes_back_as_it_was(encode_agreed);
}

/* Its signature does not tell what is deeper in a type. */
static int deep_down_members_have_names(void *arg)
{
    enum { DEEP = CODEC_AGREED + 2 };
    static uint64_t inmost = 7;
    struct { const void *items; size_t count; } lists[DEEP];
    tr_type types[DEEP] = {{"inmost", sizeof inmost, TR_STRUCT,
                            (tr_field[]){{"name", 0, &tr_type_uint64_t, NULL}, {0}}, NULL}};
    (void)arg;
    for (int depth = 1; depth < DEEP; depth++) {
        struct buf out = {0};
        types[depth] = (tr_type){"list", sizeof lists[0], TR_LIST, NULL, &types[depth - 1]};
        lists[depth].items = depth > 1 ? (const void *)&lists[depth - 1] : &inmost;
        lists[depth].count = 1;
        tr_try(encode_agreed(&out, &types[depth], &lists[depth]));
        expect(!memmem(out.data, out.size, "name", 4) == (depth <= CODEC_AGREED));
        buf_fini(&out);
    }
    return 0;
}

static int any_bit_makes_a_member_true(void *arg)
{
    (void)arg;
    for (int bit = 0; bit < 32; bit++) {
        struct buf out = {0};
        struct arena memory = {0};
        leg sent = {.live = 1u << bit}, got = {.live = 77};
        tr_try(codec_encode(&out, &tr_type_leg, &sent));
        tr_try(decode(&tr_type_leg, out.data, out.size, &memory, &got));
        expect(got.live == true);
        arena_fini(&memory);
        buf_fini(&out);
    }
    return 0;
}

static int integers_are_taken_in_any_width_but_must_fit(void *arg)
{
    (void)arg;
    expect(integer_of(&tr_type_int64_t, "07") == 7);
    expect(integer_of(&tr_type_int64_t, "ff") == -1);
    expect(integer_of(&tr_type_int64_t, "cf 00 00 00 00 00 00 00 07") == 7);
    expect(integer_of(&tr_type_int64_t, "d3 ff ff ff ff ff ff ff ff") == -1);
    expect(integer_of(&tr_type_int64_t, "cf 7f ff ff ff ff ff ff ff") == INT64_MAX);
    expect(integer_of(&tr_type_int8_t, "d1 ff 80") == -128);
    expect(integer_of(&tr_type_int8_t, "cc 7f") == 127);
    tr_try(refused(&tr_type_int64_t, "cf 80 00 00 00 00 00 00 00", "does not fit int64_t"));
    tr_try(refused(&tr_type_int8_t, "cc 80", "128 does not fit int8_t"));
    tr_try(refused(&tr_type_int8_t, "d1 ff 7f", "-129 does not fit int8_t"));
    tr_try(refused(&tr_type_uint8_t, "ff", "-1 does not fit uint8_t"));
    tr_try(refused(&tr_type_uint64_t, "ff", "-1 does not fit uint64_t"));
    return 0;
}

/* Also where it is the number in a struct that is one too deep. */
static int what_is_too_deep_to_be_sent_is_too_deep_to_be_taken(void *arg)
{
    enum { DEEP = CODEC_DEPTH + 1 };
    tr_type types[DEEP] = {{"inmost", sizeof(uint64_t), TR_STRUCT,
                            (tr_field[]){{"number", 0, &tr_type_uint64_t, NULL}, {0}}, NULL}};
    uint8_t bytes[DEEP + 1];
    (void)arg;
    memset(bytes, 0x91, sizeof bytes); /* lists of one, a struct of one member */
    for (int depth = 1; depth < DEEP; depth++) {
        struct arena memory = {0};
        tr_list_tr_str list;
        types[depth] = (tr_type){"list", sizeof list, TR_LIST, NULL, &types[depth - 1]};
        bytes[depth + 1] = 7;
        expect((decode(&types[depth], bytes, (size_t)depth + 2, &memory, &list) == 0) == (depth + 1 <= CODEC_DEPTH));
        bytes[depth + 1] = 0x91;
        arena_fini(&memory);
    }
    return 0;
}

/* ---- what is refused, and how it is told ---------------------------------------------------------------------- */

static int an_error_names_the_path_and_both_types(void *arg)
{
    (void)arg;
    tr_try(refused(&tr_type_order, "81 a4 6c656773 92 80 81 a3 717479 a1 78", "legs[1].qty: expected int64_t, got"));
    tr_try(refused(&tr_type_order, "81 a4 74616773 91 05", "tags[0]: expected tr_str, got"));
    tr_try(refused(&tr_type_order, "81 a4 6c656773 05", "legs: expected a list of leg, got"));
    tr_try(refused(&tr_type_order, "81 a3 626164 05", "there is no argument or member \"bad\""));
    tr_try(refused(&tr_type_order, "82 a2 6964 05 a2 6964 06", "id: given twice"));
    tr_try(refused(&tr_type_order, "81 05 05", "a member's name is"));
    tr_try(refused(&tr_type_order, "93 01 02 03", "expected 7 members, got 3"));
    tr_try(refused(&tr_type_order, "a1 78", "expected a map of members"));
    tr_try(refused(&tr_type_leg, "81 a4 6c697665 01", "live: expected bool, got"));
    tr_try(refused(&tr_type_leg, "81 a5 76656e7565 a3 610062", "venue: a string with a zero byte inside"));
    return 0;
}

static int counts_that_the_bytes_cannot_hold_are_refused_at_once(void *arg)
{
    (void)arg;
    tr_try(refused(&tr_type_order, "df ff ff ff ff", "cut or spoilt"));
    tr_try(refused(&tr_type_order, "81 a4 6c656773 dd ff ff ff ff", "cut or spoilt"));
    tr_try(refused(&tr_type_order, "81 a4 74616773 dd 7f ff ff ff c0", "cut or spoilt"));
    tr_try(refused(&tr_type_order, "81 a4 626c6f62 c6 ff ff ff ff 00", "cut or spoilt"));
    tr_try(refused(&tr_type_order, "81 a4 6e6f7465 dd ff ff ff ff", "cut or spoilt"));
    tr_try(refused(&tr_type_order, "81 a4 6e6f7465 c1", "cut or spoilt"));
    return 0;
}

static int nesting_has_a_limit(void *arg)
{
    (void)arg;
    uint8_t deep[4096];
    memset(deep, 0x91, sizeof deep); /* arrays of one array of one array ... */
    deep[sizeof deep - 1] = 0xc0;
    struct arena memory = {0};
    tr_value value;
    expect(decode(&tr_type_tr_value, deep, sizeof deep, &memory, &value) == TR_EARGUMENT);
    expect_error("ArgumentError", "nested more than 32 deep");
    struct reader from = {.at = deep, .left = sizeof deep};
    tr_bytes span;
    expect(codec_skip(&from, &span) == 0 && span.size == sizeof deep); /* needs no stack, so no limit */
    arena_fini(&memory);

    tr_value layers[40] = {{.kind = TR_NIL}};
    for (int i = 1; i < 40; i++)
        layers[i] = (tr_value){.kind = TR_ARRAY, .array = {&layers[i - 1], 1}};
    struct buf out = {0};
    expect(codec_encode(&out, &tr_type_tr_value, &layers[39]) == TR_EARGUMENT);
    expect(codec_encode(&out, &tr_type_tr_value, &layers[20]) == 0);
    buf_fini(&out);
    return 0;
}

static int what_no_message_has_room_for_is_refused_before_it_is_copied(void *arg)
{
    (void)arg;
    struct buf out = {0};
    static char text[CODEC_MOST + 2];
    order bad = sample();
    bad.blob = (tr_bytes){text, sizeof text - 1};
    expect(codec_encode(&out, &tr_type_order, &bad) == TR_EARGUMENT);
    expect_error("ArgumentError", "blob: 16777217 bytes are over the limit of 16777216");
    memset(text, 'x', sizeof text - 1);
    tr_value note = {.kind = TR_TEXT, .text = text};
    expect(codec_encode(&out, &tr_type_tr_value, &note) == TR_EARGUMENT);
    expect_error("ArgumentError", "16777217 bytes are over the limit of 16777216");
    expect(out.room < 64 * 1024);
    buf_fini(&out);
    return 0;
}

static int what_cannot_be_sent_is_named(void *arg)
{
    (void)arg;
    struct buf out = {0};
    order bad = sample();
    bad.legs.items = NULL;
    expect(codec_encode(&out, &tr_type_order, &bad) == TR_EARGUMENT);
    expect_error("ArgumentError", "legs: a list of 2 items at NULL");
    bad = sample();
    bad.blob.data = NULL;
    expect(codec_encode(&out, &tr_type_order, &bad) == TR_EARGUMENT);
    expect_error("ArgumentError", "blob: 3 bytes at NULL");
    bad = sample();
    bad.note.kind = (enum tr_value_kind)77;
    expect(codec_encode(&out, &tr_type_order, &bad) == TR_EARGUMENT);
    expect_error("ArgumentError", "note: a value of no kind (77)");
    buf_fini(&out);
    return 0;
}

/* ---- spoilt bytes ---------------------------------------------------------------------------------------------- */

static int every_cut_is_refused_and_every_changed_byte_survived(void *arg)
{
    (void)arg;
    struct buf out = {0};
    order sent = sample(), got;
    tr_try(codec_encode(&out, &tr_type_order, &sent));
    for (size_t size = 0; size < out.size; size++) {
        struct arena memory = {0};
        uint8_t *exactly = malloc(size ? size : 1); /* so that reading on is seen */
        memcpy(exactly, out.data, size);
        expect(decode(&tr_type_order, exactly, size, &memory, &got) == TR_EARGUMENT);
        free(exactly);
        arena_fini(&memory);
    }
    for (size_t at = 0; at < out.size; at++) {
        for (int byte = 0; byte < 256; byte++) {
            uint8_t before = out.data[at];
            struct arena memory = {0};
            out.data[at] = (uint8_t)byte;
            int rc = decode(&tr_type_order, out.data, out.size, &memory, &got);
            expect(rc == 0 || rc == TR_EARGUMENT);
            out.data[at] = before;
            arena_fini(&memory);
        }
    }
    buf_fini(&out);
    return 0;
}

static int a_decoded_value_takes_a_small_multiple_of_its_bytes(void *arg)
{
    (void)arg;
    enum { COUNT = 100000 };
    uint8_t *bytes = calloc(1, COUNT + 5);
    memcpy(bytes, "\xdd\x00\x01\x86\xa0", 5);
    memset(bytes + 5, 0x80, COUNT); /* legs of which nothing is said */
    struct arena memory = {0};
    tr_list_leg legs;
    tr_try(decode(&tr_type_tr_list_leg, bytes, COUNT + 5, &memory, &legs));
    expect(legs.count == COUNT && legs.items[COUNT - 1].qty == 1);
    arena_fini(&memory);
    free(bytes);
    return 0;
}

static int a_member_given_as_zero_takes_its_default_too(void *arg)
{
    (void)arg;
    static const uint8_t zero[] = {0x81, 0xa3, 'q', 't', 'y', 0x00}, null[] = {0x81, 0xa5, 'v', 'e', 'n', 'u', 'e', 0xc0};
    struct arena memory = {0};
    leg got = {0};
    tr_try(decode(&tr_type_leg, zero, sizeof zero, &memory, &got));
    expect(got.qty == 1); /* or it would be 0 here and 1 where it is sent on to */
    tr_try(decode(&tr_type_leg, null, sizeof null, &memory, &got));
    expect(got.venue && strcmp(got.venue, "ARCA") == 0);
    arena_fini(&memory);
    return 0;
}

static int the_members_of_a_struct_that_is_not_given_take_their_defaults(void *arg)
{
    (void)arg;
    static const uint8_t nothing[] = {0x80};
    struct arena memory = {0};
    parcel got = {0};
    tr_try(decode(&tr_type_parcel, nothing, sizeof nothing, &memory, &got));
    expect(got.leg.qty == 1 && strcmp(got.leg.venue, "ARCA") == 0 && !got.leg.live);
    arena_fini(&memory);
    return 0;
}

/* Each array says that all that is left is its items; only the innermost can be right. */
static int arrays_in_arrays_cannot_share_the_bytes_they_announce(void *arg)
{
    (void)arg;
    enum { ROOM = 1000, LEVELS = 20 };
    uint8_t bytes[ROOM] = {0};
    for (size_t i = 0; i < LEVELS; i++) {
        size_t left = ROOM - 3 * (i + 1);
        bytes[3 * i] = 0xdc;
        bytes[3 * i + 1] = (uint8_t)(left >> 8);
        bytes[3 * i + 2] = (uint8_t)left;
    }
    struct clock_world *world = (struct clock_world *)runtime->sys;
    struct arena memory = {0};
    tr_value value;
    size_t before = world->allocations;
    expect(decode(&tr_type_tr_value, bytes, sizeof bytes, &memory, &value) == TR_EARGUMENT);
    expect_error("ArgumentError", "cut or spoilt");
    /* the items of the outermost array, and the error; not those of the other nineteen */
    expect(world->allocations - before <= 3);
    arena_fini(&memory);
    return 0;
}

/* ---- bytes that lie elsewhere ------------------------------------------------------------------------------ */

/* A single byte string, at place 7, and how often it was taken. */
struct elsewhere {
    struct far_lender lender;
    struct far_source source;
    tr_bytes bytes;
    unsigned borrowed;
};
enum { PLACE = 7, LARGE = 2 * CODEC_LARGE };

static bool lend(struct far_lender *lender, const void *bytes, size_t size, uint32_t *ret_place)
{
    struct elsewhere *it = container_of(lender, struct elsewhere, lender);
    *ret_place = PLACE;
    return it->bytes.data == bytes && it->bytes.size == size;
}

static const void *borrow(struct far_source *source, uint32_t place, size_t size, struct arena *memory, int *ret_rc)
{
    struct elsewhere *it = container_of(source, struct elsewhere, source);
    (void)memory;
    *ret_rc = size == 1 ? -ENOMEM : 0;
    it->borrowed++;
    return place == PLACE && size == it->bytes.size ? it->bytes.data : NULL;
}

static int count_far(void *arg, uint32_t place, size_t size)
{
    size_t *sum = arg;
    *sum += size;
    return place == PLACE ? 0 : -EINVAL;
}

static int take_far(struct buf *out, struct far_source *source, const tr_type *type, void *ret)
{
    struct arena memory = {0};
    struct reader from = {.at = out->data, .left = out->size, .source = source};
    int rc = codec_decode(&from, type, &memory, ret);
    expect(rc < 0 || (from.left == 0 && from.far == LARGE));
    arena_fini(&memory);
    return rc;
}

static int large_bytes_may_lie_elsewhere(void *arg)
{
    (void)arg;
    static char large[LARGE];
    struct elsewhere it = {{lend}, {borrow}, {large, LARGE}, 0};
    struct buf out = {0};
    order sent = {.id = 1, .blob = it.bytes}, got = {.id = 0};
    tr_bytes span;
    size_t last, sum = 0;
    tr_try(codec_encode_agreed(&out, &it.lender, &tr_type_order, &sent));
    expect(out.size < 200);
    struct reader from = {.at = out.data, .left = out.size};
    tr_try(codec_skip_several(&from, 1, &span, &last));
    expect(from.far == LARGE && last == out.size + LARGE);
    expect(codec_each_far(span, count_far, &sum) == 0 && sum == LARGE);
    tr_try(take_far(&out, &it.source, &tr_type_order, &got));
    expect(got.id == 1 && got.blob.data == large && got.blob.size == LARGE && it.borrowed == 1);
    tr_value free_form;
    expect(take_far(&out, NULL, &tr_type_tr_value, &free_form) == TR_EARGUMENT);
    tr_try(take_far(&out, &it.source, &tr_type_tr_value, &free_form));
    expect(free_form.kind == TR_ARRAY && it.borrowed == 2);
    buf_fini(&out);
    return 0;
}

/* Less than large, not lent, or of a lender who does not know of them. */
static int other_bytes_travel_as_ever(void *arg)
{
    (void)arg;
    static char large[LARGE];
    struct elsewhere it = {{lend}, {borrow}, {large, LARGE}, 0};
    const tr_bytes all[] = {{large, CODEC_LARGE - 1}, {large, LARGE - 1}, {large, LARGE}};
    struct far_lender *lenders[] = {&it.lender, &it.lender, NULL};
    for (int i = 0; i < 3; i++) {
        struct buf out = {0};
        tr_try(codec_encode_agreed(&out, lenders[i], &tr_type_tr_bytes, &all[i]));
        expect(out.size > all[i].size);
        buf_fini(&out);
    }
    return 0;
}

static int bytes_that_lie_nowhere_are_told_so(void *arg)
{
    (void)arg;
    static const struct { const char *hex; int rc; const char *says; } cases[] = {
        {"d7 01 00000007 00000002", TR_EARGUMENT, "2 bytes that lie where nothing is"},
        {"d7 01 00000008 00008000", TR_EARGUMENT, "lie where nothing is"},
        {"d7 01 00000007 00000001", -ENOMEM, ""},
        {"d7 02 00000007 00008000", TR_EARGUMENT, "cut or spoilt"},
        {"d7 01 00000007 000080", TR_EARGUMENT, "cut or spoilt"},
    };
    static char large[LARGE];
    struct elsewhere it = {{lend}, {borrow}, {large, LARGE}, 0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t bytes[16];
        struct buf out = {.data = bytes, .size = unhex(cases[i].hex, bytes)};
        tr_bytes got;
        expect(take_far(&out, &it.source, &tr_type_tr_bytes, &got) == cases[i].rc);
        expect(strstr(tr_error_message(tr_last_error()), cases[i].says));
        expect(take_far(&out, &it.source, &tr_type_tr_str, &got) == TR_EARGUMENT);
    }
    return 0;
}

static int there_and_back(void *arg)
{
    (void)arg;
    struct buf out = {0};
    struct arena memory = {0};
    order sent = sample(), got = {.id = 1};
    int rc = codec_encode(&out, &tr_type_order, &sent);
    if (rc >= 0)
        rc = decode(&tr_type_order, out.data, out.size, &memory, &got);
    expect(rc == 0 || got.id == 1);
    arena_fini(&memory);
    buf_fini(&out);
    return rc;
}

static void running_out_of_memory_anywhere_is_a_clean_error(void **state)
{
    (void)state;
    run_short_of_memory(there_and_back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(a_struct_comes_back_as_it_was),
        SCENARIO(so_it_does_without_the_names_of_its_members),
        SCENARIO(deep_down_members_have_names),
        SCENARIO(what_is_too_deep_to_be_sent_is_too_deep_to_be_taken),
        SCENARIO(any_bit_makes_a_member_true),
        SCENARIO(integers_are_taken_in_any_width_but_must_fit),
        SCENARIO(an_error_names_the_path_and_both_types),
        SCENARIO(counts_that_the_bytes_cannot_hold_are_refused_at_once),
        SCENARIO(nesting_has_a_limit),
        SCENARIO(what_no_message_has_room_for_is_refused_before_it_is_copied),
        SCENARIO(what_cannot_be_sent_is_named),
        SCENARIO(every_cut_is_refused_and_every_changed_byte_survived),
        SCENARIO(a_decoded_value_takes_a_small_multiple_of_its_bytes),
        SCENARIO(a_member_given_as_zero_takes_its_default_too),
        SCENARIO(the_members_of_a_struct_that_is_not_given_take_their_defaults),
        SCENARIO(large_bytes_may_lie_elsewhere),
        SCENARIO(other_bytes_travel_as_ever),
        SCENARIO(bytes_that_lie_nowhere_are_told_so),
        SCENARIO(arrays_in_arrays_cannot_share_the_bytes_they_announce),
        cmocka_unit_test(running_out_of_memory_anywhere_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

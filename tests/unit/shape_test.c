/* Descriptions of functions as a peer might send them: what makes sense comes out as it went in, and nothing that does
 * not is believed. */
#define TR_MODULE "tractor.inspect"
#include "inspect/shape.h"
#undef TR_MODULE
#define TR_MODULE "venue"
#include "support/virtual.h"

#include <stdio.h>
#include <string.h>

tr_struct(leg, (tr_str, venue), (double, price, 1.5), (tr_bytes, mark));
tr_list_of(leg);
tr_fn_decl(tr_list_leg, turn, (tr_list_leg, legs), (bool, twice, true), (tr_list_tr_str, names), (tr_value, any));

static int what_is_read_has_the_same_signature(void *arg)
{
    (void)arg;
    struct arena memory = {0};
    struct buf ours = {0}, theirs = {0};
    function_shape it;
    tr_fn_info fn;
    tr_try(shape_write(&turn_tr_info_, &memory, &it));
    tr_try(shape_read(&it, &memory, &fn));
    assert_int_equal(function_hash(&fn), function_hash(&turn_tr_info_));
    tr_try(function_text(&ours, &turn_tr_info_));
    tr_try(function_text(&theirs, &fn));
    assert_int_equal(ours.size, theirs.size);
    assert_memory_equal(ours.data, theirs.data, ours.size);
    buf_fini(&ours);
    buf_fini(&theirs);
    arena_fini(&memory);
    return 0;
}

/* ---- nonsense ---------------------------------------------------------------------------------------------- */

enum { MANY = 65 };

/* The least that is a function: one type, void. */
static const type_shape nothing[] = {{.name = "void", .kind = TR_VOID}};
static const function_shape sound = {.module = "m", .name = "f", .types = {nothing, 1}};

static int refused(function_shape it)
{
    struct arena memory = {0};
    tr_fn_info fn;
    int rc = shape_read(&it, &memory, &fn);
    arena_fini(&memory);
    return rc;
}

static function_shape with_types(const type_shape *types, size_t count)
{
    function_shape it = sound;
    it.types = (tr_list_type_shape){types, count};
    return it;
}

static function_shape with_member(shape_member member)
{
    static shape_member one;
    one = member;
    function_shape it = sound;
    it.args = (tr_list_shape_member){&one, 1};
    return it;
}

static int nonsense_is_refused(void *arg)
{
    (void)arg;
    const type_shape itself[] = {{.name = "list", .kind = TR_LIST, .item = 0}};
    const type_shape raw[] = {{.name = "raw", .kind = TR_RAW}}, unknown[] = {{.name = "x", .kind = 200}};
    const type_shape nameless[] = {{.kind = TR_STRUCT}};
    function_shape no_name = sound, no_module = sound, no_way = sound, no_result = sound;
    no_name.name = "a b";
    no_module.module = NULL;
    no_way.way = TR_WAY_CONTEXT + 1;
    no_result.out = 1;
    assert_int_equal(refused(sound), 0);
    assert_int_equal(refused(no_name), TR_EPROTOCOL);
    assert_int_equal(refused(no_module), TR_EPROTOCOL);
    assert_int_equal(refused(no_way), TR_EPROTOCOL);
    assert_int_equal(refused(no_result), TR_EPROTOCOL);
    assert_int_equal(refused(with_types(NULL, 0)), TR_EPROTOCOL);
    assert_int_equal(refused(with_types(itself, 1)), TR_EPROTOCOL);
    assert_int_equal(refused(with_types(raw, 1)), TR_EPROTOCOL);
    assert_int_equal(refused(with_types(unknown, 1)), TR_EPROTOCOL);
    assert_int_equal(refused(with_types(nameless, 1)), TR_EPROTOCOL);
    assert_int_equal(refused(with_member((shape_member){.name = NULL})), TR_EPROTOCOL);
    assert_int_equal(refused(with_member((shape_member){.name = "a", .type = 1})), TR_EPROTOCOL);
    return 0;
}

static int a_default_of_another_type_is_refused(void *arg)
{
    (void)arg;
    const type_shape types[] = {{.name = "int8_t", .kind = TR_INT8}};
    const shape_member large = {"a", 0, {.kind = TR_INTEGER, .integer = 300}};
    const shape_member fits = {"a", 0, {.kind = TR_INTEGER, .integer = -3}};
    function_shape it = with_types(types, 1);
    it.args = (tr_list_shape_member){&fits, 1};
    assert_int_equal(refused(it), 0);
    it.args = (tr_list_shape_member){&large, 1};
    assert_int_equal(refused(it), TR_EPROTOCOL);
    return 0;
}

/* Each has all its members of the one before it: by the tenth they would fill the world. */
static int a_few_types_do_not_become_millions_of_members(void *arg)
{
    (void)arg;
    enum { EACH = 8, LEVELS = 10 };
    type_shape types[LEVELS] = {{.name = "int64_t", .kind = TR_INT64}};
    shape_member members[LEVELS][EACH], crowd[MANY];
    for (uint32_t i = 1; i < LEVELS; i++) {
        for (int k = 0; k < EACH; k++)
            members[i][k] = (shape_member){.name = "a", .type = i - 1};
        types[i] = (type_shape){.name = "s", .kind = TR_STRUCT, .members = {members[i], EACH}};
    }
    for (int i = 0; i < MANY; i++)
        crowd[i] = (shape_member){.name = "a"};
    assert_int_equal(refused(with_types(types, 4)), 0);
    assert_int_equal(refused(with_types(types, LEVELS)), TR_EPROTOCOL);
    function_shape it = with_types(types, 1);
    it.args = (tr_list_shape_member){crowd, MANY};
    assert_int_equal(refused(it), TR_EPROTOCOL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(what_is_read_has_the_same_signature),
        SCENARIO(nonsense_is_refused),
        SCENARIO(a_default_of_another_type_is_refused),
        SCENARIO(a_few_types_do_not_become_millions_of_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

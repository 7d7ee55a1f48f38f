/* What an actor's tasks share, and nobody else. */
#define TR_MODULE "statespace"
#include "scenarios/theatre.h"

#include "actor/statespace.h"

#include <string.h>

tr_struct(dog, (tr_str, name), (int64_t, age, 3));
tr_list_of(dog);
tr_struct(kennel, (tr_list_dog, dogs), (int64_t, bones));
tr_struct(cattery, (tr_list_dog, dogs), (int64_t, bones));

tr_fn(int64_t, take_bones, (int64_t, count))
{
    kennel *mine, *again;
    tr_try(tr_get_statespace(&mine, kennel));
    mine->bones -= args->count;
    tr_try(tr_checkpoint());
    tr_try(tr_get_statespace(&again, kennel));
    *ret = again == mine ? again->bones : -1;
    return 0;
}

tr_fn(tr_str, name_of_dog, (int64_t, number))
{
    kennel *mine;
    tr_try(tr_get_statespace(&mine, kennel));
    const dog *it = &mine->dogs.items[args->number];
    return tr_return_fmt("%s, %d", it->name, (int)it->age);
}

tr_fn(void, look_for_cats)
{
    cattery *mine;
    return tr_get_statespace(&mine, cattery);
}

tr_fn(int64_t, look_in_map, (tr_str, key))
{
    tr_value *mine;
    tr_try(tr_get_statespace(&mine, tr_value));
    const tr_value *found = tr_value_get(mine, args->key);
    *ret = found ? found->integer : -1;
    return 0;
}

static int check(bool so, const char *what)
{
    return so ? 0 : tr_raise("test.Failed", "%s", what);
}

#define try_that(condition) tr_try(check((condition), #condition))

static int start(tr_nursery *nursery, tr_portal **ret_portal, tr_statespace_option statespace)
{
    return tr_start_actor(nursery, ret_portal, "donny", .modules = tr_names("statespace"),
                          .statespace = statespace);
}

static int share_a_kennel(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    char name[] = "Rex";
    kennel ours = {.dogs = tr_list(dog, {name, 7}, {"Fido", 0}), .bones = 10};
    int64_t left;
    tr_str text;
    tr_try(start(nursery, &donny, tr_statespace(kennel, &ours)));
    name[0] = 'T';
    ours.bones = 100;
    tr_try(tr_call(donny, &left, take_bones, .count = 3));
    try_that(left == 7);
    tr_try(tr_call(donny, &left, take_bones, .count = 3));
    try_that(left == 4 && ours.bones == 100);
    tr_try(tr_call(donny, &text, name_of_dog, .number = 0));
    try_that(strcmp(text, "Rex, 7") == 0);
    tr_try(tr_call(donny, &text, name_of_dog, .number = 1));
    try_that(strcmp(text, "Fido, 3") == 0);
    tr_try(tr_cancel_actor(donny));
    return tr_join(nursery);
}

static int share_a_map(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    const tr_pair pairs[] = {{"doggy", {.kind = TR_INTEGER, .integer = 10}}};
    const tr_value map = {.kind = TR_MAP, .map = {pairs, 1}};
    int64_t found;
    tr_try(start(nursery, &donny, tr_statespace(tr_value, &map)));
    tr_try(tr_call(donny, &found, look_in_map, .key = "doggy"));
    try_that(found == 10);
    tr_try(tr_call(donny, &found, look_in_map, .key = "kitty"));
    try_that(found == -1);
    tr_try(tr_cancel_actor(donny));
    return tr_join(nursery);
}

static int take_it_for_another(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    tr_try(start(nursery, &donny, tr_statespace(kennel, &(kennel){.bones = 1})));
    return tr_call(donny, NULL, look_for_cats);
}

static int give_none(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    tr_try(start(nursery, &donny, (tr_statespace_option){NULL, NULL}));
    return tr_call(donny, NULL, look_for_cats);
}

static int give_what_cannot_be_sent(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    kennel bad = {.dogs = {NULL, 3}};
    try_that(start(nursery, NULL, tr_statespace(kennel, NULL)) == TR_EARGUMENT);
    return start(nursery, NULL, tr_statespace(kennel, &bad));
}

/* As no parent of ours would send it. */
static int receive_a_type_without_a_value(void *arg)
{
    (void)arg;
    int8_t *mine;
    tr_try(statespace_receive(&(wire_statespace){.type = "int8_t"}));
    return tr_get_statespace(&mine, int8_t);
}

static void a_type_without_a_value_is_an_error(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(7, receive_a_type_without_a_value);
    expect_outcome(theatre, "ArgumentError");
    expect_nothing_left(theatre);
}

static void an_actors_calls_share_what_it_was_given(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, share_a_kennel);
    expect_outcome(theatre, NULL);
    expect_nothing_left(theatre);
    theatre = raise_curtain(2, share_a_map);
    expect_outcome(theatre, NULL);
    expect_nothing_left(theatre);
}

static void taken_for_another_type_it_is_an_error_that_names_both(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(3, take_it_for_another);
    expect_outcome(theatre, "the statespace of actor donny is a "
                            "kennel{dogs: list<dog{name: tr_str, age: int64_t}>, bones: int64_t}, "
                            "not a cattery{dogs: ");
    expect_nothing_left(theatre);
}

static void without_one_there_is_none_to_be_had(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(4, give_none);
    expect_outcome(theatre, "actor donny was not given a statespace");
    expect_nothing_left(theatre);
}

static void what_cannot_be_sent_is_refused_at_once(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(5, give_what_cannot_be_sent);
    expect_outcome(theatre, "ArgumentError");
    assert_null(world_nth(theatre->world, 1));
    expect_nothing_left(theatre);
}

/* Whatever allocation fails, in either. */
static void short_of_memory_nothing_is_left(void **state)
{
    (void)state;
    for (uint64_t n = 1, sprung = 1; sprung > 0; n++) {
        struct theatre *theatre = raise_curtain(6, share_a_kennel);
        while (!world_nth(theatre->world, 1))
            assert_true(world_step(theatre->world));
        process_fail_memory(theatre->root, n, false);
        process_fail_memory(world_nth(theatre->world, 1), n, false);
        run_to_the_end(theatre);
        sprung = process_failed(theatre->root) + process_failed(world_nth(theatre->world, 1));
        assert_null(strstr(theatre->outcome, "test.Failed"));
        expect_nothing_left(theatre);
        assert_true(n < 10000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_actors_calls_share_what_it_was_given),
        cmocka_unit_test(taken_for_another_type_it_is_an_error_that_names_both),
        cmocka_unit_test(without_one_there_is_none_to_be_had),
        cmocka_unit_test(what_cannot_be_sent_is_refused_at_once),
        cmocka_unit_test(a_type_without_a_value_is_an_error),
        cmocka_unit_test(short_of_memory_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The end of actors that somebody asks for from outside. */
#define TR_MODULE "end"
#include "scenarios/theatre.h"

#include <string.h>

tr_fn(void, wait_and_tell)
{
    say("called");
    int rc = tr_sleep_forever();
    say("cancelled");
    return rc;
}

tr_fn(void, wait_behind, (tr_str, name))
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *portal;
    tr_try(tr_start_actor(nursery, &portal, args->name, .modules = tr_names("end")));
    return tr_call(portal, NULL, wait_and_tell);
}

static int three_generations(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *parent;
    tr_try(tr_start_actor(nursery, &parent, "parent", .modules = tr_names("end")));
    return tr_call(parent, NULL, wait_behind, .name = "child");
}

static int deaf(void *arg)
{
    tr_scope shield = tr_shield();
    return tr_within(&shield, three_generations(arg));
}

static int many_times_cancelled(struct theatre *theatre)
{
    int count = 0;
    for (const char *at = theatre->said; (at = strstr(at, "cancelled")); at++)
        count++;
    return count;
}

static void a_signal_ends_the_tree_in_order(int number)
{
    struct theatre *theatre = raise_curtain((uint64_t)number, three_generations);
    run_until_said(theatre, "called");
    world_kill(theatre->root, number);
    run_to_the_end(theatre);
    assert_int_equal(process_signal(theatre->root), number);
    assert_int_equal(many_times_cancelled(theatre), 1);
    assert_string_equal(process_said(theatre->root), "");
    expect_nothing_left(theatre);
}

static void ctrl_c_ends_the_tree_in_order(void **state)
{
    (void)state;
    a_signal_ends_the_tree_in_order(SIGINT);
}

static void so_does_sigterm(void **state)
{
    (void)state;
    a_signal_ends_the_tree_in_order(SIGTERM);
}

static void a_second_one_ends_it_at_once(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(3, deaf);
    run_until_said(theatre, "called");
    world_kill(theatre->root, SIGINT);
    run_for(theatre, 100);
    assert_true(process_alive(theatre->root));
    double killed = seconds_now(theatre);
    world_kill(theatre->root, SIGTERM);
    run_to_the_end(theatre);
    assert_int_equal(process_signal(theatre->root), SIGTERM);
    assert_true(seconds_now(theatre) - killed < 0.1);
    expect_nothing_left(theatre);
}

/* Ctrl-C goes to all processes of the terminal, at whatever moment of their lives. */
static void at_any_moment_ctrl_c_is_no_childs_death(void **state)
{
    (void)state;
    for (int step = 1;; step++) {
        struct theatre *theatre = raise_curtain(4, three_generations);
        while (!world_nth(theatre->world, 1))
            assert_true(world_step(theatre->world));
        for (int i = 0; i < step; i++)
            (void)world_step(theatre->world);
        bool up = strstr(theatre->said, "called");
        struct process *process;
        for (size_t i = 0; (process = world_nth(theatre->world, i)); i++)
            world_kill(process, SIGINT);
        run_to_the_end(theatre);
        assert_int_equal(process_signal(theatre->root), SIGINT);
        assert_string_equal(process_said(theatre->root), "");
        expect_nothing_left(theatre);
        if (up)
            break;
    }
}

/* The calls on it end as when anybody else asks it to end. */
static void a_child_that_is_told_to_end_is_an_error_of_its_nursery(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(5, three_generations);
    run_until_said(theatre, "called");
    world_kill(world_find(theatre->world, "child"), SIGTERM);
    expect_outcome(theatre, "actor child");
    assert_int_equal(many_times_cancelled(theatre), 1);
    expect_nothing_left(theatre);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ctrl_c_ends_the_tree_in_order),
        cmocka_unit_test(so_does_sigterm),
        cmocka_unit_test(a_second_one_ends_it_at_once),
        cmocka_unit_test(at_any_moment_ctrl_c_is_no_childs_death),
        cmocka_unit_test(a_child_that_is_told_to_end_is_an_error_of_its_nursery),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

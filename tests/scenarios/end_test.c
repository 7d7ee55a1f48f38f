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
    expect_outcome(theatre, "<- child (");
    assert_int_equal(many_times_cancelled(theatre), 1);
    expect_nothing_left(theatre);
}

static int compute(void *arg)
{
    (void)arg;
    tr_try(tr_sleep(0.1));
    say("computes");
    process_spin(3);
    return 0;
}

/* It learns of the end of its call and of its actor at once, and then leaves. */
static int leaves_when_its_call_has_ended(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_start_actor(nursery, &donny, "donny", .modules = tr_names("end")));
    tr_try(tr_start_soon(nursery, compute, NULL));
    tr_ignore(tr_call(donny, NULL, wait_and_tell));
    tr_cancel(nursery);
    return tr_join(nursery);
}

static struct theatre *while_its_parent_computes(uint64_t seed)
{
    struct theatre *theatre = raise_curtain(seed, leaves_when_its_call_has_ended);
    run_until_said(theatre, "computes");
    world_kill(world_find(theatre->world, "donny"), SIGTERM);
    return theatre;
}

static void a_child_that_was_told_to_end_is_an_error_though_its_parent_leaves_once_it_hears_of_it(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct theatre *theatre = while_its_parent_computes(seed);
        expect_outcome(theatre, "ActorDied");
        expect_nothing_left(theatre);
    }
}

/* As service managers tell them: each process, whatever it is doing. */
static void a_child_that_was_told_to_end_with_its_parent_is_none(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct theatre *theatre = while_its_parent_computes(seed);
        world_kill(theatre->root, SIGTERM);
        run_to_the_end(theatre);
        assert_int_equal(process_signal(theatre->root), SIGTERM);
        assert_string_equal(process_said(theatre->root), "");
        expect_nothing_left(theatre);
    }
}

static int has_a_daemon(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(tr_start_actor(nursery, NULL, "donny", .modules = tr_names("end")));
    say("called");
    return tr_sleep_forever();
}

static int has_somebody_at_work(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(tr_run_in_actor(nursery, NULL, "donny", wait_and_tell));
    return tr_join(nursery);
}

static int waits_for_who_is_at_work(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_run_in_actor(nursery, &donny, "donny", wait_and_tell));
    return tr_result(donny, NULL, wait_and_tell);
}

static int calls_a_daemon(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_start_actor(nursery, &donny, "donny", .modules = tr_names("end")));
    return tr_call(donny, NULL, wait_and_tell);
}

/* Whether the child was there yet when its parent was told. */
static bool ends_quietly(int (*play)(void *), int steps)
{
    struct theatre *theatre = raise_curtain(6, play);
    run_until_said(theatre, "called");
    struct process *donny = world_find(theatre->world, "donny");
    world_kill(donny, SIGTERM);
    for (int i = 0; i < steps; i++)
        (void)world_step(theatre->world);
    bool there = process_alive(donny);
    world_kill(theatre->root, SIGTERM);
    run_to_the_end(theatre);
    if (there) {
        assert_int_equal(process_signal(theatre->root), SIGTERM);
        assert_string_equal(process_said(theatre->root), "");
    }
    expect_nothing_left(theatre);
    return there;
}

/* All of a group are told at once, but the child may be faster. */
static void a_child_that_was_told_to_end_and_has_not_yet_when_its_parent_is_told_is_none(void **state)
{
    (void)state;
    int (*const plays[])(void *) = {has_a_daemon, has_somebody_at_work, waits_for_who_is_at_work, calls_a_daemon,
                                    NULL};
    for (size_t i = 0; plays[i]; i++)
        for (int steps = 0; ends_quietly(plays[i], steps); steps++)
            continue;
}

/* ---- hooks --------------------------------------------------------------------------------------------- */

static int tell(void *what)
{
    say(what);
    return 0;
}

static int go_wrong(void *what)
{
    say(what);
    return tr_raise("app.AtEnd", "%s", (const char *)what);
}

static int add_another(void *what)
{
    tr_try(tr_at_end(tell, what));
    return tr_sleep(1); /* it may wait, though all is cancelled */
}

static int wait_for_ever(void *what)
{
    int rc = tr_sleep_forever();
    say(what);
    return rc;
}

static int calls_home(void *name)
{
    tr_auto(portal) portal = NULL;
    tr_try(tr_wait_for_actor(&portal, name));
    say(tr_portal_actor(portal)->name);
    return 0;
}

static int exit_itself(void *arg)
{
    (void)arg;
    process_exit_now(7);
}

tr_fn(void, add_hooks, (tr_str, last))
{
    tr_try(tr_at_end(tell, "first hook"));
    tr_try(tr_at_end(tell, "second hook"));
    tr_try(tr_at_end(strcmp(args->last, "fail") == 0     ? go_wrong
                     : strcmp(args->last, "exit") == 0   ? exit_itself
                     : strcmp(args->last, "wait") == 0   ? wait_for_ever
                     : strcmp(args->last, "add") == 0    ? add_another
                     : strcmp(args->last, "home") == 0   ? calls_home
                                                         : tell,
                     strcmp(args->last, "home") == 0 ? "root" : "last hook"));
    if (strcmp(args->last, "exit now") == 0)
        process_exit_now(3);
    return 0;
}

static const char *last_hook; /* of the actor in the scenario, which is one process with the test */

static int hooks_in_a_child(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *portal;
    tr_try(tr_run_in_actor(nursery, &portal, "donny", add_hooks, .last = last_hook));
    return tr_join(nursery);
}

static int hooks_in_the_root(void *arg)
{
    (void)arg;
    tr_try(tr_at_end(tell, "first hook"));
    tr_try(tr_at_end(go_wrong, "second hook"));
    tr_try(tr_at_end(wait_for_ever, "last hook"));
    return tr_raise("app.Bad", "bad");
}

static struct theatre *with_hooks(const char *last)
{
    last_hook = last;
    return raise_curtain(20, hooks_in_a_child);
}

static void expect_said(struct theatre *theatre, const char *text)
{
    assert_string_equal(theatre->said, text);
    expect_nothing_left(theatre);
}

static void hooks_run_in_reverse_order_each_once(void **state)
{
    (void)state;
    struct theatre *theatre = with_hooks("tell");
    expect_outcome(theatre, NULL);
    expect_said(theatre, "last hook\nsecond hook\nfirst hook\n");
    theatre = with_hooks("add");
    expect_outcome(theatre, NULL);
    expect_said(theatre, "last hook\nsecond hook\nfirst hook\n");
    theatre = with_hooks("home"); /* others can still be called */
    expect_outcome(theatre, NULL);
    expect_said(theatre, "root\nsecond hook\nfirst hook\n");
}

static void a_failed_hook_is_the_actors_error_and_keeps_no_other(void **state)
{
    (void)state;
    struct theatre *theatre = with_hooks("fail");
    expect_outcome(theatre, "app.AtEnd: last hook");
    expect_said(theatre, "last hook\nsecond hook\nfirst hook\n");
}

static void an_exit_calls_them_first_and_in_a_hook_the_others(void **state)
{
    (void)state;
    struct theatre *theatre = with_hooks("exit now");
    expect_outcome(theatre, "exited with status 3");
    expect_said(theatre, "last hook\nsecond hook\nfirst hook\n");
    theatre = with_hooks("exit");
    expect_outcome(theatre, "exited with status 7");
    expect_said(theatre, "second hook\nfirst hook\n");
}

static void a_parent_does_not_wait_for_a_hook_without_end(void **state)
{
    (void)state;
    struct theatre *theatre = with_hooks("wait");
    run_to_the_end(theatre);
    assert_true(seconds_now(theatre) < 1 + 2.2);
    expect_said(theatre, "");
}

static void hooks_of_the_root_are_bounded_and_lose_no_error(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(21, hooks_in_the_root);
    run_to_the_end(theatre);
    assert_non_null(strstr(theatre->outcome, "app.Bad: bad"));
    assert_non_null(strstr(theatre->outcome, "app.AtEnd: second hook"));
    assert_non_null(strstr(theatre->outcome, "TooSlow"));
    assert_true(seconds_now(theatre) < 1 + 5.1);
    expect_said(theatre, "last hook\nsecond hook\nfirst hook\n");
}

/* Wherever it is killed: each once at most, and never an earlier one first. */
static void killed_anywhere_hooks_run_once_or_not(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct theatre *theatre = with_hooks("tell");
        while (!world_nth(theatre->world, 1))
            assert_true(world_step(theatre->world));
        struct process *donny = world_nth(theatre->world, 1);
        process_kill_at(donny, n);
        run_to_the_end(theatre);
        bool untouched = process_signal(donny) == 0;
        assert_int_equal(strncmp("last hook\nsecond hook\nfirst hook\n", theatre->said, strlen(theatre->said)), 0);
        expect_nothing_left(theatre);
        if (untouched)
            break;
        assert_true(n < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hooks_run_in_reverse_order_each_once),
        cmocka_unit_test(a_failed_hook_is_the_actors_error_and_keeps_no_other),
        cmocka_unit_test(an_exit_calls_them_first_and_in_a_hook_the_others),
        cmocka_unit_test(a_parent_does_not_wait_for_a_hook_without_end),
        cmocka_unit_test(hooks_of_the_root_are_bounded_and_lose_no_error),
        cmocka_unit_test(killed_anywhere_hooks_run_once_or_not),
        cmocka_unit_test(ctrl_c_ends_the_tree_in_order),
        cmocka_unit_test(so_does_sigterm),
        cmocka_unit_test(a_second_one_ends_it_at_once),
        cmocka_unit_test(at_any_moment_ctrl_c_is_no_childs_death),
        cmocka_unit_test(a_child_that_is_told_to_end_is_an_error_of_its_nursery),
        cmocka_unit_test(a_child_that_was_told_to_end_is_an_error_though_its_parent_leaves_once_it_hears_of_it),
        cmocka_unit_test(a_child_that_was_told_to_end_with_its_parent_is_none),
        cmocka_unit_test(a_child_that_was_told_to_end_and_has_not_yet_when_its_parent_is_told_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

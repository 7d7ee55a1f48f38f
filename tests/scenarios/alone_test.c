/* Programs of one actor each, at one arbiter: those that call and serve while their main function runs, and daemons,
 * which only serve. */
#define TR_MODULE "alone"
#include "scenarios/theatre.h"

#include <string.h>

enum { SEEDS = 20 };

static const char stage[] = "unix:@stage", backstage[] = "tcp://127.0.0.1:1616";

/* Who comes over TCP may end nobody: AT_THE_STAGE is for plays in which another program does. */
#define AT_THE_STAGE(seed) ((seed) * 2 + 1)

static const char *place(uint64_t seed)
{
    return seed % 2 ? stage : backstage;
}

tr_fn(tr_str, hi)
{
    say(tr_format("%s is asked", tr_current_actor()->name));
    return tr_return_fmt("Hi my name is %s", tr_current_actor()->name);
}

tr_fn(void, secret)
{
    return 0;
}

tr_fn(void, serve_for_ever)
{
    say("called");
    return tr_sleep_forever();
}

tr_fn(void, call_a_child_for_ever)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *child;
    tr_try(tr_start_actor(n, &child, "child", .modules = tr_names("alone")));
    return tr_call(child, NULL, serve_for_ever);
}

/* A root that is none of the theatre's own, at a place that it shares. */
static struct process *enter(struct theatre *theatre, int (*program)(int, char **))
{
    return world_spawn(theatre->world, theatre->host, program);
}

static const char *here(void)
{
    return ((struct theatre *)world_user())->arbiter;
}

static struct theatre *raise_curtain_at(uint64_t seed, int (*director)(void *))
{
    struct theatre *theatre = raise_curtain(seed, director);
    theatre->arbiter = place(seed);
    return theatre;
}

/* ---- standalone --------------------------------------------------------------------------------------------- */

/* Calls the other one, and is at its own business until the other one has called. */
static int speak(void *other_actor)
{
    tr_auto(portal) other = NULL;
    tr_str line;
    tr_try(tr_wait_for_actor(&other, other_actor));
    tr_try(tr_call(other, &line, hi));
    say(line);
    const char *awaited = tr_format("%s is asked", tr_current_actor()->name);
    while (!strstr(((struct theatre *)world_user())->said, awaited))
        tr_try(tr_sleep(0.1));
    return 0;
}

static int donny(int argc, char **argv)
{
    return tr_main(argc, argv, speak, (void *)"gretchen", .name = "donny", .arbiter = here(),
                   .modules = tr_names("alone.hi"));
}

static int gretchen(int argc, char **argv)
{
    return tr_main(argc, argv, speak, (void *)"donny", .name = "gretchen", .arbiter = here(),
                   .modules = tr_names("alone.hi"));
}

static int audience(void *arg)
{
    (void)arg;
    return 0;
}

static void two_actors_without_nurseries_find_and_call_each_other(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct theatre *theatre = raise_curtain_at(seed, audience);
        struct process *first = enter(theatre, donny), *second = enter(theatre, gretchen);
        run_until_said(theatre, "Hi my name is gretchen");
        run_until_said(theatre, "Hi my name is donny");
        run_to_the_end(theatre);
        assert_int_equal(process_status(first), 0);
        assert_int_equal(process_status(second), 0);
        expect_nothing_left(theatre);
    }
}

static int call_what_is_not_served(void *arg)
{
    (void)arg;
    tr_auto(portal) other = NULL;
    tr_str line;
    tr_try(tr_wait_for_actor(&other, "donny"));
    want(tr_call(other, NULL, secret) == TR_EREMOTE && tr_error_is(tr_last_error(), "ModuleNotExposed"));
    tr_try(tr_call(other, &line, hi));
    tr_list_tr_registration found;
    tr_try(tr_query_actors(&found, .name = "donny"));
    want(found.count == 1 && found.items[0].modules.count == 1);
    want(!strcmp(found.items[0].modules.items[0], "alone.hi"));
    say("refused");
    return 0;
}

static void a_lone_actor_serves_what_its_options_say_and_nothing_else(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain_at(1, call_what_is_not_served);
    struct process *alone = enter(theatre, donny); /* waits for gretchen, who never comes */
    run_until_said(theatre, "refused");
    assert_true(process_alive(alone));
    world_kill(alone, SIGTERM);
    expect_outcome(theatre, NULL);
    assert_int_equal(process_signal(alone), SIGTERM);
    expect_nothing_left(theatre);
}

/* ---- daemons ------------------------------------------------------------------------------------------------ */

static int say_good_bye(void *arg)
{
    (void)arg;
    say("good-bye");
    return 0;
}

static int begin(void *arg)
{
    (void)arg;
    say("open");
    return tr_at_end(say_good_bye, NULL);
}

static int daemon_program(int argc, char **argv)
{
    return tr_run_daemon(argc, argv, begin, NULL, .name = "daemon", .arbiter = here(), .modules = tr_names("alone"));
}

static int ask_the_daemon(void *arg)
{
    (void)arg;
    tr_auto(portal) found = NULL;
    tr_try(tr_wait_for_actor(&found, "daemon"));
    tr_try(tr_call(found, NULL, hi));
    say("answered");
    return tr_call(found, NULL, call_a_child_for_ever);
}

static void a_daemon_ends_well_by(int number)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct theatre *theatre = raise_curtain_at(seed, ask_the_daemon);
        struct process *served = enter(theatre, daemon_program);
        run_until_said(theatre, "answered");
        run_until_said(theatre, "called");
        assert_true(process_alive(served));
        world_kill(served, number);
        run_until_said(theatre, "good-bye");
        run_to_the_end(theatre);
        assert_int_equal(process_status(served), 0);
        assert_string_equal(process_said(served), "");
        expect_nothing_left(theatre);
    }
}

static void a_daemon_serves_until_sigterm_and_that_is_its_good_end(void **state)
{
    (void)state;
    a_daemon_ends_well_by(SIGTERM);
}

static void so_is_ctrl_c(void **state)
{
    (void)state;
    a_daemon_ends_well_by(SIGINT);
}

static int cancel_the_daemon(void *arg)
{
    (void)arg;
    tr_auto(portal) found = NULL;
    tr_try(tr_wait_for_actor(&found, "daemon"));
    want(tr_cancel_actor(found) == 1);
    say("cancelled");
    return 0;
}

static void another_program_may_end_a_daemon(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct theatre *theatre = raise_curtain_at(AT_THE_STAGE(seed), cancel_the_daemon);
        struct process *served = enter(theatre, daemon_program);
        run_until_said(theatre, "cancelled");
        run_to_the_end(theatre);
        assert_int_equal(process_status(served), 0);
        expect_nothing_left(theatre);
    }
}

/* The theatre's root has come and gone before, and visits then. */
static struct theatre *raise_curtain_behind_a_daemon(uint64_t seed, int (*visitor)(void *), struct process **ret_daemon)
{
    struct theatre *theatre = raise_curtain_at(seed, audience);
    run_to_the_end(theatre);
    *ret_daemon = enter(theatre, daemon_program);
    run_until_said(theatre, "open");
    theatre->ended = false;
    theatre->director = visitor;
    theatre->root = another_root(theatre);
    return theatre;
}

static int end_the_arbiter(void *arg)
{
    (void)arg;
    tr_auto(portal) arbiter = NULL, next = NULL;
    tr_try(tr_get_arbiter(&arbiter));
    want(!strcmp(tr_portal_actor(arbiter)->name, "daemon"));
    want(tr_cancel_actor(arbiter) == 1);
    want(tr_get_arbiter(&next) == TR_ENOARBITER);
    want(tr_find_actor(&next, "daemon") == TR_ENOARBITER);
    want(tr_call(arbiter, NULL, hi) == TR_EREMOTE);
    return 0;
}

static void another_program_may_end_the_arbiter_and_nobody_is_there_then(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct process *arbiter;
        struct theatre *theatre = raise_curtain_behind_a_daemon(AT_THE_STAGE(seed), end_the_arbiter, &arbiter);
        expect_outcome(theatre, NULL);
        assert_int_equal(process_status(arbiter), 0);
        expect_nothing_left(theatre);
    }
}

static int wait_for_two(void)
{
    tr_auto(stream) changes = NULL;
    tr_actor_event event;
    tr_try(tr_watch_actors(&changes, "daemon"));
    for (int i = 0; i < 2; i++) {
        int rc = tr_next_actor(changes, &event);
        tr_try(rc);
        want(rc == 1 && event.joined);
    }
    return 0;
}

static int find_one_and_then_the_other(void *arg)
{
    (void)arg;
    tr_auto(portal) first = NULL, second = NULL;
    tr_list_tr_registration found;
    tr_try(wait_for_two());
    tr_try(tr_query_actors(&found, .name = "daemon"));
    want(found.count == 2 && strcmp(found.items[0].uuid, found.items[1].uuid) != 0);
    tr_try(tr_wait_for_actor(&first, "daemon"));
    want(!strcmp(tr_portal_actor(first)->uuid, found.items[0].uuid));
    tr_try(tr_call(first, NULL, hi));
    say("found");
    while (tr_call(first, NULL, hi) == 0)
        tr_try(tr_sleep(0.01));
    tr_try(tr_wait_for_actor(&second, "daemon"));
    want(!strcmp(tr_portal_actor(second)->uuid, found.items[1].uuid));
    return tr_call(second, NULL, hi);
}

static int keep_the_arbiter(void *arg)
{
    (void)arg;
    say("open");
    return tr_sleep_forever();
}

/* None of the two is the arbiter, whose end would be another story. */
static void of_two_programs_with_one_name_either_is_found(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct theatre *theatre = raise_curtain_at(seed, keep_the_arbiter);
        struct process *arbiter = theatre->root;
        run_until_said(theatre, "open");
        struct process *older = enter(theatre, daemon_program);
        run_for(theatre, 1);
        struct process *younger = enter(theatre, daemon_program);
        theatre->director = find_one_and_then_the_other;
        theatre->root = another_root(theatre);
        run_until_said(theatre, "found");
        world_kill(older, SIGTERM);
        while (!theatre->ended)
            assert_true(world_step(theatre->world));
        assert_string_equal(theatre->outcome, "");
        world_kill(younger, SIGTERM);
        world_kill(arbiter, SIGTERM);
        expect_nothing_left(theatre);
    }
}

static int plain_daemon(int argc, char **argv)
{
    return tr_run_daemon(argc, argv, NULL, NULL, .name = "daemon", .arbiter = here());
}

static void a_daemon_needs_nothing_to_begin_with(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain_at(AT_THE_STAGE(2), cancel_the_daemon);
    struct process *served = enter(theatre, plain_daemon);
    expect_outcome(theatre, NULL);
    assert_int_equal(process_status(served), 0);
    expect_nothing_left(theatre);
}

static int go_wrong(void *arg)
{
    return tr_raise("app.Bad", "%s", (const char *)arg);
}

static int badly_begun(int argc, char **argv)
{
    return tr_run_daemon(argc, argv, go_wrong, (void *)"no database", .name = "daemon");
}

static int begin_what_ends_badly(void *arg)
{
    tr_try(begin(NULL));
    return tr_at_end(go_wrong, arg);
}

static int badly_ended(int argc, char **argv)
{
    return tr_run_daemon(argc, argv, begin_what_ends_badly, (void *)"not put away", .name = "daemon");
}

static void a_daemon_that_cannot_begin_or_end_well_fails(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, audience);
    struct process *never = enter(theatre, badly_begun), *begun = enter(theatre, badly_ended);
    run_until_said(theatre, "open");
    run_for(theatre, 1);
    assert_int_equal(process_status(never), 1);
    assert_non_null(strstr(process_said(never), "app.Bad: no database"));
    assert_true(process_alive(begun));
    world_kill(begun, SIGTERM);
    run_to_the_end(theatre);
    assert_int_equal(process_status(begun), 1);
    assert_non_null(strstr(process_said(begun), "app.Bad: not put away"));
    expect_nothing_left(theatre);
}

static int begin_with_children(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_actor(n, NULL, "idle", .modules = tr_names("alone")));
    tr_try(tr_run_in_actor(n, NULL, "busy", serve_for_ever));
    return tr_sleep_forever();
}

static int daemon_with_children(int argc, char **argv)
{
    return tr_run_daemon(argc, argv, begin_with_children, NULL, .name = "daemon");
}

/* They run the program of a daemon, and are none. */
static void a_daemons_child_that_is_told_to_end_is_an_error_of_its_nursery(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, audience);
    struct process *served = enter(theatre, daemon_with_children);
    run_until_said(theatre, "called");
    world_kill(world_find(theatre->world, "idle"), SIGTERM);
    run_to_the_end(theatre);
    assert_int_equal(process_status(served), 1);
    assert_non_null(strstr(process_said(served), "of actor idle was killed by signal 15"));
    expect_nothing_left(theatre);
}

static void a_daemon_that_is_told_to_end_with_its_children_ends_well(void **state)
{
    (void)state;
    bool there = true;
    for (int steps = 0; there; steps++) {
        struct theatre *theatre = raise_curtain(1, audience);
        struct process *served = enter(theatre, daemon_with_children);
        run_until_said(theatre, "called");
        struct process *idle = world_find(theatre->world, "idle"), *busy = world_find(theatre->world, "busy");
        world_kill(idle, SIGTERM);
        world_kill(busy, SIGTERM);
        for (int i = 0; i < steps; i++)
            (void)world_step(theatre->world);
        there = process_alive(idle) && process_alive(busy);
        world_kill(served, SIGTERM);
        run_to_the_end(theatre);
        if (there) {
            assert_int_equal(process_status(served), 0);
            assert_string_equal(process_said(served), "");
        }
        expect_nothing_left(theatre);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_actors_without_nurseries_find_and_call_each_other),
        cmocka_unit_test(a_lone_actor_serves_what_its_options_say_and_nothing_else),
        cmocka_unit_test(a_daemon_serves_until_sigterm_and_that_is_its_good_end),
        cmocka_unit_test(so_is_ctrl_c),
        cmocka_unit_test(another_program_may_end_a_daemon),
        cmocka_unit_test(another_program_may_end_the_arbiter_and_nobody_is_there_then),
        cmocka_unit_test(of_two_programs_with_one_name_either_is_found),
        cmocka_unit_test(a_daemon_needs_nothing_to_begin_with),
        cmocka_unit_test(a_daemon_that_cannot_begin_or_end_well_fails),
        cmocka_unit_test(a_daemons_child_that_is_told_to_end_is_an_error_of_its_nursery),
        cmocka_unit_test(a_daemon_that_is_told_to_end_with_its_children_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

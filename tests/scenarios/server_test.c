/* Trees whose actors are forked from a server, and what becomes of them without it. */
#define TR_MODULE "server"
#include "scenarios/theatre.h"

#include <string.h>

tr_fn(int64_t, answer)
{
    *ret = 42;
    return 0;
}

tr_fn(int64_t, ask_another)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *child;
    tr_try(tr_start_actor(nursery, &child, "child", .modules = tr_names("server")));
    tr_try(tr_call(child, ret, answer));
    say("called");
    tr_cancel(nursery);
    return tr_join(nursery);
}

tr_fn(int64_t, wait_beside_another)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *child;
    tr_try(tr_start_actor(nursery, &child, "child", .modules = tr_names("server")));
    tr_try(tr_call(child, ret, answer));
    say("called");
    return tr_sleep_forever();
}

static int three_generations(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *parent;
    int64_t value;
    tr_try(tr_start_actor(nursery, &parent, "parent", .modules = tr_names("server")));
    tr_try(tr_call(parent, &value, ask_another));
    if (value != 42)
        return tr_raise("test.Failed", "another answer");
    tr_cancel(nursery);
    return tr_join(nursery);
}

static int three_generations_for_ever(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *parent;
    tr_try(tr_start_actor(nursery, &parent, "parent", .modules = tr_names("server")));
    return tr_call(parent, NULL, wait_beside_another);
}

static const char *const methods[] = {"forkserver", "fork"};
enum { METHODS = sizeof methods / sizeof *methods };

static struct theatre *raise_curtain_by(const char *method, uint64_t seed, int (*director)(void *))
{
    struct theatre *theatre = raise_curtain(seed, director);
    theatre->start_method = method;
    return theatre;
}

/* The root's, which is what it starts first. */
static struct process *server_of(struct theatre *theatre)
{
    while (!world_nth(theatre->world, 1))
        assert_true(world_step(theatre->world));
    return world_nth(theatre->world, 1);
}

static void actors_are_forked_and_nothing_is_left(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        struct theatre *theatre = raise_curtain_by(methods[seed % METHODS], seed, three_generations);
        expect_outcome(theatre, NULL);
        expect_nothing_left(theatre);
    }
}

static void a_killed_server_takes_its_tree_with_it(void **state)
{
    (void)state;
    for (int i = 0; i < METHODS; i++) {
        struct theatre *theatre = raise_curtain_by(methods[i], 2, three_generations_for_ever);
        struct process *server = server_of(theatre);
        run_until_said(theatre, "called");
        world_kill(server, SIGKILL);
        expect_outcome(theatre, "forked from");
        expect_nothing_left(theatre);
    }
}

static void a_server_that_dies_of_a_fork_is_an_error(void **state)
{
    (void)state;
    for (int i = 0; i < METHODS; i++) {
        struct theatre *theatre = raise_curtain_by(methods[i], 5, three_generations);
        process_kill_at(server_of(theatre), 1);
        expect_outcome(theatre, "forked from");
        expect_nothing_left(theatre);
    }
}

static void a_fork_that_fails_is_an_error(void **state)
{
    (void)state;
    for (int i = 0; i < METHODS; i++) {
        struct theatre *theatre = raise_curtain_by(methods[i], 6, three_generations);
        process_fail_calls(server_of(theatre), 1, false);
        expect_outcome(theatre, "could not be forked");
        expect_nothing_left(theatre);
    }
}

static void a_stopped_server_forks_when_it_goes_on(void **state)
{
    (void)state;
    for (int i = 0; i < METHODS; i++) {
        struct theatre *theatre = raise_curtain_by(methods[i], 7, three_generations);
        struct process *server = server_of(theatre);
        world_kill(server, SIGSTOP);
        run_for(theatre, 5);
        assert_string_equal(theatre->said, "");
        world_kill(server, SIGCONT);
        run_until_said(theatre, "called");
        expect_outcome(theatre, NULL);
        expect_nothing_left(theatre);
    }
}

/* How it ended only the server knows, which is given half a second. */
static void a_death_under_a_stopped_server_is_an_error_all_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < METHODS; i++) {
        struct theatre *theatre = raise_curtain_by(methods[i], 8, three_generations_for_ever);
        struct process *server = server_of(theatre);
        run_until_said(theatre, "called");
        world_kill(server, SIGSTOP);
        double then = seconds_now(theatre);
        kill_actor(theatre, "parent");
        expect_outcome(theatre, "does not answer");
        assert_true(seconds_now(theatre) < then + 1);
        expect_nothing_left(theatre);
    }
}

static void a_killed_root_takes_its_server_with_it(void **state)
{
    (void)state;
    for (int i = 0; i < METHODS; i++) {
        struct theatre *theatre = raise_curtain_by(methods[i], 3, three_generations_for_ever);
        run_until_said(theatre, "called");
        kill_actor(theatre, "root");
        run_to_the_end(theatre);
        expect_nothing_left(theatre);
    }
}

/* The steps of the world are counted, since a server makes none. */
static void whenever_the_server_is_killed_nothing_is_left(void **state)
{
    (void)state;
    for (int i = 0; i < METHODS; i++)
        for (int steps = 0, in_time = 1; in_time; steps += 3) {
            struct theatre *theatre = raise_curtain_by(methods[i], 4, three_generations);
            struct process *server = server_of(theatre);
            for (int step = 0; step < steps; step++)
                (void)world_step(theatre->world);
            in_time = process_alive(server);
            world_kill(server, SIGKILL);
            run_to_the_end(theatre);
            assert_true(theatre->ended);
            assert_true(!in_time || theatre->outcome[0] || !strcmp(theatre->said, "called\n"));
            expect_nothing_left(theatre);
            assert_true(steps < 3000);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actors_are_forked_and_nothing_is_left),
        cmocka_unit_test(a_killed_server_takes_its_tree_with_it),
        cmocka_unit_test(a_server_that_dies_of_a_fork_is_an_error),
        cmocka_unit_test(a_fork_that_fails_is_an_error),
        cmocka_unit_test(a_stopped_server_forks_when_it_goes_on),
        cmocka_unit_test(a_death_under_a_stopped_server_is_an_error_all_the_same),
        cmocka_unit_test(a_killed_root_takes_its_server_with_it),
        cmocka_unit_test(whenever_the_server_is_killed_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

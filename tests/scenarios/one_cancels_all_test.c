/* A nursery of actors: one that fails cancels all others, and what failed comes out of it. The scenarios are those of
 * Python tractor's own tests; docs/tractor.md has them side by side. */
#define TR_MODULE "one_cancels_all"
#include "scenarios/theatre.h"

#include <string.h>

static const double A_MOMENT_S = 0.05; /* for what happens at once */

tr_fn(void, ping)
{
    return 0;
}

tr_fn(void, fail)
{
    return tr_raise("app.Bad", "by itself");
}

/* By itself or when cancelled, but it does. */
tr_fn(void, fail_anyway, (double, seconds))
{
    tr_ignore(tr_sleep(args->seconds));
    return tr_raise("app.Bad", "anyway");
}

tr_fn(tr_str, name_of_arbiter)
{
    tr_auto(portal) arbiter = NULL;
    tr_try(tr_get_arbiter(&arbiter));
    return tr_return_fmt("%s %s", tr_portal_actor(arbiter)->name, tr_portal_actor(arbiter)->uuid);
}

tr_fn(void, call_back)
{
    tr_auto(portal) root = NULL;
    tr_try(tr_wait_for_actor(&root, "root"));
    return tr_call(root, NULL, ping);
}

tr_fn(void, start_and_end_another)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *child;
    tr_try(tr_start_actor(nursery, &child, "child"));
    tr_try(tr_cancel_actor(child));
    return tr_join(nursery);
}

tr_stream_fn(int64_t, count)
{
    int rc = 0;
    for (int64_t i = 0; rc == 0; i++)
        rc = tr_yield(ctx, i);
    say(rc == TR_ECANCELLED ? "producer cancelled" : "producer failed");
    return rc;
}

/* ---- errors -------------------------------------------------------------------------------------------------- */

static int ask_one_that_fails(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_run_in_actor(nursery, &donny, "donny", fail));
    int rc = tr_result(donny, NULL, fail);
    say(rc == TR_EREMOTE && tr_error_is(tr_last_error(), "app.Bad") ? "seen" : "not seen");
    return rc;
}

static void an_error_comes_out_of_result_nursery_and_run(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, ask_one_that_fails);
    expect_shape(theatre, "donny > app.Bad(by itself)@donny");
    assert_string_equal(theatre->said, "seen\n");
    expect_nothing_left(theatre);
}

static int ask_one_of_two_that_fail(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *one;
    tr_try(tr_run_in_actor(nursery, &one, "one", fail_anyway, .seconds = 1));
    tr_try(tr_run_in_actor(nursery, NULL, "two", fail_anyway, .seconds = 2));
    return tr_join_with(nursery, tr_result(one, NULL, fail_anyway));
}

static void an_error_that_was_seen_counts_once_beside_another(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(2, ask_one_of_two_that_fail);
    expect_shape(theatre, "[one > app.Bad(anyway)@one, two > app.Bad(anyway)@two]");
    expect_nothing_left(theatre);
}

/* ---- one cancels all ----------------------------------------------------------------------------------------- */

static int run_beside_daemons(tr_nursery *nursery, int failing)
{
    for (int i = 1; i <= 3; i++)
        tr_try(tr_start_actor(nursery, NULL, tr_format("daemon%d", i), .modules = tr_names("one_cancels_all")));
    for (int i = 1; i <= failing; i++)
        tr_try(tr_run_in_actor(nursery, NULL, tr_format("extra%d", i), fail_anyway, .seconds = 1));
    return 0;
}

static int join_beside_daemons(int failing)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    int rc = tr_join_with(nursery, run_beside_daemons(nursery, failing));
    const tr_error *error = tr_error_keep(tr_last_error());
    say(tr_cancelled(nursery) ? "cancelled" : "not cancelled");
    tr_ignore(tr_sleep(1)); /* for those outside, to count who lives */
    int again = tr_reraise(error);
    tr_error_release(error);
    return rc == again ? rc : tr_raise("test.Failed", "%d is not %d", rc, again);
}

static int one_fails_beside_daemons(void *arg)
{
    (void)arg;
    return join_beside_daemons(1);
}

static int two_fail_beside_daemons(void *arg)
{
    (void)arg;
    return join_beside_daemons(2);
}

static void expect_only_the_root_lives(struct theatre *theatre)
{
    run_until_said(theatre, "cancelled");
    assert_int_equal(world_living(theatre->world), 1);
}

static void one_that_fails_cancels_the_daemons(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(3, one_fails_beside_daemons);
    expect_only_the_root_lives(theatre);
    expect_shape(theatre, "extra1 > app.Bad(anyway)@extra1");
    expect_nothing_left(theatre);
}

static void two_that_fail_are_a_group_of_exactly_two(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(4, two_fail_beside_daemons);
    expect_only_the_root_lives(theatre);
    expect_shape(theatre, "[extra1 > app.Bad(anyway)@extra1, extra2 > app.Bad(anyway)@extra2]");
    expect_nothing_left(theatre);
}

/* ---- cancelled from outside ---------------------------------------------------------------------------------- */

static int call_and_cancel_the_nursery(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_start_actor(nursery, &donny, "donny", .modules = tr_names("one_cancels_all")));
    tr_try(tr_call(donny, NULL, ping));
    say("cancelling");
    tr_cancel(nursery);
    return tr_join(nursery);
}

static void a_cancelled_nursery_ends_its_daemon_at_once(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(5, call_and_cancel_the_nursery);
    run_until_said(theatre, "cancelling");
    double cancelled = seconds_now(theatre);
    expect_outcome(theatre, NULL);
    assert_true(seconds_now(theatre) - cancelled < A_MOMENT_S);
    expect_nothing_left(theatre);
}

static int consume(tr_nursery *nursery)
{
    tr_portal *donny;
    tr_try(tr_start_actor(nursery, &donny, "donny", .modules = tr_names("one_cancels_all")));
    tr_auto(stream) numbers = NULL;
    tr_try(tr_open_stream(donny, &numbers, count));
    int64_t number;
    int rc;
    while ((rc = tr_next(numbers, &number, count)) > 0)
        tr_try(tr_sleep(0.01));
    return rc;
}

static int consume_in_a_nursery(void)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    int rc = tr_join_with(nursery, consume(nursery));
    say(tr_cancelled(nursery) ? "nursery cancelled" : "nursery not cancelled");
    return rc;
}

static int consume_for_a_second(void *arg)
{
    (void)arg;
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, consume_in_a_nursery()));
    say(limit.cancelled_caught ? "caught" : "not caught");
    return 0;
}

static void a_deadline_around_a_nursery_ends_an_endless_stream(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(6, consume_for_a_second);
    expect_outcome(theatre, NULL);
    assert_string_equal(theatre->said, "producer cancelled\nnursery cancelled\ncaught\n");
    assert_true(seconds_now(theatre) < 1 + 1 + A_MOMENT_S); /* the clock begins at 1 */
    expect_nothing_left(theatre);
}

/* ---- a root and its children --------------------------------------------------------------------------------- */

static int count_alone(void *arg)
{
    (void)arg;
    tr_auto(portal) arbiter = NULL;
    tr_try(tr_get_arbiter(&arbiter));
    for (int i = 0; i < 10; i++)
        tr_try(tr_sleep(0.1));
    return strcmp(tr_portal_actor(arbiter)->uuid, tr_current_actor()->uuid) == 0
               ? 0
               : tr_raise("test.Failed", "another one is the arbiter");
}

static void a_root_alone_is_an_actor_and_its_own_arbiter(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(7, count_alone);
    expect_outcome(theatre, NULL);
    assert_null(world_nth(theatre->world, 1));
    expect_nothing_left(theatre);
}

static int ask_for_the_arbiter(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    tr_str answer;
    tr_try(tr_run_in_actor(nursery, &donny, "donny", name_of_arbiter));
    tr_try(tr_result(donny, &answer, name_of_arbiter));
    if (strcmp(answer, tr_format("root %s", tr_current_actor()->uuid)) != 0)
        return tr_raise("test.Failed", "the arbiter is %s", answer);
    return tr_join(nursery);
}

static void a_childs_arbiter_is_the_root(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(8, ask_for_the_arbiter);
    expect_outcome(theatre, NULL);
    expect_nothing_left(theatre);
}

static int have_one_call_back(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(tr_run_in_actor(nursery, NULL, "donny", call_back));
    return tr_join(nursery);
}

static void a_parent_that_exposes_nothing_cannot_be_called_back(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(10, have_one_call_back);
    expect_outcome(theatre, "ModuleNotExposed");
    assert_non_null(strstr(theatre->shape, "donny > root > ModuleNotExposed("));
    assert_non_null(strstr(theatre->shape, "@root"));
    expect_nothing_left(theatre);
}

static int run_a_parent(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(tr_run_in_actor(nursery, NULL, "parent", start_and_end_another));
    return tr_join(nursery);
}

static void a_child_logs_as_much_as_its_root(void **state)
{
    (void)state;
    const struct { const char *level; bool tells; } cases[] = {{"runtime", true}, {"warning", false}};
    for (size_t i = 0; i < 2; i++) {
        struct theatre *theatre = raise_curtain(9, run_a_parent);
        theatre->log = cases[i].level;
        expect_outcome(theatre, NULL);
        const char *said = process_said(world_nth(theatre->world, 1));
        assert_true(cases[i].tells == (strstr(said, "child is up") != NULL));
        expect_nothing_left(theatre);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_comes_out_of_result_nursery_and_run),
        cmocka_unit_test(an_error_that_was_seen_counts_once_beside_another),
        cmocka_unit_test(one_that_fails_cancels_the_daemons),
        cmocka_unit_test(two_that_fail_are_a_group_of_exactly_two),
        cmocka_unit_test(a_cancelled_nursery_ends_its_daemon_at_once),
        cmocka_unit_test(a_deadline_around_a_nursery_ends_an_endless_stream),
        cmocka_unit_test(a_root_alone_is_an_actor_and_its_own_arbiter),
        cmocka_unit_test(a_childs_arbiter_is_the_root),
        cmocka_unit_test(a_parent_that_exposes_nothing_cannot_be_called_back),
        cmocka_unit_test(a_child_logs_as_much_as_its_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

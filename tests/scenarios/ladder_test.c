/* How an actor is ended that does not want to, or cannot: a request, SIGTERM, SIGKILL, and the time between. */
#define TR_MODULE "ladder"
#include "scenarios/theatre.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double A_MOMENT_S = 0.05; /* for what happens at once */

/* ---- a tree that grows downwards ----------------------------------------------------------------- */

tr_fn_decl(int64_t, grow, (int32_t, levels));

static int grow_below(int32_t levels)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *child;
    char name[24];
    snprintf(name, sizeof name, "level%d", levels);
    tr_try(tr_start_actor(nursery, &child, name, .modules = tr_names("ladder")));
    return tr_call(child, NULL, grow, .levels = levels - 1);
}

/* Says when it has ended in good order, with all that was below it. */
tr_fn_def(grow)
{
    if (args->levels == 0) {
        say("grown");
        return tr_sleep_forever();
    }
    int rc = grow_below(args->levels);
    char word[24];
    snprintf(word, sizeof word, "left %d", args->levels);
    say(word);
    return rc;
}

static int grow_and_cut(void *arg)
{
    (void)arg;
    tr_scope limit = tr_move_on_after(10);
    return tr_within(&limit, grow_below(6));
}

static void a_deep_tree_ends_within_the_bounds_of_its_root(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, grow_and_cut);
    run_until_said(theatre, "grown");
    stop_actor(theatre, "level1");
    expect_outcome(theatre, NULL);
    double ended = seconds_now(theatre);
    assert_true(ended >= 11 && ended < 11 + 1 + A_MOMENT_S); /* the clock begins at 1 */
    for (int level = 2; level <= 5; level++) {
        char word[24];
        snprintf(word, sizeof word, "left %d\n", level);
        assert_non_null(strstr(theatre->said, word));
    }
    expect_nothing_left(theatre);
}

/* ---- the bounds ---------------------------------------------------------------------------------- */

static int tidy_up(double seconds)
{
    tr_scope shield = tr_shield();
    return tr_within(&shield, tr_sleep(seconds));
}

tr_fn(int64_t, tidy_up_for, (double, seconds))
{
    say("called");
    int rc = tr_sleep_forever();
    tr_try(tidy_up(args->seconds));
    say("tidied up");
    return rc;
}

tr_fn(int64_t, compute_for, (double, seconds))
{
    say("called");
    process_spin(args->seconds);
    return 0;
}

/* Ends an actor that has been cleaning up for so long; whether it ended by itself. */
static int end_one_that_tidies_up(tr_nursery *nursery, double seconds, double grace)
{
    tr_portal *donny;
    tr_try(tr_start_actor(nursery, &donny, "donny", .modules = tr_names("ladder"), .grace = grace));
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, tr_call(donny, NULL, tidy_up_for, .seconds = seconds)));
    return tr_cancel_actor(donny);
}

static int expect_and_join(tr_nursery *nursery, int rc, int expected)
{
    tr_try(rc);
    if (rc != expected)
        return tr_raise("test.Failed", "it is said to have ended %s", rc ? "by itself" : "by force");
    return tr_join(nursery);
}

static int wait_as_the_actor_says(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery(.grace = 0.1);
    return expect_and_join(nursery, end_one_that_tidies_up(nursery, 8, 7), 1);
}

static int wait_as_the_nursery_says(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery(.grace = 7);
    return expect_and_join(nursery, end_one_that_tidies_up(nursery, 8, 0), 1);
}

static int wait_as_usual(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    return expect_and_join(nursery, end_one_that_tidies_up(nursery, 8, 0), 0);
}

static void whoever_cleans_up_has_the_time_that_its_options_give(void **state)
{
    (void)state;
    int (*const ways[])(void *) = {wait_as_the_actor_says, wait_as_the_nursery_says};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct theatre *theatre = raise_curtain(2 + i, ways[i]);
        expect_outcome(theatre, NULL);
        assert_non_null(strstr(theatre->said, "tidied up"));
        expect_nothing_left(theatre);
    }
}

static void else_it_has_a_second(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(4, wait_as_usual);
    expect_outcome(theatre, NULL);
    assert_null(strstr(theatre->said, "tidied up"));
    expect_nothing_left(theatre);
}

static int end_one_that_computes(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery(.grace = 0.25, .term_grace = 0.5);
    tr_portal *donny;
    tr_try(tr_start_actor(nursery, &donny, "donny", .modules = tr_names("ladder"), .term_grace = 0.125));
    tr_scope limit = tr_move_on_after(1);
    return tr_within(&limit, tr_call(donny, NULL, compute_for, .seconds = 3600));
}

static void force_is_used_as_soon_as_options_say(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(5, end_one_that_computes);
    run_until_said(theatre, "called");
    stop_actor(theatre, "donny"); /* so that SIGTERM does nothing */
    expect_outcome(theatre, NULL);
    /* a second until the scope ends, the two a call is waited for, and both steps of the ladder */
    assert_true(fabs(seconds_now(theatre) - (1 + 1 + 2 + 0.25 + 0.125)) < A_MOMENT_S);
    expect_nothing_left(theatre);
}

static int end_a_main_function_that_computes(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery(.grace = 0.25, .term_grace = 0.125);
    tr_try(tr_run_in_actor(nursery, NULL, "donny", compute_for, .seconds = 3600));
    tr_try(tr_sleep(1));
    tr_cancel(nursery);
    return tr_join(nursery);
}

/* Its call is not waited for first. */
static void the_time_of_a_main_function_is_that_of_its_actor(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(7, end_a_main_function_that_computes);
    run_until_said(theatre, "called");
    double called = seconds_now(theatre);
    stop_actor(theatre, "donny");
    expect_outcome(theatre, NULL);
    assert_true(fabs(seconds_now(theatre) - called - (1 + 0.25 + 0.125)) < A_MOMENT_S);
    expect_nothing_left(theatre);
}

tr_fn(int64_t, fail_at_the_end)
{
    int rc = tr_sleep_forever();
    tr_try(tidy_up(0.5));
    return rc == TR_ECANCELLED ? tr_raise("app.AtTheEnd", "too bad") : rc;
}

static int end_a_main_function_that_fails_then(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(tr_run_in_actor(nursery, NULL, "donny", fail_at_the_end));
    tr_cancel(nursery);
    return tr_join(nursery);
}

static void what_a_main_function_fails_with_when_it_is_cancelled_is_not_lost(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(8, end_a_main_function_that_fails_then);
    expect_outcome(theatre, "app.AtTheEnd");
    expect_nothing_left(theatre);
}

static int ask_for_no_time(void *arg)
{
    (void)arg;
    tr_auto(nursery) strict = tr_open_nursery(.grace = -1);
    tr_auto(nursery) usual = tr_open_nursery();
    if (tr_start_actor(strict, NULL, "donny") != TR_EARGUMENT ||
        tr_start_actor(usual, NULL, "donny", .grace = -1) != TR_EARGUMENT ||
        tr_start_actor(usual, NULL, "donny", .term_grace = NAN) != TR_EARGUMENT)
        return tr_raise("test.Failed", "that was taken");
    return 0;
}

static void a_time_that_is_none_is_refused(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(6, ask_for_no_time);
    expect_outcome(theatre, NULL);
    expect_nothing_left(theatre);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deep_tree_ends_within_the_bounds_of_its_root),
        cmocka_unit_test(whoever_cleans_up_has_the_time_that_its_options_give),
        cmocka_unit_test(else_it_has_a_second),
        cmocka_unit_test(force_is_used_as_soon_as_options_say),
        cmocka_unit_test(a_time_that_is_none_is_refused),
        cmocka_unit_test(the_time_of_a_main_function_is_that_of_its_actor),
        cmocka_unit_test(what_a_main_function_fails_with_when_it_is_cancelled_is_not_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What becomes of errors in a tree of actors: they climb through every level and stay what they were. Each box
 * that a shape shows (`level2 > ...`) is one process that the error came through. */
#define TR_MODULE "tree"
#include "scenarios/theatre.h"

#include <stdio.h>
#include <string.h>

/* ---- leaves ------------------------------------------------------------------------------------------------ */

tr_fn(void, fail_in, (double, seconds))
{
    tr_try(tr_sleep(args->seconds));
    return tr_raise("app.Bad", "by itself");
}

tr_fn(void, fail_when_cancelled)
{
    say("called");
    tr_ignore(tr_sleep_forever());
    return tr_raise("app.CleanUp", "cancelled");
}

/* By itself or when cancelled, but it does. */
tr_fn(void, fail_anyway, (double, seconds))
{
    tr_ignore(tr_sleep(args->seconds));
    return tr_raise("app.Bad", "anyway");
}

tr_fn(int64_t, answer_in, (double, seconds))
{
    tr_try(tr_sleep(args->seconds));
    *ret = 42;
    return 0;
}

tr_fn(void, exit_when_cancelled)
{
    tr_ignore(tr_sleep_forever());
    process_exit_now(3);
}

tr_fn(void, wait_for_ever)
{
    int rc = tr_sleep_forever();
    say("cancelled");
    return rc;
}

static int expect_answer(tr_portal *portal, double seconds)
{
    int64_t answer = 0;
    tr_try(tr_call(portal, &answer, answer_in, .seconds = seconds));
    return answer == 42 ? 0 : tr_raise("test.Failed", "%lld is no answer", (long long)answer);
}

/* ---- three levels ------------------------------------------------------------------------------------------ */

/* Where an error arises, in the words of a report. */
#define say_place()                                                                                \
    say(tr_format("at %s:%d, in actor %s (%.8s, pid %d)", __FILE__, __LINE__, tr_current_actor()->name, \
                  tr_current_actor()->uuid, tr_current_actor()->pid))

enum { BY_CALL, AS_MAIN, WAYS };

tr_fn_decl(void, climb, (int32_t, levels), (int32_t, way));

static int climb_below(int32_t levels, int32_t way)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    const char *name = tr_format("level%d", levels);
    tr_portal *child;
    if (way == AS_MAIN) {
        tr_try(tr_run_in_actor(nursery, NULL, name, climb, .levels = levels - 1, .way = way));
        return tr_join(nursery);
    }
    tr_try(tr_start_actor(nursery, &child, name, .modules = tr_names("tree")));
    return tr_call(child, NULL, climb, .levels = levels - 1, .way = way);
}

tr_fn_def(climb)
{
    if (args->levels > 0)
        return climb_below(args->levels, args->way);
    return say_place(), tr_raise("app.Bad", "no use");
}

static int climb_by_calls(void *arg)
{
    (void)arg;
    return climb_below(3, BY_CALL);
}

static int climb_out_of_mains(void *arg)
{
    (void)arg;
    return climb_below(3, AS_MAIN);
}

static void an_error_climbs_three_levels_and_keeps_origin_path_and_type(void **state)
{
    (void)state;
    int (*const ways[WAYS])(void *) = {[BY_CALL] = climb_by_calls, [AS_MAIN] = climb_out_of_mains};
    for (size_t i = 0; i < WAYS; i++) {
        struct theatre *theatre = raise_curtain(1 + i, ways[i]);
        expect_shape(theatre, "level3 > level2 > level1 > app.Bad(no use)@level1");
        theatre->said[strcspn(theatre->said, "\n")] = '\0';
        assert_true(theatre->said[0]);
        assert_non_null(strstr(theatre->outcome, theatre->said));
        expect_nothing_left(theatre);
    }
}

/* ---- nurseries in which several fail ------------------------------------------------------------------------- */

static int start_failing(tr_nursery *nursery, const char *name, double seconds)
{
    return seconds > 0 ? tr_run_in_actor(nursery, NULL, name, fail_in, .seconds = seconds)
                       : tr_run_in_actor(nursery, NULL, name, fail_when_cancelled);
}

/* Two leaves, of which the second fails after so many seconds, or, as the first, when it is cancelled. */
tr_fn(void, two_leaves, (tr_str, name), (double, seconds))
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(start_failing(nursery, tr_format("%s1", args->name), 0));
    tr_try(start_failing(nursery, tr_format("%s2", args->name), args->seconds));
    return tr_join(nursery);
}

static int two_middles(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(tr_run_in_actor(nursery, NULL, "b", two_leaves, .name = "b"));
    tr_try(tr_run_in_actor(nursery, NULL, "a", two_leaves, .name = "a", .seconds = 1));
    return tr_join(nursery);
}

static void groups_of_two_middles_are_groups_at_the_root(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(3, two_middles);
    expect_shape(theatre, "[a > [a1 > app.CleanUp(cancelled)@a1, a2 > app.Bad(by itself)@a2], "
                          "b > [b1 > app.CleanUp(cancelled)@b1, b2 > app.CleanUp(cancelled)@b2]]");
    expect_nothing_left(theatre);
}

tr_fn(void, two_stubborn_leaves, (tr_str, name))
{
    tr_auto(nursery) nursery = tr_open_nursery();
    for (int i = 1; i <= 2; i++)
        tr_try(tr_run_in_actor(nursery, NULL, tr_format("%s%d", args->name, i), fail_anyway, .seconds = 1));
    return tr_join(nursery);
}

static int two_stubborn_middles(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(tr_run_in_actor(nursery, NULL, "a", two_stubborn_leaves, .name = "a"));
    tr_try(tr_run_in_actor(nursery, NULL, "b", two_stubborn_leaves, .name = "b"));
    return tr_join(nursery);
}

/* Their seconds end within a moment of each other: failures and cancellations meet under way. */
static void each_of_many_failures_comes_home_once_however_they_meet(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct theatre *theatre = raise_curtain(seed, two_stubborn_middles);
        expect_shape(theatre, "[a > [a1 > app.Bad(anyway)@a1, a2 > app.Bad(anyway)@a2], "
                              "b > [b1 > app.Bad(anyway)@b1, b2 > app.Bad(anyway)@b2]]");
        expect_nothing_left(theatre);
    }
}

/* ---- bodies that fail ---------------------------------------------------------------------------------------- */

static int fail_beside(tr_nursery *nursery)
{
    tr_try(start_failing(nursery, "one", 0));
    tr_try(start_failing(nursery, "two", 0));
    tr_try(tr_sleep(1));
    return tr_raise("app.Body", "the body");
}

tr_fn(void, fail_and_join)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    return tr_join_with(nursery, fail_beside(nursery));
}

tr_fn(void, fail_and_leave)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(fail_beside(nursery));
    return tr_join(nursery);
}

static int run_one_that_joins(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(tr_run_in_actor(nursery, NULL, "middle", fail_and_join));
    return tr_join(nursery);
}

static int run_one_that_leaves(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(tr_run_in_actor(nursery, NULL, "middle", fail_and_leave));
    return tr_join(nursery);
}

static void body_and_children_failing_together_are_one_group(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(4, run_one_that_joins);
    expect_shape(theatre, "middle > [app.Body(the body)@middle, one > app.CleanUp(cancelled)@one, "
                          "two > app.CleanUp(cancelled)@two]");
    expect_nothing_left(theatre);
}

static void a_block_left_early_adds_what_its_nursery_held(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(5, run_one_that_leaves);
    expect_shape(theatre, "middle > [[one > app.CleanUp(cancelled)@one, two > app.CleanUp(cancelled)@two], "
                          "app.Body(the body)@middle]");
    expect_nothing_left(theatre);
}

/* ---- cancelled from above ------------------------------------------------------------------------------------ */

tr_fn_decl(void, complain, (int32_t, levels));

static int complain_below(int32_t levels)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(tr_run_in_actor(nursery, NULL, tr_format("level%d", levels), complain, .levels = levels - 1));
    return tr_join(nursery);
}

static int complain_beside(tr_nursery *nursery, int32_t levels)
{
    tr_try(tr_run_in_actor(nursery, NULL, tr_format("level%d", levels), complain, .levels = levels - 1));
    tr_ignore(tr_sleep_forever());
    return tr_raise("app.CleanUp", "cancelled");
}

/* At each level something goes wrong as it is cancelled. */
tr_fn_def(complain)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    if (args->levels > 0)
        return tr_join_with(nursery, complain_beside(nursery, args->levels));
    tr_ignore(tr_sleep_forever());
    return tr_raise("app.CleanUp", "cancelled");
}

static int cut_complainers(void *arg)
{
    (void)arg;
    tr_scope limit = tr_move_on_after(1);
    return tr_within(&limit, complain_below(3));
}

static void what_goes_wrong_in_being_cancelled_is_kept_at_every_level(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(6, cut_complainers);
    expect_shape(theatre, "level3 > [app.CleanUp(cancelled)@level3, "
                          "level2 > [app.CleanUp(cancelled)@level2, level1 > app.CleanUp(cancelled)@level1]]");
    expect_nothing_left(theatre);
}

tr_fn(void, run_one_that_exits)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(tr_run_in_actor(nursery, NULL, "leaf", exit_when_cancelled));
    return tr_join(nursery);
}

static int run_and_cut(void)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(tr_run_in_actor(nursery, NULL, "middle", run_one_that_exits));
    return tr_join(nursery);
}

static int cut_one_that_exits(void *arg)
{
    (void)arg;
    tr_scope limit = tr_move_on_after(1);
    return tr_within(&limit, run_and_cut());
}

static void so_is_a_death_in_being_cancelled(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(7, cut_one_that_exits);
    expect_shape(theatre, "middle > leaf > ActorDied(process 103 of actor leaf exited with status 3)@leaf");
    expect_nothing_left(theatre);
}

/* ---- those who live on --------------------------------------------------------------------------------------- */

static int call_and_give_up(void *portal)
{
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, tr_call((tr_portal *)portal, NULL, wait_for_ever)));
    return limit.cancelled_caught ? 0 : tr_raise("test.Failed", "it was not cancelled");
}

static int give_up_one_of_two_calls(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_start_actor(nursery, &donny, "donny", .modules = tr_names("tree")));
    tr_try(tr_start_soon(nursery, call_and_give_up, donny));
    tr_try(expect_answer(donny, 3));
    tr_try(expect_answer(donny, 0));
    tr_try(tr_cancel_actor(donny));
    return tr_join(nursery);
}

static void a_call_that_is_given_up_ends_its_task_and_nothing_else(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(8, give_up_one_of_two_calls);
    expect_outcome(theatre, NULL);
    assert_string_equal(theatre->said, "cancelled\n");
    expect_nothing_left(theatre);
}

/* Calls one that fails, which goes on, and then one that does not. */
static int recover_from_a_call(void)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *leaf;
    tr_try(tr_start_actor(nursery, &leaf, "leaf", .modules = tr_names("tree")));
    if (tr_call(leaf, NULL, fail_in) != TR_EREMOTE || !tr_error_is(tr_last_error(), "app.Bad"))
        return tr_raise("test.Failed", "it did not fail");
    tr_try(expect_answer(leaf, 0));
    tr_try(tr_cancel_actor(leaf));
    return tr_join(nursery);
}

static int run_one_that_fails(void)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(tr_run_in_actor(nursery, NULL, "leaf", fail_in, .seconds = 1));
    return tr_join(nursery);
}

static int recover_from_a_nursery(void)
{
    tr_scope around = tr_cancel_scope();
    int rc = tr_within(&around, run_one_that_fails());
    return rc == TR_EREMOTE ? 0 : tr_raise("test.Failed", "it did not fail");
}

tr_fn(void, recover)
{
    tr_try(recover_from_a_call());
    return recover_from_a_nursery();
}

static int have_one_recover(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *middle;
    tr_try(tr_start_actor(nursery, &middle, "middle", .modules = tr_names("tree")));
    tr_try(tr_call(middle, NULL, recover));
    tr_try(tr_call(middle, NULL, recover));
    tr_try(expect_answer(middle, 0));
    tr_try(tr_cancel_actor(middle));
    return tr_join(nursery);
}

static void an_actor_that_handles_a_failure_lives_on(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(9, have_one_recover);
    expect_outcome(theatre, NULL);
    expect_nothing_left(theatre);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_climbs_three_levels_and_keeps_origin_path_and_type),
        cmocka_unit_test(groups_of_two_middles_are_groups_at_the_root),
        cmocka_unit_test(each_of_many_failures_comes_home_once_however_they_meet),
        cmocka_unit_test(body_and_children_failing_together_are_one_group),
        cmocka_unit_test(a_block_left_early_adds_what_its_nursery_held),
        cmocka_unit_test(what_goes_wrong_in_being_cancelled_is_kept_at_every_level),
        cmocka_unit_test(so_is_a_death_in_being_cancelled),
        cmocka_unit_test(a_call_that_is_given_up_ends_its_task_and_nothing_else),
        cmocka_unit_test(an_actor_that_handles_a_failure_lives_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Deadlines of callers, in their callees: how much time there is, and that it can become more or less. */
#define TR_MODULE "deadline"
#include "scenarios/theatre.h"

#include <math.h>
#include <string.h>

static const double A_MOMENT_S = 0.05; /* for what happens at once */

tr_fn(double, last, (double, seconds))
{
    double begun = tr_now();
    say("called");
    int rc = tr_sleep(args->seconds);
    say(rc < 0 ? "cut" : "over");
    *ret = tr_now() - begun;
    return rc;
}

tr_fn(double, tell_time_left)
{
    *ret = tr_effective_deadline() - tr_now();
    return 0;
}

/* A call under a limit that another task moves. */
struct shift {
    tr_portal *donny;
    tr_scope limit;
    double lasts, when, by;         /* the call; after how long the limit is moved; to how much from then on */
};

static int move_limit(void *arg)
{
    struct shift *shift = arg;
    tr_try(tr_sleep(shift->when));
    tr_try(tr_scope_set_deadline(&shift->limit, tr_now() + shift->by));
    say("moved");
    return 0;
}

static int call_while_it_moves(tr_nursery *nursery, struct shift *shift)
{
    tr_try(tr_start_actor(nursery, &shift->donny, "donny", .modules = tr_names("deadline")));
    tr_try(tr_start_soon(nursery, move_limit, shift));
    double took;
    tr_try(tr_within(&shift->limit, tr_call(shift->donny, &took, last, .seconds = shift->lasts)));
    say(shift->limit.cancelled_caught ? "given up" : "answered");
    tr_cancel(nursery);
    return 0;
}

static int shift_limit(struct shift *shift)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    return tr_join_with(nursery, call_while_it_moves(nursery, shift));
}

static int put_it_off(void *arg)
{
    (void)arg;
    return shift_limit(&(struct shift){.limit = tr_move_on_after(5), .lasts = 8, .when = 3, .by = 10});
}

static int bring_it_forward(void *arg)
{
    (void)arg;
    return shift_limit(&(struct shift){.limit = tr_move_on_after(50), .lasts = 40, .when = 3, .by = 2});
}

static int lift_it(void *arg)
{
    (void)arg;
    return shift_limit(&(struct shift){.limit = tr_move_on_after(5), .lasts = 40, .when = 3, .by = INFINITY});
}

static void a_call_has_the_time_that_its_caller_is_given_meanwhile(void **state)
{
    (void)state;
    int (*const ways[])(void *) = {put_it_off, lift_it};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct theatre *theatre = raise_curtain(1 + i, ways[i]);
        expect_outcome(theatre, NULL);
        assert_non_null(strstr(theatre->said, "over"));
        assert_non_null(strstr(theatre->said, "answered"));
        expect_nothing_left(theatre);
    }
}

/* The callee knows: its caller says nothing more. */
static void a_callee_is_cut_by_a_deadline_that_came_nearer_though_its_caller_is_stopped(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(3, bring_it_forward);
    run_until_said(theatre, "moved");
    double moved = seconds_now(theatre);
    run_for(theatre, A_MOMENT_S);
    world_kill(theatre->root, SIGSTOP);
    run_until_said(theatre, "cut");
    assert_true(fabs(seconds_now(theatre) - moved - 2) < A_MOMENT_S);
    world_kill(theatre->root, SIGCONT);
    expect_outcome(theatre, NULL);
    assert_non_null(strstr(theatre->said, "given up"));
    expect_nothing_left(theatre);
}

static int ask_for_time(tr_portal *donny, double *ret_left)
{
    tr_scope limit = tr_move_on_after(5);
    return tr_within(&limit, tr_call(donny, ret_left, tell_time_left));
}

static int ask_within_and_without(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    double within = 0, without = 0;
    tr_try(tr_start_actor(nursery, &donny, "donny", .modules = tr_names("deadline")));
    tr_try(ask_for_time(donny, &within));
    tr_try(tr_call(donny, &without, tell_time_left));
    tr_cancel(nursery);
    return within > 4.9 && within <= 5 && isinf(without) ? 0 : tr_raise("test.Failed", "%g, %g", within, without);
}

static void a_callee_can_see_its_callers_deadline(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(4, ask_within_and_without);
    expect_outcome(theatre, NULL);
    expect_nothing_left(theatre);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_has_the_time_that_its_caller_is_given_meanwhile),
        cmocka_unit_test(a_callee_is_cut_by_a_deadline_that_came_nearer_though_its_caller_is_stopped),
        cmocka_unit_test(a_callee_can_see_its_callers_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Hosts that vanish: no cable, no good-bye. What is noticed when, what is lost, and what is only slow. */
#define TR_MODULE "stage"
#include "scenarios/theatre.h"

#include <stdlib.h>
#include <string.h>

enum { SEEDS = 5, GUESTS = 49, ALL = 2 * (GUESTS + 1) };

static const char arbiter_at[] = "tcp://alpha:1616";
static const double BOUND_S = 15; /* the usual .lost_after */

tr_fn(int64_t, answer_after, (double, seconds))
{
    say("asked");
    tr_try(tr_sleep(args->seconds));
    *ret = 42;
    return 0;
}

tr_fn(void, linger)
{
    say("asked");
    int rc = tr_sleep_forever();
    say("cut short");
    return rc;
}

tr_fn(int64_t, compute, (double, seconds))
{
    say("asked");
    process_spin(args->seconds);
    *ret = 42;
    return 0;
}

tr_fn(int64_t, swallow, (tr_bytes, much))
{
    *ret = (int64_t)args->much.size;
    return 0;
}

/* ---- two hosts ------------------------------------------------------------------------------------------- */

static int tell_of(tr_stream *changes)
{
    tr_actor_event event;
    int rc;
    while ((rc = tr_next_actor(changes, &event)) > 0)
        say(event.joined ? "gretchen is there" : "gretchen is gone");
    return rc;
}

/* The arbiter, on alpha: it has donny, and says when it hears of gretchen. */
static int host(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(stream) changes = NULL;
    tr_try(tr_start_actor(n, NULL, "donny", .modules = tr_names("stage")));
    tr_try(tr_watch_actors(&changes, "gretchen"));
    say("open");
    tr_try(tell_of(changes));
    return tr_join(n);
}

static struct theatre *on_hosts(uint64_t seed, const char *arbiter, int (*visitor)(void *), const char *where)
{
    struct theatre *theatre = raise_curtain(seed, host);
    theatre->on_network = true;
    theatre->arbiter = arbiter;
    run_until_said(theatre, "open");
    let_in(theatre, visitor, where);
    return theatre;
}

static void cable(struct theatre *theatre, bool plugged)
{
    struct host *a = world_named_host(theatre->world, "alpha"), *b = world_named_host(theatre->world, "beta");
    if (plugged)
        world_heal_hosts(a, b);
    else
        world_cut_hosts(a, b);
}

/* Calls donny for so long, and brings gretchen along. */
static int call_donny(double seconds)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(portal) donny = NULL;
    int64_t value = 0;
    tr_try(tr_start_actor(n, NULL, "gretchen", .modules = tr_names("stage")));
    tr_try(tr_wait_for_actor(&donny, "donny"));
    int rc = tr_call(donny, &value, answer_after, .seconds = seconds);
    if (rc == TR_EREMOTE && tr_error_is(tr_last_error(), "HostLost") && tr_error_is(tr_last_error(), "ActorDied"))
        say("lost");
    else if (rc >= 0 && value == 42)
        say("answered");
    else
        return rc;
    tr_portal_done_(&donny);
    tr_try(tr_wait_for_actor(&donny, "donny"));
    tr_try(tr_call(donny, &value, answer_after, .seconds = 0));
    say("met again");
    return tr_join(n);
}

static int visit_long(void *arg)
{
    (void)arg;
    return fail_of(call_donny(1000));
}

static void expect_noticed(struct theatre *theatre, double bound)
{
    run_until_said(theatre, "asked");
    run_until_said(theatre, "gretchen is there");
    run_for(theatre, 1.7 * bound); /* all are idle */
    cable(theatre, false);
    double since = seconds_now(theatre);
    run_until_said(theatre, "lost");
    assert_true(seconds_now(theatre) - since > 0.7 * bound && seconds_now(theatre) - since <= bound);
    run_until_said(theatre, "gretchen is gone");
    assert_true(seconds_now(theatre) - since <= 1.01 * bound);
    theatre->said[0] = '\0';
    cable(theatre, true);
    run_until_said(theatre, "met again");
    run_until_said(theatre, "gretchen is there");
    assert_true(seconds_now(theatre) - since <= 2 * bound + 2);
    end_all(theatre);
}

static void a_vanished_host_is_noticed_in_time_by_both_sides_and_comes_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        expect_noticed(on_hosts(seed, arbiter_at, visit_long, "beta"), BOUND_S);
}

static void expect_noticed_within(uint64_t seed, double bound)
{
    struct theatre *theatre = raise_curtain(seed, host);
    theatre->on_network = true;
    theatre->arbiter = arbiter_at;
    theatre->lost_after = bound;
    run_until_said(theatre, "open");
    let_in(theatre, visit_long, "beta");
    expect_noticed(theatre, bound);
}

/* Also one so short that the kernel's delay in beginning to count is much of it. */
static void the_time_for_that_is_an_option(void **state)
{
    (void)state;
    const double bounds[] = {0.6, 1, 2, 5, 60};
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        expect_noticed_within(seed, bounds[seed - 1]);
}

static int do_nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void a_time_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    const double bad[] = {-1, 0.01, 1e9};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct theatre *theatre = raise_curtain(1, do_nothing);
        theatre->lost_after = bad[i];
        expect_outcome(theatre, "a host cannot be lost after");
        expect_nothing_left(theatre);
    }
}

static int visit_shortly(void *arg)
{
    (void)arg;
    return fail_of(call_donny(5));
}

static void a_host_that_is_back_in_time_has_lost_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct theatre *theatre = on_hosts(seed, arbiter_at, visit_shortly, "beta");
        run_until_said(theatre, "asked");
        cable(theatre, false);
        run_for(theatre, 0.7 * BOUND_S);
        cable(theatre, true);
        run_until_said(theatre, "met again");
        assert_non_null(strstr(theatre->said, "answered"));
        assert_null(strstr(theatre->said, "gretchen is gone"));
        end_all(theatre);
    }
}

/* ---- what was called ------------------------------------------------------------------------------------- */

static int have_donny_linger(double seconds)
{
    tr_auto(portal) donny = NULL;
    tr_try(tr_wait_for_actor(&donny, "donny"));
    tr_scope limit = tr_move_on_after(seconds);
    tr_ignore(tr_within(&limit, tr_call(donny, NULL, linger)));
    return tr_sleep_forever();
}

static int linger_shortly(void *arg)
{
    (void)arg;
    return fail_of(have_donny_linger(BOUND_S / 3));
}

static int linger_for_ever(void *arg)
{
    (void)arg;
    return fail_of(have_donny_linger(1e6));
}

static double seconds_until_cut_short(int (*visitor)(void *))
{
    struct theatre *theatre = on_hosts(1, arbiter_at, visitor, "beta");
    run_until_said(theatre, "asked");
    double since = seconds_now(theatre);
    cable(theatre, false);
    run_until_said(theatre, "cut short");
    double seconds = seconds_now(theatre) - since;
    cable(theatre, true);
    end_all(theatre);
    return seconds;
}

static void what_a_vanished_caller_had_called_ends_by_its_deadline_or_when_it_is_noticed(void **state)
{
    (void)state;
    assert_true(seconds_until_cut_short(linger_shortly) <= BOUND_S / 3 + 0.01);
    double seconds = seconds_until_cut_short(linger_for_ever);
    assert_true(seconds > BOUND_S / 2 && seconds <= BOUND_S);
}

/* ---- slow is not lost ------------------------------------------------------------------------------------ */

static int have_donny_compute(void)
{
    tr_auto(portal) donny = NULL;
    int64_t value = 0;
    tr_try(tr_wait_for_actor(&donny, "donny"));
    tr_try(tr_call(donny, &value, compute, .seconds = 4 * BOUND_S));
    want(value == 42);
    say("answered");
    return tr_sleep_forever();
}

static int visit_thinker(void *arg)
{
    (void)arg;
    return fail_of(have_donny_compute());
}

static void an_actor_that_computes_is_not_lost(void **state)
{
    (void)state;
    struct theatre *theatre = on_hosts(1, arbiter_at, visit_thinker, "beta");
    double since = seconds_now(theatre);
    theatre->awaited = "answered";
    while (seconds_now(theatre) - since < 5 * BOUND_S)
        run_for(theatre, BOUND_S);
    run_until_said(theatre, "answered");
    end_all(theatre);
}

static void an_actor_that_is_stopped_is_not_lost_but_late(void **state)
{
    (void)state;
    struct theatre *theatre = on_hosts(1, arbiter_at, visit_shortly, "beta");
    run_until_said(theatre, "asked");
    stop_actor(theatre, "donny");
    run_for(theatre, 4 * BOUND_S);
    wake_actor(theatre, "donny");
    run_until_said(theatre, "met again");
    assert_non_null(strstr(theatre->said, "answered"));
    end_all(theatre);
}

/* More than fits on the way to one that does not read. */
static int send_much(void)
{
    enum { MUCH = 1024 * 1024 };
    tr_auto(portal) donny = NULL;
    tr_auto(frame) frame = tr_open_frame();
    uint8_t *bytes = tr_alloc(MUCH);
    int64_t size = 0;
    want(bytes);
    tr_try(tr_wait_for_actor(&donny, "donny"));
    say("asked");
    tr_try(tr_sleep(1)); /* donny is stopped meanwhile */
    tr_try(tr_call(donny, &size, swallow, .much = {bytes, MUCH}));
    want(size == MUCH);
    say("answered");
    return tr_sleep_forever();
}

static int visit_with_much(void *arg)
{
    (void)arg;
    return fail_of(send_much());
}

static void one_that_reads_nothing_for_long_is_not_lost_either(void **state)
{
    (void)state;
    struct theatre *theatre = on_hosts(1, arbiter_at, visit_with_much, "beta");
    run_until_said(theatre, "asked");
    stop_actor(theatre, "donny");
    run_for(theatre, 4 * BOUND_S);
    wake_actor(theatre, "donny");
    run_until_said(theatre, "answered");
    end_all(theatre);
}

/* ---- who is not asked ------------------------------------------------------------------------------------ */

static int stay_idle(void *arg)
{
    (void)arg;
    tr_auto(portal) donny = NULL;
    int64_t value;
    tr_try(tr_wait_for_actor(&donny, "donny"));
    tr_try(tr_call(donny, &value, answer_after, .seconds = 0));
    say("idle");
    return tr_sleep_forever();
}

static uint64_t steps_of_ten_minutes(const char *arbiter, const char *where)
{
    struct theatre *theatre = on_hosts(1, arbiter, stay_idle, where);
    run_until_said(theatre, "idle");
    run_for(theatre, 5);
    uint64_t before = world_steps(theatre->world);
    run_for(theatre, 600);
    uint64_t steps = world_steps(theatre->world) - before;
    end_all(theatre);
    return steps;
}

static void nobody_is_woken_on_one_host(void **state)
{
    (void)state;
    assert_true(steps_of_ten_minutes("unix:@arbiter", NULL) <= 1);
    assert_true(steps_of_ten_minutes("tcp://127.0.0.1:1616", NULL) <= 1);
    assert_true(steps_of_ten_minutes(arbiter_at, "beta") > 100);
}

/* ---- dialing --------------------------------------------------------------------------------------------- */

static int look_for_gretchen(void)
{
    tr_auto(portal) gretchen = NULL;
    int rc = tr_find_actor(&gretchen, "gretchen");
    want(rc == 1);
    tr_portal_done_(&gretchen);
    say("looking");
    tr_try(tr_sleep(1)); /* meanwhile a cable is pulled */
    double since = tr_now();
    rc = tr_find_actor(&gretchen, "gretchen");
    want(rc == 0);
    want(tr_now() - since > BOUND_S - 0.1 && tr_now() - since < BOUND_S + 0.1);
    say("not found");
    return tr_sleep_forever();
}

static int visit_gretchen(void *arg)
{
    (void)arg;
    return fail_of(look_for_gretchen());
}

static int have_gretchen(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_actor(n, NULL, "gretchen", .modules = tr_names("stage")));
    return fail_of(tr_join(n));
}

/* The arbiter is still there for both. */
static void one_that_cannot_be_reached_is_not_found(void **state)
{
    (void)state;
    struct theatre *theatre = on_hosts(1, arbiter_at, have_gretchen, "beta");
    run_until_said(theatre, "gretchen is there");
    let_in(theatre, visit_gretchen, "gamma");
    run_until_said(theatre, "looking");
    world_cut_hosts(world_named_host(theatre->world, "beta"), world_named_host(theatre->world, "gamma"));
    run_until_said(theatre, "not found");
    end_all(theatre);
}

/* ---- fifty hosts ----------------------------------------------------------------------------------------- */

/* What is seen from outside, by the numbers of the guests. */
static struct {
    double called_at[GUESTS];       /* its neighbour, the last time */
    bool parted;                    /* cables are pulled: who fails has an excuse */
} seen;

static int wait_until_there_are(size_t wanted)
{
    for (size_t there = 0; there != wanted;) {
        tr_auto(frame) frame = tr_open_frame();
        tr_list_tr_registration found;
        tr_try(tr_query_actors(&found));
        there = found.count;
        tr_try(tr_sleep(0.1));
    }
    return 0;
}

static int receive_fifty(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_actor(n, NULL, "host's", .modules = tr_names("stage")));
    say("open");
    tr_try(wait_until_there_are(ALL));
    say("all are there");
    tr_try(wait_until_there_are(ALL / 2));
    say("half of them are gone");
    tr_try(wait_until_there_are(ALL));
    say("all are back");
    return tr_join(n);
}

static int call_neighbour(long of)
{
    tr_auto(portal) neighbour = NULL;
    int64_t value = 0;
    int rc = tr_find_actor(&neighbour, tr_format("%ld", (of + 1) % GUESTS));
    tr_try(rc);
    want(rc == 1);
    tr_try(tr_call(neighbour, &value, swallow, .much = {(const uint8_t *)"x", 1}));
    want(value == 1);
    seen.called_at[of] = tr_now();
    return 0;
}

/* Each second. */
static int call_neighbour_always(long of)
{
    for (;;) {
        tr_auto(frame) frame = tr_open_frame();
        tr_scope limit = tr_move_on_after(1);
        int rc = tr_within(&limit, call_neighbour(of));
        if (rc < 0 && !seen.parted)
            return rc;
        tr_try(tr_sleep(1));
    }
}

static int be_guest(void *arg)
{
    (void)arg;
    long number = strtol(process_host(process_here()) + strlen("host"), NULL, 10);
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_actor(n, NULL, tr_format("%ld", number), .modules = tr_names("stage")));
    tr_try(wait_until_there_are(ALL));
    return fail_of(call_neighbour_always(number));
}

static struct host *guest_host(struct theatre *theatre, int i)
{
    char name[16];
    snprintf(name, sizeof name, "host%d", i);
    struct host *host = world_named_host(theatre->world, name);
    return host ? host : world_host(theatre->world, name);
}

/* The upper half from the lower, where the arbiter is. */
static void part(struct theatre *theatre, void (*do_it)(struct host *, struct host *))
{
    for (int high = GUESTS / 2; high < GUESTS; high++) {
        do_it(guest_host(theatre, high), theatre->host);
        for (int low = 0; low < GUESTS / 2; low++)
            do_it(guest_host(theatre, high), guest_host(theatre, low));
    }
}

static void expect_calls_since(struct theatre *theatre, double since)
{
    run_for(theatre, 5);
    for (int i = 0; i < GUESTS; i++)
        if (seen.called_at[i] <= since)
            fail_msg("guest %d has not reached its neighbour since %g, but at %g", i, since, seen.called_at[i]);
}

static void fifty_hosts_are_parted_and_come_together_again(void **state)
{
    (void)state;
    memset(&seen, 0, sizeof seen);
    struct theatre *theatre = raise_curtain(1, receive_fifty);
    theatre->on_network = true;
    theatre->arbiter = arbiter_at;
    run_until_said(theatre, "open");
    theatre->director = be_guest;
    for (int i = 0; i < GUESTS; i++)
        (void)another_root_on(theatre, guest_host(theatre, i));
    run_until_said(theatre, "all are there");
    expect_calls_since(theatre, seconds_now(theatre));
    for (int round = 0; round < 2; round++) {
        seen.parted = true;
        part(theatre, world_cut_hosts);
        double since = seconds_now(theatre);
        if (round == 0)
            run_until_said(theatre, "half of them are gone");
        else
            run_for(theatre, BOUND_S / 2); /* so soon nothing is lost */
        if (seconds_now(theatre) - since > BOUND_S + 1)
            fail_msg("that took %g s", seconds_now(theatre) - since);
        part(theatre, world_heal_hosts);
        run_until_said(theatre, "all are back");
        run_for(theatre, 3);
        seen.parted = false;
        expect_calls_since(theatre, seconds_now(theatre));
    }
    assert_null(strstr(theatre->said, "failed"));
    end_all(theatre);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vanished_host_is_noticed_in_time_by_both_sides_and_comes_back),
        cmocka_unit_test(the_time_for_that_is_an_option),
        cmocka_unit_test(a_time_that_makes_no_sense_is_refused),
        cmocka_unit_test(a_host_that_is_back_in_time_has_lost_nothing),
        cmocka_unit_test(what_a_vanished_caller_had_called_ends_by_its_deadline_or_when_it_is_noticed),
        cmocka_unit_test(an_actor_that_computes_is_not_lost),
        cmocka_unit_test(an_actor_that_is_stopped_is_not_lost_but_late),
        cmocka_unit_test(one_that_reads_nothing_for_long_is_not_lost_either),
        cmocka_unit_test(nobody_is_woken_on_one_host),
        cmocka_unit_test(one_that_cannot_be_reached_is_not_found),
        cmocka_unit_test(fifty_hosts_are_parted_and_come_together_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

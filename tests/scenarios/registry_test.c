/* Who is there: trees of actors on one host that are registered, found, watched, and lose their arbiter. */
#define TR_MODULE "tractor.registry" /* what it serves is called by hand here, as an ill-behaved program could */
#include "registry/functions.h"
#undef TR_MODULE
#define TR_MODULE "venue"
#include "scenarios/theatre.h"

#include <errno.h>
#include <string.h>

enum { SEEDS = 20, CROWD = 8 };

static const char stage[] = "unix:@stage", backstage[] = "tcp://127.0.0.1:1616";

tr_fn(int64_t, answer)
{
    *ret = 42;
    return 0;
}

tr_fn(void, wait_for_gretchen)
{
    tr_auto(portal) gretchen = NULL;
    tr_try(tr_wait_for_actor(&gretchen, "gretchen"));
    return tr_call(gretchen, NULL, answer);
}

static int call_somebody(const char *name)
{
    tr_auto(portal) somebody = NULL;
    int64_t value = 0;
    int rc = tr_find_actor(&somebody, name);
    tr_try(rc);
    want(rc == 1);
    tr_try(tr_call(somebody, &value, answer));
    want(value == 42);
    return 0;
}

/* How many there are, by prefix. */
static int count(const char *prefix, bool own_tree, size_t *ret_count)
{
    tr_auto(frame) frame = tr_open_frame();
    tr_list_tr_registration found;
    tr_try(tr_query_actors(&found, .prefix = prefix, .own_tree = own_tree));
    *ret_count = found.count;
    return 0;
}

static int wait_until_there_are(size_t wanted, const char *prefix)
{
    for (size_t there = wanted + 1; there != wanted;) {
        int rc = count(prefix, false, &there);
        if (rc < 0 && rc != TR_ENOARBITER)
            return rc;
        tr_try(tr_sleep(0.02));
    }
    return 0;
}

/* ---- one tree ------------------------------------------------------------------------------------------- */

static int look_for_all(const tr_portal *donny, const tr_portal *other)
{
    tr_list_tr_registration found;
    tr_try(tr_query_actors(&found));
    want(found.count == 4);
    want(!strcmp(found.items[0].name, "root") && found.items[0].modules.count == 0);
    tr_try(tr_query_actors(&found, .name = "donny"));
    want(found.count == 2); /* names are not unique, */
    want(!strcmp(found.items[0].uuid, tr_portal_actor(donny)->uuid)); /* the oldest is the first, */
    want(!strcmp(found.items[1].uuid, tr_portal_actor(other)->uuid)); /* and each has its uuid */
    want(found.items[0].pid == tr_portal_actor(donny)->pid);
    want(found.items[0].addresses.count == 1);
    want(!strcmp(found.items[0].addresses.items[0], tr_portal_actor(donny)->address));
    want(found.items[0].modules.count == 1 && !strcmp(found.items[0].modules.items[0], "venue"));
    want(found.items[0].started > 0 && found.items[0].started <= found.items[1].started);
    tr_try(tr_query_actors(&found, .prefix = "gret"));
    want(found.count == 1 && !strcmp(found.items[0].name, "gretchen"));
    tr_try(tr_query_actors(&found, .name = "gret"));
    want(found.count == 0);
    tr_try(tr_query_actors(&found, .name = "donny", .prefix = "gret"));
    want(found.count == 0);
    want(tr_query_actors(NULL) == TR_EARGUMENT);
    return 0;
}

static int look_around(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny, *other;
    tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names("venue")));
    tr_try(tr_start_actor(n, &other, "donny", .modules = tr_names("venue")));
    tr_try(tr_start_actor(n, NULL, "gretchen", .modules = tr_names("venue")));
    tr_try(look_for_all(donny, other));
    tr_try(tr_cancel_actor(donny));
    tr_try(wait_until_there_are(1, "donny"));
    tr_cancel(n);
    return tr_join(n);
}
SUCCEEDS(all_are_found_by_name_by_prefix_and_all_together, look_around, NULL)

tr_fn(void, look_around_from_below)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_list_tr_registration found;
    tr_try(tr_start_actor(n, NULL, "grandchild", .modules = tr_names("venue", "other")));
    tr_try(call_somebody("grandchild"));
    tr_try(tr_query_actors(&found, .name = "grandchild"));
    want(found.count == 1 && found.items[0].modules.count == 2);
    want(!strcmp(found.items[0].modules.items[1], "other") && found.items[0].started > 0);
    tr_try(tr_query_actors(&found));
    want(found.count == 3);
    tr_cancel(n);
    return tr_join(n);
}

static int ask_below(tr_portal *donny)
{
    return tr_call(donny, NULL, look_around_from_below);
}
PLAY(ask_below)
SUCCEEDS(a_grandchild_is_found_with_all_that_is_known_of_it, play_ask_below, NULL)

static int come_and_go(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(portal) arbiter = NULL;
    tr_portal *donny;
    size_t there;
    tr_try(tr_get_arbiter(&arbiter));
    want(!strcmp(tr_portal_actor(arbiter)->uuid, tr_current_actor()->uuid));
    tr_try(count(NULL, false, &there));
    want(there == 1);
    tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names("venue")));
    tr_try(count(NULL, false, &there));
    want(there == 2);
    tr_try(tr_cancel_actor(donny));
    tr_try(count(NULL, false, &there));
    want(there == 1);
    return tr_join(n);
}
SUCCEEDS(an_actor_is_registered_once_it_is_up_and_no_more_once_it_has_ended, come_and_go, NULL)

tr_fn(void, find_and_call, (tr_str, other_actor))
{
    return call_somebody(args->other_actor);
}

static int direct_two(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny, *gretchen;
    tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names("venue")));
    tr_try(tr_start_actor(n, &gretchen, "gretchen", .modules = tr_names("venue")));
    tr_try(tr_call(donny, NULL, find_and_call, .other_actor = "gretchen"));
    tr_try(tr_call(gretchen, NULL, find_and_call, .other_actor = "donny"));
    tr_cancel(n);
    return tr_join(n);
}
SUCCEEDS(siblings_find_and_call_each_other, direct_two, NULL)

static int next_is(tr_stream *changes, const char *name, bool joined)
{
    tr_actor_event event;
    int rc = tr_next_actor(changes, &event);
    tr_try(rc);
    want(rc == 1 && !strcmp(event.actor.name, name) && (bool)event.joined == joined);
    return 0;
}

static int watch_them_come_and_go(void *arg)
{
    (void)arg;
    tr_auto(stream) all = NULL, some = NULL;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_watch_actors(&all, NULL));
    tr_try(next_is(all, "root", true));
    tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names("venue")));
    tr_try(tr_watch_actors(&some, "don"));
    tr_try(next_is(all, "donny", true));
    tr_try(tr_start_actor(n, NULL, "gretchen", .modules = tr_names("venue")));
    tr_try(tr_cancel_actor(donny));
    tr_try(next_is(all, "gretchen", true));
    tr_try(next_is(all, "donny", false));
    tr_try(next_is(some, "donny", true));
    tr_try(next_is(some, "donny", false));
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, next_is(some, "nobody", true)));
    want(limit.cancelled_caught);
    want(tr_watch_actors(NULL, NULL) == TR_EARGUMENT);
    tr_cancel(n);
    return tr_join(n);
}
SUCCEEDS(a_watch_tells_who_joins_and_who_leaves, watch_them_come_and_go, NULL)

static int wait_for_nobody(void *arg)
{
    (void)arg;
    tr_auto(portal) nobody = NULL;
    tr_scope limit = tr_fail_after(0.5);
    int rc = tr_within(&limit, tr_wait_for_actor(&nobody, "nobody"));
    want(rc == TR_ETIMEOUT);
    return 0;
}
SUCCEEDS(a_name_that_never_comes_is_the_deadlines_error, wait_for_nobody, NULL)

/* ---- two trees ------------------------------------------------------------------------------------------ */

/* The first root is the arbiter, and has donny. */
static int host(void *arg)
{
    (void)arg;
    return be_open_with_donny(TR_MODULE);
}

static struct theatre *raise_curtain_at(const char *address, uint64_t seed, int (*visitor)(void *))
{
    struct theatre *theatre = raise_curtain(seed, host);
    theatre->arbiter = address;
    run_until_said(theatre, "open");
    let_in(theatre, visitor, NULL);
    return theatre;
}

static int meet(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(portal) nobody = NULL;
    size_t there;
    tr_try(tr_start_actor(n, NULL, "gretchen", .modules = tr_names("venue")));
    tr_try(call_somebody("donny"));
    tr_try(call_somebody("gretchen"));
    tr_try(wait_until_there_are(4, NULL));
    tr_try(count(NULL, true, &there));
    want(there == 2);
    want(tr_find_actor(&nobody, "nobody") == 0);
    tr_try(wait_for_nobody(NULL));
    say("met");
    return tr_join(n);
}

static int visit(void *arg)
{
    (void)arg;
    return fail_of(meet());
}

static void two_trees_at_one_arbiter_find_and_call_each_other(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct theatre *theatre = raise_curtain_at(seed % 2 ? stage : backstage, seed, visit);
        run_until_said(theatre, "met");
        end_all(theatre);
    }
}

static int watch_the_neighbours(void *arg)
{
    (void)arg;
    tr_auto(stream) changes = NULL;
    tr_auto(portal) donny = NULL;
    tr_try(tr_watch_actors(&changes, "donny"));
    tr_try(fail_of(next_is(changes, "donny", true)));
    say("seen");
    tr_try(fail_of(next_is(changes, "donny", false)));
    int rc = tr_find_actor(&donny, "donny");
    if (rc == 0)
        say("left");
    return rc;
}

static int host_for_a_while(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names("venue")));
    tr_try(tr_sleep(1));
    tr_try(tr_cancel_actor(donny));
    return tr_sleep_forever();
}

static void an_actor_that_ends_has_left_though_its_root_lives(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct theatre *theatre = raise_curtain(seed, watch_the_neighbours);
        theatre->arbiter = stage;
        run_for(theatre, 0.1);
        theatre->director = host_for_a_while;
        struct process *other = another_root(theatre);
        run_until_said(theatre, "seen");
        run_until_said(theatre, "left");
        assert_true(process_alive(other));
        end_all(theatre);
    }
}

static void a_killed_actor_has_left_for_other_trees_too(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct theatre *theatre = raise_curtain(seed, watch_the_neighbours);
        theatre->arbiter = stage; /* the watcher is the arbiter, donny is of another tree */
        theatre->director = watch_the_neighbours;
        run_for(theatre, 0.1);
        theatre->director = host;
        struct process *other = another_root(theatre);
        run_until_said(theatre, "seen");
        if (seed % 2)
            kill_actor(theatre, "donny");
        else
            world_kill(other, SIGKILL); /* and with it its tree */
        run_until_said(theatre, "left");
        end_all(theatre);
    }
}

/* ---- without the arbiter -------------------------------------------------------------------------------- */

static int go_on_without(tr_nursery *n, tr_stream *changes)
{
    tr_auto(portal) donny = NULL, arbiter = NULL;
    tr_list_tr_registration found;
    tr_actor_event event;
    tr_portal *waiter;
    int rc;
    while ((rc = tr_next_actor(changes, &event)) > 0)
        continue;
    want(rc == TR_ENOARBITER);
    want(tr_find_actor(&donny, "donny") == TR_ENOARBITER);
    want(tr_get_arbiter(&arbiter) == TR_ENOARBITER);
    want(tr_query_actors(&found) == TR_ENOARBITER);
    want(strstr(tr_error_message(tr_last_error()), "no arbiter at"));
    tr_try(tr_run_in_actor(n, &waiter, "waiter", wait_for_gretchen));
    tr_try(tr_start_actor(n, NULL, "gretchen", .modules = tr_names("venue")));
    tr_try(tr_result(waiter, NULL, wait_for_gretchen));
    tr_try(call_somebody("gretchen"));
    tr_try(tr_query_actors(&found, .own_tree = true));
    want(found.count == 3);
    say("went on");
    return 0;
}

/* At the arbiter: until it has told of the three of this tree. */
static int see_ourselves(void)
{
    tr_auto(stream) changes = NULL;
    tr_list_tr_registration own;
    tr_actor_event event;
    tr_try(tr_query_actors(&own, .own_tree = true));
    want(own.count == 3);
    tr_try(tr_watch_actors(&changes, NULL));
    for (size_t seen = 0; seen < own.count;) {
        int rc = tr_next_actor(changes, &event);
        tr_try(rc);
        want(rc == 1 && event.joined);
        for (size_t i = 0; i < own.count; i++)
            seen += !strcmp(own.items[i].uuid, event.actor.uuid);
    }
    return 0;
}

static int outlive(void)
{
    tr_auto(stream) changes = NULL;
    tr_auto(portal) donny = NULL;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_watch_actors(&changes, ""));
    say("watching");
    tr_try(go_on_without(n, changes));
    tr_try(tr_wait_for_actor(&donny, "donny"));
    tr_try(see_ourselves());
    say("back");
    return tr_join(n);
}

static int outlive_the_arbiter(void *arg)
{
    (void)arg;
    return fail_of(outlive());
}

static void a_tree_goes_on_without_the_arbiter_and_is_back_with_the_next(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct theatre *theatre = raise_curtain_at(seed % 2 ? stage : backstage, seed, outlive_the_arbiter);
        run_until_said(theatre, "watching");
        world_kill(theatre->root, seed % 4 < 2 ? SIGKILL : SIGTERM);
        run_until_said(theatre, "went on");
        double then = seconds_now(theatre);
        let_in(theatre, host, NULL);
        run_until_said(theatre, "back");
        assert_true(seconds_now(theatre) < then + 2);
        end_all(theatre);
    }
}

static int find_before_and_after(void *arg)
{
    (void)arg;
    tr_auto(portal) nobody = NULL;
    tr_try(fail_of(call_somebody("donny")));
    say("found");
    tr_scope limit = tr_fail_after(0.5);
    int rc;
    do
        rc = tr_within(&limit, tr_find_actor(&nobody, "nobody"));
    while (rc == 0);
    say(rc == TR_ETIMEOUT ? "too slow" : "something else");
    return 0;
}

static void an_arbiter_that_is_stopped_is_the_deadlines_error(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain_at(stage, 3, find_before_and_after);
    run_until_said(theatre, "found");
    world_kill(theatre->root, SIGSTOP);
    run_until_said(theatre, "too slow");
    world_kill(theatre->root, SIGCONT);
    end_all(theatre);
}

static int do_nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void a_silent_arbiter_keeps_no_root_longer_than_a_second(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain_at(backstage, 5, do_nothing);
    struct process *silent = theatre->root;
    run_for(theatre, 1);
    world_kill(silent, SIGSTOP);
    double then = seconds_now(theatre);
    theatre->root = another_root(theatre);
    while (!theatre->ended)
        assert_true(world_step(theatre->world));
    assert_true(seconds_now(theatre) < then + 1);
    assert_non_null(strstr(theatre->outcome, "NoArbiter"));
    world_kill(silent, SIGCONT);
    end_all(theatre);
}

/* ---- bad company ---------------------------------------------------------------------------------------- */

static int pretend(tr_portal *arbiter, const char *uuid, int wanted)
{
    tr_registration fake = {.name = "donny", .uuid = uuid, .addresses = tr_names("unix:@fake"), .pid = 7};
    int rc = tr_call(arbiter, NULL, tr_registry_mirror, .joined = tr_list(tr_registration, fake));
    want(wanted ? rc == TR_EREMOTE && tr_error_is(tr_last_error(), wanted == -EACCES ? "errno.EACCES" : "ArgumentError")
                : rc == 0);
    return 0;
}

static int be_somebody_else(void)
{
    tr_auto(portal) arbiter = NULL;
    tr_list_tr_registration found;
    tr_try(tr_get_arbiter(&arbiter));
    tr_try(tr_query_actors(&found, .name = "donny"));
    want(found.count == 1);
    tr_try(pretend(arbiter, found.items[0].uuid, -EACCES));
    tr_try(pretend(arbiter, tr_portal_actor(arbiter)->uuid, -EACCES));
    tr_try(pretend(arbiter, tr_current_actor()->uuid, -EACCES)); /* as pid 7, which we are not */
    tr_try(pretend(arbiter, NULL, TR_EARGUMENT));
    tr_try(pretend(arbiter, "no uuid", TR_EARGUMENT));
    tr_str left = found.items[0].uuid;
    tr_try(tr_call(arbiter, NULL, tr_registry_mirror, .left = tr_list(tr_str, left))); /* not ours: stays */
    tr_try(tr_query_actors(&found, .name = "donny"));
    want(found.count == 1 && found.items[0].pid != 7);
    tr_try(call_somebody("donny"));
    say("refused");
    return 0;
}

static int be_an_impostor(void *arg)
{
    (void)arg;
    return fail_of(be_somebody_else());
}

static void nobody_is_registered_with_anothers_uuid(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain_at(stage, 4, be_an_impostor);
    run_until_said(theatre, "refused");
    end_all(theatre);
}

/* Vouched for, and nobody is there: as an actor is that ended an instant ago. */
static int look_for_a_ghost(void)
{
    tr_auto(portal) arbiter = NULL, ghost = NULL, found = NULL;
    tr_registration fake = {.name = "ghost",
                            .uuid = "0123456789abcdef0123456789abcdef",
                            .addresses = tr_names("unix:@fake"),
                            .pid = 7};
    tr_try(tr_get_arbiter(&arbiter));
    tr_try(tr_call(arbiter, NULL, tr_registry_mirror, .joined = tr_list(tr_registration, fake)));
    want(tr_find_actor(&ghost, "ghost") == 0 && !ghost);
    fake.name = "donny";
    fake.uuid = "0123456789abcdef0123456789abcdee";
    tr_try(tr_call(arbiter, NULL, tr_registry_mirror, .joined = tr_list(tr_registration, fake)));
    want(tr_find_actor(&found, "donny") == 1);
    tr_try(tr_call(found, NULL, answer));
    say("not found");
    return 0;
}

static int look_for_ghosts(void *arg)
{
    (void)arg;
    return fail_of(look_for_a_ghost());
}

static void an_actor_that_is_not_where_it_should_be_is_not_found(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain_at(stage, 8, look_for_ghosts);
    run_until_said(theatre, "not found");
    end_all(theatre);
}

static const char good_bye[] = "\x03\0\0\0\x92\x0a"; /* and its final 0 */

/* A greeting by hand, with the good-bye behind it. */
static int greet_as(tr_conn *conn, int pid)
{
    char hello[] = "\x30\0\0\0\x98\x00\x00\x03\x03\xa1x\xd9\x20"
                   "0123456789abcdef0123456789abcdef\x91\xa0\xd2pid.";
    for (int i = 0; i < 4; i++)
        hello[sizeof hello - 1 - 4 + i] = (char)(pid >> 8 * (3 - i));
    char all[sizeof hello - 1 + sizeof good_bye]; /* at once: who is turned away reads no more */
    memcpy(all, hello, sizeof hello - 1);
    memcpy(all + sizeof hello - 1, good_bye, sizeof good_bye);
    return tr_conn_write(conn, all, sizeof all);
}

/* Whether it has said good-bye, too. */
static int hear_all(tr_conn *conn, bool *ret_good_bye)
{
    char said[512];
    size_t have = 0;
    for (int got = 1; got > 0; have += got > 0 ? (size_t)got : 0) {
        got = tr_conn_read(conn, said + have, sizeof said - have);
        if (got == TR_ECANCELLED)
            return got;
    }
    *ret_good_bye = have >= sizeof good_bye && !memcmp(said + have - sizeof good_bye, good_bye, sizeof good_bye);
    return 0;
}

static int expect_welcome(const char *address, int pid, bool welcome)
{
    tr_auto(conn) conn = NULL;
    bool heard;
    tr_try(tr_connect(&conn, address));
    tr_try(greet_as(conn, pid));
    tr_try(hear_all(conn, &heard));
    want(heard == welcome);
    return 0;
}

static int greet_as_several(const char *address, bool others_too)
{
    tr_auto(portal) donny = NULL;
    tr_try(tr_wait_for_actor(&donny, "donny"));
    tr_try(expect_welcome(address, tr_current_actor()->pid, true));
    tr_try(expect_welcome(address, tr_portal_actor(donny)->pid, others_too));
    tr_try(expect_welcome(address, 0, others_too));
    say("greeted");
    return 0;
}

static int be_another_process(void *arg)
{
    (void)arg;
    return fail_of(greet_as_several(stage, false));
}

static int be_another_process_from_afar(void *arg)
{
    (void)arg;
    return fail_of(greet_as_several(backstage, true));
}

/* Over TCP there is no telling. */
static void who_greets_as_another_process_is_turned_away(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain_at(stage, 6, be_another_process);
    run_until_said(theatre, "greeted");
    end_all(theatre);
    theatre = raise_curtain_at(backstage, 7, be_another_process_from_afar);
    run_until_said(theatre, "greeted");
    end_all(theatre);
}

/* ---- without memory ------------------------------------------------------------------------------------- */

static int look_in(void *arg)
{
    (void)arg;
    tr_auto(stream) changes = NULL;
    tr_auto(nursery) n = tr_open_nursery();
    tr_list_tr_registration found;
    tr_actor_event event;
    tr_scope limit = tr_move_on_after(5);
    tr_try(tr_start_actor(n, NULL, "gretchen", .modules = tr_names("venue")));
    tr_try(tr_within(&limit, call_somebody("donny")));
    tr_try(tr_query_actors(&found));
    tr_try(tr_watch_actors(&changes, ""));
    tr_try(tr_next_actor(changes, &event));
    tr_cancel(n);
    return tr_join(n);
}

static bool is_over(void *process)
{
    return !process_alive(process);
}

/* Each allocation of the visitor, or of the arbiter meanwhile, fails once: nothing is left of it, and nobody dies. */
static void memory_that_is_refused_once_leaves_nothing_behind(void **state)
{
    (void)state;
    for (int of_arbiter = 0; of_arbiter <= 1; of_arbiter++)
        for (uint64_t n = 1, failed = 1; failed; n++) {
            struct theatre *theatre = raise_curtain(n, host);
            theatre->arbiter = stage;
            run_until_said(theatre, "open");
            theatre->director = look_in;
            struct process *visitor = another_root(theatre);
            struct process *poor = of_arbiter ? theatre->root : visitor;
            process_fail_memory(poor, n, false);
            if (!world_run_until(theatre->world, is_over, visitor, 60))
                fail_msg("the visitor hangs, by allocation %d of %s", (int)n, of_arbiter ? "the arbiter" : "its own");
            failed = process_failed(poor);
            assert_true(n < 10000);
            end_all(theatre);
        }
}

/* ---- many at once --------------------------------------------------------------------------------------- */

static int see_the_crowd(void)
{
    tr_auto(portal) arbiter = NULL;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_actor(n, NULL, "child", .modules = tr_names("venue")));
    tr_try(wait_until_there_are(CROWD, "root"));
    tr_try(wait_until_there_are(CROWD, "child"));
    tr_try(tr_get_arbiter(&arbiter));
    if (!strcmp(tr_portal_actor(arbiter)->uuid, tr_current_actor()->uuid))
        say("arbiter");
    say("seen");
    return tr_join(n);
}

static int join_the_crowd(void *arg)
{
    (void)arg;
    return fail_of(see_the_crowd());
}

static size_t times_said(const struct theatre *theatre, const char *word)
{
    size_t times = 0;
    for (const char *at = theatre->said; (at = strstr(at, word)); at += strlen(word))
        times++;
    return times;
}

static bool all_have_seen(void *arg)
{
    const struct theatre *theatre = arg;
    return times_said(theatre, "seen\n") == CROWD || strstr(theatre->said, "failed");
}

static void of_roots_that_start_at_once_one_is_the_arbiter_and_none_is_lost(void **state)
{
    (void)state;
    static const char *const places[] = {"unix:@stage", "unix:/run/stage", "tcp://127.0.0.1:1616"};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct theatre *theatre = raise_curtain(seed, join_the_crowd);
        theatre->arbiter = places[seed % 3];
        for (int i = 1; i < CROWD; i++)
            (void)another_root(theatre);
        if (!world_run_until(theatre->world, all_have_seen, theatre, 60))
            fail_msg("seed %d: not all have seen all: %s", (int)seed, theatre->said);
        if (times_said(theatre, "arbiter\n") != 1 || times_said(theatre, "failed\n") != 0)
            fail_msg("seed %d: %s", (int)seed, theatre->said);
        end_all(theatre);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_found_by_name_by_prefix_and_all_together),
        cmocka_unit_test(a_grandchild_is_found_with_all_that_is_known_of_it),
        cmocka_unit_test(an_actor_is_registered_once_it_is_up_and_no_more_once_it_has_ended),
        cmocka_unit_test(siblings_find_and_call_each_other),
        cmocka_unit_test(a_watch_tells_who_joins_and_who_leaves),
        cmocka_unit_test(a_name_that_never_comes_is_the_deadlines_error),
        cmocka_unit_test(two_trees_at_one_arbiter_find_and_call_each_other),
        cmocka_unit_test(an_actor_that_ends_has_left_though_its_root_lives),
        cmocka_unit_test(a_killed_actor_has_left_for_other_trees_too),
        cmocka_unit_test(a_tree_goes_on_without_the_arbiter_and_is_back_with_the_next),
        cmocka_unit_test(an_arbiter_that_is_stopped_is_the_deadlines_error),
        cmocka_unit_test(a_silent_arbiter_keeps_no_root_longer_than_a_second),
        cmocka_unit_test(nobody_is_registered_with_anothers_uuid),
        cmocka_unit_test(an_actor_that_is_not_where_it_should_be_is_not_found),
        cmocka_unit_test(who_greets_as_another_process_is_turned_away),
        cmocka_unit_test(memory_that_is_refused_once_leaves_nothing_behind),
        cmocka_unit_test(of_roots_that_start_at_once_one_is_the_arbiter_and_none_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Trees on several hosts: who is reached how, what those from outside may do, and hosts that vanish. */
#define TR_MODULE "tractor.registry" /* what it serves is called by hand here, as an ill-behaved program could */
#include "registry/functions.h"
#undef TR_MODULE
#define TR_MODULE "stage"
#include "scenarios/theatre.h"

#include "actor/portal.h"

#include <errno.h>
#include <string.h>

enum { SEEDS = 5 };

static const char arbiter_at[] = "tcp://alpha:1616";

tr_fn(int64_t, answer)
{
    *ret = 42;
    return 0;
}

/* ---- what happens ---------------------------------------------------------------------------------------- */

/* The first root, on alpha, is the arbiter, and has donny. */
static int host(void *arg)
{
    (void)arg;
    return be_open_with_donny(TR_MODULE);
}

static struct theatre *two_hosts(uint64_t seed, int (*visitor)(void *))
{
    struct theatre *theatre = raise_curtain(seed, host);
    theatre->on_network = true;
    theatre->arbiter = arbiter_at;
    run_until_said(theatre, "open");
    let_in(theatre, visitor, "beta");
    return theatre;
}

static int call(tr_portal *portal)
{
    int64_t value = 0;
    tr_try(tr_call(portal, &value, answer));
    want(value == 42);
    return 0;
}

/* ---- paths ----------------------------------------------------------------------------------------------- */

static int look_at_both(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(portal) donny = NULL, gretchen = NULL;
    tr_list_tr_registration found;
    tr_try(tr_start_actor(n, NULL, "gretchen", .modules = tr_names("stage")));
    tr_try(tr_wait_for_actor(&donny, "donny"));
    tr_try(tr_wait_for_actor(&gretchen, "gretchen"));
    tr_try(call(donny));
    tr_try(call(gretchen));
    want(donny->session->remote && donny->session->outside);
    want(!gretchen->session->remote && !gretchen->session->outside);
    tr_try(tr_query_actors(&found, .name = "donny"));
    want(found.count == 1 && found.items[0].addresses.count == 2);
    want(!strncmp(found.items[0].addresses.items[0], "unix:@", 6));
    want(!strncmp(found.items[0].addresses.items[1], "tcp://alpha:", 12));
    say("seen");
    return tr_join(n);
}

static int visit(void *arg)
{
    (void)arg;
    return fail_of(look_at_both());
}

static void another_host_is_reached_by_tcp_and_ones_own_by_its_socket(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct theatre *theatre = two_hosts(seed, visit);
        run_until_said(theatre, "seen");
        end_all(theatre);
    }
}

/* gretchen is at the last of these; at the others is somebody else, or nobody. */
static int look_at_many(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(portal) met = NULL;
    tr_portal *gretchen, *other;
    struct session *session;
    tr_try(tr_start_actor(n, &gretchen, "gretchen", .listen = tr_names("tcp://beta:7"), .modules = tr_names("stage")));
    tr_try(tr_start_actor(n, &other, "other", .listen = tr_names("tcp://beta:8", "unix:@other")));
    tr_list_tr_str ways = tr_names("unix:@nobody", "unix:@other", "tcp://127.0.0.1:9", "tcp://beta:8", "tcp://beta:7");
    tr_try(session_open(&ways, NULL, &session));
    want(!strcmp(session->peer.name, "other"));
    session_let_go(session);
    char uuid[33];
    snprintf(uuid, sizeof uuid, "%s", tr_portal_actor(gretchen)->uuid);
    gretchen->session->family = false; /* so that it is not found as a child */
    tr_try(session_open(&ways, uuid, &session));
    gretchen->session->family = true;
    met = portal_new(session);
    want(!strcmp(tr_portal_actor(met)->name, "gretchen") && session->outside);
    tr_try(call(met));
    say("seen");
    tr_cancel(n);
    return tr_join(n);
}

static int look_around(void *arg)
{
    (void)arg;
    return fail_of(look_at_many());
}

static void who_answers_and_is_another_is_passed_by(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct theatre *theatre = two_hosts(seed, look_around);
        run_until_said(theatre, "seen");
        end_all(theatre);
    }
}

/* ---- what is opened -------------------------------------------------------------------------------------- */

static int start_nobody(void *arg)
{
    (void)arg;
    say("begun");
    return 0;
}

static void expect_refused(const char *listen, const char *advertise, bool on_network, const char *why)
{
    struct theatre *theatre = raise_curtain(1, start_nobody);
    theatre->listen = listen;
    theatre->advertise = advertise;
    theatre->on_network = on_network;
    expect_outcome(theatre, why);
    assert_string_equal(theatre->said, "");
    expect_nothing_left(theatre);
}

static void nothing_beyond_this_host_is_opened_unless_that_is_allowed(void **state)
{
    (void)state;
    expect_refused("tcp://alpha:0", NULL, false, "other hosts reach tcp://alpha:0, and .allow_remote is not set");
    expect_refused("tcp://0.0.0.0:0", "tcp://gate:0", false, "and .allow_remote is not set");
    expect_refused("tcp://0.0.0.0:0", NULL, true, ".advertise has to say where to");
    expect_refused("tcp://alpha", NULL, true, "is no address");
    expect_refused("tcp://alpha:0", "gate", true, "is no address");
    struct theatre *theatre = raise_curtain(1, start_nobody);
    theatre->listen = "tcp://127.0.0.1:0";
    expect_outcome(theatre, NULL);
    assert_string_equal(theatre->said, "begun\n");
    expect_nothing_left(theatre);
}

static int start_one_abroad(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    want(tr_start_actor(n, NULL, "donny", .listen = tr_names("tcp://alpha:0")) == TR_EARGUMENT);
    want(strstr(tr_error_message(tr_last_error()), "other hosts reach tcp://alpha:0"));
    want(tr_start_actor(n, NULL, "donny", .listen = tr_names("donny")) == TR_EARGUMENT);
    tr_try(tr_start_actor(n, NULL, "donny", .listen = tr_names("tcp://127.0.0.1:0", "tcp://[::1]:0")));
    tr_cancel(n);
    return tr_join(n);
}
SUCCEEDS(no_child_opens_what_its_tree_may_not, start_one_abroad, NULL)

/* The arbiter's address, too, and whoever is to be dialed. */
static void another_host_is_not_dialed_unless_that_is_allowed(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, start_nobody);
    theatre->arbiter = arbiter_at;
    theatre->host = world_host(theatre->world, "beta");
    expect_outcome(theatre, "tcp://alpha:1616 is not on this host, and .allow_remote is not set");
    expect_nothing_left(theatre);
}

static void an_arbiter_that_another_host_would_be_is_not_there(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, start_nobody);
    theatre->on_network = true;
    theatre->arbiter = "tcp://beta:1616";
    (void)world_host(theatre->world, "beta");
    expect_outcome(theatre, "NoArbiter");
    expect_nothing_left(theatre);
}

static int start_two(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_actor(n, NULL, "donny"));
    tr_try(tr_start_actor(n, NULL, "gretchen", .listen = tr_names("tcp://alpha:7")));
    tr_cancel(n);
    return tr_join(n);
}

static size_t count_of(struct theatre *theatre, const char *text)
{
    size_t count = 0;
    for (size_t i = 0; world_nth(theatre->world, i); i++)
        for (const char *at = process_said(world_nth(theatre->world, i)); (at = strstr(at, text)); at++)
            count++;
    return count;
}

static void it_is_warned_once_that_nobody_is_authenticated(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, start_two);
    theatre->on_network = true;
    theatre->log = "warning";
    expect_outcome(theatre, NULL);
    assert_int_equal(count_of(theatre, "not authenticated"), 1);
    expect_nothing_left(theatre);
}

static int addresses_of(const char *name, tr_list_tr_str *ret_addresses)
{
    tr_list_tr_registration found;
    tr_try(tr_query_actors(&found, .name = name));
    want(found.count == 1);
    *ret_addresses = found.items[0].addresses;
    return 0;
}

/* The root has "tcp://0.0.0.0:7" and is reached at "tcp://gate:0". */
static int start_with_addresses(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_list_tr_str at;
    tr_try(addresses_of("root", &at));
    want(at.count == 2 && !strncmp(at.items[0], "unix:@tractor/", 14) && !strcmp(at.items[1], "tcp://gate:7"));
    tr_try(tr_start_actor(n, NULL, "heir"));
    tr_try(addresses_of("heir", &at));
    want(at.count == 2 && !strncmp(at.items[1], "tcp://gate:4", 12)); /* a port of its own */
    tr_try(tr_start_actor(n, NULL, "hermit", .local = true));
    tr_try(addresses_of("hermit", &at));
    want(at.count == 1);
    tr_try(tr_start_actor(n, NULL, "mapped", .listen = tr_names("tcp://alpha:80", "unix:@mapped", "tcp://127.0.0.1:81"),
                          .advertise = tr_names("tcp://gate:8080", "")));
    tr_try(addresses_of("mapped", &at));
    want(at.count == 4 && !strcmp(at.items[1], "tcp://gate:8080") && !strcmp(at.items[2], "unix:@mapped"));
    want(!strcmp(at.items[3], "tcp://127.0.0.1:81"));
    want(tr_start_actor(n, NULL, "torn", .local = true, .listen = tr_names("unix:@torn")) == TR_EARGUMENT);
    want(tr_start_actor(n, NULL, "more", .listen = tr_names("unix:@a"), .advertise = tr_names("", "")) == TR_EARGUMENT);
    want(tr_start_actor(n, NULL, "many", .listen = tr_names("unix:@1", "unix:@2", "unix:@3", "unix:@4", "unix:@5",
                        "unix:@6", "unix:@7", "unix:@8")) == TR_EARGUMENT);
    tr_cancel(n);
    return tr_join(n);
}

static void what_is_advertised_is_what_others_are_told(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, start_with_addresses);
    theatre->on_network = true;
    theatre->listen = "tcp://0.0.0.0:7";
    theatre->advertise = "tcp://gate:0";
    expect_outcome(theatre, NULL);
    expect_nothing_left(theatre);
}

/* ---- those from outside ---------------------------------------------------------------------------------- */

static int try_to_end_donny(void)
{
    tr_auto(portal) donny = NULL;
    tr_try(tr_wait_for_actor(&donny, "donny"));
    want(tr_cancel_actor(donny) == TR_EREMOTE);
    want(tr_error_is(tr_last_error(), "errno.EACCES"));
    want(strstr(tr_error_report(tr_last_error()), "actor donny ends for nobody outside of its tree"));
    tr_try(call(donny));
    say("refused");
    return 0;
}

static int be_rude(void *arg)
{
    (void)arg;
    return fail_of(try_to_end_donny());
}

static void nobody_from_outside_ends_an_actor(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct theatre *theatre = two_hosts(seed, be_rude);
        run_until_said(theatre, "refused");
        end_all(theatre);
    }
}

/* A root that is nobody's arbiter but its tree's. */
static int ask_private_root(void)
{
    struct session *session;
    tr_list_tr_registration found;
    tr_list_tr_str at = tr_names("tcp://alpha:7");
    tr_try(session_open(&at, NULL, &session));
    tr_auto(portal) root = portal_new(session);
    tr_try(call(root)); /* what it serves, it serves to all */
    want(tr_call(root, &found, tr_registry_find, .name = "donny", .most = 1) == TR_EREMOTE);
    want(tr_error_is(tr_last_error(), "ModuleNotExposed"));
    want(tr_call(root, NULL, tr_registry_enroll, .started = 1) == TR_EREMOTE);
    want(tr_error_is(tr_last_error(), "ModuleNotExposed"));
    tr_registration fake = {.name = "donny", .uuid = "0123456789abcdef0123456789abcdef",
                            .addresses = tr_names("tcp://alpha:9"), .pid = 7};
    want(tr_call(root, NULL, tr_registry_mirror, .joined = tr_list(tr_registration, fake)) == TR_EREMOTE);
    want(tr_error_is(tr_last_error(), "ModuleNotExposed"));
    say("refused");
    return 0;
}

/* What is a Unix socket there is none here. */
static int look_from_afar(void *arg)
{
    (void)arg;
    tr_auto(portal) root = NULL;
    tr_actor_state about;
    tr_try(tr_reach_actor(&root, arbiter_at, NULL));
    want(tr_inspect_actor(root, &about) == TR_EREMOTE && tr_error_is(tr_last_error(), "ModuleNotExposed"));
    say("not told");
    return 0;
}

static void tools_on_another_host_are_told_nothing(void **state)
{
    (void)state;
    struct theatre *theatre = two_hosts(1, look_from_afar);
    run_until_said(theatre, "not told");
    end_all(theatre);
}

static int be_curious(void *arg)
{
    (void)arg;
    return fail_of(ask_private_root());
}

static void a_tree_of_its_own_is_nobody_elses_business(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, host);
    theatre->on_network = true;
    theatre->listen = "tcp://alpha:7";
    run_until_said(theatre, "open");
    theatre->listen = NULL;
    let_in(theatre, be_curious, "beta");
    run_until_said(theatre, "refused");
    end_all(theatre);
}

/* Of the arbiter: to be registered as donny, and to have donny struck off. */
static int pretend_to_be_donny(void)
{
    tr_auto(portal) arbiter = NULL, donny = NULL;
    tr_list_tr_registration found;
    tr_try(tr_get_arbiter(&arbiter));
    want(arbiter->session->outside);
    tr_try(tr_wait_for_actor(&donny, "donny"));
    tr_registration fake = {.name = "gretchen", .uuid = tr_portal_actor(donny)->uuid,
                            .addresses = tr_names("tcp://beta:9"), .pid = 7};
    want(tr_call(arbiter, NULL, tr_registry_mirror, .joined = tr_list(tr_registration, fake),
                 .left = tr_names(tr_portal_actor(donny)->uuid)) == TR_EREMOTE);
    want(tr_error_is(tr_last_error(), "errno.EACCES"));
    tr_try(tr_query_actors(&found, .name = "gretchen"));
    want(found.count == 0);
    tr_try(tr_query_actors(&found, .name = "donny"));
    want(found.count == 1 && strncmp(found.items[0].addresses.items[1], "tcp://alpha:", 12) == 0);
    say("refused");
    return 0;
}

static int pretend(void *arg)
{
    (void)arg;
    return fail_of(pretend_to_be_donny());
}

static void nobody_from_outside_is_registered_as_another(void **state)
{
    (void)state;
    struct theatre *theatre = two_hosts(1, pretend);
    run_until_said(theatre, "refused");
    end_all(theatre);
}

/* Names that nobody has, from number `first` on. */
static int register_many(tr_portal *arbiter, size_t first, size_t count)
{
    tr_auto(frame) frame = tr_open_frame();
    tr_registration *many = tr_alloc(count * sizeof *many);
    want(many);
    const tr_list_tr_str addresses = tr_names("tcp://beta:9");
    for (size_t i = 0; i < count; i++)
        many[i] = (tr_registration){.name = tr_format("extra-%zu", first + i),
                                    .uuid = tr_format("%032zx", first + i),
                                    .addresses = addresses,
                                    .pid = 7};
    return tr_call(arbiter, NULL, tr_registry_mirror, .joined = {many, count});
}

static int fill_the_arbiter(void)
{
    enum { AT_ONCE = 1000, ENOUGH = 100000 };
    tr_auto(portal) arbiter = NULL;
    tr_list_tr_registration found;
    tr_try(tr_get_arbiter(&arbiter));
    want(arbiter->session->outside);
    size_t sent = 0;
    int rc;
    while ((rc = register_many(arbiter, sent, AT_ONCE)) >= 0 && sent < ENOUGH)
        sent += AT_ONCE;
    want(rc == TR_EREMOTE && tr_error_is(tr_last_error(), "errno.EDQUOT"));
    want(register_many(arbiter, sent + AT_ONCE, 1) == TR_EREMOTE && tr_error_is(tr_last_error(), "errno.EDQUOT"));
    tr_try(tr_query_actors(&found, .prefix = "extra-"));
    want(found.count >= sent && found.count < sent + AT_ONCE && sent >= 4 * AT_ONCE);
    tr_try(tr_call(arbiter, NULL, tr_registry_mirror, .left = tr_names(found.items[0].uuid)));
    tr_try(register_many(arbiter, sent + AT_ONCE, 1));
    say("full");
    return tr_sleep_forever();
}

static int crowd_out(void *arg)
{
    (void)arg;
    return fail_of(fill_the_arbiter());
}

static int find_donny_in_the_crowd(void *arg)
{
    (void)arg;
    tr_auto(portal) donny = NULL;
    tr_try(fail_of(tr_wait_for_actor(&donny, "donny")));
    tr_try(fail_of(call(donny)));
    say("found");
    return 0;
}

static void who_is_outside_registers_so_much_and_no_more(void **state)
{
    (void)state;
    struct theatre *theatre = two_hosts(1, crowd_out);
    run_until_said(theatre, "full");
    let_in(theatre, find_donny_in_the_crowd, "gamma");
    run_until_said(theatre, "found");
    end_all(theatre);
}

/* One that is as large as can be, over a connection of its own. */
static int register_large(tr_portal **ret_arbiter, size_t number)
{
    enum { LARGE = 4000 * 1000 };
    tr_auto(frame) frame = tr_open_frame();
    char *text = tr_alloc(LARGE + 1);
    want(text);
    memset(text, 'm', LARGE);
    tr_registration one = {.name = "large", .uuid = tr_format("%032zx", number), .addresses = tr_names("tcp://beta:9"),
                           .pid = 7, .modules = {(tr_str[]){text}, 1}};
    tr_try(tr_reach_actor(ret_arbiter, arbiter_at, NULL));
    return tr_call(*ret_arbiter, NULL, tr_registry_mirror, .joined = tr_list(tr_registration, one));
}

static int fill_the_arbiter_together(void)
{
    enum { TOO_MANY = 17 };
    tr_portal *many[TOO_MANY] = {0};
    for (size_t i = 0; i < TOO_MANY - 1; i++)
        tr_try(register_large(&many[i], i));
    want(register_large(&many[TOO_MANY - 1], TOO_MANY) == TR_EREMOTE && tr_error_is(tr_last_error(), "errno.EDQUOT"));
    tr_portal_done_(&many[0]);
    tr_portal_done_(&many[TOO_MANY - 1]);
    tr_try(tr_sleep(1));
    tr_try(register_large(&many[0], TOO_MANY));
    for (size_t i = 0; i < TOO_MANY; i++)
        tr_portal_done_(&many[i]);
    say("full");
    return 0;
}

static int crowd_out_together(void *arg)
{
    (void)arg;
    return fail_of(fill_the_arbiter_together());
}

static void those_from_outside_together_register_so_much_and_no_more(void **state)
{
    (void)state;
    struct theatre *theatre = two_hosts(1, crowd_out_together);
    run_until_said(theatre, "full");
    end_all(theatre);
}

/* ---- connections ------------------------------------------------------------------------------------------- */

static int come_often(tr_portal **portals, int times)
{
    for (int i = 0; i < times; i++)
        tr_try(tr_reach_actor(&portals[i], arbiter_at, NULL));
    return 0;
}

/* With his root's own there are so many. */
static int crowd_the_door(void)
{
    enum { MOST = 20, MORE = 100 };
    tr_portal *portals[MOST + 1] = {0}, *more[MORE] = {0};
    int64_t value;
    tr_try(come_often(portals, MOST - 1));
    say("crowded");
    for (int i = 0; i < MORE; i++) {
        int rc = tr_reach_actor(&more[i], arbiter_at, NULL);
        rc = rc < 0 ? rc : tr_call(more[i], &value, answer);
        want(rc == TR_EREMOTE && tr_error_is(tr_last_error(), "errno.EAGAIN"));
    }
    tr_try(tr_sleep(10));
    say("refused");
    tr_portal_done_(&portals[0]);
    tr_try(tr_sleep(1));
    tr_try(tr_reach_actor(&portals[0], arbiter_at, NULL));
    say("welcome");
    for (int i = 0; i <= MOST; i++)
        tr_portal_done_(&portals[i]);
    for (int i = 0; i < MORE; i++)
        tr_portal_done_(&more[i]);
    return 0;
}

static int crowd_in(void *arg)
{
    (void)arg;
    return fail_of(crowd_the_door());
}

/* Meanwhile the tree goes on. */
static int host_a_crowd(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    say("open");
    for (int i = 0; i < 15; i++) {
        tr_portal *donny;
        tr_try(tr_sleep(1));
        tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names("stage")));
        tr_try(call(donny));
        tr_try(tr_cancel_actor(donny));
    }
    say("unhurt");
    return tr_sleep_forever();
}

static void a_crowd_from_outside_has_half_of_the_descriptors_and_the_tree_goes_on(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, host_a_crowd);
    theatre->on_network = true;
    theatre->arbiter = arbiter_at;
    run_until_said(theatre, "open");
    process_limit_descriptors(theatre->root, 40);
    let_in(theatre, crowd_in, "beta");
    run_until_said(theatre, "crowded");
    struct process *late = another_root_on(theatre, world_host(theatre->world, "gamma"));
    run_until_said(theatre, "unhurt");
    assert_non_null(strstr(process_said(late), "no arbiter at tcp://alpha:1616"));
    assert_non_null(strstr(process_said(late), "has 20 connections from outside, and takes no more"));
    assert_non_null(strstr(theatre->said, "refused"));
    assert_non_null(strstr(theatre->said, "welcome"));
    end_all(theatre);
}

static bool is_registered(tr_portal *arbiter, const char *name)
{
    tr_auto(frame) frame = tr_open_frame();
    tr_list_tr_registration found;
    if (tr_actors_of(arbiter, &found) < 0)
        return false;
    for (size_t i = 0; i < found.count; i++)
        if (strcmp(found.items[i].name, name) == 0)
            return true;
    return false;
}

/* Of five there is room for four; then one of those ends. */
static int outgrow_the_arbiter(void)
{
    enum { ALL = 5, LARGE = 1000 * 1000 };
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(portal) arbiter = NULL;
    tr_portal *all[ALL];
    char *text = tr_alloc(LARGE + 1);
    want(text);
    memset(text, 'm', LARGE);
    tr_try(tr_get_arbiter(&arbiter));
    for (int i = 0; i < ALL; i++)
        tr_try(tr_start_actor(n, &all[i], tr_format("big-%d", i), .modules = {(tr_str[]){text}, 1}));
    tr_try(tr_sleep(1));
    want(is_registered(arbiter, "big-0") && is_registered(arbiter, "big-3") && !is_registered(arbiter, "big-4"));
    tr_try(tr_cancel_actor(all[0]));
    tr_try(tr_sleep(1));
    want(!is_registered(arbiter, "big-0") && is_registered(arbiter, "big-3") && is_registered(arbiter, "big-4"));
    say("in turn");
    tr_cancel(n);
    return tr_join(n);
}

static int outgrow(void *arg)
{
    (void)arg;
    return fail_of(outgrow_the_arbiter());
}

static void of_a_tree_that_is_too_large_nobody_stays_registered_who_has_ended(void **state)
{
    (void)state;
    struct theatre *theatre = two_hosts(1, outgrow);
    run_until_said(theatre, "in turn");
    end_all(theatre);
}

/* Large ones come and go, and a watch of the same connection is not read. */
static int come_and_go_unread(tr_portal *arbiter, tr_stream *changes, int times)
{
    enum { LARGE = 64 * 1024 };
    char *text = tr_alloc(LARGE + 1);
    want(text && changes);
    memset(text, 'm', LARGE);
    for (int i = 0; i < times; i++) {
        tr_auto(frame) frame = tr_open_frame();
        tr_registration one = {.name = "extra", .uuid = tr_format("%032x", i), .addresses = tr_names("tcp://beta:9"),
                               .pid = 7, .modules = {(tr_str[]){text}, 1}};
        tr_try(tr_call(arbiter, NULL, tr_registry_mirror, .joined = tr_list(tr_registration, one)));
        tr_try(tr_call(arbiter, NULL, tr_registry_mirror, .left = tr_names(one.uuid)));
    }
    return 0;
}

static int hoard_the_gone(void)
{
    enum { TIMES = 400 };
    tr_auto(portal) arbiter = NULL;
    tr_auto(stream) changes = NULL;
    tr_actor_event event;
    tr_try(tr_get_arbiter(&arbiter));
    tr_try(tr_watch_actors_of(arbiter, &changes));
    tr_try(come_and_go_unread(arbiter, changes, TIMES));
    int told = 0, rc = 1;
    while (told < 2 * TIMES && (rc = tr_next_actor(changes, &event)) > 0)
        told++;
    want(rc == TR_ENOARBITER && tr_error_is(tr_last_error(), "StreamOverrun"));
    say("too much");
    return tr_sleep_forever();
}

static int hoard(void *arg)
{
    (void)arg;
    return fail_of(hoard_the_gone());
}

static void who_watches_from_outside_and_does_not_read_keeps_little_of_what_is_gone(void **state)
{
    (void)state;
    struct theatre *theatre = two_hosts(1, hoard);
    run_until_said(theatre, "too much");
    let_in(theatre, find_donny_in_the_crowd, "gamma");
    run_until_said(theatre, "found");
    end_all(theatre);
}

static int read_many_lists(void)
{
    enum { MOST = 16 };
    tr_auto(portal) arbiter = NULL;
    tr_stream *lists[MOST + 1] = {0};
    tr_actor_event event;
    tr_try(tr_get_arbiter(&arbiter));
    for (int i = 0; i <= MOST; i++) {
        tr_try(tr_watch_actors_of(arbiter, &lists[i]));
        int rc = tr_next_actor(lists[i], &event);
        want(i < MOST ? rc > 0 : rc < 0 && tr_error_is(tr_last_error(), "errno.EAGAIN"));
    }
    tr_try(tr_stream_cancel(lists[0]));
    tr_stream_done_(&lists[MOST]);
    tr_try(tr_watch_actors_of(arbiter, &lists[MOST]));
    want(tr_next_actor(lists[MOST], &event) > 0);
    for (int i = 0; i <= MOST; i++)
        tr_stream_done_(&lists[i]);
    say("enough");
    return tr_sleep_forever();
}

static int read_lists(void *arg)
{
    (void)arg;
    return fail_of(read_many_lists());
}

static void who_is_outside_reads_few_lists_at_a_time(void **state)
{
    (void)state;
    struct theatre *theatre = two_hosts(1, read_lists);
    run_until_said(theatre, "enough");
    end_all(theatre);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_host_is_reached_by_tcp_and_ones_own_by_its_socket),
        cmocka_unit_test(who_answers_and_is_another_is_passed_by),
        cmocka_unit_test(nothing_beyond_this_host_is_opened_unless_that_is_allowed),
        cmocka_unit_test(no_child_opens_what_its_tree_may_not),
        cmocka_unit_test(another_host_is_not_dialed_unless_that_is_allowed),
        cmocka_unit_test(an_arbiter_that_another_host_would_be_is_not_there),
        cmocka_unit_test(it_is_warned_once_that_nobody_is_authenticated),
        cmocka_unit_test(what_is_advertised_is_what_others_are_told),
        cmocka_unit_test(nobody_from_outside_ends_an_actor),
        cmocka_unit_test(nobody_from_outside_is_registered_as_another),
        cmocka_unit_test(who_is_outside_registers_so_much_and_no_more),
        cmocka_unit_test(those_from_outside_together_register_so_much_and_no_more),
        cmocka_unit_test(a_crowd_from_outside_has_half_of_the_descriptors_and_the_tree_goes_on),
        cmocka_unit_test(of_a_tree_that_is_too_large_nobody_stays_registered_who_has_ended),
        cmocka_unit_test(who_watches_from_outside_and_does_not_read_keeps_little_of_what_is_gone),
        cmocka_unit_test(who_is_outside_reads_few_lists_at_a_time),
        cmocka_unit_test(a_tree_of_its_own_is_nobody_elses_business),
        cmocka_unit_test(tools_on_another_host_are_told_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

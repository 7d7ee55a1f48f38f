/* What tools see of trees of actors: who runs, what each is at; and who is not told. */
#define TR_MODULE "venue"
#include "scenarios/theatre.h"

#include <errno.h>
#include <string.h>

enum { SEEDS = 10 };

static const char stage[] = "unix:@stage", backstage[] = "tcp://127.0.0.1:1616";

tr_fn(void, stay)
{
    say("stays");
    return tr_sleep_forever();
}

tr_fn(void, have_a_child)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_actor(n, NULL, "grandchild"));
    return tr_join(n);
}

static int call_stay(void *portal)
{
    return tr_call(portal, NULL, stay);
}

static int call_have_a_child(void *portal)
{
    return tr_call(portal, NULL, have_a_child);
}

static const tr_registration *named(const tr_list_tr_registration *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++)
        if (!strcmp(all->items[i].name, name))
            return &all->items[i];
    return NULL;
}

/* ---- one tree ------------------------------------------------------------------------------------------- */

static int state_of(const tr_list_tr_registration *all, const char *name, tr_actor_state *ret)
{
    tr_auto(portal) portal = NULL;
    const tr_registration *actor = named(all, name);
    want(actor);
    tr_try(tr_reach_registered(&portal, actor));
    tr_try(tr_inspect_actor(portal, ret));
    want(ret->pid == actor->pid);
    return 0;
}

static int look_at_all(const tr_list_tr_registration *all)
{
    tr_actor_state root, donny, grandchild;
    tr_try(state_of(all, "root", &root));
    tr_try(state_of(all, "donny", &donny));
    tr_try(state_of(all, "grandchild", &grandchild));
    want(!strcmp(root.uuid, tr_current_actor()->uuid) && !strcmp(root.root, root.uuid) && !strcmp(root.parent, ""));
    want(!strcmp(donny.root, root.uuid) && !strcmp(donny.parent, root.uuid) && !strcmp(donny.parent_name, "root"));
    want(!strcmp(grandchild.root, root.uuid) && !strcmp(grandchild.parent, donny.uuid));
    want(donny.pid > 0 && !strcmp(donny.name, "donny") && donny.host[0]);
    want(donny.modules.count == 1 && !strcmp(donny.modules.items[0], "venue"));
    want(donny.memory > 0 && donny.cpu >= 0 && donny.uptime >= grandchild.uptime && grandchild.uptime >= 0);
    want(donny.calls == 1 && grandchild.calls == 0);
    return 0;
}

static int look_around(void *donny)
{
    tr_list_tr_tree trees;
    tr_list_tr_registration all;
    tr_auto(portal) root = NULL;
    tr_str tasks;
    tr_try(tr_find_trees(&trees));
    want(trees.count == 1 && !strcmp(trees.items[0].root, tr_current_actor()->uuid));
    tr_try(tr_reach_actor(&root, trees.items[0].address, trees.items[0].root));
    tr_try(tr_actors_of(root, &all));
    want(all.count == 3);
    tr_try(look_at_all(&all));
    tr_try(tr_inspect_tasks(donny, &tasks));
    want(strstr(tasks, "task have_a_child") && strstr(tasks, "waits for"));
    say("looked");
    return 0;
}

static int one_tree(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names("venue")));
    tr_try(tr_start_soon(n, call_have_a_child, donny));
    tr_list_tr_registration all = {0};
    while (all.count < 3) {
        tr_try(tr_query_actors(&all));
        tr_try(tr_sleep(0.01));
    }
    tr_try(look_around(donny));
    tr_cancel(n);
    return tr_join(n);
}
SUCCEEDS(each_actor_says_what_it_is_and_what_it_is_at, one_tree, "looked\n")

/* ---- from outside ------------------------------------------------------------------------------------------ */

static int host(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names("venue")));
    tr_try(tr_start_soon(n, call_stay, donny));
    return tr_join(n);
}

static int expect_donny_to_come_and_go(tr_portal *root)
{
    tr_auto(stream) changes = NULL;
    tr_actor_event event;
    tr_try(tr_watch_actors_of(root, &changes));
    for (int i = 0; i < 2; i++) {
        want(tr_next_actor(changes, &event) == 1 && event.joined);
        want(!strcmp(event.actor.name, i ? "donny" : "root"));
    }
    say("watching");
    want(tr_next_actor(changes, &event) == 1 && !event.joined && !strcmp(event.actor.name, "donny"));
    return 0;
}

static int visit(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(portal) root = NULL, nobody = NULL;
    tr_list_tr_tree trees;
    tr_list_tr_registration all;
    tr_actor_state donny;
    tr_try(tr_find_trees(&trees));
    want(trees.count == 1);
    tr_try(tr_reach_actor(&root, trees.items[0].address, trees.items[0].root));
    tr_try(tr_actors_of(root, &all));
    want(all.count == 2);
    tr_try(state_of(&all, "donny", &donny));
    want(donny.calls == 1 && !strcmp(donny.parent, trees.items[0].root));
    want(tr_start_actor(n, NULL, "gretchen") == TR_EMISUSE);
    want(tr_get_arbiter(&nobody) == TR_ENOARBITER);
    want(tr_query_actors(&all) == TR_ENOARBITER);
    tr_try(expect_donny_to_come_and_go(root));
    say("gone");
    return tr_join(n);
}

static void a_visitor_sees_all_and_is_not_seen_whatever_the_arbiter(void **state)
{
    (void)state;
    static const char *const arbiters[] = {NULL, stage, backstage};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct theatre *theatre = raise_curtain(seed, host);
        theatre->arbiter = arbiters[seed % 3];
        run_until_said(theatre, "stays");
        theatre->director = visit;
        theatre->visitors = true;
        (void)another_root(theatre);
        run_until_said(theatre, "watching");
        kill_actor(theatre, "donny");
        run_until_said(theatre, "gone");
        expect_outcome(theatre, "ActorDied");
        expect_nothing_left(theatre);
    }
}

/* ---- who is not told --------------------------------------------------------------------------------------- */

static int ask_over_tcp(void *arg)
{
    (void)arg;
    tr_auto(portal) root = NULL;
    tr_actor_state about;
    tr_str tasks;
    tr_try(tr_get_arbiter(&root));
    want(tr_inspect_actor(root, &about) == TR_EREMOTE && tr_error_is(tr_last_error(), "ModuleNotExposed"));
    want(tr_inspect_tasks(root, &tasks) == TR_EREMOTE && tr_error_is(tr_last_error(), "ModuleNotExposed"));
    say("refused");
    return 0;
}

static void over_tcp_nobody_is_told(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, host);
    theatre->arbiter = backstage;
    run_until_said(theatre, "stays");
    theatre->director = ask_over_tcp;
    (void)another_root(theatre);
    run_until_said(theatre, "refused");
    world_kill(theatre->root, SIGTERM);
    expect_nothing_left(theatre);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_actor_says_what_it_is_and_what_it_is_at),
        cmocka_unit_test(a_visitor_sees_all_and_is_not_seen_whatever_the_arbiter),
        cmocka_unit_test(over_tcp_nobody_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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

/* ---- functions --------------------------------------------------------------------------------------------- */

tr_struct(leg, (tr_str, venue), (double, price, 1.5), (int64_t, qty, -1), (tr_bytes, mark));
tr_list_of(leg);

tr_fn(tr_list_leg, turn, (tr_list_leg, legs), (bool, twice), (int8_t, least, -7), (tr_str, note, "none"), (tr_value, any))
{
    leg *turned = tr_alloc((args->legs.count + 1) * sizeof *turned);
    if (!turned || strcmp(args->note, "none") != 0 || args->least != -7)
        return tr_raise("venue.Wrong", "note %s, least %d", args->note, args->least);
    for (size_t i = 0; i < args->legs.count; i++) {
        turned[i] = args->legs.items[args->legs.count - 1 - i];
        turned[i].qty *= args->twice ? 2 : 1;
    }
    *ret = (tr_list_leg){turned, args->legs.count};
    return 0;
}

tr_stream_fn(leg, count_legs, (uint8_t, last, 3))
{
    for (int i = 1; i <= args->last; i++)
        tr_try(tr_yield(ctx, {.venue = "here", .qty = i}));
    return 0;
}

tr_context_fn(int64_t, play, (tr_str, int64_t, int64_t))
{
    return tr_ctx_started(ctx, "ready");
}

static const tr_value text_legs[] = {
    {.kind = TR_MAP, .map = {(const tr_pair[]){{"venue", {.kind = TR_TEXT, .text = "XETRA"}},
                                               {"qty", {.kind = TR_INTEGER, .integer = 7}},
                                               {"mark", {.kind = TR_TEXT, .text = "bytes"}}}, 3}},
    {.kind = TR_MAP, .map = {NULL, 0}},
};
static const tr_value turn_args = {
    .kind = TR_MAP,
    .map = {(const tr_pair[]){{"legs", {.kind = TR_ARRAY, .array = {text_legs, 2}}},
                              {"twice", {.kind = TR_BOOLEAN, .boolean = true}},
                              {"any", {.kind = TR_REAL, .real = 0.5}}}, 3}};

static int call_turn(tr_portal *donny, const tr_fn_info *fn)
{
    tr_value result;
    tr_try(tr_call_value(donny, fn, &turn_args, &result));
    want(result.kind == TR_ARRAY && result.array.count == 2);
    const tr_value *first = &result.array.items[0], *second = &result.array.items[1];
    want(tr_value_get(first, "venue")->kind == TR_NIL && tr_value_get(first, "qty")->integer == -2);
    want(tr_value_get(first, "price")->real == 1.5);
    want(!strcmp(tr_value_get(second, "venue")->text, "XETRA") && tr_value_get(second, "qty")->integer == 14);
    want(tr_value_get(second, "mark")->kind == TR_BINARY && tr_value_get(second, "mark")->binary.size == 5);
    tr_try(tr_call_value(donny, fn, NULL, &result));
    want(result.kind == TR_ARRAY && result.array.count == 0);
    return 0;
}

static int expect_refusal(tr_portal *donny, const tr_fn_info *fn, tr_value args, const char *why)
{
    tr_value result;
    want(tr_call_value(donny, fn, &args, &result) == TR_EARGUMENT);
    want(strstr(tr_error_message(tr_last_error()), why));
    want(strstr(tr_error_message(tr_last_error()), tr_signature(fn)));
    return 0;
}

static tr_value one_arg(const char *name, tr_value value)
{
    tr_pair *pair = tr_alloc(sizeof *pair);
    if (pair)
        *pair = (tr_pair){name, value};
    return (tr_value){.kind = TR_MAP, .map = {pair, pair ? 1 : 0}};
}

static int call_wrongly(tr_portal *donny, const tr_fn_info *fn)
{
    const tr_value number = {.kind = TR_INTEGER, .integer = 300}, text = {.kind = TR_TEXT, .text = "no"};
    const tr_value bad_leg = one_arg("qty", text), legs = {.kind = TR_ARRAY, .array = {&bad_leg, 1}};
    tr_try(expect_refusal(donny, fn, one_arg("least", number), "least"));
    tr_try(expect_refusal(donny, fn, one_arg("twice", text), "twice"));
    tr_try(expect_refusal(donny, fn, one_arg("thrice", text), "thrice"));
    tr_try(expect_refusal(donny, fn, one_arg("legs", legs), "legs[0].qty"));
    tr_try(expect_refusal(donny, fn, number, "map"));
    return 0;
}

static int stream_legs(tr_portal *donny, const tr_fn_info *fn)
{
    tr_auto(stream) legs = NULL;
    tr_value item;
    tr_try(tr_open_stream_value(donny, &legs, fn, NULL));
    for (int i = 1; i <= 3; i++)
        want(tr_next_value(legs, fn, &item) == 1 && tr_value_get(&item, "qty")->integer == i);
    want(tr_next_value(legs, fn, &item) == 0);
    want(tr_call_value(donny, fn, NULL, &item) == TR_EMISUSE);
    return 0;
}

static int call_all(tr_portal *donny)
{
    tr_function_list all;
    tr_value result;
    tr_try(tr_inspect_functions(donny, NULL, &all));
    want(all.count == 6 && !strcmp(all.items[0].name, "count_legs") && !strcmp(all.items[5].name, "turn"));
    want(!strcmp(tr_signature(&all.items[0]), "stream leg{venue: tr_str, price: double = 1.5, qty: int64_t = -1, "
                                              "mark: tr_bytes} count_legs(last: uint8_t = 3)"));
    want(all.items[2].way == TR_WAY_CONTEXT && tr_call_value(donny, &all.items[2], NULL, &result) == TR_EMISUSE);
    tr_try(call_turn(donny, &all.items[5]));
    tr_try(call_wrongly(donny, &all.items[5]));
    tr_try(stream_legs(donny, &all.items[0]));
    tr_try(tr_inspect_functions(donny, "venue.turn", &all));
    want(all.count == 1);
    tr_try(tr_inspect_functions(donny, "nowhere", &all));
    want(all.count == 0);
    return 0;
}
PLAY(call_all)
SUCCEEDS(functions_are_called_by_what_their_actor_says_of_them, play_call_all, "")

/* Descriptions come and go, each where the last one was. */
static int call_described_anew(tr_portal *donny, const char *which)
{
    tr_auto(frame) frame = tr_open_frame();
    tr_function_list found;
    tr_try(tr_inspect_functions(donny, which, &found));
    want(found.count == 1);
    const tr_fn_info fn = found.items[0];
    return tr_call_value(donny, &fn, NULL, NULL);
}

static int call_one_and_another(tr_portal *donny)
{
    for (int i = 0; i < 8; i++)
        tr_try(call_described_anew(donny, i % 2 ? "venue.turn" : "venue.say_much"));
    return 0;
}
PLAY(call_one_and_another)
SUCCEEDS(a_function_is_not_taken_for_one_whose_description_is_gone, play_call_one_and_another, "")

/* ---- the log ----------------------------------------------------------------------------------------------- */

enum { MANY = 10000 };

tr_fn(bool, say_much, (int64_t, lines))
{
    char padding[100];
    memset(padding, 'x', sizeof padding);
    for (int i = 1; i <= (int)args->lines; i++)
        tr_log_info("line %d %.100s", i, padding);
    *ret = tr_log_is_on(TR_LOG_INFO);
    return 0;
}

static int next_line_has(tr_stream *log, const char *what)
{
    tr_log_line line;
    want(tr_next_log_line(log, &line) == 1);
    want(strstr(line.text, what) && !strchr(line.text, '\n') && line.level == TR_LOG_INFO && line.lost == 0);
    return 0;
}

static int follow_a_log(tr_portal *donny)
{
    tr_auto(stream) log = NULL, wrong = NULL;
    bool on;
    want(tr_follow_log(donny, &wrong, "loud") == TR_EARGUMENT);
    tr_try(tr_call(donny, &on, say_much, .lines = 1)); /* nobody hears of it */
    want(!on);
    tr_try(tr_follow_log(donny, &log, "info"));
    tr_try(tr_call(donny, &on, say_much, .lines = 2));
    want(on);
    tr_try(next_line_has(log, "(donny["));
    tr_try(next_line_has(log, "[info] venue inspect_test.c:"));
    tr_try(tr_call(donny, &on, say_much, .lines = 1));
    tr_try(next_line_has(log, "line 1 xxx"));
    tr_stream_done_(&log);
    tr_try(tr_call(donny, &on, say_much, .lines = 1));
    want(!on); /* it is as it was */
    return 0;
}
PLAY(follow_a_log)
SUCCEEDS(a_log_is_followed_at_a_level_of_the_followers_own, play_follow_a_log, "")

static int follow_in_silence(tr_portal *donny)
{
    tr_auto(stream) log = NULL;
    bool on;
    tr_try(tr_follow_log(donny, &log, "info"));
    tr_try(tr_call(donny, &on, say_much, .lines = 1));
    tr_try(next_line_has(log, "line 1 xxx"));
    say("followed");
    return tr_sleep_forever();
}
PLAY(follow_in_silence)

static void nobody_is_woken_to_look_for_what_has_not_been_said(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, play_follow_in_silence);
    run_until_said(theatre, "followed");
    run_for(theatre, 1);
    uint64_t before = world_steps(theatre->world);
    run_for(theatre, 600);
    assert_true(world_steps(theatre->world) - before < 10);
    end_all(theatre);
}

static int read_too_late(tr_portal *donny)
{
    tr_auto(stream) log = NULL;
    tr_log_line line;
    bool on;
    uint64_t seen = 0, lost = 0;
    tr_try(tr_follow_log(donny, &log, "info"));
    tr_try(tr_call(donny, &on, say_much, .lines = MANY / 2));
    tr_try(tr_sleep(1));
    tr_try(tr_call(donny, &on, say_much, .lines = MANY / 2));
    while (seen + lost < MANY) {
        want(tr_next_log_line(log, &line) == 1);
        seen++;
        lost += line.lost;
    }
    want(seen + lost == MANY && lost > MANY / 2 && seen > 1000);
    want(strstr(line.text, "line 5000 "));
    return 0;
}
PLAY(read_too_late)
SUCCEEDS(who_reads_a_log_too_late_is_told_how_much_was_lost, play_read_too_late, "")

static int follow_in_a_crowd(tr_portal *donny)
{
    enum { MOST = 16 };
    tr_stream *logs[MOST + 1];
    tr_log_line line;
    bool on;
    for (int i = 0; i <= MOST; i++)
        tr_try(tr_follow_log(donny, &logs[i], "info"));
    tr_try(tr_call(donny, &on, say_much, .lines = 1));
    want(tr_next_log_line(logs[0], &line) == 1 && tr_next_log_line(logs[MOST - 1], &line) == 1);
    want(tr_next_log_line(logs[MOST], &line) == TR_EREMOTE && tr_error_is(tr_last_error(), "errno.EAGAIN"));
    for (int i = 0; i <= MOST; i++)
        tr_stream_done_(&logs[i]);
    return 0;
}
PLAY(follow_in_a_crowd)
SUCCEEDS(so_many_may_follow_a_log_and_no_more, play_follow_in_a_crowd, "")

/* ---- what cannot be asked ------------------------------------------------------------------------------------- */

static int ask_wrongly(tr_portal *donny)
{
    tr_auto(portal) nobody = NULL;
    tr_auto(stream) changes = NULL;
    tr_list_tr_registration found;
    tr_function_list functions;
    tr_value value;
    const tr_registration homeless = {.uuid = "0"};
    want(tr_find_trees(NULL) == TR_EARGUMENT);
    want(tr_reach_actor(NULL, "unix:@nowhere", NULL) == TR_EARGUMENT);
    want(tr_reach_actor(&nobody, "nowhere", NULL) == TR_EARGUMENT);
    want(tr_reach_actor(&nobody, "unix:@nowhere", NULL) == -ECONNREFUSED);
    want(tr_reach_actor(&nobody, tr_portal_actor(donny)->address, tr_current_actor()->uuid) == TR_EBROKEN);
    want(tr_reach_registered(&nobody, NULL) == TR_EARGUMENT && tr_reach_registered(&nobody, &homeless) == TR_EARGUMENT);
    want(tr_actors_of(donny, &found) == TR_ENOARBITER && tr_actors_of(NULL, &found) == TR_EMISUSE);
    want(tr_watch_actors_of(donny, NULL) == TR_EARGUMENT && tr_watch_actors_of(NULL, &changes) == TR_EMISUSE);
    want(tr_inspect_functions(donny, NULL, NULL) == TR_EARGUMENT);
    want(tr_inspect_functions(NULL, NULL, &functions) == TR_EMISUSE);
    want(tr_call_value(donny, NULL, NULL, &value) == TR_EARGUMENT && !strcmp(tr_signature(NULL), ""));
    want(tr_next_value(NULL, NULL, &value) == TR_EARGUMENT);
    want(tr_follow_log(donny, NULL, NULL) == TR_EARGUMENT && tr_follow_log(NULL, &changes, NULL) == TR_EMISUSE);
    return 0;
}
PLAY(ask_wrongly)
SUCCEEDS(what_cannot_be_asked_is_an_error, play_ask_wrongly, "")

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
    let_in(theatre, ask_over_tcp, NULL);
    run_until_said(theatre, "refused");
    world_kill(theatre->root, SIGTERM);
    expect_nothing_left(theatre);
}

/* A session over TCP is there already, as with any tree at that arbiter, and does not stand in the way. */
static int come_nearer(void *arg)
{
    (void)arg;
    tr_auto(portal) over_tcp = NULL, root = NULL, again = NULL;
    tr_actor_state about, refused;
    tr_try(tr_get_arbiter(&over_tcp));
    tr_try(tr_reach_actor(&root, backstage, NULL));
    tr_try(tr_inspect_actor(root, &about));
    want(!strcmp(about.address, backstage) && !strcmp(about.uuid, tr_portal_actor(over_tcp)->uuid));
    want(tr_inspect_actor(over_tcp, &refused) == TR_EREMOTE);
    tr_try(tr_reach_actor(&again, backstage, about.uuid));
    tr_try(tr_inspect_actor(again, &about));
    say("told");
    return 0;
}

static void who_finds_an_actor_of_this_host_by_tcp_is_told_by_its_unix_socket(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct theatre *theatre = raise_curtain(seed, host);
        theatre->arbiter = backstage;
        run_until_said(theatre, "stays");
        let_in(theatre, come_nearer, NULL);
        run_until_said(theatre, "told");
        world_kill(theatre->root, SIGTERM);
        expect_nothing_left(theatre);
    }
}

/* ---- without memory ------------------------------------------------------------------------------------------- */

static int follow_and_call(tr_portal *donny)
{
    tr_auto(stream) log = NULL;
    tr_function_list functions;
    tr_log_line line;
    tr_value result;
    tr_try(tr_inspect_functions(donny, "venue.turn", &functions));
    want(functions.count == 1);
    tr_try(tr_call_value(donny, &functions.items[0], &turn_args, &result));
    tr_try(tr_follow_log(donny, &log, "info"));
    tr_try(tr_call(donny, NULL, say_much, .lines = 1));
    tr_scope limit = tr_move_on_after(5);
    return tr_within(&limit, tr_next_log_line(log, &line));
}

static int look_in(void *arg)
{
    (void)arg;
    tr_list_tr_tree trees;
    tr_list_tr_registration all;
    tr_actor_state about;
    tr_str tasks;
    tr_auto(portal) root = NULL, donny = NULL;
    tr_try(tr_find_trees(&trees));
    want(trees.count == 1);
    tr_try(tr_reach_actor(&root, trees.items[0].address, trees.items[0].root));
    tr_try(tr_actors_of(root, &all));
    const tr_registration *actor = named(&all, "donny");
    want(actor);
    tr_try(tr_reach_registered(&donny, actor));
    tr_try(tr_inspect_actor(donny, &about));
    tr_try(tr_inspect_tasks(donny, &tasks));
    return follow_and_call(donny);
}

static bool is_over(void *process)
{
    return !process_alive(process);
}

/* Each allocation of the visitor, and then of the actor that it looks at, fails once: no other is harmed. */
static void memory_that_is_refused_once_costs_the_visitor_at_most(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        bool struck = true;
        for (size_t n = 1; struck; n += 1 + (size_t)i) {
            struct theatre *theatre = raise_curtain(3, host);
            run_until_said(theatre, "stays");
            struct process *host_root = theatre->root;
            theatre->director = look_in;
            theatre->visitors = true;
            struct process *visitor = another_root(theatre);
            struct process *victim = i ? world_find(theatre->world, "donny") : visitor;
            process_fail_memory(victim, n, false);
            if (!world_run_until(theatre->world, is_over, visitor, 60))
                fail_msg("allocation %zu: the visitor goes on", n);
            struck = process_failed(victim);
            assert_true(process_alive(host_root) && process_alive(world_find(theatre->world, "donny")));
            world_kill(host_root, SIGTERM);
            expect_nothing_left(theatre);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_actor_says_what_it_is_and_what_it_is_at),
        cmocka_unit_test(functions_are_called_by_what_their_actor_says_of_them),
        cmocka_unit_test(a_function_is_not_taken_for_one_whose_description_is_gone),
        cmocka_unit_test(a_log_is_followed_at_a_level_of_the_followers_own),
        cmocka_unit_test(so_many_may_follow_a_log_and_no_more),
        cmocka_unit_test(nobody_is_woken_to_look_for_what_has_not_been_said),
        cmocka_unit_test(who_reads_a_log_too_late_is_told_how_much_was_lost),
        cmocka_unit_test(a_visitor_sees_all_and_is_not_seen_whatever_the_arbiter),
        cmocka_unit_test(over_tcp_nobody_is_told),
        cmocka_unit_test(who_finds_an_actor_of_this_host_by_tcp_is_told_by_its_unix_socket),
        cmocka_unit_test(what_cannot_be_asked_is_an_error),
        cmocka_unit_test(memory_that_is_refused_once_costs_the_visitor_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Actors as real processes: what a program may count on, through the public headers only. */
#include "support/expect.h"
#include "support/worker.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- functions that the scenarios call ----------------------------------------------------------------- */

tr_struct(leg, (tr_str, venue, "ARCA"), (double, price), (int64_t, qty, 1), (bool, live));
tr_list_of(leg);
tr_struct(order, (uint64_t, id), (tr_list_leg, legs), (leg, hedge), (tr_bytes, blob),
          (tr_list_tr_str, tags), (tr_value, note));

tr_struct(kennel, (int64_t, doggy));

tr_fn(int64_t, doggy_after, (int64_t, more))
{
    kennel *mine;
    tr_try(tr_get_statespace(&mine, kennel));
    *ret = mine->doggy += args->more;
    return 0;
}

tr_fn(order, echo, (order, it))
{
    *ret = args->it;
    return 0;
}

tr_struct(numbers, (int8_t, a), (int16_t, b), (int32_t, c), (int64_t, d), (uint8_t, e),
          (uint16_t, f), (uint32_t, g), (uint64_t, h), (bool, i), (double, j));

tr_fn(numbers, echo_numbers, (numbers, it))
{
    *ret = args->it;
    return 0;
}

tr_fn(int64_t, sum, (tr_list_int64_t, of), (int64_t, plus, 100))
{
    *ret = args->plus;
    for (size_t i = 0; i < args->of.count; i++)
        *ret += args->of.items[i];
    return 0;
}

tr_fn(void, ping)
{
    return 0;
}

tr_fn(int32_t, own_pid)
{
    *ret = getpid();
    return 0;
}

tr_fn(tr_str, own_name)
{
    *ret = tr_current_actor()->name;
    return 0;
}

tr_fn(void, bad_order, (tr_str, venue))
{
    return tr_raise("app.BadOrder", "no such venue: %s", args->venue);
}

tr_fn(void, no_entry)
{
    return -ENOENT;
}

tr_fn(void, exit_with, (int32_t, status))
{
    _exit(args->status); /* exit(3) would have LeakSanitizer change the status */
}

tr_fn(void, die_by, (int32_t, number))
{
    raise(args->number);
    return 0;
}

tr_fn(void, insist)
{
    assert(!"insisted");
    return 0;
}

/* How many calls of `linger` have ended, and how. */
static int lingering, cancelled;

tr_fn(void, linger)
{
    lingering++;
    int rc = tr_sleep_forever();
    cancelled += rc == TR_ECANCELLED;
    lingering--;
    return rc;
}

tr_struct(lingered, (int32_t, now), (int32_t, cancelled));

tr_fn(lingered, how_many_linger)
{
    *ret = (lingered){.now = lingering, .cancelled = cancelled};
    return 0;
}

tr_fn(double, time_left)
{
    *ret = tr_effective_deadline() - tr_now();
    return 0;
}

tr_fn(void, spin)
{
    for (volatile int forever = 1; forever;)
        continue;
    return 0;
}

tr_fn(tr_str, ask_grandchild)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *grandchild;
    tr_try(tr_start_actor(n, &grandchild, "grandchild", .modules = tr_names(tr_this_module())));
    tr_try(tr_call(grandchild, ret, own_name));
    tr_try(tr_cancel_actor(grandchild));
    return tr_join(n);
}

tr_fn(void, fail_in_grandchild)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *grandchild;
    tr_try(tr_start_actor(n, &grandchild, "grandchild", .modules = tr_names(tr_this_module())));
    int rc = tr_call(grandchild, NULL, bad_order, .venue = "LSE");
    tr_cancel(n);
    return rc;
}

tr_fn(uint64_t, length_of, (tr_bytes, data))
{
    *ret = args->data.size;
    return 0;
}

/* Declared here, defined nowhere. */
tr_fn_decl(void, not_there);

/* Asks the one that started it. */
tr_fn(tr_str, call_back, (bool, wrongly))
{
    tr_auto(portal) parent = NULL;
    tr_try(tr_wait_for_actor(&parent, "theatre"));
    return args->wrongly ? tr_call(parent, NULL, not_there) : tr_call(parent, ret, own_name);
}

/* ---- what the scenarios share ------------------------------------------------------------------------ */

static bool is_gone(int pid)
{
    return kill(pid, 0) < 0 && errno == ESRCH;
}

/* ---- values ------------------------------------------------------------------------------------------- */

static int numbers_travel_at_their_limits(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    const numbers limits[] = {
        {INT8_MIN, INT16_MIN, INT32_MIN, INT64_MIN, 0, 0, 0, 0, false, -INFINITY},
        {INT8_MAX, INT16_MAX, INT32_MAX, INT64_MAX, UINT8_MAX, UINT16_MAX, UINT32_MAX, UINT64_MAX,
         true, 5e-324}};
    for (int i = 0; i < 2; i++) {
        numbers got;
        tr_try(tr_call(worker, &got, echo_numbers, .it = limits[i]));
        expect(got.a == limits[i].a && got.b == limits[i].b && got.c == limits[i].c);
        expect(got.d == limits[i].d && got.e == limits[i].e && got.f == limits[i].f);
        expect(got.g == limits[i].g && got.h == limits[i].h && got.i == limits[i].i);
        expect(got.j >= limits[i].j && got.j <= limits[i].j);
    }
    return end(n, worker);
}

static int nested_structs_lists_and_defaults_travel(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    tr_pair pair = {"answer", {.kind = TR_INTEGER, .integer = 42}};
    order sent = {.id = 7,
                  .legs = tr_list(leg, {.venue = "XETRA", .price = 1.5, .qty = 10},
                                  {.venue = NULL, .live = true}),
                  .hedge = {.qty = 3},
                  .blob = {"\0\1\2", 3},
                  .tags = tr_list(tr_str, "a", "", "c"),
                  .note = {.kind = TR_MAP, .map = {&pair, 1}}};
    order got;
    tr_try(tr_call(worker, &got, echo, .it = sent));
    expect(got.id == 7 && got.legs.count == 2);
    expect(strcmp(got.legs.items[0].venue, "XETRA") == 0 && got.legs.items[0].qty == 10);
    expect(strcmp(got.legs.items[1].venue, "ARCA") == 0 && got.legs.items[1].qty == 1);
    expect(got.legs.items[1].live && !got.legs.items[0].live);
    expect(got.hedge.qty == 3 && strcmp(got.hedge.venue, "ARCA") == 0);
    expect(got.blob.size == 3 && memcmp(got.blob.data, "\0\1\2", 3) == 0);
    expect(got.tags.count == 3 && strcmp(got.tags.items[1], "") == 0);
    const tr_value *answer = tr_value_get(&got.note, "answer");
    expect(answer && answer->kind == TR_INTEGER && answer->integer == 42);
    return end(n, worker);
}

static int an_argument_that_is_not_given_takes_its_default(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    int64_t total;
    tr_try(tr_call(worker, &total, sum));
    expect(total == 100);
    tr_try(tr_call(worker, &total, sum, .of = tr_list(int64_t, 1, 2, 3), .plus = -6));
    expect(total == 0);
    return end(n, worker);
}

static int a_message_over_the_limit_is_refused_and_hurts_nobody(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    char *large = calloc(1, 17 << 20);
    uint64_t length;
    int fits = tr_call(worker, &length, length_of, .data = {large, 15 << 20});
    int not = tr_call(worker, NULL, length_of, .data = {large, 17 << 20});
    free(large);
    expect(fits == 0 && length == 15 << 20);
    expect(not == TR_EARGUMENT);
    expect_error("ArgumentError", "over the limit");
    tr_try(tr_call(worker, NULL, ping));
    return end(n, worker);
}

/* ---- errors ------------------------------------------------------------------------------------------- */

static int a_raised_error_arrives_whole_and_the_daemon_lives_on(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    expect(tr_call(worker, NULL, bad_order, .venue = "LSE") == TR_EREMOTE);
    const tr_error *box = tr_last_error(), *error = tr_error_find(box, "app.BadOrder");
    expect(strcmp(tr_error_type(box), "RemoteActorError") == 0);
    expect(error == tr_error_cause(box));
    expect(strcmp(tr_error_message(error), "no such venue: LSE") == 0);
    expect(strstr(tr_error_file(error), "actors.c") && tr_error_line(error) > 0);
    expect(strcmp(tr_error_actor(error)->name, "worker") == 0);
    expect(strcmp(tr_error_actor(error)->uuid, tr_portal_actor(worker)->uuid) == 0);
    expect(tr_error_frames(error) > 0 && strchr(tr_error_frame(error, 0), '+'));
    expect(strstr(tr_error_report(box), "no such venue: LSE"));
    expect(tr_call(worker, NULL, no_entry) == TR_EREMOTE);
    expect_error("errno.ENOENT", "No such file");
    tr_try(tr_call(worker, NULL, ping));
    return end(n, worker);
}

static int an_unknown_function_is_named_with_what_there_is(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    expect(tr_call(worker, NULL, not_there) == TR_EREMOTE);
    expect_error("FunctionNotFound", "\"not_there\"");
    expect_error("FunctionNotFound", "bad_order");
    return end(n, worker);
}

static int only_what_an_actor_was_started_with_is_served(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *one, *other;
    tr_try(tr_start_actor(n, &one, "one", .modules = tr_names("actors.ping", "elsewhere")));
    tr_try(tr_call(one, NULL, ping));
    expect(tr_call(one, NULL, own_pid) == TR_EREMOTE);
    expect_error("ModuleNotExposed", "\"actors.");
    expect_error("ModuleNotExposed", "actors.ping, elsewhere");
    tr_try(tr_start_actor(n, &other, "other"));
    expect(tr_call(other, NULL, ping) == TR_EREMOTE);
    expect_error("ModuleNotExposed", "nothing");
    tr_cancel(n);
    return tr_join(n);
}

static int a_failed_actor_cancels_the_others_and_comes_out_of_the_join(void)
{
    int pids[2];
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < 2; i++) {
        tr_portal *idle;
        tr_try(start(n, &idle));
        pids[i] = tr_portal_actor(idle)->pid;
    }
    tr_portal *failing;
    tr_try(tr_run_in_actor(n, &failing, "extra", bad_order, .venue = "X"));
    expect(tr_join(n) == TR_EREMOTE);
    expect_error("app.BadOrder", "venue: X");
    expect(tr_cancelled(n) && is_gone(pids[0]) && is_gone(pids[1]));
    uint64_t id = tr_error_id(tr_last_error());
    expect(tr_result(failing, NULL, bad_order) == TR_EREMOTE);
    expect(tr_error_id(tr_last_error()) == id); /* the same one, seen twice */
    return 0;
}

static int fail_beside_a_failing_actor(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *one;
    tr_try(tr_run_in_actor(n, &one, "one", bad_order, .venue = "1"));
    int rc = tr_result(one, NULL, bad_order); /* seen here, and the nursery fails regardless */
    expect(rc == TR_EREMOTE);
    return tr_raise("app.Body", "and the body too");
}

static int body_and_actor_failing_together_make_a_group_of_both(void)
{
    tr_scope scope = tr_cancel_scope();
    expect(tr_within(&scope, fail_beside_a_failing_actor()) == TR_EGROUP);
    expect(tr_error_members(tr_last_error()) == 2);
    expect_error("app.Body", "the body too");
    expect_error("app.BadOrder", "venue: 1");
    return 0;
}

static int a_failed_assert_arrives_with_expression_file_and_line(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_run_in_actor(n, NULL, "asserting", insist));
    expect(tr_join(n) == TR_EREMOTE);
    const tr_error *died = tr_error_cause(tr_last_error());
    expect(died && strcmp(tr_error_type(died), "ActorDied") == 0);
    expect(tr_error_signal(died) == SIGABRT && tr_error_exit_status(died) == -1);
    const tr_error *cause = tr_error_cause(died);
    expect(cause && strcmp(tr_error_type(cause), "AssertionError") == 0);
    expect(strstr(tr_error_message(cause), "insisted"));
    expect(strstr(tr_error_file(cause), "actors.c") && tr_error_line(cause) > 0);
    expect(strcmp(tr_error_actor(cause)->name, "asserting") == 0);
    return 0;
}

static int death_without_a_word_is_an_error_of_the_call_and_of_the_nursery(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    expect(tr_call(worker, NULL, die_by, .number = SIGKILL) == TR_EREMOTE);
    expect_error("ActorDied", "signal 9");
    uint64_t id = tr_error_id(tr_last_error());
    expect(tr_join(n) == TR_EREMOTE);
    expect(tr_error_id(tr_last_error()) == id);
    expect(tr_call(worker, NULL, ping) == TR_EREMOTE);
    return 0;
}

static int an_exit_is_a_death_with_its_status(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_run_in_actor(n, NULL, "leaving", exit_with, .status = 3));
    expect(tr_join(n) == TR_EREMOTE);
    expect_error("ActorDied", "status 3");
    expect(tr_error_exit_status(tr_error_find(tr_last_error(), "ActorDied")) == 3);
    return 0;
}

static int an_error_is_boxed_once_for_each_actor_it_passes(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    expect(tr_call(worker, NULL, fail_in_grandchild) == TR_EREMOTE);
    const tr_error *outer = tr_last_error(), *inner = tr_error_cause(outer);
    expect(strcmp(tr_error_actor(outer)->name, "worker") == 0);
    expect(inner && tr_error_code(inner) == TR_EREMOTE);
    expect(strcmp(tr_error_actor(inner)->name, "grandchild") == 0);
    const tr_error *error = tr_error_cause(inner);
    expect(strcmp(tr_error_type(error), "app.BadOrder") == 0);
    expect(strcmp(tr_error_actor(error)->uuid, tr_error_actor(inner)->uuid) == 0);
    expect(tr_error_frames(error) > 0 && strchr(tr_error_frame(error, 0), '+')); /* of there, after two journeys */
    return end(n, worker);
}

static int a_child_calls_back_into_its_parent(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_str name;
    tr_try(start(n, &worker));
    tr_try(tr_call(worker, &name, call_back));
    expect(strcmp(name, tr_current_actor()->name) == 0);
    expect(tr_call(worker, NULL, call_back, .wrongly = true) == TR_EREMOTE);
    const tr_error *outer = tr_last_error(), *inner = tr_error_cause(outer);
    expect(strcmp(tr_error_actor(outer)->name, "worker") == 0);
    expect(strcmp(tr_error_actor(inner)->uuid, tr_current_actor()->uuid) == 0);
    expect(strcmp(tr_error_type(tr_error_cause(inner)), "FunctionNotFound") == 0);
    return end(n, worker);
}

/* ---- lives ------------------------------------------------------------------------------------------- */

static int an_actor_starts_actors_of_its_own(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_str name;
    tr_try(tr_run_in_actor(n, &worker, "parent", ask_grandchild));
    tr_try(tr_result(worker, &name, ask_grandchild));
    expect(strcmp(name, "grandchild") == 0);
    return tr_join(n);
}

static int a_result_stays_readable_after_the_join_and_is_typed(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker, *daemon;
    int32_t pid;
    tr_try(tr_run_in_actor(n, &worker, "worker", own_pid));
    tr_try(start(n, &daemon));
    expect(tr_result(daemon, &pid, own_pid) == TR_EMISUSE);
    tr_try(end(n, daemon));
    tr_try(tr_result(worker, &pid, own_pid));
    expect(pid == tr_portal_actor(worker)->pid && is_gone(pid));
    expect(tr_result(worker, NULL, ping) == TR_ESIGNATURE);
    return 0;
}

static int leaving_a_block_early_ends_its_actors(void)
{
    int pid;
    {
        tr_auto(nursery) n = tr_open_nursery();
        tr_portal *idle;
        tr_try(start(n, &idle));
        pid = tr_portal_actor(idle)->pid;
        expect(!is_gone(pid));
    }
    expect(is_gone(pid));
    return 0;
}

static int a_cancelled_daemon_goes_by_itself(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    expect(tr_cancel_actor(worker) == 1);
    expect(is_gone(tr_portal_actor(worker)->pid));
    expect(tr_call(worker, NULL, ping) == TR_EREMOTE);
    expect_error("Closed", "worker");
    return tr_join(n);
}

static int call_spin(void *portal)
{
    int rc = tr_call((tr_portal *)portal, NULL, spin);
    return rc == TR_EREMOTE ? 0 : rc;
}

static int an_actor_that_does_not_listen_is_killed(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    tr_try(tr_start_soon(n, call_spin, worker));
    tr_try(tr_checkpoint());
    tr_try(tr_checkpoint());
    expect(tr_cancel_actor(worker) == 0);
    expect(is_gone(tr_portal_actor(worker)->pid));
    return tr_join(n);
}

static int wait_until_one_lingers(tr_portal *worker)
{
    lingered so_far = {0};
    while (so_far.now == 0)
        tr_try(tr_call(worker, &so_far, how_many_linger));
    return 0;
}

static int call_linger(void *portal)
{
    return tr_call((tr_portal *)portal, NULL, linger);
}

static int a_cancelled_call_cancels_the_remote_task_only(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    {
        tr_auto(nursery) calls = tr_open_nursery();
        tr_try(tr_start_soon(calls, call_linger, worker));
        tr_try(wait_until_one_lingers(worker));
        tr_cancel(calls);
        tr_try(tr_join(calls));
    }
    lingered after;
    tr_try(tr_call(worker, &after, how_many_linger));
    expect(after.now == 0 && after.cancelled == 1); /* it had ended before the call returned */
    return end(n, worker);
}

static int a_deadline_holds_in_the_callee(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    double left = 0;
    tr_scope limit = tr_move_on_after(50);
    tr_try(tr_within(&limit, tr_call(worker, &left, time_left)));
    expect(left > 0 && left <= 50);
    tr_try(tr_call(worker, &left, time_left));
    expect(isinf(left));
    tr_scope brief = tr_move_on_after(0.05);
    tr_try(tr_within(&brief, tr_call(worker, NULL, linger)));
    expect(brief.cancelled_caught);
    lingered after;
    tr_try(tr_call(worker, &after, how_many_linger));
    expect(after.now == 0);
    return end(n, worker);
}

static int call_ping(void *portal)
{
    return tr_call((tr_portal *)portal, NULL, ping);
}

static int many_calls_run_at_once_in_constant_memory(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    tr_auto(nursery) calls = tr_open_nursery();
    for (int i = 0; i < 200; i++)
        tr_try(tr_start_soon(calls, call_ping, worker));
    tr_try(tr_join(calls));
    for (int i = 0; i < 1000; i++) {
        tr_auto(frame) frame = tr_open_frame();
        tr_str name;
        tr_try(tr_call(worker, &name, own_name));
        expect(strcmp(name, "worker") == 0);
    }
    return end(n, worker);
}

/* ---- names ------------------------------------------------------------------------------------------- */

static int actors_are_found_by_name_as_long_as_they_live(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_auto(portal) found = NULL;
    expect(tr_find_actor(&found, "worker") == 0 && !found);
    tr_try(start(n, &worker));
    tr_try(tr_wait_for_actor(&found, "worker"));
    expect(strcmp(tr_portal_actor(found)->uuid, tr_portal_actor(worker)->uuid) == 0);
    expect(tr_portal_actor(found)->address[0]);
    tr_try(tr_call(found, NULL, ping));
    tr_try(end(n, worker));
    tr_auto(portal) again = NULL;
    expect(tr_find_actor(&again, "worker") == 0 && !again);
    return 0;
}

static int two_actors_may_have_one_name(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *one, *two;
    tr_auto(portal) found = NULL;
    tr_try(start(n, &one));
    tr_try(start(n, &two));
    expect(strcmp(tr_portal_actor(one)->uuid, tr_portal_actor(two)->uuid) != 0);
    tr_try(tr_wait_for_actor(&found, "worker"));
    tr_cancel(n);
    return tr_join(n);
}

static int the_root_finds_itself_and_is_its_arbiter(void)
{
    tr_auto(portal) self = NULL, arbiter = NULL;
    tr_try(tr_wait_for_actor(&self, tr_current_actor()->name));
    tr_try(tr_get_arbiter(&arbiter));
    expect(strcmp(tr_portal_actor(self)->uuid, tr_current_actor()->uuid) == 0);
    expect(strcmp(tr_portal_actor(arbiter)->uuid, tr_current_actor()->uuid) == 0);
    int32_t pid;
    tr_try(tr_call(self, &pid, own_pid));
    expect(pid == getpid());
    return 0;
}

/* However it was started, and whatever its memory is a copy of. */
static int an_actor_is_registered_as_the_process_that_it_is(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_auto(portal) found = NULL;
    tr_list_tr_registration all;
    int32_t pid;
    tr_try(start(n, &worker));
    tr_try(tr_call(worker, &pid, own_pid));
    tr_try(tr_query_actors(&all, .name = "worker"));
    expect(all.count == 1 && all.items[0].pid == pid && tr_portal_actor(worker)->pid == pid);
    tr_try(tr_wait_for_actor(&found, "worker")); /* over a connection of its own, to which it is held */
    expect(tr_portal_actor(found)->pid == pid);
    return end(n, worker);
}

static int waiting_for_nobody_ends_with_the_deadline(void)
{
    tr_auto(portal) nobody = NULL;
    tr_scope limit = tr_fail_after(0.05);
    expect(tr_within(&limit, tr_wait_for_actor(&nobody, "godot")) == TR_ETIMEOUT);
    expect(!nobody);
    return 0;
}

static int a_name_is_neither_empty_nor_endless(void)
{
    char name[257];
    memset(name, 'x', 256);
    name[256] = '\0';
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(portal) found = NULL;
    expect(tr_start_actor(n, NULL, "") == TR_EARGUMENT);
    expect_error("ArgumentError", "1 to 255 bytes");
    expect(tr_start_actor(n, NULL, NULL) == TR_EARGUMENT);
    expect(tr_start_actor(n, NULL, name) == TR_EARGUMENT);
    expect(tr_wait_for_actor(&found, "") == TR_EARGUMENT);
    name[255] = '\0';
    tr_portal *longest;
    tr_try(tr_start_actor(n, &longest, name));
    expect(strcmp(tr_portal_actor(longest)->name, name) == 0);
    return end(n, longest);
}

/* ---- bad beginnings ----------------------------------------------------------------------------------- */

static int a_program_that_cannot_be_run_is_an_error_and_leaves_nothing(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    expect(tr_start_actor(n, NULL, "x", .program = "/no/such/program") == TR_ESTART);
    expect_error("StartFailed", "/no/such/program");
    expect(tr_start_actor(n, NULL, "x", .program = "/bin/true") == TR_ESTART);
    expect_error("StartFailed", "did not come up");
    expect(!tr_cancelled(n)); /* the caller was told; the nursery goes on */
    tr_try(tr_join(n));
    expect(tr_start_actor(n, NULL, "late") == TR_ECLOSED);
    return 0;
}

static int nothing_works_with_a_null_portal(void)
{
    expect(tr_call((tr_portal *)NULL, NULL, ping) == TR_EMISUSE);
    expect(tr_cancel_actor(NULL) == TR_EMISUSE);
    return 0;
}

static int the_root_and_its_actors_have_a_statespace_each(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    kennel *ours;
    int64_t theirs;
    tr_try(tr_get_statespace(&ours, kennel));
    expect(ours->doggy == 10);
    tr_try(tr_run_in_actor_with(n, &worker, tr_options("worker", .statespace = tr_statespace(kennel, ours)),
                                doggy_after, .more = 5));
    tr_try(tr_result(worker, &theirs, doggy_after));
    expect(theirs == 15 && ours->doggy == 10);
    return tr_join(n);
}

static const struct scenario scenarios[] = {
#define SCENARIO(name) {#name, name}
    SCENARIO(numbers_travel_at_their_limits),
    SCENARIO(nested_structs_lists_and_defaults_travel),
    SCENARIO(an_argument_that_is_not_given_takes_its_default),
    SCENARIO(a_message_over_the_limit_is_refused_and_hurts_nobody),
    SCENARIO(a_raised_error_arrives_whole_and_the_daemon_lives_on),
    SCENARIO(an_unknown_function_is_named_with_what_there_is),
    SCENARIO(only_what_an_actor_was_started_with_is_served),
    SCENARIO(a_failed_actor_cancels_the_others_and_comes_out_of_the_join),
    SCENARIO(body_and_actor_failing_together_make_a_group_of_both),
    SCENARIO(a_failed_assert_arrives_with_expression_file_and_line),
    SCENARIO(death_without_a_word_is_an_error_of_the_call_and_of_the_nursery),
    SCENARIO(an_exit_is_a_death_with_its_status),
    SCENARIO(an_error_is_boxed_once_for_each_actor_it_passes),
    SCENARIO(a_child_calls_back_into_its_parent),
    SCENARIO(an_actor_starts_actors_of_its_own),
    SCENARIO(a_result_stays_readable_after_the_join_and_is_typed),
    SCENARIO(leaving_a_block_early_ends_its_actors),
    SCENARIO(a_cancelled_daemon_goes_by_itself),
    SCENARIO(an_actor_that_does_not_listen_is_killed),
    SCENARIO(a_cancelled_call_cancels_the_remote_task_only),
    SCENARIO(a_deadline_holds_in_the_callee),
    SCENARIO(many_calls_run_at_once_in_constant_memory),
    SCENARIO(actors_are_found_by_name_as_long_as_they_live),
    SCENARIO(two_actors_may_have_one_name),
    SCENARIO(the_root_finds_itself_and_is_its_arbiter),
    SCENARIO(an_actor_is_registered_as_the_process_that_it_is),
    SCENARIO(waiting_for_nobody_ends_with_the_deadline),
    SCENARIO(a_name_is_neither_empty_nor_endless),
    SCENARIO(a_program_that_cannot_be_run_is_an_error_and_leaves_nothing),
    SCENARIO(the_root_and_its_actors_have_a_statespace_each),
    SCENARIO(nothing_works_with_a_null_portal),
};

static int run_all(void *only)
{
    return run_scenarios(scenarios, sizeof scenarios / sizeof *scenarios, only);
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, run_all, argc > 1 ? argv[1] : NULL, .name = "theatre",
                   .modules = tr_names("actors"), .statespace = tr_statespace(kennel, &(kennel){.doggy = 10}));
}

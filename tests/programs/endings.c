/* How actors end, and who learns what of it. */
#define _GNU_SOURCE
#include "support/expect.h"
#include "support/worker.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- functions that the scenarios call ----------------------------------------------------------------- */

tr_fn(void, ping)
{
    return 0;
}

tr_fn(void, exit_with, (int32_t, status))
{
    _exit(args->status);
}

tr_fn(void, raise_signal, (int32_t, number))
{
    raise(args->number);
    return 0;
}

/* Dies, and leaves a process behind that holds all its descriptors until the file is gone. */
tr_fn(void, die_with_a_holder, (tr_str, until))
{
    if (fork() == 0) {
        while (access(args->until, F_OK) == 0)
            usleep(1000); /* tidy: call: nothing tells it that a file is gone */
        _exit(0);
    }
    abort();
}

tr_fn(void, assert_when_cancelled)
{
    tr_ignore(tr_sleep_forever());
    assert(!"in good order");
    return 0;
}

static int remove_file(void *path)
{
    tr_try(tr_checkpoint());
    int rc = unlink(path);
    free(path);
    return rc < 0 ? -errno : 0;
}

static int fail_at_end(void *arg)
{
    (void)arg;
    return tr_raise("app.AtEnd", "could not put away");
}

/* Has a file removed at the end of its actor, and brings that about. */
tr_fn(void, keep_until_the_end, (tr_str, path), (tr_str, how))
{
    char *own = strdup(args->path);
    tr_try(tr_at_end(remove_file, own));
    if (strcmp(args->how, "failing hook") == 0)
        tr_try(tr_at_end(fail_at_end, NULL));
    if (strcmp(args->how, "error") == 0)
        return tr_raise("app.Bad", "bad");
    if (strcmp(args->how, "exit") == 0)
        exit(3);
    if (strcmp(args->how, "_exit") == 0)
        _exit(3);
    if (strcmp(args->how, "term") == 0)
        kill(getpid(), SIGTERM);
    return strcmp(args->how, "return") == 0 ? 0 : tr_sleep_forever();
}

/* Does not listen for longer than anybody waits. */
tr_fn(void, linger)
{
    tr_scope shield = tr_shield();
    return tr_within(&shield, tr_sleep(60));
}

tr_fn(void, wait_for_ever)
{
    return tr_sleep_forever();
}

tr_fn(void, fail_when_cancelled)
{
    tr_ignore(tr_sleep_forever());
    return tr_raise("app.CleanUp", "could not put away");
}

static int fail_soon(void *arg)
{
    (void)arg;
    tr_try(tr_checkpoint());
    return tr_raise("app.Real", "the real one");
}

/* Cancelled and broken, at both its ends: a group of which Cancelled is the lesser part. */
tr_fn(void, fail_beside_cancellation)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, fail_soon, NULL));
    return tr_join_with(n, tr_sleep_forever());
}

tr_fn(tr_bytes, give, (uint64_t, size))
{
    void *zeros = tr_alloc(args->size);
    *ret = (tr_bytes){zeros, args->size};
    return zeros ? 0 : -ENOMEM;
}

tr_fn(uint64_t, take, (tr_bytes, what))
{
    *ret = args->what.size;
    return 0;
}

tr_stream_fn(int64_t, three)
{
    for (int64_t i = 0; i < 3; i++)
        tr_try(tr_yield(ctx, i));
    return 0;
}

tr_stream_fn(int64_t, endless)
{
    for (int64_t i = 0;; i++)
        tr_try(tr_yield(ctx, i));
}

static int yield_for_ever(tr_ctx *ctx)
{
    for (;;)
        tr_try(tr_send_yield(ctx, int64_t, 1));
}

tr_stream_fn(int64_t, shielded)
{
    tr_scope shield = tr_shield();
    return tr_within(&shield, yield_for_ever(ctx));
}

/* Opens a stream of the root's and dies with it open. */
tr_fn(void, open_and_die)
{
    tr_auto(portal) root = NULL;
    tr_auto(stream) stream = NULL;
    int64_t number;
    tr_try(tr_wait_for_actor(&root, "root"));
    tr_try(tr_open_stream(root, &stream, shielded));
    tr_try(tr_next(stream, &number, shielded));
    raise(SIGKILL);
    return 0;
}

/* ---- deaths ------------------------------------------------------------------------------------------------ */

static int die_in_a_call(int status)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    expect(tr_call(worker, NULL, exit_with, .status = status) == TR_EREMOTE);
    expect_error("ActorDied", "exited with status");
    tr_try(tr_cancel_actor(worker)); /* too late: it has ended of itself */
    return tr_join(n);
}

static int an_exit_in_a_call_is_a_death_whatever_its_status(void)
{
    for (int status = 0; status < 3; status++) {
        tr_scope scope = tr_cancel_scope();
        expect(tr_within(&scope, die_in_a_call(status)) == TR_EREMOTE);
        expect_error("ActorDied", "exited with status");
    }
    return 0;
}

static int die_of_a_sent_signal(int number)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    expect(tr_call(worker, NULL, raise_signal, .number = number) == TR_EREMOTE);
    return tr_join(n);
}

/* Also of one that is looked at first, since it may be the end of a stack. */
static int a_signal_that_was_sent_kills_at_once(void)
{
    const int numbers[] = {
        SIGHUP, SIGKILL, SIGABRT,
#ifndef __SANITIZE_ADDRESS__ /* which makes an exit of it */
        SIGSEGV,
#endif
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        tr_scope scope = tr_cancel_scope();
        expect(tr_within(&scope, die_of_a_sent_signal(numbers[i])) == TR_EREMOTE);
        expect(tr_error_signal(tr_error_find(tr_last_error(), "ActorDied")) == numbers[i]);
    }
    return 0;
}

static int die_held(const char *path)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    expect(tr_call(worker, NULL, die_with_a_holder, .until = path) == TR_EREMOTE);
    expect_error("ActorDied", "signal 6");
    return tr_join(n);
}

/* The connection is not closed while somebody has a copy of it; the process is dead all the same. */
static int a_death_is_noticed_while_others_hold_the_socket(void)
{
    char path[] = "/tmp/tractor-test-XXXXXX";
    close(mkstemp(path));
    tr_scope scope = tr_cancel_scope();
    int rc = tr_within(&scope, die_held(path));
    bool held = access(path, F_OK) == 0;
    unlink(path);
    expect(rc == TR_EREMOTE && held);
    return 0;
}

static int ask_for_result(void *portal)
{
    return tr_call((tr_portal *)portal, NULL, assert_when_cancelled);
}

static int assert_while_ending(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    tr_try(tr_start_soon(n, ask_for_result, worker));
    tr_try(tr_call(worker, NULL, ping));
    tr_ignore(tr_cancel_actor(worker));
    return tr_join(n);
}

static int last_words_are_heard_by_all_and_count_once(void)
{
    tr_scope scope = tr_cancel_scope();
    expect(tr_within(&scope, assert_while_ending()) == TR_EREMOTE); /* and no group */
    expect_error("AssertionError", "in good order");
    return 0;
}

static int killed_while_it_lingers(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(tr_run_in_actor(n, &worker, "worker", ping));
    tr_try(tr_result(worker, NULL, ping));
    kill(tr_portal_actor(worker)->pid, SIGKILL);
    tr_try(tr_sleep_forever()); /* the body has no idea */
    return tr_join(n);
}

static int the_death_of_an_actor_that_was_done_is_noticed(void)
{
    tr_scope scope = tr_cancel_scope();
    expect(tr_within(&scope, killed_while_it_lingers()) < 0);
    expect_error("ActorDied", "signal 9");
    return 0;
}

static int talk_until_it_fails(tr_portal *worker, bool by_stream)
{
    int rc = 1;
    int64_t number;
    tr_auto(stream) numbers = NULL;
    if (by_stream)
        tr_try(tr_open_stream(worker, &numbers, endless));
    kill(tr_portal_actor(worker)->pid, SIGKILL);
    while (rc >= 0)
        rc = by_stream ? tr_next(numbers, &number, endless) : tr_call(worker, NULL, ping);
    return rc;
}

static int kill_in_conversation(bool by_stream)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    return tr_join_with(n, talk_until_it_fails(worker, by_stream));
}

/* Whether writing or reading fails first, it is the one death that everybody hears of. */
static int a_death_is_told_however_it_is_noticed(void)
{
    for (int i = 0; i < 20; i++) {
        tr_scope scope = tr_cancel_scope();
        expect(tr_within(&scope, kill_in_conversation(i % 2)) == TR_EREMOTE);
        expect_error("ActorDied", "signal 9");
    }
    return 0;
}

static int in_the_background(void *portal)
{
    tr_ignore(tr_call((tr_portal *)portal, NULL, linger));
    return 0;
}

static int an_actor_killed_for_not_listening_has_not_failed(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(tr_run_in_actor(n, &worker, "worker", ping));
    tr_try(tr_start_soon(n, in_the_background, worker));
    tr_try(tr_result(worker, NULL, ping));
    return tr_join(n);
}

/* A debugger has first call on how a process ended: until it lets go the process cannot be reaped. */
static int hold_as_a_debugger(int pid)
{
    int tracer = fork();
    if (tracer == 0) {
        if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
            _exit(1);
        kill(pid, SIGKILL);
        usleep(200000); /* tidy: call: a debugger that takes its time is the scene */
        _exit(waitpid(pid, NULL, __WALL) == pid ? 0 : 2);
    }
    return tracer;
}

static int die_in_a_debugger(int *ret_tracer)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    *ret_tracer = hold_as_a_debugger(tr_portal_actor(worker)->pid);
    return tr_join(n);
}

static int an_actor_that_dies_in_a_debugger_is_reaped(void)
{
    int tracer = -1, status;
    tr_scope scope = tr_cancel_scope();
    int rc = tr_within(&scope, die_in_a_debugger(&tracer));
    expect(waitpid(tracer, &status, 0) == tracer);
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    expect(rc == TR_EREMOTE);
    expect_error("ActorDied", "signal 9");
    return 0;
}

/* ---- hooks ---------------------------------------------------------------------------------------------- */

static int keep_in_actor(const char *path, const char *how)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(tr_run_in_actor(n, &worker, "worker", keep_until_the_end, .path = path, .how = how));
    if (strcmp(how, "cancel") == 0 || strcmp(how, "failing hook") == 0) {
        tr_portal *other;
        tr_try(start(n, &other));
        tr_try(tr_call(other, NULL, ping)); /* by then it waits */
        tr_try(tr_cancel_actor(worker));
        tr_try(tr_cancel_actor(other));
    }
    return tr_join(n);
}

/* Whether the hook has removed the file, and the end was an error of that type; NULL: none. */
static int ends_with_hook(const char *how, const char *type)
{
    char path[] = "/tmp/tractor-test-XXXXXX";
    close(mkstemp(path));
    tr_scope scope = tr_cancel_scope();
    int rc = tr_within(&scope, keep_in_actor(path, how));
    if (type)
        expect(tr_error_is(tr_last_error(), type));
    else
        expect(rc >= 0);
    return unlink(path) < 0;
}

static int hooks_are_called_however_an_actor_ends(void)
{
    expect(ends_with_hook("return", NULL) == 1);
    expect(ends_with_hook("error", "app.Bad") == 1);
    expect(ends_with_hook("cancel", NULL) == 1);
    expect(ends_with_hook("term", "Cancelled") == 1);
    expect(ends_with_hook("exit", "ActorDied") == 1);
    expect(ends_with_hook("failing hook", "app.AtEnd") == 1);
    expect(ends_with_hook("_exit", "ActorDied") == 0);
    return 0;
}

/* ---- errors that could get lost ------------------------------------------------------------------------- */

static int a_failure_beside_a_cancellation_comes_home(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    expect(tr_call(worker, NULL, fail_beside_cancellation) == TR_EREMOTE);
    expect_error("app.Real", "the real one");
    return end(n, worker);
}

static int a_failed_clean_up_after_a_cancelled_call_is_told(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    tr_scope limit = tr_move_on_after(0.05);
    expect(tr_within(&limit, tr_call(worker, NULL, fail_when_cancelled)) == TR_EREMOTE);
    expect_error("app.CleanUp", "put away");
    return end(n, worker);
}

/* ---- much at once ------------------------------------------------------------------------------------------ */

static int refused(void *portal)
{
    return tr_call((tr_portal *)portal, NULL, ping) == TR_EREMOTE ? 0 : tr_raise("test.Failed", "served");
}

static int thousands_of_refusals_are_no_offence(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(tr_start_actor(n, &worker, "worker")); /* it serves nothing */
    {
        tr_auto(nursery) calls = tr_open_nursery();
        for (int i = 0; i < 6000; i++)
            tr_try(tr_start_soon(calls, refused, worker));
        tr_try(tr_join(calls));
    }
    return end(n, worker);
}

static int send_much(void *portal)
{
    static const char zeros[3 << 20];
    uint64_t size;
    tr_try(tr_call((tr_portal *)portal, &size, take, .what = {zeros, sizeof zeros}));
    return size == sizeof zeros ? 0 : tr_raise("test.Failed", "some is missing");
}

static int fetch_much(void *portal)
{
    tr_bytes got;
    tr_try(tr_call((tr_portal *)portal, &got, give, .size = 3 << 20));
    return got.size == 3 << 20 ? 0 : tr_raise("test.Failed", "some is missing");
}

static int large_messages_cross_each_other(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    {
        tr_auto(nursery) calls = tr_open_nursery();
        for (int i = 0; i < 6; i++) {
            tr_try(tr_start_soon(calls, send_much, worker));
            tr_try(tr_start_soon(calls, fetch_much, worker));
            tr_try(tr_call(worker, NULL, ping));
        }
        tr_try(tr_join(calls));
    }
    return end(n, worker);
}

static int an_actor_that_is_up_can_be_found(void)
{
    for (int i = 0; i < 20; i++) {
        tr_auto(nursery) n = tr_open_nursery();
        tr_auto(portal) found = NULL;
        tr_portal *worker;
        tr_try(start(n, &worker));
        expect(tr_find_actor(&found, "worker") == 1);
        tr_try(end(n, worker));
    }
    return 0;
}

static int an_actor_may_serve_very_many_modules(void)
{
    enum { MODULES = 300 };
    static char names[MODULES][64];
    static tr_str list[MODULES];
    for (int i = 0; i < MODULES; i++) {
        snprintf(names[i], sizeof names[i], "a_module_with_a_rather_long_name_of_its_own.%d", i);
        list[i] = names[i];
    }
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(tr_start_actor(n, &worker, "worker", .modules = {list, MODULES}));
    return end(n, worker);
}

/* ---- streams -------------------------------------------------------------------------------------------------- */

static int a_stream_outlives_the_portal_it_was_opened_with(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    {
        tr_auto(stream) numbers = NULL;
        {
            tr_auto(portal) found = NULL;
            tr_try(tr_wait_for_actor(&found, "worker"));
            tr_try(tr_open_stream(found, &numbers, three));
        }
        int64_t number;
        for (int64_t i = 0; i < 3; i++)
            expect(tr_next(numbers, &number, three) == 1 && number == i);
        expect(tr_next(numbers, &number, three) == 0);
    }
    return end(n, worker);
}

static int kill_the_consumer(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    expect(tr_call(worker, NULL, open_and_die) == TR_EREMOTE);
    return tr_join(n);
}

/* If it did not end, neither would this program. */
static int a_shielded_producer_ends_when_its_consumer_is_gone(void)
{
    tr_scope scope = tr_cancel_scope();
    expect(tr_within(&scope, kill_the_consumer()) == TR_EREMOTE);
    expect_error("ActorDied", "signal 9");
    return 0;
}

/* ---- bad input -------------------------------------------------------------------------------------------------- */

static int nonsense_is_refused_by_name(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    expect(tr_at_end(NULL, NULL) == TR_EARGUMENT);
    expect(tr_start_actor(n, &worker, "two\nlines") == TR_EARGUMENT);
    expect(tr_start_actor(n, &worker, "worker", .start_timeout = -1) == TR_EARGUMENT);
    expect(tr_start_actor(n, &worker, "worker", .start_timeout = 0.0 / 0.0) == TR_EARGUMENT);
    expect(tr_start_actor(n, &worker, "worker", .modules = tr_names("")) == TR_EARGUMENT);
    expect(tr_run_in_actor_with(n, &worker, NULL, ping) == TR_EARGUMENT);
    expect(tr_start_actor(NULL, &worker, "worker") == TR_EMISUSE);
    expect(tr_find_actor(NULL, "worker") == TR_EARGUMENT);
    expect(tr_wait_for_actor(NULL, "worker") == TR_EARGUMENT);
    expect(tr_get_arbiter(NULL) == TR_EARGUMENT);
    return tr_join(n);
}

static const struct scenario scenarios[] = {
#define SCENARIO(name) {#name, name}
    SCENARIO(an_exit_in_a_call_is_a_death_whatever_its_status),
    SCENARIO(a_signal_that_was_sent_kills_at_once),
    SCENARIO(a_death_is_noticed_while_others_hold_the_socket),
    SCENARIO(last_words_are_heard_by_all_and_count_once),
    SCENARIO(the_death_of_an_actor_that_was_done_is_noticed),
    SCENARIO(a_death_is_told_however_it_is_noticed),
    SCENARIO(an_actor_killed_for_not_listening_has_not_failed),
    SCENARIO(an_actor_that_dies_in_a_debugger_is_reaped),
    SCENARIO(hooks_are_called_however_an_actor_ends),
    SCENARIO(a_failure_beside_a_cancellation_comes_home),
    SCENARIO(a_failed_clean_up_after_a_cancelled_call_is_told),
    SCENARIO(thousands_of_refusals_are_no_offence),
    SCENARIO(large_messages_cross_each_other),
    SCENARIO(an_actor_that_is_up_can_be_found),
    SCENARIO(an_actor_may_serve_very_many_modules),
    SCENARIO(a_stream_outlives_the_portal_it_was_opened_with),
    SCENARIO(a_shielded_producer_ends_when_its_consumer_is_gone),
    SCENARIO(nonsense_is_refused_by_name),
};

static int run_all(void *only)
{
    return run_scenarios(scenarios, sizeof scenarios / sizeof *scenarios, only);
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, run_all, argc > 1 ? argv[1] : NULL, .modules = tr_names("endings"));
}

/* tr_main: a process becomes an actor, and stops being one.
 *
 * Root and child live the same life: enter (learn or choose who one is, listen, enroll), do what one is
 * there for, which for the root is the program's main function and for a child is to serve until told to
 * end, and leave (no new calls, cancel those that run, call the hooks, say good-bye). Two nurseries hold it:
 * `service` has the runtime's own tasks and `serving`, inside it, the remote functions and the main function;
 * so the answers of cancelled functions still have tasks that write them.
 *
 * Who is asked to end from outside, by Ctrl-C or SIGTERM, ends as a child does when its parent asks; its
 * process ends by that signal then, which an error in the same moment does not change. A daemon is a root whose main
 * function does nothing but wait for that: it has done then what it was there for. */
#include "actor/network.h"
#include "actor/session.h"
#include "actor/statespace.h"
#include "base/error.h"
#include "base/hooks.h"
#include "base/log.h"
#include "inspect/inspect.h"
#include "registry/registry.h"
#include "sched/task.h"
#include "spawn/child.h"
#include "spawn/method.h"
#include "sys/sys.h"
#include "tractor/io.h"
#include "value/function.h"

#include <errno.h>
#include <math.h>

/* What a shell adds to the number of a signal that a program died of. */
enum { DIED_BY = 128 };

struct life {
    const tr_main_options *options;
    enum start_method method;       /* of the tree */
    int (*fn)(void *);              /* of the root; NULL in a child */
    void *arg;
    bool is_daemon;                 /* a signal that asks for its end is the good end of it */
};

/* ---- entering: the root ---------------------------------------------------------------------------- */

/* The program has the last word, here or before by tr_console_log, and the environment the first. */
static int choose_level(const char *option)
{
    bool said = option && option[0];
    if (!said && log_level_is_chosen())
        return 0;
    const char *name = said ? option : sys_env("TRACTOR_LOG");
    int level = log_level_of(name);
    if (level < 0)
        return log_refuse(said ? "tr_main's .log" : "TRACTOR_LOG", name);
    log_set_level(level, said);
    return 0;
}

static int choose_identity(struct actor *actor, const tr_main_options *options)
{
    const char *name = options->name ? options->name : "root";
    char uuid[UUID_LENGTH + 1];
    tr_try(actor_check_name(name));
    tr_try(actor_new_uuid(uuid));
    tr_try(actor_become(name, uuid));
    tr_try(choose_level(options->log));
    tr_try(statespace_pack(&options->statespace, &actor->memory, &actor->statespace));
    tr_try(network_choose_root(options, &actor->memory, &actor->network));
    return actor_copy_modules(&actor->memory, &options->modules, NULL, &actor->modules);
}

/* Whether an enrollment failed because nobody is at the address. */
static bool is_free(const tr_error *error)
{
    return tr_error_is(error, "errno.ECONNREFUSED") || tr_error_is(error, "errno.ENOENT");
}

static int listen_and_serve(const char *address)
{
    struct actor *actor = actor_self();
    actor->is_shared = address != NULL;
    tr_try(actor_listen(address));
    return registry_serve();
}

static int join(const char *address)
{
    tr_try(listen_and_serve(NULL));
    int rc = registry_join(address);
    if (rc < 0) {
        registry_free();
        actor_unlisten(); /* nobody has been told of that address */
    }
    return rc;
}

/* Somebody may have the address and not answer yet, or not any more. */
static const double INTERREGNUM_S = 2, LOOK_AGAIN_S = 0.01;

/* Whether somebody was there who was just going, or so it seems; what only looks so has half a second. */
static const double FAREWELL_S = 0.5;
static bool is_leaving(const tr_error *error)
{
    return tr_error_is(error, "Broken") || tr_error_is(error, "Closed") || tr_error_is(error, "errno.ECONNRESET");
}

/* A shared arbiter is joined if there is one, and otherwise we are it; which of several is first is
 * decided by who gets to listen. */
static int join_or_serve(const char *address)
{
    for (double since = tr_now();;) {
        int rc = join(address);
        if (rc >= 0)
            return registry_keep_joined();
        if (is_free(tr_last_error())) {
            struct tr_error *nobody = task_error_aside();
            rc = listen_and_serve(address);
            if (rc == -EADDRNOTAVAIL)
                return error_raise(nobody); /* another host's, which nobody serves there just now */
            error_unref(nobody);
            if (rc != -EADDRINUSE || tr_now() > since + INTERREGNUM_S)
                return rc;
        } else if (rc == TR_ECANCELLED || !is_leaving(tr_last_error()) || tr_now() > since + FAREWELL_S) {
            return rc;
        }
        tr_try(tr_sleep(LOOK_AGAIN_S));
    }
}

static int enter_root(struct actor *actor, const struct life *life)
{
    const tr_main_options *options = life->options;
    const char *arbiter = options->arbiter ? options->arbiter : sys_env("TRACTOR_ARBITER");
    tr_try(choose_identity(actor, options));
    if (options->visitor)
        return 0;
    tr_try(arbiter && arbiter[0] ? join_or_serve(arbiter) : listen_and_serve(NULL));
    return actor_accept();
}

/* ---- entering: a child ----------------------------------------------------------------------------- */

static int enter_child(void)
{
    int control;
    struct session *parent;
    tr_try(child_inherit(&control));
    tr_try(session_new(control, true, &parent));
    int rc = session_wait_open(parent);
    if (rc >= 0)
        rc = registry_enroll();
    if (rc >= 0)
        session_tell(parent, FRAME_UP, 0);
    session_unref(parent);
    return rc;
}

/* ---- living ---------------------------------------------------------------------------------------- */

static int do_what_one_is_there_for(struct actor *actor, const struct life *life)
{
    tr_try(life->fn ? enter_root(actor, life) : enter_child());
    return life->fn ? life->fn(life->arg) : tr_sleep_forever();
}

static int serve_meanwhile(struct actor *actor, const struct life *life)
{
    tr_auto(nursery) serving = tr_open_nursery();
    if (!serving)
        return -ENOMEM;
    actor->serving = serving;
    if (actor->told_to_end.set)
        tr_cancel(serving); /* it was, by a signal, before there was anything to cancel */
    int rc = do_what_one_is_there_for(actor, life);
    if (actor->told_to_end.set && error_of_is_cancellation(rc))
        rc = 0; /* here, or in an actor that was told to end, too, and was faster */
    actor->serving = NULL;
    struct tr_error *newest = task_error_aside();
    tr_cancel(serving);
    task_error_back(newest);
    return tr_join_with(serving, rc);
}

/* Its children die with it; and those that it will not have are an error too. */
static int watch_server(void *arg)
{
    int *server = arg;
    tr_try(tr_wait_readable(*server));
    return raise_code(TR_EDIED, "the server that actors are forked from has ended");
}

/* A server of its own is watched by each: a tree's by the root. */
static int start_watching(struct actor *actor)
{
    if (actor->method == START_SPAWN || (actor->method == START_FORKSERVER && !actor->is_root))
        return 0;
    actor->server = sys_server();
    return tr_start_soon(actor->service, watch_server, &actor->server);
}

static int live(struct actor *actor, const struct life *life)
{
    tr_auto(nursery) service = tr_open_nursery();
    if (!service)
        return -ENOMEM;
    actor->service = service;
    int rc = start_watching(actor);
    if (rc >= 0)
        rc = actor_run_hooks(serve_meanwhile(actor, life));
    struct tr_error *newest = task_error_aside();
    actor_unlisten();
    actor_say_goodbye();
    registry_leave();
    registry_free();
    tr_cancel(service);
    task_error_back(newest);
    rc = tr_join_with(service, rc);
    actor->service = NULL;
    return rc;
}

static int actor_main(void *arg)
{
    struct life *life = arg;
    tr_scope whole = tr_cancel_scope();
    return tr_within(&whole, live(runtime->actor, life));
}

/* Called by the poller. */
static void asked_from_outside(void *arg, int number)
{
    (void)arg;
    log_at(TR_LOG_CANCEL, "%s is to end, by signal %d", runtime->self.name, number);
    actor_end(INFINITY, &runtime->self);
}

static int live_until_asked(struct actor *actor, struct life *life, int *ret_signal)
{
    int rc = sys_heed_end(actor->is_root, asked_from_outside, actor);
    if (rc < 0)
        return error_raise_plain(rc);
    rc = sched_run(actor_main, life, NULL);
    (void)sys_at_exit(NULL, NULL);
    *ret_signal = sys_unheed_end();
    return rc == TR_ECANCELLED && *ret_signal ? 0 : rc;
}

/* ---- tr_main --------------------------------------------------------------------------------------- */

bool tr_is_child(void)
{
    return sys_is_child();
}

/* In the world that was just entered: the status to exit with. */
static int run(char **argv, struct life *life)
{
    struct actor actor = {.argv = argv,
                          .method = life->method,
                          .is_root = life->fn != NULL,
                          .end_by = INFINITY};
    list_init(&actor.doors);
    list_init(&actor.sessions);
    list_init(&actor.endings);
    list_init(&actor.topics);
    runtime->actor = &actor;
    const int level = log_level();
    const bool chosen = log_level_is_chosen();
    int signal = 0, rc = transport_choose(life->options->transport, &actor.transport);
    if (rc >= 0)
        rc = live_until_asked(&actor, life, &signal);
    if (rc < 0)
        actor_print_failure();
    log_set_level(level, chosen);
    runtime->actor = NULL;
    runtime->self = (tr_actor){"", "", "", 0};
    log_set_self(&runtime->self);
    arena_fini(&actor.memory);
    if (signal && !(life->is_daemon && actor.is_root)) /* its children run the same program, and are none */
        return DIED_BY + signal;
    return rc < 0 ? 1 : actor.is_root ? rc : 0;
}

static int run_root(char **argv, struct life *life)
{
    if (sys_claim_root() < 0) {
        (void)raise_code(TR_EMISUSE, "another root runs in this process");
        actor_print_failure();
        return 1;
    }
    return run(argv, life);
}

/* `begun`: what method_begin has said. */
static int be_actor(char **argv, struct life *life, int begun)
{
    int rc = begun < 0 ? method_failed(begun, life->options->start_method) : 0;
    if (rc >= 0 && !tr_is_child() && !life->fn)
        rc = raise_code(TR_EARGUMENT, "tr_main needs a function to run");
    if (rc < 0) {
        actor_print_failure();
        return 1;
    }
    if (!tr_is_child())
        return run_root(argv, life);
    life->fn = NULL;
    return run(argv, life);
}

static int become_actor(char **argv, struct life *life)
{
    if (task_current()) {
        (void)raise_code(TR_EMISUSE, "tr_main inside a run: open a nursery and start actors instead");
        actor_print_failure();
        return 1;
    }
    const int begun = method_begin(life->options->start_method, &life->method);
    int rc = sys_new();
    if (rc < 0) {
        sys_print_refusal(rc);
        return 1;
    }
    inspect_serve();
    functions_freeze();
    int status = be_actor(argv, life, begun);
    sys_leave();
    if (tr_is_child())
        sys_exit(status);
    return status;
}

int tr_main_(int argc, char **argv, int (*fn)(void *), void *arg, const tr_main_options *options)
{
    (void)argc;
    struct life life = {.options = options, .fn = fn, .arg = arg};
    return become_actor(argv, &life);
}

/* ---- tr_run_daemon --------------------------------------------------------------------------------- */

struct beginning {
    int (*fn)(void *);              /* NULL: none */
    void *arg;
};

static int serve_until_told(void *arg)
{
    const struct beginning *beginning = arg;
    if (beginning->fn)
        tr_try(beginning->fn(beginning->arg));
    return tr_sleep_forever();
}

int tr_run_daemon_(int argc, char **argv, int (*begin)(void *), void *arg, const tr_main_options *options)
{
    (void)argc;
    struct beginning beginning = {begin, arg};
    struct life life = {.options = options, .fn = serve_until_told, .arg = &beginning, .is_daemon = true};
    return become_actor(argv, &life);
}

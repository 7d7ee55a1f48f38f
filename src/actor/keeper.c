/* An actor in a nursery is a task in it: its keeper, which starts the process, stays with it, and ends when
 * the process has ended and was reaped. So a nursery needs to know nothing about processes: waiting for
 * the task is waiting for the process, the task's failure is the actor's, and cancelling the task ends
 * the actor.
 *
 *     STARTING --> UP --> ENDING --> GONE            (see keeper_states)
 *         |                 ^
 *         +-----------------+                        it did not come up, or was cancelled before
 *
 * UP lasts, for an actor with a main function, until that has returned and the nursery's body has come to
 * its join: as long as the body runs, it or the other actors may have business with this one, and must not
 * find it gone because it was faster (Python's tractor does the same). For a daemon it lasts until somebody
 * asks it to end or it ends unasked, which is an error. The end of the process is the end of its session,
 * whoever else may still hold its socket. ENDING is a ladder: a request, a time to comply,
 * SIGTERM, another time, SIGKILL. It cannot fail, nor be cancelled: whatever happens here, the process is gone
 * and reaped afterwards. If this actor itself is to end by some time, each step takes half of what is left
 * at most, so that its children are gone before its own parent uses force, however deep the tree.
 *
 * The keeper's struct belongs to the nursery, not to the task, since portal and result stay readable until
 * the nursery's block is left. */
#include "actor/keeper.h"

#include "actor/call.h"
#include "actor/lines.h"
#include "actor/network.h"
#include "actor/portal.h"
#include "actor/statespace.h"
#include "actor/talk.h"
#include "base/error.h"
#include "base/plant.h"
#include "base/hooks.h"
#include "base/log.h"
#include "spawn/child.h"
#include "spawn/exit.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>

/* The steps of the ladder where nothing else is said, and how long a process that has closed its connection may
 * take to exit. */
static const double GRACE_S = 1, TERM_GRACE_S = 1, EXIT_S = 1;

/* Until an actor is up: long, since a debugger or valgrind may be in the way; its death is noticed at
 * once all the same. */
static const double START_TIMEOUT_S = 30;

enum { KEEPER_STARTING, KEEPER_UP, KEEPER_ENDING, KEEPER_GONE };

static const struct machine_state keeper_states[] = {
    [KEEPER_STARTING] = {"starting", TO(KEEPER_UP) | TO(KEEPER_ENDING)},
    [KEEPER_UP] = {"up", TO(KEEPER_ENDING)},
    [KEEPER_ENDING] = {"ending", TO(KEEPER_GONE)},
    [KEEPER_GONE] = {"gone", 0},
};

struct keeper {
    struct guest guest;             /* how the nursery owns it */
    struct machine state;
    struct tr_portal portal;
    struct child child;
    struct lines *lines;            /* of its standard streams; NULL unless somebody wants them */
    tr_nursery *readers;            /* of the tasks that read those */
    struct session *session;        /* over the child's control socket; a reference, NULL until made */
    const char *name, *program;
    enum start_method method;
    tr_list_tr_str modules;
    double start_timeout, grace, term_grace;
    wire_statespace statespace;
    wire_network network;
    int log_level;                  /* -1: ours, when it is started */
    tr_line_fn *on_line;
    void *on_line_arg;
    const tr_fn_info *main;         /* the function it was started for; NULL for a daemon */
    struct buf args;                /* its arguments, encoded */
    struct call call;               /* of it, unless it is a stream */
    struct talk *talk;              /* of a stream: a reference; else NULL */
    bool taken;                     /* by tr_result_stream */
    bool unanswered;                /* that was cancelled, and is still to be concluded */
    void *result;                   /* its result, once `finished` without an error */
    struct tr_error *error;         /* how it failed; owned */
    tr_event finished;              /* there is a result or an error */
    bool asked;                     /* by tr_cancel_actor, before it ended of itself */
    tr_scope *life;                 /* around its being UP; NULL outside */
    tr_lot news;                    /* on the ladder it waits here: of the exit, or that there is less time */
    bool killed;                    /* it had to be */
    tr_event gone;
    struct arena memory;            /* of all the texts above and the result */
};

/* ---- coming up ---------------------------------------------------------------------------------------- */

/* Once: the kernel takes 11 us to tell. */
static int find_program(struct actor *actor)
{
    char path[4096];
    int rc = sys_program(path, sizeof path);
    if (rc < 0)
        return raise_code(TR_ESTART, "cannot tell which program this is: %s", tr_code_sentence(rc));
    actor->program = arena_text(&actor->memory, path);
    return actor->program ? 0 : error_raise_plain(-ENOMEM);
}

static int program_of(struct keeper *keeper)
{
    struct actor *actor = actor_self();
    if (!keeper->program && !actor->program)
        tr_try(find_program(actor));
    if (!keeper->program)
        keeper->program = actor->program;
    return 0;
}

/* The first thing the child reads: who it is. */
static int send_birth(struct keeper *keeper)
{
    char uuid[UUID_LENGTH + 1];
    tr_try(actor_new_uuid(uuid));
    struct actor *actor = actor_self();
    const tr_actor peer = {.name = arena_text(&keeper->session->memory, keeper->name),
                           .uuid = arena_text(&keeper->session->memory, uuid),
                           .address = "",
                           .pid = child_pid(&keeper->child)}; /* by its greeting at the latest it is known */
    if (!peer.name || !peer.uuid)
        return error_raise_plain(-ENOMEM);
    keeper->session->peer = peer;
    if (actor->child_up)
        tr_try(actor_copy_modules(&keeper->session->memory, &keeper->modules, NULL, &keeper->session->modules));
    struct frame frame = {.kind = FRAME_BIRTH,
                          .birth = {.name = keeper->name,
                                    .uuid = uuid,
                                    .arbiter = actor->arbiter,
                                    .arbiter_uuid = actor->arbiter_uuid,
                                    .modules = keeper->modules,
                                    .log_level = keeper->log_level < 0 ? log_level() : keeper->log_level,
                                    .statespace = keeper->statespace,
                                    .captured = keeper->lines != NULL,
                                    .network = keeper->network}};
    return session_send(keeper->session, &frame);
}

/* Called by the session when the connection is lost: what the process died of. */
static struct tr_error *obituary(void *arg)
{
    struct keeper *keeper = arg;
    bool exited = event_wait_shielded(&keeper->child.exited, EXIT_S);
    return exited ? child_death(&keeper->child, &keeper->session->peer) : NULL;
}

/* Called by the poller when the process has ended. What it had sent is still read. A keeper that only lingers
 * has nothing to wait for any more. */
static void process_ended(void *arg)
{
    struct keeper *keeper = arg;
    if (keeper->session && planted(EXIT_BEFORE_RESULT))
        wire_close(&keeper->session->wire);
    if (keeper->session)
        session_hang_up(keeper->session);
    if (keeper->finished.set && keeper->life)
        tr_scope_cancel(keeper->life);
    lot_wake_all(&keeper->news);
}

static int begin(struct keeper *keeper)
{
    tr_try(program_of(keeper));
    struct child_plan plan = {.program = keeper->program,
                              .argv = actor_self()->argv,
                              .method = keeper->method,
                              .of_tree = actor_self()->method,
                              .standard = {SYS_OURS, SYS_OURS, SYS_OURS}};
    if (keeper->on_line)
        tr_try(lines_open(&keeper->memory, keeper->on_line, keeper->on_line_arg, plan.standard, &keeper->lines));
    log_at(TR_LOG_RUNTIME, "%s is started by %s", keeper->name, method_name(keeper->method));
    int rc = child_start(&keeper->child, &plan, process_ended, keeper);
    if (keeper->lines)
        lines_pass(keeper->lines);
    tr_try(rc);
    int control = keeper->child.control;
    keeper->child.control = -1;
    tr_try(session_new(control, false, &keeper->session));
    keeper->session->family = true;
    keeper->session->obituary = obituary;
    keeper->session->obituary_arg = keeper;
    rc = send_birth(keeper);
    if (rc < 0)
        session_stop(keeper->session); /* whatever came now would come out of turn */
    tr_try(rc);
    return keeper->lines ? lines_start(keeper->lines, keeper->readers, &keeper->session->peer) : 0;
}

static int come_up(struct keeper *keeper)
{
    tr_try(begin(keeper));
    tr_scope limit = tr_move_on_after(keeper->start_timeout);
    int rc = tr_within(&limit, session_wait_up(keeper->session));
    if (limit.cancelled_caught)
        return raise_code(TR_ESTART, "actor %s was not up after %g s", keeper->name,
                          keeper->start_timeout);
    if (rc < 0 && rc != TR_ECANCELLED)
        return tr_raise_from(NULL, tr_code_type(TR_ESTART), "actor %s did not come up: %s",
                             keeper->name, tr_error_message(tr_last_error()));
    tr_try(rc);
    session_hold(keeper->session);
    keeper->portal.session = keeper->session;
    machine_move(&keeper->state, KEEPER_UP);
    log_at(TR_LOG_RUNTIME, "%s is up, pid %d", keeper->name, keeper->session->peer.pid);
    return tr_started(&keeper->portal);
}

/* ---- being up ------------------------------------------------------------------------------------------ */

/* To whoever asks for the result, a cancelled actor is an error like any other. */
static void finish(struct keeper *keeper, int rc)
{
    if (keeper->finished.set)
        return;
    keeper->error = error_of(rc);
    if (rc == TR_ECANCELLED && keeper->session)
        keeper->error = error_box(keeper->error, &keeper->session->peer);
    tr_event_set(&keeper->finished);
}

static int run_main(struct keeper *keeper)
{
    tr_bytes args = {keeper->args.data, keeper->args.size};
    keeper->call = (struct call){.fn = keeper->main, .memory = &keeper->memory, .ret = keeper->result};
    int rc = call_begin(&keeper->call, keeper->session, NULL, args);
    if (rc >= 0) {
        rc = call_wait(&keeper->call);
        if (rc == TR_ECANCELLED) {
            keeper->unanswered = true; /* the ladder has it answered, or ends it */
            return rc;
        }
        rc = call_conclude(&keeper->call, rc);
    }
    finish(keeper, rc);
    return rc < 0 || keeper->child.exited.set ? rc : nursery_wait_join();
}

/* The values are the reader's, the outcome is also ours; but what comes of its being left is neither's. */
static int hear_stream(void *arg)
{
    struct keeper *keeper = arg;
    struct talk *talk = keeper->talk;
    tr_try(call_wait(&talk->call));
    int rc = talk->leaving ? call_given_up(&talk->call) : 0;
    rc = rc == TR_ECANCELLED ? 0 : call_outcome(&talk->call, rc);
    finish(keeper, rc);
    if (keeper->child.exited.set && keeper->life)
        tr_scope_cancel(keeper->life);
    return rc;
}

/* Who has not taken the stream before the join, will not; and who has left it, needs the actor no more. */
static int wait_for_reader(struct keeper *keeper)
{
    struct talk *talk = keeper->talk;
    tr_try(nursery_wait_join());
    if (keeper->taken)
        tr_try(event_wait(&talk->over));
    if (!talk->call.done.set && !talk->leaving)
        (void)talk_leave(talk);
    return 0;
}

static int run_stream(struct keeper *keeper)
{
    tr_bytes args = {keeper->args.data, keeper->args.size};
    tr_try(talk_begin(keeper->talk, keeper->session, NULL, args));
    keeper->unanswered = true;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, hear_stream, keeper));
    int rc = wait_for_reader(keeper);
    if (rc >= 0 && !keeper->talk->call.done.set)
        tr_cancel(n); /* it does not heed it: the ladder will see to that */
    return tr_join_with(n, rc);
}

/* A daemon's life: until somebody asks for its end, or the session ends, which is the process's end. */
static int wait_for_end(struct keeper *keeper)
{
    tr_try(event_wait(&keeper->session->ended));
    return keeper->session->why && !keeper->asked
               ? error_raise(error_ref(keeper->session->why))
               : 0;
}

static int live(struct keeper *keeper)
{
    if (!keeper->main)
        return wait_for_end(keeper);
    return keeper->talk ? run_stream(keeper) : run_main(keeper);
}

/* keeper_end wants the keeper to stop living, from another task: a scope around its life. */
static int live_until_asked(struct keeper *keeper)
{
    tr_scope life = tr_cancel_scope();
    keeper->life = &life;
    int rc = keeper->asked ? 0 : tr_within(&life, live(keeper));
    keeper->life = NULL;
    return rc;
}

/* ---- ending -------------------------------------------------------------------------------------------- */

static int wait_for_news(void *arg)
{
    struct keeper *keeper = arg;
    return lot_park_for(&keeper->news, "the end of an actor");
}

/* Whether it is gone before the time is over; which becomes less, and the child is told so, if meanwhile we are
 * to end ourselves, or sooner. */
static bool gone_within(struct keeper *keeper, double seconds, bool ask)
{
    double until = tr_now() + actor_share_of_end(seconds);
    for (bool over = false; !over && !keeper->child.exited.set;) {
        if (ask)
            session_cancel(keeper->session, 0, until - tr_now());
        (void)task_within_shield(until - tr_now(), wait_for_news, keeper, &over);
        until = fmin(until, tr_now() + actor_share_of_end(INFINITY));
    }
    return keeper->child.exited.set;
}

static bool heeds_term(struct keeper *keeper)
{
    log_at(TR_LOG_WARNING, "%s does not end by itself: SIGTERM", keeper->name);
    (void)child_signal(&keeper->child, SIGTERM);
    return gone_within(keeper, keeper->term_grace, false);
}

static void kill_and_wait(struct keeper *keeper)
{
    log_at(TR_LOG_WARNING, "%s does not end by itself: SIGKILL", keeper->name);
    if (!planted(SKIPPED_KILL))
        (void)child_signal(&keeper->child, SIGKILL);
    lot_park_shielded(&keeper->child.exited.waiting_, "a killed actor to end");
}

/* Nobody has been forked yet who could be asked. Whoever may be is killed; and a server that is busy or stopped is
 * not waited for any longer than an actor would be. */
static bool ends_unborn(struct keeper *keeper)
{
    (void)child_signal(&keeper->child, SIGKILL);
    return gone_within(keeper, keeper->grace + keeper->term_grace, false);
}

static void descend_ladder(struct keeper *keeper)
{
    struct ending us = {.news = &keeper->news};
    list_push(&actor_self()->endings, &us.place);
    bool born = child_pid(&keeper->child) != 0;
    bool gone = born && keeper->session && gone_within(keeper, keeper->grace, true);
    keeper->killed = !gone;
    if (!gone && !(born ? heeds_term(keeper) : ends_unborn(keeper)))
        kill_and_wait(keeper);
    list_remove(&us.place);
}

static void log_reaped(const struct keeper *keeper)
{
    char how[EXIT_TEXT_ROOM];
    log_at(TR_LOG_RUNTIME, "%s, pid %d, is reaped: it %s", keeper->name, child_pid(&keeper->child),
           exit_text(keeper->child.how, how));
}

static void end(struct keeper *keeper)
{
    struct tr_error *newest = task_error_aside();
    machine_move(&keeper->state, KEEPER_ENDING);
    if (keeper->child.process && !keeper->child.exited.set && !planted(NOT_REAPED))
        descend_ladder(keeper);
    if (keeper->session) /* what it still has to deliver was sent before the exit */
        (void)event_wait_shielded(&keeper->session->ended, actor_share_of_end(EXIT_S));
    if (keeper->lines)
        lines_limit(keeper->lines, actor_share_of_end(EXIT_S));
    if (tr_log_is_on(TR_LOG_RUNTIME) && keeper->child.exited.set)
        log_reaped(keeper);
    machine_move(&keeper->state, KEEPER_GONE);
    task_error_back(newest);
}

/* An actor that did all it was asked to and then crashed on its way out has failed all the same. One that was
 * told to end by a signal, too, as its whole process group is, has not. */
static int judge(struct keeper *keeper, int rc)
{
    const struct sys_exit how = keeper->child.how;
    struct tr_error *why = keeper->session ? keeper->session->why : NULL;
    bool wanted = keeper->asked || rc == TR_ECANCELLED; /* its end, by us */
    bool clean = (how.signal == 0 && how.status == 0) || (wanted && !why && how.signal == SIGTERM);
    if (rc == TR_ECANCELLED && !keeper->portal.session)
        return rc; /* it was never up, and has no duty to end in order */
    if ((rc < 0 && rc != TR_ECANCELLED) || keeper->killed || (clean && (wanted || !why)))
        return rc;
    if (why) /* the very error that calls over it have failed with */
        return error_raise(error_ref(why));
    const tr_actor *actor = &keeper->session->peer;
    return error_raise(error_box(child_death(&keeper->child, actor), actor));
}

/* The outcome of a main function that was cancelled: what it failed with is not lost. */
static int hear_main(struct keeper *keeper, int rc)
{
    if (!keeper->unanswered || keeper->finished.set)
        return rc;
    struct call *call = keeper->talk ? &keeper->talk->call : &keeper->call;
    int late = call_outcome(call, call_given_up(call));
    if (!keeper->talk)
        call_end(call);
    if (late != TR_ECANCELLED)
        finish(keeper, late);
    return late < 0 && late != TR_ECANCELLED ? late : rc;
}

static int keep_process(struct keeper *keeper)
{
    int rc = come_up(keeper);
    if (rc >= 0)
        rc = live_until_asked(keeper);
    log_at(rc == TR_ECANCELLED || keeper->asked ? TR_LOG_CANCEL : TR_LOG_RUNTIME, "%s is %s", keeper->name,
           rc == TR_ECANCELLED || keeper->asked ? "cancelled" : "to end");
    end(keeper);
    rc = hear_main(keeper, rc);
    rc = planted(DROPPED_ERROR) ? 0 : judge(keeper, rc);
    if (keeper->session)
        keeper->session->obituary = NULL; /* whoever still holds the socket: there is no more to say */
    child_fini(&keeper->child);
    finish(keeper, rc < 0 ? rc : TR_ECANCELLED);
    return rc;
}

/* What it wrote is all there before it is gone. */
static int keep_with_lines(struct keeper *keeper)
{
    tr_auto(nursery) readers = tr_open_nursery();
    if (!readers)
        return -ENOMEM;
    keeper->readers = readers;
    int rc = tr_join_with(readers, keep_process(keeper));
    if (keeper->lines)
        lines_close(keeper->lines);
    return rc;
}

static int keep(void *arg)
{
    struct keeper *keeper = arg;
    int rc = keeper->on_line ? keep_with_lines(keeper) : keep_process(keeper);
    tr_event_set(&keeper->gone);
    return rc;
}

int keeper_end(struct keeper *keeper)
{
    if (!keeper->child.exited.set && !(keeper->session && keeper->session->why))
        keeper->asked = true; /* too late otherwise: it has ended of itself */
    if (keeper->life)
        tr_scope_cancel(keeper->life);
    tr_try(event_wait(&keeper->gone));
    return !keeper->killed;
}

/* ---- starting ------------------------------------------------------------------------------------------ */

static void release(struct guest *guest)
{
    struct keeper *keeper = container_of(guest, struct keeper, guest);
    if (keeper->portal.session)
        session_let_go(keeper->portal.session);
    if (keeper->session)
        session_unref(keeper->session);
    talk_unref(keeper->talk);
    buf_fini(&keeper->args);
    error_unref(keeper->error);
    struct arena memory = keeper->memory;
    arena_fini(&memory);
}

static int choose_level(struct keeper *keeper, const char *name)
{
    keeper->log_level = name && name[0] ? log_level_of(name) : -1;
    return keeper->log_level < 0 && name && name[0] ? log_refuse(keeper->name, name) : 0;
}

static int prepare(struct keeper *keeper, const tr_actor_options *options, const tr_fn_info *fn,
                   const void *args)
{
    char module[MODULE_ROOM];
    const char *own = fn ? function_module(fn, module) : NULL;
    tr_try(actor_copy_modules(&keeper->memory, &options->modules, own, &keeper->modules));
    tr_try(statespace_pack(&options->statespace, &keeper->memory, &keeper->statespace));
    tr_try(network_choose_child(options, &actor_self()->network, &keeper->memory, &keeper->network));
    keeper->name = arena_text(&keeper->memory, options->name);
    keeper->program = arena_text(&keeper->memory, options->program);
    if (!keeper->name || (options->program && !keeper->program))
        return error_raise_plain(-ENOMEM);
    tr_try(method_for_actor(options->start_method, actor_self()->method, &keeper->method));
    if (keeper->program)
        keeper->method = START_SPAWN; /* a copy of this one is none of another */
    tr_try(choose_level(keeper, options->log));
    keeper->start_timeout = options->start_timeout > 0 ? options->start_timeout : START_TIMEOUT_S;
    keeper->on_line = options->on_line;
    keeper->on_line_arg = options->on_line_arg;
    keeper->main = fn;
    if (!fn)
        return 0;
    if (fn->way == TR_WAY_STREAM)
        tr_try(talk_new(fn, NULL, &keeper->talk));
    keeper->result = arena_alloc(&keeper->memory, fn->out->size + 1);
    if (!keeper->result)
        return error_raise_plain(-ENOMEM);
    int rc = codec_encode_fields(&keeper->args, fn->args, args);
    return rc == -ENOMEM ? error_raise_plain(rc) : rc;
}

/* The first that says something. */
static double grace_of(double own, double of_nursery, double usual)
{
    return own > 0 ? own : of_nursery > 0 ? of_nursery : usual;
}

static void set_graces(struct keeper *keeper, const tr_actor_options *options, const tr_nursery_options *around)
{
    keeper->grace = grace_of(options->grace, around->grace, GRACE_S);
    keeper->term_grace = grace_of(options->term_grace, around->term_grace, TERM_GRACE_S);
}

static struct keeper *keeper_new(tr_nursery *nursery)
{
    struct arena memory = {0};
    struct keeper *keeper = arena_alloc(&memory, sizeof *keeper);
    if (!keeper) {
        error_raise_plain(-ENOMEM);
        return NULL;
    }
    keeper->memory = memory;
    keeper->portal.keeper = keeper;
    keeper->child = (struct child){.control = -1, .lifeline = -1, .crash = -1};
    keeper->guest.release = release;
    machine_init(&keeper->state, "actor", keeper_states);
    nursery_add_guest(nursery, &keeper->guest);
    return keeper;
}

static int check_time(const char *name, double seconds, const char *what)
{
    return seconds >= 0 ? 0 : raise_code(TR_EARGUMENT, "actor %s cannot have %g seconds to %s", name, seconds, what);
}

static int check(const tr_actor_options *options, const tr_nursery_options *around)
{
    if (!options)
        return raise_code(TR_EARGUMENT, "the options are NULL");
    tr_try(actor_check_name(options->name));
    if (!actor_self()->arbiter)
        return raise_code(TR_EMISUSE, "a visitor starts no actors: where should they be registered?");
    tr_try(check_time(options->name, options->start_timeout, "start"));
    tr_try(check_time(options->name, options->grace, "end"));
    tr_try(check_time(options->name, options->term_grace, "end"));
    tr_try(check_time(options->name, around->grace, "end"));
    tr_try(check_time(options->name, around->term_grace, "end"));
    for (size_t i = 0; i < options->modules.count; i++)
        if (!options->modules.items[i] || !options->modules.items[i][0])
            return raise_code(TR_EARGUMENT, "a module of actor %s without a name", options->name);
    return 0;
}

static int start(tr_nursery *nursery, tr_portal **ret_portal, const tr_actor_options *options,
                 const tr_fn_info *fn, const void *args)
{
    tr_try(actor_required());
    tr_try(nursery_usable(nursery));
    const tr_nursery_options *around = nursery_options(nursery);
    tr_try(check(options, around));
    struct keeper *keeper = keeper_new(nursery);
    if (!keeper)
        return -ENOMEM;
    set_graces(keeper, options, around);
    tr_try(prepare(keeper, options, fn, args));
    void *portal;
    tr_try(tr_start(nursery, keep, keeper, &portal, .name = keeper->name));
    if (ret_portal)
        *ret_portal = portal;
    return 0;
}

int tr_start_actor_(tr_nursery *nursery, tr_portal **ret_portal, const tr_actor_options *options)
{
    return start(nursery, ret_portal, options, NULL, NULL);
}

int tr_run_in_actor_(tr_nursery *nursery, tr_portal **ret_portal, const tr_actor_options *options,
                     const tr_fn_info *fn, const void *args)
{
    return start(nursery, ret_portal, options, fn, args);
}

/* ---- results ------------------------------------------------------------------------------------------- */

static int check_main(const tr_portal *portal, const tr_fn_info *fn)
{
    tr_try(portal_usable(portal));
    const struct keeper *keeper = portal->keeper;
    if (!keeper || !keeper->main)
        return raise_code(TR_EMISUSE, "actor %s was not started to run a function",
                          portal->session->peer.name);
    if (function_hash(keeper->main) != function_hash(fn) || strcmp(keeper->main->name, fn->name) != 0)
        return raise_code(TR_ESIGNATURE, "actor %s was started to run %s, not %s", keeper->name,
                          keeper->main->name, fn->name);
    return 0;
}

int tr_result_(tr_portal *portal, const tr_fn_info *fn, void *ret)
{
    tr_try(check_main(portal, fn));
    struct keeper *keeper = portal->keeper;
    tr_try(event_wait(&keeper->finished));
    if (keeper->error)
        return error_raise(error_ref(keeper->error));
    if (ret)
        memcpy(ret, keeper->result, fn->out->size);
    return 0;
}

int tr_result_stream_(tr_portal *portal, tr_stream **ret_stream, const tr_fn_info *fn)
{
    tr_try(check_main(portal, fn));
    struct keeper *keeper = portal->keeper;
    if (!keeper->talk || keeper->taken)
        return raise_code(TR_EMISUSE, "actor %s does not run a stream, or somebody has it", keeper->name);
    tr_try(event_wait(&keeper->talk->begun));
    if (!keeper->talk->call.session || keeper->talk->leaving)
        return raise_code(TR_ECLOSED, "the stream of actor %s is closed", keeper->name);
    tr_try(stream_new(talk_ref(keeper->talk), ret_stream));
    keeper->taken = true;
    return 0;
}

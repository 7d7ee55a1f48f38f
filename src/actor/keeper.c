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
 * whoever else may still hold its socket. ENDING cannot fail, nor be cancelled: whatever happens here, the process
 * is gone and reaped afterwards (ladder.c). */
#include "actor/keeper.h"

#include "actor/actor.h"
#include "actor/lines.h"
#include "actor/talk.h"
#include "base/error.h"
#include "base/log.h"
#include "base/plant.h"
#include "spawn/exit.h"

#include <errno.h>
#include <signal.h>

static const struct machine_state keeper_states[] = {
    [KEEPER_STARTING] = {"starting", TO(KEEPER_UP) | TO(KEEPER_ENDING)},
    [KEEPER_UP] = {"up", TO(KEEPER_ENDING)},
    [KEEPER_ENDING] = {"ending", TO(KEEPER_GONE)},
    [KEEPER_GONE] = {"gone", 0},
};

void keeper_init(struct keeper *keeper)
{
    keeper->portal.keeper = keeper;
    keeper->child = (struct child){.control = -1, .lifeline = -1, .crash = -1};
    machine_init(&keeper->state, "actor", keeper_states);
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
        keeper_descend_ladder(keeper);
    if (keeper->session) /* what it still has to deliver was sent before the exit */
        (void)event_wait_shielded(&keeper->session->ended, actor_share_of_end(EXIT_S));
    if (keeper->lines)
        lines_limit(keeper->lines, actor_share_of_end(EXIT_S));
    if (tr_log_is_on(TR_LOG_RUNTIME) && keeper->child.exited.set)
        log_reaped(keeper);
    machine_move(&keeper->state, KEEPER_GONE);
    task_error_back(newest);
}

/* Whether it was us who wanted its end: before it came, or since we are to end ourselves, as when the whole process
 * group is told to. */
static bool was_wanted(const struct keeper *keeper, int rc)
{
    return keeper->asked || actor_self()->told_to_end.set || (rc == TR_ECANCELLED && !keeper->ended_first);
}

/* Of a group that is told to end the child may be the first to do so, and its main function be cut off before we are
 * told: that is no more of a failure. */
static bool was_cut_off_with_us(int rc)
{
    return rc == TR_EREMOTE && actor_self()->told_to_end.set && error_of_is_cancellation(rc);
}

/* An actor that did all it was asked to and then crashed on its way out has failed all the same. One that was
 * told to end by a signal, too, as its whole process group is, has not. */
static int judge(struct keeper *keeper, int rc)
{
    const struct sys_exit how = keeper->child.how;
    struct tr_error *why = keeper->session ? keeper->session->why : NULL;
    if (was_cut_off_with_us(rc))
        rc = error_raise_plain(TR_ECANCELLED);
    bool wanted = was_wanted(keeper, rc);
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
    int rc = keeper_come_up(keeper);
    if (rc >= 0)
        rc = live_until_asked(keeper);
    keeper->ended_first = keeper->child.exited.set;
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

int keeper_keep(void *arg)
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

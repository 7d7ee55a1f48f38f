/* How an actor comes up: its process is started, told who it is over the socket that it was started with, and then
 * greets and says that it is at its work. Until it has, nobody can call it, and its failure is that of its start.
 *
 * What can go wrong: there is no such program, or it dies, or is no program of this library and says nothing (the
 * start's timeout). What has been begun then is ended as ever, by its keeper. */
#include "actor/keeper.h"

#include "actor/actor.h"
#include "actor/lines.h"
#include "base/error.h"
#include "base/log.h"
#include "base/plant.h"

#include <errno.h>

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

int keeper_come_up(struct keeper *keeper)
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

/* Faults: what falls into the world, and what it hits. */
#include "play.h"

#include "actor/actor.h"
#include "actor/session.h"
#include "kernel.h"
#include "sched/task.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- whom --------------------------------------------------------------------------------------------- */

/* A root has no connection to a parent, and nobody to end it when it is stopped. A server has a socket that never
 * leaves the machine. */
bool fault_may_strike(enum fault_kind kind, bool is_root, bool is_server)
{
    bool between = kind == FAULT_CUT || kind == FAULT_RESET;
    if (is_server)
        return !between && kind != FAULT_KILL_ROOT;
    return !is_root || (!between && kind != FAULT_STOP);
}

static size_t living(struct play *play, enum fault_kind kind, struct process **ret_all, size_t room)
{
    size_t count = 0;
    struct process *process;
    for (size_t i = 0; (process = world_nth(play->world, i)); i++) {
        bool is_visitor = process != play->root && !process_parent(process);
        bool may = fault_may_strike(kind, process == play->root, process_is_server(process));
        if (process_alive(process) && may && !(is_visitor && kind == FAULT_STOP) && count < room)
            ret_all[count++] = process;
    }
    return count;
}

static struct process *choose(struct play *play, const struct fault *fault)
{
    struct process *all[64];
    size_t count = living(play, fault->kind, all, 64);
    if (fault->kind == FAULT_KILL_ROOT)
        return process_alive(play->root) ? play->root : NULL;
    return count > 0 ? all[fault->victim % count] : NULL;
}

static bool is_calling(const struct actor *actor)
{
    list_each(at, &actor->sessions)
        if (container_of(at, struct session, place)->calls.count > 0)
            return true;
    return false;
}

static enum phase phase_of(const struct process *process)
{
    const struct runtime *its = process->runtime;
    if (process_is_server(process))
        return PHASE_SERVING;
    if (!its)
        return PHASE_STARTING;
    const struct actor *actor = its->actor;
    if (!actor || !its->self.name[0])
        return actor || !process->name[0] ? PHASE_GREETING : PHASE_ENDING;
    if (!actor->serving)
        return PHASE_ENDING;
    return is_calling(actor) ? PHASE_CALLING : PHASE_IDLE;
}

/* Handles mean something in their own process only. */
static bool is_cancelled(const struct scene *scene)
{
    struct runtime *ours = runtime;
    runtime = scene->player->runtime;
    bool cancelled = nursery_is_cancelled(scene->nursery);
    runtime = ours;
    return cancelled;
}

/* An actor that is killed while its scene is in its body, and that nobody asked to end, is an error of
 * the scene; the scene's own process must live to tell. So is one that is told to end by SIGTERM, if nobody asks
 * it for the same before it has ended. */
static void owe_error(struct play *play, const struct process *victim, int signal)
{
    const char *name = process_name(victim);
    for (int s = 0; s < play->scene_count; s++) {
        struct scene *scene = &play->scenes[s];
        for (int i = 0; i < scene->actor_count; i++) {
            struct part_of_actor *actor = &scene->actors[i];
            if (!scene->in_body || !process_alive(scene->player))
                continue;
            bool expected = !actor->up || actor->asked || is_cancelled(scene);
            if (expected || strcmp(actor->name, name) != 0)
                continue;
            if (signal == SIGTERM)
                actor->told = (struct process *)victim;
            else
                scene->owes_error = true;
        }
    }
}

/* ---- what lasts for a while ---------------------------------------------------------------------------- */

struct relief {
    struct event event;             /* first */
    struct relief *next;            /* of this play's */
    struct process *process, *other;
};

static void go_on(struct event *event)
{
    struct relief *relief = container_of(event, struct relief, event);
    world_kill(relief->process, SIGCONT);
}

static void heal(struct event *event)
{
    struct relief *relief = container_of(event, struct relief, event);
    (void)world_heal(relief->process, relief->other);
}

static void later(struct play *play, double seconds, void (*happen)(struct event *), struct process *process,
                  struct process *other)
{
    struct relief *relief = calloc(1, sizeof *relief);
    if (!relief)
        abort();
    relief->process = process;
    relief->other = other;
    relief->event.happen = happen;
    relief->next = play->reliefs;
    play->reliefs = relief;
    event_at(play->world, &relief->event, world_now_ns(play->world) + (int64_t)(seconds * 1e9));
    play->patience_ns += (int64_t)(seconds * 1e9);
}

/* Some never come: the play may be over before. */
void play_forget_faults(struct play *play)
{
    for (struct relief *relief; (relief = play->reliefs);) {
        play->reliefs = relief->next;
        free(relief);
    }
}

void play_pause(struct play *play, struct process *process, double seconds)
{
    world_kill(process, SIGSTOP);
    later(play, seconds, go_on, process, NULL);
}

/* ---- which --------------------------------------------------------------------------------------------- */

/* All that were forked from it die with it. */
static void owe_error_of_copies(struct play *play, const struct process *server)
{
    struct process *process;
    for (size_t i = 0; (process = world_nth(play->world, i)); i++)
        if (process->forked_by == server && process_alive(process))
            owe_error(play, process, SIGKILL);
}

static void kill_one(struct play *play, struct process *victim, int signal)
{
    if (process_is_server(victim) && (signal == SIGKILL || !process_is_stopped(victim)))
        owe_error_of_copies(play, victim);
    else if (signal == SIGKILL || !process_is_stopped(victim)) /* a stopped one does not hear the other */
        owe_error(play, victim, signal);
    world_kill(victim, signal);
}

static void between(struct play *play, const struct fault *fault, struct process *victim)
{
    struct process *parent = process_parent(victim);
    if (!parent)
        parent = play->root; /* whom a visitor has come to */
    if (!process_alive(parent))
        return;
    if (fault->kind == FAULT_RESET) {
        (void)world_reset(victim, parent);
    } else if (world_cut(victim, parent) > 0) {
        later(play, fault->seconds, heal, victim, parent);
    }
}

/* How its copies ended nobody knows for half a second; so it goes on from parent to parent. */
static void be_patient_with(struct play *play, const struct process *victim)
{
    enum { GENERATIONS = 3, PATIENCE_NS = 500000000 };
    if (process_is_server(victim))
        play->patience_ns += (int64_t)GENERATIONS * PATIENCE_NS;
}

static void strike(struct play *play, const struct fault *fault, struct process *victim)
{
    if (fault->kind == FAULT_STOP || fault->kind == FAULT_PAUSE)
        be_patient_with(play, victim);
    switch (fault->kind) {
    case FAULT_KILL: kill_one(play, victim, SIGKILL); break;
    case FAULT_KILL_AT_CALL: process_kill_at(victim, fault->count); break;
    case FAULT_KILL_ROOT: world_kill(play->root, SIGKILL); break;
    case FAULT_TERMINATE: kill_one(play, victim, SIGTERM); break;
    case FAULT_INTERRUPT: world_kill(play->root, SIGINT); break;
    case FAULT_STOP:
        play->stopped[fault - play->faults] = victim;
        world_kill(victim, SIGSTOP);
        break;
    case FAULT_PAUSE: play_pause(play, victim, fault->seconds); break;
    case FAULT_CUT: case FAULT_RESET: between(play, fault, victim); break;
    case FAULT_NO_MEMORY: process_fail_memory(victim, fault->count, false); break;
    case FAULT_NO_MORE_MEMORY: process_fail_memory(victim, fault->count, true); break;
    case FAULT_BAD_CALL: process_fail_calls(victim, fault->count, false); break;
    case FAULT_FEW_DESCRIPTORS: process_limit_descriptors(victim, 8 + fault->count % 8); break;
    case FAULT_COUNT: break;
    }
}

static void torment(struct play *play)
{
    struct torture *torture = &play->torture;
    struct process *victim = torture->on ? world_nth(play->world, torture->victim) : NULL;
    if (victim && !torture->begun && torture->calls)
        process_fail_calls(victim, torture->n, torture->from_then_on);
    else if (victim && !torture->begun)
        process_fail_memory(victim, torture->n, torture->from_then_on);
    torture->begun |= victim != NULL;
    if (victim)
        torture->sprung = process_failed(victim);
}

void play_faults(struct play *play)
{
    torment(play);
    for (int i = 0; i < play->fault_count; i++) {
        const struct fault *fault = &play->faults[i];
        if (play->without[fault->part] || world_steps(play->world) != fault->at_step)
            continue;
        struct process *victim = choose(play, fault);
        if (!victim)
            continue;
        if (play->counts)
            play->counts->faults[fault->kind][phase_of(victim)]++;
        strike(play, fault, victim);
    }
}

/* What is promised, compared with what the ledger says. */
#include "play.h"

#include <stdarg.h>
#include <string.h>

static const double GRACE_S = 2, SLACK_S = 0.1; /* the latter for the way there and back */

void violated(struct play *play, const char *format, ...)
{
    va_list args;
    if (play->violation[0])
        return;
    va_start(args, format);
    vsnprintf(play->violation, sizeof play->violation, format, args);
    va_end(args);
}

/* ---- scenes, the moment they end ----------------------------------------------------------------- */

static void check_children_gone(struct play *play)
{
    struct process *child;
    for (size_t i = 0; (child = world_nth(play->world, i)); i++)
        if (process_parent(child) == process_here() && process_alive(child) && !process_is_server(child))
            violated(play, "a nursery was left while its actor %s, pid %d, lived", process_name(child),
                     process_pid(child));
}

static bool owes_error(const struct scene *scene)
{
    for (int i = 0; i < scene->actor_count; i++)
        if (scene->actors[i].told && !scene->actors[i].asked)
            return true;
    return scene->owes_error;
}

void play_check_scene(struct play *play, struct scene *scene)
{
    int number = (int)(scene - play->scenes);
    check_children_gone(play);
    if (scene->played > 1)
        violated(play, "scene %d was played %d times", number, scene->played);
    if (owes_error(scene) && scene->rc >= 0 && !scene->cancelled)
        violated(play, "an actor of scene %d was killed, and the scene ended as if nothing had happened",
                 number);
    if (scene->body_rc < 0 && scene->rc >= 0 && !scene->cancelled)
        violated(play, "the body of scene %d failed with %d, and its nursery did not", number,
                 scene->body_rc);
}

/* ---- calls --------------------------------------------------------------------------------------- */

/* Neither killed nor ended in the middle of a call (EXIT). */
static bool lived_to_tell(const struct play *play, const struct process *caller)
{
    bool ended_in_order = process_signal(caller) == 0 && process_status(caller) <= 1;
    return process_alive(caller) || (ended_in_order && (caller != play->root || play->root_ended));
}

/* What is left, or not taken, may not have begun. */
static bool may_be_left_unseen(enum op op)
{
    return op == LEFT || op == MAIN_STREAM || op == TALK_LEFT || op == LARGE_LEFT;
}

static void check_call(struct play *play, const struct call_record *call, int i)
{
    const char *name = op_names[call->op];
    double ended = (double)call->ended_ns / 1e9, patience = (double)play->patience_ns / 1e9;
    if (call->outcomes > 1)
        violated(play, "call %d (%s) had %d outcomes", i, name, call->outcomes);
    if (call->executed > 1)
        violated(play, "call %d (%s) was executed %d times", i, name, call->executed);
    if (call->outcome == OUTCOME_VALUE && call->executed != 1 && !may_be_left_unseen(call->op))
        violated(play, "call %d (%s) has a value and was never executed", i, name);
    if (call->wrong)
        violated(play, "call %d (%s) gave something wrong", i, name);
    if (call->outcomes == 0 && lived_to_tell(play, call->caller))
        violated(play, "call %d (%s) had no outcome, and its caller ended in order", i, name);
    if (call->outcomes > 0 && ended > call->deadline + GRACE_S + SLACK_S + patience)
        violated(play, "call %d (%s) ended %g s after its deadline", i, name, ended - call->deadline);
}

/* What a call can come to depends on what it is. */
static bool is_possible(const struct call_record *call)
{
    switch (call->op) {
    case REFUSE: case EXIT: case SEGV: case BROKEN: case TALK_BROKEN: return call->outcome != OUTCOME_VALUE;
    default: return true;
    }
}

/* Who was stopped notices nothing before it is to end. */
static bool was_stopped(const struct play *play, const struct process *process)
{
    for (int i = 0; i < play->fault_count; i++)
        if (play->stopped[i] == process)
            return true;
    return false;
}

/* A death ends the calls on the dead at once. */
static void check_death(struct play *play, const struct call_record *call, int i)
{
    if (!call->callee || process_alive(call->callee) || call->outcomes == 0 || was_stopped(play, call->caller))
        return;
    int64_t died = process_ended_ns(call->callee);
    int64_t may_take = (int64_t)((SLACK_S + call->rested_s) * 1e9) + play->patience_ns;
    if (call->ended_ns > died + may_take && call->begun_ns < died)
        violated(play, "call %d (%s) ended %g s after the death of its callee", i, op_names[call->op],
                 (double)(call->ended_ns - died) / 1e9);
}

/* Where nothing disturbs, all that was asked happens, and without delay. */
static bool only_pauses(const struct play *play)
{
    for (int i = 0; i < play->fault_count; i++)
        if (play->faults[i].kind != FAULT_PAUSE && !play->without[play->faults[i].part])
            return false;
    return true;
}

/* Whoever leaves waits for the function's end, the grace at most; and the function is not kept either. */
static void check_leaving(struct play *play, const struct call_record *call, int i)
{
    double took = (double)(call->ended_ns - call->left_ns) / 1e9;
    bool quiet = play->fault_count == 0 && play->patience_ns == 0 && !play->torture.on;
    double most = SLACK_S + (quiet ? 0 : GRACE_S + (double)play->patience_ns / 1e9);
    if (call->left_ns > 0 && call->outcomes > 0 && took > most)
        violated(play, "call %d (%s) was left, which took %g s", i, op_names[call->op], took);
    if (call->yielded + call->heard + call->sent > 0 && call->returned < call->executed && call->callee &&
        !process_alive(call->callee) && lived_to_tell(play, call->callee))
        violated(play, "call %d (%s) was never through, and its callee ended in order", i, op_names[call->op]);
}

/* A process that ended in order had said all it had to say, and whoever hears of its end has read it. */
static void check_last_words(struct play *play, const struct call_record *call, int i)
{
    enum { ROOM_FOR_ALL = 65536 };
    if (call->op != LAST || call->outcome != OUTCOME_DIED || !call->executed)
        return;
    if (process_status(call->callee) == 0 && play->weather.buffer >= ROOM_FOR_ALL && only_pauses(play))
        violated(play, "call %d was answered, and the answer lost in the callee's end", i);
}

static void check_undisturbed(struct play *play, const struct call_record *call, int i)
{
    double late = (double)call->ended_ns / 1e9 - call->deadline;
    if (play->sunny && call->outcome != OUTCOME_VALUE)
        violated(play, "call %d (%s) has no value under a blue sky", i, op_names[call->op]);
    bool quiet = play->fault_count == 0 && play->patience_ns == 0;
    if (quiet && call->op == LATE && call->outcomes > 0 && late > SLACK_S)
        violated(play, "call %d (%s) ended %g s after its deadline, though nothing kept it", i,
                 op_names[call->op], late);
    double took = (double)(call->ended_ns - call->begun_ns) / 1e9;
    if (quiet && call->op == GIVEN_UP && call->outcome == OUTCOME_CANCELLED && took > 2 * SLACK_S)
        violated(play, "call %d (%s) went on for %g s, though nothing kept it", i, op_names[call->op], took);
}

/* ---- the world ----------------------------------------------------------------------------------- */

static void check_orphans(struct play *play)
{
    struct process *process;
    int64_t root_end = process_ended_ns(play->root);
    for (size_t i = 0; (process = world_nth(play->world, i)); i++) {
        if (process_alive(process))
            violated(play, "pid %d, actor %s, lives on", process_pid(process), process_name(process));
        else if (process_parent(process) && !process_alive(play->root) && process_ended_ns(process) > root_end + 1000000000)
            violated(play, "pid %d, actor %s, outlived the root by %g s", process_pid(process),
                     process_name(process), (double)(process_ended_ns(process) - root_end) / 1e9);
    }
}

/* Killed in between, a process may not have come to them. */
static void check_hooks(struct play *play)
{
    for (int i = 0; i < play->scene_count; i++) {
        const struct scene *scene = &play->scenes[i];
        bool killed = scene->player && (process_alive(scene->player) || process_signal(scene->player) != 0);
        if (scene->hooks_run > scene->hooks_added || (scene->hooks_run < scene->hooks_added && !killed))
            violated(play, "of the %d hooks of scene %d's actor %d ran", scene->hooks_added, i, scene->hooks_run);
    }
}

static bool lacks_means(const struct play *play)
{
    for (int i = 0; i < play->fault_count; i++)
        switch (play->faults[i].kind) {
        case FAULT_NO_MEMORY: case FAULT_NO_MORE_MEMORY: case FAULT_BAD_CALL: case FAULT_FEW_DESCRIPTORS:
            return true;
        default: break;
        }
    return play->torture.on;
}

/* What was printed was, whatever became of who printed it, if whoever was to hear it lived to. */
static void check_lines(struct play *play)
{
    for (int i = 0; i < play->scene_count; i++) {
        const struct scene *scene = &play->scenes[i];
        const struct process *parent = scene->player ? process_parent(scene->player) : NULL;
        bool lost = parent && lived_to_tell(play, parent) && !lacks_means(play) && scene->heard < scene->printed;
        if (scene->heard > 1 || lost)
            violated(play, "scene %d's actor printed %d lines, and %d were heard", i, scene->printed, scene->heard);
    }
}

/* Whoever does not heed its cancellation, or ends as it likes. */
static bool asks_for_it(const struct play *play, const struct process *process)
{
    for (int i = 0; i < play->call_count; i++) {
        const struct call_record *call = &play->calls[i];
        if (call->callee == process && (call->op == STUBBORN || call->op == SPIN || call->op == SEGV))
            return true;
    }
    return false;
}

/* However deep the tree: who heeds it has the time to end in order, its actors' ends included. */
static void check_force(struct play *play)
{
    struct process *process, *parent;
    bool quiet = play->fault_count == 0 && play->patience_ns == 0 && !play->torture.on;
    for (size_t i = 0; quiet; i++) {
        if (!(process = world_nth(play->world, i)))
            return;
        parent = process_parent(process);
        bool was_orphan = !parent || process_signal(parent) != 0 || process_status(parent) > 1;
        if (process_signal(process) && !was_orphan && !process_is_server(process) && !asks_for_it(play, process))
            violated(play, "pid %d, actor %s, was ended by force, though it heeds its cancellation",
                     process_pid(process), process_name(process));
    }
}

void play_check(struct play *play)
{
    check_force(play);
    check_lines(play);
    check_hooks(play);
    check_orphans(play);
    if (world_panics(play->world) > 0)
        violated(play, "an invariant of the library broke");
    if (world_leaks(play->world) > 0)
        violated(play, "%zu allocations leaked", world_leaks(play->world));
    if (world_open_files(play->world) > 0)
        violated(play, "%zu files are open", world_open_files(play->world));
    if (world_paths(play->world) > 0)
        violated(play, "%zu files are left", world_paths(play->world));
    for (int i = 0; i < play->call_count; i++) {
        check_call(play, &play->calls[i], i);
        check_death(play, &play->calls[i], i);
        check_undisturbed(play, &play->calls[i], i);
        check_last_words(play, &play->calls[i], i);
        check_leaving(play, &play->calls[i], i);
        if (!is_possible(&play->calls[i]))
            violated(play, "call %d (%s) succeeded", i, op_names[play->calls[i].op]);
    }
    if (play->sunny && (!play->root_ended || play->root_rc != 0 || play->out_of_time))
        violated(play, "nothing was planned to go wrong, and the root ended with %d%s", play->root_rc,
                 play->out_of_time ? ", out of time" : "");
}

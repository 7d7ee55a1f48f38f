/* Tasks: from task_new to their last switch, and the waiting in between.
 *
 *     READY --> RUNNING --> PARKED          a task waits in exactly one place at a time, and whoever
 *       ^          |           |            wakes it takes it out of there
 *       +----------+-----------+
 *                  +--> ENDED
 *
 * The task's struct lies at the top of its own stack, so that one page holds an idle task. It is
 * therefore gone the moment the stack is given back, which is the next runner's first act; by then its
 * nursery has its outcome and nothing points to it any more. */
#include "sched/sched.h"

#include "base/hooks.h"
#include "base/panic.h"
#include "sched/stack.h"

#include <errno.h>
#include <stdint.h>

static const struct machine_state task_states[] = {
    [TASK_READY] = {"ready", TO(TASK_RUNNING)},
    [TASK_RUNNING] = {"running", TO(TASK_READY) | TO(TASK_PARKED) | TO(TASK_ENDED)},
    [TASK_PARKED] = {"parked", TO(TASK_READY)},
    [TASK_ENDED] = {"ended", 0},
};

uint64_t task_number(const struct task *task)
{
    return (uint64_t)1 << 63 | task->base.number;
}

int task_none(void)
{
    return runtime ? error_raise_plain(TR_ENORUNTIME) : TR_ENORUNTIME;
}

/* ---- beginning and end --------------------------------------------------------------------------- */

/* A cancellation is over where the scope that it came from ends, though its code may be returned further:
 * out of a nursery's block by tr_try for instance. It is nothing to cut the task's siblings for. */
static void *run_task(void *arg)
{
    struct task *task = arg;
    struct sched *sched = task->sched;
    fiber_entered(sched->loop.low ? NULL : &sched->loop);
    sched_entered(sched);
    int rc = task->fn(task->arg);
    bool caught = false;
    struct tr_error *error = scope_leave(&task->base, rc < 0 ? error_of(rc) : NULL, &caught);
    if (error && task->nursery && !task->base.cancelled)
        error = error_without_cancelled(error, &caught);
    scope_fini(&task->base);
    if (task->frame || task->spare)
        frames_free(task);
    if (task->front.error)
        error_unref(task->front.error);
    task->front.error = NULL;
    machine_move(&task->state, TASK_ENDED);
    sched_tell(sched, TR_EXITED, task);
    if (task->nursery) {
        nursery_ended(task->nursery, error);
    } else {
        sched->over = true;
        sched->top = NULL;
        sched->outcome = error;
        sched->result = error ? error->code : rc < 0 ? 0 : rc;
    }
    return sched_leave(task);
}

/* Stacks are powers of two, so that most of them are of one kind. */
static size_t stack_size_for(size_t wanted)
{
    size_t size = STACK_DEFAULT;
    while (size / STACK_SCALE < wanted)
        size *= 2;
    return size;
}

struct task *task_new(struct nursery *nursery, int (*fn)(void *), void *arg,
                      const tr_task_options *options)
{
    size_t size = stack_size_for(options->stack_size);
    bool guarded;
    void *low = stack_get(size, &guarded);
    if (!low)
        return NULL;
    uintptr_t top = ((uintptr_t)low + size - sizeof(struct task)) & ~(uintptr_t)63;
    struct task *task = (struct task *)top;
    machine_init(&task->state, "task", task_states);
    task->sched = runtime->sched;
    task->stack_size = size;
    task->guarded = guarded;
    task->nursery = nursery;
    scope_init(&task->base, "task", task, nursery ? nursery_scope(nursery) : NULL);
    task->base.opened = (struct opened){.at = options->at_};
    task->scope = &task->base;
    task->front = (struct front){.name = options->name ? options->name : options->fn_};
    task->frame = task->spare = NULL;
    task->starting = NULL;
    task->fn = fn;
    task->arg = arg;
    fiber_make(&task->fiber, low, top - (uintptr_t)low, run_task, task);
    sched_ready(runtime->sched, task);
    sched_tell(runtime->sched, TR_SPAWNED, task);
    return task;
}

/* ---- waiting ------------------------------------------------------------------------------------- */

int task_yield(int rc)
{
    struct task *task = runtime->task;
    scope_check(task->scope);
    if (sched_is_alone(runtime->sched))
        return rc == TR_ECANCELLED ? error_raise_plain(rc) : rc;
    machine_move(&task->state, TASK_READY);
    task->woken_with = rc;
    sched_ready(task->sched, task);
    return sched_switch(task);
}

int task_checkpoint_if_cancelled(void)
{
    return runtime->task->scope->cancelled ? task_yield(TR_ECANCELLED) : 0;
}

/* Whether the wait could be ended. Each wait is asked once at most. */
static bool aborted(struct task *task)
{
    task_abort_fn *agrees = task->abort;
    task->abort = NULL;
    return agrees && agrees(task->abort_arg);
}

void task_deliver(struct task *task)
{
    if (task->state.at == TASK_PARKED && aborted(task))
        task_wake(task, TR_ECANCELLED);
}

int task_park(const char *what, task_abort_fn *abort, void *arg)
{
    struct task *task = runtime->task;
    scope_check(task->scope);
    task->waits_for = what;
    task->abort = abort;
    task->abort_arg = arg;
    if (task->scope->cancelled && aborted(task))
        return task_yield(TR_ECANCELLED);
    machine_move(&task->state, TASK_PARKED);
    sched_tell(task->sched, TR_BLOCKS, task);
    return sched_switch(task);
}

_Noreturn void task_name_foreign(const struct task *task)
{
    panic("task %s (%s) belongs to a run of another thread: from here it is reached by tr_from_thread, or a door",
          task->front.name, task->base.opened.at);
}

void task_must_be_ours(const struct task *task)
{
    if (!task_is_ours(task))
        task_name_foreign(task);
}

void task_wake(struct task *task, int rc)
{
    task_must_be_ours(task);
    machine_move(&task->state, TASK_READY);
    task->abort = NULL;
    task->woken_with = rc;
    sched_ready(task->sched, task);
    sched_tell(task->sched, TR_WOKEN, task);
}

int tr_checkpoint(void)
{
    int rc = task_required();
    if (rc < 0)
        return rc;
    task_yield(0); /* first, so that a deadline that passes meanwhile is noticed */
    return runtime->task->scope->cancelled ? error_raise_plain(TR_ECANCELLED) : 0;
}

const char *tr_task_name(void)
{
    struct task *task = task_current();
    return task ? task->front.name : "";
}

/* ---- errors around a task ------------------------------------------------------------------------ */

struct tr_error *task_error_aside(void)
{
    struct tr_error *error = runtime->front->error;
    runtime->front->error = NULL;
    return error;
}

void task_error_back(struct tr_error *error)
{
    error_unref(runtime->front->error);
    runtime->front->error = error;
}

void task_fail_scope(struct tr_error *error)
{
    bool cancelled = false;
    error = error_without_cancelled(error, &cancelled);
    if (error)
        scope_fail(runtime->task->scope, error);
}

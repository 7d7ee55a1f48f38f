/* The run loop.
 *
 * Tasks that are ready run in batches: all that were ready when the batch began, in that order, each
 * until it parks or yields, one switching straight to the next. Between batches the deadlines are looked
 * at; if one has come, nothing is ready, or so many batches have passed, the loop takes over on the
 * thread's own stack: it cancels scopes whose deadline has come and polls, with a timeout when nothing is
 * ready and otherwise only for a look. So a task that yields in a loop starves neither the others nor
 * their descriptors, and two tasks that pass a ball do not pay a system call each time. */
#include "sched/sched.h"

#include "base/hooks.h"
#include "base/panic.h"
#include "sched/stack.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>

enum { BATCHES_PER_LOOK = 64 };

/* First thing after every switch: the task that ended before can be given up now. */
void sched_entered(struct sched *sched)
{
    struct task *ended = sched->ended;
    if (!ended)
        return;
    sched->ended = NULL;
    size_t size = ended->nursery ? STACK_DEFAULT : STACK_FIRST_TASK;
    void *low = ended->fiber.low;
    fiber_fini(&ended->fiber);
    stack_put(low, size);
}

static bool deadline_has_come(struct sched *sched)
{
    return sched->deadlines.root && sched->deadlines.root->key <= sys_now();
}

/* The first task of the next batch, if it may begin without the loop. */
static struct link *begin_batch(struct sched *sched)
{
    if (list_empty(&sched->ready) || sched->over || ++sched->batches % BATCHES_PER_LOOK == 0 ||
        deadline_has_come(sched))
        return NULL;
    list_splice(&sched->batch, &sched->ready);
    return list_shift(&sched->batch);
}

/* The fiber to go on with, all of whose circumstances are in place. */
static struct fiber *next_fiber(struct sched *sched)
{
    struct link *next = list_shift(&sched->batch);
    if (!next && !(next = begin_batch(sched))) {
        sched->current = NULL;
        runtime->error = &runtime->last;
        runtime->task_name = NULL;
        return &sched->loop;
    }
    struct task *task = container_of(next, struct task, queue);
    machine_move(&task->state, TASK_RUNNING);
    sched->current = task;
    runtime->error = &task->error;
    runtime->task_name = task->name;
    return &task->fiber;
}

void sched_switch(struct task *from)
{
    struct sched *sched = runtime->sched;
    struct fiber *to = next_fiber(sched);
    if (to == &from->fiber)
        return; /* nobody else is ready */
    fiber_switch(&from->fiber, to);
    sched_entered(sched);
}

void sched_leave(struct task *from)
{
    struct sched *sched = runtime->sched;
    sched->ended = from;
    fiber_leave(&from->fiber, next_fiber(sched));
}

static void poll_world(struct sched *sched, int64_t next_deadline)
{
    int64_t timeout = 0;
    if (list_empty(&sched->ready)) {
        stacks_trim(sched);
        int64_t now = next_deadline == NEVER ? 0 : sys_now();
        timeout = next_deadline == NEVER ? -1 : next_deadline > now ? next_deadline - now : 0;
    }
    sys_poll(timeout);
}

static void loop(struct sched *sched)
{
    while (!sched->over) {
        int64_t next = NEVER;
        if (sched->deadlines.root)
            next = scope_expire(sched, sys_now());
        poll_world(sched, next);
        if (sched->deadlines.root)
            scope_expire(sched, sys_now());
        list_splice(&sched->batch, &sched->ready);
        if (list_empty(&sched->batch))
            continue;
        fiber_switch(&sched->loop, next_fiber(sched));
        sched_entered(sched);
    }
}

/* On a signal stack, with the task as it was: nothing may be allocated, and nothing is certain. */
static bool name_overflow(const void *address, char *ret_text, size_t room)
{
    const struct task *task = task_current();
    if (!task)
        return false;
    uintptr_t low = (uintptr_t)task->fiber.low, at = (uintptr_t)address;
    if (at >= low || at < low - STACK_DEFAULT)
        return false;
    snprintf(ret_text, room, "task %s (%s:%d) needs more stack than its %zu KiB", task->name,
             task->file, task->line, task->fiber.size / 1024);
    return true;
}

int sched_run(int (*fn)(void *), void *arg)
{
    struct sched sched = {0};
    list_init(&sched.ready);
    list_init(&sched.batch);
    list_init(&sched.slabs);
    list_init(&sched.idle_slabs);
    runtime->sched = &sched;
    sys_name_overflow(name_overflow);
    int rc = -ENOMEM;
    if (task_new(NULL, fn, arg, "main", "", 0)) {
        loop(&sched);
        rc = sched.result;
    } else {
        sched.outcome = error_plain(-ENOMEM);
    }
    stacks_free(&sched);
    pool_fini(&sched.scopes);
    pool_fini(&sched.nurseries);
    runtime->sched = NULL;
    error_unref(runtime->last);
    runtime->last = sched.outcome;
    return rc;
}

int tr_run(int (*fn)(void *), void *arg)
{
    if (task_current())
        return raise_code(TR_EMISUSE, "tr_run inside a run: start a task instead");
    if (!sys_real_new())
        return -ENOMEM; /* there is no world that could keep an error */
    if (!fn) {
        sys_leave();
        return raise_code(TR_EARGUMENT, "tr_run needs a function");
    }
    int rc = sched_run(fn, arg);
    sys_leave();
    return rc;
}

/* The tree of scopes, nurseries and tasks as text, for people who wonder what a program is waiting for. It is
 * the tree that cancellation walks: what stands below a line is cancelled with it.
 *
 * A process whose environment says TRACTOR_DUMP_SIGNAL=USR1 (or 10) shows it when it gets that signal. It is
 * the loop that notices, and so not while a task computes without a checkpoint. */
#include "sched/sched.h"

#include "base/buf.h"
#include "base/hooks.h"
#include "base/numbers.h"
#include "sys/sys.h"

#include <string.h>

/* A tree cut short for want of memory is still one. */
#define add(text, ...) ((void)buf_print((text), __VA_ARGS__))

static void add_state(struct buf *text, const struct task *task)
{
    if (task->state.at == TASK_PARKED)
        add(text, ": waits for %s", task->waits_for);
    else
        add(text, ": %s", task->state.table[task->state.at].name);
}

static void add_scope(struct buf *text, const struct scope *scope)
{
    if (scope == &scope->task->base)
        add(text, "task %s", scope->task->front.name);
    else
        add(text, "%s", scope->what);
    if (scope->opened.at[0])
        add(text, " (%s)", scope->opened.at);
    if (scope == &scope->task->base)
        add_state(text, scope->task);
    if (scope->deadline != NEVER)
        add(text, ", %.3f s left", ((double)scope->deadline - (double)sys_now()) / NS_PER_S);
    if (scope->shield)
        add(text, ", shielded");
    if (scope->stop_called)
        add(text, ", asked to stop");
    if (scope->cancel_called)
        add(text, ", cancelled (%s)", scope->why);
    add(text, "\n");
}

static int depth_of(const struct scope *scope)
{
    int depth = 0;
    while ((scope = scope->parent))
        depth++;
    return depth;
}

static void add_tree(struct buf *text)
{
    struct scope *top = runtime->sched->top;
    for (struct scope *scope = top; scope; scope = scope_next(top, scope, false)) {
        add(text, "%*s", 2 * depth_of(scope), "");
        add_scope(text, scope);
    }
}

const char *tr_task_tree(void)
{
    if (task_required() < 0)
        return "";
    struct buf text = {0};
    add_tree(&text);
    char *copy = tr_alloc(text.size + 1);
    if (copy && text.size > 0)
        memcpy(copy, text.data, text.size);
    buf_fini(&text);
    return copy ? copy : "";
}

static void dump(void)
{
    struct buf text = {0};
    add(&text, "tasks of process %d%s%s\n", sys_pid(NULL), runtime->self.name[0] ? ", actor " : "",
        runtime->self.name);
    add_tree(&text);
    console_write((const char *)text.data, text.size);
    buf_fini(&text);
}

void tr_dump_tasks(void)
{
    if (task_current())
        dump();
}

/* ---- at a signal --------------------------------------------------------------------------------------- */

static void on_signal(void *arg)
{
    (void)arg;
    if (runtime->sched->top)
        dump();
}

/* "USR1", "SIGUSR1" or "10"; 0 for what is none. */
static int signal_number(const char *text)
{
    enum { MOST = 64 };
    if (strncmp(text, "SIG", 3) == 0)
        text += 3;
    for (int number = 1; number <= MOST; number++) {
        const char *name = sigabbrev_np(number);
        if (name && strcmp(name, text) == 0)
            return number;
    }
    int number;
    return numbers_parse(text, &number, 1) ? number : 0;
}

void dump_listen(struct sched *sched)
{
    const char *wanted = sys_env("TRACTOR_DUMP_SIGNAL");
    if (!wanted || !wanted[0])
        return;
    if (sys_catch_signal(signal_number(wanted), on_signal, NULL, &sched->dump_signal) >= 0)
        return;
    struct buf text = {0};
    add(&text, "libtractor: TRACTOR_DUMP_SIGNAL=%s is no signal that can be caught\n", wanted);
    console_write((const char *)text.data, text.size);
    buf_fini(&text);
}

void dump_stop(struct sched *sched)
{
    if (sched->dump_signal)
        (void)sys_let_signal_go(sched->dump_signal);
}

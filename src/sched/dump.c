/* The tree of scopes, nurseries and tasks as text, for people who wonder what a program is waiting for. It is
 * the tree that cancellation walks: what stands below a line is cancelled with it. */
#include "sched/sched.h"

#include "base/buf.h"
#include "base/hooks.h"
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
        add(text, "task %s", scope->task->name);
    else
        add(text, "%s", scope->what);
    if (scope->opened.at[0])
        add(text, " (%s)", scope->opened.at);
    if (scope == &scope->task->base)
        add_state(text, scope->task);
    if (scope->deadline != NEVER)
        add(text, ", %.3f s left", (double)(scope->deadline - sys_now()) / NS_PER_S);
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
    struct scope *top = runtime->sched->current->scope;
    while (top->parent)
        top = top->parent;
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

void tr_dump_tasks(void)
{
    if (!task_current())
        return;
    struct buf text = {0};
    add_tree(&text);
    console_write((const char *)text.data, text.size);
    buf_fini(&text);
}

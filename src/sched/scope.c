/* The tree of cancel scopes.
 *
 * Cancelling a scope marks it and everything below it, except below shields, as cancelled, and wakes
 * the tasks that are parked directly in a marked scope. Asking it to stop marks it in the same way, and
 * cancels the scopes inside that last until then. That is all: whether a task is cancelled is
 * afterwards a flag of its innermost scope, looked at by every checkpoint, which is what makes
 * cancellation level-triggered. When a scope that was cancelled is left it takes the Cancelled errors
 * out of what passes through, unless the cancellation came from further out, for then they are meant
 * for a scope further out.
 *
 * Happy path: init, enter, leave, fini, and nothing else; a deadline costs one heap insert and remove.
 * What can go wrong is the nesting: a scope or nursery left while one inside it is still open is a bug in
 * the program that no later moment could repair, so it ends the process with both names. */
#include "sched/sched.h"

#include <string.h>

#include "base/log.h"
#include "base/panic.h"
#include "sys/sys.h"

void scope_forget_cause(struct scope *scope)
{
    error_unref(errors_take(&scope->errors));
    error_unref(scope->failure);
    scope->failure = NULL;
}

static struct scope *scope_of(struct link *sibling)
{
    return container_of(sibling, struct scope, sibling);
}

static void schedule(struct scope *scope)
{
    struct heap *deadlines = &runtime->sched->deadlines;
    if (scope->timer.queued)
        heap_remove(deadlines, &scope->timer);
    if (scope->deadline != NEVER && !scope->cancel_called)
        heap_insert(deadlines, &scope->timer, scope->deadline);
}

/* The library's own come and go with each session and call. */
static __attribute__((cold)) void log_cancelled(const struct scope *scope, const char *why)
{
    bool ours = strncmp(scope->opened.at, "src/", 4) == 0;
    log_at(ours ? TR_LOG_TRACE : TR_LOG_CANCEL, "%s%s%s of task %s is cancelled: %s", scope->what,
           scope->opened.at[0] ? " at " : "", scope->opened.at, scope->task->front.name, why);
}

/* The first reason counts. */
static void mark(struct scope *scope, const char *why, struct tr_error *failure)
{
    if (scope->cancel_called)
        return;
    scope->cancel_called = true;
    scope->why = why;
    if (tr_log_is_on(TR_LOG_CANCEL))
        log_cancelled(scope, why);
    scope->failure = error_ref(failure);
    if (scope->user)
        scope->user->cancel_called = true;
    schedule(scope);
}

/* Brings what holds effectively up to date; whether that changed anything. */
static bool update(struct scope *scope)
{
    const struct scope *outside = scope->shield ? NULL : scope->parent;
    bool stopping = scope->stop_called || (outside && outside->stopping);
    if (stopping && scope->until_stopped)
        mark(scope, "asked to stop", NULL);
    bool cancelled = scope->cancel_called || (outside && outside->cancelled);
    bool changed = cancelled != scope->cancelled || stopping != scope->stopping;
    bool deliver = cancelled && !scope->cancelled;
    scope->stopping = stopping;
    scope->cancelled = cancelled;
    if (deliver && scope->task->scope == scope)
        task_deliver(scope->task);
    return changed;
}

struct scope *scope_next(struct scope *top, struct scope *scope, bool skip_children)
{
    if (!skip_children && !list_empty(&scope->children))
        return scope_of(scope->children.next);
    while (scope != top) {
        if (scope->sibling.next != &scope->parent->children)
            return scope_of(scope->sibling.next);
        scope = scope->parent;
    }
    return NULL;
}

/* Walks down from a scope that may have changed, stopping at every one that has not. Waking a task does
 * not run it, so the tree stands still meanwhile. */
static void update_below(struct scope *top)
{
    for (struct scope *scope = top; scope;)
        scope = scope_next(top, scope, !update(scope));
}

void scope_cancel(struct scope *scope, const char *why, struct tr_error *failure)
{
    mark(scope, why, failure);
    update_below(scope);
}

void scope_stop(struct scope *scope, int64_t cut)
{
    scope->stop_called = true;
    if (cut < scope->deadline)
        scope_set_deadline(scope, cut);
    update_below(scope);
}

void scope_set_deadline(struct scope *scope, int64_t deadline)
{
    scope->deadline = deadline;
    schedule(scope);
}

void scope_set_shield(struct scope *scope, bool shield)
{
    scope->shield = shield;
    update_below(scope);
}

void scope_adopt(struct scope *to, struct scope *from)
{
    for (struct link *first; (first = list_shift(&from->children));) {
        struct scope *child = scope_of(first);
        child->parent = to;
        list_push(&to->children, &child->sibling);
        update_below(child);
    }
}

void scope_fail(struct scope *scope, struct tr_error *error)
{
    scope_cancel(scope, "block inside failed", error);
    errors_add(&scope->errors, error);
}

/* A function's activation is over if the place where its return address was has something else in it, which
 * happens at the next call from the function that was jumped to. AddressSanitizer is not asked: other
 * variables may have that memory by now. */
__attribute__((no_sanitize("address"))) static void *returns_to(void *const *frame)
{
    return frame[1];
}

static bool abandoned(const struct scope *scope)
{
    const struct opened *opened = &scope->opened;
    return opened->frame && returns_to(opened->frame) != opened->returns_to;
}

/* Where a scope was opened, for messages; a task's own has no such place. */
static const char *place(const struct scope *scope)
{
    return scope->opened.at[0] ? scope->opened.at : "the start";
}

/* tr_within is one expression and cannot be left by accident; of a nursery tr_auto can be forgotten. */
static const char *how_left(const struct scope *scope)
{
    return strcmp(scope->what, "nursery") == 0 ? "by longjmp or without tr_auto" : "by longjmp";
}

_Noreturn __attribute__((cold)) static void name_abandoned(const struct scope *scope)
{
    const struct scope *outer = scope->parent; /* a task's own scope, the last, is never abandoned */
    while (abandoned(outer))
        outer = outer->parent;
    panic("the block of the %s opened at %s was left %s, into the %s opened at %s", scope->what, place(scope),
          how_left(scope), outer->what, place(outer));
}

void scope_name_open(const struct scope *outer, const struct scope *inner)
{
    panic("the %s opened at %s is left while the %s inside it opened at %s is still open%s", outer->what,
          place(outer), inner->what, place(inner),
          outer->parent ? "" : ": its block was left by longjmp or without tr_auto");
}

void scope_check(const struct scope *scope)
{
    if (__builtin_expect(abandoned(scope), false))
        name_abandoned(scope);
}

void scope_enter(struct scope *scope, void *const *frame, const char *at)
{
    scope_check(scope->parent);
    scope->opened = (struct opened){at, frame, frame ? returns_to(frame) : NULL};
    scope->task->scope = scope;
}

struct tr_error *scope_outcome(struct scope *scope, struct tr_error *error, bool *ret_caught)
{
    errors_add(&scope->errors, error);
    error = errors_take(&scope->errors);
    bool from_outside = !scope->shield && scope->parent && scope->parent->cancelled;
    if (scope->cancel_called && !from_outside)
        error = error_without_cancelled(error, ret_caught);
    return error;
}

void scope_expire(struct sched *sched, int64_t now)
{
    while (sched->deadlines.root && sched->deadlines.root->key <= now)
        scope_cancel(container_of(sched->deadlines.root, struct scope, timer), "deadline", NULL);
}

/* Not one by one as they move: a program may move a deadline with each message it gets. One that has come is told
 * by the cancellation. */
void deadlines_tell(struct sched *sched)
{
    sched->deadlines_moved = false;
    list_each(at, &sched->watches)
    {
        struct deadline_watch *watch = container_of(at, struct deadline_watch, place);
        int64_t deadline = scope_effective_deadline(watch->task->scope);
        if (deadline == watch->deadline || deadline == INT64_MIN)
            continue;
        int64_t before = watch->deadline;
        watch->deadline = deadline;
        if (watch->moved(watch))
            continue;
        watch->deadline = before;
        sched->deadlines_moved = true;
    }
}

int64_t task_deadline(void)
{
    return scope_effective_deadline(runtime->task->scope);
}

void task_watch_deadline(struct deadline_watch *watch)
{
    struct sched *sched = runtime->sched;
    watch->task = runtime->task;
    if (watch->deadline != task_deadline())
        sched->deadlines_moved = true;
    list_push(&sched->watches, &watch->place);
}

void task_unwatch_deadline(struct deadline_watch *watch)
{
    list_remove(&watch->place);
}

const struct scope *scope_source(const struct scope *scope)
{
    while (scope && !scope->cancel_called)
        scope = scope->shield ? NULL : scope->parent;
    return scope;
}

int64_t scope_effective_deadline(const struct scope *scope)
{
    int64_t earliest = NEVER;
    for (; scope; scope = scope->shield ? NULL : scope->parent) {
        if (scope->cancel_called)
            return INT64_MIN;
        if (scope->deadline < earliest)
            earliest = scope->deadline;
    }
    return earliest;
}

uint64_t task_scope(void)
{
    return runtime->task->scope->number;
}

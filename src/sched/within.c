/* Cancel scopes as programs see them: tr_scope is a small open struct that is made by value, and gets a
 * node in the tree of scopes only between tr_scope_enter_ and tr_scope_leave_. The nodes are kept for
 * reuse, so that a deadline around a call costs no allocation. */
#include "sched/sched.h"

#include "base/hooks.h"
#include "sys/sys.h"

#include <errno.h>
#include <math.h>

/* Beyond this (146 years) a deadline is no deadline, and the arithmetic stays in range. */
static const double FAR = 4.6e9;

int64_t sched_deadline_ns(double seconds)
{
    if (seconds >= FAR)
        return NEVER;
    return seconds <= -FAR ? INT64_MIN : (int64_t)(seconds * NS_PER_S);
}

static double to_seconds(int64_t ns)
{
    if (ns == NEVER)
        return INFINITY;
    return ns == INT64_MIN ? -INFINITY : (double)ns / NS_PER_S;
}

double sched_seconds_until(int64_t deadline)
{
    return deadline == NEVER ? INFINITY : (double)(deadline - sys_now()) / NS_PER_S;
}

tr_scope tr_cancel_scope(void)
{
    return (tr_scope){.deadline = INFINITY};
}

tr_scope tr_shield(void)
{
    return (tr_scope){.deadline = INFINITY, .shield = true};
}

tr_scope tr_until_stopped(void)
{
    return (tr_scope){.deadline = INFINITY, .until_stopped_ = true};
}

tr_scope tr_move_on_at(double deadline)
{
    return (tr_scope){.deadline = deadline};
}

tr_scope tr_move_on_after(double seconds)
{
    return (tr_scope){.deadline = seconds, .relative_ = true};
}

tr_scope tr_fail_at(double deadline)
{
    return (tr_scope){.deadline = deadline, .fail_ = true};
}

tr_scope tr_fail_after(double seconds)
{
    return (tr_scope){.deadline = seconds, .relative_ = true, .fail_ = true};
}

static int check(const tr_scope *scope)
{
    if (!scope)
        return raise_code(TR_EMISUSE, "the scope is NULL");
    if (scope->own_)
        return raise_code(TR_EMISUSE, "this scope is entered already");
    if (isnan(scope->deadline) || (scope->relative_ && scope->deadline < 0))
        return scope->relative_ ? raise_code(TR_EARGUMENT, "a scope cannot have %g seconds", scope->deadline)
                                : raise_code(TR_EARGUMENT, "a deadline of %g is no time", scope->deadline);
    return 0;
}

int tr_scope_enter_(tr_scope *scope, void *const *frame, const char *at)
{
    int rc = task_required();
    if (rc < 0 || (rc = check(scope)) < 0)
        return rc;
    struct task *task = runtime->task;
    struct scope *node = pool_get(&runtime->sched->scopes, sizeof(struct scope));
    if (!node)
        return error_raise_plain(-ENOMEM);
    int64_t now = scope->deadline < FAR ? sys_now() : 0; /* without a deadline nobody asks */
    int64_t deadline = sched_deadline_ns(scope->deadline);
    if (scope->relative_ && deadline != NEVER) {
        deadline += now;
        scope->deadline = to_seconds(deadline);
    }
    scope->relative_ = false;
    scope->own_ = node;
    scope_init(node, "scope", task, task->scope);
    node->user = scope;
    scope_enter(node, frame, at);
    node->until_stopped = scope->until_stopped_;
    if (scope->shield || node->until_stopped)
        scope_set_shield(node, scope->shield);
    if (scope->stop_called)
        scope_stop(node, NEVER);
    if (deadline != NEVER)
        scope_set_deadline(node, deadline);
    if (scope->cancel_called || (deadline != NEVER && deadline <= now))
        scope_cancel(node, scope->cancel_called ? "explicit" : "deadline", NULL);
    return 0;
}

/* What leaving the scope means for the code that ran in it. */
static int conclude(const tr_scope *scope, struct tr_error *left, int rc)
{
    if (left)
        return left->code == rc && left == runtime->front->error ? (error_unref(left), rc)
                                                           : error_raise(left);
    if (rc >= 0)
        return rc;
    return scope->fail_ ? raise_code(TR_ETIMEOUT, "the time allowed in task %s was over", tr_task_name())
                        : 0;
}

int tr_refused_(void)
{
    const tr_error *why = tr_last_error();
    return why ? why->code : TR_ENORUNTIME;
}

int tr_scope_leave_(tr_scope *scope, int rc)
{
    struct scope *node = scope->own_;
    bool caught = false;
    struct tr_error *left = scope_leave(node, rc < 0 ? error_of(rc) : NULL, &caught);
    scope->cancelled_caught = caught;
    scope->own_ = NULL;
    scope_fini(node);
    pool_put(&runtime->sched->scopes, node);
    return conclude(scope, left, rc);
}

int task_within_shield(double seconds, int (*fn)(void *arg), void *arg, bool *ret_cut)
{
    struct task *task = runtime->task;
    struct scope node;
    scope_init(&node, "shield", task, task->scope);
    scope_enter(&node, NULL, "clean-up");
    scope_set_shield(&node, true);
    scope_set_deadline(&node, sched_after(seconds));
    int rc = fn(arg);
    *ret_cut = false;
    struct tr_error *left = scope_leave(&node, rc < 0 ? error_of(rc) : NULL, ret_cut);
    scope_fini(&node);
    if (left)
        return error_raise(left);
    return rc < 0 ? 0 : rc;
}

/* TR_ENORUNTIME, raised, if a run of another thread has entered it. */
static int check_ours(const tr_scope *scope)
{
    return scope->own_ && !task_is_ours(scope->own_->task) ? task_none() : 0;
}

/* Its node while it is entered, or NULL; for who cannot say that it is not ours. */
static struct scope *node_of(const tr_scope *scope)
{
    struct scope *node = scope->own_;
    if (node && !task_is_ours(node->task))
        task_name_foreign(node->task);
    return node;
}

void tr_scope_cancel(tr_scope *scope)
{
    if (!scope)
        return;
    struct scope *node = node_of(scope);
    scope->cancel_called = true;
    if (node)
        scope_cancel(node, "explicit", NULL);
}

int tr_scope_set_deadline(tr_scope *scope, double deadline)
{
    if (!scope || isnan(deadline))
        return task_current() ? raise_code(TR_EARGUMENT, "no scope, or a deadline that is no number")
                              : TR_EARGUMENT;
    tr_try(check_ours(scope));
    scope->deadline = deadline;
    scope->relative_ = false;
    if (!scope->own_)
        return 0;
    scope_set_deadline(scope->own_, sched_deadline_ns(deadline));
    sched_deadlines_moved();
    return 0;
}

int64_t sched_after(double seconds)
{
    int64_t ns = sched_deadline_ns(seconds);
    return ns == NEVER ? NEVER : sys_now() + ns;
}

int sched_check_grace(double grace)
{
    tr_try(task_required());
    return grace >= 0 ? 0 : raise_code(TR_EARGUMENT, "a grace of %g seconds", grace);
}

int tr_scope_stop(tr_scope *scope, double grace)
{
    tr_try(sched_check_grace(grace));
    if (!scope)
        return raise_code(TR_EMISUSE, "the scope is NULL");
    tr_try(check_ours(scope));
    scope->stop_called = true;
    double end = scope->relative_ ? grace : to_seconds(sched_after(grace));
    if (end < scope->deadline)
        scope->deadline = end;
    if (!scope->own_)
        return 0;
    scope_stop(scope->own_, sched_after(grace));
    sched_deadlines_moved();
    return 0;
}

bool tr_stopping(void)
{
    struct task *task = task_current();
    return task && (task->scope->stopping || task->scope->cancelled);
}

void tr_scope_set_shield(tr_scope *scope, bool shield)
{
    if (!scope)
        return;
    struct scope *node = node_of(scope);
    scope->shield = shield;
    if (!node)
        return;
    scope_set_shield(node, shield);
    sched_deadlines_moved();
}

double tr_effective_deadline(void)
{
    struct task *task = task_current();
    return task ? to_seconds(scope_effective_deadline(task->scope)) : INFINITY;
}

const char *tr_cancel_reason(void)
{
    struct task *task = task_current();
    const struct scope *source = task ? scope_source(task->scope) : NULL;
    if (!source)
        return "";
    if (!source->failure)
        return source->why;
    const char *text = tr_format("%s: %s: %s", source->why, source->failure->type,
                                 source->failure->message);
    return text ? text : source->why;
}

/* ---- waiting for time -------------------------------------------------------------------------- */

double tr_now(void)
{
    return task_current() ? to_seconds(sys_now()) : NAN;
}

static bool give_up(void *arg)
{
    (void)arg;
    return true;
}

int tr_sleep_forever(void)
{
    int rc = task_required();
    return rc < 0 ? rc : task_park("its time, or cancellation", give_up, NULL);
}

int tr_sleep_until(double deadline)
{
    tr_scope wait = tr_move_on_at(deadline);
    return tr_within(&wait, tr_sleep_forever());
}

int tr_sleep(double seconds)
{
    if (isnan(seconds) || seconds < 0) {
        int rc = task_required();
        return rc < 0 ? rc : raise_code(TR_EARGUMENT, "cannot sleep for %g seconds", seconds);
    }
    if (seconds == 0)
        return tr_checkpoint();
    tr_scope wait = tr_move_on_after(seconds);
    return tr_within(&wait, tr_sleep_forever());
}

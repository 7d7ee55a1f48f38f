/* What an actor has to do at its end, whoever brought that about: hooks, the newest first.
 *
 * They run when all that the actor was there for has ended (the main function, the functions that others had
 * called) and it can still call others. That is the one place in an actor's life that every orderly end passes;
 * exit() in a task, which does not, is taken hold of by a handler, and they run there, in that task. A hook is
 * off the list before it runs, so that each runs once, whatever it does: fail, add another, exit.
 *
 * They are shielded, since most ends are cancellations, and bounded, since who waits for this actor's end is. One
 * that fails does not keep the others from running. Nor does a want of memory for the scopes around them: then
 * they run without, and their waiting fails. */
#include "actor/actor.h"

#include "base/error.h"
#include "base/plant.h"
#include "sched/task.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

/* For all of them. A parent that has asked for the end has no more patience than its own. */
static const double HOOKS_S = 5;

struct hook {
    struct hook *next;
    bool called;
    int (*fn)(void *);
    void *arg;
};

/* What went wrong, so far, and with one more. */
static struct tr_error *and(struct tr_error *wrong, int rc)
{
    return rc < 0 && rc != TR_ECANCELLED ? error_merge(wrong, error_of(rc)) : wrong;
}

static int call(struct hook *hook)
{
    hook->called = true;
    return hook->fn(hook->arg);
}

static int run_all(struct actor *actor, struct tr_error **wrong)
{
    bool cut = false;
    for (struct hook *hook; (hook = actor->hooks);) {
        if (hook->called || !planted(HOOK_TWICE))
            actor->hooks = hook->next;
        tr_scope own = tr_cancel_scope(); /* for what a nursery in it leaves behind */
        int rc = tr_within(&own, call(hook));
        *wrong = and(*wrong, rc);
        if (!hook->called)
            *wrong = and(*wrong, rc = call(hook));
        cut |= rc == TR_ECANCELLED;
    }
    return cut ? error_raise_plain(TR_ECANCELLED) : 0;
}

int actor_run_hooks(int rc)
{
    if (!actor_self()->hooks || planted(SKIPPED_HOOK))
        return rc;
    struct tr_error *wrong = rc < 0 ? error_of(rc) : NULL;
    tr_scope bound = tr_fail_after(HOOKS_S);
    bound.shield = true;
    int cut = tr_within(&bound, run_all(actor_self(), &wrong));
    wrong = and(wrong, cut);
    (void)run_all(actor_self(), &wrong); /* those that are left when it could not be entered */
    return wrong ? error_raise(wrong) : rc;
}

void actor_print_failure(void)
{
    const tr_error *error = tr_last_error();
    sys_last_words(tr_error_type(error), tr_error_message(error), tr_error_file(error), tr_error_line(error));
    const char *report = tr_error_report(error);
    sys_print_error(report, strlen(report));
}

/* In the task that calls exit. */
static void exiting(void *arg)
{
    (void)arg;
    if (task_current() && actor_run_hooks(0) < 0)
        actor_print_failure();
}

int tr_at_end(int (*fn)(void *), void *arg)
{
    tr_try(actor_required());
    struct actor *actor = actor_self();
    if (!fn)
        return raise_code(TR_EARGUMENT, "there is no function to be called at the end");
    struct hook *hook = arena_alloc(&actor->memory, sizeof *hook);
    if (!hook)
        return error_raise_plain(-ENOMEM);
    *hook = (struct hook){.next = actor->hooks, .fn = fn, .arg = arg};
    int rc = sys_at_exit(exiting, NULL);
    if (rc < 0)
        return error_raise_plain(rc);
    actor->hooks = hook;
    return 0;
}

/* What an actor has to do at its end, whoever brought that about: hooks, the newest first.
 *
 * They run when all that the actor was there for has ended (the main function, the functions that others had
 * called) and it can still call others. That is the one place in an actor's life that every orderly end passes;
 * exit() in a task, which does not, is taken hold of by a handler, and they run there, in that task. A hook is
 * off the list before it runs, so that each runs once, whatever it does: fail, add another, exit.
 *
 * They are shielded, since most ends are cancellations, and bounded, since who waits for this actor's end is. One
 * that fails does not keep the others from running, nor does one that takes all the time: the waits of those after
 * it are cut at once. */
#include "actor/actor.h"

#include "base/error.h"
#include "base/plant.h"
#include "sched/task.h"
#include "sys/sys.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* For all of them. A parent that has asked for the end has no more patience than its own. */
static const double HOOKS_S = 5;

struct hook {
    struct hook *next;
    bool called;
    int (*fn)(void *);
    void *arg;
};

static int call(void *arg)
{
    struct hook *hook = arg;
    hook->called = true;
    return hook->fn(hook->arg);
}

/* A scope of its own for each, where what a nursery in it leaves behind comes out. */
static bool run_each(struct actor *actor, struct errors *wrong)
{
    const double end_by = tr_now() + HOOKS_S;
    bool any_cut = false, cut;
    for (struct hook *hook; (hook = actor->hooks);) {
        if (hook->called || !planted(HOOK_TWICE))
            actor->hooks = hook->next;
        int rc = task_within_shield(fmax(end_by - tr_now(), 0), call, hook, &cut);
        if (rc != TR_ECANCELLED) /* which is over, wherever in the hook it came from */
            errors_add(wrong, error_of(rc));
        any_cut |= cut;
    }
    return any_cut;
}

int actor_run_hooks(int rc)
{
    if (!actor_self()->hooks || planted(SKIPPED_HOOK))
        return rc;
    struct errors wrong = {.all = error_of(rc)};
    if (run_each(actor_self(), &wrong))
        errors_add(&wrong, error_of(raise_code(TR_ETIMEOUT, "the hooks at the end took more than %g s", HOOKS_S)));
    return wrong.all ? error_raise(errors_take(&wrong)) : rc;
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

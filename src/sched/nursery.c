/* Nurseries: where tasks belong.
 *
 *     OPEN --> JOINING --> CLOSED           things may be started until CLOSED: a task in the nursery
 *                                           may start others while its host waits in tr_join. It is
 *                                           closed the moment it is empty, before its host runs again
 *
 * A nursery is a cancel scope with tasks whose errors it gathers. The body, which is the host
 * between tr_open_nursery and tr_join, counts as one of them. Any failure cancels the scope; the join
 * waits until the list is empty, in all circumstances, and then hands the errors to the scope's end,
 * where Cancelled is absorbed if it was meant for this scope. What remains is the result. The waiting itself
 * adds nothing: cancelled from outside, the tasks are too, and Cancelled comes out if one of them returns it.
 *
 * Left without tr_join (return, break, goto out of the block), the cleanup attribute cancels and joins,
 * and an error that comes out fails the scope around, since nobody is there to take it. */
#include "sched/sched.h"

#include "base/hooks.h"
#include "base/panic.h"
#include "sched/stack.h"

#include <errno.h>

enum { NURSERY_OPEN, NURSERY_JOINING, NURSERY_CLOSED };

static const struct machine_state nursery_states[] = {
    [NURSERY_OPEN] = {"open", TO(NURSERY_JOINING)},
    [NURSERY_JOINING] = {"joining", TO(NURSERY_CLOSED)},
    [NURSERY_CLOSED] = {"closed", 0},
};

struct nursery {
    struct handle handle;       /* by which programs know it */
    struct scope scope;
    struct machine state;
    struct task *host;
    size_t tasks;               /* that have not ended */
    size_t starting;            /* calls of tr_start that may still move a task here */
    bool host_waits;            /* parked in the join */
    struct link for_join;       /* tasks that wait for it to begin, struct join_waiter */
    struct guest *guests;
    tr_nursery_options options;
};

/* A call of tr_start in progress. */
struct starting {
    struct nursery *nursery;    /* where the task goes once it has started */
    bool started;
    void *value;
};

struct scope *nursery_scope(struct nursery *nursery)
{
    return &nursery->scope;
}

tr_nursery *tr_open_nursery_(void *const *frame, const char *at, const tr_nursery_options *options)
{
    if (task_required() < 0)
        return NULL;
    struct nursery *nursery = handles_get(&runtime->sched->nurseries, sizeof *nursery);
    if (!nursery) {
        error_raise_plain(-ENOMEM);
        return NULL;
    }
    struct task *host = runtime->task;
    scope_init(&nursery->scope, "nursery", host, host->scope);
    machine_init(&nursery->state, "nursery", nursery_states);
    nursery->host = host;
    nursery->tasks = nursery->starting = 0;
    nursery->host_waits = false;
    list_init(&nursery->for_join);
    nursery->guests = NULL;
    nursery->options = *options;
    scope_enter(&nursery->scope, frame, at);
    return (tr_nursery *)nursery->handle.value;
}

/* NULL once its block was left; in a task. */
static struct nursery *nursery_of(const tr_nursery *handle)
{
    return handles_find(&runtime->sched->nurseries, (uintptr_t)handle);
}

/* For those who know that it is there. */
static struct nursery *existing(const tr_nursery *handle)
{
    struct nursery *nursery = nursery_of(handle);
    ensure(nursery);
    return nursery;
}

/* Why there is none: what made tr_open_nursery fail, if it did. */
static int no_nursery(const tr_nursery *handle)
{
    if (handle)
        return raise_code(TR_ECLOSED, "the nursery's block was left");
    bool no_memory = runtime->front->error && runtime->front->error->code == -ENOMEM;
    return no_memory ? -ENOMEM : raise_code(TR_EMISUSE, "the nursery is NULL");
}

static bool is_open(const struct nursery *nursery)
{
    return nursery && nursery->state.at != NURSERY_CLOSED;
}

int nursery_usable(const tr_nursery *handle)
{
    int rc = task_required();
    if (rc < 0)
        return rc;
    const struct nursery *nursery = nursery_of(handle);
    if (!nursery)
        return no_nursery(handle);
    return is_open(nursery) ? 0 : raise_code(TR_ECLOSED, "the nursery has ended; nothing can be started in it");
}

bool nursery_is_open(const tr_nursery *handle)
{
    return is_open(nursery_of(handle));
}

bool nursery_is_cancelled(const tr_nursery *handle)
{
    return existing(handle)->scope.cancelled;
}

const tr_nursery_options *nursery_options(const tr_nursery *handle)
{
    return &existing(handle)->options;
}

static void add_guest(struct guest **guests, struct guest *guest)
{
    guest->next = *guests;
    *guests = guest;
}

void nursery_add_guest(tr_nursery *handle, struct guest *guest)
{
    add_guest(&existing(handle)->guests, guest);
}

void run_add_guest(struct guest *guest)
{
    add_guest(&runtime->sched->guests, guest);
}

void guests_release(struct guest **guests)
{
    for (struct guest *guest = *guests, *next; guest; guest = next) {
        next = guest->next;
        guest->release(guest);
    }
    *guests = NULL;
}

/* ---- errors and ends ------------------------------------------------------------------------------ */

/* A task that was cut from further out has ended: for the others the reason is still the one there. */
static void cancel_because_of_outside(struct scope *scope)
{
    const struct scope *source = scope_source(scope);
    if (source)
        scope_cancel(scope, source->why, source->failure);
    else
        scope_cancel(scope, "cancelled from outside", NULL);
}

static void add_error(struct nursery *nursery, struct tr_error *error)
{
    if (!error)
        return;
    if (error->code == TR_ECANCELLED)
        cancel_because_of_outside(&nursery->scope);
    else
        scope_cancel(&nursery->scope, "sibling failed", error);
    errors_add(&nursery->scope.errors, error);
}

static bool is_empty(const struct nursery *nursery)
{
    return nursery->tasks == 0 && nursery->starting == 0;
}

static void wake_host_if_empty(struct nursery *nursery)
{
    if (!nursery->host_waits || !is_empty(nursery))
        return;
    nursery->host_waits = false;
    machine_move(&nursery->state, NURSERY_CLOSED);
    task_wake(nursery->host, 0);
}

void nursery_ended(struct nursery *nursery, struct tr_error *error)
{
    nursery->tasks--;
    add_error(nursery, error);
    wake_host_if_empty(nursery);
}

/* A task that lives as long as the body, and the others, may need it. */
struct join_waiter {
    struct link place;
    struct task *task;
};

static bool stop_waiting(void *arg)
{
    struct join_waiter *waiter = arg;
    list_remove(&waiter->place);
    return true;
}

int nursery_wait_join(void)
{
    struct task *task = runtime->task;
    struct nursery *nursery = task->nursery;
    if (!nursery || nursery->state.at != NURSERY_OPEN)
        return tr_checkpoint();
    struct join_waiter waiter = {.task = task};
    list_push(&nursery->for_join, &waiter.place);
    return task_park("the join of its nursery", stop_waiting, &waiter);
}

static void tell_join(struct nursery *nursery)
{
    for (struct link *first; (first = list_shift(&nursery->for_join));)
        task_wake(container_of(first, struct join_waiter, place)->task, 0);
}

static struct tr_error *join(struct nursery *nursery)
{
    machine_move(&nursery->state, NURSERY_JOINING);
    tell_join(nursery);
    if (is_empty(nursery)) {
        machine_move(&nursery->state, NURSERY_CLOSED);
        task_yield(0);
    } else {
        nursery->host_waits = true; /* whatever happens: what cuts the host cuts those it waits for as well */
        (void)task_park("the tasks of its nursery", NULL, NULL);
    }
    bool caught = false;
    struct tr_error *error = scope_leave(&nursery->scope, NULL, &caught);
    scope_fini(&nursery->scope);
    return error;
}

static void require_host(const struct nursery *nursery, const char *does)
{
    const struct task *task = runtime->task;
    if (nursery->host != task)
        panic("task %s %s the nursery opened at %s by task %s", task->front.name, does, nursery->scope.opened.at,
              nursery->host->front.name);
}

int tr_join(tr_nursery *handle)
{
    int rc = task_required();
    if (rc < 0)
        return rc;
    struct nursery *nursery = nursery_of(handle);
    if (!nursery)
        return no_nursery(handle);
    require_host(nursery, "joins");
    if (nursery->state.at != NURSERY_OPEN)
        return raise_code(TR_ECLOSED, "the nursery was joined before");
    struct tr_error *error = join(nursery);
    return error ? error_raise(error) : 0;
}

int tr_join_with(tr_nursery *handle, int rc)
{
    struct nursery *nursery = task_current() ? nursery_of(handle) : NULL;
    struct tr_error *body = task_current() ? error_of(rc) : NULL;
    bool open = nursery && nursery->state.at == NURSERY_OPEN;
    if (open)
        add_error(nursery, body);
    int joined = tr_join(handle);
    if (body && !open) {
        struct errors both = {.all = body};
        errors_add(&both, error_of(joined));
        return error_raise(errors_take(&both));
    }
    return rc > 0 && joined == 0 ? rc : joined;
}

void tr_cancel(tr_nursery *handle)
{
    struct nursery *nursery = runtime && runtime->sched ? nursery_of(handle) : NULL; /* also within a poll */
    if (is_open(nursery))
        scope_cancel(&nursery->scope, "explicit", NULL);
}

int tr_stop(tr_nursery *handle, double grace)
{
    tr_try(sched_check_grace(grace));
    struct nursery *nursery = nursery_of(handle);
    if (!nursery)
        return no_nursery(handle);
    if (is_open(nursery)) {
        scope_stop(&nursery->scope, sched_after(grace));
        sched_deadlines_moved();
    }
    return 0;
}

bool tr_cancelled(const tr_nursery *handle)
{
    const struct nursery *nursery = task_current() ? nursery_of(handle) : NULL;
    return nursery && nursery->scope.cancel_called;
}

__attribute__((noinline)) static void clean_up(struct nursery *nursery) /* out of the way of those that were joined */
{
    struct tr_error *newest = task_error_aside();
    if (nursery->state.at == NURSERY_OPEN) {
        scope_cancel(&nursery->scope, "left early", NULL);
        task_fail_scope(join(nursery));
    }
    guests_release(&nursery->guests);
    task_error_back(newest);
}

void tr_nursery_done_(tr_nursery **held)
{
    struct nursery *nursery = *held && task_current() ? nursery_of(*held) : NULL;
    *held = NULL;
    if (!nursery)
        return;
    require_host(nursery, "leaves the block of");
    if (nursery->state.at == NURSERY_OPEN || nursery->guests)
        clean_up(nursery);
    handles_put(&runtime->sched->nurseries, &nursery->handle);
}

/* ---- starting ------------------------------------------------------------------------------------- */

static struct task *start(struct nursery *nursery, int (*fn)(void *), void *arg,
                          const tr_task_options *options)
{
    struct task *task = task_new(nursery, fn, arg, options);
    nursery->tasks += task != NULL;
    return task;
}

/* NULL if it cannot be. */
static struct nursery *may_start(const tr_nursery *handle, int (*fn)(void *), const tr_task_options *options)
{
    struct nursery *nursery = task_current() ? nursery_of(handle) : NULL;
    return is_open(nursery) && fn && options->stack_size <= STACK_MOST ? nursery : NULL;
}

/* What speaks against it. */
__attribute__((noinline, cold)) static int why_not(const tr_nursery *handle, int (*fn)(void *),
                                                   const tr_task_options *options)
{
    int rc = nursery_usable(handle);
    if (rc < 0)
        return rc;
    if (!fn)
        return raise_code(TR_EARGUMENT, "a task needs a function");
    return raise_code(TR_EARGUMENT, "a stack of %zu bytes", options->stack_size);
}

int tr_start_soon_(tr_nursery *handle, int (*fn)(void *), void *arg, const tr_task_options *options)
{
    struct nursery *nursery = may_start(handle, fn, options);
    if (!nursery)
        return why_not(handle, fn, options);
    return start(nursery, fn, arg, options) ? 0 : error_raise_plain(-ENOMEM);
}

int nursery_start(tr_nursery *handle, int (*fn)(void *), void *arg, const tr_task_options *options)
{
    struct nursery *nursery = nursery_of(handle);
    ensure(is_open(nursery));
    return start(nursery, fn, arg, options) ? 0 : -ENOMEM;
}

/* The task starts in a nursery of its own here, so that its failure is ours; tr_started moves it. */
static int start_and_wait(struct starting *starting, int (*fn)(void *), void *arg,
                          const tr_task_options *options)
{
    tr_auto(nursery) here = tr_open_nursery();
    if (!here)
        return error_raise_plain(-ENOMEM);
    struct task *task = start(existing(here), fn, arg, options);
    if (!task)
        return error_raise_plain(-ENOMEM);
    task->starting = starting;
    return tr_join(here);
}

/* Its code may well have ended without a failure because it was cut. */
static int never_started(const tr_task_options *options)
{
    if (runtime->task->scope->cancelled)
        return error_raise_plain(TR_ECANCELLED);
    return raise_code(TR_EMISUSE, "task %s ended without calling tr_started",
                      options->name ? options->name : options->fn_);
}

int tr_start_(tr_nursery *handle, int (*fn)(void *), void *arg, void **ret_value,
              const tr_task_options *options)
{
    struct nursery *nursery = may_start(handle, fn, options);
    if (!nursery)
        return why_not(handle, fn, options);
    struct starting starting = {.nursery = nursery};
    nursery->starting++;
    int rc = start_and_wait(&starting, fn, arg, options);
    nursery->starting--;
    wake_host_if_empty(nursery);
    if (rc < 0)
        return rc;
    if (!starting.started)
        return never_started(options);
    if (ret_value)
        *ret_value = starting.value;
    return 0;
}

int tr_started(void *value)
{
    int rc = task_required();
    if (rc < 0)
        return rc;
    struct task *task = runtime->task;
    struct starting *starting = task->starting;
    if (!starting)
        return raise_code(TR_EMISUSE, "task %s was not started by tr_start, or has started before",
                          task->front.name);
    starting->started = true;
    starting->value = value;
    task->starting = NULL;
    struct nursery *from = task->nursery, *to = starting->nursery;
    if (from->scope.cancelled)
        return 0; /* its cancellation is on the way, and belongs where it is */
    from->tasks--;
    to->tasks++;
    task->nursery = to;
    scope_adopt(&to->scope, &from->scope);
    sched_deadlines_moved();
    wake_host_if_empty(from);
    return 0;
}

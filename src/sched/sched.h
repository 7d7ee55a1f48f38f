/* The scheduler's inside, for the files of this room; other rooms see task.h and io.h here and
 * tractor/task.h. */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "base/error.h"
#include "base/handles.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/machine.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/runtime.h"
#include "sched/fiber.h"
#include "sched/task.h"
#include "sys/sys.h"
#include "tractor/instrument.h"
#include "tractor/task.h"

/* ---- scopes ---------------------------------------------------------------------------------- */

/* Where a scope was opened: in which function's activation, and where that returns to. */
struct opened {
    const char *at;             /* "file:line", "" if it was not in a program's text */
    void *const *frame;         /* NULL where it is not known */
    void *returns_to;
};

/* A node of the tree of cancel scopes. There is one for each tr_within, each nursery, and each task (so
 * that every scope has exactly one task that is directly in it: `task`, if its innermost one is this).
 * Invariants: cancelled == cancel_called || (!shield && parent && parent->cancelled), and the same for
 * stopping and stop_called; one that lasts until it is stopped is cancelled while it is stopping. */
struct scope {
    struct scope *parent;       /* NULL for the first task's */
    struct link children;       /* by `sibling`: scopes opened inside, and the tasks of a nursery */
    struct link sibling;
    struct task *task;          /* the one that entered it */
    uint64_t number;            /* counted from 1 in each run: another one may come to be in its place */
    int64_t deadline;           /* ns; NEVER for none */
    struct heap_node timer;     /* queued while there is a deadline that may still cancel it */
    bool shield;
    bool until_stopped;
    bool cancel_called;
    bool stop_called;
    bool cancelled;             /* effectively: here or above */
    bool stopping;              /* effectively */
    struct errors errors;       /* of its tasks, and of nurseries inside that were left without a join */
    tr_scope *user;             /* the public struct to keep up to date; NULL for our own */
    const char *what;           /* "scope", "nursery", "task": for messages */
    struct opened opened;
    const char *why;            /* once cancel_called: one of the words that tr_cancel_reason tells */
    struct tr_error *failure;   /* and what had failed, if that was it; owned */
};

#define NEVER INT64_MAX

/* Whatever was in the struct before. Who does not enter it says where it was opened. */
static inline void scope_init(struct scope *scope, const char *what, struct task *task, struct scope *parent);
/* Out of the tree; its children must be gone. */
static inline void scope_fini(struct scope *scope);
/* The next scope in the tree below `top` after `scope`, whose own children are skipped if asked; NULL at the
 * end. */
struct scope *scope_next(struct scope *top, struct scope *scope, bool skip_children);
/* `why` lives as long as the scope; `failure` is kept by a reference of its own and may be NULL. The first
 * reason counts. */
void scope_cancel(struct scope *scope, const char *why, struct tr_error *failure);
/* The nearest that was cancelled itself, as far as cancellation reaches in from there; NULL for none. */
const struct scope *scope_source(const struct scope *scope);
/* Asks it to stop, and cancels it at `cut`. */
void scope_stop(struct scope *scope, int64_t cut);
void scope_set_deadline(struct scope *scope, int64_t deadline);
void scope_set_shield(struct scope *scope, bool shield);
/* Moves everything inside `from` to inside `to`. */
void scope_adopt(struct scope *to, struct scope *from);
/* Fails the scope with an error of a block inside it that nobody is there to receive. */
void scope_fail(struct scope *scope, struct tr_error *error);
/* The running task enters and leaves. Leaving adds `error` to the errors of the scope, absorbs
 * cancellation if this scope is where it came from, and returns what is left (a reference or NULL). */
void scope_enter(struct scope *scope, void *const *frame, const char *at);
static inline struct tr_error *scope_leave(struct scope *scope, struct tr_error *error, bool *ret_caught);
/* Ends the process if the block that opened it was left without its end, by longjmp. */
void scope_check(const struct scope *scope);
/* Cancels all whose time has come. */
void scope_expire(struct sched *sched, int64_t now);
int64_t scope_effective_deadline(const struct scope *scope);

/* ---- tasks ----------------------------------------------------------------------------------- */

/* Nobody is so busy that the world is not looked at for longer. */
enum { LOOK_EVERY_NS = 50000 };

enum { TASK_READY, TASK_RUNNING, TASK_PARKED, TASK_ENDED };

struct task {
    struct fiber fiber;
    struct machine state;
    struct task *next;          /* in the ready queue or the running batch, while READY */
    struct sched *sched;        /* its run */
    size_t stack_size;
    bool guarded;               /* its stack */
    struct nursery *nursery;    /* that it belongs to; NULL for the first task */
    struct scope base;          /* around the whole task */
    struct scope *scope;        /* the innermost it is in */
    struct front front;         /* its newest error, see tr_last_error, and its name */
    struct tr_frame *frame;     /* the innermost; NULL until the task allocates anything */
    struct tr_frame *spare;     /* the last that was closed, for the next; or NULL */
    int (*fn)(void *);
    void *arg;
    task_abort_fn *abort;       /* how to end the wait it is parked in; NULL: not by cancellation */
    void *abort_arg;
    const char *waits_for;      /* while PARKED: "a lock" */
    int woken_with;
    struct starting *starting;  /* until tr_started, for a task of tr_start */
};

/* Whether this thread runs it. What other threads find in the program's own structs they must leave alone. */
static inline bool task_is_ours(const struct task *task);
_Noreturn void task_name_foreign(const struct task *task) __attribute__((cold));

/* NULL when memory is out. */
struct task *task_new(struct nursery *nursery, int (*fn)(void *), void *arg,
                      const tr_task_options *options);
/* Delivers a cancellation to a parked task whose innermost scope has just been cancelled. */
void task_deliver(struct task *task);
/* A task of it has ended, with this error or NULL. */
void nursery_ended(struct nursery *nursery, struct tr_error *error);
void frames_free(struct task *task);
struct scope *nursery_scope(struct nursery *nursery);
void guests_release(struct guest **guests);

/* ---- the run --------------------------------------------------------------------------------- */

struct sched {
    struct fiber loop;          /* the thread's own stack, where the loop runs and polls */
    struct task *ready;         /* to run in the next batch, in the order they became ready, by `next` */
    struct task **ready_end;    /* where the next one goes */
    struct task *batch;         /* those still to run in this one */
    uint64_t scopes_made;
    struct task *ended;         /* whose stack is given back by whoever runs next */
    struct heap deadlines;      /* of scopes, by `timer` */
    struct link watches;        /* struct deadline_watch, by `place` */
    bool deadlines_moved;       /* since they were told */
    struct link slabs;          /* of stacks, those that have some to give */
    size_t idle_slabs;          /* how many of them have none used */
    int64_t slabs_needed;       /* when there began to be more of them than are kept anyway */
    struct pool scopes;         /* structs for tr_within */
    struct handles nurseries;
    struct map descriptors;     /* the program's own that tasks are at work with: see descriptor.c */
    struct link before_look;    /* struct before_look, by `place` */
    struct link glances;        /* struct glance, by `place` */
    int glances_left;           /* until the clock is asked */
    struct guest *guests;       /* what lives as long as the run */
    int64_t looked;             /* when the world was looked at last */
    int batches_per_look;
    int batches_left, batches_later; /* until the clock is asked, and after that */
    uint64_t seed;              /* of the order in a batch; 0 to keep it */
    bool in_valgrind;           /* which wants to be told about stacks */
    bool jumps;                 /* the clock, when everybody waits */
    int64_t threshold;          /* for so long, in real time */
    struct idler *idlers;       /* who waits for everybody else to wait, the shortest cushion first */
    tr_instrument *instruments;
    struct scope *top;          /* the first task's; NULL before and after */
    struct sys_catch *dump_signal; /* at which the tasks are shown; NULL for none */
    bool over;                  /* the first task has ended */
    struct tr_error *outcome;   /* with this */
    int result;
};

/* Lets it run in the next batch. */
static inline void sched_ready(struct sched *sched, struct task *task)
{
    task->next = NULL;
    *sched->ready_end = task;
    sched->ready_end = &task->next;
}

/* Gives up the task that has ended. */
void sched_give_up(struct sched *sched);

/* To be called first after every switch. */
static inline void sched_entered(struct sched *sched)
{
    if (sched->ended)
        sched_give_up(sched);
}

/* Whether the running task may just go on, as a batch of its own: nobody else is ready, and no look is due. */
bool sched_is_alone(struct sched *sched);

/* Gives the processor to the next task that is ready; returns when this one is run again, with what it was woken with
 * (TR_ECANCELLED raised). The processor predicts returns by the calls of the task that was left, so each function
 * between here and the program mostly costs a misprediction: those end with `return sched_switch()`, a jump. */
int sched_switch(struct task *from);
/* The same for the last time: what its fiber returns. */
void *sched_leave(struct task *from);

/* Out of the way of those who have no instruments. */
void instruments_tell(const struct sched *sched, tr_moment moment, const struct task *task)
    __attribute__((noinline));

static inline void sched_tell(const struct sched *sched, tr_moment moment, const struct task *task)
{
    if (__builtin_expect(sched->instruments != NULL, false))
        instruments_tell(sched, moment, task);
}

/* Has the signal that the environment names show the tasks, until it is let go. */
void dump_listen(struct sched *sched);
void dump_stop(struct sched *sched);

/* Polls until something has happened or the time is over (negative: no limit); nobody is ready. */
void idle_poll(struct sched *sched, int64_t timeout);

static inline bool sched_deadline_has_come(const struct sched *sched)
{
    return sched->deadlines.root && sched->deadlines.root->key <= sys_now();
}

/* Whether there is something to do, so that nobody may wait for the world. */
static inline bool sched_is_busy(const struct sched *sched)
{
    return sched->ready || !list_empty(&sched->before_look);
}

/* Looks for what other processors may bring about in a moment: true when there is something to do, or a deadline has
 * come; false when that moment is over, and everything is given up / once. */
bool glance_for_a_moment(struct sched *sched);
void glance_once(struct sched *sched);

/* Asks the world, without waiting, what has happened. */
void sched_look(struct sched *sched);

/* A deadline or a shield has become another one around tasks that may wait. */
static inline void sched_deadlines_moved(void)
{
    runtime->sched->deadlines_moved = true;
}

/* Tells those who watch. */
void deadlines_tell(struct sched *sched);

static inline bool task_is_ours(const struct task *task)
{
    return runtime && runtime->sched == task->sched;
}

/* ---- what most scopes are through ----------------------------------------------------------------- */

static inline void scope_init(struct scope *scope, const char *what, struct task *task, struct scope *parent)
{
    scope->parent = parent;
    list_init(&scope->children);
    if (parent)
        list_push(&parent->children, &scope->sibling);
    else
        list_init(&scope->sibling);
    scope->task = task;
    scope->number = ++runtime->sched->scopes_made;
    scope->deadline = NEVER;
    scope->timer.queued = false;
    scope->shield = scope->until_stopped = scope->cancel_called = scope->stop_called = false;
    scope->cancelled = parent && parent->cancelled;
    scope->stopping = parent && parent->stopping;
    scope->errors = (struct errors){0};
    scope->user = NULL;
    scope->what = what;
}

/* With errors, or cancelled. */
struct tr_error *scope_outcome(struct scope *scope, struct tr_error *error, bool *ret_caught);
void scope_forget_cause(struct scope *scope);
_Noreturn void scope_name_open(const struct scope *outer, const struct scope *inner) __attribute__((cold));

static inline struct tr_error *scope_leave(struct scope *scope, struct tr_error *error, bool *ret_caught)
{
    struct task *task = runtime->task;
    if (task->scope != scope)
        scope_name_open(scope, task->scope);
    task->scope = scope->parent;
    return error || scope->errors.all ? scope_outcome(scope, error, ret_caught) : NULL;
}

static inline void scope_fini(struct scope *scope)
{
    ensure(list_empty(&scope->children));
    list_drop(&scope->sibling);
    if (scope->timer.queued)
        heap_remove(&runtime->sched->deadlines, &scope->timer);
    if (scope->cancel_called)
        scope_forget_cause(scope);
}

int64_t sched_deadline_ns(double seconds);
/* So many seconds from now; NEVER stays never. */
int64_t sched_after(double seconds);
int sched_check_grace(double grace);

#endif

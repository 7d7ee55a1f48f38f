/* How the rooms above make things that tasks wait for: a task parks itself and is woken by another one
 * or by the poller. Everything that blocks in this library is built on these few calls. */
#ifndef SCHED_TASK_H
#define SCHED_TASK_H

#include "tractor/task.h"

#include "base/list.h"
#include "base/runtime.h"

#include <stdint.h>

struct task;
struct tr_error;

/* Called when a parked task is to be cancelled. Either it takes the task out of whatever would wake it
 * and returns true, and the task goes on with TR_ECANCELLED; or it returns false, and the task stays
 * parked until it is woken (it is not asked again during this wait). */
typedef bool task_abort_fn(void *arg);

/* The running task, or NULL outside a run. */
static inline struct task *task_current(void)
{
    return runtime ? runtime->task : NULL;
}

/* Tells a task from all others of its run, those that have ended included; no address in user space. */
uint64_t task_number(const struct task *task);

/* TR_ENORUNTIME, raised, outside a run; else 0. */
int task_none(void) __attribute__((cold));
static inline int task_required(void)
{
    return __builtin_expect(task_current() != NULL, true) ? 0 : task_none();
}

/* Waits until woken; returns the waker's rc, or TR_ECANCELLED (raised) once `abort` has agreed. With
 * abort NULL it cannot be cancelled. Cancellation that is already there is delivered at once. `what` it waits
 * for is told to people: "a lock". */
int task_park(const char *what, task_abort_fn *abort, void *arg);

/* Makes a parked task ready. */
void task_wake(struct task *task, int rc);

/* Ends the process if another thread runs it: what it waits with must be left alone. task_wake does so, too. */
void task_must_be_ours(const struct task *task);

/* Lets others run; not affected by cancellation. Returns rc (TR_ECANCELLED raised): best as the last thing a
 * function does, see sched_switch. */
int task_yield(int rc);

/* Something to be done once all who are ready have run, or some 50 microseconds of that have passed, and before the
 * world is looked at: for what gathers until then. `fn` wakes tasks, which run before that look, too. */
struct before_look {
    struct link place;          /* to be initialised, and removed by whoever does not want it any more */
    void (*fn)(struct before_look *what);
};

/* Once, however often it is asked for until then. */
void sched_before_look(struct before_look *what);

/* Something that another processor may bring about, in memory, sooner than the system could tell of it. So the loop
 * looks there for a moment before everybody waits (sched/glance.c), and with each look at the world while others are
 * busy. */
struct glance {
    struct link place;          /* to be initialised, and removed by whoever does not want it any more */
    /* Whether it is there; wakes who waits for it. Called again and again: it should take nanoseconds. */
    bool (*see)(struct glance *what);
    /* It was not seen and is not looked for any more: the system has to tell of it from now on. May wake tasks. */
    void (*give_up)(struct glance *what);
    int in_vain;                /* the loop's: while others were seen */
};

/* Until it is seen or given up. Not where the clock stands still while nobody waits. */
void sched_glance(struct glance *what);

/* TR_ECANCELLED, raised, if the running task is inside a cancelled scope, after others have run, lest a task
 * that tries in a loop starves them; else 0, at once. (trio.lowlevel.checkpoint_if_cancelled) */
int task_checkpoint_if_cancelled(void);

/* Like tr_within a shield that lasts so many seconds, but it cannot be refused for want of memory: for clean-up.
 * *ret_cut says whether it was cut off. Its result, or 0 for that, or what else went wrong in it, raised. */
int task_within_shield(double seconds, int (*fn)(void *arg), void *arg, bool *ret_cut);

/* Who wants to know while a task waits, for instance for an answer from afar, that its deadline is another one. */
struct deadline_watch {
    bool (*moved)(struct deadline_watch *watch);   /* called by the loop, soon after; false: not now, later */
    struct link place;
    struct task *task;
    int64_t deadline;           /* effective, ns; INT64_MAX for none: the one that is known already */
};

/* The effective one of the running task. */
int64_t task_deadline(void);

/* From now until then; less than 0 if that has passed, infinite if it is none. */
double sched_seconds_until(int64_t deadline);

/* For the running task, until task_unwatch_deadline. */
void task_watch_deadline(struct deadline_watch *watch);
void task_unwatch_deadline(struct deadline_watch *watch);

/* Which scope the running task is in: a number that no other one ever has. */
uint64_t task_scope(void);

/* The newest error put aside and back, around clean-up that may raise others. */
struct tr_error *task_error_aside(void);
void task_error_back(struct tr_error *error);

/* Fails the scope around the running task with an error nobody else will see; takes the reference over;
 * NULL and plain cancellation are nothing. */
void task_fail_scope(struct tr_error *error);

/* Something that lives as long as a nursery's block: released after the nursery has been joined, when
 * the block is left, the newest first. */
struct guest {
    struct guest *next;
    void (*release)(struct guest *guest);
};
void nursery_add_guest(tr_nursery *nursery, struct guest *guest);

/* The same for the run: released when its first task, and so every other, has ended. */
void run_add_guest(struct guest *guest);

/* Starts fn(arg) as a task of a nursery that is open, also from where no task runs, within a poll. 0, or
 * -ENOMEM, which is not raised. */
int nursery_start(tr_nursery *nursery, int (*fn)(void *), void *arg, const tr_task_options *options);

/* Whether anything can be started in the nursery, and whether that would begin cancelled (from inside or
 * outside). */
bool nursery_is_open(const tr_nursery *nursery);
bool nursery_is_cancelled(const tr_nursery *nursery);

/* What it was opened with. */
const tr_nursery_options *nursery_options(const tr_nursery *nursery);

/* A checkpoint: waits until the host of the running task's nursery has come to its join. */
int nursery_wait_join(void);

/* Fails with TR_ECLOSED, raised, unless things may still be started in the nursery; NULL included. */
int nursery_usable(const tr_nursery *nursery);

/* How a run for tests differs from others. */
struct sched_options {
    uint64_t seed;          /* of the order among those that are ready at the same time; 0 for theirs */
    bool jumps;             /* the clock, when everybody has waited for so long in real time */
    int64_t threshold;      /* ns */
};

/* Runs fn(arg) as the first task in this thread's world, which must have been entered: tr_run without
 * the world. The error, if any, is then the runtime's last. `options` may be NULL. */
int sched_run(int (*fn)(void *), void *arg, const struct sched_options *options);

enum { NS_PER_S = 1000000000 };

#endif

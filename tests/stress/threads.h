/* A trial: what one seed decides about threads that meet runs.
 *
 *     trial -- runs, several at once, each on a thread of its own
 *               +-- houses: blocks with a nursery, in each other, with tasks in them and a door each
 *               +-- calls: tr_to_thread, by tasks
 *               +-- strangers: threads of nobody's, who enter houses by doors
 *     guests: tasks that a thread has run, in a call or in a house
 *
 * The seed decides what is done, in which order and how it shall come out; the machine decides when. So each
 * of them notes what happened to it, and what must be so whatever the order was is checked: by `verify` on
 * the spot, the rest when everything has ended. These notes last as long as the trial.
 *
 * What several threads look at is atomic, but relaxed: nothing here orders one thread's doings before
 * another's but the library. Then ThreadSanitizer sees whether that does. */
#ifndef TESTS_STRESS_THREADS_H
#define TESTS_STRESS_THREADS_H

#include "seeds.h"
#include "threads_outcomes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <tractor.h>

/* ---- notes and dice --------------------------------------------------------------------------------- */

typedef atomic_int note;

static inline int peek(const note *it)
{
    return atomic_load_explicit(it, memory_order_relaxed);
}

/* What it was. */
static inline int bump(note *it)
{
    return atomic_fetch_add_explicit(it, 1, memory_order_relaxed);
}

static inline void put(note *it, int value)
{
    atomic_store_explicit(it, value, memory_order_relaxed);
}

static inline uint64_t roll(uint64_t *dice, uint64_t sides)
{
    return random_next(dice) % sides;
}

static inline bool one_in(uint64_t *dice, uint64_t sides)
{
    return roll(dice, sides) == 0;
}

void happened(enum outcome what);

/* Ends the program, telling the seed, if it is not so. */
#define verify(condition, ...) ((condition) ? (void)0 : broken(#condition, __VA_ARGS__))
_Noreturn void broken(const char *condition, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- what there is ---------------------------------------------------------------------------------- */

/* Threads wait until it is opened. */
struct latch {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open;
};

void latch_open(struct latch *latch);
void latch_wait(struct latch *latch);

/* A limiter and what it must guarantee. */
struct gauge {
    tr_limiter *limiter;        /* NULL for the run's own */
    note most;                  /* that it ever let in; written by the run's thread */
    note inside;
};

enum { FEW = 4 };               /* what a limiter is changed to is never more */

struct trial;

struct run {
    struct run *next;           /* of the trial, struct trial.lock */
    struct trial *trial;
    uint64_t dice;
    pthread_t thread;
    note ended;
    struct latch over;          /* opened thereafter */
    tr_limiter few, patient;    /* the second one lets everybody in: for calls inside calls, and those that
                                 * last beyond the run */
    struct gauge by_few, by_patient, by_own;
    int without_thread;         /* calls that returned -EAGAIN */
    struct stranger *strangers; /* of the run's thread; of the trial's once that has ended */
};

struct house {
    struct house *next;         /* of the trial, struct trial.lock */
    struct run *run;
    tr_nursery *nursery;        /* the run's thread only */
    tr_door *door;              /* kept for the trial; NULL if it has none */
    bool will_be_cancelled;     /* for certain */
    note leaving, left;
    note refused_early;         /* somebody was told that it is cancelled while it was not being left yet */
};

struct trial {
    uint64_t seed, dice;
    pthread_mutex_t lock;
    struct run *runs;
    struct house *houses;
    struct call *calls;
    note running, numbers;
};

/* A call of tr_to_thread. */
struct call {
    struct call *next;          /* of the trial, struct trial.lock */
    struct run *run;
    unsigned number;
    uint64_t dice;              /* of the function */
    struct gauge *gauge;
    bool loose;                 /* may be abandoned */
    bool inside;                /* see struct caller */
    bool lingers;               /* the function, or a task of its, waits for the cancellation */
    bool outlives;              /* the function ends after the run */
    int result;
    note begun, ended, told;    /* the function */
    note abandoned, unbegun;    /* how often; before it began */
    note returned;              /* the call */
    note saw_cancelled, turned_away;
    int rc;                     /* what it returned */
};

/* ---- threads_calls.c -------------------------------------------------------------------------------- */

/* Whether a task will be cancelled, for certain: by a clock, or by another task, which may have to wait for
 * something before. */
enum doom { NO_DOOM, BY_TASK, BY_CLOCK };

/* Who calls, and from where. */
struct caller {
    struct run *run;
    uint64_t *dice;
    enum doom doom;
    bool inside;                /* another call waits for this one: it must wait for nobody else */
};

/* Returns TR_ECANCELLED if the task is cancelled, or another error now and then. */
int call_thread(struct caller caller);

/* Once all threads have ended. Frees them. */
void check_calls(struct trial *trial);

/* What a function or a task shall return, decided by dice / does so / is what arrived. */
int decide_result(uint64_t *dice);
int give_result(int result, unsigned number);
void verify_result(int rc, int told, unsigned number);

/* ---- threads_guests.c ------------------------------------------------------------------------------- */

/* On a worker: has a task run in the call. */
void visit_run(struct call *call);

/* On any thread but in a task: a task in the house. TR_ECLOSED if there is none any more. */
int enter_house(struct house *house, tr_door *door, uint64_t *dice, bool may_stay);

/* On a worker: in some house that has a door, of that run or of another one. */
void enter_some_house(struct run *run, uint64_t *dice);

/* By a task: sends a stranger to the house. */
void send_stranger(struct house *house, uint64_t *dice);
void join_strangers(struct run *run);

/* ---- threads_tasks.c -------------------------------------------------------------------------------- */

/* The first task of a run. */
int play(void *run);

#endif

/* What the tasks of one process wait for each other with, and a ticker. Each is a plain struct that needs no
 * end, and is ready for use when it is all zero, where nothing else is said:
 *
 *     static int worker(void *arg) { struct job *job = arg; ... tr_event_set(&job->done); return 0; }
 *     ...
 *     struct job job = {0};
 *     tr_try(tr_start_soon(nursery, worker, &job));
 *     tr_try(tr_event_wait(&job.done));
 *
 * Whoever waits longest goes first, and what is released is handed to it: nobody who comes later can
 * snatch it away. They must not move nor go away while a task waits. They are not for several threads: to wake
 * a task of a run of another thread ends the process; there is tr_from_thread for that, and doors. */
#ifndef TRACTOR_SYNC_H
#define TRACTOR_SYNC_H

#include "tractor/task.h"

/* ---- parking lot --------------------------------------------------------------------------------- */

/* Tasks that wait for something that somebody else knows of; what all the others are made of.
 * (trio.lowlevel.ParkingLot) */
typedef struct tr_lot {
    struct tr_waiter_ *first_, *last_;
} tr_lot;

/* Waits until another task wakes this one. A checkpoint. */
TR_API int tr_park(tr_lot *lot) TR_USE_RESULT;

/* Wakes up to `count` of them, the longest waiting first; how many that were. No checkpoint. */
TR_API size_t tr_unpark(tr_lot *lot, size_t count);

/* Has up to `count` of them wait in another lot, or the same, behind those that do already; how many that were. No
 * checkpoint. (ParkingLot.repark) */
TR_API size_t tr_repark(tr_lot *lot, tr_lot *to, size_t count);

/* How many wait. */
TR_API size_t tr_parked(const tr_lot *lot);

/* ---- event ------------------------------------------------------------------------------------------ */

/* Something that happens once. (trio.Event) */
typedef struct tr_event {
    bool set;               /* to be read at any time; written by tr_event_set only */
    tr_lot waiting_;
} tr_event;

/* It has happened: everybody who waits for it goes on. May be repeated. No checkpoint. */
TR_API void tr_event_set(tr_event *event);

/* Waits until it has. A checkpoint in every case. */
TR_API int tr_event_wait(tr_event *event) TR_USE_RESULT;

/* ---- lock ------------------------------------------------------------------------------------------- */

/* One task at a time. A task that ends without releasing it leaves it locked for ever: tr_holding does not
 * forget. (trio.Lock) */
typedef struct tr_lock {
    uint64_t owner_;
    tr_lot waiting_;
} tr_lock;

/* Waits until it is ours. A checkpoint in every case; after an error it is not ours. TR_EMISUSE if it is
 * already. */
TR_API int tr_lock_acquire(tr_lock *lock) TR_USE_RESULT;

/* 1 if it is ours now, 0 if another task has it. No checkpoint. TR_EMISUSE if it is ours already. */
TR_API int tr_lock_try(tr_lock *lock) TR_USE_RESULT;

/* Hands it to the longest waiting. No checkpoint. TR_EMISUSE if it is not ours; then nothing happens. */
TR_API int tr_lock_release(tr_lock *lock);

/* Whether anybody has it. */
TR_API bool tr_locked(const tr_lock *lock);

/* Evaluates an expression of type int while holding the lock: tr_holding(&lock, work(x)). Its value, or the
 * error of acquiring. A checkpoint. Like tr_within, with nothing to forget. */
#define tr_holding(lock, ...)                                                                      \
    (tr_lock_acquire(lock) < 0 ? tr_refused_() : tr_lock_leave_((lock), (__VA_ARGS__)))
TR_API int tr_lock_leave_(tr_lock *lock, int rc) TR_USE_RESULT;

/* ---- semaphore -------------------------------------------------------------------------------------- */

/* A number that cannot fall below zero. (trio.Semaphore) */
typedef struct tr_semaphore {
    size_t value;           /* to be read only */
    size_t most;            /* 0 for no limit */
    tr_lot waiting_;
} tr_semaphore;

/* One that begins at `value` and never exceeds `most`, if that is not 0. */
TR_API tr_semaphore tr_semaphore_of(size_t value, size_t most);

/* Waits until it can be lowered by one. A checkpoint in every case; after an error it was not. */
TR_API int tr_semaphore_acquire(tr_semaphore *semaphore) TR_USE_RESULT;

/* 1 if it was lowered, 0 if it is zero. No checkpoint. */
TR_API int tr_semaphore_try(tr_semaphore *semaphore) TR_USE_RESULT;

/* Raises it by one. By any task. No checkpoint. TR_EMISUSE if that were over its limit. */
TR_API int tr_semaphore_release(tr_semaphore *semaphore);

/* ---- condition -------------------------------------------------------------------------------------- */

/* Waiting, with a lock, for something to become true that the lock protects. (trio.Condition) */
typedef struct tr_condition {
    tr_lot waiting_;
    tr_lock *lock_;
} tr_condition;

/* Lets go of the lock, waits to be notified, and takes the lock again; the lock is held in any case
 * afterwards, also after TR_ECANCELLED, for which it waits shielded. A checkpoint. TR_EMISUSE if the lock is
 * not ours, or others wait with another lock. */
TR_API int tr_condition_wait(tr_condition *condition, tr_lock *lock) TR_USE_RESULT;

/* Has up to `count` of those that wait go on, one after the other, once the lock is released. All with
 * SIZE_MAX. No checkpoint. TR_EMISUSE if the lock is not ours, or not the one they wait with. */
TR_API int tr_condition_notify(tr_condition *condition, tr_lock *lock, size_t count);

/* ---- capacity limiter ------------------------------------------------------------------------------- */

/* So many of something may be in use at a time, each by a borrower, which is a task or anything else with
 * an address, and which can borrow only one. (trio.CapacityLimiter) */
typedef struct tr_limiter {
    size_t total, borrowed; /* to be read only; borrowed > total after total was lowered */
    void *borrowers_;
    tr_lot waiting_;
} tr_limiter;

/* One of so many, with nobody who has any. */
TR_API tr_limiter tr_limiter_of(size_t total);

/* Waits until there is one for the borrower, which is the running task if NULL. A checkpoint in every case;
 * after an error it has none. TR_EMISUSE if it has one already or waits for one, -ENOMEM. */
TR_API int tr_limiter_acquire(tr_limiter *limiter, const void *borrower) TR_USE_RESULT;

/* 1 if there was one, 0 if there is none. No checkpoint. Errors as above. */
TR_API int tr_limiter_try(tr_limiter *limiter, const void *borrower) TR_USE_RESULT;

/* Gives it back. No checkpoint. TR_EMISUSE if the borrower has none. */
TR_API int tr_limiter_release(tr_limiter *limiter, const void *borrower);

/* Changes how many there are; those who have one keep it. */
TR_API void tr_limiter_set_total(tr_limiter *limiter, size_t total);

/* ---- ticker ----------------------------------------------------------------------------------------- */

/* Ticks at start + period, start + 2 * period and so on, however long the work between them takes: it does
 * not drift. For one task.
 *
 *     tr_ticker ticker = tr_ticker_of(0.1);
 *     while ((ticks = tr_tick(&ticker)) > 0) ... */
typedef struct tr_ticker {
    double start, period;   /* on tr_now's clock; seconds */
    uint64_t ticks;         /* that were taken: the next is due at start + (ticks + 1) * period */
} tr_ticker;

/* Starts now; to be called inside a run. */
TR_API tr_ticker tr_ticker_of(double period);

/* Waits for the next tick and returns how many have come since the last: 1, or more if this one comes late,
 * for those that were missed are counted and not made up for. A checkpoint in every case; when it returns an
 * error no tick was taken. TR_EARGUMENT unless the period is positive and finite, and for one that was
 * started outside a run. */
TR_API int tr_tick(tr_ticker *ticker) TR_USE_RESULT;

#endif

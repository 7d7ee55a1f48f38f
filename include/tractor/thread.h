/* Threads: for functions that block, and ways back into the run from other threads.
 *
 * A function that blocks would hold up every task of its thread. tr_to_thread runs it on a worker thread
 * instead, and only the task that called waits:
 *
 *     static int hash_file(void *arg) { struct file *file = arg; ... blocking calls ... return 0; }
 *     ...
 *     tr_try(tr_to_thread(hash_file, &file));
 *
 * On such a worker, and on threads that the program or a library made itself, there are no tasks. What
 * may be called there is what is declared here, all of error.h, and tr_run; everything else needs a
 * task, and belongs to the thread of the run. tr_from_thread, or a door, is how a thread has something
 * done there.
 *
 * Workers are kept for reuse, and more are started as needed; a worker that blocks for ever is in
 * nobody's way but that of the limiter. All signals but faults are blocked in them, and so they are in
 * the processes that they start. A function that runs there must return, and not end its thread.
 * (trio.to_thread, trio.from_thread) */
#ifndef TRACTOR_THREAD_H
#define TRACTOR_THREAD_H

#include "tractor/sync.h"
#include "tractor/task.h"

struct tr_arguments_are_named;

/* ---- to a thread -------------------------------------------------------------------------------- */

typedef struct tr_thread_options {
    struct tr_arguments_are_named *named_;
    tr_limiter *limiter;            /* which the call borrows one of; NULL: tr_thread_limiter(). It must live
                                     * until all work that it let through has ended, abandoned work too, or
                                     * else until the run has */
    void (*abandon)(void *arg);     /* makes the call one that can be cancelled, see below */
} tr_thread_options;

/* Runs fn(arg) on a worker thread and waits for it. Returns what it returned; a negative result comes
 * with the error that was raised there, if it was. Options follow by name:
 *
 *     tr_to_thread(compress, &job, .limiter = &two_at_a_time)
 *
 * A checkpoint in every case: it notices cancellation before fn begins, while it waits for the limiter.
 * Once fn has begun the call waits for its end, whatever happens, and returns its result: a thread
 * cannot be stopped from outside, and has `arg`. fn may look at tr_thread_cancelled() and return early.
 *
 * Unless `abandon` is given. Then the wait can be cancelled at any time: the call returns TR_ECANCELLED
 * (after the task of a tr_from_thread that is running in it, if there is one), fn goes on, and its
 * result is dropped. For this `arg` must not be the caller's any more: whenever the call returns
 * TR_ECANCELLED, also before fn began or because fn said so, abandon(arg) is called exactly once, when
 * nothing else will use arg: on the worker, after fn, or by the caller, if fn never began. In all other
 * cases it is not called, and arg is still the caller's. Where a scope around the call makes another result
 * of TR_ECANCELLED, tell by its cancelled_caught:
 *
 *     tr_scope limit = tr_move_on_after(1);
 *     int rc = tr_within(&limit, tr_to_thread(look_up, job, .abandon = free));
 *     if (limit.cancelled_caught || rc == TR_ECANCELLED)
 *         return rc;                          // job is not ours any more
 *
 * The limiter gets its one back when fn has really ended. An abandoned fn may outlive the run.
 * -ENOMEM, -EAGAIN when no thread can be started, TR_EARGUMENT without a function.
 * (trio.to_thread.run_sync, abandon_on_cancel) */
#define tr_to_thread(fn, ...) TR_TO_THREAD_(fn, __VA_ARGS__, )
#define TR_TO_THREAD_(FN, ARG, ...)                                                                \
    tr_to_thread_((FN), (ARG), &(const tr_thread_options){__VA_ARGS__ .named_ = NULL})
TR_API int tr_to_thread_(int (*fn)(void *), void *arg, const tr_thread_options *options)
    TR_USE_RESULT;

/* The limiter of those that name none: 40 at first, for each run; tr_limiter_set_total changes it. It
 * belongs to the run. NULL outside a run, or when memory is out. No checkpoint.
 * (trio.to_thread.current_default_thread_limiter) */
TR_API tr_limiter *tr_thread_limiter(void);

/* ---- from a worker ------------------------------------------------------------------------------ */

/* On a worker: runs fn(arg) as a task of the run that the worker works for, and blocks until it has
 * ended. Options as for tr_start_soon; a name must live until the tr_to_thread call has returned. Returns
 * what it returned, with its error. The task is part of the waiting tr_to_thread call: it is cancelled with
 * that, and that does not return before it. Its failure is the worker's to handle, and fails no nursery.
 * Without running fn: TR_ECANCELLED when the call was abandoned; -ENOMEM; TR_EARGUMENT without a function or
 * for a stack of more than 1 GiB; TR_ENORUNTIME on a thread that is no worker, TR_EMISUSE in a task: it would
 * wait for itself. (trio.from_thread.run) */
#define tr_from_thread(fn, ...) TR_FROM_THREAD_(fn, __VA_ARGS__, )
#define TR_FROM_THREAD_(FN, ARG, ...)                                                              \
    tr_from_thread_((FN), (ARG), TR_TASK_OPTIONS_(FN, __VA_ARGS__))
TR_API int tr_from_thread_(int (*fn)(void *), void *arg, const tr_task_options *options) TR_USE_RESULT;

/* On a worker: TR_ECANCELLED once the waiting tr_to_thread call was cancelled, else 0. Does not block.
 * TR_ENORUNTIME and TR_EMISUSE as above. (trio.from_thread.check_cancelled) */
TR_API int tr_thread_cancelled(void) TR_USE_RESULT;

/* ---- doors: from any thread --------------------------------------------------------------------- */

/* A way into a nursery for threads that the library knows nothing of. It is opened by a task, given to
 * the thread, and entered there:
 *
 *     tr_auto(door) door = tr_open_door(nursery);
 *     struct listener *listener = start_listening(tr_keep_door(door));
 *     ...
 *     static void on_event(struct listener *it) { int rc = tr_enter_door(it->door, handle, &it->event); ... }
 *
 * A door is counted and can be kept as long as one likes, beyond the nursery and the run: then it is
 * closed, and says so. Each thread keeps one for itself, so that none is released under another's hands.
 * It holds nothing up: tr_join waits for tasks that came in, not for doors. The thread itself is yours to
 * end: pthread_join it after the nursery's end, or on a worker (tr_to_thread), for a task that blocks is one
 * that nobody coming in by a door can be run beside. */
typedef struct tr_door tr_door;

/* Opens a door into a nursery. No checkpoint. NULL, raised, for a nursery that cannot be used
 * (TR_ECLOSED, TR_EMISUSE), when memory is out, or outside a run; a NULL door refuses. The memory of a
 * door is given back when nobody keeps it and the nursery's block was left. */
TR_API tr_door *tr_open_door(tr_nursery *nursery);

/* Keeps a door once more, for another thread / gives one back and sets it to NULL. On any thread. NULL is
 * allowed. */
TR_API tr_door *tr_keep_door(tr_door *door);
TR_API void tr_release_door(tr_door **door);

/* On any thread but in a task: runs fn(arg) as a task of the door's nursery and blocks until it has
 * ended. Options as for tr_start_soon; a name must live until the nursery's block is left. Returns what it
 * returned, with its error (the thread has a place for its newest error from then on). A failure is the
 * calling thread's to handle and does not fail the nursery. Without running fn: TR_ECLOSED once the nursery
 * has been joined or its block left; TR_ECANCELLED while it is cancelled, so that many threads cannot keep it
 * from ending; -ENOMEM; TR_EMISUSE in a task (it would hold up its own thread), or for NULL; TR_EARGUMENT
 * without a function or for a stack of more than 1 GiB. No cancellation point of pthreads.
 * (trio.from_thread.run with a trio_token) */
#define tr_enter_door(door, fn, ...) TR_ENTER_DOOR_(door, fn, __VA_ARGS__, )
#define TR_ENTER_DOOR_(DOOR, FN, ARG, ...)                                                         \
    tr_enter_door_((DOOR), (FN), (ARG), TR_TASK_OPTIONS_(FN, __VA_ARGS__))
TR_API int tr_enter_door_(tr_door *door, int (*fn)(void *), void *arg, const tr_task_options *options)
    TR_USE_RESULT;

typedef tr_door *tr_door_auto_;
#define tr_door_done_ tr_release_door

#endif

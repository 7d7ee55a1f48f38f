/* Tasks, nurseries and cancel scopes: structured concurrency within one process, with the semantics of
 * Python's trio, whose reference is the place to look up what is only summarised here.
 *
 * A task is a C function on a stack of its own; tasks of one thread take turns, and only at checkpoints.
 * Every task belongs to a nursery, and a nursery cannot be left before all its tasks have ended. The
 * first failure among them cancels the others and comes out of the nursery. A cancel scope cuts short
 * whatever runs inside it, tasks included.
 *
 * Cancellation is level-triggered: inside a cancelled scope every checkpoint returns TR_ECANCELLED,
 * again and again, until the scope is left; the scope that was cancelled absorbs it. Pass it on like any
 * other error (tr_try does). Work that must be done all the same runs in a shielded scope.
 *
 * A task's stack has 64 KiB, the first task's 1 MiB (four times that under sanitizers): large buffers belong
 * into tr_alloc. Overflowing it ends the process, for certain if variables of one function stay below 64 KiB
 * or the program is built with -fstack-clash-protection. (Before Linux 6.13 this holds at once for 10 000
 * stacks only; what happened to others is found when their tasks wait next, or at the latest when they end.)
 *
 * "Checkpoint" below means: the call lets other tasks run, and returns TR_ECANCELLED in a cancelled
 * scope; one that fails for another reason need not do either. Everything else neither lets others run nor
 * notices cancellation. All of it belongs to the
 * thread that entered tr_run or tr_main; a call from outside returns TR_ENORUNTIME, and where it returns nothing
 * but would wake or cut a task of another thread's run it ends the process. (thread.h has the ways to other
 * threads and back.) */
#ifndef TRACTOR_TASK_H
#define TRACTOR_TASK_H

#include "tractor/error.h"

/* A nursery is known by a handle, which is no address: used after its block was left, or in another run, it is
 * refused with TR_ECLOSED; tr_cancel does nothing then, and tr_cancelled is false. */
typedef struct tr_nursery tr_nursery;

/* Runs fn(arg) as the first task of a new scheduler on the calling thread, and returns what it returned
 * once it and everything it started has ended. With a negative result tr_last_error() tells more:
 *
 *     int rc = tr_run(program, NULL);
 *     if (rc < 0)
 *         fputs(tr_error_report(tr_last_error()), stderr);
 *
 * For programs without actors; tr_main includes it. Standard streams that are closed are /dev/null from then
 * on, lest another descriptor be taken for one. TR_EMISUSE inside another run, -ENOMEM, -EMFILE. Not to be
 * called from a task, so no checkpoint. (trio.run) */
TR_API int tr_run(int (*fn)(void *), void *arg) TR_USE_RESULT;

/* ---- time ------------------------------------------------------------------------------------------ */

/* Seconds on a clock that never jumps, from an arbitrary start; the clock of all deadlines. NaN outside
 * a run. (trio.current_time) */
TR_API double tr_now(void);

/* Checkpoints that wait: for so many seconds (0 still is a checkpoint), until a time of tr_now's, or
 * until cancelled. TR_EARGUMENT for a negative or NaN duration. */
TR_API int tr_sleep(double seconds) TR_USE_RESULT;
TR_API int tr_sleep_until(double deadline) TR_USE_RESULT;
TR_API int tr_sleep_forever(void) TR_USE_RESULT;

/* A checkpoint and nothing else. (trio.lowlevel.checkpoint) */
TR_API int tr_checkpoint(void) TR_USE_RESULT;

/* ---- cancel scopes --------------------------------------------------------------------------------- */

/* A cancel scope; made by one of the functions below, run by tr_within, read afterwards. Reading its
 * members is fine at any time; change them by the functions only, once it is entered. Make a new one for
 * each use: entered again it keeps the deadline of the first time, and what it was told by then. */
typedef struct tr_scope {
    double deadline;        /* of tr_now's clock, INFINITY for none; relative until entered if so made */
    bool shield;            /* cancellation from outside does not reach in */
    bool cancel_called;     /* it was cancelled: by its deadline, by tr_scope_cancel, or by a failed
                             * nursery that was left without tr_join */
    bool cancelled_caught;  /* and it has absorbed a TR_ECANCELLED when it was left */
    bool stop_called;       /* it was asked to stop, see below */
    bool relative_, fail_, until_stopped_;
    struct scope *own_;     /* the scheduler's part, while entered */
} tr_scope;

/* A scope that is cancelled so many seconds after it is entered / at a time of tr_now's. What it cuts
 * short counts as success: look at cancelled_caught. (trio.move_on_after, move_on_at) */
TR_API tr_scope tr_move_on_after(double seconds);
TR_API tr_scope tr_move_on_at(double deadline);

/* The same, but what it cuts short fails with TR_ETIMEOUT. (trio.fail_after, fail_at) */
TR_API tr_scope tr_fail_after(double seconds);
TR_API tr_scope tr_fail_at(double deadline);

/* A scope without a deadline, and one that cancellation from outside does not reach into. */
TR_API tr_scope tr_cancel_scope(void);
TR_API tr_scope tr_shield(void);

/* Evaluates an expression of type int inside the scope: tr_within(&limit, work(x)). Its value is the
 * expression's, but 0 if the scope absorbed a cancellation; a failed nursery inside that was left
 * without tr_join comes out here. Entering and leaving are one expression, so neither can be forgotten.
 * A nursery is opened and joined on the same side of it, for instance both in the function that the
 * expression calls. No checkpoint by itself. TR_EARGUMENT when the deadline is NaN or a negative duration,
 * TR_EMISUSE when the scope is in use. */
#define tr_within(scope, ...)                                                                      \
    (tr_scope_enter_((scope), TR_FRAME_, TR_HERE_) < 0 ? tr_refused_()                             \
                                                      : tr_scope_leave_((scope), (__VA_ARGS__)))
TR_API int tr_scope_enter_(tr_scope *scope, void *const *frame, const char *at);
TR_API int tr_scope_leave_(tr_scope *scope, int rc) TR_USE_RESULT;
TR_API int tr_refused_(void) TR_USE_RESULT;

/* Cancels everything inside a scope that is entered; one that is not is cancelled once it is. */
TR_API void tr_scope_cancel(tr_scope *scope);

/* Changes it, also while somebody waits inside. TR_EARGUMENT for NaN. */
TR_API int tr_scope_set_deadline(tr_scope *scope, double deadline);
TR_API void tr_scope_set_shield(tr_scope *scope, bool shield);

/* The earliest deadline that holds for the calling task, -INFINITY if it is cancelled already.
 * (trio.current_effective_deadline) */
TR_API double tr_effective_deadline(void);

/* Graceful cancellation: asking before cutting. A scope that is asked to stop goes on, but the places inside
 * where it waits for new work come to their end: those in a scope of tr_until_stopped(), which is cancelled
 * by it and absorbs that. What is under way can be finished; after `grace` seconds whatever is left is
 * cancelled, with INFINITY never. A shield holds it off like cancellation.
 *
 *     tr_scope idle = tr_until_stopped();
 *     tr_try(tr_within(&idle, tr_receive(orders, &order)));
 *     if (idle.cancelled_caught)
 *         break;
 *     tr_try(serve(&order));
 *
 * Of the library's own functions tr_serve stops by itself; all others go on until the grace is over (for
 * which tr_cancel_reason says "deadline"), so wrap those that wait for a next thing. Asked several times,
 * the earliest end holds. A scope that is not entered is asked once it is. TR_EARGUMENT for a negative or
 * NaN grace. (Not in trio, whose users have discussed it as graceful cancellation.) */
TR_API int tr_scope_stop(tr_scope *scope, double grace);
TR_API tr_scope tr_until_stopped(void);

/* Whether the calling task is asked to stop, or cancelled. No checkpoint. */
TR_API bool tr_stopping(void);

/* Why the calling task is cancelled: "deadline", "explicit" (tr_scope_cancel, tr_cancel), "sibling failed:
 * app.Bad: ..." (a task of the nursery, or its body), "block inside failed: app.Bad: ..." (one with a nursery
 * that was left early), "left early" (that block itself), "cancelled from outside" (a body that ended with
 * TR_ECANCELLED), "asked to stop"; of several scopes the nearest. "" if it is not. In the frame's memory. No
 * checkpoint. */
TR_API const char *tr_cancel_reason(void);

/* ---- nurseries ------------------------------------------------------------------------------------- */

/* How long the actors of a nursery have to end where they do not say it themselves: see actor.h. */
typedef struct tr_nursery_options {
    double grace;           /* seconds; 0: 1 */
    double term_grace;      /* seconds; 0: 1 */
    struct tr_arguments_are_named *named_;
} tr_nursery_options;

/* Opens a nursery in the calling task, which is its host and must join it. Always write
 *
 *     tr_auto(nursery) n = tr_open_nursery();
 *
 * Then leaving the block without tr_join, by any way, cancels everything in the nursery, waits for it,
 * and fails the enclosing scope or nursery with what went wrong (a lone cancellation excepted): nothing
 * outlives the block and no error is lost. NULL when memory is out or there is no runtime; everything
 * below then returns the error. (trio.open_nursery)
 *
 * So there are two ways to write a body. One that leaves by tr_try, and by tr_join at its end, is short,
 * but when a task fails while the body waits, the body's caller sees TR_ECANCELLED, in a scope that is
 * cancelled; the error itself comes out of the enclosing nursery, tr_within or run. A caller that wants to
 * handle the error uses tr_join_with, or tr_within around the call:
 *
 *     tr_scope around = tr_cancel_scope();
 *     int rc = tr_within(&around, fetch_all(list));     // what failed in its nursery, and we go on
 *
 * Without tr_auto a block that is left with the nursery still open ends the process, sooner or later. */
#define tr_open_nursery(...)                                                                       \
    tr_open_nursery_(TR_FRAME_, TR_HERE_, &(const tr_nursery_options){.named_ = NULL, __VA_ARGS__})
TR_API tr_nursery *tr_open_nursery_(void *const *frame, const char *at,
                                    const tr_nursery_options *options);

/* The frame of the function this stands in, by which a block that was left by longjmp is found out. */
#if defined(__x86_64__) || defined(__aarch64__)
#define TR_FRAME_ ((void *const *)__builtin_frame_address(0))
#else
#define TR_FRAME_ NULL
#endif

/* What may be said of a task besides its function. */
typedef struct tr_task_options {
    const char *name;       /* for people; must live as long as the task. The function's name if NULL */
    size_t stack_size;      /* in bytes, rounded up to a power of two; 0 for 64 KiB (256 under sanitizers) */
    const char *fn_, *at_;
} tr_task_options;

/* Starts fn(arg) as a task of the nursery; it runs at one of the caller's next checkpoints. `arg` must
 * live as long as the task does, which the nursery's block outlives. A task that was started does run, up
 * to its first checkpoint at least, also when it is cancelled before: what `arg` hands over to it, it can
 * release. A negative result of fn cancels the nursery and comes out of it; TR_ECANCELLED of a task
 * that is cancelled only cancels the nursery, of another it is nothing; so a task must not pass on what
 * concerns a nursery of its own (tr_join_with). Options by name:
 * tr_start_soon(n, dig, hole, .stack_size = 1 << 20).
 * TR_ECLOSED after the join, TR_EARGUMENT for a stack of more than 1 GiB, -ENOMEM. (nursery.start_soon) */
#define tr_start_soon(nursery, fn, ...) TR_START_SOON_(nursery, fn, __VA_ARGS__, )
#define TR_START_SOON_(NURSERY, FN, ARG, ...)                                                      \
    tr_start_soon_((NURSERY), (FN), (ARG), TR_TASK_OPTIONS_(FN, __VA_ARGS__))
TR_API int tr_start_soon_(tr_nursery *nursery, int (*fn)(void *), void *arg,
                          const tr_task_options *options) TR_USE_RESULT;

/* The same, and waits until the task calls tr_started(value); *ret_value is that value (ret_value may
 * be NULL). If the task fails before, that error is returned here and the nursery lives on; if it ends
 * before, TR_EMISUSE. A checkpoint; cancelled, it waits for the end of the task, which is cancelled too and
 * stays here even if it calls tr_started then, and returns TR_ECANCELLED, unless the task has called it and
 * ended well.
 * (nursery.start, task_status.started) */
#define tr_start(nursery, fn, arg, ...) TR_START_TASK_(nursery, fn, arg, __VA_ARGS__, )
#define TR_START_TASK_(NURSERY, FN, ARG, VALUE, ...)                                               \
    tr_start_((NURSERY), (FN), (ARG), (VALUE), TR_TASK_OPTIONS_(FN, __VA_ARGS__))
#define TR_TASK_OPTIONS_(FN, ...)                                                                  \
    (&(const tr_task_options){__VA_ARGS__ .fn_ = #FN, .at_ = TR_HERE_})
TR_API int tr_start_(tr_nursery *nursery, int (*fn)(void *), void *arg, void **ret_value,
                     const tr_task_options *options) TR_USE_RESULT;
TR_API int tr_started(void *value) TR_USE_RESULT;

/* Waits until everything in the nursery has ended, and closes it. 0, or what went wrong in it: one error
 * or an ErrorGroup. A checkpoint in that it lets others run, in any case, but itself it does not notice
 * cancellation: what is cancelled around it reaches the tasks, and it waits for them. TR_ECANCELLED comes
 * out, with other errors if there are any, when one of them returned it; when all of them end well in spite
 * of it, or there is none, the join has succeeded. Ends the process when a nursery or scope opened after this
 * one is still open: to limit the time of a join, put the whole block into a function and tr_within around
 * its call. */
TR_API int tr_join(tr_nursery *nursery) TR_USE_RESULT;

/* The same for a body with a result of its own, which counts like a task's: a failure cancels the nursery
 * and comes out merged with the others', and TR_ECANCELLED is absorbed if it was this nursery that was
 * cancelled. Returns a positive `rc` when nothing went wrong. A checkpoint as tr_join is.
 *
 *     static int body(tr_nursery *n) { tr_try(...); ... return 0; }
 *     ...
 *     return tr_join_with(n, body(n));
 *
 * (Leaving the block by tr_try instead, the caller gets the error as it is, TR_ECANCELLED included.) */
TR_API int tr_join_with(tr_nursery *nursery, int rc) TR_USE_RESULT;

/* Cancels everything in the nursery, the body included; tr_join then returns 0 unless something else
 * went wrong. Always succeeds, also when repeated. */
TR_API void tr_cancel(tr_nursery *nursery);

/* Asks everything in the nursery to stop, and cancels what is left after `grace` seconds; see tr_scope_stop.
 * TR_EARGUMENT for a negative or NaN grace. */
TR_API int tr_stop(tr_nursery *nursery, double grace);

/* Whether it was cancelled: by tr_cancel, by a failure in it, or by being left early. */
TR_API bool tr_cancelled(const tr_nursery *nursery);

/* tr_auto(nursery): the end of its block. A shielded checkpoint if there is anything left to wait for. */
typedef tr_nursery *tr_nursery_auto_;
TR_API void tr_nursery_done_(tr_nursery **nursery);

/* ---- memory of a task ------------------------------------------------------------------------------ */

/* What calls return (strings, lists) lives in the calling task's innermost frame: by default one that
 * lasts as long as the task. A loop opens its own to run in constant memory:
 *
 *     while (...) { tr_auto(frame) f = tr_open_frame(); tr_try(tr_call(...)); }
 *
 * With its task it is gone: what others will read after that, the captured output of a command for
 * instance, must be copied to memory of theirs first. NULL when memory is out; then the enclosing frame
 * stays in use. */
typedef struct tr_frame tr_frame;
TR_API tr_frame *tr_open_frame(void);
typedef tr_frame *tr_frame_auto_;
TR_API void tr_frame_done_(tr_frame **frame);

/* Zeroed memory in that frame; NULL when there is none. */
TR_API void *tr_alloc(size_t size);

/* Formatted text in that frame; NULL when memory is out. */
TR_API const char *tr_format(const char *format, ...) TR_PRINTF(1, 2);

/* ---- looking inside ------------------------------------------------------------------------------------ */

/* The tree of tasks, nurseries and scopes of this run, a line each: where a task was started and what it
 * waits for, deadlines, shields, cancellation. What stands below a line is cancelled with it. As text in the
 * frame's memory; "" outside a run / to standard error, with the process's number above it, which a process
 * with TRACTOR_DUMP_SIGNAL=USR1 in its environment also does whenever it gets that signal. No checkpoints. */
TR_API const char *tr_task_tree(void);
TR_API void tr_dump_tasks(void);

/* The name of the running task: the function it was started with. "" outside a run. */
TR_API const char *tr_task_name(void);

#endif

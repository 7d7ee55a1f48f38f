/* The log: what the library and the program say of what they do, for whoever looks.
 *
 *     tr_log_info("%zu orders for %s", count, venue);
 *
 * A line has a level. What is below the actor's level is not said, which costs a comparison: its arguments are not
 * even evaluated. The levels are those of Python's tractor, in its order; the library's own lines are there:
 *
 *     trace       1   each frame that is read
 *     transport   5   connections made and lost
 *     debug      10   for programs
 *     runtime    15   actors started, up, enrolled, reaped
 *     info       20   for programs
 *     cancel     22   who cancels what, and the steps by which an actor is ended
 *     warning    30   force that had to be used; what was refused. The usual level
 *     error      40   for programs
 *     critical   50   for programs
 *     none            nothing is said
 *
 * (The numbers are those it has today; the "trace" of its first release, 5, is lower here: it is to show all.)
 *
 * The level is the environment's TRACTOR_LOG, for example "cancel"; which yields to tr_console_log, and that to
 * tr_main's .log. A child begins with what its parent has in that moment, by whatever start method, unless its
 * options have a .log of their own. What is set within tr_main ends with it.
 *
 * A line goes to standard error, in one piece, so that those of several actors do not mix:
 *
 *     2026-03-04T12:34:56.789012Z (donny[b8d3dc09], 29862, say_hello) [info] scene scene.c:12 Action!
 *
 * that is: time (UTC, so that lines of several hosts can be sorted), name and uid of the actor ("-" where there is
 * none), process, task ("worker" on one of thread.h, "-" between tasks), level, subsystem (a program's module, a room
 * of the library's src/), file and line, message. A message has at most 2000 bytes, a line 4096; what is longer ends
 * in "...". Control characters come as "\n" or "\x1b". Lines are coloured if standard error is a terminal, TERM is
 * not "dumb" and NO_COLOR is not set. A line that cannot be written is lost, and that is all: no signal, no error, and
 * errno stays what it was. If nobody reads, writing waits, all tasks with it, as with printf.
 *
 * All of this may be called on any thread, in a run or not, but not in a handler of a signal.
 * None of the functions here is a checkpoint. */
#ifndef TRACTOR_LOG_H
#define TRACTOR_LOG_H

#include "tractor/function.h"

/* name, number */
#define TR_LOG_LEVELS(X)                                                                           \
    X(TR_LOG_TRACE, "trace", 1)                                                                    \
    X(TR_LOG_TRANSPORT, "transport", 5)                                                            \
    X(TR_LOG_DEBUG, "debug", 10)                                                                   \
    X(TR_LOG_RUNTIME, "runtime", 15)                                                               \
    X(TR_LOG_INFO, "info", 20)                                                                     \
    X(TR_LOG_CANCEL, "cancel", 22)                                                                 \
    X(TR_LOG_WARNING, "warning", 30)                                                               \
    X(TR_LOG_ERROR, "error", 40)                                                                   \
    X(TR_LOG_CRITICAL, "critical", 50)                                                             \
    X(TR_LOG_NONE, "none", 1000)

typedef enum tr_log_level {
#define TR_LEVEL_(LEVEL, NAME, NUMBER) LEVEL = (NUMBER),
    TR_LOG_LEVELS(TR_LEVEL_)
#undef TR_LEVEL_
} tr_log_level;

/* ---- choosing -------------------------------------------------------------------------------------- */

/* From now on this actor says what is of this level or above, and so will the children it starts:
 * tr_console_log("trace"). NULL or "": the usual, TRACTOR_LOG's if that is a level. Of another name nothing changes:
 * TR_EARGUMENT, with the names there are; the console has that too, since there may be nobody else to hear of it
 * yet. (tractor.log.get_console_log) */
TR_API int tr_console_log(const char *level);

/* Whether it would be said: the level is that or below, or somebody follows this log at such a one (inspect.h), which
 * neither console nor children nor a callback have anything of. For what is dear to find out: if
 * (tr_log_is_on(TR_LOG_DEBUG)) ... */
#define tr_log_is_on(level) __builtin_expect((level) >= __atomic_load_n(&tr_log_level_, __ATOMIC_RELAXED), 0)
extern TR_API int tr_log_level_;

/* ---- saying ---------------------------------------------------------------------------------------- */

/* As printf, without a newline at the end. The subsystem is the module of the source file: TR_MODULE, or the stem of
 * its name. */
#define tr_log_trace(...) tr_log(TR_LOG_TRACE, __VA_ARGS__)
#define tr_log_transport(...) tr_log(TR_LOG_TRANSPORT, __VA_ARGS__)
#define tr_log_debug(...) tr_log(TR_LOG_DEBUG, __VA_ARGS__)
#define tr_log_runtime(...) tr_log(TR_LOG_RUNTIME, __VA_ARGS__)
#define tr_log_info(...) tr_log(TR_LOG_INFO, __VA_ARGS__)
#define tr_log_cancel(...) tr_log(TR_LOG_CANCEL, __VA_ARGS__)
#define tr_log_warning(...) tr_log(TR_LOG_WARNING, __VA_ARGS__)
#define tr_log_error(...) tr_log(TR_LOG_ERROR, __VA_ARGS__)
#define tr_log_critical(...) tr_log(TR_LOG_CRITICAL, __VA_ARGS__)
#define tr_log(level, ...)                                                                         \
    (tr_log_is_on(level) ? tr_log_((level), TR_MODULE_, __FILE__, __LINE__, __VA_ARGS__) : (void)0)
TR_API void tr_log_(tr_log_level level, const char *module, const char *file, int line, const char *format, ...)
    TR_PRINTF(5, 6) __attribute__((cold));

/* ---- taking ---------------------------------------------------------------------------------------- */

/* One line in parts. All of it is gone when the function that it is given to returns. No string is NULL. */
typedef struct tr_log_record {
    int64_t time_ns;        /* since 1970, UTC, in nanoseconds */
    tr_log_level level;
    const char *level_name;
    const tr_actor *actor;  /* who says it; its name and uuid are "" where there is no actor */
    const char *task;       /* "worker" on a worker thread; "" where there is none */
    const char *subsystem;
    const char *file;       /* without folders */
    int line;
    const char *message;    /* as it was formatted: it may have newlines, and whatever else */
} tr_log_record;

/* Called in whatever thread says something: the run's, a worker, one of the program's own; one call at a time. It may
 * be in the middle of the scheduler's work, so it must not call what is a checkpoint, nor start or cancel anything; it
 * may read the clock, write where that does not wait for long, lock what nobody holds who logs. What would be said
 * in it is lost. */
typedef void tr_log_fn(const tr_log_record *record, void *arg);

/* From now on this process's records are `take`'s, and not the console's; NULL: the console's again. Once it returns
 * the function that was there before is not running any more and will not be called, unless it was that which called
 * here. `arg` stays the caller's, and must live until then. Children do not inherit it; it stays after tr_main. */
TR_API void tr_log_to(tr_log_fn *take, void *arg);

#endif

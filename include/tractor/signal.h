/* Signals of the process, as a stream that a task reads: a server that reloads when it is told to, an end
 * in good order.
 *
 *     tr_auto(signals) s = NULL;
 *     tr_try(tr_open_signals(&s, SIGHUP, SIGTERM));
 *     while ((number = tr_next_signal(s)) == SIGHUP) ... */
#ifndef TRACTOR_SIGNAL_H
#define TRACTOR_SIGNAL_H

#include "tractor/error.h"

typedef struct tr_signals tr_signals;

/* From here on these signals do nothing but wait to be asked for, until it is closed; then what they did
 * before is back; under tr_main, SIGINT and SIGTERM cancel the tree (actor.h). Whoever has them open too, on
 * any thread, gets each as well. No checkpoint. TR_EARGUMENT for no signal at all or what is none, -EINVAL for
 * those that cannot be caught, -ENOMEM. Not for faults such as SIGSEGV. A signal arrives at any thread that does
 * not block it; there must be one. To be closed by the caller, on the run's thread, before the run ends.
 * (trio.open_signal_receiver) */
#define tr_open_signals(ret_signals, ...)                                                          \
    tr_open_signals_((ret_signals), (const int[]){__VA_ARGS__},                                    \
                     sizeof((const int[]){__VA_ARGS__}) / sizeof(int))
TR_API int tr_open_signals_(tr_signals **ret_signals, const int *numbers, size_t count) TR_USE_RESULT;

/* Waits for a signal and returns its number. One that comes again before it was asked for counts once; of
 * several that which came first is first. A checkpoint in every case; when it returns an error none was
 * taken. TR_ECLOSED if it is NULL or closed meanwhile, TR_EMISUSE when another task waits for the next. */
TR_API int tr_next_signal(tr_signals *signals) TR_USE_RESULT;

/* Closes and sets to NULL; may be repeated. Signals that came and were not asked for are raised again, with
 * the effect they had before, which may end the process; whoever has them open still gets them once more.
 * One that comes just when the last closes may have its default effect instead, if a thread other than the
 * run's and its workers does not block it. No checkpoint. */
TR_API void tr_close_signals(tr_signals **signals);

typedef tr_signals *tr_signals_auto_;
#define tr_signals_done_ tr_close_signals

#endif

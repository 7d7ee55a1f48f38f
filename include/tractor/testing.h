/* For your own tests: a clock that jumps, a schedule that a seed decides, waiting for everybody else to wait,
 * and connections in memory. A test that sleeps a year takes no time, gives the same result each time, and
 * needs no guess at how long something takes.
 *
 *     static int a_client_gives_up_after_an_hour(void *arg) { ... tr_sleep(3600) ... }
 *     ...
 *     for (uint64_t seed = 0; seed < 100; seed++)
 *         assert(tr_run_virtually(a_client_gives_up_after_an_hour, NULL, .seed = seed) == 0);
 *
 * A test in which all wait for each other, with no deadline, waits for ever; within a deadline, however far,
 * it fails at once:
 *
 *     tr_scope limit = tr_fail_after(1e9);
 *     return tr_within(&limit, the_test()); */
#ifndef TRACTOR_TESTING_H
#define TRACTOR_TESTING_H

#include "tractor/net.h"
#include "tractor/task.h"

typedef struct tr_virtual_options {
    uint64_t seed;          /* of the order in which tasks that are ready at the same time run; 0 for the
                             * order in which they became ready */
    double threshold;       /* seconds of real time that all must have waited before the clock jumps; for
                             * tests that wait for threads, other processes or the network. 0 by default */
    double start;           /* what tr_now() begins with; 0 by default */
    char named_;
} tr_virtual_options;

/* tr_run, but the clock stands still and jumps to the next deadline when every task waits and nothing else
 * has happened. What is outside is real: descriptors, threads, processes. Not to be called in a task, so no
 * checkpoint. TR_EARGUMENT for negative or NaN options. (trio.testing.MockClock with autojump_threshold) */
#define tr_run_virtually(fn, ...) TR_RUN_VIRTUALLY_(fn, __VA_ARGS__, )
#define TR_RUN_VIRTUALLY_(FN, ARG, ...)                                                            \
    tr_run_virtually_((FN), (ARG), &(const tr_virtual_options){__VA_ARGS__ .named_ = 0})
TR_API int tr_run_virtually_(int (*fn)(void *), void *arg, const tr_virtual_options *options) TR_USE_RESULT;

/* Waits until every other task waits, and nothing has happened for `cushion` seconds of real time: 0 will do
 * where no thread, process or network takes part. Of several callers those with the shortest cushion go
 * first, all at once. A checkpoint. TR_EARGUMENT for a cushion that is negative, NaN or infinite.
 * (trio.testing.wait_all_tasks_blocked) */
TR_API int tr_wait_all_blocked(double cushion) TR_USE_RESULT;

/* Has pieces of different tasks run in a given order, each once: 0, 1, 2, ... All zero is a new one.
 *
 *     one task:      tr_try(tr_in_sequence(&order, 0, first()));  tr_try(tr_in_sequence(&order, 2, third()));
 *     another:       tr_try(tr_in_sequence(&order, 1, second()));
 *
 * A piece may wait and may fail; the next begins when it has ended. (trio.testing.Sequencer) */
typedef struct tr_sequencer {
    unsigned next_;
    bool running_, broken_;
    struct tr_turn_ *waiting_;
} tr_sequencer;

/* Waits for its turn, and evaluates an expression of type int; its value. A checkpoint. TR_EMISUSE if that
 * turn is over or another task has it; TR_EBROKEN, here and everywhere else, once a piece was cancelled
 * before its turn came, since then the others would wait for ever. */
#define tr_in_sequence(sequencer, turn, ...)                                                       \
    (tr_turn_begin_((sequencer), (turn)) < 0 ? tr_refused_()                                       \
                                             : tr_turn_end_((sequencer), (__VA_ARGS__)))
TR_API int tr_turn_begin_(tr_sequencer *sequencer, unsigned turn);
TR_API int tr_turn_end_(tr_sequencer *sequencer, int rc) TR_USE_RESULT;

/* Two ends of a stream in memory, each to be closed by the caller: what is written at one is read at the
 * other. Like a connection in everything, but that writing never waits, however much lies unread. No
 * checkpoint. -ENOMEM. (trio.testing.memory_stream_pair) */
TR_API int tr_memory_pair(tr_conn **ret_a, tr_conn **ret_b) TR_USE_RESULT;

#endif

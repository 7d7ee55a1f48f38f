/* What may come out where threads meet a run. A test of many seeds in which one of these never occurred has
 * not tested what it claims. */
#ifndef TESTS_STRESS_THREADS_OUTCOMES_H
#define TESTS_STRESS_THREADS_OUTCOMES_H

#define OUTCOMES(X)                                                                                \
    X(CALL_VALUE, "a call returned a value")                                                       \
    X(CALL_ERROR, "a call returned an error with its message")                                     \
    X(CALL_CODE, "a call returned a bare code")                                                    \
    X(CALL_NOT_BEGUN, "a call was cancelled before its function began")                            \
    X(CALL_CUT_IN_QUEUE, "a call was cancelled while it waited for the limiter")                   \
    X(CALL_CUT_BUT_DONE, "a call was cancelled while its function ran, and returned its result")   \
    X(CALL_SAID_CANCELLED, "a function noticed that its call was cancelled, and said so")          \
    X(CALL_CLAIMED_CANCELLED, "a function said that it was cancelled, though it was not")          \
    X(CALL_NO_THREAD, "no thread could be started for a call")                                     \
    X(LOOSE_VALUE, "a call that may be abandoned returned a value")                                \
    X(LOOSE_ERROR, "a call that may be abandoned returned an error with its message")              \
    X(LOOSE_CODE, "a call that may be abandoned returned a bare code")                             \
    X(LOOSE_NOT_BEGUN, "a call that may be abandoned was cancelled before its function began")     \
    X(LOOSE_CUT_IN_QUEUE, "a call that may be abandoned was cancelled while it waited for the limiter") \
    X(LOOSE_CUT_BUT_DONE, "a call that may be abandoned was cancelled, and returned its result")   \
    X(LOOSE_SAID_CANCELLED, "the function of a call that may be abandoned said that it was cancelled") \
    X(LOOSE_NO_THREAD, "no thread could be started for a call that may be abandoned")              \
    X(ABANDONED_EARLY, "a call was abandoned before its thread came to the function")              \
    X(ABANDONED, "a call was abandoned while its function ran")                                    \
    X(ABANDONED_BEYOND_RUN, "an abandoned function ended after the run")                           \
    X(LOOK_CALM, "a function saw that its call was not cancelled")                                 \
    X(LOOK_CANCELLED, "a function saw that its call was cancelled")                                \
    X(LOOK_RUN_OVER, "a function looked when the run was over")                                    \
    X(VISIT_VALUE, "from a thread: a value")                                                       \
    X(VISIT_ERROR, "from a thread: an error with its message")                                     \
    X(VISIT_CANCELLED, "from a thread: the task was cancelled with the call")                      \
    X(VISIT_CUT_BUT_DONE, "from a thread: the call was cancelled, and the task still ran")         \
    X(VISIT_TURNED_AWAY, "from a thread: refused, the call had been abandoned")                    \
    X(VISIT_RUN_OVER, "from a thread: refused, the run was over")                                  \
    X(DOOR_VALUE, "by a door: a value")                                                            \
    X(DOOR_ERROR, "by a door: an error with its message")                                          \
    X(DOOR_CANCELLED, "by a door: the task was cancelled with its nursery")                        \
    X(DOOR_NOT_NOW, "by a door: refused, the nursery was cancelled")                               \
    X(DOOR_CLOSED_MEANWHILE, "by a door: refused, the nursery was being left")                     \
    X(DOOR_CLOSED, "by a door: refused, the nursery had been left")                                \
    X(DOOR_RUN_OVER, "by a door: refused, the run was over")                                       \
    X(DOOR_OF_OWN_RUN, "a worker entered a door of its own run")                                   \
    X(DOOR_OF_ANOTHER_RUN, "a worker entered a door of another run")                               \
    X(MISUSED_BY_TASK, "a task tried to enter a door, and was refused")                            \
    X(MISUSED_BY_STRANGER, "a stranger tried what only workers may, and was refused")              \
    X(HOUSE_JOINED, "a nursery was joined")                                                        \
    X(HOUSE_CANCELLED, "a nursery was cancelled and joined")                                       \
    X(HOUSE_LEFT, "the block of a nursery was left without a join")                                \
    X(HOUSE_FAILED, "a nursery failed")                                                            \
    X(LIMIT_REACHED, "a deadline cut something short")                                             \
    X(LIMIT_CHANGED, "a limiter was changed while in use")                                         \
    X(RUN_WELL, "a run ended well")                                                                \
    X(RUN_FAILED, "a run ended with an error")                                                     \
    X(RUN_LEFT_FUNCTIONS, "a run ended while abandoned functions were at work")                    \
    X(RUN_BESIDE_ANOTHER, "a run ended while another one was on its way")                          \
    X(RUN_ON_WORKER, "a run on a worker thread")                                                   \
    X(RUN_ON_STRANGER, "a run on a stranger's thread")

enum outcome {
#define OUTCOME_(NAME, TEXT) NAME,
    OUTCOMES(OUTCOME_)
#undef OUTCOME_
    OUTCOME_KINDS
};

#endif

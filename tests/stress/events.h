/* What may come out of all the things that can be asked for. A run of many seeds in which one of these never
 * occurred has not tested what it claims. */
#ifndef TESTS_STRESS_EVENTS_H
#define TESTS_STRESS_EVENTS_H

#define EVENTS(X)                                                                                  \
    X(TASK_DONE, "a task ended well")                                                              \
    X(TASK_FAILED, "a task failed")                                                                \
    X(TASK_CANCELLED, "a task ended cancelled")                                                    \
    X(SCOPE_UNTOUCHED, "a scope was left, never cancelled")                                        \
    X(SCOPE_CAUGHT, "a scope absorbed its cancellation")                                           \
    X(SCOPE_PASSED_ON, "a scope was cancelled, but so was one around it, which absorbed it")       \
    X(SCOPE_NOT_NEEDED, "a scope was cancelled, and what ran in it ended all the same")            \
    X(SCOPE_TOO_SLOW, "a scope failed at its deadline")                                            \
    X(SCOPE_FAILED_INSTEAD, "a scope was cancelled, and an error came out")                        \
    X(SCOPE_WITH_PENDING, "a scope was failed by a nursery that was left without a join")          \
    X(SCOPE_STOPPED, "a scope until stopped was stopped")                                          \
    X(JOIN_OF_NONE, "an empty nursery was joined")                                                 \
    X(JOIN_GOOD, "a nursery was joined, and all was well")                                         \
    X(JOIN_FAILED, "a nursery was joined, and one error came out")                                 \
    X(JOIN_FAILED_TWICE, "a nursery was joined, and several errors came out")                      \
    X(JOIN_CUT, "a nursery was joined, cancelled from outside")                                    \
    X(JOIN_CUT_AND_FAILED, "a nursery was joined, cancelled from outside, and errors came out")    \
    X(JOIN_ABSORBED, "a nursery absorbed its own cancellation")                                    \
    X(JOIN_WHILE_CUT, "a task that was cancelled already waited for its nursery")                  \
    X(LEFT_WELL, "a nursery was left without a join, and nothing was wrong")                       \
    X(LEFT_WITH_ERRORS, "a nursery was left without a join, and its errors went to the block around") \
    X(SLEPT, "a sleep was over")                                                                   \
    X(SLEEP_CUT, "a sleep was cancelled")                                                          \
    X(SLEEP_CUT_AT_ITS_END, "a sleep was cancelled at the very moment it was over")                \
    X(CHECKPOINT_PASSED, "a checkpoint was passed")                                                \
    X(CHECKPOINT_CUT, "a checkpoint told of cancellation")                                         \
    X(SENT, "an item was sent")                                                                    \
    X(SENT_AFTER_WAIT, "an item was sent after a wait")                                            \
    X(SEND_BROKEN, "a send failed since nobody would receive")                                     \
    X(SEND_BROKEN_WAITING, "a wait to send failed since nobody would receive any more")            \
    X(RECEIVED, "an item was received")                                                            \
    X(RECEIVED_AFTER_WAIT, "an item was received after a wait")                                    \
    X(RECEIVED_END, "a channel's end was received")                                                \
    X(RECEIVED_END_WAITING, "a channel's end was received after a wait")                           \
    X(CHANNEL_CUT, "a wait at a channel was cancelled")                                            \
    X(CHANNEL_CUT_BEFORE, "a task that was cancelled already came to a channel")                   \
    X(CHANNEL_CUT_TOO_LATE, "a wait at a channel succeeded just before it would have been cancelled") \
    X(CHANNEL_CLOSED, "a handle was closed already")                                               \
    X(SELECT_SECOND, "the second of two channels was taken")                                       \
    X(SELECT_AFTER_WAIT, "one of two channels was taken after a wait")                             \
    X(NOW_SENT, "an item was sent without waiting")                                                \
    X(NOW_FULL, "a channel was full")                                                              \
    X(NOW_BROKEN, "a channel was broken")                                                          \
    X(NOW_RECEIVED, "an item was received without waiting")                                        \
    X(NOW_EMPTY, "a channel was empty")                                                            \
    X(NOW_END, "a channel was at its end")                                                         \
    X(STARTED, "a task was started and moved")                                                     \
    X(STARTED_TOO_LATE, "a task said it had started, but was cancelled, and stayed")               \
    X(STARTED_AND_GOOD, "and ended well all the same")                                             \
    X(START_FAILED, "a task failed before it had started")                                         \
    X(START_NEVER, "a task ended before it had started")                                           \
    X(START_CUT, "a start was cancelled")                                                          \
    X(BEGAN_CUT, "a task began, cancelled already")                                                \
    X(ORDER_TOO_LATE, "a task was woken just before it would have been cancelled")                 \
    X(IGNORED, "a cancellation was ignored")                                                       \
    X(IGNORED_AGAIN, "and came again")                                                             \
    X(FAILED_INSTEAD, "a task failed when it was cancelled")                                       \
    X(CLEANED_UP, "a task cleaned up behind a shield when it was cancelled")                       \
    X(SHIELD_HELD, "a task behind a shield went on in a cancelled scope")                          \
    X(SHIELD_RAISED, "a shield was switched on in a cancelled scope")                              \
    X(SHIELD_DROPPED, "a shield was switched off in a cancelled scope")                            \
    X(DEADLINE_PUT_OFF, "a deadline was put off in time")                                          \
    X(BORN_DEAD, "a scope was entered after its deadline")                                         \
    X(WHY_EXPLICIT, "the reason was: explicit")                                                    \
    X(WHY_DEADLINE, "the reason was: deadline")                                                    \
    X(WHY_SIBLING, "the reason was: sibling failed")                                               \
    X(WHY_INSIDE, "the reason was: block inside failed")                                           \
    X(WHY_LEFT, "the reason was: left early")                                                      \
    X(WHY_OUTSIDE, "the reason was: cancelled from outside")                                       \
    X(WHY_STOP, "the reason was: asked to stop")                                                   \
    X(ALL_GOOD, "everything ended well")                                                           \
    X(ALL_FAILED, "an error came out of everything")

enum event {
#define EVENT(NAME, TEXT) NAME,
    EVENTS(EVENT)
#undef EVENT
        EVENT_KINDS
};

#endif

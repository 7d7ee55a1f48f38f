/* Planted bugs: deliberate faults, to see that the tests find them. They exist only in objects compiled
 * with TR_PLANTS (the library that sim_planted is linked with); in every other build a plant is the
 * constant false. One is chosen when a run begins, and does its harm every so many times that the code
 * comes by. */
#ifndef BASE_PLANT_H
#define BASE_PLANT_H

#include <stdbool.h>

/* Name, what it is called, how often it strikes: each time, every second time ... */
#define PLANTS(X)                                                                                          \
    X(LOST_ANSWER, "lost answer", 7)         /* of a call */                                               \
    X(DOUBLE_RUN, "double run", 7)           /* a function is run twice for one call */                    \
    X(MISSED_CANCEL, "missed cancel", 1)     /* a callee is not told that its caller has given up */       \
    X(SKIPPED_KILL, "skipped kill", 1)       /* the last step of the ladder is forgotten */                \
    X(EXIT_BEFORE_RESULT, "exit before result", 1) /* what an ended process had sent is not read */        \
    X(UNLINKED_WAITER, "unlinked waiter", 3) /* the loss of a connection does not end a call on it */      \
    X(STALE_CALL_ID, "stale call id", 1)     /* is used again while its late answer may come */            \
    X(DROPPED_ERROR, "dropped error", 1)     /* an actor's failure does not fail its nursery */            \
    X(NOT_REAPED, "not reaped", 2)           /* a nursery is left while its actor lives */                 \
    X(STREAM_GAP, "stream gap", 50)          /* a value gets lost */                                       \
    X(FALSE_END, "false end", 1)             /* a stream that failed ends as if it were complete */        \
    X(LEAK, "leak", 3)                       /* of an error */                                             \
    X(ENDLESS_GRACE, "endless grace", 1)     /* a caller that gave up waits as long as it takes */         \
    X(KEPT_DEADLINE, "kept deadline", 1)     /* a callee is not told that there is more time */            \
    X(HELD_LIFELINE, "held lifeline", 1)     /* a child holds the end whose loss should kill it */         \
    X(SKIPPED_HOOK, "skipped hook", 3)       /* an actor ends without those that were added */             \
    X(HOOK_TWICE, "hook twice", 3)           /* one stays on the list when it is called */                 \
    X(LOST_LINES, "lost lines", 1)           /* what the dead had printed is not read */                            \
    X(LOST_SERVER, "lost server", 1)         /* an actor is not told of the one its tree has */            \
    X(FORGOTTEN_NOTE, "forgotten note", 3)   /* a statespace is as it was at first for who asks again */ \
    X(WHOLE_GRACE, "whole grace", 1)         /* an actor that is to end gives its own as long as ever */    \
    X(LESS_CREDIT, "less credit", 1)         /* a window shrinks by one value's cost with each grant */     \
    X(OVERDRAFT, "overdraft", 1)             /* a value is sent when there is no credit left, just not */  \
    X(LOST_END, "lost end", 1)               /* a context is not told that there is no more */              \
    X(VALUE_AFTER_END, "value after end", 1) /* another task, which waits to send, sends after it */        \
    X(KEPT_CREDIT, "kept credit", 1)         /* what is dropped unread makes no room */                     \
    X(LOST_WORD, "lost word", 3)             /* the first one of a context */                               \
    X(SKIPPED_READER, "skipped reader", 7)   /* one of two does not get a value */                          \
    X(UNCOUNTED_DROP, "uncounted drop", 5)   /* a value is dropped, and not counted */                      \
    X(LONE_SENDER, "lone sender", 1)         /* behind a shield, it is not told that its caller has left */ \
    X(MISSED_BELL, "missed bell", 7)         /* of a ring: somebody sleeps on */                           \
    X(LATE_SWITCH, "late switch", 1)         /* what belongs into a ring still goes by the socket */       \
    X(EARLY_LOAN, "early return", 3)         /* what was lent is given back while it is still read */      \
    X(KEPT_LOAN, "kept loan", 5)             /* or never */                                                \
    X(LOST_LOAN, "lost loan", 1)             /* what was not sent after all is lent for ever */            \
    X(DOUBLE_LOAN, "double loan", 1)         /* what is lent is lent again */                              \
    X(TAKEN_SHELF, "taken shelf", 1)         /* an idle one is taken away with what is lent on it */       \
    X(KEPT_SHELF, "kept shelf", 1)           /* it outlives its session */

/* Those that harm only between two instructions, or by a peer that means harm: the model of the rings finds them. */
#define RING_PLANTS(X)                                                                                     \
    X(RING_EARLY_INDEX, "early index", 1)    /* bytes are announced before they are there */               \
    X(RING_EARLY_ROOM, "early room", 1)      /* room is announced before its bytes are taken */            \
    X(RING_LATE_INDEX, "late index", 1)      /* may be seen after it was looked who sleeps */              \
    X(RING_NO_SECOND_LOOK, "no second look", 1) /* before sleeping */                                      \
    X(RING_NO_BELL, "no bell", 1)            /* nobody is woken */                                         \
    X(RING_UNCHECKED, "unchecked index", 1)  /* what the peer says is believed */                          \
    X(RING_TWO_LOADS, "two loads", 1)        /* what is used is not what was checked */

#define PLANT_NUMBER_(name, text, often) PLANT_##name,
enum plant { PLANT_NONE, PLANTS(PLANT_NUMBER_) PLANT_END, RING_PLANTS(PLANT_NUMBER_) PLANT_RING_END };

#ifdef TR_PLANTS
/* Chooses one, for all runtimes of the process, and begins to count anew. */
void plant_choose(enum plant which);
bool plant_strikes(enum plant which);
#define planted(name) plant_strikes(PLANT_##name)
#else
#define planted(name) false
#endif

#endif

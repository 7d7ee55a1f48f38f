/* What the scheduler promises, in the simplest terms there are: arrays, and a walk to the root for every
 * question. The stress test applies each command to the model and to the library, tells the model in which
 * order the tasks really ran, and compares what they saw.
 *
 * The model shares no code with the library, knows nothing of queues, stacks and lists of waiters, and keeps
 * no flag that could be computed. It does not say in which order tasks run that are ready at the same time:
 * any will do, and it follows the one it is told. */
#ifndef TESTS_STRESS_MODEL_H
#define TESTS_STRESS_MODEL_H

#include <stdbool.h>
#include <stdint.h>

enum { TASKS = 60, BLOCKS = 160, CHANNELS = 3, FAILURES = 48, WANTS = 2, NOBODY = -1, DRIVER = -1 };

/* Time is counted in ticks, of which a second has so many that they can be told exactly in a double. */
enum { TICKS = 512 };
typedef int64_t ticks;
#define NEVER INT64_MAX
#define CUT INT64_MIN           /* the effective deadline of who is cancelled */

/* What came out of something: a set of errors, as bits. */
typedef uint64_t outcome;
#define CANCELLED ((outcome)1)
#define FAILED(number) ((outcome)2 << (number))
#define CLOSED ((outcome)1 << 59)
#define TOO_SLOW ((outcome)1 << 60)
#define BROKEN ((outcome)1 << 61)
#define MISUSE ((outcome)1 << 62)
#define SURPRISE ((outcome)1 << 63)

/* What can be asked for. Orders are carried out by the task they are given to, the rest by the driver. */
#define COMMANDS(X)                                                                                \
    X(ORDER_SLEEP, "a task sleeps", 10)                                                            \
    X(ORDER_CHECKPOINT, "a task passes a checkpoint", 4)                                           \
    X(ORDER_CHANNELS, "a task sends or receives", 22)                                              \
    X(ORDER_SELECT, "a task selects", 8)                                                           \
    X(ORDER_SCOPE, "a scope is entered", 8)                                                        \
    X(ORDER_MOVE_ON, "a scope with a deadline is entered", 8)                                      \
    X(ORDER_FAIL_AFTER, "a scope that fails at its deadline is entered", 6)                        \
    X(ORDER_SHIELD, "a shield is entered", 6)                                                      \
    X(ORDER_UNTIL_STOPPED, "a scope until stopped is entered", 6)                                  \
    X(ORDER_NURSERY, "a nursery is opened", 16)                                                    \
    X(ORDER_LEAVE, "a block is left", 7)                                                           \
    X(ORDER_FAIL, "a block fails", 4)                                                              \
    X(ORDER_START_SOON, "a task starts another soon", 20)                                          \
    X(ORDER_START, "a task starts another and waits", 16)                                          \
    X(ORDER_STARTED, "a task says that it has started", 16)                                        \
    X(ORDER_CANCEL, "a task cancels a block around it", 3)                                         \
    X(START_SOON, "a task is started from far", 10)                                                \
    X(CANCEL, "a block is cancelled from far", 5)                                                  \
    X(STOP, "a block is asked to stop", 5)                                                         \
    X(SET_DEADLINE, "a deadline is changed", 8)                                                    \
    X(SET_SHIELD, "a shield is switched", 8)                                                       \
    X(SEND_NOW, "something is sent without waiting", 8)                                            \
    X(RECEIVE_NOW, "something is received without waiting", 8)                                     \
    X(CLOSE_SENDER, "a channel's sender is closed", 3)                                             \
    X(CLOSE_RECEIVER, "a channel's receiver is closed", 3)                                         \
    X(REOPEN, "a channel is opened anew", 8)                                                       \
    X(PREPARE, "a task gets ready for its cancellation", 10)                                       \
    X(ADVANCE, "time passes", 50)

enum command_kind {
#define KIND(NAME, TEXT, WEIGHT) NAME,
    COMMANDS(KIND)
#undef KIND
        COMMAND_KINDS
};
#define LAST_ORDER ORDER_CANCEL

/* What a task does when its wait is cancelled, once: hand it on, wait again, fail instead, or sleep behind a
 * shield first. */
enum prepared { TO_PASS, TO_IGNORE, TO_FAIL, TO_CLEAN_UP, PREPARED_KINDS };

struct want {
    int channel;
    bool sends;
};

struct command {
    enum command_kind kind;
    int task;                   /* who gets the order, or is prepared */
    int block;                  /* that is meant, or in which something starts */
    int new_block, new_task;    /* their numbers, where one is made */
    int between;                /* the number of the nursery inside tr_start */
    bool alone;                 /* nothing else may happen in the same step */
    bool flag;                  /* of SET_SHIELD: on */
    bool tolerant;              /* failures of the block that is opened are no concern of what is around */
    bool joins_not;             /* the nursery that is opened is left without a join */
    int number;                 /* of a failure; of a channel */
    int item;                   /* that is sent */
    ticks time;                 /* a duration; for SET_DEADLINE and ADVANCE a time */
    enum prepared prepared;
    struct want wants[WANTS];
};

/* Where a task waits, if it does. */
enum waits {
    BEGINNING, FOR_ORDERS, ASLEEP, AT_CHECKPOINT, AT_CHANNELS, IN_JOIN, IN_START, CLEANING_UP, ENDED, RUNNING
};

/* What a task sees when its wait is over: what the call returned, and the circumstances then. */
struct sight {
    int task;
    enum waits from;
    outcome out;
    int value;                  /* the item received, 0 at the end; of a select 1000 times its index more */
    ticks deadline;             /* the effective one */
    bool stopping;
    char why[24];               /* the beginning of the reason, or "" */
};

struct block {
    enum { SCOPE, NURSERY, TASK } kind;
    bool open, hidden;          /* hidden: of a call, nobody else can mean it */
    bool shield, cancel_called, caught, stop_called, until_stopped;
    bool fails;                 /* with TOO_SLOW, if it cuts something short */
    bool tolerant;
    bool joins_not, joining, closed;
    int parent, host;
    ticks deadline;
    const char *why;
    outcome errors, pending, body, out;
    int tasks, starting;        /* in a nursery */
};

struct task {
    enum waits waits;
    bool ready;
    int block, base, home;      /* the innermost; its own; the nursery it is in */
    int depth;                  /* of blocks it is in, hidden ones not counted */
    int starts_in, starter;     /* a task of tr_start: where it will be, who waits */
    bool has_started;           /* of a task in tr_start: the other one has */
    outcome got;
    bool time_over;
    ticks wakes;
    int value, item;
    bool waited, tolerates;     /* at a channel; failures of the nursery that was joined last */
    struct command order;
    enum prepared prepared;
    int prepared_failure, prepared_block;
    ticks prepared_time;
    int want_count, since;      /* what it waits for at channels, in the order of `since` */
    struct want wants[WANTS];
    bool wants_left_out[WANTS];
};

struct channel {
    int capacity, count, items[8];
    int senders, receivers;
    bool sender_open, receiver_open;    /* the driver's own */
};

/* How often each outcome occurred, over all seeds. */
extern long model_events[];

extern struct model {
    struct task tasks[TASKS];
    struct block blocks[BLOCKS];
    struct channel channels[CHANNELS];
    int task_count, block_count, waits_begun;
    ticks now;
} model;

/* An empty world with one nursery, block 0, the driver's. */
void model_reset(ticks now);

/* Carries a command out; for the two of the driver that have a result, that: 0 sent, the item received or 0
 * for the end, -1 not now, -2 broken. */
int model_apply(const struct command *command);

/* All has been said; what the clock has to say is next. */
void model_look_at_clock(void);

/* The task goes on, having seen this. NULL, or how the model begs to differ. */
const char *model_resume(const struct sight *sight);

/* The driver joins its nursery; what comes out. */
outcome model_join_all(void);

/* When the next deadline or the end of a sleep is; NEVER if there is none. */
ticks model_next_time(void);

bool model_is_cancelled(int block);

#endif

/* Kills and stops: what a seed has planned for a tree, when it strikes, and whom.
 *
 * A plan waits for a phase: until it has been entered so many times by anybody in the tree. Then, after some more
 * microseconds, the victims are chosen, first of all one that is in this phase now, and the signals sent, one after
 * the other, at once or with pauses between them.
 *
 * One exception: a process that is stopped before its exec is let go on, unless that is asked for. It may not have
 * made its first system call yet; nothing binds it to its parent then, and if that is killed it stays. Linux has no
 * means against it that the library could use: what is promised is about any set of processes that is killed. */
#ifndef CHAOS_STRIKE_H
#define CHAOS_STRIKE_H

#include "observer.h"

/* name, text, how many in a hundred */
#define STRIKES(X)                                                                                         \
    X(KILL_ONE, "kill one", 22)                                                                            \
    X(KILL_SOME, "kill some", 18)                                                                          \
    X(KILL_ROOT, "kill root", 22)                                                                          \
    X(KILL_ROOT_AND_SOME, "kill root and some", 16)                                                        \
    X(STOP_ONE, "stop one", 4)                                                                             \
    X(STOP_SOME, "stop some", 3)                                                                           \
    X(STOP_SOME_KILL_ROOT, "stop some, kill root", 10)                                                     \
    X(PAUSE_SOME, "pause some", 5)  /* stopped, and continued; the root may be one of them */

#define AS_STRIKE(name, text, often) name,
enum strike { STRIKES(AS_STRIKE) STRIKE_COUNT };
extern const char *const strike_names[];

struct strike_plan {
    enum strike kind;
    enum phase phase;
    unsigned entered;           /* so many times, all processes taken together */
    int64_t delay_ns, gap_ns, pause_ns;
    uint64_t count;             /* of victims, the root not counted */
    uint64_t random;            /* decides who */
    bool stop_newborn;          /* no exception */
};

struct victim {
    pid_t pid;
    bool killed;
    char name[32];              /* the kernel's, when it was chosen; "" if it was gone by then */
    bool serves;                /* it is no actor, but what they are forked from */
    enum phase phase;           /* when it was chosen; of the dead what the board says afterwards */
};

struct strike_done {
    bool struck;                /* false: the phase never came, or there was nobody left */
    int victim_count;
    struct victim victims[SEEN_MOST];
    enum phase phase;           /* the plan's, if anybody was in it, else the first victim's */
    bool root_killed;
    int64_t root_killed_ns;
};

struct strike_plan strike_draw(uint64_t seed, bool stop_newborn);
void strike_print(const struct strike_plan *plan, FILE *to);

/* Waits for the moment, at most until then, and strikes. What comes of it is not waited for. */
void strike(const struct strike_plan *plan, struct observer *observer, int64_t until_ns,
            struct strike_done *ret_done);

/* After the end: which phases the dead were in. */
void strike_look_at_dead(struct strike_done *done, struct board *board);

/* Whether a root that lives will have to wait for its own time limit. */
bool strike_stops(const struct strike_plan *plan);

#endif

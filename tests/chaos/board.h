/* What the observer and the tree under test both see: a piece of shared memory, on which each actor says who it is
 * and which phase of its life it is in.
 *
 * It outlives whoever wrote on it: the phase that a killed process was in is the one that stands there after its
 * death, with no guess at what it did between a look and the signal. Only a process that has not come as far as
 * main is not on it; whoever is known to the observer and not to the board is SPAWNING.
 *
 * A phase is entered by the process itself, but for two that only its parent can tell: that it is up (IDLE), and
 * that it has been told to end (EXITING), which is for good. A process that dies before EXITING has died of no
 * wish of its parent's: that must be an error.
 *
 * The board is a memory file of the observer's; the tree finds it, and a pipe with which it rings for the
 * observer's attention, by the environment. Nothing is inherited, since an actor inherits nothing. */
#ifndef CHAOS_BOARD_H
#define CHAOS_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PHASES(X)                                                                                          \
    X(SPAWNING, "spawning")     /* started, and not yet in main */                                         \
    X(HANDSHAKE, "handshake")   /* in main, and not yet up */                                              \
    X(IDLE, "idle")                                                                                        \
    X(CALLING, "calling")       /* runs a function, or waits for one */                                    \
    X(CANCELLING, "cancelling") /* a call is being cancelled, here or by it */                             \
    X(EXITING, "exiting")       /* has been told to end, or ends by itself */

#define AS_PHASE(name, text) name,
enum phase { PHASES(AS_PHASE) PHASE_COUNT };
extern const char *const phase_names[];

#define WEATHERS(X)                                                                                        \
    X(CLEAR, "clear")                                                                                      \
    X(DELAY, "delay")           /* each piece by up to 5 ms */                                             \
    X(PARTIAL, "partial")       /* pieces of 200 bytes at most */                                          \
    X(RESET, "reset")           /* after some bytes */                                                     \
    X(HOLE, "black hole")       /* after some bytes nothing more comes through, either way */              \
    X(FLIP, "bit flips")        /* now and then */

#define AS_WEATHER(name, text) name,
enum weather { WEATHERS(AS_WEATHER) WEATHER_COUNT };
extern const char *const weather_names[];

enum { PLACES_MOST = 128, REPORT_ROOM = 16 * 1024 };

struct place {
    _Atomic int pid;            /* 0: nobody's yet */
    _Atomic int phase;
    _Atomic int weather;        /* of its connections by way of the proxy */
    _Atomic bool connected;     /* there was one */
};

struct board {
    _Atomic unsigned entered[PHASE_COUNT]; /* how often each phase was entered, by anybody */
    _Atomic unsigned taken;
    struct place places[PLACES_MOST];

    /* What the root is told, before it starts: */
    uint64_t seed;
    double limit_s;             /* for the whole play */
    enum weather weather;       /* of those that have one */
    bool everybody_has;
    bool host_dies, host_stops;
    uint64_t most_descriptors, most_memory; /* of each process; 0: no limit but the usual */
    _Atomic int64_t clock_offset_s; /* of the wall clock, which may change any time */

    /* What it says at its end: */
    _Atomic bool concluded;
    bool failed, out_of_time, names_a_death;
    char report[REPORT_ROOM];

    /* What it counts and what was wrong in it, as long as it lives: */
    _Atomic bool host_is_up;
    _Atomic uint64_t good, bad; /* outcomes of calls: a value, an error */
    struct {
        uint64_t descriptors, memory_kib;
    } early, late;              /* what a root had, early in its life and at its end */
    _Atomic int wrong;
    char what_was_wrong[512];
};

/* ---- of the observer ------------------------------------------------------------------------------ */

/* Makes a board with its bell, and sets the environment in which a tree finds them. The ends are the caller's;
 * NULL when it cannot be made. */
struct board *board_make(int *ret_memory, int *ret_bell);

/* The place of a process; NULL if it has none. */
struct place *board_find(struct board *board, int pid);

/* ---- of the tree ---------------------------------------------------------------------------------- */

/* The board, once board_join was called: at the beginning of main, in every process. Without a board nothing
 * that follows does anything. */
struct board *board_join(void);

struct board *board_own(void);
struct place *board_own_place(void);

/* This process enters a phase; one that is EXITING stays so. */
void board_enter(enum phase phase);
enum phase board_phase(void);

/* Of a child: it is up / it has been told to end. */
void board_is_up(int pid);
void board_is_told_to_end(int pid);

/* A child is about to be started. */
void board_will_start(void);

/* The first thing that is wrong is kept, the others are counted. Always returns false. */
bool board_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

void board_ring(void);

#endif

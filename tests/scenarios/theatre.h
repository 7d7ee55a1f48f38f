/* Scenarios in the fake world, in the words of what happens:
 *
 *     static void a_killed_actor_ends_the_call_on_it(void **state)
 *     {
 *         struct theatre *theatre = raise_curtain(1, call_for_ever);
 *         run_until_said(theatre, "called");
 *         kill_actor(theatre, "donny");
 *         expect_outcome(theatre, "ActorDied");
 *         expect_nothing_left(theatre);
 *     }
 *
 * `call_for_ever` is the main function of the root, as for tr_main; it says "called" by say("called"). */
#ifndef TESTS_THEATRE_H
#define TESTS_THEATRE_H

#include "world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <tractor.h>

struct theatre {
    struct world *world;
    struct host *host;
    struct process *root;
    int (*director)(void *);
    const char *arbiter;            /* of roots that begin from here on; NULL: their own */
    const char *start_method;       /* likewise; NULL: spawn */
    bool on_network;                /* likewise: they listen at their hosts' names too, and may dial other hosts */
    const char *listen, *advertise; /* likewise, instead: at this address; NULL: nowhere else */
    double lost_after;              /* likewise; 0: the usual */
    bool visitors;                  /* they are no more than that */
    char said[4096];                /* all that was said, a word a line */
    const char *awaited, *log;      /* of the root, "error" at first */
    char outcome[8192];             /* the root's error, as a report; "" while there is none */
    char shape[1024];               /* the same in one line: see expect_shape */
    bool ended;
};

/* A world with one host and a root that runs `director`; the last of the test ends it. */
struct theatre *raise_curtain(uint64_t seed, int (*director)(void *));

/* Another root on the same host / on another one. */
struct process *another_root(struct theatre *theatre);
struct process *another_root_on(struct theatre *theatre, struct host *host);

/* The same in one: a root that runs `director`, on a new host of that name (NULL: the first root's). */
void let_in(struct theatre *theatre, int (*director)(void *), const char *host);

/* In any process: tells the test. */
void say(const char *word);

/* In a director: tells the test of a failure, of which nobody hears where it is not the first root's. Its `rc`. */
int fail_of(int rc);

/* Goes on until it was said / that many seconds are over / nothing moves any more; fails the test if
 * that takes a minute. */
void run_until_said(struct theatre *theatre, const char *word);
void run_for(struct theatre *theatre, double seconds);
void run_to_the_end(struct theatre *theatre);

void kill_actor(struct theatre *theatre, const char *name);
void stop_actor(struct theatre *theatre, const char *name);
void wake_actor(struct theatre *theatre, const char *name);
void cut_actors(struct theatre *theatre, const char *a, const char *b);
void heal_actors(struct theatre *theatre, const char *a, const char *b);
void reset_actors(struct theatre *theatre, const char *a, const char *b);

double seconds_now(const struct theatre *theatre);

/* Runs to the end. The root's error has this type somewhere in it; NULL: it has none. */
void expect_outcome(struct theatre *theatre, const char *type);

/* The same, and the error is exactly this: "middle > leaf > app.Bad(why)@leaf" is one that was raised in the
 * actor leaf and came through two boxes; a group is "[a, b]", its members in the order of their texts. */
void expect_shape(struct theatre *theatre, const char *shape);

/* Tells all roots to end, and expects nothing left. */
void end_all(struct theatre *theatre);

/* All processes, descriptors, files and allocations are gone, and no invariant was broken. Ends the world. */
void expect_nothing_left(struct theatre *theatre);

/* ---- plays that check by themselves -------------------------------------------------------------------------- */

/* In what a director does: a failure is an error that fails the run. */
#define want(...)                                                                                            \
    do {                                                                                                     \
        if (!(__VA_ARGS__))                                                                                  \
            return tr_raise("test.Failed", "line %d: not so: %s", __LINE__, #__VA_ARGS__);                   \
    } while (0)

/* An actor "donny" is started, which serves the module, and `body` has to do with it; then it is ended. */
int with_donny(const char *module, int (*body)(tr_portal *donny));

/* The same actor stays, and "open" is said. */
int be_open_with_donny(const char *module);

/* play_name, a director who does that. */
#define PLAY(name)                                                                                           \
    static int play_##name(void *arg)                                                                        \
    {                                                                                                        \
        (void)arg;                                                                                           \
        return with_donny(TR_MODULE, name);                                                                  \
    }

/* The scenario in which a play comes to a good end, for several seeds, and this is said in it (NULL: anything). */
void expect_success(int (*director)(void *), const char *said);
#define SUCCEEDS(scenario, director, said)                                                                   \
    static void scenario(void **state)                                                                       \
    {                                                                                                        \
        (void)state;                                                                                         \
        expect_success(director, said);                                                                      \
    }

#endif

/* A play: what a seed makes of a world, and what became of it.
 *
 * The plan is a tree of scenes. A scene is a nursery in some actor: it starts actors, takes its steps
 * one after the other (calls, streams, cancellations ...), and joins. Each actor that is started has a
 * scene of its own to play, as its main function or when it is called to. Into this fall faults, each
 * after so many steps of the world. From other trees come visitors, who call its root and its actors.
 *
 * The ledger is what an observer writes down who sees into every process at once: each call with its
 * outcomes and how often it was executed, each scene with how it ended. check.c compares it with what
 * is promised.
 *
 * Every part of the plan has a number, and can be left out: that is how a failure is made small. */
#ifndef DRIVER_PLAY_H
#define DRIVER_PLAY_H

#include "world.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#define OPS(X)                                                                                             \
    X(ECHO, "echo")                 /* a call */                                                           \
    X(REFUSE, "refuse")             /* that fails */                                                       \
    X(SLOW, "slow")                 /* that takes its time */                                              \
    X(LATE, "late")                 /* more than it has */                                                 \
    X(MOVED, "moved")               /* than it had at first: it is given more */                           \
    X(STUBBORN, "stubborn")         /* and does not heed its cancellation */                               \
    X(SPIN, "spin")                 /* or anything at all, for a while */                                  \
    X(EXIT, "exit")                 /* the actor ends in the middle of it */                               \
    X(SEGV, "segv")                 /* or crashes */                                                       \
    X(GIVEN_UP, "given up")         /* its caller is cancelled in the middle of it */                      \
    X(CROWD, "crowd")               /* several calls at once */                                            \
    X(BULK, "bulk")                 /* more bytes than any buffer holds, there and back */                 \
    X(STREAM, "stream")                                                                                    \
    X(LEFT, "left stream")          /* left before its end */                                              \
    X(BROKEN, "broken stream")      /* whose producer fails */                                             \
    X(FLOW, "flow")                 /* a stream whose reader may be so far behind, and no further */       \
    X(READERS, "readers")           /* of one stream, two */                                               \
    X(MAIN_STREAM, "main stream")   /* an actor is started for it: read, left or not taken */              \
    X(TALK, "talk")                 /* a context: to and fro, and its result */                            \
    X(TALK_LEFT, "left talk")       /* left early, or cut by a deadline */                                 \
    X(TALK_CANCELLED, "cancelled talk")                                                                    \
    X(TALK_BROKEN, "broken talk")   /* whose function fails */                                             \
    X(AHEAD, "ahead")               /* its caller sends more than there is room for, and an end */         \
    X(SHIELDED, "shielded talk")    /* left, and its function learns that nobody is there */               \
    X(LAST, "last words")           /* an actor that asks for its own end, and answers still */            \
    X(FIND, "find")                 /* an actor by its name, and call it */                                \
    X(SCENE, "scene")               /* have an actor play its scene */                                     \
    X(CANCEL_ACTOR, "cancel actor")                                                                        \
    X(SLEEP, "sleep")                                                                                      \
    X(RAISE, "raise")               /* the scene's body fails */                                           \
    X(LEAVE, "leave")               /* its block is left by return */                                      \
    X(CANCEL, "cancel")             /* its nursery is cancelled */                                         \
    X(LARGE, "large")               /* byte strings in calls: these four take the place of others */       \
    X(LARGE_STREAM, "large stream")                                                                        \
    X(LARGE_TALK, "large talk")                                                                            \
    X(LARGE_LEFT, "left large")     /* stream or talk, by return, a deadline, or a cancellation */

/* How an actor is started: as its tree does it, or otherwise. */
#define STARTS(X)                                                                                          \
    X(SPAWN, "spawn") X(FORKSERVER, "forkserver") X(FORK, "fork")                                           \
    X(SPAWN_AMONG, "spawn among forks")                                                                     \
    X(UNPREPARED, "unprepared")     /* by what its tree is not prepared for */

#define FAULTS(X)                                                                                          \
    X(KILL, "kill")                                                                                        \
    X(KILL_AT_CALL, "kill at call") /* in a system call soon to come */                                    \
    X(KILL_ROOT, "kill root")                                                                              \
    X(TERMINATE, "terminate")       /* SIGTERM */                                                          \
    X(INTERRUPT, "interrupt")       /* SIGINT to all, as by Ctrl-C */                                      \
    X(STOP, "stop")                 /* SIGSTOP, for good: not the root */                                  \
    X(PAUSE, "pause")               /* for a while */                                                      \
    X(CUT, "cut")                   /* silence between a child and its parent, for a while */              \
    X(RESET, "reset")               /* their connection breaks */                                          \
    X(NO_MEMORY, "no memory")       /* one allocation fails */                                             \
    X(NO_MORE_MEMORY, "no more memory") /* all do from then on */                                          \
    X(BAD_CALL, "bad call")         /* one system call fails */                                            \
    X(FEW_DESCRIPTORS, "few descriptors")

#define PHASES(X)                                                                                          \
    X(STARTING, "starting") X(GREETING, "greeting") X(IDLE, "idle") X(CALLING, "calling") X(ENDING, "ending")  \
    X(SERVING, "serving")           /* no actor: others are forked from it */

#define OUTCOMES(X)                                                                                        \
    X(VALUE, "value") X(ERROR, "error") X(CANCELLED, "cancelled") X(DIED, "died") X(NONE, "none")

#define AS_ENUM(name, text) name,
enum op { OPS(AS_ENUM) OP_COUNT };
#define AS_START(name, text) START_BY_##name,
enum start { STARTS(AS_START) START_COUNT };
#define AS_FAULT(name, text) FAULT_##name,
enum fault_kind { FAULTS(AS_FAULT) FAULT_COUNT };
#define AS_PHASE(name, text) PHASE_##name,
enum phase { PHASES(AS_PHASE) PHASE_COUNT };
#define AS_OUTCOME(name, text) OUTCOME_##name,
enum outcome { OUTCOMES(AS_OUTCOME) OUTCOME_COUNT };

extern const char *const op_names[], *const start_names[], *const fault_names[];
extern const char *const phase_names[], *const outcome_names[];

enum { ACTORS_MOST = 3, STEPS_MOST = 6, SCENES_MOST = 32, FAULTS_MOST = 4, VISITORS_MOST = 2 };
enum { PARTS_MOST = 512, CALLS_MOST = 4096 };

/* ---- the plan --------------------------------------------------------------------------------------- */

struct step {
    int part;
    enum op op;
    int actor;                      /* of the scene; which one it is about */
    int64_t value;
    double seconds;
    bool tolerant;                  /* its failure is handled there and then */
};

struct part_of_actor {
    int part;
    char name[16];
    enum start start;
    bool has_main;                  /* started to play its scene, and no daemon */
    int scene;                      /* its own; -1 if it has none */
    /* the ledger: */
    int noted;                      /* how often something was added to its statespace */
    bool up, asked;
    struct process *told;           /* by SIGTERM to end, for no reason of its own; NULL: not */
};

struct scene {
    int actor_count, step_count;
    bool tidy;                      /* asks its daemons to end when its steps are done */
    struct part_of_actor actors[ACTORS_MOST];
    struct step steps[STEPS_MOST];
    /* the ledger: */
    struct process *player;         /* in whose memory the nursery is, while in the body */
    struct tr_nursery *nursery;
    int played;                     /* how often it was begun: never twice */
    bool in_body, cancelled, left, ended;
    bool captured;                  /* whoever started its player hears what that prints, */
    int printed, heard;             /* which is one line */
    int hooks_added, hooks_run;     /* for the end of the actor that plays it */
    bool owes_error;                /* an actor of it was killed for no reason of its own */
    int body_rc, rc;
};

/* The root of another tree, which has the same arbiter, that is whichever root came first, and calls that and the
 * actors it knows. */
struct visitor {
    int part;
    uint64_t at_step;               /* of the world: when it starts */
    int step_count;
    struct step steps[STEPS_MOST];
    /* the ledger: */
    struct process *process;        /* NULL before */
};

struct fault {
    int part;
    enum fault_kind kind;
    uint64_t at_step;
    uint64_t victim;                /* which of the living; taken modulo */
    double seconds;
    uint64_t count;
};

/* ---- the ledger ------------------------------------------------------------------------------------- */

struct call_record {
    enum op op;
    struct process *caller, *callee;
    int64_t begun_ns, ended_ns;
    double deadline;                /* of the caller's scope */
    int executed, outcomes;
    enum outcome outcome;
    bool wrong;                     /* the value was not the right one */
    /* of a stream or context: */
    int64_t first;                  /* of the values, which go up by one, in either direction */
    int64_t most_yielded, most_sent; /* that were not taken yet; 0: no bound */
    int64_t yielded, got, sent, heard;
    bool said_end;                  /* the caller has, or is about to */
    bool complete;                  /* the function has come to its good end */
    int returned;
    double rested_s;                /* for how long its caller did nothing, on its own account */
    int64_t left_ns;                /* when its caller left before that; 0: it did not */
};

struct counts {
    uint64_t ops[OP_COUNT][OUTCOME_COUNT];
    uint64_t starts[START_COUNT][OUTCOME_COUNT], visits[OUTCOME_COUNT];
    uint64_t faults[FAULT_COUNT][PHASE_COUNT];
    uint64_t seeds, steps, processes, violations;
};

/* One failure in one process: the n-th allocation or system call of its life. */
struct torture {
    bool on, calls, from_then_on;
    size_t victim;                  /* the how manieth process of the world */
    uint64_t n;
    bool begun;
    uint64_t sprung;                /* how often it failed: 0 when the process made no so many */
};

struct play {
    uint64_t seed;
    bool sunny;                     /* nothing was planned to go wrong: nothing may */
    bool without[PARTS_MOST];
    enum start tree;                /* how its actors are started, unless one of them is otherwise */
    int part_count;
    int scene_count, fault_count, visitor_count;
    struct scene scenes[SCENES_MOST];
    struct visitor visitors[VISITORS_MOST];
    struct fault faults[FAULTS_MOST];
    struct weather weather;
    struct torture torture;

    struct world *world;
    struct host *host;
    struct host *abroad[VISITORS_MOST]; /* of the visitors; NULL: the same */
    struct process *root;
    struct call_record calls[CALLS_MOST];
    int call_count;
    int64_t patience_ns;            /* for how long processes were stopped or computed */
    const struct process *stopped[FAULTS_MOST]; /* until somebody ends them, by the fault that did it */
    struct relief *reliefs;         /* the ends of faults that last for a while */
    int plant;                      /* a deliberate bug, where those are compiled in */
    int root_rc;
    bool out_of_time;               /* the root's limit was over */
    bool root_ended;
    uint64_t steps, hash;
    char violation[512];            /* the first one; "" while there is none */
    struct counts *counts;          /* may be NULL */
};

/* plan.c: from a seed; `without` stays as it is. What is left of it as text. */
extern const char *play_transport;      /* of each play from now on; NULL: it is drawn */
void play_plan(struct play *play, uint64_t seed);
void play_print(const struct play *play, FILE *to);

/* fault.c: stops a process for a while. */
void play_pause(struct play *play, struct process *process, double seconds);

/* Half of the visitors come from hosts of their own, of which half are lost sooner than some cuts heal. By the seed, and
 * not by what is drawn of it: so plays are what they were when all were on one host. */
static inline bool play_is_abroad(const struct play *play)
{
    return play->visitor_count > 0 && play->seed % 2;
}
static inline double play_lost_after(const struct play *play)
{
    return play_is_abroad(play) && play->seed % 4 == 1 ? 1 : 15;
}

/* In a third of the plays much of what is carried is large. Likewise. */
static inline bool play_carries_large(const struct play *play)
{
    return play->seed % 3 == 0;
}

/* act.c: the program of every process; of a visitor. */
int act(int argc, char **argv);
int act_as_visitor(int argc, char **argv);

/* fault.c: whom it may hit. */
bool fault_may_strike(enum fault_kind kind, bool is_root, bool is_server);

/* fault.c: what falls into the world before its next step. */
void play_faults(struct play *play);
void play_forget_faults(struct play *play);     /* after the world's end */

/* check.c */
void violated(struct play *play, const char *format, ...) __attribute__((format(printf, 2, 3)));
void play_check(struct play *play);
void play_check_scene(struct play *play, struct scene *scene);

/* torture.c: fails each allocation and system call of each process of so many sunny plays. How many
 * violations. */
int torture(uint64_t first, uint64_t plays);

/* run.c: plays it from beginning to end, in a world of its own. Whether all promises were kept. */
bool play_run(struct play *play, FILE *trace);

#endif

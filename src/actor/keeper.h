/* Keepers: the tasks through which a nursery owns actors. What a keeper does while its actor is up is keeper.c; how it
 * is ordered start.c, how it comes up birth.c, and how it ends whatever happens ladder.c. */
#ifndef ACTOR_KEEPER_H
#define ACTOR_KEEPER_H

#include "actor/call.h"
#include "actor/portal.h"
#include "actor/protocol.h"
#include "base/machine.h"
#include "sched/task.h"
#include "spawn/child.h"
#include "spawn/method.h"
#include "sync/lot.h"

/* How long a process that has closed its connection may take to exit, and its session to end after that. */
#define EXIT_S 1.0

enum { KEEPER_STARTING, KEEPER_UP, KEEPER_ENDING, KEEPER_GONE };

struct keeper {
    struct guest guest;             /* how the nursery owns it */
    struct machine state;
    struct tr_portal portal;
    struct child child;
    struct lines *lines;            /* of its standard streams; NULL unless somebody wants them */
    tr_nursery *readers;            /* of the tasks that read those */
    struct session *session;        /* over the child's control socket; a reference, NULL until made */
    const char *name, *program;
    enum start_method method;
    tr_list_tr_str modules;
    double start_timeout, grace, term_grace;
    wire_statespace statespace;
    wire_network network;
    int log_level;                  /* -1: ours, when it is started */
    tr_line_fn *on_line;
    void *on_line_arg;
    const tr_fn_info *main;         /* the function it was started for; NULL for a daemon */
    struct buf args;                /* its arguments, encoded */
    struct call call;               /* of it, unless it is a stream */
    struct talk *talk;              /* of a stream: a reference; else NULL */
    bool taken;                     /* by tr_result_stream */
    bool unanswered;                /* that was cancelled, and is still to be concluded */
    void *result;                   /* its result, once `finished` without an error */
    struct tr_error *error;         /* how it failed; owned */
    tr_event finished;              /* there is a result or an error */
    bool asked;                     /* by tr_cancel_actor, before it ended of itself */
    bool ended_first;               /* before anybody here wanted it to */
    tr_scope *life;                 /* around its being UP; NULL outside */
    tr_lot news;                    /* on the ladder it waits here: of the exit, or that there is less time */
    bool killed;                    /* it had to be */
    tr_event gone;
    struct arena memory;            /* of all the texts above and the result */
};

/* The task: starts the process, and returns when that has ended, was reaped, and has nothing more to say. `arg` is the
 * keeper, in KEEPER_STARTING; tr_started is told the portal. */
int keeper_keep(void *keeper);
void keeper_init(struct keeper *keeper);

/* A checkpoint: from KEEPER_STARTING to KEEPER_UP, or a negative code, raised, and there may be a process all the
 * same. */
int keeper_come_up(struct keeper *keeper);

/* Of a keeper with a process: returns when that has ended and was reaped. Cannot be cancelled. */
void keeper_descend_ladder(struct keeper *keeper);

/* Behind tr_cancel_actor, for a portal of a nursery. */
int keeper_end(struct keeper *keeper);

#endif

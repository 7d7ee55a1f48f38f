/* This process as an actor: who it is, where it listens, whom it talks to, and what it serves. One per
 * runtime, made by src/runtime, shared by the files of this room. */
#ifndef ACTOR_ACTOR_H
#define ACTOR_ACTOR_H

#include "actor/protocol.h"
#include "base/arena.h"
#include "base/list.h"
#include "base/runtime.h"
#include "spawn/method.h"
#include "sync/lot.h"
#include "tractor/actor.h"
#include "transport/transport.h"

struct session;

/* The module of the arbiter's functions; see src/registry. */
#define REGISTRY_MODULE "tractor.registry"
/* The module of what every actor tells the tools of its user; see src/inspect. */
#define INSPECT_MODULE "tractor.inspect"

/* What all modules of the runtime's own begin with. */
#define RUNTIME_MODULES "tractor."

struct actor {
    tr_list_tr_str modules;         /* that peers may call; texts in `memory` */
    const char *arbiter;            /* where to look names up first: our root's address; NULL until known */
    const char *arbiter_uuid;       /* the root's; NULL until known */
    struct session *arbiter_session; /* with it, once enrolled: held; NULL before */
    const char *shared;             /* the address of the arbiter that our root is with; NULL: none but the root */
    bool is_shared;                 /* we are the root that other trees share as their arbiter */
    bool shared_is_known;           /* a child asks its root for that, once it wants to know */
    struct session *shared_session; /* with it, the last that there was: held; NULL before */
    char *const *argv;              /* what children are started with */
    const char *program;            /* and the path of what they run; NULL until it was asked for */
    enum start_method method;       /* of the tree */
    enum transport transport;       /* of its sessions */
    int server;                     /* a descriptor that is readable when the server has ended */
    bool is_root;
    tr_nursery *service;            /* of sessions and the listener: the runtime's own tasks */
    tr_nursery *serving;            /* of the remote functions that run here; NULL when none may start */
    struct link sessions;           /* all that are not ended, by `place` */
    size_t strangers;               /* connections to us that have not greeted yet, or were turned away */
    size_t outsiders;               /* and from outside that have greeted, and were let in */
    struct link doors;              /* struct actor_door: where it listens */
    wire_network network;           /* what it was told of networks; in `memory` */
    tr_list_tr_str addresses;       /* where others reach it, the first as in runtime->self; in `memory` */
    const char *local;              /* where those on this host do */
    tr_event told_to_end;           /* by the parent, or by a peer that may */
    tr_actor ender;                 /* who told it first; texts in `memory`; this actor itself before */
    double end_by;                  /* when the parent will use force; INFINITY while it has not said so */
    struct link endings;            /* struct ending: who waits for children to end, and must know of that */
    int (*child_up)(struct session *session); /* the arbiter's interest; NULL where we are not it */
    void (*session_ended)(struct session *session);
    wire_statespace statespace; /* as it was given; in `memory` */
    void *statespace_value;     /* decoded; NULL until somebody has asked for it; in `memory` */
    struct link topics;         /* sets of subscribers whose producers have not ended, by `place` */
    double since;               /* when it became an actor */
    struct hook *hooks;         /* what is to be done at its end, the newest first; in `memory` */
    struct arena memory;
};

static inline struct actor *actor_self(void)
{
    return runtime->actor;
}

/* TR_ENORUNTIME, raised, outside tr_main; else 0. */
int actor_required(void);

/* One place where it listens; in the actor's memory. */
struct actor_door {
    struct link place;
    struct listener listener;
};

/* By which tools find the trees of a user: a root's uuid follows. An actor below it adds "/" and its own. */
#define ROOTS_NAME "@tractor/%u/"   /* the user's number */

/* A checkpoint where names have to be looked up: begins to listen, at `address` (several, if a name has several) or,
 * for NULL, where nobody can guess; and where its network options say. On failure (raised) it listens nowhere. */
int actor_listen(const char *address);

/* Begins to accept sessions there, once it is settled where that is. */
int actor_accept(void);

/* A checkpoint: gives peers the chance to read what was sent, as long as is reasonable, and says good-bye
 * to them; for the end of an actor. */
void actor_say_goodbye(void);

/* A checkpoint: what tr_at_end was told of; for the end of an actor that has ended with `rc`. That, or what went
 * wrong, raised, which includes it. */
int actor_run_hooks(int rc);

/* The newest error, for people and for the parent. */
void actor_print_failure(void);

/* Ends that, and leaves no file behind. */
void actor_unlisten(void);

struct ending {
    struct link place;
    tr_lot *news;
};

/* It was told to end by somebody, within so many seconds: what runs in it is cancelled. */
void actor_end(double seconds_left, const tr_actor *by);

/* Of the time that it takes to end `wanted`, or as much as can be: half of what its own parent has left it. */
double actor_share_of_end(double wanted);

/* Whether it is ending, or has not begun: nothing new is run. */
static inline bool actor_is_ending(void)
{
    return !actor_self()->serving;
}

/* 32 hexadecimal digits that nobody else has. 0 or a negative code, raised. */
int actor_new_uuid(char ret_uuid[UUID_LENGTH + 1]);

/* This process is now the actor of that name and uuid, which are copied. 0 or -ENOMEM, raised, and it
 * is still nobody. */
int actor_become(const char *name, const char *uuid);

/* Shows it by that name to whoever looks at processes. */
void actor_show_name(void);

/* A copy of the list, with one more name at its end unless that is NULL. 0 or -ENOMEM, raised. */
int actor_copy_modules(struct arena *memory, const tr_list_tr_str *from, const char *more, tr_list_tr_str *ret);

/* TR_EARGUMENT, raised, unless it is 1 to NAME_LENGTH bytes long and has no control characters. */
int actor_check_name(const char *name);

#endif

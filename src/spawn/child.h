/* Processes that are actors: starting one, noticing its end, and saying how it came about; and, on the
 * other side, being one. */
#ifndef SPAWN_CHILD_H
#define SPAWN_CHILD_H

#include "spawn/method.h"
#include "sync/lot.h"
#include "sys/sys.h"

struct tr_error;

/* A child process. Its three descriptors here: a socket for the protocol, the end of its lifeline that
 * must stay open while it may live, and the end of the pipe where it leaves its last words. */
struct child {
    struct sys_process *process;    /* NULL before the start and after child_fini */
    int control, lifeline, crash;   /* -1 when closed or handed over */
    tr_event exited;                /* the process has ended and is reaped */
    struct sys_exit how;            /* and this is how */
    void (*on_exit)(void *arg);     /* called then, from the poller */
    void *on_exit_arg;
    struct tr_error *death;         /* once somebody asked; owned */
};

struct child_plan {
    const char *program;
    char *const *argv;
    enum start_method method;       /* of this child; forked ones run what we run */
    enum start_method of_tree;
};

/* Starts it. An errno value, raised as TR_ESTART with the program's name; then nothing is left to clean
 * up. One that cannot be forked ends at once, and says so. No checkpoint. */
int child_start(struct child *child, const struct child_plan *plan, void (*on_exit)(void *arg), void *arg);

/* Its number; 0 while it is not known, for want of being forked. */
int child_pid(const struct child *child);

/* 0 or an errno value, not raised; -ESRCH after the exit. */
int child_signal(struct child *child, int number);

/* Closes what is open. The process must have ended. */
void child_fini(struct child *child);

/* ActorDied: what is known of the end of `actor`'s process, with its last words as the cause. A new
 * reference, the same each time. To be called after the exit. */
struct tr_error *child_death(struct child *child, const tr_actor *actor);

/* What a child is told before it can speak the protocol. */
struct birth_note {
    int parent;                     /* its pid */
    enum start_method method;       /* of the tree */
};
bool birth_read(const char *text, struct birth_note *ret);

/* In a child: takes over what the parent passed on and binds our life to its; *ret_control is the socket.
 * TR_EMISUSE, raised, when this process is no child or was told nonsense. */
int child_inherit(int *ret_control);

#endif

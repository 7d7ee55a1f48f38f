/* The one runtime object of a thread, reached through the one thread-local pointer. Each room hangs
 * its own state here and sees the others' as opaque pointers only. There is no other mutable state in
 * the process above src/sys (the table of remote functions excepted, frozen when a runtime starts), so
 * a simulator can keep any number of these and switch between them.
 *
 * It outlives the run it served: once `sched` is NULL again only `outside`, with the error that the run
 * ended with, is still of interest. Threads that only work for another one's run, or come to one by a door, have a
 * small one without a scheduler, for their errors. src/sys owns its memory. */
#ifndef BASE_RUNTIME_H
#define BASE_RUNTIME_H

#include <stdint.h>

#include "tractor/error.h"

/* What rooms that know no tasks see of one. */
struct front {
    struct tr_error *error;      /* the newest of its errors; owned, may be NULL */
    const char *name;            /* for panics and the log; NULL outside tasks */
};

struct runtime {
    struct sys *sys;             /* the world; never NULL */
    struct sched *sched;         /* the scheduler while it runs, else NULL */
    struct task *task;           /* that runs just now; NULL outside any */
    struct actor *actor;         /* this process as an actor; NULL under tr_run */
    struct registry *registry;   /* the arbiter's table, where this actor is the arbiter */
    struct threads *threads;     /* what the run has to do with other threads; NULL until it has */
    struct channel_ends *channels; /* the run's; NULL until it has any */
    struct job *job;             /* on a worker thread: what it does for a task just now, else NULL */
    struct front *front;         /* the running task's, or `outside` */
    struct front outside;        /* for code outside any task */
    tr_actor self;               /* who errors say they arose in */
    uint64_t error_ids;          /* random start, counted up: ids meet no other actor's */
};

extern _Thread_local struct runtime *runtime __attribute__((tls_model("initial-exec")));

#endif

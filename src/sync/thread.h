/* Work that runs on another thread, for the files that are about it. */
#ifndef SYNC_THREAD_H
#define SYNC_THREAD_H

#include "base/arena.h"
#include "base/list.h"
#include "sys/sys.h"
#include "tractor/thread.h"

#include <stdatomic.h>

struct task;

/* A call of tr_to_thread, from the moment it has one of the limiter until fn has ended. */
struct job {
    struct sys_work work;       /* to the run's mailbox, which is open as long as the run */
    int (*fn)(void *);
    void *arg;
    void (*abandon)(void *);    /* NULL: the caller waits whatever happens */
    tr_actor self;              /* where errors arise; copied, for it may outlive the run */
    atomic_int state;           /* see thread.c */
    atomic_bool cancelled;      /* the caller was */

    /* of the run's thread only */
    struct task *host;          /* the caller, while it waits; NULL once it has given up */
    tr_nursery *inside;         /* for the tasks of tr_from_thread, while it waits */
    tr_limiter *limiter;
    struct link place;          /* among the abandoned */

    int rc;                     /* the worker's, and the caller's from when it is done */
    struct tr_error *error;
    struct arena memory;        /* all of this */
};

/* The one that this thread is working for. TR_ENORUNTIME if there is none, TR_EMISUSE in a task; raised
 * where there is a place for it. */
int job_required(struct job **ret_job);

/* For names of hosts. Nothing bounds how long a name server that is gone keeps a thread: those threads shall
 * not be missing for anything else, nor the other way round. NULL, raised, when memory is out. */
tr_limiter *threads_lookup_limiter(void);

/* Whether its caller still waits. The run's thread only. */
bool job_is_awaited(const struct job *job);

#endif

/* The real world, in parts: each file of src/sys/real*.c answers some of the operations. */
#ifndef SYS_REAL_H
#define SYS_REAL_H

#include "base/list.h"
#include "base/map.h"
#include "sys/sys.h"

#include <uv.h>

struct real {
    struct sys sys;             /* first: operations get a pointer to this */
    uv_loop_t loop;
    int descriptors;            /* the epoll set of what is watched */
    uv_poll_t any_descriptor;   /* it has something to report */
    struct map watches;         /* by their numbers */
    uint64_t last_watch;
    uv_timer_t alarm;           /* ends a poll in time */
    bool rang;
    uv_timer_t ask;             /* has those without a pidfd asked once more */
    struct link unseen;         /* the processes without a pidfd */
    struct sys_catch *child_signal; /* SIGCHLD, while there are any: one of them may have ended */
    int guards;                 /* made by mapping */
    int64_t stands_at;          /* the clock, ns; 0 while it runs */
    void *signal_stack;         /* of this thread, where we gave it one */
    struct crew *crew;          /* the worker threads; NULL until there is one */
};

static inline struct real *real_of(struct sys *sys)
{
    return (struct real *)sys;
}

/* real.c */
int real_random(struct sys *sys, void *ret_bytes, size_t size);
void *real_resize(struct sys *sys, void *memory, size_t size);
int real_stacks_map(struct sys *sys, size_t size, void **ret_low);
void real_stacks_unmap(struct sys *sys, void *low, size_t size);
bool real_guard(struct sys *sys, void *low, size_t size);

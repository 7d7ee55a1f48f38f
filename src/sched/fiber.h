/* A stack with a place on it where to go on: what a task is to the processor. */
#ifndef SCHED_FIBER_H
#define SCHED_FIBER_H

#include <stdbool.h>
#include <stddef.h>

#if defined(TR_UCONTEXT)
#define FIBER_UCONTEXT 1
#elif defined(__x86_64__)
#include "sched/fiber_x86_64.h"
#elif defined(__aarch64__)
#include "sched/fiber_aarch64.h"
#else
#define FIBER_UCONTEXT 1
#endif

#ifdef FIBER_UCONTEXT
#include <fenv.h>
#include <ucontext.h>

struct fp_control {
    fenv_t environment;
};

static inline struct fp_control fp_control(void)
{
    struct fp_control now;
    fegetenv(&now.environment);
    return now;
}
#endif

struct fiber {
    void *sp;               /* where it stands while another one runs */
    void *low;              /* its stack; NULL for the thread's own until it is first left */
    size_t size;
    void *sanitizers;       /* AddressSanitizer's fake frames, or ThreadSanitizer's fiber */
    unsigned valgrind_id;
    struct fp_control fp;   /* what it began with; the thread's own fiber has that of the run */
#ifdef FIBER_UCONTEXT
    ucontext_t context;
    void *(*entry)(void *);
    void *arg;
#endif
};

/* Prepares a fiber that will call entry(arg), which returns what fiber_end does, and computes with doubles the way
 * that the thread did when the run began. */
void fiber_make(struct fiber *fiber, void *low, size_t size, void *(*entry)(void *), void *arg);

/* Whether a tool looks on that has to be told of each stack. */
bool fiber_in_valgrind(void);

/* After its last switch away; the stack may then be used again. */
void fiber_fini(struct fiber *fiber);

/* Leaves `from`, goes on with `to`; returns when somebody switches back to `from`. */
void fiber_switch(struct fiber *from, struct fiber *to);

/* The same for a fiber that will never be switched back to. */
void fiber_leave(struct fiber *from, struct fiber *to) __attribute__((noreturn));

/* The same at the end of `entry`, to be returned by it at once: so the processor is not misled about the returns of
 * whoever started this fiber. */
void *fiber_end(struct fiber *from, struct fiber *to);

/* To be called first in `entry`. `before` is the thread's own fiber if that was the one left, else NULL. */
void fiber_entered(struct fiber *before);

#endif

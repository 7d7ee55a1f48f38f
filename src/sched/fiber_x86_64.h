/* The stack of a fiber that never ran, as fiber_jump (fiber_x86_64.S) wants to find it. */
#ifndef SCHED_FIBER_X86_64_H
#define SCHED_FIBER_X86_64_H

#include <stdint.h>

/* How to round and what to trap: what a function must preserve of floating point. */
struct fp_control {
    uint32_t mxcsr;
    uint16_t x87, unused;
};

static inline struct fp_control fp_control(void)
{
    struct fp_control now = {0};
    __asm__("stmxcsr %0\n\tfnstcw %1" : "=m"(now.mxcsr), "=m"(now.x87));
    return now;
}

/* What fiber_jump pops, from the lowest address up. */
struct first_frame {
    struct fp_control fp;
    uint64_t r15, r14, r13, r12;
    uint64_t entry;         /* to rbx */
    uint64_t arg;           /* to rbp */
    uint64_t start;         /* where the jump goes */
    uint64_t end[2];        /* keeps the stack aligned as the ABI wants it at a call */
};

static inline void fill_first_frame(struct first_frame *frame, void (*start)(void), void *(*entry)(void *),
                                    void *arg, struct fp_control fp)
{
    *frame = (struct first_frame){.fp = fp, .entry = (uintptr_t)entry, .arg = (uintptr_t)arg,
                                  .start = (uintptr_t)start};
}

#endif

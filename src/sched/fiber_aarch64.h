/* The stack of a fiber that never ran, as fiber_jump (fiber_aarch64.S) wants to find it. */
#ifndef SCHED_FIBER_AARCH64_H
#define SCHED_FIBER_AARCH64_H

#include <stdint.h>

#if defined(__has_feature)
#if __has_feature(shadow_call_stack)
#error "a task has no shadow call stack: build without it, or with -DTR_UCONTEXT=ON and a C library that has"
#endif
#endif

/* How to round and what to trap: what a function must preserve of floating point. */
struct fp_control {
    uint64_t fpcr;
};

static inline struct fp_control fp_control(void)
{
    struct fp_control now;
    __asm__("mrs %0, fpcr" : "=r"(now.fpcr));
    return now;
}

/* What fiber_jump pops, from the lowest address up. */
struct first_frame {
    uint64_t x29;           /* 0: a walk along the frame pointers ends here */
    uint64_t start;         /* to x30, signed: where the jump goes */
    uint64_t entry;         /* to x19 */
    uint64_t arg;           /* to x20 */
    uint64_t x21_28[8];
    uint64_t d8_15[8];
    struct fp_control fp;
    uint64_t unused;
};

/* As a function signs its return address: with where the stack pointer will be when the address is used. The
 * instruction is pacia1716; processors without pointer authentication take it for a no-op. */
static inline uint64_t sign_return(uintptr_t address, uintptr_t sp)
{
    register uint64_t signed_address __asm__("x17") = address;
    register uint64_t modifier __asm__("x16") = sp;
    __asm__("hint #8" : "+r"(signed_address) : "r"(modifier));
    return signed_address;
}

static inline void fill_first_frame(struct first_frame *frame, void (*start)(void), void *(*entry)(void *),
                                    void *arg, struct fp_control fp)
{
    *frame = (struct first_frame){.fp = fp, .entry = (uintptr_t)entry, .arg = (uintptr_t)arg,
                                  .start = sign_return((uintptr_t)start, (uintptr_t)(frame + 1))};
}

#endif

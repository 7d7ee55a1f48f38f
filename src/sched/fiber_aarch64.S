/* void fiber_jump(void **save_sp, void *sp)
 *
 * Saves what the procedure call standard (AAPCS64) says a function must preserve, on the stack it leaves, and
 * restores the same from the stack it goes to: x19 to x30, the low halves of v8 to v15, and FPCR, which is
 * slow to load and therefore loaded only where the two differ.
 *
 * The return address is signed while it lies on the stack, as a compiler does it for -mbranch-protection;
 * paciasp is also the landing pad of an indirect call. Both, like autiasp, are no-ops to processors that know
 * nothing of them, so there is one version of this file, which is at home in protected and other programs.
 * It goes to the other stack by `ret`, for a `br` would need a landing pad after each call of fiber_jump.
 * x18 is left alone: a shadow call stack, which it would point to, is not switched.
 *
 * The unwind information holds throughout: before and after the exchange the frame has the same shape. */
#if defined(__aarch64__) && !defined(TR_UCONTEXT)
#define paciasp hint #25
#define autiasp hint #29

        .text
        .globl  fiber_jump
        .hidden fiber_jump
        .type   fiber_jump, %function
        .p2align 4
fiber_jump:
        .cfi_startproc
        paciasp
        .cfi_negate_ra_state
        .cfi_remember_state
        stp     x29, x30, [sp, #-176]!
        .cfi_adjust_cfa_offset 176
        .cfi_rel_offset x29, 0
        .cfi_rel_offset x30, 8
        stp     x19, x20, [sp, #16]
        .cfi_rel_offset x19, 16
        .cfi_rel_offset x20, 24
        stp     x21, x22, [sp, #32]
        .cfi_rel_offset x21, 32
        .cfi_rel_offset x22, 40
        stp     x23, x24, [sp, #48]
        .cfi_rel_offset x23, 48
        .cfi_rel_offset x24, 56
        stp     x25, x26, [sp, #64]
        .cfi_rel_offset x25, 64
        .cfi_rel_offset x26, 72
        stp     x27, x28, [sp, #80]
        .cfi_rel_offset x27, 80
        .cfi_rel_offset x28, 88
        stp     d8, d9, [sp, #96]
        .cfi_rel_offset d8, 96
        .cfi_rel_offset d9, 104
        stp     d10, d11, [sp, #112]
        .cfi_rel_offset d10, 112
        .cfi_rel_offset d11, 120
        stp     d12, d13, [sp, #128]
        .cfi_rel_offset d12, 128
        .cfi_rel_offset d13, 136
        stp     d14, d15, [sp, #144]
        .cfi_rel_offset d14, 144
        .cfi_rel_offset d15, 152
        mrs     x9, fpcr
        str     x9, [sp, #160]
        mov     x10, sp
        str     x10, [x0]
0:      mov     sp, x1
        ldr     x10, [sp, #160]
        cmp     x9, x10
        b.eq    1f
        msr     fpcr, x10
1:      ldp     d14, d15, [sp, #144]
        ldp     d12, d13, [sp, #128]
        ldp     d10, d11, [sp, #112]
        ldp     d8, d9, [sp, #96]
        ldp     x27, x28, [sp, #80]
        ldp     x25, x26, [sp, #64]
        ldp     x23, x24, [sp, #48]
        ldp     x21, x22, [sp, #32]
        ldp     x19, x20, [sp, #16]
        ldp     x29, x30, [sp], #176    /* until here they lie on the stack too, as said above */
        .cfi_restore_state
        autiasp
        .cfi_negate_ra_state
        ret
        .cfi_endproc
        .size   fiber_jump, . - fiber_jump

/* Where a new fiber starts: fiber_make left the function in x19 and its argument in x20. What it returns is the sp
 * to go on with, 0 for none: by then all calls on this stack have returned, and the processor predicts rightly where
 * those of the fiber that started this one return to. Nobody called this, and the unwind information says so, which is where every backtrace of a task ends. The first instruction
 * is for unwinders: they look just before a return address, which this is until the fiber has run. */
        .cfi_startproc
        .cfi_undefined x30
        .type   fiber_not_started, %function
fiber_not_started:
        nop
        .globl  fiber_start
        .hidden fiber_start
        .type   fiber_start, %function
fiber_start:
        mov     x0, x20
        blr     x19
        cbz     x0, 2f
        mov     x1, x0
        mrs     x9, fpcr
        b       0b
2:      brk     #0
        .cfi_endproc
        .size   fiber_start, . - fiber_start

/* "Branch targets and return addresses are protected here": the linker marks what has only such parts. */
        .section .note.gnu.property, "a"
        .p2align 3
        .word   4, 16, 5                /* sizes of name and properties; NT_GNU_PROPERTY_TYPE_0 */
        .asciz  "GNU"
        .word   0xc0000000, 4, 3, 0     /* GNU_PROPERTY_AARCH64_FEATURE_1_AND: BTI and PAC; padding */
#endif
        .section .note.GNU-stack, "", %progbits

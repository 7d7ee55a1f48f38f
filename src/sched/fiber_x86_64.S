/* void fiber_jump(void **save_sp, void *sp)
 *
 * Saves what the System V ABI says a function must preserve, on the stack it leaves, and restores the
 * same from the stack it goes to. The floating-point control words belong to it too; loading them is
 * slow, so they are loaded only where the two differ in their control bits (the status bits of MXCSR
 * differ all the time and are nobody's business).
 *
 * The processor predicts that a `ret` goes back behind the newest call. That is right where both fibers stand
 * at the same call, as tasks that wait mostly do, and it stays right for their callers. Where they do not, as
 * with a new fiber, a jump through a register is predicted better. A fiber's function that is done returns where
 * to go on, and fiber_start goes there by `ret`: all calls on this stack have then returned, and the newest one is
 * where the fiber that started this one stands, whose own returns are predicted, too.
 *
 * The unwind information holds throughout: before and after the exchange the frame has the same shape. */
#if defined(__x86_64__) && !defined(TR_UCONTEXT)
        .text
        .globl  fiber_jump
        .hidden fiber_jump
        .type   fiber_jump, @function
fiber_jump:
        .cfi_startproc
        movq    (%rsp), %r8
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r15, 0
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        stmxcsr (%rsp)
        fnstcw  4(%rsp)
        movl    (%rsp), %eax
        movzwl  4(%rsp), %edx
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
0:      xorl    (%rsp), %eax
        testl   $0xffc0, %eax
        jne     3f
1:      cmpw    %dx, 4(%rsp)
        jne     4f
2:      addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore r15
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore r14
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore r13
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore r12
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore rbp
        cmpq    %r8, (%rsp)
        jne     5f
        ret
5:      popq    %rcx
        .cfi_adjust_cfa_offset -8
        .cfi_register rip, rcx
        jmpq    *%rcx
        .cfi_restore rip
        .cfi_adjust_cfa_offset 64
        .cfi_rel_offset rbp, 48
        .cfi_rel_offset rbx, 40
        .cfi_rel_offset r12, 32
        .cfi_rel_offset r13, 24
        .cfi_rel_offset r14, 16
        .cfi_rel_offset r15, 8
3:      ldmxcsr (%rsp)
        jmp     1b
4:      fldcw   4(%rsp)
        jmp     2b
        .cfi_endproc
        .size   fiber_jump, . - fiber_jump

/* Where a new fiber starts: fiber_make left the function in rbx and its argument in rbp. What it returns is the
 * sp to go on with, 0 for none. The control words are read where they are not in the other's way, and r8 says that
 * both stand at the same call. Nobody called this, and the unwind information says so, which is where every backtrace of a task ends. The first
 * instruction is for unwinders: they look just before a return address, which this is until the fiber
 * has run. */
        .cfi_startproc
        .cfi_undefined rip
        .type   fiber_not_started, @function
fiber_not_started:
        nop
        .globl  fiber_start
        .hidden fiber_start
        .type   fiber_start, @function
fiber_start:
        movq    %rbp, %rdi
        xorl    %ebp, %ebp
        callq   *%rbx
        testq   %rax, %rax
        jz      6f
        movq    %rax, %rsi
        stmxcsr -8(%rsp)
        fnstcw  -4(%rsp)
        movl    -8(%rsp), %eax
        movzwl  -4(%rsp), %edx
        movq    56(%rsi), %r8
        movq    %rsi, %rsp
        jmp     0b
6:      ud2
        .cfi_endproc
        .size   fiber_start, . - fiber_start
#endif
        .section .note.GNU-stack, "", @progbits

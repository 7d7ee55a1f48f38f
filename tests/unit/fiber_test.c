/* What survives a switch between tasks: the registers that a function must preserve, floating-point control
 * words, deep stacks; and where a walk up a task's stack ends. On the virtual clock: only switches matter. */
#include "support/dies.h"
#include "support/tasks.h"

#include "clock_world.h"
#include "sched/fiber.h"
#include "sched/sched.h"

#include <fenv.h>
#include <stdint.h>
#include <unwind.h>

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef RUNNING_ON_VALGRIND
#define RUNNING_ON_VALGRIND 0
#endif

enum { TASKS = 100, TURNS = 100 };

/* ---- registers --------------------------------------------------------------------------------------------- */

/* Fills every register that a call must preserve with numbers made from `seed`, calls `fn`, and returns 0 if all
 * were as before. In assembly as a whole, since a compiler gives no frame pointer away. */
uint64_t hold_across(uint64_t seed, void (*fn)(void));

#if defined(__x86_64__)
__asm__(".text\n"
        "hold_across:\n"
        "       .irp reg, rbp, rbx, r12, r13, r14, r15, rdi\n"
        "       pushq %\\reg\n"
        "       .endr\n"
        "       .irp reg, rbp, rbx, r12, r13, r14, r15\n"
        "       addq $0x101, %rdi\n"
        "       movq %rdi, %\\reg\n"
        "       .endr\n"
        "       callq *%rsi\n"
        "       popq %rdi\n"
        "       xorl %eax, %eax\n"
        "       .irp reg, rbp, rbx, r12, r13, r14, r15\n"
        "       addq $0x101, %rdi\n"
        "       xorq %rdi, %\\reg\n"
        "       orq %\\reg, %rax\n"
        "       .endr\n"
        "       .irp reg, r15, r14, r13, r12, rbx, rbp\n"
        "       popq %\\reg\n"
        "       .endr\n"
        "       retq\n");
#elif defined(__aarch64__)
__asm__(".text\n"
        "hold_across:\n"
        "       stp x29, x30, [sp, #-192]!\n"
        "       .irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28\n"
        "       str x\\n, [sp, #8 * \\n - 136]\n"
        "       .endr\n"
        "       .irp n, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "       str d\\n, [sp, #8 * \\n + 32]\n"
        "       .endr\n"
        "       str x0, [sp, #176]\n"
        "       .irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29\n"
        "       add x0, x0, #0x101\n"
        "       mov x\\n, x0\n"
        "       .endr\n"
        "       .irp n, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "       add x0, x0, #0x101\n"
        "       fmov d\\n, x0\n"
        "       .endr\n"
        "       blr x1\n"
        "       ldr x1, [sp, #176]\n"
        "       mov x0, #0\n"
        "       .irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29\n"
        "       add x1, x1, #0x101\n"
        "       eor x2, x1, x\\n\n"
        "       orr x0, x0, x2\n"
        "       .endr\n"
        "       .irp n, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "       add x1, x1, #0x101\n"
        "       fmov x2, d\\n\n"
        "       eor x2, x1, x2\n"
        "       orr x0, x0, x2\n"
        "       .endr\n"
        "       .irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28\n"
        "       ldr x\\n, [sp, #8 * \\n - 136]\n"
        "       .endr\n"
        "       .irp n, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "       ldr d\\n, [sp, #8 * \\n + 32]\n"
        "       .endr\n"
        "       ldp x29, x30, [sp], #192\n"
        "       ret\n");
#else
uint64_t hold_across(uint64_t seed, void (*fn)(void))
{
    (void)seed;
    fn();
    return 0;
}
#endif

static void yield(void)
{
    tr_ignore(tr_checkpoint());
}

static int hold_registers(void *arg)
{
    uint64_t seed = (uint64_t)(uintptr_t)arg * 0x9e3779b97f4a7c15;
    for (int i = 0; i < TURNS; i++)
        expect(hold_across(seed + (uint64_t)i, yield) == 0);
    return 0;
}

static int registers_survive_ten_thousand_switches_among_a_hundred_tasks(void *arg)
{
    (void)arg;
    static char who[TASKS];
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < TASKS; i++)
        tr_try(tr_start_soon(n, hold_registers, &who[i]));
    return tr_join(n);
}

static void nothing(void)
{
}

/* Changes one register without a word to the compiler. */
static void spoil_one(void)
{
#if defined(__x86_64__)
    __asm__ volatile("notq %r13");
#elif defined(__aarch64__)
    __asm__ volatile("fneg d11, d11");
#endif
}

static void a_spoilt_register_is_found(void **state)
{
    (void)state;
#if !defined(__x86_64__) && !defined(__aarch64__)
    skip();
#endif
    assert_int_equal(hold_across(7, nothing), 0);
    assert_int_not_equal(hold_across(7, spoil_one), 0);
}

/* ---- floating point ------------------------------------------------------------------------------------------- */

/* What computing shows, in double and, for on x86 that is another unit, in long double; -1 if these disagree
 * with each other or with the control word. Valgrind keeps the control word, but always rounds to nearest. */
__attribute__((noinline)) static int rounding(void)
{
    volatile double one = 1, little = 1e-40;
    volatile long double long_one = 1, long_little = 1e-40L;
    bool up = one + little > 1, down = one - little < 1;
    bool long_up = long_one + long_little > 1, long_down = long_one - long_little < 1;
    if (RUNNING_ON_VALGRIND)
        return fegetround();
    int way = up ? FE_UPWARD : down ? FE_DOWNWARD : FE_TONEAREST;
    return up == long_up && down == long_down && way == fegetround() ? way : -1;
}

static int ways[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD};

static int round_this_way(void *arg)
{
    int way = *(int *)arg;
    if (way != FE_TONEAREST) /* which it should be by itself */
        fesetround(way);
    for (int i = 0; i < TURNS; i++) {
        expect(rounding() == way);
        tr_try(tr_checkpoint());
    }
    return 0;
}

static int each_task_rounds_its_own_way(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < 9; i++)
        tr_try(tr_start_soon(n, round_this_way, &ways[i % 3]));
    tr_try(tr_join(n));
    return round_this_way(&ways[0]); /* those that have ended left nothing behind */
}

static int rounds_this_way(void *arg)
{
    expect(rounding() == *(int *)arg);
    return 0;
}

static int start_others_while_rounding_another_way(void *arg)
{
    int other = *(int *)arg == FE_UPWARD ? FE_DOWNWARD : FE_UPWARD;
    fesetround(other);
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, rounds_this_way, arg));
    tr_try(tr_sleep(1)); /* the loop was on, too */
    tr_try(tr_start_soon(n, rounds_this_way, arg));
    tr_try(tr_join(n));
    expect(rounding() == other);
    return 0;
}

static int the_first_and_all_others_round_this_way(void *arg)
{
    tr_try(rounds_this_way(arg));
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, start_others_while_rounding_another_way, arg));
    tr_try(tr_join(n));
    return rounds_this_way(arg);
}

static void a_new_task_rounds_as_the_run_did_at_its_beginning(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        fesetround(ways[i]);
        int rc = clock_world_run(the_first_and_all_others_round_this_way, &ways[i]);
        int after = rounding();
        fesetround(FE_TONEAREST);
        assert_int_equal(rc, 0);
        assert_int_equal(after, ways[i]);
    }
}

/* ---- stacks ------------------------------------------------------------------------------------------------- */

__attribute__((noinline)) static int descend(int depth, int (*at_the_bottom)(void))
{
    volatile int here = depth;
    tr_try(depth > 0 ? descend(depth - 1, at_the_bottom) : at_the_bottom());
    expect(here == depth);
    return 0;
}

static int descend_far(void *arg)
{
    (void)arg;
    for (int i = 0; i < TURNS; i++)
        tr_try(descend(100 + i, tr_checkpoint));
    return 0;
}

static int stacks_keep_what_lies_on_them(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < TASKS; i++)
        tr_try(tr_start_soon(n, descend_far, NULL));
    tr_try(descend(3000, tr_checkpoint)); /* the first task has more */
    return tr_join(n);
}

struct walk {
    int frames;
    uintptr_t outermost;
};

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *context, void *arg)
{
    struct walk *walk = arg;
    uintptr_t address = _Unwind_GetIP(context);
    if (address) {
        walk->frames++;
        walk->outermost = address;
    }
    return walk->frames < 1000 ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

#ifndef FIBER_UCONTEXT
void fiber_start(void);
#endif

/* As an exception or a debugger goes up the stack. */
static int walk_to_the_start(void)
{
    struct walk walk = {0};
    expect(_Unwind_Backtrace(note_frame, &walk) == _URC_END_OF_STACK);
    expect(walk.frames > 50 && walk.frames < 60);
#ifndef FIBER_UCONTEXT
    expect(walk.outermost - (uintptr_t)fiber_start < 16);
#endif
    return 0;
}

static int walk_from_deep(void *arg)
{
    (void)arg;
    tr_try(descend(50, tr_checkpoint)); /* others ran in between */
    return descend(50, walk_to_the_start);
}

static int a_walk_up_the_stack_ends_where_the_task_began(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < 3; i++)
        tr_try(tr_start_soon(n, walk_from_deep, NULL));
    tr_try(walk_from_deep(NULL));
    return tr_join(n);
}

/* ---- the ends of a fiber --------------------------------------------------------------------------------------- */

enum { STACK = 64 * 1024 };

static struct fiber other;

static struct fiber *ourselves(void)
{
    return &runtime->task->fiber;
}

static void *leave(void *arg)
{
    fiber_entered(NULL);
    *(int *)arg += 1;
    return fiber_end(&other, ourselves());
}

static void start_on(void *stack, void *(*entry)(void *), void *arg)
{
    fiber_make(&other, stack, STACK, entry, arg);
    fiber_switch(ourselves(), &other);
}

static int a_stack_can_be_used_again_by_another_fiber(void *arg)
{
    (void)arg;
    void *stack = malloc(STACK);
    int ran = 0;
    for (int i = 0; i < 10; i++) {
        start_on(stack, leave, &ran);
        fiber_fini(&other);
    }
    free(stack);
    expect(ran == 10);
    return 0;
}

static int switch_to_one_that_left(void *arg)
{
    (void)arg;
    int ran = 0;
    start_on(malloc(STACK), leave, &ran);
    fiber_switch(ourselves(), &other);
    return 0;
}

static void a_fiber_that_has_left_does_not_go_on(void **state)
{
    (void)state;
    assert_dies(switch_to_one_that_left, "a fiber went on after it had left");
}

#ifdef FIBER_UCONTEXT

static void *just_return(void *arg)
{
    (void)arg;
    fiber_entered(NULL);
    return NULL;
}

static int start_one_that_returns(void *arg)
{
    start_on(malloc(STACK), just_return, arg);
    return 0;
}

/* Where the switch is our own the processor stops at an instruction that is none. */
static void a_fiber_that_returns_ends_the_process(void **state)
{
    (void)state;
    assert_dies(start_one_that_returns, "the entry of a fiber returned");
}

#endif

/* ---- where the kernel gives no more guards ------------------------------------------------------------------- */

static bool no_guard(struct sys *sys, void *low, size_t size)
{
    (void)sys;
    memset(low, 0, size); /* as fresh memory is */
    return false;
}

static int stay_within(void *arg)
{
    *(char *)runtime->task->fiber.low = 1;
    tr_try(tr_checkpoint());
    return arg ? 1 : 0;
}

__attribute__((no_sanitize("address"))) static int step_over(void *arg)
{
    ((volatile char *)runtime->task->fiber.low)[-3000] = 1;
    return arg ? 1 : 0;
}

/* As a server may, it never ends. */
__attribute__((no_sanitize("address"))) static int step_over_and_wait(void *arg)
{
    ((volatile char *)runtime->task->fiber.low)[-100] = 1;
    tr_try(tr_sleep_forever());
    return arg ? 1 : 0;
}

static int run_without_guards(int (*fn)(void *), size_t stack_size)
{
    static struct sys_ops ops;
    ops = *runtime->sys->ops;
    ops.guard = no_guard;
    runtime->sys->ops = &ops;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, fn, NULL, .name = "mole", .stack_size = stack_size));
    tr_try(tr_join(n));
    return tr_checkpoint();
}

static int one_that_is_large_enough(void *arg)
{
    (void)arg;
    tr_try(run_without_guards(stay_within, 0));
    return run_without_guards(stay_within, 1 << 20);
}

static int one_that_is_too_small(void *arg)
{
    (void)arg;
    return run_without_guards(step_over, 0);
}

static int a_large_one_that_is_too_small(void *arg)
{
    (void)arg;
    return run_without_guards(step_over, 1 << 20);
}

static int one_that_waits_for_ever(void *arg)
{
    (void)arg;
    return run_without_guards(step_over_and_wait, 0);
}

static void a_stack_without_a_guard_that_was_too_small_is_named(void **state)
{
    (void)state;
    assert_int_equal(clock_world_run(one_that_is_large_enough, NULL), 0);
    assert_dies(one_that_is_too_small, "KiB were not enough for the stack of task mole (");
    assert_dies(a_large_one_that_is_too_small, "KiB were not enough for the stack of task mole (");
    assert_dies(one_that_waits_for_ever, "KiB were not enough for the stack of task mole (");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(registers_survive_ten_thousand_switches_among_a_hundred_tasks),
        cmocka_unit_test(a_spoilt_register_is_found),
        SCENARIO(each_task_rounds_its_own_way),
        cmocka_unit_test(a_new_task_rounds_as_the_run_did_at_its_beginning),
        SCENARIO(stacks_keep_what_lies_on_them),
        SCENARIO(a_walk_up_the_stack_ends_where_the_task_began),
        SCENARIO(a_stack_can_be_used_again_by_another_fiber),
        cmocka_unit_test(a_fiber_that_has_left_does_not_go_on),
        cmocka_unit_test(a_stack_without_a_guard_that_was_too_small_is_named),
#ifdef FIBER_UCONTEXT
        cmocka_unit_test(a_fiber_that_returns_ends_the_process),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

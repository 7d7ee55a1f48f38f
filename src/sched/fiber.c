/* Making and switching fibers: a few instructions on x86-64 and AArch64 (a header and an assembly file for
 * each), the C library's ucontext elsewhere (or everywhere, with -DTR_UCONTEXT=ON), which costs two system
 * calls a switch and is always right.
 *
 * The floating-point control words (rounding, traps) belong to a fiber. A new one begins with those of the
 * run, not with those of whoever happens to start it.
 *
 * The sanitizers and valgrind have to be told about stacks they did not see being made: without the
 * calls below AddressSanitizer takes a switch for a wild stack pointer, and a stack used again for one
 * still poisoned by frames that never returned; ThreadSanitizer takes the calls of one task for another's. */
#include "sched/fiber.h"

#include "base/panic.h"
#include "sched/sched.h"

#include <stdint.h>

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define HAVE_VALGRIND 1
#endif
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#elif __has_feature(thread_sanitizer)
#define HAVE_TSAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define HAVE_TSAN 1
#endif

#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef HAVE_TSAN
#include <sanitizer/tsan_interface.h>
#endif

static void forget_old_frames(void *low, size_t size)
{
#ifdef HAVE_ASAN
    __asan_unpoison_memory_region(low, size);
#else
    (void)low;
    (void)size;
#endif
}

bool fiber_in_valgrind(void)
{
#ifdef HAVE_VALGRIND
    return RUNNING_ON_VALGRIND;
#else
    return false;
#endif
}

#ifdef HAVE_VALGRIND
__attribute__((noinline, cold)) static void register_stack(struct fiber *fiber)
{
    fiber->valgrind_id = VALGRIND_STACK_REGISTER(fiber->low, (char *)fiber->low + fiber->size);
}

__attribute__((noinline, cold)) static void deregister_stack(const struct fiber *fiber)
{
    VALGRIND_STACK_DEREGISTER(fiber->valgrind_id);
}
#endif

static void tell_new_stack(struct fiber *fiber)
{
#ifdef HAVE_VALGRIND
    if (runtime->sched->in_valgrind)
        register_stack(fiber);
#else
    (void)fiber;
#endif
}

static void tell_stack_gone(const struct fiber *fiber)
{
#ifdef HAVE_VALGRIND
    if (runtime->sched->in_valgrind)
        deregister_stack(fiber);
#else
    (void)fiber;
#endif
}

/* `from` is NULL if it is left for good. */
static void before_switch(struct fiber *from, const struct fiber *to)
{
#if defined(HAVE_ASAN)
    __sanitizer_start_switch_fiber(from ? &from->sanitizers : NULL, to->low, to->size); /* its fake frames */
#elif defined(HAVE_TSAN)
    if (from && !from->sanitizers)
        from->sanitizers = __tsan_get_current_fiber(); /* the thread's own */
    __tsan_switch_to_fiber(to->sanitizers, 0);
#else
    (void)from;
    (void)to;
#endif
}

/* `to` is NULL where it begins; `before`, if given, is the fiber left, whose stack is learnt here. */
static void after_switch(const struct fiber *to, struct fiber *before)
{
#ifdef HAVE_ASAN
    const void *low;
    size_t size;
    __sanitizer_finish_switch_fiber(to ? to->sanitizers : NULL, &low, &size);
    if (before) {
        before->low = (void *)low;
        before->size = size;
    }
#else
    (void)to;
    (void)before;
#endif
}

/* While the loop runs, on the thread's own stack, what is in force is the run's. The first task is made then;
 * for the others it is remembered, since asking the processor takes as long as the rest of make. */
static const struct fp_control *fp_of_run(void)
{
    struct sched *sched = runtime->sched;
    if (!runtime->task)
        sched->loop.fp = fp_control();
    return &sched->loop.fp;
}

#define WENT_ON "a fiber went on after it had left"

#ifdef FIBER_UCONTEXT

/* makecontext passes integers only; a pointer goes in two of them. */
static void start(unsigned high, unsigned low)
{
    struct fiber *fiber = (struct fiber *)(uintptr_t)((uint64_t)high << 32 | low);
    fesetenv(&fiber->fp.environment); /* the context was made with the starter's */
    (void)fiber->entry(fiber->arg);
    panic("the entry of a fiber returned");
}

static void make(struct fiber *fiber, void *(*entry)(void *), void *arg)
{
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->low;
    fiber->context.uc_stack.ss_size = fiber->size;
    fiber->context.uc_link = NULL;
    fiber->fp = *fp_of_run();
    fiber->entry = entry;
    fiber->arg = arg;
    uint64_t self = (uint64_t)(uintptr_t)fiber;
    makecontext(&fiber->context, (void (*)(void))start, 2, (unsigned)(self >> 32), (unsigned)self);
}

static void jump(struct fiber *from, struct fiber *to)
{
    swapcontext(&from->context, &to->context);
}

#else

void fiber_jump(void **save_sp, void *sp);
void fiber_start(void);

static void make(struct fiber *fiber, void *(*entry)(void *), void *arg)
{
    uintptr_t top = ((uintptr_t)fiber->low + fiber->size) & ~(uintptr_t)15;
    struct first_frame *frame = (struct first_frame *)top - 1;
    fill_first_frame(frame, fiber_start, entry, arg, *fp_of_run());
    fiber->sp = frame;
}

static void jump(struct fiber *from, struct fiber *to)
{
    if (!to->sp)
        panic(WENT_ON);
    fiber_jump(&from->sp, to->sp);
}

#endif

void fiber_make(struct fiber *fiber, void *low, size_t size, void *(*entry)(void *), void *arg)
{
    fiber->low = low;
    fiber->size = size;
    fiber->sanitizers = NULL;
    forget_old_frames(low, size);
#ifdef HAVE_TSAN
    fiber->sanitizers = __tsan_create_fiber(0);
#endif
    tell_new_stack(fiber);
    make(fiber, entry, arg);
}

void fiber_fini(struct fiber *fiber)
{
#ifdef HAVE_TSAN
    __tsan_destroy_fiber(fiber->sanitizers);
#endif
    tell_stack_gone(fiber);
}

void fiber_switch(struct fiber *from, struct fiber *to)
{
    before_switch(from, to);
    jump(from, to);
    after_switch(from, NULL);
}

void fiber_leave(struct fiber *from, struct fiber *to)
{
    before_switch(NULL, to);
    jump(from, to);
    panic(WENT_ON);
}

/* Sanitizers have instrumented the way out of `entry`, and would look for what they keep of the stack that was left;
 * ucontext goes nowhere by a return. */
void *fiber_end(struct fiber *from, struct fiber *to)
{
#if defined(FIBER_UCONTEXT) || defined(HAVE_ASAN) || defined(HAVE_TSAN)
    fiber_leave(from, to);
#else
    void *sp = to->sp;
    from->sp = NULL;
    return sp;
#endif
}

void fiber_entered(struct fiber *before)
{
    after_switch(NULL, before);
}

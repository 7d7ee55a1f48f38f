/* The smallest fake of the seam: memory from the C library, counted and made to fail on demand; a clock
 * that `poll` moves; seeded randomness. Whoever asks this world for more than that meets a NULL
 * operation: what is tested here has no business with descriptors or processes. */
#include "clock_world.h"

#include "base/panic.h"
#include "sched/task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct clock_world *world_of(struct sys *sys)
{
    return (struct clock_world *)sys;
}

static int64_t now(struct sys *sys)
{
    return world_of(sys)->now_ns;
}

static int random_bytes(struct sys *sys, void *ret_bytes, size_t size)
{
    struct clock_world *world = world_of(sys);
    for (unsigned char *byte = ret_bytes; size > 0; size--, byte++) { /* splitmix64, a byte a step */
        uint64_t x = world->seed += 0x9e3779b97f4a7c15;
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
        x = (x ^ x >> 27) * 0x94d049bb133111eb;
        *byte = (unsigned char)(x >> 56);
    }
    return 0;
}

static bool refuses(struct clock_world *world)
{
    size_t number = ++world->allocations;
    return world->fail_at && (world->fail_after ? number >= world->fail_at : number == world->fail_at);
}

static void *resize(struct sys *sys, void *memory, size_t size)
{
    struct clock_world *world = world_of(sys);
    if (size == 0) {
        world->alive -= memory != NULL;
        free(memory);
        return NULL;
    }
    void *got = refuses(world) ? NULL : realloc(memory, size);
    world->alive += got && !memory;
    return got;
}

static int stacks_map(struct sys *sys, size_t size, void **ret_low)
{
    struct clock_world *world = world_of(sys);
    void *low = refuses(world) ? NULL : aligned_alloc(size, size);
    if (!low)
        return -ENOMEM;
    world->alive++;
    *ret_low = low;
    return 0;
}

static void stacks_unmap(struct sys *sys, void *low, size_t size)
{
    (void)size;
    world_of(sys)->alive--;
    free(low);
}

static void guard(struct sys *sys, void *low, size_t size)
{
    (void)sys;
    (void)low;
    (void)size;
}

static void name_overflow(struct sys *sys, sys_overflow_fn *which)
{
    (void)sys;
    (void)which;
}

static bool poll_clock(struct sys *sys, int64_t timeout_ns)
{
    if (timeout_ns < 0)
        panic("every task waits, and no deadline will wake one");
    world_of(sys)->now_ns += timeout_ns;
    return true;
}

static void print_error(struct sys *sys, const char *text, size_t size)
{
    (void)sys;
    fwrite(text, 1, size, stderr);
}

static const char *no_environment(struct sys *sys, const char *name)
{
    (void)sys;
    (void)name;
    return NULL;
}

__attribute__((noreturn)) static void end(struct sys *sys)
{
    (void)sys;
    abort();
}

static size_t trace(struct sys *sys, void **ret_addresses, size_t room)
{
    (void)sys;
    (void)ret_addresses;
    (void)room;
    return 0;
}

static void stop(struct sys *sys)
{
    (void)sys;
}

static void free_world(struct sys *sys)
{
    free(world_of(sys));
}

static const struct sys_ops clock_ops = {
    .now = now,
    .random = random_bytes,
    .resize = resize,
    .stacks_map = stacks_map,
    .stacks_unmap = stacks_unmap,
    .guard = guard,
    .name_overflow = name_overflow,
    .poll = poll_clock,
    .env = no_environment,
    .print_error = print_error,
    .abort = end,
    .trace = trace,
    .stop = stop,
    .free = free_world,
};

struct clock_world *clock_world_new(uint64_t seed)
{
    struct clock_world *world = calloc(1, sizeof *world);
    if (!world)
        panic("no memory for a world");
    world->now_ns = 1000 * (int64_t)1000000000;
    world->seed = seed;
    sys_enter(&world->sys, &clock_ops);
    return world;
}

int clock_world_run(int (*fn)(void *), void *arg)
{
    clock_world_new(1);
    int rc = sched_run(fn, arg, NULL);
    sys_leave();
    return rc;
}

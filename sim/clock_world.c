/* The smallest fake of the seam: memory from the C library, counted and made to fail on demand; a clock
 * that `poll` moves; seeded randomness; work for other threads, done here. Whoever asks this world for more
 * than that meets a NULL operation: what is tested here has no business with descriptors or processes. */
#include "clock_world.h"

#include "random.h"

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
    for (unsigned char *byte = ret_bytes; size > 0; size--, byte++)
        *byte = (unsigned char)(random_next(&world->seed) >> 56);
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

static bool guard(struct sys *sys, void *low, size_t size)
{
    (void)sys;
    (void)low;
    (void)size;
    return true; /* nobody steps on it here */
}

static void name_overflow(struct sys *sys, sys_overflow_fn *which)
{
    (void)sys;
    (void)which;
}

/* ---- work for other threads, on this one ------------------------------------------------------- */

struct clock_work {
    struct clock_work *next;
    struct sys_work *work;
    int64_t due_ns;
};

struct clock_mailbox {
    struct sys_mailbox head;
    struct clock_world *world;
    void *owner;                /* NULL once closed */
    size_t holds;
};

static struct clock_mailbox *mailbox_of(struct sys_mailbox *head)
{
    return (struct clock_mailbox *)head;
}

static int open_mailbox(struct sys *sys, void *owner, struct sys_mailbox **ret)
{
    struct clock_mailbox *mailbox = resize(sys, NULL, sizeof *mailbox);
    if (!mailbox)
        return -ENOMEM;
    *mailbox = (struct clock_mailbox){{sys->ops}, world_of(sys), owner, 1};
    *ret = &mailbox->head;
    return 0;
}

static void close_mailbox(struct sys *sys, struct sys_mailbox *mailbox)
{
    (void)sys;
    mailbox_of(mailbox)->owner = NULL;
}

static void hold_mailbox(struct sys_mailbox *mailbox)
{
    mailbox_of(mailbox)->holds++;
}

static void drop_mailbox(struct sys_mailbox *mailbox)
{
    if (--mailbox_of(mailbox)->holds == 0)
        resize(&mailbox_of(mailbox)->world->sys, mailbox, 0);
}

static int ask(struct sys_mailbox *mailbox, struct sys_letter *letter)
{
    (void)mailbox;
    (void)letter;
    return -EDEADLK;
}

static void visit(struct sys_mailbox *mailbox)
{
    (void)mailbox;
}

static int take_work(struct sys *sys, struct sys_work *work)
{
    struct clock_world *world = world_of(sys);
    struct clock_work *entry = resize(sys, NULL, sizeof *entry);
    if (!entry)
        return -EAGAIN; /* as when no thread can be started */
    *entry = (struct clock_work){.work = work, .due_ns = world->now_ns + world->work_ns};
    hold_mailbox(work->to);
    struct clock_work **end = &world->works;
    while (*end)
        end = &(*end)->next;
    *end = entry;
    return 0;
}

static void do_first_work(struct clock_world *world)
{
    struct clock_work *first = world->works;
    struct sys_work *work = first->work;
    struct sys_mailbox *to = work->to;
    world->works = first->next;
    resize(&world->sys, first, 0);
    work->run(work);
    work->done.deliver(&work->done, mailbox_of(to)->owner);
    drop_mailbox(to);
}

static void do_what_is_due(struct clock_world *world)
{
    while (world->works && world->works->due_ns <= world->now_ns)
        do_first_work(world);
}

static bool poll_clock(struct sys *sys, int64_t timeout_ns)
{
    struct clock_world *world = world_of(sys);
    int64_t work_ns = world->works ? world->works->due_ns - world->now_ns : -1;
    bool over = timeout_ns >= 0 && (work_ns < 0 || timeout_ns <= work_ns);
    if (!over)
        timeout_ns = work_ns;
    if (timeout_ns < 0)
        panic("every task waits, and no deadline will wake one");
    world->now_ns += timeout_ns;
    do_what_is_due(world);
    return over;
}

static void print_error(struct sys *sys, const char *text, size_t size)
{
    (void)sys;
    fwrite(text, 1, size, stderr);
}

static bool coloured(struct sys *sys)
{
    (void)sys;
    return false;
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

/* There is no code to be looked up: what came with an error is shown as it came. */
static bool trace_show(struct sys *sys, const char *located, char *ret_text, size_t room)
{
    (void)sys;
    snprintf(ret_text, room, "%s", located);
    return false;
}

static void stop(struct sys *sys)
{
    while (world_of(sys)->works)
        do_first_work(world_of(sys));
}

static void free_world(struct sys *sys)
{
    free(world_of(sys));
}

static const struct sys_ops clock_ops = {
    .now = now,
    .wall = now,
    .random = random_bytes,
    .resize = resize,
    .stacks_map = stacks_map,
    .stacks_unmap = stacks_unmap,
    .guard = guard,
    .name_overflow = name_overflow,
    .poll = poll_clock,
    .env = no_environment,
    .work = take_work,
    .mailbox = open_mailbox,
    .mailbox_close = close_mailbox,
    .mailbox_hold = hold_mailbox,
    .mailbox_drop = drop_mailbox,
    .ask = ask,
    .visit = visit,
    .print_error = print_error,
    .coloured = coloured,
    .abort = end,
    .trace = trace,
    .trace_show = trace_show,
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

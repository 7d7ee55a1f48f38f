/* The world's clock and its decisions.
 *
 * A step is one decision: the event that is due happens, or one of the processes that can go on, drawn
 * by chance, has a turn. A turn ends when the process waits in a poll, is interrupted before a system
 * call, or ends; it takes a little time, so that a process that never waits does not stop the clock.
 * When nobody can go on, time jumps to the next event; when there is none either, nothing will ever
 * happen again. */
#include "kernel.h"

#include "base/panic.h"

#include <stdlib.h>
#include <string.h>

enum { START_NS = 1000000000 }; /* not 0, which would be no time at all */

static const int64_t NS_PER_SECOND = 1000000000;

static const struct weather MILD = {
    .interrupt = 50,
    .split = 50,
    .buffer = 64UL * 1024,
    .turn_ns = 5000,
    .latency_ns = 200000,
    .start_ns = 2000000,
    .death_ns = 100000,
};

void *sim_new(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        panic("no memory for a world");
    return memory;
}

/* ---- events ---------------------------------------------------------------------------------------- */

void event_cancel(struct world *world, struct event *event)
{
    heap_remove(&world->events, &event->node);
}

void event_at(struct world *world, struct event *event, int64_t at_ns)
{
    event_cancel(world, event);
    heap_insert(&world->events, &event->node, at_ns);
}

int64_t world_draw_ns(struct world *world, int64_t most)
{
    return (int64_t)random_below(&world->chance, (uint64_t)most + 1);
}

/* ---- the trace ------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t value) /* a word at a time, after FNV */
{
    hash = (hash ^ value) * 0x100000001b3;
    return hash ^ hash >> 29;
}

void note(struct world *world, int pid, const char *what, int64_t a, int64_t b)
{
    uint64_t word = 0;
    memcpy(&word, what, strnlen(what, sizeof word));
    world->hash = mix(mix(mix(mix(world->hash, word), (uint64_t)pid), (uint64_t)a), (uint64_t)b);
    if (world->trace)
        fprintf(world->trace, "%12lld %5d %-10s %lld %lld\n", (long long)world->now_ns, pid, what,
                (long long)a, (long long)b);
}

/* ---- steps ----------------------------------------------------------------------------------------- */

static struct process *draw_ready(struct world *world)
{
    struct link *at = world->ready.next;
    for (uint64_t skip = random_below(&world->chance, world->ready_count); skip > 0; skip--)
        at = at->next;
    return container_of(at, struct process, turn);
}

static void let_happen(struct world *world)
{
    struct event *event = container_of(world->events.root, struct event, node);
    if (event->node.key > world->now_ns)
        world->now_ns = event->node.key;
    event_cancel(world, event);
    event->happen(event);
}

static bool is_due(const struct world *world)
{
    return world->events.root && (world->events.root->key <= world->now_ns || world->ready_count == 0);
}

bool world_step(struct world *world)
{
    world->steps++;
    if (is_due(world)) {
        let_happen(world);
        return true;
    }
    if (world->ready_count == 0)
        return false;
    process_turn(draw_ready(world));
    world->now_ns += 1 + world_draw_ns(world, world->weather.turn_ns);
    return true;
}

bool world_run_until(struct world *world, bool (*done)(void *), void *arg, double seconds)
{
    int64_t end = world->now_ns + (int64_t)(seconds * (double)NS_PER_SECOND);
    while (!done(arg)) {
        bool idle = world->ready_count == 0;
        if (world->now_ns >= end || (idle && world->events.root && world->events.root->key >= end))
            return false;
        if (!world_step(world))
            return done(arg);
    }
    return true;
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

bool world_run(struct world *world, double seconds)
{
    (void)world_run_until(world, never, NULL, seconds);
    return world->ready_count == 0 && !world->events.root;
}

/* ---- beginning and end ------------------------------------------------------------------------------ */

static int make_world(void);
static const char *birth(void);
static const char *no_variable(const char *name);
static int make_server(void);

static const struct sys_maker maker = {make_world, birth, no_variable, make_server};

static _Thread_local struct world *here;

/* A process may have several worlds one after the other, as a thread has. */
struct seat {
    struct sys sys;             /* first */
    struct process *process;
};

struct process *process_of(struct sys *sys)
{
    return ((struct seat *)sys)->process;
}

static int make_world(void)
{
    struct seat *seat = sim_new(sizeof *seat);
    seat->process = here->running;
    sys_enter(&seat->sys, &sim_ops);
    return 0;
}

static const char *birth(void)
{
    return here->running->birth;
}

static const char *no_variable(const char *name)
{
    (void)name;
    return NULL;
}

static int make_server(void)
{
    return sim_make_server(here->running);
}

struct world *world_new(uint64_t seed)
{
    struct world *world = sim_new(sizeof *world);
    *world = (struct world){.chance = seed, .now_ns = START_NS, .weather = MILD, .last_pid = 100};
    list_init(&world->processes);
    list_init(&world->ready);
    list_init(&world->hosts);
    list_init(&world->cuts);
    list_init(&world->files);
    if (here || runtime)
        panic("a world inside a world or a run");
    here = world;
    sys_maker = &maker;
    return world;
}

void world_free(struct world *world)
{
    list_each(at, &world->processes)
    {
        struct process *process = container_of(at, struct process, place);
        if (process->state.at != PROCESS_DEAD)
            process_end(process, (struct sys_exit){.status = -1, .signal = 9});
    }
    list_each(at, &world->processes)
        process_free(container_of(at, struct process, place));
    list_each(at, &world->hosts)
        net_free_host(container_of(at, struct host, place));
    net_free_cuts(world);
    sys_maker = NULL;
    here = NULL;
    sys_forsake();
    free(world);
}

struct host *world_host(struct world *world, const char *name)
{
    struct host *host = sim_new(sizeof *host);
    host->world = world;
    host->last_port = 40000;
    snprintf(host->name, sizeof host->name, "%s", name);
    list_init(&host->paths);
    list_push(&world->hosts, &host->place);
    return host;
}

struct host *world_named_host(struct world *world, const char *name)
{
    list_each(at, &world->hosts)
    {
        struct host *host = container_of(at, struct host, place);
        if (strcmp(host->name, name) == 0)
            return host;
    }
    return NULL;
}

/* ---- what it tells --------------------------------------------------------------------------------- */

struct world *world_here(void)
{
    return here;
}

struct process *process_here(void)
{
    return here->running;
}

void *world_user(void)
{
    return here->user;
}

void world_set_user(struct world *world, void *user)
{
    world->user = user;
}

struct weather *world_weather(struct world *world)
{
    return &world->weather;
}

void world_trace(struct world *world, FILE *to)
{
    world->trace = to;
}

uint64_t world_hash(const struct world *world)
{
    return world->hash;
}

uint64_t world_steps(const struct world *world)
{
    return world->steps;
}

int64_t world_now_ns(const struct world *world)
{
    return world->now_ns;
}

size_t world_leaks(const struct world *world)
{
    return world->leaks;
}

size_t world_panics(const struct world *world)
{
    return world->panics;
}

size_t world_living(const struct world *world)
{
    size_t count = 0;
    list_each(at, &world->processes)
        count += container_of(at, struct process, place)->state.at != PROCESS_DEAD;
    return count;
}

size_t world_open_files(const struct world *world)
{
    size_t count = 0;
    list_each(at, &world->files)
        count++;
    return count;
}

size_t world_paths(const struct world *world)
{
    size_t count = 0;
    list_each(at, &world->hosts)
        list_each(path, &container_of(at, struct host, place)->paths)
            count++;
    return count;
}

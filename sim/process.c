/* Processes: from their start to what is left of them.
 *
 *     STARTING --> READY <--> RUNNING --> WAITING --> READY
 *         \          \           |           /
 *          +----------+--------> DEAD <-----+
 *
 * Each has a stack of its own on which its program runs; where it stopped, be it on the stack of one of
 * its tasks, is where it goes on. Whoever is killed never goes on: its memory, stacks and descriptors
 * are taken back. What others want to know of the dead stays until the world ends. */
#include "kernel.h"

#include "base/panic.h"
#include "sched/sched.h"
#include "sched/task.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { MAIN_STACK = 1024 * 1024 };

static const struct machine_state process_states[] = {
    [PROCESS_STARTING] = {"starting", TO(PROCESS_READY) | TO(PROCESS_DEAD)},
    [PROCESS_READY] = {"ready", TO(PROCESS_RUNNING) | TO(PROCESS_DEAD)},
    [PROCESS_RUNNING] = {"running", TO(PROCESS_READY) | TO(PROCESS_WAITING) | TO(PROCESS_DEAD)},
    [PROCESS_WAITING] = {"waiting", TO(PROCESS_READY) | TO(PROCESS_DEAD)},
    [PROCESS_DEAD] = {"dead", 0},
};

/* ---- turns ------------------------------------------------------------------------------------------- */

static void queue(struct process *process)
{
    if (process->stopped)
        return;
    list_push(&process->world->ready, &process->turn);
    process->world->ready_count++;
}

static void unqueue(struct process *process)
{
    if (list_empty(&process->turn))
        return;
    list_remove(&process->turn);
    process->world->ready_count--;
}

void process_make_ready(struct process *process)
{
    if (process->state.at != PROCESS_WAITING && process->state.at != PROCESS_STARTING)
        return;
    if (process->state.at == PROCESS_STARTING && process->alarm.node.queued)
        return; /* it has not even begun */
    event_cancel(process->world, &process->alarm);
    machine_move(&process->state, PROCESS_READY);
    queue(process);
}

static bool is_silent(const struct process *server)
{
    return server && server->stopped && server->state.at != PROCESS_DEAD;
}

/* A stopped server forks when it goes on. */
static void alarm_rang(struct event *event)
{
    enum { LOOK_AGAIN_NS = 10000000 };
    struct process *process = container_of(event, struct process, alarm);
    if (process->state.at == PROCESS_STARTING && is_silent(process->forked_by))
        event_at(process->world, event, process->world->now_ns + LOOK_AGAIN_NS);
    else
        process_make_ready(process);
}

/* Where its stack is now: a task's, or its own. */
static void note_stack(struct process *process)
{
    const struct task *task = runtime && runtime->sched ? runtime->task : NULL;
    process->fiber.low = task ? task->fiber.low : process->stack;
    process->fiber.size = task ? task->fiber.size : MAIN_STACK;
}

static void back_to_world(struct process *process)
{
    note_stack(process);
    fiber_switch(&process->fiber, &process->world->loop);
}

void process_give_way(struct process *process)
{
    machine_move(&process->state, PROCESS_READY);
    queue(process);
    back_to_world(process);
}

void process_wait(struct process *process, int64_t until_ns)
{
    machine_move(&process->state, PROCESS_WAITING);
    if (until_ns != INT64_MAX)
        event_at(process->world, &process->alarm, until_ns);
    back_to_world(process);
}

void process_turn(struct process *process)
{
    struct world *world = process->world;
    unqueue(process);
    machine_move(&process->state, PROCESS_RUNNING);
    note(world, process->pid, "turn", 0, 0);
    world->running = process;
    runtime = process->runtime;
    struct log_state of_thread = log_exchange(process->log);
    fiber_switch(&world->loop, &process->fiber);
    process->log = log_exchange(of_thread);
    process->runtime = runtime;
    runtime = NULL;
    world->running = NULL;
    if (process->state.at == PROCESS_DEAD)
        memory_reclaim(process);
}

/* ---- beginning --------------------------------------------------------------------------------------- */

_Noreturn void process_end_now(struct sys_exit how)
{
    struct process *process = process_here();
    process_end(process, how);
    fiber_leave(&process->fiber, &process->world->loop);
}

/* In good order: nothing may be left of its memory. */
static void check_leaks(struct process *process)
{
    if (runtime && runtime->sched)
        return; /* it ends from within a run, and the kernel takes all */
    sys_forsake();
    process->world->leaks += process->alive;
    note(process->world, process->pid, "leaks", (int64_t)process->alive, 0);
}

_Noreturn void process_exit_now(int status)
{
    struct process *process = process_here();
    void (*first)(void *) = process->at_exit;
    process->at_exit = NULL;
    if (first)
        first(process->at_exit_arg);
    check_leaks(process);
    if (process->end.dies_of && status == 128 + process->end.dies_of)
        process_end_now((struct sys_exit){.status = -1, .signal = process->end.dies_of});
    process_end_now((struct sys_exit){.status = status & 0xff});
}

_Noreturn void process_die_now(int signal)
{
    process_end_now((struct sys_exit){.status = -1, .signal = signal});
}

static _Noreturn void *body(void *arg)
{
    struct process *process = arg;
    int argc = 0;
    fiber_entered(process->world->loop.low ? NULL : &process->world->loop);
    while (process->argv[argc])
        argc++;
    process_exit_now(process->program(argc, process->argv));
}

/* A fiber asks the run it belongs to how to compute; this one is there before any run. */
static void make_fiber(struct process *process)
{
    struct sched none = {.in_valgrind = false};
    struct runtime before = {.sched = &none, .front = &before.outside};
    runtime = &before;
    fiber_make(&process->fiber, process->stack, MAIN_STACK, body, process);
    runtime = NULL;
}

static void start_running(struct process *process)
{
    struct runtime *caller = runtime;
    process->stack = stack_take(process, MAIN_STACK);
    make_fiber(process);
    runtime = caller;
}

static void doom_came(struct event *event)
{
    struct process *process = container_of(event, struct process, doom);
    if (process->state.at != PROCESS_DEAD)
        process_end(process, (struct sys_exit){.status = -1, .signal = SIGKILL});
}

static void init_lists(struct process *process)
{
    list_init(&process->turn);
    list_init(&process->watches);
    list_init(&process->children);
    list_init(&process->news);
    list_init(&process->catches);
    list_init(&process->blocks);
    list_init(&process->mappings);
    list_init(&process->views);
}

struct process *process_new(struct host *host, struct process *parent, program_fn *program)
{
    struct world *world = host->world;
    struct process *process = sim_new(sizeof *process);
    process->world = world;
    process->host = host;
    process->parent = parent;
    process->program = program;
    process->log = log_at_birth;
    process->pid = ++world->last_pid;
    process->crash = -1;
    process->door = -1;
    process->files_most = 256;
    process->user = 1000;
    machine_init(&process->state, "process", process_states);
    init_lists(process);
    list_push(&world->processes, &process->place);
    process->alarm.happen = alarm_rang;
    process->doom.happen = doom_came;
    start_running(process);
    event_at(world, &process->alarm, world->now_ns + 1 + world_draw_ns(world, world->weather.start_ns));
    return process;
}

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(sim_new(size), text, size);
}

void process_set_argv(struct process *process, char *const *argv)
{
    for (int i = 0; i < ARGS_MOST && argv[i]; i++)
        process->argv[i] = copy_text(argv[i]);
}

struct process *world_spawn(struct world *world, struct host *host, program_fn *program)
{
    (void)world;
    struct process *process = process_new(host, NULL, program);
    process_set_argv(process, (char *[]){"/sim/program", NULL});
    return process;
}

/* ---- ending ------------------------------------------------------------------------------------------ */

void process_doom(struct process *process)
{
    struct world *world = process->world;
    if (process->state.at != PROCESS_DEAD && !process->doom.node.queued)
        event_at(world, &process->doom, world->now_ns + world_draw_ns(world, world->weather.death_ns));
}

void handle_free(struct sys_process *handle)
{
    event_cancel(handle->process->world, &handle->news);
    free(handle);
}

static void orphan(struct link *children)
{
    list_each(at, children)
    {
        struct sys_process *child = container_of(at, struct sys_process, place);
        struct process *process = child->process;
        list_remove(at);
        process->handle = NULL;
        if (process->bound)
            process_doom(process);
        handle_free(child);
    }
}

/* What a server has forked dies with it. */
static void doom_copies(struct process *server)
{
    list_each(at, &server->world->processes)
    {
        struct process *process = container_of(at, struct process, place);
        if (process->forked_by == server)
            process_doom(process);
    }
}

static void news_came(struct event *event)
{
    struct sys_process *handle = container_of(event, struct sys_process, news);
    struct process *process = handle->process, *server = process->forked_by;
    handle->how = process->how;
    if (server && server->state.at == PROCESS_DEAD)
        handle->how = (struct sys_exit){.status = -1, .untold = SYS_SERVER_GONE};
    else if (is_silent(server))
        handle->how = (struct sys_exit){.status = -1, .untold = SYS_SERVER_SILENT};
    list_remove(&handle->place);
    list_push(&process->parent->news, &handle->place);
    process_make_ready(process->parent);
}

/* How one ended that a server has forked, only the server knows: half a second it has to say so. */
static void tell_parent(struct process *process)
{
    enum { PATIENCE_NS = 500000000 };
    struct sys_process *handle = process->handle;
    if (!handle)
        return;
    handle->news.happen = news_came;
    if (is_silent(process->forked_by))
        event_at(process->world, &handle->news, process->world->now_ns + PATIENCE_NS);
    else
        news_came(&handle->news);
}

static void forget_catches(struct process *process)
{
    list_each(at, &process->catches)
    {
        list_remove(at);
        free(container_of(at, struct sys_catch, place));
    }
}

/* The memory of the one that is running is what it stands on. */
void process_end(struct process *process, struct sys_exit how)
{
    struct world *world = process->world;
    bool running = process->state.at == PROCESS_RUNNING;
    unqueue(process);
    machine_move(&process->state, PROCESS_DEAD);
    process->how = how;
    process->ended_ns = world->now_ns;
    note(world, process->pid, "end", how.status, how.signal);
    event_cancel(world, &process->alarm);
    event_cancel(world, &process->doom);
    poll_forget_watches(process);
    forget_catches(process);
    files_close_all(process);
    orphan(&process->children);
    orphan(&process->news);
    doom_copies(process);
    tell_parent(process);
    if (!running)
        memory_reclaim(process);
}

void process_free(struct process *process)
{
    list_remove(&process->place);
    for (int i = 0; process->argv[i]; i++)
        free(process->argv[i]);
    free(process->birth);
    free(process);
}

/* ---- signals ------------------------------------------------------------------------------------------ */

/* As an end that it is asked for: once. */
static bool heeds(struct process *process, int number)
{
    bool asks = number == SIGTERM || (number == SIGINT && process->end.is_root);
    if (!process->end.told || !asks || process->end.came)
        return false;
    process->end.came = number;
    process->end.untold = true;
    process_make_ready(process);
    return true;
}

bool process_catches(struct process *process, int number)
{
    list_each(at, &process->catches)
    {
        struct sys_catch *it = container_of(at, struct sys_catch, place);
        if (it->number != number)
            continue;
        it->pending++;
        process_make_ready(process);
        return true;
    }
    return heeds(process, number);
}

static void stop(struct process *process)
{
    process->stopped = true;
    unqueue(process);
}

static void go_on(struct process *process)
{
    process->stopped = false;
    if (process->state.at == PROCESS_READY && list_empty(&process->turn))
        queue(process);
    int pending = process->pending;
    process->pending = 0;
    if (pending)
        (void)process_deliver(process, pending);
}

/* What a terminal sends to all is the root's business. */
static bool ignores(const struct process *process, int number)
{
    return process->birth && (number == SIGINT || number == SIGQUIT);
}

/* As the kernel does it. The one that is running may end by this: its next system call is its last. */
int process_deliver(struct process *process, int number)
{
    if (process->state.at == PROCESS_DEAD)
        return -ESRCH;
    note(process->world, process->pid, "signal", number, 0);
    if (number == SIGSTOP)
        stop(process);
    else if (number == SIGCONT)
        go_on(process);
    else if (number == SIGKILL && process->state.at == PROCESS_RUNNING)
        process_kill_at(process, 1);
    else if (number != SIGKILL && process->stopped)
        process->pending = number;
    else if (number == SIGKILL || (!process_catches(process, number) && !ignores(process, number)))
        process_end(process, (struct sys_exit){.status = -1, .signal = number});
    return 0;
}

/* Starting children and being one, and what observers may do to processes and between them. */
#include "kernel.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- children ---------------------------------------------------------------------------------------- */

static void inherit(struct process *child, struct process *parent, int fd)
{
    struct file *file = file_of(parent, fd);
    if (!file)
        return;
    child->files[fd] = file;
    file_hold(file);
    file->holder = child;
}

/* Its standard input nobody reads here. */
static void inherit_standard(struct process *child, struct process *parent, const struct sys_spawn *what)
{
    for (int i = 1; i < 3; i++) {
        bool ours = what->standard[i] < 0;
        struct file *file = ours ? parent->standard[i] : file_of(parent, what->standard[i]);
        child->standard[i] = file;
        if (file)
            file_hold(file);
        if (file && !ours)
            file->holder = child;
    }
}

static struct process *new_child(struct process *parent, const struct sys_spawn *what)
{
    struct process *child = process_new(parent->host, parent, parent->program);
    child->user = parent->user;
    child->bound = true;
    process_set_argv(child, what->argv);
    if (what->birth) {
        child->birth = sim_new(strlen(what->birth) + 1);
        memcpy(child->birth, what->birth, strlen(what->birth) + 1);
    }
    return child;
}

static void inherit_all(struct process *child, struct process *parent, const struct sys_spawn *what)
{
    int most = 0;
    for (size_t i = 0; i < what->keep_count; i++)
        most = what->keep[i] > most ? what->keep[i] : most;
    child->files_room = (size_t)most + 1;
    child->files = sim_new(child->files_room * sizeof(struct file *));
    for (size_t i = 0; i < what->keep_count; i++) {
        inherit(child, parent, what->keep[i]);
        child->kept[child->kept_count++] = what->keep[i];
    }
}

/* The one at the other end; NULL when it is dead, or there is none. */
static struct process *server_of(struct process *process)
{
    const struct file *door = file_of(process, process->door);
    return door && door->peer ? door->peer->holder : NULL;
}

static void enroll(struct process *parent, struct process *child, struct sys_process *handle)
{
    handle->process = child;
    list_push(&parent->children, &handle->place);
    child->handle = handle;
    note(parent->world, parent->pid, "child", child->pid, 0);
}

/* What happens in the server: it may be killed over it, or lack the means. An order comes with descriptors. */
static void have_forked(struct process *server, struct process *child)
{
    enum { FILES_NEEDED = 12 };
    note(server->world, server->pid, "fork", child->pid, 0);
    if (server->end_at > 0 && --server->end_at == 0)
        process_end(server, server->fate);
    else if (trap_springs(&server->calls) || trap_springs(&server->memory))
        process_end(child, (struct sys_exit){.status = -1, .error = EAGAIN});
    else if (server->files_most < FILES_NEEDED)
        process_end(child, (struct sys_exit){.status = -1, .error = EMFILE});
}

int sim_spawn(struct sys *sys, const struct sys_spawn *what, sys_exited_fn *exited, void *arg,
              struct sys_process **ret)
{
    struct process *parent = process_of(sys);
    if (sim_enter(parent, "spawn", 0))
        return -EAGAIN;
    if (strcmp(what->program, parent->argv[0]) != 0)
        return -ENOENT;
    struct process *server = what->fork ? server_of(parent) : NULL;
    if (what->fork && !server)
        return -EPIPE;
    struct process *child = new_child(parent, what);
    child->forked_by = server;
    inherit_all(child, parent, what);
    inherit_standard(child, parent, what);
    struct sys_process *handle = sim_new(sizeof *handle);
    *handle = (struct sys_process){.exited = exited, .arg = arg};
    enroll(parent, child, handle);
    if (server)
        have_forked(server, child);
    *ret = handle;
    return 0;
}

/* ---- the server ---------------------------------------------------------------------------------------- */

/* Nothing of what it does can be seen but that it is there: a fork is done by whoever orders it. */
static int be_server(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    while (process_alive(process_here()))
        process_wait(process_here(), INT64_MAX);
    return 0;
}

static void nobody_asks(void *arg, struct sys_exit how)
{
    (void)arg;
    (void)how;
}

int sim_make_server(struct process *process)
{
    if (sim_enter(process, "server", 0))
        return -EAGAIN;
    struct process *server = process_new(process->host, process, be_server);
    struct file *door = file_new(process, FILE_STREAM), *inside = file_new(server, FILE_STREAM);
    struct sys_process *handle = sim_new(sizeof *handle);
    server->bound = true;
    process_set_argv(server, process->argv);
    socket_pair(door, inside, 0);
    (void)file_install(server, inside);
    process->server = server;
    process->door = file_install(process, door);
    *handle = (struct sys_process){.exited = nobody_asks};
    enroll(process, server, handle);
    if (process->door >= 0)
        return 0;
    sim_end_server(process);
    return -EMFILE;
}

void sim_end_server(struct process *process)
{
    struct process *server = process->server;
    if (!server)
        return;
    process->server = NULL;
    if (server->state.at != PROCESS_DEAD)
        process_end(server, (struct sys_exit){.status = -1, .signal = SIGKILL});
    list_remove(&server->handle->place);
    handle_free(server->handle);
    server->handle = NULL;
    file_close(process, process->door);
    process->door = -1;
}

int sim_server(struct sys *sys)
{
    return process_of(sys)->door;
}

void sim_use_server(struct sys *sys, int fd)
{
    process_of(sys)->door = fd;
}

int sim_inherited(struct sys *sys, size_t i)
{
    struct process *process = process_of(sys);
    return i < process->kept_count ? process->kept[i] : -1;
}

int sim_signal(struct sys *sys, struct sys_process *process, int number)
{
    (void)sim_enter(process_of(sys), "kill", number);
    if (process->told)
        return -ESRCH;
    (void)process_deliver(process->process, number); /* a zombie does not mind */
    return 0;
}

void sim_forget(struct sys *sys, struct sys_process *process)
{
    (void)sys;
    process->process->handle = NULL;
    list_remove(&process->place);
    handle_free(process);
}

int sim_pid(struct sys *sys, const struct sys_process *process)
{
    return process ? process->process->pid : process_of(sys)->pid;
}

int sim_die_with_parent(struct sys *sys, int lifeline, int parent)
{
    struct process *process = process_of(sys);
    if (sim_enter(process, "bind", parent))
        return -EPERM;
    struct file *line = file_of(process, lifeline);
    if (!line || !line->in)
        return -EBADF;
    const struct weather *weather = &process->world->weather;
    if (!weather->no_lifeline && !line->in->writer)
        process_exit_now(EXIT_FAILURE); /* it died before the line was armed */
    if (!weather->no_lifeline)
        line->in->lifeline = process;
    if (!process->handle)
        process_exit_now(EXIT_FAILURE);
    process->bound = !weather->no_parent_signal; /* it may get lost, by a change of user for instance */
    return 0;
}

/* ---- from outside ------------------------------------------------------------------------------------ */

struct process *world_nth(struct world *world, size_t i)
{
    list_each(at, &world->processes)
        if (i-- == 0)
            return container_of(at, struct process, place);
    return NULL;
}

const char *process_name(const struct process *process)
{
    const struct runtime *its = process->state.at == PROCESS_RUNNING ? runtime : process->runtime;
    struct process *writable = (struct process *)process;
    if (process->state.at != PROCESS_DEAD && its && its->self.name && its->self.name[0])
        snprintf(writable->name, sizeof writable->name, "%s", its->self.name); /* kept for when it is dead */
    return process->name;
}

struct process *world_find(struct world *world, const char *actor)
{
    list_each(at, &world->processes)
    {
        struct process *process = container_of(at, struct process, place);
        if (process->state.at != PROCESS_DEAD && strcmp(process_name(process), actor) == 0)
            return process;
    }
    return NULL;
}

struct process *world_process(struct world *world, int pid)
{
    list_each(at, &world->processes)
        if (container_of(at, struct process, place)->pid == pid)
            return container_of(at, struct process, place);
    return NULL;
}

int process_pid(const struct process *process)
{
    return process->pid;
}

const char *process_host(const struct process *process)
{
    return process->host->name;
}

bool process_alive(const struct process *process)
{
    return process->state.at != PROCESS_DEAD;
}

bool process_is_server(const struct process *process)
{
    return process->program == be_server;
}

bool process_is_stopped(const struct process *process)
{
    return process->stopped;
}

struct process *process_parent(const struct process *process)
{
    return process->parent;
}

int64_t process_ended_ns(const struct process *process)
{
    return process->ended_ns;
}

int process_status(const struct process *process)
{
    return process->how.status;
}

int process_signal(const struct process *process)
{
    return process->how.signal;
}

const char *process_said(const struct process *process)
{
    return process->said;
}

/* ---- faults ------------------------------------------------------------------------------------------ */

void world_kill(struct process *process, int signal)
{
    (void)process_deliver(process, signal);
}

void process_kill_at(struct process *process, uint64_t n)
{
    process->fate = (struct sys_exit){.status = -1, .signal = SIGKILL};
    process->end_at = n;
}

void process_exit_at(struct process *process, uint64_t n, int status)
{
    process->fate = (struct sys_exit){.status = status & 0xff};
    process->end_at = n;
}

void process_fail_memory(struct process *process, uint64_t n, bool from_then_on)
{
    process->memory = (struct trap){n, from_then_on, process->memory.sprung};
}

void process_fail_calls(struct process *process, uint64_t n, bool from_then_on)
{
    process->calls = (struct trap){n, from_then_on, process->calls.sprung};
}

uint64_t process_failed(const struct process *process)
{
    return process->memory.sprung + process->calls.sprung;
}

void process_limit_descriptors(struct process *process, size_t most)
{
    process->files_most = most;
}

/* Calls `act` with each stream from a to b or back that is open at both ends; how many. */
static size_t each_between(struct process *a, struct process *b, void (*act)(struct file *))
{
    size_t count = 0;
    list_each(at, &a->world->files)
    {
        struct file *file = container_of(at, struct file, place);
        struct file *peer = file->peer;
        if (!peer || !((file->holder == a && peer->holder == b) || (file->holder == b && peer->holder == a)))
            continue;
        act(file);
        count++;
    }
    return count / 2;
}

static void cut(struct file *file)
{
    flow_cut(file->out, true);
}

/* What one end sent before it was closed still has to arrive; whose that end was is not known any more. */
static void heal_half(struct file *file, const struct process *other)
{
    struct flow *flow = file->in;
    if (flow && flow->cut && (!flow->writer || flow->writer->holder == other))
        flow_cut(flow, false);
}

static void reset(struct file *file)
{
    flow_drop(file->out);
    flow_set_patience(file->out, file->out->patience_ns); /* nothing is left to wait for */
    flow_end(file->out);
    file->error = -ECONNRESET;
    file_changed(file);
}

size_t world_cut(struct process *a, struct process *b)
{
    note(a->world, a->pid, "cut", b->pid, 0);
    return each_between(a, b, cut);
}

static void stay(struct file *file)
{
    (void)file;
}

size_t world_heal(struct process *a, struct process *b)
{
    note(a->world, a->pid, "heal", b->pid, 0);
    list_each(at, &a->world->files)
    {
        struct file *file = container_of(at, struct file, place);
        if (file->holder == a || file->holder == b)
            heal_half(file, file->holder == a ? b : a);
    }
    return each_between(a, b, stay);
}

size_t world_reset(struct process *a, struct process *b)
{
    note(a->world, a->pid, "reset", b->pid, 0);
    return each_between(a, b, reset);
}

/* ---- inside ------------------------------------------------------------------------------------------- */

enum { SPIN_NS = 1000000 }; /* between two looks of the world */

void process_spin(double seconds)
{
    struct process *process = process_here();
    int64_t until = process->world->now_ns + (int64_t)(seconds * 1e9);
    while (process->world->now_ns < until) {
        (void)sim_enter(process, "spin", 0);
        process->world->now_ns += SPIN_NS;
        process_give_way(process);
    }
}

/* A fake world: any number of processes, each with a libtractor runtime of its own, inside one thread,
 * from one seed. What stands above src/sys is the same object code as in production; below it are a
 * clock that moves when nobody can do anything now, a kernel with processes, pipes, sockets and
 * signals, and chance.
 *
 *     struct world *world = world_new(seed);
 *     struct process *root = world_spawn(world, world_host(world, "alpha"), program);
 *     world_run_until(world, has_started, NULL, 10);
 *     world_kill(world_find(world, "donny"), SIGKILL);
 *     world_run(world, 10);
 *     ... process_status(root), world_free(world)
 *
 * The same seed and the same program give the same run, system call by system call; `trace` writes it
 * down, and `hash` is the sum of it. One process runs at a time, until it waits in a poll or is
 * interrupted before a system call; who runs next is drawn. Time passes a little with every turn, and
 * jumps when all wait.
 *
 * Nothing here may be called while a process runs, except by the functions for processes at the end. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct world;
struct host;
struct process;

/* How rough the world is. Chances are per thousand; world_new sets mild ones. */
struct weather {
    unsigned interrupt;         /* a process, before a system call: others run first */
    unsigned split;             /* a read or write takes less than it could */
    size_t buffer;              /* what a pipe or socket holds, bytes */
    int64_t turn_ns;            /* the most time that a turn takes */
    int64_t latency_ns;         /* the most that bytes take from host to host */
    int64_t start_ns;           /* the most that starting a process takes */
    int64_t death_ns;           /* the most until a dead parent's child is killed */
    const char *transport;      /* of actors' sessions: the environment's TRACTOR_TRANSPORT; NULL: not set */
    bool no_parent_signal;      /* once they run, children are bound to parents by their lifeline only, */
    bool no_lifeline;           /* or by the parent-death signal only */
};

typedef int program_fn(int argc, char **argv);

/* ---- the world ------------------------------------------------------------------------------------- */

struct world *world_new(uint64_t seed);

/* Ends every process that is left. */
void world_free(struct world *world);

struct weather *world_weather(struct world *world);

/* Every system call and event from here on, a line each, to a file that stays the caller's. */
void world_trace(struct world *world, FILE *to);

uint64_t world_hash(const struct world *world);
uint64_t world_steps(const struct world *world);
int64_t world_now_ns(const struct world *world);

/* What the caller wants to know inside processes: world_here()->... */
void world_set_user(struct world *world, void *user);

struct host *world_host(struct world *world, const char *name);
struct host *world_named_host(struct world *world, const char *name); /* that there is; NULL */

/* A new root process, which will run `program`; its children run the same. */
struct process *world_spawn(struct world *world, struct host *host, program_fn *program);

/* One decision: an event happens, or a process has a turn. False when nothing will ever happen again. */
bool world_step(struct world *world);

/* Until `done`, or nothing happens any more, or that many seconds have passed; whether `done`. */
bool world_run_until(struct world *world, bool (*done)(void *), void *arg, double seconds);

/* Until nothing happens any more; false when that took longer. */
bool world_run(struct world *world, double seconds);

/* ---- processes, from outside ------------------------------------------------------------------------ */

/* The living process whose actor has this name / the process of that pid; NULL. */
struct process *world_find(struct world *world, const char *actor);
struct process *world_process(struct world *world, int pid);

/* In the order of their start, dead ones too: i from 0; NULL after the last. */
struct process *world_nth(struct world *world, size_t i);

int process_pid(const struct process *process);
const char *process_host(const struct process *process);       /* its name */
const char *process_name(const struct process *process);       /* the actor's; "" until known */
bool process_alive(const struct process *process);
bool process_is_stopped(const struct process *process);
bool process_is_server(const struct process *process);         /* that others are forked from, and no actor */
struct process *process_parent(const struct process *process); /* who started it, also when dead */
int64_t process_ended_ns(const struct process *process);
int process_status(const struct process *process);             /* of a dead one: -1 when killed, */
int process_signal(const struct process *process);             /* by this */
const char *process_said(const struct process *process);       /* what it printed, unless that is captured */

/* Faults. kill: any signal, as the kernel would deliver it. kill_at: SIGKILL in its n-th system call
 * from now; exit_at: _exit(status) there. A fault at a number: the n-th from now fails, once or from
 * then on; 0: none does. */
void world_kill(struct process *process, int signal);
void process_kill_at(struct process *process, uint64_t n);
void process_exit_at(struct process *process, uint64_t n, int status);
void process_fail_memory(struct process *process, uint64_t n, bool from_then_on);
void process_fail_calls(struct process *process, uint64_t n, bool from_then_on);
uint64_t process_failed(const struct process *process);        /* how often one of the two happened */
void process_limit_descriptors(struct process *process, size_t most);

/* Between two processes nothing arrives any more / again: what is sent waits. How many connections it met. */
size_t world_cut(struct process *a, struct process *b);
size_t world_heal(struct process *a, struct process *b);

/* No cable between two hosts any more / again: for connections there are, and those to come. */
void world_cut_hosts(struct host *a, struct host *b);
void world_heal_hosts(struct host *a, struct host *b);

/* Connections between two processes break; what is under way is lost. How many there were. */
size_t world_reset(struct process *a, struct process *b);

/* ---- what is left ----------------------------------------------------------------------------------- */

size_t world_living(const struct world *world);
size_t world_open_files(const struct world *world);             /* descriptions, not numbers */
size_t world_paths(const struct world *world);                  /* in the file systems of all hosts */
size_t world_leaks(const struct world *world);          /* allocations that orderly ends left behind */
size_t world_panics(const struct world *world);                 /* aborts of the library or the program */

/* ---- for the functions that run inside processes ------------------------------------------------------ */

struct world *world_here(void);
struct process *process_here(void);
void *world_user(void);

/* Ends this process at once. */
_Noreturn void process_exit_now(int status);
_Noreturn void process_die_now(int signal);

/* Prints to standard output (1) or error (2). */
void process_print(int stream, const char *text);

/* Computes without a checkpoint, so long. */
void process_spin(double seconds);

#endif

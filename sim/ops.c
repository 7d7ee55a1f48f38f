/* The table of operations of a process in the fake world: the plain ones. Polling is in poll.c, the
 * network in net.c, processes in spawn.c. */
#include "kernel.h"

#include "sys/crash.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

bool sim_enter(struct process *process, const char *call, int64_t detail)
{
    struct world *world = process->world;
    note(world, process->pid, call, detail, 0);
    if (process->end_at > 0 && --process->end_at == 0)
        process_end_now(process->fate);
    if (random_chance(&world->chance, world->weather.interrupt))
        process_give_way(process);
    return trap_springs(&process->calls);
}

/* ---- time and chance --------------------------------------------------------------------------------- */

static int64_t sim_now(struct sys *sys)
{
    return process_of(sys)->world->now_ns;
}

/* Its history begins with the year 1970. */
static int64_t sim_wall(struct sys *sys)
{
    return process_of(sys)->world->now_ns;
}

static int sim_random(struct sys *sys, void *ret_bytes, size_t size)
{
    struct world *world = process_of(sys)->world;
    for (char *at = ret_bytes; size > 0;) {
        uint64_t word = random_next(&world->chance);
        size_t part = size < sizeof word ? size : sizeof word;
        memcpy(at, &word, part);
        at += part;
        size -= part;
    }
    return 0;
}

static bool sim_guard(struct sys *sys, void *low, size_t size)
{
    (void)sys;
    (void)low;
    (void)size;
    return true; /* nobody steps on it here */
}

static void sim_name_overflow(struct sys *sys, sys_overflow_fn *which)
{
    (void)sys;
    (void)which;
}

/* ---- descriptors ------------------------------------------------------------------------------------- */

static ssize_t read_from(struct sys *sys, int fd, void *ret_bytes, size_t size, struct file **ret_passed)
{
    struct process *process = process_of(sys);
    if (sim_enter(process, "read", fd))
        return -EIO;
    struct file *file = file_of(process, fd);
    if (!file || !file->in)
        return -EBADF;
    ssize_t got = flow_read(file->in, ret_bytes, size, ret_passed);
    if (got <= 0 && file->error) {
        got = file->error;
        file->error = 0;
    }
    note(process->world, process->pid, "read", fd, got);
    return got;
}

static ssize_t sim_read(struct sys *sys, int fd, void *ret_bytes, size_t size)
{
    return read_from(sys, fd, ret_bytes, size, NULL);
}

/* One that there is no number for is lost. */
static ssize_t sim_read_with(struct sys *sys, int fd, void *ret_bytes, size_t size, int *ret_passed)
{
    struct file *passed = NULL;
    *ret_passed = -1;
    ssize_t got = read_from(sys, fd, ret_bytes, size, &passed);
    if (!passed)
        return got;
    int number = file_install(process_of(sys), passed);
    file_let_go(passed); /* which was held on its way */
    *ret_passed = number >= 0 ? number : -1;
    return got;
}

static ssize_t write_to(struct sys *sys, int fd, const void *bytes, size_t size, int passed)
{
    struct process *process = process_of(sys);
    if (sim_enter(process, "write", fd))
        return -EIO;
    struct file *file = file_of(process, fd);
    if (!file || !file->out)
        return -EBADF;
    ssize_t sent = file->error ? file->error : flow_write(file->out, bytes, size, file_of(process, passed));
    note(process->world, process->pid, "write", fd, sent);
    return sent;
}

static ssize_t sim_write(struct sys *sys, int fd, const void *bytes, size_t size)
{
    return write_to(sys, fd, bytes, size, -1);
}

static ssize_t sim_write_with(struct sys *sys, int fd, const void *bytes, size_t size, int passed)
{
    return write_to(sys, fd, bytes, size, passed);
}

/* Nobody else runs while somebody looks again and again. */
static int sim_processor(struct sys *sys)
{
    (void)sys;
    return -1;
}

static void sim_close(struct sys *sys, int fd)
{
    struct process *process = process_of(sys);
    (void)sim_enter(process, "close", fd);
    file_close(process, fd);
}

static void sim_keep(struct sys *sys, int fd) /* adopt, lend: nothing to be done */
{
    (void)sys;
    (void)fd;
}

static int install_two(struct process *process, struct file *first, struct file *second, int ret_fds[2])
{
    ret_fds[0] = file_install(process, first);
    ret_fds[1] = file_install(process, second);
    if (ret_fds[1] >= 0)
        return 0;
    if (ret_fds[0] >= 0)
        file_close(process, ret_fds[0]);
    return -EMFILE;
}

static int sim_pipe(struct sys *sys, int ret_fds[2])
{
    struct process *process = process_of(sys);
    if (sim_enter(process, "pipe", 0))
        return -EMFILE;
    struct file *reader = file_new(process, FILE_STREAM), *writer = file_new(process, FILE_STREAM);
    flow_new(writer, reader, 0);
    return install_two(process, reader, writer, ret_fds);
}

static int sim_pair(struct sys *sys, int ret_fds[2])
{
    struct process *process = process_of(sys);
    if (sim_enter(process, "pair", 0))
        return -EMFILE;
    struct file *one = file_new(process, FILE_STREAM), *other = file_new(process, FILE_STREAM);
    socket_pair(one, other, 0);
    return install_two(process, one, other, ret_fds);
}

static void sim_hang_up(struct sys *sys, int fd)
{
    struct process *process = process_of(sys);
    struct file *file = file_of(process, fd);
    if (!file || !file->out)
        return;
    flow_end(file->out);
    flow_hang_up(file->in);
}

static int sim_end_writing(struct sys *sys, int fd)
{
    struct process *process = process_of(sys);
    struct file *file = file_of(process, fd);
    if (!file || !file->out)
        return -ENOTCONN;
    flow_end(file->out);
    return 0;
}

/* ---- itself ------------------------------------------------------------------------------------------ */

static int sim_program(struct sys *sys, char *ret_path, size_t room)
{
    struct process *process = process_of(sys);
    if (sim_enter(process, "program", 0))
        return -ENOENT;
    snprintf(ret_path, room, "%s", process->argv[0]);
    return 0;
}

static unsigned sim_user(struct sys *sys)
{
    return process_of(sys)->user;
}

/* Nothing takes any time here, and an allocation has the size of one. */
static int sim_usage(struct sys *sys, struct sys_usage *ret)
{
    *ret = (struct sys_usage){.memory = process_of(sys)->alive};
    return 0;
}

static size_t sim_descriptors(struct sys *sys)
{
    return process_of(sys)->files_most;
}

static int sim_mailbox(struct sys *sys, void *owner, struct sys_mailbox **ret)
{
    (void)sys;
    (void)owner;
    *ret = NULL;
    return 0;
}

static void sim_host(struct sys *sys, char *ret_name, size_t room)
{
    snprintf(ret_name, room, "%s", process_of(sys)->host->name);
}

/* Nobody has the orphans here: a process that has ended is gone unless its own parent may still ask. */
static int sim_claim_root(struct sys *sys)
{
    (void)sys;
    return 0;
}

static void sim_crash_to(struct sys *sys, int fd)
{
    process_of(sys)->crash = fd;
}

/* The same texts one after the other that a real process leaves. */
static void sim_last_words(struct sys *sys, const char *type, const char *message, const char *file, int line)
{
    struct process *process = process_of(sys);
    struct file *to = file_of(process, process->crash);
    if (!to || !to->out)
        return;
    char number[16], words[CRASH_ROOM];
    snprintf(number, sizeof number, "%d", line);
    const char *const texts[] = {type, message, file, number};
    size_t used = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && used < sizeof words; i++)
        used += (size_t)snprintf(words + used, sizeof words - used, "%s", texts[i]) + 1;
    used = used < sizeof words ? used : sizeof words;
    ssize_t sent;
    for (size_t at = 0; at < used && (sent = flow_write(to->out, words + at, used - at, NULL)) > 0;)
        at += (size_t)sent; /* a pipe takes so little at once */
}

static const char *sim_env(struct sys *sys, const char *name)
{
    return strcmp(name, "TRACTOR_TRANSPORT") == 0 ? process_of(sys)->world->weather.transport : NULL;
}

static void keep_said(struct process *process, const char *text, size_t size)
{
    size_t room = sizeof process->said - 1 - process->said_size;
    size_t part = size < room ? size : room;
    memcpy(process->said + process->said_size, text, part);
    process->said_size += part;
    if (process->world->trace)
        fprintf(process->world->trace, "%.*s", (int)size, text);
}

/* A standard stream blocks: it waits for room, and what nobody will read is lost. */
static void print_to(struct process *process, int stream, const char *text, size_t size)
{
    enum { LOOK_AGAIN_NS = 100000 };
    struct world *world = process->world;
    if (!process->standard[stream]) {
        keep_said(process, text, size);
        return;
    }
    while (size > 0) {
        (void)sim_enter(process, "print", stream);
        ssize_t sent = flow_write(process->standard[stream]->out, text, size, NULL);
        if (sent == -EAGAIN)
            process_wait(process, world->now_ns + LOOK_AGAIN_NS);
        else if (sent < 0)
            return;
        text += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
    }
}

static void sim_print_error(struct sys *sys, const char *text, size_t size)
{
    print_to(process_of(sys), 2, text, size);
}

static bool sim_coloured(struct sys *sys)
{
    (void)sys;
    return false;
}

/* Nobody looks. */
static void sim_title(struct sys *sys, const char *name, const char *command)
{
    (void)sys;
    (void)name;
    (void)command;
}

static void sim_print(struct sys *sys, const char *text, size_t size)
{
    print_to(process_of(sys), 1, text, size);
}

static void sim_print_by_line(struct sys *sys)
{
    (void)sys; /* it is always so */
}

void process_print(int stream, const char *text)
{
    print_to(process_here(), stream, text, strlen(text));
}

__attribute__((noreturn)) static void sim_exit(struct sys *sys, int status)
{
    (void)sys;
    process_exit_now(status);
}

__attribute__((noreturn)) static void sim_abort(struct sys *sys)
{
    process_of(sys)->world->panics++;
    process_die_now(SIGABRT);
}

static void sim_raise_signal(struct sys *sys, int number)
{
    struct process *process = process_of(sys);
    if (!process_catches(process, number))
        process_die_now(number);
}

static size_t sim_trace(struct sys *sys, void **ret_addresses, size_t room)
{
    (void)sys;
    (void)ret_addresses;
    (void)room;
    return 0;
}

/* There is no code to be looked up: what came with an error is shown as it came. */
static bool sim_trace_show(struct sys *sys, const char *located, char *ret_text, size_t room)
{
    (void)sys;
    snprintf(ret_text, room, "%s", located);
    return false;
}

static void sim_stop(struct sys *sys)
{
    sim_end_server(process_of(sys));
}

static void sim_free(struct sys *sys)
{
    free(sys);
}

const struct sys_ops sim_ops = {
    .now = sim_now,
    .wall = sim_wall,
    .random = sim_random,
    .resize = memory_resize,
    .stacks_map = memory_map,
    .stacks_unmap = memory_unmap,
    .guard = sim_guard,
    .watch = sim_watch,
    .watch_for = sim_watch_for,
    .unwatch = sim_unwatch,
    .poll = sim_poll,
    .read = sim_read,
    .write = sim_write,
    .close = sim_close,
    .adopt = sim_keep,
    .lend = sim_keep,
    .pipe = sim_pipe,
    .pair = sim_pair,
    .share = sim_share,
    .share_in = sim_share_in,
    .unshare = sim_unshare,
    .processor = sim_processor,
    .write_with = sim_write_with,
    .read_with = sim_read_with,
    .listen = sim_listen,
    .unlisten = sim_unlisten,
    .hang_up = sim_hang_up,
    .accept = sim_accept,
    .connect = sim_connect,
    .connected = sim_connected,
    .end_writing = sim_end_writing,
    .local_address = sim_local_address,
    .peer_is_us = sim_peer_is_us,
    .peer_is = sim_peer_is,
    .patience = sim_patience,
    .is_stuck = sim_is_stuck,
    .listening = sim_listening,
    .numeric = sim_numeric,
    .catch_signal = sim_catch_signal,
    .let_signal_go = sim_let_signal_go,
    .raise_signal = sim_raise_signal,
    .heed_end = sim_heed_end,
    .unheed_end = sim_unheed_end,
    .at_exit = sim_at_exit,
    .spawn = sim_spawn,
    .signal = sim_signal,
    .forget = sim_forget,
    .pid = sim_pid,
    .program = sim_program,
    .inherited = sim_inherited,
    .server = sim_server,
    .use_server = sim_use_server,
    .die_with_parent = sim_die_with_parent,
    .name_overflow = sim_name_overflow,
    .last_words = sim_last_words,
    .crash_to = sim_crash_to,
    .claim_root = sim_claim_root,
    .title = sim_title,
    .user = sim_user,
    .usage = sim_usage,
    .descriptors = sim_descriptors,
    .host = sim_host,
    .mailbox = sim_mailbox,
    .env = sim_env,
    .print_error = sim_print_error,
    .coloured = sim_coloured,
    .print = sim_print,
    .print_by_line = sim_print_by_line,
    .exit = sim_exit,
    .abort = sim_abort,
    .trace = sim_trace,
    .trace_show = sim_trace_show,
    .stop = sim_stop,
    .free = sim_free,
};

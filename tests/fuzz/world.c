/* The seam answered for a fuzzer. Stacks are kept from one input to the next: mapping them would take longer
 * than all the rest. */
#include "world.h"

#include "base/error.h"
#include "check.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static struct world *world_of(struct sys *sys)
{
    return (struct world *)sys;
}

void bytes_add(struct bytes *bytes, const void *from, size_t size)
{
    if (size == 0)
        return;
    if (bytes->room - bytes->size < size) {
        bytes->room = 2 * (bytes->size + size);
        bytes->data = realloc(bytes->data, bytes->room);
        require(bytes->data);
    }
    memcpy(bytes->data + bytes->size, from, size);
    bytes->size += size;
}

/* ---- time, chance, memory -------------------------------------------------------------------------- */

static int64_t now(struct sys *sys)
{
    return world_of(sys)->now_ns;
}

static int random_bytes(struct sys *sys, void *ret_bytes, size_t size)
{
    struct world *world = world_of(sys);
    for (unsigned char *byte = ret_bytes; size > 0; size--, byte++)
        *byte = (unsigned char)((world->seed += 0x9e3779b97f4a7c15) >> 56);
    return 0;
}

static bool refuses(struct world *world)
{
    size_t number = ++world->allocations;
    return world->fail_at && (world->fail_after ? number >= world->fail_at : number == world->fail_at);
}

static void *resize(struct sys *sys, void *memory, size_t size)
{
    struct world *world = world_of(sys);
    size_t before = memory ? malloc_usable_size(memory) : 0;
    if (size == 0) {
        world->alive -= memory != NULL;
        world->bytes -= before;
        free(memory);
        return NULL;
    }
    void *got = refuses(world) ? NULL : realloc(memory, size);
    if (!got)
        return NULL;
    world->alive += !memory;
    world->bytes += malloc_usable_size(got) - before;
    if (world->bytes > world->peak)
        world->peak = world->bytes;
    return got;
}

enum { KEPT_STACKS = 8 };
static struct {
    size_t size;
    void *low;
    bool used;
} stacks[KEPT_STACKS];

static void *map_aligned(size_t size)
{
    char *low = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (low == MAP_FAILED)
        return NULL;
    return (char *)(((uintptr_t)low + size - 1) & ~(uintptr_t)(size - 1));
}

static int stacks_map(struct sys *sys, size_t size, void **ret_low)
{
    struct world *world = world_of(sys);
    if (refuses(world))
        return -ENOMEM;
    for (int i = 0; i < KEPT_STACKS; i++) {
        if (stacks[i].used || (stacks[i].size && stacks[i].size != size))
            continue;
        if (!stacks[i].low && !(stacks[i].low = map_aligned(size)))
            return -ENOMEM;
        stacks[i].size = size;
        stacks[i].used = true;
        world->alive++;
        *ret_low = stacks[i].low;
        return 0;
    }
    return -ENOMEM;
}

static void stacks_unmap(struct sys *sys, void *low, size_t size)
{
    for (int i = 0; i < KEPT_STACKS; i++)
        if (stacks[i].low == low) {
            require(stacks[i].used && stacks[i].size == size);
            stacks[i].used = false;
            world_of(sys)->alive--;
            return;
        }
    require(!"a stack that was never mapped");
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

/* ---- descriptors ----------------------------------------------------------------------------------- */

static struct world_socket *at(struct sys *sys, int fd)
{
    require(fd >= WORLD_FIRST_FD && fd < WORLD_FIRST_FD + WORLD_SOCKETS);
    struct world_socket *socket = &world_of(sys)->sockets[fd - WORLD_FIRST_FD];
    require(socket->open);
    return socket;
}

static int fd_of(struct world *world, const struct world_socket *socket)
{
    return WORLD_FIRST_FD + (int)(socket - world->sockets);
}

struct world_socket *world_socket(struct world *world, int *ret_fd)
{
    if (world->sockets_used == WORLD_SOCKETS)
        return NULL;
    struct world_socket *socket = &world->sockets[world->sockets_used++];
    *socket = (struct world_socket){.open = true, .chunk = SIZE_MAX, .room = SIZE_MAX};
    *ret_fd = fd_of(world, socket);
    return socket;
}

static struct world_socket *find_waiting(struct world *world)
{
    for (int i = 0; i < world->sockets_used; i++)
        if (world->sockets[i].open && world->sockets[i].waiting)
            return &world->sockets[i];
    return NULL;
}

struct world_socket *world_connect(struct world *world)
{
    int fd;
    struct world_socket *socket = world_socket(world, &fd);
    if (socket)
        socket->waiting = true;
    return socket;
}

static ssize_t read_socket(struct sys *sys, int fd, void *ret_bytes, size_t size)
{
    struct world_socket *socket = at(sys, fd);
    size_t left = socket->in.size - socket->taken;
    if (socket->reset)
        return -ECONNRESET;
    if (left == 0)
        return socket->ended || socket->hung_up ? 0 : -EAGAIN;
    size = size < left ? size : left;
    size = size < socket->chunk ? size : socket->chunk;
    memcpy(ret_bytes, socket->in.data + socket->taken, size);
    socket->taken += size;
    return (ssize_t)size;
}

static ssize_t write_socket(struct sys *sys, int fd, const void *bytes, size_t size)
{
    struct world_socket *socket = at(sys, fd);
    if (socket->reset || socket->hung_up)
        return socket->reset ? -ECONNRESET : -EPIPE;
    if (socket->unwritable)
        return -socket->unwritable;
    if (socket->room == 0)
        return -EAGAIN;
    size = size < socket->room ? size : socket->room;
    bytes_add(&socket->out, bytes, size);
    if (socket->room != SIZE_MAX)
        socket->room -= size;
    return (ssize_t)size;
}

static void close_socket(struct sys *sys, int fd)
{
    if (fd == WORLD_PASSED_FD) {
        require(world_of(sys)->passed-- > 0);
        return;
    }
    struct world_socket *socket = at(sys, fd);
    require(!socket->watch.ready);
    socket->open = false;
}

static int pair(struct sys *sys, int ret_fds[2])
{
    (void)sys;
    (void)ret_fds;
    return -EMFILE;
}

static int listen_at(struct sys *sys, const struct sys_address *address, int *ret_fd, int *ret_lock)
{
    (void)address;
    struct world_socket *socket = world_socket(world_of(sys), ret_fd);
    if (!socket)
        return -EMFILE;
    socket->listens = true;
    *ret_lock = -1;
    return 0;
}

static void unlisten(struct sys *sys, const struct sys_address *address, int lock)
{
    (void)sys;
    (void)address;
    (void)lock;
}

static void hang_up(struct sys *sys, int fd)
{
    at(sys, fd)->hung_up = true;
}

static int accept_one(struct sys *sys, int fd, int *ret_fd)
{
    require(at(sys, fd)->listens);
    struct world_socket *socket = find_waiting(world_of(sys));
    if (!socket)
        return -EAGAIN;
    socket->waiting = false;
    *ret_fd = fd_of(world_of(sys), socket);
    return 0;
}

static int connect_to(struct sys *sys, const struct sys_address *to, int *ret_fd)
{
    (void)to;
    struct world *world = world_of(sys);
    struct world_socket *socket = world->connected ? world_socket(world, ret_fd) : NULL;
    if (!socket)
        return world->connected ? -EMFILE : -ECONNREFUSED;
    world->connected(world, socket);
    return 0;
}

static int connected(struct sys *sys, int fd)
{
    (void)at(sys, fd);
    return 0;
}

static int local_address(struct sys *sys, int fd, struct sys_address *ret)
{
    (void)at(sys, fd);
    *ret = (struct sys_address){.family = SYS_UNIX, .name = "@fuzz"};
    return 0;
}

static int peer_is_us(struct sys *sys, int fd)
{
    return !at(sys, fd)->stranger_user;
}

static int peer_is(struct sys *sys, int fd, int pid)
{
    (void)at(sys, fd);
    (void)pid;
    return 1;
}

/* ---- polling --------------------------------------------------------------------------------------- */

static int watch(struct sys *sys, int fd, sys_ready_fn *ready, void *arg, struct sys_watch **ret)
{
    struct world_socket *socket = at(sys, fd);
    require(!socket->watch.ready);
    if (refuses(world_of(sys)))
        return -ENOMEM;
    socket->watch = (struct sys_watch){ready, arg, 0};
    *ret = &socket->watch;
    return 0;
}

static int watch_for(struct sys *sys, struct sys_watch *watch, int events)
{
    (void)sys;
    require(watch->ready);
    watch->events = events;
    return 0;
}

static void unwatch(struct sys *sys, struct sys_watch *watch)
{
    (void)sys;
    require(watch->ready);
    *watch = (struct sys_watch){0};
}

static int ready_for(struct world *world, const struct world_socket *socket)
{
    if (socket->listens)
        return find_waiting(world) ? SYS_READABLE : 0;
    bool gone = socket->ended || socket->reset || socket->hung_up;
    return (socket->taken < socket->in.size || gone ? SYS_READABLE : 0) |
           (socket->room > 0 || socket->reset || socket->hung_up ? SYS_WRITABLE : 0);
}

static bool report_all(struct world *world)
{
    bool reported = false;
    for (int i = 0; i < world->sockets_used; i++) {
        struct world_socket *socket = &world->sockets[i];
        int events = socket->watch.events ? socket->watch.events & ready_for(world, socket) : 0;
        if (!events)
            continue;
        socket->watch.events = 0;
        reported = true;
        socket->watch.ready(socket->watch.arg, events);
    }
    return reported;
}

/* The smallest step of the clock, lest time stand still while tasks take turns. */
enum { TICK_NS = 1000 };

static bool poll_sockets(struct sys *sys, int64_t timeout_ns)
{
    struct world *world = world_of(sys);
    if (report_all(world)) {
        world->now_ns += TICK_NS;
        return false;
    }
    require(timeout_ns >= 0 || !"every task waits, and no deadline will wake one");
    world->now_ns += timeout_ns > TICK_NS ? timeout_ns : TICK_NS;
    return true;
}

/* ---- memory for two: the peer's only ------------------------------------------------------------ */

static ssize_t read_socket_with(struct sys *sys, int fd, void *ret_bytes, size_t size, int *ret_passed)
{
    struct world *world = world_of(sys);
    ssize_t got = read_socket(sys, fd, ret_bytes, size);
    *ret_passed = world->passes && got > 0 ? WORLD_PASSED_FD : -1;
    world->passed += *ret_passed >= 0;
    return got;
}

static int share(struct sys *sys, enum sys_sharing sharing, size_t size, void **ret_memory, int *ret_fd)
{
    (void)sys;
    (void)sharing;
    (void)size;
    (void)ret_memory;
    (void)ret_fd;
    return -ENOSYS;
}

/* wire_accept asks without a descriptor, when a frame announces one that has not come. */
static int share_in(struct sys *sys, enum sys_sharing sharing, int fd, size_t size, void **ret_memory)
{
    struct world *world = world_of(sys);
    require(fd == -1 || fd == WORLD_PASSED_FD);
    if (fd == -1 || sharing != SYS_ONE_WRITES)
        return -EPERM;
    void *memory = refuses(world) ? MAP_FAILED : mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -ENOMEM;
    world->alive++;
    *ret_memory = memory;
    return 0;
}

static void unshare(struct sys *sys, void *memory, size_t size)
{
    world_of(sys)->alive--;
    munmap(memory, size);
}

/* ---- the rest ------------------------------------------------------------------------------------------ */

static int pid(struct sys *sys, const struct sys_process *process)
{
    (void)sys;
    (void)process;
    return 4242;
}

static unsigned user(struct sys *sys)
{
    (void)sys;
    return 1000;
}

static int usage(struct sys *sys, struct sys_usage *ret)
{
    (void)sys;
    *ret = (struct sys_usage){.memory = 1};
    return 0;
}

static size_t descriptors(struct sys *sys)
{
    (void)sys;
    return WORLD_SOCKETS;
}

static int mailbox(struct sys *sys, void *owner, struct sys_mailbox **ret)
{
    (void)sys;
    (void)owner;
    *ret = NULL;
    return 0;
}

static void host(struct sys *sys, char *ret_name, size_t room)
{
    (void)sys;
    snprintf(ret_name, room, "host");
}

static const char *environment(struct sys *sys, const char *name)
{
    (void)sys;
    (void)name;
    return NULL;
}

static void print_by_line(struct sys *sys)
{
    (void)sys;
}

static void print_error(struct sys *sys, const char *text, size_t size)
{
    (void)sys;
    if (strncmp(text, "libtractor: ", 12) == 0 || getenv("FUZZ_VERBOSE"))
        fwrite(text, 1, size, stderr); /* a panic; the log is made, but only shown to who asks */
}

static bool coloured(struct sys *sys)
{
    (void)sys;
    return false;
}

static void title(struct sys *sys, const char *name, const char *command)
{
    (void)sys;
    (void)name;
    (void)command;
}

__attribute__((noreturn)) static void end(struct sys *sys)
{
    (void)sys;
    abort();
}

static size_t trace(struct sys *sys, void **ret_addresses, size_t room)
{
    (void)sys;
    if (room > 0)
        ret_addresses[0] = sys;
    return room > 0;
}

static void trace_locate(struct sys *sys, const void *address, char *ret_text, size_t room)
{
    (void)sys;
    (void)address;
    snprintf(ret_text, room, "somewhere");
}

static bool trace_show(struct sys *sys, const char *located, char *ret_text, size_t room)
{
    (void)sys;
    snprintf(ret_text, room, "%s", located);
    return false;
}

static void stop(struct sys *sys)
{
    (void)sys;
}

static void free_world(struct sys *sys)
{
    struct world *world = world_of(sys);
    for (int i = 0; i < world->sockets_used; i++) {
        free(world->sockets[i].in.data);
        free(world->sockets[i].out.data);
    }
    free(world);
}

static const struct sys_ops ops = {
    .now = now,
    .wall = now,
    .random = random_bytes,
    .resize = resize,
    .stacks_map = stacks_map,
    .stacks_unmap = stacks_unmap,
    .guard = guard,
    .name_overflow = name_overflow,
    .watch = watch,
    .watch_for = watch_for,
    .unwatch = unwatch,
    .poll = poll_sockets,
    .read = read_socket,
    .write = write_socket,
    .read_with = read_socket_with,
    .share = share,
    .share_in = share_in,
    .unshare = unshare,
    .close = close_socket,
    .pair = pair,
    .listen = listen_at,
    .unlisten = unlisten,
    .hang_up = hang_up,
    .accept = accept_one,
    .connect = connect_to,
    .connected = connected,
    .local_address = local_address,
    .peer_is_us = peer_is_us,
    .peer_is = peer_is,
    .pid = pid,
    .user = user,
    .usage = usage,
    .descriptors = descriptors,
    .host = host,
    .mailbox = mailbox,
    .env = environment,
    .print_error = print_error,
    .coloured = coloured,
    .title = title,
    .print = print_error,
    .print_by_line = print_by_line,
    .abort = end,
    .trace = trace,
    .trace_locate = trace_locate,
    .trace_show = trace_show,
    .stop = stop,
    .free = free_world,
};

struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof *world);
    require(world);
    world->now_ns = 1000 * (int64_t)1000000000;
    sys_enter(&world->sys, &ops);
    return world;
}

static void no_descriptor_is_left(const struct world *world)
{
    for (int i = 0; i < world->sockets_used; i++)
        require(!world->sockets[i].open || world->sockets[i].waiting); /* or nobody let it in */
    require(world->passed == 0);
}

void world_end(struct world *world)
{
    error_unref(runtime->outside.error);
    runtime->outside.error = NULL;
    no_descriptor_is_left(world);
    require(world->alive == 0);
    sys_leave();
    sys_forsake();
}

/* The seam: the one place where the library touches the world. Clock, randomness, memory, polling,
 * descriptors, the network, processes, threads, environment and console are a table of operations, chosen
 * when a runtime starts and reached through it. src/sys/real*.c answer them with libuv and POSIX; a fake
 * world answers them with a seed. Nothing above this floor knows which.
 *
 * Operations return 0 or a positive value, or a negative errno value; none of them raises an error
 * object, blocks (but for `poll` and `look_up`), or is a checkpoint. Descriptors are small integers that
 * are never inherited unless a spawn says so, and never block. */
#ifndef SYS_SYS_H
#define SYS_SYS_H

#include "base/runtime.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { SYS_READABLE = 1, SYS_WRITABLE = 2, SYS_LASTING = 4 };
enum { SYS_ADDRESS_ROOM = 108 };            /* what sun_path holds */

struct sys_watch;                           /* a descriptor under the poller's eye */
struct sys_process;                         /* a child process not yet reaped */
struct sys_catch;                           /* a signal that is caught */
struct sys_ops;

enum sys_family { SYS_UNIX, SYS_TCP };
struct sys_address {
    enum sys_family family;
    char name[SYS_ADDRESS_ROOM];            /* a path, "@" and an abstract name, or a numeric host */
    uint16_t port;                          /* TCP only; 0 asks the kernel to choose */
};

/* What this process has cost so far. */
struct sys_usage {
    uint64_t memory;                        /* bytes: its own, and its share of what it shares with others */
    int64_t cpu_ns;                         /* of processors, by all its threads */
};

struct sys_exit {
    int status;                             /* -1 when a signal ended it, or somebody else has reaped it */
    int signal;                             /* 0 when it exited, or somebody else has reaped it */
    int error;                              /* an errno value: it could not be forked; else 0 */
    enum { SYS_TOLD, SYS_SERVER_GONE, SYS_SERVER_SILENT } untold; /* why the server does not say how */
};

enum { SYS_OURS = -1, SYS_NULL = -2 };      /* instead of a descriptor: as we have it; nothing at all */
enum { SYS_KEEP_MOST = 8, SYS_BIRTH_ROOM = 64 }; /* what an actor is started with: descriptors, and a text */

/* The child gets no descriptors but these, and no signals blocked. Of those ignored SIGHUP, SIGINT and
 * SIGQUIT stay so; an actor has the latter two ignored from the start. */
struct sys_spawn {
    bool fork;                              /* a copy of what the server is: `program` and `argv` are not
                                             * looked at. It has what that had open besides */
    const char *program;                    /* a path, after going to `directory` */
    bool search;                            /* or else a name, to be looked for as execvp does */
    char *const *argv;
    const char *birth;                      /* what the child's `birth` shall say; NULL: it is no actor */
    const char *directory;                  /* NULL: ours */
    const char *const *environment;         /* what is other than in ours: "NAME=value", or "NAME" without */
    size_t environment_count;
    bool clear_environment;                 /* and nothing of ours */
    int standard[3];                        /* its descriptors 0 to 2 */
    const int *keep;                        /* descriptors the child gets, under the same numbers or, forked,
                                             * others; an actor is told by `inherited` */
    size_t keep_count;
    int lifeline;                           /* the end to read of a pipe, armed for it: when the last that may
                                             * write there is gone, it is killed; -1 for none. Of a forked
                                             * one it is among those kept */
    bool *ret_bad_directory;                /* on failure: because of `directory`; or NULL */
};

/* Where other threads leave letters for a world's thread. Counted: it may be held by any thread, and
 * beyond the world. Implementations begin with this. */
struct sys_mailbox {
    const struct sys_ops *ops;
};

/* Is delivered exactly once: from within `poll`, with the mailbox's owner; or, when the mailbox is closed,
 * with NULL and on whichever thread finds out. Delivering may free it. */
struct sys_letter {
    void (*deliver)(struct sys_letter *letter, void *owner);
    struct sys_letter *next;                /* the rest is the implementation's */
    void *waiting;
};

/* What a thread of its own shall do. It has a runtime of its own meanwhile, without a scheduler; `done` is
 * posted afterwards, when nothing of the work is running any more. */
struct sys_work {
    void (*run)(struct sys_work *work);
    struct sys_letter done;
    struct sys_mailbox *to;
};

typedef void sys_ready_fn(void *arg, int events);
typedef bool sys_overflow_fn(const void *address, char *ret_text, size_t room);
typedef void sys_exited_fn(void *arg, struct sys_exit how);
typedef void sys_caught_fn(void *arg);
typedef void sys_asked_fn(void *arg, int number);
typedef int sys_name_fn(void *arg, const char *name);

/* Who may write to memory that several processes see: all of them, or who made it. */
enum sys_sharing { SYS_ALL_WRITE, SYS_ONE_WRITES };

struct sys_ops {
    /* time and chance */
    int64_t (*now)(struct sys *sys);        /* nanoseconds, monotonic, from anywhere */
    int64_t (*wall)(struct sys *sys);       /* nanoseconds since 1970, UTC; on any thread */
    void (*set_clock)(struct sys *sys, int64_t now_ns); /* from now on it stands still, here */
    int (*random)(struct sys *sys, void *ret_bytes, size_t size);

    /* memory: as realloc; a size of 0 frees. Stacks: fresh memory, aligned to its own size, a power of
     * two; a guard is pages that nothing may touch. Whether there could be one; if not, they are zero. */
    void *(*resize)(struct sys *sys, void *memory, size_t size);
    int (*stacks_map)(struct sys *sys, size_t size, void **ret_low);
    void (*stacks_unmap)(struct sys *sys, void *low, size_t size);
    bool (*guard)(struct sys *sys, void *low, size_t size);

    /* polling. A watch reports once each time it is armed, from within `poll`, which waits until
     * something was reported or `timeout_ns` is over (negative: no limit); whether that was it. Any
     * descriptor may be watched, once, and is left as it is; arming fails with -EPERM for what never keeps
     * anybody waiting, a file on a disk, and with -EBADF for one that is closed. With SYS_LASTING nobody else closes it
     * while it is watched, and it may not be noticed. */
    int (*watch)(struct sys *sys, int fd, sys_ready_fn *ready, void *arg, struct sys_watch **ret);
    int (*watch_for)(struct sys *sys, struct sys_watch *watch, int events); /* 0 disarms */
    void (*unwatch)(struct sys *sys, struct sys_watch *watch);
    bool (*poll)(struct sys *sys, int64_t timeout_ns);

    /* descriptors, also blocking ones that are not ours: -EAGAIN when it would block; a read of 0 is the
     * end; no write raises a signal */
    ssize_t (*read)(struct sys *sys, int fd, void *ret_bytes, size_t size);
    ssize_t (*write)(struct sys *sys, int fd, const void *bytes, size_t size);
    void (*close)(struct sys *sys, int fd);
    void (*adopt)(struct sys *sys, int fd);         /* an inherited one becomes like ours */
    void (*lend)(struct sys *sys, int fd);          /* ours becomes one that blocks, for another program */
    int (*pipe)(struct sys *sys, int ret_fds[2]);   /* [0] reads what [1] writes */
    int (*pair)(struct sys *sys, int ret_fds[2]);   /* two connected stream sockets */
    size_t (*descriptors)(struct sys *sys);         /* so many may be open at a time */

    /* Memory that several processes see, of a size that nobody can change any more, zero at first. share makes some,
     * and a descriptor for whoever else shall see it; share_in is for those, and takes nothing else for it: -EPERM.
     * Of SYS_ONE_WRITES only the memory that share has made can be written to, and by nobody else ever: -EINVAL from
     * share where the system knows no such thing.
     * Neither can fail later, when it is touched, but for memory running out. */
    int (*share)(struct sys *sys, enum sys_sharing sharing, size_t size, void **ret_memory, int *ret_fd);
    int (*share_in)(struct sys *sys, enum sys_sharing sharing, int fd, size_t size, void **ret_memory);
    void (*unshare)(struct sys *sys, void *memory, size_t size);
    int (*processor)(struct sys *sys);      /* the number of the one this thread runs on, or did a moment ago; -1
                                             * where that says nothing, since nobody runs at the same time */

    /* As read and write, of Unix sockets. With the first byte goes a descriptor, which stays open here, too; with
     * the bytes comes one, which is ours, or -1; of several the others are closed. */
    ssize_t (*write_with)(struct sys *sys, int fd, const void *bytes, size_t size, int passed);
    ssize_t (*read_with)(struct sys *sys, int fd, void *ret_bytes, size_t size, int *ret_passed);

    /* network */
    /* A socket in the file system comes with a lock that whoever listens there holds, so that the file of
     * a dead one can be told from a living one's; *ret_lock is -1 for others. unlisten removes both. */
    int (*listen)(struct sys *sys, const struct sys_address *at, int *ret_fd, int *ret_lock);
    void (*unlisten)(struct sys *sys, const struct sys_address *at, int lock);
    void (*hang_up)(struct sys *sys, int fd);       /* what has arrived can still be read, then the end */
    int (*accept)(struct sys *sys, int fd, int *ret_fd);
    int (*connect)(struct sys *sys, const struct sys_address *to, int *ret_fd);
    int (*connected)(struct sys *sys, int fd);      /* how it went, once writable */
    int (*end_writing)(struct sys *sys, int fd);    /* the other side reads the end, and may still write */
    int (*local_address)(struct sys *sys, int fd, struct sys_address *ret);
    int (*peer_is_us)(struct sys *sys, int fd);     /* 1 when the same user is at the other end */
    int (*peer_is)(struct sys *sys, int fd, int pid); /* 1 when a process is that has this pid, or calls itself so
                                                     * in a namespace of its own, or when there is no telling */
    /* Of a connection over TCP: how long what was sent may wait for the other host to acknowledge it, whereupon
     * reads and writes fail with -ETIMEDOUT or what the network has said; 0: many minutes. / 1 while the other host is
     * there and takes nothing more, since its process does not read. */
    void (*patience)(struct sys *sys, int fd, int64_t ns);
    int (*is_stuck)(struct sys *sys, int fd);
    /* Calls each(arg, name) for the abstract names, as "@name", that begin with `prefix` and at which somebody
     * listens here. 0, or what went wrong, or the first negative result of `each`. */
    int (*listening)(struct sys *sys, const char *prefix, sys_name_fn *each, void *arg);

    /* names. look_up blocks, for as long as a name server likes, and is for worker threads. It returns how
     * many addresses there are, each once in the order they are best tried, in memory of `resize`; or
     * -ENOENT when there are none, -EAGAIN when nobody knows just now. */
    int (*numeric)(struct sys *sys, const char *host, const char *service,
                   struct sys_address *ret);        /* 1 when both are numbers and need no looking up */
    int (*look_up)(struct sys *sys, const char *host, const char *service, struct sys_address **ret_all);

    /* signals. `caught` is called from within `poll`, for one or several that came. What was to happen with
     * the signal before is back after let_go, which tells whether one came that `caught` does not know of:
     * 1 or 0. */
    int (*catch_signal)(struct sys *sys, int number, sys_caught_fn *caught, void *arg,
                        struct sys_catch **ret);
    int (*let_signal_go)(struct sys *sys, struct sys_catch *it);
    void (*raise_signal)(struct sys *sys, int number);  /* in this thread, if it does not block it */

    /* An end that is asked for from outside: by SIGTERM and, of a root, by Ctrl-C; each only if nobody ignores
     * or catches it, and for as long. `told` is called once, from within `poll`, with the first one's number;
     * the second has its usual effect, at once, whatever we are doing. unheed_end puts back what was before,
     * and returns the number of the one that came, or 0: an exit with status 128 + number is then a death by
     * it. For the one actor of a process. */
    int (*heed_end)(struct sys *sys, bool is_root, sys_asked_fn *told, void *arg);
    int (*unheed_end)(struct sys *sys);

    /* exit() in this thread calls fn(arg) first, once; NULL: not any more. For the one actor of a process. */
    int (*at_exit)(struct sys *sys, void (*fn)(void *arg), void *arg);

    /* processes. `exited` is called once, from within `poll`, and the process is reaped then. A child dies
     * with us, however we die, and with the thread that started it; a forked one with its server too, and
     * its pid is 0 until the server has answered. */
    int (*spawn)(struct sys *sys, const struct sys_spawn *what, sys_exited_fn *exited, void *arg,
                 struct sys_process **ret);
    /* One that is not forked yet gets it then. With a second SIGKILL nobody waits for that: it has ended untold. */
    int (*signal)(struct sys *sys, struct sys_process *process, int number);
    void (*forget)(struct sys *sys, struct sys_process *process); /* after `exited` */
    int (*pid)(struct sys *sys, const struct sys_process *process); /* NULL: our own */
    int (*program)(struct sys *sys, char *ret_path, size_t room);   /* our own, resolved */
    int (*inherited)(struct sys *sys, size_t i);    /* the number here of what our parent's spawn kept i-th; -1 */
    int (*die_with_parent)(struct sys *sys, int lifeline, int parent);
    int (*server)(struct sys *sys);                 /* a descriptor by which children reach the server we use,
                                                     * readable when that is gone; -1: we have none */
    void (*use_server)(struct sys *sys, int fd);    /* an inherited one is ours */
    /* `which` is asked, on a signal stack, whether a bad address is the end of a task's stack, and what to
     * say of it; no handler of the program's own is replaced. */
    void (*name_overflow)(struct sys *sys, sys_overflow_fn *which);
    void (*last_words)(struct sys *sys, const char *type, const char *message, const char *file,
                       int line);                   /* to the parent, where crash_to says */
    void (*crash_to)(struct sys *sys, int fd);      /* where a dying process says why */
    /* Until `stop`: -EBUSY when another root lives here. If it starts any processes, those below it whose parents
     * die become its children, and are reaped when they end. */
    int (*claim_root)(struct sys *sys);
    void (*title)(struct sys *sys, const char *name, const char *command); /* what others see this process as, if
                                                     * that can be: its short name, and its command line */
    unsigned (*user)(struct sys *sys);              /* the effective user's number */
    int (*usage)(struct sys *sys, struct sys_usage *ret);
    void (*host)(struct sys *sys, char *ret_name, size_t room); /* the name of this one, cut to fit */

    /* threads. What has a mailbox for its first argument may be called on any thread, with a runtime or
     * without; whoever waits in `ask` is woken by `answer`, whereupon the letter is gone. -EDEADLK where
     * nobody else could answer. `visit` gives a thread a small runtime if it has none. */
    int (*work)(struct sys *sys, struct sys_work *work);
    int (*mailbox)(struct sys *sys, void *owner, struct sys_mailbox **ret);  /* held once; NULL where there are no
                                                     * other threads */
    void (*mailbox_close)(struct sys *sys, struct sys_mailbox *mailbox);
    void (*mailbox_hold)(struct sys_mailbox *mailbox);
    void (*mailbox_drop)(struct sys_mailbox *mailbox);
    void (*post)(struct sys_mailbox *mailbox, struct sys_letter *letter);    /* and goes on: nobody answers that */
    int (*ask)(struct sys_mailbox *mailbox, struct sys_letter *letter);
    void (*answer)(struct sys_mailbox *mailbox, struct sys_letter *letter);
    void (*visit)(struct sys_mailbox *mailbox);

    /* environment, console, end */
    const char *(*env)(struct sys *sys, const char *name);
    void (*print_error)(struct sys *sys, const char *text, size_t size); /* in one piece, if it is not too long;
                                                                          * what cannot be is lost */
    bool (*coloured)(struct sys *sys);              /* who reads that likes colours */
    void (*print)(struct sys *sys, const char *text, size_t size);  /* behind what the program printed */
    void (*print_by_line)(struct sys *sys);         /* what the program prints from now on, at each newline */
    void (*exit)(struct sys *sys, int status) __attribute__((noreturn));
    void (*abort)(struct sys *sys) __attribute__((noreturn));

    /* the running code itself */
    size_t (*trace)(struct sys *sys, void **ret_addresses, size_t room);
    void (*trace_locate)(struct sys *sys, const void *address, char *ret_text, size_t room);
    bool (*trace_show)(struct sys *sys, const char *located, char *ret_text, size_t room);

    void (*stop)(struct sys *sys);                  /* ends everything but memory */
    void (*free)(struct sys *sys);                  /* and that; sys and its runtime are gone */
};

/* A world begins with this. Its runtime is in it, so that the error a run ended with can be read
 * after the rest of the world has stopped. */
struct sys {
    const struct sys_ops *ops;
    struct runtime runtime;
};

/* A new world, whose runtime becomes this thread's: the real one, unless this thread's maker says
 * otherwise. What the runtime before it left behind is freed; that one must have stopped. -ENOMEM,
 * -EMFILE, -ENFILE, whereupon it is still there. */
int sys_new(void);

/* What a thread without a world has of the real one. */
int64_t sys_real_wall(void);
void sys_real_print_error(const char *text, size_t size);
bool sys_real_coloured(void);
int sys_real_pid(void);

/* Prints what sys_new has returned, since there is no world in which it could be an error. */
void sys_print_refusal(int rc);

/* ---- of the process, before there is a world ------------------------------------------------------- */

/* What our parent's spawn said; NULL: this process is a root. */
const char *sys_birth(void);

static inline bool sys_is_child(void)
{
    return sys_birth() != NULL;
}

/* As sys_env. */
const char *sys_env_before(const char *name);

/* Makes a server: a copy of this process as it is now, which does nothing but be copied again for `spawn`,
 * and ends with the world that is made next. 0; or 1 in a copy, which goes on from here as a child with a
 * birth of its own, wherever it was called first. -EBUSY when this process has a server, -EDEADLK when it has
 * several threads, whose locks a copy would have without them; -EAGAIN, -EMFILE, -ENOMEM. */
int sys_make_server(void);

/* Where this thread's worlds come from; NULL: they are real. Set by simulators, whose processes share a
 * thread. */
struct sys_maker {
    int (*make)(void);
    const char *(*birth)(void);
    const char *(*env)(const char *name);
    int (*make_server)(void);
};
extern _Thread_local const struct sys_maker *sys_maker;
extern const struct sys_maker sys_real;

/* Makes the world's runtime the thread's, with an empty slot for errors. What a thread is doing as a worker
 * it does in that world too. For implementations. */
void sys_enter(struct sys *sys, const struct sys_ops *ops);

/* Frees this thread's world, which has stopped, if it has one. For implementations. */
void sys_forsake(void);

/* Ends this thread's world but for the error in it. */
void sys_leave(void);

/* ---- the operations of this thread's world, as plain calls ---------------------------------------- */

#define SYS_CALL_(op, ...) (runtime->sys->ops->op(runtime->sys, __VA_ARGS__))

static inline int64_t sys_now(void)
{
    return runtime->sys->ops->now(runtime->sys);
}
static inline void sys_set_clock(int64_t now_ns)
{
    SYS_CALL_(set_clock, now_ns);
}
static inline int sys_random(void *ret_bytes, size_t size)
{
    return SYS_CALL_(random, ret_bytes, size);
}
static inline int sys_stacks_map(size_t size, void **ret_low)
{
    return SYS_CALL_(stacks_map, size, ret_low);
}
static inline void sys_stacks_unmap(void *low, size_t size)
{
    SYS_CALL_(stacks_unmap, low, size);
}
static inline bool sys_guard(void *low, size_t size)
{
    return SYS_CALL_(guard, low, size);
}
static inline int sys_watch(int fd, sys_ready_fn *ready, void *arg, struct sys_watch **ret)
{
    return SYS_CALL_(watch, fd, ready, arg, ret);
}
static inline int sys_watch_for(struct sys_watch *watch, int events)
{
    return SYS_CALL_(watch_for, watch, events);
}
static inline void sys_unwatch(struct sys_watch *watch)
{
    SYS_CALL_(unwatch, watch);
}
static inline bool sys_poll(int64_t timeout_ns)
{
    return SYS_CALL_(poll, timeout_ns);
}
static inline ssize_t sys_read(int fd, void *ret_bytes, size_t size)
{
    return SYS_CALL_(read, fd, ret_bytes, size);
}
static inline ssize_t sys_write(int fd, const void *bytes, size_t size)
{
    return SYS_CALL_(write, fd, bytes, size);
}
/* Closes *fd unless it is -1, and makes it -1. */
static inline void sys_close(int *fd)
{
    if (*fd >= 0)
        SYS_CALL_(close, *fd);
    *fd = -1;
}
static inline void sys_adopt(int fd)
{
    SYS_CALL_(adopt, fd);
}
static inline void sys_lend(int fd)
{
    SYS_CALL_(lend, fd);
}
static inline int sys_pipe(int ret_fds[2])
{
    return SYS_CALL_(pipe, ret_fds);
}
static inline int sys_pair(int ret_fds[2])
{
    return SYS_CALL_(pair, ret_fds);
}
static inline size_t sys_descriptors(void)
{
    return runtime->sys->ops->descriptors(runtime->sys);
}
static inline int sys_share(enum sys_sharing sharing, size_t size, void **ret_memory, int *ret_fd)
{
    return SYS_CALL_(share, sharing, size, ret_memory, ret_fd);
}
static inline int sys_share_in(enum sys_sharing sharing, int fd, size_t size, void **ret_memory)
{
    return SYS_CALL_(share_in, sharing, fd, size, ret_memory);
}
static inline void sys_unshare(void *memory, size_t size)
{
    SYS_CALL_(unshare, memory, size);
}
static inline int sys_processor(void)
{
    return runtime->sys->ops->processor(runtime->sys);
}
static inline ssize_t sys_write_with(int fd, const void *bytes, size_t size, int passed)
{
    return SYS_CALL_(write_with, fd, bytes, size, passed);
}
static inline ssize_t sys_read_with(int fd, void *ret_bytes, size_t size, int *ret_passed)
{
    return SYS_CALL_(read_with, fd, ret_bytes, size, ret_passed);
}
static inline int sys_listen(const struct sys_address *at, int *ret_fd, int *ret_lock)
{
    return SYS_CALL_(listen, at, ret_fd, ret_lock);
}
static inline void sys_unlisten(const struct sys_address *at, int lock)
{
    SYS_CALL_(unlisten, at, lock);
}
static inline void sys_hang_up(int fd)
{
    SYS_CALL_(hang_up, fd);
}
static inline int sys_accept(int fd, int *ret_fd)
{
    return SYS_CALL_(accept, fd, ret_fd);
}
static inline int sys_connect(const struct sys_address *to, int *ret_fd)
{
    return SYS_CALL_(connect, to, ret_fd);
}
static inline int sys_connected(int fd)
{
    return SYS_CALL_(connected, fd);
}
static inline int sys_end_writing(int fd)
{
    return SYS_CALL_(end_writing, fd);
}
static inline int sys_local_address(int fd, struct sys_address *ret)
{
    return SYS_CALL_(local_address, fd, ret);
}
static inline int sys_peer_is_us(int fd)
{
    return SYS_CALL_(peer_is_us, fd);
}
static inline int sys_peer_is(int fd, int pid)
{
    return SYS_CALL_(peer_is, fd, pid);
}
static inline void sys_patience(int fd, int64_t ns)
{
    SYS_CALL_(patience, fd, ns);
}
static inline int sys_is_stuck(int fd)
{
    return SYS_CALL_(is_stuck, fd);
}
static inline int sys_listening(const char *prefix, sys_name_fn *each, void *arg)
{
    return SYS_CALL_(listening, prefix, each, arg);
}
static inline int sys_numeric(const char *host, const char *service, struct sys_address *ret)
{
    return SYS_CALL_(numeric, host, service, ret);
}
static inline int sys_look_up(const char *host, const char *service, struct sys_address **ret_all)
{
    return SYS_CALL_(look_up, host, service, ret_all);
}
static inline int sys_catch_signal(int number, sys_caught_fn *caught, void *arg, struct sys_catch **ret)
{
    return SYS_CALL_(catch_signal, number, caught, arg, ret);
}
static inline int sys_let_signal_go(struct sys_catch *it)
{
    return SYS_CALL_(let_signal_go, it);
}
static inline void sys_raise_signal(int number)
{
    SYS_CALL_(raise_signal, number);
}
static inline int sys_heed_end(bool is_root, sys_asked_fn *told, void *arg)
{
    return SYS_CALL_(heed_end, is_root, told, arg);
}
static inline int sys_unheed_end(void)
{
    return runtime->sys->ops->unheed_end(runtime->sys);
}
static inline int sys_at_exit(void (*fn)(void *arg), void *arg)
{
    return SYS_CALL_(at_exit, fn, arg);
}
static inline int sys_spawn(const struct sys_spawn *what, sys_exited_fn *exited, void *arg,
                            struct sys_process **ret)
{
    return SYS_CALL_(spawn, what, exited, arg, ret);
}
static inline int sys_signal(struct sys_process *process, int number)
{
    return SYS_CALL_(signal, process, number);
}
static inline void sys_forget(struct sys_process *process)
{
    SYS_CALL_(forget, process);
}
static inline int sys_pid(const struct sys_process *process)
{
    return SYS_CALL_(pid, process);
}
static inline int sys_program(char *ret_path, size_t room)
{
    return SYS_CALL_(program, ret_path, room);
}
static inline int sys_inherited(size_t i)
{
    return SYS_CALL_(inherited, i);
}
static inline int sys_server(void)
{
    return runtime->sys->ops->server(runtime->sys);
}
static inline void sys_use_server(int fd)
{
    SYS_CALL_(use_server, fd);
}
static inline void sys_name_overflow(sys_overflow_fn *which)
{
    SYS_CALL_(name_overflow, which);
}
static inline void sys_last_words(const char *type, const char *message, const char *file, int line)
{
    SYS_CALL_(last_words, type, message, file, line);
}
static inline int sys_die_with_parent(int lifeline, int parent)
{
    return SYS_CALL_(die_with_parent, lifeline, parent);
}
static inline void sys_crash_to(int fd)
{
    SYS_CALL_(crash_to, fd);
}
static inline int sys_claim_root(void)
{
    return runtime->sys->ops->claim_root(runtime->sys);
}
static inline void sys_title(const char *name, const char *command)
{
    SYS_CALL_(title, name, command);
}
static inline unsigned sys_user(void)
{
    return runtime->sys->ops->user(runtime->sys);
}
static inline int sys_usage(struct sys_usage *ret)
{
    return SYS_CALL_(usage, ret);
}
static inline void sys_host(char *ret_name, size_t room)
{
    SYS_CALL_(host, ret_name, room);
}
static inline int sys_work(struct sys_work *work)
{
    return SYS_CALL_(work, work);
}
static inline int sys_mailbox(void *owner, struct sys_mailbox **ret)
{
    return SYS_CALL_(mailbox, owner, ret);
}
static inline void sys_mailbox_close(struct sys_mailbox *mailbox)
{
    SYS_CALL_(mailbox_close, mailbox);
}
static inline void sys_mailbox_hold(struct sys_mailbox *mailbox)
{
    mailbox->ops->mailbox_hold(mailbox);
}
static inline void sys_mailbox_drop(struct sys_mailbox *mailbox)
{
    mailbox->ops->mailbox_drop(mailbox);
}
static inline void sys_post(struct sys_mailbox *mailbox, struct sys_letter *letter)
{
    mailbox->ops->post(mailbox, letter);
}
static inline int sys_ask(struct sys_mailbox *mailbox, struct sys_letter *letter)
{
    return mailbox->ops->ask(mailbox, letter);
}
static inline void sys_answer(struct sys_mailbox *mailbox, struct sys_letter *letter)
{
    mailbox->ops->answer(mailbox, letter);
}
static inline void sys_visit(struct sys_mailbox *mailbox)
{
    mailbox->ops->visit(mailbox);
}
static inline const char *sys_env(const char *name)
{
    return SYS_CALL_(env, name);
}
static inline void sys_print_error(const char *text, size_t size)
{
    SYS_CALL_(print_error, text, size);
}
static inline void sys_print(const char *text, size_t size)
{
    SYS_CALL_(print, text, size);
}
static inline void sys_print_by_line(void)
{
    runtime->sys->ops->print_by_line(runtime->sys);
}
_Noreturn static inline void sys_exit(int status)
{
    SYS_CALL_(exit, status);
}

#endif

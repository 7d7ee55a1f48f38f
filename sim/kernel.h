/* The inside of the fake world, shared by the files of sim/. */
#ifndef SIM_KERNEL_H
#define SIM_KERNEL_H

#include "base/heap.h"
#include "base/list.h"
#include "base/log.h"
#include "base/machine.h"
#include "base/runtime.h"
#include "random.h"
#include "sched/fiber.h"
#include "sys/sys.h"
#include "world.h"

enum { NAME_ROOM = 64, SAID_ROOM = 8192, ARGS_MOST = 8 };

/* Something that will happen at its time; in the world's heap. */
struct event {
    struct heap_node node;      /* first */
    void (*happen)(struct event *event);
};

struct world {
    uint64_t chance;            /* all that is drawn is drawn from this */
    int64_t now_ns;
    struct weather weather;
    struct heap events;
    struct link processes;      /* all there ever were, by `place` */
    struct link ready;          /* those that can go on, by `turn` */
    size_t ready_count;
    struct process *running;
    struct fiber loop;          /* the thread's own, where the world decides */
    struct link hosts;
    struct link cuts;           /* struct host_cut */
    struct link files;          /* all open ones */
    int last_pid;
    uint64_t steps, hash;
    FILE *trace;
    size_t leaks, panics;
    void *user;
};

struct host {
    struct link place;
    struct world *world;
    char name[NAME_ROOM];
    struct link paths;          /* sockets in its file system */
    uint16_t last_port;
};

/* No cable between two hosts. */
struct host_cut {
    struct link place;          /* in world->cuts */
    struct host *a, *b;
};

/* ---- bytes under way -------------------------------------------------------------------------------- */

struct chunk {
    struct chunk *next;
    int64_t arrives_ns;
    size_t size, taken;         /* 0 bytes: the end */
    struct file *passed;        /* comes with its first byte; or NULL */
    char bytes[];
};

/* One direction of a socket, or a pipe. Gone when both ends are. */
struct flow {
    struct world *world;
    struct file *writer, *reader;   /* NULL once closed */
    struct chunk *first, **last;
    size_t held, room;
    int64_t latency_ns;             /* at most; 0 on one host */
    int64_t latest_ns;              /* arrival so far: order is kept */
    struct event arrival;           /* of the next chunk that has not arrived */
    bool ended;                     /* the end was sent */
    bool cut;
    int64_t patience_ns;            /* that the writer has with what is cut off; 0: for ever */
    struct event despair;           /* when it has not */
    struct process *lifeline;       /* who is killed when the writer is gone */
};

enum file_kind { FILE_STREAM, FILE_LISTENER, FILE_DIALING, FILE_LOCK, FILE_MEMORY };

/* What descriptors mean: an open file description. */
struct file {
    struct link place;          /* in world->files */
    struct world *world;
    struct host *host;
    enum file_kind kind;
    int holds;                  /* descriptors, in all processes */
    struct process *holder;     /* who it was last made for: one end of a cut */
    struct flow *in, *out;      /* NULL where there is none */
    struct file *peer;          /* of a socket, while that is open */
    const struct host *at_host; /* where the peer is or was */
    int error;                  /* told once, instead of the end */
    struct link watches;        /* that know it */
    struct sys_address at;      /* of a listener, or whom one dials; for a lock: the path */
    struct link waiting;        /* connections not yet accepted, by `turn` */
    struct link turn;
    struct event answer;        /* of one that dials */
    struct shared *shared;      /* what a descriptor of memory stands for */
};

/* Memory that several processes see; all are in this one. */
struct shared {
    int holds;                  /* files and mappings */
    enum sys_sharing sharing;   /* as its maker has said; nobody is kept from writing */
    size_t size;
    char *bytes;
};

struct view {                   /* a process's mapping of it */
    struct link place;          /* in process->views */
    struct shared *shared;
};

struct path {
    struct link place;
    char name[SYS_ADDRESS_ROOM];
    struct file *listener;      /* NULL: left by a dead one */
    struct file *lock;
};

struct sys_watch {
    struct link place;          /* in process->watches */
    struct link at_file;        /* in file->watches while there is one */
    struct process *process;
    int fd;
    int wanted;                 /* events; 0 once reported or disarmed */
    int armed;                  /* what the kernel was told to report, also of a file that is gone by now */
    struct file *file;          /* of which it does so; NULL for none */
    bool due;                   /* found ready by the poll that goes on */
    sys_ready_fn *ready;
    void *arg;
};

/* ---- processes -------------------------------------------------------------------------------------- */

enum process_state { PROCESS_STARTING, PROCESS_READY, PROCESS_RUNNING, PROCESS_WAITING, PROCESS_DEAD };

/* What a parent holds of its child. */
struct sys_process {
    struct link place;          /* in parent->children, or parent->news */
    struct process *process;
    sys_exited_fn *exited;
    void *arg;
    struct sys_exit how;        /* what it is told of the end, */
    struct event news;          /* which may take a while */
    bool told;                  /* reaped */
};

struct sys_catch {
    struct link place;
    int number;
    size_t pending;
    sys_caught_fn *caught;
    void *arg;
};

/* Counts calls of a kind, and says when one is to fail. */
struct trap {
    uint64_t left;              /* until it fails; 0: never */
    bool for_ever;
    uint64_t sprung;
};

struct process {
    struct link place, turn;
    struct world *world;
    struct host *host;
    struct machine state;
    bool stopped;
    int pid;
    unsigned user;
    struct process *parent;     /* NULL for a root */
    bool bound;                 /* dies with its parent */
    struct sys_process *handle; /* the parent's; NULL once it has forgotten or died */
    program_fn *program;
    char *argv[ARGS_MOST + 1];
    char *birth;
    int kept[SYS_KEEP_MOST];    /* the descriptors it was born with, */
    size_t kept_count;          /* so many */
    struct process *server;     /* that it has made, or NULL */
    struct process *forked_by;  /* the server whose copy it is, or NULL */
    int door;                   /* to the server that it uses; -1 */
    struct event alarm;         /* of its start, or the timeout of its poll */
    struct event doom;          /* the kernel's SIGKILL under way */
    struct fiber fiber;
    void *stack;
    struct runtime *runtime;    /* while another one runs */
    struct log_state log;       /* likewise */
    struct file *standard[3];   /* NULL: what is printed there is `said` */
    struct file **files;        /* by descriptor */
    size_t files_room, files_most;
    struct link watches, children, news, catches;
    struct link blocks, mappings, views; /* memory */
    size_t alive;
    struct trap memory, calls;
    uint64_t end_at;            /* the system call that it ends in, as `fate` says; 0: none */
    struct sys_exit fate;
    int pending;                /* a signal that waits for a stopped process */
    struct {
        sys_asked_fn *told;     /* NULL while no end is heeded */
        void *arg;
        bool is_root;
        int came, dies_of;      /* signals, or 0 */
        bool untold;
    } end;
    void (*at_exit)(void *arg); /* or NULL */
    void *at_exit_arg;
    int crash;                  /* descriptor for last words; -1 */
    struct sys_exit how;
    int64_t ended_ns;
    bool exiting;               /* in good order: nothing may be left */
    char name[NAME_ROOM];
    char said[SAID_ROOM];
    size_t said_size;
};

/* world.c */
void *sim_new(size_t size);     /* zeroed; the host's memory does not run out */
void event_at(struct world *world, struct event *event, int64_t at_ns);
void event_cancel(struct world *world, struct event *event);
int64_t world_draw_ns(struct world *world, int64_t most);
void note(struct world *world, int pid, const char *what, int64_t a, int64_t b);

/* process.c: life */
struct process *process_new(struct host *host, struct process *parent, program_fn *program);
void process_set_argv(struct process *process, char *const *argv);
void process_make_ready(struct process *process);
void process_wait(struct process *process, int64_t until_ns);
void process_give_way(struct process *process);
void process_end(struct process *process, struct sys_exit how);
_Noreturn void process_end_now(struct sys_exit how); /* the one that runs */
void process_turn(struct process *process);
bool process_catches(struct process *process, int number);
int process_deliver(struct process *process, int number);
void process_doom(struct process *process);
void handle_free(struct sys_process *handle);
void process_free(struct process *process);

/* memory.c */
void *memory_resize(struct sys *sys, void *memory, size_t size);
int memory_map(struct sys *sys, size_t size, void **ret_low);
void memory_unmap(struct sys *sys, void *low, size_t size);
void *stack_take(struct process *process, size_t size);
void memory_reclaim(struct process *process);
bool trap_springs(struct trap *trap);

/* flow.c */
struct flow *flow_new(struct file *writer, struct file *reader, int64_t latency_ns);
ssize_t flow_read(struct flow *flow, void *ret_bytes, size_t size, struct file **ret_passed); /* NULL: dropped */
ssize_t flow_write(struct flow *flow, const void *bytes, size_t size, struct file *passed); /* held; or NULL */
bool flow_readable(const struct flow *flow);
bool flow_writable(const struct flow *flow);
void flow_end(struct flow *flow);
void flow_writer_gone(struct flow *flow);
void flow_reader_gone(struct flow *flow);
void flow_drop(struct flow *flow);
void flow_hang_up(struct flow *flow);
void flow_cut(struct flow *flow, bool cut);
void flow_set_patience(struct flow *flow, int64_t ns);

/* file.c: descriptors */
struct file *file_new(struct process *for_whom, enum file_kind kind);
int file_install(struct process *process, struct file *file);   /* the number, or -EMFILE and it is closed */
struct file *file_of(struct process *process, int fd);
void file_hold(struct file *file);
void file_let_go(struct file *file);
void file_changed(struct file *file);   /* who watches it may go on */
void file_close(struct process *process, int fd);
void files_close_all(struct process *process);
int file_ready(const struct file *file);
void socket_pair(struct file *a, struct file *b, int64_t latency_ns);

/* share.c */
int sim_share(struct sys *sys, enum sys_sharing sharing, size_t size, void **ret_memory, int *ret_fd);
int sim_share_in(struct sys *sys, enum sys_sharing sharing, int fd, size_t size, void **ret_memory);
void sim_unshare(struct sys *sys, void *memory, size_t size);
void shared_let_go(struct shared *shared);
void views_reclaim(struct process *process);

/* net.c */
void listener_closed(struct file *file);
void lock_closed(struct file *file);
void net_free_host(struct host *host);
void net_free_cuts(struct world *world);
bool hosts_are_cut(const struct host *a, const struct host *b);

/* ops.c, poll.c, net.c: the table */
extern const struct sys_ops sim_ops;
struct process *process_of(struct sys *sys);

/* First thing in every call that reaches the kernel: others may run before it, or it is the process's
 * last; or it fails. */
bool sim_enter(struct process *process, const char *call, int64_t detail);

int sim_watch(struct sys *sys, int fd, sys_ready_fn *ready, void *arg, struct sys_watch **ret);
int sim_watch_for(struct sys *sys, struct sys_watch *watch, int events);
void sim_unwatch(struct sys *sys, struct sys_watch *watch);
bool sim_poll(struct sys *sys, int64_t timeout_ns);
int sim_catch_signal(struct sys *sys, int number, sys_caught_fn *caught, void *arg, struct sys_catch **ret);
int sim_let_signal_go(struct sys *sys, struct sys_catch *it);
int sim_heed_end(struct sys *sys, bool is_root, sys_asked_fn *told, void *arg);
int sim_unheed_end(struct sys *sys);
int sim_at_exit(struct sys *sys, void (*fn)(void *arg), void *arg);
void poll_forget_watches(struct process *process);

int sim_listen(struct sys *sys, const struct sys_address *at, int *ret_fd, int *ret_lock);
void sim_unlisten(struct sys *sys, const struct sys_address *at, int lock);
int sim_accept(struct sys *sys, int fd, int *ret_fd);
int sim_connect(struct sys *sys, const struct sys_address *to, int *ret_fd);
int sim_connected(struct sys *sys, int fd);
int sim_local_address(struct sys *sys, int fd, struct sys_address *ret);
int sim_peer_is_us(struct sys *sys, int fd);
int sim_peer_is(struct sys *sys, int fd, int pid);
void sim_patience(struct sys *sys, int fd, int64_t ns);
int sim_is_stuck(struct sys *sys, int fd);
int sim_listening(struct sys *sys, const char *prefix, sys_name_fn *each, void *arg);
int sim_numeric(struct sys *sys, const char *host, const char *service, struct sys_address *ret);

int sim_spawn(struct sys *sys, const struct sys_spawn *what, sys_exited_fn *exited, void *arg,
              struct sys_process **ret);
int sim_make_server(struct process *process);
void sim_end_server(struct process *process);
int sim_inherited(struct sys *sys, size_t i);
int sim_server(struct sys *sys);
void sim_use_server(struct sys *sys, int fd);
int sim_signal(struct sys *sys, struct sys_process *process, int number);
void sim_forget(struct sys *sys, struct sys_process *process);
int sim_pid(struct sys *sys, const struct sys_process *process);
int sim_die_with_parent(struct sys *sys, int lifeline, int parent);

#endif

/* The real world, in parts: each file of src/sys/real*.c answers some of the operations. */
#ifndef SYS_REAL_H
#define SYS_REAL_H

#include "base/list.h"
#include "base/map.h"
#include "sys/sys.h"

#include <uv.h>

struct real {
    struct sys sys;             /* first: operations get a pointer to this */
    int descriptors;            /* the epoll set of what is watched */
    struct map watches;         /* by their numbers */
    struct epoll_event *reports; /* of one look */
    size_t room;                /* for so many */
    uint64_t last_watch;
    uv_loop_t loop;             /* for signals and bells; by real_loop only, which makes it when it is needed */
    uv_timer_t active;          /* keeps it alive */
    bool has_loop, stirred;     /* it is to be turned before anybody waits */
    bool ask_soon;              /* those without a pidfd are to be asked once more */
    struct link unseen;         /* the processes without a pidfd */
    struct sys_catch *child_signal; /* SIGCHLD, while there are any: one of them may have ended */
    int guards;                 /* made by mapping */
    bool stands;                /* the clock does, */
    int64_t stands_at;          /* here, ns */
    void *signal_stack;         /* of this thread, where we gave it one */
    struct crew *crew;          /* the worker threads; NULL until there is one */
    struct orphans {            /* real_orphans.c */
        bool is_root;           /* this world may have them */
        bool ours;              /* it has them */
        int before;             /* whether this process had them anyhow */
        struct sys_catch *ends; /* SIGCHLD; NULL when we do not listen to it */
        struct map started;     /* the children that are none: our own, by pid */
    } orphans;
    struct forking {            /* real_fork.c */
        int requests;           /* to the server, and its reports; -1 until needed */
        struct sys_watch *reports;
        struct map processes;   /* those it was asked for, by their ids */
        uint64_t last_id;
        struct link untold;     /* of these the ones that the server should have told of by now */
        uv_timer_t patience;    /* with it; made when it is needed */
        bool has_patience;
        bool hurried;           /* with one of the untold there is to be none */
        bool owns_server;       /* it ends with us */
    } forking;
};

/* A child process. Either we have started it ourselves, or a server has for us. */
struct sys_process {
    struct link unseen;         /* in real->unseen, unless there is a pidfd; forked: in forking.untold */
    pid_t pid;                  /* 0 until the server has told */
    int pidfd;                  /* -1 where there is none */
    struct sys_watch *watch;    /* of the pidfd */
    struct real *real;
    bool reaped;                /* the pid means nothing any more */
    uint64_t id;                /* by which the server knows it; 0 when it is our own child */
    int pending;                /* a signal for it, once it is there */
    bool hurried;               /* that was SIGKILL, and came twice */
    bool lost;                  /* the server is gone: it will not tell */
    sys_exited_fn *exited;
    void *arg;
};

static inline struct real *real_of(struct sys *sys)
{
    return (struct real *)sys;
}

/* real.c */
int real_random(struct sys *sys, void *ret_bytes, size_t size);
void *real_resize(struct sys *sys, void *memory, size_t size);
int real_stacks_map(struct sys *sys, size_t size, void **ret_low);
void real_stacks_unmap(struct sys *sys, void *low, size_t size);
bool real_guard(struct sys *sys, void *low, size_t size);
void real_abort(struct sys *sys) __attribute__((noreturn));
void real_have_standard_streams(void);

/* real_share.c. real_memory_file: the descriptor of an empty file in memory, or a negative errno value. */
int real_memory_file(const char *name);
int real_share(struct sys *sys, enum sys_sharing sharing, size_t size, void **ret_memory, int *ret_fd);
int real_share_in(struct sys *sys, enum sys_sharing sharing, int fd, size_t size, void **ret_memory);
void real_unshare(struct sys *sys, void *memory, size_t size);
int real_processor(struct sys *sys);
ssize_t real_write_with(struct sys *sys, int fd, const void *bytes, size_t size, int passed);
ssize_t real_read_with(struct sys *sys, int fd, void *ret_bytes, size_t size, int *ret_passed);

/* real_thread.c */
int real_work(struct sys *sys, struct sys_work *work);
void real_dismiss_crew(struct real *real);
void real_visit(struct sys_mailbox *mailbox);

/* real_mailbox.c */
int real_mailbox(struct sys *sys, void *owner, struct sys_mailbox **ret);
void real_mailbox_close(struct sys *sys, struct sys_mailbox *mailbox);
void real_mailbox_hold(struct sys_mailbox *mailbox);
void real_mailbox_drop(struct sys_mailbox *mailbox);
void real_post(struct sys_mailbox *mailbox, struct sys_letter *letter);
int real_ask(struct sys_mailbox *mailbox, struct sys_letter *letter);
void real_answer(struct sys_mailbox *mailbox, struct sys_letter *letter);

/* real_poll.c */
int real_poll_start(struct real *real);
void real_poll_stop(struct real *real);
int real_loop(struct real *real, uv_loop_t **ret); /* asked for each time something about it is changed */
int real_watch(struct sys *sys, int fd, sys_ready_fn *ready, void *arg, struct sys_watch **ret);
int real_watch_for(struct sys *sys, struct sys_watch *watch, int events);
void real_unwatch(struct sys *sys, struct sys_watch *watch);
bool real_poll(struct sys *sys, int64_t timeout_ns);

/* real_io.c */
ssize_t real_read(struct sys *sys, int fd, void *ret_bytes, size_t size);
ssize_t real_write(struct sys *sys, int fd, const void *bytes, size_t size);
void real_close(struct sys *sys, int fd);
void real_adopt(struct sys *sys, int fd);
void real_lend(struct sys *sys, int fd);
int real_pipe(struct sys *sys, int ret_fds[2]);
int real_pair(struct sys *sys, int ret_fds[2]);
size_t real_descriptors(struct sys *sys);
int real_listen(struct sys *sys, const struct sys_address *at, int *ret_fd, int *ret_lock);
void real_unlisten(struct sys *sys, const struct sys_address *at, int lock);
void real_hang_up(struct sys *sys, int fd);
int real_accept(struct sys *sys, int fd, int *ret_fd);
int real_connect(struct sys *sys, const struct sys_address *to, int *ret_fd);
int real_connected(struct sys *sys, int fd);
int real_end_writing(struct sys *sys, int fd);
int real_local_address(struct sys *sys, int fd, struct sys_address *ret);

/* real_peer.c */
int real_peer_is_us(struct sys *sys, int fd);
int real_peer_is(struct sys *sys, int fd, int pid);
void real_patience(struct sys *sys, int fd, int64_t ns);
int real_is_stuck(struct sys *sys, int fd);

/* real_console.c */
void real_print_error(struct sys *sys, const char *text, size_t size);
bool real_coloured(struct sys *sys);
int64_t real_wall(struct sys *sys);
void real_title(struct sys *sys, const char *name, const char *command);

/* real_look.c */
int real_listening(struct sys *sys, const char *prefix, sys_name_fn *each, void *arg);
int real_usage(struct sys *sys, struct sys_usage *ret);
void real_host(struct sys *sys, char *ret_name, size_t room);

/* real_resolve.c */
int real_numeric(struct sys *sys, const char *host, const char *service, struct sys_address *ret);
int real_look_up(struct sys *sys, const char *host, const char *service, struct sys_address **ret_all);

/* real_signal.c */
int real_catch_signal(struct sys *sys, int number, sys_caught_fn *caught, void *arg, struct sys_catch **ret);
int real_let_signal_go(struct sys *sys, struct sys_catch *it);
void real_raise_signal(struct sys *sys, int number);

/* real_end.c */
int real_heed_end(struct sys *sys, bool is_root, sys_asked_fn *told, void *arg);
int real_unheed_end(struct sys *sys);
int real_at_exit(struct sys *sys, void (*fn)(void *arg), void *arg);

/* real_orphans.c. real_mark: what is to be the limit RLIMIT_RSS of whatever is started for a root; false for none.
 * The others are to be called when a process is started, when one has ended, and at the world's end. */
int real_claim_root(struct sys *sys);
struct rlimit;
bool real_mark(struct rlimit *ret);
void real_have_orphans(struct real *real);
void real_reap_orphans(struct real *real);
void real_give_up_root(struct real *real);

/* real_start.c. `mark` and `birth`, one more entry of its environment, are NULL for none. *ret_pid is a child to be
 * reaped. */
int real_start_program(const struct sys_spawn *what, const char *birth, const struct rlimit *mark, pid_t *ret_pid);

/* What the child's shall be, with one entry more if that is not NULL. For free(); NULL when memory is out. */
char **real_new_environment(const struct sys_spawn *what, const char *more);

/* real_process.c */
int real_spawn(struct sys *sys, const struct sys_spawn *what, sys_exited_fn *exited, void *arg,
               struct sys_process **ret);
int real_signal(struct sys *sys, struct sys_process *process, int number);
void real_forget(struct sys *sys, struct sys_process *process);
int real_pid(struct sys *sys, const struct sys_process *process);
int real_program(struct sys *sys, char *ret_path, size_t room);
const char *real_birth(void);
int real_inherited(struct sys *sys, size_t i);
void real_be_born(const char *said, const int *fds, size_t count, pid_t by);
int real_die_with_parent(struct sys *sys, int lifeline, int parent);
void real_ask_unseen(struct real *real);
unsigned real_user(struct sys *sys);

/* real_server.c: see sys.h */
int real_make_server(void);
bool real_has_threads(void);
int real_server(struct sys *sys);
void real_use_server(struct sys *sys, int fd);
bool real_is_server(pid_t pid);
bool real_server_is_for_us(void); /* told once: who asks first has it */
void real_end_server(void);

/* real_fork.c */
int real_fork(struct real *real, const struct sys_spawn *what, struct sys_process *process);
int real_signal_unborn(struct sys_process *process, int number);
void real_forget_forked(struct sys_process *process);
void real_end_forking(struct real *real);

/* real_crash.c */
void real_name_overflow(struct sys *sys, sys_overflow_fn *which);
void real_forget_overflow(struct real *real);
void real_last_words(struct sys *sys, const char *type, const char *message, const char *file, int line);
void real_crash_to(struct sys *sys, int fd);

/* real_trace.c; all but the last may be called in a signal handler. real_trace_from begins with the function
 * that a call returns to at `from`; or, with NULL, in a signal handler, with the place where the signal came. */
size_t real_trace(struct sys *sys, void **ret_addresses, size_t room);
size_t real_trace_from(const void *from, void **ret_addresses, size_t room);
void real_trace_locate(struct sys *sys, const void *address, char *ret_text, size_t room);
bool real_trace_show(struct sys *sys, const char *located, char *ret_text, size_t room);

/* real_symbol.c: "function at file:line" of a place in a file, and what that was inlined in, if it is the build
 * that it was; else nothing is written */
bool real_symbol(const char *path, const char *build_id, unsigned long long offset, bool inlined,
                 char *ret_text, size_t room);

#endif

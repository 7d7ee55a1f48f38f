/* A fake world for fuzzing: memory that is counted and can be made to run out, a clock that waiting moves,
 * and stream sockets whose other ends the fuzzer holds. Nothing in it is real, so an input gives the same run
 * each time, thousands of times a second.
 *
 * When every task waits and no deadline is set, nothing can ever happen again: that is a finding, too. */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include "sys/sys.h"

enum { WORLD_SOCKETS = 96, WORLD_FIRST_FD = 3, WORLD_PASSED_FD = WORLD_FIRST_FD + WORLD_SOCKETS };

/* Bytes that the fuzzer has; not counted. */
struct bytes {
    uint8_t *data;
    size_t size, room;
};
void bytes_add(struct bytes *bytes, const void *from, size_t size);

/* A descriptor of the world: our end of a connection, or a listener. What the peer does to the other end is
 * done by setting these. */
struct world_socket {
    bool open, listens;
    bool waiting;               /* connected by a peer, not yet accepted */
    struct bytes in;            /* from the peer */
    size_t taken;               /* of these */
    size_t chunk;               /* the most that one read gets */
    bool ended, reset;          /* the peer ended it, in good order or not */
    bool hung_up;               /* we did */
    int unwritable;             /* what writing fails with, an errno value; 0 while it does not */
    bool stranger_user;         /* the other end is another user's */
    struct bytes out;           /* to the peer */
    size_t room;                /* how much more it takes */
    struct sys_watch {
        sys_ready_fn *ready;
        void *arg;
        int events;
    } watch;
};

struct world {
    struct sys sys;             /* first */
    int64_t now_ns;
    uint64_t seed;
    size_t allocations;         /* ever made */
    size_t alive;               /* not yet freed, stacks included */
    size_t bytes, peak;         /* now, and at most since `peak` was set; without stacks */
    size_t fail_at;             /* the allocation of this number fails; 0: none */
    bool fail_after;            /* and so do all that follow */
    struct world_socket sockets[WORLD_SOCKETS]; /* each used once: what went through it can be looked at */
    int sockets_used;
    /* With each read comes a descriptor of memory that only the peer writes to, always the same one; so many of it are
     * open. */
    bool passes;
    size_t passed;
    /* What the next outgoing connection finds; may be NULL: nobody. */
    void (*connected)(struct world *world, struct world_socket *socket);
    void *connected_arg;
};

/* Becomes this thread's world. */
struct world *world_new(void);

/* Ends it: everything it gave out must have come back. */
void world_end(struct world *world);

/* A peer connects to whoever listens; NULL when there is no room for more. */
struct world_socket *world_connect(struct world *world);

/* A connection that is there already; its descriptor in *ret_fd. */
struct world_socket *world_socket(struct world *world, int *ret_fd);

#endif

/* What a session needs of a connection with another actor, whatever it is made of: bytes that arrive in order, and
 * an end.
 *
 * A wire has one task that reads and one that writes, at the same time. It is lost when its peer dies, and what the
 * peer had written before can still be read. Nobody can end just one direction: who has read the end knows that the
 * peer is gone, and what is written from then on may be lost.
 *
 * It begins as a socket, over TCP or a Unix socket. Between processes of one host the bytes may later take their way
 * through rings in shared memory, each direction from a moment on that its writer chooses and its reader is told of
 * by what was written last:
 *
 *     one side, A, that may offer                        the other, B
 *     wire_offer, writes an offer       -->              wire_accept, writes "from here on by rings",
 *     wire_read_by_rings                <--              wire_write_by_rings
 *     writes "from here on by rings",
 *     wire_write_by_rings               -->              wire_read_by_rings
 *
 * The socket stays: as the bell that wakes who sleeps, and as the notice of the peer's death. */
#ifndef TRANSPORT_WIRE_H
#define TRANSPORT_WIRE_H

#include "sched/io.h"
#include "tractor/sync.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct way_by_rings;

struct wire {
    struct io io;               /* a stream socket; fd -1: closed */
    int passing;                /* a descriptor that goes with what is written next, or -1 */
    int passed[2];              /* those that have come from the peer, and nobody has taken yet, the oldest first, or
                                 * -1: as many as can belong to something at a time, a shelf and rings */
    bool looks;                 /* whether each read looks for those; of Unix sockets only */
    bool may_accept;            /* rings */
    struct way_by_rings *by;    /* NULL until rings are offered or accepted */
    bool hung_up;               /* by us: what has not arrived by then is not for us */
    bool watched;               /* a task waits for the bell, */
    tr_lot others;              /* the other one for that task */
};

/* A wire over a connected socket, which it takes over in any case. -ENOMEM, raised. No checkpoint. */
int wire_open(struct wire *wire, int fd);

/* Wakes who waits, with TR_ECLOSED. Does nothing to one that is closed. No checkpoint. */
void wire_close(struct wire *wire);

/* The peer is gone, or to be rid of: what has arrived can still be read, then the end. No checkpoint. */
void wire_hang_up(struct wire *wire);

/* Whether it has not been closed. */
static inline bool wire_is_open(const struct wire *wire)
{
    return wire->io.fd >= 0;
}

/* A checkpoint where nothing has arrived yet: some of what has, at most `size` bytes; 0 is the end. A negative errno
 * value, TR_ECLOSED or TR_EPROTOCOL, raised. */
long wire_read(struct wire *wire, void *ret_bytes, size_t size);

/* Whether the peer, on another processor, sees what is written as soon as it is, and no system call is needed. */
bool wire_is_watched(const struct wire *wire);

/* Whether the last to read has waited for it. */
static inline bool wire_has_waited(const struct wire *wire)
{
    return wire->io.waited;
}

/* A checkpoint where it is not all taken at once. 0 when all was taken, which says nothing of its arrival; or as
 * wire_read, and some may have been taken. */
int wire_write(struct wire *wire, const void *bytes, size_t size);

/* How much of it was taken at once, 0 for nothing just now; while nobody is in wire_write only. A negative errno value,
 * not raised. No checkpoint. */
long wire_try_write(struct wire *wire, const void *bytes, size_t size);

/* Of one to another host: how long what was written may wait for that host to acknowledge it, until the wire is lost
 * with -ETIMEDOUT or what the network has said; 0: many minutes. / Whether the host is there and takes no more, since
 * the peer does not read. No checkpoints. */
void wire_set_patience(struct wire *wire, int64_t ns);
bool wire_is_stuck(const struct wire *wire);
/* ---- by rings; no checkpoints ------------------------------------------------------------------------------- */

/* Whether the peer is on this host, and wire_offer makes sense. */
bool wire_is_local(const struct wire *wire);

/* A descriptor goes to the peer beside what is written next, or after that; it is taken over in any case. -EAGAIN, not
 * raised, while another one is still here. / The oldest that has come and is nobody's yet, or -1. What it belongs to is
 * said in the bytes, and may come before it. Where somebody in between forwards the bytes it is lost. */
int wire_pass(struct wire *wire, int fd);
int wire_take_passed(struct wire *wire);

/* Only this side may offer / only the other. wire_offer makes rings, which what is written next takes along;
 * wire_accept takes those that have come. A negative errno value, not raised: it stays as it is. */
int wire_offer(struct wire *wire);
int wire_accept(struct wire *wire);

/* Everything from here on. -EPROTO, not raised, where that cannot be. */
int wire_write_by_rings(struct wire *wire);
int wire_read_by_rings(struct wire *wire);

#endif

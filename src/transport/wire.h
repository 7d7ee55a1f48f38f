/* What a session needs of a connection with another actor, whatever it is made of: bytes that arrive in order, and
 * an end.
 *
 * A wire has one task that reads and one that writes, at the same time. It is lost when its peer dies, and what the
 * peer had written before can still be read. Nobody can end just one direction: who has read the end knows that the
 * peer is gone, and what is written from then on may be lost. */
#ifndef TRANSPORT_WIRE_H
#define TRANSPORT_WIRE_H

#include "sched/io.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
    struct io io;               /* a stream socket; fd -1: closed */
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
 * value or TR_ECLOSED, raised. */
long wire_read(struct wire *wire, void *ret_bytes, size_t size);

/* A checkpoint where it is not all taken at once. 0 when all was taken, which says nothing of its arrival; or as
 * wire_read, and some may have been taken. */
int wire_write(struct wire *wire, const void *bytes, size_t size);

/* Of one to another host: how long what was written may wait for that host to acknowledge it, until the wire is lost
 * with -ETIMEDOUT or what the network has said; 0: many minutes. / Whether the host is there and takes no more, since
 * the peer does not read. No checkpoints. */
void wire_set_patience(struct wire *wire, int64_t ns);
bool wire_is_stuck(const struct wire *wire);

#endif

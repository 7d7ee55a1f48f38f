/* Descriptors that tasks wait for. */
#ifndef SCHED_IO_H
#define SCHED_IO_H

#include <stdbool.h>

struct task;
struct sys_watch;

/* One descriptor; it has one reader and one writer at a time. */
struct io {
    int fd;                     /* -1 when closed */
    bool ours;                  /* nobody but io_close closes it */
    bool emptied;               /* by a read that got less than it might have; of ours only */
    bool waited;                /* the newest read did */
    struct sys_watch *watch;
    struct task *waiting[2];    /* for readable, for writable */
};

/* Takes over the descriptor, which io_close will close. On failure (raised: -ENOMEM) it is still the
 * caller's. io_borrow: somebody else may close it, which who waits for it next is told. */
int io_open(struct io *io, int fd);
int io_borrow(struct io *io, int fd);

/* Gives the descriptor back, open / closes it, and wakes who waits, with TR_ECLOSED. They do nothing to one
 * that is closed or all zero with fd -1. */
void io_give_up(struct io *io);
void io_close(struct io *io);

/* Checkpoints: wait until it can be read or written. TR_ECLOSED if it is closed meanwhile or was,
 * TR_EMISUSE when another task waits for the same. */
int io_wait_readable(struct io *io);
int io_wait_writable(struct io *io);

/* Whoever waits until it can be read goes on, and is told 1. No checkpoint. */
void io_wake_reader(struct io *io);

/* Checkpoints where they do not get all of it at once: at least one byte, 0 for the end of a read, an errno
 * value or TR_ECLOSED (raised). io_write_all writes everything. */
long io_read(struct io *io, void *ret_bytes, unsigned long size);
int io_write_all(struct io *io, const void *bytes, unsigned long size);

/* As io_read, by another way to read: so many bytes, or a negative errno value; -EAGAIN where there are none yet. */
typedef long io_read_fn(struct io *io, void *arg, void *ret_bytes, unsigned long size);
long io_read_by(struct io *io, io_read_fn *by, void *arg, void *ret_bytes, unsigned long size);

/* The same as checkpoints in every case: a cancelled task reads and writes nothing. */
long io_receive(struct io *io, void *ret_bytes, unsigned long size);
int io_send_all(struct io *io, const void *bytes, unsigned long size);

#endif

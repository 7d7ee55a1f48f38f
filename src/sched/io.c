/* Waiting for descriptors. A watch is armed for what is waited for just now and nothing else; a report
 * disarms it, wakes whom it concerns and arms it again for the other one, if there is one. The kernel hears
 * of a descriptor only when somebody waits for it, and then refuses those that never keep anybody waiting,
 * such as files: waiting for them is a checkpoint and nothing else. */
#include "sched/io.h"

#include "base/error.h"
#include "sched/task.h"
#include "sys/sys.h"
#include "tractor/task.h"

#include <errno.h>

enum { READER, WRITER };

static const int event_of[] = {[READER] = SYS_READABLE, [WRITER] = SYS_WRITABLE};

static int arm(struct io *io)
{
    int events = (io->waiting[READER] ? SYS_READABLE : 0) | (io->waiting[WRITER] ? SYS_WRITABLE : 0);
    return sys_watch_for(io->watch, events && io->ours ? events | SYS_LASTING : events);
}

static void wake(struct io *io, int who, int rc)
{
    struct task *task = io->waiting[who];
    io->waiting[who] = NULL;
    if (task)
        task_wake(task, rc);
}

/* For whoever still waits; a descriptor that was closed behind our back is told to all of them. */
static void arm_again(struct io *io)
{
    int rc = arm(io);
    for (int who = READER; rc < 0 && who <= WRITER; who++)
        wake(io, who, rc);
}

static void ready(void *arg, int events)
{
    struct io *io = arg;
    for (int who = READER; who <= WRITER; who++)
        if (events & event_of[who])
            wake(io, who, 0);
    arm_again(io);
}

static int begin(struct io *io, int fd, bool ours)
{
    *io = (struct io){.fd = fd, .ours = ours};
    int rc = sys_watch(fd, ready, io, &io->watch);
    if (rc >= 0)
        return 0;
    io->fd = -1;
    return error_raise_plain(rc);
}

int io_open(struct io *io, int fd)
{
    return begin(io, fd, true);
}

int io_borrow(struct io *io, int fd)
{
    return begin(io, fd, false);
}

void io_give_up(struct io *io)
{
    if (io->fd < 0)
        return;
    sys_unwatch(io->watch);
    io->fd = -1;
    wake(io, READER, TR_ECLOSED);
    wake(io, WRITER, TR_ECLOSED);
}

void io_close(struct io *io)
{
    int fd = io->fd;
    io_give_up(io);
    sys_close(&fd);
}

struct wait {
    struct io *io;
    int who;
};

static bool stop_waiting(void *arg)
{
    struct wait *wait = arg;
    wait->io->waiting[wait->who] = NULL;
    arm_again(wait->io);
    return true;
}

static int wait_for(struct io *io, int who)
{
    if (io->fd < 0)
        return error_raise_plain(TR_ECLOSED);
    if (io->waiting[who])
        return raise_code(TR_EMISUSE, "another task waits for this descriptor already");
    struct wait wait = {io, who};
    io->waiting[who] = task_current();
    int rc = arm(io);
    if (rc < 0) {
        io->waiting[who] = NULL;
        return rc == -EPERM ? tr_checkpoint() : error_raise_plain(rc);
    }
    rc = task_park(who == READER ? "a descriptor to be readable" : "a descriptor to be writable",
                   stop_waiting, &wait);
    return rc < 0 && rc != TR_ECANCELLED ? error_raise_plain(rc) : rc;
}

int io_wait_readable(struct io *io)
{
    return wait_for(io, READER);
}

int io_wait_writable(struct io *io)
{
    return wait_for(io, WRITER);
}

void io_wake_reader(struct io *io)
{
    wake(io, READER, 1);
}

/* Reading and writing try first and wait if they must. What was read empty is waited for first: mostly there is nothing
 * yet, and if there is, waiting for it takes no time. */

long io_read_by(struct io *io, io_read_fn *by, void *arg, void *ret_bytes, unsigned long size)
{
    for (io->waited = false;; io->waited = true) {
        if (io->fd < 0)
            return error_raise_plain(TR_ECLOSED);
        long got = io->emptied ? -EAGAIN : by(io, arg, ret_bytes, size);
        io->emptied = io->ours && got > 0 && (unsigned long)got < size;
        if (got >= 0)
            return got;
        int rc = got == -EAGAIN ? io_wait_readable(io) : error_raise_plain((int)got);
        if (rc < 0)
            return rc;
    }
}

static long read_plainly(struct io *io, void *arg, void *ret_bytes, unsigned long size)
{
    (void)arg;
    return sys_read(io->fd, ret_bytes, size);
}

/* A checkpoint after each piece, too: a peer that keeps up is no reason for the others to starve. Whether it has waited
 * is told. */
static int write_all(struct io *io, const void *bytes, unsigned long size, bool *ret_waited)
{
    const char *from = bytes;
    for (; size > 0; *ret_waited = true) {
        if (io->fd < 0)
            return error_raise_plain(TR_ECLOSED);
        ssize_t sent = sys_write(io->fd, from, size);
        if (sent < 0 && sent != -EAGAIN)
            return error_raise_plain((int)sent);
        if (sent > 0) {
            from += sent;
            size -= (unsigned long)sent;
        }
        if (size == 0)
            return 0;
        tr_try(sent < 0 ? io_wait_writable(io) : tr_checkpoint());
    }
    return 0;
}

long io_read(struct io *io, void *ret_bytes, unsigned long size)
{
    return io_read_by(io, read_plainly, NULL, ret_bytes, size);
}

int io_write_all(struct io *io, const void *bytes, unsigned long size)
{
    bool waited = false;
    return write_all(io, bytes, size, &waited);
}

long io_receive(struct io *io, void *ret_bytes, unsigned long size)
{
    int rc = task_checkpoint_if_cancelled();
    if (rc < 0)
        return rc;
    long got = io_read(io, ret_bytes, size);
    if (!io->waited)
        task_yield(0);
    return got;
}

int io_send_all(struct io *io, const void *bytes, unsigned long size)
{
    bool waited = false;
    int rc = task_checkpoint_if_cancelled();
    if (rc < 0)
        return rc;
    rc = write_all(io, bytes, size, &waited);
    return waited ? rc : task_yield(rc);
}

/* The program's own descriptors.
 *
 * What the scheduler knows of one, a struct io, it knows only while a task is at work with it: it is made
 * for the first that comes, found by the others in a map, and given up by the last. So a descriptor that the
 * program closes, and whose number comes back as another file's, cannot be taken for the old one unless a
 * task is at work with it in that moment; and of that tr_notify_closing warns, after which the number may
 * be used afresh while those who were at work with the old one find theirs closed. */
#include "tractor/io.h"

#include "base/error.h"
#include "base/hooks.h"
#include "sched/io.h"
#include "sched/sched.h"

#include <errno.h>
#include <limits.h>

enum side { READS, WRITES };

struct descriptor {
    struct io io;
    bool busy[2];               /* a task reads, a task writes */
};

/* No number of a descriptor is 0 in the map. */
static uint64_t key_of(int fd)
{
    return (uint64_t)fd + 1;
}

static struct descriptor *find(int fd)
{
    return fd < 0 ? NULL : map_get(&runtime->sched->descriptors, key_of(fd));
}

static struct descriptor *new_descriptor(int fd)
{
    struct descriptor *descriptor = mem_zalloc(sizeof *descriptor);
    if (!descriptor || io_borrow(&descriptor->io, fd) < 0) {
        mem_free(descriptor);
        return NULL;
    }
    if (map_put(&runtime->sched->descriptors, key_of(fd), descriptor) == 0)
        return descriptor;
    io_give_up(&descriptor->io);
    mem_free(descriptor);
    return NULL;
}

static int begin(int fd, enum side side, struct descriptor **ret)
{
    tr_try(task_required());
    if (fd < 0)
        return error_raise_plain(-EBADF);
    struct descriptor *descriptor = find(fd);
    if (descriptor && descriptor->busy[side])
        return raise_code(TR_EMISUSE, "another task %s descriptor %d already",
                          side == READS ? "reads" : "writes", fd);
    if (!descriptor && !(descriptor = new_descriptor(fd)))
        return error_raise_plain(-ENOMEM);
    descriptor->busy[side] = true;
    *ret = descriptor;
    return 0;
}

static void forget(struct descriptor *descriptor)
{
    map_remove(&runtime->sched->descriptors, key_of(descriptor->io.fd));
    io_give_up(&descriptor->io);
}

static void end(struct descriptor *descriptor, enum side side)
{
    descriptor->busy[side] = false;
    if (descriptor->busy[!side])
        return;
    if (descriptor->io.fd >= 0)
        forget(descriptor);
    mem_free(descriptor);
}

int tr_wait_readable(int fd)
{
    struct descriptor *descriptor;
    tr_try(begin(fd, READS, &descriptor));
    int rc = io_wait_readable(&descriptor->io);
    end(descriptor, READS);
    return rc;
}

int tr_wait_writable(int fd)
{
    struct descriptor *descriptor;
    tr_try(begin(fd, WRITES, &descriptor));
    int rc = io_wait_writable(&descriptor->io);
    end(descriptor, WRITES);
    return rc;
}

void tr_notify_closing(int fd)
{
    struct descriptor *descriptor = task_current() ? find(fd) : NULL;
    if (descriptor)
        forget(descriptor);
}

int tr_read(int fd, void *ret_bytes, size_t size)
{
    struct descriptor *descriptor;
    tr_try(begin(fd, READS, &descriptor));
    int rc = size == 0 ? raise_code(TR_EARGUMENT, "there is no room to read into")
                       : (int)io_receive(&descriptor->io, ret_bytes, size < INT_MAX ? size : INT_MAX);
    end(descriptor, READS);
    return rc;
}

int tr_write(int fd, const void *bytes, size_t size)
{
    struct descriptor *descriptor;
    tr_try(begin(fd, WRITES, &descriptor));
    int rc = io_send_all(&descriptor->io, bytes, size);
    end(descriptor, WRITES);
    return rc;
}

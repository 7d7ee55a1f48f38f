/* Connecting, listening and accepting, for every family of sockets alike. */
#include "base/error.h"
#include "base/log.h"
#include "sched/task.h"
#include "tractor/task.h"
#include "transport/transport.h"

#include <errno.h>

static int fail(int rc, const char *what, const char *address)
{
    return raise_code(rc, "%s %s: %s", what, address, tr_code_sentence(rc));
}

/* Whether the socket is up and the other end is ours. */
static int check_connected(int fd)
{
    struct io io;
    tr_try(io_open(&io, fd));
    int rc = io_wait_writable(&io);
    io_give_up(&io);
    tr_try(rc);
    tr_try(sys_connected(fd));
    rc = sys_peer_is_us(fd);
    return rc == 0 ? -EACCES : rc;
}

/* A Unix socket whose queue of connections is full says so at once; whoever lives there is only busy. */
static const double BACKLOG_PAUSE_S = 0.005;

int transport_connect(const char *address, int *ret_fd)
{
    struct sys_address to;
    int fd, rc = address_parse(address, &to);
    if (rc < 0)
        return rc;
    while ((rc = sys_connect(&to, &fd)) == -EAGAIN)
        tr_try(tr_sleep(BACKLOG_PAUSE_S));
    if (rc < 0)
        return fail(rc, "connecting to", address);
    rc = check_connected(fd);
    if (rc >= 0) {
        *ret_fd = fd;
        return 0;
    }
    sys_close(&fd);
    return rc == TR_ECANCELLED ? rc : fail(rc, "connecting to", address);
}

int transport_listen(const char *address, struct listener *ret)
{
    struct sys_address at;
    int fd, lock, rc = address_parse(address, &at);
    if (rc < 0)
        return rc;
    rc = sys_listen(&at, &fd, &lock);
    if (rc < 0)
        return fail(rc, "listening at", address);
    rc = sys_local_address(fd, &at);
    rc = rc < 0 ? fail(rc, "listening at", address) : io_open(&ret->io, fd);
    if (rc < 0) {
        sys_unlisten(&at, lock);
        sys_close(&fd);
        return rc;
    }
    ret->at = at;
    ret->lock = lock;
    return 0;
}

/* The file goes first: once the socket is closed it might be another one's. */
void transport_unlisten(struct listener *listener)
{
    if (listener->io.fd < 0)
        return;
    sys_unlisten(&listener->at, listener->lock);
    io_close(&listener->io);
}

/* Out of descriptors or memory the listener waits for better times: whoever connects is kept waiting by
 * the kernel, not turned away. */
static const double SHORTAGE_PAUSE_S = 0.05;

static bool is_shortage(int rc)
{
    return rc == -EMFILE || rc == -ENFILE || rc == -ENOBUFS || rc == -ENOMEM;
}

int transport_accept(struct listener *listener, int *ret_fd)
{
    for (;;) {
        if (listener->io.fd < 0)
            return error_raise_plain(TR_ECLOSED);
        int fd, rc = sys_accept(listener->io.fd, &fd);
        if (rc >= 0 && sys_peer_is_us(fd) == 1) {
            *ret_fd = fd;
            return 0;
        }
        if (rc >= 0) {
            log_at(LOG_WARNING, "transport", "refused a connection by another user");
            sys_close(&fd);
            rc = tr_checkpoint();
        } else if (rc == -EAGAIN) {
            rc = io_wait_readable(&listener->io);
        } else if (is_shortage(rc)) {
            rc = tr_sleep(SHORTAGE_PAUSE_S);
        } else {
            rc = error_raise_plain(rc);
        }
        if (rc < 0)
            return rc;
    }
}

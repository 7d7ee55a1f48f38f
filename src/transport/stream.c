/* Which transport is wanted; and connecting, listening and accepting, for every family of sockets alike. */
#include "base/error.h"
#include "base/log.h"
#include "sched/task.h"
#include "tractor/task.h"
#include "transport/transport.h"

#include <errno.h>
#include <string.h>

int transport_choose(const char *word, enum transport *ret)
{
    static const char *const words[] = {[TRANSPORT_AUTO] = "auto", [TRANSPORT_SHM] = "shm", [TRANSPORT_UDS] = "uds"};
    const char *wanted = word && word[0] ? word : sys_env("TRACTOR_TRANSPORT");
    if (!wanted || !wanted[0])
        wanted = words[TRANSPORT_AUTO];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], wanted) == 0) {
            *ret = (enum transport)i;
            return 0;
        }
    return raise_code(TR_EARGUMENT, "there is no transport \"%s\"; there are auto, shm and uds", wanted);
}

static int fail(int rc, const char *what, const char *address)
{
    return raise_code(rc, "%s %s: %s", what, address, tr_code_sentence(rc));
}

static int fail_at(int rc, const char *what, const struct sys_address *address)
{
    char text[ADDRESS_TEXT];
    address_format(address, text);
    return fail(rc, what, text);
}

/* Waits until the socket is up, or is not to be. */
static int wait_connected(int fd)
{
    struct io io;
    tr_try(io_open(&io, fd));
    int rc = io_wait_writable(&io);
    io_give_up(&io);
    return rc < 0 ? rc : sys_connected(fd);
}

/* A Unix socket whose queue of connections is full says so at once; whoever lives there is only busy. */
static const double BACKLOG_PAUSE_S = 0.005;

int transport_reach(const struct sys_address *to, int *ret_fd)
{
    int fd, rc;
    while ((rc = sys_connect(to, &fd)) == -EAGAIN && to->family == SYS_UNIX)
        tr_try(tr_sleep(BACKLOG_PAUSE_S));
    if (rc < 0)
        return fail_at(rc, "connecting to", to);
    rc = wait_connected(fd);
    if (rc >= 0) {
        *ret_fd = fd;
        return 0;
    }
    sys_close(&fd);
    return rc == TR_ECANCELLED ? rc : fail_at(rc, "connecting to", to);
}

int transport_meet(const struct sys_address *targets, size_t count, int *ret_fd, struct sys_address *ret_winner)
{
    int fd;
    tr_try(transport_reach_any(targets, count, &fd, ret_winner));
    int rc = sys_peer_is_us(fd);
    if (rc > 0) {
        *ret_fd = fd;
        return 0;
    }
    sys_close(&fd);
    return fail_at(rc == 0 ? -EACCES : rc, "connecting to", ret_winner);
}

int transport_listen_at(const struct sys_address *wanted, bool only_us, struct listener *ret)
{
    struct sys_address at = *wanted;
    int fd, lock, rc = sys_listen(&at, &fd, &lock);
    if (rc < 0)
        return fail_at(rc, "listening at", &at);
    rc = sys_local_address(fd, &at);
    rc = rc < 0 ? fail_at(rc, "listening at", &at) : io_open(&ret->io, fd);
    if (rc < 0) {
        sys_unlisten(wanted, lock);
        sys_close(&fd);
        return rc;
    }
    ret->at = at;
    ret->lock = lock;
    ret->only_us = only_us;
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

/* What Linux reports of a connection that failed before it was accepted, a firewall's doing included: it is
 * gone, and that is no trouble of the listener's. */
static bool is_of_connection(int rc)
{
    static const int all[] = {EPERM,       EPROTO,       ENETDOWN,   ENOPROTOOPT, EHOSTDOWN,
                              ENONET,      ENETUNREACH,  EOPNOTSUPP, ETIMEDOUT,   ENOSR,
                              ECONNRESET,  EHOSTUNREACH, ESOCKTNOSUPPORT,         EPROTONOSUPPORT};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (rc == -all[i])
            return true;
    return false;
}

static bool may_enter(const struct listener *listener, int fd)
{
    if (!listener->only_us || sys_peer_is_us(fd) == 1)
        return true;
    log_at(TR_LOG_WARNING, "refused a connection by another user");
    return false;
}

int transport_accept(struct listener *listener, int *ret_fd)
{
    for (bool told = false;;) {
        if (listener->io.fd < 0)
            return error_raise_plain(TR_ECLOSED);
        int fd, rc = sys_accept(listener->io.fd, &fd);
        if (rc >= 0 && may_enter(listener, fd)) {
            *ret_fd = fd;
            return 0;
        }
        if (rc >= 0) {
            sys_close(&fd);
            rc = tr_checkpoint();
        } else if (rc == -EAGAIN) {
            rc = io_wait_readable(&listener->io);
        } else if (is_shortage(rc)) {
            if (!told)
                log_at(TR_LOG_WARNING, "accepting: %s; trying again", tr_code_sentence(rc));
            told = true;
            rc = tr_sleep(SHORTAGE_PAUSE_S);
        } else if (is_of_connection(rc)) {
            rc = tr_checkpoint();
        } else {
            rc = error_raise_plain(rc);
        }
        if (rc < 0)
            return rc;
    }
}

/* Byte streams over sockets: connecting, listening, serving. */
#include "base/error.h"
#include "base/hooks.h"
#include "sched/task.h"
#include "tractor/task.h"
#include "transport/conn.h"
#include "transport/transport.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* ---- streams ------------------------------------------------------------------------------------- */

struct socket {
    struct tr_conn conn;        /* first */
    struct io io;
};

static struct io *io_of(struct tr_conn *conn)
{
    return &((struct socket *)conn)->io;
}

static int socket_read(struct tr_conn *conn, void *ret_bytes, size_t size)
{
    return (int)io_receive(io_of(conn), ret_bytes, size < INT_MAX ? size : INT_MAX);
}

static int socket_write(struct tr_conn *conn, const void *bytes, size_t size)
{
    return io_send_all(io_of(conn), bytes, size);
}

static int socket_end(struct tr_conn *conn)
{
    int rc = sys_end_writing(io_of(conn)->fd);
    return rc < 0 ? error_raise_plain(rc) : 0;
}

static void socket_close(struct tr_conn *conn)
{
    io_close(io_of(conn));
}

static void socket_free(struct tr_conn *conn)
{
    mem_free(conn);
}

static const struct conn_ops socket_ops = {
    .read = socket_read,
    .write = socket_write,
    .end = socket_end,
    .close = socket_close,
    .free = socket_free,
};

int conn_of_socket(int fd, tr_conn **ret_conn)
{
    struct socket *made = mem_zalloc(sizeof *made);
    if (!made || io_open(&made->io, fd) < 0) {
        mem_free(made);
        sys_close(&fd);
        return error_raise_plain(-ENOMEM);
    }
    conn_init(&made->conn, &socket_ops);
    *ret_conn = &made->conn;
    return 0;
}

/* ---- connecting ---------------------------------------------------------------------------------- */

int tr_connect(tr_conn **ret_conn, const char *address)
{
    struct sys_address *targets;
    tr_try(tr_checkpoint());
    int fd, rc = transport_find(address, &targets);
    if (rc < 0)
        return rc;
    struct sys_address winner;
    rc = transport_reach_any(targets, (size_t)rc, &fd, &winner);
    mem_free(targets);
    return rc < 0 ? rc : conn_of_socket(fd, ret_conn);
}

/* ---- listening ----------------------------------------------------------------------------------- */

struct tr_listener {
    struct listener own;
    char address[ADDRESS_TEXT];
    int users;                  /* the owner until it closes, and the tasks that accept and serve */
    bool accepting;
};

static void let_go(tr_listener *listener)
{
    if (--listener->users == 0)
        mem_free(listener);
}

static bool is_abstract(const struct sys_address *at)
{
    return at->family == SYS_UNIX && at->name[0] == '@';
}

static int listen_at(const struct sys_address *at, tr_listener **ret_listener)
{
    tr_listener *listener = mem_zalloc(sizeof *listener);
    if (!listener)
        return error_raise_plain(-ENOMEM);
    int rc = transport_listen_at(at, is_abstract(at), &listener->own);
    if (rc < 0) {
        mem_free(listener);
        return rc;
    }
    listener->users = 1;
    address_format(&listener->own.at, listener->address);
    *ret_listener = listener;
    return 0;
}

int tr_listen(tr_listener **ret_listener, const char *address)
{
    struct sys_address *all;
    tr_try(tr_checkpoint());
    tr_try(transport_find(address, &all));
    int rc = listen_at(&all[0], ret_listener);
    mem_free(all);
    return rc;
}

const char *tr_listener_address(const tr_listener *listener)
{
    return listener ? listener->address : "";
}

void tr_close_listener(tr_listener **held)
{
    tr_listener *listener = *held;
    if (!listener)
        return;
    *held = NULL;
    transport_unlisten(&listener->own);
    let_go(listener);
}

static int accept_one(tr_listener *listener, tr_conn **ret_conn)
{
    int fd;
    tr_try(transport_accept(&listener->own, &fd));
    task_yield(0);
    return conn_of_socket(fd, ret_conn);
}

int tr_accept(tr_listener *listener, tr_conn **ret_conn)
{
    tr_try(task_required());
    tr_try(task_checkpoint_if_cancelled());
    if (!listener)
        return error_raise_plain(TR_ECLOSED);
    if (listener->accepting)
        return raise_code(TR_EMISUSE, "another task accepts connections at %s", listener->address);
    listener->accepting = true;
    listener->users++;
    int rc = accept_one(listener, ret_conn);
    listener->accepting = false;
    let_go(listener);
    return rc;
}

/* ---- serving ------------------------------------------------------------------------------------- */

struct visit {
    tr_conn *conn;
    tr_handler *handler;
    void *arg;
};

/* Held besides, so that a handler that closes it does no harm. */
static int serve_one(void *arg)
{
    struct visit visit = *(struct visit *)arg;
    mem_free(arg);
    conn_hold(visit.conn);
    int rc = visit.handler(visit.conn, visit.arg);
    if (!visit.conn->closed)
        tr_close_conn(&(tr_conn *){visit.conn});
    conn_let_go(visit.conn);
    return rc;
}

static int start_serving(tr_nursery *nursery, struct visit visit)
{
    struct visit *kept = mem_alloc(sizeof *kept);
    if (!kept)
        return error_raise_plain(-ENOMEM);
    *kept = visit;
    int rc = tr_start_soon(nursery, serve_one, kept);
    if (rc < 0)
        mem_free(kept);
    return rc;
}

static int serve_all(tr_nursery *nursery, tr_listener *listener, tr_handler *handler, void *arg)
{
    for (;;) {
        struct visit visit = {.handler = handler, .arg = arg};
        tr_scope idle = tr_until_stopped();
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): does not count users */
        tr_try(tr_within(&idle, tr_accept(listener, &visit.conn)));
        if (idle.cancelled_caught)
            return 0;
        int rc = start_serving(nursery, visit);
        if (rc < 0) {
            tr_close_conn(&visit.conn);
            return rc;
        }
    }
}

int tr_serve(tr_listener *listener, tr_handler *handler, void *arg)
{
    tr_try(task_required());
    if (!handler)
        return raise_code(TR_EARGUMENT, "serving needs a handler");
    tr_try(task_checkpoint_if_cancelled());
    if (!listener)
        return error_raise_plain(TR_ECLOSED);
    tr_auto(nursery) nursery = tr_open_nursery();
    listener->users++; /* it may be closed between two connections */
    int rc = tr_join_with(nursery, serve_all(nursery, listener, handler, arg));
    let_go(listener); /* NOLINT(clang-analyzer-unix.Malloc): does not count users */
    return rc;
}

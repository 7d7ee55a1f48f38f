/* Byte streams, as far as all kinds are alike.
 *
 * A stream may be closed by one task while others are at work with it. They are woken with TR_ECLOSED, and
 * each holds it until then, so that it goes away with the last. */
#include "transport/conn.h"

#include "base/error.h"
#include "sched/task.h"
#include "tractor/task.h"

#include <errno.h>

void conn_init(struct tr_conn *conn, const struct conn_ops *ops)
{
    *conn = (struct tr_conn){.ops = ops, .users = 1};
}

void conn_hold(struct tr_conn *conn)
{
    conn->users++;
}

void conn_let_go(struct tr_conn *conn)
{
    if (--conn->users == 0)
        conn->ops->free(conn);
}

void conn_close(struct tr_conn *conn)
{
    if (conn->closed)
        return;
    conn->closed = true;
    conn->ops->close(conn);
}

void tr_close_conn(tr_conn **held)
{
    tr_conn *conn = *held;
    if (!conn)
        return;
    *held = NULL;
    conn_close(conn);
    conn_let_go(conn);
}

/* ---- one call ------------------------------------------------------------------------------------ */

static int check(tr_conn *conn)
{
    tr_try(task_required());
    return conn && !conn->closed ? 0 : error_raise_plain(TR_ECLOSED);
}

static int begin(tr_conn *conn, bool *busy, const char *doing)
{
    if (*busy)
        return raise_code(TR_EMISUSE, "another task is %s this connection already", doing);
    *busy = true;
    conn_hold(conn);
    return 0;
}

/* Whether the other side can no longer end what it says in good order. With these two it only reads no
 * more. */
static bool is_lost(int rc)
{
    return rc != -EPIPE && rc != -ENOTCONN;
}

/* What a socket fails with says why; that the connection is of no use any more is what matters. */
static int finish(tr_conn *conn, bool *busy, int rc)
{
    bool broken = rc < 0 && rc != -ENOMEM && rc > TR_ECANCELLED;
    if (broken && is_lost(rc))
        conn->lost = rc;
    *busy = false;
    conn_let_go(conn);
    if (!broken)
        return rc;
    struct tr_error *error = error_new(TR_EBROKEN, tr_code_type(TR_EBROKEN), "", 0,
                                       "the connection is broken: %s", tr_code_sentence(rc));
    error_set_cause(error, error_of(rc));
    return error_raise(error);
}

/* The system tells of a loss once, to whoever reads or writes next, and from then on of an end. */
static int read_now(tr_conn *conn, void *ret_bytes, size_t size)
{
    int rc = conn->ops->read(conn, ret_bytes, size);
    return rc == 0 && conn->lost ? error_raise_plain(conn->lost) : rc;
}

int tr_conn_read(tr_conn *conn, void *ret_bytes, size_t size)
{
    tr_try(check(conn));
    if (size == 0)
        return raise_code(TR_EARGUMENT, "there is no room to read into");
    tr_try(begin(conn, &conn->reading, "reading"));
    return finish(conn, &conn->reading, read_now(conn, ret_bytes, size));
}

int tr_conn_write(tr_conn *conn, const void *bytes, size_t size)
{
    tr_try(check(conn));
    if (conn->ended)
        return raise_code(TR_ECLOSED, "nothing can be written after the end");
    tr_try(begin(conn, &conn->writing, "writing"));
    return finish(conn, &conn->writing, conn->ops->write(conn, bytes, size));
}

static int end(tr_conn *conn)
{
    tr_try(tr_checkpoint());
    tr_try(check(conn));
    if (conn->ended)
        return 0;
    tr_try(conn->ops->end(conn));
    conn->ended = true;
    return 0;
}

int tr_conn_end(tr_conn *conn)
{
    tr_try(check(conn));
    tr_try(begin(conn, &conn->writing, "writing"));
    return finish(conn, &conn->writing, end(conn));
}

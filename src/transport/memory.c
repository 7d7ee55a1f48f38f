/* Pairs of streams in memory, for tests: what is written at one end is read at the other, without a limit on
 * what lies in between, and without a descriptor, so that they work on a virtual clock.
 *
 * Two pipes, each written by one end and read by the other, in one piece of memory that goes away with the
 * second end. */
#include "base/buf.h"
#include "base/error.h"
#include "base/hooks.h"
#include "sched/task.h"
#include "sync/lot.h"
#include "tractor/task.h"
#include "tractor/testing.h"
#include "transport/conn.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

struct memory_pipe {
    struct buf bytes;           /* written and not yet read */
    bool ended;                 /* nothing more is written */
    bool unread;                /* the reading end is closed */
    tr_lot waiting;             /* its reader */
};

struct memory_end {
    struct tr_conn conn;        /* first */
    struct memory_pair *pair;
    struct memory_pipe *in, *out;
};

struct memory_pair {
    struct memory_pipe pipes[2];
    struct memory_end ends[2];
    int alive;
};

static struct memory_end *end_of(struct tr_conn *conn)
{
    return (struct memory_end *)conn;
}

/* It takes only once it has been through the checkpoint, so that one who is cancelled has taken nothing. */
static int memory_read(struct tr_conn *conn, void *ret_bytes, size_t size)
{
    struct memory_pipe *in = end_of(conn)->in;
    bool wait = in->bytes.size == 0 && !in->ended;
    tr_try(wait ? lot_park_for(&in->waiting, "bytes from a stream") : tr_checkpoint());
    if (in->unread)
        return error_raise_plain(TR_ECLOSED);
    if (size > INT_MAX)
        size = INT_MAX;
    if (size > in->bytes.size)
        size = in->bytes.size;
    if (size == 0)
        return 0;
    memcpy(ret_bytes, in->bytes.data, size);
    buf_drain(&in->bytes, size);
    return (int)size;
}

static int memory_write(struct tr_conn *conn, const void *bytes, size_t size)
{
    struct memory_pipe *out = end_of(conn)->out;
    tr_try(tr_checkpoint());
    if (conn->closed)
        return error_raise_plain(TR_ECLOSED);
    if (out->unread)
        return raise_code(TR_EBROKEN, "the other end of the stream is closed");
    if (size > 0 && buf_append(&out->bytes, bytes, size) < 0)
        return error_raise_plain(-ENOMEM);
    if (size > 0)
        lot_wake_all(&out->waiting);
    return 0;
}

static int memory_end_writing(struct tr_conn *conn)
{
    struct memory_pipe *out = end_of(conn)->out;
    out->ended = true;
    lot_wake_all(&out->waiting);
    return 0;
}

static void memory_close(struct tr_conn *conn)
{
    struct memory_pipe *in = end_of(conn)->in;
    (void)memory_end_writing(conn);
    in->unread = true;
    buf_fini(&in->bytes);
    lot_wake_all(&in->waiting);
}

static void memory_free(struct tr_conn *conn)
{
    struct memory_pair *pair = end_of(conn)->pair;
    if (--pair->alive > 0)
        return;
    for (int i = 0; i < 2; i++)
        buf_fini(&pair->pipes[i].bytes);
    mem_free(pair);
}

static const struct conn_ops memory_ops = {
    .read = memory_read,
    .write = memory_write,
    .end = memory_end_writing,
    .close = memory_close,
    .free = memory_free,
};

int tr_memory_pair(tr_conn **ret_a, tr_conn **ret_b)
{
    tr_try(task_required());
    struct memory_pair *pair = mem_zalloc(sizeof *pair);
    if (!pair)
        return error_raise_plain(-ENOMEM);
    pair->alive = 2;
    for (int i = 0; i < 2; i++) {
        struct memory_end *end = &pair->ends[i];
        *end = (struct memory_end){.pair = pair, .in = &pair->pipes[i], .out = &pair->pipes[!i]};
        conn_init(&end->conn, &memory_ops);
    }
    *ret_a = &pair->ends[0].conn;
    *ret_b = &pair->ends[1].conn;
    return 0;
}

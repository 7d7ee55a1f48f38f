/* Connections of actors.
 *
 * As long as it is a socket, there is no difference here between Unix sockets and TCP: the system takes care that
 * small writes leave at once, and the session that many frames are one write.
 *
 * By rings, nothing is asked of the system while both sides are busy. Who finds nothing to read, or no room, says so
 * in the ring and waits until the socket is readable; who has written, or made room, and sees that, writes one byte
 * there, the bell. A bell says nothing but: look. There is one for both of a side's tasks, so the first to wait
 * watches the socket, and wakes the other, too. No bell may be rung before everything else that this side writes to
 * the socket is written, and nobody says that it sleeps before it has read all that.
 *
 * The end of the socket is the end of the peer, or of its interest: what is in the ring then is read, and no more,
 * whatever else may be written there. */
#include "transport/wire.h"

#include "base/error.h"
#include "base/hooks.h"
#include "base/plant.h"
#include "sched/task.h"
#include "sync/lot.h"
#include "sys/sys.h"
#include "tractor/task.h"
#include "transport/rings.h"

#include <errno.h>

struct way_by_rings {
    struct rings rings;
    bool reads, writes;         /* the bytes take this way */
    bool ended;                 /* the socket is at its end, */
    size_t left;                /* and this is still to be read */
    bool may_look;              /* another processor could bring something meanwhile */
    unsigned looks;             /* before it sleeps, a reader looks so often; as it paid lately */
    unsigned until_try, rest;   /* where that is 0, so often it sleeps before it tries again; and after that */
};

/* A look is some 30 ns, and lets other tasks run and the world be looked at as ever. All of them have to be longer
 * than it takes to wake a sleeper on another processor, which may be 50 microseconds: the first answer comes from
 * one, and only if it is seen do both find each other awake from then on. Where it does not pay it is tried more and
 * more rarely. With both processes on one processor of several that is not enough: a call takes a quarter longer than
 * without looking, and this does not know where the peer runs. */
enum { MOST_LOOKS = 3000, FEWEST_LOOKS = 300, FIRST_REST = 32, LONGEST_REST = 4096 };

/* While the peer has not said yet that it writes by rings, it cannot ring a bell either, and a writer looks at
 * times whether there is room: it may be more than one that it was made for. */
static const double LOOK_AGAIN_S = 0.002;

int wire_open(struct wire *wire, int fd)
{
    *wire = (struct wire){.io = {.fd = -1}, .passing = -1, .passed = -1};
    int rc = io_open(&wire->io, fd);
    if (rc < 0)
        sys_close(&fd);
    return rc;
}

void wire_close(struct wire *wire)
{
    if (!wire_is_open(wire))
        return;
    io_close(&wire->io);
    sys_close(&wire->passing);
    sys_close(&wire->passed);
    if (wire->by) {
        rings_free(&wire->by->rings);
        mem_free(wire->by);
        wire->by = NULL;
    }
    lot_wake_all(&wire->others);
}

void wire_hang_up(struct wire *wire)
{
    if (wire_is_open(wire))
        sys_hang_up(wire->io.fd);
}

/* ---- by socket ---------------------------------------------------------------------------------------------- */

/* Of several the first is kept. */
static ssize_t read_with_passed(struct wire *wire, void *ret_bytes, size_t size)
{
    int passed = -1;
    ssize_t got = sys_read_with(wire->io.fd, ret_bytes, size, &passed);
    if (wire->passed < 0)
        wire->passed = passed;
    else
        sys_close(&passed);
    return got;
}

static long read_passed(struct wire *wire, void *ret_bytes, size_t size)
{
    for (;;) {
        if (!wire_is_open(wire))
            return error_raise_plain(TR_ECLOSED);
        ssize_t got = read_with_passed(wire, ret_bytes, size);
        if (got >= 0)
            return got;
        int rc = got == -EAGAIN ? io_wait_readable(&wire->io) : error_raise_plain((int)got);
        if (rc < 0)
            return rc;
    }
}

/* The first byte at least. How much went. */
static long write_passed(struct wire *wire, const void *bytes, size_t size)
{
    for (;;) {
        if (!wire_is_open(wire))
            return error_raise_plain(TR_ECLOSED);
        ssize_t sent = sys_write_with(wire->io.fd, bytes, size, wire->passing);
        if (sent > 0) {
            sys_close(&wire->passing);
            return sent;
        }
        int rc = sent == 0 || sent == -EAGAIN ? io_wait_writable(&wire->io) : error_raise_plain((int)sent);
        if (rc < 0)
            return rc;
    }
}

static int write_to_socket(struct wire *wire, const void *bytes, size_t size)
{
    long gone = 0;
    if (wire->passing >= 0 && size > 0 && (gone = write_passed(wire, bytes, size)) < 0)
        return (int)gone;
    return io_write_all(&wire->io, (const char *)bytes + gone, size - (size_t)gone);
}

/* ---- the bell ----------------------------------------------------------------------------------------------- */

static bool is_of_gone(int rc)
{
    return rc == -EPIPE || rc == -ECONNRESET;
}

/* If there is no room for it there are others, and the peer wakes by those. If it cannot be rung for another reason
 * the wire is of no use any more, since the peer would sleep on. Not raised. */
static int ring_bell(struct wire *wire)
{
    static const char bell = 0;
    if (!wire->by->writes || planted(MISSED_BELL))
        return 0; /* who says that it sleeps by then lies */
    int rc = (int)sys_write(wire->io.fd, &bell, sizeof bell);
    return rc < 0 && rc != -EAGAIN ? rc : 0;
}

/* Not before the peer has taken something from the ring: until then it may take a bell for what is said. If there is
 * no room for it, it is lost. */
static void pass_by_bell(struct wire *wire)
{
    static const char bell = 0;
    if (!ring_is_read(&wire->by->rings.out))
        return;
    (void)sys_write_with(wire->io.fd, &bell, sizeof bell, wire->passing);
    sys_close(&wire->passing);
}

static void end_rings(struct way_by_rings *by)
{
    uint8_t none;
    if (by->ended)
        return;
    by->ended = true;
    by->left = ring_read(&by->rings.in, &none, 0) < 0 ? 0 : by->rings.in.theirs - by->rings.in.mine;
}

/* Nobody keeps count of them. */
static void hear_bells(struct wire *wire)
{
    char bells[256];
    ssize_t got = read_with_passed(wire, bells, sizeof bells);
    if (got <= 0 && got != -EAGAIN)
        end_rings(wire->by);
}

/* Until there is reason to look again. */
static int wait_for_bell(struct wire *wire)
{
    if (wire->watched)
        return lot_park_for(&wire->others, "the bell of a ring");
    wire->watched = true;
    int rc = io_wait_readable(&wire->io);
    wire->watched = false;
    if (rc >= 0 && wire_is_open(wire))
        hear_bells(wire);
    lot_wake_all(&wire->others);
    return rc;
}

/* ---- by rings ----------------------------------------------------------------------------------------------- */

static int raise_nonsense(void)
{
    return raise_code(TR_EPROTOCOL, "the peer has made nonsense of the shared memory");
}

/* As patient as can be next time, or half as much. */
static void adapt_looks(struct way_by_rings *by, bool paid)
{
    by->looks = paid ? MOST_LOOKS : by->looks / 2;
    if (paid)
        by->rest = FIRST_REST;
    if (by->looks >= FEWEST_LOOKS)
        return;
    by->looks = 0;
    by->until_try = by->rest;
    by->rest = by->rest < LONGEST_REST ? 2 * by->rest : LONGEST_REST;
}

static unsigned looks_now(struct way_by_rings *by)
{
    if (by->looks == 0 && by->may_look && by->until_try-- == 0)
        by->looks = MOST_LOOKS;
    return by->looks;
}

/* Before it sleeps: 1 when that is not necessary, or the wire was closed meanwhile; 0; or that it is cancelled.
 *
 * A thread that looks most of the time is most likely to lose its processor just there, and may find an answer then
 * that was given because a deadline has passed, which is ours, too, and has to be heeded first: hence the checkpoint
 * after the look. */
static int look_for_bytes(struct wire *wire)
{
    unsigned looks = looks_now(wire->by);
    if (looks == 0)
        return 0;
    for (; looks > 0; looks--) {
        tr_try(tr_checkpoint());
        if (!wire_is_open(wire))
            return 1;
        if (ring_has_bytes(&wire->by->rings.in) == 0)
            continue;
        adapt_looks(wire->by, true);
        tr_try(tr_checkpoint());
        return 1;
    }
    adapt_looks(wire->by, false);
    return 0;
}

static int wait_for_bytes(struct wire *wire)
{
    int rc = look_for_bytes(wire);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = ring_reader_sleeps(&wire->by->rings.in);
    return rc < 0 ? raise_nonsense() : rc > 0 ? 0 : wait_for_bell(wire);
}

static int wait_for_room(struct wire *wire)
{
    if (!wire->by->reads)
        return tr_sleep(LOOK_AGAIN_S);
    int rc = ring_writer_sleeps(&wire->by->rings.out);
    return rc < 0 ? raise_nonsense() : rc > 0 ? 0 : wait_for_bell(wire);
}

/* What there is now; after the end no more than there was then. */
static long take(struct wire *wire, void *ret_bytes, size_t size)
{
    struct way_by_rings *by = wire->by;
    if (by->ended && size > by->left)
        size = by->left;
    long got = ring_read(&by->rings.in, ret_bytes, size);
    if (got < 0)
        return raise_nonsense();
    if (by->ended)
        by->left -= (size_t)got;
    int rc = got > 0 && ring_wakes_writer(&by->rings.in) ? ring_bell(wire) : 0;
    return rc < 0 && !is_of_gone(rc) ? error_raise_plain(rc) : got; /* what the gone have written is read */
}

static long read_by_rings(struct wire *wire, void *ret_bytes, size_t size)
{
    for (;;) {
        if (!wire_is_open(wire))
            return error_raise_plain(TR_ECLOSED);
        long got = take(wire, ret_bytes, size);
        if (got != 0 || wire->by->ended)
            return got;
        int rc = wait_for_bytes(wire);
        if (rc < 0)
            return rc;
    }
}

/* Some of it. */
static long give(struct wire *wire, const void *bytes, size_t size)
{
    if (wire->by->ended)
        return error_raise_plain(-EPIPE);
    long given = ring_write(&wire->by->rings.out, bytes, size);
    if (given < 0)
        return raise_nonsense();
    int rc = given > 0 && ring_wakes_reader(&wire->by->rings.out) ? ring_bell(wire) : 0;
    return rc < 0 ? error_raise_plain(rc) : given;
}

static int put_into_ring(struct wire *wire, const char *bytes, size_t size)
{
    while (size > 0) {
        if (!wire_is_open(wire))
            return error_raise_plain(TR_ECLOSED);
        long given = give(wire, bytes, size);
        if (given < 0)
            return (int)given;
        bytes += given;
        size -= (size_t)given;
        if (size > 0)
            tr_try(given > 0 ? tr_checkpoint() : wait_for_room(wire));
    }
    return 0;
}

/* ---- either way --------------------------------------------------------------------------------------------- */

long wire_read(struct wire *wire, void *ret_bytes, size_t size)
{
    if (wire->by && wire->by->reads)
        return read_by_rings(wire, ret_bytes, size);
    return wire->looks ? read_passed(wire, ret_bytes, size) : io_read(&wire->io, ret_bytes, size);
}

int wire_write(struct wire *wire, const void *bytes, size_t size)
{
    if (!wire->by || !wire->by->writes)
        return write_to_socket(wire, bytes, size);
    if (wire->passing >= 0)
        pass_by_bell(wire);
    return put_into_ring(wire, bytes, size);
}

int wire_pass(struct wire *wire, int fd)
{
    int rc = wire_is_open(wire) && wire->passing < 0 ? 0 : -EAGAIN;
    if (rc < 0)
        sys_close(&fd);
    else
        wire->passing = fd;
    return rc;
}

/* It came with a bell, which nobody may have heard yet. Whoever watches for bells hears them himself. */
int wire_take_passed(struct wire *wire)
{
    if (wire_is_open(wire) && wire->passed < 0 && wire->by && wire->by->reads && !wire->watched)
        hear_bells(wire);
    int fd = wire->passed;
    wire->passed = -1;
    return fd;
}

/* ---- from one to the other ---------------------------------------------------------------------------------- */

bool wire_is_local(const struct wire *wire)
{
    struct sys_address here;
    return wire_is_open(wire) && sys_local_address(wire->io.fd, &here) >= 0 && here.family == SYS_UNIX;
}

int wire_offer(struct wire *wire)
{
    if (!wire_is_open(wire) || wire->by || wire->may_accept)
        return -EPROTO;
    if (wire->passing >= 0)
        return -EAGAIN;
    struct way_by_rings *by = mem_zalloc(sizeof *by);
    int rc = by ? rings_make(&by->rings, &wire->passing) : -ENOMEM;
    if (rc < 0)
        mem_free(by);
    else
        wire->by = by;
    return rc;
}

int wire_accept(struct wire *wire)
{
    if (!wire_is_open(wire) || wire->by || !wire->may_accept)
        return -EPROTO;
    struct way_by_rings *by = mem_zalloc(sizeof *by);
    int rc = by ? rings_take(&by->rings, wire->passed) : -ENOMEM;
    sys_close(&wire->passed);
    if (rc < 0)
        mem_free(by);
    else
        wire->by = by;
    return rc;
}

int wire_write_by_rings(struct wire *wire)
{
    struct way_by_rings *by = wire->by;
    if (!by || by->writes)
        return -EPROTO;
    by->writes = true;
    return 0;
}

int wire_read_by_rings(struct wire *wire)
{
    if (!wire->by || wire->by->reads)
        return -EPROTO;
    wire->by->reads = true;
    wire->by->may_look = sys_processors() > 1;
    wire->by->looks = wire->by->may_look ? MOST_LOOKS : 0;
    wire->by->rest = FIRST_REST;
    wire->may_accept = false;
    return 0;
}

void wire_set_patience(struct wire *wire, int64_t ns)
{
    sys_patience(wire->io.fd, ns);
}

bool wire_is_stuck(const struct wire *wire)
{
    return sys_is_stuck(wire->io.fd) > 0;
}

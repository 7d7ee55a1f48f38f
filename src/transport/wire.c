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
 * A reader whose writer runs on another processor waits in the same way, but has not said so yet: for a moment the loop
 * glances at the ring (struct glance), and says it only when nothing has come.
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
    struct wire *wire;          /* whose way it is */
    struct glance glance;       /* of the reader, before it says that it sleeps */
    unsigned until_try, rest;   /* so often it sleeps without; and, if the next glance does not pay, after that */
    int runs_on;                /* our processor, as the peer was told; -1 at first */
};

/* Of sleeps without a glance: after one that paid the next one that does not is forgiven, and from then on so many more
 * each time. */
enum { LONGEST_REST = 4095 };

/* While the peer has not said yet that it writes by rings, it cannot ring a bell either, and a writer looks at
 * times whether there is room: it may be more than one that it was made for. */
static const double LOOK_AGAIN_S = 0.002;

int wire_open(struct wire *wire, int fd)
{
    *wire = (struct wire){.io = {.fd = -1}, .passing = -1, .passed = {-1, -1}};
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
    sys_close(&wire->passed[0]);
    sys_close(&wire->passed[1]);
    if (wire->by) {
        list_remove(&wire->by->glance.place);
        rings_free(&wire->by->rings);
        mem_free(wire->by);
        wire->by = NULL;
    }
    lot_wake_all(&wire->others);
}

/* ---- by socket ---------------------------------------------------------------------------------------------- */

/* Of several the first two are kept: what one belongs to may be said in bytes that come with the other. */
static long read_with_passed(struct io *io, void *arg, void *ret_bytes, size_t size)
{
    struct wire *wire = arg;
    int passed = -1;
    long got = sys_read_with(io->fd, ret_bytes, size, &passed);
    if (wire->passed[0] < 0)
        wire->passed[0] = passed;
    else if (wire->passed[1] < 0)
        wire->passed[1] = passed;
    else
        sys_close(&passed);
    return got;
}

static int take_oldest(struct wire *wire)
{
    int fd = wire->passed[0];
    wire->passed[0] = wire->passed[1];
    wire->passed[1] = -1;
    return fd;
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

/* What is there now is all. */
static void end_rings(struct way_by_rings *by)
{
    uint8_t none;
    if (by->ended)
        return;
    by->ended = true;
    by->left = ring_read(&by->rings.in, &none, 0) < 0 ? 0 : by->rings.in.theirs - by->rings.in.mine;
}

/* Whoever still writes into the ring then might fill it for ever. */
void wire_hang_up(struct wire *wire)
{
    if (!wire_is_open(wire))
        return;
    wire->hung_up = true;
    sys_hang_up(wire->io.fd);
    if (wire->by && wire->by->reads)
        end_rings(wire->by);
}

/* Nobody keeps count of them. */
static void hear_bells(struct wire *wire)
{
    char bells[256];
    long got = read_with_passed(&wire->io, wire, bells, sizeof bells);
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
    if (rc == 0 && wire_is_open(wire))
        hear_bells(wire);
    lot_wake_all(&wire->others);
    return rc;
}

/* ---- by rings ----------------------------------------------------------------------------------------------- */

static int raise_nonsense(void)
{
    return raise_code(TR_EPROTOCOL, "the peer has made nonsense of the shared memory");
}

/* ---- glances ------------------------------------------------------------------------------------------------- */

static bool see_bytes(struct glance *glance)
{
    struct way_by_rings *by = container_of(glance, struct way_by_rings, glance);
    if (ring_has_bytes(&by->rings.in) == 0)
        return false;
    by->rest = 0;
    io_wake_reader(&by->wire->io);
    return true;
}

/* From now on the bell has to be rung, and less often is it tried. */
static void give_up_seeing(struct glance *glance)
{
    struct way_by_rings *by = container_of(glance, struct way_by_rings, glance);
    by->until_try = by->rest;
    by->rest = by->rest < LONGEST_REST ? 2 * by->rest + 1 : LONGEST_REST;
    if (ring_reader_sleeps(&by->rings.in) != 0)
        io_wake_reader(&by->wire->io);
}

/* Not again and again where it has not paid. */
static bool is_worth_a_glance(struct way_by_rings *by)
{
    if (!ring_writer_runs_elsewhere(&by->rings.in, sys_processor()))
        return false;
    if (by->until_try == 0)
        return true;
    by->until_try--;
    return false;
}

/* Who watches the socket hears the bell, and is also woken by a glance; others by who watches. */
static int wait_for_bytes(struct wire *wire)
{
    struct way_by_rings *by = wire->by;
    if (!is_worth_a_glance(by)) {
        int rc = ring_reader_sleeps(&by->rings.in);
        return rc < 0 ? raise_nonsense() : rc > 0 ? 0 : wait_for_bell(wire);
    }
    sched_glance(&by->glance);
    int rc = wait_for_bell(wire);
    if (wire_is_open(wire))
        list_remove(&by->glance.place);
    return rc;
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
    for (wire->io.waited = false;; wire->io.waited = true) {
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

/* So that the reader knows whether it is worth a glance. */
static void tell_processor(struct way_by_rings *by)
{
    int here = sys_processor();
    if (here != by->runs_on)
        ring_tell_processor(&by->rings.out, by->runs_on = here);
}

/* Some of it. What is wrong is not raised. */
static long give(struct wire *wire, const void *bytes, size_t size)
{
    if (wire->by->ended)
        return -EPIPE;
    tell_processor(wire->by);
    long given = ring_write(&wire->by->rings.out, bytes, size);
    int rc = given > 0 && ring_wakes_reader(&wire->by->rings.out) ? ring_bell(wire) : 0;
    return rc < 0 ? rc : given;
}

static int put_into_ring(struct wire *wire, const char *bytes, size_t size)
{
    while (size > 0) {
        if (!wire_is_open(wire))
            return error_raise_plain(TR_ECLOSED);
        long given = give(wire, bytes, size);
        if (given < 0)
            return given == -EPROTO ? raise_nonsense() : error_raise_plain((int)given);
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
    return wire->looks ? io_read_by(&wire->io, read_with_passed, wire, ret_bytes, size)
                       : io_read(&wire->io, ret_bytes, size);
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
    if (wire_is_open(wire) && wire->passed[0] < 0 && wire->by && wire->by->reads && !wire->watched)
        hear_bells(wire);
    return take_oldest(wire);
}

long wire_try_write(struct wire *wire, const void *bytes, size_t size)
{
    if (!wire_is_open(wire) || wire->passing >= 0)
        return 0;
    if (wire->by && wire->by->writes)
        return give(wire, bytes, size);
    ssize_t sent = sys_write(wire->io.fd, bytes, size);
    return sent == -EAGAIN ? 0 : sent;
}

bool wire_is_watched(const struct wire *wire)
{
    const struct way_by_rings *by = wire->by;
    return by && by->reads && by->writes && ring_reader_is_awake(&by->rings.out) &&
           ring_writer_runs_elsewhere(&by->rings.in, by->runs_on);
}

/* ---- from one to the other ---------------------------------------------------------------------------------- */

bool wire_is_local(const struct wire *wire)
{
    struct sys_address here;
    return wire_is_open(wire) && sys_local_address(wire->io.fd, &here) >= 0 && here.family == SYS_UNIX;
}

static struct way_by_rings *new_way(struct wire *wire)
{
    struct way_by_rings *by = mem_alloc(sizeof *by);
    if (!by)
        return NULL;
    *by = (struct way_by_rings){.wire = wire, .glance = {.see = see_bytes, .give_up = give_up_seeing}, .runs_on = -1};
    list_init(&by->glance.place);
    return by;
}

int wire_offer(struct wire *wire)
{
    if (!wire_is_open(wire) || wire->by || wire->may_accept)
        return -EPROTO;
    if (wire->passing >= 0)
        return -EAGAIN;
    struct way_by_rings *by = new_way(wire);
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
    struct way_by_rings *by = new_way(wire);
    int fd = take_oldest(wire);
    int rc = by ? rings_take(&by->rings, fd) : -ENOMEM;
    sys_close(&fd);
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
    if (wire->hung_up)
        end_rings(wire->by);
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

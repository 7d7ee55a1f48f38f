/* Rings. Indices count on for ever and are never more than `size` apart; where a byte lies is its index modulo the
 * size. Each end keeps its own index itself, and stores it for the other.
 *
 * The handshake of sleeping. To sleep:  sleeps = 1; look at the other's index.  To wake:  store the index; look at
 * `sleeps`.  All four are sequentially consistent, so one of the two sees the other. Whoever wakes takes the flag
 * away, so the bell is rung once for each sleep; a sleeper that finds something after all may hear a bell that was
 * meant for then, and looks once more, for nothing. */
#include "transport/ring.h"

#include "base/plant.h"

#include <errno.h>

/* ---- looking at the other end ------------------------------------------------------------------------------- */

/* Bytes in the ring, of which `written` and `taken` are the ends; -EPROTO when there cannot be so many. */
static long used(uint32_t written, uint32_t taken, uint32_t size)
{
    uint32_t count = written - taken;
    return count <= size || planted(RING_UNCHECKED) ? (long)count : -EPROTO;
}

static long bytes_there(struct ring *ring)
{
    uint32_t written = ring_load(&ring->control->written);
    long there = used(written, ring->mine, ring->size);
    if (there < 0)
        return there;
    if (planted(RING_TWO_LOADS))
        there = (long)((written = ring_load(&ring->control->written)) - ring->mine);
    ring->theirs = written;
    return there;
}

static long room_there(struct ring *ring)
{
    uint32_t taken = ring_load(&ring->control->taken);
    long there = used(ring->mine, taken, ring->size);
    if (there < 0)
        return there;
    ring->theirs = taken;
    return (long)ring->size - there;
}

/* ---- passing bytes -------------------------------------------------------------------------------------------- */

/* How many bytes lie in one piece from an index on. */
static size_t piece_at(const struct ring *ring, uint32_t index, size_t size)
{
    size_t piece = ring->size - (index & (ring->size - 1));
    return size < piece ? size : piece;
}

static void put(struct ring *ring, const uint8_t *bytes, size_t size)
{
    size_t piece = piece_at(ring, ring->mine, size);
    ring_put(ring->bytes + (ring->mine & (ring->size - 1)), bytes, piece);
    ring_put(ring->bytes, bytes + piece, size - piece);
}

static void get(const struct ring *ring, uint8_t *ret_bytes, size_t size)
{
    size_t piece = piece_at(ring, ring->mine, size);
    ring_get(ret_bytes, ring->bytes + (ring->mine & (ring->size - 1)), piece);
    ring_get(ret_bytes + piece, ring->bytes, size - piece);
}

/* From here on the other end may know. */
static void advance(struct ring *ring, ring_word *index, size_t by)
{
    ring->mine += (uint32_t)by;
    if (planted(RING_LATE_INDEX))
        ring_store_late(index, ring->mine);
    else
        ring_store(index, ring->mine);
}

/* What it knew last is enough while it is, since the other end only makes room. */
long ring_write(struct ring *ring, const void *bytes, size_t size)
{
    long room = (long)ring->size - (long)(ring->mine - ring->theirs);
    if ((size_t)room < size && (room = room_there(ring)) < 0)
        return room;
    size_t part = size < (size_t)room ? size : (size_t)room;
    if (part == 0)
        return 0;
    if (planted(RING_EARLY_INDEX))
        ring_store(&ring->control->written, ring->mine + (uint32_t)part);
    put(ring, bytes, part);
    advance(ring, &ring->control->written, part);
    return (long)part;
}

long ring_read(struct ring *ring, void *ret_bytes, size_t size)
{
    long there = bytes_there(ring);
    if (there < 0)
        return there;
    size_t part = size < (size_t)there ? size : (size_t)there;
    if (part == 0)
        return 0;
    if (planted(RING_EARLY_ROOM))
        ring_store(&ring->control->taken, ring->mine + (uint32_t)part);
    get(ring, ret_bytes, part);
    advance(ring, &ring->control->taken, part);
    return (long)part;
}

/* ---- sleeping and waking ------------------------------------------------------------------------------------ */

static bool wakes(ring_word *sleeps)
{
    if (planted(RING_NO_BELL))
        return false;
    return ring_load(sleeps) != 0 && ring_exchange(sleeps, 0) != 0;
}

bool ring_wakes_reader(struct ring *ring)
{
    return wakes(&ring->control->reader_sleeps);
}

bool ring_wakes_writer(struct ring *ring)
{
    return ring->theirs - ring->mine <= ring->size / 2 && wakes(&ring->control->writer_sleeps);
}

int ring_reader_sleeps(struct ring *ring)
{
    ring_store(&ring->control->reader_sleeps, 1);
    long there = planted(RING_NO_SECOND_LOOK) ? 0 : bytes_there(ring);
    if (there != 0)
        ring_store(&ring->control->reader_sleeps, 0);
    return there < 0 ? (int)there : there > 0;
}

int ring_writer_sleeps(struct ring *ring)
{
    ring_store(&ring->control->writer_sleeps, 1);
    long room = planted(RING_NO_SECOND_LOOK) ? 0 : room_there(ring);
    if (room != 0)
        ring_store(&ring->control->writer_sleeps, 0);
    return room < 0 ? (int)room : room > 0;
}

bool ring_reader_is_awake(const struct ring *ring)
{
    return ring_load(&ring->control->reader_sleeps) == 0;
}

bool ring_is_read(const struct ring *ring)
{
    return ring_load(&ring->control->taken) != 0;
}

int ring_has_bytes(struct ring *ring)
{
    long there = bytes_there(ring);
    return there < 0 ? (int)there : there > 0;
}

void ring_tell_processor(struct ring *ring, int number)
{
    ring_store(&ring->control->writer_runs_on, (uint32_t)number + 1);
}

bool ring_writer_runs_elsewhere(const struct ring *ring, int number)
{
    uint32_t there = ring_load(&ring->control->writer_runs_on);
    return number >= 0 && there != 0 && there != (uint32_t)number + 1;
}

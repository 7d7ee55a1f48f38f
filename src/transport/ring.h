/* Bytes from one process to another through memory that both see: one writes, one reads.
 *
 * The other process may be hostile, and write whatever it likes, wherever it likes in that memory, at any time. So
 * there are no pointers in it. What it says is loaded once into memory of ours, checked, and used from there; what we
 * have said ourselves is never read back; and bytes are copied before anybody looks at them. An index that makes no
 * sense is -EPROTO. An index that does, or a flag, can at worst make garbage of what is read, or keep us asleep: that
 * is what a hostile peer can do by a socket, too.
 *
 * Nobody waits here. Who finds the ring empty, or full, says that it will sleep, looks once more, and waits for a bell
 * that is rung elsewhere (wire.c); who has written, or made room, is told whether to ring it. */
#ifndef TRANSPORT_RING_H
#define TRANSPORT_RING_H

#include "transport/ring_steps.h"

#include <stdbool.h>
#include <stddef.h>

enum { RING_LINE = 64 };        /* a line of the processor's cache, which belongs to one processor at a time */

/* The part of the shared memory that is not bytes; all zero at first. The flags have lines of their own, since they
 * are looked at far more often than they change. */
struct ring_control {
    _Alignas(RING_LINE) ring_word written;      /* so many bytes since the beginning, modulo 2^32 */
    ring_word writer_runs_on;                   /* the number of its processor and one, or 0: a hint */
    _Alignas(RING_LINE) ring_word taken;        /* likewise */
    _Alignas(RING_LINE) ring_word reader_sleeps;
    _Alignas(RING_LINE) ring_word writer_sleeps;
};

/* One end of a ring. */
struct ring {
    struct ring_control *control;
    uint8_t *bytes;
    uint32_t size;              /* a power of two, 2 at least, 2^30 at most */
    uint32_t mine;              /* what this end has written, or has taken */
    uint32_t theirs;            /* what was known of the other end last: within `size` of `mine` */
};

/* As many bytes as there is room for now, 0 for none; how many. -EPROTO. */
long ring_write(struct ring *ring, const void *bytes, size_t size);

/* As many as there are now, 0 for none; how many. -EPROTO. */
long ring_read(struct ring *ring, void *ret_bytes, size_t size);

/* Whether the other end sleeps, and must be woken: to be asked after each ring_write or ring_read that did something.
 * It is told once. A writer is woken only when half of the ring is free, lest both take turns byte by byte. */
bool ring_wakes_reader(struct ring *ring);
bool ring_wakes_writer(struct ring *ring);

/* Whether the other end is looking for what is written, so that nobody has to be woken. */
bool ring_reader_is_awake(const struct ring *ring);

/* Whether the other end has begun to take what is written. */
bool ring_is_read(const struct ring *ring);

/* Before waiting for the bell: 0, and then it will be rung; 1 when there is no need to wait, -EPROTO. */
int ring_reader_sleeps(struct ring *ring);
int ring_writer_sleeps(struct ring *ring);

/* Whether there is something to read; for who looks again and again instead of sleeping. -EPROTO. */
int ring_has_bytes(struct ring *ring);

/* The writer's processor, to be told when it is another one; -1 for not known / whether the writer ran on another than
 * this one when it told last. A hostile peer may have us believe anything: that costs what a wrong hint costs. */
void ring_tell_processor(struct ring *ring, int number);
bool ring_writer_runs_elsewhere(const struct ring *ring, int number);

#endif

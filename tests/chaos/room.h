/* A room of its own for a trial: whatever its processes leave in the system is left in here, and found.
 *
 * Namespaces of Linux make it: abstract sockets, the network and System V's shared memory are counted per
 * namespace; and a small tmpfs of its own lies over /dev/shm, which has POSIX's shared memory and, in a folder,
 * TMPDIR. So what is not ours to know (what other programs leave meanwhile) is not seen. Only root, and where the
 * kernel permits it others, may have all that; without it the room is a folder, and sockets are not looked at. */
#ifndef CHAOS_ROOM_H
#define CHAOS_ROOM_H

#include <stdbool.h>
#include <stddef.h>

struct room {
    char folder[64];            /* TMPDIR of those who live here */
    bool closed;                /* nothing gets out: the namespaces are ours */
};

/* For the rest of this process's life, and that of those it starts; the disk has so many KiB, 0: as many as it
 * likes. False if not even the folder can be made. */
bool room_enter(struct room *room, unsigned disk_kib);

/* How many things are left in it, and what, as far as there is room for the text. */
int room_left(const struct room *room, char *ret_what, size_t size);

/* Gives back what outlives this process. */
void room_leave(struct room *room);

/* Whether this process may have closed rooms. */
bool room_may_be_closed(void);

#endif

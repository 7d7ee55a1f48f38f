/* Descriptors of the program's own: pipes, terminals, sockets, whatever it has opened or was born with. A
 * task that waits for one lets the others run meanwhile.
 *
 * A descriptor may be blocking or not, and is left as it is: that flag belongs to the open file, which
 * other processes may share, as they do the standard input. Files on a disk and some devices never count
 * as not ready; reading and writing them is done on the spot.
 *
 * One task at a time may wait to read from a descriptor, and one to write. Before a descriptor is closed
 * whose number a task may be waiting for, tr_notify_closing tells that task; otherwise it waits for a file
 * that is no longer there, or for the next one that gets the number. */
#ifndef TRACTOR_IO_H
#define TRACTOR_IO_H

#include "tractor/error.h"

/* Checkpoints: wait until it can be read or written without waiting, or has come to its end or an error,
 * which the next call on it then tells. TR_EMISUSE if another task waits for the same, TR_ECLOSED when
 * tr_notify_closing was called meanwhile, -EBADF, -ENOMEM, -ENOSPC when the kernel watches no more of them.
 * (trio.lowlevel.wait_readable, wait_writable) */
TR_API int tr_wait_readable(int fd) TR_USE_RESULT;
TR_API int tr_wait_writable(int fd) TR_USE_RESULT;

/* Wakes the tasks that wait for it, read it or write it, with TR_ECLOSED; to be called before its close. No
 * checkpoint. (trio.lowlevel.notify_closing) */
TR_API void tr_notify_closing(int fd);

/* Reads what there is, up to `size` bytes but at least one: how many, 0 at the end. A checkpoint in every
 * case; when it returns an error nothing was read. Errors as above and those of read(2); TR_EARGUMENT for a
 * size of 0. (trio.lowlevel.FdStream.receive_some) */
TR_API int tr_read(int fd, void *ret_bytes, size_t size) TR_USE_RESULT;

/* Writes all of it; others run between the pieces that it is taken in. A checkpoint in every case; one
 * that is cancelled or fails may have written any part. Never raises SIGPIPE: -EPIPE when nobody will
 * read it. Errors as above and those of write(2). (trio.lowlevel.FdStream.send_all) */
TR_API int tr_write(int fd, const void *bytes, size_t size) TR_USE_RESULT;

#endif

/* Byte streams between actors, by the text of an address:
 *
 *     unix:@name  unix:/path  tcp://127.0.0.1:1616  tcp://[::1]:1616
 *
 * A stream is a descriptor with its waiting (sched/io.h). Over a Unix socket both ends make sure that the
 * other belongs to the same user; over TCP there is no telling, so only loopback addresses are
 * accepted until peers can be authenticated. */
#ifndef TRANSPORT_TRANSPORT_H
#define TRANSPORT_TRANSPORT_H

#include "sched/io.h"
#include "sys/sys.h"

enum { ADDRESS_TEXT = 160 };    /* enough for any address as text */

/* TR_EARGUMENT, raised, for what is no address or not allowed. */
int address_parse(const char *text, struct sys_address *ret);
void address_format(const struct sys_address *address, char ret_text[ADDRESS_TEXT]);

/* A checkpoint: connects. An errno value, raised, with the address in its message; -EACCES for another
 * user's socket. */
int transport_connect(const char *address, int *ret_fd);

/* Where others may connect. */
struct listener {
    struct io io;               /* fd -1: not listening */
    struct sys_address at;      /* with the port that the kernel chose for :0 */
    int lock;                   /* on the file, for a path; else -1 */
};

/* Listens; -EADDRINUSE, raised, if somebody does already. No checkpoint. */
int transport_listen(const char *address, struct listener *ret);

/* Ends that, and leaves no file behind. Does nothing if not listening. */
void transport_unlisten(struct listener *listener);

/* A checkpoint: the next connection by this user; others are closed. */
int transport_accept(struct listener *listener, int *ret_fd);

#endif

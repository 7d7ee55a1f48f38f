/* Byte streams by the text of an address:
 *
 *     unix:@name  unix:/path  tcp://127.0.0.1:1616  tcp://[::1]:1616  tcp://example.org:80
 *
 * Here are descriptors: how they are connected, listened on and accepted, for the sessions of actors
 * and for the streams of programs (conn.h) alike. What differs is who is let in. Between actors both ends of a
 * Unix socket make sure that the other belongs to the same user; over TCP there is no telling, so actors keep to
 * loopback addresses unless their tree allows more (actor/network.h). Programs connect to and listen at whatever
 * they name; but an abstract name, which no file's permissions protect, lets only the same user in. */
#ifndef TRANSPORT_TRANSPORT_H
#define TRANSPORT_TRANSPORT_H

#include "sched/io.h"
#include "sys/sys.h"

/* What sessions of actors lie upon: Unix sockets, which become rings in shared memory where that pays, or at once, or
 * never; or TCP. Of parents and children never the latter. */
enum transport { TRANSPORT_AUTO, TRANSPORT_SHM, TRANSPORT_UDS };

/* What the word says, or for NULL and "" the environment's TRACTOR_TRANSPORT; TR_EARGUMENT, raised. */
int transport_choose(const char *word, enum transport *ret);

enum { ADDRESS_TEXT = 160, HOST_ROOM = 256 };   /* enough for any numeric address, and any name */

/* An address as it was written. */
struct address {
    enum sys_family family;
    char host[HOST_ROOM];       /* TCP: a name or a number; Unix: "@name" or a path */
    uint16_t port;
};

/* TR_EARGUMENT, raised, for what is no address. */
int address_parse(const char *text, struct address *ret);

/* Whether it is one of this host, which no other host can mean / of all the host's addresses, to listen at only. */
bool address_is_here(const struct sys_address *address);
bool address_is_any(const struct sys_address *address);
void address_format(const struct sys_address *address, char ret_text[ADDRESS_TEXT]);

/* A checkpoint: the addresses of a host, numeric ones at once, otherwise on a thread, which is left to itself
 * when cancelled. How many; *ret_all is to be freed by mem_free. TR_ENONAME, -EAGAIN, ..., raised. */
int transport_resolve(const char *host, const char *service, struct sys_address **ret_all);
int transport_resolve_address(const struct address *address, struct sys_address **ret_all);

/* Where an address leads, one or several; a checkpoint unless it is a Unix socket's. Likewise. */
int transport_find(const char *text, struct sys_address **ret_all);

/* A checkpoint: connects to one address. An errno value, raised, with the address in its message. */
int transport_reach(const struct sys_address *to, int *ret_fd);

/* A checkpoint: connects to whichever of several answers first (connect.c), which it tells. Like transport_reach; if
 * none does, the code of the first to fail. */
int transport_reach_any(const struct sys_address *targets, size_t count, int *ret_fd, struct sys_address *ret_winner);

/* The same between actors: -EACCES for another user's socket. */
int transport_meet(const struct sys_address *targets, size_t count, int *ret_fd, struct sys_address *ret_winner);

/* Where others may connect. */
struct listener {
    struct io io;               /* fd -1: not listening */
    struct sys_address at;      /* with the port that the kernel chose for :0 */
    int lock;                   /* on the file, for a path; else -1 */
    bool only_us;               /* who connects must be the same user */
};

/* -EADDRINUSE, raised, if somebody listens there already. No checkpoint. */
int transport_listen_at(const struct sys_address *at, bool only_us, struct listener *ret);

/* Ends that, and leaves no file behind. Does nothing if not listening. */
void transport_unlisten(struct listener *listener);

/* A checkpoint: the next connection; those that may not be let in are closed. */
int transport_accept(struct listener *listener, int *ret_fd);

#endif

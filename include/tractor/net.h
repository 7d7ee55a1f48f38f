/* Byte streams over the network: connecting, listening, serving; and the names of hosts.
 *
 * Addresses are texts:
 *
 *     tcp://127.0.0.1:80  tcp://[::1]:80  tcp://example.org:80     a host, by number or name, and a port
 *     tcp://[fe80::1%eth0]:80                                      a number that means something on one link
 *     unix:/run/app.sock                                           a path, absolute
 *     unix:@name                                                   an abstract name: no file, and gone with
 *                                                                  its last user
 *
 * A server that repeats what it hears, in a few lines:
 *
 *     static int repeat(tr_conn *conn)
 *     {
 *         char bytes[4096];
 *         for (int got;;) {
 *             tr_scope idle = tr_until_stopped();
 *             tr_try(got = tr_within(&idle, tr_conn_read(conn, bytes, sizeof bytes)));
 *             if (got == 0)                               // the end, or we are asked to stop
 *                 return 0;
 *             tr_try(tr_conn_write(conn, bytes, (size_t)got));
 *         }
 *     }
 *
 *     static int echo(tr_conn *conn, void *arg)
 *     {
 *         int rc = repeat(conn);
 *         return rc == TR_EBROKEN ? 0 : rc;               // a lost client is not the server's failure
 *     }
 *     ...
 *     tr_auto(listener) l = NULL;
 *     tr_try(tr_listen(&l, "tcp://127.0.0.1:8080"));
 *     return tr_serve(l, echo, NULL);
 *
 * Nothing is open that was not named: "tcp://0.0.0.0:80" and "tcp://[::]:80" listen on all of a machine's
 * addresses of that protocol, and no shorter way to say so exists. Who may connect to a path is said by the
 * permissions of its folder and file; to an abstract name the same user only. Streams are not encrypted. */
#ifndef TRACTOR_NET_H
#define TRACTOR_NET_H

#include "tractor/error.h"

typedef struct tr_conn tr_conn;
typedef struct tr_listener tr_listener;

/* ---- streams ------------------------------------------------------------------------------------------- */

/* Connects. A checkpoint in every case; cancelled or failed, nothing is left. A host with several
 * addresses is tried like this: one after the other, a quarter of a second apart or as soon as one has
 * failed, and the first that answers is taken (RFC 8305). TR_EARGUMENT for what is no address,
 * tr_resolve's errors, -ECONNREFUSED, -ENOENT and whatever else connect(2) says; of several failures the
 * first one's code, with all of them as the cause. To be closed by the caller. (trio.open_tcp_stream,
 * open_unix_socket) */
TR_API int tr_connect(tr_conn **ret_conn, const char *address) TR_USE_RESULT;

/* Reads what there is, up to `size` bytes but at least one: how many, 0 at the end, which the other side
 * makes by tr_conn_end or by closing. A checkpoint in every case; when it returns an error nothing was
 * read. TR_EBROKEN when the connection is lost, with the system's reason as the cause, then and whenever
 * it is asked again; TR_ECLOSED when this end is closed, meanwhile or before, or NULL; TR_EMISUSE when
 * another task reads; TR_EARGUMENT for a size of 0; -ENOMEM. (receive_some) */
TR_API int tr_conn_read(tr_conn *conn, void *ret_bytes, size_t size) TR_USE_RESULT;

/* Writes all of it; waits while the other side does not keep up, and lets others run while it does. A
 * checkpoint in every case. One that fails or is cancelled may have written any part, so that the stream
 * is good for closing only, unless it can be known that nothing was. Errors as above, and TR_ECLOSED
 * after tr_conn_end. TR_EBROKEN because of EPIPE says that the other side reads no more; what it had
 * written before can still be read. (send_all) */
TR_API int tr_conn_write(tr_conn *conn, const void *bytes, size_t size) TR_USE_RESULT;

/* Tells the other side that nothing more comes; reading goes on. A checkpoint; may be repeated. TR_EMISUSE
 * when another task writes; else as above. (send_eof) */
TR_API int tr_conn_end(tr_conn *conn) TR_USE_RESULT;

/* Closes and sets to NULL; may be repeated. Tasks that read or write it get TR_ECLOSED. What was written is
 * still delivered, but when there are bytes that arrived and were not read: then the system resets the
 * connection. No checkpoint. */
TR_API void tr_close_conn(tr_conn **conn);

typedef tr_conn *tr_conn_auto_;
#define tr_conn_done_ tr_close_conn

/* ---- listeners ----------------------------------------------------------------------------------------- */

/* Listens. Of a name that has several addresses at the first; port 0 lets the kernel choose. At a path a
 * lock file beside the socket tells the living from the dead, and what a dead process left is replaced; both
 * files go with the listener. A checkpoint in every case; cancelled or failed, nothing is left. TR_EARGUMENT,
 * tr_resolve's errors, -EADDRINUSE, -EACCES, ... To be closed by the caller. (trio.open_tcp_listeners) */
TR_API int tr_listen(tr_listener **ret_listener, const char *address) TR_USE_RESULT;

/* Where that is, with the port that the kernel chose; "" for NULL. Lives as long as the listener. */
TR_API const char *tr_listener_address(const tr_listener *listener);

/* Waits for the next connection, which is to be closed by the caller. A checkpoint in every case; when it
 * returns an error none was taken, but for -ENOMEM. Out of descriptors or of the kernel's memory it waits
 * and tries again: who connects is kept waiting. Connections that were lost before they were accepted are
 * passed over. TR_EMISUSE when another task accepts here, TR_ECLOSED when it is closed or NULL.
 * (SocketListener.accept) */
TR_API int tr_accept(tr_listener *listener, tr_conn **ret_conn) TR_USE_RESULT;

/* Accepts connections and runs handler(conn, arg) for each in a task of its own, until it is cancelled or
 * something fails. Asked to stop (tr_stop) it accepts no more, and returns 0 when the handlers that run have
 * ended. A connection is closed when its handler returns. A handler's failure ends the serving and comes out,
 * the other handlers being cancelled: handle in it what concerns one connection only, TR_EBROKEN at least, or
 * any client can end the server. The listener stays the caller's and open: who connects after the serving has
 * ended is kept waiting until it is closed. A checkpoint. Errors of tr_accept, TR_ECLOSED when the listener is
 * closed meanwhile; TR_EARGUMENT without a handler. (trio.serve_listeners) */
typedef int tr_handler(tr_conn *conn, void *arg);
TR_API int tr_serve(tr_listener *listener, tr_handler *handler, void *arg) TR_USE_RESULT;

/* Closes and sets to NULL; may be repeated. A task that accepts here gets TR_ECLOSED; connections that were
 * accepted stay. No checkpoint. */
TR_API void tr_close_listener(tr_listener **listener);

typedef tr_listener *tr_listener_auto_;
#define tr_listener_done_ tr_close_listener

/* ---- names --------------------------------------------------------------------------------------------- */

/* The addresses of a host as texts of the kind above, "tcp://93.184.216.34:80", in the order they are best
 * tried, each once: how many, and *ret_addresses is the list, in the frame's memory. `service` is a port
 * ("80"), a name ("http"), or NULL for port 0. A checkpoint in every case; numbers are translated on the
 * spot, names on a thread, which when cancelled is left to itself and holds up nothing. TR_ENONAME when there
 * is no such host or service, -EAGAIN when no name server answers, TR_EARGUMENT for no host at all.
 * (trio.socket.getaddrinfo) */
TR_API int tr_resolve(const char *host, const char *service,
                      const char *const **ret_addresses) TR_USE_RESULT;

#endif

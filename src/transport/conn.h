/* What a byte stream is made of. Sockets and the memory streams of tests each bring a table of operations;
 * conn.c does what is the same for all: who may call when, and what is left when one is closed while a task
 * is at work with it. */
#ifndef TRANSPORT_CONN_H
#define TRANSPORT_CONN_H

#include "tractor/net.h"

struct tr_conn;

struct conn_ops {
    /* Checkpoints in every case, by one task at a time each. Errors are raised; errno values come out as
     * TR_EBROKEN. TR_ECLOSED after `close`. */
    int (*read)(struct tr_conn *conn, void *ret_bytes, size_t size);
    int (*write)(struct tr_conn *conn, const void *bytes, size_t size);
    /* No checkpoints. Once each; `free` after `close`, when no task is at work with it any more. */
    int (*end)(struct tr_conn *conn);
    void (*close)(struct tr_conn *conn);
    void (*free)(struct tr_conn *conn);
};

/* The beginning of each kind's own struct. */
struct tr_conn {
    const struct conn_ops *ops;
    int users;                  /* the owner until it closes, and tasks that are at work with it */
    bool reading, writing;      /* a task is */
    bool ended;                 /* nothing more is written */
    bool closed;
    int lost;                   /* what it was lost for, a negative errno value; 0 when it was not */
};

void conn_init(struct tr_conn *conn, const struct conn_ops *ops);

/* One more that uses it, and one less. */
void conn_hold(struct tr_conn *conn);
void conn_let_go(struct tr_conn *conn);
void conn_close(struct tr_conn *conn);

/* A stream over a connected socket, which it takes over; on failure (raised) it is closed. */
int conn_of_socket(int fd, tr_conn **ret_conn);

#endif

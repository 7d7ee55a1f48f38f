/* What scenarios of the network are made of: addresses that nobody else uses, two ends that have met, tasks
 * at work with one. */
#ifndef TESTS_NET_H
#define TESTS_NET_H

#include "support/real.h"
#include "support/tasks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { A_LOT = 4 * 1024 * 1024 };

#define ANY_PORT "tcp://127.0.0.1:0"

static inline const char *unique(const char *format)
{
    static int count;
    return tr_format(format, getpid(), count++);
}

static inline const char *any_name(void)
{
    return unique("unix:@tractor-net-test-%d-%d");
}

static inline const char *any_path(void)
{
    return unique("unix:/tmp/tractor-net-test-%d-%d");
}

struct work {
    tr_conn *conn;
    tr_listener *listener;
    const char *address;
    char *bytes;
    size_t size, done;
    int rc;
    bool ended;
};

static inline int end_with(struct work *work, int rc)
{
    work->rc = rc;
    work->ended = true;
    return 0;
}

static inline int read_once(void *arg)
{
    struct work *work = arg;
    return end_with(work, tr_conn_read(work->conn, work->bytes, work->size));
}

static inline int read_all(void *arg)
{
    struct work *work = arg;
    int rc;
    while ((rc = tr_conn_read(work->conn, work->bytes + work->done, work->size - work->done)) > 0)
        work->done += (size_t)rc;
    return end_with(work, rc);
}

static inline int write_it(void *arg)
{
    struct work *work = arg;
    return end_with(work, tr_conn_write(work->conn, work->bytes, work->size));
}

static inline int let_others_run(int times)
{
    for (int i = 0; i < times; i++)
        tr_try(tr_checkpoint());
    return 0;
}

/* Both ends of a connection through a listener at the address. */
static inline int meet(const char *address, tr_conn **ret_a, tr_conn **ret_b)
{
    tr_auto(listener) l = NULL;
    tr_try(tr_listen(&l, address));
    tr_try(tr_connect(ret_a, tr_listener_address(l)));
    return tr_accept(l, ret_b);
}

#define meeting(address, a, b)                                                                     \
    tr_auto(conn) a = NULL;                                                                        \
    tr_auto(conn) b = NULL;                                                                        \
    tr_try(meet((address), &a, &b))

/* A port of 127.0.0.1 where nobody listens, and nobody else can: its address, and what keeps it so. */
struct refusing {
    int fd;
    uint16_t port;
};

static inline struct refusing refuse_all(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    struct refusing refusing = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (bind(refusing.fd, (struct sockaddr *)&at, size) == 0 &&
        getsockname(refusing.fd, (struct sockaddr *)&at, &size) == 0)
        refusing.port = ntohs(at.sin_port);
    return refusing;
}

static inline void stop_refusing(struct refusing *refusing)
{
    close(refusing->fd);
}

#define refusing_auto __attribute__((cleanup(stop_refusing))) struct refusing

static inline char *pattern(size_t size)
{
    char *bytes = tr_alloc(size);
    for (size_t i = 0; bytes && i < size; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    return bytes;
}

#endif

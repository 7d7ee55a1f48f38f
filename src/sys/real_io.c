/* Descriptors and the network, by POSIX. Everything is created close-on-exec and non-blocking in one
 * call, since between two a fork elsewhere in the process could leak it into a stranger; and nothing
 * here raises SIGPIPE.
 *
 * On Linux a Unix socket name that starts with "@" is abstract: it vanishes with its last holder, even
 * a killed one, which no path does. */
#include "sys/real.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* As many as the kernel lets wait to be accepted: over TCP who comes then is not told, and waits a second. */
enum { BACKLOG = SOMAXCONN };

/* ---- reading and writing ----------------------------------------------------------------------- */

/* A descriptor need not be ours, and a flag of the open file is not for us to change: that a call shall
 * not wait is said to the call. Sockets understand it, since Linux 6.5 pipes too, and whatever else the
 * kernel tells apart; of the others it is asked first whether they are ready, and at most what a ready
 * pipe is sure to take is written. Files on a disk are always ready, and waited for. */
static bool is_file(int fd)
{
    struct stat what;
    return fstat(fd, &what) == 0 &&
           (S_ISREG(what.st_mode) || S_ISBLK(what.st_mode) || S_ISDIR(what.st_mode));
}

static bool is_ready(int fd, short events)
{
    struct pollfd asked = {.fd = fd, .events = events};
    return poll(&asked, 1, 0) != 0;
}

static ssize_t would_wait(void)
{
    errno = EAGAIN;
    return -1;
}

static bool not_understood(void)
{
    return errno == EOPNOTSUPP || errno == ENOSYS;
}

static ssize_t read_now(int fd, void *ret_bytes, size_t size)
{
    struct iovec room = {ret_bytes, size};
    ssize_t got = preadv2(fd, &room, 1, -1, RWF_NOWAIT);
    if (got >= 0 || (errno != EAGAIN && !not_understood()))
        return got;
    if (errno == EAGAIN ? is_file(fd) : is_ready(fd, POLLIN))
        return read(fd, ret_bytes, size);
    return would_wait();
}

/* A terminal is ready when it has room for a byte, and then waits with the rest. Opened again for the one
 * write it does not. The master of a pseudo-terminal cannot be, that would be a new one; but it takes
 * what fits into one of the kernel's buffers. */
static ssize_t write_to_terminal(int fd, const void *bytes, size_t size)
{
    enum { SURE_OF_A_MASTER = 1024 };
    char path[32];
    unsigned number;
    bool is_master = ioctl(fd, TIOCGPTN, &number) == 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = is_master ? -1 : open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (again < 0)
        return write(fd, bytes, size < SURE_OF_A_MASTER ? size : SURE_OF_A_MASTER);
    ssize_t sent = write(again, bytes, size);
    int error = errno;
    close(again);
    errno = error;
    return sent;
}

static ssize_t write_now(int fd, const void *bytes, size_t size)
{
    struct iovec from = {(void *)bytes, size};
    ssize_t sent = pwritev2(fd, &from, 1, -1, RWF_NOWAIT);
    if (sent >= 0 || (errno != EAGAIN && !not_understood()))
        return sent;
    bool asked = not_understood();
    if (is_file(fd))
        return write(fd, bytes, size);
    if (asked && is_ready(fd, POLLOUT))
        return isatty(fd) ? write_to_terminal(fd, bytes, size)
                          : write(fd, bytes, size < PIPE_BUF ? size : PIPE_BUF);
    return would_wait();
}

/* The signal of a pipe that nobody reads is meant for this thread; it is taken back before it is let in. */
static ssize_t write_without_signal(int fd, const void *bytes, size_t size)
{
    static const struct timespec at_once = {0, 0};
    sigset_t broken_pipe, before, pending;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
    sigpending(&pending);
    ssize_t sent = write_now(fd, bytes, size);
    int error = errno;
    if (sent < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE))
        while (sigtimedwait(&broken_pipe, NULL, &at_once) < 0 && errno == EINTR)
            continue;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return sent;
}

ssize_t real_read(struct sys *sys, int fd, void *ret_bytes, size_t size)
{
    (void)sys;
    for (;;) {
        ssize_t got = recv(fd, ret_bytes, size, MSG_DONTWAIT);
        if (got < 0 && errno == ENOTSOCK)
            got = read_now(fd, ret_bytes, size);
        if (got >= 0)
            return got;
        if (errno != EINTR)
            return -errno;
    }
}

ssize_t real_write(struct sys *sys, int fd, const void *bytes, size_t size)
{
    (void)sys;
    for (;;) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == ENOTSOCK)
            sent = write_without_signal(fd, bytes, size);
        if (sent >= 0)
            return sent;
        if (errno != EINTR)
            return -errno;
    }
}

void real_close(struct sys *sys, int fd)
{
    (void)sys;
    close(fd);
}

void real_adopt(struct sys *sys, int fd)
{
    (void)sys;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void real_lend(struct sys *sys, int fd)
{
    (void)sys;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

int real_pipe(struct sys *sys, int ret_fds[2])
{
    (void)sys;
    return pipe2(ret_fds, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
}

int real_pair(struct sys *sys, int ret_fds[2])
{
    (void)sys;
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) < 0 ? -errno
                                                                                            : 0;
}

/* Asked each time: a program may change it. */
size_t real_descriptors(struct sys *sys)
{
    (void)sys;
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < INT_MAX ? limit.rlim_cur : INT_MAX;
}

/* ---- addresses -------------------------------------------------------------------------------- */

union address {
    struct sockaddr any;
    struct sockaddr_un un;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

static int to_unix(const struct sys_address *from, union address *ret, socklen_t *ret_size)
{
    size_t size = strlen(from->name);
    if (size == 0 || size >= sizeof ret->un.sun_path)
        return -ENAMETOOLONG;
    ret->un.sun_family = AF_UNIX;
    memcpy(ret->un.sun_path, from->name, size + 1);
    if (from->name[0] == '@')
        ret->un.sun_path[0] = '\0';
    else
        size++; /* a path counts its final zero, an abstract name does not */
    *ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    return 0;
}

/* Behind an address that means something on one link only comes which: fe80::1%eth0, or %2. */
static int to_in6(const char *text, struct sockaddr_in6 *ret)
{
    char host[SYS_ADDRESS_ROOM], *rest = "";
    snprintf(host, sizeof host, "%s", text);
    char *link = strchr(host, '%');
    if (link)
        *link++ = '\0';
    if (inet_pton(AF_INET6, host, &ret->sin6_addr) != 1)
        return -EINVAL;
    if (link && !(ret->sin6_scope_id = if_nametoindex(link)))
        ret->sin6_scope_id = (uint32_t)strtoul(link, &rest, 10);
    ret->sin6_family = AF_INET6;
    return *rest ? -ENODEV : 0;
}

static int to_sockaddr(const struct sys_address *from, union address *ret, socklen_t *ret_size)
{
    memset(ret, 0, sizeof *ret);
    if (from->family == SYS_UNIX)
        return to_unix(from, ret, ret_size);
    if (inet_pton(AF_INET, from->name, &ret->in.sin_addr) == 1) {
        ret->in.sin_family = AF_INET;
        ret->in.sin_port = htons(from->port);
        *ret_size = sizeof ret->in;
        return 0;
    }
    ret->in6.sin6_port = htons(from->port);
    *ret_size = sizeof ret->in6;
    return to_in6(from->name, &ret->in6);
}

static int new_socket(const union address *address)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (address->any.sa_family != AF_UNIX) {
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    return fd;
}

static int close_with(int fd, int error)
{
    close(fd);
    return -error;
}

static bool is_path(const struct sys_address *at)
{
    return at->family == SYS_UNIX && at->name[0] == '/';
}

static void lock_name(const struct sys_address *at, char ret_path[SYS_ADDRESS_ROOM + 8])
{
    snprintf(ret_path, SYS_ADDRESS_ROOM + 8, "%s.lock", at->name);
}

/* The lock itself is a file that its last holder removes; whoever locked one that is no longer there tries
 * again. */
static int take_lock(const struct sys_address *at)
{
    char path[SYS_ADDRESS_ROOM + 8];
    lock_name(at, path);
    for (;;) {
        struct stat ours, there;
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
            return close_with(fd, errno == EWOULDBLOCK ? EADDRINUSE : errno);
        if (fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino)
            return fd;
        close(fd);
    }
}

static void drop_lock(const struct sys_address *at, int lock)
{
    char path[SYS_ADDRESS_ROOM + 8];
    if (lock < 0)
        return;
    lock_name(at, path);
    unlink(path);
    close(lock);
}

/* Removes what a dead process left at the path; -EADDRINUSE for anything else. */
static int clear_path(const union address *address, socklen_t size)
{
    struct stat there;
    const char *path = address->un.sun_path;
    if (lstat(path, &there) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(there.st_mode))
        return -EADDRINUSE;
    int fd = new_socket(address);
    if (fd < 0)
        return fd;
    bool dead = connect(fd, &address->any, size) < 0 && errno == ECONNREFUSED;
    close(fd);
    if (!dead)
        return -EADDRINUSE;
    return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int bind_and_listen(const union address *address, socklen_t size)
{
    int fd = new_socket(address);
    if (fd < 0)
        return fd;
    const int on = 1;
    if (address->any.sa_family == AF_INET6) /* "all of it" shall not mean the other protocol as well */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, &address->any, size) < 0 || listen(fd, BACKLOG) < 0)
        return close_with(fd, errno);
    return fd;
}

int real_listen(struct sys *sys, const struct sys_address *at, int *ret_fd, int *ret_lock)
{
    (void)sys;
    union address address;
    socklen_t size;
    int lock = -1, rc = to_sockaddr(at, &address, &size);
    if (rc < 0)
        return rc;
    if (is_path(at) && (lock = take_lock(at)) < 0)
        return lock;
    if (lock >= 0)
        rc = clear_path(&address, size);
    int fd = rc < 0 ? rc : bind_and_listen(&address, size);
    if (fd < 0) {
        drop_lock(at, lock);
        return fd;
    }
    *ret_fd = fd;
    *ret_lock = lock;
    return 0;
}

void real_unlisten(struct sys *sys, const struct sys_address *at, int lock)
{
    (void)sys;
    if (lock >= 0)
        unlink(at->name);
    drop_lock(at, lock);
}

void real_hang_up(struct sys *sys, int fd)
{
    (void)sys;
    shutdown(fd, SHUT_RDWR);
}

int real_accept(struct sys *sys, int fd, int *ret_fd)
{
    (void)sys;
    for (;;) {
        int got = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (got >= 0) {
            const int on = 1;
            setsockopt(got, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* no harm on a Unix socket */
            *ret_fd = got;
            return 0;
        }
        if (errno != EINTR && errno != ECONNABORTED)
            return -errno;
    }
}

int real_connect(struct sys *sys, const struct sys_address *to, int *ret_fd)
{
    (void)sys;
    union address address;
    socklen_t size;
    int rc = to_sockaddr(to, &address, &size);
    if (rc < 0)
        return rc;
    int fd = new_socket(&address);
    if (fd < 0)
        return fd;
    if (connect(fd, &address.any, size) < 0 && errno != EINPROGRESS && errno != EINTR)
        return close_with(fd, errno);
    *ret_fd = fd;
    return 0;
}

int real_connected(struct sys *sys, int fd)
{
    (void)sys;
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? -errno : -error;
}

int real_end_writing(struct sys *sys, int fd)
{
    (void)sys;
    return shutdown(fd, SHUT_WR) < 0 ? -errno : 0;
}

int real_local_address(struct sys *sys, int fd, struct sys_address *ret)
{
    (void)sys;
    union address address = {.any = {0}};
    socklen_t size = sizeof address;
    if (getsockname(fd, &address.any, &size) < 0)
        return -errno;
    *ret = (struct sys_address){.family = address.any.sa_family == AF_UNIX ? SYS_UNIX : SYS_TCP};
    if (ret->family == SYS_TCP) {
        if (getnameinfo(&address.any, size, ret->name, sizeof ret->name, NULL, 0, NI_NUMERICHOST) != 0)
            return -EINVAL;
        ret->port = ntohs(address.in.sin_port); /* in the same place for both */
    } else {
        size_t length = size - offsetof(struct sockaddr_un, sun_path);
        snprintf(ret->name, sizeof ret->name, "%s%.*s", address.un.sun_path[0] ? "" : "@",
                 (int)length - !address.un.sun_path[0],
                 address.un.sun_path + !address.un.sun_path[0]);
    }
    return 0;
}

/* The kernel counts milliseconds. */
void real_patience(struct sys *sys, int fd, int64_t ns)
{
    (void)sys;
    const unsigned ms = (unsigned)(ns / 1000000);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

/* There is something to send, and all that was sent is acknowledged: its window is closed. */
int real_is_stuck(struct sys *sys, int fd)
{
    (void)sys;
    int unacknowledged, unsent;
    if (ioctl(fd, SIOCOUTQ, &unacknowledged) < 0 || ioctl(fd, SIOCOUTQNSD, &unsent) < 0)
        return -errno;
    return unsent > 0 && unacknowledged == unsent;
}

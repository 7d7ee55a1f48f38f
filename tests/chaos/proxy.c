#include "proxy.h"

#include "random.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

const char *const proxy_real[] = {"unix:@chaos-real", "tcp://127.0.0.1:16160"};
const char *const proxy_address[] = {"unix:@chaos-proxy", "tcp://127.0.0.1:16161"};
static const char *const unix_names[] = {"chaos-real", "chaos-proxy"};
static const unsigned short ports[] = {16160, 16161};

enum { REAL, OURS };
enum { PIPES_MOST = 128, CHUNK = 16384, MS = 1000000 };

/* One direction of a connection: read, and not yet written. */
struct flow {
    unsigned char bytes[CHUNK];
    size_t from, to;
    int64_t not_before_ns;      /* it is delayed */
    bool ended;                 /* nothing more will be read */
};

struct pipe {
    int fds[2];                 /* who has connected, the real one; -1: free */
    struct flow flows[2];       /* from the one, from the other */
    enum weather weather;
    uint64_t left;              /* bytes until it strikes */
    bool holed;
};

static struct pipe pipes[PIPES_MOST];
static struct board *board;
static enum proxy_kind kind;
static uint64_t random_state;
static int listener = -1;
static _Atomic int connected;   /* how many have, in this round */
static _Atomic bool stop;
static pthread_t thread;
static _Atomic uint64_t struck;

uint64_t proxy_struck(void)
{
    return atomic_load(&struck);
}

void proxy_new_round(void)
{
    atomic_store(&connected, 0);
}

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* ---- sockets ---------------------------------------------------------------------------------------- */

static socklen_t address(int which, struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof *ret);
    if (kind == PROXY_TCP) {
        struct sockaddr_in *in = (struct sockaddr_in *)ret;
        *in = (struct sockaddr_in){.sin_family = AF_INET,
                                   .sin_port = htons(ports[which]),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        return sizeof *in;
    }
    struct sockaddr_un *un = (struct sockaddr_un *)ret;
    size_t size = strlen(unix_names[which]);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path + 1, unix_names[which], size);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + size);
}

static int new_socket(void)
{
    return socket(kind == PROXY_TCP ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int connect_to_real(void)
{
    struct sockaddr_storage real;
    socklen_t size = address(REAL, &real);
    int fd = new_socket();
    if (fd < 0 || connect(fd, (struct sockaddr *)&real, size) == 0)
        return fd;
    close(fd);
    return -1;
}

/* ---- who is there ------------------------------------------------------------------------------------- */

static int ask_kernel(int fd, int level, int name, void *ret, socklen_t *size)
{
    return (int)syscall(SYS_getsockopt, fd, level, name, ret, size);
}

/* In place of the C library's, for the program and all libraries: an actor would not have somebody in between. It cannot
 * tell, as if that were in a pid namespace which it does not see. */
int getsockopt(int fd, int level, int name, void *restrict ret, socklen_t *restrict size)
{
    int rc = ask_kernel(fd, level, name, ret, size);
    if (rc == 0 && level == SOL_SOCKET && name == SO_PEERCRED)
        ((struct ucred *)ret)->pid = 0;
    return rc;
}

/* ---- connections ------------------------------------------------------------------------------------ */

/* Who comes first is the root, without which there is nothing to see; of the others each second one has a clear
 * sky, and must not notice what happens to the first. */
static enum weather weather_of(int fd)
{
    struct ucred who = {0};
    socklen_t size = sizeof who;
    if (kind == PROXY_TCP || ask_kernel(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
        return board->weather;
    struct place *place = board_find(board, who.pid);
    if (!place)
        return CLEAR;
    if (!place->connected) {
        int order = atomic_fetch_add(&connected, 1);
        bool storm = order == 0 ? random_chance(&random_state, 100) : order % 2 == 1;
        place->weather = storm ? board->weather : CLEAR;
        place->connected = true;
    }
    return place->weather;
}

static uint64_t draw_patience(enum weather weather)
{
    if (weather != RESET && weather != HOLE && weather != FLIP)
        return UINT64_MAX;
    return 1 + random_below(&random_state, random_chance(&random_state, 500) ? 1000 : 300000);
}

static void take(int fd)
{
    for (int i = 0; i < PIPES_MOST; i++) {
        struct pipe *pipe = &pipes[i];
        if (pipe->fds[0] >= 0)
            continue;
        int real = connect_to_real();
        if (real < 0)
            break;
        enum weather weather = weather_of(fd);
        memset(pipe->flows, 0, sizeof pipe->flows);
        pipe->fds[0] = fd;
        pipe->fds[1] = real;
        pipe->weather = weather;
        pipe->left = draw_patience(weather);
        pipe->holed = false;
        return;
    }
    close(fd);
}

/* At once, and what is under way is lost. */
static void reset(struct pipe *pipe)
{
    struct linger now = {.l_onoff = 1};
    for (int i = 0; i < 2; i++) {
        (void)setsockopt(pipe->fds[i], SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(pipe->fds[i]);
        pipe->fds[i] = -1;
    }
}

/* ---- weather ---------------------------------------------------------------------------------------- */

/* False when the connection is no more. */
static bool strike(struct pipe *pipe, struct flow *flow, size_t got)
{
    if (pipe->left > got) {
        pipe->left -= pipe->left == UINT64_MAX ? 0 : got;
        return true;
    }
    atomic_fetch_add(&struck, 1);
    if (pipe->weather == RESET) {
        reset(pipe);
        return false;
    }
    if (pipe->weather == HOLE)
        pipe->holed = true;
    else
        flow->bytes[pipe->left - 1] ^= (unsigned char)(1u << random_below(&random_state, 8));
    pipe->left = draw_patience(pipe->weather);
    return true;
}

static bool read_flow(struct pipe *pipe, int from)
{
    struct flow *flow = &pipe->flows[from];
    ssize_t got = recv(pipe->fds[from], flow->bytes, CHUNK, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0) {
        flow->ended = true;
        (void)shutdown(pipe->fds[!from], SHUT_WR);
        return got == 0 && !pipe->flows[!from].ended && !pipe->holed;
    }
    flow->from = 0;
    flow->to = (size_t)got;
    if (pipe->weather == DELAY)
        flow->not_before_ns = clock_ns() + (int64_t)random_below(&random_state, 5 * MS);
    if (!strike(pipe, flow, flow->to))
        return true; /* it is closed already */
    if (pipe->holed)
        flow->to = 0;
    return true;
}

static bool write_flow(struct pipe *pipe, int from)
{
    struct flow *flow = &pipe->flows[from];
    size_t size = flow->to - flow->from;
    if (pipe->weather == PARTIAL)
        size = 1 + random_below(&random_state, size < 200 ? size : 200);
    ssize_t put = send(pipe->fds[!from], flow->bytes + flow->from, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0)
        return errno == EAGAIN || errno == EINTR;
    flow->from += (size_t)put;
    return true;
}

/* ---- the thread ------------------------------------------------------------------------------------- */

static bool is_waiting(const struct flow *flow)
{
    return flow->from < flow->to;
}

/* What a pipe waits for; returns how many milliseconds it can. */
static int wishes(const struct pipe *pipe, struct pollfd *what)
{
    int patience = 1000;
    for (int i = 0; i < 2; i++)
        what[i] = (struct pollfd){.fd = pipe->fds[i]};
    for (int i = 0; i < 2 && pipe->fds[0] >= 0; i++) {
        const struct flow *flow = &pipe->flows[i];
        bool early = flow->not_before_ns > clock_ns();
        if (is_waiting(flow) && early)
            patience = 1;
        else if (is_waiting(flow))
            what[!i].events |= POLLOUT;
        else if (!flow->ended)
            what[i].events |= POLLIN;
    }
    for (int i = 0; i < 2; i++)
        if (!what[i].events)
            what[i].fd = -1; /* or the end of it would be told again and again */
    return patience;
}

static void serve(struct pipe *pipe, const struct pollfd *what)
{
    bool good = true;
    for (int i = 0; i < 2 && good && pipe->fds[0] >= 0; i++) {
        struct flow *flow = &pipe->flows[i];
        if (is_waiting(flow) && what[!i].revents && flow->not_before_ns <= clock_ns())
            good = write_flow(pipe, i);
        else if (!is_waiting(flow) && !flow->ended && what[i].revents)
            good = read_flow(pipe, i);
    }
    if (good || pipe->fds[0] < 0)
        return;
    for (int i = 0; i < 2; i++) {
        close(pipe->fds[i]);
        pipe->fds[i] = -1;
    }
}

static void *be_proxy(void *none)
{
    static struct pollfd what[1 + 2 * PIPES_MOST];
    (void)none;
    while (!atomic_load(&stop)) {
        int patience = 1000;
        what[0] = (struct pollfd){.fd = listener, .events = POLLIN};
        for (int i = 0; i < PIPES_MOST; i++) {
            int wish = wishes(&pipes[i], &what[1 + 2 * i]);
            patience = wish < patience ? wish : patience;
        }
        (void)poll(what, 1 + 2 * PIPES_MOST, patience);
        for (int i = 0; i < PIPES_MOST; i++)
            serve(&pipes[i], &what[1 + 2 * i]);
        int fd = what[0].revents ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (fd >= 0)
            take(fd);
    }
    return NULL;
}

bool proxy_begin(struct board *for_board, enum proxy_kind of_kind, uint64_t random)
{
    struct sockaddr_storage ours;
    board = for_board;
    kind = of_kind;
    random_state = random;
    for (int i = 0; i < PIPES_MOST; i++)
        pipes[i].fds[0] = pipes[i].fds[1] = -1;
    socklen_t size = address(OURS, &ours);
    listener = new_socket();
    return listener >= 0 && bind(listener, (struct sockaddr *)&ours, size) == 0 && listen(listener, 64) == 0 &&
           pthread_create(&thread, NULL, be_proxy, NULL) == 0;
}

void proxy_end(void)
{
    atomic_store(&stop, true);
    (void)shutdown(listener, SHUT_RDWR); /* which it notices */
    (void)pthread_join(thread, NULL);
    close(listener);
    for (int i = 0; i < PIPES_MOST; i++)
        if (pipes[i].fds[0] >= 0)
            reset(&pipes[i]);
}

/* What a server does: it forks on order, says who was born, reaps, and says how it ended.
 *
 *     ordered --> born (told, with a pidfd) --> ended (told, and forgotten)
 *         \-----------> failed ------------------^
 *
 * It is told apart by a connection who ordered what. What there is no room to say now is kept and said later. Who
 * has ordered and is gone is of no concern: the children see to that themselves, by their lifelines. */
#include "sys/fork.h"

#include "base/list.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct client {
    struct link place;
    int fd;
};

/* A child, and what is still to be told of it. */
struct birth {
    struct client *client;      /* NULL when that is gone */
    uint64_t id;
    pid_t pid;                  /* 0 when it could not be forked */
    int pidfd;                  /* -1 once told, or where there are none */
    bool told;                  /* that it was born */
    bool ended;
    struct fork_news end;
};

struct server {
    int set, door, ends;        /* epoll; where clients come from; signalfd */
    struct link clients;
    struct birth *births;       /* one piece of memory, so that a copy is rid of them at once */
    size_t birth_count, birth_room;
};

/* ---- telling ---------------------------------------------------------------------------------------- */

/* NULL when memory is out. */
static struct birth *new_birth(struct server *server)
{
    if (server->birth_count == server->birth_room) {
        size_t room = server->birth_room ? 2 * server->birth_room : 64;
        struct birth *births = realloc(server->births, room * sizeof *births);
        if (!births)
            return NULL;
        server->births = births;
        server->birth_room = room;
    }
    return &server->births[server->birth_count++];
}

/* The last takes its place: who looks at all begins there. */
static void forget(struct server *server, struct birth *birth)
{
    if (birth->pidfd >= 0)
        close(birth->pidfd);
    *birth = server->births[--server->birth_count];
}

static bool tell_birth(struct birth *birth)
{
    struct fork_news news = {.id = birth->id, .kind = FORK_BORN, .pid = birth->pid};
    int rc = fork_send(birth->client->fd, &news, sizeof news, &birth->pidfd, birth->pidfd >= 0);
    if (rc == -ETOOMANYREFS) /* so many are under way that the kernel takes no more: then without */
        rc = fork_send(birth->client->fd, &news, sizeof news, NULL, 0);
    if (rc == -EAGAIN)
        return false;
    if (birth->pidfd >= 0)
        close(birth->pidfd);
    birth->pidfd = -1;
    birth->told = true;
    return true;
}

/* Says what there is to say, and forgets whom there is nothing more to say of; false when there is no room. */
static bool tell(struct server *server, struct birth *birth)
{
    if (birth->client && birth->pid && !birth->told && !tell_birth(birth))
        return false;
    if (!birth->ended)
        return true;
    if (birth->client &&
        fork_send(birth->client->fd, &birth->end, sizeof birth->end, NULL, 0) == -EAGAIN)
        return false;
    forget(server, birth);
    return true;
}

static void listen_to(struct server *server, struct client *client, bool until_room)
{
    struct epoll_event event = {.events = EPOLLIN | (until_room ? (uint32_t)EPOLLOUT : 0),
                                .data.ptr = client};
    (void)epoll_ctl(server->set, EPOLL_CTL_MOD, client->fd, &event);
}

static void tell_or_wait(struct server *server, struct birth *birth)
{
    struct client *client = birth->client;
    if (!tell(server, birth))
        listen_to(server, client, true);
}

static void tell_all(struct server *server, struct client *client)
{
    for (size_t i = server->birth_count; i-- > 0;)
        if (server->births[i].client == client && !tell(server, &server->births[i]))
            return;
    listen_to(server, client, false);
}

/* ---- children that have ended ----------------------------------------------------------------------- */

static struct birth *birth_of(struct server *server, pid_t pid)
{
    for (size_t i = server->birth_count; i-- > 0;)
        if (server->births[i].pid == pid && !server->births[i].ended)
            return &server->births[i];
    return NULL;
}

static void ended(struct server *server, const siginfo_t *how)
{
    struct birth *birth = birth_of(server, how->si_pid);
    bool exited = how->si_code == CLD_EXITED;
    if (!birth)
        return;
    birth->ended = true;
    birth->end = (struct fork_news){.id = birth->id,
                                    .kind = FORK_ENDED,
                                    .pid = birth->pid,
                                    .status = exited ? how->si_status : -1,
                                    .signal = exited ? 0 : how->si_status};
    tell_or_wait(server, birth);
}

/* All children are ours: this process has never done anything else. */
static void reap(struct server *server)
{
    struct signalfd_siginfo signal;
    while (read(server->ends, &signal, sizeof signal) > 0)
        continue;
    for (siginfo_t how = {0}; waitid(P_ALL, 0, &how, WEXITED | WNOHANG) == 0 && how.si_pid;
         how = (siginfo_t){0})
        ended(server, &how);
}

/* ---- clients ---------------------------------------------------------------------------------------- */

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

static void admit(struct server *server)
{
    char hello;
    int fds[FORK_MOST];
    size_t count;
    if (fork_receive(server->door, &hello, sizeof hello, fds, &count) < 0 || count != 1) {
        close_all(fds, count);
        return;
    }
    struct client *client = calloc(1, sizeof *client);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    if (!client || epoll_ctl(server->set, EPOLL_CTL_ADD, fds[0], &event) < 0) {
        close(fds[0]); /* which it notices */
        free(client);
        return;
    }
    client->fd = fds[0];
    list_push(&server->clients, &client->place);
}

static void dismiss(struct server *server, struct client *client)
{
    for (size_t i = server->births ? server->birth_count : 0; i-- > 0;) {
        struct birth *birth = &server->births[i];
        if (birth->client != client)
            continue;
        birth->client = NULL;
        (void)tell(server, birth);
    }
    (void)epoll_ctl(server->set, EPOLL_CTL_DEL, client->fd, NULL);
    list_remove(&client->place);
    close(client->fd);
    free(client);
}

/* A copy is no server. */
static void leave(struct server *server)
{
    list_each(at, &server->clients)
    {
        struct client *client = container_of(at, struct client, place);
        close(client->fd);
        free(client);
    }
    for (size_t i = 0; i < server->birth_count; i++)
        if (server->births[i].pidfd >= 0)
            close(server->births[i].pidfd);
    free(server->births);
    close(server->set);
    close(server->door);
    close(server->ends);
}

/* ---- orders ----------------------------------------------------------------------------------------- */

static void fail(struct server *server, struct birth *birth, int error)
{
    birth->ended = true;
    birth->end = (struct fork_news){.id = birth->id, .kind = FORK_FAILED, .error = error};
    tell_or_wait(server, birth);
}

/* Whether this is the child. */
static bool fork_one(struct server *server, struct birth *birth, int lifeline)
{
    pid_t pid = fork();
    if (pid == 0)
        return true;
    if (pid > 0 && lifeline >= 0)
        fork_bind(pid, lifeline);
    if (pid < 0) {
        fail(server, birth, errno);
        return false;
    }
    birth->pid = pid;
    birth->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    tell_or_wait(server, birth);
    return false;
}

/* An order that makes no sense, or that there is no memory to take, ends the connection. Whether this is the
 * child. */
static bool take_order(struct server *server, struct client *client, struct fork_order *order, int fds[FORK_MOST])
{
    size_t count;
    ssize_t size = fork_receive(client->fd, order, sizeof *order, fds, &count);
    struct birth *birth = size == sizeof *order || size == -EMFILE ? new_birth(server) : NULL;
    bool child = false;
    if (size == -EAGAIN)
        return false;
    if (birth) {
        *birth = (struct birth){.client = client, .id = order->id, .pidfd = -1};
        if (size == -EMFILE || count != FORK_KEEP + order->keep_count || order->lifeline > order->keep_count)
            fail(server, birth, EMFILE);
        else
            child = fork_one(server, birth, order->lifeline ? fds[FORK_KEEP + order->lifeline - 1] : -1);
    } else {
        dismiss(server, client);
    }
    if (!child)
        close_all(fds, count);
    return child;
}

/* Until somebody is forked, in whom it returns. */
static void serve(struct server *server, struct fork_order *ret_order, int ret_fds[FORK_MOST])
{
    for (;;) {
        struct epoll_event event;
        if (epoll_wait(server->set, &event, 1, -1) < 1)
            continue;
        if (event.data.ptr == &server->door) {
            admit(server);
        } else if (event.data.ptr == &server->ends) {
            reap(server);
        } else {
            if (event.events & EPOLLOUT)
                tell_all(server, event.data.ptr);
            if (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR) &&
                take_order(server, event.data.ptr, ret_order, ret_fds))
                return;
        }
    }
}

static bool wait_for(struct server *server, int *which)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = which};
    return epoll_ctl(server->set, EPOLL_CTL_ADD, *which, &event) == 0;
}

void fork_serve(int door, struct fork_order *ret_order, int ret_fds[FORK_MOST])
{
    struct server server = {.door = door};
    sigset_t ended;
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    list_init(&server.clients);
    server.set = epoll_create1(EPOLL_CLOEXEC);
    server.ends = signalfd(-1, &ended, SFD_CLOEXEC | SFD_NONBLOCK);
    if (!wait_for(&server, &server.door) || !wait_for(&server, &server.ends))
        _exit(EXIT_FAILURE);
    serve(&server, ret_order, ret_fds);
    leave(&server);
}

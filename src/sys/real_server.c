/* The server that actors are forked from.
 *
 * A process that runs must not be forked: its threads would be missing in the copy and their locks not, and its
 * scheduler, its sockets and its lifelines would be there twice. So the copy is made before there is any of
 * that, when tr_main is called, and is all the server is: this process as it stood there, with one thread, which
 * waits for orders and forks itself. Whoever is forked returns from here into tr_main, as if it had called it.
 *
 *     tr_main --> make --> in the owner: goes on as root or actor, orders by real_fork.c
 *                  |
 *                  +----> serve: waits for the door, for orders, for SIGCHLD
 *                           |
 *                           +--> returns, in each process that is forked
 *
 * What main had set up until then is in each copy: memory, descriptors, handlers of signals, what is ignored and
 * blocked, limits. Memory speaks of descriptors, so those stay open too. What a parent has at the time of the
 * order is passed on with it: standard streams, working directory, environment, and what the child keeps.
 *
 * It is told apart by a connection who ordered what. It forks, says who was born, reaps, says how it ended; what
 * there is no room to say now is kept and said later. Who has ordered and is gone is of no concern: the children
 * see to that themselves, by their lifelines.
 *
 * It dies with its owner in the same two ways as an actor does, and everything it has forked with it, by the
 * parent-death signal. All signals are blocked in it: Ctrl-C is for the root, which still needs it then. */
#include "sys/fork.h"
#include "sys/real.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* How things stood when tr_main was called, to be put back in each copy. */
struct before {
    sigset_t blocked;
    struct sigaction child_ended;
    struct rlimit files;
    char name[16];
};

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
    struct before before;
    pid_t pid;                  /* its own: a copy may find it dead already */
    int set, door, lifeline, ends; /* epoll; the end of a pipe; signalfd */
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

static void close_all(int *fds, size_t count)
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
    for (size_t i = server->birth_count; i-- > 0;) {
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

/* ---- being forked ----------------------------------------------------------------------------------- */

static void leave_server(struct server *server)
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
    close(server->lifeline);
    close(server->ends);
}

/* Zero-terminated texts, as many as there are. Who has been told one before, and made a server at once, is the
 * only one who has seen that. */
static void take_environment(int fd)
{
    static char **entries, *text;
    struct stat all;
    if (fstat(fd, &all) < 0)
        _exit(EXIT_FAILURE);
    size_t size = (size_t)all.st_size, count = 0;
    free(entries);
    free(text);
    text = malloc(size + 1);
    if (!text || pread(fd, text, size, 0) != (ssize_t)size)
        _exit(EXIT_FAILURE);
    for (size_t i = 0; i < size; i++)
        count += !text[i];
    entries = calloc(count + 1, sizeof *entries);
    if (!entries)
        _exit(EXIT_FAILURE);
    char *at = text;
    for (size_t i = 0; i < count; at += strlen(at) + 1)
        entries[i++] = at;
    environ = entries;
}

static void put_back(const struct before *before)
{
    prctl(PR_SET_NAME, before->name);
    setrlimit(RLIMIT_NOFILE, &before->files);
    sigaction(SIGCHLD, &before->child_ended, NULL);
    pthread_sigmask(SIG_SETMASK, &before->blocked, NULL);
}

/* From here on it is no server any more, but a process that has just called tr_main. */
static void become_actor(struct server *server, const struct fork_order *order, int *fds)
{
    leave_server(server);
    for (int i = 0; i < 3; i++)
        if (dup2(fds[FORK_STANDARD + i], i) < 0)
            _exit(EXIT_FAILURE);
    if (fchdir(fds[FORK_DIRECTORY]) < 0)
        _exit(EXIT_FAILURE);
    take_environment(fds[FORK_ENVIRONMENT]);
    close_all(fds, FORK_KEEP);
    real_be_born(order->birth, fds + FORK_KEEP, order->keep_count, server->pid);
    put_back(&server->before);
}

/* ---- orders ----------------------------------------------------------------------------------------- */

static void fail(struct server *server, struct birth *birth, int error)
{
    birth->ended = true;
    birth->end = (struct fork_news){.id = birth->id, .kind = FORK_FAILED, .error = error};
    tell_or_wait(server, birth);
}

/* Whether this is the child. */
static bool fork_one(struct server *server, struct birth *birth, const struct fork_order *order, int *fds)
{
    pid_t pid = fork();
    if (pid == 0) {
        become_actor(server, order, fds);
        return true;
    }
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
static bool take_order(struct server *server, struct client *client)
{
    struct fork_order order = {0};
    int fds[FORK_MOST];
    size_t count;
    ssize_t size = fork_receive(client->fd, &order, sizeof order, fds, &count);
    struct birth *birth = size == sizeof order || size == -EMFILE ? new_birth(server) : NULL;
    bool child = false;
    if (size == -EAGAIN)
        return false;
    if (birth) {
        *birth = (struct birth){.client = client, .id = order.id, .pidfd = -1};
        if (size == -EMFILE || count != FORK_KEEP + order.keep_count)
            fail(server, birth, EMFILE);
        else
            child = fork_one(server, birth, &order, fds);
    } else {
        dismiss(server, client);
    }
    if (!child)
        close_all(fds, count);
    return child;
}

static bool hear_client(struct server *server, struct client *client, uint32_t events)
{
    if (events & EPOLLOUT)
        tell_all(server, client);
    return events & (EPOLLIN | EPOLLHUP | EPOLLERR) && take_order(server, client);
}

/* Returns in each process that is forked. */
static void serve(struct server *server)
{
    for (;;) {
        struct epoll_event event;
        if (epoll_wait(server->set, &event, 1, -1) < 1)
            continue;
        if (event.data.ptr == &server->door)
            admit(server);
        else if (event.data.ptr == &server->ends)
            reap(server);
        else if (hear_client(server, event.data.ptr, event.events))
            return;
    }
}

/* ---- making one ------------------------------------------------------------------------------------- */

/* What this process orders with: of a server of its own, or its parent's. */
static struct {
    int door;                   /* 0: none. Never a standard stream */
    int lifeline;
    pid_t pid;                  /* 0: not ours */
} used;
static atomic_flag made = ATOMIC_FLAG_INIT;
static _Thread_local bool for_next_world;

static void watch_door(struct server *server, int *which)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = which};
    if (epoll_ctl(server->set, EPOLL_CTL_ADD, *which, &event) < 0)
        _exit(EXIT_FAILURE);
}

/* The owner may have died before either was armed. */
static void die_with_owner(int lifeline, pid_t owner)
{
    struct pollfd end = {.fd = lifeline, .events = POLLIN};
    if (fcntl(lifeline, F_SETOWN, getpid()) < 0 || fcntl(lifeline, F_SETSIG, SIGKILL) < 0 ||
        fcntl(lifeline, F_SETFL, O_ASYNC | O_NONBLOCK) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
        poll(&end, 1, 0) > 0 || getppid() != owner)
        _exit(EXIT_FAILURE);
}

/* What its owner is an actor with is not for the server: others wait for its end there. */
static void drop_inheritance(void)
{
    int fd;
    for (size_t i = 0; (fd = real_inherited(NULL, i)) >= 0; i++)
        close(fd);
    real_be_born("", NULL, 0, 0);
}

/* One connection for each process that orders. */
static void have_room(const struct rlimit *before)
{
    struct rlimit all = {before->rlim_max, before->rlim_max};
    (void)setrlimit(RLIMIT_NOFILE, &all);
}

static void be_server(int door, int lifeline, pid_t owner, const struct before *before)
{
    struct server server = {.before = *before, .pid = getpid(), .door = door, .lifeline = lifeline};
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    sigset_t ended;
    die_with_owner(lifeline, owner);
    drop_inheritance();
    have_room(&before->files);
    sigaction(SIGCHLD, &usual, NULL);
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    list_init(&server.clients);
    server.set = epoll_create1(EPOLL_CLOEXEC);
    server.ends = signalfd(-1, &ended, SFD_CLOEXEC | SFD_NONBLOCK);
    watch_door(&server, &server.door);
    watch_door(&server, &server.ends);
    serve(&server);
}

static bool has_threads(void)
{
#if defined(__SANITIZE_THREAD__)
    return false; /* it has one of its own, and sees to that */
#else
    struct stat tasks;
    return stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink > 3; /* ".", "..", and ours */
#endif
}

static void note_before(struct before *before)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before->blocked);
    sigaction(SIGCHLD, NULL, &before->child_ended);
    getrlimit(RLIMIT_NOFILE, &before->files);
    prctl(PR_GET_NAME, before->name);
}

/* 1 in a copy of the server. What is buffered for the standard streams would come out once for each. */
static int make(const int door[2], const int line[2])
{
    struct before before;
    pid_t owner = getpid();
    fflush(NULL);
    note_before(&before);
    prctl(PR_SET_NAME, "tractor-server"); /* so it is never seen under another */
    pid_t pid = fork();
    if (pid == 0) {
        close(door[1]);
        close(line[1]);
        be_server(door[0], line[0], owner, &before);
        return 1;
    }
    int rc = pid < 0 ? -errno : 0;
    prctl(PR_SET_NAME, before.name);
    pthread_sigmask(SIG_SETMASK, &before.blocked, NULL);
    if (rc == 0) {
        used.door = door[1];
        used.lifeline = line[1];
        used.pid = pid;
    }
    return rc;
}

static int make_with_pipes(void)
{
    int door[2], line[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, door) < 0)
        return -errno;
    if (pipe2(line, O_CLOEXEC) < 0) {
        int rc = -errno;
        close_all(door, 2);
        return rc;
    }
    int rc = make(door, line);
    if (rc == 0)
        close_all((int[]){door[0], line[0]}, 2);
    else if (rc < 0)
        close_all((int[]){door[0], door[1], line[0], line[1]}, 4);
    return rc;
}

int real_make_server(void)
{
    if (has_threads())
        return -EDEADLK;
    if (atomic_flag_test_and_set(&made))
        return -EBUSY;
    real_have_standard_streams();
    int rc = make_with_pipes();
    for_next_world = rc == 0;
    if (rc != 0)
        atomic_flag_clear(&made); /* it failed; or a copy has none */
    return rc;
}

/* ---- having one ------------------------------------------------------------------------------------- */

int real_server(struct sys *sys)
{
    (void)sys;
    return used.door ? used.door : -1;
}

void real_use_server(struct sys *sys, int fd)
{
    (void)sys;
    used.door = fd;
}

bool real_server_is_for_us(void)
{
    bool ours = for_next_world;
    for_next_world = false;
    return ours;
}

void real_end_server(void)
{
    close(used.door);
    used.door = 0;
    close(used.lifeline);
    kill(used.pid, SIGKILL);
    while (waitpid(used.pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    used.pid = 0;
    atomic_flag_clear(&made);
}

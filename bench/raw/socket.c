/* What the kernel's own byte streams cost, by the calls that anybody would use:
 *
 *     socket uds|tcp|pipe|uds-coalesced|tcp-coalesced WHAT SIZE COUNT PLACE OUTSTANDING [IDLE]
 *
 * Plain: one write for each message, and one read, which takes what is there. A side that calls waits by epoll, as an
 * event loop does, except on pipes, where it just reads. Coalesced: 64 KiB of messages in one write, where so many are
 * to be sent. IDLE connections more lie in the far side's epoll set. */
#include "pair.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BUNDLE = 65536 };

struct end {
    int in, out, poll;          /* poll: -1 if it just reads */
    char *buffer;               /* what was read; room for a bundle and a message */
    size_t held;                /* of it, not yet taken */
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- making them ----------------------------------------------------------------------------------------------- */

static void tcp_pair(int ends[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    const int one = 1;
    int door = socket(AF_INET, SOCK_STREAM, 0);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(door, (struct sockaddr *)&at, size) < 0 || listen(door, 1) < 0 ||
        getsockname(door, (struct sockaddr *)&at, &size) < 0 || connect(ends[0], (struct sockaddr *)&at, size) < 0)
        fail("tcp");
    ends[1] = accept(door, NULL, NULL);
    close(door);
    for (int i = 0; i < 2; i++)
        setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void watch(int poll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("epoll");
}

/* A write to who has gone is an error to be told. */
static struct end open_end(int in, int out, size_t size, bool polls)
{
    struct end end = {.in = in, .out = out, .poll = -1, .buffer = calloc(1, BUNDLE + 2 * size)};
    signal(SIGPIPE, SIG_IGN);
    if (polls) {
        end.poll = epoll_create1(0);
        watch(end.poll, in);
    }
    return end;
}

/* Holds the other ends of idle connections, so that nobody needs room for both. */
static void connect_idle(const struct sockaddr_un *at, socklen_t size, int count)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < count; i++)
        if (connect(socket(AF_UNIX, SOCK_STREAM, 0), (const struct sockaddr *)at, size) < 0)
            fail("idle connections");
    for (;;)
        pause();
}

static void add_idle(int poll, int count)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct rlimit limit;
    socklen_t size = sizeof at;
    int door = socket(AF_UNIX, SOCK_STREAM, 0);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (bind(door, (struct sockaddr *)&at, sizeof at.sun_family) < 0 || listen(door, count) < 0 ||
        getsockname(door, (struct sockaddr *)&at, &size) < 0)
        fail("idle connections");
    if (fork() == 0)
        connect_idle(&at, size, count);
    for (int i = 0; i < count; i++)
        watch(poll, accept(door, NULL, NULL));
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

/* False when the other side has ended. */
static bool fill(struct end *end, size_t room)
{
    struct epoll_event event;
    if (end->poll >= 0 && epoll_wait(end->poll, &event, 1, -1) < 1)
        fail("epoll_wait");
    ssize_t got = read(end->in, end->buffer + end->held, room - end->held);
    if (got < 0)
        fail("read");
    end->held += (size_t)got;
    return got > 0;
}

static void put(struct end *end, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = write(end->out, bytes, size);
        if (sent < 0)
            fail("write");
        bytes += sent;
        size -= (size_t)sent;
    }
}

static size_t room_for(const struct pair_job *job, bool coalesced)
{
    return coalesced && job->size < BUNDLE ? BUNDLE : job->size;
}

/* ---- the far side ------------------------------------------------------------------------------------------------ */

/* Whole messages go back as they came: of several that came at once, in one write. */
static void echo(struct end *end, const struct pair_job *job, bool coalesced)
{
    while (fill(end, room_for(job, coalesced))) {
        size_t whole = end->held - end->held % job->size;
        put(end, end->buffer, whole);
        memmove(end->buffer, end->buffer + whole, end->held -= whole);
    }
}

static void produce(struct end *end, const struct pair_job *job, bool coalesced, int64_t count)
{
    char *bundle = calloc(1, BUNDLE + job->size);
    size_t most = room_for(job, coalesced), used = 0;
    for (int64_t i = 0; i < count; i++) {
        pair_mark(bundle + used, i);
        used += job->size;
        if (used + job->size > most || i == count - 1) {
            put(end, bundle, used);
            used = 0;
        }
    }
    free(bundle);
}

/* ---- the near side ----------------------------------------------------------------------------------------------- */

/* How many answers came, of which `first` is the first. */
static int take_answers(struct end *end, const struct pair_job *job, bool coalesced, int64_t first)
{
    if (!fill(end, room_for(job, coalesced)))
        fail("the far side has ended");
    size_t count = end->held / job->size;
    for (size_t i = 0; i < count; i++)
        pair_check(end->buffer + i * job->size, first + (int64_t)i);
    memmove(end->buffer, end->buffer + count * job->size, end->held -= count * job->size);
    return (int)count;
}

/* As many as were answered are sent anew, so that `outstanding` are under way. Coalesced in one write. */
static void call(struct end *end, struct pair_job *job, bool coalesced, int64_t count, bool timed)
{
    char *bundle = calloc((size_t)job->outstanding + 1, job->size);
    int64_t sent = 0, answered = 0;
    double last = pair_seconds(CLOCK_MONOTONIC);
    while (answered < count) {
        size_t used = 0;
        while (sent < count && sent - answered < job->outstanding) {
            pair_mark(bundle + used, sent++);
            used += job->size;
            if (!coalesced) {
                put(end, bundle, used);
                used = 0;
            }
        }
        put(end, bundle, used);
        answered += take_answers(end, job, coalesced, answered);
        if (timed)
            pair_lap(job, answered - 1, &last);
    }
    free(bundle);
}

static void consume(struct end *end, const struct pair_job *job, bool coalesced, int64_t count)
{
    for (int64_t seen = 0; seen < count;)
        seen += take_answers(end, job, coalesced, seen);
}

/* A byte tells the producer to begin. */
static void stream(struct end *end, struct pair_job *job, bool coalesced, pid_t far)
{
    put(end, "", 1);
    consume(end, job, coalesced, pair_warm_up(job));
    pair_begin(job, far);
    put(end, "", 1);
    consume(end, job, coalesced, job->count);
    pair_end(job);
}

static void produce_twice(struct end *end, const struct pair_job *job, bool coalesced)
{
    char word;
    if (read(end->in, &word, 1) == 1)
        produce(end, job, coalesced, pair_warm_up(job));
    if (read(end->in, &word, 1) == 1)
        produce(end, job, coalesced, job->count);
    (void)!read(end->in, &word, 1); /* to be looked at until the near side ends */
}

static void call_all(struct end *end, struct pair_job *job, bool coalesced, pid_t far)
{
    call(end, job, coalesced, pair_warm_up(job), false);
    pair_begin(job, far);
    call(end, job, coalesced, job->count, job->samples != NULL);
    pair_end(job);
}

/* ---- main -------------------------------------------------------------------------------------------------------- */

struct ways {
    int to_far[2], to_near[2];  /* where to read, and where to write; the same for sockets, crosswise */
};

static struct ways open_ways(const char *kind)
{
    int ends[2];
    struct ways ways;
    if (strcmp(kind, "pipe") == 0) {
        if (pipe(ways.to_far) < 0 || pipe(ways.to_near) < 0)
            fail("pipe");
        return ways;
    }
    if (strncmp(kind, "tcp", 3) == 0)
        tcp_pair(ends);
    else if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        fail("socketpair");
    return (struct ways){.to_far = {ends[1], ends[0]}, .to_near = {ends[0], ends[1]}};
}

static void be_far(const struct ways *ways, const struct pair_job *job, const char *kind, bool coalesced, int idle)
{
    bool streams = pair_is(job, "stream");
    struct end end = open_end(ways->to_far[0], ways->to_near[1], job->size, !streams && strcmp(kind, "pipe") != 0);
    close(ways->to_far[1]);
    if (ways->to_near[0] != ways->to_far[1])
        close(ways->to_near[0]);
    pair_stand(job->place, true);
    if (idle > 0)
        add_idle(end.poll, idle);
    if (streams)
        produce_twice(&end, job, coalesced);
    else
        echo(&end, job, coalesced);
    _exit(0);
}

int main(int argc, char **argv)
{
    struct pair_job job;
    pair_understand(&job, argc, argv, 2);
    const char *kind = argv[1];
    bool coalesced = strstr(kind, "coalesced") != NULL;
    struct ways ways = open_ways(kind);
    pair_stand(job.place, false);
    pid_t far = fork();
    if (far == 0)
        be_far(&ways, &job, kind, coalesced, argc > 7 ? (int)strtol(argv[7], NULL, 10) : 0);
    struct end end = open_end(ways.to_near[0], ways.to_far[1], job.size, strcmp(kind, "pipe") != 0);
    close(ways.to_far[0]);
    if (ways.to_near[1] != ways.to_far[0])
        close(ways.to_near[1]);
    if (pair_is(&job, "stream"))
        stream(&end, &job, coalesced, far);
    else
        call_all(&end, &job, coalesced, far);
    kill(far, SIGKILL);
    waitpid(far, NULL, 0);
    free(end.buffer);
    return 0;
}

/* What comes in through an actor's socket from those who are no peers, or no good ones. */
#define _GNU_SOURCE /* memmem */
#include "support/expect.h"
#include "support/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

tr_fn(int64_t, sum, (tr_list_int64_t, of), (int64_t, plus, 100))
{
    *ret = args->plus;
    for (size_t i = 0; i < args->of.count; i++)
        *ret += args->of.items[i];
    return 0;
}

tr_fn(void, ping)
{
    return 0;
}

enum { A_LOT = 4 * 1024 * 1024 }; /* more than a socket takes */

tr_fn(tr_bytes, a_lot)
{
    *ret = (tr_bytes){tr_alloc(A_LOT), A_LOT};
    return ret->data ? 0 : -ENOMEM;
}

tr_stream_fn(int64_t, numbers)
{
    for (int i = 0; i < 10; i++)
        tr_try(tr_yield(ctx, i));
    return 0;
}

/* ---- bytes of strangers ------------------------------------------------------------------------------- */

static int connect_raw(const char *address)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *name = address + strlen("unix:");
    size_t size = strlen(name);
    memcpy(to.sun_path, name, size);
    to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)))
        return -errno;
    return fd;
}

/* Sends the bytes and reads until the other side closes. */
static bool is_hung_up_on(const char *address, const void *bytes, size_t size)
{
    char rest[4096];
    int fd = connect_raw(address);
    bool sent = fd >= 0 && send(fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size;
    while (sent && read(fd, rest, sizeof rest) > 0)
        continue;
    close(fd);
    return sent;
}

static int bytes_that_are_no_greeting_close_their_connection_only(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    tr_auto(portal) found = NULL;
    tr_try(tr_wait_for_actor(&found, "worker"));
    const char *address = tr_portal_actor(found)->address;
    static const struct {
        const char *bytes;
        size_t size;
    } strange[] = {
        {"GET / HTTP/1.1\r\n\r\n", 18},             /* a length of a gigabyte */
        {"\x01\x00\x00\x00\xc1", 5},                /* a byte that msgpack never uses */
        {"\x03\x00\x00\x00\x92\x03\x01", 7},        /* START before HELLO */
        {"\x03\x00\x00\x00\x92\x63\x00", 7},        /* a kind that does not exist */
        {"\x05\x00\x00\x00\xdd\xff\xff\xff\xff", 9}, /* an array of four billion */
        {"\x00\x00\x00\x00", 4},                    /* nothing at all */
    };
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        expect(is_hung_up_on(address, strange[i].bytes, strange[i].size));
        tr_try(tr_call(worker, NULL, ping));
        tr_try(tr_call(found, NULL, ping));
    }
    return end(n, worker);
}

/* ---- a caller in another language ---------------------------------------------------------------------- */

/* One msgpack array, framed. */
static int speak(int fd, const char *body, size_t size)
{
    const unsigned char length[4] = {(unsigned char)size, (unsigned char)(size >> 8), 0, 0};
    return send(fd, length, 4, MSG_NOSIGNAL) == 4 &&
           send(fd, body, size, MSG_NOSIGNAL) == (ssize_t)size;
}

/* HELLO, as that process. */
static bool greet_as(int fd, pid_t pid)
{
    char hello[] = "\x98\x00\x00\x03\x03\xa1x\xd9\x20"
                   "0123456789abcdef0123456789abcdef\x91\xa0\xd2pid.";
    const uint32_t number = htonl((uint32_t)pid);
    memcpy(hello + sizeof hello - 1 - sizeof number, &number, sizeof number);
    return speak(fd, hello, sizeof hello - 1);
}

/* HELLO, then a START of sum() with these encoded arguments and no signature. */
static bool answer_says(const char *address, const char *args, size_t size, const char *expected)
{
    static const char start[] = "\x9a\x03\x07\xa9strangers\xa3" "sum\x00\xcb\x7f\xf0\0\0\0\0\0\0\0\0\0";
    char call[256], got[4096];
    memcpy(call, start, sizeof start - 1);
    memcpy(call + sizeof start - 1, args, size);
    int fd = connect_raw(address);
    bool found = false;
    if (greet_as(fd, getpid()) && speak(fd, call, sizeof start - 1 + size))
        for (size_t have = 0; !found;) {
            ssize_t more = read(fd, got + have, sizeof got - have);
            if (more <= 0)
                break;
            have += (size_t)more;
            found = memmem(got, have, expected, strlen(expected)) != NULL;
        }
    close(fd);
    return found;
}

static int wrong_arguments_are_told_by_name(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    const char *address = tr_portal_actor(worker)->address;
    expect(answer_says(address, "\x80", 1, "\x93\x06\x07\x64")); /* RETURN 7 100: the default */
    expect(answer_says(address, "\x81\xa4plus\x02", 7, "\x93\x06\x07\x02"));
    expect(answer_says(address, "\x81\xa4plas\x02", 7, "there is no argument or member \"plas\""));
    expect(answer_says(address, "\x81\xa4plus\xa1x", 8, "plus: expected int64_t, got"));
    expect(answer_says(address, "\x81\xa2of\x91\xc3", 6, "of[0]: expected int64_t, got"));
    expect(answer_says(address, "\xa1x", 2, "expected a map of members, got a string"));
    expect(answer_says(address, "\x93\x01\x02\x03", 4, "expected 2 members, got 3"));
    expect(answer_says(address, "\x92\x90\xc3", 3, "plus: expected int64_t, got"));
    tr_try(tr_call(worker, NULL, ping));
    return end(n, worker);
}

/* A START of the function, without arguments, after HELLO if it is the first; with a window it is a stream. */
static bool ask(int fd, unsigned char id, const char *function, const char window[3])
{
    char start[64];
    int size = snprintf(start, sizeof start, "\x9a\x03%c\xa9strangers%c%s", id,
                        (int)(0xa0 | strlen(function)), function);
    memcpy(start + size, "\x00\xcb\x7f\xf0\0\0\0\0\0\0", 10);
    start[size + 10] = window[1] != 0;
    memcpy(start + size + 11, window, 3);
    memcpy(start + size + 14, "\x20\x80", 2);
    size += 16;
    return (id > 1 || greet_as(fd, getpid())) && speak(fd, start, (size_t)size);
}

/* What is asked for last can only be written when the peer has taken what it asked for first. */
static int after_its_stop_an_actor_says_nothing_more(void)
{
    static const char stop[] = "\x03\0\0\0\x92\x0a"; /* and its final 0 */
    enum { STOP = sizeof stop };
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    static char got[2 * A_LOT];
    int fd = connect_raw(tr_portal_actor(worker)->address);
    expect(ask(fd, 1, "a_lot", "\xcd\x00\x00"));
    ssize_t more = recv(fd, got, 4096, MSG_WAITALL); /* beyond the greeting */
    expect(more == 4096 && ask(fd, 2, "numbers", "\xcd\xff\xff") && speak(fd, "\x92\x0a\x00", 3));
    size_t have = 0;
    for (; more > 0; have += (size_t)more)
        more = read(fd, got + have, 2 * A_LOT - have);
    close(fd);
    bool last = have > A_LOT / 2 && memcmp(got + have - STOP, stop, STOP) == 0;
    expect(more == 0 && last);
    return end(n, worker);
}

/* What it says after its greeting, good-bye included, is not heard any more. */
static bool is_turned_away(const char *address, pid_t pid)
{
    char said[4096];
    size_t have = 0;
    int fd = connect_raw(address);
    bool greeted = fd >= 0 && greet_as(fd, pid);
    (void)speak(fd, "\x92\x0a\x00", 3);
    for (ssize_t more = 1; more > 0; have += more > 0 ? (size_t)more : 0)
        more = read(fd, said + have, sizeof said - have);
    close(fd);
    return greeted && !memmem(said, have, "\x92\x0a\x00", 3);
}

static int who_greets_as_another_process_is_turned_away(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    const tr_actor *actor = tr_portal_actor(worker);
    expect(!is_turned_away(actor->address, getpid()));
    expect(is_turned_away(actor->address, getppid()));
    expect(is_turned_away(actor->address, actor->pid));
    expect(is_turned_away(actor->address, 0));
    tr_try(tr_call(worker, NULL, ping));
    return end(n, worker);
}

/* They take up no place that somebody who speaks at once would need. */
static int silent_connections_lock_nobody_out(void)
{
    enum { CROWD = 200 };
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    int crowd[CROWD];
    tr_try(start(n, &worker));
    const char *address = tr_portal_actor(worker)->address;
    for (int i = 0; i < CROWD; i++)
        expect((crowd[i] = connect_raw(address)) >= 0);
    expect(answer_says(address, "\x80", 1, "\x93\x06\x07\x64"));
    tr_try(tr_call(worker, NULL, ping));
    for (int i = 0; i < CROWD; i++)
        close(crowd[i]);
    return end(n, worker);
}

static const struct scenario scenarios[] = {
#define SCENARIO(name) {#name, name}
    SCENARIO(bytes_that_are_no_greeting_close_their_connection_only),
    SCENARIO(wrong_arguments_are_told_by_name),
    SCENARIO(after_its_stop_an_actor_says_nothing_more),
    SCENARIO(who_greets_as_another_process_is_turned_away),
    SCENARIO(silent_connections_lock_nobody_out),
};

static int run_all(void *only)
{
    return run_scenarios(scenarios, sizeof scenarios / sizeof *scenarios, only);
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, run_all, argc > 1 ? argv[1] : NULL);
}

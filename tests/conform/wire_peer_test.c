/* Wires whose other end is another process: one that is killed in the middle of what it does, over every transport,
 * and one that means harm, with shared memory. */
#include "conform/ways.h"

#include "sys/sys.h"
#include "transport/rings.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* ---- two processes --------------------------------------------------------------------------------------------- */

struct encounter {
    const char *way;
    int ours, theirs;           /* sockets */
    int (*peer)(struct encounter *); /* what the other process does, in a run of its own */
    pid_t pid;
    unsigned seed;
};

static void connect_both(struct encounter *it)
{
    int fds[2];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    if (strcmp(it->way, "tcp") != 0) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        it->ours = fds[0];
        it->theirs = fds[1];
        return;
    }
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    it->ours = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(it->ours, (struct sockaddr *)&at, sizeof at), 0);
    it->theirs = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    close(listener);
}

static int run_peer(void *arg)
{
    struct encounter *it = arg;
    return it->peer(it);
}

/* In this process goes on who called it; in the other one nobody comes back. */
static void part(struct encounter *it)
{
    connect_both(it);
    fflush(NULL);
    it->pid = fork();
    if (it->pid == 0) {
        close(it->ours);
        int rc = tr_run(run_peer, it);
        _exit(rc < 0);
    }
    close(it->theirs);
}

static int must(int rc)
{
    return rc < 0 ? tr_raise("test.NoRings", "%d", rc) : 0;
}

/* As a session says by frames: who offers ... */
static int offer(struct wire *wire)
{
    uint8_t said;
    tr_try(must(wire_offer(wire)));
    tr_try(wire_write(wire, "o", 1));
    tr_try((int)wire_read(wire, &said, 1));
    tr_try(must(wire_read_by_rings(wire)));
    tr_try(wire_write(wire, "s", 1));
    return must(wire_write_by_rings(wire));
}

/* ... and who accepts. */
static int accept_offer(struct wire *wire)
{
    uint8_t said;
    wire->looks = wire->may_accept = true;
    tr_try((int)wire_read(wire, &said, 1));
    tr_try(must(wire_accept(wire)));
    tr_try(wire_write(wire, "s", 1));
    tr_try(must(wire_write_by_rings(wire)));
    tr_try((int)wire_read(wire, &said, 1));
    return must(wire_read_by_rings(wire));
}

static int open_ours(struct encounter *it, struct wire *ret)
{
    tr_try(wire_open(ret, it->ours));
    return strcmp(it->way, "shm") == 0 ? accept_offer(ret) : 0;
}

static int open_theirs(struct encounter *it, struct wire *ret)
{
    tr_try(wire_open(ret, it->theirs));
    return strcmp(it->way, "shm") == 0 ? offer(ret) : 0;
}

static void kill_peer(struct encounter *it)
{
    kill(it->pid, SIGKILL);
}

static void reap(struct encounter *it)
{
    int status;
    assert_int_equal(waitpid(it->pid, &status, 0), it->pid);
}

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

/* ---- killed ------------------------------------------------------------------------------------------------------ */

enum { PIECE = 50000 };

static int write_for_ever(struct encounter *it)
{
    struct wire wire;
    static uint8_t bytes[PIECE];
    tr_try(open_theirs(it, &wire));
    for (size_t done = 0;;) {
        size_t size = 1 + (size_t)rand_r(&it->seed) % PIECE;
        for (size_t i = 0; i < size; i++)
            bytes[i] = byte_at(done + i);
        tr_try(wire_write(&wire, bytes, size));
        done += size;
    }
}

/* Over TCP the system may throw away what is under way when a process dies, and says so. */
static bool is_proper_end(const struct encounter *it, long rc)
{
    return rc == 0 || (rc == -ECONNRESET && strcmp(it->way, "tcp") == 0);
}

static int read_across_a_death(void *arg)
{
    struct encounter *it = arg;
    struct wire wire;
    static uint8_t bytes[PIECE];
    size_t done = 0, kill_at = (size_t)rand_r(&it->seed) % 1000000;
    bool killed = false;
    long got;
    tr_try(open_ours(it, &wire));
    while ((got = wire_read(&wire, bytes, 1 + (size_t)rand_r(&it->seed) % PIECE)) > 0) {
        for (long i = 0; i < got; i++)
            expect(bytes[i] == byte_at(done + (size_t)i));
        done += (size_t)got;
        if (done >= kill_at && !killed) {
            killed = true;
            kill_peer(it);
        }
    }
    expect(killed && is_proper_end(it, got));
    wire_close(&wire);
    return 0;
}

static int read_a_little(struct encounter *it)
{
    struct wire wire;
    uint8_t bytes[1000];
    tr_try(open_theirs(it, &wire));
    for (int i = 0; i < 100; i++)
        tr_try((int)wire_read(&wire, bytes, sizeof bytes));
    tr_try(wire_write(&wire, "x", 1));
    return tr_sleep_forever();
}

static int wait_for_a_word_and_kill(struct encounter *it, struct wire *wire)
{
    uint8_t word;
    long got = wire_read(wire, &word, 1);
    expect(got == 1);
    kill_peer(it);
    return 0;
}

struct writing {
    struct wire *wire;
    int rc;
};

static int write_until_it_fails(void *arg)
{
    struct writing *writing = arg;
    static const uint8_t bytes[PIECE];
    while ((writing->rc = wire_write(writing->wire, bytes, PIECE)) == 0)
        continue;
    return 0;
}

static int write_across_a_death(void *arg)
{
    struct encounter *it = arg;
    struct wire wire;
    tr_try(open_ours(it, &wire));
    struct writing writing = {.wire = &wire};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, write_until_it_fails, &writing));
    tr_try(wait_for_a_word_and_kill(it, &wire));
    uint8_t word;
    long got = wire_read(&wire, &word, 1);
    tr_try(tr_join(n));
    expect((got == 0 || got == -ECONNRESET) && (writing.rc == -EPIPE || writing.rc == -ECONNRESET));
    wire_close(&wire);
    return 0;
}

static void meet(const char *way, int (*peer)(struct encounter *), int (*we)(void *), unsigned seed)
{
    int before = open_descriptors();
    struct encounter it = {.way = way, .peer = peer, .seed = seed};
    part(&it);
    int rc = tr_run(we, &it);
    if (rc < 0)
        print_error("%s, seed %u: %s\n", way, seed, tr_error_report(tr_last_error()));
    kill_peer(&it);
    reap(&it);
    assert_true(rc >= 0);
    assert_int_equal(open_descriptors(), before);
}

static void all_that_was_written_before_a_sigkill_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++)
        for (unsigned seed = 1; seed <= 15; seed++)
            meet(ways[i].name, write_for_ever, read_across_a_death, seed);
}

static void who_waits_to_write_learns_of_a_sigkill(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++)
        for (unsigned seed = 1; seed <= 5; seed++)
            meet(ways[i].name, read_a_little, write_across_a_death, seed);
}

/* ---- hostile ----------------------------------------------------------------------------------------------------- */

/* Offers by hand, and then writes anything anywhere in the memory, and bells. */
static int scribble_for_ever(struct encounter *it)
{
    struct rings rings;
    int fd;
    tr_try(must(rings_make(&rings, &fd)));
    expect(sys_write_with(it->theirs, "o", 1, fd) == 1);
    expect(send(it->theirs, "s", 1, 0) == 1);
    unsigned char *memory = rings.memory;
    size_t controls = 2 * sizeof(struct ring_control), all = controls + 2 * (size_t)rings.in.size;
    for (;;) {
        size_t most = rand_r(&it->seed) % 2 ? controls : all;
        size_t at = ((size_t)rand_r(&it->seed) * 4096 + (size_t)rand_r(&it->seed)) % most;
        memory[at] = rand_r(&it->seed) % 4 ? (unsigned char)rand_r(&it->seed) : 0;
        if (rand_r(&it->seed) % 64 == 0)
            (void)!send(it->theirs, "b", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

static int read_what_comes(void *arg)
{
    struct writing *reading = arg;
    static uint8_t bytes[PIECE];
    long got;
    while ((got = wire_read(reading->wire, bytes, PIECE)) > 0)
        tr_try(tr_checkpoint());
    reading->rc = (int)got;
    return 0;
}

static int work_beside_a_scribbler(struct wire *wire, struct writing *reading, struct writing *writing)
{
    tr_auto(nursery) n = tr_open_nursery();
    *reading = *writing = (struct writing){.wire = wire};
    tr_try(tr_start_soon(n, read_what_comes, reading));
    tr_try(tr_start_soon(n, write_until_it_fails, writing));
    return tr_join(n);
}

static int be_scribbled_at(void *arg)
{
    struct encounter *it = arg;
    struct wire wire;
    struct writing reading = {0}, writing = {0};
    tr_try(open_ours(it, &wire));
    tr_scope limit = tr_move_on_after(0.05);
    tr_try(tr_within(&limit, work_beside_a_scribbler(&wire, &reading, &writing)));
    expect(reading.rc == TR_EPROTOCOL || reading.rc == TR_ECANCELLED);
    expect(writing.rc == TR_EPROTOCOL || writing.rc == TR_ECANCELLED);
    wire_close(&wire);
    return 0;
}

static void a_peer_that_scribbles_ends_its_own_wire_at_most(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 20; seed++)
        meet("shm", scribble_for_ever, be_scribbled_at, seed);
}

/* The rings of a peer that is played here. */
static int accept_by_hand(int fds[2], struct wire *wire, struct rings *rings)
{
    int memory;
    uint8_t said;
    expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    tr_try(wire_open(wire, fds[0]));
    wire->looks = wire->may_accept = true;
    tr_try(must(rings_make(rings, &memory)));
    expect(sys_write_with(fds[1], "o", 1, memory) == 1);
    close(memory);
    expect(wire_read(wire, &said, 1) == 1);
    tr_try(must(wire_accept(wire)));
    return must(wire_write_by_rings(wire));
}

/* Whoever reads is hung up on after so many pieces, each of which is followed by another. */
static int read_after_hanging_up(int after)
{
    int fds[2];
    struct wire wire;
    struct rings rings;
    static uint8_t bytes[PIECE];
    long got = 1, all = 0, before = 0;
    tr_try(accept_by_hand(fds, &wire, &rings));
    for (int i = 0; i < 1000 && got > 0; i++) {
        long more = ring_write(&rings.out, bytes, sizeof bytes);
        before += i <= after ? more : 0;
        if (i == after)
            wire_hang_up(&wire);
        if (i == 0)
            tr_try(must(wire_read_by_rings(&wire)));
        expect((got = wire_read(&wire, bytes, 1000)) >= 0);
        all += got;
    }
    expect(got == 0 && all == before);
    rings_free(&rings);
    wire_close(&wire);
    close(fds[1]);
    return 0;
}

static int what_a_peer_writes_after_it_was_hung_up_on_is_not_read_for_ever(void *arg)
{
    (void)arg;
    tr_try(read_after_hanging_up(10));
    return read_after_hanging_up(0); /* before it is known that it writes by rings */
}

/* ---- memory that is not as it should be -------------------------------------------------------------------------- */

static int memory_of(size_t size, int seals)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd < 0 || ftruncate(fd, (off_t)size) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0 ? -1 : fd;
}

static int expect_refused(int passed)
{
    int fds[2];
    struct wire wire;
    uint8_t said;
    expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    tr_try(wire_open(&wire, fds[0]));
    wire.looks = wire.may_accept = true;
    expect((passed < 0 ? send(fds[1], "o", 1, 0) : sys_write_with(fds[1], "o", 1, passed)) == 1);
    expect(wire_read(&wire, &said, 1) == 1 && said == 'o');
    expect(wire_accept(&wire) < 0);
    expect(wire_write_by_rings(&wire) < 0 && wire_read_by_rings(&wire) < 0);
    expect(send(fds[1], "y", 1, 0) == 1);
    expect(wire_read(&wire, &said, 1) == 1 && said == 'y');
    wire_close(&wire);
    close(fds[1]);
    return 0;
}

static int memory_that_could_shrink_or_is_none_is_refused(void *arg)
{
    (void)arg;
    struct rings rings;
    int good;
    struct stat what;
    tr_try(must(rings_make(&rings, &good)));
    expect(fstat(good, &what) == 0);
    rings_free(&rings);
    size_t size = (size_t)what.st_size;
    int bad[] = {
        memory_of(size, 0),
        memory_of(size, F_SEAL_GROW | F_SEAL_SHRINK),
        memory_of(size, F_SEAL_GROW | F_SEAL_SEAL),
        memory_of(size - 4096, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL),
        memory_of(size + 4096, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL),
        memory_of(size, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL | F_SEAL_WRITE),
        open("/dev/zero", O_RDWR | O_CLOEXEC),
        socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        expect(bad[i] >= 0);
        tr_try(expect_refused(bad[i]));
        close(bad[i]);
    }
    close(good);
    return expect_refused(-1);
}

/* ---- descriptors that come ------------------------------------------------------------------------------------- */

/* Whoever sends many has to be able to do without. */
static int two_descriptors_of_many_are_kept(void *arg)
{
    (void)arg;
    int fds[2];
    struct wire wire;
    uint8_t said[10];
    expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    tr_try(wire_open(&wire, fds[0]));
    wire.looks = wire.may_accept = true;
    int before = open_descriptors();
    for (int i = 0; i < 10; i++) {
        expect(sys_write_with(fds[1], "o", 1, fds[1]) == 1);
        expect(wire_read(&wire, said, 1) == 1);
    }
    expect(open_descriptors() == before + 2);
    wire_close(&wire);
    close(fds[1]);
    return 0;
}

static bool is_same_file(int a, int b)
{
    struct stat one, other;
    return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

/* What the first belongs to may be said only in the bytes with which the second comes. */
static int a_descriptor_that_comes_before_another_is_taken_is_kept(void *arg)
{
    (void)arg;
    int fds[2], sent[2];
    struct wire wire;
    uint8_t said[8];
    expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    tr_try(wire_open(&wire, fds[0]));
    wire.looks = true;
    tr_try(sys_pipe(sent));
    expect(sys_write_with(fds[1], "ab", 2, sent[0]) == 2 && sys_write_with(fds[1], "c", 1, sent[1]) == 1);
    expect(sys_write_with(fds[1], "d", 1, sent[0]) == 1);
    expect(wire_read(&wire, said, 1) == 1 && wire_read(&wire, said, sizeof said) == 2);
    expect(wire_read(&wire, said, sizeof said) == 1 && said[0] == 'd');
    for (int i = 0; i < 2; i++) {
        int fd = wire_take_passed(&wire);
        expect(is_same_file(fd, sent[i]));
        sys_close(&fd);
        sys_close(&sent[i]);
    }
    expect(wire_take_passed(&wire) == -1);
    wire_close(&wire);
    close(fds[1]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_was_written_before_a_sigkill_is_read),
        cmocka_unit_test(who_waits_to_write_learns_of_a_sigkill),
        cmocka_unit_test(a_peer_that_scribbles_ends_its_own_wire_at_most),
        IN_EARNEST(what_a_peer_writes_after_it_was_hung_up_on_is_not_read_for_ever),
        IN_EARNEST(memory_that_could_shrink_or_is_none_is_refused),
        IN_EARNEST(two_descriptors_of_many_are_kept),
        IN_EARNEST(a_descriptor_that_comes_before_another_is_taken_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

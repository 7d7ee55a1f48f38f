/* What is promised of a wire, tried with every transport (conform/ways.h), in earnest and in the fake world. */
#include "conform/ways.h"
#include "support/tasks.h"

#include "sys/sys.h"

/* ---- what the scenarios are made of ------------------------------------------------------------------------------ */

/* What fails where memory does has to be told by an error. */
#define expect_here(condition)                                                                               \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return tr_raise("test.Failed", "line %d: not so: %s", __LINE__, #condition);                     \
    } while (0)

/* A task at work with one end, and how that ended. */
struct job {
    struct wire *wire;
    size_t total, piece;        /* bytes; at most so many at a time */
    size_t done;
    long rc;
    bool ended;
};

static struct job job(struct wire *wire, size_t total, size_t piece)
{
    return (struct job){.wire = wire, .total = total, .piece = piece};
}

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

static bool is_pattern(const uint8_t *bytes, size_t at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != byte_at(at + i))
            return false;
    return true;
}

static void fill_pattern(uint8_t *bytes, size_t at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = byte_at(at + i);
}

static size_t piece_of(const struct job *job)
{
    size_t left = job->total - job->done;
    return left < job->piece ? left : job->piece;
}

static int write_all(struct job *job)
{
    uint8_t *bytes = tr_alloc(job->piece);
    expect_here(bytes != NULL);
    while (job->rc >= 0 && job->done < job->total) {
        size_t size = piece_of(job);
        fill_pattern(bytes, job->done, size);
        job->rc = wire_write(job->wire, bytes, size);
        job->done += job->rc >= 0 ? size : 0;
    }
    return 0;
}

/* So much, or to the end. */
static int read_all(struct job *job)
{
    uint8_t *bytes = tr_alloc(job->piece);
    expect_here(bytes != NULL);
    while (job->done < job->total && (job->rc = wire_read(job->wire, bytes, piece_of(job))) > 0) {
        if (!is_pattern(bytes, job->done, (size_t)job->rc))
            return tr_raise("test.Spoilt", "not the bytes that were written behind %zu", job->done);
        job->done += (size_t)job->rc;
        tr_try(tr_checkpoint());
    }
    return 0;
}

static bool is_of_loss(long rc)
{
    return rc == -EPIPE || rc == -ECONNRESET;
}

/* What scenarios ask for is told by the job; anything else fails the scenario, rather than have others wait. */
static int end_with(struct job *job, int rc)
{
    job->ended = true;
    bool asked_for = job->rc >= 0 || is_of_loss(job->rc) || job->rc <= TR_ECANCELLED;
    return rc < 0 || asked_for ? rc : (int)job->rc;
}

static int writes(void *arg)
{
    return end_with(arg, write_all(arg));
}

static int reads(void *arg)
{
    return end_with(arg, read_all(arg));
}

/* Others get as far as they can: until they wait. */
static int let_others_get_on(void)
{
    return tr_wait_all_blocked(0.001);
}

enum { A_LOT = 1024 * 1024, A_LOT_FOR_FAKES = 40 * 1024, TOO_MUCH = 64 * 1024 * 1024 };

static size_t a_lot(const struct ends *ends)
{
    return ends->in_earnest ? A_LOT : A_LOT_FOR_FAKES;
}

/* ---- what arrives --------------------------------------------------------------------------------------------- */

static int pass(struct wire *from, struct wire *to, size_t total, size_t written, size_t read)
{
    tr_auto(nursery) n = tr_open_nursery();
    struct job writer = job(from, total, written);
    struct job reader = job(to, total, read);
    tr_try(tr_start_soon(n, reads, &reader));
    tr_try(tr_start_soon(n, writes, &writer));
    tr_try(tr_join(n));
    expect_here(writer.rc == 0 && writer.done == total);
    expect_here(reader.rc > 0 && reader.done == total);
    return 0;
}

static int bytes_arrive_in_order_whatever_the_pieces(struct ends *ends)
{
    static const size_t sizes[] = {1, 7, 4096, 65536, A_LOT};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    for (size_t i = 0; i < SIZES * SIZES; i++) {
        tr_auto(frame) f = tr_open_frame();
        size_t written = sizes[i / SIZES], read = sizes[i % SIZES];
        size_t total = written < 100 || read < 100 ? 3000 : a_lot(ends);
        tr_try(pass(&ends->a, &ends->b, total, written, read));
        tr_try(pass(&ends->b, &ends->a, total, written, read));
    }
    return 0;
}

static int both_directions_are_used_at_once(struct ends *ends)
{
    tr_auto(nursery) n = tr_open_nursery();
    struct wire *a = &ends->a, *b = &ends->b;
    struct job jobs[] = {job(a, a_lot(ends), 5000), job(b, a_lot(ends), 7000), job(a, a_lot(ends), 8192),
                         job(b, a_lot(ends), 900)};
    for (int i = 0; i < 4; i++)
        tr_try(tr_start_soon(n, i < 2 ? writes : reads, &jobs[i]));
    tr_try(tr_join(n));
    for (int i = 0; i < 4; i++)
        expect_here(jobs[i].rc >= 0 && jobs[i].done == a_lot(ends));
    return 0;
}

static int a_read_gives_what_is_there(struct ends *ends)
{
    uint8_t got[100];
    tr_try(wire_write(&ends->a, "abc", 3));
    long first = wire_read(&ends->b, got, 2);
    expect_here(first == 2 || (first == 1 && !ends->in_earnest));
    for (long more, size = first; size < 3; size += more) {
        more = wire_read(&ends->b, got + size, sizeof got - (size_t)size);
        expect_here(more > 0 && size + more <= 3);
    }
    expect_here(memcmp(got, "abc", 3) == 0);
    return 0;
}

static int to_write_nothing_is_no_end(struct ends *ends)
{
    uint8_t got;
    tr_try(wire_write(&ends->a, NULL, 0));
    tr_try(wire_write(&ends->a, "x", 1));
    expect_here(wire_read(&ends->b, &got, 1) == 1 && got == 'x');
    return 0;
}

static int a_waiting_reader_is_woken_by_a_byte(struct ends *ends)
{
    for (int i = 0; i < 50; i++) {
        tr_auto(nursery) n = tr_open_nursery();
        struct job reader = job(&ends->b, 1, 1);
        tr_try(tr_start_soon(n, reads, &reader));
        if (i % 2)
            tr_try(let_others_get_on());
        expect_here(!reader.ended);
        tr_try(wire_write(&ends->a, &(uint8_t){byte_at(0)}, 1));
        tr_try(tr_join(n));
        expect_here(reader.done == 1);
    }
    return 0;
}

/* ---- back-pressure -------------------------------------------------------------------------------------------- */

static int who_writes_waits_for_who_does_not_read(struct ends *ends)
{
    tr_auto(nursery) n = tr_open_nursery();
    struct job writer = job(&ends->a, TOO_MUCH, 1000);
    tr_try(tr_start_soon(n, writes, &writer));
    tr_try(let_others_get_on());
    size_t held = writer.done;
    expect_here(!writer.ended && held < TOO_MUCH / 2);
    for (int i = 0; i < 4; i++) {
        tr_auto(frame) f = tr_open_frame();
        struct job reader = job(&ends->b, held, 4096);
        uint8_t *bytes = tr_alloc(held);
        expect_here(bytes != NULL);
        for (long got; reader.done < held; reader.done += (size_t)got)
            expect_here((got = wire_read(&ends->b, bytes, held - reader.done)) > 0);
        tr_try(let_others_get_on());
        expect_here(!writer.ended);
    }
    expect_here(writer.done > held);
    tr_cancel(n);
    return tr_join(n);
}

static int both_may_wait_to_write_before_either_reads(struct ends *ends)
{
    tr_auto(nursery) n = tr_open_nursery();
    size_t total = ends->in_earnest ? 8 * A_LOT : 4 * A_LOT_FOR_FAKES;
    struct wire *a = &ends->a, *b = &ends->b;
    struct job jobs[] = {job(a, total, 50000), job(b, total, 50000), job(a, total, 50000), job(b, total, 50000)};
    tr_try(tr_start_soon(n, writes, &jobs[0]));
    tr_try(tr_start_soon(n, writes, &jobs[1]));
    tr_try(let_others_get_on());
    expect_here(!jobs[0].ended && !jobs[1].ended);
    tr_try(tr_start_soon(n, reads, &jobs[2]));
    tr_try(tr_start_soon(n, reads, &jobs[3]));
    tr_try(tr_join(n));
    for (int i = 0; i < 4; i++)
        expect_here(jobs[i].rc >= 0 && jobs[i].done == total);
    return 0;
}

/* ---- ends ------------------------------------------------------------------------------------------------------ */

/* Everything that was written, then the end, again and again. */
static int expect_rest(struct wire *wire, size_t total)
{
    struct job reader = job(wire, total + 1, 777);
    tr_try(read_all(&reader));
    expect_here(reader.rc == 0 && reader.done == total);
    expect_here(wire_read(wire, &(uint8_t){0}, 1) == 0);
    return 0;
}

static int expect_writes_to_fail(struct wire *wire)
{
    struct job writer = job(wire, TOO_MUCH, 10000);
    tr_try(write_all(&writer));
    expect_here(is_of_loss(writer.rc));
    return 0;
}

static int what_was_written_is_read_before_the_end(struct ends *ends)
{
    struct job writer = job(&ends->a, 3000, 3000);
    tr_try(write_all(&writer));
    wire_close(&ends->a);
    tr_try(expect_rest(&ends->b, 3000));
    return expect_writes_to_fail(&ends->b);
}

/* Of much, in two tasks, both of which wait for the other end by now. */
static int read_and_write(tr_nursery *n, struct wire *wire, struct job *ret_reader, struct job *ret_writer)
{
    *ret_reader = job(wire, 1, 1);
    *ret_writer = job(wire, TOO_MUCH, 4096);
    tr_try(tr_start_soon(n, reads, ret_reader));
    tr_try(tr_start_soon(n, writes, ret_writer));
    return let_others_get_on();
}

static int who_waits_learns_of_the_end(struct ends *ends)
{
    tr_auto(nursery) n = tr_open_nursery();
    struct job reader, writer;
    tr_try(read_and_write(n, &ends->a, &reader, &writer));
    expect_here(!reader.ended && !writer.ended);
    wire_close(&ends->b);
    tr_try(tr_join(n));
    expect_here(reader.rc == 0 || is_of_loss(reader.rc));
    expect_here(is_of_loss(writer.rc));
    return 0;
}

/* With some transports it is told of each direction, with others there is nobody left then. */
static int an_end_of_one_direction_is_an_end(struct ends *ends)
{
    struct job writer = job(&ends->a, 3000, 100);
    tr_try(write_all(&writer));
    expect_here(sys_end_writing(ends->a.io.fd) >= 0);
    tr_try(expect_rest(&ends->b, 3000));
    struct job answer = job(&ends->b, 500, 100);
    tr_try(write_all(&answer));
    expect_here(answer.rc == 0 || is_of_loss(answer.rc));
    return 0;
}

static int who_hangs_up_reads_what_has_arrived(struct ends *ends)
{
    struct job writer = job(&ends->a, 2000, 2000);
    tr_try(write_all(&writer));
    if (ends->in_earnest)
        tr_try(tr_sleep(0.01)); /* over TCP, it has arrived by then */
    wire_hang_up(&ends->b);
    tr_try(expect_rest(&ends->b, 2000));
    tr_try(expect_writes_to_fail(&ends->b));
    return expect_writes_to_fail(&ends->a);
}

static int to_hang_up_wakes_who_waits(struct ends *ends)
{
    tr_auto(nursery) n = tr_open_nursery();
    struct job reader, writer, peer = job(&ends->b, TOO_MUCH, 4096);
    tr_try(read_and_write(n, &ends->a, &reader, &writer));
    wire_hang_up(&ends->a);
    tr_try(tr_start_soon(n, reads, &peer));
    tr_try(tr_join(n));
    expect_here(reader.rc == 0 && is_of_loss(writer.rc));
    expect_here(peer.done >= writer.done && (peer.rc == 0 || is_of_loss(peer.rc)));
    return 0;
}

static int to_close_wakes_who_waits(struct ends *ends)
{
    tr_auto(nursery) n = tr_open_nursery();
    struct job reader, writer;
    tr_try(read_and_write(n, &ends->a, &reader, &writer));
    wire_close(&ends->a);
    tr_try(tr_join(n));
    expect_here(reader.rc == TR_ECLOSED && writer.rc == TR_ECLOSED);
    expect_here(wire_read(&ends->a, &(uint8_t){0}, 1) == TR_ECLOSED);
    expect_here(wire_write(&ends->a, "x", 1) == TR_ECLOSED);
    wire_hang_up(&ends->a);
    return 0;
}

/* ---- cancelling ------------------------------------------------------------------------------------------------- */

static int a_cancelled_read_has_taken_nothing(struct ends *ends)
{
    for (int i = 0; i < 5; i++) {
        struct job reader = job(&ends->b, 1, 1);
        tr_scope limit = tr_move_on_after(0.001);
        tr_try(tr_within(&limit, read_all(&reader)));
        expect_here(reader.rc == TR_ECANCELLED && reader.done == 0);
        tr_try(pass(&ends->a, &ends->b, 100, 10, 100));
    }
    return 0;
}

/* Somewhere in a piece; what comes next goes on from there. */
static int what_a_cancelled_write_has_done_is_a_beginning(struct ends *ends)
{
    struct job writer = job(&ends->a, TOO_MUCH, 3000);
    tr_scope limit = tr_move_on_after(0.01);
    tr_try(tr_within(&limit, write_all(&writer)));
    expect_here(writer.rc == TR_ECANCELLED);
    wire_close(&ends->a);
    struct job reader = job(&ends->b, TOO_MUCH, 4096);
    tr_try(read_all(&reader));
    expect_here(reader.rc == 0);
    expect_here(reader.done >= writer.done && reader.done <= writer.done + writer.piece);
    return 0;
}

/* The one may be what wakes the other. */
static int a_writer_that_is_cancelled_leaves_the_reader_at_work(struct ends *ends)
{
    tr_auto(nursery) n = tr_open_nursery();
    struct job reader = job(&ends->a, 10, 10), writer = job(&ends->a, TOO_MUCH, 4096);
    tr_scope limit = tr_move_on_after(0.01);
    tr_try(tr_start_soon(n, reads, &reader));
    tr_try(tr_within(&limit, write_all(&writer)));
    expect_here(!reader.ended);
    struct job taker = job(&ends->b, writer.done, 4096), answer = job(&ends->b, 10, 10);
    tr_try(read_all(&taker));
    tr_try(write_all(&answer));
    tr_try(tr_join(n));
    expect_here(taker.done == writer.done && reader.done == 10);
    return 0;
}

static int a_reader_that_is_cancelled_leaves_the_writer_at_work(struct ends *ends)
{
    tr_auto(nursery) n = tr_open_nursery();
    size_t total = 8 * a_lot(ends);
    struct job reader = job(&ends->a, 10, 10), writer = job(&ends->a, total, 4096);
    tr_scope limit = tr_move_on_after(0.01);
    tr_try(tr_start_soon(n, writes, &writer));
    tr_try(tr_within(&limit, read_all(&reader)));
    expect_here(!writer.ended);
    struct job taker = job(&ends->b, total, 4096);
    tr_try(read_all(&taker));
    tr_try(tr_join(n));
    expect_here(taker.done == total && writer.done == total);
    return 0;
}

/* ---- descriptors ------------------------------------------------------------------------------------------------- */

static int write_and_read_one(struct ends *ends)
{
    uint8_t byte = 0;
    tr_try(wire_write(&ends->a, "1", 1));
    tr_try((int)wire_read(&ends->b, &byte, 1));
    expect_here(byte == '1');
    return 0;
}

/* The reading end of a pipe; over TCP nothing can go. */
static int pass_one(struct ends *ends, const int pipe[2])
{
    uint8_t byte = 0;
    ends->b.looks = true;
    tr_try(write_and_read_one(ends)); /* rings must be in use */
    expect_here(wire_take_passed(&ends->b) == -1);
    int copy[2];
    tr_try(sys_pipe(copy));
    expect_here(wire_pass(&ends->a, pipe[0]) == 0 && wire_pass(&ends->a, copy[0]) == -EAGAIN);
    sys_close(&copy[1]);
    tr_try(write_and_read_one(ends));
    int fd = wire_take_passed(&ends->b);
    expect_here(fd >= 0 && wire_take_passed(&ends->b) == -1);
    expect_here(sys_write(pipe[1], "2", 1) == 1 && sys_read(fd, &byte, 1) == 1 && byte == '2');
    sys_close(&fd);
    return 0;
}

static int a_descriptor_goes_with_what_is_written(struct ends *ends)
{
    int pipe[2];
    if (!wire_is_local(&ends->a))
        return 0;
    tr_try(sys_pipe(pipe));
    int rc = pass_one(ends, pipe);
    sys_close(&pipe[1]);
    return rc;
}

/* As often as there is room, which is never waited for; what is taken so is as good as any. */
static int what_is_taken_at_once_arrives_too(struct ends *ends)
{
    uint8_t bytes[1000];
    struct job reader = job(&ends->b, 0, 4096);
    long taken = 1;
    for (; taken > 0; reader.total += (size_t)taken) {
        fill_pattern(bytes, reader.total, sizeof bytes);
        taken = wire_try_write(&ends->a, bytes, sizeof bytes);
        expect_here(taken >= 0 && taken <= (long)sizeof bytes && reader.total < TOO_MUCH);
    }
    expect_here(reader.total > 0);
    tr_try(read_all(&reader));
    expect_here(reader.done == reader.total);
    return 0;
}

static int nothing_is_taken_at_once_by_what_is_closed(struct ends *ends)
{
    wire_close(&ends->a);
    expect_here(wire_try_write(&ends->a, "x", 1) == 0);
    return 0;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

struct promise {
    const char *name;
    wire_scenario *scenario;
    bool in_need;               /* also when memory and system calls fail */
};

#define PROMISE(name, ...) {#name, name, __VA_ARGS__}

static const struct promise promises[] = {
    PROMISE(bytes_arrive_in_order_whatever_the_pieces, false),
    PROMISE(both_directions_are_used_at_once, true),
    PROMISE(a_read_gives_what_is_there, true),
    PROMISE(to_write_nothing_is_no_end, false),
    PROMISE(a_waiting_reader_is_woken_by_a_byte, true),
    PROMISE(what_is_taken_at_once_arrives_too, false),
    PROMISE(nothing_is_taken_at_once_by_what_is_closed, false),
    PROMISE(who_writes_waits_for_who_does_not_read, true),
    PROMISE(both_may_wait_to_write_before_either_reads, false),
    PROMISE(what_was_written_is_read_before_the_end, true),
    PROMISE(who_waits_learns_of_the_end, true),
    PROMISE(an_end_of_one_direction_is_an_end, false),
    PROMISE(who_hangs_up_reads_what_has_arrived, false),
    PROMISE(to_hang_up_wakes_who_waits, false),
    PROMISE(to_close_wakes_who_waits, false),
    PROMISE(a_cancelled_read_has_taken_nothing, true),
    PROMISE(what_a_cancelled_write_has_done_is_a_beginning, false),
    PROMISE(a_writer_that_is_cancelled_leaves_the_reader_at_work, false),
    PROMISE(a_reader_that_is_cancelled_leaves_the_writer_at_work, false),
    PROMISE(a_descriptor_goes_with_what_is_written, false),
};

enum { PROMISES = sizeof promises / sizeof *promises };

struct trial {
    const struct way *way;
    const struct promise *promise;
};

static void keeps_its_promise(void **state)
{
    const struct trial *trial = *state;
    in_the_real_world(trial->way, trial->promise->scenario);
    on_two_processors(trial->way, trial->promise->scenario);
    in_fake_worlds(trial->way, trial->promise->scenario);
    if (trial->promise->in_need)
        in_need(trial->way, trial->promise->scenario);
}

int main(void)
{
    static struct trial trials[WAYS * PROMISES];
    static char names[WAYS * PROMISES][100];
    static struct CMUnitTest tests[WAYS * PROMISES];
    for (size_t i = 0; i < WAYS * PROMISES; i++) {
        trials[i] = (struct trial){&ways[i / PROMISES], &promises[i % PROMISES]};
        snprintf(names[i], sizeof names[i], "%s: %s", trials[i].way->name, trials[i].promise->name);
        tests[i] = (struct CMUnitTest){names[i], keeps_its_promise, NULL, NULL, &trials[i]};
    }
    return _cmocka_run_group_tests("wire", tests, WAYS * PROMISES, NULL, NULL);
}

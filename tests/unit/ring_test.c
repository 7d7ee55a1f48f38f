/* Rings between threads, which race in earnest, and rings whose other end scribbles. What may happen in which order
 * is tried exhaustively by tests/conform/ring_model_test.c. */
#include "transport/ring.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 4096 };

/* Both ends of one, and a bell for each. */
struct pair {
    struct ring_control control;
    uint8_t bytes[MOST];
    struct ring writer, reader;
    sem_t to_reader, to_writer;
    size_t total, written, read; /* bytes in all, and at a time */
    bool spoilt;
};

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

static void set_up(struct pair *pair, uint32_t size)
{
    memset(pair, 0, sizeof *pair);
    pair->writer = pair->reader = (struct ring){.control = &pair->control, .bytes = pair->bytes, .size = size};
    sem_init(&pair->to_reader, 0, 0);
    sem_init(&pair->to_writer, 0, 0);
}

static void *write_all(void *arg)
{
    struct pair *pair = arg;
    uint8_t bytes[MOST];
    for (size_t done = 0; done < pair->total;) {
        size_t size = pair->total - done < pair->written ? pair->total - done : pair->written;
        for (size_t i = 0; i < size; i++)
            bytes[i] = byte_at(done + i);
        long count = ring_write(&pair->writer, bytes, size);
        done += (size_t)count;
        if (count == 0 && ring_writer_sleeps(&pair->writer) == 0)
            sem_wait(&pair->to_writer);
        else if (count > 0 && ring_wakes_reader(&pair->writer))
            sem_post(&pair->to_reader);
    }
    return NULL;
}

static void *read_all(void *arg)
{
    struct pair *pair = arg;
    uint8_t bytes[MOST];
    for (size_t done = 0; done < pair->total;) {
        long count = ring_read(&pair->reader, bytes, pair->read);
        for (long i = 0; i < count; i++)
            pair->spoilt |= bytes[i] != byte_at(done + (size_t)i);
        done += (size_t)count;
        if (count == 0 && ring_reader_sleeps(&pair->reader) == 0)
            sem_wait(&pair->to_reader);
        else if (count > 0 && ring_wakes_writer(&pair->reader))
            sem_post(&pair->to_writer);
    }
    return NULL;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

static void pass_between_threads(uint32_t size, size_t written, size_t read)
{
    static struct pair pair;
    pthread_t writer, reader;
    set_up(&pair, size);
    pair.total = 500 * smallest(size, written, read); /* they may sleep at each */
    pair.written = written;
    pair.read = read;
    assert_int_equal(pthread_create(&writer, NULL, write_all, &pair), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_all, &pair), 0);
    pthread_join(writer, NULL);
    pthread_join(reader, NULL);
    assert_false(pair.spoilt);
}

static void bytes_pass_between_threads_in_order(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 3, 64, 1000, MOST};
    enum { PIECES = sizeof pieces / sizeof *pieces };
    for (uint32_t size = 2; size <= MOST; size *= 8)
        for (size_t i = 0; i < PIECES * PIECES; i++)
            pass_between_threads(size, pieces[i / PIECES], pieces[i % PIECES]);
}

static void a_ring_is_a_queue_of_so_many_bytes(void **state)
{
    (void)state;
    struct pair pair;
    uint8_t got[16];
    set_up(&pair, 8);
    assert_int_equal(ring_read(&pair.reader, got, sizeof got), 0);
    assert_int_equal(ring_write(&pair.writer, "abcdefghij", 10), 8);
    assert_int_equal(ring_write(&pair.writer, "k", 1), 0);
    assert_int_equal(ring_read(&pair.reader, got, 3), 3);
    assert_memory_equal(got, "abc", 3);
    assert_int_equal(ring_write(&pair.writer, "ijkl", 4), 3);
    assert_int_equal(ring_read(&pair.reader, got, sizeof got), 8);
    assert_memory_equal(got, "defghijk", 8);
    assert_int_equal(ring_has_bytes(&pair.reader), 0);
}

static void indices_go_on_beyond_their_largest(void **state)
{
    (void)state;
    struct pair pair;
    uint8_t got[8];
    set_up(&pair, 8);
    atomic_store(&pair.control.written, UINT32_MAX - 2);
    atomic_store(&pair.control.taken, UINT32_MAX - 2);
    pair.writer.mine = pair.writer.theirs = pair.reader.mine = pair.reader.theirs = UINT32_MAX - 2;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ring_write(&pair.writer, "abcdefgh", 8), 8);
        assert_int_equal(ring_write(&pair.writer, "i", 1), 0);
        assert_int_equal(ring_read(&pair.reader, got, 8), 8);
        assert_memory_equal(got, "abcdefgh", 8);
    }
}

static void a_bell_is_rung_once_for_each_sleep_and_only_then(void **state)
{
    (void)state;
    struct pair pair;
    uint8_t got[8];
    set_up(&pair, 8);
    assert_int_equal(ring_write(&pair.writer, "a", 1), 1);
    assert_false(ring_wakes_reader(&pair.writer));
    assert_int_equal(ring_reader_sleeps(&pair.reader), 1);
    assert_int_equal(ring_read(&pair.reader, got, 8), 1);
    assert_int_equal(ring_reader_sleeps(&pair.reader), 0);
    assert_int_equal(ring_write(&pair.writer, "b", 1), 1);
    assert_true(ring_wakes_reader(&pair.writer));
    assert_false(ring_wakes_reader(&pair.writer));
}

static void a_writer_is_woken_when_half_is_free(void **state)
{
    (void)state;
    struct pair pair;
    uint8_t got[8];
    set_up(&pair, 8);
    assert_int_equal(ring_write(&pair.writer, "abcdefgh", 8), 8);
    assert_int_equal(ring_writer_sleeps(&pair.writer), 0);
    assert_int_equal(ring_read(&pair.reader, got, 3), 3);
    assert_false(ring_wakes_writer(&pair.reader));
    assert_int_equal(ring_read(&pair.reader, got, 1), 1);
    assert_true(ring_wakes_writer(&pair.reader));
    assert_int_equal(ring_writer_sleeps(&pair.writer), 1);
}

/* Of small numbers, near what is right, and of anything. */
static uint32_t draw(unsigned *seed, uint32_t near)
{
    switch (rand_r(seed) % 3) {
    case 0:
        return (uint32_t)rand_r(seed) % 20;
    case 1:
        return near + (uint32_t)rand_r(seed) % 40 - 20;
    default:
        return (uint32_t)rand_r(seed) << 16 ^ (uint32_t)rand_r(seed);
    }
}

static void scribble(struct pair *pair, unsigned *seed)
{
    ring_word *const words[] = {&pair->control.written, &pair->control.taken, &pair->control.reader_sleeps,
                                &pair->control.writer_sleeps};
    atomic_store(words[rand_r(seed) % 4], draw(seed, rand_r(seed) % 2 ? pair->writer.mine : pair->reader.mine));
    pair->bytes[rand_r(seed) % 16] ^= 1;
}

static bool is_count(long count, size_t most)
{
    return count == -EPROTO || (count >= 0 && (size_t)count <= most);
}

/* What lies around the bytes and behind what is read stays as it was. */
static void a_peer_that_scribbles_is_found_out_or_believed_and_touches_nothing(void **state)
{
    (void)state;
    enum { SIZE = 16, AROUND = 64 };
    uint8_t got[SIZE + AROUND];
    struct pair pair;
    unsigned seed = 1;
    set_up(&pair, SIZE);
    memset(pair.bytes + SIZE, 0xa5, AROUND);
    size_t found_out = 0;
    for (int i = 0; i < 200000; i++) {
        size_t size = (size_t)rand_r(&seed) % (SIZE + 1);
        scribble(&pair, &seed);
        memset(got, 0x5a, sizeof got);
        long count = i % 2 ? ring_write(&pair.writer, got, size) : ring_read(&pair.reader, got, size);
        assert_true(is_count(count, size));
        found_out += count < 0;
        (void)ring_wakes_reader(&pair.writer);
        (void)ring_wakes_writer(&pair.reader);
        assert_true(is_count(ring_reader_sleeps(&pair.reader), 1));
        assert_true(is_count(ring_writer_sleeps(&pair.writer), 1));
        assert_true(is_count(ring_has_bytes(&pair.reader), 1));
        for (size_t at = 0; at < AROUND; at++) {
            assert_int_equal(pair.bytes[SIZE + at], 0xa5);
            assert_int_equal(got[SIZE + at], 0x5a);
        }
    }
    assert_in_range(found_out, 1000, 199000);
}

static void a_reader_knows_whether_the_writer_runs_elsewhere(void **state)
{
    (void)state;
    static struct pair pair;
    set_up(&pair, 16);
    assert_false(ring_writer_runs_elsewhere(&pair.reader, 0)); /* nobody has told */
    ring_tell_processor(&pair.writer, 3);
    assert_true(ring_writer_runs_elsewhere(&pair.reader, 0));
    assert_false(ring_writer_runs_elsewhere(&pair.reader, 3));
    assert_false(ring_writer_runs_elsewhere(&pair.reader, -1)); /* where nobody runs at the same time */
    ring_tell_processor(&pair.writer, -1);
    assert_false(ring_writer_runs_elsewhere(&pair.reader, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_is_a_queue_of_so_many_bytes),
        cmocka_unit_test(indices_go_on_beyond_their_largest),
        cmocka_unit_test(a_bell_is_rung_once_for_each_sleep_and_only_then),
        cmocka_unit_test(a_writer_is_woken_when_half_is_free),
        cmocka_unit_test(a_reader_knows_whether_the_writer_runs_elsewhere),
        cmocka_unit_test(bytes_pass_between_threads_in_order),
        cmocka_unit_test(a_peer_that_scribbles_is_found_out_or_believed_and_touches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

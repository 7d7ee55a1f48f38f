/* Streams in memory, on the virtual clock; and with them what is the same for streams of every kind. */
#include "support/tasks.h"

#include <errno.h>

/* ---- what the scenarios are made of ---------------------------------------------------------------------- */

struct work {
    tr_conn *conn;
    const char *text;
    char got[16];
    int rc;
    bool ended;
};

static int read_once(void *arg)
{
    struct work *work = arg;
    work->rc = tr_conn_read(work->conn, work->got, sizeof work->got);
    work->ended = true;
    return 0;
}

static int write_once(void *arg)
{
    struct work *work = arg;
    work->rc = tr_conn_write(work->conn, work->text, strlen(work->text));
    work->ended = true;
    return 0;
}

static int end_once(void *arg)
{
    struct work *work = arg;
    work->rc = tr_conn_end(work->conn);
    work->ended = true;
    return 0;
}

static int says(tr_conn *conn, const char *expected)
{
    char got[64] = "";
    size_t size = strlen(expected);
    for (size_t done = 0; done < size;) {
        int rc = tr_conn_read(conn, got + done, size - done);
        tr_try(rc);
        expect(rc > 0);
        done += (size_t)rc;
    }
    expect(strcmp(got, expected) == 0);
    return 0;
}

#define pair_of(a, b)                                                                              \
    tr_auto(conn) a = NULL;                                                                        \
    tr_auto(conn) b = NULL;                                                                        \
    tr_try(tr_memory_pair(&a, &b))

/* ---- scenarios ------------------------------------------------------------------------------------------------ */

static int what_is_written_at_one_end_is_read_at_the_other(void *arg)
{
    (void)arg;
    pair_of(a, b);
    tr_try(tr_conn_write(a, "ping", 4));
    tr_try(tr_conn_write(a, "", 0));
    tr_try(tr_conn_write(a, "!", 1));
    tr_try(tr_conn_write(b, "pong", 4));
    tr_try(says(b, "pi"));
    tr_try(says(b, "ng!"));
    return says(a, "pong");
}

static int a_reader_waits_for_the_writer(void *arg)
{
    (void)arg;
    pair_of(a, b);
    tr_auto(nursery) n = tr_open_nursery();
    struct work work = {.conn = b};
    tr_try(tr_start_soon(n, read_once, &work));
    tr_try(tr_sleep(100));
    expect(!work.ended);
    tr_try(tr_conn_write(a, "at last", 7));
    tr_try(tr_join(n));
    expect(work.rc == 7 && memcmp(work.got, "at last", 7) == 0);
    return 0;
}

static int the_end_is_read_after_everything_else(void *arg)
{
    (void)arg;
    for (int closes = 0; closes < 2; closes++) {
        pair_of(a, b);
        char got[4];
        tr_try(tr_conn_write(a, "last", 4));
        if (closes)
            tr_close_conn(&a);
        else
            tr_try(tr_conn_end(a));
        tr_try(says(b, "last"));
        expect(tr_conn_read(b, got, 4) == 0 && tr_conn_read(b, got, 4) == 0);
        expect(tr_conn_write(b, "x", 1) == (closes ? TR_EBROKEN : 0));
        if (!closes)
            tr_try(says(a, "x"));
    }
    return 0;
}

static int the_end_wakes_a_reader(void *arg)
{
    (void)arg;
    pair_of(a, b);
    tr_auto(nursery) n = tr_open_nursery();
    struct work work = {.conn = b, .rc = 1};
    tr_try(tr_start_soon(n, read_once, &work));
    tr_try(tr_sleep(1));
    tr_try(tr_conn_end(a));
    tr_try(tr_join(n));
    expect(work.rc == 0);
    return 0;
}

static int nothing_is_written_after_the_end(void *arg)
{
    (void)arg;
    pair_of(a, b);
    tr_try(tr_conn_end(a));
    tr_try(tr_conn_end(a));
    expect(tr_conn_write(a, "x", 1) == TR_ECLOSED);
    expect_error("Closed", "after the end");
    return 0;
}

static int a_closed_stream_says_so(void *arg)
{
    (void)arg;
    pair_of(a, b);
    char got[4];
    tr_close_conn(&a);
    tr_close_conn(&a);
    expect(!a && tr_conn_read(a, got, 4) == TR_ECLOSED && tr_conn_write(a, "x", 1) == TR_ECLOSED);
    expect(tr_conn_end(a) == TR_ECLOSED);
    expect(tr_conn_write(b, "x", 1) == TR_EBROKEN);
    expect_error("Broken", "other end");
    expect(tr_conn_read(b, got, 0) == TR_EARGUMENT);
    return 0;
}

/* While they wait, and while they are between waking up and running. */
static int a_close_wakes_those_at_work(void *arg)
{
    (void)arg;
    int (*const works[])(void *) = {read_once, write_once, end_once};
    for (int kind = 0; kind < 3; kind++) {
        pair_of(a, b);
        tr_auto(nursery) n = tr_open_nursery();
        struct work work = {.conn = a, .text = "x"};
        tr_try(tr_start_soon(n, works[kind], &work));
        tr_try(tr_checkpoint());
        expect(!work.ended);
        tr_close_conn(&a);
        tr_try(tr_join(n));
        expect(work.rc == TR_ECLOSED);
        expect(tr_conn_read(b, work.got, 1) == 0);
    }
    return 0;
}

static int one_reader_and_one_writer_at_a_time(void *arg)
{
    (void)arg;
    pair_of(a, b);
    tr_auto(nursery) n = tr_open_nursery();
    struct work reads = {.conn = a}, writes = {.conn = a, .text = "x"};
    tr_try(tr_start_soon(n, read_once, &reads));
    tr_try(tr_start_soon(n, write_once, &writes));
    tr_try(tr_checkpoint());
    char got[4];
    expect(tr_conn_read(a, got, 4) == TR_EMISUSE && tr_conn_write(a, "y", 1) == TR_EMISUSE);
    expect(tr_conn_end(a) == TR_EMISUSE);
    expect_error("Misuse", "another task is writing");
    tr_try(tr_conn_write(b, "z", 1));
    tr_try(tr_join(n));
    expect(reads.rc == 1 && writes.rc == 0);
    return says(b, "x");
}

static int a_cancelled_call_leaves_everything_as_it_was(void *arg)
{
    (void)arg;
    pair_of(a, b);
    char got[4];
    tr_try(tr_conn_write(a, "abc", 3));
    tr_scope over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_conn_read(b, got, 4)));
    expect(over.cancelled_caught);
    over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_conn_write(a, "d", 1)));
    expect(over.cancelled_caught);
    over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_conn_end(a)));
    expect(over.cancelled_caught);
    tr_scope limit = tr_move_on_after(5);
    tr_try(says(b, "abc"));
    tr_try(tr_within(&limit, tr_conn_read(b, got, 4)));
    expect(limit.cancelled_caught);
    tr_try(tr_conn_write(a, "e", 1));
    return says(b, "e");
}

/* Woken by the writer and cancelled before it runs: what was written is for the next. */
static int what_a_cancelled_reader_was_woken_for_is_not_lost(void *arg)
{
    (void)arg;
    pair_of(a, b);
    tr_auto(nursery) n = tr_open_nursery();
    struct work work = {.conn = b};
    tr_try(tr_start_soon(n, read_once, &work));
    tr_try(tr_sleep(1));
    tr_try(tr_conn_write(a, "abc", 3));
    tr_cancel(n);
    tr_try(tr_join(n));
    if (work.rc == TR_ECANCELLED)
        return says(b, "abc");
    expect(work.rc == 3);
    return 0;
}

static int a_conversation(void *arg)
{
    (void)arg;
    pair_of(a, b);
    tr_auto(nursery) n = tr_open_nursery();
    struct work work = {.conn = b};
    tr_try(tr_start_soon(n, read_once, &work));
    tr_try(tr_conn_write(a, "abc", 3));
    tr_try(tr_conn_end(a));
    return tr_join(n);
}

static void running_out_of_memory_anywhere_is_a_clean_error(void **state)
{
    (void)state;
    run_short_of_memory(a_conversation);
}

static void there_are_no_streams_outside_a_run(void **state)
{
    (void)state;
    tr_conn *a = NULL, *b = NULL;
    char got[4];
    assert_int_equal(tr_memory_pair(&a, &b), TR_ENORUNTIME);
    assert_int_equal(tr_conn_read(a, got, 4), TR_ENORUNTIME);
    assert_int_equal(tr_conn_write(a, got, 4), TR_ENORUNTIME);
    assert_int_equal(tr_conn_end(a), TR_ENORUNTIME);
    tr_close_conn(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_are_no_streams_outside_a_run),
        SCENARIO(what_is_written_at_one_end_is_read_at_the_other),
        SCENARIO(a_reader_waits_for_the_writer),
        SCENARIO(the_end_is_read_after_everything_else),
        SCENARIO(the_end_wakes_a_reader),
        SCENARIO(nothing_is_written_after_the_end),
        SCENARIO(a_closed_stream_says_so),
        SCENARIO(a_close_wakes_those_at_work),
        SCENARIO(one_reader_and_one_writer_at_a_time),
        SCENARIO(a_cancelled_call_leaves_everything_as_it_was),
        SCENARIO(what_a_cancelled_reader_was_woken_for_is_not_lost),
        cmocka_unit_test(running_out_of_memory_anywhere_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

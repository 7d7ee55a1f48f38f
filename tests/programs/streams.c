/* Streams between real processes. */
#include "support/expect.h"
#include "support/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- producers ------------------------------------------------------------------------------------------ */

static int64_t sent, cancelled;      /* of the worker: what its functions did */

tr_stream_fn(int64_t, count, (int64_t, last))
{
    for (int64_t i = 1; i <= args->last; i++)
        tr_try(tr_yield(ctx, i));
    return 0;
}

static int note_end(int rc)
{
    cancelled += rc == TR_ECANCELLED;
    return rc;
}

static int count_for_ever(tr_ctx *ctx)
{
    for (sent = 0;; sent++)
        tr_try(tr_send_yield(ctx, int64_t, sent));
}

tr_stream_fn(int64_t, for_ever)
{
    return note_end(count_for_ever(ctx));
}

tr_stream_fn(tr_str, until_it_breaks, (int64_t, good))
{
    for (int64_t i = 0; i < args->good; i++)
        tr_try(tr_yield(ctx, "good"));
    return tr_raise("app.Broken", "after %ld", (long)args->good);
}

tr_stream_fn(tr_bytes, blobs, (uint64_t, size), (int64_t, times))
{
    void *zeros = calloc(1, args->size);
    int rc = 0;
    for (int64_t i = 0; i < args->times && rc >= 0; i++)
        rc = tr_yield(ctx, {zeros, args->size});
    free(zeros);
    return rc;
}

tr_stream_fn(int64_t, breaks_when_left)
{
    int rc = count_for_ever(ctx);
    return rc == TR_ECANCELLED ? tr_raise("app.CleanUp", "the producer could not put away") : rc;
}

tr_stream_fn(int64_t, of_another_type)
{
    return tr_send_yield(ctx, double, 1.5);
}

tr_fn(void, yields_without_being_one)
{
    return tr_send_yield(ctx, int64_t, 1);
}

tr_struct(state_of_worker, (int64_t, sent), (int64_t, cancelled));

tr_fn(state_of_worker, look)
{
    *ret = (state_of_worker){.sent = sent, .cancelled = cancelled};
    return 0;
}

/* Two tasks of one function send into the same stream. */
static int send_ones(void *ctx)
{
    for (int i = 0; i < 100; i++)
        tr_try(tr_send_yield(ctx, int64_t, 1));
    return 0;
}

tr_stream_fn(int64_t, from_two_tasks)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, send_ones, ctx));
    tr_try(tr_start_soon(n, send_ones, ctx));
    return tr_join(n);
}

/* Passes on what another actor streams. */
tr_stream_fn(int64_t, pass_on, (tr_str, from), (int64_t, last))
{
    tr_auto(portal) source = NULL;
    tr_auto(stream) numbers = NULL;
    tr_try(tr_wait_for_actor(&source, args->from));
    tr_try(tr_open_stream(source, &numbers, count, .last = args->last));
    int64_t number;
    int rc;
    while ((rc = tr_next(numbers, &number, count)) > 0)
        tr_try(tr_yield(ctx, number));
    return rc;
}

tr_stream_fn(tr_piece, download, (uint64_t, size))
{
    static const char bytes[1 << 20];
    for (uint64_t done = 0; done < args->size; done += sizeof bytes)
        tr_try(tr_yield_bytes(ctx, (tr_bytes){bytes, sizeof bytes}));
    return 0;
}

/* Takes what it is sent, and says how much that was. */
tr_context_fn(uint64_t, upload, (void, tr_piece, void))
{
    tr_piece piece;
    int rc;
    tr_try(tr_ctx_started(ctx));
    for (*ret = 0; (rc = tr_ctx_receive(ctx, &piece)) > 0; *ret += piece.data.size)
        continue;
    return rc;
}

tr_context_fn(void, keep_asking, (void, int64_t, int64_t))
{
    int64_t last = 0, next;
    int rc;
    tr_try(tr_ctx_started(ctx));
    while ((rc = tr_ctx_receive(ctx, &next)) > 0 && next == last + 1)
        tr_try(tr_yield(ctx, last = next));
    return rc > 0 ? tr_raise("test.Gap", "%ld after %ld", (long)next, (long)last) : rc;
}

/* ---- scenarios ------------------------------------------------------------------------------------------ */

static int values_arrive_in_order_each_once_and_then_the_end(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    {
        tr_auto(stream) numbers = NULL;
        tr_try(tr_open_stream(worker, &numbers, count, .last = 50000));
        int64_t number, expected = 0;
        int rc;
        while ((rc = tr_next(numbers, &number, count)) > 0)
            expect(number == ++expected);
        expect(rc == 0 && expected == 50000);
        expect(tr_next(numbers, &number, count) == 0); /* and stays so */
    }
    return end(n, worker);
}

static int an_error_comes_after_the_values(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    {
        tr_auto(stream) words = NULL;
        tr_try(tr_open_stream(worker, &words, until_it_breaks, .good = 3));
        tr_str word;
        for (int i = 0; i < 3; i++)
            expect(tr_next(words, &word, until_it_breaks) == 1 && strcmp(word, "good") == 0);
        expect(tr_next(words, &word, until_it_breaks) == TR_EREMOTE);
        expect_error("app.Broken", "after 3");
        expect(tr_next(words, &word, until_it_breaks) == TR_EREMOTE);
    } /* once told it is no news */
    return end(n, worker);
}

static int leave_early(tr_portal *worker)
{
    tr_auto(stream) numbers = NULL;
    tr_try(tr_open_stream(worker, &numbers, for_ever));
    int64_t number;
    for (int64_t i = 0; i < 10; i++)
        expect(tr_next(numbers, &number, for_ever) == 1 && number == i);
    return 0;
}

static int leaving_early_ends_the_producer(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    state_of_worker now;
    for (int i = 1; i <= 3; i++) {
        tr_try(leave_early(worker));
        tr_try(tr_call(worker, &now, look));
        expect(now.cancelled == i);
    }
    return end(n, worker);
}

static int what_goes_wrong_while_leaving_is_not_lost(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    tr_scope scope = tr_cancel_scope();
    int64_t number;
    tr_auto(stream) numbers = NULL;
    tr_try(tr_open_stream(worker, &numbers, breaks_when_left));
    expect(tr_within(&scope, (tr_ignore(tr_next(numbers, &number, breaks_when_left)),
                              tr_stream_done_(&numbers), 0)) == TR_EREMOTE);
    expect_error("app.CleanUp", "put away");
    return end(n, worker);
}

/* Nothing but the window bounds it: the consumer's queue, and the producer's. Calls go on meanwhile. */
static int a_consumer_that_stops_stops_the_producer_and_nothing_else(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    {
        tr_auto(stream) numbers = NULL;
        tr_try(tr_open_stream(worker, &numbers, for_ever));
        state_of_worker now = {0};
        int64_t before = -1;
        for (int still = 0; still < 100; still++) { /* a checkpoint there each time */
            tr_try(tr_call(worker, &now, look));
            expect(now.sent <= 256 * 1024 / 33 + 1);
            if (now.sent != before)
                still = 0;
            before = now.sent;
        }
        expect(now.sent > 1000);
        int64_t number;
        for (int64_t i = 0; i < 3 * now.sent; i++)
            expect(tr_next(numbers, &number, for_ever) == 1 && number == i);
    }
    return end(n, worker);
}

static int values_larger_than_the_window_pass(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    {
        tr_auto(stream) pieces = NULL;
        tr_try(tr_open_stream(worker, &pieces, blobs, .size = 1 << 20, .times = 20));
        tr_bytes piece;
        int got = 0, rc;
        for (; (rc = tr_next(pieces, &piece, blobs)) > 0; got++)
            expect(piece.size == 1 << 20);
        expect(rc == 0 && got == 20);
    }
    return end(n, worker);
}

static int a_value_that_cannot_be_sent_is_an_error_of_the_producer(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    {
        tr_auto(stream) pieces = NULL;
        tr_try(tr_open_stream(worker, &pieces, blobs, .size = 17 << 20, .times = 1));
        tr_bytes piece;
        expect(tr_next(pieces, &piece, blobs) == TR_EREMOTE);
        expect_error("ArgumentError", "limit");
    }
    return end(n, worker);
}

static int iterate(tr_portal *worker, int64_t *count_of)
{
    tr_auto(stream) numbers = NULL;
    tr_try(tr_open_stream(worker, &numbers, for_ever));
    int64_t number;
    int rc;
    while ((rc = tr_next(numbers, &number, for_ever)) > 0)
        ++*count_of;
    return rc;
}

static int an_endless_stream_ends_with_the_deadline(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    int64_t got = 0;
    tr_scope limit = tr_move_on_after(0.05);
    tr_try(tr_within(&limit, iterate(worker, &got)));
    expect(limit.cancelled_caught && got > 0);
    state_of_worker now;
    tr_try(tr_call(worker, &now, look));
    expect(now.cancelled == 1);
    return end(n, worker);
}

static int a_producer_that_is_killed_ends_its_stream_with_an_error(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    {
        tr_auto(stream) numbers = NULL;
        tr_try(tr_open_stream(worker, &numbers, for_ever));
        tr_try(tr_cancel_actor(worker));
        int64_t number, got = 0;
        int rc;
        while ((rc = tr_next(numbers, &number, for_ever)) > 0)
            expect(number == got++);
        expect(rc == TR_EREMOTE);
    }
    return tr_join(n);
}

static int several_tasks_send_into_one_stream(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    {
        tr_auto(stream) ones = NULL;
        tr_try(tr_open_stream(worker, &ones, from_two_tasks));
        int64_t one, total = 0;
        int rc;
        while ((rc = tr_next(ones, &one, from_two_tasks)) > 0)
            total += one;
        expect(rc == 0 && total == 200);
    }
    return end(n, worker);
}

static int a_stream_passes_through_three_processes(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *source, *relay;
    tr_list_tr_str modules = tr_names(tr_this_module());
    tr_try(tr_start_actor(n, &source, "source", .modules = modules));
    tr_try(tr_start_actor(n, &relay, "relay", .modules = modules));
    {
        tr_auto(stream) numbers = NULL;
        tr_try(tr_open_stream(relay, &numbers, pass_on, .from = "source", .last = 20000));
        int64_t number, got = 0;
        int rc;
        while ((rc = tr_next(numbers, &number, pass_on)) > 0)
            expect(number == ++got);
        expect(rc == 0 && got == 20000);
    }
    tr_try(tr_cancel_actor(relay));
    return end(n, source);
}

static size_t resident_kib(int pid)
{
    FILE *file = fopen(tr_format("/proc/%d/statm", pid), "r");
    unsigned long pages = 0, resident = 0;
    int got = file ? fscanf(file, "%lu %lu", &pages, &resident) : 0;
    if (file)
        fclose(file);
    return got == 2 ? resident * 4 : 0;
}

/* Sanitizers keep what was freed. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__)
enum { LONG_BYTES = 128 << 20, ENOUGH_KIB = 1024 * 1024 };
#else
enum { LONG_BYTES = 128 << 20, ENOUGH_KIB = 16 * 1024 };
#endif

static int a_long_byte_string_is_never_held_as_a_whole(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    {
        tr_auto(stream) pieces = NULL;
        tr_auto(stream) out = NULL;
        static const char bytes[64 * 1024];
        tr_piece piece;
        uint64_t got = 0;
        int rc, pid = tr_portal_actor(worker)->pid;
        size_t ours = resident_kib(getpid()), theirs = resident_kib(pid);
        tr_try(tr_open_stream(worker, &pieces, download, .size = LONG_BYTES));
        for (; (rc = tr_next(pieces, &piece, download)) > 0; got += piece.data.size)
            continue;
        expect(rc == 0 && got == LONG_BYTES);
        tr_try(tr_open_context(worker, &out, NULL, upload));
        for (got = 0; got < LONG_BYTES; got += sizeof bytes)
            tr_try(tr_stream_send(out, upload, {.data = {bytes, sizeof bytes}, .more = true}));
        tr_try(tr_stream_result(out, &got, upload));
        expect(got == LONG_BYTES);
        expect(resident_kib(getpid()) < ours + ENOUGH_KIB && resident_kib(pid) < theirs + ENOUGH_KIB);
    }
    return end(n, worker);
}

/* What came before it is what was sent, and then there is an error. */
static int talk_until_killed(tr_portal *worker, int64_t after)
{
    tr_auto(stream) talk = NULL;
    int64_t heard = 0;
    int rc = 1;
    tr_try(tr_open_context(worker, &talk, NULL, keep_asking));
    for (int64_t i = 1; rc > 0; i++) {
        if (i == after)
            kill(tr_portal_actor(worker)->pid, SIGKILL);
        rc = tr_stream_send(talk, keep_asking, i);
        if (rc >= 0)
            rc = tr_next(talk, &heard, keep_asking);
        expect(rc <= 0 || heard == i);
    }
    expect(rc == TR_EBROKEN || rc == TR_EREMOTE || rc == TR_ECANCELLED); /* the nursery fails, too */
    return 0;
}

static int talk_to_a_victim(int64_t after)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    return tr_join_with(n, talk_until_killed(worker, after));
}

static int a_killed_actor_ends_the_context_with_it(void)
{
    static const int64_t afters[] = {1, 2, 17, 300, 2000};
    for (size_t i = 0; i < sizeof afters / sizeof *afters; i++) {
        expect(talk_to_a_victim(afters[i]) == TR_EREMOTE);
        expect_error("ActorDied", "signal 9");
    }
    return 0;
}

static int items_of_another_type_are_misuse(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    {
        tr_auto(stream) numbers = NULL;
        tr_try(tr_open_stream(worker, &numbers, of_another_type));
        int64_t number;
        expect(tr_next(numbers, &number, of_another_type) == TR_EREMOTE);
        expect_error("Misuse", "int64_t, not double");
        expect(tr_next(numbers, &number, count) == TR_EMISUSE);
        expect(tr_call(worker, NULL, yields_without_being_one) == TR_EREMOTE);
        expect_error("Misuse", "no stream function");
        expect(tr_next(NULL, &number, count) == TR_EMISUSE);
    }
    return end(n, worker);
}

static const struct scenario scenarios[] = {
#define SCENARIO(name) {#name, name}
    SCENARIO(values_arrive_in_order_each_once_and_then_the_end),
    SCENARIO(an_error_comes_after_the_values),
    SCENARIO(leaving_early_ends_the_producer),
    SCENARIO(what_goes_wrong_while_leaving_is_not_lost),
    SCENARIO(a_consumer_that_stops_stops_the_producer_and_nothing_else),
    SCENARIO(values_larger_than_the_window_pass),
    SCENARIO(a_value_that_cannot_be_sent_is_an_error_of_the_producer),
    SCENARIO(an_endless_stream_ends_with_the_deadline),
    SCENARIO(a_producer_that_is_killed_ends_its_stream_with_an_error),
    SCENARIO(several_tasks_send_into_one_stream),
    SCENARIO(a_stream_passes_through_three_processes),
    SCENARIO(items_of_another_type_are_misuse),
    SCENARIO(a_long_byte_string_is_never_held_as_a_whole),
    SCENARIO(a_killed_actor_ends_the_context_with_it),
};

static int run_all(void *only)
{
    return run_scenarios(scenarios, sizeof scenarios / sizeof *scenarios, only);
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, run_all, argc > 1 ? argv[1] : NULL);
}

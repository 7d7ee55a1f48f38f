/* Large byte strings between real processes: they are read where they were written, and only read. */
#include "support/expect.h"
#include "support/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>

enum { SIZE = 64 * 1024, MANY = 300 };

/* ---- what the scenarios are made of ------------------------------------------------------------------------- */

/* Whether memory is another process's: shared, and not to be written to. */
static bool is_lent(const void *memory)
{
    char line[512], access[5];
    uintptr_t low, high;
    bool lent = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &low, &high, access) == 3 && (uintptr_t)memory >= low &&
            (uintptr_t)memory < high)
            lent = strcmp(access, "r--s") == 0;
    if (maps)
        fclose(maps);
    return lent;
}

static unsigned char byte_at(int64_t number, size_t i)
{
    return (unsigned char)(number * 31 + (int64_t)(i * 7 + i / 251));
}

static void fill(unsigned char *bytes, size_t size, int64_t number)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = byte_at(number, i);
}

static bool holds(tr_bytes bytes, size_t size, int64_t number)
{
    const unsigned char *at = bytes.data;
    for (size_t i = 0; i < size && i < bytes.size; i++)
        if (at[i] != byte_at(number, i))
            return false;
    return bytes.size == size;
}

/* ---- functions ---------------------------------------------------------------------------------------------- */

tr_fn(tr_bytes, make, (uint64_t, size), (int64_t, number))
{
    unsigned char *bytes = tr_buffer(ctx, args->size);
    if (!bytes)
        return -ENOMEM;
    fill(bytes, args->size, args->number);
    *ret = (tr_bytes){bytes, args->size};
    return 0;
}

tr_fn(bool, look_at, (tr_bytes, bytes), (int64_t, number))
{
    if (!holds(args->bytes, args->bytes.size, args->number))
        return tr_raise("app.Spoilt", "number %ld is not what was sent", (long)args->number);
    *ret = is_lent(args->bytes.data);
    return 0;
}

tr_fn(void, scribble, (tr_bytes, bytes))
{
    ((char *)(uintptr_t)args->bytes.data)[0] = 'x';
    return 0;
}

tr_stream_fn(tr_bytes, make_many, (uint64_t, size), (int64_t, count))
{
    for (int64_t i = 0; i < args->count; i++) {
        tr_auto(frame) frame = tr_open_frame();
        unsigned char *bytes = tr_buffer(ctx, args->size);
        if (!bytes)
            return -ENOMEM;
        fill(bytes, args->size, i);
        tr_try(tr_yield(ctx, {bytes, args->size}));
    }
    return 0;
}

tr_context_fn(int64_t, echo, (void, tr_bytes, tr_bytes))
{
    tr_try(tr_ctx_started(ctx));
    tr_bytes heard;
    int rc;
    for (*ret = 0; (rc = tr_ctx_receive(ctx, &heard)) > 0; ++*ret)
        tr_try(tr_yield(ctx, heard));
    return rc;
}

/* Until values are read in place, which takes as long as an answer does. */
static int warm_up(tr_portal *worker)
{
    bool lent = false;
    static unsigned char bytes[SIZE];
    fill(bytes, SIZE, 0);
    for (int i = 0; i < 1000 && !lent; i++)
        tr_try(tr_call(worker, &lent, look_at, .bytes = {bytes, SIZE}));
    expect(lent);
    for (lent = false; !lent;) {
        tr_auto(frame) frame = tr_open_frame();
        tr_bytes made;
        tr_try(tr_call(worker, &made, make, .size = SIZE));
        lent = is_lent(made.data);
    }
    return 0;
}

/* ---- scenarios ---------------------------------------------------------------------------------------------- */

static int arguments_and_results_are_read_in_place(void)
{
    static const size_t sizes[] = {16 * 1024, 16 * 1024 + 1, 100 * 1000, 1 << 20, 5 * 1000 * 1000};
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    tr_try(warm_up(worker));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        tr_auto(frame) frame = tr_open_frame();
        tr_bytes made;
        bool lent;
        tr_try(tr_call(worker, &made, make, .size = sizes[i], .number = (int64_t)i));
        expect(holds(made, sizes[i], (int64_t)i) && is_lent(made.data));
        unsigned char *own = tr_buffer(worker, sizes[i]);
        fill(own, sizes[i], 7);
        tr_try(tr_call(worker, &lent, look_at, .bytes = {own, sizes[i]}, .number = 7));
        expect(lent);
    }
    return end(n, worker);
}

static int small_ones_travel(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    tr_try(warm_up(worker));
    tr_bytes made;
    tr_try(tr_call(worker, &made, make, .size = 16 * 1024 - 1, .number = 3));
    expect(holds(made, 16 * 1024 - 1, 3) && !is_lent(made.data));
    return end(n, worker);
}

static int streams_are_read_in_place(void)
{
    static const size_t sizes[] = {SIZE, 1 << 20};
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    for (int i = 0; i < 2; i++) {
        tr_auto(stream) stream = NULL;
        tr_bytes bytes;
        int64_t seen = 0, lent = 0;
        int rc;
        tr_try(tr_open_stream(worker, &stream, make_many, .size = sizes[i], .count = MANY));
        for (; (rc = tr_next(stream, &bytes, make_many)) > 0; seen++) {
            expect(holds(bytes, sizes[i], seen));
            lent += is_lent(bytes.data);
        }
        expect(rc == 0 && seen == MANY && lent > MANY / 2);
    }
    return end(n, worker);
}

static int talk_in_large_words(tr_portal *worker)
{
    tr_auto(stream) both = NULL;
    int64_t count;
    tr_try(tr_open_context(worker, &both, NULL, echo));
    for (int64_t i = 0; i < MANY; i++) {
        tr_auto(frame) frame = tr_open_frame();
        unsigned char *own = tr_buffer(both, SIZE);
        tr_bytes back;
        fill(own, SIZE, i);
        tr_try(tr_stream_send(both, echo, {own, SIZE}));
        expect(tr_next(both, &back, echo) == 1 && holds(back, SIZE, i));
    }
    tr_try(tr_stream_result(both, &count, echo));
    expect(count == MANY);
    return 0;
}

static int contexts_carry_them_both_ways(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    tr_try(talk_in_large_words(worker));
    return end(n, worker);
}

static int who_writes_to_what_he_was_lent_is_ended(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    tr_try(warm_up(worker));
    static unsigned char bytes[SIZE];
    expect(tr_join_with(n, tr_call(worker, NULL, scribble, .bytes = {bytes, SIZE})) == TR_EREMOTE);
    expect_error("ActorDied", ""); /* by SIGSEGV, or a sanitizer */
    return 0;
}

static int hold_some_until_killed(tr_portal *worker)
{
    tr_bytes held[20];
    tr_auto(stream) stream = NULL;
    tr_try(warm_up(worker));
    for (int i = 0; i < 20; i++)
        tr_try(tr_call(worker, &held[i], make, .size = SIZE, .number = i));
    tr_try(tr_open_stream(worker, &stream, make_many, .size = SIZE, .count = INT64_MAX));
    tr_bytes bytes;
    int64_t seen = 0;
    int rc;
    for (; (rc = tr_next(stream, &bytes, make_many)) > 0; seen++) {
        expect(holds(bytes, SIZE, seen));
        if (seen == MANY)
            kill(tr_portal_actor(worker)->pid, SIGKILL);
    }
    expect((rc == TR_EREMOTE || rc == TR_ECANCELLED) && seen > MANY); /* the nursery fails, too */
    for (int i = 0; i < 20; i++)
        expect(holds(held[i], SIZE, i));
    return 0;
}

static int what_a_killed_actor_has_sent_is_still_read(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    expect(tr_join_with(n, hold_some_until_killed(worker)) == TR_EREMOTE);
    expect_error("ActorDied", "signal 9");
    return 0;
}

static const struct scenario scenarios[] = {
#define SCENARIO(name) {#name, name}
    SCENARIO(arguments_and_results_are_read_in_place),
    SCENARIO(small_ones_travel),
    SCENARIO(streams_are_read_in_place),
    SCENARIO(contexts_carry_them_both_ways),
    SCENARIO(who_writes_to_what_he_was_lent_is_ended),
    SCENARIO(what_a_killed_actor_has_sent_is_still_read),
};

static int run_all(void *only)
{
    return run_scenarios(scenarios, sizeof scenarios / sizeof *scenarios, only);
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, run_all, argc > 1 ? argv[1] : NULL);
}

/* What a value of a stream costs, between two processes on one core, over the Unix socket that they have anyway:
 *
 *     int_per_s            64-bit integers
 *     kib_per_s            byte strings of 1 KiB
 *     kib64_per_s          byte strings of 64 KiB, filled and read in place
 *     raw_kib64_per_s      64 KiB written to and read from a bare Unix socket by two such processes
 *     aggregator_ms        examples/streaming_service with its usual 1000 values, four processes, from the first
 *                          one's start to the last value
 *     rss_growth_kib       by how much the memory of both processes has grown between the millionth integer of a
 *                          stream and the ten millionth
 *     call_allocations, int_allocations, kib_allocations, kib64_allocations
 *                          how often both processes together allocate memory for a call or a value, once it runs
 *
 * Every value is counted and looked at where it arrives: integers must be the next one, and of a byte string each
 * KiB begins with the value's number, for the bare socket as well. All by turns in one run; medians. Beside each
 * stands what it must be.
 *
 * Usage: stream [--json FILE] [--unpinned] [--quick]. --quick counts to a tenth and takes fewer turns. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <tractor.h>
#include <unistd.h>

#include "figures.h"
#include "options.h"
#include "yardsticks.h"

enum { KIB = 1024, LARGE = 64 * KIB, ROUNDS = 11, QUICK_ROUNDS = 3, MILLION = 1000 * 1000 };
enum { INTS = 400 * 1000, KIBS = 100 * 1000, LARGES = 4000 };

static struct {
    const char *json;
    bool unpinned, quick;
} options;

/* ---- figures ------------------------------------------------------------------------------------------------ */

static struct figure table[] = {
    {.key = "int_per_s", .must = 2e6, .at_least = true},
    {.key = "kib_per_s", .must = 3e5, .at_least = true},
    {.key = "raw_kib64_per_s"},
    {.key = "kib64_per_s", .of = "raw_kib64_per_s", .must = 0.3, .at_least = true},
    {.key = "aggregator_ms", .must = 30},
    {.key = "rss_growth_kib", .must = 64},
    {.key = "call_allocations", .must = 0.01},
    {.key = "int_allocations", .must = 0.01}, /* the second of the calls that ask is counted as well */
    {.key = "kib_allocations", .must = 0.01},
    {.key = "kib64_allocations", .must = 0.01},
};
static const struct figures figures = {table, sizeof table / sizeof *table};

/* ---- allocations of this process ------------------------------------------------------------------------------ */

static uint64_t allocations;

/* The C library's own are replaced by these, which only count, for everything in the process. Sanitizers have theirs. */
#ifndef __SANITIZE_ADDRESS__
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    allocations++;
    return __libc_realloc(memory, size);
}
#endif

tr_fn(uint64_t, allocations_there)
{
    *ret = allocations;
    return 0;
}

static int count_allocations(tr_portal *worker, uint64_t *ret)
{
    uint64_t there;
    tr_try(tr_call(worker, &there, allocations_there));
    *ret = allocations + there;
    return 0;
}

/* ---- what is sent --------------------------------------------------------------------------------------------- */

static void mark(char *bytes, size_t size, int64_t number)
{
    for (size_t at = 0; at < size; at += KIB)
        memcpy(bytes + at, &number, sizeof number);
}

static bool is_marked(const char *bytes, size_t size, int64_t number)
{
    for (size_t at = 0; at < size; at += KIB)
        if (memcmp(bytes + at, &number, sizeof number) != 0)
            return false;
    return true;
}

tr_stream_fn(int64_t, integers, (int64_t, count))
{
    for (int64_t i = 0; i < args->count; i++)
        tr_try(tr_yield(ctx, i));
    return 0;
}

tr_stream_fn(tr_bytes, blobs, (int64_t, count), (uint64_t, size))
{
    char *small = tr_alloc(args->size);
    for (int64_t i = 0; i < args->count; i++) {
        tr_auto(frame) frame = tr_open_frame();
        char *bytes = small;
        if (args->size >= LARGE)
            bytes = tr_buffer(ctx, args->size);
        mark(bytes, args->size, i);
        tr_try(tr_yield(ctx, {bytes, args->size}));
    }
    return 0;
}

/* ---- one round of each ---------------------------------------------------------------------------------------- */

struct watch {
    int64_t from, to;           /* the values between which allocations are counted */
    uint64_t before, after;
};

static int look(struct watch *watch, tr_portal *worker, int64_t number)
{
    if (watch && number == watch->from)
        tr_try(count_allocations(worker, &watch->before));
    if (watch && number == watch->to)
        tr_try(count_allocations(worker, &watch->after));
    return 0;
}

static int wrong(int64_t number)
{
    return tr_raise("bench.Failed", "value %ld is not what was sent", (long)number);
}

static int take_integers(tr_portal *worker, int64_t count, struct watch *watch)
{
    tr_auto(stream) stream = NULL;
    int64_t value, expected = 0;
    int rc;
    tr_try(tr_open_stream(worker, &stream, integers, .count = count));
    while ((rc = tr_next(stream, &value, integers)) > 0) {
        if (value != expected++)
            return wrong(expected - 1);
        tr_try(look(watch, worker, value));
    }
    tr_try(rc);
    return expected == count ? 0 : wrong(expected);
}

static int take_blobs(tr_portal *worker, int64_t count, size_t size, struct watch *watch)
{
    tr_auto(stream) stream = NULL;
    tr_bytes value;
    int64_t number = 0;
    int rc;
    tr_try(tr_open_stream(worker, &stream, blobs, .count = count, .size = size));
    while ((rc = tr_next(stream, &value, blobs)) > 0) {
        if (value.size != size || !is_marked(value.data, size, number))
            return wrong(number);
        tr_try(look(watch, worker, number++));
    }
    tr_try(rc);
    return number == count ? 0 : wrong(number);
}

static int take(tr_portal *worker, size_t size, int64_t count, struct watch *watch)
{
    return size == 0 ? take_integers(worker, count, watch) : take_blobs(worker, count, size, watch);
}

/* Of integers if size is 0. */
static int rate(tr_portal *worker, const char *key, size_t size, int64_t count)
{
    double begin = tr_now();
    tr_try(take(worker, size, count, NULL));
    note(&figures, key, (double)count / (tr_now() - begin));
    return 0;
}

static void write_raw(int fd)
{
    static char bytes[LARGE];
    for (int64_t i = 0; i < LARGES; i++) {
        mark(bytes, LARGE, i);
        for (size_t at = 0; at < LARGE;) {
            ssize_t sent = write(fd, bytes + at, LARGE - at);
            if (sent <= 0)
                _exit(1);
            at += (size_t)sent;
        }
    }
    _exit(0);
}

static bool read_raw(int fd)
{
    static char bytes[LARGE];
    for (int64_t i = 0; i < LARGES; i++) {
        for (size_t at = 0; at < LARGE;) {
            ssize_t got = read(fd, bytes + at, LARGE - at);
            if (got <= 0)
                return false;
            at += (size_t)got;
        }
        if (!is_marked(bytes, LARGE, i))
            return false;
    }
    return true;
}

static int raw_rate(void)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return tr_raise(tr_code_type(-errno), "no pair of sockets");
    double begin = tr_now();
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        write_raw(ends[1]);
    }
    close(ends[1]);
    bool good = pid > 0 && read_raw(ends[0]);
    note(&figures, "raw_kib64_per_s", LARGES / (tr_now() - begin));
    close(ends[0]);
    waitpid(pid, NULL, 0);
    return good ? 0 : tr_raise("bench.Failed", "the bare socket");
}

static int aggregator(void)
{
    tr_auto(frame) frame = tr_open_frame();
    const char *text = output_of("exec " STREAMING_SERVICE);
    double seconds = text ? number_after(text, "STREAM + SPAWN TIME =") : -1;
    if (seconds < 0)
        return tr_raise("bench.Failed", "%s", STREAMING_SERVICE);
    note(&figures, "aggregator_ms", seconds * 1e3);
    return 0;
}

/* ---- once ------------------------------------------------------------------------------------------------------ */

static int allocations_for_one(tr_portal *worker, const char *key, size_t size, int64_t count)
{
    struct watch watch = {.from = count / 4, .to = count - count / 4};
    tr_try(take(worker, size, count, &watch));
#ifndef __SANITIZE_ADDRESS__
    note(&figures, key, (double)(watch.after - watch.before) / (double)(watch.to - watch.from));
#else
    (void)key;
#endif
    return 0;
}

static int allocations_for_a_call(tr_portal *worker)
{
    enum { FIRST = 100, CALLS = 1000 };
    uint64_t before = 0, after = 0, there;
    for (int i = 0; i < FIRST + CALLS; i++) {
        tr_try(tr_call(worker, &there, allocations_there));
        after = allocations + there;
        if (i < FIRST)
            before = after;
    }
#ifndef __SANITIZE_ADDRESS__
    note(&figures, "call_allocations", (double)(after - before) / CALLS);
#else
    (void)before;
#endif
    return 0;
}

static double both_kib(tr_portal *worker)
{
    return memory_kib(getpid(), "Rss") + memory_kib(tr_portal_actor(worker)->pid, "Rss");
}

static int growth(tr_portal *worker)
{
    const int64_t early = options.quick ? MILLION / 10 : MILLION, count = 10 * early;
    tr_auto(stream) stream = NULL;
    int64_t value, expected = 0;
    double before = 0;
    tr_try(tr_open_stream(worker, &stream, integers, .count = count));
    while (expected < count) {
        int rc = tr_next(stream, &value, integers);
        tr_try(rc);
        if (rc == 0 || value != expected++)
            return wrong(expected);
        if (expected == early)
            before = both_kib(worker);
    }
    double after = both_kib(worker);
    if (before > 0)
        note(&figures, "rss_growth_kib", after > before ? after - before : 0);
    return 0;
}

/* ---- main ------------------------------------------------------------------------------------------------------ */

static int one_of_each(tr_portal *worker)
{
    tr_try(rate(worker, "int_per_s", 0, INTS));
    tr_try(rate(worker, "kib_per_s", KIB, KIBS));
    tr_try(rate(worker, "kib64_per_s", LARGE, LARGES));
    tr_try(raw_rate());
    return aggregator();
}

static int measure(tr_portal *worker)
{
    for (int i = 0; i < (options.quick ? QUICK_ROUNDS : ROUNDS); i++)
        tr_try(one_of_each(worker));
    tr_try(growth(worker));
    tr_try(allocations_for_a_call(worker));
    tr_try(allocations_for_one(worker, "int_allocations", 0, INTS));
    tr_try(allocations_for_one(worker, "kib_allocations", KIB, KIBS));
    return allocations_for_one(worker, "kib64_allocations", LARGE, (int64_t)2 * LARGES);
}

static int run(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(tr_start_actor(n, &worker, "worker", .modules = tr_names(tr_this_module())));
    tr_try(measure(worker));
    find_medians(&figures);
    print_figures(&figures);
    tr_cancel(n);
    tr_try(tr_join(n));
    return options.json ? write_figures(options.json, &figures) : 0;
}

int main(int argc, char **argv)
{
    const struct option known[] = {{"--json", .text = &options.json}, {"--unpinned", .flag = &options.unpinned},
                                   {"--quick", .flag = &options.quick}, {0}};
    if (!tr_is_child()) {
        understand(known, argc, argv);
        if (!options.unpinned)
            stay_on_one_core();
    }
    return tr_main(argc, argv, run, NULL);
}

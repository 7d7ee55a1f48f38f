/* Our own pair of processes, a root and an actor that it started, asked as pair.h says:
 *
 *     pair WHAT SIZE COUNT PLACE OUTSTANDING [IDLE]
 *
 * What is called has two integers of 64 bits as arguments and as its result where SIZE is 16, and a byte string there
 * and back otherwise. Calls that are under way at the same time are those of so many tasks, each of which waits for its
 * own. IDLE connections more lie with the actor that is called, from peers that have greeted and say nothing.
 *
 * Two questions more are put to ours only:
 *
 * WHAT     "streams": OUTSTANDING streams of 64-bit integers at the same time, COUNT values in all;
 *          "actors": COUNT calls, one under way, of OUTSTANDING actors by turns;
 *          "idle": OUTSTANDING actors that nobody calls, for COUNT milliseconds: `wakeups_per_s` is how often all of
 *          them and the root together were given a processor
 *
 * How bytes get from one process to the other is chosen from outside, by TRACTOR_TRANSPORT. */
#include "pair.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <tractor.h>
#include <unistd.h>

static struct pair_job job;
static int idle;

tr_struct(two_numbers, (uint64_t, first), (uint64_t, second));

tr_fn(two_numbers, echo_numbers, (uint64_t, first), (uint64_t, second))
{
    *ret = (two_numbers){args->first, args->second};
    return 0;
}

tr_fn(tr_bytes, echo_bytes, (tr_bytes, bytes))
{
    *ret = args->bytes;
    return 0;
}

tr_stream_fn(int64_t, numbers, (int64_t, count))
{
    for (int64_t i = 0; i < args->count; i++)
        tr_try(tr_yield(ctx, i));
    return 0;
}

/* From this size on they are filled and read in place (buffer.h); then as many are under way as in the bare rings
 * (raw/ring.c). */
enum { LARGE = 16 * 1024, AHEAD_OF_LARGE = 1024 * 1024 };

tr_stream_fn(tr_bytes, messages, (int64_t, count), (uint64_t, size))
{
    char *bytes = tr_alloc(args->size);
    memset(bytes, 0, args->size);
    for (int64_t i = 0; i < args->count; i++) {
        pair_mark(bytes, i);
        tr_try(tr_yield(ctx, {bytes, args->size}));
    }
    return 0;
}

tr_stream_fn(tr_bytes, large_messages, (int64_t, count), (uint64_t, size))
{
    for (int64_t i = 0; i < args->count; i++) {
        tr_auto(frame) frame = tr_open_frame();
        char *bytes = tr_buffer(ctx, args->size);
        pair_mark(bytes, i);
        tr_try(tr_yield(ctx, {bytes, args->size}));
    }
    return 0;
}

tr_fn(void, stand, (tr_str, place))
{
    pair_stand(args->place, true);
    return 0;
}

/* ---- a crowd of idle peers --------------------------------------------------------------------------------------- */

/* The greeting of src/actor/protocol.h, written by hand: [HELLO, 0, version 1 to 1, name, uuid, address, pid]. */
static size_t greeting(int64_t number, char *bytes, size_t room)
{
    enum { HEADER = 4 };
    int size = snprintf(bytes + HEADER, room - HEADER, "%c%c%c\1\1\xa4%s\xd9\x20%032llx\xa0\1", '\x98', 'X', 'X',
                        "idle", (unsigned long long)number);
    bytes[HEADER + 1] = bytes[HEADER + 2] = 0;
    uint32_t follow = (uint32_t)size;
    memcpy(bytes, &follow, sizeof follow);
    return HEADER + (size_t)size;
}

/* "unix:@name" */
static int connect_to(const char *address)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const char *name = strchr(address, '@');
    size_t size = name ? strlen(name) : sizeof at.sun_path;
    if (size >= sizeof at.sun_path)
        return -1;
    memcpy(at.sun_path + 1, name + 1, size - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, (socklen_t)(sizeof at.sun_family + size)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* They stay until this process ends. */
tr_fn(void, crowd, (tr_str, address), (int64_t, count))
{
    char bytes[256];
    for (int64_t i = 0; i < args->count; i++) {
        int fd = connect_to(args->address);
        size_t size = greeting(i, bytes, sizeof bytes);
        if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || read(fd, bytes, sizeof bytes) <= 0)
            return tr_raise("bench.Failed", "idle connection %ld: %s", (long)i, strerror(errno));
    }
    return 0;
}

/* ---- calls --------------------------------------------------------------------------------------------------------- */

static int wrong(int64_t number)
{
    return tr_raise("bench.Failed", "message %ld is not what was sent", (long)number);
}

/* Numbers that need all their bytes: small ones are sent as less. */
static int call_numbers(tr_portal *far, int64_t number)
{
    const uint64_t first = UINT64_MAX - (uint64_t)number, second = first / 2 + UINT64_MAX / 2;
    two_numbers back = {0};
    tr_try(tr_call(far, &back, echo_numbers, .first = first, .second = second));
    return back.first == first && back.second == second ? 0 : wrong(number);
}

static int call_bytes(tr_portal *far, char *bytes, int64_t number)
{
    tr_auto(frame) frame = tr_open_frame(); /* where the result lies */
    tr_bytes back;
    pair_mark(bytes, number);
    tr_try(tr_call(far, &back, echo_bytes, .bytes = {bytes, job.size}));
    if (back.size != job.size)
        return wrong(number);
    pair_check(back.data, number);
    return 0;
}

struct caller {
    tr_portal *far;
    int64_t count;
    bool timed;
};

static int call_in_turn(void *arg)
{
    const struct caller *it = arg;
    double last = pair_seconds(CLOCK_MONOTONIC);
    char *bytes = tr_alloc(job.size);
    memset(bytes, 0, job.size);
    for (int64_t i = 0; i < it->count; i++) {
        tr_try(job.size == 16 ? call_numbers(it->far, i) : call_bytes(it->far, bytes, i));
        if (it->timed)
            pair_lap(&job, i, &last);
    }
    return 0;
}

/* The n-th of so many shares. */
static int64_t share(int64_t count, int shares, int n)
{
    return count / shares + (n < count % shares);
}

static int call_at_once(tr_portal *far, int64_t count)
{
    tr_auto(nursery) n = tr_open_nursery();
    struct caller *callers = tr_alloc((size_t)job.outstanding * sizeof *callers);
    for (int i = 0; i < job.outstanding; i++) {
        callers[i] = (struct caller){far, share(count, job.outstanding, i), false};
        tr_try(tr_start_soon(n, call_in_turn, &callers[i]));
    }
    return tr_join(n);
}

static int call(tr_portal *far, int64_t count, bool timed)
{
    if (job.outstanding > 1)
        return call_at_once(far, count);
    return call_in_turn(&(struct caller){far, count, timed});
}

/* ---- streams ------------------------------------------------------------------------------------------------------- */

static int take_numbers(tr_portal *far, int64_t count)
{
    tr_auto(stream) stream = NULL;
    int64_t value, seen = 0;
    int rc;
    tr_try(tr_open_stream(far, &stream, numbers, .count = count));
    while ((rc = tr_next(stream, &value, numbers)) > 0)
        if (value != seen++)
            return wrong(value);
    tr_try(rc);
    return seen == count ? 0 : wrong(seen);
}

static int open_messages(tr_portal *far, tr_stream **ret_stream, int64_t count)
{
    const tr_flow *ahead = tr_flow_options(.bytes = AHEAD_OF_LARGE);
    if (job.size < LARGE)
        return tr_open_stream(far, ret_stream, messages, .count = count, .size = job.size);
    return tr_open_stream_with(far, ret_stream, ahead, large_messages, .count = count, .size = job.size);
}

static int next_message(tr_stream *stream, tr_bytes *ret)
{
    return job.size < LARGE ? tr_next(stream, ret, messages) : tr_next(stream, ret, large_messages);
}

static int take_messages(tr_portal *far, int64_t count)
{
    tr_auto(stream) stream = NULL;
    tr_bytes value;
    int64_t seen = 0;
    int rc;
    tr_try(open_messages(far, &stream, count));
    while ((rc = next_message(stream, &value)) > 0) {
        if (value.size != job.size)
            return wrong(seen);
        pair_check(value.data, seen++);
    }
    tr_try(rc);
    return seen == count ? 0 : wrong(seen);
}

static int take(void *arg)
{
    const struct caller *it = arg;
    return job.size == sizeof(int64_t) ? take_numbers(it->far, it->count) : take_messages(it->far, it->count);
}

static int take_at_once(tr_portal *far, int64_t count)
{
    tr_auto(nursery) n = tr_open_nursery();
    struct caller *readers = tr_alloc((size_t)job.outstanding * sizeof *readers);
    for (int i = 0; i < job.outstanding; i++) {
        readers[i] = (struct caller){far, share(count, job.outstanding, i), false};
        tr_try(tr_start_soon(n, take, &readers[i]));
    }
    return tr_join(n);
}

/* ---- many actors --------------------------------------------------------------------------------------------------- */

static int start_many(tr_nursery *n, tr_portal **all, int count)
{
    for (int i = 0; i < count; i++)
        tr_try(tr_start_actor(n, &all[i], "far", .modules = tr_names(tr_this_module())));
    for (int i = 0; i < count; i++)
        tr_try(call_numbers(all[i], i));
    return 0;
}

static int call_by_turns(tr_nursery *n)
{
    tr_portal **all = tr_alloc((size_t)job.outstanding * sizeof(tr_portal *));
    tr_try(start_many(n, all, job.outstanding));
    pair_begin(&job, 0);
    for (int64_t i = 0; i < job.count; i++)
        tr_try(call_numbers(all[i % job.outstanding], i));
    pair_end(&job);
    return 0;
}

static double all_switches(tr_portal **all, int count)
{
    double sum = pair_switches(getpid());
    for (int i = 0; i < count; i++)
        sum += pair_switches(tr_portal_actor(all[i])->pid);
    return sum;
}

static int stay_idle(tr_nursery *n)
{
    tr_portal **all = tr_alloc((size_t)job.outstanding * sizeof(tr_portal *));
    double seconds = (double)job.count * 1e-3;
    tr_try(start_many(n, all, job.outstanding));
    tr_try(tr_sleep(0.2)); /* for what is still under way of their start */
    double before = all_switches(all, job.outstanding);
    tr_try(tr_sleep(seconds));
    printf("wakeups_per_s %.2f\n", (all_switches(all, job.outstanding) - before) / seconds);
    return 0;
}

/* ---- main ---------------------------------------------------------------------------------------------------------- */

static int one_way_or_both(tr_portal *far, int64_t count, bool timed)
{
    if (pair_is(&job, "streams"))
        return take_at_once(far, count);
    return pair_is(&job, "stream") ? take(&(struct caller){far, count, false}) : call(far, count, timed);
}

static int with_one(tr_nursery *n)
{
    tr_portal *far, *others;
    tr_try(tr_start_actor(n, &far, "far", .modules = tr_names(tr_this_module())));
    if (idle > 0) {
        tr_try(tr_start_actor(n, &others, "crowd", .modules = tr_names(tr_this_module())));
        tr_try(tr_call(others, NULL, crowd, .address = tr_portal_actor(far)->address, .count = idle));
    }
    tr_try(tr_call(far, NULL, stand, .place = job.place));
    tr_try(one_way_or_both(far, pair_warm_up(&job), false));
    pair_begin(&job, tr_portal_actor(far)->pid);
    tr_try(one_way_or_both(far, job.count, job.samples != NULL));
    pair_end(&job);
    return 0;
}

static int run(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(pair_is(&job, "actors") ? call_by_turns(n) : pair_is(&job, "idle") ? stay_idle(n) : with_one(n));
    tr_cancel(n);
    return tr_join(n);
}

/* Many actors and many connections take many descriptors. */
static void allow_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    if (!tr_is_child()) {
        pair_understand(&job, argc, argv, 1);
        idle = argc > 6 ? (int)strtol(argv[6], NULL, 10) : 0;
        allow_descriptors();
        pair_stand(job.place, false);
    }
    return tr_main(argc, argv, run, NULL);
}

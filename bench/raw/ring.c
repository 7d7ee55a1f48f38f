/* What shared memory costs: two rings of bytes between two processes, and a futex for who has to wait.
 *
 *     ring futex|spin WHAT SIZE COUNT PLACE OUTSTANDING
 *
 * "spin": who waits looks some two thousand times before it sleeps, which pays with two processors only. Messages are
 * copied in and out. A side that finds the other one awake makes no system call. */
#include "pair.h"

#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RING = 1024 * 1024, SPINS = 2000, LINE = 64 };

/* What a side changes lies in a cache line of its own. `news` changes when the other side is to look again. */
struct side {
    _Alignas(LINE) _Atomic uint64_t at;     /* bytes it has written, or read, since the beginning */
    _Atomic uint32_t sleeps;                /* a futex: 1 while it waits */
};

struct ring {
    struct side writer, reader;
    _Alignas(LINE) char bytes[RING];
};

static int spins;

/* Tells the processor that somebody else is waited for. */
static void relax(void)
{
#ifdef __x86_64__
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void sleep_while(struct side *me)
{
    syscall(SYS_futex, &me->sleeps, FUTEX_WAIT, 1, NULL, NULL, 0);
}

static void wake(struct side *other)
{
    if (atomic_load(&other->sleeps) && atomic_exchange(&other->sleeps, 0))
        syscall(SYS_futex, &other->sleeps, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static bool has_bytes(const struct ring *ring, uint64_t size)
{
    return atomic_load(&ring->writer.at) - atomic_load(&ring->reader.at) >= size;
}

static bool has_room(const struct ring *ring, uint64_t size)
{
    return RING - (atomic_load(&ring->writer.at) - atomic_load(&ring->reader.at)) >= size;
}

static void wait_until(bool (*holds)(const struct ring *, uint64_t), struct ring *ring, struct side *me, uint64_t size)
{
    for (int i = 0; i < spins && !holds(ring, size); i++)
        relax();
    while (!holds(ring, size)) {
        atomic_store(&me->sleeps, 1);
        if (holds(ring, size)) /* it may have happened before that could be seen */
            atomic_store(&me->sleeps, 0);
        else
            sleep_while(me);
    }
}

static void copy(char *to, const char *from, size_t size, struct ring *ring, uint64_t at, bool in)
{
    size_t place = at % RING, first = size < RING - place ? size : RING - place;
    memcpy(in ? ring->bytes + place : to, in ? from : ring->bytes + place, first);
    memcpy(in ? ring->bytes : to + first, in ? from + first : ring->bytes, size - first);
}

static void put(struct ring *ring, const char *bytes, size_t size)
{
    wait_until(has_room, ring, &ring->writer, size);
    uint64_t at = atomic_load_explicit(&ring->writer.at, memory_order_relaxed);
    copy(NULL, bytes, size, ring, at, true);
    atomic_store(&ring->writer.at, at + size);
    wake(&ring->reader);
}

static void take(struct ring *ring, char *bytes, size_t size)
{
    wait_until(has_bytes, ring, &ring->reader, size);
    uint64_t at = atomic_load_explicit(&ring->reader.at, memory_order_relaxed);
    copy(bytes, NULL, size, ring, at, false);
    atomic_store(&ring->reader.at, at + size);
    if (has_room(ring, RING / 2)) /* not for each message: a writer that waits has much to write */
        wake(&ring->writer);
}

/* ---- the far side ------------------------------------------------------------------------------------------------ */

static void produce(struct ring *ring, char *message, size_t size, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        pair_mark(message, i);
        put(ring, message, size);
    }
}

static void be_far(struct ring *in, struct ring *out, const struct pair_job *job)
{
    char *message = calloc(1, job->size);
    bool streams = pair_is(job, "stream");
    pair_stand(job->place, true);
    for (int64_t turn = 0;; turn++) {
        take(in, message, streams ? 1 : job->size);
        if (!streams)
            put(out, message, job->size);
        else
            produce(out, message, job->size, turn == 0 ? pair_warm_up(job) : job->count);
    }
}

/* ---- the near side ----------------------------------------------------------------------------------------------- */

static void call(struct ring *in, struct ring *out, struct pair_job *job, int64_t count, bool timed)
{
    char *message = calloc(1, job->size);
    int64_t sent = 0;
    double last = pair_seconds(CLOCK_MONOTONIC);
    for (int64_t answered = 0; answered < count; answered++) {
        while (sent < count && sent - answered < job->outstanding) {
            pair_mark(message, sent++);
            put(out, message, job->size);
        }
        take(in, message, job->size);
        pair_check(message, answered);
        if (timed)
            pair_lap(job, answered, &last);
    }
    free(message);
}

static void consume(struct ring *in, struct ring *out, const struct pair_job *job, int64_t count)
{
    char *message = calloc(1, job->size);
    put(out, "", 1);
    for (int64_t i = 0; i < count; i++) {
        take(in, message, job->size);
        pair_check(message, i);
    }
    free(message);
}

static void measure(struct ring *in, struct ring *out, struct pair_job *job, pid_t far)
{
    bool streams = pair_is(job, "stream");
    if (streams)
        consume(in, out, job, pair_warm_up(job));
    else
        call(in, out, job, pair_warm_up(job), false);
    pair_begin(job, far);
    if (streams)
        consume(in, out, job, job->count);
    else
        call(in, out, job, job->count, job->samples != NULL);
    pair_end(job);
}

int main(int argc, char **argv)
{
    struct pair_job job;
    pair_understand(&job, argc, argv, 2);
    spins = strcmp(argv[1], "spin") == 0 ? SPINS : 0;
    struct ring *rings = mmap(NULL, 2 * sizeof *rings, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (rings == MAP_FAILED || job.size > RING / 2)
        return 1;
    pair_stand(job.place, false);
    pid_t far = fork();
    if (far == 0)
        be_far(&rings[0], &rings[1], &job);
    measure(&rings[1], &rings[0], &job, far);
    kill(far, SIGKILL);
    waitpid(far, NULL, 0);
    return 0;
}

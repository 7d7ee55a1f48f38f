/* What messages between processes cost, ours beside the kernel's bare primitives, as multiples of these in one run:
 *
 *     call_uds_us            a typed call and its answer, one under way, over a Unix socket; raw: there and back over
 *                            one, each side waiting by epoll
 *     call_shm_us            over shared memory; raw: over two rings with a futex
 *     call_shm_split_us      the same on two processors; raw: looked at for a while before the futex
 *     calls64_per_s          64 calls under way; raw: 64 messages there and back, all that there are in one write
 *     calls4096_per_s        4096 of them
 *     call_idle_1_us, call_idle_100_us, call_idle_10000_us
 *                            calls of an actor to which so many others are connected that say nothing
 *     stream_int_per_s       a stream's 64-bit integers; raw: written to a Unix socket 64 KiB at a time
 *     stream_1k_per_s        of byte strings of 1 KiB; raw: likewise
 *     stream_1k_uds_per_s    the same over a Unix socket
 *     stream_64k_uds_per_s   of 64 KiB, filled and read in place, while only the messages go by a Unix socket; raw: one
 *                            write each
 *     stream_64k_shm_per_s   over shared memory; raw: copied into a ring and out of it. Both with a window of 1 MiB, the
 *                            bare ring's size
 *     idle_wakeups_per_s     how often a thousand idle actors and their root are given a processor; raw: processes
 *                            that wait in a read
 *
 * One processor unless it says otherwise; a call carries 16 bytes there and back. Where a key names no transport it is
 * what the library chooses for processes of one host by itself. Each key has a twin with raw_ before
 * it, and one with cpu_us at its end: the processor's time of both processes for one message, beside that of its twin,
 * which says more where others are at work on the machine: there the clock's multiples can be anything. Programs of
 * their own do it (pair.c, bench/raw), all asked in the same way (pair.h), by turns, ours first in one round and last in
 * the next; medians of ROUNDS, of one for the thousand.
 *
 * What needs two processors is null in the file where there is one, and the table says why.
 *
 * Usage: ipc [--json FILE] [--quick]. Under a minute; --quick takes a tenth of the messages and one round. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tractor.h>

#include "figures.h"
#include "options.h"
#include "yardsticks.h"

enum { ROUNDS = 5, QUICKER = 10 };

static struct {
    const char *json;
    bool quick;
} options;

/* ---- what is measured ------------------------------------------------------------------------------------------ */

enum unit { MICROSECONDS, PER_SECOND, WAKEUPS };
enum transport { CHOSEN, UDS, SHM };

/* `count` messages for ours, `raw_count` for the bare ones, so that each takes about a twentieth of a second. */
struct measure {
    const char *stem;           /* of its keys */
    enum unit unit;
    enum transport transport;
    const char *what, *raw, *where; /* "call 16" of ours and of the bare program; the place, and what follows it */
    int count, raw_count;
    const char *of;             /* as in struct figure */
    double must, aim;
    bool once;
};

static const struct measure measures[] = {
    {"call_uds", MICROSECONDS, UDS, "call 16", "socket uds", "one 1", 4000, 8000, "raw_call_uds_us", 1.8, 1.25, false},
    {"call_shm", MICROSECONDS, SHM, "call 16", "ring futex", "one 1", 4000, 10000, "call_uds_us", 1.15, .8, false},
    {"call_shm_split", MICROSECONDS, SHM, "call 16", "ring spin", "two 1", 20000, 80000, "raw_call_shm_split_us", 4, 2,
     false},
    {"calls64", PER_SECOND, CHOSEN, "call 16", "socket uds-coalesced", "one 64", 30000, 300000, NULL, 4e5, 1e6, false},
    {"calls4096", PER_SECOND, CHOSEN, "call 16", "socket uds-coalesced", "one 4096", 100000, 300000, "calls64_per_s", .5,
     0, false},
    {"call_idle_1", MICROSECONDS, UDS, "call 16", "socket uds", "one 1 1", 4000, 8000, NULL, 0, 0, false},
    {"call_idle_100", MICROSECONDS, UDS, "call 16", "socket uds", "one 1 100", 4000, 8000, "call_idle_1_us", 1.5, 0,
     false},
    {"call_idle_10000", MICROSECONDS, UDS, "call 16", "socket uds", "one 1 10000", 4000, 8000, "call_idle_1_us", 1.5, 0,
     false},
    {"stream_int", PER_SECOND, CHOSEN, "stream 8", "socket uds-coalesced", "one 1", 200000, 4000000, NULL, 6e6, 2e7,
     false},
    {"stream_1k", PER_SECOND, CHOSEN, "stream 1024", "socket uds-coalesced", "one 1", 50000, 100000, NULL, 2e6, 4e6,
     false},
    {"stream_1k_uds", PER_SECOND, UDS, "stream 1024", "socket uds-coalesced", "one 1", 50000, 100000, NULL, 0, 0,
     false},
    {"stream_64k_uds", PER_SECOND, UDS, "stream 65536", "socket uds", "one 1", 2000, 3000, "raw_stream_64k_uds_per_s",
     .6, .9, false},
    {"stream_64k_shm", PER_SECOND, SHM, "stream 65536", "ring futex", "one 1", 4000, 10000,
     "raw_stream_64k_shm_per_s", .7, 2, false},
    {"idle_wakeups", WAKEUPS, UDS, "idle 16", "idle", "one 1000", 2000, 2000, NULL, 500, 100, true},
};
enum { MEASURES = sizeof measures / sizeof *measures, OURS_AND_RAW_AND_CPU = 4 };

/* ---- figures of it --------------------------------------------------------------------------------------------- */

static struct figure table[MEASURES * OURS_AND_RAW_AND_CPU];
static struct figures figures = {table, 0};

static const char *key_of(const struct measure *it, bool raw, bool cpu)
{
    const char *end = cpu ? "cpu_us" : it->unit == MICROSECONDS ? "us" : "per_s";
    return tr_format("%s%s_%s", raw ? "raw_" : "", it->stem, end);
}

static bool needs_two(const struct measure *it)
{
    return strncmp(it->where, "two", 3) == 0;
}

static void add_figure(const struct measure *it, bool raw, bool cpu)
{
    struct figure *to = &table[figures.count++];
    *to = (struct figure){.key = key_of(it, raw, cpu), .at_least = it->unit == PER_SECOND};
    to->left_out = needs_two(it) ? "there is one processor" : "not told";
    if (!raw && cpu)
        to->of = key_of(it, true, true);
    if (!raw && !cpu) {
        to->of = it->of;
        to->must = it->must;
        to->aim = it->aim;
    }
}

static void make_table(void)
{
    for (int cpu = 0; cpu <= 1; cpu++) /* their processor's time stands below all others */
        for (int i = 0; i < MEASURES; i++)
            for (int raw = 0; raw <= 1 && (!cpu || measures[i].unit != WAKEUPS); raw++)
                add_figure(&measures[i], raw, cpu);
}

/* ---- measuring --------------------------------------------------------------------------------------------------- */

static const char *words_of(enum transport transport)
{
    static const char *const words[] = {[CHOSEN] = "auto", [UDS] = "uds", [SHM] = "shm"};
    return words[transport];
}

static const char *command(const struct measure *it, bool raw)
{
    int count = (raw ? it->raw_count : it->count) / (options.quick ? QUICKER : 1);
    return raw ? tr_format("exec " BENCHES "/raw/%s %s %d %s", it->raw, it->what, count, it->where)
               : tr_format("TRACTOR_TRANSPORT=%s exec " BENCHES "/pair %s %d %s", words_of(it->transport), it->what,
                           count, it->where);
}

static void take_note(const struct measure *it, bool raw, const char *text)
{
    double us = number_after(text, "us"), cpu_us = number_after(text, "cpu_us");
    if (it->unit == WAKEUPS)
        note(&figures, key_of(it, raw, false), number_after(text, "wakeups_per_s"));
    else
        note(&figures, key_of(it, raw, false), it->unit == PER_SECOND ? 1e6 / us : us);
    if (cpu_us >= 0)
        note(&figures, key_of(it, raw, true), cpu_us);
}

static int run_one(const struct measure *it, bool raw)
{
    tr_auto(frame) frame = tr_open_frame();
    const char *line = command(it, raw), *text = output_of(line);
    if (!text)
        return tr_raise("bench.Failed", "%s", line);
    take_note(it, raw, text);
    return 0;
}

static bool has_two_processors(void)
{
    return sysconf(_SC_NPROCESSORS_ONLN) > 1;
}

static int measure_all(void)
{
    for (int round = 0; round < (options.quick ? 1 : ROUNDS); round++)
        for (int i = 0; i < MEASURES; i++)
            for (int turn = 0; turn <= 1 && !(measures[i].once && round > 0); turn++) {
                bool raw = turn ^ (round & 1);
                if (!needs_two(&measures[i]) || has_two_processors())
                    tr_try(run_one(&measures[i], raw));
            }
    return 0;
}

/* ---- main -------------------------------------------------------------------------------------------------------- */

static int run(void *arg)
{
    (void)arg;
    make_table();
    tr_try(measure_all());
    find_medians(&figures);
    print_figures(&figures);
    return options.json ? write_figures(options.json, &figures) : 0;
}

int main(int argc, char **argv)
{
    const struct option known[] = {{"--json", .text = &options.json}, {"--quick", .flag = &options.quick}, {0}};
    understand(known, argc, argv);
    if (tr_run(run, NULL) >= 0)
        return 0;
    fprintf(stderr, "%s", tr_error_report(tr_last_error()));
    return 1;
}

/* The figures of the README, each next to what it costs without the library, measured in the same run:
 *
 *     call_us         a call of an empty function in another process, one after the other
 *     raw_call_us     a byte there and back between two processes over a socket pair
 *     actor_us        starting an actor, until it is up, and ending it, until it is reaped
 *     raw_process_us  the same for this program when it does nothing but begin and end
 *     value_us        a 64-bit integer of a stream
 *
 * Usage: basics [--json FILE]. Both processes are pinned to one core. Medians of several rounds. */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <tractor.h>
#include <unistd.h>

#include "measure.h"

enum { ROUNDS = 9, CALLS = 2000, ACTORS = 10, VALUES = 100000 };

tr_fn(void, nothing)
{
    return 0;
}

tr_stream_fn(int64_t, numbers, (int64_t, count))
{
    for (int64_t i = 0; i < args->count; i++)
        tr_try(tr_yield(ctx, i));
    return 0;
}

/* ---- one round of each: microseconds for one --------------------------------------------------------- */

static int calls(tr_portal *worker, double *ret_us)
{
    double start = tr_now();
    for (int i = 0; i < CALLS; i++)
        tr_try(tr_call(worker, NULL, nothing));
    *ret_us = (tr_now() - start) / CALLS * 1e6;
    return 0;
}

static void echo_until_closed(int fd)
{
    char byte;
    while (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1)
        continue;
    _exit(0);
}

static int raw_calls(tr_portal *worker, double *ret_us)
{
    (void)worker;
    int ends[2];
    char byte = 'x';
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return tr_raise("bench.Failed", "no socket pair");
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        echo_until_closed(ends[1]);
    }
    close(ends[1]);
    double start = tr_now();
    for (int i = 0; i < CALLS; i++)
        if (write(ends[0], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1)
            return tr_raise("bench.Failed", "the echo is gone");
    *ret_us = (tr_now() - start) / CALLS * 1e6;
    close(ends[0]);
    waitpid(pid, NULL, 0);
    return 0;
}

static int one_actor(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *actor;
    tr_try(tr_start_actor(n, &actor, "short"));
    tr_try(tr_cancel_actor(actor));
    return tr_join(n);
}

static int actors(tr_portal *worker, double *ret_us)
{
    (void)worker;
    double start = tr_now();
    for (int i = 0; i < ACTORS; i++)
        tr_try(one_actor());
    *ret_us = (tr_now() - start) / ACTORS * 1e6;
    return 0;
}

static int raw_processes(tr_portal *worker, double *ret_us)
{
    (void)worker;
    char *const argv[] = {"basics", "--nothing", NULL};
    double start = tr_now();
    for (int i = 0; i < ACTORS; i++) {
        pid_t pid;
        if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ) != 0)
            return tr_raise("bench.Failed", "cannot start a process");
        waitpid(pid, NULL, 0);
    }
    *ret_us = (tr_now() - start) / ACTORS * 1e6;
    return 0;
}

static int values(tr_portal *worker, double *ret_us)
{
    tr_auto(stream) stream = NULL;
    int64_t value, expected = 0;
    int rc;
    double start = tr_now();
    tr_try(tr_open_stream(worker, &stream, numbers, .count = VALUES));
    while ((rc = tr_next(stream, &value, numbers)) > 0)
        if (value != expected++)
            return tr_raise("bench.Failed", "a value is missing");
    tr_try(rc);
    *ret_us = (tr_now() - start) / VALUES * 1e6;
    return expected == VALUES ? 0 : tr_raise("bench.Failed", "values are missing");
}

/* ---- all rounds ---------------------------------------------------------------------------------------- */

static struct figure {
    const char *name;
    int (*round)(tr_portal *worker, double *ret_us);
    double us[ROUNDS];
} figures[] = {
    {"call_us", calls, {0}},         {"raw_call_us", raw_calls, {0}},
    {"actor_us", actors, {0}},       {"raw_process_us", raw_processes, {0}},
    {"value_us", values, {0}},
};
enum { FIGURES = sizeof figures / sizeof *figures };

static void print_to(FILE *out)
{
    for (int i = 0; i < FIGURES; i++)
        fprintf(out, "%s\"%s\": %.3f", i ? ", " : "{", figures[i].name, median(figures[i].us, ROUNDS));
    fprintf(out, "}\n");
}

static int measure(void *file)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(tr_start_actor(n, &worker, "worker", .modules = tr_names(tr_this_module())));
    for (int round = 0; round < ROUNDS; round++) /* in turn, so that a noisy moment hits all alike */
        for (int i = 0; i < FIGURES; i++)
            tr_try(figures[i].round(worker, &figures[i].us[round]));
    tr_try(tr_cancel_actor(worker));
    FILE *json = file ? fopen(file, "w") : NULL;
    print_to(stdout);
    if (json) {
        print_to(json);
        fclose(json);
    }
    return tr_join(n);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--nothing") == 0)
        return 0;
    stay_on_one_core();
    char *json = argc > 2 && strcmp(argv[1], "--json") == 0 ? argv[2] : NULL;
    return tr_main(argc, argv, measure, json);
}

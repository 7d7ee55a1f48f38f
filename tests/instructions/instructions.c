/* What is counted by tests/instructions.sh: calls and streams between two actors in the fake world, where every run is
 * the same, instruction by instruction, since chance and time come from a seed.
 *
 *     instructions call|stream_int|stream_1k TRANSPORT COUNT
 *
 * Nothing is rough in this world: no process is interrupted and no write is split, so that nothing but COUNT makes one
 * run longer than another. It fails unless all values arrive. */
#include "world.h"

#include <stdlib.h>
#include <string.h>
#include <tractor.h>

enum { KIB = 1024 };

static const char *what;
static int64_t count;

tr_struct(two_numbers, (uint64_t, first), (uint64_t, second));

tr_fn(two_numbers, echo, (uint64_t, first), (uint64_t, second))
{
    *ret = (two_numbers){args->first, args->second};
    return 0;
}

tr_stream_fn(int64_t, integers, (int64_t, last))
{
    for (int64_t i = 0; i < args->last; i++)
        tr_try(tr_yield(ctx, i));
    return 0;
}

tr_stream_fn(tr_bytes, messages, (int64_t, last))
{
    char bytes[KIB] = {0};
    for (int64_t i = 0; i < args->last; i++)
        tr_try(tr_yield(ctx, {bytes, sizeof bytes}));
    return 0;
}

static int lost(void)
{
    return tr_raise("test.Failed", "not all has arrived as it was sent");
}

static int call(tr_portal *far)
{
    for (int64_t i = 0; i < count; i++) {
        const uint64_t large = UINT64_MAX - (uint64_t)i;
        two_numbers back = {0};
        tr_try(tr_call(far, &back, echo, .first = large, .second = ~UINT64_C(0) / 2));
        if (back.first != large)
            return lost();
    }
    return 0;
}

static int take_integers(tr_portal *far)
{
    tr_auto(stream) stream = NULL;
    int64_t value, seen = 0;
    int rc;
    tr_try(tr_open_stream(far, &stream, integers, .last = count));
    while ((rc = tr_next(stream, &value, integers)) > 0)
        if (value != seen++)
            return lost();
    tr_try(rc);
    return seen == count ? 0 : lost();
}

static int take_messages(tr_portal *far)
{
    tr_auto(stream) stream = NULL;
    tr_bytes value;
    int64_t seen = 0;
    int rc;
    tr_try(tr_open_stream(far, &stream, messages, .last = count));
    while ((rc = tr_next(stream, &value, messages)) > 0)
        seen += value.size == KIB;
    tr_try(rc);
    return seen == count ? 0 : lost();
}

static int run(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *far;
    tr_try(tr_start_actor(n, &far, "far", .modules = tr_names(tr_this_module())));
    tr_try(strcmp(what, "call") == 0         ? call(far)
           : strcmp(what, "stream_int") == 0 ? take_integers(far)
                                             : take_messages(far));
    tr_cancel(n);
    return tr_join(n);
}

static int program(int argc, char **argv)
{
    return tr_main(argc, argv, run, NULL);
}

int main(int argc, char **argv)
{
    enum { PATIENCE_S = 3600 };
    if (argc != 4)
        return 2;
    what = argv[1];
    count = strtol(argv[3], NULL, 10);
    struct world *world = world_new(1);
    struct weather *weather = world_weather(world);
    weather->interrupt = weather->split = 0;
    weather->transport = argv[2];
    struct process *root = world_spawn(world, world_host(world, "alpha"), program);
    bool ended = world_run(world, PATIENCE_S);
    int status = process_status(root);
    if (!ended || status != 0)
        printf("it ended with %d: %s\n", status, process_said(root));
    world_free(world);
    return ended && status == 0 ? 0 : 1;
}

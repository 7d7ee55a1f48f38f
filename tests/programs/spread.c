/* Two scenes of the README with each actor in a program of its own, which may be on a host of its own: they find each
 * other through the arbiter. tests/hosts.sh starts them.
 *
 *     spread SCENE NAME ARBITER LISTEN
 *
 * first_scene: director, donny, gretchen. streaming_service: main, aggregator, streamer_1, streamer_2. */
#define TR_MODULE "spread"
#include "support/hello.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 1000 };

/* ---- first_scene ----------------------------------------------------------------------------------------- */

struct part {
    const char *actor, *other;
    tr_str line;
};

static int play(void *arg)
{
    struct part *part = arg;
    tr_auto(portal) actor = NULL;
    tr_str line;
    tr_try(tr_wait_for_actor(&actor, part->actor));
    tr_try(tr_call(actor, &line, say_hello, .other_actor = part->other));
    part->line = strdup(line);
    return part->line ? 0 : tr_raise("app.NoMemory", "no room for a line");
}

static int direct(void *arg)
{
    (void)arg;
    struct part donny = {"donny", "gretchen", NULL}, gretchen = {"gretchen", "donny", NULL};
    tr_auto(nursery) scene = tr_open_nursery();
    puts("Alright... Action!");
    tr_try(tr_start_soon(scene, play, &donny));
    tr_try(tr_start_soon(scene, play, &gretchen));
    tr_try(tr_join(scene));
    puts(gretchen.line);
    puts(donny.line);
    puts("CUTTTT CUUTT CUT!!! Donny!! You're supposed to say...");
    free((char *)donny.line);
    free((char *)gretchen.line);
    return 0;
}

/* ---- streaming_service ----------------------------------------------------------------------------------- */

tr_stream_fn(int64_t, stream_data, (int64_t, seed))
{
    for (int64_t i = 0; i < args->seed; i++)
        tr_try(tr_yield(ctx, i));
    return 0;
}

struct push {
    const char *streamer;
    int64_t seed;
    tr_sender *send_chan;
};

static int push_to_chan(void *arg)
{
    const struct push *it = arg;
    tr_auto(sender) send_chan = it->send_chan;
    tr_auto(portal) streamer = NULL;
    tr_auto(stream) values = NULL;
    tr_try(tr_wait_for_actor(&streamer, it->streamer));
    tr_try(tr_open_stream(streamer, &values, stream_data, .seed = it->seed));
    int64_t value;
    int rc;
    while ((rc = tr_next(values, &value, stream_data)) > 0)
        tr_try(tr_send(send_chan, &value));
    return rc;
}

tr_stream_fn(int64_t, aggregate, (int64_t, seed))
{
    tr_auto(sender) send_chan = NULL;
    tr_auto(receiver) recv_chan = NULL;
    bool *seen = tr_alloc((size_t)args->seed + 1);
    struct push pushes[2] = {{"streamer_1", args->seed, NULL}, {"streamer_2", args->seed, NULL}};
    if (!seen)
        return tr_raise("app.NoMemory", "%d values", (int)args->seed);
    tr_try(tr_open_channel(&send_chan, &recv_chan, sizeof(int64_t), 500));
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < 2; i++) {
        tr_try(tr_clone_sender(send_chan, &pushes[i].send_chan));
        tr_try(tr_start_soon(n, push_to_chan, &pushes[i]));
    }
    tr_close_sender(&send_chan);
    int64_t value;
    int rc;
    while ((rc = tr_receive(recv_chan, &value)) > 0) {
        if (!seen[value])
            tr_try(tr_yield(ctx, value));
        seen[value] = true;
    }
    tr_try(rc);
    return tr_join(n);
}

static int count_through(void *arg)
{
    (void)arg;
    tr_auto(portal) aggregator = NULL;
    tr_auto(stream) values = NULL;
    int64_t value, expected = 0;
    int rc;
    tr_try(tr_wait_for_actor(&aggregator, "aggregator"));
    tr_try(tr_open_stream(aggregator, &values, aggregate, .seed = SEED));
    while ((rc = tr_next(values, &value, aggregate)) > 0)
        if (value != expected++)
            return tr_raise("app.Wrong", "%d came instead of %d", (int)value, (int)expected - 1);
    tr_try(rc);
    printf("0 to %d, each once\n", (int)expected - 1);
    return 0;
}

/* ---- who this is ------------------------------------------------------------------------------------------ */

static int serve(void *arg)
{
    (void)arg;
    return tr_sleep_forever();
}

static int in_time(void *arg)
{
    int (*leading)(void *) = strcmp(arg, "first_scene") == 0 ? direct : count_through;
    tr_scope limit = tr_fail_after(60);
    return tr_within(&limit, leading(NULL));
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return 2;
    bool leads = strcmp(argv[2], "director") == 0 || strcmp(argv[2], "main") == 0;
    const char *listen = argv[4];
    return tr_main(argc, argv, leads ? in_time : serve, argv[1], .name = argv[2], .arbiter = argv[3],
                   .listen = {&listen, 1}, .allow_remote = true, .modules = tr_names(tr_this_module()), .log = "error");
}

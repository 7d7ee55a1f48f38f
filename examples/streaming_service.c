/* streaming_service.c: two actors stream, a third makes one stream of both, a fourth prints the result. */
#include <stdio.h>
#include <stdlib.h>
#include <tractor.h>

/* This is the first two actors, streamer_1 and streamer_2. */
tr_stream_fn(int64_t, stream_data, (int64_t, seed))
{
    for (int64_t i = 0; i < args->seed; i++)
        tr_try(tr_yield(ctx, i));                   /* a checkpoint as well */
    return 0;
}

struct push {
    tr_portal *portal;
    int64_t seed;
    tr_sender *send_chan;
};

static int push_to_chan(void *arg)
{
    const struct push *it = arg;
    tr_auto(sender) send_chan = it->send_chan;      /* ours; with the last of them the channel ends */
    tr_auto(stream) values = NULL;
    tr_try(tr_open_stream(it->portal, &values, stream_data, .seed = it->seed));
    int64_t value;
    int rc;
    while ((rc = tr_next(values, &value, stream_data)) > 0)
        tr_try(tr_send(send_chan, &value));         /* built-in backpressure */
    tr_try(rc);
    printf("FINISHED ITERATING %s\n", tr_portal_actor(it->portal)->name);
    return 0;
}

/* Whether the value comes for the first time. */
static bool is_new(bool *seen, int64_t value)
{
    bool before = seen[value];
    seen[value] = true;
    return !before;
}

static int push_all(tr_nursery *n, struct push pushes[2], tr_sender **send_chan)
{
    for (int i = 0; i < 2; i++) {
        tr_try(tr_clone_sender(*send_chan, &pushes[i].send_chan));
        tr_try(tr_start_soon(n, push_to_chan, &pushes[i]));
    }
    tr_close_sender(send_chan);                     /* our own reference to the send side */
    return 0;
}

/* This is the third actor; the aggregator. It ensures that the two streams that it receives match, but streams
 * only a single set of values to the parent. */
tr_stream_fn(int64_t, aggregate, (int64_t, seed))
{
    tr_auto(nursery) nursery = tr_open_nursery();
    struct push pushes[2];
    for (int i = 0; i < 2; i++) {                   /* fork point */
        pushes[i] = (struct push){.seed = args->seed};
        tr_try(tr_start_actor(nursery, &pushes[i].portal, tr_format("streamer_%d", i + 1),
                              .modules = tr_names(tr_this_module())));
    }

    tr_auto(sender) send_chan = NULL;
    tr_auto(receiver) recv_chan = NULL;
    tr_try(tr_open_channel(&send_chan, &recv_chan, sizeof(int64_t), 500));
    bool *seen = tr_alloc((size_t)args->seed + 1);
    if (!seen)
        return tr_raise("app.NoMemory", "%d values", (int)args->seed);

    tr_auto(nursery) n = tr_open_nursery();         /* two tasks collect streams and push to a local queue */
    tr_try(push_all(n, pushes, &send_chan));
    int64_t value;
    int rc;
    while ((rc = tr_receive(recv_chan, &value)) > 0)
        if (is_new(seen, value))
            tr_try(tr_yield(ctx, value));           /* upwards to the spawning parent actor */
    tr_try(rc);
    tr_try(tr_join(n));
    puts("FINISHED ITERATING in aggregator");

    tr_cancel(nursery);
    puts("WAITING on `ActorNursery` to finish");
    tr_try(tr_join(nursery));
    puts("AGGREGATOR COMPLETE!");
    return 0;
}

static int count_through(tr_stream *stream, int64_t seed)
{
    int64_t value, expected = 0;
    int rc;
    while ((rc = tr_next(stream, &value, aggregate)) > 0)
        if (value != expected++)
            return tr_raise("app.Wrong", "%d came instead of %d", (int)value, (int)expected - 1);
    tr_try(rc);
    return expected == seed ? 0 : tr_raise("app.Wrong", "%d of %d values came", (int)expected, (int)seed);
}

/* This is the main actor and *arbiter*. */
static int run(void *arg)
{
    const int64_t *seed = arg;
    tr_auto(nursery) nursery = tr_open_nursery();   /* which spawns "actors" */
    double pre_start = tr_now();
    tr_portal *portal;
    tr_try(tr_run_in_actor(nursery, &portal, "aggregator", aggregate, .seed = *seed));

    double start = tr_now();
    tr_auto(stream) result = NULL;                  /* exactly as if "aggregate" was called locally */
    tr_try(tr_result_stream(portal, &result, aggregate));
    tr_try(count_through(result, *seed));
    printf("STREAM TIME = %f\n", tr_now() - start);
    printf("STREAM + SPAWN TIME = %f\n", tr_now() - pre_start);
    tr_try(tr_join(nursery));
    printf("0 to %d, each once\n", (int)*seed - 1);
    return 0;
}

int main(int argc, char **argv)
{
    int64_t seed = argc > 1 ? strtol(argv[1], NULL, 10) : 1000;
    if (seed < 1 || seed > INT32_MAX) {
        fprintf(stderr, "usage: %s [SEED]\n", argv[0]);
        return 2;
    }
    return tr_main(argc, argv, run, &seed);
}

/* pubsub.c: one producer, whose values go to whoever wants their topic, in whatever actor that is. */
#include <stdio.h>
#include <tractor.h>

static int64_t producers;       /* of the publisher's process */

static int count_for_ever(tr_publisher *to)
{
    tr_try(tr_wait_topic(to, "even"));
    tr_try(tr_wait_topic(to, "odd"));
    for (int64_t i = 0;; i++)
        tr_try(tr_publish(to, int64_t, i % 2 ? "odd" : "even", i));
}

static int produce(tr_publisher *to, void *arg)
{
    (void)arg;
    producers++;
    int rc = count_for_ever(to);
    producers--;
    return rc;
}

tr_stream_fn(int64_t, numbers, (tr_list_tr_str, topics))
{
    return tr_serve_topics(ctx, "numbers", args->topics, produce, NULL);
}

tr_fn(int64_t, count_producers)
{
    *ret = producers;
    return 0;
}

/* Each of these runs in an actor of its own, and leaves when it has five. */
tr_fn(tr_str, listen, (tr_str, topic))
{
    tr_auto(portal) publisher = NULL;
    tr_auto(stream) mine = NULL;
    int64_t got[5];
    tr_try(tr_wait_for_actor(&publisher, "publisher"));
    tr_try(tr_open_stream(publisher, &mine, numbers, .topics = tr_names(args->topic)));
    for (int i = 0; i < 5; i++)
        tr_try(tr_next(mine, &got[i], numbers));
    return tr_return_fmt("%s numbers: %d %d %d %d %d", args->topic, (int)got[0], (int)got[1], (int)got[2], (int)got[3],
                         (int)got[4]);
}

static int listen_to_both(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *even, *odd;
    tr_str heard;
    tr_try(tr_run_in_actor(n, &even, "even", listen, .topic = "even"));
    tr_try(tr_run_in_actor(n, &odd, "odd", listen, .topic = "odd"));
    tr_try(tr_result(even, &heard, listen));
    puts(heard);
    tr_try(tr_result(odd, &heard, listen));
    puts(heard);
    return tr_join(n);
}

static int run(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *publisher;
    int64_t left;
    tr_try(tr_start_actor(n, &publisher, "publisher", .modules = tr_names("pubsub")));
    for (int i = 0; i < 2; i++) {       /* the second time from the beginning */
        tr_try(listen_to_both());
        tr_try(tr_call(publisher, &left, count_producers));
        printf("then there are %d producers\n", (int)left);
    }
    tr_try(tr_cancel_actor(publisher));
    return tr_join(n);
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, run, NULL);
}

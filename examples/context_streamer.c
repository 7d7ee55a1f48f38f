/* context_streamer.c: a streaming server that sends from wherever it has the context, when it likes. */
#include <stdio.h>
#include <tractor.h>

/* What would be a request to some server in the web. */
static int web_request(int number, tr_str *ret)
{
    tr_try(tr_sleep(0.001));
    *ret = number % 2 ? "all quiet" : "rain";
    return 0;
}

/* An ordinary function with the context. It is not bound to one stream, so it names the type that it sends. */
static int send_feed(tr_ctx *ctx, double rate)
{
    for (int number = 1;; number++) {
        tr_auto(frame) f = tr_open_frame();         /* what this round allocates goes with it */
        tr_str response;
        tr_try(web_request(number, &response));
        if (number % 3 == 0)                        /* nothing new: it sends when it likes */
            continue;
        /* this is the same as tr_yield in a body */
        tr_try(tr_send_yield(ctx, tr_str, tr_format("%s, %s", tr_ctx_caller(ctx)->name, response)));
        tr_try(tr_sleep(1 / rate));
    }
}

/* A simple web response streaming server. */
tr_stream_fn(tr_str, streamer, (double, rate, 2))   /* two a second, unless the caller says otherwise */
{
    return send_feed(ctx, args->rate);
}

static int run(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *server;
    tr_try(tr_start_actor(n, &server, "server", .modules = tr_names(tr_this_module())));

    tr_auto(stream) feed = NULL;
    tr_try(tr_open_stream(server, &feed, streamer, .rate = 100));
    tr_str response;
    int rc = 1;
    for (int i = 0; i < 4 && (rc = tr_next(feed, &response, streamer)) > 0; i++)
        puts(response);
    tr_try(rc);
    tr_try(tr_stream_cancel(feed));                 /* enough; leaving the block would do it as well */

    tr_cancel(n);
    return tr_join(n);
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, run, NULL);
}

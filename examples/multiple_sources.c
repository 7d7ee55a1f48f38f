/* multiple_sources.c: several tasks of one function stream into the same context, at once. */
#include <stdio.h>
#include <string.h>
#include <tractor.h>

/* A stream by itself, and a source of another one below. */
tr_stream_fn(tr_str, streamer, (tr_str, url), (int32_t, count, 3))
{
    for (int i = 1; i <= args->count; i++) {
        tr_auto(frame) f = tr_open_frame();
        tr_try(tr_yield(ctx, tr_format("%s: %d", args->url, i)));
        tr_try(tr_sleep(0.001));                    /* the others are at it meanwhile */
    }
    return 0;
}

struct source {
    tr_ctx *ctx;
    tr_str url;
};

static int stream_one(void *arg)
{
    const struct source *it = arg;
    return tr_yield_from(it->ctx, streamer, .url = it->url);
}

tr_stream_fn(tr_str, stream_multiple_sources, (tr_list_tr_str, sources))
{
    struct source *sources = tr_alloc(args->sources.count * sizeof *sources);
    if (!sources)
        return tr_raise("app.NoMemory", "%zu sources", args->sources.count);
    tr_auto(nursery) n = tr_open_nursery();
    for (size_t i = 0; i < args->sources.count; i++) {
        sources[i] = (struct source){ctx, args->sources.items[i]};
        tr_try(tr_start_soon(n, stream_one, &sources[i]));
    }
    return tr_join(n);                              /* the stream ends when all sources have */
}

static int run(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *server;
    tr_try(tr_start_actor(n, &server, "server", .modules = tr_names(tr_this_module())));

    tr_auto(stream) all = NULL;
    tr_try(tr_open_stream(server, &all, stream_multiple_sources,
                          .sources = tr_list(tr_str, "http://data.feed.com", "http://more.feed.org")));
    tr_str item;
    int rc, count = 0;
    while ((rc = tr_next(all, &item, stream_multiple_sources)) > 0) {
        puts(item);                                 /* each source's in order, mixed as they come */
        count++;
    }
    tr_try(rc);
    printf("%d in all\n", count);

    tr_cancel(n);
    return tr_join(n);
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, run, NULL);
}

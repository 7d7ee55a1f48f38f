/* fan_out.c: one stream for several tasks of an actor, each of which reads it at its own pace. */
#include <stdio.h>
#include <tractor.h>

tr_stream_fn(int32_t, quotes, (int32_t, count))
{
    for (int32_t i = 1; i <= args->count; i++)
        tr_try(tr_yield(ctx, i));
    return 0;
}

struct desk {
    const char *name;
    tr_stream *quotes;                              /* a reader of its own */
    tr_event *open;                                 /* nobody reads before that; NULL: from the beginning */
    tr_event done;
};

/* Adds up what comes. Who is too far behind has missed the oldest quotes, is told so once, and goes on. */
static int add_up(void *arg)
{
    struct desk *desk = arg;
    int32_t quote, sum = 0;
    int rc;
    if (desk->open)
        tr_try(tr_event_wait(desk->open));
    while ((rc = tr_next(desk->quotes, &quote, quotes)) != 0)
        if (rc > 0)
            sum += quote;
        else if (rc == TR_ELAGGED)
            printf("%s: %s\n", desk->name, tr_error_message(tr_last_error()));
        else
            return rc;
    printf("%s: the sum is %d\n", desk->name, (int)sum);
    tr_event_set(&desk->done);
    return 0;
}

static int work(tr_portal *exchange)
{
    tr_auto(stream) first = NULL;
    tr_auto(stream) second = NULL;
    tr_auto(stream) third = NULL;
    tr_try(tr_open_stream(exchange, &first, quotes, .count = 100));
    tr_try(tr_subscribe(first, &second, 100));      /* before anybody reads, so that all get all */
    tr_try(tr_subscribe(first, &third, 10));        /* this one may be ten behind the foremost */

    struct desk books = {.name = "books", .quotes = first};
    struct desk audit = {.name = "audit", .quotes = second, .open = &books.done};
    struct desk ticker = {.name = "ticker", .quotes = third, .open = &audit.done};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, add_up, &ticker));
    tr_try(tr_start_soon(n, add_up, &audit));
    tr_try(tr_start_soon(n, add_up, &books));
    return tr_join(n);
}

static int run(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *exchange;
    tr_try(tr_start_actor(n, &exchange, "exchange", .modules = tr_names(tr_this_module())));
    tr_try(work(exchange));
    tr_cancel(n);
    return tr_join(n);
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, run, NULL);
}

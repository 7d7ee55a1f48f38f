/* orders.c: two actors; a struct with a list goes there, a stream comes back, an error too. */
#include <stdio.h>
#include <tractor.h>

tr_struct(leg, (tr_str, venue), (double, price), (int64_t, quantity, 1));       /* 1: the default */
tr_list_of(leg);
tr_struct(order, (tr_str, client), (tr_list_leg, legs));
tr_struct(fill, (tr_str, venue), (double, paid));

tr_fn(double, worth, (order, it))
{
    *ret = 0;
    for (size_t i = 0; i < args->it.legs.count; i++)
        *ret += args->it.legs.items[i].price * (double)args->it.legs.items[i].quantity;
    return 0;
}

tr_stream_fn(fill, execute, (order, it))
{
    for (size_t i = 0; i < args->it.legs.count; i++) {
        const leg *next = &args->it.legs.items[i];
        if (next->quantity > 100)
            return tr_raise("app.TooMany", "%d at %s", (int)next->quantity, next->venue);
        tr_try(tr_yield(ctx, {.venue = next->venue, .paid = next->price * (double)next->quantity}));
    }
    return 0;
}

tr_fn(tr_str, advise, (order, it))                  /* the broker asks the market, another process */
{
    tr_auto(portal) market = NULL;
    tr_try(tr_wait_for_actor(&market, "market"));
    double sum;
    tr_try(tr_call(market, &sum, worth, .it = args->it));
    return tr_return_fmt("%s should %s", args->it.client, sum > 100 ? "think twice" : "buy");
}

static int buy(tr_portal *market, order wish)
{
    tr_auto(stream) fills = NULL;                   /* left early, it ends the producer */
    tr_try(tr_open_stream(market, &fills, execute, .it = wish));
    fill one;
    int rc;
    while ((rc = tr_next(fills, &one, execute)) > 0)
        printf("%s: %.2f\n", one.venue, one.paid);
    return rc;
}

static int trade(tr_nursery *n)
{
    tr_portal *market, *broker;
    tr_try(tr_start_actor(n, &market, "market", .modules = tr_names(tr_this_module())));
    tr_try(tr_start_actor(n, &broker, "broker", .modules = tr_names("orders.advise")));

    order wish = {"ann", tr_list(leg, {"XETRA", 1.5, 10}, {.venue = "ARCA", .price = 2.25}, {"LSE", 3, 1000})};
    tr_str advice;
    tr_try(tr_call(broker, &advice, advise, .it = wish));
    puts(advice);

    int rc = buy(market, wish);
    const tr_error *cause = tr_error_find(tr_last_error(), "app.TooMany");
    if (rc == TR_EREMOTE && cause)                  /* one call failed; the actor lives on */
        printf("%s: %s\n", tr_error_type(cause), tr_error_message(cause));
    else
        tr_try(rc);
    tr_cancel(n);                                   /* actors that serve do not end by themselves */
    return 0;
}

static int program(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    return tr_join_with(n, trade(n));
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, program, NULL);
}

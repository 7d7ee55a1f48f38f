/* crash_report.c: an actor's actor fails an assertion, and the report says which, what, where, along which path. */
#include <assert.h>
#include <stdio.h>
#include <tractor.h>

static int stock = 3;

static void take(int wanted)
{
    stock -= wanted;
    assert(stock >= 0);
}

tr_fn(void, sell, (int32_t, items))                  /* in the clerk */
{
    take(args->items);
    return 0;
}

tr_fn(void, run_shop)                                /* in the shop, which has a clerk */
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *clerk;
    tr_try(tr_run_in_actor(n, &clerk, "clerk", sell, .items = 5));
    return tr_join(n);
}

static int town(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_run_in_actor(n, NULL, "shop", run_shop));
    return tr_join(n);
}

int main(int argc, char **argv)
{
    tr_main(argc, argv, town, NULL);                 /* also reports the error */
    return tr_error_is(tr_last_error(), "AssertionError") ? 0 : 1;
}

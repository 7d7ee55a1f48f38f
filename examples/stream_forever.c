/* stream_forever.c: a stream without an end, from another process, for one second. */
#include <assert.h>
#include <stdio.h>
#include <tractor.h>

tr_stream_fn(tr_str, stream_forever)
{
    for (;;) {
        /* each yielded value is sent over the channel to the parent actor */
        tr_try(tr_yield(ctx, "I can see these little future bubble things"));
        tr_try(tr_sleep(0.01));
    }
}

static int watch_donny(tr_nursery *n)
{
    tr_portal *portal;
    tr_try(tr_start_actor(n, &portal, "donny", .modules = tr_names(tr_this_module())));

    tr_auto(stream) letters = NULL;                 /* left: the function over there is cancelled */
    tr_try(tr_open_stream(portal, &letters, stream_forever));
    tr_str letter;
    int rc;
    for (int i = 0; (rc = tr_next(letters, &letter, stream_forever)) > 0; i++)
        if (i < 3)                                  /* there are about a hundred */
            puts(letter);
    return rc;
}

static int watch(bool *ret_cancelled)
{
    tr_auto(nursery) n = tr_open_nursery();
    int rc = tr_join_with(n, watch_donny(n));
    *ret_cancelled = tr_cancelled(n);
    return rc;
}

static int run(void *arg)
{
    (void)arg;
    bool nursery_cancelled = false;
    tr_scope limit = tr_move_on_after(1);           /* stream for at most one second */
    tr_try(tr_within(&limit, watch(&nursery_cancelled)));

    assert(limit.cancelled_caught);
    assert(nursery_cancelled);
    puts("one second is over");
    return 0;
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, run, NULL);
}

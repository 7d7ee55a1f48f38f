/* error_propagation.c: one actor fails hard; the others are cancelled, and the error comes out. */
#include <assert.h>
#include <stdio.h>
#include <tractor.h>

tr_fn(void, assert_err)
{
    assert(0);
    return 0;
}

static int director(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < 3; i++)
        tr_try(tr_start_actor(n, NULL, tr_format("actor_%d", i),
                              .modules = tr_names("error_propagation")));

    tr_try(tr_run_in_actor(n, NULL, "extra", assert_err));      /* will fail immediately */
    return tr_join(n);      /* fails with it, when all the other actors are cancelled and gone */
}

int main(int argc, char **argv)
{
    tr_main(argc, argv, director, NULL);                        /* also reports the error */
    if (!tr_error_is(tr_last_error(), "RemoteActorError"))
        return 1;
    puts("Look Maa that actor failed hard, hehhh!");
    return 0;
}

/* statespace.c: what all the tasks of an actor may read and write, copied into it when it is started. */
#include <assert.h>
#include <stdio.h>
#include <tractor.h>

tr_struct(kennel, (int64_t, doggy));

static kennel statespace = {.doggy = 10};

tr_fn(void, check_statespace)
{
    /* Remember this runs in a new process so no changes will propagate back to the parent actor. */
    kennel *mine;
    tr_try(tr_get_statespace(&mine, kennel));
    assert(mine->doggy == statespace.doggy);
    printf("%s has %d\n", tr_current_actor()->name, (int)mine->doggy++);
    return 0;
}

static int run(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_run_in_actor_with(n, NULL,
                                tr_options("checker", .statespace = tr_statespace(kennel, &statespace)),
                                check_statespace));
    tr_try(tr_join(n));
    printf("%s still has %d\n", tr_current_actor()->name, (int)statespace.doggy);
    return 0;
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, run, NULL);
}

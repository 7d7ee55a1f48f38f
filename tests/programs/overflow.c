/* A task that needs more stack than it has: "step" by small frames, "leap" by one large one. */
#include <stdio.h>
#include <string.h>
#include <tractor.h>

static int dig(volatile char *above, int deeper)
{
    volatile char hole[1000];
    hole[0] = above ? *above : 0;
    return deeper > 0 ? dig(hole, deeper - 1) + hole[0] : hole[0];
}

static int step(void *arg)
{
    (void)arg;
    return dig(NULL, 1000);
}

__attribute__((noinline)) static int touch(volatile char *place)
{
    *place = 1;
    return *place;
}

static int leap(void *arg)
{
    (void)arg;
    volatile char hole[100 * 1024];
    return touch(hole); /* its far end */
}

static int run(void *task)
{
    tr_auto(nursery) n = tr_open_nursery();
    if (strcmp(task, "leap") == 0)
        tr_try(tr_start_soon(n, leap, NULL));
    else
        tr_try(tr_start_soon(n, step, NULL));
    return tr_join(n);
}

int main(int argc, char **argv)
{
    return argc < 2 ? 2 : tr_run(run, argv[1]);
}

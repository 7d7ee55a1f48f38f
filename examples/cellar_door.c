/* cellar_door.c: a nursery ends when its actors have; their results stay. */
#include <stdio.h>
#include <tractor.h>

tr_fn(tr_str, cellar_door)
{
    return tr_return_fmt("Dang that's beautiful");
}

static int listener(void *arg)
{
    (void)arg;
    tr_portal *some_linguist;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_run_in_actor(n, &some_linguist, "some_linguist", cellar_door));
    tr_try(tr_join(n));          /* the actor has completed its main task; its process is gone */

    tr_str words;
    tr_try(tr_result(some_linguist, &words, cellar_door));
    puts(words);
    return 0;
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, listener, NULL);
}

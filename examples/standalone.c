/* standalone.c: two programs of one actor each, without a nursery, find and call each other at a shared arbiter.
 *
 *     standalone donny gretchen &
 *     standalone gretchen donny
 *
 * Who comes first is the arbiter. Another address than the usual one may stand behind the names. */
#include <stdio.h>
#include <tractor.h>

static tr_event greeted;

tr_fn(tr_str, hi, (tr_str, to))
{
    tr_event_set(&greeted);
    return tr_return_fmt("Hi %s, my name is %s", args->to, tr_current_actor()->name);
}

static int greet(void *other_actor)
{
    tr_auto(portal) other = NULL;
    tr_str line;
    tr_try(tr_wait_for_actor(&other, other_actor));
    tr_try(tr_call(other, &line, hi, .to = tr_current_actor()->name));
    puts(line);
    return tr_event_wait(&greeted);                 /* meanwhile it serves; here, until the other has called */
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return fprintf(stderr, "usage: standalone NAME OTHER [unix:@stage | tcp://127.0.0.1:1616]\n"), 2;
    return tr_main(argc, argv, greet, argv[2], .name = argv[1], .modules = tr_names(tr_this_module()),
                   .arbiter = argc > 3 ? argv[3] : "tcp://127.0.0.1:1616");
}

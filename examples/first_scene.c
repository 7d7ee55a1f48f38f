/* first_scene.c: two actors find each other by name and speak their lines. */
#include <stdio.h>
#include <tractor.h>

tr_fn(tr_str, hi)                                    /* no arguments, returns a string */
{
    return tr_return_fmt("Hi my name is %s", tr_current_actor()->name);
}

tr_fn(tr_str, say_hello, (tr_str, other_actor))      /* arguments are always named */
{
    tr_auto(portal) other = NULL;                    /* released at the end of the block */
    tr_try(tr_wait_for_actor(&other, args->other_actor));
    return tr_call(other, ret, hi);                  /* looks like a local call; is none */
}

static int director(void *arg)
{
    (void)arg;
    tr_auto(nursery) scene = tr_open_nursery();      /* leaving early cancels and joins */
    puts("Alright... Action!");

    tr_portal *donny, *gretchen;
    tr_try(tr_run_in_actor(scene, &donny, "donny", say_hello, .other_actor = "gretchen"));
    tr_try(tr_run_in_actor(scene, &gretchen, "gretchen", say_hello, .other_actor = "donny"));

    tr_str line;
    tr_try(tr_result(gretchen, &line, say_hello));
    puts(line);
    tr_try(tr_result(donny, &line, say_hello));
    puts(line);
    puts("CUTTTT CUUTT CUT!!! Donny!! You're supposed to say...");
    return tr_join(scene);                           /* waits; the first error cancels the rest */
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, director, NULL);
}

/* logging.c: what a program says of itself, at which levels, where from; and records taken by a function of its own. */
#include <stdio.h>
#include <tractor.h>

tr_fn(void, rehearse, (tr_str, scene))
{
    tr_log_debug("nobody hears this at level info");
    tr_log_info("%s, take one", args->scene);
    tr_log_warning("somebody has left the door open");
    return 0;
}

/* Who takes the records may do with them what it likes; they are gone when it returns. */
static void count(const tr_log_record *record, void *arg)
{
    int *counts = arg;
    counts[record->level >= TR_LOG_WARNING]++;
}

static int direct(void *arg)
{
    (void)arg;
    tr_try(tr_console_log("info")); /* of this actor, and of those that it starts from now on */
    tr_auto(nursery) scene = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_run_in_actor(scene, &donny, "donny", rehearse, .scene = "the cellar"));
    tr_try(tr_result(donny, NULL, rehearse));
    tr_try(tr_run_in_actor_with(scene, NULL, tr_options("gretchen", .log = "warning"), rehearse, .scene = "the roof"));
    tr_try(tr_join(scene));

    int counts[2] = {0};
    tr_log_to(count, counts); /* from now on, of this actor */
    tr_log_info("that was good");
    tr_log_error("but too long");
    tr_log_to(NULL, NULL);
    tr_log_info("%d line was kept, and %d that is serious", counts[0], counts[1]);
    return 0;
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, direct, NULL, .name = "director");
}

/* tractor wait: until somebody of that name is there.
 *
 * Roots tell who joins them. Nobody tells of trees that are yet to come, so it looks for such, a few times a second:
 * in the list of names at which somebody listens, or at the arbiter's address while nobody is there. */
#include "cli.h"

#include <string.h>

static const double LOOK_AGAIN_S = 0.1;

struct vigil {
    const char *name;
    struct watch watch;
    bool over;
};

static void told(const tr_actor_event *event, void *arg)
{
    struct vigil *vigil = arg;
    if (!event || !event->joined || vigil->over || strcmp(event->actor.name, vigil->name) != 0)
        return;
    const tr_registration *actor = &event->actor;
    printf("%s  %.*s  pid %d  ", actor->name, SHORT_UUID, actor->uuid, actor->pid);
    print_text(stdout, actor->addresses.count ? actor->addresses.items[0] : "");
    putchar('\n');
    vigil->over = true;
    tr_cancel(vigil->watch.nursery);
}

static int look_for_roots(const struct options *options, struct vigil *vigil)
{
    while (!vigil->over) {
        tr_auto(frame) frame = tr_open_frame();
        const bool known = options->arbiter && vigil->watch.first;
        int rc = known ? 0 : company_roots(options, watch_also, &vigil->watch);
        if (rc < 0 && rc != TR_ENOARBITER)
            return rc;
        tr_try(tr_sleep(LOOK_AGAIN_S));
    }
    return 0;
}

static int wait_for(const struct options *options)
{
    tr_auto(nursery) n = tr_open_nursery();
    struct vigil vigil = {.name = options->words[0], .watch = {.nursery = n, .told = told, .arg = &vigil}};
    int rc = look_for_roots(options, &vigil);
    rc = tr_join_with(n, rc);
    return vigil.over ? STATUS_FINE : rc;
}

const struct command wait_command = {
    .name = "wait",
    .synopsis = "NAME [--timeout SECONDS] [--arbiter ADDRESS]",
    .summary = "Waits until there is an actor of that name",
    .help = "It may be there already, or come with a tree that is yet to be started. Says who it is; without --timeout it\n"
            "waits as long as it takes.\n\n"
            "  my_service & tractor wait my_service --timeout 5 && tractor call my_service ...\n",
    .least = 1,
    .most = 1,
    .run = wait_for,
};

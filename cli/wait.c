/* tractor wait: until somebody of that name is there.
 *
 * Roots tell who joins them. Nobody tells of trees that are yet to come, so it looks for such, a few times a second:
 * in the list of names at which somebody listens, or at the arbiter's address while nobody is there. Somebody who is
 * there and is no arbiter is not waited for. */
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

/* Whoever is at the arbiter's address speaks something else, or is not to be spoken to: no waiting helps. */
static bool is_somebody_else(const tr_error *error)
{
    return tr_error_is(error, "ProtocolError") || tr_error_is(error, "errno.EACCES");
}

static int look_for_roots(const struct options *options, struct vigil *vigil)
{
    while (!vigil->over) {
        tr_auto(frame) frame = tr_open_frame();
        int rc = watch_roots(&vigil->watch, options, NULL, NULL);
        if (rc < 0 && (rc != TR_ENOARBITER || is_somebody_else(tr_last_error())))
            return rc;
        if (options->arbiter && vigil->watch.no_arbiter)
            return complain(STATUS_NOBODY, "what is at %s is no arbiter", options->arbiter);
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
    .help = "It may be there already, or come with a tree that is yet to be started, as may the arbiter. Says who it is;\n"
            "without --timeout it waits as long as it takes.\n\n"
            "  my_service & tractor wait my_service --timeout 5 && tractor call my_service ...\n",
    .least = 1,
    .most = 1,
    .run = wait_for,
};

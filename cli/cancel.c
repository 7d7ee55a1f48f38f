/* tractor cancel: asks an actor to end. */
#include "cli.h"

static int cancel(const struct options *options)
{
    tr_auto(portal) portal = NULL;
    struct actor actor;
    int rc = company_find(options, options->words[0], &actor, &portal);
    if (rc != STATUS_FINE)
        return rc;
    tr_try(tr_cancel_actor(portal));
    printf("%s, pid %d, has ended\n", actor.name, actor.pid);
    return STATUS_FINE;
}

const struct command cancel_command = {
    .name = "cancel",
    .synopsis = "NAME [--arbiter ADDRESS]",
    .summary = "Asks an actor to end, and waits until it has",
    .help = "What runs in it is cancelled, and what it has started ends with it. One that does not heed it within 3\n"
            "seconds is left alone (status 4): only who has started it may kill it.\n\n"
            "  tractor cancel donny\n",
    .least = 1,
    .most = 1,
    .run = cancel,
};

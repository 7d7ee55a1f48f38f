/* tractor tasks: what an actor is at, inside. */
#include "cli.h"

static int tasks(const struct options *options)
{
    tr_auto(portal) portal = NULL;
    struct actor actor;
    tr_str text;
    int rc = company_find(options, options->words[0], &actor, &portal);
    if (rc != STATUS_FINE)
        return rc;
    tr_try(tr_inspect_tasks(portal, &text));
    print_text(stdout, text);
    return STATUS_FINE;
}

const struct command tasks_command = {
    .name = "tasks",
    .synopsis = "NAME [--timeout SECONDS] [--arbiter ADDRESS]",
    .summary = "Shows the tasks of a live actor, and what each waits for",
    .help = "Its scopes, nurseries and tasks, as a tree: what stands below a line is cancelled with it. The runtime's own\n"
            "are there, too. The actor answers itself, for which it needs a checkpoint; 5 seconds are allowed.\n\n"
            "  tractor tasks donny\n"
            "  tractor tasks streamer_1@4711\n",
    .least = 1,
    .most = 1,
    .timeout = 5,
    .run = tasks,
};

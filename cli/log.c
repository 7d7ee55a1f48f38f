/* tractor log: follows what an actor says. */
#include "cli.h"

static int print_line(const tr_log_line *line)
{
    if (line->lost)
        printf("... %llu lines are lost\n", (unsigned long long)line->lost);
    print_text(stdout, line->text);
    putchar('\n');
    return fflush(stdout) == 0 ? 0 : tr_raise("errno.EPIPE", "nobody reads it any more");
}

static int follow(tr_portal *portal, const char *level)
{
    tr_auto(stream) log = NULL;
    tr_log_line line;
    int rc;
    tr_try(tr_follow_log(portal, &log, level));
    while ((rc = tr_next_log_line(log, &line)) > 0)
        tr_try(print_line(&line));
    return rc;
}

/* In good order: it has cancelled what it was telling us, or said good-bye. */
static bool has_ended(int rc)
{
    const tr_error *error = tr_last_error();
    return rc == TR_EREMOTE && !tr_error_is(error, "ActorDied") &&
           (tr_error_is(error, "Cancelled") || tr_error_is(error, "Closed"));
}

static int follow_log(const struct options *options)
{
    tr_auto(portal) portal = NULL;
    struct actor actor;
    int rc = company_find(options, options->words[0], &actor, &portal);
    if (rc != STATUS_FINE)
        return rc;
    rc = follow(portal, options->level);
    if (!has_ended(rc))
        return rc;
    return complain(STATUS_FINE, "%s, pid %d, has ended", actor.name, actor.pid);
}

const struct command log_command = {
    .name = "log",
    .synopsis = "NAME [--follow] [--level LEVEL] [--arbiter ADDRESS]",
    .summary = "Shows what an actor says from now on",
    .help = "Lines of its log, until it ends or Ctrl-C; there is no past to be shown, so -f and --follow say what is done\n"
            "anyway. --level is trace, transport, debug, runtime, info, cancel, warning, error or critical; without it\n"
            "those lines come that the actor prints itself. What it would not have printed is seen only here. If this is\n"
            "too slow for it, lines are lost, and how many is said.\n\n"
            "  tractor log donny --follow --level cancel\n",
    .least = 1,
    .most = 1,
    .run = follow_log,
};

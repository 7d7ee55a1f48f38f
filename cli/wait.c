/* tractor wait: until somebody of that name is there.
 *
 * Nobody tells of trees that are yet to come, so it looks again, a few times a second. */
#include "cli.h"

#include <string.h>

static const double LOOK_AGAIN_S = 0.1;

static const struct actor *named(const struct company *company, const char *name)
{
    for (size_t i = 0; i < company->count; i++)
        if (strcmp(company->actors[i].name, name) == 0)
            return &company->actors[i];
    return NULL;
}

/* 1 when it was there, and was told of. */
static int look(const struct options *options)
{
    tr_auto(frame) frame = tr_open_frame();
    struct company company = {NULL, 0, 0};
    int rc = company_roots(options, company_add, &company);
    const struct actor *actor = rc < 0 ? NULL : named(&company, options->words[0]);
    if (actor)
        printf("%s  %.*s  pid %d  %s\n", actor->name, SHORT_UUID, actor->uuid, actor->pid, actor->addresses[0]);
    company_free(&company);
    return rc < 0 && rc != TR_ENOARBITER ? rc : actor != NULL;
}

static int wait_for(const struct options *options)
{
    int rc;
    while ((rc = look(options)) == 0)
        tr_try(tr_sleep(LOOK_AGAIN_S));
    return rc < 0 ? rc : STATUS_FINE;
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

/* Being told who comes and goes, by each root that there is: a task reads its events, for as long as it is there.
 *
 * Who watches sees to it that roots which are new are watched as well: nobody tells of those. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct watcher {
    struct watch *watch;
    struct watcher *next;
    tr_portal *root;            /* owned */
    char uuid[UUID_ROOM];
};

static struct watcher **place_of(struct watch *watch, const char *uuid)
{
    struct watcher **at = &watch->first;
    while (*at && strcmp((*at)->uuid, uuid) != 0)
        at = &(*at)->next;
    return at;
}

static void forget(struct watcher *watcher)
{
    struct watcher **at = place_of(watcher->watch, watcher->uuid);
    *at = watcher->next;
    tr_portal_done_(&watcher->root);
    free(watcher);
}

static int read_events(const struct watcher *watcher)
{
    tr_auto(stream) changes = NULL;
    tr_actor_event event;
    int rc;
    tr_try(tr_watch_actors_of(watcher->root, &changes));
    while ((rc = tr_next_actor(changes, &event)) > 0)
        watcher->watch->told(&event, watcher->watch->arg);
    return rc;
}

/* However it ends: who is there then has to be looked at. */
static int watch_root(void *arg)
{
    struct watcher *watcher = arg;
    struct watch *watch = watcher->watch;
    int rc = read_events(watcher);
    forget(watcher);
    if (rc == TR_ECANCELLED)
        return rc;
    watch->no_arbiter |= rc < 0 && tr_error_is(tr_last_error(), "ModuleNotExposed");
    watch->told(NULL, watch->arg);
    return 0;
}

/* The `each` of company_roots. First those join that are there. */
static int watch_also(tr_portal *root, void *arg)
{
    struct watch *watch = arg;
    const tr_actor *actor = tr_portal_actor(root);
    struct watcher **place = place_of(watch, actor->uuid);
    if (*place)
        return 0;
    struct watcher *watcher = calloc(1, sizeof *watcher);
    if (!watcher)
        return tr_raise("errno.ENOMEM", "no memory to watch %s", actor->name);
    watcher->watch = watch;
    snprintf(watcher->uuid, UUID_ROOM, "%s", actor->uuid);
    *place = watcher;
    int rc = tr_reach_actor(&watcher->root, actor->address, actor->uuid);
    if (rc >= 0)
        rc = tr_start_soon(watch->nursery, watch_root, watcher);
    if (rc < 0)
        forget(watcher);
    return rc == TR_ECANCELLED ? rc : 0;
}

/* What is done with each root. */
struct both {
    struct watch *watch;
    int (*each)(tr_portal *root, void *arg);
    void *arg;
};

static int watch_and(tr_portal *root, void *arg)
{
    const struct both *both = arg;
    tr_try(watch_also(root, both->watch));
    return both->each ? both->each(root, both->arg) : 0;
}

/* Over the connection that there is, unless it has just ended: then the watcher may be forgotten meanwhile. */
static int visit_watched(const struct watcher *watcher, struct both *both)
{
    tr_auto(portal) root = NULL;
    const tr_actor *actor = tr_portal_actor(watcher->root);
    const char *address = tr_format("%s", actor->address), *uuid = tr_format("%s", actor->uuid);
    int rc = address && uuid ? company_reach(address, uuid, &root) : -ENOMEM;
    if (rc < 0)
        return rc == TR_ECANCELLED ? rc : 0;
    return watch_and(root, both);
}

int watch_roots(struct watch *watch, const struct options *options, int (*each)(tr_portal *root, void *arg), void *arg)
{
    struct both both = {watch, each, arg};
    if (options->arbiter && watch->first)
        return visit_watched(watch->first, &both);
    return company_roots(options, watch_and, &both);
}

/* Being told who comes and goes, by each root that there is: a task reads its events, for as long as it is there.
 *
 * Who watches sees to it that roots which are new are watched as well: nobody tells of those. */
#include "cli.h"

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
    tr_try(tr_watch_actors_of(watcher->root, &changes));
    while (tr_next_actor(changes, &event) > 0)
        watcher->watch->told(&event, watcher->watch->arg);
    return 0;
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
    watch->told(NULL, watch->arg);
    return 0;
}

int watch_also(tr_portal *root, void *arg)
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

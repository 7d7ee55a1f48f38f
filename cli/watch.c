/* Being told who comes and goes, by each root that there is: a task reads its events, for as long as it is there.
 *
 * Who watches sees to it that roots which are new are watched as well: nobody tells of those. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

struct watcher {
    struct watch *watch;
    tr_portal *root;            /* owned */
    char *place;                /* in watch->roots */
};

static int read_events(const struct watcher *watcher)
{
    tr_auto(portal) root = watcher->root;
    tr_auto(stream) changes = NULL;
    tr_actor_event event;
    tr_try(tr_watch_actors_of(root, &changes));
    while (tr_next_actor(changes, &event) > 0)
        tr_try(watcher->watch->told(&event, watcher->watch->arg));
    return 0;
}

/* However it ends: who is there then has to be looked at. */
static int watch_root(void *arg)
{
    struct watcher watcher = *(struct watcher *)arg;
    free(arg);
    int rc = read_events(&watcher);
    watcher.place[0] = '\0';
    watcher.watch->count--;
    return rc == TR_ECANCELLED ? rc : watcher.watch->told(NULL, watcher.watch->arg);
}

static char *place_for(struct watch *watch, const char *uuid)
{
    char *place = NULL;
    for (int i = 0; i < MOST_WATCHED; i++) {
        if (strcmp(watch->roots[i], uuid) == 0)
            return NULL;
        if (!place && !watch->roots[i][0])
            place = watch->roots[i];
    }
    return place;
}

int watch_also(tr_portal *root, void *arg)
{
    struct watch *watch = arg;
    const tr_actor *actor = tr_portal_actor(root);
    char *place = place_for(watch, actor->uuid);
    struct watcher *watcher = place ? malloc(sizeof *watcher) : NULL;
    if (!watcher)
        return 0; /* it is watched, or there are too many */
    *watcher = (struct watcher){.watch = watch, .place = place};
    int rc = tr_reach_actor(&watcher->root, actor->address, actor->uuid);
    if (rc >= 0)
        rc = tr_start_soon(watch->nursery, watch_root, watcher);
    if (rc >= 0) {
        snprintf(place, UUID_ROOM, "%s", actor->uuid);
        watch->count++;
    } else {
        tr_portal_done_(&watcher->root);
        free(watcher);
    }
    return rc == TR_ECANCELLED ? rc : 0;
}

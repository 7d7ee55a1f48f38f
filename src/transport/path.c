/* Trying one way after the other; path.h says in which order, and why. */
#include "transport/path.h"

#include "base/error.h"
#include "base/hooks.h"
#include "sched/task.h"
#include "tractor/task.h"

#include <errno.h>
#include <string.h>

static bool is_unix(const char *address)
{
    return address && strncmp(address, "unix:", 5) == 0;
}

static size_t address_count(const struct path *path)
{
    return path->addresses->count < PATH_MOST ? path->addresses->count : PATH_MOST;
}

/* ---- Unix sockets ------------------------------------------------------------------------------------ */

static bool next_unix(struct path *path)
{
    while (path->next < address_count(path) && !is_unix(path->addresses->items[path->next]))
        path->next++;
    return path->next < address_count(path);
}

static int try_unix(struct path *path, int *ret_fd)
{
    struct sys_address *to, winner;
    tr_try(transport_find(path->addresses->items[path->next++], &to));
    int rc = transport_meet(to, 1, ret_fd, &winner);
    mem_free(to);
    path->not_here = rc == -ECONNREFUSED || rc == -ENOENT;
    return rc;
}

/* ---- TCP --------------------------------------------------------------------------------------------- */

static int refuse(const char *address)
{
    return raise_code(TR_EARGUMENT, "%s is not on this host, and .allow_remote is not set", address);
}

/* Whether any was dropped because it is not allowed. */
static bool add_targets(struct path *path, const struct sys_address *all, size_t count)
{
    bool dropped = false;
    for (size_t i = 0; i < count && path->count < PATH_MOST; i++) {
        bool here = address_is_here(&all[i]);
        if (here ? !path->not_here : path->allow_remote)
            path->targets[path->count++] = all[i];
        dropped |= !here && !path->allow_remote;
    }
    return dropped;
}

static int find_target(struct path *path, const char *address)
{
    struct sys_address *all;
    int count = transport_find(address, &all);
    tr_try(count);
    bool dropped = add_targets(path, all, (size_t)count);
    mem_free(all);
    return dropped ? refuse(address) : 0;
}

/* One that cannot be looked up does not matter if there are others. */
static int find_targets(struct path *path)
{
    int rc = 0;
    path->raced = true;
    for (size_t i = 0; i < address_count(path); i++) {
        if (is_unix(path->addresses->items[i]))
            continue;
        int found = find_target(path, path->addresses->items[i]);
        if (found == TR_ECANCELLED || found == -ENOMEM)
            return found;
        rc = rc < 0 ? rc : found;
    }
    return path->count > 0 ? 0 : rc;
}

static void drop(struct path *path, const struct sys_address *winner)
{
    size_t left = 0;
    for (size_t i = 0; i < path->count; i++)
        if (strcmp(path->targets[i].name, winner->name) != 0 || path->targets[i].port != winner->port)
            path->targets[left++] = path->targets[i];
    path->count = left;
}

static int race(struct path *path, int *ret_fd)
{
    struct sys_address winner = {.name = ""};
    tr_scope limit = tr_move_on_after(path->patience);
    int rc = tr_within(&limit, transport_meet(path->targets, path->count, ret_fd, &winner));
    if (limit.cancelled_caught)
        rc = raise_code(-ETIMEDOUT, "connecting to %s: nobody has answered for %g s", path->addresses->items[0],
                        path->patience);
    if (rc < 0)
        path->count = 0;
    else
        drop(path, &winner);
    return rc;
}

/* ---- all --------------------------------------------------------------------------------------------- */

bool path_goes_on(const struct path *path)
{
    if (path->raced)
        return path->count > 0;
    for (size_t i = 0; i < address_count(path); i++)
        if (i >= path->next || !is_unix(path->addresses->items[i]))
            return true;
    return false;
}

int path_try(struct path *path, int *ret_fd)
{
    if (next_unix(path))
        return try_unix(path, ret_fd);
    if (!path->raced)
        tr_try(find_targets(path));
    return path->count > 0 ? race(path, ret_fd) : raise_code(-ECONNREFUSED, "nobody is at its addresses");
}

/* Finding trees without knowing anything of them, and coming to their actors.
 *
 * The names at which sockets listen are public on a host: a root's has its uuid at the end, those of the actors below
 * it have theirs behind that and another "/", and are passed over here. What is found is only a name; who lives there
 * says so by its greeting, and whether it is of the same user says the kernel. */
#include "actor/portal.h"
#include "base/error.h"
#include "sched/frame.h"
#include "tractor/inspect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TREES = 65536 };    /* one could think of; what comes then is not looked at */

struct hunt {
    struct arena *memory;       /* the caller's */
    struct buf found;           /* of tr_tree */
    size_t prefix;              /* how long what stands before a uuid is */
};

static bool is_uuid(const char *text)
{
    return strspn(text, "0123456789abcdef") == UUID_LENGTH && !text[UUID_LENGTH];
}

static int note_tree(void *arg, const char *name)
{
    struct hunt *hunt = arg;
    if (!is_uuid(name + hunt->prefix) || hunt->found.size >= MOST_TREES * sizeof(tr_tree))
        return 0;
    char address[ADDRESS_TEXT];
    snprintf(address, sizeof address, "unix:%s", name);
    tr_tree tree = {arena_text(hunt->memory, name + hunt->prefix), arena_text(hunt->memory, address)};
    return tree.root && tree.address ? buf_append(&hunt->found, &tree, sizeof tree) : -ENOMEM;
}

static int by_root(const void *a, const void *b)
{
    const tr_tree *one = a, *other = b;
    return strcmp(one->root, other->root);
}

static int find_trees(struct hunt *hunt, tr_list_tr_tree *ret_trees)
{
    char prefix[ADDRESS_TEXT];
    hunt->prefix = (size_t)snprintf(prefix, sizeof prefix, ROOTS_NAME, sys_user());
    int rc = sys_listening(prefix, note_tree, hunt);
    if (rc < 0)
        return error_raise_plain(rc);
    tr_tree *items = arena_copy(hunt->memory, hunt->found.data, hunt->found.size);
    const size_t count = hunt->found.size / sizeof *items;
    if (!items)
        return error_raise_plain(-ENOMEM);
    qsort(items, count, sizeof *items, by_root);
    *ret_trees = (tr_list_tr_tree){items, count};
    return 0;
}

int tr_find_trees(tr_list_tr_tree *ret_trees)
{
    tr_try(actor_required());
    if (!ret_trees)
        return raise_code(TR_EARGUMENT, "nowhere to put what is found");
    struct hunt hunt = {.memory = frame_memory()};
    int rc = hunt.memory ? find_trees(&hunt, ret_trees) : error_raise_plain(-ENOMEM);
    buf_fini(&hunt.found);
    return rc;
}

/* ---- coming there --------------------------------------------------------------------------------------- */

/* Who comes over TCP is told nothing. If the actor has a Unix socket here, it is on this host: then by that. */
static int come_nearer(struct session **held)
{
    const struct session *from = *held;
    tr_str here[MOST_ADDRESSES];
    size_t count = 0;
    for (size_t i = 0; i < from->addresses.count; i++)
        if (from->outside && strncmp(from->addresses.items[i], "unix:", 5) == 0)
            here[count++] = from->addresses.items[i];
    if (count == 0)
        return 0;
    struct session *nearer;
    int rc = session_dial(&(tr_list_tr_str){here, count}, from->peer.uuid, &nearer);
    if (rc >= 0) {
        session_let_go(*held);
        *held = nearer;
    }
    return rc == TR_ECANCELLED || rc == -ENOMEM ? rc : 0;
}

static int reach(tr_portal **ret_portal, const tr_list_tr_str *addresses, const char *uuid)
{
    struct session *session;
    tr_try(actor_required());
    tr_try(tr_checkpoint());
    if (!ret_portal)
        return raise_code(TR_EARGUMENT, "nowhere to put the portal");
    tr_try(session_open(addresses, uuid, &session));
    int rc = come_nearer(&session);
    if (rc < 0) {
        struct tr_error *newest = task_error_aside();
        session_let_go(session);
        task_error_back(newest);
        return rc;
    }
    *ret_portal = portal_new(session);
    return *ret_portal ? 0 : -ENOMEM;
}

int tr_reach_actor(tr_portal **ret_portal, const char *address, const char *uuid)
{
    return reach(ret_portal, &(tr_list_tr_str){&address, 1}, uuid);
}

int tr_reach_registered(tr_portal **ret_portal, const tr_registration *actor)
{
    if (!actor || !actor->uuid || actor->addresses.count == 0 || !actor->addresses.items[0])
        return raise_code(TR_EARGUMENT, "no actor, or one without an address");
    return reach(ret_portal, &actor->addresses, actor->uuid);
}

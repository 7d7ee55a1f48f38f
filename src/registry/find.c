/* Finding an actor by its name: in one's own tree first, and then wherever else there is one.
 *
 * What is found may have ended meanwhile; then the next one of the name will do. A wait is for both places at once,
 * and outlives the arbiter: what it waits for may come in its own tree, or with the next arbiter. */
#define TR_MODULE "tractor.registry"
#include "base/error.h"
#include "base/log.h"
#include "registry/functions.h"
#include "registry/reach.h"

#include <errno.h>

enum { MOST_OF_A_NAME = 16 };   /* that are tried, the oldest first */

static int portal_to(const tr_registration *actor, tr_portal **ret_portal)
{
    struct session *session;
    tr_try(session_open(&actor->addresses, actor->uuid, &session));
    tr_portal *portal = portal_new(session);
    if (!portal)
        return -ENOMEM;
    *ret_portal = portal;
    return 0;
}

/* Whether its host is. TR_EARGUMENT: as far as this tree may go. */
static bool is_out_of_reach(int rc)
{
    return rc == -ETIMEDOUT || rc == -EHOSTUNREACH || rc == -ENETUNREACH || rc == TR_ENONAME || rc == TR_EARGUMENT;
}

/* Whether it is only that the actor has ended meanwhile: nobody is at its address any more, or somebody
 * else, or it hung up before it had greeted. */
static bool has_ended(int rc)
{
    return rc == -ECONNREFUSED || rc == -ENOENT || rc == -ECONNRESET || rc == TR_EBROKEN ||
           rc == TR_ECLOSED;
}

static int first_that_lives(const tr_list_tr_registration *found, tr_portal **ret_portal)
{
    for (size_t i = 0; i < found->count; i++) {
        tr_try(reach_check(&found->items[i]));
        int rc = portal_to(&found->items[i], ret_portal);
        if (rc >= 0)
            return 1;
        if (!has_ended(rc) && !is_out_of_reach(rc))
            return rc;
        if (is_out_of_reach(rc))
            log_at(TR_LOG_INFO, "%s is out of reach: %s", found->items[i].name, tr_error_message(tr_last_error()));
    }
    return 0;
}

static int check(tr_portal **ret_portal, const char *name)
{
    tr_try(actor_required());
    tr_try(actor_check_name(name));
    return ret_portal ? 0 : raise_code(TR_EARGUMENT, "nowhere to put the portal");
}

static int find_at(int (*reach)(tr_portal **), tr_portal **ret_portal, const char *name)
{
    tr_auto(frame) frame = tr_open_frame();
    tr_auto(portal) registry = NULL;
    tr_list_tr_registration found;
    tr_try(reach(&registry));
    tr_try(reach_settle(tr_portal_actor(registry)->address,
                  tr_call(registry, &found, tr_registry_find, .name = name, .most = MOST_OF_A_NAME)));
    return first_that_lives(&found, ret_portal);
}

int tr_find_actor(tr_portal **ret_portal, const char *name)
{
    tr_try(check(ret_portal, name));
    tr_try(tr_checkpoint());
    int rc = find_at(reach_root, ret_portal, name);
    if (rc != 0)
        return rc;
    rc = whereabouts();
    return rc > 0 ? find_at(reach_shared, ret_portal, name) : rc;
}

/* ---- waiting ----------------------------------------------------------------------------------------- */

struct vigil {
    const char *name;
    tr_nursery *nursery;    /* of those who wait at several places; NULL for one */
};

static int wait_at(int (*reach)(tr_portal **), const struct vigil *vigil)
{
    tr_auto(frame) frame = tr_open_frame();
    tr_auto(portal) registry = NULL;
    tr_registration actor;
    tr_try(reach(&registry));
    tr_try(reach_settle(tr_portal_actor(registry)->address,
                  tr_call(registry, &actor, tr_registry_wait, .name = vigil->name)));
    if (vigil->nursery)
        tr_cancel(vigil->nursery);
    return 0;
}

static int wait_in_tree(void *arg)
{
    return wait_at(reach_root, arg);
}

/* For an arbiter to come, and for it to hear of an end that we have seen. */
static const double LOOK_AGAIN_S = 0.25, NEWS_S = 0.01;

static int wait_beyond(void *arg)
{
    int rc;
    while ((rc = wait_at(reach_shared, arg)) == TR_ENOARBITER)
        tr_try(tr_sleep(LOOK_AGAIN_S));
    return rc;
}

static int wait_everywhere(struct vigil *vigil)
{
    tr_auto(nursery) n = tr_open_nursery();
    if (!n)
        return -ENOMEM;
    vigil->nursery = n;
    tr_try(tr_start_soon(n, wait_in_tree, vigil));
    tr_try(tr_start_soon(n, wait_beyond, vigil));
    return tr_join(n);
}

static int wait_until_listed(const char *name)
{
    struct vigil vigil = {.name = name};
    int shared = whereabouts();
    tr_try(shared);
    return shared ? wait_everywhere(&vigil) : wait_in_tree(&vigil);
}

int tr_wait_for_actor(tr_portal **ret_portal, const char *name)
{
    tr_try(check(ret_portal, name));
    for (;;) {
        tr_try(wait_until_listed(name));
        int rc = tr_find_actor(ret_portal, name);
        if (rc != 0 && rc != TR_ENOARBITER)
            return rc < 0 ? rc : 0;
        tr_try(tr_sleep(NEWS_S));
    }
}

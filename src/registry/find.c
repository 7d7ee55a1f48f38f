/* The arbiter's clients: making oneself known and finding others. Everybody is one, the arbiter too, which
 * asks itself over a connection like all the others: one way is enough. */
#define TR_MODULE "tractor.registry"
#include "actor/portal.h"
#include "base/error.h"
#include "base/hooks.h"
#include "registry/functions.h"
#include "registry/registry.h"

#include <errno.h>
#include <string.h>

/* For somebody at an arbiter's address to answer: what takes longer is something else. A child has the time
 * that its parent gives it, since the arbiter is there and may be busy. */
static const double ENROLL_S = 1;

static int no_arbiter(const char *address)
{
    return tr_raise_from(NULL, tr_code_type(TR_ENOARBITER), "no arbiter at %s: %s", address,
                         tr_error_message(tr_last_error()));
}

static int reach(tr_portal **ret_portal)
{
    struct actor *actor = actor_self();
    struct session *session;
    tr_try(session_open(actor->arbiter, actor->arbiter_uuid, &session));
    *ret_portal = portal_new(session);
    return *ret_portal ? 0 : -ENOMEM;
}

int tr_get_arbiter(tr_portal **ret_portal)
{
    tr_try(actor_required());
    tr_try(tr_checkpoint());
    if (!ret_portal)
        return raise_code(TR_EARGUMENT, "nowhere to put the portal");
    tr_portal *portal;
    int rc = reach(&portal);
    if (rc < 0)
        return rc == TR_ECANCELLED ? rc : no_arbiter(actor_self()->arbiter);
    *ret_portal = portal;
    return 0;
}

/* ---- making oneself known -------------------------------------------------------------------------- */

static int enroll(void)
{
    struct actor *actor = actor_self();
    tr_auto(portal) arbiter = NULL;
    tr_try(reach(&arbiter));
    if (!arbiter->session->to_parent) /* which enrolls its children itself, once they are up */
        tr_try(tr_call(arbiter, NULL, tr_registry_enroll));
    session_hold(arbiter->session);
    actor->arbiter_session = arbiter->session;
    actor->arbiter_uuid = arbiter->session->peer.uuid;
    return 0;
}

int registry_enroll(void)
{
    tr_scope limit = actor_self()->is_root ? tr_fail_after(ENROLL_S) : tr_cancel_scope();
    int rc = tr_within(&limit, enroll());
    return rc >= 0 || rc == TR_ECANCELLED ? rc : no_arbiter(actor_self()->arbiter);
}

void registry_leave(void)
{
    struct actor *actor = actor_self();
    if (actor->arbiter_session)
        session_let_go(actor->arbiter_session);
    actor->arbiter_session = NULL;
}

/* ---- finding others -------------------------------------------------------------------------------- */

static int portal_to(const tr_directory_entry *entry, tr_portal **ret_portal)
{
    struct session *session;
    tr_try(session_open(entry->address, entry->uuid, &session));
    tr_portal *portal = portal_new(session);
    if (!portal)
        return -ENOMEM;
    *ret_portal = portal;
    return 0;
}

/* Whether it is only that the actor has ended meanwhile: nobody is at its address any more, or somebody
 * else, or it hung up before it had greeted. */
static bool has_ended(int rc)
{
    return rc == -ECONNREFUSED || rc == -ENOENT || rc == -ECONNRESET || rc == TR_EBROKEN ||
           rc == TR_ECLOSED;
}

/* An actor that has just ended may still be listed; then the next one of the name will do. */
static int first_that_lives(const tr_list_tr_directory_entry *found, tr_portal **ret_portal)
{
    for (size_t i = 0; i < found->count; i++) {
        int rc = portal_to(&found->items[i], ret_portal);
        if (rc >= 0)
            return 1;
        if (!has_ended(rc))
            return rc;
    }
    return 0;
}

static int check(tr_portal **ret_portal, const char *name)
{
    tr_try(actor_required());
    tr_try(actor_check_name(name));
    return ret_portal ? 0 : raise_code(TR_EARGUMENT, "nowhere to put the portal");
}

int tr_find_actor(tr_portal **ret_portal, const char *name)
{
    tr_try(check(ret_portal, name));
    tr_auto(frame) frame = tr_open_frame();
    tr_auto(portal) arbiter = NULL;
    tr_list_tr_directory_entry found;
    tr_try(tr_get_arbiter(&arbiter));
    tr_try(tr_call(arbiter, &found, tr_registry_find, .name = name));
    return first_that_lives(&found, ret_portal);
}

static int wait_until_listed(const char *name)
{
    tr_auto(frame) frame = tr_open_frame();
    tr_auto(portal) arbiter = NULL;
    tr_directory_entry entry;
    tr_try(tr_get_arbiter(&arbiter));
    return tr_call(arbiter, &entry, tr_registry_wait, .name = name);
}

/* For the arbiter to hear of an end that we have seen. */
static const double NEWS_S = 0.01;

int tr_wait_for_actor(tr_portal **ret_portal, const char *name)
{
    tr_try(check(ret_portal, name));
    for (;;) {
        tr_try(wait_until_listed(name));
        int rc = tr_find_actor(ret_portal, name);
        if (rc != 0)
            return rc < 0 ? rc : 0;
        tr_try(tr_sleep(NEWS_S));
    }
}

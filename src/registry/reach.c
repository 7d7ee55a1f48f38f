/* Reaching the registry of one's own root, and the shared arbiter.
 *
 * Everybody asks over a connection, the root itself too: one way is enough. The shared arbiter is whoever lives at an
 * address; it is dialed when somebody first wants something of it, and again when the last session with it is over.
 * What answers within a second, a greeting and a first question, and speaks as an arbiter is one; everything else is
 * TR_ENOARBITER, and its cause says what it was. */
#define TR_MODULE "tractor.registry"
#include "registry/reach.h"

#include "base/error.h"
#include "registry/functions.h"
#include "registry/table.h"
#include "sched/task.h"

#include <errno.h>

/* A little longer than clocks of two processes are apart. */
static const double AFTER_DEADLINE_S = 0.05;

int reach_settle(const char *address, int rc)
{
    if (rc >= 0 || rc == TR_ECANCELLED || rc == -ENOMEM || rc == TR_ENOARBITER)
        return rc;
    if (rc == TR_EREMOTE && tr_error_is(tr_last_error(), "Cancelled"))
        tr_try(tr_sleep(AFTER_DEADLINE_S)); /* by our own deadline, of which it heard before us; or it is ending */
    /* A deadline of the caller's would be a cancellation here. */
    const char *why = rc == TR_ETIMEOUT ? "whoever is there does not answer" : tr_error_message(tr_last_error());
    return tr_raise_from(NULL, tr_code_type(TR_ENOARBITER), "no arbiter at %s: %s", address, why);
}

int reach_check(const tr_registration *told)
{
    if (registration_check(told) >= 0)
        return 0;
    return tr_raise_from(NULL, tr_code_type(TR_ENOARBITER), "no arbiter says what was told: %s",
                         tr_error_message(tr_last_error()));
}

int reach_root(tr_portal **ret_portal)
{
    struct actor *actor = actor_self();
    struct session *session;
    const tr_list_tr_str at = {&actor->arbiter, 1};
    if (!actor->arbiter)
        return raise_code(TR_ENOARBITER, "a visitor has no arbiter: tr_find_trees tells whom to ask");
    tr_try(reach_settle(actor->arbiter, session_open(&at, actor->arbiter_uuid, &session)));
    *ret_portal = portal_new(session);
    return *ret_portal ? 0 : -ENOMEM;
}

struct probe {
    struct session *session;
    bool answered;
};

/* Or giving up the question would wait for an answer, as long as any call's does. */
static int hang_up_when_cancelled(void *arg)
{
    struct probe *probe = arg;
    int rc = tr_sleep_forever();
    if (!probe->answered)
        session_hang_up(probe->session);
    return rc;
}

static int ask_for_answer(struct probe *probe)
{
    tr_auto(nursery) n = tr_open_nursery();
    if (!n)
        return -ENOMEM;
    tr_try(tr_start_soon(n, hang_up_when_cancelled, probe));
    session_hold(probe->session);
    tr_auto(portal) portal = portal_new(probe->session);
    int rc = portal ? tr_call(portal, NULL, tr_registry_arbiter) : -ENOMEM;
    probe->answered = rc >= 0;
    if (rc >= 0)
        tr_cancel(n);
    return tr_join_with(n, rc);
}

/* Who greets as an actor may have nothing to say as an arbiter. */
static int dial_shared(void)
{
    struct actor *actor = actor_self();
    struct probe probe = {0};
    const tr_list_tr_str at = {&actor->shared, 1};
    tr_try(session_open(&at, NULL, &probe.session));
    int rc = ask_for_answer(&probe);
    if (rc < 0) {
        struct tr_error *newest = task_error_aside();
        session_let_go(probe.session);
        task_error_back(newest);
        return rc;
    }
    struct session *last = actor->shared_session; /* another task's, perhaps, which was faster */
    actor->shared_session = probe.session;
    if (last)
        session_let_go(last);
    return 0;
}

int reach_shared(tr_portal **ret_portal)
{
    struct actor *actor = actor_self();
    if (!actor->shared_session || !session_is_up(actor->shared_session)) {
        tr_scope limit = tr_fail_after(ANSWER_S);
        tr_try(reach_settle(actor->shared, tr_within(&limit, dial_shared())));
    }
    session_hold(actor->shared_session);
    *ret_portal = portal_new(actor->shared_session);
    return *ret_portal ? 0 : -ENOMEM;
}

int whereabouts(void)
{
    struct actor *actor = actor_self();
    if (actor->is_root || actor->shared_is_known)
        return actor->shared != NULL;
    tr_auto(frame) frame = tr_open_frame();
    tr_auto(portal) root = NULL;
    tr_str address;
    tr_try(reach_root(&root));
    tr_try(reach_settle(actor->arbiter, tr_call(root, &address, tr_registry_arbiter)));
    if (address && address[0] && !actor->shared && !(actor->shared = arena_text(&actor->memory, address)))
        return error_raise_plain(-ENOMEM);
    actor->shared_is_known = true;
    return actor->shared != NULL;
}

int tr_get_arbiter(tr_portal **ret_portal)
{
    tr_try(actor_required());
    tr_try(tr_checkpoint());
    if (!ret_portal)
        return raise_code(TR_EARGUMENT, "nowhere to put the portal");
    int shared = whereabouts();
    tr_try(shared);
    return shared ? reach_shared(ret_portal) : reach_root(ret_portal);
}

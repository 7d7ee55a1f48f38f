/* What programs do with portals, as far as it does not depend on whose child the actor is. */
#include "actor/portal.h"

#include "actor/call.h"
#include "actor/keeper.h"
#include "base/error.h"
#include "base/hooks.h"
#include "sched/frame.h"
#include "tractor/buffer.h"

#include <errno.h>

tr_portal *portal_new(struct session *session)
{
    tr_portal *portal = mem_zalloc(sizeof *portal);
    if (!portal) {
        session_let_go(session);
        error_raise_plain(-ENOMEM);
        return NULL;
    }
    portal->session = session;
    return portal;
}

void tr_portal_done_(tr_portal **held)
{
    tr_portal *portal = *held;
    if (!portal || portal->keeper)
        return; /* a nursery's portal is the nursery's */
    *held = NULL;
    session_let_go(portal->session);
    mem_free(portal);
}

void *tr_portal_buffer_(tr_portal *portal, size_t size)
{
    return portal ? large_memory(portal->session, size) : NULL;
}

int portal_usable(const tr_portal *portal)
{
    tr_try(actor_required());
    return portal ? 0 : raise_code(TR_EMISUSE, "the portal is NULL");
}

const tr_actor *tr_portal_actor(const tr_portal *portal)
{
    return portal ? &portal->session->peer : NULL;
}

int tr_call_(tr_portal *portal, const tr_fn_info *fn, const void *args, void *ret)
{
    tr_try(portal_usable(portal));
    struct arena *memory = frame_memory();
    if (!memory)
        return error_raise_plain(-ENOMEM);
    return call_run(portal->session, fn, args, (tr_bytes){0}, memory, ret);
}

/* ---- ending an actor that is not our child ---------------------------------------------------------- */

static const double PATIENCE_S = 3;     /* its parent's bounds and some more */

int tr_cancel_actor(tr_portal *portal)
{
    tr_try(portal_usable(portal));
    if (portal->keeper)
        return keeper_end(portal->keeper);
    tr_scope patience = tr_move_on_after(PATIENCE_S);
    tr_try(tr_within(&patience, session_ask_to_end(portal->session, PATIENCE_S)));
    if (patience.cancelled_caught)
        return raise_code(TR_ETIMEOUT, "actor %s has not ended after %g s; only its parent may kill it",
                          portal->session->peer.name, PATIENCE_S);
    return 1;
}

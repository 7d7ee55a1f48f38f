/* A tree becomes known at its root, and from there at a shared arbiter.
 *
 * A child enrolls at its root, over a session that it holds from then on. A root that has joined a shared arbiter
 * watches its own table, as anybody may watch one, and tells the arbiter what changes, over one session. When that
 * ends, the arbiter forgets the tree, and the root looks for the next arbiter at the address four times a second, and
 * tells it all there is. An arbiter that refuses one of its actors is told as often of all that are there: what stands
 * in the way may be the registration of a connection whose end has not been noticed, or others of this tree, where
 * there is not room for all. It is the same watch that goes on then, or of who ends meanwhile it would never hear.
 * Nothing in the tree waits for any of this. */
#define TR_MODULE "tractor.registry"
#include "base/error.h"
#include "base/hooks.h"
#include "base/log.h"
#include "registry/functions.h"
#include "registry/reach.h"
#include "registry/registry.h"
#include "registry/table.h"

#include <errno.h>
#include <math.h>

static const double LOOK_AGAIN_S = 0.25, LOOK_AT_LEAST_S = 4;

enum { AT_ONCE = 256 }; /* changes that are told in one message */

/* ---- a child ----------------------------------------------------------------------------------------- */

int registry_enroll(void)
{
    struct actor *actor = actor_self();
    tr_auto(portal) root = NULL;
    tr_try(reach_root(&root));
    if (!root->session->to_parent) /* which enrolls its children itself, once they are up */
        tr_try(reach_settle(actor->arbiter,
                            tr_call(root, NULL, tr_registry_enroll, .started = (double)wall_clock() / 1e9,
                                    .modules = actor->modules)));
    session_hold(root->session);
    actor->arbiter_session = root->session;
    return 0;
}

static void give_back(struct session **held)
{
    if (*held)
        session_let_go(*held);
    *held = NULL;
}

void registry_leave(void)
{
    give_back(&actor_self()->arbiter_session);
    give_back(&actor_self()->shared_session);
}

/* ---- a root that has joined -------------------------------------------------------------------------- */

struct batch {
    struct change *changes[AT_ONCE];
    tr_registration joined[AT_ONCE];
    tr_str left[AT_ONCE];
    size_t count, joined_count, left_count;
};

/* Who joins and leaves in one message has left: no uuid comes twice. Who is gone by now need not join. */
static void fill(struct batch *batch, struct watcher *watcher)
{
    struct change *change;
    while (batch->count < AT_ONCE && (change = watcher_take(watcher))) {
        batch->changes[batch->count++] = change;
        if (change->joined && !change->entry->gone)
            batch->joined[batch->joined_count++] = change->entry->actor;
        else if (!change->joined)
            batch->left[batch->left_count++] = change->entry->actor.uuid;
    }
}

static int tell_batch(tr_portal *arbiter, struct watcher *watcher)
{
    struct batch *batch = mem_zalloc(sizeof *batch);
    if (!batch)
        return error_raise_plain(-ENOMEM);
    fill(batch, watcher);
    int rc = tr_call(arbiter, NULL, tr_registry_mirror,
                     .joined = (tr_list_tr_registration){batch->joined, batch->joined_count},
                     .left = (tr_list_tr_str){batch->left, batch->left_count});
    for (size_t i = 0; i < batch->count; i++)
        change_free(batch->changes[i]);
    mem_free(batch);
    return rc;
}

static bool is_refusal(int rc, const tr_portal *arbiter)
{
    return rc == TR_EREMOTE && session_is_up(arbiter->session);
}

/* What is refused of it keeps nobody from telling the rest; the first refusal. */
static int tell_all(tr_portal *arbiter, struct watcher *watcher)
{
    struct tr_error *refusal = NULL;
    int rc = 0;
    while (rc >= 0 && !list_empty(&watcher->changes)) {
        rc = tell_batch(arbiter, watcher);
        if (!is_refusal(rc, arbiter))
            continue;
        if (!refusal)
            refusal = error_of(rc);
        rc = 0;
    }
    if (rc >= 0 && refusal)
        return error_raise(refusal);
    error_unref(refusal);
    return rc;
}

/* Of all that are there. */
static int tell_again(tr_portal *arbiter)
{
    struct watcher there = {0};
    int rc = watcher_open(&there, runtime->registry, false);
    if (rc >= 0)
        rc = tell_all(arbiter, &there);
    watcher_close(&there);
    return rc;
}

/* Whether it can go on. */
static int check(const struct session *session, const struct watcher *watcher)
{
    if (watcher->failed)
        return error_raise_plain(watcher->failed);
    return session_is_up(session) ? 0
                                  : raise_code(TR_ENOARBITER, "the arbiter at %s has ended", actor_self()->shared);
}

/* The end of the session wakes it as well: see session_ended. */
static int wait_for_change(const struct session *session, struct watcher *watcher)
{
    while (list_empty(&watcher->changes)) {
        tr_try(check(session, watcher));
        tr_try(lot_park_for(&watcher->news, "changes for the arbiter"));
    }
    return 0;
}

static void log_refused(void)
{
    log_at(TR_LOG_INFO, "not all of this tree are registered at %s just now: %s", actor_self()->shared,
           tr_error_message(tr_last_error()));
}

/* What has changed, and after a refusal all there is, once what has left by then has been told. */
static int tell_news(tr_portal *arbiter, struct watcher *watcher, double again_in)
{
    if (again_in == 0) {
        tr_try(wait_for_change(arbiter->session, watcher));
        return tell_all(arbiter, watcher);
    }
    tr_try(tr_sleep(again_in));
    int rc = tell_all(arbiter, watcher);
    if (rc < 0 && !is_refusal(rc, arbiter))
        return rc;
    tr_try(check(arbiter->session, watcher));
    return tell_again(arbiter);
}

static int mirror_to(struct watcher *watcher, bool follow)
{
    tr_auto(portal) arbiter = NULL;
    tr_try(reach_shared(&arbiter));
    int rc = tell_all(arbiter, watcher);
    for (double again_in = 0; follow;) {
        bool refused = is_refusal(rc, arbiter);
        if (rc < 0 && !refused)
            return rc;
        if (refused)
            log_refused();
        again_in = !refused ? 0 : again_in == 0 ? LOOK_AGAIN_S : fmin(2 * again_in, LOOK_AT_LEAST_S);
        rc = tell_news(arbiter, watcher, again_in);
    }
    return rc;
}

static int mirror(bool follow)
{
    struct watcher watcher = {0};
    int rc = watcher_open(&watcher, runtime->registry, follow);
    if (rc >= 0)
        rc = reach_settle(actor_self()->shared, mirror_to(&watcher, follow));
    watcher_close(&watcher);
    return rc;
}

int registry_join(const char *address)
{
    struct actor *actor = actor_self();
    actor->shared = arena_text(&actor->memory, address);
    if (!actor->shared)
        return error_raise_plain(-ENOMEM);
    tr_scope limit = tr_fail_after(ANSWER_S);
    int rc = reach_settle(address, tr_within(&limit, mirror(false)));
    if (rc < 0) {
        give_back(&actor->shared_session);
        actor->shared = NULL;
    }
    return rc;
}

static int stay_joined(void *arg)
{
    (void)arg;
    for (;;) {
        int rc = mirror(true);
        if (rc == TR_ECANCELLED || actor_is_ending())
            return rc == TR_ECANCELLED ? rc : 0;
        log_at(TR_LOG_INFO, "this tree is not registered at %s just now: %s", actor_self()->shared,
               tr_error_message(tr_last_error()));
        tr_try(tr_sleep(LOOK_AGAIN_S));
        if (actor_is_ending())
            return 0;
    }
}

int registry_keep_joined(void)
{
    return tr_start_soon(actor_self()->service, stay_joined, NULL);
}

/* A root's registry, and the remote functions that it is used through.
 *
 * An entry is as true as the session it came over: an actor that enrolls says what it said when it greeted (which pid
 * it has the kernel says, too), a root vouches for its own tree, and nobody is registered under a uuid that is taken.
 * It goes when the session ends, however that comes about, which is why the dead are not found. Names are not
 * unique; whoever asks gets all of that name, the oldest first. */
#define TR_MODULE "tractor.registry"
#include "registry/registry.h"

#include "actor/serve.h"
#include "base/error.h"
#include "base/hooks.h"
#include "registry/functions.h"
#include "registry/table.h"
#include "sched/task.h"

#include <errno.h>
#include <string.h>

/* A function may begin only when its session has ended: then nothing would strike off again what it registers. */
static int enter(struct session *session, const tr_registration *actor)
{
    if (session->state.at == SESSION_ENDED)
        return raise_code(TR_ECLOSED, "the session that vouches for %s has ended: not registered", session->peer.name);
    return table_add(runtime->registry, session, actor, session->outside);
}

static int enter_peer(struct session *session, double started, const tr_list_tr_str *modules)
{
    const tr_actor *peer = &session->peer;
    return enter(session, &(tr_registration){.name = peer->name,
                                             .uuid = peer->uuid,
                                             .addresses = session->addresses,
                                             .pid = peer->pid,
                                             .started = started,
                                             .modules = *modules});
}

static double now(void)
{
    return (double)wall_clock() / 1e9;
}

/* It saves our children a round trip: most actors are children of their root. */
static int child_up(struct session *session)
{
    return enter_peer(session, now(), &session->modules);
}

static void session_ended(struct session *session)
{
    struct registry *table = runtime->registry;
    table_strike_all(table, session);
    if (session != actor_self()->shared_session)
        return;
    list_each(at, &table->watchers)
        lot_wake_all(&container_of(at, struct watcher, place)->news);
}

int registry_serve(void)
{
    struct actor *actor = actor_self();
    runtime->registry = table_new();
    if (!runtime->registry)
        return -ENOMEM;
    actor->child_up = child_up;
    actor->session_ended = session_ended;
    actor->arbiter = actor->local;
    actor->arbiter_uuid = runtime->self.uuid;
    const tr_registration own = {.name = runtime->self.name,
                                 .uuid = runtime->self.uuid,
                                 .addresses = actor->addresses,
                                 .pid = runtime->self.pid,
                                 .started = now(),
                                 .modules = actor->modules};
    return table_add(runtime->registry, NULL, &own, false);
}

void registry_free(void)
{
    if (!runtime->registry)
        return;
    actor_self()->child_up = NULL;
    actor_self()->session_ended = NULL;
    table_free(runtime->registry);
    runtime->registry = NULL;
}

/* ---- remote functions: becoming known ----------------------------------------------------------------- */

tr_fn_def(tr_registry_enroll)
{
    return enter_peer(ctx_session(ctx), args->started, &args->modules);
}

/* It vouches for others, but of itself it can only say what it said when it greeted, which was checked. */
static int add_vouched(struct session *session, const tr_registration *actor)
{
    const tr_actor *voucher = &session->peer;
    if (actor->uuid && strcmp(actor->uuid, voucher->uuid) == 0 && actor->pid != voucher->pid)
        return raise_code(-EACCES, "%s, pid %d, would be registered as pid %d: not registered", voucher->name,
                          voucher->pid, actor->pid);
    return enter(session, actor);
}

tr_fn_def(tr_registry_mirror)
{
    struct tr_error *refused = NULL; /* the first; who sends nonsense needs no list of it */
    for (size_t i = 0; i < args->joined.count; i++) {
        int rc = add_vouched(ctx_session(ctx), &args->joined.items[i]);
        if (rc < 0 && !refused)
            refused = error_of(rc);
    }
    for (size_t i = 0; i < args->left.count; i++)
        table_strike(runtime->registry, ctx_session(ctx), args->left.items[i]);
    return refused ? error_raise(refused) : 0;
}

/* ---- remote functions: being found -------------------------------------------------------------------- */

tr_fn_def(tr_registry_find)
{
    size_t count = 0, most = 0;
    for (struct entry *at = NULL; most < args->most && (at = table_next_of_name(runtime->registry, args->name, at));)
        most++;
    tr_registration *found = arena_alloc(&ctx->served->memory, (most + 1) * sizeof *found);
    if (!found)
        return error_raise_plain(-ENOMEM);
    for (struct entry *at = NULL; count < most && (at = table_next_of_name(runtime->registry, args->name, at));)
        found[count++] = at->actor;
    *ret = (tr_list_tr_registration){found, count};
    return 0;
}

tr_fn_def(tr_registry_wait)
{
    struct entry *entry;
    while (!(entry = table_next_of_name(runtime->registry, args->name, NULL)))
        tr_try(lot_park_for(&runtime->registry->news, "an actor of that name"));
    *ret = entry->actor;
    return 0;
}

tr_fn_def(tr_registry_arbiter)
{
    *ret = actor_self()->shared ? actor_self()->shared : "";
    return 0;
}

/* ---- remote functions: lists and news ----------------------------------------------------------------- */

static int yield_all(tr_ctx *ctx, struct watcher *watcher)
{
    struct change *change;
    while ((change = watcher_take(watcher))) {
        int rc = change->entry->gone ? 0 : tr_send_yield(ctx, tr_registration, change->entry->actor);
        change_free(change);
        tr_try(rc);
    }
    return 0;
}

static int end_list(struct session *session, struct watcher *watcher, int rc)
{
    watcher_close(watcher);
    session->lists--;
    return rc;
}

/* What a list still has to tell takes memory of the registry's; so who is from outside has few at a time. */
static int begin_list(tr_ctx *ctx, struct watcher *watcher, bool follow)
{
    enum { MOST_LISTS = 16 };
    struct session *session = ctx_session(ctx);
    if (session->outside && session->lists >= MOST_LISTS)
        return raise_code(-EAGAIN, "%d lists are read over this connection already", MOST_LISTS);
    session->lists++;
    int rc = watcher_open(watcher, runtime->registry, follow);
    return rc < 0 ? end_list(session, watcher, rc) : 0;
}

tr_stream_fn_def(tr_registry_query)
{
    struct watcher watcher = {.name = args->name, .prefix = args->prefix};
    tr_try(begin_list(ctx, &watcher, false));
    return end_list(ctx_session(ctx), &watcher, yield_all(ctx, &watcher));
}

static int wait_for_change(struct watcher *watcher, struct change **ret_change)
{
    while (!(*ret_change = watcher_take(watcher))) {
        if (watcher->failed)
            return error_raise_plain(watcher->failed);
        tr_try(lot_park_for(&watcher->news, "actors to come and go"));
    }
    return 0;
}

static int yield_changes(tr_ctx *ctx, struct watcher *watcher)
{
    for (;;) {
        struct change *change;
        tr_try(wait_for_change(watcher, &change));
        int rc = tr_send_yield(ctx, tr_actor_event, {.joined = change->joined, .actor = change->entry->actor});
        change_free(change);
        tr_try(rc);
    }
}

tr_stream_fn_def(tr_registry_watch)
{
    struct watcher watcher = {.prefix = args->prefix};
    tr_try(begin_list(ctx, &watcher, true));
    return end_list(ctx_session(ctx), &watcher, yield_changes(ctx, &watcher));
}

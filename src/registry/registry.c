/* The arbiter's table and the remote functions that it is used through.
 *
 * An entry is as true as the session it came over: what it says is what the actor said when it greeted, so
 * nobody can enroll another; and it goes when the session ends, however that comes about, which is why
 * the dead are not found. Names are not unique; whoever asks gets all of that name, the oldest first. */
#define TR_MODULE "tractor.registry"
#include "registry/registry.h"

#include "actor/serve.h"
#include "base/error.h"
#include "base/hooks.h"
#include "base/log.h"
#include "registry/functions.h"
#include "sched/task.h"

#include <errno.h>
#include <string.h>

struct registry {
    struct link entries;            /* struct entry, in the order they came */
    size_t count;
    tr_lot news;                /* whoever waits for a name waits here */
};

struct entry {
    struct link place;
    struct session *session;        /* that it came over; not a reference; NULL for ourselves */
    const tr_actor *actor;          /* as the session or the runtime has it */
};

static int add(struct session *session, const tr_actor *actor)
{
    struct registry *registry = runtime->registry;
    list_each(at, &registry->entries)
        if (container_of(at, struct entry, place)->session == session)
            return 0;
    struct entry *entry = mem_alloc(sizeof *entry);
    if (!entry)
        return error_raise_plain(-ENOMEM);
    *entry = (struct entry){.session = session, .actor = actor};
    list_push(&registry->entries, &entry->place);
    registry->count++;
    log_at(TR_LOG_RUNTIME, "%s is enrolled, pid %d, at %s", actor->name, actor->pid, actor->address);
    lot_wake_all(&registry->news);
    return 0;
}

static void drop(struct entry *entry)
{
    list_remove(&entry->place);
    runtime->registry->count--;
    mem_free(entry);
}

/* It saves our children a round trip: most actors are children of the arbiter. */
static int child_up(struct session *session)
{
    return add(session, &session->peer);
}

static void session_ended(struct session *session)
{
    list_each(at, &runtime->registry->entries)
    {
        struct entry *entry = container_of(at, struct entry, place);
        if (entry->session == session) {
            log_at(TR_LOG_RUNTIME, "%s is struck off", entry->actor->name);
            drop(entry);
        }
    }
}

int registry_serve(void)
{
    struct registry *registry = mem_zalloc(sizeof *registry);
    if (!registry)
        return error_raise_plain(-ENOMEM);
    list_init(&registry->entries);
    runtime->registry = registry;
    actor_self()->child_up = child_up;
    actor_self()->session_ended = session_ended;
    actor_self()->arbiter = runtime->self.address;
    actor_self()->arbiter_uuid = runtime->self.uuid;
    return add(NULL, &runtime->self);
}

void registry_free(void)
{
    struct registry *registry = runtime->registry;
    if (!registry)
        return;
    list_each(at, &registry->entries)
        drop(container_of(at, struct entry, place));
    actor_self()->child_up = NULL;
    actor_self()->session_ended = NULL;
    runtime->registry = NULL;
    mem_free(registry);
}

/* ---- remote functions --------------------------------------------------------------------------------- */

static tr_directory_entry describe(const tr_actor *actor)
{
    return (tr_directory_entry){
        .name = actor->name, .uuid = actor->uuid, .address = actor->address, .pid = actor->pid};
}

static struct entry *find(const char *name)
{
    list_each(at, &runtime->registry->entries)
    {
        struct entry *entry = container_of(at, struct entry, place);
        if (name && strcmp(entry->actor->name, name) == 0)
            return entry;
    }
    return NULL;
}

tr_fn_def(tr_registry_enroll)
{
    struct session *session = ctx_session(ctx);
    return add(session, &session->peer);
}

tr_fn_def(tr_registry_find)
{
    struct registry *registry = runtime->registry;
    tr_directory_entry *found =
        arena_alloc(&ctx->served->memory, (registry->count + 1) * sizeof *found);
    size_t count = 0;
    if (!found)
        return error_raise_plain(-ENOMEM);
    list_each(at, &registry->entries)
    {
        struct entry *entry = container_of(at, struct entry, place);
        if (args->name && strcmp(entry->actor->name, args->name) == 0)
            found[count++] = describe(entry->actor);
    }
    *ret = (tr_list_tr_directory_entry){found, count};
    return 0;
}

tr_fn_def(tr_registry_wait)
{
    struct entry *entry;
    while (!(entry = find(args->name)))
        tr_try(lot_park(&runtime->registry->news));
    *ret = describe(entry->actor);
    return 0;
}

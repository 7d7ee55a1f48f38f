/* Asking for all actors of some kind, and watching them.
 *
 * A list arrives as a stream, since it may be longer than a message, and is copied to the caller's frame: that of the
 * own tree, and then what the shared arbiter has beside it. A watch is a stream of the arbiter's; only its errors are
 * put into words here. */
#define TR_MODULE "tractor.registry"
#include "tractor/inspect.h"

#include "base/error.h"
#include "registry/functions.h"
#include "registry/reach.h"
#include "sched/frame.h"

#include <errno.h>
#include <string.h>

struct query {
    const tr_query_options *options;
    tr_portal *only;            /* the registry that is asked; NULL: all that there are */
    struct arena *memory;       /* the caller's */
    struct buf found;           /* of tr_registration */
    struct map own;             /* the uuids of those of this tree, once the arbiter is asked too */
};

static int keep_list(struct arena *memory, tr_list_tr_str *list)
{
    tr_str *items = arena_copy(memory, list->items, list->count * sizeof *items);
    if (!items)
        return error_raise_plain(-ENOMEM);
    for (size_t i = 0; i < list->count; i++)
        if (!(items[i] = arena_text(memory, items[i])))
            return error_raise_plain(-ENOMEM);
    list->items = items;
    return 0;
}

static int keep(struct query *query, const tr_registration *actor)
{
    tr_try(reach_check(actor));
    tr_registration copy = *actor;
    copy.name = arena_text(query->memory, actor->name);
    copy.uuid = arena_text(query->memory, actor->uuid);
    if (!copy.name || !copy.uuid)
        return error_raise_plain(-ENOMEM);
    tr_try(keep_list(query->memory, &copy.addresses));
    tr_try(keep_list(query->memory, &copy.modules));
    return buf_append(&query->found, &copy, sizeof copy) < 0 ? error_raise_plain(-ENOMEM) : 0;
}

/* A number for a uuid, which is random: its first 64 bits, and not 0. */
static uint64_t key_of(const char *uuid)
{
    uint64_t key = 0;
    for (int i = 0; uuid && uuid[i] && i < 16; i++)
        key = key << 4 | (uint64_t)(uuid[i] <= '9' ? uuid[i] - '0' : uuid[i] - 'a' + 10);
    return key ? key : 1;
}

static bool is_own(const struct query *query, const tr_registration *actor)
{
    const char *own = map_get(&query->own, key_of(actor->uuid));
    return own && strcmp(own, actor->uuid ? actor->uuid : "") == 0;
}

/* What was found until now is what is not to be found again. */
static int note_own(struct query *query)
{
    const tr_registration *own = (const tr_registration *)query->found.data;
    size_t count = query->found.size / sizeof *own;
    if (map_reserve(&query->own, count) < 0)
        return error_raise_plain(-ENOMEM);
    for (size_t i = 0; i < count; i++)
        map_set(&query->own, key_of(own[i].uuid), (void *)own[i].uuid);
    return 0;
}

static int ask(struct query *query, tr_portal *registry)
{
    tr_auto(stream) list = NULL;
    tr_registration actor;
    int rc;
    tr_try(tr_open_stream(registry, &list, tr_registry_query, .name = query->options->name,
                          .prefix = query->options->prefix));
    while ((rc = tr_next(list, &actor, tr_registry_query)) > 0)
        if (!is_own(query, &actor))
            tr_try(keep(query, &actor));
    return rc;
}

static int ask_at(struct query *query, int (*reach)(tr_portal **))
{
    tr_auto(portal) registry = NULL;
    tr_try(reach(&registry));
    return reach_settle(tr_portal_actor(registry)->address, ask(query, registry));
}

static int ask_everywhere(struct query *query)
{
    tr_try(ask_at(query, reach_root));
    int shared = query->options->own_tree ? 0 : whereabouts();
    if (shared <= 0)
        return shared;
    tr_try(note_own(query));
    return ask_at(query, reach_shared);
}

static int ask_this_one(struct query *query)
{
    return reach_settle(tr_portal_actor(query->only)->address, ask(query, query->only));
}

/* At one registry, or, for NULL, everywhere. */
static int collect(tr_portal *only, const tr_query_options *options, tr_list_tr_registration *ret_found)
{
    if (!ret_found)
        return raise_code(TR_EARGUMENT, "nowhere to put what is found");
    struct query query = {.options = options, .memory = frame_memory(), .only = only};
    if (!query.memory)
        return error_raise_plain(-ENOMEM);
    int rc = only ? ask_this_one(&query) : ask_everywhere(&query);
    tr_registration *items = rc < 0 ? NULL : arena_copy(query.memory, query.found.data, query.found.size);
    size_t count = query.found.size / sizeof *items;
    buf_fini(&query.found);
    map_fini(&query.own);
    if (!items)
        return rc < 0 ? rc : error_raise_plain(-ENOMEM);
    *ret_found = (tr_list_tr_registration){items, count};
    return 0;
}

int tr_query_actors_(tr_list_tr_registration *ret_found, const tr_query_options *options)
{
    tr_try(actor_required());
    tr_try(tr_checkpoint());
    return collect(NULL, options, ret_found);
}

int tr_actors_of(tr_portal *root, tr_list_tr_registration *ret_found)
{
    tr_try(portal_usable(root));
    tr_try(tr_checkpoint());
    return collect(root, &(tr_query_options){.named_ = NULL}, ret_found);
}

/* ---- watching ---------------------------------------------------------------------------------------- */

int tr_watch_actors(tr_stream **ret_stream, const char *prefix)
{
    tr_auto(portal) arbiter = NULL;
    tr_try(actor_required());
    if (!ret_stream)
        return raise_code(TR_EARGUMENT, "nowhere to put the stream");
    tr_try(tr_get_arbiter(&arbiter));
    return reach_settle(tr_portal_actor(arbiter)->address,
                  tr_open_stream(arbiter, ret_stream, tr_registry_watch, .prefix = prefix));
}

int tr_watch_actors_of(tr_portal *root, tr_stream **ret_stream)
{
    tr_try(portal_usable(root));
    if (!ret_stream)
        return raise_code(TR_EARGUMENT, "nowhere to put the stream");
    return reach_settle(tr_portal_actor(root)->address, tr_open_stream(root, ret_stream, tr_registry_watch));
}

int tr_next_actor(tr_stream *stream, tr_actor_event *ret_event)
{
    tr_actor_event event;
    int rc = tr_next(stream, &event, tr_registry_watch);
    if (rc <= 0)
        return rc == TR_EREMOTE ? reach_settle("its address any more", rc) : rc;
    tr_try(reach_check(&event.actor));
    *ret_event = event;
    return rc;
}

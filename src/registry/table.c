/* How the table is kept.
 *
 * Names, uuids and sessions are hashed to numbers, and what has the same number lies on one shelf: mostly one entry,
 * or all of one name. Nobody has to believe the hash: who looks for a name compares it. What is registered is copied
 * into one piece of memory, since there may be many. What can go wrong is memory, and then nothing has changed;
 * a watcher that could not be told is marked as failed, and its reader has to begin anew. */
#include "registry/table.h"

#include "actor/actor.h"
#include "base/error.h"
#include "base/hooks.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>

/* Changes that a watcher has not taken, beside those there were at first, and the bytes of their entries: it keeps the
 * ones that are gone in memory, which nobody else does. More than so many usual ones need. */
enum { MOST_BEHIND = 65536, MOST_BYTES_BEHIND = 32 * 1024 * 1024 };

/* Bytes that those from outside may have registered, over one connection and together: some ten thousand actors, and
 * some two hundred thousand. Who is of the same user could fill our memory otherwise, too. */
enum { MOST_OVER_ONE = 4 * 1024 * 1024, MOST_FROM_OUTSIDE = 64 * 1024 * 1024 };

struct shelf {
    struct link entries;
    size_t size;                /* bytes of what they are */
};

/* ---- shelves ----------------------------------------------------------------------------------------- */

/* FNV-1a; 0 is no key. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
    return hash ? hash : 1;
}

static uint64_t key_of(const struct session *session)
{
    return session ? (uint64_t)(uintptr_t)session : 1;
}

static int put(struct map *map, uint64_t key, struct link *item, size_t size)
{
    struct shelf *shelf = map_get(map, key);
    if (!shelf) {
        shelf = mem_alloc(sizeof *shelf);
        if (!shelf)
            return -ENOMEM;
        list_init(&shelf->entries);
        shelf->size = 0;
        if (map_put(map, key, shelf) < 0) {
            mem_free(shelf);
            return -ENOMEM;
        }
    }
    list_push(&shelf->entries, item);
    shelf->size += size;
    return 0;
}

/* What is on no shelf may be taken as well. */
static void take(struct map *map, uint64_t key, struct link *item, size_t size)
{
    struct shelf *shelf = list_empty(item) ? NULL : map_get(map, key);
    list_remove(item);
    if (shelf)
        shelf->size -= size;
    if (shelf && list_empty(&shelf->entries)) {
        map_remove(map, key);
        mem_free(shelf);
    }
}

static void unplace(struct registry *table, struct entry *entry)
{
    list_remove(&entry->place);
    table->outside -= entry->outside ? entry->size : 0;
    take(&table->by_name, hash_of(entry->actor.name), &entry->of_name, entry->size);
    take(&table->by_uuid, hash_of(entry->actor.uuid), &entry->of_uuid, entry->size);
    take(&table->by_session, key_of(entry->session), &entry->of_session, entry->size);
}

static int place(struct registry *table, struct entry *entry)
{
    list_push(&table->entries, &entry->place);
    table->outside += entry->outside ? entry->size : 0;
    if (put(&table->by_name, hash_of(entry->actor.name), &entry->of_name, entry->size) < 0 ||
        put(&table->by_uuid, hash_of(entry->actor.uuid), &entry->of_uuid, entry->size) < 0 ||
        put(&table->by_session, key_of(entry->session), &entry->of_session, entry->size) < 0) {
        unplace(table, entry);
        return error_raise_plain(-ENOMEM);
    }
    return 0;
}

/* ---- entries ----------------------------------------------------------------------------------------- */

static size_t size_of_list(const tr_list_tr_str *list)
{
    size_t size = list->count * sizeof *list->items;
    for (size_t i = 0; i < list->count; i++)
        size += strlen(list->items[i]) + 1;
    return size;
}

static const char *copy_text(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    const char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

static tr_list_tr_str copy_list(const char ***ret_at, char **texts, const tr_list_tr_str *list)
{
    const char **items = *ret_at;
    for (size_t i = 0; i < list->count; i++)
        items[i] = copy_text(texts, list->items[i]);
    *ret_at += list->count;
    return (tr_list_tr_str){items, list->count};
}

static size_t size_of(const tr_registration *actor)
{
    return sizeof(struct entry) + size_of_list(&actor->addresses) + size_of_list(&actor->modules) +
           strlen(actor->name) + 1 + strlen(actor->uuid) + 1;
}

static struct entry *entry_new(struct session *session, const tr_registration *actor, bool outside)
{
    size_t pointers = (actor->addresses.count + actor->modules.count) * sizeof(char *);
    size_t size = size_of(actor);
    struct entry *entry = mem_alloc(size);
    if (!entry) {
        error_raise_plain(-ENOMEM);
        return NULL;
    }
    const char **items = (const char **)(entry + 1);
    char *texts = (char *)items + pointers;
    *entry = (struct entry){.refs = 1, .session = session, .size = size, .outside = outside, .actor = *actor};
    entry->actor.name = copy_text(&texts, actor->name);
    entry->actor.uuid = copy_text(&texts, actor->uuid);
    entry->actor.addresses = copy_list(&items, &texts, &actor->addresses);
    entry->actor.modules = copy_list(&items, &texts, &actor->modules);
    list_init(&entry->place);
    list_init(&entry->of_name);
    list_init(&entry->of_uuid);
    list_init(&entry->of_session);
    return entry;
}

void entry_unref(struct entry *entry)
{
    if (--entry->refs == 0)
        mem_free(entry);
}

static int check_list(const tr_list_tr_str *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (!list->items[i])
            return raise_code(TR_EARGUMENT, "a registration with an address or a module that is nothing");
    return 0;
}

int registration_check(const tr_registration *actor)
{
    tr_try(actor_check_name(actor->name));
    if (!actor->uuid || strspn(actor->uuid, "0123456789abcdef") != UUID_LENGTH || strlen(actor->uuid) != UUID_LENGTH)
        return raise_code(TR_EARGUMENT, "a registration of %s without a proper uuid", actor->name);
    if (actor->addresses.count == 0)
        return raise_code(TR_EARGUMENT, "a registration of %s without an address", actor->name);
    tr_try(check_list(&actor->addresses));
    return check_list(&actor->modules);
}

/* ---- telling ----------------------------------------------------------------------------------------- */

static bool concerns(const struct watcher *watcher, const struct entry *entry)
{
    const char *name = entry->actor.name, *prefix = watcher->prefix;
    return (!watcher->name || strcmp(name, watcher->name) == 0) &&
           (!prefix || strncmp(name, prefix, strlen(prefix)) == 0);
}

static int note(struct watcher *watcher, struct entry *entry, bool joined)
{
    struct change *change = mem_alloc(sizeof *change);
    if (!change)
        return -ENOMEM;
    entry->refs++;
    *change = (struct change){.entry = entry, .joined = joined};
    list_push(&watcher->changes, &change->place);
    watcher->count++;
    watcher->size += entry->size;
    return 0;
}

static bool is_too_far_behind(const struct watcher *watcher)
{
    return watcher->count >= watcher->most || watcher->size >= watcher->most_size;
}

static void tell(struct watcher *watcher, struct entry *entry, bool joined)
{
    if (watcher->failed || !concerns(watcher, entry))
        return;
    watcher->failed = is_too_far_behind(watcher) ? TR_EOVERRUN : note(watcher, entry, joined);
    lot_wake_all(&watcher->news);
}

static void tell_all(struct registry *table, struct entry *entry, bool joined)
{
    list_each(at, &table->watchers)
        tell(container_of(at, struct watcher, place), entry, joined);
}

int watcher_open(struct watcher *watcher, struct registry *table, bool follow)
{
    list_init(&watcher->place);
    list_init(&watcher->changes);
    list_each(at, &table->entries)
    {
        struct entry *entry = container_of(at, struct entry, place);
        if (concerns(watcher, entry) && note(watcher, entry, true) < 0)
            return error_raise_plain(-ENOMEM);
    }
    watcher->most = watcher->count + MOST_BEHIND;
    watcher->most_size = watcher->size + MOST_BYTES_BEHIND;
    if (follow)
        list_push(&table->watchers, &watcher->place);
    return 0;
}

struct change *watcher_take(struct watcher *watcher)
{
    struct link *first = list_shift(&watcher->changes);
    if (!first)
        return NULL;
    struct change *change = container_of(first, struct change, place);
    watcher->count--;
    watcher->size -= change->entry->size;
    return change;
}

void change_free(struct change *change)
{
    entry_unref(change->entry);
    mem_free(change);
}

void watcher_close(struct watcher *watcher)
{
    struct change *change;
    list_remove(&watcher->place);
    while ((change = watcher_take(watcher)))
        change_free(change);
}

/* ---- the table --------------------------------------------------------------------------------------- */

struct registry *table_new(void)
{
    struct registry *table = mem_zalloc(sizeof *table);
    if (!table) {
        error_raise_plain(-ENOMEM);
        return NULL;
    }
    list_init(&table->entries);
    list_init(&table->watchers);
    return table;
}

void table_free(struct registry *table)
{
    while (!list_empty(&table->watchers))
        list_shift(&table->watchers);
    list_each(at, &table->entries)
    {
        struct entry *entry = container_of(at, struct entry, place);
        unplace(table, entry);
        entry_unref(entry);
    }
    map_fini(&table->by_name);
    map_fini(&table->by_uuid);
    map_fini(&table->by_session);
    mem_free(table);
}

static struct entry *find_uuid(const struct registry *table, const char *uuid)
{
    const struct shelf *shelf = map_get(&table->by_uuid, hash_of(uuid));
    if (!shelf)
        return NULL;
    list_each(at, &shelf->entries)
    {
        struct entry *entry = container_of(at, struct entry, of_uuid);
        if (strcmp(entry->actor.uuid, uuid) == 0)
            return entry;
    }
    return NULL;
}

static size_t size_of_all(const struct registry *table, const struct session *session)
{
    const struct shelf *shelf = map_get(&table->by_session, key_of(session));
    return shelf ? shelf->size : 0;
}

static int check_room(const struct registry *table, const struct session *session, const tr_registration *actor)
{
    size_t size = size_of(actor);
    if (size > MOST_OVER_ONE || size_of_all(table, session) > MOST_OVER_ONE - size)
        return raise_code(-EDQUOT, "%s is one too many of those that come over one connection: not registered",
                          actor->name);
    if (table->outside > MOST_FROM_OUTSIDE - size)
        return raise_code(-EDQUOT, "%s is one too many of those that come from outside: not registered", actor->name);
    return 0;
}

int table_add(struct registry *table, struct session *session, const tr_registration *actor, bool outside)
{
    tr_try(registration_check(actor));
    struct entry *entry = find_uuid(table, actor->uuid);
    if (entry && entry->session != session)
        return raise_code(-EACCES, "%s has the uuid of another actor, %s, pid %d: not registered", actor->name,
                          entry->actor.name, entry->actor.pid);
    if (entry)
        return 0;
    if (outside)
        tr_try(check_room(table, session, actor));
    entry = entry_new(session, actor, outside);
    if (!entry)
        return -ENOMEM;
    int rc = place(table, entry);
    if (rc < 0) {
        entry_unref(entry);
        return rc;
    }
    log_at(TR_LOG_RUNTIME, "%s is enrolled, pid %d, at %s", entry->actor.name, entry->actor.pid,
           entry->actor.addresses.items[0]);
    tell_all(table, entry, true);
    lot_wake_all(&table->news);
    return 0;
}

static void strike(struct registry *table, struct entry *entry)
{
    log_at(TR_LOG_RUNTIME, "%s is struck off", entry->actor.name);
    entry->gone = true;
    tell_all(table, entry, false);
    unplace(table, entry);
    entry_unref(entry);
}

void table_strike(struct registry *table, const struct session *session, const char *uuid)
{
    struct entry *entry = uuid ? find_uuid(table, uuid) : NULL;
    if (entry && entry->session == session)
        strike(table, entry);
}

void table_strike_all(struct registry *table, const struct session *session)
{
    struct shelf *shelf;
    while ((shelf = map_get(&table->by_session, key_of(session))))
        strike(table, container_of(shelf->entries.next, struct entry, of_session));
}

struct entry *table_next_of_name(const struct registry *table, const char *name, const struct entry *after)
{
    const struct shelf *shelf = name ? map_get(&table->by_name, hash_of(name)) : NULL;
    if (!shelf)
        return NULL;
    const struct link *at = after ? after->of_name.next : shelf->entries.next;
    for (; at != &shelf->entries; at = at->next) {
        struct entry *entry = container_of(at, struct entry, of_name);
        if (strcmp(entry->actor.name, name) == 0)
            return entry;
    }
    return NULL;
}

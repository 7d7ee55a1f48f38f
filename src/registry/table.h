/* The registry's table: who is there, found by name, by uuid and by who vouches for it; and those who watch it.
 *
 * An entry is counted: it is the table's until it is struck off, and each watcher's who has not been told of that
 * yet, so telling slowly costs no copies. Finding by a name costs the same however many others there are. */
#ifndef REGISTRY_TABLE_H
#define REGISTRY_TABLE_H

#include "base/list.h"
#include "base/map.h"
#include "sync/lot.h"
#include "tractor/registry.h"

struct session;

struct entry {
    int refs;
    bool gone;                  /* struck off */
    struct session *session;    /* that it came over; not a reference; NULL for ourselves */
    size_t size;                /* bytes, of the struct and of what is behind it */
    bool outside;               /* that is where it came from */
    struct link place, of_name, of_uuid, of_session;
    tr_registration actor;      /* what it points to lies behind this struct */
};

struct registry {
    struct link entries;        /* by `place`, in the order they came */
    struct map by_name, by_uuid, by_session;    /* of struct shelf */
    size_t outside;             /* bytes of the entries from there */
    struct link watchers;
    tr_lot news;                /* who waits for a name waits here */
};

struct change {
    struct link place;
    struct entry *entry;        /* a reference */
    bool joined;
};

/* Somebody who wants to hear of all entries whose names begin with `prefix`, or that are called `name`. */
struct watcher {
    struct link place;          /* in the registry's watchers, or alone */
    const char *name, *prefix;  /* NULL: any */
    struct link changes;        /* struct change, the oldest first */
    size_t count, most;         /* how many there are, and may be */
    size_t size, most_size;     /* bytes of their entries, likewise */
    int failed;                 /* TR_EOVERRUN or -ENOMEM: it has missed something */
    tr_lot news;
};

/* Whether anybody can be what it says: TR_EARGUMENT, raised, or 0. */
int registration_check(const tr_registration *actor);

struct registry *table_new(void);           /* NULL, with -ENOMEM raised */
void table_free(struct registry *table);    /* watchers hear no more */

/* Copies. 0, also if it is there already over this session; -EACCES, raised, when somebody else is registered with its
 * uuid; -EDQUOT, raised, if it comes from `outside` and there is no room for it; TR_EARGUMENT, raised, for what nobody
 * can be; -ENOMEM, raised. */
int table_add(struct registry *table, struct session *session, const tr_registration *actor, bool outside);

/* One that came over this session; nothing happens if there is none. */
void table_strike(struct registry *table, const struct session *session, const char *uuid);

/* All that came over this session. */
void table_strike_all(struct registry *table, const struct session *session);

/* Those of that name from the oldest on: NULL begins, and ends. */
struct entry *table_next_of_name(const struct registry *table, const char *name, const struct entry *after);

void entry_unref(struct entry *entry);

/* Begins with all that are there, as if they had just joined; `follow`: and goes on with what happens. The texts in
 * the watcher must outlive it. 0 or -ENOMEM, raised; to be closed in any case. */
int watcher_open(struct watcher *watcher, struct registry *table, bool follow);
void watcher_close(struct watcher *watcher);

/* The oldest change, for the caller to free by change_free; NULL: none. */
struct change *watcher_take(struct watcher *watcher);
void change_free(struct change *change);

#endif

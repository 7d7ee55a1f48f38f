/* What it costs to find an actor by its name:
 *
 *     live_actors          registered, each a process, connected with the registry, while the next is measured
 *     lookups_per_s        tr_find_actor by an actor, at the registry of its root, of a live one to which it has a
 *                          portal already; one after the other
 *     lookup_us            the question alone, with ten names registered
 *     lookup_many_us       with a hundred thousand
 *     lookup_growth        the latter as a multiple of the former
 *
 * Medians of rounds that take turns over the names. The hundred thousand are no processes: an actor vouches for them,
 * as a root does for its own tree, by a function of the registry's that is declared here by hand. They are gone when the
 * live ones come.
 *
 * Usage: registry [--json FILE] [--unpinned] [--live N]. */
#define TR_MODULE "tractor.registry"
#define _GNU_SOURCE
#include <string.h>

#include "measure.h"
#include "options.h"

tr_fn_decl(void, tr_registry_mirror, (tr_list_tr_registration, joined), (tr_list_tr_str, left));
tr_fn_decl(tr_list_tr_registration, tr_registry_find, (tr_str, name), (uint32_t, most));

#undef TR_MODULE
#define TR_MODULE "bench"

enum { LIVE = 1000, FEW = 10, MANY = 100000, AT_ONCE = 500, ROUNDS = 15, LOOKUPS = 4000, NAME_ROOM = 40 };

/* ---- an actor that asks ----------------------------------------------------------------------------- */

static const char *name_of(int64_t number, char room[NAME_ROOM])
{
    snprintf(room, NAME_ROOM, "name-%lld", (long long)number);
    return room;
}

static int register_some(tr_portal *root, int64_t from, int64_t to)
{
    static char names[AT_ONCE][NAME_ROOM], uuids[AT_ONCE][NAME_ROOM];
    tr_registration some[AT_ONCE];
    const tr_list_tr_str nowhere = tr_names("unix:@nowhere");
    int64_t count = 0;
    for (int64_t i = from; i < to; i++, count++) {
        snprintf(uuids[count], NAME_ROOM, "%032llx", (unsigned long long)i);
        some[count] = (tr_registration){.name = name_of(i, names[count]),
                                        .uuid = uuids[count],
                                        .addresses = nowhere,
                                        .pid = 1};
    }
    return tr_call(root, NULL, tr_registry_mirror, .joined = (tr_list_tr_registration){some, (size_t)count});
}

tr_fn(void, register_names, (int64_t, from), (int64_t, to))
{
    tr_auto(portal) root = NULL;
    tr_try(tr_get_arbiter(&root));
    for (int64_t i = args->from; i < args->to; i += AT_ONCE)
        tr_try(register_some(root, i, i + AT_ONCE < args->to ? i + AT_ONCE : args->to));
    return 0;
}

static int look_up(tr_portal *root, int64_t number)
{
    char name[NAME_ROOM];
    tr_auto(frame) frame = tr_open_frame();
    tr_list_tr_registration found;
    tr_try(tr_call(root, &found, tr_registry_find, .name = name_of(number, name), .most = 1));
    return found.count == 1 ? 0 : tr_raise("bench.Failed", "%s is not found", name);
}

/* Microseconds for one of the names below `names`. */
tr_fn(double, time_lookups, (int64_t, names))
{
    tr_auto(portal) root = NULL;
    tr_try(tr_get_arbiter(&root));
    double begin = tr_now();
    for (int64_t i = 0; i < LOOKUPS; i++)
        tr_try(look_up(root, i * 7919 % args->names));
    *ret = (tr_now() - begin) * 1e6 / LOOKUPS;
    return 0;
}

/* Seconds for one. */
tr_fn(double, time_finding)
{
    tr_auto(portal) held = NULL;
    tr_try(tr_wait_for_actor(&held, "target"));
    double begin = tr_now();
    for (int i = 0; i < LOOKUPS; i++) {
        tr_auto(portal) again = NULL;
        tr_try(tr_find_actor(&again, "target"));
    }
    *ret = (tr_now() - begin) / LOOKUPS;
    return 0;
}

/* ---- the root --------------------------------------------------------------------------------------- */

static const char *json_path;
static int live = LIVE;

struct figures {
    double live, per_s, few_us, many_us;
};

static int report(const struct figures *it)
{
    printf("live_actors %.0f\nlookups_per_s %.0f (at least 20000)\nlookup_us %.2f\nlookup_many_us %.2f\n"
           "lookup_growth %.2f (at most 1.5)\n",
           it->live, it->per_s, it->few_us, it->many_us, it->many_us / it->few_us);
    if (!json_path)
        return 0;
    FILE *json;
    tr_try(open_json(json_path, &json));
    add_member(json, "", "live_actors", it->live);
    add_member(json, "", "lookups_per_s", it->per_s);
    add_member(json, "", "lookup_us", it->few_us);
    add_member(json, "", "lookup_many_us", it->many_us);
    add_member(json, "", "lookup_growth", it->many_us / it->few_us);
    return close_json(json, json_path);
}

static int time_rounds(tr_portal *asker, int64_t names, double *ret_us)
{
    double rounds[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        tr_try(tr_call(asker, &rounds[i], time_lookups, .names = names));
    *ret_us = median(rounds, ROUNDS);
    return 0;
}

static int measure_growth(struct figures *ret)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *asker;
    tr_try(tr_start_actor(n, &asker, "asker", .modules = tr_names("bench")));
    tr_try(tr_call(asker, NULL, register_names, .from = 0, .to = FEW));
    tr_try(time_rounds(asker, FEW, &ret->few_us));
    tr_try(tr_call(asker, NULL, register_names, .from = FEW, .to = MANY));
    tr_try(time_rounds(asker, MANY, &ret->many_us));
    tr_cancel(n);
    return tr_join(n);
}

static int count_crowd(double *ret_count)
{
    tr_auto(frame) frame = tr_open_frame();
    tr_list_tr_registration found;
    tr_try(tr_query_actors(&found, .name = "crowd"));
    *ret_count = (double)found.count;
    return 0;
}

static int measure_among_live(struct figures *ret)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *asker;
    double found[ROUNDS];
    for (int i = 0; i < live; i++)
        tr_try(tr_start_actor(n, NULL, "crowd"));
    tr_try(tr_start_actor(n, NULL, "target"));
    tr_try(tr_start_actor(n, &asker, "asker", .modules = tr_names("bench")));
    for (int i = 0; i < ROUNDS; i++)
        tr_try(tr_call(asker, &found[i], time_finding));
    tr_try(count_crowd(&ret->live)); /* afterwards: so none has gone meanwhile */
    ret->per_s = 1 / median(found, ROUNDS);
    tr_cancel(n);
    return tr_join(n);
}

static int measure(void *arg)
{
    (void)arg;
    struct figures figures;
    tr_try(measure_growth(&figures));
    tr_try(measure_among_live(&figures));
    return report(&figures);
}

int main(int argc, char **argv)
{
    bool unpinned = false;
    const struct option known[] = {{"--json", .text = &json_path}, {"--unpinned", .flag = &unpinned},
                                   {"--live", .number = &live}, {0}};
    understand(known, argc, argv);
    allow_descriptors();
    if (!unpinned)
        stay_on_one_core();
    return tr_main(argc, argv, measure, NULL);
}

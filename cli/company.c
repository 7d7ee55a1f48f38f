/* Who there is: all that are registered with the roots of the user's trees, or with one arbiter.
 *
 * A root may be a shared arbiter, so an actor may be told of twice; its uuid says so. Trees come and go while they are
 * looked at: who cannot be reached within a second is passed over, and whoever is registered and does not answer
 * stays in the list, as just that. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const double ANSWER_S = 1;

void company_free(struct company *company)
{
    free(company->actors);
    *company = (struct company){NULL, 0, 0};
}

static const struct actor *known(const struct company *company, const char *uuid)
{
    for (size_t i = 0; i < company->count; i++)
        if (strcmp(company->actors[i].uuid, uuid) == 0)
            return &company->actors[i];
    return NULL;
}

static int add(struct company *company, const tr_registration *from)
{
    enum { FIRST_ROOM = 16 };
    if (known(company, from->uuid))
        return 0;
    if (company->count == company->room) {
        size_t room = company->room ? 2 * company->room : FIRST_ROOM;
        struct actor *larger = realloc(company->actors, room * sizeof *larger);
        if (!larger)
            return tr_raise("errno.ENOMEM", "no memory for %zu actors", room);
        company->actors = larger;
        company->room = room;
    }
    struct actor *to = &company->actors[company->count++];
    *to = (struct actor){.pid = from->pid};
    snprintf(to->name, sizeof to->name, "%s", from->name);
    snprintf(to->uuid, sizeof to->uuid, "%s", from->uuid);
    for (size_t i = 0; i < from->addresses.count && i < MOST_ADDRESSES; i++)
        snprintf(to->addresses[i], ADDRESS_ROOM, "%s", from->addresses.items[i]);
    return 0;
}

/* ---- roots --------------------------------------------------------------------------------------------- */

struct visit {
    int (*each)(tr_portal *root, void *arg);
    void *arg;
    int count;
};

int company_reach(const char *address, const char *uuid, tr_portal **ret_portal)
{
    tr_scope limit = tr_fail_after(ANSWER_S);
    return tr_within(&limit, tr_reach_actor(ret_portal, address, uuid));
}

static int visit_tree(struct visit *visit, const tr_tree *tree)
{
    tr_auto(portal) root = NULL;
    int rc = company_reach(tree->address, tree->root, &root);
    if (rc == TR_ECANCELLED)
        return rc;
    if (rc < 0)
        return 0; /* it has just ended, or is stopped */
    visit->count++;
    return visit->each(root, visit->arg);
}

static int visit_arbiter(struct visit *visit, const char *address)
{
    tr_auto(portal) root = NULL;
    int rc = company_reach(address, NULL, &root);
    if (rc == TR_EARGUMENT || rc == TR_ECANCELLED)
        return rc;
    if (rc == TR_ETIMEOUT)
        return tr_raise_from(NULL, "NoArbiter", "no arbiter at %s: whoever is there does not answer", address);
    if (rc < 0)
        return tr_raise_from(NULL, "NoArbiter", "no arbiter at %s: %s", address, tr_error_message(tr_last_error()));
    visit->count++;
    return visit->each(root, visit->arg);
}

int company_roots(const struct options *options, int (*each)(tr_portal *root, void *arg), void *arg)
{
    tr_list_tr_tree trees;
    struct visit visit = {each, arg, 0};
    if (options->arbiter) {
        tr_try(visit_arbiter(&visit, options->arbiter));
        return visit.count;
    }
    tr_try(tr_find_trees(&trees));
    for (size_t i = 0; i < trees.count; i++)
        tr_try(visit_tree(&visit, &trees.items[i]));
    return visit.count;
}

/* ---- listing ------------------------------------------------------------------------------------------- */

int company_add(tr_portal *root, void *arg)
{
    tr_auto(frame) frame = tr_open_frame();
    struct company *company = arg;
    tr_list_tr_registration found = {NULL, 0};
    tr_scope limit = tr_fail_after(ANSWER_S);
    int rc = tr_within(&limit, tr_actors_of(root, &found));
    if (rc == TR_ECANCELLED)
        return rc;
    for (size_t i = 0; rc >= 0 && i < found.count; i++)
        tr_try(add(company, &found.items[i]));
    return 0;
}

int company_list(const struct options *options, struct company *company)
{
    tr_try(company_roots(options, company_add, company));
    if (company->count > 0)
        return STATUS_FINE;
    if (options->arbiter)
        return complain(STATUS_NOBODY, "what is at %s is no arbiter", options->arbiter);
    return complain(STATUS_NOBODY, "nothing is running: there is no tree of actors of yours on this host");
}

/* ---- asking each --------------------------------------------------------------------------------------- */

enum { AT_ONCE = 32 };

struct round {
    struct company *company;
    size_t next;                /* who is asked next */
};

static int reach_one(const struct actor *actor, tr_portal **ret_portal)
{
    tr_str addresses[MOST_ADDRESSES];
    size_t count = 0;
    for (; count < MOST_ADDRESSES && actor->addresses[count][0]; count++)
        addresses[count] = actor->addresses[count];
    const tr_registration at = {.uuid = actor->uuid, .addresses = {addresses, count}};
    return tr_reach_registered(ret_portal, &at);
}

static int ask(struct actor *actor)
{
    tr_auto(frame) frame = tr_open_frame();
    tr_auto(portal) portal = NULL;
    tr_actor_state state;
    tr_try(reach_one(actor, &portal));
    tr_try(tr_inspect_actor(portal, &state));
    snprintf(actor->host, sizeof actor->host, "%s", state.host);
    snprintf(actor->parent, sizeof actor->parent, "%s", state.parent);
    snprintf(actor->parent_name, sizeof actor->parent_name, "%s", state.parent_name);
    actor->uptime = state.uptime;
    actor->cpu = state.cpu;
    actor->memory = state.memory;
    actor->answered = true;
    return 0;
}

static int ask_in_turn(void *arg)
{
    struct round *round = arg;
    while (round->next < round->company->count) {
        struct actor *actor = &round->company->actors[round->next++];
        tr_scope limit = tr_fail_after(ANSWER_S);
        int rc = tr_within(&limit, ask(actor));
        if (rc == TR_ECANCELLED)
            return rc;
        actor->refused = rc == TR_EREMOTE && tr_error_is(tr_last_error(), "ModuleNotExposed");
    }
    return 0;
}

int company_ask(struct company *company)
{
    struct round round = {company, 0};
    tr_auto(nursery) n = tr_open_nursery();
    for (size_t i = 0; i < AT_ONCE && i < company->count; i++)
        tr_try(tr_start_soon(n, ask_in_turn, &round));
    return tr_join(n);
}

const char *silence_text(const struct actor *actor)
{
    return actor->refused ? "does not tell" : "does not answer";
}

/* ---- one by its name ----------------------------------------------------------------------------------- */

static bool is_called(const struct actor *actor, const char *word)
{
    enum { LEAST_OF_UUID = 4 };
    char full[NAME_ROOM + 16];
    snprintf(full, sizeof full, "%s@%d", actor->name, actor->pid);
    return !strcmp(actor->name, word) || !strcmp(full, word) ||
           (strlen(word) >= LEAST_OF_UUID && !strncmp(actor->uuid, word, strlen(word)));
}

static int complain_of_several(const struct company *company, const char *word)
{
    complain(STATUS_USAGE, "\"%s\" may be:", word);
    for (size_t i = 0; i < company->count; i++)
        if (is_called(&company->actors[i], word))
            fprintf(stderr, "  %s@%d  %.8s\n", company->actors[i].name, company->actors[i].pid, company->actors[i].uuid);
    return STATUS_USAGE;
}

static int choose(const struct company *company, const char *word, struct actor *ret_actor)
{
    size_t found = 0;
    for (size_t i = 0; i < company->count; i++)
        if (is_called(&company->actors[i], word) && ++found == 1)
            *ret_actor = company->actors[i];
    if (found == 0)
        return complain(STATUS_NOBODY, "there is no actor \"%s\"; `tractor ps` shows who there is", word);
    return found == 1 ? STATUS_FINE : complain_of_several(company, word);
}

int company_find(const struct options *options, const char *word, struct actor *ret_actor, tr_portal **ret_portal)
{
    struct company company = {NULL, 0, 0};
    int rc = company_list(options, &company);
    if (rc == STATUS_FINE)
        rc = choose(&company, word, ret_actor);
    company_free(&company);
    if (rc != STATUS_FINE || !ret_portal)
        return rc;
    rc = reach_one(ret_actor, ret_portal);
    if (rc >= 0 || rc == TR_ECANCELLED)
        return rc;
    return complain(rc == TR_ETIMEOUT ? STATUS_LATE : STATUS_NOBODY, "%s, pid %d, cannot be reached: %s", ret_actor->name,
                    ret_actor->pid, tr_error_message(tr_last_error()));
}

/* Several errors at once.
 *
 * Whatever waits for several things gathers their failures: each as it came, a group as one of them, so that
 * what comes out of a tree of nurseries is a tree of groups (trio's are alike). A single one is not
 * wrapped. Errors are known by a key, so that the same one, seen by the body of a nursery and by the nursery,
 * counts once, wherever in a group it is: a group that brings along what is there already takes its
 * place. Cancelled, which is one constant, likewise.
 *
 * While it is gathered a group belongs to its maker alone, and is added to in place: a nursery in which
 * ten thousand tasks fail takes ten thousand steps, not their square. Given out it is never changed again.
 * Groups within groups are errors below errors, and so limited in depth like causes: one that lies too deep
 * is dissolved in the one around it.
 *
 * When memory is out what is dropped is the less telling one: never a failure in favour of Cancelled. */
#include "base/error.h"

#include "base/hooks.h"

#include <string.h>

static bool is_group(const struct tr_error *error)
{
    return error->code == TR_EGROUP && error->id; /* the constant of that code has no members */
}

static uint64_t key_of(const struct tr_error *error)
{
    return error->id ? error->id : (uintptr_t)error;
}

/* Whether it is the other one or has it in it. */
static bool holds(const struct tr_error *error, const struct tr_error *other)
{
    return key_of(error) == key_of(other) || map_get(&error->keys, key_of(other));
}

/* ---- members ------------------------------------------------------------------------------------------- */

static struct tr_error *new_group(void)
{
    struct tr_error *group = error_new(TR_EGROUP, tr_code_type(TR_EGROUP), "", 0, "%s",
                                       tr_code_sentence(TR_EGROUP));
    return is_group(group) ? group : NULL;
}

static bool has_room(struct tr_error *group)
{
    enum { FIRST_ROOM = 4 };
    if (group->member_count < group->member_room)
        return true;
    size_t room = group->member_room ? group->member_room * 2 : FIRST_ROOM;
    struct tr_error **members = arena_alloc(&group->memory, room * sizeof *members);
    if (!members)
        return false;
    if (group->member_count > 0)
        memcpy(members, group->members, group->member_count * sizeof *members);
    group->members = members;
    group->member_room = room;
    return true;
}

/* Each key stands for the member by which the group has it. There is room for all. */
static void note_keys(struct tr_error *group, struct tr_error *member)
{
    map_set(&group->keys, key_of(member), member);
    for (size_t i = 0; i < member->keys.room; i++)
        if (member->keys.slots[i].key)
            map_set(&group->keys, member->keys.slots[i].key, member);
}

bool error_add_member(struct tr_error *group, struct tr_error *member)
{
    if (holds(group, member)) {
        error_unref(member);
        return true;
    }
    if (!has_room(group) || map_reserve(&group->keys, member->keys.count + 1) < 0)
        return false;
    note_keys(group, member);
    group->members[group->member_count++] = member;
    if (member->depth >= group->depth)
        group->depth = member->depth + 1;
    group->report = NULL;
    return true;
}

static bool brings_along_a_member_of(const struct tr_error *newcomer, const struct tr_error *group)
{
    for (size_t i = 0; i < newcomer->keys.room; i++) {
        uint64_t key = newcomer->keys.slots[i].key;
        const struct tr_error *by = key ? map_get(&group->keys, key) : NULL;
        if (by && key_of(by) == key)
            return true;
    }
    return false;
}

/* Those that the newest has in it go; their keys stay, being its as well. */
static void make_way_for_the_newest(struct tr_error *group)
{
    struct tr_error *newest = group->members[group->member_count - 1];
    size_t left = 0;
    for (size_t i = 0; i < group->member_count; i++) {
        struct tr_error *member = group->members[i];
        if (member != newest && holds(newest, member))
            error_unref(member);
        else
            group->members[left++] = member;
    }
    group->member_count = left;
}

/* ---- gathering ----------------------------------------------------------------------------------------- */

/* Nothing but Cancelled. */
static bool says_little(const struct tr_error *error)
{
    for (size_t i = 0; i < error->member_count; i++)
        if (!says_little(error->members[i]))
            return false;
    return error->code == TR_ECANCELLED || is_group(error);
}

/* One of the two cannot be kept. */
static void keep_the_better(struct errors *errors, struct tr_error *error)
{
    if (!says_little(errors->all)) {
        error_unref(error);
        return;
    }
    error_unref(errors->all);
    *errors = (struct errors){.all = error};
}

/* Takes over both, or NULL and nothing. */
static struct tr_error *group_of(struct tr_error *first, struct tr_error *second)
{
    struct tr_error *group = new_group();
    if (group && error_add_member(group, first)) {
        if (error_add_member(group, second))
            return group;
        error_ref(first);
    }
    error_unref(group);
    return NULL;
}

/* Its members take its place. */
static void dissolve(struct errors *errors, struct tr_error *group)
{
    for (size_t i = 0; i < group->member_count; i++)
        errors_add(errors, error_ref(group->members[i]));
    error_unref(group);
}

static bool is_too_deep(const struct tr_error *error)
{
    return is_group(error) && error->depth >= ERROR_DEEPEST;
}

static void add_second(struct errors *errors, struct tr_error *error)
{
    if (holds(error, errors->all)) {
        error_unref(errors->all);
        errors->all = error;
        return;
    }
    if (is_too_deep(errors->all)) {
        dissolve(errors, errors_take(errors));
        errors_add(errors, error);
        return;
    }
    struct tr_error *group = group_of(errors->all, error);
    if (group)
        *errors = (struct errors){.all = group, .several = true};
    else
        keep_the_better(errors, error);
}

static void add_another(struct errors *errors, struct tr_error *error)
{
    struct tr_error *group = errors->all;
    bool some_go = brings_along_a_member_of(error, group);
    if (!error_add_member(group, error)) {
        keep_the_better(errors, error);
        return;
    }
    if (some_go)
        make_way_for_the_newest(group);
    if (group->member_count == 1) {
        *errors = (struct errors){.all = error_ref(error)};
        error_unref(group);
    }
}

void errors_add(struct errors *errors, struct tr_error *error)
{
    if (!error)
        return;
    if (!errors->all)
        errors->all = error;
    else if (holds(errors->all, error))
        error_unref(error);
    else if (is_too_deep(error))
        dissolve(errors, error);
    else if (errors->several)
        add_another(errors, error);
    else
        add_second(errors, error);
}

struct tr_error *errors_take(struct errors *errors)
{
    struct tr_error *all = errors->all;
    *errors = (struct errors){0};
    return all;
}

/* ---- taking Cancelled out -------------------------------------------------------------------------------- */

static bool has_cancelled(const struct tr_error *error)
{
    for (size_t i = 0; i < error->member_count; i++)
        if (has_cancelled(error->members[i]))
            return true;
    return error->code == TR_ECANCELLED;
}

/* A group of the same cause with the rest of its members, or the one that is left, or NULL. */
static struct tr_error *rest_of(const struct tr_error *group)
{
    struct errors rest = {0};
    for (size_t i = 0; i < group->member_count; i++) {
        bool found;
        errors_add(&rest, error_without_cancelled(error_ref(group->members[i]), &found));
    }
    if (rest.several)
        error_set_cause(rest.all, error_ref(group->cause));
    return errors_take(&rest);
}

struct tr_error *error_without_cancelled(struct tr_error *error, bool *ret_found)
{
    if (!error || !has_cancelled(error))
        return error;
    *ret_found = true;
    struct tr_error *rest = error->code == TR_ECANCELLED ? NULL : rest_of(error);
    error_unref(error);
    return rest;
}

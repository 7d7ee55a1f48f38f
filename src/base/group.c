/* Several errors at once.
 *
 * A group's members are never groups themselves: the nesting that matters is that of causes. They are
 * known by a key, so that the same error, seen by the body of a nursery and by the nursery, counts once; and
 * Cancelled, which is one constant, is in a group at most once. A group that nobody else holds is added to in
 * place: a nursery in which ten thousand tasks fail takes ten thousand steps, not their square.
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

static bool contains(const struct tr_error *error, const struct tr_error *other)
{
    return is_group(error) ? map_get(&error->keys, key_of(other)) != NULL
                           : key_of(error) == key_of(other);
}

static struct tr_error *new_group(void)
{
    struct tr_error *group = error_new(TR_EGROUP, tr_code_type(TR_EGROUP), "", 0, "%s",
                                       tr_code_sentence(TR_EGROUP));
    if (!is_group(group))
        return NULL;
    group->frame_count = 0; /* the members' backtraces are the telling ones */
    return group;
}

static bool has_room(struct tr_error *group)
{
    if (group->member_count < group->member_room)
        return true;
    size_t room = group->member_room ? 2 * group->member_room : 4;
    struct tr_error **members = arena_alloc(&group->memory, room * sizeof *members);
    if (!members)
        return false;
    if (group->member_count > 0)
        memcpy(members, group->members, group->member_count * sizeof *members);
    group->members = members;
    group->member_room = room;
    return true;
}

bool error_add_member(struct tr_error *group, struct tr_error *member)
{
    if (contains(group, member)) {
        error_unref(member);
        return true;
    }
    if (!has_room(group) || map_put(&group->keys, key_of(member), member) < 0)
        return false;
    group->members[group->member_count++] = member;
    if (member->depth >= group->depth)
        group->depth = member->depth + 1;
    group->report = NULL;
    return true;
}

/* Whichever is the more telling of two that cannot both be kept. */
static struct tr_error *better(struct tr_error *a, struct tr_error *b)
{
    bool a_says_little = a->code == TR_ECANCELLED || (is_group(a) && a->member_count == 0);
    error_unref(a_says_little ? a : b);
    return a_says_little ? b : a;
}

/* Takes both references over. */
static struct tr_error *add_all(struct tr_error *group, struct tr_error *from)
{
    if (!is_group(from))
        return error_add_member(group, from) ? group : better(group, from);
    for (size_t i = 0; i < from->member_count; i++) {
        struct tr_error *member = error_ref(from->members[i]);
        if (!error_add_member(group, member))
            group = better(group, member);
        if (!is_group(group))
            break;
    }
    error_unref(from);
    return group;
}

struct tr_error *error_merge(struct tr_error *a, struct tr_error *b)
{
    if (!a || !b)
        return a ? a : b;
    if (!is_group(b) && contains(a, b)) {
        error_unref(b);
        return a;
    }
    if (!is_group(a) && contains(b, a)) {
        error_unref(a);
        return b;
    }
    if (is_group(a) && a->refs == 1)
        return add_all(a, b);
    struct tr_error *group = new_group();
    if (!group)
        return better(a, b);
    group = add_all(group, a);
    return is_group(group) ? add_all(group, b) : better(group, b);
}

static bool has_cancelled(const struct tr_error *error)
{
    for (size_t i = 0; i < error->member_count; i++)
        if (error->members[i]->code == TR_ECANCELLED)
            return true;
    return false;
}

struct tr_error *error_without_cancelled(struct tr_error *error, bool *ret_found)
{
    if (!error || (error->code != TR_ECANCELLED && !has_cancelled(error)))
        return error;
    *ret_found = true;
    struct tr_error *rest = NULL;
    for (size_t i = 0; i < error->member_count; i++)
        if (error->members[i]->code != TR_ECANCELLED)
            rest = error_merge(rest, error_ref(error->members[i]));
    error_unref(error);
    return rest;
}

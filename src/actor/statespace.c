/* An actor's statespace.
 *
 * It travels as bytes with its type's signature, and stays so until the first task asks for it: the one place
 * where the actor's program says which type it takes it for. A process knows types by their tables, and which of
 * its tables is meant cannot be told before. From then on there is one object, which all its tasks share; they
 * take turns at checkpoints only, so it needs no lock. */
#include "actor/statespace.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/plant.h"
#include "sched/task.h"
#include "value/codec.h"
#include "value/function.h"

#include <errno.h>
#include <string.h>

static int pack(const tr_statespace_option *given, struct buf *bytes, struct arena *memory, wire_statespace *ret)
{
    tr_try(type_signature(bytes, given->type));
    tr_try(buf_append(bytes, "", 1));
    size_t size = bytes->size;
    tr_try(codec_encode(bytes, given->type, given->value));
    uint8_t *copy = arena_alloc(memory, bytes->size);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, bytes->data, bytes->size);
    *ret = (wire_statespace){.type = (char *)copy, .value = {copy + size, bytes->size - size}};
    return 0;
}

int statespace_pack(const tr_statespace_option *given, struct arena *memory, wire_statespace *ret)
{
    *ret = (wire_statespace){.type = NULL};
    if (!given->type)
        return 0;
    if (!given->value)
        return raise_code(TR_EARGUMENT, "a statespace of type %s without a value", given->type->name);
    struct buf bytes = {0};
    int rc = pack(given, &bytes, memory, ret);
    buf_fini(&bytes);
    return rc == -ENOMEM ? error_raise_plain(rc) : rc;
}

int statespace_receive(const wire_statespace *packed)
{
    struct actor *actor = actor_self();
    if (!packed->type)
        return 0;
    void *value = arena_alloc(&actor->memory, packed->value.size + 1);
    const char *type = arena_text(&actor->memory, packed->type);
    if (!value || !type)
        return error_raise_plain(-ENOMEM);
    if (packed->value.size > 0)
        memcpy(value, packed->value.data, packed->value.size);
    actor->statespace = (wire_statespace){.type = type, .value = {value, packed->value.size}};
    return 0;
}

/* Whoever asks again is asked again, too: of which type. */
static int check_type(const tr_type *type)
{
    const char *there = actor_self()->statespace.type;
    struct buf asked = {0};
    int rc = type_signature(&asked, type);
    if (rc < 0) {
        rc = error_raise_plain(rc);
    } else if (strlen(there) != asked.size || memcmp(there, asked.data, asked.size) != 0) {
        rc = raise_code(TR_ESIGNATURE, "the statespace of actor %s is a %s, not a %.*s", runtime->self.name, there,
                        (int)asked.size, (const char *)asked.data);
    }
    buf_fini(&asked);
    return rc;
}

static int unpack(struct actor *actor, const tr_type *type)
{
    struct reader from = {.at = actor->statespace.value.data, .left = actor->statespace.value.size};
    void *value = arena_alloc(&actor->memory, type->size);
    if (!value)
        return error_raise_plain(-ENOMEM);
    tr_try(codec_decode(&from, type, &actor->memory, value));
    actor->statespace_value = value;
    return 0;
}

int tr_get_statespace_(void *ret_value, const tr_type *type)
{
    tr_try(actor_required());
    struct actor *actor = actor_self();
    if (!actor->statespace.type)
        return raise_code(TR_EMISUSE, "actor %s was not given a statespace", runtime->self.name);
    tr_try(check_type(type));
    if (!actor->statespace_value || planted(FORGOTTEN_NOTE))
        tr_try(unpack(actor, type));
    memcpy(ret_value, &actor->statespace_value, sizeof(void *));
    return 0;
}

/* Topics, subscriptions to them, and publishing.
 *
 * Subscriptions are numbered as they come, and those of a topic are in that order: a publisher that had to wait finds
 * its place again by the number, whoever came and went meanwhile.
 *
 * A subscriber is a variable of the function that serves it, and what it is sent by goes with that. It must stay while
 * a publisher waits for it to have room: leaving, or wanting other topics, cuts such a wait short (a cancel scope is
 * around it), and a leaver waits until that publisher is out of it. That one waits for nothing else there, so it is
 * soon. Whatever does not wait is done without a checkpoint, and nobody can leave meanwhile. */
#include "actor/topics.h"

#include "actor/context.h"
#include "actor/serve.h"
#include "base/error.h"
#include "base/hooks.h"
#include "sched/task.h"

#include <errno.h>
#include <string.h>

/* A publisher that waits for a subscriber. */
struct wait {
    struct link place;
    tr_scope scope;
};

/* ---- topics ----------------------------------------------------------------------------------------- */

static struct topic *find_topic(const tr_publisher *set, const char *name)
{
    list_each(place, (struct link *)&set->topics)
    {
        struct topic *topic = container_of(place, struct topic, place);
        if (strcmp(topic->name, name) == 0)
            return topic;
    }
    return NULL;
}

static struct topic *add_topic(tr_publisher *set, const char *name)
{
    size_t size = strlen(name) + 1;
    struct topic *topic = mem_zalloc(sizeof *topic + size);
    if (!topic)
        return NULL;
    memcpy(topic->name, name, size);
    list_init(&topic->subscriptions);
    list_push(&set->topics, &topic->place);
    return topic;
}

static void drop_if_unwanted(struct topic *topic)
{
    if (!list_empty(&topic->subscriptions))
        return;
    list_remove(&topic->place);
    mem_free(topic);
}

/* ---- subscriptions ---------------------------------------------------------------------------------- */

static struct subscription *find_subscription(const struct subscriber *subscriber, const struct topic *topic)
{
    list_each(place, (struct link *)&subscriber->subscriptions)
    {
        struct subscription *found = container_of(place, struct subscription, in_subscriber);
        if (found->topic == topic)
            return found;
    }
    return NULL;
}

static int add_subscription(struct subscriber *subscriber, const char *name)
{
    tr_publisher *set = subscriber->set;
    struct topic *topic = find_topic(set, name);
    struct subscription *found = topic ? find_subscription(subscriber, topic) : NULL;
    if (!topic && !(topic = add_topic(set, name)))
        return error_raise_plain(-ENOMEM);
    if (!found && !(found = mem_zalloc(sizeof *found))) {
        drop_if_unwanted(topic);
        return error_raise_plain(-ENOMEM);
    }
    if (!found->topic) {
        *found = (struct subscription){.topic = topic, .subscriber = subscriber, .number = ++set->subscriptions};
        list_push(&topic->subscriptions, &found->in_topic);
        list_push(&subscriber->subscriptions, &found->in_subscriber);
    }
    found->wish = subscriber->wish;
    return 0;
}

/* What is not in its newest list. Who waits to send it that need not any more, and looks again. */
static void drop_subscriptions(struct subscriber *subscriber)
{
    list_each(place, &subscriber->subscriptions)
    {
        struct subscription *old = container_of(place, struct subscription, in_subscriber);
        if (old->wish == subscriber->wish)
            continue;
        list_remove(&old->in_topic);
        list_remove(&old->in_subscriber);
        drop_if_unwanted(old->topic);
        mem_free(old);
    }
    list_each(place, &subscriber->waits)
        tr_scope_cancel(&container_of(place, struct wait, place)->scope);
}

int topics_check(const char *set, tr_list_tr_str topics)
{
    for (size_t i = 0; i < topics.count; i++)
        if (!topics.items[i])
            return raise_code(TR_EARGUMENT, "topic %zu of %zu of \"%s\" is NULL", i + 1, topics.count, set);
    return 0;
}

/* These take the place of those before. */
int topics_want(struct subscriber *subscriber, tr_list_tr_str topics)
{
    tr_try(topics_check(subscriber->set->name, topics));
    subscriber->wish++;
    for (size_t i = 0; i < topics.count; i++)
        tr_try(add_subscription(subscriber, topics.items[i]));
    drop_subscriptions(subscriber);
    tr_unpark(&subscriber->set->news, SIZE_MAX);
    return 0;
}

void topics_leave(struct subscriber *subscriber)
{
    subscriber->wish++;
    drop_subscriptions(subscriber);
    while (!list_empty(&subscriber->waits))
        lot_park_shielded(&subscriber->alone, "a publisher to let go");
}

/* ---- publishing ------------------------------------------------------------------------------------- */

/* A value on its way. */
struct delivery {
    const char *topic;
    const void *value;
    uint64_t after, until;          /* numbers of the subscriptions that are still to have it */
    int receivers;
};

static bool is_heard(const struct subscriber *subscriber)
{
    return outflow_is_heard(&subscriber->served->context->out, subscriber->served->session);
}

/* Without waiting, and so on firm ground, until somebody has no room, who is then in *ret_slow. */
static int deliver(tr_publisher *set, struct delivery *delivery, struct subscriber **ret_slow)
{
    struct topic *topic = find_topic(set, delivery->topic);
    *ret_slow = NULL;
    if (!topic)
        return 0;
    list_each(place, &topic->subscriptions)
    {
        const struct subscription *at = container_of(place, struct subscription, in_topic);
        struct served *served = at->subscriber->served;
        struct outflow *out = &served->context->out;
        if (at->number <= delivery->after || at->number > delivery->until || !is_heard(at->subscriber))
            continue;
        if (!outflow_has_room(out, served->session)) {
            *ret_slow = at->subscriber;
            return 0;
        }
        tr_try(outflow_put(out, served->session, FRAME_YIELD, served->id, set->item, delivery->value));
        delivery->after = at->number;
        delivery->receivers++;
    }
    return 0;
}

/* Until it has room, or changes its mind, or leaves, which is no error. */
static int wait_for(struct subscriber *slow)
{
    struct wait wait = {.scope = tr_cancel_scope()};
    list_push(&slow->waits, &wait.place);
    int rc = tr_within(&wait.scope, outflow_wait(&slow->served->context->out, slow->served->session));
    bool is_ours = rc == TR_ECANCELLED || is_heard(slow);
    list_remove(&wait.place);
    tr_unpark(&slow->alone, SIZE_MAX);
    return is_ours ? rc : 0;
}

int tr_publish_(tr_publisher *to, const tr_type *type, const char *topic, const void *value)
{
    struct delivery delivery = {.topic = topic, .value = value};
    struct subscriber *slow;
    if (!topic)
        return raise_code(TR_EARGUMENT, "a value for \"%s\" without a topic", to->name);
    if (!type_is_same(type, to->item))
        return raise_code(TR_EMISUSE, "the topics \"%s\" have items of type %s, not %s", to->name, to->item->name,
                          type->name);
    tr_try(tr_checkpoint());
    delivery.until = to->subscriptions;
    do {
        tr_try(deliver(to, &delivery, &slow));
        tr_try(slow ? wait_for(slow) : 0);
    } while (slow);
    return delivery.receivers;
}

int tr_topics(tr_publisher *to, tr_list_tr_str *ret_topics)
{
    size_t count = 0;
    list_each(place, &to->topics)
        count++;
    arena_clear(&to->told, ARENA_MUCH);
    tr_str *names = arena_alloc(&to->told, (count + 1) * sizeof *names);
    if (!names)
        return error_raise_plain(-ENOMEM);
    count = 0;
    list_each(place, &to->topics)
        if (!(names[count++] = arena_text(&to->told, container_of(place, struct topic, place)->name)))
            return error_raise_plain(-ENOMEM);
    *ret_topics = (tr_list_tr_str){names, count};
    return 0;
}

int tr_wait_topic(tr_publisher *to, const char *topic)
{
    if (!topic)
        return raise_code(TR_EARGUMENT, "a topic of \"%s\" to wait for that is NULL", to->name);
    tr_try(tr_checkpoint());
    while (!find_topic(to, topic))
        tr_try(lot_park(&to->news));
    return 0;
}

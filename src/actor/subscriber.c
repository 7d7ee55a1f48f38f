/* Subscribers, each a remote function that is being served and does nothing but wait for its end; and the producer that
 * those of a set have in common.
 *
 *     (none) --first subscriber--> running --producer ends--> ended
 *                                     |                         ^
 *                                     +---last one leaves--> closing: cancelled, nobody joins, the last one waits
 *
 * A set has references: its producer's, and those of its subscribers and of who waits for it to end. It is found by
 * name until its producer has ended, so that there is one producer of a name at a time: who comes while a set is
 * closing waits for its end, and begins a new one. What the producer failed with is the set's from then on: every
 * subscriber who is still there, the last one who waits for it included, returns it.
 *
 * Happy path: find or make, want, start, stay, leave. Nothing waits before the producer was started, so nobody else
 * ever finds a set without one. The producer is a task of the actor's, and ends with it at the latest: it is cancelled
 * along with those who serve its subscribers. */
#include "actor/topics.h"

#include "actor/actor.h"
#include "actor/context.h"
#include "actor/serve.h"
#include "base/error.h"
#include "base/hooks.h"
#include "sched/task.h"

#include <errno.h>
#include <string.h>

/* ---- sets ------------------------------------------------------------------------------------------- */

static void set_unref(tr_publisher *set)
{
    if (--set->refs > 0)
        return;
    list_remove(&set->place);
    error_unref(set->failure);
    arena_fini(&set->told);
    mem_free(set->name);
    mem_free(set);
}

static tr_publisher *find_set(const char *name)
{
    list_each(place, &actor_self()->topics)
    {
        tr_publisher *set = container_of(place, tr_publisher, place);
        if (strcmp(set->name, name) == 0)
            return set;
    }
    return NULL;
}

/* With one reference. */
static int new_set(const tr_publisher *like, tr_publisher **ret_set)
{
    size_t size = strlen(like->name) + 1;
    tr_publisher *set = mem_alloc(sizeof *set);
    char *name = mem_alloc(size);
    if (!set || !name) {
        mem_free(set);
        mem_free(name);
        return error_raise_plain(-ENOMEM);
    }
    memcpy(name, like->name, size);
    *set = *like;
    set->refs = 1;
    set->name = name;
    set->scope = tr_cancel_scope();
    list_init(&set->subscribers);
    list_init(&set->topics);
    list_push(&actor_self()->topics, &set->place);
    *ret_set = set;
    return 0;
}

static int check_same(const tr_publisher *set, const tr_publisher *like)
{
    if (set->produce != like->produce || set->arg != like->arg)
        return raise_code(TR_EMISUSE, "the topics \"%s\" have another producer, or it another argument", set->name);
    if (!type_is_same(set->item, like->item))
        return raise_code(TR_EMISUSE, "the topics \"%s\" have items of type %s, not %s", set->name, set->item->name,
                          like->item->name);
    return 0;
}

/* The one that is there, or a new one; a reference. Waits for one that is closing. */
static int find_or_make_set(const tr_publisher *like, tr_publisher **ret_set)
{
    tr_publisher *set;
    while ((set = find_set(like->name)) && set->closing) {
        set->refs++;
        int rc = tr_event_wait(&set->ended);
        set_unref(set);
        tr_try(rc);
    }
    if (!set)
        return new_set(like, ret_set);
    tr_try(check_same(set, like));
    set->refs++;
    *ret_set = set;
    return 0;
}

/* ---- the producer ----------------------------------------------------------------------------------- */

static int run_producer(void *arg)
{
    tr_publisher *set = arg;
    int rc = tr_within(&set->scope, set->produce(set, set->arg));
    set->failure = rc < 0 ? error_of(rc) : NULL;
    list_remove(&set->place);
    tr_event_set(&set->ended);
    list_each(place, &set->subscribers)
        tr_scope_cancel(&container_of(place, struct subscriber, place)->listening);
    set_unref(set);
    return 0;
}

static int start_producer(tr_publisher *set)
{
    if (set->running)
        return 0;
    if (actor_is_ending())
        return raise_code(TR_ECLOSED, "actor %s is ending", runtime->self.name);
    tr_try(tr_start_soon(actor_self()->serving, run_producer, set, .name = set->name));
    set->running = true;
    set->refs++;
    return 0;
}

/* ---- serving a subscriber --------------------------------------------------------------------------- */

static bool may_change_topics(const struct served *served)
{
    const tr_type *heard = served->fn->info->heard;
    return heard->kind == TR_LIST && heard->item->kind == TR_STR;
}

static int stay(struct subscriber *subscriber)
{
    tr_ctx ctx = {subscriber->served};
    tr_list_tr_str topics;
    int rc = 0;
    while (may_change_topics(subscriber->served) && (rc = tr_ctx_receive_as(&ctx, tr_list_tr_str, &topics)) > 0)
        tr_try(topics_want(subscriber, topics));
    return rc < 0 ? rc : tr_sleep_forever();
}

/* The last one ends the producer. Not affected by cancellation. */
static void leave(struct subscriber *subscriber)
{
    tr_publisher *set = subscriber->set;
    list_remove(&subscriber->place);
    topics_leave(subscriber);
    if (!list_empty(&set->subscribers) || !set->running || set->ended.set)
        return;
    set->closing = true;
    tr_scope_cancel(&set->scope);
    lot_park_shielded(&set->ended.waiting_, "the producer to end");
}

/* What the subscriber's function returns: its own outcome, and what the producer failed with. */
static int outcome(const struct subscriber *subscriber, int rc)
{
    struct errors errors = {0};
    if (!subscriber->set->failure)
        return rc;
    errors_add(&errors, rc < 0 ? error_of(rc) : NULL);
    errors_add(&errors, error_ref(subscriber->set->failure));
    return error_raise(errors_take(&errors));
}

static int serve_subscriber(struct subscriber *subscriber, tr_list_tr_str topics)
{
    list_init(&subscriber->subscriptions);
    list_init(&subscriber->waits);
    list_push(&subscriber->set->subscribers, &subscriber->place);
    subscriber->listening = tr_cancel_scope();
    int rc = topics_want(subscriber, topics);
    if (rc >= 0)
        rc = start_producer(subscriber->set);
    if (rc >= 0)
        rc = tr_within(&subscriber->listening, stay(subscriber));
    struct tr_error *newest = task_error_aside();
    leave(subscriber);
    task_error_back(newest);
    rc = outcome(subscriber, rc);
    set_unref(subscriber->set);
    return rc;
}

static int check(const tr_ctx *ctx, const tr_publisher *like, tr_list_tr_str topics)
{
    const struct served *served = ctx->served;
    if (!like->name || !like->produce)
        return raise_code(TR_EARGUMENT, "topics have a name and a producer");
    if (!served->context || served->fn->info->item->kind == TR_VOID)
        return raise_code(TR_EMISUSE, "%s is no stream function nor context that yields values",
                          served->fn->info->name);
    if (topics.count == 0 && !may_change_topics(served))
        return raise_code(TR_EARGUMENT, "a subscriber of \"%s\" wants no topic", like->name);
    tr_try(topics_check(like->name, topics));
    return context_check_started(ctx);
}

int tr_serve_topics(tr_ctx *ctx, const char *name, tr_list_tr_str topics, int (*produce)(tr_publisher *to, void *arg),
                    void *arg)
{
    const tr_publisher like = {
        .name = (char *)name, .item = ctx->served->fn->info->item, .produce = produce, .arg = arg};
    struct subscriber subscriber = {.served = ctx->served};
    tr_try(check(ctx, &like, topics));
    tr_try(tr_checkpoint());
    tr_try(find_or_make_set(&like, &subscriber.set));
    return serve_subscriber(&subscriber, topics);
}

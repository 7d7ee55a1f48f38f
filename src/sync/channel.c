/* Memory channels: a ring of items, and the tasks that wait on either side of it.
 *
 * Invariants: receivers wait only while the ring is empty and no sender waits; senders wait only while
 * it is full. So an item goes straight from a sender's hand to a waiting receiver's, and a receiver that
 * takes from a full ring lets the first waiting sender's item in behind. A wait that is cancelled has
 * handed nothing over: whoever hands over ends the wait in the same step. */
#include "tractor/channel.h"

#include "base/error.h"
#include "base/hooks.h"
#include "base/list.h"
#include "sched/task.h"

#include <errno.h>
#include <string.h>

struct channel {
    size_t item_size;
    size_t capacity, count, first;  /* of the ring, in items */
    size_t senders, receivers;      /* open handles */
    struct link sending, receiving; /* struct hand, the longest waiting first */
    unsigned char *ring;
};

struct tr_sender {
    struct channel *channel;
};

struct tr_receiver {
    struct channel *channel;
};

/* A waiting task and the item it gives or the place it wants one in. */
struct hand {
    struct link place;
    struct task *task;
    void *item;
};

static struct channel *new_channel(size_t item_size, size_t capacity)
{
    struct channel *channel = mem_zalloc(sizeof *channel);
    if (!channel)
        return NULL;
    channel->item_size = item_size;
    channel->capacity = capacity;
    list_init(&channel->sending);
    list_init(&channel->receiving);
    if (capacity > 0 && !(channel->ring = mem_alloc(item_size * capacity))) {
        mem_free(channel);
        return NULL;
    }
    return channel;
}

static void free_if_unused(struct channel *channel)
{
    if (channel->senders > 0 || channel->receivers > 0)
        return;
    mem_free(channel->ring);
    mem_free(channel);
}

static tr_sender *new_sender(struct channel *channel)
{
    tr_sender *sender = mem_alloc(sizeof *sender);
    if (sender) {
        sender->channel = channel;
        channel->senders++;
    }
    return sender;
}

static tr_receiver *new_receiver(struct channel *channel)
{
    tr_receiver *receiver = mem_alloc(sizeof *receiver);
    if (receiver) {
        receiver->channel = channel;
        channel->receivers++;
    }
    return receiver;
}

int tr_open_channel(tr_sender **ret_sender, tr_receiver **ret_receiver, size_t item_size,
                    size_t capacity)
{
    int rc = task_required();
    if (rc < 0)
        return rc;
    if (!ret_sender || !ret_receiver || item_size == 0 || capacity > SIZE_MAX / 2 / item_size)
        return raise_code(TR_EARGUMENT, "a channel of %zu items of %zu bytes", capacity, item_size);
    struct channel *channel = new_channel(item_size, capacity);
    if (!channel)
        return error_raise_plain(-ENOMEM);
    tr_sender *sender = new_sender(channel);
    tr_receiver *receiver = new_receiver(channel);
    if (!sender || !receiver) {
        channel->senders = channel->receivers = 0;
        mem_free(sender);
        mem_free(receiver);
        free_if_unused(channel);
        return error_raise_plain(-ENOMEM);
    }
    *ret_sender = sender;
    *ret_receiver = receiver;
    return 0;
}

int tr_clone_sender(tr_sender *sender, tr_sender **ret_clone)
{
    int rc = task_required();
    if (rc < 0)
        return rc;
    if (!sender)
        return error_raise_plain(TR_ECLOSED);
    tr_sender *clone = new_sender(sender->channel);
    if (!clone)
        return error_raise_plain(-ENOMEM);
    *ret_clone = clone;
    return 0;
}

int tr_clone_receiver(tr_receiver *receiver, tr_receiver **ret_clone)
{
    int rc = task_required();
    if (rc < 0)
        return rc;
    if (!receiver)
        return error_raise_plain(TR_ECLOSED);
    tr_receiver *clone = new_receiver(receiver->channel);
    if (!clone)
        return error_raise_plain(-ENOMEM);
    *ret_clone = clone;
    return 0;
}

/* ---- waiting --------------------------------------------------------------------------------------- */

static bool withdraw(void *arg)
{
    struct hand *hand = arg;
    list_remove(&hand->place);
    return true;
}

static int wait_with(const char *what, struct link *line, void *item)
{
    struct hand hand = {.task = task_current(), .item = item};
    list_push(line, &hand.place);
    return task_park(what, withdraw, &hand);
}

static struct hand *first_hand(struct link *line)
{
    struct link *first = list_shift(line);
    return first ? container_of(first, struct hand, place) : NULL;
}

static void dismiss_all(struct link *line, int rc)
{
    for (struct hand *hand; (hand = first_hand(line));)
        task_wake(hand->task, rc);
}

/* ---- the ring -------------------------------------------------------------------------------------- */

static void put(struct channel *channel, const void *item)
{
    size_t at = channel->first + channel->count++;
    if (at >= channel->capacity)
        at -= channel->capacity;
    memcpy(channel->ring + at * channel->item_size, item, channel->item_size);
}

static void take(struct channel *channel, void *ret_item)
{
    memcpy(ret_item, channel->ring + channel->first * channel->item_size, channel->item_size);
    if (++channel->first == channel->capacity)
        channel->first = 0;
    channel->count--;
}

/* ---- sending and receiving ------------------------------------------------------------------------- */

/* A checkpoint before anything has happened: afterwards only success may be reported. */
static int pass_checkpoint(void)
{
    int rc = task_required();
    return rc < 0 ? rc : task_cancelled();
}

/* A checkpoint in every case, or a task that tries in a loop would starve the others. */
static int fail(int code)
{
    task_yield();
    return error_raise_plain(code);
}

int tr_send(tr_sender *sender, const void *item)
{
    int rc = pass_checkpoint();
    if (rc < 0)
        return rc;
    if (!sender)
        return fail(TR_ECLOSED);
    if (!item)
        return raise_code(TR_EARGUMENT, "there is no item to send");
    struct channel *channel = sender->channel;
    if (channel->receivers == 0)
        return fail(TR_EBROKEN);
    struct hand *receiver = first_hand(&channel->receiving);
    if (receiver) {
        memcpy(receiver->item, item, channel->item_size);
        task_wake(receiver->task, 1);
    } else if (channel->count < channel->capacity) {
        put(channel, item);
    } else {
        rc = wait_with("room in a channel", &channel->sending, (void *)item);
        return rc == TR_EBROKEN ? error_raise_plain(rc) : rc;
    }
    task_yield();
    return 0;
}

/* Takes what there is: 1, 0 if nothing. */
static int receive_now(struct channel *channel, void *ret_item)
{
    bool had = channel->count > 0;
    if (had)
        take(channel, ret_item);
    struct hand *sender = first_hand(&channel->sending);
    if (!sender)
        return had;
    if (had)
        put(channel, sender->item);
    else
        memcpy(ret_item, sender->item, channel->item_size);
    task_wake(sender->task, 0);
    return 1;
}

int tr_receive(tr_receiver *receiver, void *ret_item)
{
    int rc = pass_checkpoint();
    if (rc < 0)
        return rc;
    if (!receiver)
        return fail(TR_ECLOSED);
    if (!ret_item)
        return raise_code(TR_EARGUMENT, "there is no room for the item");
    struct channel *channel = receiver->channel;
    rc = receive_now(channel, ret_item);
    if (rc == 0 && channel->senders > 0)
        return wait_with("an item from a channel", &channel->receiving, ret_item);
    task_yield();
    return rc;
}

/* ---- closing --------------------------------------------------------------------------------------- */

void tr_close_sender(tr_sender **held)
{
    tr_sender *sender = *held;
    if (!sender)
        return;
    *held = NULL;
    struct channel *channel = sender->channel;
    mem_free(sender);
    if (--channel->senders == 0)
        dismiss_all(&channel->receiving, 0);
    free_if_unused(channel);
}

void tr_close_receiver(tr_receiver **held)
{
    tr_receiver *receiver = *held;
    if (!receiver)
        return;
    *held = NULL;
    struct channel *channel = receiver->channel;
    mem_free(receiver);
    if (--channel->receivers == 0)
        dismiss_all(&channel->sending, TR_EBROKEN);
    free_if_unused(channel);
}

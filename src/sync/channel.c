/* Memory channels: a ring of items, and the tasks that wait on either side of it.
 *
 * Invariants: receivers wait only while the ring is empty and no sender waits; senders wait only while
 * it is full. So an item goes straight from a sender's hand to a waiting receiver's, and a receiver that
 * takes from a full ring lets the first waiting sender's item in behind. A wait that is cancelled has
 * handed nothing over: whoever hands over ends the wait in the same step. */
#include "sync/channel.h"

#include "base/error.h"
#include "base/hooks.h"
#include "sched/task.h"

#include <errno.h>
#include <string.h>

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

/* Ends the wait of a hand that has left its line. */
static void release(struct hand *hand, int rc)
{
    struct choice *choice = hand->choice;
    if (choice) {
        choice->taken = (size_t)(hand - choice->hands);
        choice_withdraw(choice);
    }
    task_wake(hand->task, rc);
}

static int wait_with(const char *what, struct link *line, const void *end, void *item)
{
    struct hand hand = {.task = task_current(), .item = item, .end = end};
    list_push(line, &hand.place);
    return task_park(what, withdraw, &hand);
}

static struct hand *hand_at(struct link *place)
{
    return container_of(place, struct hand, place);
}

static struct hand *first_hand(struct link *line)
{
    struct link *first = list_shift(line);
    return first ? hand_at(first) : NULL;
}

static struct hand *first_hand_of(struct link *line, const void *end)
{
    list_each(at, line)
        if (hand_at(at)->end == end) {
            list_remove(at);
            return hand_at(at);
        }
    return NULL;
}

/* The handle is closed. One hand at a time: its task may have another in the same line. */
static void dismiss_those_of(struct link *line, const void *end)
{
    for (struct hand *hand; (hand = first_hand_of(line, end));)
        release(hand, TR_ECLOSED);
}

static void dismiss_all(struct link *line, int rc)
{
    for (struct hand *hand; (hand = first_hand(line));)
        release(hand, rc);
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

int channel_send_now(struct channel *channel, const void *item)
{
    if (channel->receivers == 0)
        return TR_EBROKEN;
    struct hand *receiver = first_hand(&channel->receiving);
    if (receiver) {
        memcpy(receiver->item, item, channel->item_size);
        release(receiver, 1);
        return 0;
    }
    if (channel->count == channel->capacity)
        return -EAGAIN;
    put(channel, item);
    return 0;
}

int channel_receive_now(struct channel *channel, void *ret_item)
{
    bool had = channel->count > 0;
    if (had)
        take(channel, ret_item);
    struct hand *sender = first_hand(&channel->sending);
    if (!sender)
        return had ? 1 : channel->senders > 0 ? -EAGAIN : 0;
    if (had)
        put(channel, sender->item);
    else
        memcpy(ret_item, sender->item, channel->item_size);
    release(sender, 0);
    return 1;
}

static int check(const void *end, const void *item)
{
    tr_try(task_required());
    if (!end)
        return error_raise_plain(TR_ECLOSED);
    return item ? 0 : raise_code(TR_EARGUMENT, "there is no item, or no room for one");
}

static int raised(int rc)
{
    return rc < 0 ? error_raise_plain(rc) : rc;
}

int tr_send_now(tr_sender *sender, const void *item)
{
    tr_try(check(sender, item));
    return raised(channel_send_now(sender->channel, item));
}

int tr_receive_now(tr_receiver *receiver, void *ret_item)
{
    tr_try(check(receiver, ret_item));
    return raised(channel_receive_now(receiver->channel, ret_item));
}

int tr_send(tr_sender *sender, const void *item)
{
    tr_try(channel_checkpoint());
    int rc = check(sender, item);
    if (rc < 0)
        return channel_refuse(rc);
    rc = channel_send_now(sender->channel, item);
    if (rc == -EAGAIN)
        rc = wait_with("room in a channel", &sender->channel->sending, sender, (void *)item);
    else
        task_yield();
    return raised(rc);
}

int tr_receive(tr_receiver *receiver, void *ret_item)
{
    tr_try(channel_checkpoint());
    int rc = check(receiver, ret_item);
    if (rc < 0)
        return channel_refuse(rc);
    rc = channel_receive_now(receiver->channel, ret_item);
    if (rc == -EAGAIN)
        rc = wait_with("an item from a channel", &receiver->channel->receiving, receiver, ret_item);
    else
        task_yield();
    return raised(rc);
}

/* ---- closing --------------------------------------------------------------------------------------- */

void tr_close_sender(tr_sender **held)
{
    tr_sender *sender = *held;
    if (!sender)
        return;
    *held = NULL;
    struct channel *channel = sender->channel;
    dismiss_those_of(&channel->sending, sender);
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
    dismiss_those_of(&channel->receiving, receiver);
    mem_free(receiver);
    if (--channel->receivers == 0)
        dismiss_all(&channel->sending, TR_EBROKEN);
    free_if_unused(channel);
}

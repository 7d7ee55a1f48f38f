/* Memory channels: a ring of items, and the tasks that wait on either side of it.
 *
 * Invariants: receivers wait only while the ring is empty and no sender waits; senders wait only while
 * it is full. So an item goes straight from a sender's hand to a waiting receiver's, and a receiver that
 * takes from a full ring lets the first waiting sender's item in behind. A wait that is cancelled has
 * handed nothing over: whoever hands over ends the wait in the same step.
 *
 * Programs know the ends by handles, which are no addresses, so that one that was closed by another task is
 * found to be closed. The ends belong to the run, which closes at its end those that nobody has. */
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

/* ---- ends ------------------------------------------------------------------------------------------ */

static void drop_end(struct channel_end *end)
{
    struct channel *channel = end->channel;
    *(end->sends ? &channel->senders : &channel->receivers) -= 1;
    handles_put(&runtime->channels->handles, &end->handle);
}

static void close_all(struct guest *guest)
{
    struct channel_ends *ends = container_of(guest, struct channel_ends, guest);
    for (size_t i = 0; i < ends->handles.count; i++) {
        struct channel_end *end = container_of(ends->handles.all[i], struct channel_end, handle);
        if (end->handle.value == HANDLE_NONE)
            continue;
        drop_end(end);
        free_if_unused(end->channel);
    }
    handles_fini(&ends->handles);
    mem_free(ends);
    runtime->channels = NULL;
}

static struct channel_ends *ends_of_run(void)
{
    if (runtime->channels)
        return runtime->channels;
    struct channel_ends *ends = mem_zalloc(sizeof *ends);
    if (!ends)
        return NULL;
    ends->handles.number = runtime->error_ids & UINT32_MAX; /* random, lest it be taken for another run's */
    ends->guest.release = close_all;
    run_add_guest(&ends->guest);
    return runtime->channels = ends;
}

/* 0 if there is no memory. */
static uintptr_t new_end(struct channel *channel, bool sends)
{
    struct channel_ends *ends = ends_of_run();
    struct channel_end *end = ends ? handles_get(&ends->handles, sizeof *end) : NULL;
    if (!end)
        return 0;
    end->channel = channel;
    end->sends = sends;
    *(sends ? &channel->senders : &channel->receivers) += 1;
    return end->handle.value;
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
    uintptr_t sender = new_end(channel, true);
    uintptr_t receiver = sender ? new_end(channel, false) : 0;
    if (!receiver) {
        struct channel_end *end = channel_end_of((void *)sender);
        if (end)
            drop_end(end);
        free_if_unused(channel);
        return error_raise_plain(-ENOMEM);
    }
    *ret_sender = (tr_sender *)sender;
    *ret_receiver = (tr_receiver *)receiver;
    return 0;
}

/* Of one that is open. */
static int clone_end(const void *handle, uintptr_t *ret_clone)
{
    tr_try(task_required());
    const struct channel_end *end = channel_end_of(handle);
    if (!end)
        return error_raise_plain(TR_ECLOSED);
    *ret_clone = new_end(end->channel, end->sends);
    return *ret_clone ? 0 : error_raise_plain(-ENOMEM);
}

int tr_clone_sender(tr_sender *sender, tr_sender **ret_clone)
{
    uintptr_t clone;
    tr_try(clone_end(sender, &clone));
    *ret_clone = (tr_sender *)clone;
    return 0;
}

int tr_clone_receiver(tr_receiver *receiver, tr_receiver **ret_clone)
{
    uintptr_t clone;
    tr_try(clone_end(receiver, &clone));
    *ret_clone = (tr_receiver *)clone;
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

/* NULL if it cannot be used with that item. */
static struct channel *usable(const void *handle, const void *item)
{
    const struct channel_end *end = channel_end_of(handle);
    return end && item ? end->channel : NULL;
}

/* What speaks against it. */
__attribute__((noinline, cold)) static int why_not(const void *handle)
{
    if (!channel_end_of(handle))
        return error_raise_plain(TR_ECLOSED);
    return raise_code(TR_EARGUMENT, "there is no item, or no room for one");
}

static int raised(int rc)
{
    return rc < 0 ? error_raise_plain(rc) : rc;
}

int tr_send_now(tr_sender *sender, const void *item)
{
    tr_try(task_required());
    struct channel *channel = usable(sender, item);
    if (!channel)
        return why_not(sender);
    return raised(channel_send_now(channel, item));
}

int tr_receive_now(tr_receiver *receiver, void *ret_item)
{
    tr_try(task_required());
    struct channel *channel = usable(receiver, ret_item);
    if (!channel)
        return why_not(receiver);
    return raised(channel_receive_now(channel, ret_item));
}

int tr_send(tr_sender *sender, const void *item)
{
    tr_try(channel_checkpoint());
    struct channel *channel = usable(sender, item);
    if (!channel)
        return task_yield(why_not(sender));
    int rc = channel_send_now(channel, item);
    if (rc == -EAGAIN)
        return raised(wait_with("room in a channel", &channel->sending, sender, (void *)item));
    return task_yield(raised(rc));
}

int tr_receive(tr_receiver *receiver, void *ret_item)
{
    tr_try(channel_checkpoint());
    struct channel *channel = usable(receiver, ret_item);
    if (!channel)
        return task_yield(why_not(receiver));
    int rc = channel_receive_now(channel, ret_item);
    if (rc == -EAGAIN)
        return raised(wait_with("an item from a channel", &channel->receiving, receiver, ret_item));
    return task_yield(raised(rc));
}

/* ---- closing --------------------------------------------------------------------------------------- */

void tr_close_sender(tr_sender **held)
{
    tr_sender *sender = *held;
    struct channel_end *end = channel_end_of(sender);
    *held = NULL;
    if (!end)
        return;
    struct channel *channel = end->channel;
    dismiss_those_of(&channel->sending, sender);
    drop_end(end);
    if (channel->senders == 0)
        dismiss_all(&channel->receiving, 0);
    free_if_unused(channel);
}

void tr_close_receiver(tr_receiver **held)
{
    tr_receiver *receiver = *held;
    struct channel_end *end = channel_end_of(receiver);
    *held = NULL;
    if (!end)
        return;
    struct channel *channel = end->channel;
    dismiss_those_of(&channel->receiving, receiver);
    drop_end(end);
    if (channel->receivers == 0)
        dismiss_all(&channel->sending, TR_EBROKEN);
    free_if_unused(channel);
}

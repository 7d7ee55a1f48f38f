/* The model's channels: what is buffered, who holds a handle, who waits; the longest waiting first. */
#include "model_inside.h"

#include <string.h>

static bool waits_for(const struct task *task, int channel, bool sends, int *ret_want)
{
    if (task->waits != AT_CHANNELS || task->ready)
        return false;
    for (int i = 0; i < task->want_count; i++)
        if (task->wants[i].channel == channel && task->wants[i].sends == sends && !task->wants_left_out[i])
            return *ret_want = i, true;
    return false;
}

/* Who has waited longest on that side. */
static struct task *first_at(int channel, bool sends, int *ret_want)
{
    struct task *first = NULL;
    for (int i = 0, want; i < model.task_count; i++) {
        struct task *task = &model.tasks[i];
        if (waits_for(task, channel, sends, &want) && (!first || task->since < first->since)) {
            first = task;
            *ret_want = want;
        }
    }
    return first;
}

static void finish(struct task *task, int want, outcome got, int value)
{
    model_wake(task, got);
    task->value = 1000 * want + value;
}

enum { WAIT = -1, NO_RECEIVER = -2 };

static int send_now(int number, int item)
{
    struct channel *channel = &model.channels[number];
    int want = 0;
    if (channel->receivers == 0)
        return NO_RECEIVER;
    struct task *receiver = first_at(number, false, &want);
    if (receiver)
        finish(receiver, want, 0, item);
    else if (channel->count == channel->capacity)
        return WAIT;
    else
        channel->items[channel->count++] = item;
    return 0;
}

static int receive_now(int number)
{
    struct channel *channel = &model.channels[number];
    int want = 0;
    struct task *sender = first_at(number, true, &want);
    if (sender) {
        channel->items[channel->count++] = sender->item;
        finish(sender, want, 0, 0);
    }
    if (channel->count == 0)
        return channel->senders > 0 ? WAIT : 0;
    int item = channel->items[0];
    memmove(channel->items, channel->items + 1, sizeof channel->items - sizeof channel->items[0]);
    channel->count--;
    return item;
}

static void dismiss(int channel, bool senders, outcome got)
{
    int want;
    for (struct task *task; (task = first_at(channel, senders, &want));) {
        happened(senders ? SEND_BROKEN_WAITING : RECEIVED_END_WAITING);
        finish(task, want, got, 0);
    }
}

static void drop_sender(int channel)
{
    if (--model.channels[channel].senders == 0)
        dismiss(channel, false, 0);
}

static void drop_receiver(int channel)
{
    if (--model.channels[channel].receivers == 0)
        dismiss(channel, true, BROKEN);
}

/* Each use of a channel has a handle of its own, made from the driver's. */
static int take_handles(struct task *task)
{
    int taken = 0;
    for (int i = 0; i < task->want_count; i++) {
        struct want *want = &task->wants[i];
        struct channel *channel = &model.channels[want->channel];
        task->wants_left_out[i] = want->sends ? !channel->sender_open : !channel->receiver_open;
        if (task->wants_left_out[i])
            continue;
        taken++;
        *(want->sends ? &channel->senders : &channel->receivers) += 1;
    }
    return taken;
}

static void give_handles_back(struct task *task)
{
    for (int i = 0; i < task->want_count; i++) {
        if (task->wants_left_out[i])
            continue;
        task->wants_left_out[i] = true;
        if (task->wants[i].sends)
            drop_sender(task->wants[i].channel);
        else
            drop_receiver(task->wants[i].channel);
    }
}

static bool want_done_now(struct task *task, int i)
{
    const struct want *want = &task->wants[i];
    if (task->wants_left_out[i])
        return false;
    int rc = want->sends ? send_now(want->channel, task->item) : receive_now(want->channel);
    if (rc == WAIT)
        return false;
    if (want->sends)
        happened(rc == NO_RECEIVER ? SEND_BROKEN : SENT);
    else
        happened(rc == 0 ? RECEIVED_END : RECEIVED);
    model_pass(task, AT_CHANNELS, 0);
    finish(task, i, rc == NO_RECEIVER ? BROKEN : 0, rc > 0 ? rc : 0);
    return true;
}

void channels_use(struct task *task)
{
    const struct command *order = &task->order;
    task->want_count = order->kind == ORDER_SELECT ? 2 : 1;
    memcpy(task->wants, order->wants, sizeof task->wants);
    task->item = order->item;
    task->value = 0;
    task->waited = false;
    int open = take_handles(task);
    if (model_is_cancelled(task->block)) {
        happened(CHANNEL_CUT_BEFORE);
        model_pass(task, AT_CHANNELS, CANCELLED);
        return;
    }
    if (open == 0) {
        happened(CHANNEL_CLOSED);
        model_pass(task, AT_CHANNELS, CLOSED);
        return;
    }
    for (int i = 0; i < task->want_count; i++)
        if (want_done_now(task, i))
            return;
    task->waited = true;
    model_wait_at(task, AT_CHANNELS);
}

static void tell_channels(const struct task *task)
{
    if (task->waited && model_is_cancelled(task->block))
        happened(CHANNEL_CUT_TOO_LATE);
    if (task->want_count == 2 && task->value >= 1000)
        happened(SELECT_SECOND);
    if (!task->waited)
        return;
    if (task->want_count == 2)
        happened(SELECT_AFTER_WAIT);
    if (task->wants[task->value / 1000].sends)
        happened(SENT_AFTER_WAIT);
    else if (task->value % 1000 > 0)
        happened(RECEIVED_AFTER_WAIT);
}

outcome channels_end(struct task *task)
{
    give_handles_back(task);
    if (task->got == CANCELLED)
        happened(CHANNEL_CUT);
    else if (task->got == 0)
        tell_channels(task);
    return task->got;
}

/* ---- the driver's commands -------------------------------------------------------------------------- */

static int send_from_far(int channel, int item)
{
    int rc = send_now(channel, item);
    happened(rc == 0 ? NOW_SENT : rc == WAIT ? NOW_FULL : NOW_BROKEN);
    return rc;
}

static int receive_from_far(int channel)
{
    int rc = receive_now(channel);
    happened(rc > 0 ? NOW_RECEIVED : rc == 0 ? NOW_END : NOW_EMPTY);
    return rc;
}

static void reopen(int at)
{
    static const int capacities[CHANNELS] = {0, 1, 4};
    model.channels[at] = (struct channel){.capacity = capacities[at], .senders = 1, .receivers = 1,
                                          .sender_open = true, .receiver_open = true};
}

int channels_apply(const struct command *command)
{
    struct channel *channel = &model.channels[command->number];
    switch (command->kind) {
    case SEND_NOW:
        return send_from_far(command->number, command->item);
    case RECEIVE_NOW:
        return receive_from_far(command->number);
    case CLOSE_SENDER:
        channel->sender_open = false;
        drop_sender(command->number);
        return 0;
    case CLOSE_RECEIVER:
        channel->receiver_open = false;
        drop_receiver(command->number);
        return 0;
    default:
        reopen(command->number);
        return 0;
    }
}

void channels_reset(void)
{
    for (int i = 0; i < CHANNELS; i++)
        reopen(i);
}

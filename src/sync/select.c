/* The first of several channels.
 *
 * What can be done at once is done, in the order of the cases. Otherwise the task waits with a hand at
 * each of the channels, and whoever takes one withdraws the others in the same step, so that exactly one
 * is done. The hands lie on the waiting task's stack, and so waiting cannot fail. A task may be on both
 * sides of one channel, each for somebody else: that is the one exception to the channel's invariants. */
#include "sync/channel.h"

#include "base/error.h"

#include <errno.h>

void choice_withdraw(struct choice *choice)
{
    for (size_t i = 0; i < choice->count; i++)
        list_remove(&choice->hands[i].place);
}

static bool left_out(const tr_case *one)
{
    return !one->sender && !one->receiver;
}

static int check(const tr_case *cases, size_t count)
{
    size_t open = 0;
    if (!cases || count > TR_CASES_MOST)
        return raise_code(TR_EARGUMENT, "tr_select of %zu cases", count);
    for (size_t i = 0; i < count; i++) {
        if (left_out(&cases[i]))
            continue;
        if (!cases[i].item || (cases[i].sender && cases[i].receiver))
            return raise_code(TR_EARGUMENT, "case %zu has no item, or both a sender and a receiver", i);
        open++;
    }
    return open > 0 ? 0 : error_raise_plain(TR_ECLOSED);
}

static const void *handle_of(const tr_case *one)
{
    return one->sender ? (const void *)one->sender : one->receiver;
}

static int do_now(const tr_case *one)
{
    const struct channel_end *end = channel_end_of(handle_of(one));
    if (!end)
        return TR_ECLOSED;
    return one->sender ? channel_send_now(end->channel, one->item)
                       : channel_receive_now(end->channel, one->item);
}

/* Whether it could be done without waiting. */
static bool done_now(tr_case *one)
{
    int rc = left_out(one) ? -EAGAIN : do_now(one);
    if (rc != -EAGAIN)
        one->rc = rc;
    return rc != -EAGAIN;
}

static void reach_out(struct choice *choice, const tr_case *cases)
{
    for (size_t i = 0; i < choice->count; i++) {
        struct hand *hand = &choice->hands[i];
        *hand = (struct hand){.task = task_current(), .item = cases[i].item, .end = handle_of(&cases[i]),
                              .choice = choice};
        list_init(&hand->place);
        const struct channel_end *end = channel_end_of(hand->end);
        if (!end)
            continue; /* left out; of others that are closed one would have been done */
        struct channel *channel = end->channel;
        list_push(cases[i].sender ? &channel->sending : &channel->receiving, &hand->place);
    }
}

static bool withdraw(void *choice)
{
    choice_withdraw(choice);
    return true;
}

static int wait_for_one(tr_case *cases, size_t count)
{
    struct choice choice;
    choice.count = count;
    reach_out(&choice, cases);
    int rc = task_park("one of several channels", withdraw, &choice);
    if (rc == TR_ECANCELLED)
        return rc;
    cases[choice.taken].rc = rc;
    return (int)choice.taken;
}

int tr_select(tr_case *cases, size_t count)
{
    tr_try(channel_checkpoint());
    int rc = check(cases, count);
    if (rc < 0)
        return task_yield(rc); /* or a task that tries in a loop would starve the others */
    for (size_t i = 0; i < count; i++)
        if (done_now(&cases[i]))
            return task_yield((int)i);
    return wait_for_one(cases, count);
}

/* Puppets. Each block is a call of `live`, so that the blocks of a task nest as they do in a program. */
#include "puppets.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct puppets puppets;

/* ---- what is seen ----------------------------------------------------------------------------------- */

static ticks to_ticks(double seconds)
{
    if (isinf(seconds))
        return seconds > 0 ? NEVER : CUT;
    return (ticks)(seconds * TICKS);
}

static double to_seconds(ticks time)
{
    return time == NEVER ? INFINITY : (double)time / TICKS;
}

ticks now_in_ticks(void)
{
    return to_ticks(tr_now());
}

/* Of a group all that failed in it; one that is no group of several is wrong. */
static outcome outcome_of_error(const tr_error *error);

static outcome outcome_of_group(const tr_error *group)
{
    outcome all = tr_error_members(group) > 1 ? 0 : SURPRISE;
    for (size_t i = 0; i < tr_error_members(group); i++)
        all |= outcome_of_error(tr_error_member(group, i));
    return all;
}

static outcome outcome_of_error(const tr_error *error)
{
    switch (tr_error_code(error)) {
    case TR_EGROUP:
        return outcome_of_group(error);
    case TR_ECANCELLED:
        return CANCELLED;
    case TR_ERAISED:
        return FAILED(atoi(tr_error_message(error)));
    case TR_ETIMEOUT:
        return TOO_SLOW;
    case TR_EBROKEN:
        return BROKEN;
    case TR_ECLOSED:
        return CLOSED;
    case TR_EMISUSE:
        return MISUSE;
    default:
        return SURPRISE;
    }
}

outcome outcome_of(int rc)
{
    const tr_error *error = tr_last_error();
    if (rc >= 0)
        return 0;
    if (rc == TR_ECANCELLED) /* also after the error of a shielded block within */
        return CANCELLED;
    if (!error || tr_error_code(error) != rc)
        return SURPRISE;
    return outcome_of_error(error);
}

static int saw_value(struct puppet *puppet, int rc, int value)
{
    tr_auto(frame) frame = tr_open_frame();
    struct sight *sight = &puppets.sights[puppets.sight_count];
    if (puppets.sight_count < SIGHTS - 1)
        puppets.sight_count++;
    *sight = (struct sight){.task = puppet->number, .from = puppet->waits, .out = outcome_of(rc),
                            .value = value, .deadline = to_ticks(tr_effective_deadline()),
                            .stopping = tr_stopping()};
    snprintf(sight->why, sizeof sight->why, "%s", tr_cancel_reason());
    puppet->waits = FOR_ORDERS;
    return rc;
}

static int saw(struct puppet *puppet, int rc)
{
    return saw_value(puppet, rc, 0);
}

/* ---- calls that wait -------------------------------------------------------------------------------- */

static int clean_up(struct puppet *puppet)
{
    tr_scope shield = tr_shield();
    puppet->waits = CLEANING_UP;
    int rc = saw(puppet, tr_within(&shield, tr_sleep(to_seconds(puppet->prepared_time))));
    return rc < 0 ? rc : TR_ECANCELLED;
}

static int fail(int number)
{
    return tr_raise("app.Bad", "%d", number);
}

/* What the task does about how a wait ended: 0, or what it leaves its block with. */
static int after_wait(struct puppet *puppet, int rc)
{
    if (rc != TR_ECANCELLED)
        return 0;
    enum prepared prepared = puppet->prepared;
    puppet->prepared = TO_PASS;
    switch (prepared) {
    case TO_IGNORE:
        return 0;
    case TO_FAIL:
        return fail(puppet->prepared_failure);
    case TO_CLEAN_UP:
        return clean_up(puppet);
    default:
        return rc;
    }
}

static int sleep_or_pass(struct puppet *puppet)
{
    const struct command *order = &puppet->order;
    bool sleeps = order->kind == ORDER_SLEEP;
    puppet->waits = sleeps ? ASLEEP : AT_CHECKPOINT;
    return after_wait(puppet, saw(puppet, sleeps ? tr_sleep(to_seconds(order->time)) : tr_checkpoint()));
}

/* The handles and items of one use of channels. */
struct use {
    tr_sender *senders[WANTS];
    tr_receiver *receivers[WANTS];
    int items[WANTS];
};

static int send_or_receive(struct use *use, const struct want *want, int *ret_value)
{
    if (want->sends)
        return tr_send(use->senders[0], &use->items[0]);
    int rc = tr_receive(use->receivers[0], &use->items[0]);
    if (rc > 0)
        *ret_value = use->items[0];
    return rc;
}

static int select_one(struct use *use, const struct want *wants, int *ret_value)
{
    tr_case cases[WANTS];
    for (int i = 0; i < WANTS; i++)
        cases[i] = wants[i].sends ? tr_case_send(use->senders[i], &use->items[i])
                                  : tr_case_receive(use->receivers[i], &use->items[i]);
    int rc = tr_select(cases, WANTS);
    if (rc < 0)
        return rc;
    *ret_value = 1000 * rc;
    if (cases[rc].rc > 0)
        *ret_value += use->items[rc];
    return cases[rc].rc < 0 ? tr_raise("Broken", "as tr_select said") : cases[rc].rc;
}

/* Each use has handles of its own, which nobody else closes meanwhile. */
static void take_handle(struct use *use, int i, const struct command *order)
{
    const struct want *want = &order->wants[i];
    use->items[i] = want->sends ? order->item : 0;
    if (want->sends && puppets.senders[want->channel])
        tr_ignore(tr_clone_sender(puppets.senders[want->channel], &use->senders[i]));
    if (!want->sends && puppets.receivers[want->channel])
        tr_ignore(tr_clone_receiver(puppets.receivers[want->channel], &use->receivers[i]));
}

static int use_channels(struct puppet *puppet)
{
    const struct command *order = &puppet->order;
    int value = 0, count = order->kind == ORDER_SELECT ? WANTS : 1;
    struct use use = {0};
    puppet->waits = AT_CHANNELS;
    for (int i = 0; i < count; i++)
        take_handle(&use, i, order);
    int rc = count == 1 ? send_or_receive(&use, &order->wants[0], &value)
                        : select_one(&use, order->wants, &value);
    for (int i = 0; i < count; i++) {
        tr_close_sender(&use.senders[i]);
        tr_close_receiver(&use.receivers[i]);
    }
    return after_wait(puppet, saw_value(puppet, rc, value));
}

/* ---- blocks ----------------------------------------------------------------------------------------- */

static int live(struct puppet *puppet);

/* What a block's end means for the one around it. */
static int settle(int rc, bool tolerant)
{
    return rc >= 0 || (tolerant && !(outcome_of(rc) & CANCELLED)) ? 0 : rc;
}

static tr_scope scope_for(const struct command *order)
{
    switch (order->kind) {
    case ORDER_MOVE_ON:
        return tr_move_on_after(to_seconds(order->time));
    case ORDER_FAIL_AFTER:
        return tr_fail_after(to_seconds(order->time));
    case ORDER_SHIELD:
        return tr_shield();
    case ORDER_UNTIL_STOPPED:
        return tr_until_stopped();
    default:
        return tr_cancel_scope();
    }
}

static int in_scope(struct puppet *puppet)
{
    int number = puppet->order.new_block;
    bool tolerant = puppet->order.tolerant;
    tr_scope scope = scope_for(&puppet->order);
    puppets.scopes[number] = &scope;
    puppet->depth++;
    int rc = tr_within(&scope, live(puppet));
    puppet->depth--;
    puppets.scopes[number] = NULL;
    puppets.fates[number] =
        (struct fate){true, scope.cancel_called, scope.cancelled_caught, scope.stop_called, outcome_of(rc)};
    return settle(rc, tolerant);
}

static int with_nursery(struct puppet *puppet, int number, bool joins_not)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    puppets.nurseries[number] = nursery;
    int rc = live(puppet);
    puppet->waits = IN_JOIN;
    return joins_not ? rc : tr_join_with(nursery, rc);
}

static int in_nursery(struct puppet *puppet)
{
    struct command order = puppet->order;
    puppet->depth++;
    int rc = with_nursery(puppet, order.new_block, order.joins_not);
    puppet->depth--;
    puppets.nurseries[order.new_block] = NULL;
    saw(puppet, rc);
    return settle(rc, order.tolerant);
}

static int puppet_main(void *arg)
{
    struct puppet *puppet = arg;
    saw(puppet, 0);
    int rc = live(puppet);
    puppet->waits = ENDED;
    return rc;
}

static struct puppet *new_puppet(int number)
{
    puppets.all[number] = (struct puppet){.number = number};
    return &puppets.all[number];
}

static int start_and_wait(struct puppet *puppet)
{
    const struct command *order = &puppet->order;
    puppet->waits = IN_START;
    int rc = saw(puppet,
                 tr_start(puppets.nurseries[order->block], puppet_main, new_puppet(order->new_task), NULL));
    return settle(rc, true);
}

static int start_soon(const struct command *command)
{
    return tr_start_soon(puppets.nurseries[command->block], puppet_main, new_puppet(command->new_task));
}

static int cancel(int block)
{
    tr_scope_cancel(puppets.scopes[block]);
    tr_cancel(puppets.nurseries[block]);
    return 0;
}

enum { LEAVE = 1 };

static int obey(struct puppet *puppet)
{
    const struct command *order = &puppet->order;
    switch (order->kind) {
    case ORDER_SLEEP:
    case ORDER_CHECKPOINT:
        return sleep_or_pass(puppet);
    case ORDER_CHANNELS:
    case ORDER_SELECT:
        return use_channels(puppet);
    case ORDER_NURSERY:
        return in_nursery(puppet);
    case ORDER_LEAVE:
        return LEAVE;
    case ORDER_FAIL:
        return fail(order->number);
    case ORDER_START_SOON:
        return start_soon(order);
    case ORDER_START:
        return start_and_wait(puppet);
    case ORDER_STARTED:
        return tr_started(NULL);
    case ORDER_CANCEL:
        return cancel(order->block);
    default:
        return in_scope(puppet);
    }
}

/* In the innermost block, until it ends. */
static int live(struct puppet *puppet)
{
    for (;;) {
        puppet->waits = FOR_ORDERS;
        int rc = saw(puppet, tr_park(&puppet->orders));
        rc = rc < 0 ? after_wait(puppet, rc) : obey(puppet);
        if (rc != 0)
            return rc == LEAVE ? 0 : rc;
    }
}

/* ---- the driver's part ------------------------------------------------------------------------------ */

static int open_channel(int number)
{
    static const size_t capacities[CHANNELS] = {0, 1, 4};
    return tr_open_channel(&puppets.senders[number], &puppets.receivers[number], sizeof(int),
                           capacities[number]);
}

int puppets_begin(tr_nursery *nursery)
{
    puppets = (struct puppets){.nurseries = {nursery}};
    for (int i = 0; i < CHANNELS; i++)
        tr_try(open_channel(i));
    return 0;
}

void puppets_end(void)
{
    for (int i = 0; i < CHANNELS; i++) {
        tr_close_sender(&puppets.senders[i]);
        tr_close_receiver(&puppets.receivers[i]);
    }
}

static int send_now(const struct command *command)
{
    int rc = tr_send_now(puppets.senders[command->number], &command->item);
    return rc == -EAGAIN ? -1 : rc == TR_EBROKEN ? -2 : rc;
}

static int receive_now(int channel)
{
    int item = 0, rc = tr_receive_now(puppets.receivers[channel], &item);
    return rc == -EAGAIN ? -1 : rc > 0 ? item : rc;
}

static int stop(const struct command *command)
{
    double grace = to_seconds(command->time);
    tr_nursery *nursery = puppets.nurseries[command->block];
    return nursery ? tr_stop(nursery, grace) : tr_scope_stop(puppets.scopes[command->block], grace);
}

static int prepare(const struct command *command)
{
    struct puppet *puppet = &puppets.all[command->task];
    puppet->prepared = command->prepared;
    puppet->prepared_failure = command->number;
    puppet->prepared_time = command->time;
    return 0;
}

static int give_order(const struct command *command)
{
    struct puppet *puppet = &puppets.all[command->task];
    puppet->order = *command;
    return tr_unpark(&puppet->orders, 1) == 1 ? 0 : tr_raise("test.NoPuppet", "it does not wait");
}

static int apply_to_channel(const struct command *command)
{
    switch (command->kind) {
    case SEND_NOW:
        return send_now(command);
    case RECEIVE_NOW:
        return receive_now(command->number);
    case CLOSE_SENDER:
        tr_close_sender(&puppets.senders[command->number]);
        return 0;
    case CLOSE_RECEIVER:
        tr_close_receiver(&puppets.receivers[command->number]);
        return 0;
    default:
        return open_channel(command->number);
    }
}

int puppets_apply(const struct command *command)
{
    if (command->kind <= LAST_ORDER)
        return give_order(command);
    switch (command->kind) {
    case START_SOON:
        return start_soon(command);
    case CANCEL:
        return cancel(command->block);
    case STOP:
        return stop(command);
    case SET_DEADLINE:
        return tr_scope_set_deadline(puppets.scopes[command->block], to_seconds(command->time));
    case SET_SHIELD:
        tr_scope_set_shield(puppets.scopes[command->block], command->flag);
        return 0;
    case PREPARE:
        return prepare(command);
    case ADVANCE:
        return tr_sleep_until(to_seconds(command->time));
    default:
        return apply_to_channel(command);
    }
}

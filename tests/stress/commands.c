/* Commands at random: a kind by its weight, then whatever it needs, chosen among what there is. What does not
 * exist just now (a task that waits for orders, a block that is open) makes it try another one. */
#include "commands.h"
#include "seeds.h"

#include <stdio.h>

const char *const command_names[COMMAND_KINDS] = {
#define NAME(NAME, TEXT, WEIGHT) TEXT,
    COMMANDS(NAME)
#undef NAME
};

static const unsigned weights[COMMAND_KINDS] = {
#define WEIGHT_OF(NAME, TEXT, WEIGHT) WEIGHT,
    COMMANDS(WEIGHT_OF)
#undef WEIGHT_OF
};

uint64_t commands_random(struct commands *commands, uint64_t below)
{
    return random_next(&commands->seed) % below;
}

void commands_begin(struct commands *commands, uint64_t seed)
{
    *commands = (struct commands){.seed = seed * 0x100000001b3, .blocks = 1};
}

static enum command_kind any_kind(struct commands *commands)
{
    unsigned sum = 0;
    for (int kind = 0; kind < COMMAND_KINDS; kind++)
        sum += weights[kind];
    unsigned at = (unsigned)commands_random(commands, sum);
    for (int kind = 0;; kind++) {
        if (at < weights[kind])
            return (enum command_kind)kind;
        at -= weights[kind];
    }
}

/* ---- who and what ----------------------------------------------------------------------------------- */

typedef bool fits_fn(int number, int whom);

static int any(struct commands *commands, int count, fits_fn *fits, int whom)
{
    int found = NOBODY;
    for (int i = 0, seen = 0; i < count; i++)
        if (fits(i, whom) && commands_random(commands, (uint64_t)++seen) == 0)
            found = i;
    return found;
}

static bool waits_for_orders(int task, int whom)
{
    (void)whom;
    return model.tasks[task].waits == FOR_ORDERS && !model.tasks[task].ready;
}

static bool may_say_started(int task, int whom)
{
    return waits_for_orders(task, whom) && model.tasks[task].starter != NOBODY;
}

static bool lives(int task, int whom)
{
    (void)whom;
    return model.tasks[task].waits != ENDED;
}

static bool can_be_meant(int block, int whom)
{
    (void)whom;
    return model.blocks[block].open && !model.blocks[block].hidden;
}

static bool is_nursery(int block, int whom)
{
    return can_be_meant(block, whom) && model.blocks[block].kind == NURSERY && !model.blocks[block].closed;
}

static bool is_scope(int block, int whom)
{
    return can_be_meant(block, whom) && model.blocks[block].kind == SCOPE;
}

static bool is_around(int block, int task)
{
    int at = model.tasks[task].block;
    while (at != NOBODY && at != block)
        at = model.blocks[at].parent;
    return at == block && can_be_meant(block, task);
}

/* Which stays open as long as the task is there; any other may be closed before the task gets its order, if
 * anything else happens meanwhile. */
static bool is_nursery_around(int block, int task)
{
    return is_nursery(block, task) && is_around(block, task);
}

/* ---- filling in ------------------------------------------------------------------------------------- */

static int new_failure(struct commands *commands)
{
    return commands->failures < FAILURES ? commands->failures++ : NOBODY;
}

static int new_block(struct commands *commands)
{
    return commands->blocks < BLOCKS ? commands->blocks++ : NOBODY;
}

static ticks some_time(struct commands *commands, int least)
{
    return (ticks)(least + (int)commands_random(commands, 12)) * TICKS;
}

static bool name_new_task(struct commands *commands, struct command *command)
{
    if (commands->tasks == TASKS)
        return false;
    command->new_block = new_block(commands);
    command->between = new_block(commands);
    if (command->between == NOBODY)
        return false;
    command->new_task = commands->tasks++;
    return true;
}

static void fill_wants(struct commands *commands, struct command *order)
{
    int first = (int)commands_random(commands, CHANNELS);
    for (int i = 0; i < WANTS; i++)
        order->wants[i] = (struct want){(first + i) % CHANNELS, commands_random(commands, 2)};
    order->item = 1 + commands->items++;
}

enum { DEEPEST = 6 };

static bool fill_block(struct commands *commands, struct command *order)
{
    order->tolerant = commands_random(commands, 4) > 0;
    order->joins_not = commands_random(commands, 3) == 0;
    order->time = some_time(commands, 0);
    return model.tasks[order->task].depth < DEEPEST && (order->new_block = new_block(commands)) != NOBODY;
}

static bool fill_order(struct commands *commands, struct command *order)
{
    fits_fn *who = order->kind == ORDER_STARTED ? may_say_started : waits_for_orders;
    order->task = any(commands, model.task_count, who, NOBODY);
    if (order->task == NOBODY)
        return false;
    switch (order->kind) {
    case ORDER_SLEEP:
        order->time = some_time(commands, 1);
        return true;
    case ORDER_CHANNELS:
    case ORDER_SELECT:
        fill_wants(commands, order);
        return true;
    case ORDER_FAIL:
        return (order->number = new_failure(commands)) != NOBODY;
    case ORDER_START_SOON:
    case ORDER_START:
        if (order->alone) {
            order->block = any(commands, model.block_count, is_nursery, NOBODY);
            return name_new_task(commands, order);
        }
        order->block = any(commands, model.block_count, is_nursery_around, order->task);
        return order->block != NOBODY && name_new_task(commands, order);
    case ORDER_CANCEL:
        order->block = any(commands, model.block_count, is_around, order->task);
        return order->block > 0;
    case ORDER_LEAVE:
    case ORDER_STARTED:
    case ORDER_CHECKPOINT:
        return true;
    default:
        return fill_block(commands, order);
    }
}

static bool fill_prepare(struct commands *commands, struct command *command)
{
    command->task = any(commands, model.task_count, lives, NOBODY);
    command->prepared = (enum prepared)commands_random(commands, PREPARED_KINDS);
    command->time = some_time(commands, 1);
    if (command->prepared == TO_FAIL)
        command->number = new_failure(commands);
    if (command->prepared == TO_CLEAN_UP)
        command->new_block = new_block(commands);
    return command->task != NOBODY && command->number != NOBODY && command->new_block != NOBODY;
}

static bool fill_channel(struct commands *commands, struct command *command)
{
    command->number = (int)commands_random(commands, CHANNELS);
    const struct channel *channel = &model.channels[command->number];
    command->item = 1 + commands->items++;
    if (command->kind == REOPEN)
        return channel->senders == 0 && channel->receivers == 0;
    bool sends = command->kind == SEND_NOW || command->kind == CLOSE_SENDER;
    return sends ? channel->sender_open : channel->receiver_open;
}

/* The end of a grace never comes at the same time as another deadline, so that it is clear which one was the
 * reason. */
static ticks some_grace(struct commands *commands)
{
    if (commands_random(commands, 3) == 0)
        return NEVER;
    return some_time(commands, 1) + ++commands->graces % TICKS;
}

static bool fill_for_block(struct commands *commands, struct command *command)
{
    fits_fn *fits = command->kind == SET_DEADLINE || command->kind == SET_SHIELD ? is_scope : can_be_meant;
    command->block = any(commands, model.block_count, fits, NOBODY);
    command->flag = commands_random(commands, 2);
    command->time = command->kind == STOP ? some_grace(commands)
                                          : model.now / TICKS * TICKS + some_time(commands, -1);
    return command->block > 0; /* the driver's own is kept for the end */
}

static bool fill(struct commands *commands, struct command *command)
{
    if (command->kind <= LAST_ORDER)
        return fill_order(commands, command);
    switch (command->kind) {
    case START_SOON:
        command->block = any(commands, model.block_count, is_nursery, NOBODY);
        return command->block != NOBODY && name_new_task(commands, command);
    case CANCEL:
    case STOP:
    case SET_DEADLINE:
    case SET_SHIELD:
        return fill_for_block(commands, command);
    case PREPARE:
        return fill_prepare(commands, command);
    case ADVANCE:
        return command->alone && commands_advance(commands, commands_random(commands, 4) > 0, command);
    default:
        return fill_channel(commands, command);
    }
}

static bool may_be_alone(struct commands *commands, enum command_kind kind)
{
    bool starts = kind == ORDER_START || kind == ORDER_START_SOON;
    return kind == ADVANCE || (starts && commands_random(commands, 2));
}

struct command commands_next(struct commands *commands, bool first)
{
    for (;;) {
        struct command command = {.kind = any_kind(commands)};
        command.alone = first && may_be_alone(commands, command.kind);
        if (fill(commands, &command))
            return command;
        if (commands->tasks == TASKS || commands->blocks >= BLOCKS - 1)
            return (struct command){.kind = COMMAND_KINDS};
    }
}

bool commands_advance(struct commands *commands, bool all_the_way, struct command *ret)
{
    ticks next = model_next_time();
    if (next == NEVER)
        return false;
    ticks left = next - model.now;
    if (left > 0 && !all_the_way)
        left = (ticks)commands_random(commands, (uint64_t)left);
    *ret = (struct command){.kind = ADVANCE, .alone = true, .time = model.now + (left > 0 ? left : 0)};
    return true;
}

void command_print(const struct command *command, char *ret_text, size_t room)
{
    snprintf(ret_text, room,
             "%s: task %d, block %d, new block %d, new task %d, %s%s%snumber %d, item %d, time %lld, "
             "prepared %d, wants %s %d and %s %d",
             command_names[command->kind], command->task, command->block, command->new_block,
             command->new_task, command->flag ? "on, " : "", command->tolerant ? "tolerant, " : "",
             command->joins_not ? "without a join, " : "", command->number, command->item,
             (long long)command->time, command->prepared, command->wants[0].sends ? "send" : "receive",
             command->wants[0].channel, command->wants[1].sends ? "send" : "receive",
             command->wants[1].channel);
}

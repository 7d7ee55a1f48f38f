/* The model. Three questions carry it: is a block cancelled, is it asked to stop, when must it end; each is
 * answered by a walk outwards that a shield ends.
 *
 * `deliver` wakes whoever waits in a cancelled block. A task that was woken is READY and can no longer be
 * cancelled in that wait. `model_resume` lets a READY task go on to its next wait: leave blocks, carry out
 * its order, wait again, just as a puppet does. */
#include "model_inside.h"

#include <stdio.h>
#include <string.h>

struct model model;
long model_events[EVENT_KINDS];

static struct block *block_at(int block)
{
    return &model.blocks[block];
}

/* ---- the three questions ---------------------------------------------------------------------------- */

static int outwards(int block)
{
    return block_at(block)->shield ? NOBODY : block_at(block)->parent;
}

/* The nearest block that was cancelled itself and reaches this one. */
static int cancelled_by(int block)
{
    while (block != NOBODY && !block_at(block)->cancel_called)
        block = outwards(block);
    return block;
}

bool model_is_cancelled(int block)
{
    return cancelled_by(block) != NOBODY;
}

static bool is_stopping(int block)
{
    while (block != NOBODY && !block_at(block)->stop_called)
        block = outwards(block);
    return block != NOBODY;
}

static ticks effective_deadline(int block)
{
    ticks earliest = NEVER;
    for (; block != NOBODY; block = outwards(block)) {
        if (block_at(block)->cancel_called)
            return CUT;
        if (block_at(block)->deadline < earliest)
            earliest = block_at(block)->deadline;
    }
    return earliest;
}

/* ---- cancellation ----------------------------------------------------------------------------------- */

static void mark(int block, const char *why)
{
    if (block_at(block)->cancel_called)
        return;
    block_at(block)->cancel_called = true;
    block_at(block)->why = why;
}

void model_wake(struct task *task, outcome got)
{
    task->ready = true;
    task->got = got;
}

static bool deliver_to(struct task *task)
{
    if (task->waits == ENDED || task->waits == RUNNING || task->ready || !model_is_cancelled(task->block))
        return false;
    if (task->waits == IN_JOIN || task->waits == IN_START)
        return false; /* it waits for tasks that are cancelled themselves */
    model_wake(task, CANCELLED);
    return true;
}

static void deliver(void)
{
    for (int i = 0; i < model.block_count; i++)
        if (block_at(i)->open && block_at(i)->until_stopped && is_stopping(i))
            mark(i, "asked to stop");
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < model.task_count; i++)
            more |= deliver_to(&model.tasks[i]);
    }
}

static void cancel(int block, const char *why)
{
    mark(block, why);
    deliver();
}

/* ---- waiting ---------------------------------------------------------------------------------------- */

void model_wait_at(struct task *task, enum waits where)
{
    task->waits = where;
    task->ready = false;
    task->since = ++model.waits_begun;
    deliver();
}

/* A wait that is over before it begins still lets others run. */
void model_pass(struct task *task, enum waits where, outcome got)
{
    task->waits = where;
    model_wake(task, got);
}

static void sleep_for(struct task *task, enum waits where, ticks time)
{
    task->wakes = model.now + time;
    task->time_over = false;
    model_wait_at(task, where);
}

/* ---- leaving blocks --------------------------------------------------------------------------------- */

/* What comes out of a block when `out` is what ran in it left. */
static outcome close_block(int at, outcome out)
{
    struct block *block = block_at(at);
    int outside = outwards(at);
    out |= block->pending;
    if (block->cancel_called && !(outside != NOBODY && model_is_cancelled(outside)) && (out & CANCELLED)) {
        block->caught = true;
        out &= ~CANCELLED;
    }
    block->open = false;
    return block->out = out;
}

static void wake_host_if_empty(int at)
{
    struct block *nursery = block_at(at);
    if (!nursery->joining || nursery->closed || nursery->tasks > 0 || nursery->starting > 0)
        return;
    nursery->closed = true;
    if (nursery->host != DRIVER)
        model_wake(&model.tasks[nursery->host], 0);
}

static void add_error(int nursery, outcome out)
{
    if (!out)
        return;
    block_at(nursery)->errors |= out;
    int source = cancelled_by(nursery);
    const char *outside = source == NOBODY ? "cancelled from outside" : block_at(source)->why;
    cancel(nursery, out == CANCELLED ? outside : "sibling failed");
}

static void end_task(struct task *task, outcome out)
{
    if (!model_is_cancelled(task->block))
        out &= ~CANCELLED; /* one that is over, told further than it reached */
    happened(out & ~CANCELLED ? TASK_FAILED : out ? TASK_CANCELLED : TASK_DONE);
    task->waits = ENDED;
    task->ready = false;
    add_error(task->home, out);
    block_at(task->home)->tasks--;
    wake_host_if_empty(task->home);
}

static void begin_join(struct task *task, outcome out)
{
    struct block *nursery = block_at(task->block);
    if (nursery->joins_not) {
        nursery->body = out;
        mark(task->block, "left early");
        deliver();
    } else {
        add_error(task->block, out);
    }
    nursery->joining = true;
    if (nursery->tasks == 0 && nursery->starting == 0) {
        happened(JOIN_OF_NONE);
        nursery->closed = true;
        model_pass(task, IN_JOIN, 0);
        return;
    }
    if (model_is_cancelled(task->block))
        happened(JOIN_WHILE_CUT);
    model_wait_at(task, IN_JOIN);
}

static void tell_scope(const struct block *scope, outcome inside)
{
    if (!scope->cancel_called)
        happened(SCOPE_UNTOUCHED);
    else if (scope->caught)
        happened(scope->out ? SCOPE_FAILED_INSTEAD : SCOPE_CAUGHT);
    else
        happened(inside & CANCELLED ? SCOPE_PASSED_ON : SCOPE_NOT_NEEDED);
    if (scope->pending)
        happened(SCOPE_WITH_PENDING);
    if (scope->until_stopped && scope->caught)
        happened(SCOPE_STOPPED);
}

static outcome leave_scope(struct task *task, outcome inside)
{
    struct block *scope = block_at(task->block);
    outcome out = close_block(task->block, inside);
    tell_scope(scope, inside);
    if (inside && !out && scope->fails) {
        happened(SCOPE_TOO_SLOW);
        out = scope->out = TOO_SLOW;
    }
    task->block = scope->parent;
    task->depth--;
    return out;
}

/* The task waits for orders again, or leaves block after block. */
static void unwind(struct task *task, outcome out)
{
    for (;;) {
        struct block *block = block_at(task->block);
        if (block->kind == TASK) {
            end_task(task, close_block(task->block, out));
            return;
        }
        if (block->kind == NURSERY) {
            begin_join(task, out);
            return;
        }
        out = leave_scope(task, out);
        if (!out || (block->tolerant && !(out & CANCELLED))) {
            model_wait_at(task, FOR_ORDERS);
            return;
        }
    }
}

/* ---- the ends of waits ------------------------------------------------------------------------------ */

static void tell_join_over(const struct block *nursery, outcome out)
{
    outcome failed = out & ~CANCELLED;
    bool several = failed & (failed - 1);
    if (nursery->joins_not)
        happened(out & ~CANCELLED ? LEFT_WITH_ERRORS : LEFT_WELL);
    else if (out & CANCELLED)
        happened(failed ? JOIN_CUT_AND_FAILED : JOIN_CUT);
    else
        happened(several ? JOIN_FAILED_TWICE : failed ? JOIN_FAILED : JOIN_GOOD);
    if (nursery->caught)
        happened(JOIN_ABSORBED);
}

static outcome end_join(struct task *task)
{
    int at = task->block;
    struct block *nursery = block_at(at);
    outcome out = close_block(at, nursery->errors);
    task->block = nursery->parent;
    if (!nursery->hidden) {
        tell_join_over(nursery, out);
        task->depth--;
        task->tolerates = nursery->tolerant;
    }
    if (!nursery->joins_not)
        return out;
    if (out & ~CANCELLED) {
        block_at(task->block)->pending |= out & ~CANCELLED;
        cancel(task->block, "block inside failed");
    }
    return nursery->body;
}

static outcome end_start(struct task *task)
{
    outcome out = end_join(task);
    block_at(task->starts_in)->starting--;
    wake_host_if_empty(task->starts_in);
    task->starts_in = NOBODY;
    if (out) {
        happened(out & CANCELLED ? START_CUT : START_FAILED);
        return out;
    }
    if (!task->has_started && model_is_cancelled(task->block)) {
        happened(START_CUT);
        return CANCELLED;
    }
    happened(task->has_started ? STARTED_AND_GOOD : START_NEVER);
    return task->has_started ? 0 : MISUSE;
}

static outcome end_sleep(struct task *task)
{
    bool cut = task->time_over ? model_is_cancelled(task->block) : true;
    happened(!cut ? SLEPT : task->time_over ? SLEEP_CUT_AT_ITS_END : SLEEP_CUT);
    return cut ? CANCELLED : 0;
}

static outcome end_clean_up(struct task *task)
{
    outcome out = end_sleep(task);
    close_block(task->block, out);
    task->block = block_at(task->block)->parent;
    happened(CLEANED_UP);
    return out;
}

static outcome end_checkpoint(struct task *task)
{
    bool cut = model_is_cancelled(task->block);
    happened(cut ? CHECKPOINT_CUT : CHECKPOINT_PASSED);
    return cut ? CANCELLED : 0;
}

static outcome end_wait(struct task *task, enum waits from)
{
    switch (from) {
    case ASLEEP:
        return end_sleep(task);
    case CLEANING_UP:
        return end_clean_up(task);
    case AT_CHECKPOINT:
        return end_checkpoint(task);
    case AT_CHANNELS:
        return channels_end(task);
    case IN_JOIN:
        return end_join(task);
    case IN_START:
        return end_start(task);
    default:
        if (task->got == 0 && model_is_cancelled(task->block))
            happened(from == BEGINNING ? BEGAN_CUT : ORDER_TOO_LATE);
        return task->got;
    }
}

/* ---- orders ----------------------------------------------------------------------------------------- */

static struct block *new_block(int number, int kind, int parent, int host)
{
    struct block *block = block_at(number);
    *block = (struct block){.kind = kind, .open = true, .parent = parent, .host = host, .deadline = NEVER};
    if (number >= model.block_count)
        model.block_count = number + 1;
    return block;
}

/* A block that the task is in from now on. */
static struct block *enter(struct task *task, int number, int kind)
{
    int host = (int)(task - model.tasks);
    struct block *block = new_block(number, kind, task->block, host);
    task->block = number;
    return block;
}

static struct task *new_task(const struct command *command, int nursery)
{
    struct task *task = &model.tasks[command->new_task];
    if (command->new_task >= model.task_count)
        model.task_count = command->new_task + 1;
    int base = command->new_block;
    new_block(base, TASK, nursery, command->new_task)->hidden = true;
    block_at(nursery)->tasks++;
    *task = (struct task){.block = base, .base = base, .home = nursery, .starts_in = NOBODY,
                          .starter = NOBODY};
    model_pass(task, BEGINNING, 0);
    return task;
}

static void open_scope(struct task *task, const struct command *order)
{
    struct block *scope = enter(task, order->new_block, SCOPE);
    task->depth++;
    scope->tolerant = order->tolerant;
    scope->shield = order->kind == ORDER_SHIELD;
    scope->until_stopped = order->kind == ORDER_UNTIL_STOPPED;
    scope->fails = order->kind == ORDER_FAIL_AFTER;
    if (order->kind == ORDER_MOVE_ON || order->kind == ORDER_FAIL_AFTER) {
        scope->deadline = model.now + order->time;
        if (order->time == 0) {
            happened(BORN_DEAD);
            mark(order->new_block, "deadline");
        }
    }
    model_wait_at(task, FOR_ORDERS);
}

static void start_and_wait(struct task *task, const struct command *order)
{
    int between = order->between;
    enter(task, between, NURSERY)->hidden = true;
    block_at(between)->joining = true;
    struct task *other = new_task(order, between);
    other->starter = (int)(task - model.tasks);
    task->starts_in = order->block;
    task->has_started = false;
    block_at(order->block)->starting++;
    model_wait_at(task, IN_START);
}

static void say_started(struct task *task)
{
    struct task *starter = &model.tasks[task->starter];
    int from = task->home;
    task->starter = NOBODY;
    starter->has_started = true;
    if (model_is_cancelled(from)) {
        happened(STARTED_TOO_LATE);
        return;
    }
    happened(STARTED);
    task->home = starter->starts_in;
    block_at(task->base)->parent = task->home;
    block_at(task->home)->tasks++;
    block_at(from)->tasks--;
    wake_host_if_empty(from);
    deliver();
}

static void open_nursery(struct task *task, const struct command *order)
{
    struct block *nursery = enter(task, order->new_block, NURSERY);
    task->depth++;
    nursery->joins_not = order->joins_not;
    nursery->tolerant = order->tolerant;
    model_wait_at(task, FOR_ORDERS);
}

static void obey(struct task *task)
{
    const struct command *order = &task->order;
    switch (order->kind) {
    case ORDER_SLEEP:
        sleep_for(task, ASLEEP, order->time);
        return;
    case ORDER_CHECKPOINT:
        model_pass(task, AT_CHECKPOINT, 0);
        return;
    case ORDER_CHANNELS:
    case ORDER_SELECT:
        channels_use(task);
        return;
    case ORDER_NURSERY:
        open_nursery(task, order);
        return;
    case ORDER_LEAVE:
        unwind(task, 0);
        return;
    case ORDER_FAIL:
        unwind(task, FAILED(order->number));
        return;
    case ORDER_START_SOON:
        new_task(order, order->block);
        break;
    case ORDER_START:
        start_and_wait(task, order);
        return;
    case ORDER_STARTED:
        say_started(task);
        break;
    case ORDER_CANCEL:
        cancel(order->block, "explicit");
        break;
    default:
        open_scope(task, order);
        return;
    }
    model_wait_at(task, FOR_ORDERS);
}

static void when_cancelled(struct task *task)
{
    enum prepared prepared = task->prepared;
    task->prepared = TO_PASS;
    switch (prepared) {
    case TO_IGNORE:
        happened(IGNORED);
        model_wait_at(task, FOR_ORDERS);
        if (task->ready)
            happened(IGNORED_AGAIN);
        return;
    case TO_FAIL:
        happened(FAILED_INSTEAD);
        unwind(task, FAILED(task->prepared_failure));
        return;
    case TO_CLEAN_UP:
        enter(task, task->prepared_block, SCOPE)->shield = true;
        block_at(task->block)->hidden = true;
        sleep_for(task, CLEANING_UP, task->prepared_time);
        return;
    default:
        unwind(task, CANCELLED);
    }
}

/* From the end of a wait to the beginning of the next. */
static void go_on(struct task *task, enum waits from, outcome out)
{
    if (from == FOR_ORDERS && out == 0)
        obey(task);
    else if (from == CLEANING_UP)
        unwind(task, CANCELLED | out);
    else if (from == IN_JOIN && out && !(task->tolerates && !(out & CANCELLED)))
        unwind(task, out);
    else if (from == IN_START && (out & CANCELLED))
        unwind(task, out);
    else if (out & CANCELLED)
        when_cancelled(task);
    else
        model_wait_at(task, FOR_ORDERS);
}

/* ---- what a task sees ------------------------------------------------------------------------------- */

static const struct {
    const char *why;
    enum event event;
} reasons[] = {
    {"explicit", WHY_EXPLICIT}, {"deadline", WHY_DEADLINE},
    {"sibling failed", WHY_SIBLING}, {"block inside failed", WHY_INSIDE}, {"left early", WHY_LEFT},
    {"cancelled from outside", WHY_OUTSIDE}, {"asked to stop", WHY_STOP},
};

static const char *reason(int block)
{
    int source = cancelled_by(block);
    if (source == NOBODY)
        return "";
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(reasons[i].why, block_at(source)->why) == 0)
            happened(reasons[i].event);
    return block_at(source)->why;
}

static bool behind_shield(int block)
{
    for (; block != NOBODY; block = block_at(block)->parent)
        if (block_at(block)->cancel_called)
            return true;
    return false;
}

static const char *differs(const char *what, int64_t expected, int64_t seen)
{
    static char text[160];
    snprintf(text, sizeof text, "%s should be %#llx (%lld), but is %#llx (%lld)", what,
             (unsigned long long)expected, (long long)expected, (unsigned long long)seen, (long long)seen);
    return text;
}

static const char *compare(const struct task *task, outcome out, const struct sight *sight)
{
    static char text[160];
    bool cut = model_is_cancelled(task->block);
    const char *why = reason(task->block);
    if (!cut && behind_shield(task->block))
        happened(SHIELD_HELD);
    if (sight->out != out)
        return differs("the outcome", (int64_t)out, (int64_t)sight->out);
    if (sight->from == AT_CHANNELS && (out == 0 || out == BROKEN) && sight->value != task->value)
        return differs("what came through the channel", task->value, sight->value);
    if (sight->deadline != effective_deadline(task->block))
        return differs("the effective deadline", effective_deadline(task->block), sight->deadline);
    if (sight->stopping != (cut || is_stopping(task->block)))
        return differs("whether it is stopping", !sight->stopping, sight->stopping);
    if (strncmp(sight->why, why, strlen(why)) == 0 && !sight->why[0] == !why[0])
        return NULL;
    snprintf(text, sizeof text, "the reason should be \"%s\", but is \"%s\"", why, sight->why);
    return text;
}

const char *model_resume(const struct sight *sight)
{
    struct task *task = &model.tasks[sight->task];
    enum waits from = task->waits;
    if (!task->ready)
        return "it ran, but nothing had woken it";
    if (sight->from != from)
        return differs("where it waited", from, sight->from);
    task->ready = false;
    task->waits = RUNNING;
    outcome out = end_wait(task, from);
    const char *complaint = compare(task, out, sight);
    if (!complaint)
        go_on(task, from, out);
    return complaint;
}

/* ---- the driver's commands -------------------------------------------------------------------------- */

static void set_shield(int at, bool on)
{
    struct block *scope = block_at(at);
    if (scope->parent != NOBODY && model_is_cancelled(scope->parent) && scope->shield != on)
        happened(on ? SHIELD_RAISED : SHIELD_DROPPED);
    scope->shield = on;
    deliver();
}

static void stop(int at, ticks grace)
{
    struct block *block = block_at(at);
    ticks end = grace == NEVER ? NEVER : model.now + grace;
    block->stop_called = true;
    if (end < block->deadline)
        block->deadline = end;
    deliver();
}

static void set_deadline(int at, ticks deadline)
{
    struct block *scope = block_at(at);
    if (scope->deadline != NEVER && deadline > scope->deadline && !scope->cancel_called)
        happened(DEADLINE_PUT_OFF);
    scope->deadline = deadline;
}

static void prepare(const struct command *command)
{
    struct task *task = &model.tasks[command->task];
    task->prepared = command->prepared;
    task->prepared_failure = command->number;
    task->prepared_time = command->time;
    task->prepared_block = command->new_block;
    if (command->prepared == TO_CLEAN_UP)
        new_block(command->new_block, SCOPE, NOBODY, command->task)->open = false;
}

static void expire(void)
{
    for (int i = 0; i < model.block_count; i++)
        if (block_at(i)->open && block_at(i)->deadline <= model.now)
            mark(i, "deadline");
    deliver();
    for (int i = 0; i < model.task_count; i++) {
        struct task *task = &model.tasks[i];
        if ((task->waits == ASLEEP || task->waits == CLEANING_UP) && task->wakes <= model.now) {
            task->time_over = true;
            task->ready = true;
        }
    }
}

void model_look_at_clock(void)
{
    expire();
}

int model_apply(const struct command *command)
{
    if (command->kind <= LAST_ORDER) {
        model.tasks[command->task].order = *command;
        model_wake(&model.tasks[command->task], 0);
        return 0;
    }
    switch (command->kind) {
    case START_SOON:
        new_task(command, command->block);
        return 0;
    case CANCEL:
        cancel(command->block, "explicit");
        return 0;
    case STOP:
        stop(command->block, command->time);
        return 0;
    case SET_DEADLINE:
        set_deadline(command->block, command->time);
        return 0;
    case SET_SHIELD:
        set_shield(command->block, command->flag);
        return 0;
    case PREPARE:
        prepare(command);
        return 0;
    case ADVANCE:
        model.now = command->time;
        return 0;
    default:
        return channels_apply(command);
    }
}

/* ---- beginning and end ------------------------------------------------------------------------------ */

void model_reset(ticks now)
{
    model = (struct model){.now = now};
    new_block(0, NURSERY, NOBODY, DRIVER);
    channels_reset();
}

outcome model_join_all(void)
{
    outcome out = close_block(0, block_at(0)->errors);
    happened(out ? ALL_FAILED : ALL_GOOD);
    return out;
}

ticks model_next_time(void)
{
    ticks next = NEVER;
    for (int i = 0; i < model.block_count; i++)
        if (block_at(i)->open && !block_at(i)->cancel_called && block_at(i)->deadline < next)
            next = block_at(i)->deadline;
    for (int i = 0; i < model.task_count; i++) {
        const struct task *task = &model.tasks[i];
        if ((task->waits == ASLEEP || task->waits == CLEANING_UP) && task->wakes < next)
            next = task->wakes;
    }
    return next;
}

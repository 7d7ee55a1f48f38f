/* Random trees of nurseries, scopes, shields, sleeps, channels and cancels, from a seed, against a model.
 *
 *     stress [--seeds COUNT] [--first SEED]     that many, counting what happened; fails if anything never
 * did stress --seed SEED                        one of them, telling each command
 *
 * A step is a few commands at once, or the passing of time; then all tasks run, in an order the seed
 * decides, until each waits again. What they saw on the way is told to the model in that order, and
 * afterwards the library and the model must agree on where each task is and on the state of each block.
 * Every seed ends with everything cancelled, all tasks at their end and all memory given back. */
#include "commands.h"
#include "events.h"
#include "puppets.h"
#include "seeds.h"

#include "clock_world.h"
#include "sched/task.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static struct commands commands;
static long command_counts[COMMAND_KINDS];
static uint64_t current_seed;
static int step;
static bool tells;

enum { STEPS = 60 };

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "stress: seed %llu, step %d: ", (unsigned long long)current_seed, step);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nto see it again: stress --seed %llu\n", (unsigned long long)current_seed);
    va_end(args);
    fputs(tr_task_tree(), stderr);
    exit(1);
}

/* ---- comparing -------------------------------------------------------------------------------------- */

static const char *const places[] = {"its beginning", "orders", "sleep",    "checkpoint", "channels",
                                     "join",          "start",  "clean-up", "its end"};

static void check_sights(void)
{
    for (int i = 0; i < puppets.sight_count; i++) {
        const struct sight *sight = &puppets.sights[i];
        if (tells)
            printf("      task %d comes from %s with %#llx\n", sight->task, places[sight->from],
                   (unsigned long long)sight->out);
        const char *complaint = model_resume(sight);
        if (complaint)
            fail("task %d, from %s: %s", sight->task, places[sight->from], complaint);
    }
    puppets.sight_count = 0;
}

static void check_task(int number)
{
    const struct task *task = &model.tasks[number];
    const struct puppet *puppet = &puppets.all[number];
    if (task->ready)
        fail("task %d should have run", number);
    if (task->waits != puppet->waits)
        fail("task %d should be at %s, but is at %s", number, places[task->waits], places[puppet->waits]);
    if (task->waits != ENDED && task->depth != puppet->depth)
        fail("task %d should be in %d blocks, but is in %d", number, task->depth, puppet->depth);
}

static void check_open(int number, const struct block *block)
{
    const tr_scope *scope = puppets.scopes[number];
    const tr_nursery *nursery = puppets.nurseries[number];
    if (!scope && !nursery)
        fail("block %d should be open", number);
    if (block->cancel_called != (scope ? scope->cancel_called : tr_cancelled(nursery)))
        fail("block %d should%s be cancelled", number, block->cancel_called ? "" : " not");
}

static void check_left(int number, const struct block *block)
{
    const struct fate *fate = &puppets.fates[number];
    if (puppets.scopes[number] || puppets.nurseries[number])
        fail("block %d should be left", number);
    if (block->kind != SCOPE || block->host == DRIVER || !fate->over)
        return;
    if (fate->cancel_called != block->cancel_called || fate->caught != block->caught)
        fail("scope %d should have cancelled %d, caught %d, but has %d, %d", number, block->cancel_called,
             block->caught, fate->cancel_called, fate->caught);
    if (fate->out != block->out)
        fail("of scope %d should come %#llx, but %#llx came", number, (unsigned long long)block->out,
             (unsigned long long)fate->out);
}

static void check_block(int number)
{
    const struct block *block = &model.blocks[number];
    if (block->hidden)
        return;
    if (block->open)
        check_open(number, block);
    else
        check_left(number, block);
}

static void check_everything(void)
{
    for (int i = 0; i < model.task_count; i++)
        check_task(i);
    for (int i = 0; i < model.block_count; i++)
        check_block(i);
    if (model.now != now_in_ticks())
        fail("it should be %lld, but is %lld", (long long)model.now, (long long)now_in_ticks());
}

/* ---- steps ------------------------------------------------------------------------------------------ */

static void apply(const struct command *command)
{
    if (tells) {
        char text[400];
        command_print(command, text, sizeof text);
        printf("%3d   %s\n", step, text);
    }
    command_counts[command->kind]++;
    int expected = model_apply(command), rc = puppets_apply(command);
    if (rc != expected)
        fail("%s: %d should have come out, but %d did", command_names[command->kind], expected, rc);
}

static int settle(void)
{
    model_look_at_clock();
    tr_try(tr_wait_all_blocked(0));
    check_sights();
    check_everything();
    return 0;
}

static int random_step(void)
{
    int count = 1 + (int)commands_random(&commands, 3);
    for (int i = 0; i < count; i++) {
        struct command command = commands_next(&commands, i == 0);
        if (command.kind == COMMAND_KINDS)
            return 1;
        apply(&command);
        if (command.alone)
            break;
    }
    return settle();
}

static bool anybody_alive(void)
{
    for (int i = 0; i < model.task_count; i++)
        if (model.tasks[i].waits != ENDED)
            return true;
    return false;
}

static int end_everything(void)
{
    while (anybody_alive()) {
        step++;
        for (int i = 0; i < model.block_count; i++)
            if (model.blocks[i].open && !model.blocks[i].hidden)
                apply(&(struct command){.kind = CANCEL, .block = i});
        tr_try(settle());
        struct command later;
        if (anybody_alive() && commands_advance(&commands, true, &later)) {
            apply(&later);
            tr_try(settle());
        }
    }
    return 0;
}

static int drive(void)
{
    int rc = 0;
    for (step = 0; step < STEPS && rc == 0; step++)
        tr_try(rc = random_step());
    return end_everything();
}

static int one_world(void *arg)
{
    (void)arg;
    model_reset(now_in_ticks());
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(puppets_begin(nursery));
    tr_scope unmoved = tr_shield();
    tr_try(tr_within(&unmoved, drive()));
    puppets_end();
    outcome expected = model_join_all(), out = outcome_of(tr_join(nursery));
    if (out != expected)
        fail("in the end %#llx should come out, but %#llx did", (unsigned long long)expected,
             (unsigned long long)out);
    return 0;
}

static void run_seed(uint64_t seed)
{
    current_seed = seed;
    commands_begin(&commands, seed);
    struct clock_world *world = clock_world_new(seed);
    int rc = sched_run(one_world, NULL, &(struct sched_options){.seed = seed});
    sys_leave();
    if (rc < 0)
        fail("%s", tr_error_report(tr_last_error()));
    if (world->alive != 0)
        fail("%zu pieces of memory are left", world->alive);
}

/* ---- the account ------------------------------------------------------------------------------------ */

static const char *const event_names[EVENT_KINDS] = {
#define NAME(NAME, TEXT) TEXT,
    EVENTS(NAME)
#undef NAME
};

static int run_seeds(uint64_t first, uint64_t count)
{
    for (uint64_t seed = first; seed < first + count; seed++)
        run_seed(seed);
    printf("%llu seeds from %llu\n", (unsigned long long)count, (unsigned long long)first);
    int never = seeds_account("commands:", command_names, command_counts, COMMAND_KINDS) +
                seeds_account("outcomes:", event_names, model_events, EVENT_KINDS);
    return never > 0;
}

int main(int argc, char **argv)
{
    struct seeds seeds = seeds_of_arguments(argc, argv, 10000);
    tells = seeds.tells;
    if (!tells)
        return run_seeds(seeds.first, seeds.count);
    setvbuf(stdout, NULL, _IOLBF, 0);
    run_seed(seeds.first);
    return 0;
}

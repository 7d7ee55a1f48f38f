/* The run loop.
 *
 * Tasks that are ready run in batches: all that were ready when the batch began, in that order, each
 * until it parks or yields, one switching straight to the next. Between batches the deadlines are looked
 * at; if one has come, nothing is ready, or so many batches have passed, the loop takes over on the
 * thread's own stack: it has done what was put off until then (sched_before_look), polls, with a timeout when
 * nothing is ready and otherwise only for a look, and then cancels scopes whose deadline has come. So a task that
 * yields in a loop starves neither the others nor their descriptors, and two tasks that pass a ball do not pay a
 * system call each time.
 *
 * How many batches that are follows from how long they take: a look is worth its system call about every
 * 50 microseconds. Batches that compute longer than that are each followed by a look; those that begin to
 * do so only now, after BATCHES_PER_TIME of them at most. */
#include "sched/sched.h"

#include "base/hooks.h"
#include "base/panic.h"
#include "sched/stack.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>

enum { MOST_BATCHES_PER_LOOK = 256, BATCHES_PER_TIME = 16 };

/* Of a stack that has no guard. */
__attribute__((noinline, cold)) static void check_stack(const struct task *task, size_t depth)
{
    if (stack_was_left(task->fiber.low, depth))
        panic("%zu KiB were not enough for the stack of task %s (%s)", task->stack_size / 1024, task->front.name,
              task->base.opened.at);
}

void sched_give_up(struct sched *sched)
{
    struct task *ended = sched->ended;
    sched->ended = NULL;
    if (!ended->guarded)
        check_stack(ended, STACK_LOOK_AT_END);
    fiber_fini(&ended->fiber);
    stack_put(ended->fiber.low, ended->stack_size);
}

static uint64_t next_random(uint64_t *seed) /* splitmix64 */
{
    uint64_t x = *seed += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

/* Each task goes to a random place among those before it. Walks there: for tests, whose batches are small. */
__attribute__((noinline, cold)) static struct task *shuffled(struct sched *sched, struct task *batch)
{
    struct task *result = NULL;
    for (uint64_t count = 1; batch; count++) {
        struct task *task = batch, **place = &result;
        batch = batch->next;
        for (uint64_t skip = next_random(&sched->seed) % count; skip > 0; skip--)
            place = &(*place)->next;
        task->next = *place;
        *place = task;
    }
    return result;
}

static void begin_batch(struct sched *sched)
{
    sched->batch = sched->ready;
    sched->ready = NULL;
    sched->ready_end = &sched->ready;
    if (sched->seed)
        sched->batch = shuffled(sched, sched->batch);
}

/* At most so many until the next look; the clock is asked earlier. */
static void grant_batches(struct sched *sched, int count)
{
    sched->batches_left = count < BATCHES_PER_TIME ? count : BATCHES_PER_TIME;
    sched->batches_later = count - sched->batches_left;
}

static bool has_time_for_more(struct sched *sched)
{
    if (sched->batches_later == 0 || sys_now() - sched->looked > LOOK_EVERY_NS)
        return false;
    grant_batches(sched, sched->batches_later);
    return true;
}

/* Whether a next batch may begin without the loop. */
static bool goes_on(struct sched *sched)
{
    return !sched->over && (--sched->batches_left > 0 || has_time_for_more(sched)) &&
           !sched_deadline_has_come(sched);
}

bool sched_is_alone(struct sched *sched)
{
    return !sched->batch && !sched->ready && goes_on(sched);
}

/* The fiber to go on with, all of whose circumstances are in place. */
static struct fiber *next_fiber(struct sched *sched)
{
    if (!sched->batch && sched->ready && goes_on(sched))
        begin_batch(sched);
    struct task *task = sched->batch;
    if (!task) {
        runtime->task = NULL;
        runtime->front = &runtime->outside;
        return &sched->loop;
    }
    sched->batch = task->next;
    machine_move(&task->state, TASK_RUNNING);
    runtime->task = task;
    runtime->front = &task->front;
    sched_tell(sched, TR_RUNS, task);
    return &task->fiber;
}

int sched_switch(struct task *from)
{
    struct sched *sched = from->sched;
    if (__builtin_expect(!from->guarded, false))
        check_stack(from, STACK_LOOK);
    struct fiber *to = next_fiber(sched);
    if (to != &from->fiber) { /* somebody else is ready */
        fiber_switch(&from->fiber, to);
        sched_entered(sched);
    }
    return from->woken_with == TR_ECANCELLED ? error_raise_plain(TR_ECANCELLED) : from->woken_with;
}

void *sched_leave(struct task *from)
{
    struct sched *sched = from->sched;
    sched->ended = from;
    return fiber_end(&from->fiber, next_fiber(sched));
}

/* So that it takes about as long as it should until the next look. */
static void adapt_batches(struct sched *sched)
{
    if (sys_now() - sched->looked > LOOK_EVERY_NS)
        sched->batches_per_look = (sched->batches_per_look + 1) / 2;
    else if (sched->batches_left <= 0 && sched->batches_per_look < MOST_BATCHES_PER_LOOK)
        sched->batches_per_look *= 2;
}

/* Until the next deadline; negative if there is none. */
static int64_t time_left(const struct sched *sched)
{
    if (!sched->deadlines.root)
        return -1;
    int64_t next = sched->deadlines.root->key, now = sys_now();
    return next > now ? next - now : 0;
}

void sched_before_look(struct before_look *what)
{
    if (list_empty(&what->place))
        list_push(&runtime->sched->before_look, &what->place);
}

void sched_look(struct sched *sched)
{
    (void)sys_poll(0);
    sched->looked = sys_now();
}

static void poll_busily(struct sched *sched)
{
    adapt_batches(sched);
    sched_look(sched);
    glance_once(sched);
}

/* Memory that was needed so lately is not given back: to get it again costs more than to wait for the next message. */
enum { LATELY_NS = 10000000 };

/* Or somebody waits for everybody to wait, and shall not be kept. */
static bool may_trim(const struct sched *sched)
{
    return sched->jumps || sched->idlers || sys_now() - sched->slabs_needed >= LATELY_NS;
}

static void wait_for_world(struct sched *sched)
{
    int64_t left = time_left(sched);
    if (!stacks_are_too_many(sched))
        idle_poll(sched, left);
    else if (may_trim(sched))
        stacks_trim(sched);
    else
        idle_poll(sched, left >= 0 && left < LATELY_NS ? left : LATELY_NS);
    sched->looked = sys_now();
}

static void poll_world(struct sched *sched)
{
    if (sched->deadlines_moved)
        deadlines_tell(sched);
    if (sched_is_busy(sched))
        poll_busily(sched);
    else if (list_empty(&sched->glances) || !glance_for_a_moment(sched))
        wait_for_world(sched);
    else if (sched_deadline_has_come(sched))
        sched_look(sched);
    grant_batches(sched, sched->batches_per_look);
}

static void run_batches(struct sched *sched)
{
    begin_batch(sched);
    if (!sched->batch)
        return;
    fiber_switch(&sched->loop, next_fiber(sched));
    sched_entered(sched);
}

/* What they ask for meanwhile is for the next time. */
static void do_before_look(struct sched *sched)
{
    struct link *last = sched->before_look.prev;
    for (struct link *at = NULL; at != last;) {
        at = list_shift(&sched->before_look);
        struct before_look *what = container_of(at, struct before_look, place);
        what->fn(what);
    }
    run_batches(sched);
}

static void loop(struct sched *sched)
{
    while (!sched->over) {
        if (!list_empty(&sched->before_look))
            do_before_look(sched);
        if (sched->over)
            return;
        poll_world(sched); /* first: what came in time is not lost to a deadline that has passed since */
        if (sched->deadlines.root)
            scope_expire(sched, sys_now());
        run_batches(sched);
    }
}

/* On a signal stack, with the task as it was: nothing may be allocated, and nothing is certain. */
static bool name_overflow(const void *address, char *ret_text, size_t room)
{
    const struct task *task = task_current();
    if (!task)
        return false;
    uintptr_t low = (uintptr_t)task->fiber.low, at = (uintptr_t)address;
    if (at >= low || at < low - STACK_DEFAULT)
        return false;
    snprintf(ret_text, room, "task %s (%s) needs more stack than its %zu KiB", task->front.name,
             task->base.opened.at, task->stack_size / 1024);
    return true;
}

static const tr_task_options first_task = {.stack_size = STACK_FIRST_TASK, .fn_ = "main", .at_ = ""};

int sched_run(int (*fn)(void *), void *arg, const struct sched_options *options)
{
    struct sched sched = {.ready_end = &sched.ready, .batches_per_look = 1,
                          .in_valgrind = fiber_in_valgrind(),
                          .nurseries.number = runtime->error_ids & UINT32_MAX}; /* random: see runtime.h */
    if (options) {
        sched.seed = options->seed;
        sched.jumps = options->jumps;
        sched.threshold = options->threshold;
    }
    list_init(&sched.slabs);
    list_init(&sched.watches);
    list_init(&sched.before_look);
    list_init(&sched.glances);
    runtime->sched = &sched;
    sys_name_overflow(name_overflow);
    dump_listen(&sched);
    int rc = -ENOMEM;
    struct task *first = task_new(NULL, fn, arg, &first_task);
    if (first) {
        sched.top = &first->base;
        loop(&sched);
        rc = sched.result;
    } else {
        sched.outcome = error_plain(-ENOMEM);
    }
    guests_release(&sched.guests);
    dump_stop(&sched);
    stacks_free(&sched);
    pool_fini(&sched.scopes);
    handles_fini(&sched.nurseries);
    map_fini(&sched.descriptors);
    runtime->sched = NULL;
    error_unref(runtime->outside.error);
    runtime->outside.error = sched.outcome;
    return rc;
}

int tr_run(int (*fn)(void *), void *arg)
{
    if (runtime && runtime->sched)
        return raise_code(TR_EMISUSE, "tr_run inside a run: start a task instead");
    int rc = sys_new();
    if (rc < 0)
        return runtime ? error_raise_plain(rc) : rc; /* only a world of before could keep an error */
    if (!fn) {
        sys_leave();
        return raise_code(TR_EARGUMENT, "tr_run needs a function");
    }
    rc = sched_run(fn, arg, NULL);
    sys_leave();
    return rc;
}

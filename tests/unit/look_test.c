/* When the loop looks at the world, on a clock that the scenario moves: often enough, and not too often. */
#include "support/tasks.h"

#include "clock_world.h"
#include "sched/sched.h"
#include "sched/task.h"

enum { A_MOMENT_NS = 1000, A_LOOK_NS = 50000, CHEAP_BATCHES = 2000 };

static void time_passes(int64_t ns)
{
    ((struct clock_world *)runtime->sys)->now_ns += ns;
}

/* How much time has passed until the loop took its turn. */
struct waiting {
    struct before_look look;
    int64_t asked, came;
};

static void note_look(struct before_look *look)
{
    struct waiting *waiting = container_of(look, struct waiting, look);
    waiting->came = sys_now();
}

/* As the only task that is ready, so that each checkpoint is a batch. */
static int yield_until_look(int64_t batch_ns, int64_t *ret_took)
{
    struct waiting waiting = {.look.fn = note_look, .asked = sys_now()};
    list_init(&waiting.look.place);
    sched_before_look(&waiting.look);
    while (waiting.came == 0) {
        time_passes(batch_ns);
        tr_try(tr_checkpoint());
    }
    *ret_took = waiting.came - waiting.asked;
    return 0;
}

static int yield(int times)
{
    for (int i = 0; i < times; i++)
        tr_try(tr_checkpoint());
    return 0;
}

static int a_look_is_not_put_off_by_batches_that_turn_long(void *arg)
{
    (void)arg;
    int64_t took = 0;
    tr_try(yield(CHEAP_BATCHES)); /* from now on many batches may pass without a look */
    tr_try(yield_until_look(A_LOOK_NS, &took));
    expect(took <= 16 * A_LOOK_NS);
    return 0;
}

static int many_short_batches_pass_between_two_looks(void *arg)
{
    (void)arg;
    int64_t took = 0, sum = 0;
    tr_try(yield(CHEAP_BATCHES));
    for (int i = 0; i < 100; i++) {
        tr_try(yield_until_look(A_MOMENT_NS, &took));
        sum += took;
    }
    expect(sum / 100 >= A_LOOK_NS / 2 && sum / 100 <= 2 * A_LOOK_NS);
    return 0;
}

/* ---- glances --------------------------------------------------------------------------------------------------- */

/* Something that comes when it has been looked for so often; each look takes a moment. */
struct expected {
    struct glance glance;
    int comes_after, looks;     /* 0: never */
    bool seen, given_up;
    tr_event told;
};

static bool see(struct glance *glance)
{
    struct expected *it = container_of(glance, struct expected, glance);
    time_passes(A_MOMENT_NS);
    it->seen = ++it->looks == it->comes_after;
    if (it->seen)
        tr_event_set(&it->told);
    return it->seen;
}

static void give_up(struct glance *glance)
{
    struct expected *it = container_of(glance, struct expected, glance);
    it->given_up = true;
    tr_event_set(&it->told);
}

static void give_up_quietly(struct glance *glance)
{
    container_of(glance, struct expected, glance)->given_up = true;
}

static void expect_after(struct expected *it, int looks)
{
    *it = (struct expected){.glance = {.see = see, .give_up = give_up}, .comes_after = looks};
    list_init(&it->glance.place);
    sched_glance(&it->glance);
}

static int polls, waits;
static bool (*poll_clock)(struct sys *sys, int64_t timeout_ns);
static struct expected *told_by_poll;
static struct before_look *asked_for_by_poll;

static bool count_polls(struct sys *sys, int64_t timeout_ns)
{
    polls++;
    waits += timeout_ns != 0;
    if (told_by_poll)
        tr_event_set(&told_by_poll->told);
    if (asked_for_by_poll && timeout_ns == 0) {
        sched_before_look(asked_for_by_poll);
        asked_for_by_poll = NULL;
    }
    return poll_clock(sys, timeout_ns);
}

/* For the beginning of a scenario. */
static void watch_polls(void)
{
    static struct sys_ops ops;
    ops = *runtime->sys->ops;
    poll_clock = ops.poll;
    ops.poll = count_polls;
    runtime->sys->ops = &ops;
    polls = waits = 0;
    told_by_poll = NULL;
    asked_for_by_poll = NULL;
}

static int what_comes_in_a_moment_is_seen_without_waiting(void *arg)
{
    (void)arg;
    struct expected soon;
    watch_polls();
    expect_after(&soon, 5);
    sched_glance(&soon.glance); /* that it is looked for already does no harm */
    tr_try(tr_event_wait(&soon.told));
    expect(soon.seen && soon.looks == 5 && waits == 0);
    return 0;
}

static int what_does_not_is_given_up_and_waited_for(void *arg)
{
    (void)arg;
    struct expected never;
    watch_polls();
    expect_after(&never, 0);
    double start = tr_now();
    tr_try(tr_event_wait(&never.told));
    expect(never.given_up && tr_now() - start <= 0.0002 && waits == 0);
    expect_after(&never, 0);
    never.glance.give_up = give_up_quietly;
    tr_try(tr_sleep(1));
    expect(never.given_up && waits == 1);
    return 0;
}

/* However soon it comes each time. */
static int the_world_is_polled_meanwhile(void *arg)
{
    (void)arg;
    struct expected soon;
    enum { TIMES = 200, LOOKS = 5, POLLS = TIMES * LOOKS * A_MOMENT_NS / A_LOOK_NS };
    watch_polls();
    for (int i = 0; i < TIMES; i++) {
        expect_after(&soon, LOOKS);
        tr_try(tr_event_wait(&soon.told));
    }
    expect(polls >= POLLS / 4 && polls <= POLLS);
    return 0;
}

/* As where several callers keep it busy, of whom there is always one who has spoken by the time another is answered. */
static int what_is_seen_at_once_does_not_put_off_a_look_by_long_batches(void *arg)
{
    (void)arg;
    struct expected soon;
    enum { TIMES = 200 };
    tr_try(yield(CHEAP_BATCHES));
    watch_polls();
    for (int i = 0; i < TIMES; i++) {
        time_passes(A_LOOK_NS);
        expect_after(&soon, 1);
        tr_try(tr_event_wait(&soon.told));
    }
    expect(polls >= TIMES / 16);
    return 0;
}

static int what_the_world_reports_meanwhile_is_heard(void *arg)
{
    (void)arg;
    struct expected by_poll;
    watch_polls();
    time_passes(2 * A_LOOK_NS);
    expect_after(&by_poll, 0);
    told_by_poll = &by_poll;
    tr_try(tr_event_wait(&by_poll.told));
    expect(!by_poll.given_up && !by_poll.seen);
    told_by_poll = NULL;
    list_remove(&by_poll.glance.place);
    return 0;
}

/* As where a call is cancelled by what is reported: it says so, and goes on waiting. */
static int what_a_report_asks_for_meanwhile_is_done_before_the_wait(void *arg)
{
    (void)arg;
    struct expected never;
    struct waiting waiting = {.look.fn = note_look, .asked = sys_now()};
    list_init(&waiting.look.place);
    watch_polls();
    expect_after(&never, 0);
    never.glance.give_up = give_up_quietly;
    asked_for_by_poll = &waiting.look;
    time_passes(2 * A_LOOK_NS);
    tr_try(tr_sleep(1));
    expect(!asked_for_by_poll);
    expect(waiting.came > 0 && waiting.came - waiting.asked < 1000000);
    list_remove(&waiting.look.place);
    list_remove(&never.glance.place);
    return 0;
}

static int a_deadline_that_comes_meanwhile_is_kept(void *arg)
{
    (void)arg;
    struct expected never;
    tr_scope limit = tr_move_on_after(0.00002);
    expect_after(&never, 0);
    tr_try(tr_within(&limit, tr_event_wait(&never.told)));
    expect(limit.cancelled_caught && !never.given_up);
    list_remove(&never.glance.place);
    return 0;
}

/* Each look at the world is one at them, too. */
static int the_busy_see_it_as_well(void *arg)
{
    (void)arg;
    struct expected soon, never;
    expect_after(&soon, 3);
    expect_after(&never, 0);
    for (int i = 0; i < CHEAP_BATCHES && !never.given_up; i++) {
        time_passes(A_MOMENT_NS);
        tr_try(tr_checkpoint());
    }
    expect(soon.seen && never.given_up && !never.seen);
    return 0;
}

static int nobody_is_looked_for_again_and_again_while_others_are_seen(void *arg)
{
    (void)arg;
    struct expected silent, talkative;
    expect_after(&silent, 0);
    int times = 0;
    for (; !silent.given_up; times++) {
        expect_after(&talkative, 2);
        tr_try(tr_event_wait(&talkative.told));
        expect(talkative.seen);
    }
    expect(times == 16);
    return 0;
}

static int who_waits_for_all_others_to_wait_is_not_kept(void *arg)
{
    (void)arg;
    struct expected never;
    expect_after(&never, 0);
    tr_try(tr_wait_all_blocked(0));
    expect(never.given_up && never.looks == 0);
    return 0;
}

/* ---- memory of a burst ------------------------------------------------------------------------------------------ */

static int end_at_once(void *arg)
{
    (void)arg;
    return 0;
}

static int burst(int tasks)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    for (int i = 0; i < tasks; i++)
        tr_try(tr_start_soon(nursery, end_at_once, NULL));
    return tr_join(nursery);
}

static int memory_of_a_burst_is_kept_until_nothing_has_happened_for_a_while(void *arg)
{
    (void)arg;
    enum { MANY = 2000, MANY_SLABS = MANY / 64 - 1, FEW_SLABS = 8 };
    struct expected soon;
    watch_polls();
    tr_try(burst(MANY));
    expect(runtime->sched->idle_slabs >= MANY_SLABS);
    expect_after(&soon, 0);
    list_remove(&soon.glance.place);
    told_by_poll = &soon;
    tr_try(tr_event_wait(&soon.told));
    told_by_poll = NULL;
    expect(runtime->sched->idle_slabs >= MANY_SLABS);
    tr_try(tr_sleep(1));
    expect(runtime->sched->idle_slabs <= FEW_SLABS);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(a_look_is_not_put_off_by_batches_that_turn_long),
        SCENARIO(many_short_batches_pass_between_two_looks),
        SCENARIO(what_comes_in_a_moment_is_seen_without_waiting),
        SCENARIO(what_does_not_is_given_up_and_waited_for),
        SCENARIO(the_world_is_polled_meanwhile),
        SCENARIO(memory_of_a_burst_is_kept_until_nothing_has_happened_for_a_while),
        SCENARIO(what_is_seen_at_once_does_not_put_off_a_look_by_long_batches),
        SCENARIO(what_the_world_reports_meanwhile_is_heard),
        SCENARIO(what_a_report_asks_for_meanwhile_is_done_before_the_wait),
        SCENARIO(a_deadline_that_comes_meanwhile_is_kept),
        SCENARIO(the_busy_see_it_as_well),
        SCENARIO(nobody_is_looked_for_again_and_again_while_others_are_seen),
        SCENARIO(who_waits_for_all_others_to_wait_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

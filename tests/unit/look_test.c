/* When the loop looks at the world, on a clock that the scenario moves: often enough, and not too often. */
#include "support/tasks.h"

#include "clock_world.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(a_look_is_not_put_off_by_batches_that_turn_long),
        SCENARIO(many_short_batches_pass_between_two_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

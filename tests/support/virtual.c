/* Running scenarios in worlds whose clock jumps and whose memory is counted. */
#include "support/virtual.h"

#include "base/error.h"
#include "base/runtime.h"
#include "clock_world.h"
#include "sched/task.h"

void run_virtually(void **state)
{
    const struct virtual_scenario *scenario = *state;
    struct clock_world *world = clock_world_new(1);
    int rc = sched_run(scenario->fn, NULL, NULL);
    sys_leave();
    if (rc < 0)
        print_error("%s\n", tr_error_report(tr_last_error()));
    assert_true(rc >= 0);
    assert_int_equal(world->alive, 0);
}

/* The last error outlives its run, until now. */
static void forget_last_error(void)
{
    error_unref(runtime->outside.error);
    runtime->outside.error = NULL;
}

static bool passes(int (*scenario)(void *), size_t fail_at, bool fail_after)
{
    struct clock_world *world = clock_world_new(1);
    world->fail_at = fail_at;
    world->fail_after = fail_after;
    (void)sched_run(scenario, NULL, NULL);
    sys_leave();
    assert_false(tr_error_is(tr_last_error(), "test.Failed"));
    forget_last_error();
    assert_int_equal(world->alive, 0);
    return world->allocations < fail_at;
}

void run_short_of_memory(int (*scenario)(void *))
{
    for (int after = 0; after <= 1; after++)
        for (size_t fail_at = 1; !passes(scenario, fail_at, after); fail_at++)
            assert_true(fail_at < 100000);
}

/* What a program tells people of its tasks: the tree, as text and on the console, and whose stack it was
 * that was not enough. On the virtual clock, with a console that keeps what is said. */
#include "support/tasks.h"

#include "base/error.h"
#include "base/runtime.h"
#include "clock_world.h"
#include "sched/sched.h"
#include "sched/stack.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

/* ---- the world ------------------------------------------------------------------------------------------------ */

static char said[2000];
static sys_overflow_fn *which_overflow;

static void keep(struct sys *sys, const char *text, size_t size)
{
    (void)sys;
    size_t used = strlen(said), room = sizeof said - 1 - used;
    snprintf(said + used, room + 1, "%.*s", (int)(size < room ? size : room), text ? text : "");
}

static int pid(struct sys *sys, const struct sys_process *process)
{
    (void)sys;
    (void)process;
    return 4711;
}

static void name_overflow(struct sys *sys, sys_overflow_fn *which)
{
    (void)sys;
    which_overflow = which;
}

/* A new world whose console is `said`. */
static struct clock_world *listen_in(void)
{
    static struct sys_ops ops;
    struct clock_world *world = clock_world_new(1);
    ops = *world->sys.ops;
    ops.print_error = keep;
    ops.pid = pid;
    ops.name_overflow = name_overflow;
    world->sys.ops = &ops;
    said[0] = 0;
    return world;
}

static void tell_us(void **state)
{
    const struct virtual_scenario *scenario = *state;
    struct clock_world *world = listen_in();
    int rc = sched_run(scenario->fn, NULL, NULL);
    sys_leave();
    if (rc < 0)
        print_error("%s\n", tr_error_report(tr_last_error()));
    assert_true(rc >= 0);
    assert_int_equal(world->alive, 0);
}

#define TOLD(name) {#name, tell_us, NULL, NULL, &(struct virtual_scenario){name}}

/* ---- the tree -------------------------------------------------------------------------------------------------- */

static int until_stopped(void *arg)
{
    (void)arg;
    tr_scope work = tr_until_stopped();
    return tr_within(&work, tr_sleep_forever());
}

static int finish(void *arg)
{
    (void)arg;
    tr_scope shield = tr_shield();
    tr_ignore(tr_sleep_forever());
    return tr_within(&shield, tr_sleep(1));
}

static int the_tree_is_written_to_the_console(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, forever, NULL));
    tr_try(tr_checkpoint());
    tr_dump_tasks();
    char expected[4000];
    snprintf(expected, sizeof expected, "tasks of process 4711\n%s", tr_task_tree());
    expect(strcmp(said, expected) == 0);
    expect(strstr(said, "): waits for its time, or cancellation\n"));
    said[0] = 0;
    runtime->self.name = "donny";
    tr_dump_tasks();
    runtime->self.name = "";
    expect(strstr(said, "tasks of process 4711, actor donny\ntask main: running\n") == said);
    tr_cancel(n);
    return tr_join(n);
}

static int what_was_asked_to_stop_is_shown_so(void *arg)
{
    (void)arg;
    const int line = __LINE__;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, until_stopped, NULL));
    tr_try(tr_start_soon(n, finish, NULL));
    tr_try(tr_checkpoint());
    expect(!strstr(tr_task_tree(), "asked to stop"));
    tr_try(tr_stop(n, 20));
    const char *tree = tr_task_tree(), *end_of_first = strchr(tree, '\n');
    char expected[200];
    snprintf(expected, sizeof expected, "\n  nursery (%s:%d), 20.000 s left, asked to stop\n", __FILE__,
             line + 1);
    expect(end_of_first && strncmp(end_of_first, expected, strlen(expected)) == 0);
    expect(strstr(tree, ", cancelled (asked to stop)\n"));
    return tr_join(n);
}

static int see_no_end_of_time(void)
{
    expect(strstr(tr_task_tree(), "s left, cancelled (deadline)\n"));
    return 0;
}

static int a_deadline_before_all_time_is_shown(void *arg)
{
    (void)arg;
    tr_scope limit = tr_move_on_at(-INFINITY);
    return tr_within(&limit, see_no_end_of_time());
}

static int show_the_tree(void *arg)
{
    tr_dump_tasks();
    *(const char **)arg = tr_task_tree()[0] ? "something" : "nothing";
    return 0;
}

/* A tree that is cut short is still one, and nothing is raised. */
static void without_memory_there_is_less_to_see(void **state)
{
    (void)state;
    const char *seen = "";
    size_t fail_at = 0;
    do {
        struct clock_world *world = listen_in();
        world->fail_at = ++fail_at;
        world->fail_after = true;
        seen = "";
        int rc = sched_run(show_the_tree, &seen, NULL);
        sys_leave();
        assert_true(rc == 0 || (rc == -ENOMEM && seen[0] == 0)); /* no first task */
        assert_true(said[0] == 0 || strstr(said, "tasks of process 4711\n") == said);
        error_unref(runtime->outside.error);
        runtime->outside.error = NULL;
        assert_int_equal(world->alive, 0);
    } while (strcmp(seen, "something") != 0);
    assert_true(fail_at > 3);
    assert_string_equal(said, "tasks of process 4711\ntask main: running\n");
}

static void outside_a_run_there_is_no_tree(void **state)
{
    (void)state;
    assert_string_equal(tr_task_tree(), "");
    tr_dump_tasks();
    listen_in(); /* a world, but nobody runs in it */
    tr_dump_tasks();
    assert_string_equal(tr_task_tree(), "");
    sys_leave();
    assert_string_equal(said, "");
}

/* ---- a stack that is not enough --------------------------------------------------------------------------------- */

/* Whether an access so many bytes below the stack of the running task is told to be its, in these words. */
static bool told(uintptr_t below, const char *expected)
{
    char text[200] = "";
    uintptr_t low = (uintptr_t)runtime->task->fiber.low;
    return which_overflow((void *)(low - below), text, sizeof text) && strcmp(text, expected) == 0;
}

static bool not_told(uintptr_t below)
{
    char text[200] = "";
    uintptr_t low = (uintptr_t)runtime->task->fiber.low;
    return !which_overflow((void *)(low - below), text, sizeof text) && text[0] == 0;
}

static int touch_around(void *place)
{
    char expected[200];
    snprintf(expected, sizeof expected, "task touch_around (%s) needs more stack than its %d KiB",
             (const char *)place, STACK_DEFAULT / 1024);
    expect(told(1, expected) && told(100, expected) && told(STACK_DEFAULT, expected));
    expect(not_told(0) && not_told((uintptr_t)-1000) && not_told(STACK_DEFAULT + 1));
    return 0;
}

static int what_lies_below_a_tasks_stack_is_its_overflow(void *arg)
{
    (void)arg;
    char place[100];
    snprintf(place, sizeof place, "%s:%d", __FILE__, __LINE__ + 2);
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, touch_around, place));
    tr_try(tr_join(n));
    char expected[200];
    snprintf(expected, sizeof expected, "task main () needs more stack than its %zu KiB",
             runtime->task->stack_size / 1024);
    expect(told(8, expected));
    return 0;
}

static void outside_of_tasks_no_stack_is_too_small(void **state)
{
    (void)state;
    char text[200] = "";
    listen_in();
    assert_int_equal(sched_run(a_second, NULL, NULL), 0);
    assert_false(which_overflow(text, text, sizeof text));
    assert_string_equal(text, "");
    sys_leave();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TOLD(the_tree_is_written_to_the_console),
        TOLD(what_was_asked_to_stop_is_shown_so),
        TOLD(a_deadline_before_all_time_is_shown),
        cmocka_unit_test(without_memory_there_is_less_to_see),
        cmocka_unit_test(outside_a_run_there_is_no_tree),
        TOLD(what_lies_below_a_tasks_stack_is_its_overflow),
        cmocka_unit_test(outside_of_tasks_no_stack_is_too_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a watch tells, in the real world and in the fake one: the rules of sys.h and, of those that last, also what they
 * do not notice. A fake world that noticed more would hide the mistake of a descriptor that is closed, or given away,
 * while it is watched: there who waits would be told, or go on by chance, and here it waits for ever. */
#include "support/real.h"

#include "sys/sys.h"
#include "world.h"

/* A watch on one end of a pair, and what it has told so far. */
struct lookout {
    struct sys_watch *watch;
    int fds[2];                 /* the watched end, and the other one */
    int events, told, last;     /* what is wanted each time; how often it came, and what */
};

static void note(void *arg, int events)
{
    struct lookout *lookout = arg;
    lookout->told++;
    lookout->last = events;
}

static int look_out(struct lookout *lookout, int events)
{
    *lookout = (struct lookout){.events = events};
    expect(sys_pair(lookout->fds) == 0);
    expect(sys_watch(lookout->fds[0], note, lookout, &lookout->watch) == 0);
    return 0;
}

static int stand_down(struct lookout *lookout)
{
    sys_unwatch(lookout->watch);
    sys_close(&lookout->fds[0]);
    sys_close(&lookout->fds[1]);
    return 0;
}

/* What was told since the last look, which waits for nothing. */
static int told_now(struct lookout *lookout)
{
    int before = lookout->told;
    sys_poll(0);
    return lookout->told - before;
}

static bool arm(struct lookout *lookout)
{
    return sys_watch_for(lookout->watch, lookout->events) == 0;
}

static bool send(const struct lookout *lookout)
{
    return sys_write(lookout->fds[1], "x", 1) == 1;
}

/* Behind the watch's back; another file has the number then. */
static int replace_file(struct lookout *lookout)
{
    int number = lookout->fds[0];
    sys_close(&lookout->fds[0]);
    sys_close(&lookout->fds[1]);
    expect(sys_pair(lookout->fds) == 0);
    expect(lookout->fds[0] == number);
    return 0;
}

static int tells_once_each_time(int events)
{
    struct lookout lookout;
    tr_try(look_out(&lookout, events));
    expect(arm(&lookout) && told_now(&lookout) == 0);
    expect(send(&lookout) && told_now(&lookout) == 1 && lookout.last == SYS_READABLE);
    expect(told_now(&lookout) == 0);            /* it is still readable, but nobody asks */
    expect(told_now(&lookout) == 0);
    expect(arm(&lookout) && told_now(&lookout) == 1);
    expect(arm(&lookout) && told_now(&lookout) == 1);
    return stand_down(&lookout);
}

static int a_watch_tells_once_each_time_it_is_armed(void *arg)
{
    (void)arg;
    return tells_once_each_time(SYS_READABLE);
}

static int a_lasting_watch_tells_once_each_time_it_is_armed(void *arg)
{
    (void)arg;
    return tells_once_each_time(SYS_READABLE | SYS_LASTING);
}

static int a_lasting_watch_can_be_for_something_else_each_time(void *arg)
{
    (void)arg;
    struct lookout lookout;
    tr_try(look_out(&lookout, SYS_READABLE | SYS_LASTING));
    expect(arm(&lookout));
    expect(sys_watch_for(lookout.watch, SYS_WRITABLE | SYS_LASTING) == 0);
    expect(told_now(&lookout) == 1 && lookout.last == SYS_WRITABLE);
    expect(arm(&lookout) && told_now(&lookout) == 0);   /* that it can be written is nothing */
    expect(send(&lookout) && told_now(&lookout) == 1 && (lookout.last & SYS_READABLE));
    expect(sys_watch_for(lookout.watch, 0) == 0 && told_now(&lookout) == 0);
    return stand_down(&lookout);
}

static int a_watch_whose_descriptor_was_closed_says_so(void *arg)
{
    (void)arg;
    struct lookout lookout;
    tr_try(look_out(&lookout, SYS_READABLE));
    expect(arm(&lookout) && send(&lookout) && told_now(&lookout) == 1);
    sys_close(&lookout.fds[0]);
    expect(sys_watch_for(lookout.watch, SYS_READABLE) == -EBADF);
    return stand_down(&lookout);
}

static int a_lasting_watch_does_not_notice_that_its_descriptor_was_closed(void *arg)
{
    (void)arg;
    struct lookout lookout;
    tr_try(look_out(&lookout, SYS_READABLE | SYS_LASTING));
    expect(arm(&lookout) && send(&lookout) && told_now(&lookout) == 1);
    sys_close(&lookout.fds[0]);
    expect(arm(&lookout) && told_now(&lookout) == 0);
    return stand_down(&lookout);
}

static int a_watch_tells_of_the_file_that_has_its_number_now(void *arg)
{
    (void)arg;
    struct lookout lookout;
    tr_try(look_out(&lookout, SYS_READABLE));
    expect(arm(&lookout) && send(&lookout) && told_now(&lookout) == 1);
    tr_try(replace_file(&lookout));
    expect(arm(&lookout) && send(&lookout) && told_now(&lookout) == 1);
    return stand_down(&lookout);
}

static int a_lasting_watch_tells_nothing_of_another_file_with_its_number(void *arg)
{
    (void)arg;
    struct lookout lookout;
    tr_try(look_out(&lookout, SYS_READABLE | SYS_LASTING));
    expect(arm(&lookout) && send(&lookout) && told_now(&lookout) == 1);
    tr_try(replace_file(&lookout));
    expect(arm(&lookout) && send(&lookout) && told_now(&lookout) == 0);
    return stand_down(&lookout);
}

/* What nobody wanted to know of is not watched any more: the next wish goes to the kernel again. */
static int a_lasting_watch_that_told_nobody_begins_anew(void *arg)
{
    (void)arg;
    struct lookout lookout;
    tr_try(look_out(&lookout, SYS_READABLE | SYS_LASTING));
    expect(arm(&lookout) && send(&lookout) && told_now(&lookout) == 1 && told_now(&lookout) == 0);
    tr_try(replace_file(&lookout));
    expect(arm(&lookout) && send(&lookout) && told_now(&lookout) == 1);
    return stand_down(&lookout);
}

/* ---- in both worlds -------------------------------------------------------------------------------------------- */

static int program(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    const struct virtual_scenario *scenario = world_user();
    int rc = tr_run(scenario->fn, NULL);
    if (rc < 0)
        print_error("%s\n", tr_error_report(tr_last_error()));
    return rc < 0;
}

static void run_in_both(void **state)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct world *world = world_new(seed);
        world_set_user(world, *state);
        const struct process *process = world_spawn(world, world_host(world, "alpha"), program);
        assert_true(world_run(world, 60));
        assert_int_equal(process_status(process), 0);
        assert_int_equal(world_open_files(world), 0);
        world_free(world);
    }
    run_in_earnest(state);
    sys_forsake(); /* the real world, for the fake ones to come */
}

#define IN_BOTH(name) {#name, run_in_both, NULL, NULL, &(struct virtual_scenario){name}}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_BOTH(a_watch_tells_once_each_time_it_is_armed),
        IN_BOTH(a_lasting_watch_tells_once_each_time_it_is_armed),
        IN_BOTH(a_lasting_watch_can_be_for_something_else_each_time),
        IN_BOTH(a_watch_whose_descriptor_was_closed_says_so),
        IN_BOTH(a_lasting_watch_does_not_notice_that_its_descriptor_was_closed),
        IN_BOTH(a_watch_tells_of_the_file_that_has_its_number_now),
        IN_BOTH(a_lasting_watch_tells_nothing_of_another_file_with_its_number),
        IN_BOTH(a_lasting_watch_that_told_nobody_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Who waits for an outcome from afar hears that its deadline is another one, and may put that off. */
#include "support/virtual.h"

#include "sched/task.h"

struct told {
    struct deadline_watch watch;
    int refused, told;
    int64_t last;
};

static bool be_told(struct deadline_watch *watch)
{
    struct told *told = container_of(watch, struct told, watch);
    if (told->refused++ == 0)
        return false;
    told->told++;
    told->last = watch->deadline;
    return true;
}

static int watch_for_ever(void *arg)
{
    struct told *told = arg;
    told->watch.deadline = task_deadline();
    task_watch_deadline(&told->watch);
    int rc = tr_sleep_forever();
    task_unwatch_deadline(&told->watch);
    return rc;
}

static int who_cannot_be_told_of_a_deadline_now_is_told_later(void *arg)
{
    (void)arg;
    struct told told = {.watch.moved = be_told};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, watch_for_ever, &told));
    tr_try(tr_sleep(1));
    tr_try(tr_stop(n, 50));
    expect(told.told == 0);
    tr_try(tr_sleep(1)); /* once it is refused */
    tr_try(tr_sleep(1));
    expect(told.refused >= 2 && told.told == 1);
    expect(told.last > 0 && told.last < INT64_MAX);
    tr_cancel(n);
    return tr_join(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(who_cannot_be_told_of_a_deadline_now_is_told_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

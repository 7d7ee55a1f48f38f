/* Actors that were started to run a stream: its values are read by whoever takes it, and its end is the actor's. */
#define TR_MODULE "main_stream"
#include "scenarios/counting.h"

#include <string.h>

tr_fn(void, ping)
{
    return 0;
}

static int run_and_read(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_auto(stream) numbers = NULL;
    tr_stream *again = NULL;
    int64_t number, heard = 0;
    int rc;
    tr_try(tr_run_in_actor(n, &donny, "donny", count, .last = 10000));
    want(tr_result_stream(donny, &numbers, count_and_break) == TR_ESIGNATURE && !numbers);
    tr_try(tr_result_stream(donny, &numbers, count));
    want(tr_result_stream(donny, &again, count) == TR_EMISUSE && !again);
    while ((rc = tr_next(numbers, &number, count)) > 0)
        want(number == ++heard);
    want(rc == 0 && heard == 10000);
    return tr_join(n);
}

static int read_it(void *arg)
{
    tr_auto(stream) numbers = arg;
    int64_t number, heard = 0;
    int rc;
    while ((rc = tr_next(numbers, &number, count)) > 0)
        want(number == ++heard);
    say(heard == 10000 ? "heard all" : "heard less");
    return rc;
}

/* After the join, in a task of the same nursery. */
static int run_and_read_in_a_task(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_stream *numbers;
    tr_try(tr_run_in_actor(n, &donny, "donny", count, .last = 10000));
    tr_try(tr_result_stream(donny, &numbers, count));
    tr_try(tr_start_soon(n, read_it, numbers));
    return tr_join(n);
}

static int run_and_leave(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_run_in_actor(n, &donny, "donny", count, .last = INT64_MAX));
    {
        tr_auto(stream) numbers = NULL;
        int64_t number;
        tr_try(tr_result_stream(donny, &numbers, count));
        want(tr_next(numbers, &number, count) == 1 && number == 1);
    }
    return tr_join(n);
}

static int run_and_do_not_read(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_run_in_actor(n, &donny, "donny", count, .last = INT64_MAX));
    tr_try(tr_sleep(1));
    return tr_join(n);
}

static int run_one_that_breaks(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_auto(stream) numbers = NULL;
    int64_t number;
    int rc;
    tr_try(tr_run_in_actor(n, &donny, "donny", count_and_break, .last = 10));
    tr_try(tr_result_stream(donny, &numbers, count_and_break));
    while ((rc = tr_next(numbers, &number, count_and_break)) > 0)
        continue;
    return tr_join_with(n, rc);
}

static int take_from_a_daemon(tr_portal *donny)
{
    tr_auto(stream) numbers = NULL;
    want(tr_result_stream(donny, &numbers, count) == TR_EMISUSE && !numbers);
    return 0;
}
PLAY(take_from_a_daemon)

SUCCEEDS(a_stream_that_an_actor_was_started_for_is_read_once, run_and_read, "")
SUCCEEDS(it_may_be_read_by_a_task_while_the_nursery_is_joined, run_and_read_in_a_task, "heard all\n")
SUCCEEDS(who_leaves_it_ends_the_actor, run_and_leave, "cancelled\n")
SUCCEEDS(what_nobody_has_taken_by_the_join_is_cancelled, run_and_do_not_read, "cancelled\n")
SUCCEEDS(a_daemon_has_no_stream_of_its_own, play_take_from_a_daemon, "")

static void what_breaks_it_is_the_nurserys_error_once(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, run_one_that_breaks);
    expect_shape(theatre, "donny > app.Broken(after 10)@donny");
    expect_nothing_left(theatre);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_that_an_actor_was_started_for_is_read_once),
        cmocka_unit_test(it_may_be_read_by_a_task_while_the_nursery_is_joined),
        cmocka_unit_test(who_leaves_it_ends_the_actor),
        cmocka_unit_test(what_nobody_has_taken_by_the_join_is_cancelled),
        cmocka_unit_test(a_daemon_has_no_stream_of_its_own),
        cmocka_unit_test(what_breaks_it_is_the_nurserys_error_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

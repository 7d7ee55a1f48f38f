/* Several readers of one stream, in tasks of one actor, each at its own pace. */
#define TR_MODULE "readers"
#include "scenarios/counting.h"

#include <string.h>

tr_fn(void, ping)
{
    return 0;
}

tr_stream_fn(int64_t, count_slowly, (int64_t, last), (double, seconds))
{
    for (int64_t i = 1; i <= args->last; i++) {
        tr_try(tr_yield(ctx, i));
        tr_try(tr_sleep(args->seconds));
    }
    return 0;
}

struct listener {
    tr_stream *stream;
    double pace;                /* seconds for each value */
    int64_t most;               /* it leaves after so many; 0: at the end */
    int64_t heard, missed;
    int rc;
};

static int listen_to(void *arg)
{
    struct listener *us = arg;
    tr_auto(stream) own = us->stream;
    int64_t number = 0, before = 0;
    for (;;) {
        us->rc = tr_next(own, &number, count_slowly);
        if (us->rc == TR_ELAGGED) {
            us->missed++;
            continue;
        }
        if (us->rc <= 0)
            return 0;
        want(number > before);
        before = number;
        if (++us->heard == us->most)
            return 0;
        tr_try(tr_sleep(us->pace));
    }
}

enum { LISTENERS = 3 };

static int listen_all(tr_portal *donny, struct listener listeners[LISTENERS], int64_t last, size_t lag)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_open_stream(donny, &listeners[0].stream, count_slowly, .last = last, .seconds = 0.1));
    for (int i = 1; i < LISTENERS; i++)
        tr_try(tr_subscribe(listeners[0].stream, &listeners[i].stream, lag));
    for (int i = 0; i < LISTENERS; i++)
        tr_try(tr_start_soon(n, listen_to, &listeners[i]));
    return tr_join(n);
}

static int all_hear_all(tr_portal *donny)
{
    struct listener listeners[LISTENERS] = {{.pace = 0.01}, {.pace = 0.02}, {.pace = 0.2}};
    tr_try(listen_all(donny, listeners, 100, 1000));
    for (int i = 0; i < LISTENERS; i++)
        want(listeners[i].heard == 100 && listeners[i].missed == 0 && listeners[i].rc == 0);
    return 0;
}

static int one_lags_behind(tr_portal *donny)
{
    struct listener listeners[LISTENERS] = {{.pace = 0.01}, {.pace = 0.02}, {.pace = 2}};
    tr_try(listen_all(donny, listeners, 100, 5));
    want(listeners[0].heard == 100 && listeners[1].heard == 100);
    want(listeners[2].missed > 0 && listeners[2].heard < 20 && listeners[2].rc == 0);
    return 0;
}

static int the_first_leaves(tr_portal *donny)
{
    struct listener listeners[LISTENERS] = {{.pace = 0.01, .most = 10}, {.pace = 0.02}, {.pace = 0.3}};
    tr_try(listen_all(donny, listeners, 50, 100));
    want(listeners[0].heard == 10 && listeners[1].heard == 50 && listeners[2].heard == 50);
    return 0;
}

static int all_leave(tr_portal *donny)
{
    struct listener listeners[LISTENERS] = {{.most = 10}, {.most = 11}, {.most = 12}};
    return listen_all(donny, listeners, 1000000, 100);
}

static int each_hears_the_error(tr_portal *donny)
{
    tr_auto(stream) first = NULL;
    tr_auto(stream) second = NULL;
    int64_t number;
    tr_try(tr_open_stream(donny, &first, count_and_break, .last = 2));
    tr_try(tr_subscribe(first, &second, 10));
    tr_stream *readers[] = {first, second};
    for (int i = 0; i < 2; i++) {
        want(tr_next(readers[i], &number, count_and_break) == 1 && number == 1);
        want(tr_next(readers[i], &number, count_and_break) == 1 && number == 2);
        want(tr_next(readers[i], &number, count_and_break) == TR_EREMOTE);
        want(tr_error_is(tr_last_error(), "app.Broken"));
    }
    return 0;
}

/* Nobody reads for a slow one: what it may lag is kept, and the fast one is not kept waiting by more than that. */
static int readers_that_drop(tr_portal *donny)
{
    tr_auto(stream) fast = NULL;
    tr_auto(stream) slow = NULL;
    int64_t number;
    tr_try(tr_open_stream_with(donny, &fast, tr_flow_options(.overrun = TR_DROP_OLDEST, .messages = 10), count,
                               .last = 1000));
    tr_try(tr_subscribe(fast, &slow, 3));
    want(tr_next(fast, &number, count) == 1);
    tr_try(tr_sleep(1));
    want(tr_next(fast, &number, count) == 1 && number == 991);
    want(tr_next(slow, &number, count) == TR_ELAGGED);
    want(tr_next(slow, &number, count) == 1 && number == 991);
    return 0;
}

/* What is kept for a patient one is not for one that must not be so far behind. */
static int each_has_a_bound_of_its_own(tr_portal *donny)
{
    tr_auto(stream) fast = NULL;
    tr_auto(stream) strict = NULL;
    tr_auto(stream) patient = NULL;
    int64_t number;
    tr_try(tr_open_stream(donny, &fast, count, .last = 1000));
    tr_try(tr_subscribe(fast, &strict, 2));
    tr_try(tr_subscribe(fast, &patient, 100));
    for (int i = 0; i < 50; i++)
        want(tr_next(fast, &number, count) == 1);
    want(tr_next(strict, &number, count) == TR_ELAGGED);
    want(strstr(tr_error_message(tr_last_error()), "missed 48 values"));
    want(tr_next(strict, &number, count) == 1 && number == 49);
    want(tr_next(strict, &number, count) == 1 && number == 50);
    want(tr_next(patient, &number, count) == 1 && number == 1);
    return 0;
}
PLAY(each_has_a_bound_of_its_own)

/* Its consumer is cut while it waits, again and again, and nothing is lost. */
static int cut_the_reader(tr_portal *donny)
{
    tr_auto(stream) numbers = NULL;
    int64_t number = 0, heard = 0;
    int cuts = 0, rc = 1;
    tr_try(tr_open_stream(donny, &numbers, count_slowly, .last = 20, .seconds = 1));
    while (rc > 0) {
        tr_scope limit = tr_move_on_after(0.3);
        rc = tr_within(&limit, tr_next(numbers, &number, count_slowly));
        cuts += limit.cancelled_caught;
        if (limit.cancelled_caught)
            rc = 1;
        else if (rc > 0)
            want(number == ++heard);
    }
    want(rc == 0 && heard == 20 && cuts > 20);
    return 0;
}
PLAY(cut_the_reader)

/* The scope that it was opened in is over, and the next one is in its place. */
static int cut_the_reader_of_what_was_opened_in_a_scope(tr_portal *donny)
{
    tr_auto(stream) numbers = NULL;
    int64_t number;
    tr_scope opening = tr_cancel_scope();
    tr_try(tr_within(&opening, tr_open_stream(donny, &numbers, count_slowly, .last = 2, .seconds = 1)));
    want(tr_next(numbers, &number, count_slowly) == 1 && number == 1);
    tr_scope limit = tr_move_on_after(0.3);
    tr_try(tr_within(&limit, tr_next(numbers, &number, count_slowly)));
    want(limit.cancelled_caught);
    want(tr_next(numbers, &number, count_slowly) == 1 && number == 2);
    return 0;
}
PLAY(cut_the_reader_of_what_was_opened_in_a_scope)

SUCCEEDS(a_reader_that_is_cut_has_taken_nothing, play_cut_the_reader, "")

PLAY(all_hear_all)
PLAY(one_lags_behind)
PLAY(the_first_leaves)
PLAY(all_leave)
PLAY(each_hears_the_error)
PLAY(readers_that_drop)

SUCCEEDS(each_reader_hears_all_at_its_own_pace, play_all_hear_all, "")
SUCCEEDS(a_reader_that_lags_misses_some_and_is_told, play_one_lags_behind, "")
SUCCEEDS(the_others_go_on_when_the_first_reader_leaves, play_the_first_leaves, "")
SUCCEEDS(the_last_reader_to_leave_ends_the_stream, play_all_leave, "")
SUCCEEDS(each_reader_hears_the_error_after_the_values, play_each_hears_the_error, "")
SUCCEEDS(readers_of_a_stream_that_drops_know_where_they_are, play_readers_that_drop, "")
SUCCEEDS(a_reader_lags_by_its_own_bound_whatever_another_one_may, play_each_has_a_bound_of_its_own, NULL)
SUCCEEDS(a_limit_on_reading_is_none_on_the_producer, play_cut_the_reader_of_what_was_opened_in_a_scope, "")

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_that_is_cut_has_taken_nothing),
        cmocka_unit_test(each_reader_hears_all_at_its_own_pace),
        cmocka_unit_test(a_reader_that_lags_misses_some_and_is_told),
        cmocka_unit_test(the_others_go_on_when_the_first_reader_leaves),
        cmocka_unit_test(the_last_reader_to_leave_ends_the_stream),
        cmocka_unit_test(each_reader_hears_the_error_after_the_values),
        cmocka_unit_test(readers_of_a_stream_that_drops_know_where_they_are),
        cmocka_unit_test(a_reader_lags_by_its_own_bound_whatever_another_one_may),
        cmocka_unit_test(a_limit_on_reading_is_none_on_the_producer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a reader has of a stream stays as it is until it takes the next value or leaves, whatever arrives meanwhile:
 * byte strings are read where they were kept. */
#define TR_MODULE "held_value"
#include "scenarios/theatre.h"

#include <string.h>

enum { SIZE = 1024 };

static void paint(unsigned char *bytes, int64_t number)
{
    for (int i = 0; i < SIZE; i++)
        bytes[i] = (unsigned char)(number + i * (number % 7 + 1));
}

static bool is_picture(tr_bytes bytes, int64_t number)
{
    unsigned char wanted[SIZE];
    paint(wanted, number);
    return bytes.size == SIZE && memcmp(bytes.data, wanted, SIZE) == 0;
}

tr_stream_fn(tr_bytes, pictures, (int64_t, last))
{
    unsigned char bytes[SIZE];
    for (int64_t i = 0; i < args->last; i++) {
        paint(bytes, i);
        tr_try(tr_yield(ctx, {bytes, SIZE}));
    }
    return 0;
}

/* ---- plays ---------------------------------------------------------------------------------------------------- */

/* While it sleeps, so many arrive as its window has room for; each time at another place of the memory. */
static int hold_each_while_others_arrive(tr_portal *donny)
{
    enum { LAST = 400 };
    static const uint32_t windows[] = {2 * SIZE, 16 * SIZE, 100 * SIZE};
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        tr_auto(stream) stream = NULL;
        tr_bytes picture;
        tr_try(tr_open_stream_with(donny, &stream, tr_flow_options(.bytes = windows[i]), pictures, .last = LAST));
        for (int64_t n = 0; n < LAST; n++) {
            want(tr_next(stream, &picture, pictures) == 1 && is_picture(picture, n));
            if (n % 5 == 0)
                tr_try(tr_sleep(0.1));
            want(is_picture(picture, n));
        }
        want(tr_next(stream, &picture, pictures) == 0);
    }
    return 0;
}

static int hold_one_while_the_rest_is_lost(tr_portal *donny)
{
    static const enum tr_overrun overruns[] = {TR_DROP_OLDEST, TR_DROP_NEWEST, TR_OVERRUN_FAILS};
    for (size_t i = 0; i < sizeof overruns / sizeof *overruns; i++) {
        tr_auto(stream) stream = NULL;
        tr_bytes picture;
        const tr_flow *flow = tr_flow_options(.overrun = overruns[i], .bytes = 8 * SIZE);
        tr_try(tr_open_stream_with(donny, &stream, flow, pictures, .last = 1000));
        want(tr_next(stream, &picture, pictures) == 1 && is_picture(picture, 0));
        tr_try(tr_sleep(1));
        want(is_picture(picture, 0));
        while (tr_next(stream, &picture, pictures) > 0)
            want(picture.size == SIZE);
    }
    return 0;
}

static int hold_one_after_the_stream_was_cancelled(tr_portal *donny)
{
    tr_auto(stream) stream = NULL;
    tr_bytes picture;
    tr_try(tr_open_stream(donny, &stream, pictures, .last = 1000));
    want(tr_next(stream, &picture, pictures) == 1);
    tr_ignore(tr_stream_cancel(stream));
    want(is_picture(picture, 0));
    return 0;
}

/* The second may come while the first holds one, and leave or stay. */
static int hold_as_two(tr_portal *donny)
{
    tr_auto(stream) one = NULL;
    tr_bytes its, others;
    tr_try(tr_open_stream(donny, &one, pictures, .last = 100));
    want(tr_next(one, &its, pictures) == 1);
    {
        tr_auto(stream) other = NULL;
        tr_try(tr_subscribe(one, &other, 50));
        for (int64_t n = 1; n < 20; n++) {
            want(tr_next(other, &others, pictures) == 1 && is_picture(others, n) && is_picture(its, 0));
            tr_try(tr_sleep(0.1));
            want(is_picture(others, n) && is_picture(its, 0));
        }
    }
    for (int64_t n = 1; n < 100; n++) {
        want(tr_next(one, &its, pictures) == 1 && is_picture(its, n));
        tr_try(tr_sleep(0.1));
        want(is_picture(its, n));
    }
    want(tr_next(one, &its, pictures) == 0);
    return 0;
}

PLAY(hold_each_while_others_arrive)
PLAY(hold_one_while_the_rest_is_lost)
PLAY(hold_one_after_the_stream_was_cancelled)
PLAY(hold_as_two)

SUCCEEDS(a_value_stays_while_others_arrive, play_hold_each_while_others_arrive, "")
SUCCEEDS(a_value_stays_while_others_are_lost, play_hold_one_while_the_rest_is_lost, NULL)
SUCCEEDS(a_value_stays_after_the_end_of_its_stream, play_hold_one_after_the_stream_was_cancelled, NULL)
SUCCEEDS(each_of_two_readers_has_its_own, play_hold_as_two, "")

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_stays_while_others_arrive),
        cmocka_unit_test(a_value_stays_while_others_are_lost),
        cmocka_unit_test(a_value_stays_after_the_end_of_its_stream),
        cmocka_unit_test(each_of_two_readers_has_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

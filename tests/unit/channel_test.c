/* Memory channels on the virtual clock. */
#include "support/virtual.h"

#include "clock_world.h"

#include <errno.h>
#include <stdint.h>

/* ---- what the scenarios are made of ---------------------------------------------------------------------- */

struct pipe {
    tr_sender *in;
    tr_receiver *out;
    int count;          /* to send */
    int received;
    int64_t total;
    double seconds;     /* that the receiver takes for each */
    int rc;             /* what its call ended with */
};

static int send_numbers(void *arg)
{
    struct pipe *pipe = arg;
    int rc = 0;
    for (int i = 1; i <= pipe->count && rc >= 0; i++)
        rc = tr_send(pipe->in, &i);
    tr_close_sender(&pipe->in);
    return pipe->rc = rc;
}

static int receive_numbers(void *arg)
{
    struct pipe *pipe = arg;
    int number, rc;
    while ((rc = tr_receive(pipe->out, &number)) > 0) {
        pipe->received++;
        pipe->total += number;
        tr_try(tr_sleep(pipe->seconds));
    }
    tr_close_receiver(&pipe->out);
    return pipe->rc = rc;
}

static int receive_one(void *arg)
{
    struct pipe *pipe = arg;
    int number;
    pipe->rc = tr_receive(pipe->out, &number);
    pipe->received += pipe->rc > 0;
    return 0;
}

static int open_pipe(struct pipe *pipe, size_t capacity)
{
    return tr_open_channel(&pipe->in, &pipe->out, sizeof(int), capacity);
}

/* ---- passing ------------------------------------------------------------------------------------------------ */

static int numbers_pass_in_order_up_to_the_end(void *arg)
{
    (void)arg;
    for (size_t capacity = 0; capacity < 12; capacity += 3) {
        tr_auto(nursery) n = tr_open_nursery();
        tr_auto(receiver) out = NULL;
        struct pipe pipe = {.count = 100};
        tr_try(tr_open_channel(&pipe.in, &out, sizeof(int), capacity));
        tr_try(tr_start_soon(n, send_numbers, &pipe));
        int number, expected = 0, rc;
        while ((rc = tr_receive(out, &number)) > 0)
            expect(number == ++expected);
        expect(rc == 0 && expected == 100);
        expect(tr_receive(out, &number) == 0);
        tr_try(tr_join(n));
    }
    return 0;
}

static int a_sender_is_as_fast_as_its_receiver(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    struct pipe pipe = {.count = 10, .seconds = 1};
    tr_try(open_pipe(&pipe, 2));
    double start = tr_now();
    tr_try(tr_start_soon(n, receive_numbers, &pipe));
    tr_try(send_numbers(&pipe));
    expect(tr_now() - start > 6.9 && tr_now() - start < 7.1); /* one taken, two buffered */
    tr_try(tr_join(n));
    expect(pipe.received == 10 && tr_now() - start < 10.1);
    return 0;
}

static int without_a_buffer_both_sides_meet(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(receiver) out = NULL;
    struct pipe pipe = {.count = 1};
    tr_try(tr_open_channel(&pipe.in, &out, sizeof(int), 0));
    tr_try(tr_start_soon(n, send_numbers, &pipe));
    tr_try(tr_sleep(5));
    expect(pipe.in); /* it still waits */
    int number;
    expect(tr_receive(out, &number) == 1 && number == 1);
    tr_try(tr_checkpoint());
    expect(!pipe.in);
    return tr_join(n);
}

static int each_item_goes_to_one_receiver(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    struct pipe source = {.count = 1000}, sinks[3] = {{.count = 0}};
    tr_try(open_pipe(&source, 5));
    for (int i = 0; i < 3; i++) {
        tr_try(tr_clone_receiver(source.out, &sinks[i].out));
        tr_try(tr_start_soon(n, receive_numbers, &sinks[i]));
    }
    tr_close_receiver(&source.out);
    tr_try(send_numbers(&source));
    tr_try(tr_join(n));
    expect(sinks[0].received + sinks[1].received + sinks[2].received == 1000);
    expect(sinks[0].total + sinks[1].total + sinks[2].total == 500500);
    expect(sinks[0].received > 100 && sinks[1].received > 100 && sinks[2].received > 100);
    return 0;
}

/* ---- closing ------------------------------------------------------------------------------------------------- */

static int the_end_comes_with_the_last_sender(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    struct pipe pipe = {.count = 3}, other = {.count = 4};
    tr_auto(receiver) out = NULL;
    tr_try(tr_open_channel(&pipe.in, &out, sizeof(int), 1));
    tr_try(tr_clone_sender(pipe.in, &other.in));
    tr_try(tr_start_soon(n, send_numbers, &pipe));
    tr_try(tr_start_soon(n, send_numbers, &other));
    int number, got = 0, rc;
    while ((rc = tr_receive(out, &number)) > 0)
        got++;
    expect(rc == 0 && got == 7);
    return tr_join(n);
}

static int a_waiting_sender_learns_that_nobody_will_receive(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    struct pipe pipe = {.count = 5};
    tr_try(open_pipe(&pipe, 0));
    tr_try(tr_start_soon(n, send_numbers, &pipe));
    tr_try(tr_sleep(1));
    tr_close_receiver(&pipe.out);
    expect(tr_join(n) == TR_EBROKEN && pipe.rc == TR_EBROKEN);
    return 0;
}

static int a_waiting_receiver_learns_of_the_end(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    struct pipe pipe = {.rc = -1};
    tr_try(open_pipe(&pipe, 0));
    tr_try(tr_start_soon(n, receive_one, &pipe));
    tr_try(tr_sleep(1));
    tr_close_sender(&pipe.in);
    tr_try(tr_join(n));
    expect(pipe.rc == 0);
    tr_close_receiver(&pipe.out);
    tr_close_receiver(&pipe.out);
    return 0;
}

static int closed_ends_say_so(void *arg)
{
    (void)arg;
    tr_sender *in;
    tr_receiver *out;
    int number = 1;
    tr_try(tr_open_channel(&in, &out, sizeof number, 3));
    tr_try(tr_send(in, &number));
    tr_close_receiver(&out);
    expect(tr_send(in, &number) == TR_EBROKEN);
    tr_close_sender(&in);
    expect(tr_send(in, &number) == TR_ECLOSED);
    expect(tr_receive(out, &number) == TR_ECLOSED);
    expect(tr_clone_sender(in, &in) == TR_ECLOSED);
    expect(tr_clone_receiver(out, &out) == TR_ECLOSED);
    expect(tr_open_channel(&in, &out, 0, 3) == TR_EARGUMENT);
    expect(tr_open_channel(&in, &out, SIZE_MAX / 2, 3) == TR_EARGUMENT);
    return 0;
}

static int note(void *arg)
{
    *(bool *)arg = true;
    return 0;
}

/* Or it would starve the others, who might mend it. */
static int sending_to_nobody_in_a_loop_lets_others_run(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    struct pipe pipe = {.count = 0};
    bool ran = false;
    int number = 1;
    tr_try(open_pipe(&pipe, 1));
    tr_close_receiver(&pipe.out);
    tr_try(tr_start_soon(n, note, &ran));
    while (!ran)
        expect(tr_send(pipe.in, &number) == TR_EBROKEN);
    ran = false;
    tr_try(tr_start_soon(n, note, &ran));
    while (!ran)
        expect(tr_receive(NULL, &number) == TR_ECLOSED);
    tr_close_sender(&pipe.in);
    return tr_join(n);
}

/* ---- cancellation ---------------------------------------------------------------------------------------------- */

static int a_cancelled_receiver_takes_nothing(void *arg)
{
    (void)arg;
    struct pipe pipe = {.count = 0};
    int number = 0;
    tr_try(open_pipe(&pipe, 1));
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, tr_receive(pipe.out, &number)));
    expect(limit.cancelled_caught && number == 0);
    tr_try(tr_send(pipe.in, &(int){7}));
    tr_scope cancelled = tr_move_on_after(0);
    tr_try(tr_within(&cancelled, tr_receive(pipe.out, &number)));
    expect(number == 0); /* cancelled although there was something */
    expect(tr_receive(pipe.out, &number) == 1 && number == 7);
    tr_close_sender(&pipe.in);
    tr_close_receiver(&pipe.out);
    return 0;
}

static int a_cancelled_sender_has_sent_nothing(void *arg)
{
    (void)arg;
    struct pipe pipe = {.count = 0};
    int number;
    tr_try(open_pipe(&pipe, 1));
    tr_try(tr_send(pipe.in, &(int){1}));
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, tr_send(pipe.in, &(int){2})));
    expect(limit.cancelled_caught);
    tr_close_sender(&pipe.in);
    expect(tr_receive(pipe.out, &number) == 1 && number == 1);
    expect(tr_receive(pipe.out, &number) == 0);
    tr_close_receiver(&pipe.out);
    return 0;
}

/* The receiver was handed its item, and is cancelled before it runs again: the item is not lost. */
static int an_item_on_its_way_is_not_lost_to_cancellation(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    struct pipe pipe = {.rc = -1};
    tr_try(open_pipe(&pipe, 0));
    tr_try(tr_start_soon(n, receive_one, &pipe));
    tr_try(tr_sleep(1));
    tr_try(tr_send(pipe.in, &(int){7}));
    tr_cancel(n);
    tr_try(tr_join(n));
    expect(pipe.received == 1);
    tr_close_sender(&pipe.in);
    tr_close_receiver(&pipe.out);
    return 0;
}

static int pass_some(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(sender) in = NULL;
    tr_auto(receiver) out = NULL;
    tr_try(tr_open_channel(&in, &out, sizeof(int), 1));
    struct pipe pipe = {.count = 5};
    tr_try(tr_clone_sender(in, &pipe.in));
    tr_close_sender(&in);
    int rc = tr_start_soon(n, send_numbers, &pipe);
    if (rc < 0)
        tr_close_sender(&pipe.in);
    tr_try(rc);
    int number;
    while ((rc = tr_receive(out, &number)) > 0)
        continue;
    tr_try(rc);
    return tr_join(n);
}

static int send_one(void *arg)
{
    struct pipe *pipe = arg;
    pipe->rc = tr_send(pipe->in, &(int){7});
    return 0;
}

/* By another task, while it waits with this very handle, whether there are others or not. */
static int closing_a_handle_ends_the_waits_with_it(void *arg)
{
    (void)arg;
    for (int others = 0; others <= 1; others++) {
        struct pipe pipe = {.rc = 1}, sending = {.rc = 1};
        tr_auto(sender) in_again = NULL;
        tr_auto(receiver) out_again = NULL;
        tr_auto(nursery) n = tr_open_nursery();
        tr_try(open_pipe(&pipe, 0));
        tr_try(others ? tr_clone_receiver(pipe.out, &out_again) : 0);
        tr_try(tr_start_soon(n, receive_one, &pipe));
        tr_try(tr_sleep(1));
        tr_close_receiver(&pipe.out);
        tr_try(tr_join(n));
        expect(pipe.rc == TR_ECLOSED);
        tr_close_sender(&pipe.in);
        tr_close_receiver(&out_again);

        tr_auto(nursery) m = tr_open_nursery();
        tr_try(open_pipe(&sending, 0));
        tr_try(others ? tr_clone_sender(sending.in, &in_again) : 0);
        tr_try(tr_start_soon(m, send_one, &sending));
        tr_try(tr_sleep(1));
        tr_close_sender(&sending.in);
        int number;
        expect(tr_receive_now(sending.out, &number) == (others ? -EAGAIN : 0));
        tr_close_receiver(&sending.out);
        tr_try(tr_join(m));
        expect(sending.rc == TR_ECLOSED);
    }
    return 0;
}

/* Both handles go while the task waits: the channel does too, and must not be missed. */
static int a_wait_may_outlive_its_channel(void *arg)
{
    (void)arg;
    struct pipe pipe = {.rc = 1};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(open_pipe(&pipe, 0));
    tr_try(tr_start_soon(n, receive_one, &pipe));
    tr_try(tr_sleep(1));
    tr_close_receiver(&pipe.out);
    tr_close_sender(&pipe.in);
    tr_cancel(n);
    tr_try(tr_join(n));
    expect(pipe.rc == TR_ECLOSED);
    return 0;
}

/* Both ends of a channel, and a second handle of each. */
static int clone_both_ends(void *arg)
{
    (void)arg;
    tr_auto(sender) in = NULL;
    tr_auto(sender) in_again = NULL;
    tr_auto(receiver) out = NULL;
    tr_auto(receiver) out_again = NULL;
    tr_try(tr_open_channel(&in, &out, 1, 1));
    int rc = tr_clone_sender(in, &in_again);
    expect(rc == (in_again ? 0 : -ENOMEM));
    tr_try(rc);
    rc = tr_clone_receiver(out, &out_again);
    expect(rc == (out_again ? 0 : -ENOMEM));
    return rc;
}

static void running_out_of_memory_anywhere_is_a_clean_error(void **state)
{
    (void)state;
    run_short_of_memory(pass_some);
    run_short_of_memory(clone_both_ends);
}

static void outside_a_run_there_are_no_channels(void **state)
{
    (void)state;
    tr_sender *in = NULL;
    tr_receiver *out = NULL;
    assert_int_equal(tr_open_channel(&in, &out, 1, 1), TR_ENORUNTIME);
    assert_int_equal(tr_clone_sender(NULL, &in), TR_ENORUNTIME);
    assert_int_equal(tr_clone_receiver(NULL, &out), TR_ENORUNTIME);
    assert_int_equal(tr_send(NULL, "x"), TR_ENORUNTIME);
    assert_null(in);
    assert_null(out);
}

/* Two tasks that share a handle each have a variable with it, and only one of these is set to NULL. */
static int a_handle_that_somebody_else_closed_is_refused(void *arg)
{
    (void)arg;
    int item = 1;
    tr_sender *in, *same_in, *more = NULL;
    tr_receiver *out, *same_out, *others = NULL;
    tr_try(tr_open_channel(&in, &out, sizeof item, 1));
    same_in = in;
    same_out = out;
    tr_close_sender(&in);
    tr_close_receiver(&out);
    expect(tr_send(same_in, &item) == TR_ECLOSED && tr_send_now(same_in, &item) == TR_ECLOSED);
    expect(tr_receive(same_out, &item) == TR_ECLOSED && tr_receive_now(same_out, &item) == TR_ECLOSED);
    expect(tr_clone_sender(same_in, &more) == TR_ECLOSED && !more);
    expect(tr_clone_receiver(same_out, &others) == TR_ECLOSED && !others);
    tr_case cases[] = {tr_case_receive(same_out, &item), tr_case_send(same_in, &item)};
    expect(tr_select(cases, 2) == 0 && cases[0].rc == TR_ECLOSED);
    tr_close_sender(&same_in);
    tr_close_receiver(&same_out);
    expect(!same_in && !same_out);
    return 0;
}

static tr_sender *left_in;
static tr_receiver *left_out;

static int leave_a_channel_open(void *arg)
{
    (void)arg;
    return tr_open_channel(&left_in, &left_out, sizeof(int), 1);
}

static int use_what_was_left(void *arg)
{
    (void)arg;
    expect(tr_send_now(left_in, &(int){1}) == TR_ECLOSED);
    return 0;
}

static void a_channel_ends_with_its_run(void **state)
{
    (void)state;
    assert_int_equal(clock_world_run(leave_a_channel_open, NULL), 0);
    assert_int_equal(clock_world_run(use_what_was_left, NULL), 0);
    tr_close_sender(&left_in);
    tr_close_receiver(&left_out);
    assert_null(left_in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(numbers_pass_in_order_up_to_the_end),
        SCENARIO(a_sender_is_as_fast_as_its_receiver),
        SCENARIO(without_a_buffer_both_sides_meet),
        SCENARIO(each_item_goes_to_one_receiver),
        SCENARIO(the_end_comes_with_the_last_sender),
        SCENARIO(a_waiting_sender_learns_that_nobody_will_receive),
        SCENARIO(a_waiting_receiver_learns_of_the_end),
        SCENARIO(closed_ends_say_so),
        SCENARIO(closing_a_handle_ends_the_waits_with_it),
        SCENARIO(a_wait_may_outlive_its_channel),
        SCENARIO(sending_to_nobody_in_a_loop_lets_others_run),
        SCENARIO(a_cancelled_receiver_takes_nothing),
        SCENARIO(a_cancelled_sender_has_sent_nothing),
        SCENARIO(an_item_on_its_way_is_not_lost_to_cancellation),
        cmocka_unit_test(running_out_of_memory_anywhere_is_a_clean_error),
        cmocka_unit_test(outside_a_run_there_are_no_channels),
        SCENARIO(a_handle_that_somebody_else_closed_is_refused),
        cmocka_unit_test(a_channel_ends_with_its_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

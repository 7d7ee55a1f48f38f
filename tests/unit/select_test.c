/* tr_select, and sending and receiving without waiting. */
#include "support/tasks.h"

#include <errno.h>

/* Two channels of ints. */
struct pair {
    tr_sender *in[2];
    tr_receiver *out[2];
    int sent, rc;
};

static int open_pair(struct pair *pair, size_t capacity)
{
    tr_try(tr_open_channel(&pair->in[0], &pair->out[0], sizeof(int), capacity));
    return tr_open_channel(&pair->in[1], &pair->out[1], sizeof(int), capacity);
}

static void close_pair(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        tr_close_sender(&pair->in[i]);
        tr_close_receiver(&pair->out[i]);
    }
}

static int receive_from_either(struct pair *pair, int *ret_number, int *ret_rc)
{
    tr_case cases[] = {tr_case_receive(pair->out[0], ret_number), tr_case_receive(pair->out[1], ret_number)};
    int which = tr_select(cases, 2);
    if (which >= 0)
        *ret_rc = cases[which].rc;
    return which;
}

static int the_first_that_is_ready_is_done_alone(void *arg)
{
    (void)arg;
    struct pair pair;
    int number = 0, rc = -1;
    tr_try(open_pair(&pair, 3));
    tr_try(tr_send(pair.in[1], &(int){7}));
    expect(receive_from_either(&pair, &number, &rc) == 1 && rc == 1 && number == 7);
    tr_try(tr_send(pair.in[1], &(int){8}));
    tr_try(tr_send(pair.in[0], &(int){9}));
    expect(receive_from_either(&pair, &number, &rc) == 0 && number == 9); /* in the order of the cases */
    expect(tr_receive_now(pair.out[1], &number) == 1 && number == 8);
    close_pair(&pair);
    return 0;
}

static int send_to_the_second_later(void *arg)
{
    struct pair *pair = arg;
    tr_try(tr_sleep(1));
    tr_try(tr_send(pair->in[1], &(int){1}));
    tr_try(tr_send(pair->in[0], &(int){2}));
    pair->sent = 2;
    return 0;
}

static int who_waits_gets_what_comes_first_and_nothing_else(void *arg)
{
    (void)arg;
    for (size_t capacity = 0; capacity < 2; capacity++) {
        struct pair pair = {.sent = 0};
        int number = 0, rc = -1;
        tr_try(open_pair(&pair, capacity));
        tr_auto(nursery) n = tr_open_nursery();
        tr_try(tr_start_soon(n, send_to_the_second_later, &pair));
        expect(receive_from_either(&pair, &number, &rc) == 1 && number == 1);
        expect(pair.sent == 0 || capacity > 0);
        expect(tr_receive(pair.out[0], &number) == 1 && number == 2);
        tr_try(tr_join(n));
        close_pair(&pair);
    }
    return 0;
}

static int receive_the_second_later(void *arg)
{
    struct pair *pair = arg;
    tr_try(tr_sleep(1));
    return tr_receive(pair->out[1], &pair->rc);
}

static int a_sender_waits_for_whoever_receives_first(void *arg)
{
    (void)arg;
    struct pair pair = {.rc = 0};
    tr_try(open_pair(&pair, 0));
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, receive_the_second_later, &pair));
    tr_case cases[] = {tr_case_send(pair.in[0], &(int){5}), tr_case_send(pair.in[1], &(int){6})};
    expect(tr_select(cases, 2) == 1 && cases[1].rc == 0);
    tr_try(tr_join(n));
    expect(pair.rc == 6);
    expect(tr_receive_now(pair.out[0], &pair.rc) == -EAGAIN); /* the other was withdrawn */
    close_pair(&pair);
    return 0;
}

static int close_the_first_sender(void *arg)
{
    struct pair *pair = arg;
    tr_try(tr_sleep(1));
    tr_close_sender(&pair->in[0]);
    return 0;
}

static int an_end_counts_as_done(void *arg)
{
    (void)arg;
    struct pair pair;
    int number = 0, rc = -1;
    tr_try(open_pair(&pair, 0));
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, close_the_first_sender, &pair));
    expect(receive_from_either(&pair, &number, &rc) == 0 && rc == 0); /* it comes while waiting */
    rc = -1;
    expect(receive_from_either(&pair, &number, &rc) == 0 && rc == 0); /* and is there at once */
    tr_close_receiver(&pair.out[0]);
    tr_try(tr_send_now(pair.in[1], &(int){4}) == -EAGAIN ? 0 : -1);
    tr_close_sender(&pair.in[1]);
    expect(receive_from_either(&pair, &number, &rc) == 1 && rc == 0); /* what is closed is left out */
    tr_close_receiver(&pair.out[1]);
    expect(receive_from_either(&pair, &number, &rc) == TR_ECLOSED);
    return tr_join(n);
}

static int close_the_first_receiver(void *arg)
{
    struct pair *pair = arg;
    tr_try(tr_sleep(1));
    tr_close_receiver(&pair->out[0]);
    return 0;
}

static int a_broken_channel_counts_as_done(void *arg)
{
    (void)arg;
    struct pair pair;
    tr_try(open_pair(&pair, 0));
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, close_the_first_receiver, &pair));
    tr_case cases[] = {tr_case_send(pair.in[1], &(int){5}), tr_case_send(pair.in[0], &(int){6})};
    expect(tr_select(cases, 2) == 1 && cases[1].rc == TR_EBROKEN);
    cases[1].rc = 0;
    expect(tr_select(cases, 2) == 1 && cases[1].rc == TR_EBROKEN);
    close_pair(&pair);
    return tr_join(n);
}

static int a_cancelled_choice_has_done_nothing(void *arg)
{
    (void)arg;
    struct pair pair;
    int number = 0, rc = -1;
    tr_try(open_pair(&pair, 0));
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, receive_from_either(&pair, &number, &rc)));
    expect(limit.cancelled_caught && rc == -1);
    expect(tr_send_now(pair.in[0], &(int){1}) == -EAGAIN); /* nobody is there any more */
    expect(tr_send_now(pair.in[1], &(int){1}) == -EAGAIN);
    tr_scope now = tr_cancel_scope();
    tr_scope_cancel(&now);
    close_pair(&pair);
    tr_try(open_pair(&pair, 1));
    tr_try(tr_send(pair.in[0], &(int){1}));
    tr_try(tr_within(&now, receive_from_either(&pair, &number, &rc)));
    expect(now.cancelled_caught && tr_receive_now(pair.out[0], &number) == 1);
    close_pair(&pair);
    return 0;
}

struct chooser {
    struct pair *pair;
    tr_scope scope;
    int which, number;
};

static int choose(void *arg)
{
    struct chooser *chooser = arg;
    int rc;
    return tr_within(&chooser->scope, (chooser->which = receive_from_either(chooser->pair, &chooser->number, &rc)));
}

static int what_was_handed_over_is_not_lost_to_cancellation(void *arg)
{
    (void)arg;
    struct pair pair;
    tr_try(open_pair(&pair, 0));
    struct chooser chooser = {.pair = &pair, .scope = tr_cancel_scope()};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, choose, &chooser));
    tr_try(tr_sleep(1));
    tr_try(tr_send_now(pair.in[1], &(int){3}));
    tr_scope_cancel(&chooser.scope);
    tr_try(tr_join(n));
    expect(chooser.which == 1 && chooser.number == 3);
    close_pair(&pair);
    return 0;
}

/* Offers on the first and takes from the second, or the other way round. */
struct trader {
    struct pair *pair;
    int offers, which, got;
};

static int trade(void *arg)
{
    struct trader *trader = arg;
    int offer = 10 + trader->offers;
    tr_case cases[] = {tr_case_send(trader->pair->in[trader->offers], &offer),
                       tr_case_receive(trader->pair->out[1 - trader->offers], &trader->got)};
    trader->which = tr_select(cases, 2);
    return trader->which;
}

static int two_choices_meet_in_one_channel_only(void *arg)
{
    (void)arg;
    struct pair pair;
    tr_try(open_pair(&pair, 0));
    struct trader a = {&pair, 0, -1, 0}, b = {&pair, 1, -1, 0};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, trade, &a));
    tr_try(tr_start_soon(n, trade, &b));
    tr_try(tr_join(n));
    expect(a.which + b.which == 1); /* one sent, the other received */
    expect(a.which == 0 ? b.got == 10 : a.got == 11);
    close_pair(&pair);
    return 0;
}

static int both_sides(void *arg)
{
    struct trader *trader = arg;
    int offer = 10;
    tr_case cases[] = {tr_case_send(trader->pair->in[0], &offer),
                       tr_case_receive(trader->pair->out[0], &trader->got)};
    trader->which = tr_select(cases, 2);
    return 0;
}

static int who_is_on_both_sides_does_not_deal_with_himself(void *arg)
{
    (void)arg;
    struct pair pair;
    tr_try(open_pair(&pair, 0));
    struct trader alone = {&pair, 0, -1, 0}, other = {&pair, 0, -1, 0};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, both_sides, &alone));
    tr_try(tr_sleep(1));
    expect(alone.which == -1);
    tr_try(tr_start_soon(n, both_sides, &other));
    tr_try(tr_join(n));
    expect(alone.which + other.which == 1);
    expect(alone.got + other.got == 10);
    close_pair(&pair);
    return 0;
}

static int nonsense_is_refused(void *arg)
{
    (void)arg;
    struct pair pair;
    int number = 0;
    tr_try(open_pair(&pair, 1));
    tr_case many[TR_CASES_MOST + 1] = {0};
    expect(tr_select(NULL, 1) == TR_EARGUMENT);
    expect(tr_select(many, TR_CASES_MOST + 1) == TR_EARGUMENT);
    expect(tr_select(many, TR_CASES_MOST) == TR_ECLOSED);
    expect(tr_select(many, 0) == TR_ECLOSED);
    many[0] = (tr_case){.receiver = pair.out[0]};
    expect(tr_select(many, 1) == TR_EARGUMENT);
    many[0] = (tr_case){.receiver = pair.out[0], .sender = pair.in[0], .item = &number};
    expect(tr_select(many, 1) == TR_EARGUMENT);
    expect(tr_send_now(NULL, &number) == TR_ECLOSED && tr_receive_now(NULL, &number) == TR_ECLOSED);
    expect(tr_send_now(pair.in[0], NULL) == TR_EARGUMENT);
    close_pair(&pair);
    return 0;
}

static int without_waiting_says_when_it_would_wait(void *arg)
{
    (void)arg;
    struct pair pair;
    int number = 0;
    tr_try(open_pair(&pair, 2));
    expect(tr_receive_now(pair.out[0], &number) == -EAGAIN);
    expect(tr_error_is(tr_last_error(), "errno.EAGAIN"));
    tr_try(tr_send_now(pair.in[0], &(int){1}));
    tr_try(tr_send_now(pair.in[0], &(int){2}));
    expect(tr_send_now(pair.in[0], &(int){3}) == -EAGAIN);
    expect(tr_receive_now(pair.out[0], &number) == 1 && number == 1);
    tr_close_sender(&pair.in[0]);
    expect(tr_receive_now(pair.out[0], &number) == 1 && number == 2);
    expect(tr_receive_now(pair.out[0], &number) == 0);
    tr_close_receiver(&pair.out[1]);
    expect(tr_send_now(pair.in[1], &(int){1}) == TR_EBROKEN);
    close_pair(&pair);
    return 0;
}

static int receive_twice_from_one(void *arg)
{
    struct pair *pair = arg;
    int number;
    tr_case cases[] = {tr_case_receive(pair->out[1], &number), tr_case_receive(pair->out[0], &number),
                       tr_case_receive(pair->out[0], &number)};
    pair->sent = tr_select(cases, 3);
    pair->rc = cases[1].rc;
    return 0;
}

/* Both hands that the task has in that line are gone afterwards. */
static int a_handle_closed_by_another_task_counts_as_done(void *arg)
{
    (void)arg;
    struct pair pair;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(open_pair(&pair, 0));
    tr_try(tr_start_soon(n, receive_twice_from_one, &pair));
    tr_try(tr_sleep(1));
    tr_close_receiver(&pair.out[0]);
    tr_try(tr_join(n));
    expect(pair.sent == 1 && pair.rc == TR_ECLOSED);
    expect(tr_send_now(pair.in[1], &(int){1}) == -EAGAIN);
    close_pair(&pair);
    return 0;
}

enum { WORKERS = 20, EACH = 100 };

static int send_many_to_either(void *arg)
{
    struct pair *pair = arg;
    for (int i = 0; i < EACH; i++) {
        tr_case cases[] = {tr_case_send(pair->in[i % 2], &(int){1}), tr_case_send(pair->in[1 - i % 2], &(int){1})};
        tr_try(tr_select(cases, 2));
    }
    return 0;
}

static int nothing_is_lost_or_doubled_among_many(void *arg)
{
    (void)arg;
    struct pair pair;
    int number = 0, rc = 0, total = 0;
    tr_try(open_pair(&pair, 0));
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < WORKERS; i++)
        tr_try(tr_start_soon(n, send_many_to_either, &pair));
    for (int i = 0; i < WORKERS * EACH; i++) {
        tr_try(receive_from_either(&pair, &number, &rc));
        total += number * rc;
    }
    tr_try(tr_join(n));
    expect(total == WORKERS * EACH);
    close_pair(&pair);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(the_first_that_is_ready_is_done_alone),
        SCENARIO(who_waits_gets_what_comes_first_and_nothing_else),
        SCENARIO(a_sender_waits_for_whoever_receives_first),
        SCENARIO(an_end_counts_as_done),
        SCENARIO(a_broken_channel_counts_as_done),
        SCENARIO(a_handle_closed_by_another_task_counts_as_done),
        SCENARIO(a_cancelled_choice_has_done_nothing),
        SCENARIO(what_was_handed_over_is_not_lost_to_cancellation),
        SCENARIO(two_choices_meet_in_one_channel_only),
        SCENARIO(who_is_on_both_sides_does_not_deal_with_himself),
        SCENARIO(nonsense_is_refused),
        SCENARIO(without_waiting_says_when_it_would_wait),
        SCENARIO(nothing_is_lost_or_doubled_among_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Topics in the fake world: who gets what, when a producer begins and ends, what it fails with, misuse. */
#include "scenarios/exchange.h"

#include <math.h>

/* ---- who gets what --------------------------------------------------------------------------------------- */

static int two_actors(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *publisher, *a, *b;
    tr_try(start_publisher(n, &publisher));
    tr_try(tr_run_in_actor_with(n, &a, tr_options("a", .modules = tr_names("topics")), subscriber, .first = "X",
                                .second = "Y", .count = 40));
    tr_try(tr_run_in_actor_with(n, &b, tr_options("b", .modules = tr_names("topics")), subscriber, .first = "Y",
                                .second = "Z", .count = 20));
    tr_try(tr_result(b, NULL, subscriber));
    tr_try(tr_result(a, NULL, subscriber));
    tr_cancel(n);
    return 0;
}

static void two_actors_get_their_topics_and_nothing_else_from_one_producer(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct theatre *theatre = raise_curtain(seed, two_actors);
        expect_outcome(theatre, NULL);
        assert_int_equal(count_of(theatre, "producer begins"), 1);
        assert_int_equal(count_of(theatre, "producer ends"), 1);
        assert_non_null(strstr(theatre->said, "wanted: X Y\n")); /* b's are dropped as it leaves */
        assert_non_null(strstr(theatre->said, "Z"));
        expect_nothing_left(theatre);
    }
}

tr_context_fn(void, changing_quotes, (void, tr_list_tr_str, quote))
{
    tr_try(tr_ctx_started(ctx));
    return tr_serve_topics(ctx, "quotes", (tr_list_tr_str){0}, produce_for_ever, NULL);
}

static int expect_topic(tr_stream *mine, tr_list_tr_str symbols, tr_str symbol)
{
    quote got;
    tr_try(tr_stream_send(mine, changing_quotes, symbols));
    do {
        int rc = tr_next(mine, &got, changing_quotes);
        if (rc <= 0)
            return tr_raise("test.Failed", "the end instead of %s", symbol);
    } while (strcmp(got.symbol, symbol) != 0);
    return 0;
}

static int change_topics(tr_portal *publisher)
{
    tr_auto(stream) mine = NULL;
    tr_try(tr_open_context(publisher, &mine, NULL, changing_quotes));
    for (int i = 0; i < 5; i++) {
        tr_try(expect_topic(mine, tr_names("even"), "even"));
        tr_try(expect_topic(mine, tr_names("odd", "odd"), "odd"));
    }
    tr_try(tr_stream_send(mine, changing_quotes, {0}));
    tr_try(tr_stream_end(mine));
    tr_scope limit = tr_move_on_after(10);
    quote got;
    int rc;
    while ((rc = tr_within(&limit, tr_next(mine, &got, changing_quotes))) > 0)
        limit = tr_move_on_after(10);
    return rc < 0 || limit.cancelled_caught ? rc : tr_raise("test.Failed", "an end");
}

static int one_that_changes(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *publisher;
    tr_try(start_publisher(n, &publisher));
    tr_try(change_topics(publisher));
    tr_cancel(n);
    return 0;
}

static void a_subscriber_changes_its_topics_as_it_likes(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, one_that_changes);
    expect_outcome(theatre, NULL);
    assert_int_equal(count_of(theatre, "producer begins"), 1);
    assert_non_null(strstr(theatre->said, "wanted: even\nwanted: odd\nwanted: even\n"));
    assert_non_null(strstr(theatre->said, "wanted:\n"));
    expect_nothing_left(theatre);
}

/* ---- beginning and ending -------------------------------------------------------------------------------- */

static int one_after_the_other(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *publisher;
    tr_try(start_publisher(n, &publisher));
    for (int i = 1; i <= 3; i++) {
        tr_try(subscribe(publisher, "X", "Y", 6));
        if (seen.running != 0 || seen.begun != i || seen.published < 3 || seen.published > 4)
            return tr_raise("test.Failed", "%d of %d run, and have published %ld", seen.running, seen.begun,
                            (long)seen.published);
    }
    tr_cancel(n);
    return 0;
}

static void a_producer_ends_with_its_last_subscriber_and_the_next_begins_anew(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, one_after_the_other);
    expect_outcome(theatre, NULL);
    assert_int_equal(count_of(theatre, "producer begins"), 3);
    expect_nothing_left(theatre);
}

/* Takes a second to clean up: nobody may begin meanwhile. */
static int clean_up_slowly(tr_publisher *to, void *arg)
{
    (void)arg;
    tr_try(begin_producer());
    int rc = publish_all(to, 0.1);
    tr_scope shield = tr_shield();
    tr_try(tr_within(&shield, tr_sleep(1)));
    return note_end(rc);
}

tr_stream_fn(quote, slowly_ending, (tr_list_tr_str, symbols))
{
    return tr_serve_topics(ctx, "slowly ending", args->symbols, clean_up_slowly, NULL);
}

static int take_one(tr_portal *publisher)
{
    tr_auto(stream) mine = NULL;
    quote got;
    tr_try(tr_open_stream(publisher, &mine, slowly_ending, .symbols = tr_names("X")));
    int rc = tr_next(mine, &got, slowly_ending);
    return rc < 0 ? rc : rc == 1 && got.number == 1 ? 0 : tr_raise("test.Failed", "no value, or a late one");
}

static int take_one_later(void *publisher)
{
    tr_try(tr_sleep(0.5));
    return take_one(publisher);
}

static int overlap(tr_portal *publisher)
{
    tr_auto(nursery) n = tr_open_nursery();
    double begun = tr_now();
    tr_try(tr_start_soon(n, take_one_later, publisher));
    tr_try(take_one(publisher));
    tr_try(tr_join(n));
    double took = tr_now() - begun;
    return fabs(took - 2) < 2 * A_MOMENT_S ? 0 : tr_raise("test.Failed", "it took %g", took);
}

static int one_while_another_ends(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *publisher;
    tr_try(start_publisher(n, &publisher));
    tr_try(overlap(publisher));
    tr_cancel(n);
    return 0;
}

static void who_comes_while_a_producer_ends_waits_for_that(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, one_while_another_ends);
    expect_outcome(theatre, NULL);
    assert_int_equal(count_of(theatre, "producer begins"), 2);
    expect_nothing_left(theatre);
}

/* ---- producers that end, or fail ------------------------------------------------------------------------- */

/* Three values, when both topics are wanted; then what `arg` says. */
static int produce_three(tr_publisher *to, void *failure)
{
    tr_try(tr_wait_topic(to, "X"));
    tr_try(tr_wait_topic(to, "Y"));
    for (int64_t i = 1; i <= 3; i++)
        for (int k = 0; k < 2; k++)
            tr_try(tr_publish(to, quote, k ? "Y" : "X", {k ? "Y" : "X", i}));
    return failure ? tr_raise(failure, "the exchange has closed") : 0;
}

tr_stream_fn(quote, three, (tr_list_tr_str, symbols), (bool, fails))
{
    static char failure[] = "app.Closed";
    return tr_serve_topics(ctx, args->fails ? "failing" : "three", args->symbols, produce_three,
                           args->fails ? failure : NULL);
}

struct reader {
    tr_portal *publisher;
    const char *topic;
    bool fails;
};

static int read_to_the_end(void *arg)
{
    struct reader *reader = arg;
    tr_auto(stream) mine = NULL;
    quote got;
    int count = 0, rc;
    tr_try(tr_open_stream(reader->publisher, &mine, three, .symbols = tr_names(reader->topic), .fails = reader->fails));
    while ((rc = tr_next(mine, &got, three)) > 0)
        count++;
    say(count == 3 ? "three values" : "other values");
    return rc;
}

static int two_readers(tr_portal *publisher, bool fails)
{
    tr_auto(nursery) n = tr_open_nursery();
    struct reader x = {publisher, "X", fails}, y = {publisher, "Y", fails};
    tr_try(tr_start_soon(n, read_to_the_end, &x));
    tr_try(tr_start_soon(n, read_to_the_end, &y));
    return tr_join(n);
}

static int read_two(bool fails)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *publisher;
    tr_try(start_publisher(n, &publisher));
    tr_try(two_readers(publisher, false)); /* twice: the set is gone in between */
    int rc = two_readers(publisher, fails);
    tr_cancel(n);
    return tr_join_with(n, rc);
}

static int read_what_ends(void *arg)
{
    (void)arg;
    return read_two(false);
}

static int read_what_fails(void *arg)
{
    (void)arg;
    return read_two(true);
}

static void a_producer_that_ends_ends_all_streams(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, read_what_ends);
    expect_outcome(theatre, NULL);
    assert_int_equal(count_of(theatre, "three values"), 4);
    expect_nothing_left(theatre);
}

static void a_producers_failure_reaches_all_after_the_values_and_counts_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) { /* in some both have failed before one cancels the other */
        struct theatre *theatre = raise_curtain(seed, read_what_fails);
        expect_shape(theatre, "publisher > app.Closed(the exchange has closed)@publisher");
        assert_true(count_of(theatre, "three values") >= 3); /* the first to fail may cancel the other */
        expect_nothing_left(theatre);
    }
}

static int break_in_the_end(tr_publisher *to, void *arg)
{
    (void)arg;
    int rc = publish_all(to, 0.1);
    return rc == TR_ECANCELLED ? tr_raise("app.CleanUp", "could not log out") : rc;
}

tr_stream_fn(quote, breaking_in_the_end, (tr_list_tr_str, symbols))
{
    return tr_serve_topics(ctx, "breaking", args->symbols, break_in_the_end, NULL);
}

static int leave_what_breaks(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *publisher;
    tr_try(start_publisher(n, &publisher));
    {
        tr_auto(stream) mine = NULL;
        quote got;
        tr_try(tr_open_stream(publisher, &mine, breaking_in_the_end, .symbols = tr_names("X")));
        if (tr_next(mine, &got, breaking_in_the_end) != 1)
            return tr_raise("test.Failed", "no value");
    }
    tr_cancel(n);
    return tr_join(n);
}

static void what_fails_as_it_is_cancelled_is_the_last_ones_to_know(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, leave_what_breaks);
    expect_shape(theatre, "publisher > app.CleanUp(could not log out)@publisher");
    expect_nothing_left(theatre);
}

/* ---- misuse ---------------------------------------------------------------------------------------------- */

static int another_producer(tr_publisher *to, void *arg)
{
    (void)arg;
    return tr_publish(to, int64_t, "X", 1);
}

tr_stream_fn(quote, with_another_producer)
{
    return tr_serve_topics(ctx, "quotes", tr_names("X"), another_producer, NULL);
}

tr_stream_fn(int64_t, with_other_items)
{
    return tr_serve_topics(ctx, "quotes", tr_names("X"), produce_for_ever, NULL);
}

tr_stream_fn(quote, of_another_type)
{
    return tr_serve_topics(ctx, "other", tr_names("X"), another_producer, NULL);
}

tr_stream_fn(quote, nameless)
{
    return tr_serve_topics(ctx, NULL, tr_names("X"), produce_for_ever, NULL);
}

tr_stream_fn(quote, of_null)
{
    return tr_serve_topics(ctx, "quotes", tr_names("X", NULL), produce_for_ever, NULL);
}

tr_stream_fn(quote, of_nothing)
{
    return tr_serve_topics(ctx, "quotes", (tr_list_tr_str){0}, produce_for_ever, NULL);
}

tr_fn(void, no_stream)
{
    return tr_serve_topics(ctx, "quotes", tr_names("X"), produce_for_ever, NULL);
}

static int refused(int rc, const char *type, const char *sentence)
{
    const tr_error *error = rc == TR_EREMOTE ? tr_error_find(tr_last_error(), type) : NULL;
    if (error && strstr(tr_error_message(error), sentence))
        return 0;
    return tr_raise("test.Failed", "not \"%s\" but %s", sentence, rc < 0 ? tr_error_report(tr_last_error()) : "0");
}

/* Lists differ by what is in them. */
tr_stream_fn(tr_list_tr_str, of_another_list)
{
    return tr_send_yield(ctx, tr_list_int64_t, tr_list(int64_t, 1));
}

#define ASK(FN, ITEM)                                                                              \
    static int ask_##FN(tr_portal *publisher)                                                      \
    {                                                                                              \
        tr_auto(stream) mine = NULL;                                                               \
        ITEM item;                                                                                 \
        tr_try(tr_open_stream(publisher, &mine, FN));                                              \
        return tr_next(mine, &item, FN);                                                           \
    }
ASK(with_another_producer, quote)
ASK(with_other_items, int64_t)
ASK(of_another_type, quote)
ASK(of_another_list, tr_list_tr_str)
ASK(nameless, quote)
ASK(of_null, quote)
ASK(of_nothing, quote)

static int misuse(tr_portal *publisher)
{
    quote got;
    tr_auto(stream) mine = NULL;
    tr_try(tr_open_stream(publisher, &mine, quotes, .symbols = tr_names("X")));
    tr_try(tr_next(mine, &got, quotes));
    tr_try(refused(ask_with_another_producer(publisher), "Misuse", "have another producer"));
    tr_try(refused(ask_with_other_items(publisher), "Misuse", "items of type quote, not int64_t"));
    tr_try(refused(ask_of_another_type(publisher), "Misuse", "items of type quote, not int64_t"));
    tr_try(refused(ask_of_another_list(publisher), "Misuse", "yields values of type list, not"));
    tr_try(refused(ask_nameless(publisher), "ArgumentError", "have a name"));
    tr_try(refused(ask_of_null(publisher), "ArgumentError", "topic 2 of 2 of \"quotes\" is NULL"));
    tr_try(refused(ask_of_nothing(publisher), "ArgumentError", "wants no topic"));
    tr_try(refused(tr_call(publisher, NULL, no_stream), "Misuse", "no stream function"));
    return tr_next(mine, &got, quotes);
}

static int misuse_all(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *publisher;
    tr_try(start_publisher(n, &publisher));
    tr_try(misuse(publisher));
    tr_cancel(n);
    return 0;
}

static void misuse_is_told_and_costs_nobody_else_anything(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, misuse_all);
    expect_outcome(theatre, NULL);
    expect_nothing_left(theatre);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_actors_get_their_topics_and_nothing_else_from_one_producer),
        cmocka_unit_test(a_subscriber_changes_its_topics_as_it_likes),
        cmocka_unit_test(a_producer_ends_with_its_last_subscriber_and_the_next_begins_anew),
        cmocka_unit_test(who_comes_while_a_producer_ends_waits_for_that),
        cmocka_unit_test(a_producer_that_ends_ends_all_streams),
        cmocka_unit_test(a_producers_failure_reaches_all_after_the_values_and_counts_once),
        cmocka_unit_test(what_fails_as_it_is_cancelled_is_the_last_ones_to_know),
        cmocka_unit_test(misuse_is_told_and_costs_nobody_else_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

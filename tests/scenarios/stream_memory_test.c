/* Streams and contexts where memory runs out in the actor that opens them: what could not be opened does not run. */
#define TR_MODULE "stream_memory"
#include "scenarios/theatre.h"

#include <errno.h>
#include <string.h>

static int running;                 /* in all processes */

tr_stream_fn(int64_t, count_for_ever)
{
    int rc = 0;
    running++;
    for (int64_t i = 0; rc >= 0; i++)
        rc = tr_yield(ctx, i);
    running--;
    return rc;
}

tr_context_fn(void, wait_for_ever, (int64_t, int64_t, void))
{
    running++;
    int rc = tr_ctx_started(ctx, 1);
    if (rc >= 0)
        rc = tr_sleep_forever();
    running--;
    return rc;
}

static int open_a_stream(tr_portal *donny)
{
    tr_auto(stream) numbers = NULL;
    return tr_open_stream(donny, &numbers, count_for_ever);
}

static int open_a_context(tr_portal *donny)
{
    tr_auto(stream) both = NULL;
    int64_t first;
    return tr_open_context(donny, &both, &first, wait_for_ever);
}

static int open_and_look(tr_portal *donny, int (*open)(tr_portal *))
{
    say("about to open it");
    tr_try(tr_sleep(1));
    int rc = open(donny);
    if (rc < 0 && rc != -ENOMEM)
        return rc;
    tr_ignore(rc);
    tr_try(tr_sleep(3));
    want(running == 0);
    return 0;
}

static int stream_and_look(tr_portal *donny)
{
    return open_and_look(donny, open_a_stream);
}
PLAY(stream_and_look)

static int context_and_look(tr_portal *donny)
{
    return open_and_look(donny, open_a_context);
}
PLAY(context_and_look)

/* Whoever could not take it may try again, or come to the join without it. */
static int take_it(void *arg)
{
    tr_portal *donny;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_run_in_actor(n, &donny, "donny", count_for_ever));
    say("about to open it");
    tr_try(tr_sleep(1));
    {
        tr_auto(stream) numbers = NULL;
        int rc = tr_result_stream(donny, &numbers, count_for_ever);
        if (rc == -ENOMEM && arg)
            rc = tr_result_stream(donny, &numbers, count_for_ever);
        if (rc < 0 && (rc != -ENOMEM || arg))
            return rc;
        tr_ignore(rc);
    }
    return tr_join(n);
}

static int take_it_at_the_second_attempt(void *arg)
{
    (void)arg;
    return take_it(&running);
}

/* Each allocation in turn, from there on where it is opened. */
static void run_out_of_memory(int (*director)(void *))
{
    for (uint64_t n = 1;; n++) {
        running = 0;
        struct theatre *theatre = raise_curtain(1 + n % 3, director);
        run_until_said(theatre, "about to open it");
        process_fail_memory(theatre->root, n, false);
        run_to_the_end(theatre);
        bool failed = process_failed(theatre->root) > 0;
        assert_null(strstr(theatre->outcome, "test.Failed"));
        assert_null(strstr(theatre->outcome, "Misuse"));
        assert_int_equal(running, 0);
        expect_nothing_left(theatre);
        if (!failed)
            break;
        assert_true(n < 1000);
    }
}

#define OUT_OF_MEMORY(scenario, director)                                                                    \
    static void scenario(void **state)                                                                       \
    {                                                                                                        \
        (void)state;                                                                                         \
        run_out_of_memory(director);                                                                         \
    }

OUT_OF_MEMORY(a_stream_that_could_not_be_opened_does_not_run, play_stream_and_look)
OUT_OF_MEMORY(nor_does_a_context, play_context_and_look)
OUT_OF_MEMORY(an_actors_own_stream_that_could_not_be_taken_is_cancelled_at_the_join, take_it)
OUT_OF_MEMORY(or_taken_later, take_it_at_the_second_attempt)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_that_could_not_be_opened_does_not_run),
        cmocka_unit_test(nor_does_a_context),
        cmocka_unit_test(an_actors_own_stream_that_could_not_be_taken_is_cancelled_at_the_join),
        cmocka_unit_test(or_taken_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

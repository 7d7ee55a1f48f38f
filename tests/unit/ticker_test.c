/* Tickers on the virtual clock. */
#include "support/tasks.h"

#include <limits.h>

static int ticks_do_not_drift(void *arg)
{
    (void)arg;
    double start = tr_now();
    tr_ticker ticker = tr_ticker_of(0.1);
    for (int i = 1; i <= 10000; i++) {
        expect(tr_tick(&ticker) == 1);
        expect(about(tr_now(), start + i * 0.1));
        tr_try(tr_sleep(0.07 * (i % 2))); /* the work in between */
    }
    return 0;
}

static int missed_ticks_are_counted_and_not_made_up_for(void *arg)
{
    (void)arg;
    double start = tr_now();
    tr_ticker ticker = tr_ticker_of(1);
    tr_try(tr_sleep(3.5));
    expect(tr_tick(&ticker) == 3 && about(tr_now(), start + 3.5));
    expect(tr_tick(&ticker) == 1 && about(tr_now(), start + 4));
    tr_try(tr_sleep(2));
    expect(tr_tick(&ticker) == 2 && about(tr_now(), start + 6));
    expect(ticker.ticks == 6);
    return 0;
}

static int a_late_tick_is_a_checkpoint_too(void *arg)
{
    (void)arg;
    tr_ticker ticker = tr_ticker_of(1);
    tr_try(tr_sleep(5));
    tr_scope over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_tick(&ticker)));
    expect(over.cancelled_caught && ticker.ticks == 0);
    expect(tr_tick(&ticker) == 5);
    return 0;
}

static int a_cancelled_tick_is_not_lost(void *arg)
{
    (void)arg;
    double start = tr_now();
    tr_ticker ticker = tr_ticker_of(2);
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, tr_tick(&ticker)));
    expect(limit.cancelled_caught && ticker.ticks == 0);
    expect(tr_tick(&ticker) == 1 && about(tr_now(), start + 2));
    return 0;
}

static int periods_that_are_none_are_refused(void *arg)
{
    (void)arg;
    const double bad[] = {0, -1, NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tr_ticker ticker = tr_ticker_of(bad[i]);
        expect(tr_tick(&ticker) == TR_EARGUMENT);
        expect_error("ArgumentError", "period");
    }
    return 0;
}

static tr_ticker from_outside;

static int a_ticker_from_outside_is_refused(void *arg)
{
    (void)arg;
    expect(tr_tick(&from_outside) == TR_EARGUMENT);
    expect_error("ArgumentError", "cannot start at nan");
    return 0;
}

static int more_ticks_than_fit_are_told_bit_by_bit(void *arg)
{
    (void)arg;
    tr_ticker ticker = tr_ticker_of(1e-6);
    tr_try(tr_sleep(5000));
    expect(tr_tick(&ticker) == INT_MAX && tr_tick(&ticker) == INT_MAX);
    int rest = tr_tick(&ticker);
    expect(rest > 0 && rest < INT_MAX && about((double)ticker.ticks * 1e-6 / 5000, 1));
    return 0;
}

static void nothing_ticks_outside_a_run(void **state)
{
    (void)state;
    from_outside = tr_ticker_of(1);
    assert_int_equal(tr_tick(&from_outside), TR_ENORUNTIME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_ticks_outside_a_run),
        SCENARIO(ticks_do_not_drift),
        SCENARIO(missed_ticks_are_counted_and_not_made_up_for),
        SCENARIO(a_late_tick_is_a_checkpoint_too),
        SCENARIO(a_cancelled_tick_is_not_lost),
        SCENARIO(periods_that_are_none_are_refused),
        SCENARIO(a_ticker_from_outside_is_refused),
        SCENARIO(more_ticks_than_fit_are_told_bit_by_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

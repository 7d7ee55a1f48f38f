/* Tickers. Each tick's time is computed from the start, never from the tick before, so that no delay and no
 * rounding adds up. */
#include "base/error.h"
#include "sched/task.h"
#include "tractor/sync.h"

#include <limits.h>
#include <math.h>

tr_ticker tr_ticker_of(double period)
{
    return (tr_ticker){.start = tr_now(), .period = period};
}

static double due(const tr_ticker *ticker)
{
    return ticker->start + (double)(ticker->ticks + 1) * ticker->period;
}

/* All whose time has come. At least one: the wait for it was rounded to what the clock can tell. */
static int take(tr_ticker *ticker)
{
    double come = (tr_now() - ticker->start) / ticker->period - (double)ticker->ticks;
    int taken = come < 1 ? 1 : come < INT_MAX ? (int)come : INT_MAX;
    ticker->ticks += (uint64_t)taken;
    return taken;
}

int tr_tick(tr_ticker *ticker)
{
    tr_try(task_required());
    if (!(ticker->period > 0) || !isfinite(ticker->period) || !isfinite(ticker->start))
        return raise_code(TR_EARGUMENT, "a ticker cannot start at %g with a period of %g seconds",
                          ticker->start, ticker->period);
    tr_try(due(ticker) > tr_now() ? tr_sleep_until(due(ticker)) : tr_checkpoint());
    return take(ticker);
}

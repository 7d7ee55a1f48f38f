/* Streams that count from 1, for scenarios of those who read them. The includer says its TR_MODULE. */
#ifndef TESTS_COUNTING_H
#define TESTS_COUNTING_H

#include "scenarios/theatre.h"

/* Says "cancelled" if it was. */
tr_stream_fn(int64_t, count, (int64_t, last))
{
    int rc = 0;
    for (int64_t i = 1; i <= args->last && rc >= 0; i++)
        rc = tr_yield(ctx, i);
    if (rc == TR_ECANCELLED)
        say("cancelled");
    return rc;
}

tr_stream_fn(int64_t, count_and_break, (int64_t, last))
{
    for (int64_t i = 1; i <= args->last; i++)
        tr_try(tr_yield(ctx, i));
    return tr_raise("app.Broken", "after %lld", (long long)args->last);
}

#endif

#include "functions.h"

#include <math.h>
#include <string.h>

static double bounded(double seconds, double most)
{
    return seconds > 0 ? fmin(seconds, most) : 0;
}

tr_fn_def(echo)
{
    return tr_return_fmt("%s", args->text ? args->text : "nothing");
}

tr_fn_def(mirror)
{
    *ret = args->value;
    return 0;
}

tr_fn_def(points)
{
    *ret = args->all.count > 0 ? args->all : (tr_list_point){&args->one, 1};
    return 0;
}

tr_fn_def(wait_a_while)
{
    return tr_sleep(bounded(args->seconds, 1000));
}

tr_fn_def(stubborn)
{
    tr_scope shield = tr_shield();
    return tr_within(&shield, tr_sleep(bounded(args->seconds, 3)));
}

tr_fn_def(blob)
{
    static const char bytes[LARGEST_BLOB];
    *ret = (tr_bytes){bytes, args->size % (LARGEST_BLOB + 1)};
    return 0;
}

tr_fn_def(fail)
{
    return tr_raise(args->type, "%s", args->message ? args->message : "");
}

tr_stream_fn_def(count_to)
{
    for (uint32_t i = 1; i <= args->last % 1024; i++) {
        tr_try(tr_yield(ctx, i));
        tr_try(tr_sleep(bounded(args->pause, 1)));
    }
    return 0;
}

tr_stream_fn_def(blobs)
{
    static const char bytes[LARGEST_BLOB];
    for (uint32_t i = 0; i < args->count % 64; i++)
        tr_try(tr_yield(ctx, {bytes, args->size % (LARGEST_BLOB + 1)}));
    return 0;
}

tr_context_fn_def(talk)
{
    const tr_flow flow = {.overrun = args->overrun % (TR_OVERRUN_FAILS + 1), .messages = args->messages % 64};
    tr_try(tr_ctx_set_flow(ctx, &flow));
    tr_try(tr_sleep(bounded(args->pause, 1)));
    tr_try(tr_ctx_started(ctx, args->word));
    for (uint32_t i = 0; i < args->alone % 256; i++)
        tr_try(tr_yield(ctx, i));
    int64_t ball;
    int rc;
    for (*ret = 0; (rc = tr_ctx_receive(ctx, &ball)) > 0; ++*ret) {
        tr_try(tr_yield(ctx, (int64_t)((uint64_t)ball + 1)));
        tr_try(tr_sleep(bounded(args->pause, 1)));
    }
    return rc;
}

/* gcc: incompatible types when initializing; clang: incompatible type; */
#include "venue.h"

tr_stream_fn_def(watch)
{
#ifdef WRONG
    return tr_yield(ctx, args->venue);
#else
    return tr_yield(ctx, 1.5);
#endif
}

/* gcc: incompatible pointer type; clang: incompatible pointer types; */
#include "venue.h"

tr_context_fn_def(haggle)
{
    leg it;
    fee other;
    (void)it;
    (void)other;
    tr_try(tr_ctx_started(ctx, 7));
#ifdef WRONG
    return tr_ctx_receive(ctx, &other);
#else
    return tr_ctx_receive(ctx, &it);
#endif
}

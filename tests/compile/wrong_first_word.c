/* gcc: array of inappropriate type|makes integer from pointer; clang: incompatible pointer to integer conversion; */
#include "venue.h"

tr_context_fn_def(haggle)
{
    leg it;
#ifdef WRONG
    tr_try(tr_ctx_started(ctx, "seven"));
#else
    tr_try(tr_ctx_started(ctx, 7));
#endif
    return tr_ctx_receive(ctx, &it);
}

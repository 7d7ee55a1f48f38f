/* gcc: incompatible pointer type; clang: incompatible pointer types; */
#include "venue.h"

int trade(tr_nursery *nursery, tr_portal *portal)
{
    (void)nursery;
    int64_t placed; tr_str text; (void)text; (void)placed;
#ifdef WRONG
    return tr_result(portal, &text, place);
#else
    return tr_result(portal, &placed, place);
#endif
}

/* gcc: makes pointer from integer; clang: incompatible integer to pointer; */
#include "venue.h"

int trade(tr_nursery *nursery, tr_portal *portal)
{
    (void)nursery;
    int64_t placed;
#ifdef WRONG
    return tr_call(portal, &placed, place, 7);
#else
    return tr_call(portal, &placed, place, .limit = 7);
#endif
}

/* gcc: no member named .*limits; clang: does not refer to any field; */
#include "venue.h"

int trade(tr_nursery *nursery, tr_portal *portal)
{
    (void)nursery;
    int64_t placed;
#ifdef WRONG
    return tr_call(portal, &placed, place, .limits = 1);
#else
    return tr_call(portal, &placed, place, .limit = 1);
#endif
}

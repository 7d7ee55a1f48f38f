/* gcc: incompatible types; clang: incompatible type; */
#include "venue.h"

int trade(tr_nursery *nursery, tr_portal *portal)
{
    (void)nursery;
    int64_t placed; leg it = {0}; fee other = {0}; (void)it; (void)other;
#ifdef WRONG
    return tr_call(portal, &placed, place, .it = other);
#else
    return tr_call(portal, &placed, place, .it = it);
#endif
}

/* gcc: implicit declaration of function|undeclared|storage size|incomplete; clang: implicit declaration|undeclared|incomplete; */
#include "venue.h"

int trade(tr_nursery *nursery, tr_portal *portal)
{
    (void)nursery;
    int64_t placed;
#ifdef WRONG
    return tr_call(portal, &placed, plaice, .limit = 7);
#else
    return tr_call(portal, &placed, place, .limit = 7);
#endif
}

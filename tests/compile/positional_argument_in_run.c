/* gcc: makes pointer from integer; clang: incompatible integer to pointer; */
#include "venue.h"

int trade(tr_nursery *nursery, tr_portal *portal)
{
    (void)nursery;
    (void)portal;
#ifdef WRONG
    return tr_run_in_actor(nursery, NULL, "x", place, 7);
#else
    return tr_run_in_actor(nursery, NULL, "x", place, .limit = 7);
#endif
}

/* gcc: implicit declaration of function|undeclared|storage size|incomplete; clang: implicit declaration|undeclared|incomplete; */
#include "venue.h"

int trade(tr_nursery *nursery, tr_portal *portal)
{
    (void)nursery;
    (void)portal;
#ifdef WRONG
    return tr_run_in_actor(nursery, NULL, "x", plaice);
#else
    return tr_run_in_actor(nursery, NULL, "x", place);
#endif
}

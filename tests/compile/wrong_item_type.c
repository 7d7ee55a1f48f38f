/* gcc: incompatible pointer type; clang: incompatible pointer types; */
#include "venue.h"

int trade(tr_nursery *nursery, tr_portal *portal)
{
    (void)nursery;
    tr_auto(stream) prices = NULL;
    tr_try(tr_open_stream(portal, &prices, watch, .venue = "XETRA"));
    double price; int64_t volume; (void)price; (void)volume;
#ifdef WRONG
    return tr_next(prices, &volume, watch);
#else
    return tr_next(prices, &price, watch);
#endif
}

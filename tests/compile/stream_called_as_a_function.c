/* gcc: implicit declaration of function|undeclared; clang: implicit declaration of function|undeclared; */
#include "venue.h"

int trade(tr_nursery *nursery, tr_portal *portal)
{
    (void)nursery;
    double price; tr_stream *prices; (void)price; (void)prices;
#ifdef WRONG
    return tr_call(portal, &price, watch, .venue = "XETRA");
#else
    return tr_open_stream(portal, &prices, watch, .venue = "XETRA");
#endif
}

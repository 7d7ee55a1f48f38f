/* gcc: incompatible pointer type; clang: incompatible pointer types; */
#include "venue.h"

int trade(tr_nursery *nursery, tr_portal *portal)
{
    (void)nursery;
    tr_auto(stream) talk = NULL;
    int64_t first = 0;
    double word = 0;
    (void)word;
    tr_try(tr_open_context(portal, &talk, &first, haggle, .limit = 3));
#ifdef WRONG
    return tr_stream_result(talk, &first, haggle);
#else
    return tr_stream_result(talk, &word, haggle);
#endif
}

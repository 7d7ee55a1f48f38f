/* gcc: incompatible pointer type; clang: incompatible pointer types; */
#include "venue.h"

tr_struct(kennel, (int64_t, doggy));
tr_struct(cattery, (int64_t, kitty));

int look(void)
{
    kennel *dogs;
    cattery *cats;
    (void)dogs, (void)cats;
#ifdef WRONG
    return tr_get_statespace(&cats, kennel);
#else
    return tr_get_statespace(&dogs, kennel);
#endif
}

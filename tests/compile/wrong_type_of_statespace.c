/* gcc: incompatible pointer type; clang: incompatible pointer types; */
#include "venue.h"

tr_struct(kennel, (int64_t, doggy));
tr_struct(cattery, (int64_t, kitty));

int begin(tr_nursery *nursery)
{
    kennel dogs = {.doggy = 10};
    cattery cats = {.kitty = 10};
    (void)dogs, (void)cats;
#ifdef WRONG
    return tr_start_actor(nursery, NULL, "keeper", .statespace = tr_statespace(kennel, &cats));
#else
    return tr_start_actor(nursery, NULL, "keeper", .statespace = tr_statespace(kennel, &dogs));
#endif
}

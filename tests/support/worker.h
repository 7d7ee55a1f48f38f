/* The actor that most scenarios need: one that serves the scenario's own file, until it is told to end. */
#ifndef TESTS_WORKER_H
#define TESTS_WORKER_H

#include <tractor.h>

#define start(nursery, ret_portal)                                                                 \
    tr_start_actor((nursery), (ret_portal), "worker", .modules = tr_names(tr_this_module()))

static inline int end(tr_nursery *nursery, tr_portal *portal)
{
    tr_try(tr_cancel_actor(portal));
    return tr_join(nursery);
}

#endif

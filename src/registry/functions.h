/* What can be asked of a registry, as remote functions like any others. Roots serve them to everybody. A file that
 * includes this defines TR_MODULE as "tractor.registry" first. */
#ifndef REGISTRY_FUNCTIONS_H
#define REGISTRY_FUNCTIONS_H

#include "tractor/registry.h"

/* Makes the caller known, as who it is by its greeting, for as long as this session lasts. */
tr_fn_decl(void, tr_registry_enroll, (double, started), (tr_list_tr_str, modules));

/* A root makes those of its own tree known, for as long as this session lasts: these have come, and then those
 * have gone. What is refused is an error, and the others are registered all the same. */
tr_fn_decl(void, tr_registry_mirror, (tr_list_tr_registration, joined), (tr_list_tr_str, left));

/* The oldest of that name, so many at most / one of that name, once there is one. */
tr_fn_decl(tr_list_tr_registration, tr_registry_find, (tr_str, name), (uint32_t, most));
tr_fn_decl(tr_registration, tr_registry_wait, (tr_str, name));

/* All that have this name and begin with this prefix, each unless it is NULL / with this prefix, and what happens. */
tr_stream_fn_decl(tr_registration, tr_registry_query, (tr_str, name), (tr_str, prefix));
tr_stream_fn_decl(tr_actor_event, tr_registry_watch, (tr_str, prefix));

/* The address of the shared arbiter that this root is with; "" when it is with none, or is one itself. */
tr_fn_decl(tr_str, tr_registry_arbiter);

#endif

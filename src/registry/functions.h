/* What can be asked of an arbiter, as remote functions like any others. The arbiter serves them to
 * everybody. A file that includes this defines TR_MODULE as "tractor.registry" first. */
#ifndef REGISTRY_FUNCTIONS_H
#define REGISTRY_FUNCTIONS_H

#include "tractor/actor.h"

tr_struct(tr_directory_entry, (tr_str, name), (tr_str, uuid), (tr_str, address), (int32_t, pid));
tr_list_of(tr_directory_entry);

/* Makes the caller known, as who it is by its greeting. */
tr_fn_decl(void, tr_registry_enroll);
/* All of that name / the first of that name, once there is one. */
tr_fn_decl(tr_list_tr_directory_entry, tr_registry_find, (tr_str, name));
tr_fn_decl(tr_directory_entry, tr_registry_wait, (tr_str, name));

#endif

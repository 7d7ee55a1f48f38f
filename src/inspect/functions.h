/* What every actor tells its user's tools, as remote functions like any others; serve.c says to whom. A file that
 * includes this defines TR_MODULE as "tractor.inspect" first, which is INSPECT_MODULE. */
#ifndef INSPECT_FUNCTIONS_H
#define INSPECT_FUNCTIONS_H

#include "tractor/inspect.h"

tr_fn_decl(tr_actor_state, tr_inspect_state_of);
tr_fn_decl(tr_str, tr_inspect_tasks_of);

#endif

/* What every actor tells its user's tools, as remote functions like any others; serve.c says to whom. A file that
 * includes this defines TR_MODULE as "tractor.inspect" first, which is INSPECT_MODULE. */
#ifndef INSPECT_FUNCTIONS_H
#define INSPECT_FUNCTIONS_H

#include "tractor/inspect.h"

tr_fn_decl(tr_actor_state, tr_inspect_state_of);
tr_fn_decl(tr_str, tr_inspect_tasks_of);

/* A function with its types, each of which speaks of those before it only. */
tr_struct(shape_member, (tr_str, name), (uint32_t, type), (tr_value, fallback));
tr_list_of(shape_member);
tr_struct(type_shape, (tr_str, name), (uint8_t, kind), (uint32_t, item), (tr_list_shape_member, members));
tr_list_of(type_shape);
tr_struct(function_shape, (tr_str, module), (tr_str, name), (uint8_t, way), (tr_list_type_shape, types),
          (tr_list_shape_member, args), (uint32_t, out), (uint32_t, first), (uint32_t, heard), (uint32_t, item));

/* All that this actor serves and that begin so; in no order. */
tr_stream_fn_decl(function_shape, tr_inspect_functions_of, (tr_str, which));

/* What it says from now on, of that level or above; NULL or "": of what it says anyway. */
tr_stream_fn_decl(tr_log_line, tr_inspect_log_of, (tr_str, level));

#endif

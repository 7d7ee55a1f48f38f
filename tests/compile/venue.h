/* What the cases call. */
#include <tractor.h>

tr_struct(leg, (tr_str, venue), (int64_t, qty));
tr_struct(fee, (double, rate));
tr_fn_decl(int64_t, place, (leg, it), (bool, dry_run), (int64_t, limit), (tr_str, note));
int trade(tr_nursery *nursery, tr_portal *portal);
tr_stream_fn_decl(double, watch, (tr_str, venue));
tr_context_fn_decl(double, haggle, (int64_t, leg, tr_str), (int64_t, limit));

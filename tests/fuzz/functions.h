/* What the fuzzed actor serves, and what it calls: the same functions. */
#define TR_MODULE "fuzz"
#ifndef FUZZ_FUNCTIONS_H
#define FUZZ_FUNCTIONS_H

#include "tractor.h"

enum { LARGEST_BLOB = 64 * 1024 };

tr_struct(point, (int32_t, x), (int32_t, y, 3), (tr_list_tr_str, labels));
tr_list_of(point);

tr_fn_decl(tr_str, echo, (tr_str, text));
tr_fn_decl(tr_value, mirror, (tr_value, value));
tr_fn_decl(tr_list_point, points, (tr_list_point, all), (point, one));
tr_fn_decl(void, wait_a_while, (double, seconds));         /* may be cancelled */
tr_fn_decl(void, stubborn, (double, seconds));             /* not heeding that, three seconds at most */
tr_fn_decl(tr_bytes, blob, (uint32_t, size));              /* a large result, of LARGEST_BLOB at most */
tr_fn_decl(void, fail, (tr_str, type), (tr_str, message));
tr_stream_fn_decl(int64_t, count_to, (uint32_t, last), (double, pause));
tr_stream_fn_decl(tr_bytes, blobs, (uint32_t, size), (uint32_t, count));

#endif

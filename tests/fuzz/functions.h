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

/* Counts by itself first, then answers each ball by the next, and returns how many there were; hears at most so many
 * at a time, and what becomes of more than that. */
tr_context_fn_decl(int64_t, talk, (tr_str, int64_t, int64_t), (tr_str, word), (uint32_t, alone), (uint32_t, messages),
                   (uint8_t, overrun), (double, pause));

#endif

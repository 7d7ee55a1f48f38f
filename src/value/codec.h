/* The typed codec: C values to msgpack and back, driven by the type's description, straight into the
 * outgoing buffer and straight out of the incoming bytes.
 *
 * The decoder trusts nothing. It never reads past the given bytes, never allocates more than a small
 * multiple of them, goes no deeper than CODEC_DEPTH, and accepts exactly one value. */
#ifndef VALUE_CODEC_H
#define VALUE_CODEC_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/far.h"
#include "tractor/value.h"

enum { CODEC_DEPTH = 32 };       /* of nesting, in types and in free-form values */
enum { CODEC_AGREED = 16 };      /* how deep the type is known to whoever knows a signature; see function.h */

/* Bytes of what is encoded at once: a message. A text or byte string that is larger is refused before it is copied. */
enum { CODEC_MOST = 16 * 1024 * 1024 };

/* Byte strings below this travel with their message, even if they might lie elsewhere (base/far.h): to copy so few
 * costs less than to keep account of where they are. */
enum { CODEC_LARGE = 16 * 1024 };

/* Below this they are copied, even if they might be read in place. */
enum { CODEC_IN_PLACE = 256 };

/* A cursor over received bytes; what was taken is no longer there. */
struct reader {
    const uint8_t *at;
    size_t left;
    size_t far;                 /* bytes that lie elsewhere, of what was taken */
    struct far_source *source;  /* where that is; NULL: nowhere, and there may be none */
    bool in_place, lent;        /* byte strings may be left where they are / and some were */
};

/* Appends the value at `value`. 0, -ENOMEM, or TR_EARGUMENT for what cannot be sent (a list with
 * a count but no items, a value nested too deep), raised with the path to it. A struct's zero members
 * that have a default are left out. void is sent as nil. */
int codec_encode(struct buf *out, const tr_type *type, const void *value);

/* Reads one value into *ret_value, which is untouched on failure; what it points to lives in `memory`.
 * 0, -ENOMEM, or TR_EARGUMENT raised with a message that names the path ("legs[2].qty: ..."), what was
 * expected and what came. A struct is a map of members by their names, or a list of all in their order. A missing
 * member, or one that is zero, gets its default if it has one; an unknown
 * one is an error naming it, as is one given twice. Integers are accepted in any msgpack width but must fit;
 * a double takes integers too; nil stands for a null string, empty bytes, an empty list or void, and nothing
 * else. */
int codec_decode(struct reader *from, const tr_type *type, struct arena *memory, void *ret_value);

/* The same for somebody who has the same type, as he has who knows the same signature: of structs all members are there
 * and in their order, which is shorter than with their names. And by somebody who lends large byte strings; NULL for
 * nobody. */
int codec_encode_agreed(struct buf *out, struct far_lender *lender, const tr_type *type, const void *value);

/* The same for a struct's members given as a bare table, which is how a function's arguments are known. `record` is all
 * zero when they are decoded, and to be thrown away when that fails. */
int codec_encode_fields(struct buf *out, const tr_field *fields, const void *record);
int codec_decode_fields(struct reader *from, const tr_field *fields, struct arena *memory, void *record);

static inline size_t count_fields(const tr_field *fields)
{
    size_t count = 0;
    while (fields[count].name)
        count++;
    return count;
}

/* Gives each member that is zero its default. */
void codec_fill_in_defaults(const tr_field *fields, void *record);

/* Whether values of one can be taken for values of the other: files that declare the same struct each describe it. */
bool type_is_same(const tr_type *a, const tr_type *b);

/* The parts of a frame: an array of a known length, its elements one by one. */
int codec_put_array(struct buf *out, size_t count);
int codec_get_array(struct reader *from, size_t *ret_count);
/* An integer, and not a negative one. TR_EARGUMENT, raised, for anything else. */
int codec_get_uint(struct reader *from, uint64_t *ret_number);

/* Steps over one whole value, checking it; *ret_span is the bytes it took. */
int codec_skip(struct reader *from, tr_bytes *ret_span);
/* The same for so many, one at least; *ret_last is how many bytes the last of them is, those that lie elsewhere
 * included. */
int codec_skip_several(struct reader *from, size_t count, tr_bytes *ret_span, size_t *ret_last);

/* Calls fn(arg, place, size) for each byte string in whole values that lies elsewhere. 0, or its first negative
 * result. */
int codec_each_far(tr_bytes values, int (*fn)(void *arg, uint32_t place, size_t size), void *arg);

#endif

/* The wire's primitives: one msgpack head at a time. Nothing here knows about types of the library. */
#ifndef VALUE_MSGPACK_H
#define VALUE_MSGPACK_H

#include "base/buf.h"
#include "value/codec.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

enum msgpack_kind {
    MSGPACK_NIL, MSGPACK_BOOL, MSGPACK_UINT, MSGPACK_INT, MSGPACK_REAL, MSGPACK_FAR, MSGPACK_STR,
    MSGPACK_BIN, MSGPACK_ARRAY, MSGPACK_MAP, MSGPACK_KINDS
};

/* Binary that lies elsewhere is an extension of this type and 8 bytes: where, and how many there are, one at least. */
enum { MSGPACK_FAR_TYPE = 1 };

/* What stands next; only what its kind has is set. Of a string or binary also the bytes; of an array or map only how
 * many follow. */
struct msgpack_head {
    enum msgpack_kind kind;
    bool boolean;
    uint64_t number;            /* UINT; also INT, as two's complement, which is then negative; where FAR is */
    double real;
    size_t count;               /* bytes, items or pairs */
    const uint8_t *bytes;
};

/* Takes the next head (and bytes). False when the input ends before, or it is of no kind above, or an array
 * or map claims more items than bytes are left; nothing is taken then. */
bool msgpack_take_any(struct reader *from, struct msgpack_head *ret);

/* Steps over one whole value. False when the input ends before, or makes no sense. It does not recurse: what is still
 * to come is one number, and the depth needs no limit. */
bool msgpack_skip(struct reader *from);

/* "a string", "nil": for messages. */
const char *msgpack_kind_name(enum msgpack_kind kind);

/* Each appends in the fewest bytes possible; 0 or -ENOMEM. */
int msgpack_put_nil(struct buf *out);
int msgpack_put_bool(struct buf *out, bool value);
int msgpack_put_int(struct buf *out, int64_t value);
int msgpack_put_str(struct buf *out, const char *text, size_t size);
int msgpack_put_bin(struct buf *out, const void *bytes, size_t size);
int msgpack_put_far(struct buf *out, uint32_t place, uint32_t size);
int msgpack_put_map(struct buf *out, size_t count);
int msgpack_put_long_array(struct buf *out, size_t count);

/* ---- here, since most of what there is is numbers and short arrays of them ---------------------------------- */

enum { MSGPACK_SHORT_ARRAY = 0x90, MSGPACK_LARGEST_HEAD = 1 + sizeof(uint64_t) };

/* A leading byte and `width` bytes of a number, the most significant first. All eight are written, where there is room
 * for them, and as many count as there shall be. */
static inline int msgpack_put_head(struct buf *out, uint8_t lead, uint64_t number, size_t width)
{
    if (buf_space(out) < MSGPACK_LARGEST_HEAD && buf_reserve(out, MSGPACK_LARGEST_HEAD) < 0)
        return -ENOMEM;
    const uint64_t first_first = htobe64(number << ((64 - 8 * width) % 64));
    uint8_t *end = buf_end(out);
    end[0] = lead;
    memcpy(end + 1, &first_first, sizeof first_first);
    buf_added(out, 1 + width);
    return 0;
}

static inline int msgpack_put_uint(struct buf *out, uint64_t value)
{
    if (value < 0x80)
        return msgpack_put_head(out, (uint8_t)value, 0, 0);
    const unsigned width_log = value <= UINT8_MAX ? 0 : value <= UINT16_MAX ? 1 : value <= UINT32_MAX ? 2 : 3;
    return msgpack_put_head(out, (uint8_t)(0xcc + width_log), value, (size_t)1 << width_log);
}

static inline int msgpack_put_real(struct buf *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return msgpack_put_head(out, 0xcb, bits, sizeof bits);
}

static inline int msgpack_put_array(struct buf *out, size_t count)
{
    return count < 16 ? msgpack_put_head(out, (uint8_t)(MSGPACK_SHORT_ARRAY | count), 0, 0)
                      : msgpack_put_long_array(out, count);
}

/* The next head, as msgpack_take_any. */
static inline bool msgpack_take(struct reader *from, struct msgpack_head *ret)
{
    const unsigned count = from->left > 0 ? from->at[0] ^ MSGPACK_SHORT_ARRAY : UINT8_MAX;
    if (count >= 16 || count >= from->left)
        return msgpack_take_any(from, ret);
    ret->kind = MSGPACK_ARRAY;
    ret->count = count;
    from->at++;
    from->left--;
    return true;
}

/* A number as most are written: an integer that is not negative, or a real of 8 bytes. False for all else, though it
 * may be one: nothing is taken then, and msgpack_take knows. */
static inline bool msgpack_take_quick_uint(struct reader *from, uint64_t *ret)
{
    const uint8_t lead = from->left > 0 ? from->at[0] : UINT8_MAX;
    size_t width = 0;
    uint64_t number = lead;
    if (lead >= 0x80) {
        if ((lead & 0xfc) != 0xcc || from->left <= sizeof number)
            return false;
        width = (size_t)1 << (lead & 3);
        memcpy(&number, from->at + 1, sizeof number); /* the first of these eight are it */
        number = be64toh(number) >> (64 - 8 * width);
    }
    *ret = number;
    from->at += 1 + width;
    from->left -= 1 + width;
    return true;
}

static inline bool msgpack_take_quick_real(struct reader *from, double *ret)
{
    uint64_t number;
    if (from->left <= sizeof number || from->at[0] != 0xcb)
        return false;
    memcpy(&number, from->at + 1, sizeof number);
    number = be64toh(number);
    memcpy(ret, &number, sizeof number);
    from->at += 1 + sizeof number;
    from->left -= 1 + sizeof number;
    return true;
}

#endif

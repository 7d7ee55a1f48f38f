/* Msgpack heads, written in the fewest bytes and read in any width. The reader checks every length against
 * the bytes that are left before it believes it: an item takes at least one byte and a pair two, so a count
 * that passes is one that the input can hold. */
#include "value/msgpack.h"

#include "base/panic.h"

#include <errno.h>

enum { FAR_LEAD = 0xd7 };       /* of an extension of 8 bytes */

/* ---- writing ---------------------------------------------------------------------------------------- */

int msgpack_put_nil(struct buf *out)
{
    return msgpack_put_head(out, 0xc0, 0, 0);
}

int msgpack_put_bool(struct buf *out, bool value)
{
    return msgpack_put_head(out, value ? 0xc3 : 0xc2, 0, 0);
}

int msgpack_put_int(struct buf *out, int64_t value)
{
    if (value >= 0)
        return msgpack_put_uint(out, (uint64_t)value);
    if (value >= -32)
        return msgpack_put_head(out, (uint8_t)value, 0, 0);
    if (value >= INT8_MIN)
        return msgpack_put_head(out, 0xd0, (uint64_t)value, 1);
    if (value >= INT16_MIN)
        return msgpack_put_head(out, 0xd1, (uint64_t)value, 2);
    return value >= INT32_MIN ? msgpack_put_head(out, 0xd2, (uint64_t)value, 4)
                              : msgpack_put_head(out, 0xd3, (uint64_t)value, 8);
}

/* The leading bytes of one kind of thing that has a count, by the count's width. */
struct counted {
    uint8_t fix, fix_most;      /* the count inside the leading byte; fix 0: no such form */
    uint8_t lead[3];            /* for 1, 2 and 4 bytes; 0: no such form */
};

static const struct counted str = {0xa0, 31, {0xd9, 0xda, 0xdb}};
static const struct counted bin = {0, 0, {0xc4, 0xc5, 0xc6}};
static const struct counted array = {MSGPACK_SHORT_ARRAY, 15, {0, 0xdc, 0xdd}};
static const struct counted map = {0x80, 15, {0, 0xde, 0xdf}};

static int put_count(struct buf *out, const struct counted *of, size_t count)
{
    if (of->fix && count <= of->fix_most)
        return msgpack_put_head(out, (uint8_t)(of->fix | count), 0, 0);
    if (of->lead[0] && count <= UINT8_MAX)
        return msgpack_put_head(out, of->lead[0], count, 1);
    if (count <= UINT16_MAX)
        return msgpack_put_head(out, of->lead[1], count, 2);
    return count <= UINT32_MAX ? msgpack_put_head(out, of->lead[2], count, 4) : -EMSGSIZE;
}

int msgpack_put_str(struct buf *out, const char *text, size_t size)
{
    int rc = put_count(out, &str, size);
    return rc < 0 ? rc : buf_append(out, text, size);
}

int msgpack_put_bin(struct buf *out, const void *bytes, size_t size)
{
    int rc = put_count(out, &bin, size);
    return rc < 0 ? rc : buf_append(out, bytes, size);
}

int msgpack_put_far(struct buf *out, uint32_t place, uint32_t size)
{
    uint8_t bytes[10] = {FAR_LEAD, MSGPACK_FAR_TYPE};
    uint64_t both = htobe64((uint64_t)place << 32 | size);
    memcpy(bytes + 2, &both, sizeof both);
    return buf_append(out, bytes, sizeof bytes);
}

int msgpack_put_long_array(struct buf *out, size_t count)
{
    return put_count(out, &array, count);
}

int msgpack_put_map(struct buf *out, size_t count)
{
    return put_count(out, &map, count);
}

/* ---- reading ---------------------------------------------------------------------------------------- */

/* What a leading byte says: the kind, and how many bytes of number follow, or else which of its own bits are it. */
struct form {
    uint8_t kind;               /* MSGPACK_KINDS: none of ours */
    uint8_t width, bits;
};

/* From 0xc0 to 0xdf each is another one. */
static const struct form singles[] = {
    [0x00] = {MSGPACK_NIL, 0, 0},   [0x01] = {MSGPACK_KINDS, 0, 0}, [0x02] = {MSGPACK_BOOL, 0, 1},
    [0x03] = {MSGPACK_BOOL, 0, 1},  [0x04] = {MSGPACK_BIN, 1, 0},   [0x05] = {MSGPACK_BIN, 2, 0},
    [0x06] = {MSGPACK_BIN, 4, 0},   [0x07] = {MSGPACK_KINDS, 0, 0}, [0x08] = {MSGPACK_KINDS, 0, 0},
    [0x09] = {MSGPACK_KINDS, 0, 0}, [0x0a] = {MSGPACK_REAL, 4, 0},  [0x0b] = {MSGPACK_REAL, 8, 0},
    [0x0c] = {MSGPACK_UINT, 1, 0},  [0x0d] = {MSGPACK_UINT, 2, 0},  [0x0e] = {MSGPACK_UINT, 4, 0},
    [0x0f] = {MSGPACK_UINT, 8, 0},  [0x10] = {MSGPACK_INT, 1, 0},   [0x11] = {MSGPACK_INT, 2, 0},
    [0x12] = {MSGPACK_INT, 4, 0},   [0x13] = {MSGPACK_INT, 8, 0},   [0x14] = {MSGPACK_KINDS, 0, 0},
    [0x15] = {MSGPACK_KINDS, 0, 0}, [0x16] = {MSGPACK_KINDS, 0, 0}, [0x17] = {MSGPACK_KINDS, 0, 0},
    [0x18] = {MSGPACK_KINDS, 0, 0}, [0x19] = {MSGPACK_STR, 1, 0},   [0x1a] = {MSGPACK_STR, 2, 0},
    [0x1b] = {MSGPACK_STR, 4, 0},   [0x1c] = {MSGPACK_ARRAY, 2, 0}, [0x1d] = {MSGPACK_ARRAY, 4, 0},
    [0x1e] = {MSGPACK_MAP, 2, 0},   [0x1f] = {MSGPACK_MAP, 4, 0},
};

/* The others have a part of their number in themselves, and their kind in the upper half. */
static const struct form ranges[] = {
    {MSGPACK_UINT, 0, 0x7f}, {MSGPACK_UINT, 0, 0x7f},  {MSGPACK_UINT, 0, 0x7f}, {MSGPACK_UINT, 0, 0x7f},
    {MSGPACK_UINT, 0, 0x7f}, {MSGPACK_UINT, 0, 0x7f},  {MSGPACK_UINT, 0, 0x7f}, {MSGPACK_UINT, 0, 0x7f},
    {MSGPACK_MAP, 0, 0x0f},  {MSGPACK_ARRAY, 0, 0x0f}, {MSGPACK_STR, 0, 0x1f},  {MSGPACK_STR, 0, 0x1f},
    {MSGPACK_KINDS, 0, 0},   {MSGPACK_KINDS, 0, 0},    {MSGPACK_INT, 0, 0xff},  {MSGPACK_INT, 0, 0xff},
};

static struct form form_of(uint8_t lead)
{
    return lead >= 0xc0 && lead < 0xe0 ? singles[lead - 0xc0] : ranges[lead >> 4];
}

/* Of a head, which is all there. The most significant byte is the first; eight are loaded at once where there are so
 * many. */
static uint64_t number_of(const struct reader *from, struct form form)
{
    uint64_t number = 0;
    if (form.width == 0)
        return from->at[0] & form.bits;
    if (from->left > sizeof number) {
        memcpy(&number, from->at + 1, sizeof number);
        return be64toh(number) >> (64 - 8 * form.width);
    }
    for (size_t i = 1; i <= form.width; i++)
        number = number << 8 | from->at[i];
    return number;
}

/* Sign extension of a number of `width` bytes. */
static uint64_t extended(uint64_t number, size_t width)
{
    unsigned unused = width > 0 ? 64 - 8 * (unsigned)width : 56; /* a leading byte's own bits are all of it */
    return (uint64_t)((int64_t)(number << unused) >> unused);
}

static double real_of(uint64_t bits, size_t width)
{
    double real;
    float single;
    uint32_t half = (uint32_t)bits;
    memcpy(&real, &bits, sizeof real);
    memcpy(&single, &half, sizeof single);
    return width == 4 ? (double)single : real;
}

static bool has_bytes(uint8_t kind)
{
    return kind == MSGPACK_STR || kind == MSGPACK_BIN;
}

/* How many bytes a thing of that kind needs at least after its head, if it says that it has so many. */
static uint64_t needs(uint8_t kind, uint64_t count)
{
    return kind == MSGPACK_MAP ? 2 * count : count;
}

/* Of others than strings and binary the head is all. */
static bool take_one(struct reader *from, struct form form, struct msgpack_head *ret)
{
    size_t size = 1 + form.width;
    ret->kind = form.kind;
    ret->number = number_of(from, form);
    switch (form.kind) {
    case MSGPACK_UINT: case MSGPACK_NIL:
        break;
    case MSGPACK_INT:
        ret->number = extended(ret->number, form.width);
        ret->kind = (int64_t)ret->number < 0 ? MSGPACK_INT : MSGPACK_UINT;
        break;
    case MSGPACK_BOOL:
        ret->boolean = ret->number;
        break;
    case MSGPACK_REAL:
        ret->real = real_of(ret->number, form.width);
        break;
    case MSGPACK_STR: case MSGPACK_BIN: case MSGPACK_ARRAY: case MSGPACK_MAP:
        if (needs(form.kind, ret->number) > from->left - size)
            return false;
        ret->count = (size_t)ret->number;
        ret->bytes = from->at + size;
        size += has_bytes(form.kind) ? ret->count : 0;
        break;
    default:
        return false;
    }
    from->at += size;
    from->left -= size;
    return true;
}

/* Apart from the others, since it is rare and they are quick: the leading byte, the type, and both numbers. */
static bool take_far(struct reader *from, struct msgpack_head *ret)
{
    uint64_t both;
    enum { HEAD = 2, SIZE = HEAD + sizeof both };
    if (from->left < SIZE || from->at[1] != MSGPACK_FAR_TYPE)
        return false;
    memcpy(&both, from->at + HEAD, sizeof both);
    both = be64toh(both);
    ret->kind = MSGPACK_FAR;
    ret->number = both >> 32;
    ret->count = both & UINT32_MAX;
    if (ret->count == 0)
        return false;
    from->at += SIZE;
    from->left -= SIZE;
    from->far += ret->count;
    return true;
}

bool msgpack_take_any(struct reader *from, struct msgpack_head *ret)
{
    if (from->left == 0)
        return false;
    const struct form form = form_of(from->at[0]);
    if (from->at[0] == FAR_LEAD)
        return take_far(from, ret);
    return form.width < from->left && take_one(from, form, ret);
}

bool msgpack_skip(struct reader *from)
{
    struct msgpack_head head;
    for (uint64_t due = 1, number; due > 0; due--) {
        if (msgpack_take_quick_uint(from, &number))
            continue;
        if (!msgpack_take(from, &head))
            return false;
        if (head.kind == MSGPACK_ARRAY || head.kind == MSGPACK_MAP)
            due += needs((uint8_t)head.kind, head.count);
    }
    return true;
}

const char *msgpack_kind_name(enum msgpack_kind kind)
{
    static const char *const names[] = {
        [MSGPACK_NIL] = "nil",          [MSGPACK_BOOL] = "a boolean",  [MSGPACK_UINT] = "an integer",
        [MSGPACK_INT] = "an integer",   [MSGPACK_REAL] = "a real",     [MSGPACK_FAR] = "binary",
        [MSGPACK_STR] = "a string",     [MSGPACK_BIN] = "binary",      [MSGPACK_ARRAY] = "a list",
        [MSGPACK_MAP] = "a map",
    };
    return names[kind];
}

/* Values against another implementation, libmpack: what one accepts the other reads as the same value.
 *
 * Where they may differ is written down here as limits: we refuse extensions, keys that are no strings, strings
 * with a zero byte, nesting below CODEC_DEPTH, more than 65536 values, and a count that the bytes cannot hold at
 * once, while libmpack would still wait for more. Of libmpack only the tokens are used: they take no memory. */
#include "check.h"
#include "equal.h"
#include "samples.h"
#include "target.h"
#include "world.h"

#include "value/codec.h"

#include <string.h>

#undef bool
#include <mpack.h>
#undef bool
#define bool _Bool

enum outcome { SAME, CUT, BAD, OVER_LIMIT };

/* What libmpack has read, and what it was compared with: nothing, where we refused. */
struct other {
    mpack_tokbuf_t tokens;
    const char *at;
    size_t left;
};

static enum outcome next(struct other *other, mpack_token_t *ret)
{
    int rc = other->left ? mpack_read(&other->tokens, &other->at, &other->left, ret) : MPACK_EOF;
    return rc == MPACK_OK ? SAME : rc == MPACK_EOF ? CUT : BAD;
}

/* The bytes of a string or binary; mpack gives them in chunks. */
static enum outcome next_bytes(struct other *other, size_t length, const char **ret)
{
    *ret = other->at;
    while (length > 0) {
        mpack_token_t chunk;
        enum outcome outcome = next(other, &chunk);
        if (outcome != SAME)
            return outcome;
        require(chunk.type == MPACK_TOKEN_CHUNK && chunk.length <= length);
        length -= chunk.length;
    }
    return SAME;
}

static enum outcome walk(struct other *other, const tr_value *ours, int depth);

static enum outcome text_is(struct other *other, size_t length, tr_str ours)
{
    const char *bytes;
    enum outcome outcome = next_bytes(other, length, &bytes);
    if (outcome != SAME)
        return outcome;
    if (length > 0 && memchr(bytes, '\0', length))
        return OVER_LIMIT;
    require(!ours || (strlen(ours) == length && memcmp(ours, bytes, length) == 0));
    return SAME;
}

static enum outcome binary_is(struct other *other, size_t length, const tr_value *ours)
{
    const char *bytes;
    enum outcome outcome = next_bytes(other, length, &bytes);
    require(outcome != SAME || !ours ||
            (ours->binary.size == length && (!length || memcmp(ours->binary.data, bytes, length) == 0)));
    return outcome;
}

static enum outcome array_is(struct other *other, size_t length, const tr_value *ours, int depth)
{
    require(!ours || ours->array.count == length);
    for (size_t i = 0; i < length; i++) {
        enum outcome outcome = walk(other, ours ? &ours->array.items[i] : NULL, depth + 1);
        if (outcome != SAME)
            return outcome;
    }
    return SAME;
}

static enum outcome map_is(struct other *other, size_t length, const tr_value *ours, int depth)
{
    require(!ours || ours->map.count == length);
    for (size_t i = 0; i < length; i++) {
        mpack_token_t key;
        enum outcome outcome = next(other, &key);
        if (outcome == SAME && key.type != MPACK_TOKEN_STR)
            outcome = OVER_LIMIT;
        if (outcome == SAME)
            outcome = text_is(other, key.length, ours ? ours->map.pairs[i].key : NULL);
        if (outcome == SAME)
            outcome = walk(other, ours ? &ours->map.pairs[i].value : NULL, depth + 1);
        if (outcome != SAME)
            return outcome;
    }
    return SAME;
}

static bool number_is(const mpack_token_t *token, const tr_value *ours)
{
    if (token->type == MPACK_TOKEN_FLOAT) {
        double real = mpack_unpack_float(*token);
        return ours->kind == TR_REAL && (memcmp(&real, &ours->real, sizeof real) == 0 ||
                                         (real != real && ours->real != ours->real));
    }
    if (token->type == MPACK_TOKEN_SINT)
        return ours->kind == TR_INTEGER && ours->integer == mpack_unpack_sint(*token);
    unsigned long long number = mpack_unpack_uint(*token);
    return number <= INT64_MAX ? ours->kind == TR_INTEGER && ours->integer == (int64_t)number
                               : ours->kind == TR_UNSIGNED && ours->unsigned_ == number;
}

static bool kind_is(const tr_value *ours, enum tr_value_kind kind)
{
    return !ours || ours->kind == kind;
}

static enum outcome walk(struct other *other, const tr_value *ours, int depth)
{
    mpack_token_t token;
    if (depth > CODEC_DEPTH) {
        require(!ours);
        return OVER_LIMIT;
    }
    enum outcome outcome = next(other, &token);
    if (outcome != SAME)
        return outcome;
    switch (token.type) {
    case MPACK_TOKEN_NIL:
        require(kind_is(ours, TR_NIL));
        return SAME;
    case MPACK_TOKEN_BOOLEAN:
        require(kind_is(ours, TR_BOOLEAN) && (!ours || ours->boolean == mpack_unpack_boolean(token)));
        return SAME;
    case MPACK_TOKEN_STR:
        require(kind_is(ours, TR_TEXT));
        return text_is(other, token.length, ours ? ours->text : NULL);
    case MPACK_TOKEN_BIN:
        require(kind_is(ours, TR_BINARY));
        return binary_is(other, token.length, ours);
    case MPACK_TOKEN_ARRAY:
        require(kind_is(ours, TR_ARRAY));
        return array_is(other, token.length, ours, depth);
    case MPACK_TOKEN_MAP:
        require(kind_is(ours, TR_MAP));
        return map_is(other, token.length, ours, depth);
    case MPACK_TOKEN_EXT:
        require(!ours);
        return OVER_LIMIT;
    default:
        require(!ours || number_is(&token, ours));
        return SAME;
    }
}

static enum outcome read_by_other(const void *bytes, size_t size, const tr_value *ours, size_t *ret_left)
{
    struct other other = {MPACK_TOKBUF_INITIAL_VALUE, bytes, size};
    enum outcome outcome = walk(&other, ours, 0);
    *ret_left = other.left;
    return outcome;
}

static void take(const uint8_t *bytes, size_t size)
{
    tr_value ours;
    struct buf sent = {0};
    struct arena memory = {0};
    struct reader from = {.at = bytes, .left = size};
    size_t left;
    int rc = codec_decode(&from, &tr_type_tr_value, &memory, &ours);
    enum outcome outcome = read_by_other(bytes, size, rc == 0 ? &ours : NULL, &left);
    require(rc == 0 ? outcome == SAME && left == from.left : outcome != SAME);
    if (rc == 0) {
        require(codec_encode(&sent, &tr_type_tr_value, &ours) == 0);
        require(read_by_other(sent.data, sent.size, &ours, &left) == SAME && left == 0);
        buf_fini(&sent);
    }
    arena_fini(&memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size > 65536) /* more values than we take cannot be told from other limits */
        return 0;
    struct world *world = world_new();
    take(bytes, size);
    world_end(world);
    return 0;
}

void target_seeds(void)
{
    for (int i = 0; i < SAMPLE_TYPES; i++)
        for (int variant = 0; variant < 3; variant++) {
            uint8_t room[4096];
            struct buf seed = buf_in(room, sizeof room);
            make_sample(&seed, sample_types[i], variant);
            seed_add(seed.data, seed.size);
        }
}

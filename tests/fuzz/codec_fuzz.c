/* Bytes as values of each type. What is accepted must be the same after it was sent and received again, and
 * memory must stay in proportion to the bytes. The first byte of an input chooses the type. */
#include "check.h"
#include "equal.h"
#include "samples.h"
#include "target.h"
#include "world.h"

#include "value/codec.h"

#include <string.h>

enum { LARGEST = 512, SMALL_CHANGE = 8192 };

/* A value's memory: its arena's chunks double, and a large part begins a new one. */
static void memory_stayed_in_proportion(const struct world *world, const tr_type *type, size_t size)
{
    require(world->peak <= SMALL_CHANGE + type->size + size * 4 * largest_part(type));
}

static bool untouched(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0xa5)
            return false;
    return true;
}

static int encode_agreed(struct buf *out, const tr_type *type, const void *value)
{
    return codec_encode_agreed(out, NULL, type, value);
}

static void comes_back(const tr_type *type, const void *value,
                       int (*encode)(struct buf *out, const tr_type *type, const void *value))
{
    unsigned char again[LARGEST];
    struct buf first = {0}, second = {0};
    struct arena memory = {0};
    require(encode(&first, type, value) == 0);
    struct reader from = {.at = first.data, .left = first.size};
    require(codec_decode(&from, type, &memory, again) == 0 && from.left == 0);
    require(equal(type, value, again));
    require(encode(&second, type, again) == 0);
    require(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    arena_fini(&memory);
    buf_fini(&first);
    buf_fini(&second);
}

static void whatever_it_is(struct reader from)
{
    tr_bytes span;
    size_t before = from.left;
    int rc = codec_skip(&from, &span);
    require(rc == 0 ? span.size + from.left == before : rc == TR_EARGUMENT && from.left == before);
}

static void take(struct world *world, const tr_type *type, struct reader from)
{
    unsigned char value[LARGEST];
    struct arena memory = {0};
    struct reader whole = from;
    require(type->size <= sizeof value);
    memset(value, 0xa5, sizeof value);
    int rc = codec_decode(&from, type, &memory, value);
    memory_stayed_in_proportion(world, type, whole.left);
    require(rc == 0 || (rc == TR_EARGUMENT && untouched(value, sizeof value)));
    if (rc == 0) {
        tr_bytes span;
        struct reader skipping = whole;
        require(untouched(value + type->size, sizeof value - type->size));
        require(codec_skip(&skipping, &span) == 0 && skipping.left == from.left);
        comes_back(type, value, codec_encode);
        comes_back(type, value, encode_agreed);
    }
    arena_fini(&memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return 0;
    struct world *world = world_new();
    struct reader from = {.at = bytes + 1, .left = size - 1};
    world->peak = world->bytes;
    take(world, sample_types[bytes[0] % SAMPLE_TYPES], from);
    whatever_it_is(from);
    world_end(world);
    return 0;
}

void target_seeds(void)
{
    for (int i = 0; i < SAMPLE_TYPES; i++)
        for (int variant = 0; variant < 3; variant++) {
            uint8_t room[4096];
            struct buf seed = buf_in(room, sizeof room);
            uint8_t number = (uint8_t)i;
            (void)buf_append(&seed, &number, 1);
            make_sample(&seed, sample_types[i], variant);
            seed_add(seed.data, seed.size);
        }
}

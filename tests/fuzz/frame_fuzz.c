/* Bytes as frames, in each state of a session. A frame that is accepted must be the same after it was sent and
 * received again, and what is inside it (an error) too. The first byte of an input chooses the state. */
#include "check.h"
#include "equal.h"
#include "frames.h"
#include "samples.h"
#include "target.h"
#include "world.h"

#include "actor/error_wire.h"
#include "base/error.h"

#include <errno.h>
#include <string.h>

enum { SMALL_CHANGE = 16 * 1024, PER_BYTE = 128, PER_ERROR = 4096 };

static void put_again(struct buf *out, const struct frame *frame)
{
    size_t start;
    tr_bytes raw = frame_raw(frame);
    require(frame_open(out, frame, &start) == 0);
    require(buf_append(out, raw.data, raw.size) == 0);
    require(frame_close(out, start) == 0);
}

static void comes_back(const struct frame *frame, enum session_state state)
{
    struct buf first = {0}, second = {0};
    struct arena memory = {0};
    struct frame again;
    put_again(&first, frame);
    require(frame_measure(&first, state) == (long)first.size);
    require(frame_decode(first.data, first.size, state, &memory, &again) == 0);
    require(frames_equal(frame, &again));
    put_again(&second, &again);
    require(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    arena_fini(&memory);
    buf_fini(&first);
    buf_fini(&second);
}

static size_t count_errors(const tr_error *error)
{
    size_t count = 1;
    for (size_t i = 0; i < tr_error_members(error); i++)
        count += count_errors(tr_error_member(error, i));
    return tr_error_cause(error) ? count + count_errors(tr_error_cause(error)) : count;
}

/* What an error is must not change on its way through another actor. */
static void error_comes_back(struct tr_error *error)
{
    struct buf first = {0}, second = {0};
    struct tr_error *again;
    require(error_put(&first, error) == 0);
    struct reader from = {.at = first.data, .left = first.size};
    require(error_get(&from, &again) == 0 && from.left == 0);
    require(again->id == error->id && again->code == error->code);
    require(strcmp(again->message, error->message) == 0);
    require(count_errors(again) == count_errors(error));
    require(strcmp(tr_error_report(again), tr_error_report(error)) == 0);
    require(error_put(&second, again) == 0);
    require(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    error_unref(again);
    buf_fini(&first);
    buf_fini(&second);
}

static void take_error(struct world *world, tr_bytes raw)
{
    struct reader from = {.at = raw.data, .left = raw.size};
    struct tr_error *error = NULL;
    size_t before = world->peak = world->bytes;
    int rc = error_get(&from, &error);
    require(world->peak - before <= PER_ERROR * (raw.size / 4 + 2));
    require(world->peak - before <= SMALL_CHANGE + PER_BYTE * raw.size + PER_ERROR * (ERROR_MEMBERS + 1));
    require(rc == 0 || rc == TR_EPROTOCOL || rc == TR_EARGUMENT);
    if (rc < 0)
        return;
    require(error->code < 0 && count_errors(error) <= ERROR_MEMBERS);
    error_comes_back(error);
    error_unref(error);
}

/* What is left over after the fields would be lost without a word. */
static void is_one_value(const uint8_t *bytes, size_t size)
{
    struct reader from = {.at = bytes + FRAME_HEADER, .left = size - FRAME_HEADER};
    tr_bytes span;
    require(codec_skip(&from, &span) == 0 && from.left == 0);
}

static void take(struct world *world, const struct buf *in, size_t size, enum session_state state)
{
    struct arena memory = {0};
    struct frame frame;
    size_t before = world->peak = world->bytes;
    int rc = frame_decode(in->data, size, state, &memory, &frame);
    require(world->peak - before <= SMALL_CHANGE + PER_BYTE * size);
    require(rc == 0 || rc == TR_EPROTOCOL);
    size_t far;
    if (rc == 0 && frame.unchecked) {
        rc = frame_check(&frame, &far);
        require(rc == 0 || rc == TR_EPROTOCOL);
    }
    if (rc == 0) {
        require(state != SESSION_ENDED);
        is_one_value(in->data, size);
        comes_back(&frame, state);
        if (frame.kind == FRAME_ERROR)
            take_error(world, frame.failure.error);
    }
    arena_fini(&memory);
}

static void take_all(struct world *world, struct buf *in, enum session_state state)
{
    size_t most = state == SESSION_GREETING ? LARGEST_GREETING : LARGEST_FRAME;
    for (long size; in->size > 0; buf_drain(in, (size_t)size)) {
        size = frame_measure(in, state);
        require(size <= (long)in->size && size <= (long)(FRAME_HEADER + most));
        require(size >= FRAME_HEADER || size == 0 || size == TR_EPROTOCOL);
        if (size <= 0)
            return;
        take(world, in, (size_t)size, state);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return 0;
    struct world *world = world_new();
    struct buf in = {0};
    require(buf_append(&in, bytes + 1, size - 1) == 0);
    take_all(world, &in, (enum session_state)(bytes[0] % (SESSION_ENDED + 1)));
    buf_fini(&in);
    world_end(world);
    return 0;
}

void target_seeds(void)
{
    for (int kind = 0; kind < FRAME_KINDS; kind++)
        for (int variant = 0; variant < 3; variant++) {
            uint8_t room[4096];
            struct buf seed = buf_in(room, sizeof room);
            uint8_t state = (uint8_t)frame_tables[kind].state;
            (void)buf_append(&seed, &state, 1);
            make_frame_sample(&seed, (enum frame_kind)kind, variant);
            seed_add(seed.data, seed.size);
        }
}

/* Frames: each kind there and back, in its state only, and bytes that are none. */
#include "support/virtual.h"

#include "actor/error_wire.h"
#include "actor/protocol.h"
#include "base/error.h"

#include <errno.h>
#include <stdlib.h>

static const char *const uuid = "0123456789abcdef0123456789abcdef";

static tr_str addresses[] = {"unix:@x", "tcp://10.0.0.1:7"};

/* One of each kind, with the state it may arrive in. */
static const struct sample {
    enum session_state state;
    struct frame frame;
} samples[] = {
    {SESSION_GREETING, {.kind = FRAME_HELLO, .hello = {1, 2, "donny", "u", {addresses, 2}, 77}}},
    {SESSION_UNBORN, {.kind = FRAME_BIRTH, .birth = {"donny", "u", "unix:@a", "au", {NULL, 0}, 2,
      {"int8_t", {"\x2a", 1}}, true, {true, false, 15, {addresses, 2}, {NULL, 0}}}}},
    {SESSION_OPEN, {.kind = FRAME_UP}},
    {SESSION_OPEN,
     {.kind = FRAME_START, .id = 7, .start = {"venue", "place", UINT64_MAX, 1.5, 1, 9, 32, {"\x80", 1}}}},
    {SESSION_OPEN, {.kind = FRAME_CALL, .id = 7, .call = {UINT64_MAX, 1.5, {"\x90", 1}}}},
    {SESSION_OPEN, {.kind = FRAME_YIELD, .id = 7, .outcome = {{"\x2a", 1}}}},
    {SESSION_OPEN, {.kind = FRAME_CREDIT, .id = 7, .credit = {4096}}},
    {SESSION_OPEN, {.kind = FRAME_RETURN, .id = 1 << 20, .outcome = {{"\xa1x", 2}}}},
    {SESSION_OPEN, {.kind = FRAME_ERROR, .id = 7, .failure = {{"\xc0", 1}}}},
    {SESSION_OPEN, {.kind = FRAME_CANCEL, .cancel = {0.5}}},
    {SESSION_OPEN, {.kind = FRAME_CANCEL_ACK, .id = 7}},
    {SESSION_OPEN, {.kind = FRAME_STOP}},
    {SESSION_OPEN, {.kind = FRAME_DEADLINE, .id = 7, .deadline = {2.5}}},
    {SESSION_OPEN, {.kind = FRAME_STARTED, .id = 7, .started = {4096, 32, {"\xa1x", 2}}}},
    {SESSION_OPEN, {.kind = FRAME_SEND, .id = 7, .outcome = {{"\x2a", 1}}}},
    {SESSION_OPEN, {.kind = FRAME_GRANT, .id = 7, .credit = {4096}}},
    {SESSION_OPEN, {.kind = FRAME_END, .id = 7}},
    {SESSION_OPEN, {.kind = FRAME_PING}},
    {SESSION_OPEN, {.kind = FRAME_PONG}},
    {SESSION_OPEN, {.kind = FRAME_RINGS}},
    {SESSION_OPEN, {.kind = FRAME_SWITCH}},
    {SESSION_OPEN, {.kind = FRAME_LEND, .lend = {8 << 20}}},
    {SESSION_OPEN, {.kind = FRAME_BORROW}},
    {SESSION_OPEN, {.kind = FRAME_BACK, .back = {2047}}},
};
enum { SAMPLES = sizeof samples / sizeof *samples };
_Static_assert(sizeof samples / sizeof *samples == FRAME_KINDS, "a kind without a sample");

static tr_bytes raw_of(const struct frame *frame)
{
    switch (frame->kind) {
    case FRAME_START:
        return frame->start.args;
    case FRAME_CALL:
        return frame->call.args;
    case FRAME_STARTED:
        return frame->started.first;
    case FRAME_YIELD:
    case FRAME_SEND:
    case FRAME_RETURN:
        return frame->outcome.value;
    case FRAME_ERROR:
        return frame->failure.error;
    default:
        return (tr_bytes){NULL, 0};
    }
}

static int put(struct buf *out, const struct frame *frame)
{
    size_t start;
    tr_bytes raw = raw_of(frame);
    tr_try(frame_open(out, frame, &start));
    int rc = buf_append(out, raw.data, raw.size);
    if (rc < 0) {
        frame_abandon(out, start);
        return error_raise_plain(rc);
    }
    return frame_close(out, start);
}

static int each_kind_comes_back_as_it_was(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct frame *sent = &samples[i].frame;
        struct buf out = {0};
        struct arena memory = {0};
        struct frame got;
        tr_try(put(&out, sent));
        expect(frame_measure(&out, samples[i].state) == (long)out.size);
        tr_try(frame_decode(out.data, out.size, samples[i].state, &memory, &got));
        expect(got.kind == sent->kind && got.id == sent->id);
        tr_bytes a = raw_of(sent), b = raw_of(&got);
        expect(a.size == b.size && (!a.size || memcmp(a.data, b.data, a.size) == 0));
        if (got.kind == FRAME_START)
            expect(strcmp(got.start.function, "place") == 0 && got.start.window == 9);
        arena_fini(&memory);
        buf_fini(&out);
    }
    return 0;
}

static int add(struct buf *out, struct frame_run *run, uint64_t id, const char *value, size_t size)
{
    size_t start;
    tr_try(frame_begin_value(out, run, FRAME_YIELD, id, &start));
    return frame_end_value(out, run, start, buf_append(out, value, size));
}

static int take(struct buf *in, struct frame *ret)
{
    struct arena none = {0};
    long size = frame_measure(in, SESSION_OPEN);
    expect(size > 0);
    tr_try(frame_decode(in->data, (size_t)size, SESSION_OPEN, &none, ret));
    buf_drain(in, (size_t)size);
    return 0;
}

static int values_that_follow_each_other_share_a_frame(void *arg)
{
    (void)arg;
    struct buf out = {0};
    struct frame_run run = {0};
    struct frame got;
    for (int i = 0; i < 100; i++)
        tr_try(add(&out, &run, 7, "\xa1x", 2));
    tr_try(add(&out, &run, 7, "\x2a", 1));
    tr_try(add(&out, &run, 8, "\x2a", 1));
    tr_try(frame_put(&out, &(struct frame){.kind = FRAME_UP}));
    tr_try(add(&out, &run, 8, "\x2b", 1));
    tr_try(take(&out, &got));
    expect(got.id == 7 && got.count == 101 && got.values.values.size == 201 && got.last == 1);
    tr_try(take(&out, &got));
    expect(got.id == 8 && got.count == 1);
    tr_try(take(&out, &got));
    expect(got.kind == FRAME_UP);
    tr_try(take(&out, &got));
    expect(got.id == 8 && got.count == 1 && memcmp(got.values.values.data, "\x2b", 1) == 0 && out.size == 0);
    buf_fini(&out);
    return 0;
}

static int a_value_that_cannot_be_sent_leaves_those_before_it(void *arg)
{
    (void)arg;
    struct buf out = {0};
    struct frame_run run = {0};
    struct frame got;
    size_t start;
    tr_try(add(&out, &run, 7, "\x2a", 1));
    tr_try(frame_begin_value(&out, &run, FRAME_YIELD, 7, &start));
    tr_try(buf_append(&out, "\xa5hel", 4));
    expect(frame_end_value(&out, &run, start, -ENOMEM) == -ENOMEM);
    tr_try(add(&out, &run, 7, "\x2b", 1));
    tr_try(take(&out, &got));
    expect(got.count == 2 && memcmp(got.values.values.data, "\x2a\x2b", 2) == 0 && out.size == 0);
    buf_fini(&out);
    return 0;
}

static int a_frame_of_no_value_is_refused(void *arg)
{
    (void)arg;
    struct buf in = {0};
    struct frame got;
    tr_try(buf_append(&in, "\x03\0\0\0\x92\x04\x07", 7));
    expect(FRAME_YIELD == 4 && take(&in, &got) == TR_EPROTOCOL);
    buf_fini(&in);
    return 0;
}

static int a_kind_is_taken_in_its_state_only(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < SAMPLES; i++)
        for (int state = SESSION_UNBORN; state <= SESSION_ENDED; state++) {
            struct buf out = {0};
            struct arena memory = {0};
            struct frame got;
            tr_try(put(&out, &samples[i].frame));
            int rc = frame_decode(out.data, out.size, (enum session_state)state, &memory, &got);
            expect(rc == (state == (int)samples[i].state ? 0 : TR_EPROTOCOL));
            arena_fini(&memory);
            buf_fini(&out);
        }
    return 0;
}

static int a_frame_too_large_is_refused_by_its_length_alone(void *arg)
{
    (void)arg;
    struct buf in = {0};
    tr_try(buf_append(&in, "\x01\x10\x00\x00", 4)); /* 4097 */
    expect(frame_measure(&in, SESSION_GREETING) == TR_EPROTOCOL);
    expect(frame_measure(&in, SESSION_OPEN) == 0); /* more is needed */
    in.data[3] = 1;                                /* over 16 MiB */
    expect(frame_measure(&in, SESSION_OPEN) == TR_EPROTOCOL);
    buf_drain(&in, 1);
    expect(frame_measure(&in, SESSION_OPEN) == 0);
    buf_fini(&in);
    return 0;
}

static int decode_and_check(const struct buf *in, size_t size, enum session_state state, struct arena *memory)
{
    struct frame got;
    size_t far;
    tr_try(frame_decode(in->data, size, state, memory, &got));
    return got.unchecked ? frame_check(&got, &far) : 0;
}

static int spoilt_frames_never_hurt(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct buf out = {0};
        tr_try(put(&out, &samples[i].frame));
        for (size_t at = FRAME_HEADER; at < out.size; at++)
            for (int byte = 0; byte < 256; byte++) {
                uint8_t before = out.data[at];
                struct arena memory = {0};
                out.data[at] = (uint8_t)byte;
                int rc = decode_and_check(&out, out.size, samples[i].state, &memory);
                expect(rc == 0 || rc == TR_EPROTOCOL);
                out.data[at] = before;
                arena_fini(&memory);
            }
        for (size_t size = FRAME_HEADER; size < out.size; size++) {
            struct arena memory = {0};
            expect(decode_and_check(&out, size, samples[i].state, &memory) == TR_EPROTOCOL);
            arena_fini(&memory);
        }
        buf_fini(&out);
    }
    return 0;
}

/* 15 bytes that say "a group of the following errors, without a cause". */
static int an_error_of_very_many_errors_is_refused(void *arg)
{
    (void)arg;
    struct buf bytes = {0};
    enum { MEMBERS = 5000 };
    static const char none[] = "\x93\x80\x90\x90";
    static const char group[] = "\x93\x81\xa4" "code\xd1\xef\xfb" "\x90\xdc\x13\x88"; /* -4101, 5000 */
    tr_try(buf_append(&bytes, group, sizeof group - 1));
    for (int i = 0; i < MEMBERS; i++)
        tr_try(buf_append(&bytes, none, sizeof none - 1));
    struct reader from = {.at = bytes.data, .left = bytes.size};
    struct tr_error *error;
    expect(error_get(&from, &error) == TR_EPROTOCOL);
    expect_error("ProtocolError", "more than 1024 errors");
    buf_fini(&bytes);
    return 0;
}

static struct tr_error *two_failures(void)
{
    struct errors errors = {0};
    errors_add(&errors, error_new(TR_ERAISED, "app.First", "", 0, "first"));
    errors_add(&errors, error_new(TR_ERAISED, "app.Second", "", 0, "second"));
    return errors_take(&errors);
}

static int a_group_of_errors_comes_back_as_it_was(void *arg)
{
    (void)arg;
    struct buf bytes = {0};
    struct errors errors = {0};
    for (int i = 0; i < 19; i++)
        errors_add(&errors, error_new(TR_ERAISED, "app.Bad", "file.c", i, "number %d", i));
    errors_add(&errors, two_failures());
    struct tr_error *group = errors_take(&errors), *got;
    error_set_cause(group, error_plain(TR_EBROKEN));
    tr_try(error_put(&bytes, group));
    struct reader from = {.at = bytes.data, .left = bytes.size};
    tr_try(error_get(&from, &got));
    expect(tr_error_members(got) == 20 && tr_error_id(got) == tr_error_id(group));
    expect(strcmp(tr_error_message(tr_error_member(got, 18)), "number 18") == 0);
    expect(tr_error_members(tr_error_member(got, 19)) == 2 && tr_error_is(got, "app.Second"));
    expect(tr_error_is(got, "Broken"));
    errors_add(&errors, got);
    errors_add(&errors, error_ref(group->members[19]->members[1])); /* which is in it already */
    expect(errors.all == got);
    error_unref(errors_take(&errors));
    error_unref(group);
    buf_fini(&bytes);
    return 0;
}

/* An error that every level of a deep tree of actors boxed, and added one to. */
static int an_error_as_deep_as_they_get_comes_back_whole(void *arg)
{
    (void)arg;
    struct buf bytes = {0};
    static const tr_actor peer = {"peer", "00000000000000000000000000000000", "", 1};
    struct tr_error *error = error_new(TR_ERAISED, "app.Root", "", 0, "first"), *got;
    while (error->depth < ERROR_DEEPEST - 1) {
        struct errors both = {.all = error_box(error, &peer)};
        errors_add(&both, error_new(TR_ERAISED, "app.Beside", "", 0, "second"));
        error = errors_take(&both);
    }
    error = error_box(error, &peer);
    tr_try(error_put(&bytes, error));
    struct reader from = {.at = bytes.data, .left = bytes.size};
    tr_try(error_get(&from, &got));
    expect(got->depth == error->depth && strcmp(tr_error_report(got), tr_error_report(error)) == 0);
    error_unref(got);
    error_unref(error);
    buf_fini(&bytes);
    return 0;
}

static int of_very_many_errors_as_many_are_sent_as_are_taken(void *arg)
{
    (void)arg;
    struct buf bytes = {0};
    struct errors errors = {0};
    for (int i = 0; i < 1500; i++) {
        struct tr_error *member = error_new(TR_ERAISED, "app.Bad", "", 0, "number %d", i);
        error_set_cause(member, error_plain(TR_EBROKEN));
        errors_add(&errors, member);
    }
    struct tr_error *group = errors_take(&errors), *got;
    tr_try(error_put(&bytes, group));
    struct reader from = {.at = bytes.data, .left = bytes.size};
    tr_try(error_get(&from, &got));
    expect(tr_error_members(got) > 500 && from.left == 0);
    error_unref(got);
    error_unref(group);
    buf_fini(&bytes);
    return 0;
}

static int put_and_take(void *arg)
{
    (void)arg;
    struct buf out = {0};
    struct arena memory = {0};
    struct frame hello = samples[0].frame, got;
    hello.hello.uuid = uuid;
    int rc = put(&out, &hello);
    expect(rc == 0 || out.size == 0); /* nothing of a frame that failed is left */
    if (rc >= 0)
        rc = frame_decode(out.data, out.size, SESSION_GREETING, &memory, &got);
    arena_fini(&memory);
    buf_fini(&out);
    return rc;
}

static void running_out_of_memory_anywhere_is_a_clean_error(void **state)
{
    (void)state;
    run_short_of_memory(put_and_take);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(each_kind_comes_back_as_it_was),
        SCENARIO(values_that_follow_each_other_share_a_frame),
        SCENARIO(a_value_that_cannot_be_sent_leaves_those_before_it),
        SCENARIO(a_frame_of_no_value_is_refused),
        SCENARIO(a_kind_is_taken_in_its_state_only),
        SCENARIO(a_frame_too_large_is_refused_by_its_length_alone),
        SCENARIO(an_error_of_very_many_errors_is_refused),
        SCENARIO(a_group_of_errors_comes_back_as_it_was),
        SCENARIO(an_error_as_deep_as_they_get_comes_back_whole),
        SCENARIO(of_very_many_errors_as_many_are_sent_as_are_taken),
        SCENARIO(spoilt_frames_never_hurt),
        cmocka_unit_test(running_out_of_memory_anywhere_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

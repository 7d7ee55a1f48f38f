/* Calls by a signature, and what is no value in a call or its answer, in a world where the test plays the peer. */
#include "met_peer.h"

#include "fuzz/functions.h"

#include "actor/protocol.h"
#include "value/codec.h"
#include "value/function.h"

/* By its signature alone. */
static void put_short_call(struct buf *out, uint64_t id, const tr_fn_info *fn, const void *args)
{
    struct frame frame = {.kind = FRAME_CALL, .id = id, .call = {.signature = function_hash(fn), .seconds_left = 1}};
    size_t start;
    assert_int_equal(frame_open(out, &frame, &start), 0);
    assert_int_equal(codec_encode_fields(out, fn->args, args), 0);
    assert_int_equal(frame_close(out, start), 0);
}

static void say_short_call(uint64_t id, const tr_fn_info *fn, const void *args)
{
    struct buf said = {0};
    put_short_call(&said, id, fn, args);
    peer_say(&peer, said.data, said.size);
    buf_fini(&said);
    pass(0.1);
}

static void say_named_call(const tr_fn_info *fn, const void *args, uint64_t signature)
{
    struct buf said = {0};
    struct frame frame = {.kind = FRAME_START, .id = 1,
                          .start = {"fuzz", fn->name, signature, 1, (uint8_t)fn->way, 0, 0, {0}}};
    size_t start;
    assert_int_equal(frame_open(&said, &frame, &start), 0);
    assert_int_equal(codec_encode_fields(&said, fn->args, args), 0);
    assert_int_equal(frame_close(&said, start), 0);
    peer_say(&peer, said.data, said.size);
    buf_fini(&said);
    pass(0.1);
}

static void who_has_named_a_function_may_call_it_by_its_signature(struct life *life)
{
    const tr_fn_info *fn = function_find("fuzz", "echo")->info;
    tr_auto(portal) portal = meet(life);
    say_named_call(fn, TR_ARGS_(echo, .text = "by its name", ), function_hash(fn));
    assert_true(peer_has_heard("by its name"));
    say_short_call(2, fn, TR_ARGS_(echo, .text = "in short", ));
    assert_true(peer_has_heard("in short"));
    peer.socket->ended = true;
}

/* Neither by nobody, nor without its signature, nor by somebody who was refused. */
static void who_has_not_named_it_may_not(struct life *life)
{
    const tr_fn_info *fn = function_find("fuzz", "echo")->info;
    tr_auto(portal) portal = meet(life);
    say_short_call(1, fn, TR_ARGS_(echo, .text = "not named", ));
    say_named_call(fn, TR_ARGS_(echo, .text = "unsigned", ), 0);
    assert_true(peer_has_heard("unsigned"));
    say_short_call(2, fn, TR_ARGS_(echo, .text = "not signed", ));
    say_named_call(fn, TR_ARGS_(echo, .text = "wrongly signed", ), 1);
    say_short_call(3, fn, TR_ARGS_(echo, .text = "not accepted", ));
    assert_true(peer_has_heard("that was not called by its name before"));
    assert_false(peer_has_heard("not named") || peer_has_heard("not signed") || peer_has_heard("not accepted"));
    peer.socket->ended = true;
}

static void say_raw(enum frame_kind kind, uint64_t id, const char *raw, size_t size)
{
    struct buf out = {0};
    struct frame frame = {.kind = kind, .id = id,
                          .call = {.signature = kind == FRAME_CALL ? function_hash(function_find("fuzz", "echo")->info)
                                                                   : 0}};
    size_t start;
    assert_int_equal(frame_open(&out, &frame, &start), 0);
    assert_int_equal(buf_append(&out, raw, size), 0);
    assert_int_equal(frame_close(&out, start), 0);
    peer_say(&peer, out.data, out.size);
    buf_fini(&out);
}

/* All that were asked for so far, with what a string is on the wire. */
static int return_them(void *arg)
{
    const int *count = arg;
    for (uint64_t id = 1; id <= (uint64_t)*count; id++) {
        tr_try(tr_sleep(1));
        say_raw(FRAME_RETURN, id, "\xa2hi", 3);
    }
    return 0;
}

static int times_heard(const char *words)
{
    const uint8_t *at = peer.socket->out.data, *end = at + peer.socket->out.size;
    int count = 0;
    while ((at = memmem(at, (size_t)(end - at), words, strlen(words)))) {
        count++;
        at++;
    }
    return count;
}

static int call_twice(struct life *life)
{
    int count = 2;
    tr_str word;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_auto(portal) portal = meet(life);
    tr_try(tr_start_soon(nursery, return_them, &count));
    for (int i = 0; i < count; i++) {
        tr_try(tr_call(portal, &word, echo, .text = "hello"));
        assert_string_equal(word, "hi");
    }
    assert_int_equal(times_heard("hello"), 2);
    assert_int_equal(times_heard("\xa4" "echo"), 1);
    peer.socket->ended = true;
    return tr_join(nursery);
}

static void a_function_that_has_returned_is_not_named_again(struct life *life)
{
    assert_int_equal(call_twice(life), 0);
}

/* Cut; two values; no value; bytes that lie where nothing was lent. All that is looked at only by who wants it. */
static const struct spoilt {
    const char *raw;
    size_t size;
} spoilt[] = {{"\xa9hi", 3}, {"\xa2hi\x01", 4}, {"\x91\xa2hi\x01", 5}, {"", 0}, {"\xc1", 1}, {"\x91\xc1", 2},
              {"\xd7\x01\0\0\0\0\0\0\0\1", 10}};
enum { SPOILT = sizeof spoilt / sizeof *spoilt };
static const struct spoilt *what_it_says;

static int say_spoilt_result(void *unused)
{
    (void)unused;
    tr_try(tr_sleep(1));
    say_raw(FRAME_RETURN, 1, what_it_says->raw, what_it_says->size);
    return 0;
}

static int call_for(struct life *life, tr_str *ret)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_auto(portal) portal = meet(life);
    tr_try(tr_start_soon(nursery, say_spoilt_result, NULL));
    return tr_join_with(nursery, tr_call(portal, ret, echo, .text = "hello"));
}

static void is_told_the_end_of_its_session(struct life *life)
{
    tr_str word;
    assert_int_equal(call_for(life, &word), TR_EREMOTE);
    assert_true(tr_error_is(tr_last_error(), "ProtocolError"));
}

static void is_told_so_also_if_nobody_wants_it(struct life *life)
{
    assert_int_equal(call_for(life, NULL), TR_EREMOTE);
    assert_true(tr_error_is(tr_last_error(), "ProtocolError"));
}

/* So written that there are as many bytes as fields, of which the last is none. */
static int say_no_result(void *unused)
{
    static const uint8_t frame[] = {5, 0, 0, 0, 0x93, 0xcc, FRAME_RETURN, 0xcc, 1};
    (void)unused;
    tr_try(tr_sleep(1));
    peer_say(&peer, frame, sizeof frame);
    return 0;
}

static int call_for_nothing(struct life *life)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_auto(portal) portal = meet(life);
    tr_try(tr_start_soon(nursery, say_no_result, NULL));
    int rc = tr_join_with(nursery, tr_call(portal, NULL, echo, .text = "hello"));
    peer.socket->ended = true;
    return rc;
}

static void an_answer_without_a_result_is_none_also_if_nobody_wants_it(struct life *life)
{
    assert_int_equal(call_for_nothing(life), TR_EREMOTE);
    assert_true(tr_error_is(tr_last_error(), "ProtocolError"));
}

static void spoilt_arguments_end_their_session(struct life *life)
{
    tr_auto(portal) portal = meet(life);
    say_named_call(function_find("fuzz", "echo")->info, TR_ARGS_(echo, .text = "named", ),
                   function_hash(function_find("fuzz", "echo")->info));
    assert_true(peer_has_heard("named"));
    say_raw(FRAME_CALL, 2, what_it_says->raw, what_it_says->size);
    pass(1);
    assert_int_equal(tr_call(portal, NULL, echo, .text = "hello"), TR_EREMOTE);
    assert_true(tr_error_is(tr_last_error(), "ProtocolError"));
}

static void a_value_that_is_none_is_the_end_of_its_session(void **state)
{
    void (*const scripts[])(struct life *) = {is_told_the_end_of_its_session, is_told_so_also_if_nobody_wants_it,
                                              spoilt_arguments_end_their_session};
    (void)state;
    for (size_t i = 0; i < SPOILT; i++)
        for (size_t k = 0; k < sizeof scripts / sizeof *scripts; k++) {
            struct life life = {.script = scripts[k]};
            what_it_says = &spoilt[i];
            live(&life);
            assert_int_equal(life.rc, 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIVE(who_has_named_a_function_may_call_it_by_its_signature),
        LIVE(who_has_not_named_it_may_not),
        LIVE(a_function_that_has_returned_is_not_named_again),
        LIVE(an_answer_without_a_result_is_none_also_if_nobody_wants_it),
        cmocka_unit_test(a_value_that_is_none_is_the_end_of_its_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What peers say that is no good, in a world where the test plays the peer: what fuzzers found, one by one. */
#include "support/virtual.h"

#include "fuzz/frames.h"
#include "fuzz/functions.h"
#include "fuzz/life.h"
#include "fuzz/peer.h"
#include "fuzz/samples.h"

#include "actor/error_wire.h"
#include "actor/portal.h"
#include "base/error.h"
#include "value/msgpack.h"

#include <errno.h>
#include <string.h>

/* ---- who is there -------------------------------------------------------------------------------------------- */

static struct peer peer;

static void peer_answers(struct world *world, struct world_socket *socket)
{
    peer_init(&peer, world->connected_arg, socket);
    peer_greet(&peer);
}

static const tr_list_tr_str peer_address = {(tr_str[]){"unix:@peer"}, 1};

/* A portal to the peer, who has greeted. */
static tr_portal *meet(struct life *life)
{
    struct session *session;
    while (!life->up)
        pass(0);
    life->world->connected = peer_answers;
    life->world->connected_arg = life;
    assert_int_equal(session_open(&peer_address, NULL, &session), 0);
    return portal_new(session);
}

/* A YIELD for the first call there was; `value` is one on the wire. */
static void peer_yields(const char *value, size_t size)
{
    uint8_t room[64];
    struct buf out = buf_in(room, sizeof room);
    struct frame frame = {.kind = FRAME_YIELD, .id = 1};
    size_t start;
    assert_int_equal(frame_open(&out, &frame, &start), 0);
    (void)buf_append(&out, value, size);
    assert_int_equal(frame_close(&out, start), 0);
    peer_say(&peer, out.data, out.size);
}

/* ---- scenarios -------------------------------------------------------------------------------------------------- */

static void a_value_of_the_wrong_type_is_the_end_of_its_stream(struct life *life)
{
    tr_portal *portal = meet(life);
    tr_stream *numbers = NULL;
    int64_t number = 0;
    assert_int_equal(tr_open_stream(portal, &numbers, count_to), 0);
    peer_yields("\x01", 1);
    peer_yields("\xa1x", 2);
    peer_yields("\x03", 1);
    assert_true(tr_next(numbers, &number, count_to) == 1 && number == 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tr_next(numbers, &number, count_to), TR_EREMOTE);
        assert_true(tr_error_is(tr_last_error(), "ArgumentError"));
    }
    peer.socket->ended = true; /* it will not answer a CANCEL either */
    tr_stream_done_(&numbers);
    tr_portal_done_(&portal);
}

static void one_that_comes_before_an_overrun_is_so_too(struct life *life)
{
    tr_portal *portal = meet(life);
    tr_stream *numbers = NULL;
    int64_t number = 0;
    const tr_flow *flow = tr_flow_options(.overrun = TR_OVERRUN_FAILS, .bytes = 64);
    assert_int_equal(tr_open_stream_with(portal, &numbers, flow, count_to), 0);
    peer_yields("\x01", 1);
    peer_yields("\xa1x", 2);
    peer_yields("\x03", 1);
    assert_true(tr_next(numbers, &number, count_to) == 1 && number == 1);
    assert_int_equal(tr_next(numbers, &number, count_to), TR_EREMOTE);
    assert_true(tr_error_is(tr_last_error(), "ArgumentError"));
    peer.socket->ended = true;
    tr_stream_done_(&numbers);
    tr_portal_done_(&portal);
}

/* The first call is refused for its signature. */
static void peer_declares_otherwise(void)
{
    struct buf out = {0};
    struct frame frame = {.kind = FRAME_ERROR, .id = 1};
    size_t start;
    struct tr_error *error = error_new(TR_ESIGNATURE, tr_code_type(TR_ESIGNATURE), "", 0, "the callee declares it");
    assert_int_equal(frame_open(&out, &frame, &start), 0);
    assert_int_equal(error_put(&out, error), 0);
    assert_int_equal(frame_close(&out, start), 0);
    peer_say(&peer, out.data, out.size);
    error_unref(error);
    buf_fini(&out);
}

/* Several readers, in tasks of one nursery, are one failure. */
static void what_a_stream_failed_with_is_the_same_error_each_time(struct life *life)
{
    tr_portal *portal = meet(life);
    tr_stream *numbers = NULL;
    int64_t number;
    assert_int_equal(tr_open_stream(portal, &numbers, count_to), 0);
    peer_declares_otherwise();
    assert_int_equal(tr_next(numbers, &number, count_to), TR_EREMOTE);
    assert_non_null(strstr(tr_error_message(tr_last_error()), "the caller declares"));
    struct tr_error *first = error_ref((struct tr_error *)tr_last_error());
    assert_int_equal(tr_next(numbers, &number, count_to), TR_EREMOTE);
    assert_ptr_equal(tr_last_error(), first);
    error_unref(first);
    tr_stream_done_(&numbers);
    tr_portal_done_(&portal);
}

static void a_value_without_credit_is_the_end_of_the_session(struct life *life)
{
    tr_portal *portal = meet(life);
    tr_stream *numbers = NULL;
    int64_t number = 0;
    const tr_flow two = {.messages = 2};
    assert_int_equal(tr_open_stream_with(portal, &numbers, &two, count_to), 0);
    for (int i = 0; i < 3; i++)
        peer_yields("\x01", 1);
    pass(0.1);
    assert_true(tr_next(numbers, &number, count_to) == 1 && tr_next(numbers, &number, count_to) == 1);
    assert_int_equal(tr_next(numbers, &number, count_to), TR_EREMOTE);
    assert_true(tr_error_is(tr_last_error(), "ProtocolError"));
    tr_stream_done_(&numbers);
    tr_portal_done_(&portal);
}

/* Whatever the reason is: no memory in the kernel, a peer that has closed its side for reading only. */
static void what_cannot_be_sent_is_the_end_of_its_session_at_once(struct life *life)
{
    const struct {
        int error;
        const char *told;
    } cases[] = {{ENOBUFS, "nothing can be sent"}, {EPIPE, "without a good-bye"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tr_portal *portal = meet(life);
        double began = tr_now();
        peer.socket->unwritable = cases[i].error;
        assert_int_equal(tr_call(portal, NULL, echo, .text = "hello"), TR_EREMOTE);
        const tr_error *died = tr_error_find(tr_last_error(), "ActorDied");
        assert_non_null(died);
        assert_non_null(strstr(tr_error_message(died), cases[i].told));
        assert_true(tr_now() < began + 1);
        tr_portal_done_(&portal);
    }
}

static void put_call_of_nothing(struct buf *out, uint64_t id)
{
    struct frame frame = {.kind = FRAME_START, .id = id, .start = {.module = "nowhere", .function = "nothing"}};
    size_t start;
    assert_int_equal(frame_open(out, &frame, &start), 0);
    (void)buf_append(out, "\x90", 1); /* no arguments */
    assert_int_equal(frame_close(out, start), 0);
}

/* Read at once, both are acted on before anything is written. */
static void a_refusal_leaves_though_the_frame_behind_the_call_is_no_good(struct life *life)
{
    uint8_t room[128];
    struct buf out = buf_in(room, sizeof room);
    tr_portal *portal = meet(life);
    put_call_of_nothing(&out, 1);
    (void)buf_append(&out, "\x01\0\0\0\xc1", 5);
    peer_say(&peer, out.data, out.size);
    pass(0.1);
    assert_null(peer_session(&peer));
    peer_check(&peer);
    assert_int_equal(peer_outcomes(&peer, 1), 1);
    tr_portal_done_(&portal);
}

/* As after a time in which this process was stopped. */
static void a_greeting_that_came_in_time_may_be_read_late(struct life *life)
{
    while (!life->up)
        pass(0);
    struct world_socket *socket = world_connect(life->world);
    peer_init(&peer, life, socket);
    pass(0.1);
    peer_greet(&peer);
    life->world->now_ns += 60 * (int64_t)NS_PER_S;
    pass(0.1);
    assert_non_null(peer_session(&peer));
    assert_int_equal(peer_session(&peer)->state.at, SESSION_OPEN);
    peer.socket->ended = true;
    pass(0.1);
}

static void among_others(void **state)
{
    struct life life = {0};
    life.script = ((void (**)(struct life *))*state)[0];
    live(&life);
    assert_int_equal(life.rc, 0);
}

#define LIVE(name) {#name, among_others, NULL, NULL, (void (*[])(struct life *)){name}}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIVE(a_value_of_the_wrong_type_is_the_end_of_its_stream),
        LIVE(one_that_comes_before_an_overrun_is_so_too),
        LIVE(what_a_stream_failed_with_is_the_same_error_each_time),
        LIVE(a_value_without_credit_is_the_end_of_the_session),
        LIVE(what_cannot_be_sent_is_the_end_of_its_session_at_once),
        LIVE(a_greeting_that_came_in_time_may_be_read_late),
        LIVE(a_refusal_leaves_though_the_frame_behind_the_call_is_no_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

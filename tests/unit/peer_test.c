/* What peers say that is no good, in a world where the test plays the peer: what fuzzers found, one by one. */
#include "met_peer.h"

#include "fuzz/frames.h"
#include "fuzz/functions.h"
#include "fuzz/samples.h"

#include "actor/error_wire.h"
#include "base/error.h"
#include "registry/table.h"
#include "value/codec.h"
#include "value/function.h"
#include "value/msgpack.h"

#include <errno.h>
#include <string.h>

/* A YIELD for the first call there was; `value` is one on the wire. */
static void peer_yields(const char *value, size_t size)
{
    uint8_t room[256];
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

/* How the first call ends. */
static void peer_fails_with(struct tr_error *error)
{
    struct buf out = {0};
    struct frame frame = {.kind = FRAME_ERROR, .id = 1};
    size_t start;
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
    peer_fails_with(error_new(TR_ESIGNATURE, tr_code_type(TR_ESIGNATURE), "", 0, "the callee declares it"));
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

/* ---- memory that the peer lends ---------------------------------------------------------------------------------- */

static void peer_says(const struct frame *frame)
{
    struct buf out = {0};
    assert_int_equal(frame_put(&out, frame), 0);
    peer_say(&peer, out.data, out.size);
    buf_fini(&out);
}

static void peer_lends(uint32_t bytes)
{
    ((struct world *)runtime->sys)->passes = true;
    peer_says(&(struct frame){.kind = FRAME_LEND, .lend = {bytes}});
}

/* A YIELD of the first call, of bytes that lie there. */
static void peer_yields_far(uint32_t place, uint32_t size)
{
    uint8_t room[16];
    struct buf value = buf_in(room, sizeof room);
    assert_int_equal(msgpack_put_far(&value, place, size), 0);
    peer_yields((const char *)value.data, value.size);
}

static tr_portal *meet_a_lender(struct life *life, tr_stream **ret_stream)
{
    tr_portal *portal = meet(life);
    assert_int_equal(tr_open_stream(portal, ret_stream, blobs), 0);
    peer_lends(SHELF_SIZE);
    return portal;
}

static void what_a_peer_lends_is_read_and_given_back(struct life *life)
{
    tr_stream *stream = NULL;
    tr_bytes bytes;
    tr_portal *portal = meet_a_lender(life, &stream);
    peer_yields_far(0, SHELF_PAGE + 1);
    peer_yields_far(2, CODEC_LARGE);
    assert_true(tr_next(stream, &bytes, blobs) == 1 && bytes.size == SHELF_PAGE + 1);
    assert_int_equal(((const char *)bytes.data)[SHELF_PAGE], 0);
    assert_true(tr_next(stream, &bytes, blobs) == 1 && bytes.size == CODEC_LARGE);
    peer_yields_far(0, 1); /* where nothing is any more */
    assert_int_equal(tr_next(stream, &bytes, blobs), 1);
    assert_int_equal(bytes.size, 1);
    peer.socket->ended = true;
    pass(0.1);
    assert_int_equal(((const char *)bytes.data)[0], 0); /* it is still held */
    tr_stream_done_(&stream);
    tr_portal_done_(&portal);
}

/* So many bytes, each on a page of its own, as one YIELD. */
static void peer_yields_on_pages(uint32_t count)
{
    struct buf out = {0};
    struct frame frame = {.kind = FRAME_YIELD, .id = 1, .count = count};
    size_t start;
    assert_int_equal(frame_open(&out, &frame, &start), 0);
    for (uint32_t place = 0; place < count; place++)
        assert_int_equal(msgpack_put_far(&out, place, 1), 0);
    assert_int_equal(frame_close(&out, start), 0);
    peer_say(&peer, out.data, out.size);
    buf_fini(&out);
}

/* What it is told of each value is some bytes that wait for it, and it need not hear them to send the next ones. */
static void who_does_not_hear_that_places_are_free_cannot_fill_our_memory(struct life *life)
{
    enum { PAGES = 1000, TIMES = 1000, MOST = 4 * 1024 * 1024 };
    tr_stream *stream = NULL;
    tr_bytes bytes;
    int rc = 1;
    tr_portal *portal = meet_a_lender(life, &stream);
    pass(0.1);
    peer.socket->room = 0;
    for (int i = 0; i < TIMES && rc > 0; i++) {
        peer_yields_on_pages(PAGES);
        for (int j = 0; j < PAGES && rc > 0; j++)
            rc = tr_next(stream, &bytes, blobs);
    }
    assert_int_equal(rc, TR_EREMOTE);
    assert_true(tr_error_is(tr_last_error(), "ProtocolError"));
    assert_in_range(life->world->peak, 1, MOST);
    tr_stream_done_(&stream);
    tr_portal_done_(&portal);
}

static void lends_nothing(void)
{
    peer_lends(0);
    peer_yields_far(0, CODEC_LARGE);
}

static void lends_twice(void)
{
    peer_lends(SHELF_SIZE);
}

static void takes_away_what_is_held(void)
{
    peer_yields_far(0, CODEC_LARGE);
    peer_lends(0);
}

static void borrows_what_was_not_offered(void)
{
    peer_says(&(struct frame){.kind = FRAME_BORROW});
}

static void gives_back_what_it_has_not(void)
{
    peer_says(&(struct frame){.kind = FRAME_BACK, .back = {0}});
}

static void means_nowhere(void)
{
    peer_yields_far(SHELF_PAGES, 1);
}

static void means_what_goes_on_too_far(void)
{
    peer_yields_far(SHELF_PAGES - 1, SHELF_PAGE + 1);
}

static void means_nothing(void)
{
    peer_yields_far(0, 0);
}

static void means_the_same_twice(void)
{
    peer_yields_far(7, SHELF_PAGE);
    peer_yields_far(7, SHELF_PAGE);
}

static void means_what_overlaps(void)
{
    peer_yields_far(7, 2 * SHELF_PAGE);
    peer_yields_far(8, 1);
}

/* The first of the two is let go. */
static void means_the_same_twice_at_once(void)
{
    uint8_t room[32];
    struct buf values = buf_in(room, sizeof room);
    (void)msgpack_put_array(&values, 2);
    (void)msgpack_put_far(&values, 7, 1);
    (void)msgpack_put_far(&values, 7, 1);
    peer_yields((const char *)values.data, values.size);
}

static void (*offence)(void);

static void is_the_end_of_its_session(struct life *life)
{
    tr_stream *stream = NULL;
    tr_bytes bytes;
    int rc;
    tr_portal *portal = meet_a_lender(life, &stream);
    pass(0.1);
    offence();
    while ((rc = tr_next(stream, &bytes, blobs)) > 0)
        pass(0.1);
    assert_int_equal(rc, TR_EREMOTE);
    assert_true(tr_error_is(tr_last_error(), "ProtocolError"));
    tr_stream_done_(&stream);
    tr_portal_done_(&portal);
}

static void nonsense_about_lent_memory_is_the_end_of_its_session(void **state)
{
    static void (*const offences[])(void) = {
        lends_nothing, lends_twice, takes_away_what_is_held, borrows_what_was_not_offered, gives_back_what_it_has_not,
        means_nowhere, means_what_goes_on_too_far, means_nothing, means_the_same_twice, means_what_overlaps,
        means_the_same_twice_at_once};
    (void)state;
    for (size_t i = 0; i < sizeof offences / sizeof *offences; i++) {
        struct life life = {.script = is_the_end_of_its_session};
        offence = offences[i];
        live(&life);
        assert_int_equal(life.rc, 0);
    }
}

static size_t fails_then; /* the first allocation after what follows, the second, ...; 0: none */

/* The peer's clock is ahead of ours, or its answer was read before anybody looked at the time. */
static int say_that_it_was_cut(void *seconds)
{
    tr_try(tr_sleep(*(double *)seconds));
    peer_fails_with(error_new(TR_ECANCELLED, "Cancelled", "", 0, "cancelled by the one who asked"));
    if (fails_then)
        peer.life->world->fail_at = peer.life->world->allocations + fails_then;
    return tr_sleep(1); /* with the scope that it has just waited with */
}

static int call_while_peer_says_so(struct life *life, double when)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_auto(portal) portal = meet(life);
    tr_try(tr_start_soon(nursery, say_that_it_was_cut, &when));
    int rc = tr_call(portal, NULL, echo, .text = "hello");
    tr_cancel(nursery);
    return tr_join_with(nursery, rc);
}

static void a_callee_that_our_deadline_has_cut_off_a_little_early_is_cancelled_by_our_deadline(struct life *life)
{
    const double when[] = {0.999, 0.5};
    for (size_t i = 0; i < sizeof when / sizeof *when; i++) {
        tr_scope limit = tr_move_on_after(1);
        int rc = tr_within(&limit, call_while_peer_says_so(life, when[i]));
        bool early = i == 0;
        assert_int_equal(rc, early ? 0 : TR_EREMOTE);
        assert_int_equal(limit.cancelled_caught, early);
    }
}

static int call_while_peer_says_so_below(struct life *life, int scopes)
{
    tr_scope nothing = tr_cancel_scope();
    return scopes > 0 ? tr_within(&nothing, call_while_peer_says_so_below(life, scopes - 1))
                      : call_while_peer_says_so(life, 0.999);
}

/* Whether its word was heard, as an error or in our own cancellation. */
static bool is_heard(struct life *life, bool *ret_failed)
{
    tr_scope limit = tr_move_on_after(1);
    int rc = tr_within(&limit, call_while_peer_says_so_below(life, 20));
    *ret_failed = rc < 0;
    life->world->fail_at = 0;
    return rc < 0 ? tr_error_is(tr_last_error(), "Cancelled") : limit.cancelled_caught;
}

/* So many scopes that none is left over for the wait for our own deadline. */
static void what_it_says_then_is_not_hidden_by_a_lack_of_memory(struct life *life)
{
    bool failed = true, heard_as_error = false;
    for (fails_then = 1; failed; fails_then++) {
        bool heard = is_heard(life, &failed);
        heard_as_error |= heard && failed;
    }
    fails_then = 0;
    assert_true(heard_as_error);
}

static void put_call(struct buf *out, const tr_fn_info *fn, const void *args, double seconds_left)
{
    struct frame frame = {.kind = FRAME_START, .id = 1,
                          .start = {.module = "fuzz", .function = fn->name, .seconds_left = seconds_left}};
    size_t start;
    assert_int_equal(frame_open(out, &frame, &start), 0);
    assert_int_equal(codec_encode_fields(out, fn->args, args), 0);
    assert_int_equal(frame_close(out, start), 0);
}

static void what_the_callers_deadline_has_cut_off_was_cancelled_by_the_caller(struct life *life)
{
    struct buf call = {0};
    tr_auto(portal) portal = meet(life);
    put_call(&call, &wait_a_while_tr_info_, TR_ARGS_(wait_a_while, .seconds = 5, ), 1);
    peer_say(&peer, call.data, call.size);
    pass(2);
    assert_true(peer_has_heard("cancelled by actor donny"));
    peer.socket->ended = true;
    buf_fini(&call);
}

static void what_was_answered_before_a_session_is_spoilt_still_leaves(struct life *life)
{
    struct buf said = {0};
    tr_auto(portal) portal = meet(life);
    put_call(&said, &(tr_fn_info){.name = "nothing_of_ours", .args = echo_tr_info_.args},
             TR_ARGS_(echo, .text = "hello", ), 1);
    assert_int_equal(buf_append(&said, "nonsense", 8), 0);
    peer_say(&peer, said.data, said.size);
    pass(1);
    assert_true(peer_has_heard("has no function \"nothing_of_ours\""));
    buf_fini(&said);
}

/* Without an argument. */
static void put_bare_call(struct buf *out, uint64_t id, const char *module, const char *function)
{
    struct frame frame = {.kind = FRAME_START, .id = id, .start = {.module = module, .function = function}};
    size_t start;
    assert_int_equal(frame_open(out, &frame, &start), 0);
    assert_int_equal(msgpack_put_map(out, 0), 0);
    assert_int_equal(frame_close(out, start), 0);
}

/* As long as this task and the others do, the loop looks at the world after each turn. */
static void take_long(struct life *life)
{
    life->world->now_ns += NS_PER_S / 1000;
    assert_int_equal(tr_checkpoint(), 0);
}

enum { VAIN_CALLS = 2200 }; /* two readings, and more than twice what may be unsent */

/* Calls of what is not served here: few bytes, for which we have many to say. */
static void put_vain_calls(struct buf *out)
{
    for (uint64_t id = 1; id <= VAIN_CALLS; id++)
        put_bare_call(out, id, "a", "b");
}

static tr_list_tr_str many_modules(void)
{
    enum { MODULES = 200 };
    static tr_str many[MODULES];
    for (size_t i = 0; i < MODULES; i++)
        many[i] = "a_module_among_others";
    return (tr_list_tr_str){many, MODULES};
}

/* What is answered at once to what one read has brought is so much that the reader waits until some of it is written;
 * and the loop, which is the first to try, finds that nobody is there. */
static void a_peer_that_has_left_what_it_asked_for_is_lost_at_once(struct life *life)
{
    const tr_list_tr_str own = life->actor.modules;
    struct buf said = {0};
    tr_auto(portal) portal = meet(life);
    put_vain_calls(&said);
    life->actor.modules = many_modules();
    for (int i = 0; i < 200; i++)
        take_long(life);
    peer.socket->unwritable = EPIPE;
    peer_say(&peer, said.data, said.size);
    for (int i = 0; i < 2000; i++)
        take_long(life);
    assert_null(peer_session(&peer));
    life->actor.modules = own;
    buf_fini(&said);
}

/* Likewise; and what it had said last is looked at only when nothing can be written to it any more. */
static void enroll_and_leave(struct life *life)
{
    const tr_list_tr_str own = life->actor.modules;
    struct buf said = {0};
    tr_auto(portal) portal = meet(life);
    put_vain_calls(&said);
    put_bare_call(&said, VAIN_CALLS + 1, REGISTRY_MODULE, "tr_registry_enroll");
    assert_int_equal(buf_append(&said, "nonsense", 8), 0);
    life->actor.modules = many_modules();
    peer.socket->room = 0;
    peer_say(&peer, said.data, said.size);
    pass(0.1);
    assert_non_null(peer_session(&peer));
    peer.socket->room = SIZE_MAX;
    peer.socket->unwritable = EPIPE;
    pass(0.1);
    assert_null(peer_session(&peer));
    assert_null(table_next_of_name(runtime->registry, tr_portal_actor(portal)->name, NULL));
    life->actor.modules = own;
    buf_fini(&said);
}

/* Whether the function has begun before the session ends, is as the tasks have their turns. */
static void who_has_left_when_its_enrolment_begins_is_not_registered(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct life life = {.script = enroll_and_leave, .seed = seed};
        live(&life);
        assert_int_equal(life.rc, 0);
    }
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

/* And it is no less in time for being followed by more than is looked at without a pause. */
static void what_follows_such_a_greeting_is_heard(struct life *life)
{
    enum { CALLS = 100 };
    struct buf calls = {0};
    while (!life->up)
        pass(0);
    peer_init(&peer, life, world_connect(life->world));
    pass(0.1);
    peer_greet(&peer);
    for (uint64_t id = 1; id <= CALLS; id++)
        put_bare_call(&calls, id, "a", "b");
    peer_say(&peer, calls.data, calls.size);
    buf_fini(&calls);
    life->world->now_ns += 60 * (int64_t)NS_PER_S;
    pass(0.1);
    assert_non_null(peer_session(&peer));
    peer_check(&peer);
    assert_int_equal(peer_outcomes(&peer, CALLS), 1);
    peer.socket->ended = true;
    pass(0.1);
}

/* ---- an arbiter ---------------------------------------------------------------------------------------------------- */

static void peer_tells_of(const tr_registration *actor)
{
    const tr_actor_event event = {.joined = true, .actor = *actor};
    struct buf value = {0};
    assert_int_equal(codec_encode(&value, &tr_type_tr_actor_event, &event), 0);
    peer_yields((const char *)value.data, value.size);
    buf_fini(&value);
}

enum { LIES = 5 };
static const tr_registration truth = {.name = "donny", .uuid = "0123456789abcdef0123456789abcdef",
                                      .addresses = {(tr_str[]){"unix:@donny"}, 1}};

/* What can be no actor, for one reason each. */
static tr_registration lie(int i)
{
    static tr_str no_text[1];
    tr_registration actor = truth;
    switch (i) {
    case 0: actor.name = NULL; break;
    case 1: actor.name = "\x1b[2J"; break;
    case 2: actor.uuid = NULL; break;
    case 3: actor.addresses.count = 0; break;
    default: actor.addresses.items = no_text;
    }
    return actor;
}

static void an_arbiter_that_tells_of_what_is_no_actor_is_none(struct life *life)
{
    tr_portal *portal = meet(life);
    tr_stream *changes = NULL;
    tr_actor_event event;
    assert_int_equal(tr_watch_actors_of(portal, &changes), 0);
    for (int i = 0; i < LIES; i++) {
        const tr_registration actor = lie(i);
        peer_tells_of(&actor);
        assert_int_equal(tr_next_actor(changes, &event), TR_ENOARBITER);
    }
    peer_tells_of(&truth);
    assert_int_equal(tr_next_actor(changes, &event), 1);
    assert_string_equal(event.actor.name, "donny");
    peer.socket->ended = true;
    tr_stream_done_(&changes);
    tr_portal_done_(&portal);
}

/* Answers our newest call, once it is there, by one value of that kind. */
struct answer {
    enum frame_kind kind;
    const tr_type *type;
    const void *value;
};

static int peer_answers_call(void *arg)
{
    const struct answer *answer = arg;
    struct buf out = {0};
    size_t start;
    tr_try(tr_sleep(0.1));
    struct frame frame = {.kind = answer->kind, .id = peer_session(&peer)->last_call};
    assert_int_equal(frame_open(&out, &frame, &start), 0);
    assert_int_equal(codec_encode(&out, answer->type, answer->value), 0);
    assert_int_equal(frame_close(&out, start), 0);
    peer_say(&peer, out.data, out.size);
    buf_fini(&out);
    return 0;
}

static int list_while_peer_answers(tr_portal *portal, const tr_registration *actor)
{
    struct answer answer = {FRAME_YIELD, &tr_type_tr_registration, actor};
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_list_tr_registration found;
    tr_try(tr_start_soon(nursery, peer_answers_call, &answer));
    return tr_join_with(nursery, tr_actors_of(portal, &found));
}

static void a_list_with_what_is_no_actor_is_no_arbiters(struct life *life)
{
    tr_auto(portal) portal = meet(life);
    for (int i = 0; i < LIES; i++) {
        const tr_registration actor = lie(i);
        assert_int_equal(list_while_peer_answers(portal, &actor), TR_ENOARBITER);
        assert_non_null(strstr(tr_error_message(tr_last_error()), "no arbiter says what was told"));
    }
    peer.socket->ended = true;
}

static int find_while_peer_answers(const tr_registration *actor)
{
    const tr_list_tr_registration found = {actor, 1};
    struct answer answer = {FRAME_RETURN, function_find(REGISTRY_MODULE, "tr_registry_find")->info->out, &found};
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_auto(portal) portal = NULL;
    tr_try(tr_start_soon(nursery, peer_answers_call, &answer));
    return tr_join_with(nursery, tr_find_actor(&portal, "donny"));
}

/* The peer is taken for the registry of our own root. */
static void what_is_no_actor_is_not_found(struct life *life)
{
    tr_auto(portal) portal = meet(life);
    life->actor.arbiter = "unix:@peer";
    life->actor.arbiter_uuid = tr_portal_actor(portal)->uuid;
    for (int i = 0; i < LIES; i++) {
        const tr_registration actor = lie(i);
        assert_int_equal(find_while_peer_answers(&actor), TR_ENOARBITER);
        assert_non_null(strstr(tr_error_message(tr_last_error()), "no arbiter says what was told"));
    }
    peer.socket->ended = true;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIVE(a_value_of_the_wrong_type_is_the_end_of_its_stream),
        LIVE(one_that_comes_before_an_overrun_is_so_too),
        LIVE(what_a_stream_failed_with_is_the_same_error_each_time),
        LIVE(a_value_without_credit_is_the_end_of_the_session),
        LIVE(what_cannot_be_sent_is_the_end_of_its_session_at_once),
        LIVE(what_a_peer_lends_is_read_and_given_back),
        LIVE(who_does_not_hear_that_places_are_free_cannot_fill_our_memory),
        cmocka_unit_test(nonsense_about_lent_memory_is_the_end_of_its_session),
        LIVE(a_callee_that_our_deadline_has_cut_off_a_little_early_is_cancelled_by_our_deadline),
        LIVE(what_it_says_then_is_not_hidden_by_a_lack_of_memory),
        LIVE(what_the_callers_deadline_has_cut_off_was_cancelled_by_the_caller),
        LIVE(what_was_answered_before_a_session_is_spoilt_still_leaves),
        LIVE(a_peer_that_has_left_what_it_asked_for_is_lost_at_once),
        cmocka_unit_test(who_has_left_when_its_enrolment_begins_is_not_registered),
        LIVE(a_greeting_that_came_in_time_may_be_read_late),
        LIVE(what_follows_such_a_greeting_is_heard),
        LIVE(an_arbiter_that_tells_of_what_is_no_actor_is_none),
        LIVE(a_list_with_what_is_no_actor_is_no_arbiters),
        LIVE(what_is_no_actor_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

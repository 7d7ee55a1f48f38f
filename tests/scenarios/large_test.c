/* Large byte strings that are read where they were written. The processes of the fake world have one memory, so a
 * function can say in the bytes where they are, and who reads them sees whether he reads them there. */
#define TR_MODULE "large"
#include "scenarios/theatre.h"

#include "actor/portal.h"
#include "actor/serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 64 * 1024, MANY = 200 };

/* ---- what the scenarios are made of ---------------------------------------------------------------------------- */

static bool lies_where_it_was_written(tr_bytes bytes)
{
    const void *written;
    memcpy(&written, bytes.data, sizeof written);
    return written == bytes.data;
}

/* Where it is, if that is on the shelf of the session, and a number at both ends. */
static void fill(const struct session *session, void *bytes, size_t size, int64_t number)
{
    const struct shelf *shelf = session ? session->large.shelf : NULL;
    void *where = shelf && shelf_place(shelf, bytes) < SHELF_PAGES ? bytes : NULL;
    memcpy(bytes, &where, sizeof where);
    memcpy((char *)bytes + sizeof bytes, &number, sizeof number);
    memcpy((char *)bytes + size - sizeof number, &number, sizeof number);
}

static bool holds(tr_bytes bytes, size_t size, int64_t number)
{
    return bytes.size == size && memcmp((const char *)bytes.data + sizeof(void *), &number, sizeof number) == 0 &&
           memcmp((const char *)bytes.data + size - sizeof number, &number, sizeof number) == 0;
}

/* What there is between this actor and others. */
static int shelves_here(void)
{
    int count = 0;
    list_each(at, &actor_self()->sessions)
    {
        const struct large *large = &container_of(at, struct session, place)->large;
        count += (large->shelf != NULL) + (large->view != NULL);
    }
    return count;
}

/* ---- functions ------------------------------------------------------------------------------------------------- */

tr_fn(tr_bytes, make, (uint64_t, size), (int64_t, number))
{
    void *bytes = tr_buffer(ctx, args->size);
    if (!bytes)
        return -ENOMEM;
    fill(ctx_session(ctx), bytes, args->size, args->number);
    *ret = (tr_bytes){bytes, args->size};
    return 0;
}

/* From memory of its own. */
tr_fn(tr_bytes, make_elsewhere, (uint64_t, size), (int64_t, number))
{
    void *bytes = tr_alloc(args->size);
    if (!bytes)
        return -ENOMEM;
    fill(NULL, bytes, args->size, args->number);
    *ret = (tr_bytes){bytes, args->size};
    return 0;
}

tr_fn(bool, look_at, (tr_bytes, bytes), (int64_t, number))
{
    if (!holds(args->bytes, args->bytes.size, args->number))
        return tr_raise("test.Failed", "these are other bytes");
    *ret = lies_where_it_was_written(args->bytes);
    return 0;
}

tr_stream_fn(tr_bytes, make_many, (int64_t, count), (uint64_t, size))
{
    for (int64_t i = 0; i < args->count; i++) {
        tr_auto(frame) frame = tr_open_frame();
        void *bytes = tr_buffer(ctx, args->size);
        if (!bytes)
            return -ENOMEM;
        fill(ctx_session(ctx), bytes, args->size, i);
        tr_try(tr_yield(ctx, {bytes, args->size}));
    }
    return 0;
}

/* Sends back what it hears, and where it stood. */
tr_context_fn(tr_bytes, echo_many, (tr_bytes, tr_bytes, tr_bytes))
{
    void *first = tr_buffer(ctx, SIZE);
    if (!first)
        return -ENOMEM;
    fill(ctx_session(ctx), first, SIZE, -1);
    tr_try(tr_ctx_started(ctx, {first, SIZE}));
    tr_bytes heard;
    int rc;
    while ((rc = tr_ctx_receive(ctx, &heard)) > 0)
        tr_try(tr_yield(ctx, heard));
    *ret = (tr_bytes){first, SIZE};
    return rc;
}

/* The first values go as ever, since there is no shelf yet. */
static int warm_up(tr_portal *donny)
{
    bool in_place;
    for (int i = 0; i < 3; i++) {
        tr_auto(frame) frame = tr_open_frame();
        tr_bytes bytes;
        tr_try(tr_call(donny, &bytes, make, .size = SIZE, .number = i));
        want(holds(bytes, SIZE, i));
        void *own = tr_buffer(donny, SIZE);
        want(own != NULL);
        fill(donny->session, own, SIZE, i);
        tr_try(tr_call(donny, &in_place, look_at, .bytes = {own, SIZE}, .number = i));
    }
    return 0;
}

/* ---- calls ----------------------------------------------------------------------------------------------------- */

static int read_results_and_arguments(tr_portal *donny)
{
    tr_bytes bytes;
    bool in_place;
    tr_try(warm_up(donny));
    tr_try(tr_call(donny, &bytes, make, .size = SIZE, .number = 7));
    want(holds(bytes, SIZE, 7) && lies_where_it_was_written(bytes));
    void *own = tr_buffer(donny, 1000 * 1000);
    fill(donny->session, own, 1000 * 1000, 8);
    tr_try(tr_call(donny, &in_place, look_at, .bytes = {own, 1000 * 1000}, .number = 8));
    want(in_place);
    return 0;
}
PLAY(read_results_and_arguments)

static int read_what_was_copied_once(tr_portal *donny)
{
    tr_bytes bytes;
    bool in_place;
    tr_try(warm_up(donny));
    for (int i = 0; i < MANY; i++) {
        tr_auto(frame) frame = tr_open_frame();
        tr_try(tr_call(donny, &bytes, make_elsewhere, .size = SIZE, .number = i));
        want(holds(bytes, SIZE, i) && !lies_where_it_was_written(bytes));
        tr_try(tr_call(donny, &in_place, look_at, .bytes = bytes, .number = i));
        want(!in_place);
    }
    return 0;
}
PLAY(read_what_was_copied_once)

/* The buffer is the receiver's until that gives it back: what is sent again is a copy. */
static int send_the_same_twice(tr_portal *donny)
{
    bool in_place;
    tr_try(warm_up(donny));
    void *own = tr_buffer(donny, SIZE);
    fill(donny->session, own, SIZE, 1);
    for (int i = 0; i < 3; i++)
        tr_try(tr_call(donny, &in_place, look_at, .bytes = {own, SIZE}, .number = 1));
    tr_auto(stream) both = NULL;
    tr_bytes first, back[2];
    tr_try(tr_open_context(donny, &both, &first, echo_many));
    tr_try(tr_stream_send(both, echo_many, {own, SIZE}));
    tr_try(tr_stream_send(both, echo_many, {own, SIZE}));
    want(tr_next(both, &back[0], echo_many) == 1 && holds(back[0], SIZE, 1));
    want(tr_next(both, &back[1], echo_many) == 1 && holds(back[1], SIZE, 1));
    return 0;
}
PLAY(send_the_same_twice)

/* ---- streams and contexts ---------------------------------------------------------------------------------------- */

static int read_a_stream(tr_portal *donny)
{
    tr_bytes bytes;
    int64_t seen = 0, in_place = 0;
    int rc;
    tr_auto(stream) stream = NULL;
    tr_try(warm_up(donny));
    tr_try(tr_open_stream(donny, &stream, make_many, .count = MANY, .size = SIZE));
    for (; (rc = tr_next(stream, &bytes, make_many)) > 0; seen++) {
        want(holds(bytes, SIZE, seen));
        in_place += lies_where_it_was_written(bytes);
    }
    want(rc == 0 && seen == MANY && in_place == MANY);
    return 0;
}
PLAY(read_a_stream)

/* As far ahead as is granted, and its last word: 5 values of 64 KiB. */
static int let_a_stream_run_ahead(tr_portal *donny)
{
    tr_bytes bytes;
    tr_try(warm_up(donny));
    tr_auto(stream) stream = NULL;
    tr_try(tr_open_stream(donny, &stream, make_many, .count = MANY, .size = SIZE));
    tr_try(tr_sleep(1));
    want(tr_next(stream, &bytes, make_many) == 1 && holds(bytes, SIZE, 0));
    tr_try(tr_stream_cancel(stream) >= 0 ? 0 : -1);
    return 0;
}
PLAY(let_a_stream_run_ahead)

static int miss_some_of_a_stream(tr_portal *donny)
{
    tr_bytes bytes;
    int64_t last = -1;
    tr_try(warm_up(donny));
    tr_auto(stream) stream = NULL;
    tr_try(tr_open_stream_with(donny, &stream, tr_flow_options(.overrun = TR_DROP_OLDEST), make_many, .count = MANY,
                               .size = SIZE));
    tr_try(tr_sleep(1));
    int rc;
    while ((rc = tr_next(stream, &bytes, make_many)) > 0) {
        int64_t number;
        memcpy(&number, (const char *)bytes.data + sizeof(void *), sizeof number);
        want(number > last && holds(bytes, SIZE, number));
        last = number;
    }
    want(rc == 0 && last == MANY - 1 && tr_stream_dropped(stream) > 0);
    return read_a_stream(donny);
}
PLAY(miss_some_of_a_stream)

static int read_by_two(tr_portal *donny)
{
    tr_bytes one, two;
    tr_try(warm_up(donny));
    tr_auto(stream) first = NULL;
    tr_auto(stream) second = NULL;
    tr_try(tr_open_stream(donny, &first, make_many, .count = 20, .size = SIZE));
    tr_try(tr_subscribe(first, &second, 2));
    for (int64_t i = 0; i < 20; i++) {
        want(tr_next(first, &one, make_many) == 1 && holds(one, SIZE, i));
        want(tr_next(second, &two, make_many) == 1 && two.data == one.data);
    }
    want(tr_next(first, &one, make_many) == 0 && holds(two, SIZE, 19));
    return 0;
}
PLAY(read_by_two)

static int talk_both_ways(tr_portal *donny)
{
    tr_try(warm_up(donny));
    tr_auto(stream) both = NULL;
    tr_bytes first, back, last;
    tr_try(tr_open_context(donny, &both, &first, echo_many));
    want(holds(first, SIZE, -1) && lies_where_it_was_written(first));
    for (int64_t i = 0; i < MANY; i++) {
        tr_auto(frame) frame = tr_open_frame();
        void *bytes = tr_buffer(both, SIZE);
        want(bytes != NULL);
        fill(donny->session, bytes, SIZE, i);
        tr_try(tr_stream_send(both, echo_many, {bytes, SIZE}));
        want(tr_next(both, &back, echo_many) == 1 && holds(back, SIZE, i));
    }
    tr_try(tr_stream_result(both, &last, echo_many));
    want(holds(last, SIZE, -1) && holds(first, SIZE, -1));
    return 0;
}
PLAY(talk_both_ways)

/* ---- room -------------------------------------------------------------------------------------------------------- */

/* More than there is room for: the last of them are copies, and wait for nobody. */
static int hold_more_than_there_is_room_for(tr_portal *donny)
{
    tr_bytes held[MANY];
    int in_place = 0;
    tr_try(warm_up(donny));
    {
        tr_auto(frame) frame = tr_open_frame();
        for (int i = 0; i < MANY; i++) {
            tr_try(tr_call(donny, &held[i], make, .size = SIZE, .number = i));
            in_place += lies_where_it_was_written(held[i]);
        }
        for (int i = 0; i < MANY; i++)
            want(holds(held[i], SIZE, i));
        want(in_place > 100 && in_place < MANY);
    }
    return read_a_stream(donny);
}
PLAY(hold_more_than_there_is_room_for)

static int what_is_larger_than_all(tr_portal *donny)
{
    tr_bytes bytes;
    enum { HUGE = 9 * 1024 * 1024, TOO_LARGE = 17 * 1024 * 1024 };
    tr_try(warm_up(donny));
    tr_try(tr_call(donny, &bytes, make, .size = HUGE, .number = 1));
    want(holds(bytes, HUGE, 1));
    want(tr_call(donny, &bytes, make, .size = TOO_LARGE) < 0);
    tr_ignore(0);
    tr_portal *nobody = NULL;
    void *none = tr_buffer(donny, 0), *for_nobody = tr_buffer(nobody, 1);
    want(none != NULL && for_nobody == NULL);
    return 0;
}
PLAY(what_is_larger_than_all)

static int use_none_for_a_while(tr_portal *donny)
{
    tr_bytes bytes;
    {
        tr_auto(frame) frame = tr_open_frame();
        tr_try(warm_up(donny));
    }
    want(shelves_here() == 2);
    tr_try(tr_sleep(3));
    want(shelves_here() == 0);
    {
        tr_auto(frame) frame = tr_open_frame();
        tr_try(read_results_and_arguments(donny));
    }
    tr_try(tr_call(donny, &bytes, make, .size = SIZE, .number = 7));
    tr_try(tr_sleep(3));
    want(shelves_here() == 1); /* what is held is not given back, */
    want(holds(bytes, SIZE, 7));
    return 0;
}
PLAY(use_none_for_a_while)

static int use_small_ones_only(tr_portal *donny)
{
    tr_bytes bytes;
    for (int i = 0; i < 10; i++) {
        tr_try(tr_call(donny, &bytes, make, .size = 10000, .number = i));
        want(holds(bytes, 10000, i));
    }
    want(shelves_here() == 0);
    return 0;
}
PLAY(use_small_ones_only)

/* ---- other hosts ------------------------------------------------------------------------------------------------- */

static int call_from_afar(void)
{
    tr_auto(portal) donny = NULL;
    tr_bytes bytes;
    bool in_place;
    tr_try(tr_wait_for_actor(&donny, "donny"));
    for (int i = 0; i < 5; i++) {
        void *own = tr_buffer(donny, SIZE);
        want(own != NULL);
        fill(donny->session, own, SIZE, i);
        tr_try(tr_call(donny, &in_place, look_at, .bytes = {own, SIZE}, .number = i));
        tr_try(tr_call(donny, &bytes, make, .size = SIZE, .number = i));
        want(!in_place && holds(bytes, SIZE, i) && !lies_where_it_was_written(bytes));
        want(!donny->session->large.shelf && !donny->session->large.view);
    }
    say("called");
    return 0;
}

static int visit(void *arg)
{
    (void)arg;
    return fail_of(call_from_afar());
}

static int be_host(void *arg)
{
    (void)arg;
    return be_open_with_donny(TR_MODULE);
}

static void to_another_host_they_travel(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, be_host);
    theatre->on_network = true;
    theatre->arbiter = "tcp://alpha:1616";
    run_until_said(theatre, "open");
    let_in(theatre, visit, "beta");
    run_until_said(theatre, "called");
    kill_actor(theatre, "donny");
    run_to_the_end(theatre);
    expect_nothing_left(theatre);
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

static int hold_what_a_dead_actor_has_sent(void *arg)
{
    (void)arg;
    tr_portal *donny;
    tr_bytes bytes;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names("large")));
    tr_try(warm_up(donny));
    tr_try(tr_call(donny, &bytes, make, .size = SIZE, .number = 7));
    void *own = tr_buffer(donny, SIZE);
    tr_auto(stream) stream = NULL;
    tr_try(tr_open_stream(donny, &stream, make_many, .count = MANY, .size = SIZE));
    tr_try(tr_sleep(1));
    say("held");
    tr_scope rest = tr_move_on_after(1);
    tr_try(tr_within(&rest, tr_sleep_forever()));
    want(holds(bytes, SIZE, 7));
    fill(donny->session, own, SIZE, 8);
    tr_bytes item;
    for (int64_t i = 0; i < 4; i++)
        want(tr_next(stream, &item, make_many) == 1 && holds(item, SIZE, i));
    return tr_join(n);
}

static int look_from_here(tr_portal *donny, bool *ret_in_place)
{
    tr_auto(frame) frame = tr_open_frame();
    void *own = tr_buffer(donny, SIZE);
    if (!own)
        return -ENOMEM;
    fill(donny->session, own, SIZE, 1);
    return tr_call(donny, ret_in_place, look_at, .bytes = {own, SIZE}, .number = 1);
}

static int call_who_is_slow(void *arg)
{
    (void)arg;
    tr_portal *donny;
    bool in_place;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names("large")));
    say("about to be slow");
    tr_try(tr_sleep(1));
    tr_try(look_from_here(donny, &in_place));
    want(!in_place);
    tr_try(look_from_here(donny, &in_place));
    want(in_place);
    tr_cancel(n);
    return tr_join(n);
}

/* It may be computing, and answers when it looks again. */
static void who_is_slow_is_lent_large_ones_all_the_same(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, call_who_is_slow);
    run_until_said(theatre, "about to be slow");
    stop_actor(theatre, "donny");
    run_for(theatre, 5);
    wake_actor(theatre, "donny");
    expect_outcome(theatre, NULL);
    expect_nothing_left(theatre);
}

static int call_in_poverty(void *arg)
{
    (void)arg;
    tr_portal *donny;
    bool in_place;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names("large")));
    say("about to be poor");
    tr_try(tr_sleep(1));
    for (int i = 0; i < 3; i++) {
        tr_try(look_from_here(donny, &in_place));
        want(!in_place);
    }
    say("about to be better off");
    tr_try(tr_sleep(1));
    tr_try(look_from_here(donny, &in_place));
    tr_try(look_from_here(donny, &in_place));
    want(in_place);
    tr_cancel(n);
    return tr_join(n);
}

/* What is in the way of a shelf may not be for long. */
static void who_has_no_descriptors_for_a_while_lends_afterwards(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, call_in_poverty);
    run_until_said(theatre, "about to be poor");
    process_limit_descriptors(theatre->root, 1);
    run_until_said(theatre, "about to be better off");
    process_limit_descriptors(theatre->root, 1000);
    expect_outcome(theatre, NULL);
    expect_nothing_left(theatre);
}

static void what_a_dead_actor_has_sent_is_still_read(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, hold_what_a_dead_actor_has_sent);
    run_until_said(theatre, "held");
    kill_actor(theatre, "donny");
    expect_outcome(theatre, "ActorDied");
    assert_null(strstr(theatre->outcome, "test.Failed"));
    expect_nothing_left(theatre);
}

/* Each allocation in turn: what was sent is what arrives, or an error does. */
static int use_large_ones_in_need(void *arg)
{
    (void)arg;
    tr_portal *donny;
    tr_bytes bytes;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names("large")));
    say("about to begin");
    tr_try(tr_sleep(1));
    for (int64_t i = 0; i < 4; i++) {
        tr_try(tr_call(donny, &bytes, make, .size = SIZE, .number = i));
        want(holds(bytes, SIZE, i));
    }
    tr_auto(stream) stream = NULL;
    tr_try(tr_open_stream(donny, &stream, make_many, .count = 3, .size = SIZE));
    int64_t seen = 0;
    int rc;
    for (; (rc = tr_next(stream, &bytes, make_many)) > 0; seen++)
        want(holds(bytes, SIZE, seen));
    tr_try(rc);
    want(seen == 3);
    tr_cancel(n);
    return tr_join(n);
}

/* Whoever keeps the shelf has no scope to take over from others, since all there were are in use. */
static int call_in_scopes(tr_portal *donny, int count)
{
    if (count > 0) {
        tr_scope scope = tr_cancel_scope();
        return tr_within(&scope, call_in_scopes(donny, count - 1));
    }
    tr_bytes bytes;
    say("about to begin");
    void *own = tr_buffer(donny, SIZE);
    for (int64_t i = 0; own && i < 3; i++)
        tr_try(tr_call(donny, &bytes, make, .size = SIZE, .number = i));
    return own ? 0 : -ENOMEM;
}

static int keep_a_shelf_in_need(void *arg)
{
    (void)arg;
    tr_portal *donny;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names("large")));
    int rc = call_in_scopes(donny, 20);
    want(rc != TR_ECANCELLED); /* by whom? Nobody has failed but for those who call */
    tr_try(rc);
    tr_cancel(n);
    return tr_join(n);
}

static bool fails_in_need(int (*director)(void *), uint64_t n, bool memory)
{
    struct theatre *theatre = raise_curtain(1 + n % 3, director);
    run_until_said(theatre, "about to begin");
    if (memory)
        process_fail_memory(theatre->root, n, false);
    else
        process_fail_calls(theatre->root, n, false);
    run_to_the_end(theatre);
    bool failed = process_failed(theatre->root) > 0;
    assert_null(strstr(theatre->outcome, "test.Failed"));
    expect_nothing_left(theatre);
    return failed;
}

static void where_memory_or_calls_fail_nothing_is_mixed_up(void **state)
{
    (void)state;
    for (int memory = 0; memory <= 1; memory++)
        for (uint64_t n = 1; fails_in_need(use_large_ones_in_need, n, memory); n++)
            assert_true(n < 2000);
}

static void who_keeps_a_shelf_fails_nobody_for_want_of_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1; fails_in_need(keep_a_shelf_in_need, n, true); n++)
        assert_true(n < 2000);
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

struct trial {
    int (*director)(void *);
    const char *transport;
};

static void goes_well(void **state)
{
    const struct trial *trial = *state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct theatre *theatre = raise_curtain(seed, trial->director);
        world_weather(theatre->world)->transport = trial->transport;
        expect_outcome(theatre, NULL);
        expect_nothing_left(theatre);
    }
}

#define BY(way, play) {#play ", by " way, goes_well, NULL, NULL, &(struct trial){play_##play, way}}
#define GOES_WELL(play) BY("uds", play), BY("shm", play)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GOES_WELL(read_results_and_arguments),
        GOES_WELL(read_what_was_copied_once),
        GOES_WELL(send_the_same_twice),
        GOES_WELL(read_a_stream),
        GOES_WELL(let_a_stream_run_ahead),
        GOES_WELL(miss_some_of_a_stream),
        GOES_WELL(read_by_two),
        GOES_WELL(talk_both_ways),
        GOES_WELL(hold_more_than_there_is_room_for),
        GOES_WELL(what_is_larger_than_all),
        GOES_WELL(use_none_for_a_while),
        GOES_WELL(use_small_ones_only),
        cmocka_unit_test(to_another_host_they_travel),
        cmocka_unit_test(who_is_slow_is_lent_large_ones_all_the_same),
        cmocka_unit_test(who_has_no_descriptors_for_a_while_lends_afterwards),
        cmocka_unit_test(what_a_dead_actor_has_sent_is_still_read),
        cmocka_unit_test(where_memory_or_calls_fail_nothing_is_mixed_up),
        cmocka_unit_test(who_keeps_a_shelf_fails_nobody_for_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

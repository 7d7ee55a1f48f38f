/* Large byte strings in a play: what calls, streams and contexts carry of them in both directions, made where they are
 * read (tr_buffer) and made elsewhere. Whoever has been given one keeps it while other things happen, and looks again
 * and again whether it is still what it was: a place that is given back too early has something else in it soon. In
 * the end all that was lent has to be back.
 *
 * Each has a number of its own, which says how large it is and is written on each of its pages. */
#define TR_MODULE "act"
#include "act.h"

#include "actor/session.h"
#include "kernel.h"
#include "sched/task.h"

#include <string.h>

enum { SMALLEST = 20000, SPREAD = 80000, PAGE = 4096 };
enum { ITEMS = 6, ROUNDS = 4, NUMBERS = 64 }; /* of them for each call */

static const double LEAVE_AFTER_S = 0.1;
static const double IDLE_S = 2.5; /* longer than a shelf stays that nothing is lent on */

/* ---- what is carried -------------------------------------------------------------------------------------- */

/* In whole numbers, so that the last one is on one page. */
static size_t size_of(int64_t number)
{
    return SMALLEST + (uint64_t)number * 7919 % SPREAD / sizeof number * sizeof number;
}

/* One of three elsewhere: then that place stays unused. */
static int fill(void *place, int64_t number, tr_bytes *ret)
{
    size_t size = size_of(number);
    void *memory = number % 3 ? place : tr_alloc(size);
    if (!memory)
        return tr_raise("driver.NoMemory", "for %zu bytes", size);
    for (size_t at = 0; at + sizeof number <= size; at += PAGE)
        memcpy((char *)memory + at, &number, sizeof number);
    memcpy((char *)memory + size - sizeof number, &number, sizeof number);
    *ret = (tr_bytes){memory, size};
    return 0;
}

#define make(to, number, ret) fill(tr_buffer(to, size_of(number)), number, ret)

/* -1 for what is not all of one. */
static int64_t number_of(tr_bytes bytes)
{
    int64_t number, other;
    if (bytes.size < SMALLEST)
        return -1;
    memcpy(&number, (const char *)bytes.data + bytes.size - sizeof number, sizeof number);
    for (size_t at = 0; at + sizeof other <= bytes.size; at += PAGE) {
        memcpy(&other, (const char *)bytes.data + at, sizeof other);
        if (other != number)
            return -1;
    }
    return size_of(number) == bytes.size ? number : -1;
}

static void expect_number(const struct call_record *call, tr_bytes bytes, int64_t number)
{
    int64_t found = number_of(bytes);
    if (found != number)
        broken(call, "large bytes are not what they were", found, number);
}

/* ---- what is kept ----------------------------------------------------------------------------------------- */

void look_at_kept(const struct kept *kept)
{
    for (int i = 0; i < kept->count; i++)
        expect_number(kept->of[i].call, kept->of[i].bytes, kept->of[i].number);
}

void let_go_of_kept(struct kept *kept)
{
    look_at_kept(kept);
    tr_frame_done_(&kept->frame);
    kept->count = 0;
}

static struct call_record *record_large(const struct step *step, const tr_portal *portal, int64_t *ret_token)
{
    struct call_record *call = record_talk(step, portal, ret_token);
    call->first = *ret_token * NUMBERS;
    return call;
}

/* ---- calls ------------------------------------------------------------------------------------------------ */

tr_fn(tr_bytes, develop, (int64_t, token), (tr_bytes, load), (int64_t, number), (tr_bytes, more), (double, seconds))
{
    struct call_record *call = begin_talk(args->token);
    expect_number(call, args->load, args->number);
    tr_try(tr_sleep(args->seconds));
    expect_number(call, args->load, args->number);
    return make(ctx, call->first + 1, ret);
}

/* What was lent for a message that cannot be sent is not. */
static int call_in_vain(tr_portal *portal)
{
    tr_auto(frame) frame = tr_open_frame();
    tr_bytes load, nowhere = {NULL, SMALLEST}, got;
    tr_try(make(portal, 1, &load));
    if (tr_call(portal, &got, develop, .token = -1, .load = load, .more = nowhere) >= 0)
        violated(play_here(), "a call with bytes that are nowhere has a value");
    return tr_error_code(tr_last_error()) == TR_EARGUMENT ? 0 : tr_error_code(tr_last_error());
}

struct photo {
    tr_portal *portal;
    const struct step *step;
    tr_bytes load;
    int64_t number;
};

/* Into the innermost frame. */
static int call_develop(const struct photo *photo, struct call_record **ret_call, tr_bytes *ret_bytes)
{
    int64_t token;
    *ret_call = record_large(photo->step, photo->portal, &token);
    int rc = tr_call(photo->portal, ret_bytes, develop, .token = token, .load = photo->load, .number = photo->number,
                     .seconds = photo->step->seconds / 10);
    return settle_call(*ret_call, rc, rc >= 0 && number_of(*ret_bytes) == (*ret_call)->first + 1);
}

static int develop_aside(void *arg)
{
    struct call_record *call;
    const struct photo *photo = arg;
    tr_bytes got = {0};
    tr_try(call_develop(photo, &call, &got));
    tr_try(tr_sleep(photo->step->seconds / 20));
    expect_number(call, got, call->first + 1);
    return 0;
}

/* One load for all of them: the first may have it where it lies. */
static int call_crowd(struct photo *photo)
{
    tr_auto(frame) frame = tr_open_frame();
    tr_try(make(photo->portal, photo->number, &photo->load));
    tr_auto(nursery) crowd = tr_open_nursery();
    if (!crowd)
        return tr_error_code(tr_last_error());
    for (int i = 0; i < 3; i++)
        tr_try(tr_start_soon(crowd, develop_aside, photo));
    return tr_join(crowd);
}

static int call_and_keep(struct kept *kept, struct photo *photo)
{
    struct call_record *call;
    tr_bytes got = {0};
    if (kept->count == KEPT_MOST)
        return 0;
    tr_try(make(photo->portal, photo->number, &photo->load));
    tr_try(call_develop(photo, &call, &got));
    kept->of[kept->count++] = (struct kept_bytes){call, got, call->first + 1};
    return 0;
}

int call_large(struct kept *kept, tr_portal *portal, const struct step *step)
{
    struct photo photo = {.portal = portal, .step = step, .number = step->value};
    if (step->value % 2)
        let_go_of_kept(kept);
    if (step->value % 5 < 2)
        tr_try(call_crowd(&photo));
    if (step->value % 5 == 0)
        tr_try(call_in_vain(portal));
    kept->was_used = true;
    if (!kept->frame)
        kept->frame = tr_open_frame();
    for (int i = 0; i < 2; i++, photo.number++)
        tr_try(call_and_keep(kept, &photo));
    return step->value % 7 ? 0 : tr_sleep(IDLE_S);
}

/* ---- streams ---------------------------------------------------------------------------------------------- */

static int yield_large(tr_ctx *ctx, struct call_record *call, int64_t number)
{
    tr_auto(frame) frame = tr_open_frame();
    tr_bytes bytes;
    tr_try(make(ctx, number, &bytes));
    tr_try(tr_send_yield(ctx, tr_bytes, bytes));
    call->yielded++;
    return 0;
}

static int pour(tr_ctx *ctx, struct call_record *call, double pause)
{
    for (int64_t i = 0; i < ITEMS; i++) {
        tr_try(yield_large(ctx, call, call->first + i));
        if (i % 4 == 0)
            tr_try(tr_sleep(pause));
    }
    return 0;
}

tr_stream_fn(tr_bytes, expose, (int64_t, token), (double, pause))
{
    struct call_record *call = begin_talk(args->token);
    return talk_through(call, pour(ctx, call, args->pause));
}

/* What was taken is there until the next one is. */
static int take_picture(tr_stream *stream, struct call_record *call, double pause)
{
    tr_bytes bytes;
    int rc = tr_next(stream, &bytes, expose);
    if (rc <= 0)
        return rc;
    int64_t number = number_of(bytes);
    took_value(call, number);
    tr_try(rest_for(call, pause));
    expect_number(call, bytes, number);
    return 1;
}

static int take_pictures(tr_stream *stream, struct call_record *call, int64_t most, double pause)
{
    int rc = 1;
    while (call->got < most && (rc = take_picture(stream, call, call->got % 4 ? 0 : pause)) > 0)
        continue;
    return rc > 0 ? 0 : ended_talk(call, rc);
}

/* The second one has its first value while the other one takes all there are. */
static int take_pictures_beside(tr_stream *stream, struct call_record *call, double pause)
{
    tr_auto(stream) second = NULL;
    tr_bytes kept = {0};
    tr_try(tr_subscribe(stream, &second, ITEMS));
    int rc = tr_next(second, &kept, expose);
    if (rc <= 0)
        return rc;
    rc = take_pictures(stream, call, INT64_MAX, pause);
    expect_number(call, kept, call->first);
    return rc;
}

/* Those that nobody has read by then are dropped, or are its end. */
static int take_some_pictures(tr_portal *portal, const struct step *step, struct call_record *call, int64_t token)
{
    enum tr_overrun overrun = (enum tr_overrun)(1 + step->value / 4 % TR_OVERRUN_FAILS);
    const tr_flow flow = {.overrun = overrun, .messages = 2};
    int64_t newest = -1;
    tr_bytes bytes;
    int rc;
    tr_auto(stream) stream = NULL;
    tr_try(tr_open_stream_with(portal, &stream, &flow, expose, .token = token));
    while ((rc = tr_next(stream, &bytes, expose)) > 0) {
        took_of_flow(call, number_of(bytes), &newest);
        tr_try(rest_for(call, step->seconds / 50));
        expect_number(call, bytes, call->first + newest);
    }
    return ended_flow(stream, call, overrun, rc, newest);
}

static int read_large(tr_portal *portal, const struct step *step, struct call_record *call, int64_t token)
{
    double pause = step->seconds / 20;
    tr_auto(stream) stream = NULL;
    tr_try(tr_open_stream(portal, &stream, expose, .token = token, .pause = step->value % 3 ? 0 : pause));
    if (step->op == LARGE_LEFT) {
        tr_try(take_pictures(stream, call, 1 + step->value % ITEMS, pause));
        leaves_talk(call);
        return 0;
    }
    return step->value % 2 ? take_pictures_beside(stream, call, pause)
                           : take_pictures(stream, call, INT64_MAX, pause);
}

/* ---- contexts --------------------------------------------------------------------------------------------- */

static int answer(tr_ctx *ctx, struct call_record *call)
{
    tr_bytes bytes;
    int rc;
    while ((rc = tr_ctx_receive_as(ctx, tr_bytes, &bytes)) > 0) {
        int64_t number = call->first + call->heard++;
        expect_number(call, bytes, number);
        tr_try(yield_large(ctx, call, number));
        expect_number(call, bytes, number);
    }
    return rc;
}

tr_context_fn(tr_bytes, barter, (tr_bytes, tr_bytes, tr_bytes), (int64_t, token))
{
    struct call_record *call = begin_talk(args->token);
    tr_bytes first = {0};
    int rc = make(ctx, call->first + NUMBERS - 1, ret);
    if (rc >= 0)
        rc = make(ctx, call->first + NUMBERS - 2, &first);
    if (rc >= 0)
        rc = tr_ctx_started(ctx, first);
    if (rc >= 0)
        rc = answer(ctx, call);
    return talk_through(call, rc);
}

static int offer_one(tr_stream *stream, struct call_record *call)
{
    tr_auto(frame) frame = tr_open_frame();
    tr_bytes bytes;
    tr_try(make(stream, call->first + call->sent, &bytes));
    tr_try(tr_stream_send(stream, barter, bytes));
    call->sent++;
    return 0;
}

static int take_one(tr_stream *stream, struct call_record *call)
{
    tr_bytes got;
    int rc = tr_next(stream, &got, barter);
    if (rc > 0)
        took_value(call, number_of(got));
    return rc;
}

/* Some are offered before the first is taken; who leaves takes no more. */
static int trade(tr_stream *stream, const struct step *step, struct call_record *call)
{
    bool leaves = step->op == LARGE_LEFT;
    int64_t ahead = step->value % 3, rounds = leaves ? step->value % ROUNDS : ROUNDS;
    for (int64_t i = 0; i < (leaves ? rounds : rounds + ahead); i++) {
        if (i < rounds)
            tr_try(offer_one(stream, call));
        if (i >= ahead)
            tr_try(take_one(stream, call));
    }
    return 0;
}

static int cancel_barter(tr_stream *stream)
{
    int rc = tr_stream_cancel(stream);
    return rc < 0 ? rc : 0;
}

/* At its end it has a result; left, by return, a cancellation, or a deadline in the middle, it has none. */
static int end_barter(tr_stream *stream, const struct step *step, struct call_record *call)
{
    tr_bytes got = {0};
    if (step->op != LARGE_LEFT) {
        call->said_end = true;
        tr_try(tr_stream_result(stream, &got, barter));
        expect_number(call, got, call->first + NUMBERS - 1);
        return 0;
    }
    int rc = step->value % 3 == 1 ? tr_next(stream, &got, barter) : 0; /* for ever */
    leaves_talk(call);
    return rc < 0 || step->value % 3 ? rc : cancel_barter(stream);
}

static int trade_large(tr_portal *portal, const struct step *step, struct call_record *call, int64_t token)
{
    tr_auto(stream) stream = NULL;
    tr_bytes first = {0};
    tr_try(tr_open_context(portal, &stream, &first, barter, .token = token));
    tr_try(trade(stream, step, call));
    tr_try(rest_for(call, step->seconds / 20));
    expect_number(call, first, call->first + NUMBERS - 2);
    return end_barter(stream, step, call);
}

static int trade_until_cut(tr_portal *portal, const struct step *step, struct call_record *call, int64_t token)
{
    tr_scope limit = tr_move_on_after(LEAVE_AFTER_S);
    call->deadline = fmin(call->deadline, tr_now() + LEAVE_AFTER_S);
    return tr_within(&limit, trade_large(portal, step, call, token));
}

/* ---- all of them ------------------------------------------------------------------------------------------ */

static int carry_large(tr_portal *portal, const struct step *step, struct call_record *call, int64_t token)
{
    if (step->op == LARGE_STREAM && step->value % 4 == 3)
        return take_some_pictures(portal, step, call, token);
    if (step->op == LARGE_STREAM || (step->op == LARGE_LEFT && step->value % 2))
        return read_large(portal, step, call, token);
    return step->op == LARGE_TALK ? trade_large(portal, step, call, token) : trade_until_cut(portal, step, call, token);
}

int call_large_talk(tr_portal *portal, const struct step *step)
{
    tr_auto(frame) frame = tr_open_frame();
    int64_t token;
    struct call_record *call = record_large(step, portal, &token);
    return settle_call(call, carry_large(portal, step, call, token), true);
}

/* ---- loans ------------------------------------------------------------------------------------------------ */

tr_fn(void, be_there)
{
    (void)args;
    return 0;
}

static void expect_none_lent(const struct actor *actor, const struct process *peer)
{
    list_each(at, (struct link *)&actor->sessions)
    {
        const struct session *session = container_of(at, struct session, place);
        const struct large *large = &session->large;
        if (session->peer.pid != process_pid(peer))
            continue;
        if ((large->shelf && !shelf_is_empty(large->shelf)) || (large->view && !shelf_view_is_empty(large->view)))
            violated(play_here(), "something is lent to pid %d, or by it, though nobody has it", process_pid(peer));
    }
}

/* Where nothing was disturbed: once both sides have heard what the other one had to say by now. */
int expect_all_back(const struct kept *kept, tr_portal *portal)
{
    const struct play *play = play_here();
    if (!kept->was_used || play->fault_count > 0 || play->torture.on || tr_call(portal, NULL, be_there) < 0)
        return tr_checkpoint();
    struct process *other = world_process(play->world, tr_portal_actor(portal)->pid);
    expect_none_lent(actor_self(), other);
    expect_none_lent(other->runtime->actor, process_here());
    return 0;
}

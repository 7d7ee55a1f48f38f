/* Both ends of a flow: credit and sending; keeping, taking, dropping. Neither knows whether it is the caller's or
 * the callee's: whoever owns it says in which frames its values and its credit travel.
 *
 * Byte strings of some size are read where they are kept (the reader's part begins with `lend`): until the reader takes
 * the next value, or leaves, that memory is neither moved nor used again; what arrives meanwhile may need other memory.
 *
 * A value costs credit as it is sent and as it arrives, the same at both ends; a value that arrives without credit
 * ends the session, since that peer does not keep to the protocol. */
#include "actor/flow.h"

#include "base/error.h"
#include "base/hooks.h"
#include "base/panic.h"
#include "base/plant.h"
#include "sched/task.h"

#include <errno.h>
#include <string.h>

/* ---- the end that sends ---------------------------------------------------------------------------- */

void outflow_open(struct outflow *out, uint32_t window, uint32_t value_cost)
{
    out->credit = window;
    out->value_cost = value_cost;
}

bool outflow_is_heard(const struct outflow *out, const struct session *session)
{
    return session_is_up(session) && !out->over;
}

bool outflow_has_room(const struct outflow *out, const struct session *session)
{
    bool credit = out->credit > 0 || (planted(OVERDRAFT) && out->credit + out->value_cost > 0);
    return credit && session_has_room(session);
}

/* With credit and room, too: after a STOP nothing may follow. */
int outflow_wait(struct outflow *out, struct session *session)
{
    while (outflow_is_heard(out, session)) {
        if (outflow_has_room(out, session))
            return 0;
        tr_try(out->credit <= 0 ? lot_park(&out->for_credit) : session_wait_room(session));
    }
    tr_try(task_checkpoint_if_cancelled()); /* which mostly is the reason */
    if (out->over)
        return raise_code(TR_EBROKEN, "nobody reads this stream any more");
    return session_wait_loss(session);
}

/* What is too large behind others may still fit a frame of its own. */
static int put_value(struct session *session, enum frame_kind kind, uint64_t id, const tr_type *type,
                     const void *value, size_t *ret_size)
{
    struct buf *out = &session->out;
    size_t start;
    tr_try(frame_begin_value(out, &session->run, kind, id, &start));
    bool alone = session->run.count == 0;
    size_t before = out->size;
    large_begin(&session->large);
    int rc = codec_encode_agreed(out, &session->large.lender, type, value);
    *ret_size = out->size - before + session->large.far;
    rc = frame_end_value(out, &session->run, start, rc);
    if (rc < 0)
        large_undo(session);
    if (rc != TR_EARGUMENT || alone)
        return rc;
    session->run = (struct frame_run){0};
    return put_value(session, kind, id, type, value, ret_size);
}

int outflow_put(struct outflow *out, struct session *session, enum frame_kind kind, uint64_t id, const tr_type *type,
                const void *value)
{
    size_t size;
    int rc = put_value(session, kind, id, type, value, &size);
    if (session->large.wished)
        large_settle(session);
    if (rc < 0)
        return rc;
    out->credit -= (int64_t)size + out->value_cost;
    session_flush(session);
    return 0;
}

int outflow_send(struct outflow *out, struct session *session, enum frame_kind kind, uint64_t id, const tr_type *type,
                 const void *value)
{
    tr_try(tr_checkpoint());
    tr_try(outflow_wait(out, session));
    return outflow_put(out, session, kind, id, type, value);
}

int outflow_granted(struct outflow *out, uint32_t bytes)
{
    if (out->credit + bytes > UINT32_MAX)
        return raise_code(TR_EPROTOCOL, "a stream was granted more than all bounds");
    out->credit += bytes;
    lot_wake_all(&out->for_credit);
    return 0;
}

void outflow_end(struct outflow *out)
{
    out->over = true;
    lot_wake_all(&out->for_credit);
}

/* ---- readers --------------------------------------------------------------------------------------- */

static uint32_t cost_of_value(uint32_t window, uint32_t messages)
{
    uint32_t cost = messages ? window / messages + (window % messages != 0) : 0;
    return cost > FLOW_VALUE_COST ? cost : FLOW_VALUE_COST;
}

int inflow_open(struct inflow *in, const tr_flow *flow)
{
    const tr_flow usual = {0}, *wanted = flow ? flow : &usual;
    if ((unsigned)wanted->overrun > TR_OVERRUN_FAILS || wanted->bytes > INT32_MAX)
        return raise_code(TR_EARGUMENT, "a flow of %u bytes with the overrun policy %d", wanted->bytes,
                          wanted->overrun);
    in->overrun = wanted->overrun;
    in->window = wanted->bytes ? wanted->bytes : FLOW_WINDOW;
    in->value_cost = cost_of_value(in->window, wanted->messages);
    in->granted = in->window;
    list_init(&in->readers);
    return 0;
}

/* What lies elsewhere of values that are not kept any more. */
static void let_go(struct inflow *in, tr_bytes values, size_t far)
{
    large_drop(in->view, values);
    in->far -= far;
}

/* ---- memory in which somebody reads ---------------------------------------------------------------- */

static bool is_lent(const struct inflow *in)
{
    return in->lent && in->lent == in->values.memory;
}

static void lend(struct inflow *in, const struct reader_at *at)
{
    in->lent = in->values.memory;
    in->lent_to = at;
}

void inflow_release(struct inflow *in, const struct reader_at *at)
{
    if (!in->lent || in->lent_to != at)
        return;
    if (!is_lent(in))
        mem_free(in->lent);
    in->lent = NULL;
    buf_drain(&in->values, 0); /* which now may begin again at its start */
}

/* So many bytes at the front are not wanted any more, but what is lent of them stays as it is. */
static void advance(struct inflow *in, size_t size)
{
    if (!is_lent(in)) {
        buf_drain(&in->values, size);
        return;
    }
    in->values.data += size;
    in->values.size -= size;
}

/* To other memory, with room for so much more. -ENOMEM: it stays where it is. */
static int step_aside(struct inflow *in, size_t more)
{
    struct buf other = {0};
    if (buf_reserve(&other, in->values.size + more) < 0)
        return -ENOMEM;
    (void)buf_append(&other, in->values.data, in->values.size);
    in->values = other;
    return 0;
}

static int append(struct inflow *in, tr_bytes values)
{
    if (is_lent(in) && buf_space(&in->values) < values.size && step_aside(in, values.size) < 0)
        return -ENOMEM;
    return buf_append(&in->values, values.data, values.size);
}

static void let_all_go(struct inflow *in)
{
    if (in->far > 0)
        let_go(in, (tr_bytes){in->values.data, in->values.size}, in->far);
    if (!is_lent(in))
        buf_fini(&in->values);
    in->values = (struct buf){0};
}

void inflow_fini(struct inflow *in)
{
    let_all_go(in);
    mem_free(in->lent);
    error_unref(in->failure);
}

void inflow_wake(struct inflow *in)
{
    lot_wake_all(&in->waiting);
}

/* How much a value is: its encoded bytes, and those that lie elsewhere. */
struct extent {
    size_t size, far;
};

/* Of the value that begins there; it was looked through when it arrived. */
static struct extent extent_at(const struct inflow *in, uint64_t byte)
{
    size_t offset = byte - in->first_byte;
    struct reader from = {.at = in->values.data + offset, .left = in->values.size - offset};
    tr_bytes value;
    ensure(codec_skip(&from, &value) == 0);
    return (struct extent){value.size, from.far};
}

/* The value at the front is gone. */
static inline void drop_first(struct inflow *in, struct extent extent)
{
    if (extent.far > 0)
        let_go(in, (tr_bytes){in->values.data, extent.size}, extent.far);
    advance(in, extent.size);
    in->first_number++;
    in->first_byte += extent.size;
}

static bool has_one_reader(const struct inflow *in)
{
    return in->readers.next == in->readers.prev;
}

/* The number of the oldest value that this reader may still have, or any. */
static uint64_t oldest_for(const struct inflow *in, const struct reader_at *at)
{
    uint64_t bound = in->foremost > at->lag ? in->foremost - at->lag : 0;
    return at->number < bound ? bound : at->number;
}

static uint64_t oldest_wanted(const struct inflow *in)
{
    uint64_t oldest = in->foremost;
    list_each(place, (struct link *)&in->readers)
    {
        uint64_t wants = oldest_for(in, container_of(place, struct reader_at, place));
        if (wants < oldest)
            oldest = wants;
    }
    return oldest;
}

static void trim(struct inflow *in)
{
    uint64_t oldest = oldest_wanted(in);
    while (in->first_number < oldest)
        drop_first(in, extent_at(in, in->first_byte));
}

void inflow_add_reader(struct inflow *in, struct reader_at *at)
{
    list_push(&in->readers, &at->place);
}

void inflow_remove_reader(struct inflow *in, struct reader_at *at)
{
    list_remove(&at->place);
    trim(in);
    inflow_wake(in); /* another one may have waited behind it */
}

/* ---- arriving -------------------------------------------------------------------------------------- */

/* In 64 bits everywhere: a frame may hold millions of values, each of which may cost the whole window. */
static uint64_t cost_of(const struct inflow *in, size_t bytes, uint32_t count)
{
    return bytes + (uint64_t)count * in->value_cost;
}

/* `far` of the bytes that they speak of lie elsewhere, on that shelf. */
static int keep(struct inflow *in, tr_bytes values, uint32_t count, size_t far, struct shelf_view *view)
{
    if (append(in, values) < 0)
        return error_raise_plain(-ENOMEM);
    if (far > 0) {
        large_hold(view, values);
        in->view = view;
        in->far += far;
    }
    in->ahead += cost_of(in, values.size + far, count);
    if (count == 1 && has_one_reader(in))
        lot_wake_one(&in->waiting);
    else
        inflow_wake(in);
    return 0;
}

/* Readers that stand at it go on to the next one; those that lag behind have missed it, and find out. */
static void drop_oldest(struct inflow *in)
{
    uint64_t number = in->first_number;
    struct extent extent = extent_at(in, in->first_byte);
    drop_first(in, extent);
    if (number < in->foremost)
        return; /* it was kept for those only */
    in->ahead -= cost_of(in, extent.size + extent.far, 1);
    in->foremost = in->first_number;
    in->dropped++;
    list_each(place, &in->readers)
    {
        struct reader_at *at = container_of(place, struct reader_at, place);
        if (at->number == number) {
            at->number++;
            at->byte += extent.size;
        }
    }
}

static int fail(struct inflow *in)
{
    in->deaf = true;
    in->failure = error_new(TR_EOVERRUN, tr_code_type(TR_EOVERRUN), "", 0,
                            "more than %u bytes had come and were not read", in->window);
    inflow_wake(in);
    return TR_EOVERRUN;
}

/* As the sender sees it of a flow that blocks. */
static bool is_full(const struct inflow *in)
{
    return in->ahead >= in->window;
}

/* Whether there is, or was made, room for one more; TR_EOVERRUN if that is the end. */
static int make_room(struct inflow *in)
{
    if (!is_full(in))
        return true;
    if (in->overrun == TR_OVERRUN_FAILS)
        return fail(in);
    if (in->overrun == TR_DROP_NEWEST) {
        in->dropped += !planted(UNCOUNTED_DROP);
        return false;
    }
    while (is_full(in))
        drop_oldest(in);
    return true;
}

/* One by one, as far as there is or was made room. */
static int keep_some(struct inflow *in, const struct frame *frame)
{
    struct reader from = {.at = frame->raw.data, .left = frame->raw.size};
    for (uint32_t count = frame->count; count > 0; count--) {
        tr_bytes value;
        size_t before = from.far;
        tr_try(codec_skip(&from, &value));
        int room = make_room(in);
        tr_try(room > 0 ? keep(in, value, 1, from.far - before, frame->view) : room);
    }
    return 0;
}

/* Before the last of them was sent, there was some credit left. */
static bool had_credit(const struct inflow *in, const struct frame *frame)
{
    return in->granted > (int64_t)cost_of(in, frame->raw.size + frame->far - frame->last, frame->count - 1);
}

int inflow_arrived(struct inflow *in, const struct frame *frame)
{
    if (!had_credit(in, frame))
        return raise_code(TR_EPROTOCOL, "a value without credit");
    uint64_t cost = cost_of(in, frame->raw.size + frame->far, frame->count);
    in->granted -= (int64_t)cost;
    if (in->overrun != TR_BLOCK || in->deaf)
        in->owed += (uint32_t)cost;
    if (in->deaf || planted(STREAM_GAP))
        return 0;
    return in->overrun == TR_BLOCK ? keep(in, frame->raw, frame->count, frame->far, frame->view) : keep_some(in, frame);
}

/* ---- taking ---------------------------------------------------------------------------------------- */

int inflow_grant(struct inflow *in, struct session *session, enum frame_kind kind, uint64_t id)
{
    if (in->owed < (in->window + 1) / 2 || !session_is_up(session))
        return 0;
    if (planted(LESS_CREDIT))
        in->owed -= in->value_cost < in->owed ? in->value_cost : 0;
    tr_try(session_send(session, &(struct frame){.kind = kind, .id = id, .credit = {in->owed}}));
    in->granted += in->owed;
    in->owed = 0;
    return 0;
}

/* On to the oldest that is there and that it may have: some may be there for others only. */
static int lagged(struct inflow *in, struct reader_at *at)
{
    uint64_t before = at->number, oldest = oldest_for(in, at);
    if (at->number < in->first_number) {
        at->number = in->first_number;
        at->byte = in->first_byte;
    }
    for (; at->number < oldest; at->number++)
        at->byte += extent_at(in, at->byte).size;
    return raise_code(TR_ELAGGED, "this reader has missed %llu values", (unsigned long long)(at->number - before));
}

/* The reader has had it; if it is the first to, so has the flow. */
static void passed(struct inflow *in, struct reader_at *at, struct extent extent)
{
    at->number++;
    at->byte += extent.size;
    if (at->number > in->foremost) {
        uint64_t cost = cost_of(in, extent.size + extent.far, 1);
        in->foremost = at->number;
        in->ahead -= cost;
        in->owed += in->overrun == TR_BLOCK ? (uint32_t)cost : 0;
    }
    if (in->first_number + 1 == at->number && has_one_reader(in))
        drop_first(in, extent); /* as nearly always */
    else
        trim(in);
}

int inflow_take(struct inflow *in, struct reader_at *at, const tr_type *type, struct arena *memory,
                const tr_actor *peer, void *ret_value)
{
    if (at->number < in->first_number || at->number < oldest_for(in, at))
        return lagged(in, at);
    size_t offset = at->byte - in->first_byte;
    if (offset == in->values.size)
        return in->failure ? error_raise(error_ref(in->failure)) : 0;
    struct reader from = {.at = in->values.data + offset,
                          .left = in->values.size - offset,
                          .source = in->far > 0 ? shelf_view_source(in->view) : NULL,
                          .in_place = at->in_place && !in->lent && has_one_reader(in)};
    int rc = codec_decode(&from, type, memory, ret_value);
    if (rc == -ENOMEM)
        return error_raise_plain(rc);
    if (rc < 0) {
        inflow_drop(in);
        error_unref(in->failure); /* an overrun after it, which nobody comes to any more */
        in->failure = error_box(error_of(rc), peer);
        return error_raise(error_ref(in->failure));
    }
    if (from.lent)
        lend(in, at);
    passed(in, at, (struct extent){in->values.size - offset - from.left, from.far});
    if (!has_one_reader(in) && at->number < in->foremost && planted(SKIPPED_READER))
        return inflow_take(in, at, type, memory, peer, ret_value);
    return 1;
}

void inflow_drop(struct inflow *in)
{
    in->deaf = true;
    in->first_byte += in->values.size;
    let_all_go(in);
    in->owed += in->overrun == TR_BLOCK && !planted(KEPT_CREDIT) ? (uint32_t)in->ahead : 0;
    in->ahead = 0;
    in->first_number = in->foremost; /* what was dropped is not counted */
    list_each(place, &in->readers)
    {
        struct reader_at *at = container_of(place, struct reader_at, place);
        at->byte = in->first_byte;
        at->number = in->first_number;
    }
    inflow_wake(in);
}

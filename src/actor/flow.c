/* Both ends of a flow: credit and sending; keeping, taking, dropping. Neither knows whether it is the caller's or
 * the callee's: whoever owns it says in which frames its values and its credit travel.
 *
 * A value costs credit as it is sent and as it arrives, the same at both ends; a value that arrives without credit
 * ends the session, since that peer does not keep to the protocol. */
#include "actor/flow.h"

#include "base/error.h"
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

static int put_value(struct session *session, const struct frame *frame, const tr_type *type, const void *value,
                     size_t *ret_size)
{
    struct buf *out = &session->out;
    size_t start;
    tr_try(frame_open(out, frame, &start));
    size_t before = out->size;
    int rc = codec_encode(out, type, value);
    if (rc < 0) {
        frame_abandon(out, start);
        return rc == -ENOMEM ? error_raise_plain(rc) : rc;
    }
    *ret_size = out->size - before;
    return frame_close(out, start);
}

int outflow_put(struct outflow *out, struct session *session, enum frame_kind kind, uint64_t id, const tr_type *type,
                const void *value)
{
    size_t size;
    tr_try(put_value(session, &(struct frame){.kind = kind, .id = id}, type, value, &size));
    out->credit -= (int64_t)(size + out->value_cost);
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

void inflow_fini(struct inflow *in)
{
    buf_fini(&in->values);
    error_unref(in->failure);
}

void inflow_wake(struct inflow *in)
{
    lot_wake_all(&in->waiting);
}

/* The value at the front is gone. */
static void drop_first(struct inflow *in)
{
    uint32_t size;
    memcpy(&size, in->values.data, sizeof size);
    buf_drain(&in->values, sizeof size + size);
    in->first_number++;
    in->first_byte += sizeof size + size;
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
        drop_first(in);
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

static int keep(struct inflow *in, tr_bytes value, size_t cost)
{
    uint32_t size = (uint32_t)value.size; /* a frame's size is limited to less */
    if (buf_reserve(&in->values, sizeof size + value.size) < 0)
        return error_raise_plain(-ENOMEM);
    (void)buf_append(&in->values, &size, sizeof size);
    (void)buf_append(&in->values, value.data, value.size);
    in->ahead += cost;
    if (has_one_reader(in))
        lot_wake_one(&in->waiting);
    else
        inflow_wake(in);
    return 0;
}

/* Readers that stand at it go on to the next one; those that lag behind have missed it, and find out. */
static void drop_oldest(struct inflow *in)
{
    uint64_t number = in->first_number;
    size_t before = in->values.size;
    drop_first(in);
    if (number < in->foremost)
        return; /* it was kept for those only */
    size_t size = before - in->values.size;
    in->ahead -= size - sizeof(uint32_t) + in->value_cost;
    in->foremost = in->first_number;
    in->dropped++;
    list_each(place, &in->readers)
    {
        struct reader_at *at = container_of(place, struct reader_at, place);
        if (at->number == number) {
            at->number++;
            at->byte += size;
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

int inflow_arrived(struct inflow *in, tr_bytes value)
{
    if (in->granted <= 0)
        return raise_code(TR_EPROTOCOL, "a value without credit");
    size_t cost = value.size + in->value_cost;
    in->granted -= (int64_t)cost;
    if (in->overrun != TR_BLOCK || in->deaf)
        in->owed += (uint32_t)cost;
    if (in->deaf || planted(STREAM_GAP))
        return 0;
    int room = in->overrun == TR_BLOCK ? true : make_room(in);
    return room > 0 ? keep(in, value, cost) : room;
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

static uint32_t size_at(const struct inflow *in, const struct reader_at *at)
{
    uint32_t size;
    memcpy(&size, in->values.data + (at->byte - in->first_byte), sizeof size);
    return size;
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
        at->byte += sizeof(uint32_t) + size_at(in, at);
    return raise_code(TR_ELAGGED, "this reader has missed %llu values", (unsigned long long)(at->number - before));
}

/* The reader has had it; if it is the first to, so has the flow. */
static void passed(struct inflow *in, struct reader_at *at, uint32_t size)
{
    at->number++;
    at->byte += sizeof size + size;
    if (at->number > in->foremost) {
        size_t cost = size + in->value_cost;
        in->foremost = at->number;
        in->ahead -= cost;
        in->owed += in->overrun == TR_BLOCK ? (uint32_t)cost : 0;
    }
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
    uint32_t size = size_at(in, at);
    struct reader from = {in->values.data + offset + sizeof size, size};
    int rc = codec_decode(&from, type, memory, ret_value);
    if (rc == -ENOMEM)
        return error_raise_plain(rc);
    if (rc < 0) {
        inflow_drop(in);
        error_unref(in->failure); /* an overrun after it, which nobody comes to any more */
        in->failure = error_box(error_of(rc), peer);
        return error_raise(error_ref(in->failure));
    }
    passed(in, at, size);
    if (!has_one_reader(in) && at->number < in->foremost && planted(SKIPPED_READER))
        return inflow_take(in, at, type, memory, peer, ret_value);
    return 1;
}

void inflow_drop(struct inflow *in)
{
    in->deaf = true;
    in->first_byte += in->values.size;
    buf_fini(&in->values);
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

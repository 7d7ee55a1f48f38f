/* Lending large byte strings to the peer, and borrowing its own.
 *
 * Each side that has something large to send, and whose peer is on this host, makes a shelf and offers it:
 *
 *     NONE --LEND--> OFFERED --BORROW heard--> OPEN       and back to NONE, when nothing was lent for a while
 *
 * A peer that cannot, or will not, never says BORROW; one that is busy says it late. Until it is heard, and whenever
 * there is no room, large byte strings travel in the messages: nobody waits, and nothing fails for want of a shelf. It
 * comes with the first large value, so others cost nothing; a keeper, a task that there is as long as the shelf, gives
 * it back when it has not been used for a while.
 *
 * What was lent is read in place until its last holder is gone: the arena of an argument, of a result or of a value
 * that was taken, or the flow in which a value waits. Then BACK says that the place is free again; these leave with
 * whatever else is written. As a peer may hold what it has for as long as it likes, its sender can run out of room, and
 * copies then.
 *
 * A peer that names places where nothing is, or twice, or gives back what it does not have, ends its session. */
#include "actor/large.h"

#include "actor/session.h"
#include "base/error.h"
#include "base/log.h"
#include "base/plant.h"
#include "sched/frame.h"
#include "sched/task.h"

#include <errno.h>

enum lending { LENDING_NONE, LENDING_OFFERED, LENDING_OPEN, LENDING_NEVER };

static const struct machine_state lending_states[] = {
    [LENDING_NONE] = {"none", TO(LENDING_OFFERED) | TO(LENDING_NEVER)},
    [LENDING_OFFERED] = {"offered", TO(LENDING_OPEN)},
    [LENDING_OPEN] = {"open", TO(LENDING_NONE)},
    [LENDING_NEVER] = {"never", 0},
};

/* How long nothing may be lent. Making a shelf costs some 50 microseconds, and using its memory for
 * the first time a quarter of one for each page: nothing beside that, and much for each message. */
static const double PATIENCE_S = 1;

static bool lend(struct far_lender *lender, const void *bytes, size_t size, uint32_t *ret_place)
{
    struct large *it = container_of(lender, struct large, lender);
    it->wished |= it->lending.at == LENDING_NONE;
    if (it->lending.at != LENDING_OPEN || !shelf_lend(it->shelf, bytes, size, ret_place))
        return false;
    it->used = true;
    it->far += size;
    return true;
}

void large_init(struct large *large, bool outside)
{
    large->lender.lend = lend;
    machine_init(&large->lending, "lending", lending_states);
    if (outside)
        machine_move(&large->lending, LENDING_NEVER);
}

/* What is owned on it, or still held of the other, outlasts this. */
static void leave_shelf(struct large *it)
{
    if (!planted(KEPT_SHELF))
        shelf_leave(it->shelf);
    it->shelf = NULL;
}

static void leave_view(struct large *it)
{
    shelf_view_leave(it->view);
    it->view = NULL;
}

void large_leave(struct session *session)
{
    leave_shelf(&session->large);
    leave_view(&session->large);
}

/* ---- our shelf ---------------------------------------------------------------------------------------------- */

static void say_how_much_is_lent(struct session *session, uint32_t bytes)
{
    session_say(session, &(struct frame){.kind = FRAME_LEND, .lend = {bytes}});
}

static void look_after_shelf(struct session *session)
{
    struct large *it = &session->large;
    bool unused = !it->used && (shelf_is_empty(it->shelf) || planted(TAKEN_SHELF));
    it->used = false;
    if (!unused)
        return;
    leave_shelf(it);
    say_how_much_is_lent(session, 0);
    machine_move(&it->lending, LENDING_NONE);
}

/* Shielded, since that needs no memory, and what fails here would fail the actor. The session ends with that, and by
 * its end this does. */
static int keeper_task(void *arg)
{
    struct session *session = arg;
    while (session->large.shelf)
        if (!event_wait_shielded(&session->ended, PATIENCE_S) && session->large.shelf)
            look_after_shelf(session);
    session_unref(session);
    return 0;
}

/* A negative code: there is no keeper. */
static int start_keeper(struct session *session)
{
    struct tr_error *newest = task_error_aside();
    int rc = tr_start_soon(actor_self()->service, keeper_task, session_ref(session));
    if (rc < 0)
        session_unref(session);
    task_error_back(newest);
    return rc;
}

/* What stands in the way is no failure, and may be gone the next time: the want of memory or descriptors, or another
 * descriptor that is on its way. */
static void offer_shelf(struct session *session)
{
    struct large *it = &session->large;
    int fd;
    if (it->lending.at != LENDING_NONE || session->state.at != SESSION_OPEN || !session_is_up(session) ||
        session->wire.passing >= 0)
        return;
    if (shelf_make(&it->shelf, &fd) < 0)
        return;
    (void)wire_pass(&session->wire, fd);
    machine_move(&it->lending, LENDING_OFFERED);
    say_how_much_is_lent(session, SHELF_SIZE);
}

int borrow_heard(struct session *session, const struct frame *frame)
{
    (void)frame;
    struct large *it = &session->large;
    if (it->lending.at != LENDING_OFFERED)
        return raise_code(TR_EPROTOCOL, "the peer borrows what was not offered");
    machine_move(&it->lending, LENDING_OPEN);
    it->used = it->unkept = true;
    log_at(TR_LOG_TRANSPORT, "%s reads large byte strings in place", session->peer.name);
    return 0;
}

int back_heard(struct session *session, const struct frame *frame)
{
    struct large *it = &session->large;
    if (!it->shelf || shelf_returned(it->shelf, frame->back.place) < 0)
        return raise_code(TR_EPROTOCOL, "the peer gives back what it has not borrowed");
    return 0;
}

/* ---- sending ------------------------------------------------------------------------------------------------ */

void large_undo(struct session *session)
{
    if (session->large.shelf && !planted(LOST_LOAN))
        shelf_undo(session->large.shelf);
}

void large_settle(struct session *session)
{
    session->large.wished = false;
    offer_shelf(session);
}

int large_put(struct session *session, struct buf *out, const struct frame *frame, const tr_type *type,
              const void *value)
{
    size_t start;
    tr_try(frame_open(out, frame, &start));
    large_begin(&session->large);
    int rc = codec_encode_agreed(out, &session->large.lender, type, value);
    if (rc < 0)
        frame_abandon(out, start);
    else
        rc = frame_close(out, start);
    if (rc < 0)
        large_undo(session);
    if (session->large.wished)
        large_settle(session);
    return rc == -ENOMEM ? error_raise_plain(rc) : rc;
}

static void *take_on_shelf(struct shelf *shelf, size_t size, struct arena *memory)
{
    void *block = shelf_take(shelf, size);
    if (!block)
        return NULL;
    uint32_t place = shelf_place(shelf, block);
    if (arena_at_end(memory, shelf_disown, shelf, place) >= 0)
        return block;
    shelf_disown(shelf, place);
    return NULL;
}

void *large_memory(struct session *session, size_t size)
{
    struct arena *memory = task_current() ? frame_memory() : NULL;
    void *block = NULL;
    if (!memory)
        return NULL;
    if (size >= CODEC_LARGE) {
        offer_shelf(session);
        block = session->large.shelf ? take_on_shelf(session->large.shelf, size, memory) : NULL;
    }
    return block ? block : arena_alloc(memory, size);
}

/* ---- receiving ---------------------------------------------------------------------------------------------- */

static void say_it_is_back(void *arg, uint32_t place)
{
    struct session *session = arg;
    size_t before = session->out.size;
    session_say(session, &(struct frame){.kind = FRAME_BACK, .back = {place}});
    session_unasked(session, before);
}

static void take_shelf(struct session *session)
{
    struct large *it = &session->large;
    int fd = wire_take_passed(&session->wire);
    if (fd < 0)
        return;
    it->offered = false;
    if (shelf_view_new(fd, say_it_is_back, session, &it->view) >= 0)
        session_tell(session, FRAME_BORROW, 0);
    sys_close(&fd);
}

/* Whoever sends waits for nothing, not even for a task to be started. */
void large_consider(struct session *session)
{
    struct large *it = &session->large;
    if (it->offered)
        take_shelf(session);
    if (it->unkept)
        it->unkept = it->shelf && start_keeper(session) < 0; /* for want of memory: the next read will do */
}

static int view_over(struct session *session)
{
    struct large *it = &session->large;
    if (!it->view || !shelf_view_is_empty(it->view))
        return raise_code(TR_EPROTOCOL, "the peer takes away what it has lent, or what nobody has");
    leave_view(it);
    return 0;
}

int lend_heard(struct session *session, const struct frame *frame)
{
    struct large *it = &session->large;
    if (frame->lend.bytes == 0)
        return view_over(session);
    if (it->view || it->offered)
        return raise_code(TR_EPROTOCOL, "the peer lends twice");
    it->offered = frame->lend.bytes == SHELF_SIZE && !session->outside;
    if (it->offered)
        take_shelf(session);
    return 0;
}

/* The first so many, if there is an end to what makes sense. */
struct arrival {
    struct shelf_view *view;
    size_t count;
};

static int arrive(void *arg, uint32_t place, size_t size)
{
    struct arrival *arrival = arg;
    int rc = shelf_view_arrived(arrival->view, place, size);
    arrival->count += rc >= 0;
    return rc;
}

static int depart(void *arg, uint32_t place, size_t size)
{
    struct arrival *arrival = arg;
    (void)size;
    if (arrival->count == 0)
        return -ENOENT;
    arrival->count--;
    shelf_view_drop(arrival->view, place);
    return 0;
}

static int raise_nowhere(void)
{
    return raise_code(TR_EPROTOCOL, "bytes that lie where nothing was lent");
}

int large_act_on(struct session *session, struct frame *frame, large_action *action)
{
    struct arrival arrival = {.view = session->large.view};
    int rc = arrival.view ? codec_each_far(frame->raw, arrive, &arrival) : -EPROTO;
    frame->view = arrival.view;
    rc = rc < 0 ? raise_nowhere() : action(session, frame);
    (void)codec_each_far(frame->raw, depart, &arrival);
    return rc;
}

int large_check(const struct frame *frame)
{
    size_t far = 0;
    if (!frame->unchecked)
        return 0;
    tr_try(frame_check(frame, &far));
    return far > 0 ? raise_nowhere() : 0; /* had anything been, it would have been checked before */
}

struct reader large_reader(const struct frame *frame)
{
    struct far_source *source = frame->view ? shelf_view_source(frame->view) : NULL;
    return (struct reader){.at = frame->raw.data, .left = frame->raw.size, .source = source};
}

static int hold_one(void *arg, uint32_t place, size_t size)
{
    (void)size;
    shelf_view_hold(arg, place);
    return 0;
}

static int drop_one(void *arg, uint32_t place, size_t size)
{
    (void)size;
    shelf_view_drop(arg, place);
    return 0;
}

void large_hold(struct shelf_view *view, tr_bytes values)
{
    (void)codec_each_far(values, hold_one, view);
}

void large_drop(struct shelf_view *view, tr_bytes values)
{
    (void)codec_each_far(values, drop_one, view);
}

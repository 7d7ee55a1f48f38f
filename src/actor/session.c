/* The life of a session.
 *
 * Whatever has been appended to `out` is written just before the scheduler looks at the world, so that frames appended
 * in a few batches that follow each other closely leave in one write. Each session has two tasks in the actor's service
 * nursery: one that reads frames and acts on them, and one that writes what the wire has not taken at once. The reading
 * task never waits for room in `out`, nor for anything a remote function does: two peers that each waited to write
 * before they read would wait for ever.
 *
 * Happy path: greet, read and write until one side says STOP, which is answered by STOP; then the
 * connection is closed. What can go wrong: the peer vanishes, or sends what is not allowed; then all calls
 * over the session fail with what is known about the peer, the functions it had us run are cancelled, and
 * that is all: no bytes of a peer can hurt anything but its own session. */
#include "actor/session.h"

#include "actor/greeting.h"
#include "actor/network.h"
#include "actor/ping.h"
#include "actor/upgrade.h"
#include "base/error.h"
#include "base/hooks.h"
#include "base/log.h"
#include "sched/task.h"
#include "transport/path.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* Senders wait while this much is unsent. For answers that no sender waits with (refusals, acknowledgements)
 * it is the reader that waits: what the peer does not read keeps it from asking for more. Two actors might
 * wait for each other so, hence the limit; a peer that has taken nothing by then is cut off. */
enum { OUT_ENOUGH = 1024 * 1024, READ_SIZE = 32 * 1024, READ_MOST = 256 * 1024, WRITE_SIZE = 64 * 1024 };
static const double RELUCTANCE_S = 10;

/* Absolute, not per byte: slow dripping does not prolong it. */
static const double GREETING_S = 5;

static const struct machine_state session_states[] = {
    [SESSION_UNBORN] = {"unborn", TO(SESSION_GREETING) | TO(SESSION_ENDED)},
    [SESSION_GREETING] = {"greeting", TO(SESSION_OPEN) | TO(SESSION_ENDED)},
    [SESSION_OPEN] = {"open", TO(SESSION_ENDED)},
    [SESSION_ENDED] = {"ended", 0},
};

/* ---- references ------------------------------------------------------------------------------------ */

struct session *session_ref(struct session *session)
{
    session->refs++;
    return session;
}

void session_unref(struct session *session)
{
    if (!session || --session->refs > 0)
        return;
    list_remove(&session->write_soon.place);
    wire_close(&session->wire);
    buf_fini(&session->in);
    buf_fini(&session->out);
    buf_fini(&session->other_out);
    map_fini(&session->calls);
    map_fini(&session->known_to_peer);
    map_fini(&session->known);
    map_fini(&session->served);
    error_unref(session->why);
    error_unref(session->refusal);
    arena_fini(&session->memory);
    arena_fini(&session->scratch);
    mem_free(session);
}

void session_hold(struct session *session)
{
    session_ref(session);
    session->portals++;
}

void session_let_go(struct session *session)
{
    if (--session->portals == 0 && session->dialed)
        session_stop(session);
    session_unref(session);
}

/* Anybody who reaches an address of ours may come as often as he likes. Half of the descriptors are for those of this
 * tree and for the program, who so still can start actors and call them; they never come from outside. */
static bool is_one_too_many(const struct session *session)
{
    return session->stranger && session->outside && actor_self()->outsiders >= sys_descriptors() / 2;
}

/* It stays a stranger, so one that does not leave is hung up on in a crowd. */
static void turn_away(struct session *session)
{
    log_at(TR_LOG_INFO, "%s is turned away: %zu connections from outside are enough", session->peer.name,
           actor_self()->outsiders);
    serve_refuse(session, error_of(raise_code(-EAGAIN, "actor %s has %zu connections from outside, and takes no more",
                                              runtime->self.name, actor_self()->outsiders)));
    session_stop(session);
}

bool session_let_in(struct session *session)
{
    if (is_one_too_many(session)) {
        turn_away(session);
        return false;
    }
    session->outsider = session->stranger && session->outside;
    actor_self()->outsiders += session->outsider;
    actor_self()->strangers -= session->stranger;
    session->stranger = false;
    return true;
}

void session_gone(struct session *session)
{
    actor_self()->outsiders -= session->outsider;
    actor_self()->strangers -= session->stranger;
    session->outsider = session->stranger = false;
}

void session_hang_up(struct session *session)
{
    wire_hang_up(&session->wire);
}

/* ---- sending --------------------------------------------------------------------------------------- */

void session_flush(struct session *session)
{
    session->held = false;
    if (session->out.size < WRITE_SIZE)
        sched_before_look(&session->write_soon);
    else
        lot_wake_one(&session->to_write);
}

bool session_is_up(const struct session *session)
{
    return session->state.at != SESSION_ENDED && !session->said_stop && !session->mute;
}

int session_send(struct session *session, const struct frame *frame)
{
    if (!session_is_up(session))
        return error_raise_plain(TR_ECLOSED);
    tr_try(frame_put(&session->out, frame));
    session_flush(session);
    return 0;
}

void session_unasked(struct session *session, size_t before)
{
    if (session->out.size > before)
        session->unasked += session->out.size - before;
}

void session_say(struct session *session, const struct frame *frame)
{
    struct tr_error *newest = task_error_aside();
    if (session_send(session, frame) == -ENOMEM)
        session_hang_up(session); /* better no peer than one that waits for what never comes */
    task_error_back(newest);
}

void session_tell(struct session *session, enum frame_kind kind, uint64_t id)
{
    session_say(session, &(struct frame){.kind = kind, .id = id});
}

void session_deadline(struct session *session, uint64_t id, double seconds_left)
{
    session_say(session, &(struct frame){.kind = FRAME_DEADLINE, .id = id, .deadline = {seconds_left}});
}

void session_cancel(struct session *session, uint64_t id, double seconds_left)
{
    session_say(session, &(struct frame){.kind = FRAME_CANCEL, .id = id, .cancel = {seconds_left}});
}

void session_stop(struct session *session)
{
    if (session->state.at < SESSION_OPEN) {
        session->said_stop = true;
        session_hang_up(session); /* it has not been told who we are yet */
        return;
    }
    session_tell(session, FRAME_STOP, 0);
    session->said_stop = true;
    session_flush(session);
}

bool session_has_room(const struct session *session)
{
    return session->out.size <= OUT_ENOUGH;
}

int session_wait_room(struct session *session)
{
    while (!session_has_room(session) && session->state.at == SESSION_OPEN)
        tr_try(lot_park(&session->for_room));
    return 0;
}

/* ---- writing ------------------------------------------------------------------------------------------ */

static void note_written(struct session *session, size_t size)
{
    session->run = (struct frame_run){0};
    session->has_sent = true;
    upgrade_count(session, size);
    lot_wake_all(&session->for_room);
}

/* Writes what there is; more may be appended meanwhile, for which there is another buffer, by turns. */
static int write_some(struct session *session)
{
    struct buf now = session->out;
    size_t last_by_socket = session->last_by_socket;
    session->out = session->other_out;
    session->other_out = (struct buf){0};
    session->unasked = session->last_by_socket = 0;
    session->writing = true;
    note_written(session, now.size);
    int rc = upgrade_write(session, &now, last_by_socket);
    session->writing = false;
    buf_drain(&now, now.size);
    session->other_out = now;
    lot_wake_all(&session->for_room);
    return rc;
}

/* What the peer had sent before it went is still to be read, and the end of that says best what happened. One that
 * is still there shall not be waited for: it will never hear of it. */
static void fall_mute(struct session *session, int why)
{
    session->mute = true;
    session->mute_why = why;
    buf_fini(&session->out);
    session_hang_up(session);
    lot_wake_all(&session->for_room); /* the reader among them, who is to come to that end */
}

static bool has_to_write(const struct session *session)
{
    return session->out.size > 0 && !session->held;
}

/* Mostly the wire takes all at once. What it does not take is the writing task's. */
static void write_at_once(struct session *session)
{
    if (!has_to_write(session) || session->writing || session->last_by_socket > 0 || session->mute)
        return;
    long taken = wire_try_write(&session->wire, session->out.data, session->out.size);
    if (taken < 0)
        fall_mute(session, (int)taken);
    if (taken <= 0)
        return;
    buf_drain(&session->out, (size_t)taken);
    if (session->unasked > session->out.size)
        session->unasked = session->out.size;
    note_written(session, (size_t)taken);
}

void session_flush_now(struct session *session)
{
    session->held = false;
    if (wire_is_watched(&session->wire))
        write_at_once(session);
    if (session->out.size > 0)
        session_flush(session);
}

static void write_now(struct before_look *soon)
{
    struct session *session = container_of(soon, struct session, write_soon);
    write_at_once(session);
    if (session->out.size > 0 || session->heard_stop)
        lot_wake_one(&session->to_write);
}

/* What wants to be written when it is cancelled leaves as far as the wire takes it: an answer, say, to what came just
 * before something that ends the session. */
static int write_task(void *arg)
{
    struct session *session = arg;
    for (;;) {
        while (!has_to_write(session)) {
            if (session->said_stop && session->heard_stop)
                return 0;
            int rc = lot_park(&session->to_write);
            if (rc < 0) {
                write_at_once(session);
                return rc;
            }
        }
        int rc = write_some(session);
        if (rc == TR_ECANCELLED)
            return rc;
        if (rc < 0) {
            fall_mute(session, rc);
            return 0;
        }
    }
}

/* ---- reading ---------------------------------------------------------------------------------------- */

static int take_nothing(struct session *session, const struct frame *frame)
{
    (void)session;
    (void)frame; /* CANCEL_ACK: that it was heard; the outcome is what matters */
    return 0;
}

static int take_stop(struct session *session, const struct frame *frame)
{
    (void)frame;
    session->heard_stop = true;
    if (!session->said_stop)
        session_stop(session);
    session_flush(session); /* the writer ends when both were said */
    return 0;
}

static int (*const actions[])(struct session *, const struct frame *) = {
    [FRAME_HELLO] = hello_heard,       [FRAME_BIRTH] = birth_heard,    [FRAME_START] = serve_start,
    [FRAME_YIELD] = talk_yielded,      [FRAME_CREDIT] = serve_credit,  [FRAME_RETURN] = call_returned,
    [FRAME_ERROR] = call_failed,       [FRAME_CANCEL] = serve_cancel,  [FRAME_DEADLINE] = serve_deadline,
    [FRAME_CANCEL_ACK] = take_nothing, [FRAME_STOP] = take_stop,       [FRAME_STARTED] = talk_started,
    [FRAME_SEND] = serve_sent,         [FRAME_GRANT] = talk_granted,   [FRAME_END] = serve_end,
    [FRAME_PING] = ping_heard,         [FRAME_PONG] = pong_heard,        [FRAME_UP] = up_heard,
    [FRAME_RINGS] = rings_heard,       [FRAME_SWITCH] = switch_heard,    [FRAME_LEND] = lend_heard,
    [FRAME_BORROW] = borrow_heard,     [FRAME_BACK] = back_heard,      [FRAME_CALL] = serve_start,
};

static const char *session_peer_name(const struct session *session)
{
    return session->peer.name && session->peer.name[0] ? session->peer.name : "a stranger";
}

static int act_on(struct session *session, size_t size)
{
    struct frame frame;
    int rc = frame_decode(session->in.data, size, (enum session_state)session->state.at, &session->scratch, &frame);
    if (rc >= 0 && frame.unchecked && session->large.view) {
        rc = frame_check(&frame, &frame.far);
        frame.unchecked = false;
    }
    if (rc >= 0) {
        log_at(TR_LOG_TRACE, "from %s: %s %llu",
               session_peer_name(session), frame_name(frame.kind),
               (unsigned long long)frame.id);
        size_t before = session->out.size, unasked = session->unasked;
        rc = frame.far > 0 ? large_act_on(session, &frame, actions[frame.kind])
                           : actions[frame.kind](session, &frame);
        session->unasked = unasked; /* without what was counted meanwhile, which is among what follows */
        session_unasked(session, before);
    }
    arena_clear(&session->scratch, ARENA_LITTLE);
    buf_drain(&session->in, size);
    return rc;
}

static int wait_until_taken(struct session *session)
{
    while (session->unasked > OUT_ENOUGH && !session->mute)
        tr_try(lot_park(&session->for_room));
    return 0;
}

static int wait_for_reluctant(struct session *session)
{
    if (session->unasked <= OUT_ENOUGH)
        return 0;
    tr_scope limit = tr_move_on_after(RELUCTANCE_S);
    tr_try(tr_within(&limit, wait_until_taken(session)));
    return limit.cancelled_caught
               ? raise_code(TR_EPROTOCOL, "the peer does not read what it asks for")
               : 0;
}

/* What was asked for begins, and mostly ends, before more of it is looked at, while all that it touches is near. Who is
 * cancelled meanwhile acts on all of it nevertheless: it came in time, as a greeting with all that follows it. */
enum { MOST_AT_A_TIME = 64 };

static int act_on_all(struct session *session)
{
    for (int count = 1; !session->heard_stop; count++) {
        long size = frame_measure(&session->in, (enum session_state)session->state.at);
        if (size < 0)
            return (int)size;
        if (size == 0)
            return 0;
        tr_try(act_on(session, (size_t)size));
        tr_try(wait_for_reluctant(session));
        if (count % MOST_AT_A_TIME == 0)
            task_yield(0);
    }
    return 0;
}

/* Of a large frame just the rest: then the buffer is empty, and nothing has to be moved to its beginning. For a
 * stranger as little memory as its greeting needs. */
static size_t to_read(const struct session *session)
{
    if (session->state.at != SESSION_OPEN)
        return LARGEST_GREETING;
    size_t rest = frame_rest(&session->in);
    return rest < READ_SIZE ? READ_SIZE : rest < READ_MOST ? rest : READ_MOST;
}

/* Whether it was the peer that would not be written to any more. */
static bool peer_left(const struct session *session)
{
    int why = session->mute_why;
    return why == 0 || why == -EPIPE || why == -ECONNRESET || why == -ENOTCONN;
}

static int raise_end(const struct session *session)
{
    const char *name = session->peer.name && session->peer.name[0] ? session->peer.name : "the peer";
    if (peer_left(session))
        return raise_code(TR_EBROKEN, "the connection to %s was closed without a good-bye", name);
    return raise_code(TR_EBROKEN, "nothing can be sent to %s any more: %s", name, tr_code_sentence(session->mute_why));
}

/* They had their turn if this task has waited, and have it again when it does. But what they have to say may be waited
 * for on another processor, while this one gets ready to wait. */
static bool others_come_first(const struct session *session)
{
    return !wire_has_waited(&session->wire) || wire_is_watched(&session->wire);
}

/* Reads until the good end (0), or until it is lost or spoilt. A greeting's time may be over when it is read, as after
 * this process was stopped; if it came before that, nobody asks. */
static int read_until(struct session *session, bool (*enough)(struct session *))
{
    while (!enough(session)) {
        tr_try(others_come_first(session) ? tr_checkpoint() : task_checkpoint_if_cancelled());
        size_t most = to_read(session);
        if (buf_reserve(&session->in, most) < 0)
            return error_raise_plain(-ENOMEM);
        long got = wire_read(&session->wire, buf_end(&session->in), most);
        if (got < 0)
            return (int)got;
        if (got == 0)
            return raise_end(session);
        buf_added(&session->in, (size_t)got);
        session->silence = 0;
        upgrade_count(session, (size_t)got);
        tr_try(act_on_all(session));
        upgrade_consider(session);
        if (session->large.offered || session->large.unkept)
            large_consider(session);
    }
    return 0;
}

static bool is_greeted(struct session *session)
{
    return session->state.at >= SESSION_OPEN || session->heard_stop;
}

static bool has_stopped(struct session *session)
{
    return session->heard_stop;
}

static int greet(struct session *session)
{
    if (session->state.at == SESSION_GREETING) {
        tr_try(greeting_put(session));
        session_flush(session);
    }
    if (session->family)
        return read_until(session, is_greeted); /* the keeper knows how long a child may take */
    tr_scope limit = tr_fail_after(GREETING_S);
    return tr_within(&limit, read_until(session, is_greeted));
}

/* ---- tasks ------------------------------------------------------------------------------------------- */

static int talk(struct session *session)
{
    tr_auto(nursery) writer = tr_open_nursery();
    session->wire.may_accept = upgrade_may_accept(session);
    tr_try(tr_start_soon(writer, write_task, session));
    tr_try(greet(session));
    tr_try(read_until(session, has_stopped));
    return tr_join(writer); /* what is still to be said */
}

/* A connection that breaks off once nothing more is to be said is no loss. */
static bool ended_well(const struct session *session, int rc)
{
    return rc >= 0 || session->heard_stop ||
           (session->said_stop && (rc == TR_EBROKEN || rc == -ECONNRESET));
}

/* What calls over a session fail with that ended with `rc`. */
static struct tr_error *describe_loss(struct session *session, int rc)
{
    struct tr_error *cause = ping_explain(session, rc, error_of(rc));
    bool may_have_died = session->obituary && peer_left(session);
    struct tr_error *died = may_have_died ? session->obituary(session->obituary_arg) : NULL;
    if (died) {
        error_unref(cause);
        return error_box(died, &session->peer);
    }
    if (session->state.at != SESSION_OPEN)
        return cause; /* nobody there whom we know */
    died = error_new(TR_EDIED, tr_code_type(TR_EDIED), "", 0, "actor %s is lost: %s",
                     session->peer.name, cause->message);
    error_set_cause(died, cause);
    return error_box(died, &session->peer);
}

struct tr_error *session_loss(struct session *session)
{
    if (session->why)
        return error_ref(session->why);
    struct tr_error *why = session->refusal && !session->asked
                               ? error_ref(session->refusal)
                               : error_new(TR_ECLOSED, tr_code_type(TR_ECLOSED), "", 0,
                                           "actor %s has ended the session", session->peer.name);
    return error_box(why, &session->peer);
}

static void conclude(struct session *session, int rc)
{
    if (!ended_well(session, rc)) {
        session->why = describe_loss(session, rc);
        log_at(TR_LOG_TRANSPORT, "the connection with %s is lost: %s", session->peer.name,
               session->why->message);
    }
    log_at(TR_LOG_RUNTIME, "the session with %s has ended", session_peer_name(session));
    machine_move(&session->state, SESSION_ENDED);
    session_gone(session);
    list_remove(&session->place);
    wire_close(&session->wire);
    large_leave(session);
    buf_fini(&session->in);
    buf_fini(&session->out);
    served_lost(session);
    served_forget_spares(session);
    calls_lost(session);
    if (actor_self()->session_ended)
        actor_self()->session_ended(session);
    if (session->to_parent)
        actor_end(INFINITY, &session->peer);
    tr_event_set(&session->greeted);
    tr_event_set(&session->up);
    tr_event_set(&session->ended);
    tr_event_set(&session->answered);
    lot_wake_all(&session->for_room);
}

static int session_task(void *arg)
{
    struct session *session = arg;
    tr_scope whole = tr_cancel_scope(); /* collects all that goes wrong inside */
    conclude(session, tr_within(&whole, talk(session)));
    session_unref(session);
    return 0;
}

/* ---- beginnings --------------------------------------------------------------------------------------- */

int session_new(int fd, bool unborn, struct session **ret_session)
{
    struct session *session = mem_zalloc(sizeof *session);
    if (!session) {
        sys_close(&fd);
        return error_raise_plain(-ENOMEM);
    }
    session->refs = 1;
    session->peer = (tr_actor){"", "", "", 0};
    machine_init(&session->state, "session", session_states);
    list_init(&session->place);
    list_init(&session->write_soon.place);
    session->write_soon.fn = write_now;
    session->to_parent = session->family = unborn;
    session->outside = !unborn && network_is_outside(fd, &session->remote);
    if (!unborn)
        machine_move(&session->state, SESSION_GREETING);
    int rc = wire_open(&session->wire, fd);
    session->wire.looks = !session->outside; /* it may lend us memory, or offer rings */
    large_init(&session->large, session->outside);
    if (rc >= 0)
        rc = tr_start_soon(actor_self()->service, session_task, session);
    if (rc < 0) {
        session_unref(session);
        return rc;
    }
    list_push(&actor_self()->sessions, &session_ref(session)->place);
    *ret_session = session;
    return 0;
}

int session_wait_open(struct session *session)
{
    tr_try(event_wait(&session->greeted));
    return session->state.at == SESSION_OPEN ? 0 : error_raise(session_loss(session));
}

int session_ask_to_end(struct session *session, double seconds)
{
    session->asked = true;
    session_cancel(session, 0, seconds);
    tr_try(event_wait(&session->answered));
    return session->refusal ? error_raise(error_box(error_ref(session->refusal), &session->peer)) : 0;
}

/* Once is enough. */
int session_refused(struct session *session, struct tr_error *why)
{
    if (session->refusal)
        error_unref(why);
    else
        session->refusal = why;
    if (session->asked)
        tr_event_set(&session->answered);
    return 0;
}

int session_wait_loss(struct session *session)
{
    if (session->mute)
        tr_try(event_wait(&session->ended));
    return error_raise(session_loss(session));
}

int session_wait_up(struct session *session)
{
    tr_try(event_wait(&session->up));
    return session->state.at == SESSION_OPEN ? 0 : error_raise(session_loss(session));
}

struct session *session_find(const char *uuid)
{
    list_each(at, &actor_self()->sessions)
    {
        struct session *session = container_of(at, struct session, place);
        if (session->state.at == SESSION_OPEN && session_is_up(session) &&
            (session->dialed || session->family) && strcmp(session->peer.uuid, uuid) == 0)
            return session;
    }
    return NULL;
}

static int check_identity(struct session *session, const char *uuid)
{
    if (!uuid || !uuid[0] || strcmp(session->peer.uuid, uuid) == 0)
        return 0;
    return raise_code(TR_EBROKEN, "at the address of actor %.8s now lives another, %s (%.8s)", uuid,
                      session->peer.name, session->peer.uuid);
}

/* Who answers there, whoever it is or, if it has one, the one of that uuid. */
static int open_by(struct path *path, const char *uuid, struct session **ret_session)
{
    struct session *session;
    int fd;
    tr_try(path_try(path, &fd));
    tr_try(session_new(fd, false, &session));
    session->dialed = true;
    session_hold(session);
    session_unref(session);
    int rc = session_wait_open(session); /* NOLINT(clang-analyzer-unix.Malloc): does not count references */
    if (rc >= 0)
        rc = check_identity(session, uuid);
    if (rc < 0) {
        struct tr_error *newest = task_error_aside();
        session_let_go(session);
        task_error_back(newest);
        return rc;
    }
    *ret_session = session;
    return 0;
}

int session_dial(const tr_list_tr_str *addresses, const char *uuid, struct session **ret_session)
{
    const wire_network *network = &actor_self()->network;
    struct path path = {.addresses = addresses, .allow_remote = network->allow_remote, .patience = network->lost_after};
    int rc;
    do
        rc = open_by(&path, uuid, ret_session);
    while (rc < 0 && rc != TR_ECANCELLED && rc != -ENOMEM && path_goes_on(&path));
    return rc;
}

int session_open(const tr_list_tr_str *addresses, const char *uuid, struct session **ret_session)
{
    struct session *session = uuid && uuid[0] ? session_find(uuid) : NULL;
    if (!session)
        return session_dial(addresses, uuid, ret_session);
    session_hold(session);
    *ret_session = session;
    return 0;
}

/* A session after its greeting: the peer sends any frames in any order, whole, spoilt, in pieces or a hundred times,
 * reads or does not, and leaves; the actor serves functions and streams, has calls and streams of its own
 * outstanding, cancels them, ends the session or itself; memory runs out.
 *
 * Afterwards the session has ended, or is as good as new; each call of either side has had its outcome, once; what
 * the peer was sent keeps to the protocol; and nothing is left. */
#include "check.h"
#include "frames.h"
#include "functions.h"
#include "life.h"
#include "peer.h"
#include "samples.h"
#include "target.h"

#include "actor/call.h"
#include "actor/portal.h"
#include "actor/serve.h"

#include <errno.h>
#include <string.h>

enum { MOST_OUTGOING = 16, MOST_REPEATS = 64, MOST_SENT = 10000 };

/* What an actor may hold besides what it was sent: a megabyte that the peer does not read, twice over while it is
 * written and once more while it grows. A large result waits encoded until there is room for it. */
enum { OURS = 10 * 1024 * 1024, PER_BYTE = 512, PER_LARGE = 2 * LARGEST_BLOB + 16 * 1024, UNSENT = 1024 * 1024 };

struct outgoing {
    struct tale *tale;
    unsigned kind;
    double time;
    tr_scope scope;
    bool started;
    int ended;
};

struct tale {
    struct input input, last;   /* `last`: from where the last frame was made */
    enum frame_kind last_kind;
    uint64_t last_id;
    struct life *life;
    struct session *session;    /* a reference */
    tr_portal *portal;
    tr_nursery *callers;
    struct outgoing outgoing[MOST_OUTGOING];
    size_t outgoing_used;
    bool memory_ran_out;
    struct peer peer;           /* last: it is large */
};

/* ---- calls of our own -------------------------------------------------------------------------------- */

static int call_echo(struct outgoing *it)
{
    tr_str text;
    tr_try(tr_call(it->tale->portal, &text, echo, .text = "hello"));
    require(!text || strlen(text) < SIZE_MAX);
    return 0;
}

static int call_in_time(struct outgoing *it)
{
    tr_value value;
    tr_scope limit = tr_fail_after(it->time);
    return tr_within(&limit, tr_call(it->tale->portal, &value, mirror));
}

static int call_points(struct outgoing *it)
{
    tr_list_point all;
    tr_try(tr_call(it->tale->portal, &all, points, .one = {.x = 7}));
    for (size_t i = 0; i < all.count; i++)
        require(all.items[i].y != 0); /* has a default */
    return 0;
}

static int read_stream(struct outgoing *it)
{
    tr_auto(stream) numbers = NULL;
    tr_try(tr_open_stream(it->tale->portal, &numbers, count_to, .last = 7));
    int64_t number;
    int rc;
    while ((rc = tr_next(numbers, &number, count_to)) > 0)
        tr_try(tr_sleep(it->time / 100));
    if (rc != -ENOMEM)
        require(tr_next(numbers, &number, count_to) == rc); /* the same each time */
    return rc;
}

static int leave_stream(struct outgoing *it)
{
    tr_auto(stream) bytes = NULL;
    tr_bytes one;
    tr_try(tr_open_stream(it->tale->portal, &bytes, blobs, .size = 7));
    tr_try(tr_next(bytes, &one, blobs));
    return tr_sleep(it->time);
}

/* ---- contexts of our own ------------------------------------------------------------------------------ */

static int hold_talk(struct outgoing *it)
{
    tr_auto(stream) game = NULL;
    tr_str word;
    int64_t ball = 0, rounds;
    tr_try(tr_open_context(it->tale->portal, &game, &word, talk, .word = "ready"));
    require(!word || strlen(word) < SIZE_MAX);
    for (int i = 0; i < 3; i++) {
        tr_try(tr_stream_send(game, talk, ball));
        tr_try(tr_next(game, &ball, talk));
    }
    int rc = tr_stream_result(game, &rounds, talk);
    if (rc >= 0)
        require(tr_stream_result(game, &ball, talk) == rc && ball == rounds);
    return rc;
}

static int leave_talk(struct outgoing *it)
{
    tr_auto(stream) game = NULL;
    const tr_flow few = {.overrun = (enum tr_overrun)(it->tale->outgoing_used % (TR_OVERRUN_FAILS + 1)), .messages = 3};
    tr_try(tr_open_context_with(it->tale->portal, &game, &few, NULL, talk));
    tr_try(tr_stream_send(game, talk, 1));
    tr_try(tr_sleep(it->time));
    return tr_stream_cancel(game);
}

/* Or as long as makes sense, for a peer that would take any number. */
static int send_for_long(void *arg)
{
    tr_stream *game = arg;
    int rc = 0;
    for (int i = 0; i < MOST_SENT && rc >= 0; i++)
        rc = tr_stream_send(game, talk, 1);
    return rc == TR_ECLOSED || rc == TR_EBROKEN ? 0 : rc;
}

/* One task says that there is no more while another one still sends. */
static int end_while_it_is_sent_to(struct outgoing *it)
{
    tr_auto(stream) game = NULL;
    int64_t ball;
    int rc;
    tr_try(tr_open_context(it->tale->portal, &game, NULL, talk));
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, send_for_long, game));
    tr_try(tr_sleep(it->time));
    tr_try(tr_stream_end(game));
    while ((rc = tr_next(game, &ball, talk)) > 0)
        continue;
    return tr_join_with(n, rc);
}

static int end_peer(struct outgoing *it)
{
    return tr_cancel_actor(it->tale->portal);
}

static int (*const ways[])(struct outgoing *) = {call_echo,   call_in_time, call_points,
                                                 read_stream, leave_stream, end_peer,
                                                 hold_talk,   leave_talk,   end_while_it_is_sent_to};
enum { WAYS = sizeof ways / sizeof *ways };

static int caller(void *arg)
{
    struct outgoing *it = arg;
    tr_ignore(tr_within(&it->scope, ways[it->kind](it)));
    it->ended++;
    return 0;
}

/* ---- what the input says happens ---------------------------------------------------------------------- */

static double some_time(struct tale *tale)
{
    static const double times[] = {0, 0.001, 0.1, 1, 3, 11};
    return times[input_choice(&tale->input, sizeof times / sizeof *times)];
}

static void make_and_say(struct tale *tale, struct input *from)
{
    static uint8_t room[64 * 1024];
    struct buf out = buf_in(room, sizeof room);
    make_frame(&out, tale->last_kind, tale->last_id, from);
    peer_say(&tale->peer, out.data, out.size);
}

static void say_frame(struct tale *tale)
{
    tale->last_kind = (enum frame_kind)input_choice(&tale->input, FRAME_KINDS);
    tale->last_id = input_byte(&tale->input);
    if (tale->last_id == 255)
        tale->last_id = input_number(&tale->input, 8);
    tale->last = tale->input;
    make_and_say(tale, &tale->input);
}

/* The same again, under the same or other ids. */
static void repeat(struct tale *tale)
{
    unsigned step = input_choice(&tale->input, 2), times = input_choice(&tale->input, MOST_REPEATS);
    for (unsigned i = 0; i < times && tale->last.at; i++) {
        struct input from = tale->last;
        tale->last_id += step;
        make_and_say(tale, &from);
    }
}

static void say_bytes(struct tale *tale)
{
    size_t size;
    const uint8_t *bytes = input_bytes(&tale->input, input_byte(&tale->input), &size);
    peer_say(&tale->peer, bytes, size);
}

/* What was said last and not yet read arrives otherwise. */
static void spoil(struct tale *tale)
{
    struct world_socket *socket = tale->peer.socket;
    size_t back = 1 + input_byte(&tale->input);
    if (back <= socket->in.size - socket->taken && back <= socket->in.size - tale->peer.said)
        socket->in.data[socket->in.size - back] ^= (uint8_t)(1 + input_byte(&tale->input));
}

static void call(struct tale *tale)
{
    if (tale->outgoing_used == MOST_OUTGOING)
        return;
    struct outgoing *it = &tale->outgoing[tale->outgoing_used++];
    *it = (struct outgoing){.tale = tale, .kind = input_choice(&tale->input, WAYS)};
    it->time = some_time(tale);
    it->scope = tr_cancel_scope();
    it->started = tr_start_soon(tale->callers, caller, it) == 0;
}

static void cancel_call(struct tale *tale)
{
    if (tale->outgoing_used > 0)
        tr_scope_cancel(&tale->outgoing[input_choice(&tale->input, (unsigned)tale->outgoing_used)].scope);
}

static void peer_reads(struct tale *tale)
{
    uint8_t room = input_byte(&tale->input);
    tale->peer.socket->room = room == 255 ? SIZE_MAX : (size_t)room * room;
}

static void peer_leaves(struct tale *tale)
{
    if (input_choice(&tale->input, 4) == 0)
        tale->peer.socket->reset = true;
    else
        tale->peer.socket->ended = true;
}

static void we_end(struct tale *tale)
{
    unsigned how = input_choice(&tale->input, 3);
    if (how == 0)
        tr_event_set(&tale->life->actor.told_to_end);
    else if (how == 1 && session_is_up(tale->session))
        session_stop(tale->session);
    else
        session_hang_up(tale->session);
}

static void memory_runs_out(struct tale *tale)
{
    struct world *world = tale->life->world;
    world->fail_at = world->allocations + 1 + input_byte(&tale->input);
    world->fail_after = input_choice(&tale->input, 4) == 0;
    tale->memory_ran_out = true;
}

enum { FRAME, AGAIN, BYTES, SPOIL, TIME, CALL, CANCEL, READS, CHUNK, LEAVES, WE_END, MEMORY, OPS };

static void act(struct tale *tale)
{
    switch (input_choice(&tale->input, OPS)) {
    case FRAME:
        say_frame(tale);
        break;
    case AGAIN:
        repeat(tale);
        break;
    case BYTES:
        say_bytes(tale);
        break;
    case SPOIL:
        spoil(tale);
        break;
    case TIME:
        pass(some_time(tale));
        break;
    case CALL:
        call(tale);
        break;
    case CANCEL:
        cancel_call(tale);
        break;
    case READS:
        peer_reads(tale);
        break;
    case CHUNK:
        tale->peer.socket->chunk = 1 + (size_t)input_byte(&tale->input);
        break;
    case LEAVES:
        peer_leaves(tale);
        break;
    case WE_END:
        we_end(tale);
        break;
    case MEMORY:
        memory_runs_out(tale);
        break;
    }
}

/* ---- beginning ------------------------------------------------------------------------------------------- */

static void greet(struct world *world, struct world_socket *socket)
{
    struct tale *tale = container_of(world->connected_arg, struct tale, peer);
    peer_init(&tale->peer, tale->life, socket);
    peer_greet(&tale->peer);
}

/* The session is one that we dialed, for our portals, or one that the peer did. */
static void meet(struct tale *tale, bool dialed)
{
    struct world *world = tale->life->world;
    world->connected_arg = &tale->peer;
    if (dialed) {
        world->connected = greet;
        require(session_open(&tr_names("unix:@peer"), NULL, &tale->session) == 0);
        world->connected = NULL;
    } else {
        greet(world, world_connect(world));
        pass(0.01);
        tale->session = peer_session(&tale->peer);
        require(tale->session && tale->session->state.at == SESSION_OPEN);
        session_hold(tale->session);
    }
    tale->portal = portal_new(tale->session);
    require(tale->portal);
    session_ref(tale->session);
}

/* ---- what must hold -------------------------------------------------------------------------------------- */

/* Calls are found by their ids: each is there once, under its own. */
static void calls_are_in_order(const struct session *session)
{
    size_t served = 0, made = 0;
    for (size_t i = 0; i < session->served.room; i++) {
        const struct served *it = session->served.slots[i].value;
        served += it != NULL;
        require(!it || (it->id == session->served.slots[i].key && it->session == session));
    }
    for (size_t i = 0; i < session->calls.room; i++) {
        const struct call *it = session->calls.slots[i].value;
        made += it != NULL;
        require(!it || (it->id == session->calls.slots[i].key && it->session == session && !it->done.set));
    }
    require(served == session->served.count && made == session->calls.count);
}

static void check(struct tale *tale)
{
    const struct world *world = tale->life->world;
    peer_check(&tale->peer);
    calls_are_in_order(tale->session);
    require(tale->session->unasked <= UNSENT + 2 * LARGEST_BLOB);
    require(world->peak <= OURS + tale->peer.socket->in.size * PER_BYTE + tale->peer.large * PER_LARGE);
}

static bool may_be_used(const struct tale *tale)
{
    const struct session *session = tale->session;
    return session->state.at == SESSION_OPEN && session_is_up(session) && !session->heard_stop &&
           session->in.size == 0 && !tale->peer.socket->ended && !tale->peer.socket->reset &&
           !tale->peer.socket->hung_up && !tale->life->actor.told_to_end.set;
}

/* What was left out or started before does not matter: a new call is answered, once. */
static void it_is_as_good_as_new(struct tale *tale)
{
    const uint64_t fresh = 0x1234567890;
    unsigned before = peer_outcomes(&tale->peer, fresh);
    if (tale->peer.accounts_used == MOST_ACCOUNTS)
        return;
    peer_call(&tale->peer, fresh);
    pass(0.1);
    check(tale);
    require(peer_outcomes(&tale->peer, fresh) == before + 1);
}

static void each_call_has_its_outcome(const struct tale *tale)
{
    for (size_t i = 0; i < tale->outgoing_used; i++)
        require(tale->outgoing[i].ended == tale->outgoing[i].started);
}

/* Longer than the patience that a session has with a peer that does not read, and than anybody may take
 * to end. */
static const double PATIENCE_S = 12, ENDING_S = 5;

static void end_of(struct tale *tale)
{
    struct world_socket *socket = tale->peer.socket;
    tale->life->world->fail_at = 0;
    socket->room = socket->chunk = SIZE_MAX;
    pass(PATIENCE_S);
    check(tale);
    require(tale->session->state.at == SESSION_ENDED || frame_measure(&tale->session->in, SESSION_OPEN) == 0);
    if (may_be_used(tale))
        it_is_as_good_as_new(tale);
    socket->ended = true;
    pass(ENDING_S);
    check(tale);
    require(tale->session->state.at == SESSION_ENDED);
    each_call_has_its_outcome(tale);
}

static void tell(struct tale *tale)
{
    tr_auto(nursery) callers = tr_open_nursery();
    tale->callers = callers;
    while (!tale->life->up)
        pass(0);
    meet(tale, input_byte(&tale->input) & 1);
    tale->life->world->peak = 0;
    while (tale->input.left > 0) {
        act(tale);
        check(tale);
    }
    end_of(tale);
    require(tr_join(callers) == 0);
}

static void script(struct life *life)
{
    struct tale *tale = life->arg;
    life->world->passes = true;
    tell(tale);
    tr_portal_done_(&tale->portal);
    session_unref(tale->session);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct tale tale;
    struct life life = {.script = script, .arg = &tale};
    memset(&tale, 0, offsetof(struct tale, peer));
    tale.input = (struct input){bytes, size};
    tale.life = &life;
    live(&life);
    require(life.rc == 0 || tale.memory_ran_out);
    return 0;
}

/* A context at the peer, in order; and one here, which is sent to and told the end. */
static void talk_seeds(void)
{
    enum { COUNT = 7, TALK = 9, HOLD = 6 };
    for (uint8_t way = HOLD; way < WAYS; way++) {
        const uint8_t peers[] = {1,     CALL, way, 3, TIME, 1, FRAME, FRAME_STARTED, 1, 0, TIME, 1,
                                 FRAME, FRAME_YIELD, 1, 3, 0, 7, AGAIN, 0, 9, FRAME, FRAME_GRANT, 1, 0, 200,
                                 TIME,  2, FRAME, FRAME_RETURN, 1, 3, 0, 7, TIME, 3};
        seed_add(peers, sizeof peers);
    }
    for (uint8_t window = 0; window < 7; window++) {
        const uint8_t few[] = {1, FRAME, FRAME_START, 1, COUNT, 8, window, 0, 0, 0, 40, 0, 0, TIME, 1,
                               FRAME, FRAME_CREDIT, 1, 0, 66, TIME, 1, FRAME, FRAME_CANCEL, 1};
        seed_add(few, sizeof few);
    }
    for (uint8_t messages = 0; messages < 9; messages++) {
        const uint8_t ours[] = {1, FRAME, FRAME_START, 1, TALK, 0, 0, 0, 1, 4, 0, messages, 0, messages, 0,
                                TIME, 1, FRAME, FRAME_SEND, 1, 1, 0, 7, AGAIN, 0, 40, TIME, 1, FRAME, FRAME_CREDIT, 1,
                                0, 100, FRAME, FRAME_END, 1, TIME, 2};
        seed_add(ours, sizeof ours);
    }
}

/* By name and signature, and then by the signature alone; and of one that nobody has named. */
static void call_seeds(void)
{
    enum { SIGNED = 16 };
    for (uint8_t function = 0; function < 13; function++) {
        const uint8_t ops[] = {1, FRAME, FRAME_START, 1, function, SIGNED, 0, 1, 2, 3, 4, TIME, 1,
                               FRAME, FRAME_CALL, 2, function, 0, 0, 1, 2, 3, 4, TIME, 1,
                               FRAME, FRAME_CALL, 3, (uint8_t)(function + 1), 0, 0, 1, 2, 3, 4, TIME, 1};
        seed_add(ops, sizeof ops);
    }
}

/* A stream of bytes that lie in memory which was lent, in which the peer takes it away while they are held, or later. */
static void far_seeds(void)
{
    enum { LEAVE = 4, A_BLOB = 4, FAR = 3, PLACE = 5, SIZES = 7, LENT = 0, TAKEN_AWAY = 2 };
    for (uint8_t size = 0; size < SIZES; size++) {
        const uint8_t ops[] = {1,     FRAME, FRAME_LEND,  0, LENT, TIME,  1,    CALL, LEAVE, 3,    TIME, 1,
                               FRAME, FRAME_YIELD, 1,     3, A_BLOB, FAR,  0,    PLACE, size, TIME, 1,
                               FRAME, FRAME_YIELD, 1,     3, A_BLOB, FAR,  0,    0,    2,     TIME, (uint8_t)(size % 3),
                               FRAME, FRAME_LEND,  0,     TAKEN_AWAY, TIME, 4};
        seed_add(ops, sizeof ops);
    }
}

/* Each kind of frame in the middle of each kind of call; and what floods do. */
void target_seeds(void)
{
    for (uint8_t kind = 0; kind < FRAME_KINDS; kind++)
        for (uint8_t way = 0; way < WAYS; way++) {
            const uint8_t ops[] = {(uint8_t)(way & 1), CALL, way, 2, TIME, 1, FRAME, kind, 1,
                                   0, 0, 0, 1, TIME, 2, FRAME, kind, 1, 1, 2, 3, 4, TIME, 1};
            seed_add(ops, sizeof ops);
        }
    for (uint8_t function = 0; function < 13; function++) {
        const uint8_t ops[] = {1, READS, 0, FRAME, FRAME_START, 1, function, 0, 0, 0, 1, 1, 2, 3, 4, AGAIN, 1, 63,
                               TIME, 3, READS, 255, TIME, 2, FRAME, FRAME_CANCEL, 1, TIME, 1};
        seed_add(ops, sizeof ops);
    }
    call_seeds();
    talk_seeds();
    far_seeds();
}

#include "peer.h"

#include "check.h"
#include "frames.h"
#include "samples.h"

#include "tractor/function.h"
#include "value/function.h"

#include <string.h>

void peer_init(struct peer *peer, struct life *life, struct world_socket *socket)
{
    memset(peer, 0, offsetof(struct peer, accounts)); /* those are large, and there are many peers */
    memset(peer->ours, 0, sizeof peer->ours);
    peer->life = life;
    peer->socket = socket;
    peer->says = life->is_child ? SESSION_UNBORN : SESSION_GREETING;
    peer->hears = SESSION_GREETING;
}

struct session *peer_session(const struct peer *peer)
{
    struct world *world = peer->life->world;
    int fd = WORLD_FIRST_FD + (int)(peer->socket - world->sockets);
    list_each(at, &peer->life->actor.sessions)
    {
        struct session *session = container_of(at, struct session, place);
        if (session->wire.io.fd == fd)
            return session;
    }
    return NULL;
}

void peer_say(struct peer *peer, const void *bytes, size_t size)
{
    if (!peer->socket->ended)
        bytes_add(&peer->socket->in, bytes, size);
}

void peer_greet(struct peer *peer)
{
    uint8_t room[1024];
    struct buf out = buf_in(room, sizeof room);
    make_frame_sample(&out, FRAME_HELLO, 0);
    peer_say(peer, out.data, out.size);
}

void peer_call(struct peer *peer, uint64_t id)
{
    static uint8_t room[64 * 1024];
    struct buf out = buf_in(room, sizeof room);
    struct input nothing = {NULL, 0};
    make_frame(&out, FRAME_START, id, &nothing); /* all choices 0 */
    peer_say(peer, out.data, out.size);
}

/* ---- accounts -------------------------------------------------------------------------------------------- */

static struct account *account_of(struct peer *peer, uint64_t id)
{
    if (id < LOW_IDS)
        return peer->low[id] ? &peer->accounts[peer->low[id] - 1] : NULL;
    for (size_t i = 0; i < peer->accounts_used; i++)
        if (peer->accounts[i].id == id)
            return &peer->accounts[i];
    return NULL;
}

unsigned peer_outcomes(const struct peer *peer, uint64_t id)
{
    const struct account *account = account_of((struct peer *)peer, id);
    return account ? account->outcomes : 0;
}

static bool lost_count(const struct peer *peer)
{
    return peer->accounts_used == MOST_ACCOUNTS;
}

/* Calls that share an id are one account: of what is certain of all of them. */
static uint32_t lowest_cost(const struct account *account, uint32_t cost)
{
    return account->starts > 0 && account->yields.value_cost < cost ? account->yields.value_cost : cost;
}

static uint64_t cost_of(const struct lane *lane)
{
    return lane->bytes + lane->values * lane->value_cost;
}

static void add_values(struct lane *lane, const struct frame *frame)
{
    lane->values += frame->count;
    lane->bytes += frame->values.values.size + frame->far;
}

static uint32_t sum(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static bool is_of_blob(const struct frame *frame)
{
    if (frame->kind == FRAME_CALL)
        return frame->call.signature == function_hash(function_find("fuzz", "blob")->info);
    return frame->start.function && strcmp(frame->start.function, "blob") == 0;
}

static void note_window(struct account *account, const wire_start *start)
{
    if (account->starts < 64 && start->way == TR_WAY_CONTEXT)
        account->contexts |= UINT64_C(1) << account->starts;
    account->yields.value_cost = lowest_cost(account, start->value_cost);
    account->yields.window = sum(account->yields.window, start->window);
}

static void note_start(struct peer *peer, const struct frame *frame)
{
    struct account *account = account_of(peer, frame->id);
    if (!account && lost_count(peer))
        return;
    if (!account) {
        account = &peer->accounts[peer->accounts_used++];
        *account = (struct account){.id = frame->id};
        if (frame->id < LOW_IDS)
            peer->low[frame->id] = (uint16_t)peer->accounts_used;
    }
    if (frame->kind == FRAME_START)
        note_window(account, &frame->start);
    account->starts++;
    peer->large += is_of_blob(frame);
}

/* It may answer before it was asked. */
static struct talk_account *ours(struct peer *peer, uint64_t id)
{
    return id < MOST_OURS ? &peer->ours[id] : NULL;
}

static int note_far(void *arg, uint32_t place, size_t size)
{
    struct peer *peer = arg;
    (void)size;
    if (place < SHELF_PAGES)
        peer->lent[place]++;
    return 0;
}

static void note_started(struct talk_account *talk, const struct frame *frame)
{
    if (talk->started)
        return; /* which ends the session */
    talk->started = true;
    talk->said.window = frame->started.window;
    talk->said.value_cost = frame->started.value_cost;
}

/* About calls that came to it. */
static void note_of_ours(struct talk_account *talk, const struct frame *frame)
{
    if (frame->kind == FRAME_STARTED)
        note_started(talk, frame);
    else if (frame->kind == FRAME_YIELD)
        add_values(&talk->heard, frame);
    else if (frame->kind == FRAME_GRANT)
        talk->said.granted += frame->credit.bytes;
}

static void note(struct peer *peer, const struct frame *frame)
{
    struct account *account = account_of(peer, frame->id);
    struct talk_account *talk = ours(peer, frame->id);
    if (frame->kind == FRAME_BIRTH)
        peer->says = SESSION_GREETING;
    else if (frame->kind == FRAME_HELLO)
        peer->says = SESSION_OPEN;
    else if (frame->kind == FRAME_START || frame->kind == FRAME_CALL)
        note_start(peer, frame);
    else if (frame->kind == FRAME_CREDIT && account)
        account->yields.granted += frame->credit.bytes;
    else if (frame->kind == FRAME_SEND && account)
        add_values(&account->sent, frame);
    else if (talk)
        note_of_ours(talk, frame);
    peer->cancels += frame->kind == FRAME_CANCEL;
    peer->pings += frame->kind == FRAME_PING;
    peer->lends += frame->kind == FRAME_LEND;
    if (frame->far > 0)
        (void)codec_each_far(frame->raw, note_far, peer);
}

/* ---- what it is sent ------------------------------------------------------------------------------------- */

/* Each of the calls, so many, that have had this id may have overdrawn by one value, of which only the last one's size
 * is known. */
static void may_be_sent(struct lane *lane, const struct frame *frame, unsigned calls)
{
    add_values(lane, frame);
    uint64_t overdrawn = calls < lane->values ? calls : lane->values;
    uint64_t bytes = calls > 1 ? lane->bytes : frame->last;
    require(cost_of(lane) - bytes - overdrawn * lane->value_cost < (uint64_t)lane->window + lane->granted);
}

static void may_be_granted(struct lane *lane, const struct frame *frame)
{
    require(frame->credit.bytes > 0);
    lane->granted += frame->credit.bytes;
    require(lane->granted <= cost_of(lane));
}

static void outcome(struct account *account)
{
    require(account->outcomes < account->starts); /* at most one each */
    account->outcomes++;
}

static bool is_context(const struct account *account)
{
    return account->outcomes >= 64 || account->contexts >> account->outcomes & 1;
}

static void has_started(const struct account *account)
{
    require(account->outcomes < account->starts);
    require(!is_context(account) || account->outcomes >= 64 || account->started == account->outcomes + 1);
}

/* Once, and before anything else. */
static void started(struct account *account, const struct frame *frame)
{
    require(account->outcomes < account->starts && is_context(account));
    require(account->started <= account->outcomes);
    account->started = account->outcomes + 1;
    account->sent.value_cost =
        account->sent.value_cost > frame->started.value_cost ? account->sent.value_cost : frame->started.value_cost;
}

static void expect_of_its_call(struct account *account, const struct frame *frame)
{
    switch (frame->kind) {
    case FRAME_STARTED:
        started(account, frame);
        break;
    case FRAME_YIELD:
        has_started(account);
        may_be_sent(&account->yields, frame, account->outcomes + 1);
        break;
    case FRAME_GRANT:
        has_started(account);
        require(is_context(account));
        may_be_granted(&account->sent, frame);
        break;
    case FRAME_RETURN:
        has_started(account);
        outcome(account);
        break;
    default:
        outcome(account);
    }
}

static void expect_start(struct peer *peer, const struct frame *frame)
{
    require(frame->id > peer->last_call); /* one without memory takes a number, too */
    peer->last_call = frame->id;
    struct talk_account *talk = ours(peer, frame->id);
    require(talk);
    talk->is_stream = frame->start.way == TR_WAY_STREAM;
    talk->is_context = frame->start.way == TR_WAY_CONTEXT;
    talk->heard.window = frame->start.window;
    talk->heard.value_cost = frame->start.value_cost;
}

static void expect_of_our_call(struct talk_account *talk, const struct frame *frame)
{
    require(talk && (talk->is_stream || talk->is_context));
    if (frame->kind == FRAME_CREDIT) {
        may_be_granted(&talk->heard, frame);
        return;
    }
    require(talk->is_context && !talk->ended);
    talk->ended = frame->kind == FRAME_END;
    if (frame->kind == FRAME_SEND) {
        require(talk->started);
        may_be_sent(&talk->said, frame, 1);
    }
}

static void expect(struct peer *peer, const struct frame *frame)
{
    struct account *account = account_of(peer, frame->id);
    require(!peer->heard_stop);
    switch (frame->kind) {
    case FRAME_HELLO:
        peer->hears = SESSION_OPEN;
        break;
    case FRAME_START:
    case FRAME_CALL:
        expect_start(peer, frame);
        break;
    case FRAME_CREDIT:
    case FRAME_SEND:
    case FRAME_END:
        expect_of_our_call(ours(peer, frame->id), frame);
        break;
    case FRAME_CANCEL:
        require(frame->id <= peer->last_call);
        break;
    case FRAME_CANCEL_ACK:
        require(++peer->acks <= peer->cancels);
        break;
    case FRAME_PONG:
        require(++peer->pongs <= peer->pings);
        break;
    case FRAME_BORROW:
        require(++peer->borrows <= peer->lends);
        break;
    case FRAME_BACK:
        require(frame->back.place < SHELF_PAGES && peer->lent[frame->back.place]-- > 0);
        break;
    case FRAME_RETURN:
    case FRAME_ERROR:
    case FRAME_YIELD:
    case FRAME_STARTED:
    case FRAME_GRANT:
        require(account || lost_count(peer));
        if (account)
            expect_of_its_call(account, frame);
        break;
    case FRAME_STOP:
        peer->heard_stop = true;
        break;
    default:
        require(!"a frame that we never send here");
    }
}

/* ---- both directions ------------------------------------------------------------------------------------- */

/* The next frame of a direction, from `*at` on: 1; 0 if it is not complete, or a negative code. */
static int next(const struct bytes *bytes, size_t *at, enum session_state state, struct arena *memory,
                struct frame *ret)
{
    if (bytes->size == *at)
        return 0;
    struct buf rest = {.data = bytes->data + *at, .size = bytes->size - *at};
    long size = frame_measure(&rest, state);
    if (size <= 0)
        return (int)size;
    int rc = frame_decode(rest.data, (size_t)size, state, memory, ret);
    *at += (size_t)size;
    return rc < 0 ? rc : 1;
}

static void look_at_what_it_said(struct peer *peer)
{
    struct frame frame;
    for (int rc = 1; rc > 0 && !peer->spoilt;) {
        struct arena memory = {0};
        rc = next(&peer->socket->in, &peer->said, peer->says, &memory, &frame);
        if (rc > 0)
            note(peer, &frame);
        peer->spoilt = rc < 0;
        arena_fini(&memory);
    }
}

static void look_at_what_it_heard(struct peer *peer)
{
    struct frame frame;
    for (int rc = 1; rc > 0;) {
        struct arena memory = {0};
        rc = next(&peer->socket->out, &peer->heard, peer->hears, &memory, &frame);
        require(rc >= 0); /* we never send what is no frame */
        if (rc > 0)
            expect(peer, &frame);
        arena_fini(&memory);
    }
}

void peer_check(struct peer *peer)
{
    struct world *world = peer->life->world;
    size_t fail_at = world->fail_at, peak = world->peak, allocations = world->allocations;
    world->fail_at = 0;
    look_at_what_it_said(peer);
    look_at_what_it_heard(peer);
    world->fail_at = fail_at;
    world->peak = peak;
    world->allocations = allocations;
}

#include "peer.h"

#include "check.h"
#include "frames.h"
#include "samples.h"


#include <string.h>

void peer_init(struct peer *peer, struct life *life, struct world_socket *socket)
{
    memset(peer, 0, offsetof(struct peer, accounts)); /* those are large, and there are many peers */
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
        if (session->io.fd == fd)
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

static void note_start(struct peer *peer, const struct frame *frame)
{
    struct account *account = account_of(peer, frame->id);
    if (!account && lost_count(peer))
        return;
    if (!account) {
        account = &peer->accounts[peer->accounts_used++];
        *account = (struct account){.id = frame->id};
    }
    account->starts++;
    account->credit += frame->start.window;
    account->value_cost = frame->start.value_cost;
    peer->large += frame->start.function && strcmp(frame->start.function, "blob") == 0;
}

static void note(struct peer *peer, const struct frame *frame)
{
    struct account *account = account_of(peer, frame->id);
    if (frame->kind == FRAME_BIRTH)
        peer->says = SESSION_GREETING;
    else if (frame->kind == FRAME_HELLO)
        peer->says = SESSION_OPEN;
    else if (frame->kind == FRAME_START)
        note_start(peer, frame);
    else if (frame->kind == FRAME_CREDIT && account)
        account->credit += frame->credit.bytes;
    peer->cancels += frame->kind == FRAME_CANCEL;
}

/* ---- what it is sent ------------------------------------------------------------------------------------- */

static void outcome(struct account *account)
{
    require(account && account->outcomes < account->starts); /* at most one each */
    account->outcomes++;
}

static void value(struct account *account, const struct frame *frame)
{
    require(account && account->outcomes < account->starts && account->credit > 0);
    account->credit -= (int64_t)(frame->outcome.value.size + account->value_cost);
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
        require(frame->id > peer->last_call); /* one without memory takes a number, too */
        peer->last_call = frame->id;
        break;
    case FRAME_CREDIT:
        require(frame->id > 0 && frame->id <= peer->last_call);
        break;
    case FRAME_CANCEL:
        require(frame->id <= peer->last_call);
        break;
    case FRAME_CANCEL_ACK:
        require(++peer->acks <= peer->cancels);
        break;
    case FRAME_RETURN:
    case FRAME_ERROR:
        if (account || !lost_count(peer))
            outcome(account);
        break;
    case FRAME_YIELD:
        if (account || !lost_count(peer))
            value(account, frame);
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

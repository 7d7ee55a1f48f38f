/* Strangers at an actor's door, or a parent who is none at a child's: bytes, frames, silence, crowds, at any time,
 * before and after a greeting. Whatever they do, the actor lives on and greets the next one who behaves. */
#include "check.h"
#include "frames.h"
#include "life.h"
#include "peer.h"
#include "samples.h"
#include "target.h"

#include <string.h>

/* What one of them may make the actor keep before it has greeted: what was read at once and, while that is moved to
 * more room, both; and the session. The actor itself has its share, too. */
enum { PER_STRANGER = 56 * 1024, OURS = 64 * 1024 };
enum { MOST_PEERS = 80, CROWD = 70 };
static const double GREETING_S = 5;

struct door {
    struct input input;
    struct life *life;
    size_t peers_used;
    struct peer *now;           /* the one that acts */
    struct peer peers[MOST_PEERS];
};

static void come(struct door *door)
{
    struct world_socket *socket = NULL;
    if (door->peers_used < MOST_PEERS && !door->life->is_child)
        socket = world_connect(door->life->world);
    if (!socket)
        return;
    door->now = &door->peers[door->peers_used++];
    peer_init(door->now, door->life, socket);
}

static void say_bytes(struct door *door)
{
    size_t size;
    const uint8_t *bytes = input_bytes(&door->input, input_byte(&door->input), &size);
    peer_say(door->now, bytes, size);
}

static void say_frame(struct door *door, enum frame_kind kind)
{
    static uint8_t room[64 * 1024];
    struct buf out = buf_in(room, sizeof room);
    make_frame(&out, kind, input_byte(&door->input), &door->input);
    peer_say(door->now, out.data, out.size);
}

static void leave(struct door *door)
{
    struct world_socket *socket = door->now->socket;
    switch (input_choice(&door->input, 4)) {
    case 0:
        socket->ended = true;
        break;
    case 1:
        socket->reset = true;
        break;
    case 2:
        socket->chunk = 1 + input_byte(&door->input);
        break;
    default:
        socket->stranger_user = true;
        break;
    }
}

static void check_all(struct door *door);

static void time_passes(struct door *door)
{
    static const double times[] = {0, 0.01, 1, 4.9, 6};
    pass(times[input_choice(&door->input, sizeof times / sizeof *times)]);
    check_all(door);
}

enum { COME, BYTES, HELLO, FRAME, TIME, LEAVE, TURN, MANY, GREET, OPS };

static void act(struct door *door)
{
    switch (input_choice(&door->input, OPS)) {
    case COME:
        come(door);
        break;
    case BYTES:
        say_bytes(door);
        break;
    case HELLO:
        say_frame(door, FRAME_HELLO);
        break;
    case FRAME:
        say_frame(door, (enum frame_kind)input_choice(&door->input, FRAME_KINDS));
        break;
    case TIME:
        time_passes(door);
        break;
    case LEAVE:
        leave(door);
        break;
    case TURN:
        door->now = &door->peers[input_choice(&door->input, (unsigned)door->peers_used)];
        break;
    case MANY:
        for (int i = 0; i < CROWD; i++)
            come(door);
        break;
    case GREET:
        peer_greet(door->now);
        break;
    }
}

/* ---- what must hold -------------------------------------------------------------------------------------- */

static bool is_hex(tr_str text)
{
    return strlen(text) == UUID_LENGTH && strspn(text, "0123456789abcdef") == UUID_LENGTH;
}

/* Who may be let in, written down a second time. */
static bool has_greeted(const struct peer *peer)
{
    struct buf in = {.data = peer->socket->in.data, .size = peer->socket->in.size};
    struct frame frame;
    struct arena memory = {0};
    long size = frame_measure(&in, SESSION_GREETING);
    bool good = size > 0 && frame_decode(in.data, (size_t)size, SESSION_GREETING, &memory, &frame) == 0;
    const wire_hello *hello = &frame.hello;
    good = good && hello->lowest <= PROTOCOL_VERSION && hello->highest >= PROTOCOL_VERSION;
    good = good && hello->uuid && is_hex(hello->uuid) && hello->name && hello->name[0];
    good = good && hello->addresses.count <= MOST_ADDRESSES;
    for (size_t i = 0; good && i < hello->addresses.count; i++)
        good = hello->addresses.items[i] && strlen(hello->addresses.items[i]) < ADDRESS_TEXT;
    for (const char *at = good ? hello->name : ""; *at; at++)
        good = good && (unsigned char)*at >= ' ' && *at != 127;
    arena_fini(&memory);
    return good;
}

static void check_all(struct door *door)
{
    size_t strangers = 0, opened = 0;
    for (size_t i = 0; i < door->peers_used; i++) {
        struct peer *peer = &door->peers[i];
        peer_check(peer);
        struct session *session = peer_session(peer);
        if (session && session->state.at == SESSION_OPEN && !door->life->is_child)
            require(has_greeted(peer) && !session->stranger);
        strangers += session && session->stranger;
        opened += peer->says == SESSION_OPEN;
        if (peer->says != SESSION_OPEN)
            require(peer->socket->out.size == peer->heard && peer->last_call == 0 && !peer->heard_stop);
    }
    require(strangers == door->life->actor.strangers && strangers <= 64);
    require(opened || door->life->world->peak <= OURS + door->peers_used * PER_STRANGER);
}

static void those_who_said_nothing_are_gone(struct door *door)
{
    for (size_t i = 0; i < door->peers_used; i++) {
        struct session *session = peer_session(&door->peers[i]);
        require(!session || session->state.at != SESSION_GREETING);
    }
    require(door->life->actor.strangers == 0);
}

static void whoever_behaves_is_served(struct door *door)
{
    struct peer good;
    struct world_socket *socket = world_connect(door->life->world);
    require(socket);
    peer_init(&good, door->life, socket);
    peer_greet(&good);
    peer_call(&good, 1);
    pass(0.1);
    peer_check(&good);
    require(peer_outcomes(&good, 1) == 1);
    socket->ended = true;
}

/* Somebody is always there already: whoever started the child, or the first to come. */
static void somebody_is_there(struct life *life)
{
    struct door *door = life->arg;
    struct world_socket *socket =
        life->is_child ? world_socket(life->world, &life->parent) : world_connect(life->world);
    door->now = &door->peers[door->peers_used++];
    peer_init(door->now, life, socket);
}

static void script(struct life *life)
{
    struct door *door = life->arg;
    while (!life->up && !life->is_child)
        pass(0);
    while (door->input.left > 0) {
        act(door);
        peer_check(door->now);
    }
    pass(0.1);
    check_all(door);
    if (!life->is_child) {
        pass(GREETING_S + 0.1);
        check_all(door);
        those_who_said_nothing_are_gone(door);
        if (!life->actor.told_to_end.set)
            whoever_behaves_is_served(door);
    }
    for (size_t i = 0; i < door->peers_used; i++) {
        door->peers[i].socket->ended = true;
        door->peers[i].socket->room = SIZE_MAX;
    }
    pass(0.1);
    check_all(door);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct door door;
    struct life life = {.before = somebody_is_there, .script = script, .arg = &door};
    door.input = (struct input){bytes, size};
    door.life = &life;
    door.peers_used = 0;
    life.is_child = input_byte(&door.input) & 1;
    live(&life);
    require(life.is_child || life.rc == 0);
    return 0;
}

static void seed(uint8_t child, enum frame_kind kind, int variant)
{
    uint8_t room[4096], ops[] = {child, COME, GREET, BYTES, 0};
    struct buf out = buf_in(room, sizeof room);
    make_frame_sample(&out, kind, variant);
    ops[4] = (uint8_t)out.size;
    struct buf whole = buf_in((uint8_t[4096]){0}, 4096);
    (void)buf_append(&whole, ops, kind == FRAME_BIRTH || kind == FRAME_HELLO ? 2 : 3);
    (void)buf_append(&whole, ops + 3, 2);
    (void)buf_append(&whole, out.data, out.size);
    seed_add(whole.data, whole.size);
}

void target_seeds(void)
{
    static const uint8_t crowd[] = {0, MANY, TIME, 1, COME, GREET, TIME, 4, MANY, COME, GREET};
    seed_add(crowd, sizeof crowd);
    for (int kind = 0; kind < FRAME_KINDS; kind++)
        for (int variant = 0; variant < 2; variant++) {
            seed(0, (enum frame_kind)kind, variant);
            seed(1, (enum frame_kind)kind, variant);
        }
}

/* From the socket to rings (transport/wire.h): when a session asks its wire for them, and what it says to its peer
 * about it.
 *
 * What is written by the socket before and by the ring after is one sequence of bytes: SWITCH is the last frame of
 * the first part, so its end is noted in `last_by_socket` when it is put into `out`, where other frames may follow it
 * before anything is written. A hostile peer that says SWITCH without rings, or twice, ends its session. */
#include "actor/upgrade.h"

#include "base/error.h"
#include "base/log.h"
#include "base/panic.h"
#include "base/plant.h"

/* Rings cost both sides some system calls and pages: they are made once so much has gone over the session, each read
 * and each write counted as some bytes more. That is some 150 small calls, a few milliseconds. */
enum { WORTH_RINGS = 128 * 1024, WORTH_OF_ONE = 400 };

/* Of two sides one offers, lest both do. */
static bool offers_rings(const struct session *session)
{
    return session->dialed || (session->family && !session->to_parent);
}

static bool may_have_rings(void)
{
    enum transport transport = actor_self()->transport;
    return transport == TRANSPORT_AUTO || transport == TRANSPORT_SHM;
}

bool upgrade_may_accept(const struct session *session)
{
    return !offers_rings(session) && may_have_rings() && wire_is_local(&session->wire);
}

void upgrade_count(struct session *session, size_t size)
{
    session->traffic += size + WORTH_OF_ONE;
}

/* Whatever stands in the way of rings is no failure: it goes on as before. */
void upgrade_consider(struct session *session)
{
    size_t worth = actor_self()->transport == TRANSPORT_SHM ? 0 : WORTH_RINGS;
    bool waits = session->wire.passing >= 0; /* for another descriptor to be gone */
    if (session->has_offered || waits || session->traffic < worth || session->state.at != SESSION_OPEN)
        return;
    session->has_offered = true;
    if (offers_rings(session) && may_have_rings() && session_is_up(session) && wire_is_local(&session->wire) &&
        wire_offer(&session->wire) >= 0)
        session_tell(session, FRAME_RINGS, 0);
}

/* Not if we have said our last. */
static void switch_to_rings(struct session *session)
{
    size_t before = session->out.size;
    session_tell(session, FRAME_SWITCH, 0);
    if (session->out.size > before)
        session->last_by_socket = session->out.size;
}

int rings_heard(struct session *session, const struct frame *frame)
{
    (void)frame;
    if (wire_accept(&session->wire) >= 0)
        switch_to_rings(session);
    return 0;
}

int switch_heard(struct session *session, const struct frame *frame)
{
    (void)frame;
    if (wire_read_by_rings(&session->wire) < 0)
        return raise_code(TR_EPROTOCOL, "the peer writes by rings that there are not");
    log_at(TR_LOG_TRANSPORT, "what %s says comes through shared memory", session->peer.name);
    if (offers_rings(session))
        switch_to_rings(session);
    return 0;
}

int upgrade_write(struct session *session, const struct buf *bytes, size_t last_by_socket)
{
    if (last_by_socket == 0)
        return wire_write(&session->wire, bytes->data, bytes->size);
    if (planted(LATE_SWITCH))
        last_by_socket = bytes->size;
    tr_try(wire_write(&session->wire, bytes->data, last_by_socket));
    ensure(wire_write_by_rings(&session->wire) >= 0);
    return wire_write(&session->wire, bytes->data + last_by_socket, bytes->size - last_by_socket);
}

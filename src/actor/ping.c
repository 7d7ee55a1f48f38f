/* Noticing that a host has vanished: its cable pulled, its power off. Nobody says good-bye then.
 *
 * What was sent and is not acknowledged by the other host's kernel for three quarters of the tree's .lost_after ends
 * the connection: the kernel here sees to that (wire_set_patience). So something has to be sent, and where nothing else
 * is, it is a PING. Who looks for that twelve times in the span has a PING on its way within two twelfths of it; with
 * the three quarters that is less than the span, which so is the bound. A link that is back within the three
 * quarters has lost nothing, since TCP sends again.
 *
 * The kernel does not count from when something was sent, but from when it has sent it in vain for the second time,
 * some 0.4 s later where answers are fast. For that, too, there is room in the three quarters of a long span; a short
 * one, of less than six seconds, has the kernel wait for less.
 *
 * It is the kernel that must answer, not the process. One that computes, or is stopped, sends no PONG, and is no more
 * dead than it would be on this host: calls on it last until their deadlines, its parent ends it when that wants it
 * ended. Nobody could tell it from a dead one by waiting, and a false death costs more than a late one. So a missing
 * PONG is only logged. There is one trap: a process that does not read fills its buffers, and then the kernel here has
 * something to send and may not, which would be held against it as well. While that is so (wire_is_stuck) the
 * kernel has its usual patience, many minutes, and a host that vanishes in that very state is noticed late.
 *
 * All this is for sessions with other hosts. On one host the end of a process is the end of its sockets, and an
 * idle actor shall not be woken. */
#include "actor/ping.h"

#include "base/error.h"
#include "base/log.h"
#include "sched/task.h"

#include <errno.h>
#include <math.h>

static const double LOOKS_IN_SPAN = 12, LOOKS_UNTIL_SENT = 2, PATIENCE = 0.75, LEAST_PATIENCE = 1.0 / 6;
static const double KERNEL_LATE_S = 0.5;

static double span(void)
{
    return actor_self()->network.lost_after;
}

/* The kernel's, of the span: what the rest of it leaves. */
static double patience(void)
{
    double left = span() * (1 - LOOKS_UNTIL_SENT / LOOKS_IN_SPAN) - KERNEL_LATE_S;
    return fmax(fmin(span() * PATIENCE, left), span() * LEAST_PATIENCE);
}

int ping_heard(struct session *session, const struct frame *frame)
{
    (void)frame;
    session_tell(session, FRAME_PONG, 0);
    return 0;
}

int pong_heard(struct session *session, const struct frame *frame)
{
    (void)session;
    (void)frame; /* that something was heard is noted by whoever reads */
    return 0;
}

/* ---- looking ----------------------------------------------------------------------------------------- */

static void be_patient(struct session *session, bool very)
{
    session->very_patient = very;
    wire_set_patience(&session->wire, very ? 0 : (int64_t)(patience() * 1e9));
}

static void look(struct session *session)
{
    if (!wire_is_open(&session->wire))
        return;
    bool stuck = wire_is_stuck(&session->wire);
    if (stuck != session->very_patient)
        be_patient(session, stuck);
    if (++session->silence == (unsigned)LOOKS_IN_SPAN)
        log_at(TR_LOG_INFO, "%s has not answered for %g s; its host is there", session->peer.name, span());
    if (!session->has_sent && session->out.size == 0)
        session_tell(session, FRAME_PING, 0);
    session->has_sent = false;
}

/* Shielded, since that needs no memory, and what fails here would fail the actor. It ends by the session's end. */
static int ping_task(void *arg)
{
    struct session *session = arg;
    while (!session->ended.set)
        if (!event_wait_shielded(&session->ended, span() / LOOKS_IN_SPAN))
            look(session);
    session_unref(session);
    return 0;
}

int ping_begin(struct session *session)
{
    if (!session->remote)
        return 0;
    be_patient(session, false);
    int rc = tr_start_soon(actor_self()->service, ping_task, session_ref(session));
    if (rc < 0)
        session_unref(session);
    return rc;
}

/* ---- losing ------------------------------------------------------------------------------------------ */

/* What the kernel says of a peer that it has given up, by what it had heard from the routers on the way. */
static bool is_of_host(int rc)
{
    return rc == -ETIMEDOUT || rc == -EHOSTUNREACH || rc == -ENETUNREACH || rc == -ENETDOWN;
}

struct tr_error *ping_explain(const struct session *session, int rc, struct tr_error *cause)
{
    if (!session->remote || !(is_of_host(rc) || is_of_host(session->mute_why)))
        return cause;
    struct tr_error *lost = error_new(TR_ELOST, tr_code_type(TR_ELOST), "", 0,
                                      "nothing was heard from its host for %g s", span());
    error_set_cause(lost, cause);
    return lost;
}

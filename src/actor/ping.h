/* Whether the host at the other end of a session is still there. */
#ifndef ACTOR_PING_H
#define ACTOR_PING_H

#include "actor/session.h"

/* From now on, for a session that is open; does nothing for one that leads to this host. -ENOMEM, raised. */
int ping_begin(struct session *session);

/* What arrives. */
int ping_heard(struct session *session, const struct frame *frame);
int pong_heard(struct session *session, const struct frame *frame);

/* What a session that ended with `rc` was lost for, taken over: HostLost around it if that was what happened. */
struct tr_error *ping_explain(const struct session *session, int rc, struct tr_error *cause);

#endif

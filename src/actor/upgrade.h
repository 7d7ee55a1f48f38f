/* How a session's bytes come to take their way through shared memory. */
#ifndef ACTOR_UPGRADE_H
#define ACTOR_UPGRADE_H

#include "actor/session.h"

/* Whether what the peer offers may be accepted: of two sides one offers, and some actors want no rings. */
bool upgrade_may_accept(const struct session *session);

/* So many bytes have been read, or are to be written, at once. / Offers rings to the peer if by then they are worth it.
 * No checkpoints. */
void upgrade_count(struct session *session, size_t size);
void upgrade_consider(struct session *session);

/* What arrives. */
int rings_heard(struct session *session, const struct frame *frame);
int switch_heard(struct session *session, const struct frame *frame);

/* Writes bytes of which so many are the last to go by the socket, and the rest go by rings; 0 for no change. As
 * wire_write. */
int upgrade_write(struct session *session, const struct buf *bytes, size_t last_by_socket);

#endif

/* The greeting of a session. */
#ifndef ACTOR_GREETING_H
#define ACTOR_GREETING_H

#include "actor/session.h"

/* Puts ours into `out`; it is not sent yet. -ENOMEM, raised. */
int greeting_put(struct session *session);

/* What arrives. */
int hello_heard(struct session *session, const struct frame *frame);
int birth_heard(struct session *session, const struct frame *frame);
int up_heard(struct session *session, const struct frame *frame);

#endif

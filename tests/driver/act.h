/* What the acts of a play share: act.c has the calls and the scenes, talk.c the streams and contexts. */
#ifndef DRIVER_ACT_H
#define DRIVER_ACT_H

#include "play.h"

#include <tractor.h>

/* The play that this process is in. */
struct play *play_here(void);

/* In the ledger: a call begins, by that portal (NULL: its callee is not there yet); its function runs; its outcome.
 * settle returns `rc`. */
struct call_record *record(enum op op, const tr_portal *portal, int64_t *ret_token);
void executed(int64_t token);
int settle(struct call_record *call, int rc, bool right);

/* talk.c: the operations that are streams or contexts; on an actor, and with one of their own. */
int call_talk(tr_portal *portal, const struct step *step);
int call_main_stream(const struct step *step);

#endif

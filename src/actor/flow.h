/* Values that go one way over a session, at both ends: who sends them, and who takes them.
 *
 * Flow control is one number, in bytes. The receiver grants it, the window at first and then again what was taken,
 * whenever that is half of the window; each value costs its size, wherever its bytes lie, and a fixed amount, and the
 * sender sends while there is any left. So one number bounds bytes and messages: a window of n bytes and of at most m
 * messages is one in which each message costs n / m at least. The sender may overdraw by one value, so none is too
 * large, and a flow never holds more than the window and one value.
 *
 * What has arrived is kept encoded until each of the flow's readers has taken it, or is too far behind. Most have
 * one reader. What is too much is known here alone: for a flow that drops, the receiver grants at once what
 * arrives, and drops what it has no room for; the sender never knows. */
#ifndef ACTOR_FLOW_H
#define ACTOR_FLOW_H

#include "actor/session.h"
#include "base/list.h"
#include "tractor/stream.h"

/* What a stream that nobody reads may hold, about: enough to keep a fast producer busy over the time that
 * credit takes to come back, and still small for an actor with hundreds of streams. */
enum { FLOW_WINDOW = 256 * 1024 };

/* What a value costs of the window beyond its encoded bytes: it bounds how many small ones there are. */
enum { FLOW_VALUE_COST = 32 };

/* ---- the end that sends ---------------------------------------------------------------------------- */

struct outflow {
    int64_t credit;
    uint32_t value_cost;
    tr_lot for_credit;              /* senders wait here for more */
    bool over;                      /* nobody takes what is sent any more: who waits need not */
};

/* As the peer has granted it. */
void outflow_open(struct outflow *out, uint32_t window, uint32_t value_cost);

/* A checkpoint: waits for credit, and room in the session, and sends a value in a frame of that kind. TR_EBROKEN,
 * raised, once the flow is over; or why the session is. */
int outflow_send(struct outflow *out, struct session *session, enum frame_kind kind, uint64_t id, const tr_type *type,
                 const void *value);

/* Its three parts, for who sends to several. Whether anybody takes what is sent, and whether that can be sent without
 * waiting; a checkpoint on its way to waiting only, until both are so, with the errors above; and no checkpoint, when
 * they are. */
bool outflow_is_heard(const struct outflow *out, const struct session *session);
bool outflow_has_room(const struct outflow *out, const struct session *session);
int outflow_wait(struct outflow *out, struct session *session);
int outflow_put(struct outflow *out, struct session *session, enum frame_kind kind, uint64_t id, const tr_type *type,
                const void *value);

/* TR_EPROTOCOL, raised, for more than could ever be. */
int outflow_granted(struct outflow *out, uint32_t bytes);

/* Nobody takes what is sent any more. */
void outflow_end(struct outflow *out);

/* ---- the end that takes ---------------------------------------------------------------------------- */

/* Who takes: where it stands, counted from the first value on. */
struct reader_at {
    struct link place;              /* in the flow's `readers` */
    uint64_t number;                /* of the value that is next */
    uint64_t byte;                  /* where that one begins */
    size_t lag;                     /* by how many values it may be behind the foremost */
    bool in_place;                  /* it says when it has done with the newest value: see inflow_release */
};

struct inflow {
    struct buf values;              /* that somebody has yet to take, one after the other */
    uint8_t *lent;                  /* memory of theirs, or what was, in which bytes of the newest value are read, */
    const struct reader_at *lent_to;/* by that one; or NULL */
    size_t far;                     /* bytes that they speak of and that lie elsewhere, */
    struct shelf_view *view;        /* there, where they are held */
    uint64_t first_number, first_byte; /* where these begin */
    uint64_t foremost;              /* what the foremost reader takes next */
    uint64_t ahead;                 /* what the values that nobody has taken cost */
    struct link readers;
    tr_lot waiting;                 /* readers wait here for a value or the end */
    uint32_t window, value_cost;
    enum tr_overrun overrun;
    bool deaf;                      /* whatever arrives is dropped */
    int64_t granted;                /* what the sender may still send */
    uint32_t owed;                  /* and is to be granted next */
    uint64_t dropped;
    struct tr_error *failure;       /* what comes after the values instead of an end; owned; NULL for none */
};

/* TR_EARGUMENT, raised, for a flow that makes no sense; NULL is the usual. Of a struct that is all zero. */
int inflow_open(struct inflow *in, const tr_flow *flow);
void inflow_fini(struct inflow *in);

void inflow_add_reader(struct inflow *in, struct reader_at *at);
void inflow_remove_reader(struct inflow *in, struct reader_at *at);

/* Values have arrived, in a frame: they are kept, or not. TR_EPROTOCOL, raised, when that was not granted;
 * TR_EOVERRUN, not raised, when with them the flow has failed. */
int inflow_arrived(struct inflow *in, const struct frame *frame);

/* Takes the next value for that reader: 1, or 0 if there is none yet. TR_ELAGGED, raised, if it has missed some.
 * One that makes no sense is the flow's failure; -ENOMEM is not, and may be tried again. */
int inflow_take(struct inflow *in, struct reader_at *at, const tr_type *type, struct arena *memory,
                const tr_actor *peer, void *ret_value);

/* A reader has done with what its newest value points to; for those that read bytes in place, which otherwise are
 * copied into `memory`, and live as long as that. */
void inflow_release(struct inflow *in, const struct reader_at *at);

/* Grants what is owed, if it is worth it, in a frame of that kind. */
int inflow_grant(struct inflow *in, struct session *session, enum frame_kind kind, uint64_t id);

/* Nothing is kept any more: what was not taken is dropped, and so is what comes. */
void inflow_drop(struct inflow *in);

void inflow_wake(struct inflow *in);

#endif

/* A session: one connection to one other actor, over which each side calls functions of the other.
 *
 *     UNBORN --> GREETING --> OPEN --> ENDED         (see session_states)
 *
 * It is kept by reference: its own tasks, each portal, each call and each function it runs hold one. */
#ifndef ACTOR_SESSION_H
#define ACTOR_SESSION_H

#include "actor/actor.h"
#include "actor/large.h"
#include "base/buf.h"
#include "base/machine.h"
#include "base/map.h"
#include "sched/task.h"
#include "sync/lot.h"
#include "transport/wire.h"

struct session {
    int refs;
    struct link place;              /* in actor->sessions */
    struct machine state;
    struct wire wire;
    size_t traffic;                 /* what has gone over it, both ways, as far as it speaks for rings */
    bool has_offered;               /* them to the peer */
    size_t last_by_socket;          /* so much of `out` is, and the rest goes by rings; 0 while nothing changes */
    struct large large;             /* what lies elsewhere */
    struct buf in, out;             /* bytes not yet decoded; not yet written */
    struct frame_run run;           /* at the end of `out` */
    struct buf other_out;           /* empty; the memory in which `out` was while it was written last */
    tr_lot to_write;            /* the writer waits here for `out` to fill */
    struct before_look write_soon;
    tr_lot for_room;            /* and senders for it to empty */
    tr_actor peer;                  /* who it is, once greeted; texts in `memory` */
    tr_list_tr_str addresses;       /* where it listens, likewise */
    struct arena memory;
    bool dialed;                    /* by us, for our portals: it ends with the last of them */
    bool remote;                    /* with another host; the rest of it is ping.c's: */
    bool has_sent;                  /* since it has looked last */
    unsigned silence;               /* how often it has looked since anything was heard */
    bool very_patient;              /* the other host takes no more just now */
    bool outside;                   /* over TCP: nobody knows whose the peer is */
    unsigned lists;                 /* of registrations that it reads just now */
    bool family;                    /* with our parent or our child: it ends with the actor */
    bool stranger;                  /* it was dialed by the peer, who has not greeted yet, or was turned away */
    bool outsider;                  /* it was dialed by the peer, from outside, who was let in */
    size_t portals;
    bool to_parent;                 /* when it ends, so does this actor */
    bool said_stop, heard_stop;     /* the last frame was sent, was received */
    bool held;                      /* `out` is not written until something else is added to it */
    bool writing;                   /* the writing task is about what was in `out` before */
    bool mute;                      /* writing failed: it ends when what has arrived is read */
    int mute_why;                   /* with this code */
    size_t unasked;                 /* bytes in `out` that answer the peer, whom nobody asked to wait */
    uint64_t last_call;             /* the newest id we gave out */
    struct map calls;               /* ours, by id: struct call */
    struct map known_to_peer;       /* which signatures are names enough for it; of what it serves */
    struct map known;               /* the same of what we serve: tr_fn_entry by their signatures */
    struct arena scratch;           /* of the frame that is acted on */
    struct served *spares;          /* for the peer's next calls */
    unsigned spare_count;
    struct map served;              /* the peer's, by id: struct served */
    tr_event greeted;               /* it is OPEN, or never will be */
    tr_event up;                    /* a child is enrolled and at its work, or never will be */
    tr_event ended;
    struct tr_error *why;           /* what calls fail with since it was lost; owned; NULL otherwise */
    /* Asked when the connection is lost, for what became of the peer; may wait. A new reference, or NULL
     * for no idea. For sessions with our own children. */
    struct tr_error *(*obituary)(void *arg);
    void *obituary_arg;
    struct tr_error *refusal;       /* why the peer will not have us or, once asked, not end; owned */
    tr_event answered;              /* it has refused to end, or the session has ended */
    bool asked;                     /* we have asked */
    tr_list_tr_str modules;         /* what our own child serves, for its registration; texts in `memory` */
};

/* A session over a connected stream, whose descriptor it takes over in any case; with one reference for
 * the caller. Its tasks run in actor->service. `unborn`: we are a child, and the peer will say who we
 * are. 0 or a negative code, raised. No checkpoint. */
int session_new(int fd, bool unborn, struct session **ret_session);

struct session *session_ref(struct session *session);
void session_unref(struct session *session);

/* The open session with that actor that calls may use; NULL when there is none. Borrowed. One that the peer
 * dialed is not for us: the peer ends it when it needs it no more. */
struct session *session_find(const char *uuid);

/* A checkpoint: the session with that actor, opened if need be by the best of its addresses (transport/path.h), and
 * held as by session_hold. `uuid` may be NULL or "" for whoever it is that lives there. */
int session_open(const tr_list_tr_str *addresses, const char *uuid, struct session **ret_session);

/* The same by a connection of its own, whatever others there are. */
int session_dial(const tr_list_tr_str *addresses, const char *uuid, struct session **ret_session);

/* Checkpoints: wait until it is open / until our child at the other end is up. Why it never will be, raised,
 * otherwise. */
int session_wait_open(struct session *session);
int session_wait_up(struct session *session);

/* The peer is gone, or to be rid of: what has arrived is still acted on, and that is the end. */
void session_hang_up(struct session *session);

/* The peer has greeted, and is no stranger any more; or it is turned away, and told why, if it is one from outside too
 * many. Whether it is let in. / It is gone. */
bool session_let_in(struct session *session);
void session_gone(struct session *session);

/* What a call over this session, once it has ended, fails with: RemoteActorError around what became of the
 * peer; the same object each time if it was lost. A new reference. */
struct tr_error *session_loss(struct session *session);

/* Raises that. A checkpoint if writing has failed and the reading side has yet to learn why. */
int session_wait_loss(struct session *session);

/* A checkpoint on its way to waiting only: until there is room to send. */
int session_wait_room(struct session *session);
bool session_has_room(const struct session *session);

/* To be called when something was appended to `out`. / The same for what somebody waits for, and not many others. */
void session_flush(struct session *session);
void session_flush_now(struct session *session);

/* Puts a frame on its way. Does nothing when the session has ended; out of memory, it ends. / One without payload. */
void session_say(struct session *session, const struct frame *frame);
void session_tell(struct session *session, enum frame_kind kind, uint64_t id);
/* Says that a call has so much time from now on. */
void session_deadline(struct session *session, uint64_t id, double seconds_left);
/* Asks for the end of a call, or of the peer itself by id 0, within so many seconds. */
void session_cancel(struct session *session, uint64_t id, double seconds_left);

/* Ends it in good order: what was written is sent, then good-bye. */
void session_stop(struct session *session);

/* One more uses it, and has a reference / one less. Without any a dialed session is stopped. */
void session_hold(struct session *session);
void session_let_go(struct session *session);

/* A checkpoint: asks the peer to end, and waits until the session has. Its refusal, raised. */
int session_ask_to_end(struct session *session, double seconds);
/* What arrives: that, or that the peer will not have us at all. Takes it over. */
int session_refused(struct session *session, struct tr_error *why);

/* Puts a frame on its way. TR_ECLOSED, raised, when the session has ended. */
int session_send(struct session *session, const struct frame *frame);

/* What was appended to `out` since it had that size was brought about by the peer. As long as too much of that is not
 * taken, it is not listened to: what nobody waits to send cannot fill the memory. */
void session_unasked(struct session *session, size_t before);

/* Whether anything sent still has a chance to arrive. */
bool session_is_up(const struct session *session);

/* What arrives, by kind; talk.c, call.c, serve.c and context.c. A negative result ends the session. */
int talk_started(struct session *session, const struct frame *frame);
int talk_yielded(struct session *session, const struct frame *frame);
int talk_granted(struct session *session, const struct frame *frame);
int call_returned(struct session *session, const struct frame *frame);
int call_failed(struct session *session, const struct frame *frame);
void calls_lost(struct session *session);
int serve_start(struct session *session, const struct frame *frame);
int serve_credit(struct session *session, const struct frame *frame);
int serve_sent(struct session *session, const struct frame *frame);
int serve_end(struct session *session, const struct frame *frame);
int serve_cancel(struct session *session, const struct frame *frame);
void serve_refuse(struct session *session, struct tr_error *why); /* what concerns all of it; takes it over */
int serve_deadline(struct session *session, const struct frame *frame);
void served_lost(struct session *session);
void served_forget_spares(struct session *session);

#endif

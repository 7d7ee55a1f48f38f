/* The other end of a session, played by a fuzzer, and what it may expect: that whatever it is sent keeps to the
 * protocol. It reads both directions, and holds what it was sent against what it had said. */
#ifndef FUZZ_PEER_H
#define FUZZ_PEER_H

#include "life.h"

enum { MOST_ACCOUNTS = 1024, MOST_OURS = 64, LOW_IDS = 1024 };

/* Values that go one way. What was granted must not exceed what they cost, beside the window; nor what they cost what
 * was granted, but for one value. */
struct lane {
    uint32_t window, value_cost;
    uint64_t values, bytes, granted;
};

struct account {
    uint64_t id;
    unsigned starts, outcomes;
    uint64_t contexts;          /* bit i: the i-th of the calls was one of a context */
    unsigned started;           /* so many of them have ended or said STARTED */
    struct lane yields;         /* to the peer; the window is the sum of all windows */
    struct lane sent;           /* by the peer */
};

struct peer {
    struct life *life;
    struct world_socket *socket;
    bool spoilt;                /* what it says is no protocol (any more) */
    enum session_state says;    /* the state of a session that it speaks to */
    enum session_state hears;
    size_t said, heard;         /* bytes of both directions that were looked at */
    bool heard_stop;
    unsigned cancels, acks;     /* CANCEL frames it sent, CANCEL_ACK frames it got */
    unsigned pings, pongs;      /* likewise */
    unsigned lends, borrows;    /* likewise */
    uint32_t lent[SHELF_PAGES]; /* how often it said that something lies there, less how often it was given back */
    uint64_t last_call;         /* that came to it */
    size_t large;               /* calls it made of functions with large results */
    size_t accounts_used;
    uint16_t low[LOW_IDS];      /* where the account of a low id is, plus one */
    struct account accounts[MOST_ACCOUNTS]; /* last: of its calls, which may share an id one after the other */
    struct talk_account {       /* and of the calls that come to it, by id */
        bool is_stream, is_context, started, ended;
        struct lane heard;      /* what it has yielded, and we have granted */
        struct lane said;       /* what we have sent, and it has granted */
    } ours[MOST_OURS];
};

void peer_init(struct peer *peer, struct life *life, struct world_socket *socket);

/* Looks at what has passed since the last time. */
void peer_check(struct peer *peer);

/* How many outcomes its calls of that id have had. */
unsigned peer_outcomes(const struct peer *peer, uint64_t id);

/* The session at the other end while it has not ended; else NULL. */
struct session *peer_session(const struct peer *peer);

/* Says a greeting as it should be. */
void peer_greet(struct peer *peer);
void peer_say(struct peer *peer, const void *bytes, size_t size);

/* Calls fuzz.echo, and nothing else. */
void peer_call(struct peer *peer, uint64_t id);

#endif

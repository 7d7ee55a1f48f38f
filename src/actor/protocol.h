/* The protocol between two actors, in one table.
 *
 * A frame is a little-endian u32, the number of bytes that follow, and one msgpack array
 *
 *     [kind, call id, field, field, ...]
 *
 * whose fields are those of the kind's struct below, in that order. Each side numbers its own calls from
 * 1; id 0 stands for the session as a whole. A frame of a kind that is not in the table, or not allowed
 * in the session's state, with anything missing or left over, ends the session and nothing else.
 *
 *     parent  BIRTH, HELLO  -->              a child reads who it is, then both greet each other
 *             UP            <--              the child is at its work, and enrolled at its root; if the
 *                                            parent is that, this enrolls it
 *     either  HELLO         <-->             anybody else starts with the greeting, at once
 *     either  START 7       -->              please run this function
 *             CALL 7        -->              the same, in short, of one that has returned to the peer before
 *             RETURN 7      <--              its result; or
 *             ERROR 7       <--              how it failed
 *             STARTED 7     <--              before that, of a context: it is at it, with a first value
 *             YIELD 7       <--              of a stream or context: one value, or several
 *     either  CREDIT 7      -->              it may yield so much more
 *     either  SEND 7        -->              to a context: one value, or several
 *             GRANT 7       <--              so much more may be sent to it
 *     either  END 7         -->              no more will be
 *     either  DEADLINE 7    -->              there is more, or less, time than START said
 *     either  CANCEL 7      -->              please end it early, within so many seconds
 *             CANCEL_ACK 7  <--              heard; its RETURN or ERROR still comes
 *     either  CANCEL 0      -->              please end, actor
 *             CANCEL_ACK 0  <--
 *     A       RINGS 0       -->              here are rings in shared memory, whose descriptor comes with this
 *             SWITCH 0      <--              good; what I write from here on is in mine
 *             SWITCH 0      -->              and so is what I write. A is who dialed, or the parent, on one host
 *     either  LEND 0        -->              here is memory for my large byte strings, whose descriptor comes with
 *                                            this, before or after it; on one host. Of no size: no longer
 *             BORROW 0      <--              good, say from now on where they lie in it
 *             BACK 0        <--              nobody reads what lies there any more
 *     either  STOP 0        -->              this is my last frame
 *             ERROR 0       <--              I will not end: an answer to CANCEL 0
 *     either  PING 0        -->              to another host: is anybody there?
 *             PONG 0        <-- */
#ifndef ACTOR_PROTOCOL_H
#define ACTOR_PROTOCOL_H

#include "base/buf.h"
#include "value/codec.h"

enum { PROTOCOL_VERSION = 3 };

/* Limits on what a peer can make us keep. */
enum {
    FRAME_HEADER = 4,
    LARGEST_GREETING = 4096,            /* of frames before the session is open, but for a parent's */
    LARGEST_FRAME = CODEC_MOST,         /* and after */
    MOST_FIELDS = 8,
    NAME_LENGTH = 255,
    MOST_ADDRESSES = 8,                 /* of one actor */
    UUID_LENGTH = 32,
};

tr_struct(wire_hello, (uint32_t, lowest), (uint32_t, highest), (tr_str, name), (tr_str, uuid),
          (tr_list_tr_str, addresses), (int32_t, pid));
/* What a tree has to do with networks, and where an actor of it listens besides its own socket; see network.h. */
tr_struct(wire_network, (bool, allow_remote), (bool, warned), (double, lost_after), (tr_list_tr_str, listen),
          (tr_list_tr_str, advertise));
/* `type`: its signature; NULL for none. `value` is encoded. */
tr_struct(wire_statespace, (tr_str, type), (tr_bytes, value));
tr_struct(wire_birth, (tr_str, name), (tr_str, uuid), (tr_str, arbiter), (tr_str, arbiter_uuid),
          (tr_list_tr_str, modules), (int32_t, log_level), (wire_statespace, statespace),
          (bool, captured), (wire_network, network));
/* `signature`: 0 from a caller without a declaration, whose arguments are checked one by one all the same.
 * `way`: an enum tr_way. `window`: what a stream or context may yield at first, as CREDIT counts it, and what each
 * value costs of that beside its bytes. */
tr_struct(wire_start, (tr_str, module), (tr_str, function), (uint64_t, signature),
          (double, seconds_left), (uint8_t, way), (uint32_t, window), (uint32_t, value_cost), (tr_raw, args));
/* Of a function that gives one result. Once the peer has returned from it in this session its signature, in which its
 * name is, says enough. */
tr_struct(wire_call, (uint64_t, signature), (double, seconds_left), (tr_raw, args));
/* As of a START for what may be sent to a context. */
tr_struct(wire_started, (uint32_t, window), (uint32_t, value_cost), (tr_raw, first));
tr_struct(wire_outcome, (tr_raw, value));
/* One after the other, each a field of its own. */
tr_struct(wire_values, (tr_raw, values));
tr_struct(wire_failure, (tr_raw, error));
tr_struct(wire_credit, (uint32_t, bytes));
/* `seconds_left`: until the sender will wait no longer, and for its child, id 0, until it takes to SIGTERM. */
tr_struct(wire_cancel, (double, seconds_left));
tr_struct(wire_deadline, (double, seconds_left));
/* Of the memory; SHELF_SIZE or 0. / A page of it, where a byte string begins. */
tr_struct(wire_lend, (uint32_t, bytes));
tr_struct(wire_back, (uint32_t, place));
tr_struct(wire_nothing, (bool, unused));

/* The states of a session; SESSION_ENDED accepts nothing. */
enum session_state { SESSION_UNBORN, SESSION_GREETING, SESSION_OPEN, SESSION_ENDED };

/* kind, struct, number of fields, the state in which it may arrive */
#define PROTOCOL(X)                                                                                \
    X(HELLO, wire_hello, 6, SESSION_GREETING)                                                           \
    X(BIRTH, wire_birth, 9, SESSION_UNBORN)                                                             \
    X(UP, wire_nothing, 0, SESSION_OPEN)                                                                \
    X(START, wire_start, 8, SESSION_OPEN)                                                               \
    X(YIELD, wire_values, 1, SESSION_OPEN)                                                              \
    X(CREDIT, wire_credit, 1, SESSION_OPEN)                                                             \
    X(RETURN, wire_outcome, 1, SESSION_OPEN)                                                            \
    X(ERROR, wire_failure, 1, SESSION_OPEN)                                                             \
    X(CANCEL, wire_cancel, 1, SESSION_OPEN)                                                             \
    X(CANCEL_ACK, wire_nothing, 0, SESSION_OPEN)                                                        \
    X(STOP, wire_nothing, 0, SESSION_OPEN)                                                            \
    X(DEADLINE, wire_deadline, 1, SESSION_OPEN)                                                    \
    X(STARTED, wire_started, 3, SESSION_OPEN)                                                      \
    X(SEND, wire_values, 1, SESSION_OPEN)                                                          \
    X(GRANT, wire_credit, 1, SESSION_OPEN)                                                         \
    X(END, wire_nothing, 0, SESSION_OPEN)                                                          \
    X(CALL, wire_call, 3, SESSION_OPEN)                                                            \
    X(PING, wire_nothing, 0, SESSION_OPEN)                                                         \
    X(PONG, wire_nothing, 0, SESSION_OPEN)                                                         \
    X(RINGS, wire_nothing, 0, SESSION_OPEN)                                                        \
    X(SWITCH, wire_nothing, 0, SESSION_OPEN)                                                       \
    X(LEND, wire_lend, 1, SESSION_OPEN)                                                            \
    X(BORROW, wire_nothing, 0, SESSION_OPEN)                                                       \
    X(BACK, wire_back, 1, SESSION_OPEN)

enum frame_kind {
#define KIND_(KIND, STRUCT, FIELDS, STATE) FRAME_##KIND,
    PROTOCOL(KIND_)
#undef KIND_
        FRAME_KINDS
};

struct shelf_view;

struct frame {
    enum frame_kind kind;
    uint64_t id;
    uint32_t count;             /* of YIELD and SEND: how many values there are; to be sent, 0 is one */
    size_t last;                /* and how long the last of those received is, what is far included */
    tr_bytes raw;               /* of what was received: the raw field, if there is one, */
    bool unchecked;             /* which may be no value, or more than one, */
    size_t far;                 /* and the bytes it speaks of that lie elsewhere, */
    struct shelf_view *view;    /* there */
    union {
        wire_hello hello;
        wire_birth birth;
        wire_start start;
        wire_call call;
        wire_started started;
        wire_outcome outcome;
        wire_values values;
        wire_failure failure;
        wire_credit credit;
        wire_cancel cancel;
        wire_deadline deadline;
        wire_lend lend;
        wire_back back;
        wire_nothing nothing;
    };
};

const char *frame_name(enum frame_kind kind);

/* One to be sent, whose fields are still to be set: there is room for those of every kind in it, and to clear that
 * takes longer than to fill in what a call has. */
static inline void frame_init(struct frame *frame, enum frame_kind kind, uint64_t id)
{
    frame->kind = kind;
    frame->id = id;
    frame->count = 0;
}

/* Appends a frame whose last field, if it is a tr_raw, is left for the caller to append before
 * frame_close; frame_abandon takes back everything since frame_open. *ret_start is for these two.
 * 0, or a negative code, raised, with nothing appended. */
int frame_open(struct buf *out, const struct frame *frame, size_t *ret_start);
int frame_close(struct buf *out, size_t start);
void frame_abandon(struct buf *out, size_t start);

/* The frame of values that was appended last, for as long as nothing follows it. All zero: there is none. */
struct frame_run {
    enum frame_kind kind;
    uint64_t id;
    uint32_t count;
    size_t start, end;          /* where it is in the buffer */
};

/* The value appended between the two is in a frame of that kind, with those before it if they are in the run, else in
 * a new one. frame_end_value takes everything back since frame_begin_value when `rc` is negative, which it returns, or
 * when the frame is too large; *ret_start is for that. 0, or a negative code, raised, with nothing appended. */
int frame_begin_value(struct buf *out, struct frame_run *run, enum frame_kind kind, uint64_t id, size_t *ret_start);
int frame_end_value(struct buf *out, struct frame_run *run, size_t start, int rc);

/* A whole frame that needs nothing more. */
int frame_put(struct buf *out, const struct frame *frame);

/* The first frame in the bytes, if it is there entirely: its size with the header, 0 if more is needed,
 * TR_EPROTOCOL, raised, if it is too large for the state. Says nothing about its content. */
long frame_measure(const struct buf *in, enum session_state state);

/* How many bytes of the first frame are still to come, as far as is known. */
size_t frame_rest(const struct buf *in);

/* Decodes the `size` bytes that frame_measure found: what a frame of that kind has is set. Strings and lists are put
 * into `memory`, a tr_raw points into the bytes. TR_EPROTOCOL, raised, for anything but a frame that is allowed in the
 * state. */
int frame_decode(const uint8_t *bytes, size_t size, enum session_state state, struct arena *memory,
                 struct frame *ret);

/* That the raw field of an unchecked one, a CALL or a RETURN, is one value; TR_EPROTOCOL, raised, if not. Who has
 * decoded all of it knows that already. *ret_far as in the others. */
int frame_check(const struct frame *frame, size_t *ret_far);

#endif

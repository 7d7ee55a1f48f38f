/* What both ends of a stream or context write down, and what follows from it at once. */
#include "act.h"

#include <errno.h>
#include <inttypes.h>

void broken(const struct call_record *call, const char *what, int64_t a, int64_t b)
{
    struct play *play = play_here();
    violated(play, "call %d (%s): %s (%" PRId64 ", %" PRId64 ")", (int)(call - play->calls), op_names[call->op], what,
             a, b);
}

struct call_record *begin_talk(int64_t token)
{
    note_executed(token);
    return &play_here()->calls[token];
}

/* What the function returns, once it is through. */
int talk_through(struct call_record *call, int rc)
{
    call->returned++;
    call->complete = rc >= 0;
    return rc;
}

/* One more than was granted may be on its way. */
void check_ahead(const struct call_record *call, int64_t most, int64_t sent, int64_t taken)
{
    if (most > 0 && sent - taken > most + 1)
        broken(call, "a sender is too far ahead of its reader", sent, taken);
}

int yield_value(tr_ctx *ctx, struct call_record *call, int64_t value)
{
    tr_try(tr_send_yield(ctx, int64_t, value));
    call->yielded++;
    check_ahead(call, call->most_yielded, call->yielded, call->got);
    return 0;
}

void took_value(struct call_record *call, int64_t value)
{
    if (value != call->first + call->got || call->got >= call->yielded)
        broken(call, "a stream gave another value than the next", value, call->first + call->got);
    call->got++;
}

/* The end, or an error of the function's own, comes when all that it had sent has been taken. */
int ended_talk(struct call_record *call, int rc)
{
    bool own_error = rc < 0 && tr_error_is(tr_last_error(), "driver.Refused");
    if (rc == 0 && !call->complete)
        broken(call, "a stream ended before its function", call->got, call->yielded);
    if ((rc == 0 || own_error) && call->got != call->yielded)
        broken(call, "values before the end are missing", call->got, call->yielded);
    return rc;
}

/* However often it is asked for; unless it was this process that could not ask. */
void check_again(const struct call_record *call, int rc, int again)
{
    if (again != rc && rc != TR_ECANCELLED && again != TR_ECANCELLED && rc != -ENOMEM && again != -ENOMEM)
        broken(call, "a stream has two ends", rc, again);
}

void took_of_flow(struct call_record *call, int64_t value, int64_t *newest)
{
    int64_t number = value - call->first;
    if (number <= *newest || number >= call->yielded)
        broken(call, "a flow gave a value again, or one that was not sent", number, *newest);
    *newest = number;
    call->got++;
}

/* Each value has come or was counted as dropped; what must come has. */
int ended_flow(const tr_stream *stream, const struct call_record *call, enum tr_overrun overrun, int rc, int64_t newest)
{
    int64_t dropped = (int64_t)tr_stream_dropped(stream);
    if (overrun == TR_BLOCK || overrun == TR_OVERRUN_FAILS) {
        if (dropped != 0 || newest + 1 != call->got)
            broken(call, "a flow that drops nothing has a gap", newest + 1, call->got);
    }
    if (rc == 0 && (!call->complete || call->got + dropped != call->yielded))
        broken(call, "what has come and what was dropped is not what was sent", call->got + dropped, call->yielded);
    if (rc == 0 && overrun == TR_DROP_OLDEST && newest + 1 != call->yielded)
        broken(call, "a flow that drops the oldest has lost the newest", newest + 1, call->yielded);
    if (call->got + dropped > call->yielded)
        broken(call, "more has come or was dropped than was sent", call->got + dropped, call->yielded);
    return rc == TR_EOVERRUN && overrun == TR_OVERRUN_FAILS ? 0 : rc;
}

struct call_record *record_talk(const struct step *step, const tr_portal *portal, int64_t *ret_token)
{
    struct call_record *call = record_call(step->op, portal, ret_token);
    call->first = step->value;
    return call;
}

/* The caller, for itself. */
int rest_for(struct call_record *call, double seconds)
{
    call->rested_s += seconds;
    return tr_sleep(seconds);
}

void leaves_talk(struct call_record *call)
{
    call->left_ns = world_now_ns(play_here()->world);
}

/* What the body of a stream function or a context does by its `ctx`.
 *
 * A stream's function may yield from the beginning, a context's once it has started. It learns in three ways that
 * nobody listens any more: the scope around it is cancelled; what it does behind a shield fails with TR_EBROKEN, since
 * it would wait for what cannot come; and once the session is lost, that is the error. */
#include "actor/context.h"

#include "actor/serve.h"
#include "base/error.h"
#include "base/hooks.h"
#include "base/plant.h"
#include "sched/task.h"
#include "tractor/context.h"

#include <errno.h>
enum { PIECE = 64 * 1024 };

int context_new(const wire_start *start, const tr_fn_info *fn, struct context **ret_context)
{
    struct context *context = mem_zalloc(sizeof *context);
    if (!context)
        return error_raise_plain(-ENOMEM);
    outflow_open(&context->out, start->window, start->value_cost);
    (void)inflow_open(&context->in, NULL);
    inflow_add_reader(&context->in, &context->at);
    context->started = fn->way == TR_WAY_STREAM;
    *ret_context = context;
    return 0;
}

void context_free(struct context *context)
{
    if (!context)
        return;
    inflow_fini(&context->in);
    arena_fini(&context->memory);
    mem_free(context);
}

int context_complete(const struct served *served)
{
    if (served->context->started)
        return 0;
    return raise_code(TR_EMISUSE, "the context %s has returned without tr_ctx_started", served->fn->info->name);
}

void context_wake(struct context *context)
{
    lot_wake_all(&context->out.for_credit);
    inflow_wake(&context->in);
}

void context_abandon(struct context *context)
{
    if (!planted(LONE_SENDER))
        outflow_end(&context->out);
    inflow_drop(&context->in);
    context->ended = true;
    inflow_wake(&context->in);
}

const tr_actor *tr_ctx_caller(const tr_ctx *ctx)
{
    return &ctx->served->session->peer;
}

/* ---- checks ----------------------------------------------------------------------------------------- */

/* `type` may be NULL, for a body, in which the compiler has seen to all but the size. */
static int check_type(const tr_ctx *ctx, const tr_type *declared, const tr_type *type, size_t size, const char *what)
{
    const tr_fn_info *fn = ctx->served->fn->info;
    if (declared->kind == TR_VOID)
        return raise_code(TR_EMISUSE, "%s is no stream function nor context that %s values", fn->name, what);
    if (size != declared->size || (type && !type_is_same(type, declared)))
        return raise_code(TR_EMISUSE, "%s %s values of type %s, not %s", fn->name, what, declared->name,
                          type ? type->name : "this");
    return 0;
}

int context_check_started(const tr_ctx *ctx)
{
    if (ctx->served->context->started)
        return 0;
    return raise_code(TR_EMISUSE, "the context %s has not called tr_ctx_started yet", ctx->served->fn->info->name);
}

/* ---- yielding --------------------------------------------------------------------------------------- */

int tr_yield_(tr_ctx *ctx, const tr_type *type, size_t size, const void *item)
{
    struct served *served = ctx->served;
    const tr_type *declared = served->fn->info->item;
    tr_try(check_type(ctx, declared, type, size, "yields"));
    tr_try(context_check_started(ctx));
    return outflow_send(&served->context->out, served->session, FRAME_YIELD, served->id, declared, item);
}

int tr_yield_bytes(tr_ctx *ctx, tr_bytes bytes)
{
    const char *data = bytes.data;
    size_t left = bytes.size;
    do {
        size_t size = left < PIECE ? left : PIECE;
        left -= size;
        tr_try(tr_send_yield(ctx, tr_piece, {.data = {data, size}, .more = left > 0}));
        data = left > 0 ? data + size : data;
    } while (left > 0);
    return 0;
}

int tr_yield_from_(tr_ctx *ctx, const tr_fn_info *fn, void *args)
{
    tr_try(check_type(ctx, ctx->served->fn->info->item, fn->item, fn->item->size, "yields"));
    codec_fill_in_defaults(fn->args, args);
    return 0;
}

int serve_credit(struct session *session, const struct frame *frame)
{
    struct served *served = map_get(&session->served, frame->id);
    if (!served)
        return 0; /* it has ended meanwhile */
    if (!served->context)
        return raise_code(TR_EPROTOCOL, "a CREDIT frame for what is no stream");
    return outflow_granted(&served->context->out, frame->credit.bytes);
}

/* ---- starting --------------------------------------------------------------------------------------- */

int tr_ctx_set_flow(tr_ctx *ctx, const tr_flow *flow)
{
    struct context *context = ctx->served->context;
    if (!context || context->started)
        return raise_code(TR_EMISUSE, "%s is no context, or has started", ctx->served->fn->info->name);
    tr_try(inflow_open(&context->in, flow));
    inflow_add_reader(&context->in, &context->at);
    return 0;
}

static int send_started(struct served *served, const void *first)
{
    struct buf *out = &served->session->out;
    const struct inflow *in = &served->context->in;
    struct frame frame = {.kind = FRAME_STARTED, .id = served->id, .started = {in->window, in->value_cost, {0}}};
    tr_try(large_put(served->session, out, &frame, served->fn->info->first, first));
    session_flush(served->session);
    return 0;
}

int tr_ctx_started_(tr_ctx *ctx, size_t size, const void *first)
{
    struct served *served = ctx->served;
    const tr_fn_info *fn = served->fn->info;
    tr_try(tr_checkpoint());
    tr_try(session_wait_room(served->session));
    if (!session_is_up(served->session))
        return session_wait_loss(served->session);
    if (fn->way != TR_WAY_CONTEXT || served->context->started) /* perhaps meanwhile, by another task */
        return raise_code(TR_EMISUSE, "%s is no context, or has started before", fn->name);
    if (size != fn->first->size)
        return raise_code(TR_EMISUSE, "the context %s starts with a value of type %s", fn->name, fn->first->name);
    tr_try(send_started(served, first));
    served->context->started = true;
    return 0;
}

/* ---- receiving -------------------------------------------------------------------------------------- */

static struct context *context_find(struct session *session, uint64_t id, bool *ret_known)
{
    struct served *served = map_get(&session->served, id);
    *ret_known = served != NULL;
    return served && served->fn->info->way == TR_WAY_CONTEXT ? served->context : NULL;
}

int serve_sent(struct session *session, const struct frame *frame)
{
    bool known;
    struct context *context = context_find(session, frame->id, &known);
    if (!known)
        return 0; /* it has ended meanwhile */
    if (!context || !context->started || (context->ended && !context->out.over))
        return raise_code(TR_EPROTOCOL, "a SEND frame for what is no context, has not started, or after its end");
    if (context->out.over)
        return 0; /* the caller has given up */
    int rc = inflow_arrived(&context->in, frame);
    if (rc < 0 && rc != TR_EOVERRUN) /* of which the function is told when it comes to it */
        return rc;
    return inflow_grant(&context->in, session, FRAME_GRANT, frame->id);
}

int serve_end(struct session *session, const struct frame *frame)
{
    bool known;
    struct context *context = context_find(session, frame->id, &known);
    if (known && !context)
        return raise_code(TR_EPROTOCOL, "an END frame for what is no context");
    if (!known)
        return 0;
    context->ended = true;
    inflow_wake(&context->in);
    return 0;
}

static int receive(struct served *served, void *ret_item)
{
    struct context *context = served->context;
    struct session *session = served->session;
    arena_clear(&context->memory, ARENA_MUCH);
    for (;;) {
        int rc = inflow_take(&context->in, &context->at, served->fn->info->heard, &context->memory, &session->peer,
                             ret_item);
        if (rc != 0)
            return rc;
        tr_try(task_checkpoint_if_cancelled());
        if (served->given_up)
            return raise_code(TR_EBROKEN, "the caller has left");
        if (context->ended)
            return 0;
        if (!session_is_up(session))
            return session_wait_loss(session);
        tr_try(lot_park(&context->in.waiting));
    }
}

int tr_ctx_receive_(tr_ctx *ctx, const tr_type *type, size_t size, void *ret_item)
{
    struct served *served = ctx->served;
    tr_try(check_type(ctx, served->fn->info->heard, type, size, "receives"));
    tr_try(context_check_started(ctx));
    tr_try(tr_checkpoint());
    tr_try(inflow_grant(&served->context->in, served->session, FRAME_GRANT, served->id));
    return receive(served, ret_item);
}

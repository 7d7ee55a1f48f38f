/* Calls that others make of us: START, a task, RETURN or ERROR.
 *
 * A START is looked up, decoded and given to a task of its own in the actor's serving nursery; whatever is
 * wrong with it is answered with ERROR and costs nothing else. The task always answers, also when its
 * function was cancelled, unless the peer is gone. A failed function is the caller's business: it is
 * answered, and never fails this actor. */
#include "actor/serve.h"

#include "actor/context.h"
#include "actor/error_wire.h"
#include "base/error.h"
#include "base/plant.h"
#include "base/hooks.h"
#include "base/log.h"
#include "sched/task.h"
#include "tractor/buffer.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Calls of one peer that run at a time; the next one is answered with an error. */
enum { MOST_SERVED = 65536 };

/* ---- answering ---------------------------------------------------------------------------------------- */

static int put_error_frame(struct buf *out, uint64_t id, struct tr_error *error)
{
    struct frame frame = {.kind = FRAME_ERROR, .id = id};
    size_t start;
    tr_try(frame_open(out, &frame, &start));
    int rc = error_put(out, error);
    if (rc < 0) {
        frame_abandon(out, start);
        return rc;
    }
    return frame_close(out, start);
}

/* If the error cannot be sent as it is (too large, no memory), why it cannot be is worth sending. Takes the
 * error over. */
static int put_error(struct buf *out, uint64_t id, struct tr_error *error)
{
    int rc = put_error_frame(out, id, error);
    error_unref(error);
    if (rc >= 0)
        return rc;
    struct tr_error *instead = error_of(rc);
    rc = put_error_frame(out, id, instead);
    error_unref(instead);
    return rc;
}

/* At once, for what was refused. */
static void answer_error(struct session *session, uint64_t id, struct tr_error *error)
{
    if (!session_is_up(session)) {
        error_unref(error);
        return;
    }
    if (put_error(&session->out, id, error) < 0)
        session_hang_up(session); /* better no peer than one that waits for what never comes */
    session_flush(session);
}

void serve_refuse(struct session *session, struct tr_error *why)
{
    answer_error(session, 0, why);
}

static int put_result(struct served *served, struct buf *out)
{
    struct frame frame;
    frame_init(&frame, FRAME_RETURN, served->id);
    return large_put(served->session, out, &frame, served->fn->info->out, served->ret);
}

/* The caller, if it has given up or its deadline has come; who told this actor to end, if it is ending; else the
 * function did it itself. */
static const tr_actor *canceller_of(const struct served *served)
{
    if (served->given_up || served->scope.cancel_called)
        return &served->session->peer;
    return actor_self()->told_to_end.set ? &actor_self()->ender : &runtime->self;
}

struct tr_error *served_cancelled(const struct served *served)
{
    const tr_actor *by = canceller_of(served);
    struct tr_error *error = error_blank(TR_ECANCELLED);
    char text[NAME_LENGTH + 64];
    snprintf(text, sizeof text, "cancelled by actor %s (%.8s)", by->name, by->uuid);
    if (!error)
        return error_plain(TR_ECANCELLED);
    error->type = tr_code_type(TR_ECANCELLED);
    error->message = error_keep_text(error, text);
    error_keep_actor(error, by);
    return error;
}

/* A cancellation of ours ends here, and is nothing to the caller beside what went wrong in it. */
static struct tr_error *failure_of(const struct served *served, int rc)
{
    bool found;
    struct tr_error *rest = error_without_cancelled(error_of(rc), &found);
    return rest ? rest : served_cancelled(served);
}

static int put_outcome(struct served *served, int rc, struct buf *out)
{
    if (rc >= 0)
        rc = put_result(served, out);
    return rc < 0 ? put_error(out, served->id, failure_of(served, rc)) : rc;
}

/* What the function returned may point to what lives no longer than this moment (another task's, another
 * session's): it is encoded now. If there is no room to send it, it waits encoded; cancelled or not, the
 * answer is due. */
static void answer(struct served *served, int rc)
{
    struct session *session = served->session;
    struct buf late = {0};
    if (served->scope.cancelled_caught && rc >= 0)
        rc = TR_ECANCELLED;
    if (!session_is_up(session) || planted(LOST_ANSWER))
        return;
    rc = put_outcome(served, rc, session_has_room(session) ? &session->out : &late);
    if (late.size > 0) {
        (void)session_wait_room(session);
        if (session_is_up(session))
            rc = buf_append(&session->out, late.data, late.size);
        buf_fini(&late);
    }
    if (rc < 0)
        session_hang_up(session);
    session_flush_now(session);
}

/* ---- running ------------------------------------------------------------------------------------------- */

/* They are kept for the next calls, each with some hundred bytes, until the session ends. */
enum { MOST_SPARES = 64 };

static struct served *served_new(struct session *session)
{
    struct served *served = session->spares;
    if (!served && !(served = mem_zalloc(sizeof *served)))
        return NULL;
    if (session->spares) {
        session->spares = served->next;
        session->spare_count--;
    }
    *served = (struct served){.session = session_ref(session), .memory = served->memory, .scope = tr_cancel_scope()};
    return served;
}

static void forget(struct served *served)
{
    arena_fini(&served->memory);
    mem_free(served);
}

static void served_free(struct served *served)
{
    struct session *session = served->session;
    map_remove(&session->served, served->id);
    context_free(served->context);
    arena_clear(&served->memory, ARENA_LITTLE);
    if (session->spare_count == MOST_SPARES || session->state.at == SESSION_ENDED) {
        forget(served);
    } else {
        served->next = session->spares;
        session->spares = served;
        session->spare_count++;
    }
    session_unref(session);
}

void served_forget_spares(struct session *session)
{
    for (struct served *served; (served = session->spares);) {
        session->spares = served->next;
        forget(served);
    }
}

/* By our clock, which may not be the caller's. */
static void set_time_left(struct served *served)
{
    double left = served->seconds_left;
    tr_ignore(tr_scope_set_deadline(&served->scope, isfinite(left) ? tr_now() + left : INFINITY));
}

static int serve_task(void *arg)
{
    struct served *served = arg;
    tr_ctx ctx = {served};
    set_time_left(served);
    int rc = tr_within(&served->scope, served->fn->body(&ctx, served->args, served->ret));
    if (planted(DOUBLE_RUN))
        rc = served->fn->body(&ctx, served->args, served->ret);
    if (served->context && rc >= 0 && !served->scope.cancelled_caught)
        rc = context_complete(served);
    answer(served, rc);
    served_free(served);
    return 0;
}

/* ---- being asked --------------------------------------------------------------------------------------- */

static int refuse_module(const char *module, const char *function)
{
    struct buf served = {0};
    tr_list_tr_str modules = actor_self()->modules;
    for (size_t i = 0; i < modules.count; i++) {
        (void)buf_append(&served, ", ", i ? 2 : 0);
        (void)buf_append(&served, modules.items[i], strlen(modules.items[i]));
    }
    int rc = raise_code(TR_ENOTEXPOSED, "actor %s does not serve \"%.255s.%.255s\"; it serves: %.*s",
                        runtime->self.name, module, function, served.size ? (int)served.size : 7,
                        served.size ? (const char *)served.data : "nothing");
    buf_fini(&served);
    return rc;
}

static int refuse_function(const char *module, const char *name)
{
    struct buf there = {0};
    function_list(&there, module);
    int rc = raise_code(TR_ENOFUNCTION, "module %.255s has no function \"%.255s\"; it has: %.*s",
                        module, name, there.size ? (int)there.size : 7,
                        there.size ? (const char *)there.data : "nothing");
    buf_fini(&there);
    return rc;
}

static int refuse_signature(const tr_fn_entry *fn)
{
    struct buf ours = {0};
    (void)function_signature(&ours, fn->info);
    int rc = raise_code(TR_ESIGNATURE, "the callee declares %.*s", (int)ours.size,
                        ours.size ? (const char *)ours.data : "");
    buf_fini(&ours);
    return rc;
}

static int refuse_way(const wire_start *start, enum tr_way way)
{
    static const char *const is[] = {"returns a value", "is a stream", "is a context"};
    static const char *const were[] = {"returned a value", "were a stream", "were a context", "were what nobody knows"};
    unsigned asked = start->way <= TR_WAY_CONTEXT ? start->way : TR_WAY_CONTEXT + 1;
    return raise_code(TR_EMISUSE, "%s.%s %s and was called as if it %s", start->module, start->function, is[way],
                      were[asked]);
}

/* The arbiter's own functions are served by whoever is the arbiter, and by nobody else; to those from outside only by
 * one that is there for them. What else is the runtime's, as what tools ask, is not for those from outside. */
static bool is_served(const struct session *session, const char *module, const char *name)
{
    if (strcmp(module, REGISTRY_MODULE) == 0)
        return runtime->registry != NULL && (!session->outside || actor_self()->is_shared);
    if (session->outside && strncmp(module, RUNTIME_MODULES, strlen(RUNTIME_MODULES)) == 0)
        return false;
    if (strcmp(module, INSPECT_MODULE) == 0)
        return true;
    return function_exposed(&actor_self()->modules, module, name);
}

static int check(struct session *session, const wire_start *start, const tr_fn_entry *fn)
{
    if (!is_served(session, start->module, start->function)) {
        bool other_function = !fn && module_exists(start->module) &&
                              function_exposed(&actor_self()->modules, start->module, "");
        return tr_failure_(other_function ? refuse_function(start->module, start->function)
                                          : refuse_module(start->module, start->function));
    }
    if (!fn)
        return refuse_function(start->module, start->function);
    if (fn->info->way != start->way)
        return refuse_way(start, fn->info->way);
    return start->signature != 0 && start->signature != function_hash(fn->info) ? refuse_signature(fn) : 0;
}

/* Whoever has called it by its name and signature may call it by the signature from then on. */
static int introduce(struct session *session, const wire_start *start, const tr_fn_entry *fn)
{
    if (start->way != TR_WAY_CALL || start->signature == 0 || map_get(&session->known, start->signature))
        return 0;
    return map_put(&session->known, start->signature, (void *)fn) < 0 ? error_raise_plain(-ENOMEM) : 0;
}

static int find(struct session *session, const wire_start *start, const tr_fn_entry **ret_fn)
{
    if (!start->module || !start->function)
        return raise_code(TR_ENOFUNCTION, "a call without a function");
    const tr_fn_entry *fn = function_find(start->module, start->function);
    tr_try(check(session, start, fn));
    *ret_fn = fn;
    return introduce(session, start, fn);
}

static int find_known(struct session *session, const wire_call *call, const tr_fn_entry **ret_fn)
{
    *ret_fn = call->signature ? map_get(&session->known, call->signature) : NULL;
    return *ret_fn ? 0 : raise_code(TR_ENOFUNCTION, "a call of a function that was not called by its name before");
}

static int prepare(struct served *served, const struct frame *frame)
{
    const tr_fn_info *info = served->fn->info;
    served->args = arena_alloc(&served->memory, info->args_size);
    served->ret = arena_alloc(&served->memory, info->out->size + 1);
    if (!served->args || !served->ret)
        return error_raise_plain(-ENOMEM);
    if (info->way != TR_WAY_CALL)
        tr_try(context_new(&frame->start, info, &served->context));
    /* The frame's bytes are gone when the task runs: what the arguments point to is copied by decoding. */
    struct reader from = large_reader(frame);
    tr_try(codec_decode_fields(&from, info->args, &served->memory, served->args));
    return from.left > 0 ? large_check(frame) : 0;
}

static int begin(struct session *session, const struct frame *frame, const tr_fn_entry *fn, double seconds_left)
{
    if (session->served.count >= MOST_SERVED)
        return raise_code(-EAGAIN, "%d calls of this peer are running", MOST_SERVED);
    struct served *served = served_new(session);
    if (!served)
        return error_raise_plain(-ENOMEM);
    served->id = frame->id;
    served->fn = fn;
    served->seconds_left = seconds_left;
    int rc = prepare(served, frame);
    if (rc >= 0 && map_put(&session->served, served->id, served) < 0)
        rc = error_raise_plain(-ENOMEM);
    if (rc >= 0)
        rc = tr_start_soon_(actor_self()->serving, serve_task, served,
                            &(tr_task_options){.fn_ = fn->info->name, .at_ = fn->info->at});
    if (rc < 0)
        served_free(served);
    return rc;
}

static int find_and_begin(struct session *session, const struct frame *frame)
{
    const tr_fn_entry *fn = NULL;
    if (actor_is_ending() || session->said_stop)
        return raise_code(TR_ECLOSED, "actor %s is ending", runtime->self.name);
    if (frame->kind == FRAME_CALL) {
        tr_try(find_known(session, &frame->call, &fn));
        return begin(session, frame, fn, frame->call.seconds_left);
    }
    tr_try(find(session, &frame->start, &fn));
    return begin(session, frame, fn, frame->start.seconds_left);
}

int serve_start(struct session *session, const struct frame *frame)
{
    if (frame->id == 0 || map_get(&session->served, frame->id))
        return raise_code(TR_EPROTOCOL, "a %s frame with an id that is not free", frame_name(frame->kind));
    int rc = find_and_begin(session, frame);
    if (rc >= 0)
        return 0;
    tr_try(large_check(frame));
    answer_error(session, frame->id, error_of(rc));
    return 0;
}

int serve_deadline(struct session *session, const struct frame *frame)
{
    struct served *served = map_get(&session->served, frame->id);
    if (!served || planted(KEPT_DEADLINE))
        return 0; /* it has ended meanwhile */
    served->seconds_left = frame->deadline.seconds_left;
    set_time_left(served);
    return 0;
}

/* Also for what it does behind a shield: values from the caller will not come, and none are taken. */
static void give_up(struct served *served)
{
    served->given_up = true;
    tr_scope_cancel(&served->scope);
    if (served->context)
        context_abandon(served->context);
}

/* Over TCP anybody may come, until there is a way to tell who. */
static struct tr_error *refuse_end(const struct session *session)
{
    return error_of(raise_code(-EACCES, "actor %s ends for nobody outside of its tree, and %s is", runtime->self.name,
                               session->peer.name));
}

int serve_cancel(struct session *session, const struct frame *frame)
{
    session_tell(session, FRAME_CANCEL_ACK, frame->id);
    struct served *served = frame->id ? map_get(&session->served, frame->id) : NULL;
    if (frame->id)
        log_at(TR_LOG_CANCEL, "%s cancels its call %llu", session->peer.name, (unsigned long long)frame->id);
    else
        log_at(TR_LOG_RUNTIME, "%s asks this actor to end", session->peer.name);
    if (served)
        give_up(served);
    else if (frame->id == 0 && session->outside)
        serve_refuse(session, refuse_end(session));
    else if (frame->id == 0)
        actor_end(session->to_parent ? frame->cancel.seconds_left : INFINITY, &session->peer);
    return 0;
}

void served_lost(struct session *session)
{
    for (size_t i = 0; i < session->served.room; i++) {
        struct served *served = session->served.slots[i].value;
        if (!served)
            continue;
        tr_scope_cancel(&served->scope);
        if (served->context)
            context_wake(served->context);
    }
}

void *tr_ctx_buffer_(tr_ctx *ctx, size_t size)
{
    return ctx ? large_memory(ctx->served->session, size) : NULL;
}

int tr_return_fmt_(tr_ctx *ctx, tr_str *ret, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    char *text = size < 0 ? NULL : arena_alloc(&ctx->served->memory, (size_t)size + 1);
    if (text)
        vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    va_end(args);
    if (!text)
        return error_raise_plain(-ENOMEM);
    *ret = text;
    return 0;
}

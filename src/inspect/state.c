/* What an actor is and what it is at: both ends, since each is a question and its answer.
 *
 * The answers point to what lives as long as the call: the actor's own texts, and memory of the call. */
#define TR_MODULE "tractor.inspect"
#include "actor/portal.h"
#include "actor/serve.h"
#include "base/error.h"
#include "inspect/functions.h"
#include "inspect/inspect.h"

#include <errno.h>

/* The linker leaves out of a static program's library the files that nobody refers to, and what they serve with them.
 */
static void (*const needed[])(void) __attribute__((used)) = {
    (void (*)(void))tr_inspect_functions_of_tr_body_,
    (void (*)(void))tr_inspect_log_of_tr_body_,
};

void inspect_serve(void)
{
}

static const tr_actor *parent(void)
{
    static const tr_actor nobody = {"", "", "", 0};
    list_each(at, &actor_self()->sessions)
    {
        const struct session *session = container_of(at, struct session, place);
        if (session->to_parent)
            return &session->peer;
    }
    return &nobody;
}

static uint32_t calls_of_others(void)
{
    size_t count = 0;
    list_each(at, &actor_self()->sessions)
        count += container_of(at, struct session, place)->served.count;
    return (uint32_t)count - 1;
}

tr_fn_def(tr_inspect_state_of)
{
    enum { HOST_NAME_ROOM = 256 };
    const struct actor *actor = actor_self();
    struct sys_usage usage;
    char *host = arena_alloc(&ctx->served->memory, HOST_NAME_ROOM);
    if (!host)
        return error_raise_plain(-ENOMEM);
    sys_host(host, HOST_NAME_ROOM);
    int rc = sys_usage(&usage);
    if (rc < 0)
        return error_raise_plain(rc);
    *ret = (tr_actor_state){.name = runtime->self.name,
                            .uuid = runtime->self.uuid,
                            .pid = runtime->self.pid,
                            .host = host,
                            .address = runtime->self.address,
                            .root = actor->arbiter_uuid,
                            .parent = parent()->uuid,
                            .parent_name = parent()->name,
                            .uptime = tr_now() - actor->since,
                            .memory = usage.memory,
                            .cpu = (double)usage.cpu_ns / 1e9,
                            .calls = calls_of_others(),
                            .modules = actor->modules};
    return 0;
}

int tr_inspect_actor(tr_portal *portal, tr_actor_state *ret_state)
{
    return tr_call(portal, ret_state, tr_inspect_state_of);
}

tr_fn_def(tr_inspect_tasks_of)
{
    *ret = tr_task_tree();
    return 0;
}

int tr_inspect_tasks(tr_portal *portal, tr_str *ret_text)
{
    return tr_call(portal, ret_text, tr_inspect_tasks_of);
}

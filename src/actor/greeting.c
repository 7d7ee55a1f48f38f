/* How two actors get to know each other.
 *
 * Both say HELLO before anything else, as soon as they can: nobody waits for the other's. A child does not know yet who
 * it is; its parent tells it by BIRTH, and only then it can listen and greet. What is not a proper greeting ends the
 * session; until then nothing of the peer is believed or kept. */
#include "actor/greeting.h"

#include "actor/network.h"
#include "actor/ping.h"
#include "actor/statespace.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>

int greeting_put(struct session *session)
{
    const tr_actor *self = &runtime->self;
    struct frame frame = {.kind = FRAME_HELLO,
                          .hello = {.lowest = PROTOCOL_VERSION,
                                    .highest = PROTOCOL_VERSION,
                                    .name = self->name,
                                    .uuid = self->uuid,
                                    .addresses = actor_self()->addresses,
                                    .pid = self->pid}};
    return frame_put(&session->out, &frame);
}

static int check_hello(const wire_hello *hello)
{
    if (hello->lowest > PROTOCOL_VERSION || hello->highest < PROTOCOL_VERSION)
        return raise_code(TR_EPROTOCOL, "the peer speaks versions %u to %u, we speak %d",
                          hello->lowest, hello->highest, PROTOCOL_VERSION);
    if (!hello->uuid || strspn(hello->uuid, "0123456789abcdef") != UUID_LENGTH ||
        strlen(hello->uuid) != UUID_LENGTH)
        return raise_code(TR_EPROTOCOL, "the peer has no proper uuid");
    if (hello->addresses.count > MOST_ADDRESSES) /* a visitor has none */
        return raise_code(TR_EPROTOCOL, "the peer has %zu addresses", hello->addresses.count);
    for (size_t i = 0; i < hello->addresses.count; i++)
        if (!hello->addresses.items[i] || strlen(hello->addresses.items[i]) >= ADDRESS_TEXT)
            return raise_code(TR_EPROTOCOL, "the peer has no proper address");
    return actor_check_name(hello->name);
}

/* Whose end of a family's connection it is, their start has settled. */
static int check_process(const struct session *session, const wire_hello *hello)
{
    int rc = session->family ? 1 : sys_peer_is(session->wire.io.fd, hello->pid);
    if (rc > 0)
        return 0;
    log_at(TR_LOG_WARNING, "refused a connection by another process than pid %d, as which it greeted", hello->pid);
    return raise_code(rc < 0 ? rc : -EACCES, "the peer greets as %s, pid %d, and is another process", hello->name,
                      hello->pid);
}

int hello_heard(struct session *session, const struct frame *frame)
{
    const wire_hello *hello = &frame->hello;
    tr_try(check_hello(hello));
    tr_try(check_process(session, hello));
    tr_list_tr_str addresses;
    tr_try(actor_copy_modules(&session->memory, &hello->addresses, NULL, &addresses));
    const tr_actor peer = {.name = arena_text(&session->memory, hello->name),
                           .uuid = arena_text(&session->memory, hello->uuid),
                           .address = addresses.count > 0 ? addresses.items[0] : "",
                           .pid = hello->pid};
    if (!peer.name || !peer.uuid)
        return error_raise_plain(-ENOMEM);
    session->peer = peer; /* all of it or, as before, nothing */
    session->addresses = addresses;
    machine_move(&session->state, SESSION_OPEN);
    log_at(TR_LOG_TRANSPORT, "connected with %s, pid %d, at %s", session->peer.name, session->peer.pid,
           session->peer.address);
    tr_event_set(&session->greeted);
    return session_let_in(session) ? ping_begin(session) : 0;
}

int up_heard(struct session *session, const struct frame *frame)
{
    (void)frame;
    if (session->family && actor_self()->child_up)
        tr_try(actor_self()->child_up(session));
    tr_event_set(&session->up);
    return 0;
}

/* A child learns who it is. It can listen only now, and greets when it does. Its greeting leaves with what it has to
 * say next, that it is up, so as not to wake its parent for nothing. */
int birth_heard(struct session *session, const struct frame *frame)
{
    const wire_birth *birth = &frame->birth;
    struct actor *actor = actor_self();
    tr_try(actor_check_name(birth->name));
    tr_try(actor_become(birth->name, birth->uuid));
    log_set_level(birth->log_level, true);
    actor->arbiter = arena_text(&actor->memory, birth->arbiter);
    actor->arbiter_uuid = arena_text(&actor->memory, birth->arbiter_uuid);
    tr_str *modules = arena_alloc(&actor->memory, (birth->modules.count + 1) * sizeof *modules);
    if (!modules)
        return error_raise_plain(-ENOMEM);
    for (size_t i = 0; i < birth->modules.count; i++)
        if (!(modules[i] = arena_text(&actor->memory, birth->modules.items[i])))
            return error_raise_plain(-ENOMEM);
    actor->modules = (tr_list_tr_str){modules, birth->modules.count};
    tr_try(statespace_receive(&birth->statespace));
    tr_try(network_receive(&birth->network));
    if (birth->captured)
        sys_print_by_line();
    actor_show_name();
    tr_try(actor_listen(NULL));
    tr_try(actor_accept());
    machine_move(&session->state, SESSION_GREETING);
    session->held = true;
    return greeting_put(session);
}

/* The actor's doors: where others connect, and how they are closed.
 *
 * Every actor listens, on Linux at an abstract Unix address that contains its uuid: nobody can guess it,
 * nobody can squat it, and it vanishes with the process. (Who is of the same user can read all such names in the
 * kernel's list of sockets, and is let in; that is how tools find what runs. A root that serves at a Unix address that
 * it was told has that name as a side door.) Where else it listens is said by its options (network.c). Whoever
 * connects is greeted by a session; those that
 * have not greeted yet are few: in a crowd of silent connections the oldest is hung up on, so that they can
 * neither exhaust the actor nor lock out those who speak at once. */
#include "actor/actor.h"

#include "actor/network.h"
#include "actor/session.h"
#include "base/error.h"
#include "base/hooks.h"
#include "base/log.h"
#include "base/plant.h"
#include "sched/task.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_STRANGERS = 64 };

/* How long an ending actor waits for its peers to take what was sent. */
static const double GOODBYE_S = 0.5;

static const tr_actor nobody = {"", "", "", 0};

const tr_actor *tr_current_actor(void)
{
    return runtime && runtime->actor ? &runtime->self : &nobody;
}

int actor_required(void)
{
    int rc = task_required();
    if (rc < 0)
        return rc;
    return runtime->actor && runtime->actor->service ? 0 : error_raise_plain(TR_ENORUNTIME);
}

int actor_copy_modules(struct arena *memory, const tr_list_tr_str *from, const char *more, tr_list_tr_str *ret)
{
    tr_str *names = arena_alloc(memory, (from->count + 1) * sizeof *names);
    size_t count = 0;
    if (!names)
        return error_raise_plain(-ENOMEM);
    for (size_t i = 0; i < from->count; i++)
        if (!(names[count++] = arena_text(memory, from->items[i] ? from->items[i] : "")))
            return error_raise_plain(-ENOMEM);
    if (more && !(names[count++] = arena_text(memory, more)))
        return error_raise_plain(-ENOMEM);
    *ret = (tr_list_tr_str){names, count};
    return 0;
}

int actor_check_name(const char *name)
{
    size_t size = name ? strlen(name) : 0;
    if (size < 1 || size > NAME_LENGTH)
        return raise_code(TR_EARGUMENT, "an actor's name has 1 to %d bytes, not %zu", NAME_LENGTH, size);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
            return raise_code(TR_EARGUMENT, "an actor's name with the control character %d in it",
                              name[i]);
    return 0;
}

int actor_become(const char *name, const char *uuid)
{
    struct arena *memory = &actor_self()->memory;
    tr_actor self = {.name = arena_text(memory, name),
                     .uuid = arena_text(memory, uuid),
                     .address = "",
                     .pid = sys_pid(NULL)};
    if (!self.name || !self.uuid)
        return error_raise_plain(-ENOMEM);
    runtime->self = self;
    actor_self()->since = tr_now();
    log_set_self(&self);
    return 0;
}

void actor_show_name(void)
{
    enum { COMMAND_ROOM = 1024 };
    char command[COMMAND_ROOM];
    const struct actor *actor = actor_self();
    snprintf(command, sizeof command, "%s: %s", actor->argv && actor->argv[0] ? actor->argv[0] : "actor",
             runtime->self.name);
    sys_title(runtime->self.name, command);
}

int actor_new_uuid(char ret_uuid[UUID_LENGTH + 1])
{
    unsigned char bytes[UUID_LENGTH / 2];
    int rc = sys_random(bytes, sizeof bytes);
    if (rc < 0)
        return error_raise_plain(rc);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(ret_uuid + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

/* Sessions are in the order they came. */
static void hang_up_on_one(struct actor *actor)
{
    log_at(TR_LOG_INFO, "%d connections have not greeted; the oldest is closed",
           MOST_STRANGERS);
    list_each(at, &actor->sessions)
    {
        struct session *session = container_of(at, struct session, place);
        if (session->stranger) {
            session_hang_up(session);
            session_gone(session);
            return;
        }
    }
}

static int accept_task(void *arg)
{
    struct actor *actor = actor_self();
    struct listener *listener = &((struct actor_door *)arg)->listener;
    for (;;) {
        struct session *session;
        int fd, rc = io_wait_readable(&listener->io); /* to most actors nobody ever comes, and trying is dear */
        if (rc >= 0)
            rc = transport_accept(listener, &fd);
        if (rc == TR_ECLOSED)
            return 0; /* the actor is ending */
        tr_try(rc);
        if (actor->strangers >= MOST_STRANGERS)
            hang_up_on_one(actor);
        if (session_new(fd, false, &session) >= 0) {
            session->stranger = true;
            actor->strangers++;
            session_unref(session);
        }
        tr_try(tr_checkpoint()); /* a crowd must not keep everybody waiting */
    }
}

/* The first is the one that it is known by. */
static int add_address(struct actor *actor, const char *address)
{
    tr_list_tr_str all;
    if (actor->addresses.count >= MOST_ADDRESSES)
        return raise_code(TR_EARGUMENT, "an actor has %d addresses at most", MOST_ADDRESSES);
    tr_try(actor_copy_modules(&actor->memory, &actor->addresses, address, &all));
    actor->addresses = all;
    runtime->self.address = all.items[0];
    return 0;
}

/* Instead of which option it is that says so: the address itself is told others / nobody is told. */
enum { AS_IT_IS = -1, FOR_TOOLS = -2 };

/* Of what it listens at at one door. `told`: which of its options that is, by which something else may be told others
 * instead. */
static int tell_address(struct actor *actor, const struct listener *listener, int told)
{
    char text[ADDRESS_TEXT] = "";
    if (told >= 0)
        tr_try(network_advertised((size_t)told, listener->at.port, text));
    if (text[0]) /* that stands for all that a name meant */
        return actor->addresses.count && !strcmp(actor->addresses.items[actor->addresses.count - 1], text)
                   ? 0
                   : add_address(actor, text);
    address_format(&listener->at, text);
    if (address_is_any(&listener->at))
        return raise_code(TR_EARGUMENT, "nobody can come to %s: .advertise has to say where to", text);
    return add_address(actor, text);
}

static int listen_at(struct actor *actor, const struct sys_address *at, int told)
{
    struct actor_door *door = arena_alloc(&actor->memory, sizeof *door);
    if (!door)
        return error_raise_plain(-ENOMEM);
    tr_try(network_permits(at));
    tr_try(transport_listen_at(at, true, &door->listener));
    list_push(&actor->doors, &door->place);
    return told == FOR_TOOLS ? 0 : tell_address(actor, &door->listener, told);
}

/* A protocol that this host does not have is no reason not to listen by another one. */
static bool is_missing(int rc)
{
    return rc == -EADDRNOTAVAIL || rc == -EAFNOSUPPORT;
}

static int listen_at_each(struct actor *actor, const char *address, int told)
{
    struct sys_address *all;
    int count = transport_find(address, &all), rc = 0;
    bool listening = false;
    tr_try(count);
    for (int i = 0; i < count && (rc >= 0 || is_missing(rc)); i++) {
        rc = listen_at(actor, &all[i], told);
        listening |= rc >= 0;
    }
    mem_free(all);
    return listening && is_missing(rc) ? 0 : rc;
}

static struct sys_address own_address(const struct actor *actor)
{
    const bool below = !actor->is_root && actor->arbiter_uuid;
    struct sys_address own = {.family = SYS_UNIX};
    snprintf(own.name, sizeof own.name, ROOTS_NAME "%s%s%s", sys_user(), below ? actor->arbiter_uuid : "",
             below ? "/" : "", runtime->self.uuid);
    return own;
}

static int listen_for_this_host(struct actor *actor)
{
    const struct sys_address own = own_address(actor);
    tr_try(listen_at(actor, &own, AS_IT_IS));
    actor->local = actor->addresses.items[actor->addresses.count - 1];
    return 0;
}

/* Who is asked for at a Unix socket is not called by another one; only tools look for that. */
static int listen_for_tools(struct actor *actor)
{
    const struct sys_address own = own_address(actor);
    actor->local = runtime->self.address;
    return listen_at(actor, &own, FOR_TOOLS);
}

static int listen_everywhere(struct actor *actor, const char *address)
{
    if (address)
        tr_try(listen_at_each(actor, address, AS_IT_IS));
    tr_try(address && strncmp(address, "unix:", 5) == 0 ? listen_for_tools(actor) : listen_for_this_host(actor));
    for (size_t i = 0; i < actor->network.listen.count; i++)
        tr_try(listen_at_each(actor, actor->network.listen.items[i], (int)i));
    return 0;
}

int actor_listen(const char *address)
{
    struct actor *actor = actor_self();
    actor->addresses.count = 0;
    int rc = listen_everywhere(actor, address);
    if (rc < 0)
        actor_unlisten();
    return rc;
}

int actor_accept(void)
{
    struct actor *actor = actor_self();
    list_each(at, &actor->doors)
        tr_try(tr_start_soon(actor->service, accept_task, container_of(at, struct actor_door, place)));
    return 0;
}

void actor_unlisten(void)
{
    struct actor *actor = actor_self();
    struct link *door;
    while ((door = list_shift(&actor->doors)))
        transport_unlisten(&container_of(door, struct actor_door, place)->listener);
}

/* If there is no memory to remember it, it was the actor itself. */
static void remember_ender(struct actor *actor, const tr_actor *by)
{
    struct arena *memory = &actor->memory;
    tr_actor ender = {.name = arena_text(memory, by->name),
                      .uuid = arena_text(memory, by->uuid),
                      .address = arena_text(memory, by->address),
                      .pid = by->pid};
    actor->ender = ender.name && ender.uuid && ender.address ? ender : runtime->self;
}

void actor_end(double seconds_left, const tr_actor *by)
{
    struct actor *actor = actor_self();
    double end_by = tr_now() + seconds_left;
    if (!actor->told_to_end.set)
        remember_ender(actor, by);
    if (end_by < actor->end_by) {
        actor->end_by = end_by;
        list_each(at, &actor->endings)
            lot_wake_all(container_of(at, struct ending, place)->news);
    }
    tr_event_set(&actor->told_to_end);
    if (actor->serving)
        tr_cancel(actor->serving);
}

double actor_share_of_end(double wanted)
{
    double half = (actor_self()->end_by - tr_now()) / 2;
    return half < wanted && !planted(WHOLE_GRACE) ? fmax(half, 0) : wanted;
}

static int wait_for_ends(void *arg)
{
    struct actor *actor = arg;
    while (!list_empty(&actor->sessions)) {
        struct session *session = container_of(actor->sessions.next, struct session, place);
        session_ref(session);
        int rc = event_wait(&session->ended);
        session_unref(session);
        tr_try(rc);
    }
    return 0;
}

void actor_say_goodbye(void)
{
    struct actor *actor = actor_self();
    struct tr_error *newest = task_error_aside();
    list_each(at, &actor->sessions)
        session_stop(container_of(at, struct session, place));
    bool cut;
    (void)task_within_shield(GOODBYE_S, wait_for_ends, actor, &cut);
    task_error_back(newest);
}

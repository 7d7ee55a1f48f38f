/* The actor's door: where others connect, and how it is closed.
 *
 * Every actor listens, on Linux at an abstract Unix address that contains its uuid: nobody can guess it,
 * nobody can squat it, and it vanishes with the process. Whoever connects is greeted by a session; those that
 * have not greeted yet are few: in a crowd of silent connections the oldest is hung up on, so that they can
 * neither exhaust the actor nor lock out those who speak at once. */
#include "actor/actor.h"

#include "actor/session.h"
#include "base/error.h"
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
            session_known(session);
            return;
        }
    }
}

static int accept_task(void *arg)
{
    struct actor *actor = arg;
    for (;;) {
        struct session *session;
        int fd, rc = io_wait_readable(&actor->listener.io); /* to most actors nobody ever comes, and trying is dear */
        if (rc >= 0)
            rc = transport_accept(&actor->listener, &fd);
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

int actor_listen(const char *address)
{
    struct actor *actor = actor_self();
    char own[ADDRESS_TEXT], at[ADDRESS_TEXT];
    if (actor->transport == TRANSPORT_TCP)
        snprintf(own, sizeof own, "tcp://127.0.0.1:0");
    else
        snprintf(own, sizeof own, "unix:@tractor/%u/%s", sys_user(), runtime->self.uuid);
    tr_try(transport_listen(address ? address : own, &actor->listener));
    address_format(&actor->listener.at, at);
    runtime->self.address = arena_text(&actor->memory, at);
    if (!runtime->self.address) {
        runtime->self.address = "";
        return error_raise_plain(-ENOMEM);
    }
    return 0;
}

int actor_accept(void)
{
    return tr_start_soon(actor_self()->service, accept_task, actor_self());
}

void actor_unlisten(void)
{
    transport_unlisten(&actor_self()->listener);
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

#include "life.h"

#include "functions.h"


#include "base/error.h"
#include "base/log.h"
#include "check.h"
#include "inspect/inspect.h"
#include "registry/registry.h"
#include "sched/task.h"
#include "value/function.h"

#include <errno.h>

static const char *const served[] = {"fuzz"};

/* The script must go on when memory is made to run out under it. */
void pass(double seconds)
{
    struct world *world = (struct world *)runtime->sys;
    int rc = tr_sleep(seconds);
    if (rc == -ENOMEM) {
        world->fail_at = 0;
        rc = tr_sleep(seconds);
    }
    require(rc == 0);
}

static int end_when_told(void *arg)
{
    struct actor *actor = arg;
    tr_try(event_wait(&actor->told_to_end));
    tr_cancel(actor->serving);
    return 0;
}

static int enter_root(struct life *life)
{
    runtime->self = (tr_actor){"fuzzed", "00000000000000000000000000000001", "", 4242};
    life->actor.modules = (tr_list_tr_str){served, 1};
    tr_try(actor_listen(NULL));
    inspect_serve();
    tr_try(registry_serve());
    return actor_accept();
}

static int enter_child(struct life *life)
{
    struct session *parent;
    tr_try(session_new(life->parent, true, &parent));
    parent->family = parent->to_parent = true;
    int rc = session_wait_open(parent);
    session_unref(parent);
    return rc;
}

static int serve(struct life *life)
{
    tr_try(tr_start_soon(life->actor.service, end_when_told, &life->actor));
    tr_try(life->is_child ? enter_child(life) : enter_root(life));
    life->up = true;
    return tr_sleep_forever();
}

static int serve_meanwhile(struct life *life)
{
    tr_auto(nursery) serving = tr_open_nursery();
    if (!serving)
        return -ENOMEM;
    life->actor.serving = serving;
    int rc = serve(life);
    if (rc == TR_ECANCELLED && life->actor.told_to_end.set)
        rc = 0;
    life->actor.serving = NULL;
    struct tr_error *newest = task_error_aside();
    tr_cancel(serving);
    task_error_back(newest);
    return tr_join_with(serving, rc);
}

static int be(struct life *life)
{
    tr_auto(nursery) service = tr_open_nursery();
    if (!service)
        return -ENOMEM;
    life->actor.service = service;
    int rc = serve_meanwhile(life);
    struct tr_error *newest = task_error_aside();
    actor_unlisten();
    actor_say_goodbye();
    registry_free();
    tr_cancel(service);
    task_error_back(newest);
    rc = tr_join_with(service, rc);
    life->actor.service = NULL;
    return rc;
}

static int actor_task(void *arg)
{
    struct life *life = arg;
    tr_scope whole = tr_cancel_scope();
    life->rc = tr_within(&whole, be(life));
    life->over = true;
    return 0;
}

/* Longer than the actor, its functions and its peers together can take. */
static const double END_S = 30;

static int main_task(void *arg)
{
    struct life *life = arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(tr_start_soon(nursery, actor_task, life));
    life->script(life);
    life->world->fail_at = 0;
    tr_event_set(&life->actor.told_to_end);
    for (double until = tr_now() + END_S; !life->over && tr_now() < until;)
        pass(0.1);
    require(life->over && life->actor.strangers == 0 && list_empty(&life->actor.sessions));
    return tr_join(nursery);
}

void live(struct life *life)
{
    life->world = world_new();
    life->actor = (struct actor){.is_root = !life->is_child};
    list_init(&life->actor.doors);
    list_init(&life->actor.sessions);
    if (life->before)
        life->before(life);
    runtime->actor = &life->actor;
    log_set_level(TR_LOG_TRACE, true);
    require(sched_run(main_task, life, &(struct sched_options){.seed = life->seed}) == 0);
    runtime->actor = NULL;
    runtime->self = (tr_actor){"", "", "", 0};
    arena_fini(&life->actor.memory);
    world_end(life->world);
}

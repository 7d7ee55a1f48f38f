/* Names of hosts. The waiting is here; the looking up is a thread's, below (sys/real_resolve.c). When the
 * waiting task is cancelled that thread is left to itself: it cannot be stopped, and nothing waits for it. */
#include "base/error.h"
#include "base/hooks.h"
#include "sched/task.h"
#include "tractor/net.h"
#include "tractor/task.h"
#include "transport/transport.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* So many are looked up at a time; who comes then tries again after a moment. */
static const double CROWD_PAUSE_S = 0.01;

struct waiting {
    struct task *task;
    struct sys_lookup *lookup;
    struct sys_address *found;
};

static void resolved(void *arg, int count, const struct sys_address *found)
{
    struct waiting *waiting = arg;
    if (count > 0) {
        size_t size = (size_t)count * sizeof *found;
        waiting->found = mem_alloc(size);
        if (waiting->found)
            memcpy(waiting->found, found, size);
        else
            count = -ENOMEM;
    }
    task_wake(waiting->task, count);
}

static bool abandon(void *arg)
{
    struct waiting *waiting = arg;
    sys_abandon(waiting->lookup);
    return true;
}

static int look_up(const char *host, const char *service, struct sys_address **ret_all)
{
    struct waiting waiting = {.task = task_current()};
    int rc;
    while ((rc = sys_resolve(host, service, resolved, &waiting, &waiting.lookup)) == -EAGAIN)
        tr_try(tr_sleep(CROWD_PAUSE_S));
    if (rc >= 0)
        rc = task_park("the addresses of a host", abandon, &waiting);
    if (rc == -ENOENT)
        return raise_code(TR_ENONAME, "no host %.200s, or no service %.40s", host, service ? service : "");
    if (rc < 0 && rc != TR_ECANCELLED)
        return raise_code(rc, "looking up %.200s: %s", host, tr_code_sentence(rc));
    *ret_all = waiting.found;
    return rc;
}

int transport_resolve(const char *host, const char *service, struct sys_address **ret_all)
{
    tr_try(task_checkpoint_if_cancelled());
    struct sys_address one;
    if (!sys_numeric(host, service, &one))
        return look_up(host, service, ret_all);
    struct sys_address *all = mem_alloc(sizeof *all);
    if (!all)
        return error_raise_plain(-ENOMEM);
    *all = one;
    *ret_all = all;
    task_yield();
    return 1;
}

int transport_resolve_address(const struct address *address, struct sys_address **ret_all)
{
    char port[8];
    snprintf(port, sizeof port, "%u", address->port);
    return transport_resolve(address->host, port, ret_all);
}

/* All in one piece of the frame: the list, then the texts. */
int tr_resolve(const char *host, const char *service, const char *const **ret_addresses)
{
    tr_try(task_required());
    if (!host || !host[0])
        return raise_code(TR_EARGUMENT, "there is no host to look up");
    struct sys_address *all;
    int count = transport_resolve(host, service, &all);
    if (count < 0)
        return count;
    const char **list = tr_alloc((size_t)count * (sizeof *list + ADDRESS_TEXT));
    char *text = (char *)(list + count);
    for (int i = 0; list && i < count; i++, text += ADDRESS_TEXT) {
        address_format(&all[i], text);
        list[i] = text;
    }
    mem_free(all);
    if (!list)
        return error_raise_plain(-ENOMEM);
    *ret_addresses = list;
    return count;
}

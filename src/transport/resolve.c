/* Names of hosts. The C library looks them up, and blocks meanwhile: so it does it on a worker thread, which
 * is left to itself when the waiting task is cancelled. */
#include "base/error.h"
#include "base/hooks.h"
#include "sched/task.h"
#include "sync/thread.h"
#include "tractor/net.h"
#include "tractor/task.h"
#include "transport/transport.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Belongs to the worker once it is abandoned. */
struct lookup {
    int count;
    struct sys_address *found;
    const char *service;
    char host[];                /* and that of `service` behind it */
};

static struct lookup *new_lookup(const char *host, const char *service)
{
    size_t host_room = strlen(host) + 1, service_room = strlen(service) + 1;
    struct lookup *lookup = mem_zalloc(sizeof *lookup + host_room + service_room);
    if (!lookup)
        return NULL;
    memcpy(lookup->host, host, host_room);
    lookup->service = memcpy(lookup->host + host_room, service, service_room);
    return lookup;
}

static void free_lookup(void *arg)
{
    struct lookup *lookup = arg;
    mem_free(lookup->found);
    mem_free(lookup);
}

static int look_up(void *arg)
{
    struct lookup *lookup = arg;
    lookup->count = sys_look_up(lookup->host, lookup->service, &lookup->found);
    return 0; /* a failure is told where there is a task to tell it to */
}

static int conclude(struct lookup *lookup, struct sys_address **ret_all)
{
    int rc = lookup->count;
    if (rc == -ENOENT)
        rc = raise_code(TR_ENONAME, "no host %.200s, or no service %.40s", lookup->host, lookup->service);
    else if (rc < 0)
        rc = raise_code(rc, "looking up %.200s: %s", lookup->host, tr_code_sentence(rc));
    *ret_all = lookup->found;
    mem_free(lookup);
    return rc;
}

static int look_up_elsewhere(const char *host, const char *service, struct sys_address **ret_all)
{
    tr_limiter *limiter = threads_lookup_limiter();
    if (!limiter)
        return tr_failure_(tr_refused_());
    struct lookup *lookup = new_lookup(host, service ? service : "");
    if (!lookup)
        return error_raise_plain(-ENOMEM);
    int rc = tr_to_thread(look_up, lookup, .limiter = limiter, .abandon = free_lookup);
    if (rc >= 0)
        return conclude(lookup, ret_all);
    if (rc != TR_ECANCELLED)
        free_lookup(lookup);
    return rc;
}

int transport_resolve(const char *host, const char *service, struct sys_address **ret_all)
{
    tr_try(task_checkpoint_if_cancelled());
    struct sys_address one;
    if (!sys_numeric(host, service, &one))
        return look_up_elsewhere(host, service, ret_all);
    struct sys_address *all = mem_alloc(sizeof *all);
    if (!all)
        return error_raise_plain(-ENOMEM);
    *all = one;
    *ret_all = all;
    return task_yield(1);
}

int transport_resolve_address(const struct address *address, struct sys_address **ret_all)
{
    char port[8];
    snprintf(port, sizeof port, "%u", address->port);
    return transport_resolve(address->host, port, ret_all);
}

int transport_find(const char *text, struct sys_address **ret_all)
{
    struct address address;
    tr_try(address_parse(text, &address));
    if (address.family == SYS_TCP)
        return transport_resolve_address(&address, ret_all);
    struct sys_address *one = mem_zalloc(sizeof *one);
    if (!one)
        return error_raise_plain(-ENOMEM);
    memcpy(one->name, address.host, sizeof one->name);
    *ret_all = one;
    return 1;
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
    for (int i = 0; list && i < count; i++) {
        char *text = (char *)(list + count) + (size_t)i * ADDRESS_TEXT;
        address_format(&all[i], text);
        list[i] = text;
    }
    mem_free(all);
    if (!list)
        return error_raise_plain(-ENOMEM);
    *ret_addresses = list;
    return count;
}

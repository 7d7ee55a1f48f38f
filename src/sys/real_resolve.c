/* Names of hosts, by the C library, which knows only how to block: each lookup has a thread of its own.
 *
 * Not one of libuv's, though it has a call for this: it has four, which a name server that does not answer
 * holds for ten seconds each, and waits for them when the loop is closed and once more when the process ends.
 * A lookup that nobody waits for any more must hold up nothing. So its thread is detached and what it works
 * on belongs to both sides, to be freed by the one that lets go last; the thread says that it is done by an
 * eventfd, which is part of that, and never meets the runtime, which may be gone by then. */
#include "sys/real.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MOST_LOOKUPS = 32 };     /* of a process, those that were abandoned included */

static atomic_int lookups;

struct sys_lookup {
    atomic_int holders;         /* the runtime and the thread */
    atomic_bool done;
    int fd;                     /* readable when it is */
    struct sys_watch *watch;
    sys_resolved_fn *resolved;
    void *arg;
    int rc;                     /* the thread's result, in errno values, and */
    struct addrinfo *found;
    char *host, *service;       /* NULL for no service */
};

/* ---- what needs no looking up ----------------------------------------------------------------------- */

static bool parse_port(const char *service, uint16_t *ret)
{
    if (!service || !service[0])
        return *ret = 0, true;
    char *end;
    unsigned long port = strtoul(service, &end, 10);
    if (*end || port > UINT16_MAX || service[0] < '0' || service[0] > '9')
        return false;
    *ret = (uint16_t)port;
    return true;
}

int real_numeric(struct sys *sys, const char *host, const char *service, struct sys_address *ret)
{
    (void)sys;
    struct in6_addr unused;
    struct sys_address found = {.family = SYS_TCP};
    if (inet_pton(AF_INET, host, &unused) != 1 && inet_pton(AF_INET6, host, &unused) != 1)
        return 0;
    if (strlen(host) >= sizeof found.name || !parse_port(service, &found.port))
        return 0;
    strcpy(found.name, host);
    *ret = found;
    return 1;
}

/* ---- the thread's side -------------------------------------------------------------------------------- */

static void free_lookup(struct sys_lookup *lookup)
{
    if (lookup->found)
        freeaddrinfo(lookup->found);
    if (lookup->fd >= 0)
        close(lookup->fd);
    free(lookup->host);
    free(lookup->service);
    free(lookup);
}

static void let_go(struct sys_lookup *lookup)
{
    if (atomic_fetch_sub(&lookup->holders, 1) > 1)
        return;
    free_lookup(lookup);
    atomic_fetch_sub(&lookups, 1);
}

static int to_errno(int rc)
{
    switch (rc) {
    case 0:
        return 0;
    case EAI_AGAIN:
        return -EAGAIN;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_SYSTEM:
        return errno ? -errno : -EIO;
    case EAI_FAIL:
        return -EIO;
    default:
        return -ENOENT;
    }
}

static void *look_up(void *arg)
{
    struct sys_lookup *lookup = arg;
    const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    lookup->rc = to_errno(getaddrinfo(lookup->host, lookup->service, &wanted, &lookup->found));
    atomic_store(&lookup->done, true);
    (void)eventfd_write(lookup->fd, 1);
    let_go(lookup);
    return NULL;
}

/* No handler of the program's shall run on a thread it does not know of. */
static int start_thread(struct sys_lookup *lookup)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int rc = pthread_create(&thread, NULL, look_up, lookup);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        pthread_detach(thread);
    return -rc;
}

/* ---- the runtime's side ------------------------------------------------------------------------------- */

static bool is_new(const struct sys_address *all, int count, const struct sys_address *one)
{
    for (int i = 0; i < count; i++)
        if (all[i].port == one->port && strcmp(all[i].name, one->name) == 0)
            return false;
    return true;
}

/* Those of the families that we speak, each once. */
static int collect(const struct addrinfo *found, struct sys_address *ret)
{
    int count = 0;
    for (; found; found = found->ai_next) {
        struct sys_address *one = &ret[count];
        char service[8];
        *one = (struct sys_address){.family = SYS_TCP};
        if (getnameinfo(found->ai_addr, found->ai_addrlen, one->name, sizeof one->name, service,
                        sizeof service, NI_NUMERICHOST | NI_NUMERICSERV) == 0 &&
            parse_port(service, &one->port) && is_new(ret, count, one))
            count++;
    }
    return count;
}

static void tell(struct sys_lookup *lookup)
{
    size_t most = 0;
    for (const struct addrinfo *one = lookup->found; one; one = one->ai_next)
        most++;
    if (lookup->rc < 0 || most == 0) {
        lookup->resolved(lookup->arg, lookup->rc < 0 ? lookup->rc : -ENOENT, NULL);
        return;
    }
    struct sys_address *all = malloc(most * sizeof *all);
    int count = all ? collect(lookup->found, all) : -ENOMEM;
    lookup->resolved(lookup->arg, count ? count : -ENOENT, all);
    free(all);
}

static void lookup_ready(void *arg, int events)
{
    (void)events;
    struct sys_lookup *lookup = arg;
    struct sys *sys = runtime->sys;
    if (!atomic_load(&lookup->done))
        return;
    real_unwatch(sys, lookup->watch);
    tell(lookup);
    let_go(lookup);
}

static int begin(struct sys *sys, struct sys_lookup *lookup)
{
    int rc = real_watch(sys, lookup->fd, lookup_ready, lookup, &lookup->watch);
    if (rc < 0)
        return rc;
    rc = real_watch_for(sys, lookup->watch, SYS_READABLE);
    if (rc >= 0)
        rc = start_thread(lookup);
    if (rc < 0)
        real_unwatch(sys, lookup->watch);
    return rc;
}

/* NULL when memory or descriptors are out. Held by both sides already, before there is a thread. */
static struct sys_lookup *new_lookup(const char *host, const char *service)
{
    struct sys_lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup)
        return NULL;
    bool any_service = service && service[0];
    atomic_init(&lookup->holders, 2);
    lookup->host = strdup(host);
    lookup->service = any_service ? strdup(service) : NULL;
    lookup->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lookup->host && (lookup->service || !any_service) && lookup->fd >= 0)
        return lookup;
    free_lookup(lookup);
    return NULL;
}

/* The C library takes a number that is no port for another one. */
static bool may_be_service(const char *service)
{
    uint16_t port;
    return !service || parse_port(service, &port) || strspn(service, " +-0123456789") < strlen(service);
}

int real_resolve(struct sys *sys, const char *host, const char *service, sys_resolved_fn *resolved,
                 void *arg, struct sys_lookup **ret)
{
    if (!may_be_service(service))
        return -ENOENT;
    if (atomic_fetch_add(&lookups, 1) >= MOST_LOOKUPS) {
        atomic_fetch_sub(&lookups, 1);
        return -EAGAIN;
    }
    struct sys_lookup *lookup = new_lookup(host, service);
    int rc = -ENOMEM;
    if (lookup) {
        lookup->resolved = resolved;
        lookup->arg = arg;
        rc = begin(sys, lookup);
    }
    if (rc < 0) {
        if (lookup)
            free_lookup(lookup);
        atomic_fetch_sub(&lookups, 1);
        return rc;
    }
    *ret = lookup;
    return 0;
}

void real_abandon(struct sys *sys, struct sys_lookup *lookup)
{
    real_unwatch(sys, lookup->watch);
    let_go(lookup);
}

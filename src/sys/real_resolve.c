/* Names of hosts, by the C library, which knows only how to block: to be called where that may be. */
#include "sys/real.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

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
    size_t room = strlen(host) + 1;
    if (room > sizeof found.name || !parse_port(service, &found.port))
        return 0;
    memcpy(found.name, host, room);
    *ret = found;
    return 1;
}

/* ---- what does -------------------------------------------------------------------------------------- */

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

/* The C library takes a number that is no port for another one. */
static bool may_be_service(const char *service)
{
    uint16_t port;
    return !service || parse_port(service, &port) || strspn(service, " +-0123456789") < strlen(service);
}

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

static int keep(struct sys *sys, const struct addrinfo *found, struct sys_address **ret_all)
{
    size_t most = 0;
    for (const struct addrinfo *one = found; one; one = one->ai_next)
        most++;
    if (most == 0)
        return -ENOENT;
    struct sys_address *all = real_resize(sys, NULL, most * sizeof *all);
    if (!all)
        return -ENOMEM;
    int count = collect(found, all);
    if (count > 0)
        *ret_all = all;
    else
        real_resize(sys, all, 0);
    return count > 0 ? count : -ENOENT;
}

int real_look_up(struct sys *sys, const char *host, const char *service, struct sys_address **ret_all)
{
    if (!may_be_service(service))
        return -ENOENT;
    const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    bool any_service = service && service[0];
    int rc = to_errno(getaddrinfo(host, any_service ? service : NULL, &wanted, &found));
    if (rc < 0)
        return rc;
    rc = keep(sys, found, ret_all);
    if (found)
        freeaddrinfo(found);
    return rc;
}

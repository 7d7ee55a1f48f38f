/* Addresses as text and back. */
#include "base/error.h"
#include "transport/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(const char *text, const char *why)
{
    return raise_code(TR_EARGUMENT, "\"%.160s\" is no address: %s", text, why);
}

static int parse_unix(const char *text, struct address *ret)
{
    const char *name = text + strlen("unix:");
    if ((name[0] != '/' && name[0] != '@') || !name[1])
        return refuse(text, "after unix: comes @name or an absolute path");
    if (strlen(name) >= SYS_ADDRESS_ROOM)
        return refuse(text, "too long");
    ret->family = SYS_UNIX;
    memcpy(ret->host, name, strlen(name) + 1);
    return 0;
}

static int parse_tcp(const char *text, struct address *ret)
{
    const char *host = text + strlen("tcp://"), *colon = strrchr(host, ':');
    if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return refuse(text, "after tcp:// comes host:port");
    long port = strtol(colon + 1, NULL, 10);
    size_t length = (size_t)(colon - host);
    if (length >= 2 && host[0] == '[' && colon[-1] == ']') {
        host++;
        length -= 2;
    }
    if (port > UINT16_MAX || length == 0 || length >= sizeof ret->host)
        return refuse(text, "host or port are out of range");
    ret->family = SYS_TCP;
    ret->port = (uint16_t)port;
    memcpy(ret->host, host, length);
    ret->host[length] = '\0';
    return 0;
}

int address_parse(const char *text, struct address *ret)
{
    *ret = (struct address){0};
    if (!text)
        return refuse("NULL", "it is no text");
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(text, ret);
    if (strncmp(text, "tcp://", 6) == 0)
        return parse_tcp(text, ret);
    return refuse(text, "it starts with neither unix: nor tcp://");
}

bool address_is_here(const struct sys_address *address)
{
    return address->family == SYS_UNIX || strncmp(address->name, "127.", 4) == 0 || strcmp(address->name, "::1") == 0;
}

bool address_is_any(const struct sys_address *address)
{
    return address->family == SYS_TCP && (strcmp(address->name, "0.0.0.0") == 0 || strcmp(address->name, "::") == 0);
}

void address_format(const struct sys_address *address, char ret_text[ADDRESS_TEXT])
{
    if (address->family == SYS_UNIX)
        snprintf(ret_text, ADDRESS_TEXT, "unix:%s", address->name);
    else if (strchr(address->name, ':'))
        snprintf(ret_text, ADDRESS_TEXT, "tcp://[%s]:%u", address->name, address->port);
    else
        snprintf(ret_text, ADDRESS_TEXT, "tcp://%s:%u", address->name, address->port);
}

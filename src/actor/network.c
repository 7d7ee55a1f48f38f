/* Networks: what is chosen, inherited and allowed. The listening itself is in actor.c, the dialing in session.c.
 *
 * Texts stay as they were given until the actor that they are for listens: names mean what they mean there and then.
 * Only then is it known which addresses they are, and so whether they are allowed. */
#include "actor/network.h"

#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a lost host is noticed within: long enough for a switch to be restarted. */
static const double LOST_AFTER_S = 15, SHORTEST_S = 0.1, LONGEST_S = 86400;

/* ---- choosing ---------------------------------------------------------------------------------------- */

static int refuse(const struct sys_address *at)
{
    char text[ADDRESS_TEXT];
    address_format(at, text);
    return raise_code(TR_EARGUMENT, "other hosts reach %s, and .allow_remote is not set", text);
}

/* What a name means is seen when it is listened at. */
static int check_address(const char *text, bool allow_remote)
{
    struct address address;
    struct sys_address at;
    char port[8];
    tr_try(address_parse(text, &address));
    snprintf(port, sizeof port, "%u", address.port);
    if (allow_remote || address.family == SYS_UNIX || !sys_numeric(address.host, port, &at) || address_is_here(&at))
        return 0;
    return refuse(&at);
}

static int check_lists(const tr_list_tr_str *listen, const tr_list_tr_str *advertise, bool allow_remote)
{
    struct address address;
    if (listen->count >= MOST_ADDRESSES)
        return raise_code(TR_EARGUMENT, "an actor cannot listen at %zu addresses besides its own: %d at most",
                          listen->count, MOST_ADDRESSES - 1);
    if (advertise->count > listen->count)
        return raise_code(TR_EARGUMENT, "%zu addresses to advertise, for %zu to listen at", advertise->count,
                          listen->count);
    for (size_t i = 0; i < listen->count; i++)
        tr_try(check_address(listen->items[i], allow_remote));
    for (size_t i = 0; i < advertise->count; i++)
        if (advertise->items[i] && advertise->items[i][0])
            tr_try(address_parse(advertise->items[i], &address));
    return 0;
}

int network_choose_root(const tr_main_options *options, struct arena *memory, wire_network *ret)
{
    double lost_after = options->lost_after > 0 ? options->lost_after : LOST_AFTER_S;
    if (isnan(options->lost_after) || options->lost_after < 0 || lost_after < SHORTEST_S || lost_after > LONGEST_S)
        return raise_code(TR_EARGUMENT, "a host cannot be lost after %g s: from %g s to a day", options->lost_after,
                          SHORTEST_S);
    tr_try(check_lists(&options->listen, &options->advertise, options->allow_remote));
    *ret = (wire_network){.allow_remote = options->allow_remote, .lost_after = lost_after};
    tr_try(actor_copy_modules(memory, &options->listen, NULL, &ret->listen));
    return actor_copy_modules(memory, &options->advertise, NULL, &ret->advertise);
}

/* The same host, at a port that the kernel chooses. */
static const char *at_any_port(struct arena *memory, const char *address)
{
    size_t host = (size_t)(strrchr(address, ':') - address);
    char *text = arena_alloc(memory, host + sizeof ":0");
    if (!text)
        return NULL;
    memcpy(text, address, host);
    memcpy(text + host, ":0", sizeof ":0");
    return text;
}

static const char *nth(const tr_list_tr_str *list, size_t i)
{
    return i < list->count && list->items[i] ? list->items[i] : "";
}

/* A Unix socket's name is hers alone. */
static int inherit(const wire_network *above, struct arena *memory, wire_network *ret)
{
    size_t count = 0, room = (above->listen.count + 1) * sizeof(tr_str);
    tr_str *listen = arena_alloc(memory, room), *advertise = arena_alloc(memory, room);
    if (!listen || !advertise)
        return error_raise_plain(-ENOMEM);
    for (size_t i = 0; i < above->listen.count; i++) {
        const char *advertised = nth(&above->advertise, i);
        if (strncmp(nth(&above->listen, i), "tcp:", 4) != 0)
            continue;
        listen[count] = at_any_port(memory, above->listen.items[i]);
        advertise[count] = strncmp(advertised, "tcp:", 4) == 0 ? at_any_port(memory, advertised) : "";
        if (!listen[count] || !advertise[count])
            return error_raise_plain(-ENOMEM);
        count++;
    }
    ret->listen = (tr_list_tr_str){listen, count};
    ret->advertise = (tr_list_tr_str){advertise, count};
    return 0;
}

int network_choose_child(const tr_actor_options *options, const wire_network *above, struct arena *memory,
                         wire_network *ret)
{
    if (options->local && options->listen.count > 0)
        return raise_code(TR_EARGUMENT, "actor %s is to be local, and to listen elsewhere", options->name);
    tr_try(check_lists(&options->listen, &options->advertise, above->allow_remote));
    *ret = (wire_network){.allow_remote = above->allow_remote, .warned = above->warned,
                          .lost_after = above->lost_after};
    if (options->local)
        return 0;
    if (options->listen.count == 0)
        return inherit(above, memory, ret);
    tr_try(actor_copy_modules(memory, &options->listen, NULL, &ret->listen));
    return actor_copy_modules(memory, &options->advertise, NULL, &ret->advertise);
}

int network_receive(const wire_network *chosen)
{
    struct actor *actor = actor_self();
    wire_network mine = *chosen;
    tr_try(actor_copy_modules(&actor->memory, &chosen->listen, NULL, &mine.listen));
    tr_try(actor_copy_modules(&actor->memory, &chosen->advertise, NULL, &mine.advertise));
    actor->network = mine;
    return 0;
}

/* ---- listening --------------------------------------------------------------------------------------- */

int network_permits(const struct sys_address *at)
{
    wire_network *network = &actor_self()->network;
    char text[ADDRESS_TEXT];
    if (address_is_here(at))
        return 0;
    if (!network->allow_remote)
        return refuse(at);
    address_format(at, text);
    if (!network->warned)
        log_at(TR_LOG_WARNING, "listening at %s: who comes from there is not authenticated, and nothing is encrypted; "
               "see that only friends can reach it", text);
    network->warned = true;
    return 0;
}

int network_advertised(size_t i, uint16_t port, char ret_text[ADDRESS_TEXT])
{
    struct address address;
    const char *text = nth(&actor_self()->network.advertise, i);
    ret_text[0] = '\0';
    if (!text[0])
        return 0;
    tr_try(address_parse(text, &address));
    int used = address.family == SYS_TCP && address.port == 0
                   ? snprintf(ret_text, ADDRESS_TEXT, "%.*s:%u", (int)(strrchr(text, ':') - text), text, port)
                   : snprintf(ret_text, ADDRESS_TEXT, "%s", text);
    return used < ADDRESS_TEXT ? 0 : raise_code(TR_EARGUMENT, "\"%.160s\" is too long to be advertised", text);
}

/* ---- connections ------------------------------------------------------------------------------------- */

bool network_is_outside(int fd, bool *ret_remote)
{
    struct sys_address here;
    bool outside = sys_local_address(fd, &here) >= 0 && here.family == SYS_TCP;
    *ret_remote = outside && !address_is_here(&here);
    return outside;
}

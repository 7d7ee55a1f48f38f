/* For tests in which one side of a session is the test: who is there, and how each scenario lives. */
#ifndef TESTS_UNIT_MET_PEER_H
#define TESTS_UNIT_MET_PEER_H

#include "support/virtual.h"

#include "fuzz/life.h"
#include "fuzz/peer.h"

#include "actor/portal.h"

#include <string.h>

static struct peer peer;

static void peer_answers(struct world *world, struct world_socket *socket)
{
    peer_init(&peer, world->connected_arg, socket);
    peer_greet(&peer);
}

static const tr_list_tr_str peer_address = {(tr_str[]){"unix:@peer"}, 1};

/* A portal to the peer, who has greeted. */
static inline tr_portal *meet(struct life *life)
{
    struct session *session;
    while (!life->up)
        pass(0);
    life->world->connected = peer_answers;
    life->world->connected_arg = life;
    assert_int_equal(session_open(&peer_address, NULL, &session), 0);
    return portal_new(session);
}

static inline bool peer_has_heard(const char *words)
{
    return memmem(peer.socket->out.data, peer.socket->out.size, words, strlen(words)) != NULL;
}

/* A scenario, among the tests. */
static inline void among_others(void **state)
{
    struct life life = {0};
    life.script = ((void (**)(struct life *))*state)[0];
    live(&life);
    assert_int_equal(life.rc, 0);
}

#define LIVE(name) {#name, among_others, NULL, NULL, (void (*[])(struct life *)){name}}

#endif

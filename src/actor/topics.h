/* Sets of subscribers, and what these want. A producer knows its set as its tr_publisher. */
#ifndef ACTOR_TOPICS_H
#define ACTOR_TOPICS_H

#include "base/arena.h"
#include "base/list.h"
#include "sync/lot.h"
#include "tractor/topics.h"

struct served;

/* A set. */
struct tr_publisher {
    int refs;
    struct link place;              /* among the actor's, until its producer has ended */
    char *name;
    const tr_type *item;            /* what is published */
    int (*produce)(tr_publisher *to, void *arg);
    void *arg;
    bool running;                   /* the producer was started, */
    bool closing;                   /* and is cancelled, for want of subscribers */
    tr_event ended;
    tr_scope scope;                 /* around it */
    struct tr_error *failure;       /* of it; owned; NULL for none */
    struct link subscribers;
    struct link topics;             /* those that came first, first */
    uint64_t subscriptions;         /* how many there ever were */
    tr_lot news;                    /* who waits for a topic to be wanted */
    struct arena told;              /* what tr_topics has returned last */
};

/* There while somebody wants it. */
struct topic {
    struct link place;
    struct link subscriptions;      /* by number */
    size_t size;
    char name[];
};

/* A call that is being served; on the stack of that. */
struct subscriber {
    tr_publisher *set;              /* a reference */
    struct link place;
    struct served *served;
    struct link subscriptions;
    uint64_t wish;                  /* counts its lists of topics */
    tr_scope listening;             /* cancelled by the producer's end */
    struct link waits;              /* of publishers, for it to have room */
    tr_lot alone;                   /* it waits here for them to be gone */
};

/* One subscriber's wish for one topic. */
struct subscription {
    struct link in_topic, in_subscriber;
    struct topic *topic;
    struct subscriber *subscriber;
    uint64_t number;
    uint64_t wish;                  /* the newest of its subscriber's lists that it is in */
};

/* TR_EARGUMENT, raised, for a topic that is NULL; else 0. */
int topics_check(const char *set, tr_list_tr_str topics);

/* These take the place of those that it wanted before. TR_EARGUMENT, raised, with nothing changed; or -ENOMEM, and it
 * wants some of both. */
int topics_want(struct subscriber *subscriber, tr_list_tr_str topics);

/* It wants nothing any more, and, not affected by cancellation, no publisher knows of it afterwards. */
void topics_leave(struct subscriber *subscriber);

#endif

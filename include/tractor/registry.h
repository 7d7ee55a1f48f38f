/* Who is there: asking the registry for all actors of a name or a prefix, and watching them come and go.
 *
 *     tr_list_tr_registration found;
 *     tr_try(tr_query_actors(&found, .prefix = "worker-"));
 *     for (size_t i = 0; i < found.count; i++)
 *         printf("%s is pid %d\n", found.items[i].name, (int)found.items[i].pid);
 *
 *     tr_auto(stream) changes = NULL;
 *     tr_actor_event event;
 *     tr_try(tr_watch_actors(&changes, "worker-"));
 *     while ((rc = tr_next_actor(changes, &event)) > 0)
 *         printf("%s has %s\n", event.actor.name, event.joined ? "joined" : "left");
 *
 * Every actor is registered from before its start has returned until it ends, however it ends: a registration lives
 * as long as a connection between processes, and goes with it. The root has the registrations of its whole tree. With a
 * shared arbiter (tr_main's .arbiter) each root tells that of its own, an instant later, and everybody at the arbiter
 * is found. The end of the program that is the arbiter takes nothing from the others but each other: within one tree
 * everything is found as before, beyond it TR_ENOARBITER is the answer, and once another program is the arbiter at that
 * address, all are registered with it within a second.
 *
 * Names need not be unique, uuids are: nobody is registered under one that another is registered with. Nor as another
 * process: who greets another actor over a Unix socket with a pid that is not its own, as the kernel has it, is refused
 * (-EACCES) by that. A process in a pid namespace of its own greets with the pid that it has there, which holds as far
 * as the other one can see into that; where it cannot, and over TCP, the pid is what the actor says.
 * To find one actor and call it, tr_find_actor and tr_wait_for_actor (actor.h) are enough. */
#ifndef TRACTOR_REGISTRY_H
#define TRACTOR_REGISTRY_H

#include "tractor/stream.h"

/* What is known of an actor. `addresses`: where others reach it, its own Unix socket among them. `started`: when it was
 * registered, seconds since 1970. `modules`: what others may call in it. */
tr_struct(tr_registration, (tr_str, name), (tr_str, uuid), (tr_list_tr_str, addresses), (int32_t, pid),
          (double, started), (tr_list_tr_str, modules));
tr_list_of(tr_registration);

/* Which actors are asked for; all zero: all. */
typedef struct tr_query_options {
    struct tr_arguments_are_named *named_;
    const char *name;       /* those that are called exactly so; NULL: any */
    const char *prefix;     /* those whose names begin so; NULL: any */
    bool own_tree;          /* only those of this tree, for which no shared arbiter is needed */
} tr_query_options;

/* All that are registered now, in the order in which they came, those of this tree first. The list and what is in
 * it belong to the calling task's innermost frame. A checkpoint. TR_ENOARBITER when the shared arbiter cannot be
 * reached within a second or breaks off, TR_EARGUMENT, TR_ENORUNTIME, -ENOMEM. (query_actor) */
#define tr_query_actors(...) TR_QUERY_(__VA_ARGS__, )
#define TR_QUERY_(FOUND, ...)                                                                      \
    tr_query_actors_((FOUND), &(const tr_query_options){__VA_ARGS__ .named_ = NULL})
TR_API int tr_query_actors_(tr_list_tr_registration *ret_found, const tr_query_options *options) TR_USE_RESULT;

/* An actor has joined: it is registered; or left: it has ended, or its root is out of reach. */
tr_struct(tr_actor_event, (bool, joined), (tr_registration, actor));

/* Opens a stream of what becomes of all actors whose names begin with `prefix` ("" or NULL: all): first those that
 * are there join, then what happens happens, in order, nothing twice and nothing left out. With a shared arbiter it
 * is that one's view. To be read by tr_next_actor only, and left by tr_auto(stream). A checkpoint. TR_ENOARBITER as
 * above, TR_EARGUMENT without a place for the stream, TR_ENORUNTIME, -ENOMEM. */
TR_API int tr_watch_actors(tr_stream **ret_stream, const char *prefix) TR_USE_RESULT;

/* Waits for the next event: 1 with it in *ret_event, whose texts live until the next call or the stream's end. A
 * checkpoint, one task at a time. TR_ENOARBITER when the arbiter has ended: those of other trees may be there or not
 * then, and another tr_watch_actors tells, once there is an arbiter again. A watcher that is more than
 * 65536 events behind, or 32 MiB of them, gets that too, since it would have to be told of all again; and so does who
 * is told of what can be no actor. */
TR_API int tr_next_actor(tr_stream *stream, tr_actor_event *ret_event) TR_USE_RESULT;

#endif

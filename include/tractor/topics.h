/* Topics: one producer for many subscribers, in whatever actors these are; each gets the topics that it asked for.
 *
 *     tr_struct(quote, (tr_str, symbol), (double, price));
 *
 *     static int produce(tr_publisher *to, void *arg)      // one task, as long as anybody listens
 *     {
 *         for (;;) {
 *             tr_list_tr_str wanted;
 *             tr_try(tr_topics(to, &wanted));              // who listens comes and goes
 *             for (size_t i = 0; i < wanted.count; i++)
 *                 tr_try(tr_publish(to, quote, wanted.items[i], {wanted.items[i], price_of(wanted.items[i])}));
 *             tr_try(tr_sleep(0.1));
 *         }
 *     }
 *
 *     tr_stream_fn(quote, quotes, (tr_list_tr_str, symbols))
 *     {
 *         return tr_serve_topics(ctx, "quotes", args->symbols, produce, NULL);
 *     }
 *
 * A subscriber is any reader of such a stream (stream.h): tr_open_stream(portal, &mine, quotes, .symbols =
 * tr_names("X", "Y")), and tr_next. It leaves as one leaves a stream.
 *
 * The subscribers of one name in one actor are a set, with one producer: a task that begins with the first of them and
 * is cancelled with the last, whose function returns only once it has ended (its caller, as always, waits for that no
 * longer than 2 seconds). Whoever comes then begins a new set, with a new producer. A producer that ends, ends the
 * streams of all; one that fails, fails them all with the same error, which a nursery that gets it several times counts
 * once.
 *
 * Who is behind: tr_publish waits for a subscriber that is too far behind, and so does everybody else, unless that one
 * has opened its stream with an overrun policy (tr_flow): those miss values instead, and hold up nobody as long as
 * their process runs.
 *
 * A subscriber that wants other topics from time to time calls a context (context.h) to which it sends lists of them:
 * tr_context_fn(void, quotes, (void, tr_list_tr_str, quote)), which says tr_ctx_started(ctx) and is served likewise.
 *
 * (tractor.msg.pub in Python) */
#ifndef TRACTOR_TOPICS_H
#define TRACTOR_TOPICS_H

#include "tractor/context.h"

/* What a producer knows its subscribers by. Lives as long as the producer. */
typedef struct tr_publisher tr_publisher;

/* In a stream function, or a context that has started: its caller subscribes to these topics of the set of that name.
 * Returns once that is over: 0 when the producer has ended, its error when it has failed, also in being cancelled, or
 * TR_ECANCELLED when the caller has left. A checkpoint, and a shielded one for the last subscriber, who waits for the
 * producer's end.
 *
 * In a context whose caller sends tr_list_tr_str, each list that comes takes the place of the topics before; then
 * there may also be none. Topics that are named twice count once. Name and topics are copied.
 *
 * `produce` is run as produce(publisher, arg) by a task of the actor's, which belongs to none of the subscribers:
 * neither may `arg`. TR_EMISUSE if the set has another producer, argument or type of items, or this is no stream;
 * TR_EARGUMENT for no topics, or a name or topic that is NULL; -ENOMEM. */
TR_API int tr_serve_topics(tr_ctx *ctx, const char *name, tr_list_tr_str topics,
                           int (*produce)(tr_publisher *to, void *arg), void *arg) TR_USE_RESULT;

/* ---- for the producer ------------------------------------------------------------------------------- */

/* Sends a value to all who want that topic now: tr_publish(to, quote, "X", {"X", 1.5}), in the order in which they
 * came. How many that were; who left meanwhile is not an error. A topic that nobody wants costs a checkpoint. The value
 * is copied. Also from several tasks of the producer's nursery at once. A checkpoint, and it waits for each that is too
 * far behind; cut short, some have had it. TR_EMISUSE if the items are of another type, TR_EARGUMENT for one that
 * cannot be sent or a topic that is NULL, -ENOMEM. */
#define tr_publish(to, TYPE, topic, ...)                                                           \
    tr_publish_((to), &tr_type_##TYPE, (topic), (TYPE[1]){__VA_ARGS__})
TR_API int tr_publish_(tr_publisher *to, const tr_type *type, const char *topic, const void *value)
    TR_USE_RESULT;

/* The topics that somebody wants now, each once, those that are wanted longest first. They belong to the publisher and
 * live until the next call. No checkpoint. -ENOMEM. (get_topics) */
TR_API int tr_topics(tr_publisher *to, tr_list_tr_str *ret_topics) TR_USE_RESULT;

/* Waits until somebody wants that topic. A checkpoint in every case. TR_EARGUMENT for NULL. */
TR_API int tr_wait_topic(tr_publisher *to, const char *topic) TR_USE_RESULT;

#endif

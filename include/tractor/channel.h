/* Memory channels: values passed between the tasks of one process, in order, each to one receiver. An
 * item is any C type of fixed size and is copied in and out; capacity 0 means that a sender waits until
 * its item was taken. (trio.open_memory_channel)
 *
 *     tr_auto(sender) in = NULL;  tr_auto(receiver) out = NULL;
 *     tr_try(tr_open_channel(&in, &out, sizeof(int), 10));
 *     tr_try(tr_send(in, &(int){7}));
 *     while ((rc = tr_receive(out, &number)) > 0) ...
 *     return rc;
 *
 * Both ends are known by handles, which are no addresses: one that was closed, by whomever, is refused with
 * TR_ECLOSED, and a channel ends with its run. The end comes when every sender is closed: a task that sends
 * is best given a handle of its own, which it closes by tr_auto(sender) mine = arg->in. It does run, even if it
 * is cancelled first; only where tr_start_soon fails the handle is still the caller's. */
#ifndef TRACTOR_CHANNEL_H
#define TRACTOR_CHANNEL_H

#include "tractor/error.h"

typedef struct tr_sender tr_sender;
typedef struct tr_receiver tr_receiver;

/* Makes both ends, each to be closed by the caller. No checkpoint. -ENOMEM; TR_EARGUMENT for an item of
 * no size or a buffer too large to count. */
TR_API int tr_open_channel(tr_sender **ret_sender, tr_receiver **ret_receiver, size_t item_size,
                           size_t capacity) TR_USE_RESULT;

/* Sends a copy of *item; waits while the channel is full. A checkpoint in every case; when it returns
 * an error nothing was sent. TR_EBROKEN once every receiver is closed, TR_ECLOSED if this sender is
 * NULL, closed, or gets closed meanwhile. */
TR_API int tr_send(tr_sender *sender, const void *item) TR_USE_RESULT;

/* Receives into *ret_item: 1, or 0 at the end, when every sender is closed and nothing is left. Waits
 * while there is nothing. A checkpoint in every case; when it returns an error nothing was taken.
 * TR_ECLOSED if this receiver is NULL, closed, or gets closed meanwhile. */
TR_API int tr_receive(tr_receiver *receiver, void *ret_item) TR_USE_RESULT;

/* The same without waiting: -EAGAIN where the others would wait. No checkpoints. (trio: send_nowait,
 * receive_nowait) */
TR_API int tr_send_now(tr_sender *sender, const void *item) TR_USE_RESULT;
TR_API int tr_receive_now(tr_receiver *receiver, void *ret_item) TR_USE_RESULT;

/* One of the things that tr_select may do: tr_case_receive(out, &order), tr_case_send(in, &answer). */
typedef struct tr_case {
    tr_sender *sender;          /* of these one; a case whose handle is NULL is left out */
    tr_receiver *receiver;
    void *item;
    int rc;                     /* afterwards, of the one that was done: what tr_send or tr_receive returns */
} tr_case;
#define tr_case_send(sender_, item_) ((tr_case){.sender = (sender_), .item = (void *)(item_)})
#define tr_case_receive(receiver_, item_) ((tr_case){.receiver = (receiver_), .item = (item_)})

enum { TR_CASES_MOST = 64 };

/* Does exactly one of several, the first in the array of those that can be done without waiting, or the one
 * for which that is so first; returns its index, and its outcome is in its rc: an end, a broken channel or a
 * handle that gets closed counts as done. A checkpoint in every case; when it returns an error nothing was
 * sent or taken. TR_EARGUMENT for too many cases or one without an item, TR_ECLOSED when all are left out.
 * (Go's select, but for the order; trio has none.)
 *
 *     tr_case cases[] = {tr_case_receive(orders, &order), tr_case_receive(news, &item)};
 *     tr_try(which = tr_select(cases, 2));
 *     tr_try(cases[which].rc);                // 1, or 0 at the end of that channel
 *     if (cases[which].rc == 0)               // which would be done again and again:
 *         tr_close_receiver(which == 0 ? &orders : &news);            // now it is left out */
TR_API int tr_select(tr_case *cases, size_t count) TR_USE_RESULT;

/* Another handle for the same end, closed on its own; the end is closed with its last handle. No
 * checkpoint. -ENOMEM, TR_ECLOSED for one that is closed, or NULL. */
TR_API int tr_clone_sender(tr_sender *sender, tr_sender **ret_clone) TR_USE_RESULT;
TR_API int tr_clone_receiver(tr_receiver *receiver, tr_receiver **ret_clone) TR_USE_RESULT;

/* Closes and sets to NULL; may be repeated, on another variable with the same handle as well. No checkpoint.
 * The last receiver's close fails waiting senders with TR_EBROKEN and drops what is buffered; the last
 * sender's gives waiting receivers the end. Tasks that wait with this very handle fail with TR_ECLOSED. */
TR_API void tr_close_sender(tr_sender **sender);
TR_API void tr_close_receiver(tr_receiver **receiver);

typedef tr_sender *tr_sender_auto_;
typedef tr_receiver *tr_receiver_auto_;
#define tr_sender_done_ tr_close_sender
#define tr_receiver_done_ tr_close_receiver

#endif

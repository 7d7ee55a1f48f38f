/* Mailboxes: the way from other threads into a world's.
 *
 *     a thread: post --> queue, bell --> the world's thread wakes, empties the queue, delivers
 *
 * The bell is a uv_async, which wakes the poller and may be rung by any thread, but not once it is
 * closed. So it is rung under the lock and only while the mailbox is open, and closing the mailbox under
 * the same lock comes before closing the bell. A letter that comes too late is delivered on the spot, by
 * whoever posted it, with no owner: the world is not touched, it may be gone. Nobody is ever left
 * without an answer.
 *
 * A mailbox is counted. libuv has a hold of its own on it, for the bell, until it has closed that. */
#include "sys/real.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

struct mailbox {
    struct sys_mailbox head;    /* first: users get a pointer to this */
    pthread_mutex_t lock;       /* of the queue, `open`, and the bell while it is */
    struct sys_letter *first, **end;
    bool open;
    void *owner;                /* the world's thread only */
    uv_async_t bell;
    atomic_size_t holds;
};

static struct mailbox *mailbox_of(struct sys_mailbox *head)
{
    return (struct mailbox *)head;
}

/* Everything that is in the queue, which is empty then. Under the lock. */
static struct sys_letter *take_all(struct mailbox *mailbox)
{
    struct sys_letter *first = mailbox->first;
    mailbox->first = NULL;
    mailbox->end = &mailbox->first;
    return first;
}

static void deliver_all(struct sys_letter *letter, void *owner)
{
    for (struct sys_letter *next; letter; letter = next) {
        next = letter->next; /* the letter is gone once it is delivered */
        letter->deliver(letter, owner);
    }
}

static void on_bell(uv_async_t *bell)
{
    struct mailbox *mailbox = bell->data;
    pthread_mutex_lock(&mailbox->lock);
    struct sys_letter *letters = take_all(mailbox);
    pthread_mutex_unlock(&mailbox->lock);
    deliver_all(letters, mailbox->owner);
}

int real_mailbox(struct sys *sys, void *owner, struct sys_mailbox **ret)
{
    struct mailbox *mailbox = calloc(1, sizeof *mailbox);
    if (!mailbox)
        return UV_ENOMEM;
    uv_loop_t *loop;
    int rc = real_loop(real_of(sys), &loop);
    if (rc >= 0)
        rc = uv_async_init(loop, &mailbox->bell, on_bell);
    if (rc < 0) {
        free(mailbox);
        return rc;
    }
    mailbox->head.ops = sys->ops;
    mailbox->bell.data = mailbox;
    mailbox->owner = owner;
    mailbox->open = true;
    (void)take_all(mailbox);
    pthread_mutex_init(&mailbox->lock, NULL);
    atomic_init(&mailbox->holds, 2); /* the caller's and the bell's */
    *ret = &mailbox->head;
    return 0;
}

void real_mailbox_hold(struct sys_mailbox *head)
{
    atomic_fetch_add_explicit(&mailbox_of(head)->holds, 1, memory_order_relaxed);
}

void real_mailbox_drop(struct sys_mailbox *head)
{
    struct mailbox *mailbox = mailbox_of(head);
    if (atomic_fetch_sub_explicit(&mailbox->holds, 1, memory_order_acq_rel) > 1)
        return;
    pthread_mutex_destroy(&mailbox->lock);
    free(mailbox);
}

static void bell_closed(uv_handle_t *bell)
{
    real_mailbox_drop(bell->data);
}

void real_mailbox_close(struct sys *sys, struct sys_mailbox *head)
{
    struct mailbox *mailbox = mailbox_of(head);
    pthread_mutex_lock(&mailbox->lock);
    mailbox->open = false;
    struct sys_letter *late = take_all(mailbox);
    pthread_mutex_unlock(&mailbox->lock);
    uv_close((uv_handle_t *)&mailbox->bell, bell_closed);
    real_of(sys)->stirred = true;
    deliver_all(late, NULL);
}

void real_post(struct sys_mailbox *head, struct sys_letter *letter)
{
    struct mailbox *mailbox = mailbox_of(head);
    letter->next = NULL;
    pthread_mutex_lock(&mailbox->lock);
    bool in_time = mailbox->open;
    if (in_time) {
        *mailbox->end = letter;
        mailbox->end = &letter->next;
        uv_async_send(&mailbox->bell);
    }
    pthread_mutex_unlock(&mailbox->lock);
    if (!in_time)
        letter->deliver(letter, NULL);
}

/* A thread that somebody cancels waits nevertheless: the letter is on its stack. */
int real_ask(struct sys_mailbox *head, struct sys_letter *letter)
{
    sem_t answered;
    int cancellable;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancellable);
    sem_init(&answered, 0, 0);
    letter->waiting = &answered;
    real_post(head, letter);
    while (sem_wait(&answered) < 0)
        continue; /* a signal came first */
    sem_destroy(&answered);
    pthread_setcancelstate(cancellable, NULL);
    return 0;
}

void real_answer(struct sys_mailbox *head, struct sys_letter *letter)
{
    (void)head;
    sem_post(letter->waiting);
}

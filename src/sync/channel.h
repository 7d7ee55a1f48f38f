/* The inside of a memory channel, for what waits at it. */
#ifndef SYNC_CHANNEL_H
#define SYNC_CHANNEL_H

#include "tractor/channel.h"

#include "base/handles.h"
#include "base/list.h"
#include "base/runtime.h"
#include "sched/task.h"

struct channel {
    size_t item_size;
    size_t capacity, count, first;  /* of the ring, in items */
    size_t senders, receivers;      /* open ends */
    struct link sending, receiving; /* struct hand, the longest waiting first */
    unsigned char *ring;
};

/* What a tr_sender or tr_receiver is a handle of. */
struct channel_end {
    struct handle handle;
    struct channel *channel;
    bool sends;
};

/* All of the run, open ones. */
struct channel_ends {
    struct guest guest;             /* how the run owns them */
    struct handles handles;
};

/* NULL if it was closed, or is NULL. */
static inline struct channel_end *channel_end_of(const void *handle)
{
    const struct channel_ends *ends = runtime ? runtime->channels : NULL;
    return ends ? handles_find(&ends->handles, (uintptr_t)handle) : NULL;
}

/* A waiting task and the item it gives or the place it wants one in. */
struct hand {
    struct link place;
    struct task *task;
    void *item;
    const void *end;                /* the handle it waits with */
    struct choice *choice;          /* that this is one hand of; NULL for a lone one */
};

/* Hands at several channels, of which one will be taken. */
struct choice {
    size_t count, taken;
    struct hand hands[TR_CASES_MOST];
};

void choice_withdraw(struct choice *choice);

/* At once: 0 / 1, 0 at the end; TR_EBROKEN; -EAGAIN if it has to wait. None of it raised. */
int channel_send_now(struct channel *channel, const void *item);
int channel_receive_now(struct channel *channel, void *ret_item);

/* A checkpoint before anything has happened: afterwards only success may be reported. */
static inline int channel_checkpoint(void)
{
    int rc = task_required();
    return rc < 0 ? rc : task_checkpoint_if_cancelled();
}

#endif

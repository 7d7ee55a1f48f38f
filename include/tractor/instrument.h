/* Watching the scheduler at work: for profilers, tracers and progress bars. Costs nothing while there is
 * none.
 *
 *     static void say(tr_instrument *self, tr_moment moment, const tr_task_view *task) { ... }
 *     static tr_instrument saying = {.tell = say};
 *     tr_add_instrument(&saying);
 */
#ifndef TRACTOR_INSTRUMENT_H
#define TRACTOR_INSTRUMENT_H

#include "tractor/error.h"

/* What has happened to a task. */
typedef enum tr_moment {
    TR_SPAWNED,     /* it was started; it has not run yet */
    TR_RUNS,        /* it is given the processor */
    TR_BLOCKS,      /* it gives it up and waits for something */
    TR_WOKEN,       /* it need not wait any longer, and will run again */
    TR_EXITED,      /* its function has returned */
} tr_moment;

typedef struct tr_task_view {
    const void *id;         /* unique among the tasks there are; that of one that exited may come again */
    const char *name;       /* the function it was started with, or the name it was given */
    const char *at;         /* "file:line" where it was started; "" for the first */
    const char *waits_for;  /* TR_BLOCKS: "a lock"; else "" */
} tr_task_view;

/* `tell` is called in the middle of the scheduler's work: it must not call anything of this library, but for
 * reading the clock, tr_now. The view and its strings are gone when it returns. */
typedef struct tr_instrument tr_instrument;
struct tr_instrument {
    void (*tell)(tr_instrument *self, tr_moment moment, const tr_task_view *task);
    tr_instrument *next_;
};

/* Adds one to this run / takes it out, when it need not be in; it is told what happens meanwhile. It must
 * live as long. To be called from a task. No checkpoints. TR_EMISUSE if it is in already or has no `tell`.
 * (trio.lowlevel.add_instrument, trio.abc.Instrument) */
TR_API int tr_add_instrument(tr_instrument *instrument) TR_USE_RESULT;
TR_API void tr_remove_instrument(tr_instrument *instrument);

#endif

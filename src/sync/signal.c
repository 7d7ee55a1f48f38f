/* Signals as a stream.
 *
 * Those that came wait in `pending`, each number once, in the order they came. The one task that may ask is
 * woken when the first comes; it takes only once it runs, so that one who is cancelled has taken nothing,
 * and a close that comes before can still raise them again. */
#include "tractor/signal.h"

#include "base/error.h"
#include "base/hooks.h"
#include "sched/task.h"
#include "sync/lot.h"
#include "sys/sys.h"

#include <errno.h>

enum { MOST_SIGNALS = 64 };

struct one {
    struct tr_signals *of;
    int number;
    struct sys_catch *caught;   /* NULL when it is not */
};

struct tr_signals {
    int pending[MOST_SIGNALS];
    size_t pending_count;
    tr_lot waiting;
    bool busy;                  /* a task asks */
    bool closed;                /* and is the last to know */
    size_t count;
    struct one ones[];
};

static void add(struct tr_signals *signals, int number)
{
    for (size_t i = 0; i < signals->pending_count; i++)
        if (signals->pending[i] == number)
            return;
    signals->pending[signals->pending_count++] = number;
}

static int take(struct tr_signals *signals)
{
    int first = signals->pending[0];
    signals->pending_count--;
    for (size_t i = 0; i < signals->pending_count; i++)
        signals->pending[i] = signals->pending[i + 1];
    return first;
}

static void caught(void *arg)
{
    struct one *one = arg;
    add(one->of, one->number);
    lot_wake_one(&one->of->waiting);
}

/* All former effects are back before any signal is raised again: one might be another's handler. */
static void let_go(struct tr_signals *signals)
{
    for (size_t i = 0; i < signals->count; i++)
        if (signals->ones[i].caught && sys_let_signal_go(signals->ones[i].caught))
            add(signals, signals->ones[i].number);
    while (signals->pending_count > 0)
        sys_raise_signal(take(signals));
}

static int check(const int *numbers, size_t count)
{
    if (count == 0)
        return raise_code(TR_EARGUMENT, "no signal to wait for");
    for (size_t i = 0; i < count; i++)
        if (numbers[i] < 1 || numbers[i] > MOST_SIGNALS)
            return raise_code(TR_EARGUMENT, "%d is no signal", numbers[i]);
    return 0;
}

int tr_open_signals_(tr_signals **ret_signals, const int *numbers, size_t count)
{
    tr_try(task_required());
    tr_try(check(numbers, count));
    struct tr_signals *signals = mem_zalloc(sizeof *signals + count * sizeof *signals->ones);
    if (!signals)
        return error_raise_plain(-ENOMEM);
    signals->count = count;
    for (size_t i = 0; i < count; i++) {
        struct one *one = &signals->ones[i];
        *one = (struct one){.of = signals, .number = numbers[i]};
        int rc = sys_catch_signal(one->number, caught, one, &one->caught);
        if (rc < 0) {
            let_go(signals);
            mem_free(signals);
            return raise_code(rc, "signal %d cannot be caught: %s", numbers[i], tr_code_sentence(rc));
        }
    }
    *ret_signals = signals;
    return 0;
}

int tr_next_signal(tr_signals *signals)
{
    tr_try(task_required());
    if (!signals)
        return error_raise_plain(TR_ECLOSED);
    if (signals->busy)
        return raise_code(TR_EMISUSE, "another task waits for these signals already");
    signals->busy = true;
    int rc = signals->pending_count > 0 ? tr_checkpoint() : lot_park_for(&signals->waiting, "a signal");
    signals->busy = false;
    if (signals->closed) {
        mem_free(signals);
        return rc < 0 ? rc : error_raise_plain(TR_ECLOSED);
    }
    return rc < 0 ? rc : take(signals);
}

void tr_close_signals(tr_signals **held)
{
    struct tr_signals *signals = *held;
    if (!signals)
        return;
    *held = NULL;
    let_go(signals);
    signals->closed = true;
    if (signals->busy)
        lot_wake_all(&signals->waiting);
    else
        mem_free(signals);
}

/* Instruments: those who want to be told of every task's moments. */
#include "tractor/instrument.h"

#include "sched/sched.h"

void instruments_tell(const struct sched *sched, tr_moment moment, const struct task *task)
{
    const tr_task_view view = {task, task->front.name, task->base.opened.at,
                               moment == TR_BLOCKS ? task->waits_for : ""};
    for (tr_instrument *one = sched->instruments, *next; one; one = next) {
        next = one->next_;
        one->tell(one, moment, &view);
    }
}

static tr_instrument **find(const tr_instrument *instrument)
{
    tr_instrument **at = &runtime->sched->instruments;
    while (*at && *at != instrument)
        at = &(*at)->next_;
    return at;
}

int tr_add_instrument(tr_instrument *instrument)
{
    int rc = task_required();
    if (rc < 0)
        return rc;
    if (!instrument || !instrument->tell || *find(instrument))
        return raise_code(TR_EMISUSE, "an instrument that is in already, or has nothing to call");
    instrument->next_ = NULL;
    *find(NULL) = instrument;
    return 0;
}

void tr_remove_instrument(tr_instrument *instrument)
{
    tr_instrument **at = task_current() ? find(instrument) : NULL;
    if (at && *at)
        *at = instrument->next_;
}

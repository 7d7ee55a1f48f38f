/* What happens when everybody waits: usually nothing, until the world reports something or a deadline comes.
 * In tests, tasks may be waiting for this very moment, and the clock may jump. They go first: they are
 * there to say what shall happen next. Whether really nothing happens is asked of the world by polling for
 * the cushion or the threshold, in real time, without anything becoming ready. */
#include "sched/sched.h"

#include "sys/sys.h"
#include "tractor/testing.h"

struct idler {
    struct idler *next;
    struct task *task;
    int64_t cushion;
};

static void add(struct sched *sched, struct idler *idler)
{
    struct idler **at = &sched->idlers;
    while (*at && (*at)->cushion <= idler->cushion)
        at = &(*at)->next;
    idler->next = *at;
    *at = idler;
}

static bool give_up(void *idler)
{
    struct idler **at = &runtime->sched->idlers;
    while (*at != idler)
        at = &(*at)->next;
    *at = (*at)->next;
    return true;
}

int tr_wait_all_blocked(double cushion)
{
    tr_try(task_required());
    if (!(cushion >= 0) || sched_deadline_ns(cushion) == NEVER)
        return raise_code(TR_EARGUMENT, "a cushion of %g seconds is none, or never over", cushion);
    struct idler idler = {.task = runtime->task, .cushion = sched_deadline_ns(cushion)};
    add(runtime->sched, &idler);
    return task_park("all others to wait", give_up, &idler);
}

static void wake_idlers(struct sched *sched)
{
    int64_t cushion = sched->idlers->cushion;
    while (sched->idlers && sched->idlers->cushion == cushion) {
        struct task *task = sched->idlers->task;
        sched->idlers = sched->idlers->next;
        task_wake(task, 0);
    }
}

/* Whether nothing happens for so long. */
static bool quiet_for(const struct sched *sched, int64_t time)
{
    return sys_poll(time) && !sched->ready;
}

void idle_poll(struct sched *sched, int64_t timeout)
{
    int64_t cushion = sched->idlers ? sched->idlers->cushion : NEVER;
    if (timeout != 0 && sched->idlers && (timeout < 0 || cushion < timeout || sched->jumps)) {
        if (quiet_for(sched, cushion))
            wake_idlers(sched);
    } else if (!sched->jumps || timeout <= 0) {
        (void)sys_poll(timeout);
    } else if (quiet_for(sched, sched->threshold)) {
        sys_set_clock(sys_now() + timeout);
    }
}

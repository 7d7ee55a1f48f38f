/* Looking for what another processor may bring about in a moment.
 *
 * To wait costs a system call and, where the processor has gone to sleep meanwhile, some ten microseconds to wake; and
 * whoever wakes us pays as much. An answer from another processor may be there sooner than that. So before it waits
 * the loop looks for such an answer for a while: as long as it takes to wake a sleeper on another processor and be
 * answered, for otherwise two that sleep would never find each other awake. Who asks for it knows that somebody runs
 * elsewhere, and whether it has paid lately; the loop only sees to it that nobody else suffers: descriptors are polled
 * meanwhile, deadlines are kept, and it is over soon. An idle run does nothing.
 *
 * While others are seen all the time that moment is never over. Lest those that nothing happens to are looked at for
 * ever they are given up after so many times. */
#include "sched/sched.h"

#include "sys/sys.h"

enum { MOMENT_NS = 50000, GLANCES_PER_TIME = 128, MOST_IN_VAIN = 16 };

/* What is done about what was seen may take any time, and the clock is asked no later than after so many moments. */
enum { MOMENTS_PER_TIME = 16 };

void sched_glance(struct glance *what)
{
    what->in_vain = 0;
    if (list_empty(&what->place))
        list_push(&runtime->sched->glances, &what->place);
}

/* Tells the processor that somebody else is waited for: it saves power, and sees the other's store sooner. */
static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Whether any was seen. */
static bool see(struct sched *sched)
{
    bool seen = false;
    list_each(at, &sched->glances)
    {
        struct glance *what = container_of(at, struct glance, place);
        if (!what->see(what))
            continue;
        list_remove(at);
        seen = true;
    }
    return seen;
}

/* All that were looked for in vain so often. */
static void give_up(struct sched *sched, int most)
{
    list_each(at, &sched->glances)
    {
        struct glance *what = container_of(at, struct glance, place);
        if (++what->in_vain < most)
            continue;
        list_remove(at);
        what->give_up(what);
    }
}

void glance_once(struct sched *sched)
{
    (void)see(sched);
    give_up(sched, MOST_IN_VAIN);
}

/* Whether there is something to do. */
static bool poll_at_times(struct sched *sched, int64_t now)
{
    if (now - sched->looked > LOOK_EVERY_NS)
        sched_look(sched);
    return sched_is_busy(sched);
}

/* Whether there is reason to stop. The clock costs as much as several glances and is asked now and then, also if each
 * moment is over sooner than that: so the moment begins when it is asked for the first time. */
static bool has_to_stop(struct sched *sched, int64_t *end)
{
    sched->glances_left = GLANCES_PER_TIME;
    int64_t now = sys_now();
    if (*end < 0)
        *end = now + MOMENT_NS;
    return now >= *end || sched_deadline_has_come(sched) || poll_at_times(sched, now);
}

static bool see_for_a_moment(struct sched *sched)
{
    int64_t end = -1;
    sched->glances_left -= GLANCES_PER_TIME / MOMENTS_PER_TIME;
    while (--sched->glances_left > 0 || !has_to_stop(sched, &end)) {
        if (see(sched))
            return true;
        relax();
    }
    return sched_is_busy(sched) || sched_deadline_has_come(sched);
}

bool glance_for_a_moment(struct sched *sched)
{
    bool somebody_waits_for_everybody_to_wait = sched->jumps || sched->idlers;
    bool goes_on = !somebody_waits_for_everybody_to_wait && see_for_a_moment(sched);
    give_up(sched, goes_on ? MOST_IN_VAIN : 0);
    return goes_on || sched_is_busy(sched);
}

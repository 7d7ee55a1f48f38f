/* The ladder by which an actor ends that is to end: a request, a time to comply, SIGTERM, another time, SIGKILL. It
 * cannot fail, nor be cancelled, and needs no memory: whatever happens here, the process is gone and reaped afterwards.
 *
 * If this actor itself is to end by some time, each step takes half of what is left at most, so that its children are
 * gone before its own parent uses force, however deep the tree. */
#include "actor/keeper.h"

#include "actor/actor.h"
#include "base/log.h"
#include "base/plant.h"

#include <math.h>
#include <signal.h>

static int wait_for_news(void *arg)
{
    struct keeper *keeper = arg;
    return lot_park_for(&keeper->news, "the end of an actor");
}

/* Whether it is gone before the time is over; which becomes less, and the child is told so, if meanwhile we are
 * to end ourselves, or sooner. */
static bool gone_within(struct keeper *keeper, double seconds, bool ask)
{
    double until = tr_now() + actor_share_of_end(seconds);
    for (bool over = false; !over && !keeper->child.exited.set;) {
        if (ask)
            session_cancel(keeper->session, 0, until - tr_now());
        (void)task_within_shield(until - tr_now(), wait_for_news, keeper, &over);
        until = fmin(until, tr_now() + actor_share_of_end(INFINITY));
    }
    return keeper->child.exited.set;
}

static bool heeds_term(struct keeper *keeper)
{
    log_at(TR_LOG_WARNING, "%s does not end by itself: SIGTERM", keeper->name);
    (void)child_signal(&keeper->child, SIGTERM);
    return gone_within(keeper, keeper->term_grace, false);
}

static void kill_and_wait(struct keeper *keeper)
{
    log_at(TR_LOG_WARNING, "%s does not end by itself: SIGKILL", keeper->name);
    if (!planted(SKIPPED_KILL))
        (void)child_signal(&keeper->child, SIGKILL);
    lot_park_shielded(&keeper->child.exited.waiting_, "a killed actor to end");
}

/* Nobody has been forked yet who could be asked. Whoever may be is killed; and a server that is busy or stopped is
 * not waited for any longer than an actor would be. */
static bool ends_unborn(struct keeper *keeper)
{
    (void)child_signal(&keeper->child, SIGKILL);
    return gone_within(keeper, keeper->grace + keeper->term_grace, false);
}

void keeper_descend_ladder(struct keeper *keeper)
{
    struct ending us = {.news = &keeper->news};
    list_push(&actor_self()->endings, &us.place);
    bool born = child_pid(&keeper->child) != 0;
    bool gone = born && keeper->session && gone_within(keeper, keeper->grace, true);
    keeper->killed = !gone;
    if (!gone && !(born ? heeds_term(keeper) : ends_unborn(keeper)))
        kill_and_wait(keeper);
    list_remove(&us.place);
}

/* Tasks: at random they call threads, open houses with more tasks in them, and put limits to what they do. */
#include "threads.h"

#include "threads_holdings.h"

#include <math.h>
#include <stdlib.h>

struct actor {
    struct run *run;
    struct house *house;
    uint64_t dice;
    int depth;
    enum doom doom;
};

enum { DEEPEST = 3 };

static int act(void *arg);

static struct actor one_inside(struct actor *it, enum doom doom)
{
    return (struct actor){it->run, it->house, random_next(&it->dice), it->depth + 1, doom};
}

/* ---- houses ------------------------------------------------------------------------------------------- */

enum ending { JOIN, CANCEL, LEAVE, ENDINGS };

/* Cancellation does not end before the house does. */
static void check_refusals(struct house *house)
{
    if (peek(&house->refused_early))
        verify(tr_cancelled(house->nursery) || tr_effective_deadline() == -INFINITY,
               "a guest was told of a cancellation that there was not");
}

static int start_actor(struct actor *host)
{
    struct actor *it = tr_alloc(sizeof *it);
    bool doomed = host->doom == NO_DOOM && host->house->will_be_cancelled;
    *it = one_inside(host, doomed ? BY_TASK : host->doom);
    return tr_start_soon(host->house->nursery, act, it);
}

static int fill(struct actor *host)
{
    for (int more = (int)roll(&host->dice, 5); more > 0; more--)
        tr_try(start_actor(host));
    for (int more = host->house->door ? (int)roll(&host->dice, 3) : 0; more > 0; more--)
        send_stranger(host->house, &host->dice);
    return act(host);
}

static int leave(struct house *house, enum ending ending, int rc)
{
    check_refusals(house);
    put(&house->leaving, true);
    happened(ending == LEAVE ? HOUSE_LEFT : ending == CANCEL ? HOUSE_CANCELLED : HOUSE_JOINED);
    if (ending == LEAVE)
        return rc;
    if (ending == CANCEL)
        tr_cancel(house->nursery);
    return tr_join_with(house->nursery, rc);
}

static struct house *new_house(struct actor *host)
{
    struct house *house = calloc(1, sizeof *house);
    struct trial *trial = host->run->trial;
    house->run = host->run;
    pthread_mutex_lock(&trial->lock);
    house->next = trial->houses;
    trial->houses = house;
    pthread_mutex_unlock(&trial->lock);
    return house;
}

/* For strangers and for workers, of whichever run; the trial releases it. */
static void open_door(struct house *house)
{
    tr_door *door = tr_open_door(house->nursery);
    verify(door, "a house without a door");
    pthread_mutex_lock(&house->run->trial->lock);
    house->door = door;
    pthread_mutex_unlock(&house->run->trial->lock);
}

static int live_in(struct actor *host)
{
    struct house *house = host->house;
    enum ending ending = (enum ending)roll(&host->dice, ENDINGS);
    tr_auto(nursery) nursery = house->nursery = tr_open_nursery();
    house->will_be_cancelled = ending != JOIN;
    if (!one_in(&host->dice, 3))
        open_door(house);
    return leave(house, ending, fill(host));
}

static int keep_house(struct actor *it)
{
    struct actor host = one_inside(it, it->doom);
    host.house = new_house(it);
    int rc = live_in(&host);
    put(&host.house->left, true);
    if (rc < 0 && rc != TR_ECANCELLED)
        happened(HOUSE_FAILED);
    return rc < 0 && rc != TR_ECANCELLED && !one_in(&it->dice, 6) ? 0 : rc;
}

/* ---- scopes ------------------------------------------------------------------------------------------- */

static int act_in_time(struct actor *it)
{
    struct actor inside = one_inside(it, BY_CLOCK);
    tr_scope limit = tr_move_on_after(one_in(&it->dice, 6) ? 0 : 1e-6 * (double)roll(&it->dice, 500));
    int rc = tr_within(&limit, act(&inside));
    if (limit.cancelled_caught)
        happened(LIMIT_REACHED);
    return rc;
}

static int act_shielded(struct actor *it)
{
    struct actor inside = one_inside(it, NO_DOOM);
    tr_scope shield = tr_shield();
    return tr_within(&shield, act(&inside));
}

/* ---- tasks -------------------------------------------------------------------------------------------- */

static int try_what_is_for_threads(struct actor *it)
{
    verify(tr_thread_cancelled() == TR_EMISUSE && tr_from_thread(act, NULL) == TR_EMISUSE,
           "a task was taken for a worker");
    if (it->house->door)
        verify(tr_enter_door(it->house->door, act, NULL) == TR_EMISUSE, "a task waits for its own thread");
    happened(MISUSED_BY_TASK);
    return 0;
}

static int change_limiter(struct actor *it)
{
    int total = 1 + (int)roll(&it->dice, FEW);
    if (total > peek(&it->run->by_few.most))
        put(&it->run->by_few.most, total);
    tr_limiter_set_total(&it->run->few, (size_t)total);
    happened(LIMIT_CHANGED);
    return 0;
}

static int do_something_else(struct actor *it)
{
    switch (roll(&it->dice, 6)) {
    case 0:
        return try_what_is_for_threads(it);
    case 1:
        return change_limiter(it);
    case 2:
        holdings_refuse_threads(1 + (int)roll(&it->dice, 2));
        return 0;
    case 3:
        tr_cancel(it->house->nursery);
        return 0;
    case 4:
        return tr_raise("stress.Failed", "a task failed");
    default:
        return tr_sleep(1e-6 * (double)roll(&it->dice, 100));
    }
}

static int act_once(struct actor *it)
{
    uint64_t what = roll(&it->dice, 16);
    if (what < 3 && it->depth < DEEPEST)
        return keep_house(it);
    if (what < 6 && it->depth < DEEPEST)
        return act_in_time(it);
    if (what == 6 && it->depth < DEEPEST)
        return act_shielded(it);
    if (what < 9)
        return do_something_else(it);
    return call_thread((struct caller){it->run, &it->dice, .doom = it->doom});
}

static int act(void *arg)
{
    struct actor *it = arg;
    for (int times = 1 + (int)roll(&it->dice, 4); times > 0; times--)
        tr_try(act_once(it));
    return 0;
}

int play(void *arg)
{
    struct run *run = arg;
    run->thread = pthread_self();
    return keep_house(&(struct actor){.run = run, .dice = run->dice});
}

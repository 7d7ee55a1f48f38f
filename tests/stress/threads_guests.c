/* Guests: tasks that a thread has run, in a call (tr_from_thread) or in a house (by its door); and strangers,
 * who do nothing else. What is said of a guest lies on the stack of the thread that waits, and is not atomic:
 * the library alone orders who writes there. */
#include "threads.h"

#include "threads_holdings.h"

#include <sched.h>
#include <stdlib.h>

struct guest {
    struct run *run;
    const note *over;           /* then it must not be there any more */
    uint64_t dice;
    bool stays;                 /* until it is cancelled */
    bool shielded;              /* not even then */
    int result;
    unsigned number;
    int came, left, told;
};

/* ---- as a task ---------------------------------------------------------------------------------------- */

static void verify_place(const struct guest *it)
{
    verify(pthread_equal(pthread_self(), it->run->thread), "guest %u is on the wrong thread", it->number);
    verify(!peek(it->over) && !peek(&it->run->ended), "guest %u is where all should have left", it->number);
}

static int do_one_thing(struct guest *it)
{
    switch (roll(&it->dice, 4)) {
    case 0:
        return tr_checkpoint();
    case 1:
        return tr_sleep(1e-6 * (double)roll(&it->dice, 100));
    case 2:
        return call_thread((struct caller){it->run, &it->dice, .inside = true});
    default:
        return 0;
    }
}

static int do_several_things(struct guest *it)
{
    for (int times = (int)roll(&it->dice, 3); times > 0; times--)
        tr_try(do_one_thing(it));
    return 0;
}

static int stay(struct guest *it)
{
    if (it->stays)
        return tr_sleep_forever();
    tr_scope scope = it->shielded ? tr_shield() : tr_cancel_scope();
    return tr_within(&scope, do_several_things(it));
}

static int be_there(void *arg)
{
    struct guest *it = arg;
    it->came++;
    verify_place(it);
    int rc = stay(it);
    verify_place(it);
    it->told = rc == TR_ECANCELLED ? rc : give_result(it->result, it->number);
    it->left++;
    return it->told;
}

static struct guest new_guest(struct run *run, const note *over, uint64_t *dice)
{
    return (struct guest){.run = run, .over = over, .dice = random_next(dice), .result = decide_result(dice),
                          .shielded = one_in(dice, 3),
                          .number = (unsigned)bump(&run->trial->numbers)};
}

/* Whether it was there. */
static bool judge(const struct guest *it, int rc)
{
    verify(it->came <= 1 && it->came == it->left, "guest %u came %d times and left %d times", it->number,
           it->came, it->left);
    if (it->came)
        verify_result(rc, it->told, it->number);
    return it->came;
}

/* ---- in a call ---------------------------------------------------------------------------------------- */

static enum outcome kind_of_refusal(struct call *call, bool over)
{
    verify(call->loose, "call %u cannot have been abandoned, but had its task refused", call->number);
    put(&call->turned_away, true);
    put(&call->saw_cancelled, true);
    return over ? VISIT_RUN_OVER : VISIT_TURNED_AWAY;
}

void visit_run(struct call *call)
{
    struct guest guest = new_guest(call->run, &call->returned, &call->dice);
    bool over = peek(&call->run->ended), cancelled = peek(&call->saw_cancelled);
    guest.stays = call->lingers && one_in(&call->dice, 2);
    int rc = tr_from_thread(be_there, &guest);
    if (!judge(&guest, rc)) {
        verify(rc == TR_ECANCELLED, "call %u had its task refused with %d", call->number, rc);
        happened(kind_of_refusal(call, over));
        return;
    }
    verify(!over && !(call->loose && peek(&call->turned_away)), "call %u had a task after its end", call->number);
    happened(rc == TR_ECANCELLED ? VISIT_CANCELLED
             : cancelled         ? VISIT_CUT_BUT_DONE
             : rc < 0            ? VISIT_ERROR
                                 : VISIT_VALUE);
}

/* ---- in a house --------------------------------------------------------------------------------------- */

static enum outcome kind_of_closing(struct house *house, bool over, bool left)
{
    verify(peek(&house->leaving), "a door is closed of a house that nobody leaves");
    return over ? DOOR_RUN_OVER : left ? DOOR_CLOSED : DOOR_CLOSED_MEANWHILE;
}

static enum outcome kind_of_waiting(struct house *house, bool left, int rc)
{
    verify(rc == TR_ECANCELLED, "a guest was refused with %d", rc);
    verify(!left, "a house that was left is only cancelled");
    if (!peek(&house->leaving))
        put(&house->refused_early, true);
    return DOOR_NOT_NOW;
}

int enter_house(struct house *house, tr_door *door, uint64_t *dice, bool may_stay)
{
    struct guest guest = new_guest(house->run, &house->left, dice);
    bool over = peek(&house->run->ended), left = peek(&house->left);
    guest.stays = may_stay && house->will_be_cancelled && one_in(dice, 3);
    int rc = tr_enter_door(door, be_there, &guest);
    if (!judge(&guest, rc)) {
        verify(tr_last_error() && tr_error_code(tr_last_error()) == rc, "a refusal has no error");
        happened(rc == TR_ECLOSED ? kind_of_closing(house, over, left) : kind_of_waiting(house, left, rc));
        return rc;
    }
    verify(!left, "a guest came into a house that was left");
    happened(rc == TR_ECANCELLED ? DOOR_CANCELLED : rc < 0 ? DOOR_ERROR : DOOR_VALUE);
    return 0;
}

/* One of the newest, mostly. */
static struct house *some_house(struct run *run, uint64_t *dice, tr_door **ret_door)
{
    struct trial *trial = run->trial;
    pthread_mutex_lock(&trial->lock);
    struct house *found = NULL;
    for (struct house *house = trial->houses; house && !(found && one_in(dice, 2)); house = house->next)
        found = house->door ? house : found;
    *ret_door = found ? tr_keep_door(found->door) : NULL;
    pthread_mutex_unlock(&trial->lock);
    return found;
}

void enter_some_house(struct run *run, uint64_t *dice)
{
    tr_auto(door) door = NULL;
    struct house *house = some_house(run, dice, &door);
    if (!house)
        return;
    tr_ignore(enter_house(house, door, dice, false));
    happened(house->run == run ? DOOR_OF_OWN_RUN : DOOR_OF_ANOTHER_RUN);
}

/* ---- strangers ---------------------------------------------------------------------------------------- */

struct stranger {
    struct stranger *next;      /* of the run */
    pthread_t thread;
    struct house *house;
    tr_door *door;
    uint64_t dice;
};

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void try_what_is_for_workers(void)
{
    verify(tr_thread_cancelled() == TR_ENORUNTIME && tr_from_thread(nothing, NULL) == TR_ENORUNTIME &&
               tr_to_thread(nothing, NULL) == TR_ENORUNTIME,
           "a stranger was taken for somebody else");
    happened(MISUSED_BY_STRANGER);
}

static void do_something(struct stranger *it)
{
    switch (roll(&it->dice, 12)) {
    case 0:
        try_what_is_for_workers();
        return;
    case 1:
        verify(tr_run(nothing, NULL) == 0, "a stranger cannot have a run");
        happened(RUN_ON_STRANGER);
        return;
    default:
        sched_yield();
    }
}

/* A few times or until it is closed; once more then, for it must stay so. */
static void *roam(void *arg)
{
    struct stranger *it = arg;
    int times = one_in(&it->dice, 2) ? 1 + (int)roll(&it->dice, 8) : 1000000, rc = 0;
    if (one_in(&it->dice, 6))
        latch_wait(&it->house->run->over);
    for (; times > 0 && rc != TR_ECLOSED; times--) {
        do_something(it);
        rc = enter_house(it->house, it->door, &it->dice, true);
    }
    if (rc == TR_ECLOSED)
        verify(enter_house(it->house, it->door, &it->dice, true) == rc, "a closed door was opened again");
    tr_release_door(&it->door);
    return NULL;
}

void send_stranger(struct house *house, uint64_t *dice)
{
    struct stranger *it = calloc(1, sizeof *it);
    it->house = house;
    it->door = tr_keep_door(house->door);
    it->dice = random_next(dice);
    it->next = house->run->strangers;
    house->run->strangers = it;
    holdings_start_thread(&it->thread, roam, it);
}

void join_strangers(struct run *run)
{
    for (struct stranger *it; (it = run->strangers);) {
        run->strangers = it->next;
        pthread_join(it->thread, NULL);
        free(it);
    }
}

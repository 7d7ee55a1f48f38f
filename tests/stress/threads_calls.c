/* Calls: functions on worker threads, what they do there, and what must have become of them. */
#include "threads.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the function gets. On the caller's stack, or given away to a call that may be abandoned: then it is
 * freed by abandon, or else by the caller. Nothing in it is atomic: one thread at a time has it. */
struct parcel {
    struct call *call;
    int hands;                  /* that it went through */
};

/* ---- results ------------------------------------------------------------------------------------------ */

int decide_result(uint64_t *dice)
{
    uint64_t which = roll(dice, 20);
    return which < 12 ? (int)roll(dice, 1000) : which < 16 ? TR_ERAISED : which < 19 ? -ENOENT : TR_ECANCELLED;
}

int give_result(int result, unsigned number)
{
    return result == TR_ERAISED ? tr_raise("stress.Bad", "number %u is bad", number) : result;
}

void verify_result(int rc, int told, unsigned number)
{
    verify(rc == told, "number %u returned %d, but %d arrived", number, told, rc);
    if (rc >= 0)
        return;
    const tr_error *error = tr_last_error();
    char expected[40];
    snprintf(expected, sizeof expected, "number %u is bad", number);
    verify(error && tr_error_code(error) == rc, "the error of number %u did not arrive", number);
    verify(rc != TR_ERAISED || strcmp(tr_error_message(error), expected) == 0,
           "instead of the error of number %u there is: %s", number, tr_error_message(error));
}

/* ---- on the worker ------------------------------------------------------------------------------------ */

static void look(struct call *call)
{
    bool over = peek(&call->run->ended), noticed = peek(&call->saw_cancelled);
    int rc = tr_thread_cancelled();
    verify(rc == 0 || rc == TR_ECANCELLED, "a worker was taken for something else: %d", rc);
    verify(rc < 0 || !(over || noticed), "call %u is not cancelled any more", call->number);
    happened(rc == 0 ? LOOK_CALM : over ? LOOK_RUN_OVER : LOOK_CANCELLED);
    if (rc < 0)
        put(&call->saw_cancelled, true);
}

static int be_called(void *arg)
{
    return *(int *)arg;
}

static int call_once(void *arg)
{
    (void)arg;
    int seven = 7;
    return tr_to_thread(be_called, &seven);
}

static void spin(uint64_t times)
{
    for (atomic_int i = 0; (uint64_t)i < times; i++)
        continue;
}

static void do_something(struct call *call)
{
    switch (roll(&call->dice, call->inside ? 4 : 12)) {
    case 0:
        spin(roll(&call->dice, 2000));
        return;
    case 1:
        sched_yield();
        return;
    case 2:
        usleep((useconds_t)roll(&call->dice, 200)); /* tidy: call: a function that blocks is what is tested */
        return;
    case 3:
        look(call);
        return;
    case 4:
    case 5:
        enter_some_house(call->run, &call->dice);
        return;
    case 6:
        if (!one_in(&call->dice, 8))
            return;
        verify(tr_run(call_once, NULL) == 7, "a run on a worker did not return its result");
        happened(RUN_ON_WORKER);
        return;
    default:
        visit_run(call);
    }
}

static void enter_gauge(struct gauge *gauge)
{
    int inside = bump(&gauge->inside);
    verify(inside < peek(&gauge->most), "a limiter of %d let %d in", peek(&gauge->most), inside + 1);
}

static void leave_gauge(struct gauge *gauge)
{
    atomic_fetch_sub_explicit(&gauge->inside, 1, memory_order_relaxed);
}

static void do_several_things(struct call *call)
{
    for (int times = (int)roll(&call->dice, 4); times > 0; times--)
        do_something(call);
}

static void wait_for_cancellation(struct call *call)
{
    while (!peek(&call->saw_cancelled)) {
        look(call);
        sched_yield();
    }
}

static void do_everything(struct call *call)
{
    do_several_things(call);
    if (call->outlives)
        latch_wait(&call->run->over);
    else if (call->lingers && one_in(&call->dice, 2))
        wait_for_cancellation(call);
    else
        return;
    do_several_things(call);
}

static int work(void *arg)
{
    struct parcel *parcel = arg;
    struct call *call = parcel->call;
    verify(bump(&call->begun) == 0, "the function of call %u began twice", call->number);
    verify(!peek(&call->abandoned), "call %u began after it was abandoned", call->number);
    enter_gauge(call->gauge);
    do_everything(call);
    leave_gauge(call->gauge);
    parcel->hands++;
    bool says = peek(&call->saw_cancelled) && one_in(&call->dice, 2);
    int rc = says ? TR_ECANCELLED : give_result(call->result, call->number);
    put(&call->told, rc);
    bump(&call->ended);
    return rc;
}

static void abandon(void *arg)
{
    struct parcel *parcel = arg;
    struct call *call = parcel->call;
    verify(bump(&call->abandoned) == 0, "call %u was abandoned twice", call->number);
    verify(peek(&call->begun) == peek(&call->ended), "call %u was abandoned to a function", call->number);
    verify(parcel->hands == 1 + peek(&call->ended), "the argument of call %u is not what it was", call->number);
    put(&call->unbegun, !peek(&call->begun));
    if (call->outlives && peek(&call->ended))
        happened(ABANDONED_BEYOND_RUN);
    free(parcel);
}

/* ---- the caller --------------------------------------------------------------------------------------- */

static bool is_cancelled(void)
{
    return tr_effective_deadline() == -INFINITY;
}

/* It has ended. */
static enum outcome kind_of_result(struct call *call, int rc)
{
    bool cut = is_cancelled();
    if (rc == TR_ECANCELLED && call->loose)
        return LOOSE_SAID_CANCELLED;
    if (rc == TR_ECANCELLED)
        return cut ? CALL_SAID_CANCELLED : CALL_CLAIMED_CANCELLED;
    if (cut)
        return call->loose ? LOOSE_CUT_BUT_DONE : CALL_CUT_BUT_DONE;
    if (rc >= 0)
        return call->loose ? LOOSE_VALUE : CALL_VALUE;
    return rc == TR_ERAISED ? (call->loose ? LOOSE_ERROR : CALL_ERROR) : call->loose ? LOOSE_CODE : CALL_CODE;
}

static enum outcome without_thread(struct call *call)
{
    call->run->without_thread++;
    verify(!peek(&call->begun) && !peek(&call->abandoned), "call %u has no thread, but ran", call->number);
    return call->loose ? LOOSE_NO_THREAD : CALL_NO_THREAD;
}

/* Nothing is known to have ended. */
static enum outcome kind_of_cancellation(struct call *call, bool queued)
{
    verify(is_cancelled(), "call %u was cancelled, but its task was not", call->number);
    if (call->loose && !peek(&call->unbegun))
        return peek(&call->begun) ? ABANDONED : ABANDONED_EARLY;
    verify(!peek(&call->begun), "call %u returned before its function did", call->number);
    if (queued)
        return call->loose ? LOOSE_CUT_IN_QUEUE : CALL_CUT_IN_QUEUE;
    return call->loose ? LOOSE_NOT_BEGUN : CALL_NOT_BEGUN;
}

static enum outcome judge(struct call *call, int rc, bool queued)
{
    put(&call->returned, true);
    call->rc = rc;
    verify(peek(&call->begun) == peek(&call->ended) || (call->loose && rc == TR_ECANCELLED),
           "call %u returned before its function did", call->number);
    if (rc == -EAGAIN)
        return without_thread(call);
    if (rc == TR_ECANCELLED && !(peek(&call->ended) && peek(&call->told) == TR_ECANCELLED))
        return kind_of_cancellation(call, queued);
    verify(peek(&call->ended) == 1, "call %u returned %d, which nobody told it", call->number, rc);
    verify_result(rc, peek(&call->told), call->number);
    verify(!peek(&call->saw_cancelled) || is_cancelled(), "call %u was not cancelled, but told so", call->number);
    return kind_of_result(call, rc);
}

static int call_firmly(struct call *call)
{
    struct parcel parcel = {call, 1};
    int rc = tr_to_thread(work, &parcel, .limiter = call->gauge->limiter);
    verify(parcel.hands == 1 + peek(&call->ended), "the argument of call %u is not what it was", call->number);
    return rc;
}

static int call_loosely(struct call *call)
{
    struct parcel *parcel = malloc(sizeof *parcel);
    *parcel = (struct parcel){call, 1};
    int rc = tr_to_thread(work, parcel, .limiter = call->gauge->limiter, .abandon = abandon);
    if (rc == TR_ECANCELLED)
        return rc;
    verify(parcel->hands == 1 + peek(&call->ended), "the argument of call %u is not what it was", call->number);
    verify(!peek(&call->abandoned), "call %u was abandoned, but returned %d", call->number, rc);
    free(parcel);
    return rc;
}

/* Nobody may keep what those wait for who cancel him. */
static struct gauge *choose_gauge(const struct call *call, enum doom doom)
{
    if (call->inside || call->outlives || (call->lingers && doom != BY_CLOCK))
        return &call->run->by_patient;
    return call->number % 3 ? &call->run->by_few : &call->run->by_own;
}

static struct call *new_call(struct caller caller)
{
    struct trial *trial = caller.run->trial;
    struct call *call = calloc(1, sizeof *call);
    *call = (struct call){.run = caller.run, .dice = random_next(caller.dice), .loose = roll(caller.dice, 2),
                          .inside = caller.inside};
    call->result = decide_result(caller.dice);
    call->number = (unsigned)bump(&trial->numbers);
    call->lingers = caller.doom && one_in(caller.dice, 2);
    call->outlives = call->loose && caller.doom && one_in(caller.dice, 4);
    call->gauge = choose_gauge(call, caller.doom);
    pthread_mutex_lock(&trial->lock);
    call->next = trial->calls;
    trial->calls = call;
    pthread_mutex_unlock(&trial->lock);
    return call;
}

static bool is_full(const struct call *call)
{
    const tr_limiter *limiter = call->gauge->limiter ? call->gauge->limiter : tr_thread_limiter();
    verify(limiter->borrowed <= (size_t)peek(&call->gauge->most), "%zu were borrowed of a limiter of %d",
           limiter->borrowed, peek(&call->gauge->most));
    return limiter->borrowed >= limiter->total;
}

int call_thread(struct caller caller)
{
    struct call *call = new_call(caller);
    bool queued = !is_cancelled() && is_full(call);
    int rc = call->loose ? call_loosely(call) : call_firmly(call);
    happened(judge(call, rc, queued));
    if (rc == TR_ECANCELLED && is_cancelled())
        return rc;
    return rc < 0 && rc != TR_ECANCELLED && one_in(caller.dice, 8) ? rc : 0;
}

/* ---- in the end --------------------------------------------------------------------------------------- */

static void check_call(struct call *call)
{
    int begun = peek(&call->begun), abandoned = peek(&call->abandoned);
    bool given_away = call->loose && call->rc == TR_ECANCELLED;
    verify(peek(&call->returned), "call %u never returned", call->number);
    verify(begun == peek(&call->ended), "call %u has begun, but not ended", call->number);
    verify(abandoned == given_away, "call %u returned %d, and was abandoned %d times", call->number, call->rc,
           abandoned);
    verify(!peek(&call->unbegun) || !begun, "call %u was abandoned unbegun, and then began", call->number);
    verify(given_away || peek(&call->told) == call->rc || !begun, "call %u began after all", call->number);
    verify(!peek(&call->turned_away) || given_away, "call %u had its task refused for nothing", call->number);
}

void check_calls(struct trial *trial)
{
    for (struct call *call; (call = trial->calls);) {
        trial->calls = call->next;
        check_call(call);
        free(call);
    }
}

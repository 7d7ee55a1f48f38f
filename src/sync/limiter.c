/* Capacity limiters.
 *
 * Who has one, and who waits for one, is in a map by the borrower's address or the task's number; its value
 * tells which. Room in the map is taken before the wait, so that being handed one cannot fail. */
#include "base/error.h"
#include "base/hooks.h"
#include "base/map.h"
#include "sched/task.h"
#include "sync/lot.h"

#include <errno.h>
#include <stdint.h>

static char has_one, waits_for_one; /* the two values in the map */

tr_limiter tr_limiter_of(size_t total)
{
    return (tr_limiter){.total = total};
}

static uint64_t key_of(const void *borrower)
{
    return borrower ? (uintptr_t)borrower : task_number(task_current());
}

static void *state_of(const tr_limiter *limiter, uint64_t key)
{
    return limiter->borrowers_ ? map_get(limiter->borrowers_, key) : NULL;
}

/* A limiter that nobody uses has no memory either. */
static void free_if_unused(tr_limiter *limiter)
{
    struct map *borrowers = limiter->borrowers_;
    if (borrowers->count > 0)
        return;
    map_fini(borrowers);
    mem_free(borrowers);
    limiter->borrowers_ = NULL;
}

static void strike(tr_limiter *limiter, uint64_t key)
{
    map_remove(limiter->borrowers_, key);
    free_if_unused(limiter);
}

static int enlist(tr_limiter *limiter, uint64_t key, char *state)
{
    if (!limiter->borrowers_ && !(limiter->borrowers_ = mem_zalloc(sizeof(struct map))))
        return error_raise_plain(-ENOMEM);
    if (map_put(limiter->borrowers_, key, state) == 0)
        return 0;
    free_if_unused(limiter);
    return error_raise_plain(-ENOMEM);
}

static int check_new(const tr_limiter *limiter, uint64_t key)
{
    void *state = state_of(limiter, key);
    if (!state)
        return 0;
    return raise_code(TR_EMISUSE, "this borrower %s one already",
                      state == &has_one ? "has" : "waits for");
}

int tr_limiter_try(tr_limiter *limiter, const void *borrower)
{
    tr_try(task_required());
    uint64_t key = key_of(borrower);
    tr_try(check_new(limiter, key));
    if (limiter->borrowed >= limiter->total)
        return 0;
    tr_try(enlist(limiter, key, &has_one));
    limiter->borrowed++;
    return 1;
}

static int wait_for_one(tr_limiter *limiter, uint64_t key)
{
    tr_try(enlist(limiter, key, &waits_for_one));
    int rc = lot_park_for(&limiter->waiting_, "a limiter");
    if (rc < 0)
        strike(limiter, key);
    else
        map_set(limiter->borrowers_, key, &has_one);
    return rc;
}

int tr_limiter_acquire(tr_limiter *limiter, const void *borrower)
{
    tr_try(task_required());
    tr_try(task_checkpoint_if_cancelled());
    int rc = tr_limiter_try(limiter, borrower);
    if (rc == 0)
        return wait_for_one(limiter, key_of(borrower));
    return rc > 0 ? task_yield(0) : rc;
}

/* Whoever is woken has been counted. */
static void hand_out(tr_limiter *limiter)
{
    while (limiter->borrowed < limiter->total && lot_wake_one(&limiter->waiting_))
        limiter->borrowed++;
}

static void give_back(tr_limiter *limiter, uint64_t key)
{
    strike(limiter, key);
    limiter->borrowed--;
    hand_out(limiter);
}

void limiter_give_back(tr_limiter *limiter, const void *borrower)
{
    give_back(limiter, (uintptr_t)borrower);
}

int tr_limiter_release(tr_limiter *limiter, const void *borrower)
{
    tr_try(task_required());
    uint64_t key = key_of(borrower);
    if (state_of(limiter, key) != &has_one)
        return raise_code(TR_EMISUSE, "this borrower has none to give back");
    give_back(limiter, key);
    return 0;
}

void tr_limiter_set_total(tr_limiter *limiter, size_t total)
{
    limiter->total = total;
    if (task_current())
        hand_out(limiter);
}

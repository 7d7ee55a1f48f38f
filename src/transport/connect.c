/* Connecting to a host that has several addresses, of which some may not answer: "happy eyeballs", RFC 8305.
 *
 * They are tried in their order, each in a task of its own, the next one when the one before has failed or a
 * quarter of a second has passed. The first that is connected cancels the nursery, and with it the others.
 * What is left is one descriptor or as many errors as there are addresses. */
#include "base/error.h"
#include "base/hooks.h"
#include "sched/task.h"
#include "tractor/sync.h"
#include "tractor/task.h"
#include "transport/transport.h"

#include <errno.h>
#include <string.h>

static const double STAGGER_S = 0.25;

struct race {
    tr_nursery *nursery;
    int fd;                     /* the winner's; -1 while there is none */
    struct sys_address winner;
    int first_failure;          /* what the first to fail failed with */
    struct errors errors;       /* of all that failed */
};

struct attempt {
    struct race *race;
    struct sys_address to;
    tr_event failed;
};

static void lose(struct attempt *attempt, int rc)
{
    struct race *race = attempt->race;
    if (!race->first_failure)
        race->first_failure = rc;
    errors_add(&race->errors, error_of(rc));
    tr_event_set(&attempt->failed);
}

static int try_one(void *arg)
{
    struct attempt *attempt = arg;
    struct race *race = attempt->race;
    int fd, rc = transport_reach(&attempt->to, &fd);
    if (rc == TR_ECANCELLED)
        return rc;
    if (rc < 0) {
        lose(attempt, rc);
    } else if (race->fd >= 0) {
        sys_close(&fd); /* in the same moment as another */
    } else {
        race->fd = fd;
        race->winner = attempt->to;
        tr_cancel(race->nursery);
    }
    return 0;
}

static int try_each(struct race *race, struct attempt *attempts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        attempts[i].race = race;
        tr_try(tr_start_soon(race->nursery, try_one, &attempts[i]));
        tr_scope patience = tr_move_on_after(STAGGER_S);
        tr_try(tr_within(&patience, tr_event_wait(&attempts[i].failed)));
    }
    return 0;
}

/* In their order, but the second is of the other family if there is one, since all of a family may be out of
 * reach. */
static void line_up(struct attempt *attempts, const struct sys_address *targets, size_t count)
{
    bool first_is_6 = strchr(targets[0].name, ':');
    size_t other = 1;
    while (other < count && !strchr(targets[other].name, ':') == !first_is_6)
        other++;
    for (size_t i = 0; i < count; i++)
        attempts[i].to = targets[i];
    if (other == count)
        return;
    for (size_t i = other; i > 1; i--)
        attempts[i].to = attempts[i - 1].to;
    attempts[1].to = targets[other];
}

static int run(struct race *race, struct attempt *attempts, size_t count)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    race->nursery = nursery;
    return tr_join_with(nursery, try_each(race, attempts, count));
}

static int all_failed(struct race *race, size_t count)
{
    int rc = race->first_failure;
    struct tr_error *error = error_new(rc, tr_code_type(rc), "", 0, "none of %zu addresses answers: %s",
                                       count, tr_code_sentence(rc));
    error_set_cause(error, errors_take(&race->errors));
    return error_raise(error);
}

int transport_reach_any(const struct sys_address *targets, size_t count, int *ret_fd, struct sys_address *ret_winner)
{
    if (count == 1) {
        *ret_winner = targets[0];
        return transport_reach(targets, ret_fd);
    }
    struct attempt *attempts = mem_zalloc(count * sizeof *attempts);
    if (!attempts)
        return error_raise_plain(-ENOMEM);
    line_up(attempts, targets, count);
    struct race race = {.fd = -1};
    int rc = run(&race, attempts, count);
    mem_free(attempts);
    if (rc >= 0 && race.fd < 0)
        rc = all_failed(&race, count);
    else if (rc >= 0)
        *ret_fd = race.fd, *ret_winner = race.winner;
    else
        sys_close(&race.fd);
    error_unref(errors_take(&race.errors));
    return rc;
}

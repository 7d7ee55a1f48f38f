/* Pieces of different tasks in a given order.
 *
 * Each waits in a list until the number counts up to its own. A wait that is cancelled breaks the sequencer
 * for good: its number will never be counted, and whoever waits for a later one is told so. */
#include "tractor/testing.h"

#include "base/error.h"
#include "sched/task.h"

struct tr_turn_ {
    struct tr_turn_ *next;
    struct task *task;
    tr_sequencer *sequencer;
    unsigned number;
};

static struct tr_turn_ **find(tr_sequencer *sequencer, unsigned number)
{
    struct tr_turn_ **at = &sequencer->waiting_;
    while (*at && (*at)->number != number)
        at = &(*at)->next;
    return at;
}

/* Ends the wait of the one at this place of the list. */
static void end_wait(struct tr_turn_ **at, int rc)
{
    struct tr_turn_ *turn = *at;
    *at = turn->next;
    task_wake(turn->task, rc);
}

static void break_up(tr_sequencer *sequencer)
{
    sequencer->broken_ = true;
    while (sequencer->waiting_)
        end_wait(&sequencer->waiting_, TR_EBROKEN);
}

static bool give_up(void *arg)
{
    struct tr_turn_ *turn = arg;
    *find(turn->sequencer, turn->number) = turn->next;
    break_up(turn->sequencer);
    return true;
}

static int broken(unsigned number)
{
    return raise_code(TR_EBROKEN, "turn %u will never come: another was cancelled before its own", number);
}

static int wait_for_turn(tr_sequencer *sequencer, unsigned number)
{
    struct tr_turn_ turn = {sequencer->waiting_, task_current(), sequencer, number};
    sequencer->waiting_ = &turn;
    int rc = task_park("its turn", give_up, &turn);
    return rc == TR_EBROKEN ? broken(number) : rc;
}

int tr_turn_begin_(tr_sequencer *sequencer, unsigned number)
{
    tr_try(task_required());
    if (sequencer->broken_)
        return broken(number);
    if (number < sequencer->next_ || (number == sequencer->next_ && sequencer->running_) ||
        *find(sequencer, number))
        return raise_code(TR_EMISUSE, "turn %u is taken", number);
    if (number != sequencer->next_)
        return wait_for_turn(sequencer, number);
    sequencer->running_ = true; /* before others run, who may want the same turn */
    int rc = tr_checkpoint();
    if (rc < 0)
        break_up(sequencer);
    return rc;
}

int tr_turn_end_(tr_sequencer *sequencer, int rc)
{
    struct tr_turn_ **next = find(sequencer, ++sequencer->next_);
    sequencer->running_ = *next != NULL;
    if (*next)
        end_wait(next, 0);
    return rc;
}

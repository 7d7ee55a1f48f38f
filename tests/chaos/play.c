#include "play.h"

#include "board.h"
#include "random.h"

#include <stdatomic.h>
#include <stdio.h>
#include <tractor.h>

/* ---- what a leaf does ------------------------------------------------------------------------------- */

tr_fn(int64_t, echo, (int64_t, value))
{
    board_enter(CALLING);
    *ret = args->value;
    board_enter(IDLE);
    return 0;
}

tr_stream_fn(int64_t, count_to, (int64_t, last))
{
    board_enter(CALLING);
    for (int64_t i = 1; i <= args->last; i++)
        tr_try(tr_yield(ctx, i));
    board_enter(IDLE);
    return 0;
}

/* Until it is given up; then it takes a moment to put its things away. */
tr_fn(void, linger)
{
    board_enter(CALLING);
    int rc = tr_sleep_forever();
    board_enter(CANCELLING);
    tr_scope shield = tr_shield();
    tr_try(tr_within(&shield, tr_sleep(0.001)));
    board_enter(IDLE);
    return rc;
}

/* By a connection of its own, which the root as the arbiter helps it to. */
tr_fn(int64_t, ask_branch, (tr_str, branch), (int64_t, value))
{
    board_enter(CALLING);
    tr_auto(portal) branch = NULL;
    tr_try(tr_wait_for_actor(&branch, args->branch));
    tr_try(tr_call(branch, ret, echo, .value = args->value));
    board_enter(IDLE);
    return 0;
}

/* ---- what is done with a leaf ----------------------------------------------------------------------- */

struct child {
    tr_nursery *nursery;
    tr_portal *portal;          /* once it is up */
    uint64_t random;
    int number;
};

static int start(struct child *child, const char *kind)
{
    board_will_start();
    tr_try(tr_start_actor(child->nursery, &child->portal, tr_format("%s%d", kind, child->number),
                          .modules = tr_names(tr_this_module())));
    board_is_up(tr_portal_actor(child->portal)->pid);
    return 0;
}

static void tell_to_end(const struct child *children, int count)
{
    for (int i = 0; i < count; i++)
        if (children[i].portal)
            board_is_told_to_end(tr_portal_actor(children[i].portal)->pid);
}

static int call(struct child *leaf)
{
    int64_t value = (int64_t)random_below(&leaf->random, 1 << 30), answer;
    tr_try(tr_call(leaf->portal, &answer, echo, .value = value));
    if (answer != value)
        board_wrong("a call of echo(%ld) gave %ld", (long)value, (long)answer);
    return 0;
}

static int have_it_ask(struct child *leaf)
{
    int64_t value = (int64_t)random_below(&leaf->random, 1 << 30), answer;
    const char *us = tr_current_actor()->name;
    tr_try(tr_call(leaf->portal, &answer, ask_branch, .branch = us, .value = value));
    if (answer != value)
        board_wrong("a call of echo(%ld) by way of a leaf gave %ld", (long)value, (long)answer);
    return 0;
}

static int read_stream(struct child *leaf)
{
    int64_t last = (int64_t)random_below(&leaf->random, 200), number, expected = 0;
    tr_auto(stream) numbers = NULL;
    tr_try(tr_open_stream(leaf->portal, &numbers, count_to, .last = last));
    int rc;
    while ((rc = tr_next(numbers, &number, count_to)) > 0)
        if (number != ++expected)
            board_wrong("value %ld of a stream was %ld", (long)expected, (long)number);
    if (rc == 0 && expected != last)
        board_wrong("a stream of %ld values ended after %ld", (long)last, (long)expected);
    return rc;
}

static int linger_in(struct child *leaf)
{
    int rc = tr_call(leaf->portal, NULL, linger);
    board_enter(rc == TR_ECANCELLED ? CALLING : board_phase());
    return rc;
}

static int give_up_on_call(struct child *leaf)
{
    tr_scope limit = tr_move_on_after((double)random_below(&leaf->random, 2000) / 1e6);
    return tr_within(&limit, linger_in(leaf));
}

static int work_with_leaf(void *arg)
{
    struct child *leaf = arg;
    tr_try(start(leaf, "leaf"));
    tr_try(tr_sleep((double)random_below(&leaf->random, 2000) / 1e6)); /* it has nothing to do for a while */
    board_enter(CALLING);
    tr_try(have_it_ask(leaf));
    for (int i = 0; i < 4; i++) {
        tr_try(call(leaf));
        tr_try(read_stream(leaf));
        tr_try(give_up_on_call(leaf));
    }
    return 0;
}

/* ---- what a branch does ----------------------------------------------------------------------------- */

static int work(struct child *leaves, tr_nursery *of_leaves)
{
    tr_auto(nursery) work = tr_open_nursery();
    for (int i = 0; i < LEAVES; i++) {
        leaves[i].nursery = of_leaves;
        tr_try(tr_start_soon(work, work_with_leaf, &leaves[i]));
    }
    return tr_join(work);
}

/* One way or another. */
static int end_leaves(struct child *leaves, tr_nursery *of_leaves, uint64_t *random)
{
    uint64_t way = random_below(random, 3);
    tell_to_end(leaves, LEAVES);
    if (way == 0)
        for (int i = 0; i < LEAVES; i++)
            tr_try(tr_cancel_actor(leaves[i].portal));
    if (way == 1)
        tr_cancel(of_leaves);
    return way == 2 ? 0 : tr_join(of_leaves); /* or by leaving the block */
}

tr_fn(void, play_branch, (int32_t, number), (uint64_t, seed))
{
    struct child leaves[LEAVES] = {0};
    uint64_t random = args->seed;
    for (int i = 0; i < LEAVES; i++)
        leaves[i] = (struct child){.number = args->number * LEAVES + i, .random = random_next(&random)};
    board_enter(CALLING);
    tr_auto(nursery) of_leaves = tr_open_nursery();
    tr_try(work(leaves, of_leaves));
    tr_try(end_leaves(leaves, of_leaves, &random));
    board_enter(IDLE);
    return 0;
}

/* ---- what the root does ----------------------------------------------------------------------------- */

static int work_with_branch(void *arg)
{
    struct child *branch = arg;
    tr_try(start(branch, "branch"));
    board_enter(CALLING);
    return tr_call(branch->portal, NULL, play_branch, .number = branch->number,
                   .seed = random_next(&branch->random));
}

static int work_with_branches(struct child *branches, tr_nursery *of_branches)
{
    tr_auto(nursery) work = tr_open_nursery();
    for (int i = 0; i < BRANCHES; i++) {
        branches[i].nursery = of_branches;
        tr_try(tr_start_soon(work, work_with_branch, &branches[i]));
    }
    return tr_join(work);
}

static int whole_play(struct child *branches)
{
    tr_auto(nursery) of_branches = tr_open_nursery();
    tr_try(work_with_branches(branches, of_branches));
    tell_to_end(branches, BRANCHES);
    board_enter(EXITING);
    tr_cancel(of_branches);
    return tr_join(of_branches);
}

static void conclude(struct board *board, int rc, const tr_scope *limit)
{
    const tr_error *error = rc < 0 ? tr_last_error() : NULL;
    board->failed = rc < 0;
    board->out_of_time = tr_now() >= limit->deadline;
    board->names_a_death = tr_error_is(error, "ActorDied");
    snprintf(board->report, sizeof board->report, "%s", error ? tr_error_report(error) : "");
    atomic_store(&board->concluded, true);
    board_enter(EXITING);
}

int play_tree(void *arg)
{
    struct board *board = arg;
    struct child branches[BRANCHES] = {0};
    uint64_t random = board->seed;
    for (int i = 0; i < BRANCHES; i++)
        branches[i] = (struct child){.number = i, .random = random_next(&random)};
    tr_scope limit = tr_fail_after(board->limit_s);
    int rc = tr_within(&limit, whole_play(branches));
    conclude(board, rc, &limit);
    return rc;
}

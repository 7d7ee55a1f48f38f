/* What an actor that crashed, or failed far away, leaves to be read. */
#include "support/expect.h"
#include "support/worker.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

/* Everything here is told with the names of these functions, which nobody exports. */
#define KEPT __attribute__((noinline))

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };            /* which tells of faults itself, and ends the process in its own way */
#else
enum { SANITIZED = 0 };
#endif

/* ---- functions that the scenarios call ----------------------------------------------------------------- */

KEPT static void weigh(volatile int *scales)
{
    assert(*scales == 0);
}

tr_fn(void, fail_an_assertion)
{
    volatile int scales = 1;
    weigh(&scales);
    return 0;
}

KEPT static void give_up(volatile int *gave_up)
{
    if (*gave_up)
        abort();
}

tr_fn(void, call_abort)
{
    volatile int gave_up = 1;
    give_up(&gave_up);
    return 0;
}

KEPT static int look_at(volatile int *place)
{
    return *place + 1;
}

tr_fn(void, use_address, (uint64_t, address))
{
    return look_at((volatile int *)(uintptr_t)args->address) == 0; /* NOLINT(performance-no-int-to-ptr): a wild one */
}

KEPT static int share(volatile int *people)
{
    return 100 / *people;
}

tr_fn(void, share_among, (int32_t, people))
{
    volatile int people = args->people;
    return share(&people) == 1;
}

KEPT static int dig(volatile char *above, int deeper)
{
    volatile char hole[1000];
    hole[0] = above ? *above : 0;
    return deeper > 0 ? dig(hole, deeper - 1) + hole[0] : hole[0];
}

static int dig_deep(void *arg)
{
    (void)arg;
    return dig(NULL, 1000);
}

tr_fn(void, outgrow_a_stack)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, dig_deep, NULL));
    return tr_join(n);
}

KEPT static int refuse(int number)
{
    return tr_raise("app.Refused", "not number %d", number);
}

tr_fn(void, fail_by_error, (int32_t, number))
{
    tr_try(refuse(args->number)); /* and not a jump */
    return 0;
}

/* The middle of a tree: what its child fails with is its own failure. */
tr_fn(void, have_a_child_fail)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_run_in_actor(n, NULL, "leaf", fail_by_error, .number = 7));
    return tr_join(n);
}

tr_fn(void, have_a_child_abort)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_run_in_actor(n, NULL, "leaf", call_abort));
    return tr_join(n);
}

static int fail_twice(void *number)
{
    return refuse(*(int *)number);
}

tr_fn(void, fail_in_a_group)
{
    static int numbers[] = {1, 2};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, fail_twice, &numbers[0]));
    tr_try(tr_start_soon(n, fail_twice, &numbers[1]));
    return tr_join(n);
}

/* ---- what is read ------------------------------------------------------------------------------------------ */

/* Whether one of the places has the function, with its file and line. */
static bool was_in(const tr_error *error, const char *function)
{
    char wanted[128];
    snprintf(wanted, sizeof wanted, "%s at tests/programs/crashes.c:", function);
    for (size_t i = 0; i < tr_error_frames(error); i++)
        if (strstr(tr_error_frame(error, i), wanted))
            return true;
    return false;
}

static bool reported(const char *text)
{
    return strstr(tr_error_report(tr_last_error()), text);
}

#define expect_place(type, function) expect(was_in(tr_error_find(tr_last_error(), (type)), (function)))

#define RUN(function)                                                                              \
    static int run_##function(void)                                                                \
    {                                                                                              \
        tr_auto(nursery) n = tr_open_nursery();                                                    \
        tr_try(tr_run_in_actor(n, NULL, "worker", function));                                      \
        return tr_join(n);                                                                         \
    }
RUN(fail_an_assertion)
RUN(call_abort)
#if defined(__x86_64__)
RUN(share_among) /* nobody */
#endif
RUN(outgrow_a_stack)
RUN(have_a_child_fail)
RUN(have_a_child_abort)
RUN(fail_in_a_group)

static int run_use_address(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_run_in_actor(n, NULL, "worker", use_address, .address = 0x123));
    return tr_join(n);
}

#define expect_failure(...)                                                                        \
    do {                                                                                           \
        tr_scope scope_ = tr_cancel_scope();                                                       \
        expect(tr_within(&scope_, (__VA_ARGS__)) == TR_EREMOTE);                                   \
    } while (0)

static int a_failed_assertion_tells_where(void)
{
    expect_failure(run_fail_an_assertion());
    expect_error("ActorDied", "signal 6");
    expect_error("AssertionError", "*scales == 0");
    expect_place("AssertionError", "weigh");
    expect_place("AssertionError", "fail_an_assertion");
    return 0;
}

static int an_abort_tells_where(void)
{
    expect_failure(run_call_abort());
    expect_error("SIGABRT", "in task call_abort");
    expect_place("SIGABRT", "give_up");
    expect_place("SIGABRT", "call_abort");
    return 0;
}

static int a_fault_tells_where_and_which_address(void)
{
    if (SANITIZED)
        return 0;
    expect_failure(run_use_address());
    expect(tr_error_signal(tr_error_find(tr_last_error(), "ActorDied")) == SIGSEGV);
    expect_error("SIGSEGV", "address 0x123, where nothing is mapped, in task use_address");
    expect_place("SIGSEGV", "look_at");
    expect_place("SIGSEGV", "use_address");
    return 0;
}

static int a_division_by_zero_tells_where(void)
{
#if defined(__x86_64__)            /* others have a result for it */
    if (SANITIZED)
        return 0;
    expect_failure(run_share_among());
    expect_error("SIGFPE", "division by zero");
    expect_place("SIGFPE", "share");
#endif
    return 0;
}

static int a_task_that_outgrows_its_stack_is_named(void)
{
    if (SANITIZED)
        return 0;
    expect_failure(run_outgrow_a_stack());
    expect_error("StackOverflow", "task dig_deep");
    expect_place("StackOverflow", "dig");
    return 0;
}

/* Raised in the leaf, read in the root: its actor, its place, its way. */
static int an_error_keeps_its_origin_across_every_hop(void)
{
    expect_failure(run_have_a_child_fail());
    const tr_error *box = tr_last_error(), *error = tr_error_find(box, "app.Refused");
    expect(error && strcmp(tr_error_actor(error)->name, "leaf") == 0);
    expect(strlen(tr_error_actor(error)->uuid) == 32);
    expect(strcmp(tr_error_actor(box)->name, "worker") == 0);
    expect(strcmp(tr_error_actor(tr_error_cause(box))->uuid, tr_error_actor(error)->uuid) == 0);
    expect(was_in(error, "refuse") && was_in(error, "fail_by_error"));
    expect(reported("RemoteActorError, path: root <- worker (") && reported(") <- leaf ("));
    expect(reported("\n  app.Refused: not number 7\n    at tests/programs/crashes.c:"));
    expect(reported(" of the library\n"));
    return 0;
}

static int a_crash_two_levels_down_is_one_report(void)
{
    expect_failure(run_have_a_child_abort());
    expect_place("SIGABRT", "give_up");
    expect(strncmp(tr_error_report(tr_last_error()), "RemoteActorError, path: root <- worker (", 40) == 0);
    const char *died = strstr(tr_error_report(tr_last_error()), "was killed by signal 6");
    expect(died && !strstr(died + 1, "was killed by signal 6")); /* said once */
    return 0;
}

static int the_members_of_a_group_have_numbers(void)
{
    expect_failure(run_fail_in_a_group());
    expect(reported("\n    1. app.Refused: not number 1\n") && reported("\n    2. app.Refused: not number 2\n"));
    return 0;
}

static const struct scenario scenarios[] = {
#define SCENARIO(name) {#name, name}
    SCENARIO(a_failed_assertion_tells_where),
    SCENARIO(an_abort_tells_where),
    SCENARIO(a_fault_tells_where_and_which_address),
    SCENARIO(a_division_by_zero_tells_where),
    SCENARIO(a_task_that_outgrows_its_stack_is_named),
    SCENARIO(an_error_keeps_its_origin_across_every_hop),
    SCENARIO(a_crash_two_levels_down_is_one_report),
    SCENARIO(the_members_of_a_group_have_numbers),
};

static int run_all(void *only)
{
    return run_scenarios(scenarios, sizeof scenarios / sizeof *scenarios, only);
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, run_all, argc > 1 ? argv[1] : NULL, .modules = tr_names("crashes"));
}

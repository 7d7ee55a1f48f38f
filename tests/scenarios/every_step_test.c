/* Whoever ends unasked, at whatever step of its life: by SIGKILL or by _exit, in its n-th system call, for each n
 * until its life is over before. Its life goes from the start by way of the greeting and a call to being told to
 * end. What must hold at each step: the root hears of it, unless the one that ended had been told to before; the
 * others are gone within a moment; nothing is left. */
#define TR_MODULE "every_step"
#include "scenarios/theatre.h"

#include <stdio.h>
#include <string.h>

static const double A_MOMENT_S = 0.05; /* for what happens at once */
enum { SEEDS = 20, STEPS_LEAST = 10, STEPS_MOST = 1000 };

tr_fn(void, wait_for_ever)
{
    say("called");
    return tr_sleep_forever();
}

tr_fn(int64_t, answer_in, (double, seconds))
{
    say("called");
    tr_try(tr_sleep(args->seconds));
    *ret = 42;
    return 0;
}

tr_fn(void, start_another)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *child;
    tr_try(tr_start_actor(nursery, &child, "child", .modules = tr_names("every_step")));
    return tr_call(child, NULL, wait_for_ever);
}


/* ---- plays --------------------------------------------------------------------------------------------------- */

static int call_and_cancel_actor(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    int64_t answer;
    tr_try(tr_start_actor(nursery, &donny, "donny", .modules = tr_names("every_step")));
    tr_try(tr_call(donny, &answer, answer_in, .seconds = 1));
    say("told to end");
    tr_try(tr_cancel_actor(donny));
    return tr_join(nursery);
}

static int run_a_function(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    int64_t answer;
    tr_try(tr_run_in_actor(nursery, &donny, "donny", answer_in, .seconds = 1));
    tr_try(tr_result(donny, &answer, answer_in));
    say("told to end");
    return tr_join(nursery);
}

static int call_for_ever(const char *name, bool three_generations)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_start_actor(nursery, &donny, name, .modules = tr_names("every_step")));
    return three_generations ? tr_call(donny, NULL, start_another) : tr_call(donny, NULL, wait_for_ever);
}

static int sleep_and_say(void *scope)
{
    tr_try(tr_sleep(1));
    say("told to end");
    tr_scope_cancel(scope);
    return 0;
}

static int cut_after_a_second(bool three_generations)
{
    tr_scope limit = tr_cancel_scope();
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(tr_start_soon(nursery, sleep_and_say, &limit));
    return tr_join_with(nursery, tr_within(&limit, call_for_ever("donny", three_generations)));
}

static int cut_a_call(void *arg)
{
    (void)arg;
    return cut_after_a_second(false);
}

static int cut_three_generations(void *arg)
{
    (void)arg;
    return cut_after_a_second(true);
}

/* ---- at every step ------------------------------------------------------------------------------------------- */

enum end { KILLED, EXITED };

enum { ROOT, DONNY, CHILD };        /* in the order of their starts */

struct play {
    int (*director)(void *);
    size_t victim;
    enum end by;
    const char *method;             /* how actors are started */
};

static struct process *victim_of(const struct theatre *theatre, const struct play *play)
{
    size_t place = play->victim;
    if (strcmp(play->method, "fork") == 0)
        place *= 2;                 /* each actor's own server has started after it */
    else if (strcmp(play->method, "forkserver") == 0 && place > 0)
        place++;                    /* the one server, after the root */
    return world_nth(theatre->world, place);
}

static const char *death_of(enum end by)
{
    return by == KILLED ? "was killed by signal 9" : "exited with status 3";
}

/* Ends it in its n-th system call from its start; what was said by then goes to ret_said. */
static void run_play(struct theatre *theatre, const struct play *play, uint64_t n, char ret_said[4096])
{
    while (!victim_of(theatre, play))
        assert_true(world_step(theatre->world));
    struct process *victim = victim_of(theatre, play);
    if (play->by == KILLED)
        process_kill_at(victim, n);
    else
        process_exit_at(victim, n, 3);
    while (process_alive(victim))
        assert_true(world_step(theatre->world));
    memcpy(ret_said, theatre->said, sizeof theatre->said);
    run_to_the_end(theatre);
}

static bool was_untouched(const struct process *victim)
{
    return process_signal(victim) == 0 && process_status(victim) == 0;
}

static void check_play(const struct theatre *theatre, const struct play *play, uint64_t n, const char *said)
{
    const struct process *victim = victim_of(theatre, play);
    double ended = (double)process_ended_ns(victim) / 1e9;
    if (seconds_now(theatre) - ended > A_MOMENT_S)
        fail_msg("%s, step %llu: others live on for %g s", play->method, (unsigned long long)n,
                 seconds_now(theatre) - ended);
    if (play->victim == ROOT)
        return;
    bool told = strstr(said, "told to end") != NULL;
    if (theatre->outcome[0] ? !strstr(theatre->outcome, death_of(play->by)) : !told)
        fail_msg("%s, step %llu: the root ended with %s", play->method, (unsigned long long)n,
                 theatre->outcome[0] ? theatre->outcome : "no error");
}

/* Whether there was such a step. */
static bool end_at_step(const struct play *play, uint64_t seed, uint64_t n)
{
    static char said[4096];
    struct theatre *theatre = raise_curtain(seed, play->director);
    theatre->start_method = play->method;
    run_play(theatre, play, n, said);
    bool untouched = was_untouched(victim_of(theatre, play));
    if (!untouched)
        check_play(theatre, play, n, said);
    expect_nothing_left(theatre);
    return !untouched;
}

static void end_at_every_step_by(const struct play *play)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) { /* they differ in who is in between, and in what arrives when */
        uint64_t n = 1;
        while (end_at_step(play, seed, n))
            assert_true(++n < STEPS_MOST);
        assert_true(n > STEPS_LEAST);
    }
}

static void end_at_every_step(int (*director)(void *), size_t victim)
{
    const char *const methods[] = {"spawn", "forkserver", "fork"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        for (int by = KILLED; by <= EXITED; by++)
            end_at_every_step_by(&(struct play){director, victim, (enum end)by, methods[i]});
}

static void an_actor_may_end_at_every_step_of_a_call_and_its_own_end(void **state)
{
    (void)state;
    end_at_every_step(call_and_cancel_actor, DONNY);
}

static void or_of_the_one_function_that_it_runs(void **state)
{
    (void)state;
    end_at_every_step(run_a_function, DONNY);
}

static void or_of_being_cancelled_in_a_call(void **state)
{
    (void)state;
    end_at_every_step(cut_a_call, DONNY);
}

static void a_parent_may_end_at_every_step_and_takes_its_child_along(void **state)
{
    (void)state;
    end_at_every_step(cut_three_generations, DONNY);
}

static void a_grandchild_may_end_at_every_step(void **state)
{
    (void)state;
    end_at_every_step(cut_three_generations, CHILD);
}

static void so_may_the_root(void **state)
{
    (void)state;
    end_at_every_step(cut_three_generations, ROOT);
    end_at_every_step(call_and_cancel_actor, ROOT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_actor_may_end_at_every_step_of_a_call_and_its_own_end),
        cmocka_unit_test(or_of_the_one_function_that_it_runs),
        cmocka_unit_test(or_of_being_cancelled_in_a_call),
        cmocka_unit_test(a_parent_may_end_at_every_step_and_takes_its_child_along),
        cmocka_unit_test(a_grandchild_may_end_at_every_step),
        cmocka_unit_test(so_may_the_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

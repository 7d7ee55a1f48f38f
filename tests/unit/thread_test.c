/* Functions on worker threads: on the virtual clock where it is about time, cancellation and memory,
 * with real threads where it is about threads. */
#include "support/threads.h"

#include "base/error.h"
#include "base/runtime.h"
#include "clock_world.h"

#include <math.h>
#include <sched.h>
#include <signal.h>

/* ---- what the scenarios are made of ------------------------------------------------------------- */

/* Something to be done on a thread, and what became of it. */
struct errand {
    int rc;                     /* to return */
    tr_limiter *limiter;
    gate begun, may_end, given_up;
    atomic_int ran, abandoned;
    int got;                    /* what the call returned */
};

static void errand_init(struct errand *it)
{
    *it = (struct errand){0};
    gate_init(&it->begun);
    gate_init(&it->may_end);
    gate_init(&it->given_up);
}

/* At once. */
static int run_errand(void *arg)
{
    struct errand *it = arg;
    it->ran++;
    return it->rc;
}

/* When it may. */
static int long_errand(void *arg)
{
    struct errand *it = arg;
    gate_open(&it->begun);
    gate_pass(&it->may_end);
    return run_errand(it);
}

static void give_up_errand(void *arg)
{
    struct errand *it = arg;
    it->abandoned++;
    gate_open(&it->given_up);
}

static int call(void *arg)
{
    struct errand *it = arg;
    return it->got = tr_to_thread(run_errand, it, .limiter = it->limiter);
}

static int call_abandonable(void *arg)
{
    struct errand *it = arg;
    return it->got = tr_to_thread(run_errand, it, .limiter = it->limiter, .abandon = give_up_errand);
}

static int call_long(void *arg)
{
    struct errand *it = arg;
    return it->got = tr_to_thread(long_errand, it, .limiter = it->limiter);
}

static int call_long_abandonable(void *arg)
{
    struct errand *it = arg;
    return it->got = tr_to_thread(long_errand, it, .limiter = it->limiter, .abandon = give_up_errand);
}

static void work_takes(double seconds)
{
    ((struct clock_world *)runtime->sys)->work_ns = (int64_t)(seconds * 1e9);
}

/* ---- results and errors ------------------------------------------------------------------------- */

static int tell_thread(void *arg)
{
    *(pthread_t *)arg = pthread_self();
    return 42;
}

static int a_function_runs_on_another_thread_and_its_result_arrives(void *arg)
{
    (void)arg;
    pthread_t there = pthread_self();
    expect(tr_to_thread(tell_thread, &there) == 42);
    expect(!pthread_equal(there, pthread_self()));
    expect(tr_thread_limiter()->borrowed == 0 && tr_thread_limiter()->total == 40);
    return 0;
}

static int other_tasks_run_while_one_waits_for_its_thread(void *arg)
{
    (void)arg;
    struct errand it;
    errand_init(&it);
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, call_long, &it));
    tr_try(task_passes(&it.begun));
    expect(it.ran == 0 && strstr(tr_task_tree(), "waits for work on a thread"));
    gate_open(&it.may_end);
    tr_try(tr_join(n));
    expect(it.ran == 1);
    return 0;
}

static int fail_with_a_cause(void *arg)
{
    tr_ignore(tr_raise("app.Root", "the %s of it", "root"));
    *(uint64_t *)arg = tr_error_id(tr_last_error());
    return tr_raise_from(NULL, "app.Broken", "broke on thread %d", 7);
}

static int an_error_arrives_with_all_that_it_has(void *arg)
{
    (void)arg;
    uint64_t root;
    runtime->self = (tr_actor){"frank", "0123", "unix:@frank", 12};
    int rc = tr_to_thread(fail_with_a_cause, &root);
    runtime->self = (tr_actor){"", "", "", 0};
    const tr_error *error = tr_last_error();
    expect(rc == TR_ERAISED && strcmp(tr_error_type(error), "app.Broken") == 0);
    expect(strcmp(tr_error_message(error), "broke on thread 7") == 0);
    expect(strstr(tr_error_file(error), "thread_test.c") && tr_error_line(error) > 0);
    expect(tr_error_frames(error) > 1 && tr_error_frame(error, 0)[0]);
    expect(strcmp(tr_error_actor(error)->name, "frank") == 0 && tr_error_actor(error)->pid == 12);
    expect(tr_error_id(tr_error_cause(error)) == root && root != 0);
    expect(strcmp(tr_error_message(tr_error_cause(error)), "the root of it") == 0);
    return 0;
}

static int a_bare_code_arrives_too(void *arg)
{
    (void)arg;
    struct errand it = {.rc = -ENOENT};
    expect(tr_to_thread(run_errand, &it) == -ENOENT);
    expect_error("errno.ENOENT", "No such file");
    it.rc = -70000;
    expect(tr_to_thread(run_errand, &it) == -70000);
    expect(tr_error_code(tr_last_error()) == -70000);
    return 0;
}

static const tr_error *kept_there;

static int fail_and_keep_it(void *arg)
{
    int rc = fail_with_a_cause(arg);
    kept_there = tr_error_keep(tr_last_error());
    return tr_error_report(kept_there)[0] ? rc : 0;
}

static int let_go_of_it(void *arg)
{
    *(bool *)arg = strcmp(tr_error_message(kept_there), "broke on thread 7") == 0;
    tr_error_release(kept_there);
    return 0;
}

static int an_error_that_the_worker_keeps_is_not_shared(void *arg)
{
    (void)arg;
    uint64_t root;
    bool unharmed = false;
    expect(tr_to_thread(fail_and_keep_it, &root) == TR_ERAISED);
    const tr_error *error = tr_last_error();
    expect(error != kept_there && tr_error_id(error) == tr_error_id(kept_there));
    expect(strcmp(tr_error_report(error), "") != 0 && tr_error_frames(error) > 1);
    expect(tr_error_cause(error) != tr_error_cause(kept_there));
    expect(tr_error_id(tr_error_cause(error)) == root);
    tr_try(tr_to_thread(let_go_of_it, &unharmed));
    expect(unharmed);
    return 0;
}

/* Two errors, one the cause of the other, and both of one group. */
static int fail_twice(void *arg)
{
    (void)arg;
    struct errors both = {0};
    tr_ignore(tr_raise("app.First", "first"));
    errors_add(&both, error_of(TR_ERAISED));
    tr_ignore(tr_raise_from(both.all, "app.Second", "second"));
    errors_add(&both, error_of(TR_ERAISED));
    return error_raise(errors_take(&both));
}

static int run_that_fails(void *arg)
{
    return tr_run(fail_twice, arg);
}

static int a_run_on_a_worker_gives_its_error_back(void *arg)
{
    expect(tr_to_thread(run_that_fails, arg) == TR_EGROUP);
    const tr_error *group = tr_last_error();
    expect(tr_error_members(group) == 2 && tr_error_is(group, "app.First"));
    expect(strcmp(tr_error_type(tr_error_cause(tr_error_member(group, 1))), "app.First") == 0);
    expect(strstr(tr_error_report(group), "app.Second: second"));
    expect(tr_to_thread(run_that_fails, arg) == TR_EGROUP);
    return 0;
}

/* A group with an error of its own and one that is nobody's; we hold it as well. */
static struct tr_error *hand_over_a_shared_group(struct tr_error **ret_kept)
{
    tr_ignore(tr_raise("app.First", "first"));
    struct errors both = {.all = error_of(TR_ERAISED)};
    errors_add(&both, error_plain(TR_ECANCELLED));
    *ret_kept = errors_take(&both);
    return error_detach(error_ref(*ret_kept));
}

static int a_group_is_copied_as_a_whole(void *arg)
{
    (void)arg;
    struct tr_error *kept, *own = hand_over_a_shared_group(&kept);
    bool same = own->id == kept->id && own->member_count == 2 && own != kept;
    same = same && own->members[0]->id == kept->members[0]->id && own->members[0] != kept->members[0];
    same = same && strcmp(own->members[0]->message, "first") == 0;
    same = same && own->members[1] == error_plain(TR_ECANCELLED);
    error_unref(kept);
    error_unref(own);
    expect(same);
    return 0;
}

static int copy_a_group(void *arg)
{
    (void)arg;
    struct tr_error *kept, *own = hand_over_a_shared_group(&kept);
    bool telling = own && own->type[0] && own->code < 0;
    error_unref(kept);
    error_unref(own);
    expect(telling);
    return 0;
}

static int a_thread_needs_a_function(void *arg)
{
    (void)arg;
    expect(tr_to_thread(NULL, NULL) == TR_EARGUMENT);
    expect(tr_thread_limiter()->borrowed == 0);
    return 0;
}

/* No stack is that large. */
static int a_thread_that_cannot_be_started_is_an_error(void *arg)
{
    (void)arg;
    struct errand it;
    errand_init(&it);
    pthread_attr_t before, huge;
    pthread_getattr_default_np(&before);
    pthread_attr_init(&huge);
    pthread_attr_setstacksize(&huge, (size_t)1 << 50);
    pthread_setattr_default_np(&huge);
    int rc = call_abandonable(&it);
    pthread_setattr_default_np(&before);
    pthread_attr_destroy(&huge);
    pthread_attr_destroy(&before);
    expect(rc == -EAGAIN && it.ran == 0 && it.abandoned == 0 && tr_thread_limiter()->borrowed == 0);
    expect_error("errno.EAGAIN", "");
    expect(call_abandonable(&it) == 0 && it.ran == 1);
    return 0;
}

/* ---- limits ------------------------------------------------------------------------------------- */

/* Those that are inside wait for each other, so it is known that so many were there at once. */
struct hall {
    pthread_mutex_t lock;
    pthread_cond_t full;
    int inside, most, wanted;
};

static int visit_hall(void *arg)
{
    struct hall *hall = arg;
    pthread_mutex_lock(&hall->lock);
    if (++hall->inside > hall->most)
        hall->most = hall->inside;
    pthread_cond_broadcast(&hall->full);
    while (hall->most < hall->wanted)
        pthread_cond_wait(&hall->full, &hall->lock);
    hall->inside--;
    pthread_mutex_unlock(&hall->lock);
    return 0;
}

static int send_to_hall(void *arg)
{
    return tr_to_thread(visit_hall, arg);
}

static int send_a_hundred(struct hall *hall)
{
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < 100; i++)
        tr_try(tr_start_soon(n, send_to_hall, hall));
    return tr_join(n);
}

static int a_hundred_calls_are_forty_at_a_time(void *arg)
{
    (void)arg;
    struct hall hall = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 40};
    tr_try(send_a_hundred(&hall));
    expect(hall.most == 40 && hall.inside == 0);
    expect(tr_thread_limiter()->borrowed == 0);
    tr_limiter_set_total(tr_thread_limiter(), 100);
    hall = (struct hall){PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 100};
    tr_try(send_a_hundred(&hall));
    expect(hall.most == 100);
    return 0;
}

static int a_limiter_of_ones_own_counts_instead(void *arg)
{
    (void)arg;
    tr_limiter two = tr_limiter_of(2);
    struct errand its[5];
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < 5; i++) {
        its[i] = (struct errand){.limiter = &two};
        tr_try(tr_start_soon(n, call, &its[i]));
    }
    work_takes(1);
    double start = tr_now();
    tr_try(tr_sleep(0.5));
    expect(two.borrowed == 2 && tr_thread_limiter()->borrowed == 0 && tr_parked(&two.waiting_) == 3);
    tr_try(tr_join(n));
    expect(fabs(tr_now() - start - 3) < 1e-6 && two.borrowed == 0 && !two.borrowers_);
    return 0;
}

static int nap(void *arg)
{
    (void)arg;
    return tr_sleep(0.001);
}

static int have_many_tasks(int count)
{
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < count; i++)
        tr_try(tr_start_soon(n, nap, NULL));
    return tr_join(n);
}

/* Which never lets the run rest for long. */
static int stacks_of_a_burst_are_given_back_though_something_happens_all_the_time(void *arg)
{
    (void)arg;
    enum { SLABS = 20, STACKS_EACH = 63 };
    const struct clock_world *world = (struct clock_world *)runtime->sys;
    pthread_t there;
    work_takes(0.005);
    expect(tr_to_thread(tell_thread, &there) == 42); /* what it keeps for the next is there by now */
    tr_try(have_many_tasks(SLABS * STACKS_EACH));
    size_t then = world->alive;
    expect(tr_to_thread(tell_thread, &there) == 42);
    expect(world->alive == then); /* not at once */
    for (int i = 0; i < 5; i++)
        expect(tr_to_thread(tell_thread, &there) == 42);
    expect(world->alive + SLABS / 2 <= then);
    return 0;
}

static int workers_are_used_again(void *arg)
{
    (void)arg;
    pthread_t first, then;
    expect(tr_to_thread(tell_thread, &first) == 42);
    for (int i = 0; i < 100; i++) {
        expect(tr_to_thread(tell_thread, &then) == 42);
        expect(pthread_equal(first, then));
    }
    return 0;
}

static int look_around(void *arg)
{
    (void)arg;
    sigset_t blocked;
    char name[16];
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    pthread_getname_np(pthread_self(), name, sizeof name);
    bool sent = sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGCHLD);
    return sent && !sigismember(&blocked, SIGSEGV) && strcmp(name, "tractor-worker") == 0;
}

static int workers_have_a_name_and_get_no_signals(void *arg)
{
    expect(tr_to_thread(look_around, arg) == 1);
    sigset_t ours;
    pthread_sigmask(SIG_SETMASK, NULL, &ours);
    expect(!sigismember(&ours, SIGTERM));
    return 0;
}

/* ---- cancellation ------------------------------------------------------------------------------- */

static int cancelled_before_it_begins_it_does_not(void *arg)
{
    (void)arg;
    struct errand it = {0};
    tr_scope over = tr_move_on_after(0);
    tr_try(tr_within(&over, call(&it)));
    expect(over.cancelled_caught && it.got == TR_ECANCELLED && it.ran == 0);
    return 0;
}

static int cancelled_while_it_waits_for_the_limiter_it_does_not_begin(void *arg)
{
    (void)arg;
    tr_limiter one = tr_limiter_of(1);
    struct errand first = {.limiter = &one}, second = {.limiter = &one}, third = {.limiter = &one};
    errand_init(&third);
    third.limiter = &one;
    work_takes(10);
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, call, &first));
    tr_try(tr_sleep(1));
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, call(&second)));
    expect(limit.cancelled_caught && second.ran == 0 && one.borrowed == 1 && first.ran == 0);
    limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, call_abandonable(&third)));
    expect(limit.cancelled_caught && third.ran == 0 && third.abandoned == 1);
    tr_try(tr_join(n));
    expect(first.ran == 1 && one.borrowed == 0);
    return 0;
}

static int once_it_has_begun_its_result_wins(void *arg)
{
    (void)arg;
    struct errand it = {.rc = 7};
    work_takes(10);
    double start = tr_now();
    tr_scope limit = tr_move_on_after(1);
    expect(tr_within(&limit, call(&it)) == 7);
    expect(limit.cancel_called && !limit.cancelled_caught);
    expect(fabs(tr_now() - start - 10) < 1e-6);
    limit = tr_move_on_after(1);
    it.rc = -ENOENT;
    expect(tr_within(&limit, call(&it)) == -ENOENT && !limit.cancelled_caught);
    return 0;
}

static int an_abandoned_function_goes_on_alone(void *arg)
{
    (void)arg;
    struct errand it;
    errand_init(&it);
    work_takes(10);
    double start = tr_now();
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, call_abandonable(&it)));
    expect(limit.cancelled_caught && it.got == TR_ECANCELLED && fabs(tr_now() - start - 1) < 1e-6);
    expect(it.ran == 0 && it.abandoned == 0 && tr_thread_limiter()->borrowed == 1);
    tr_try(tr_sleep(8.9));
    expect(it.ran == 0 && it.abandoned == 0 && tr_thread_limiter()->borrowed == 1);
    tr_try(tr_sleep(0.2));
    expect(it.ran == 1 && it.abandoned == 1 && tr_thread_limiter()->borrowed == 0);
    return 0;
}

static int what_is_abandoned_keeps_its_place_from_others(void *arg)
{
    (void)arg;
    tr_limiter one = tr_limiter_of(1);
    struct errand first, second = {.limiter = &one};
    errand_init(&first);
    first.limiter = &one;
    work_takes(10);
    double start = tr_now();
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, call_abandonable(&first)));
    tr_try(call(&second));
    expect(first.abandoned == 1 && fabs(tr_now() - start - 20) < 1e-6);
    return 0;
}

static int abandon_is_called_for_every_cancelled_and_nothing_else(void *arg)
{
    (void)arg;
    struct errand before, said, failed, fine;
    errand_init(&before);
    tr_scope over = tr_move_on_after(0);
    tr_try(tr_within(&over, call_abandonable(&before)));
    expect(before.ran == 0 && before.abandoned == 1);
    errand_init(&said);
    said.rc = TR_ECANCELLED;
    expect(call_abandonable(&said) == TR_ECANCELLED && said.ran == 1 && said.abandoned == 1);
    errand_init(&failed);
    failed.rc = -EIO;
    expect(call_abandonable(&failed) == -EIO && failed.abandoned == 0);
    errand_init(&fine);
    expect(call_abandonable(&fine) == 0 && fine.abandoned == 0);
    return 0;
}

static int a_shield_keeps_an_abandonable_call(void *arg)
{
    (void)arg;
    struct errand it;
    errand_init(&it);
    work_takes(10);
    tr_scope limit = tr_move_on_after(1), shield = tr_shield();
    tr_try(tr_within(&limit, tr_within(&shield, call_abandonable(&it))));
    expect(it.ran == 1 && it.abandoned == 0 && !limit.cancelled_caught);
    return 0;
}

/* Left to the end of the world, which comes next. */
static struct errand left_over;

static int a_run_may_end_before_what_it_has_abandoned(void *arg)
{
    (void)arg;
    errand_init(&left_over);
    work_takes(10);
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, call_abandonable(&left_over)));
    expect(left_over.abandoned == 0);
    return 0;
}

static void leftovers_are_done_at_the_end_of_the_virtual_world(void **state)
{
    (void)state;
    assert_int_equal(left_over.abandoned, 1);
}

static tr_limiter of_the_program;

static int abandon_for_good(void *arg)
{
    struct errand *it = arg;
    it->limiter = &of_the_program;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, call_long_abandonable, it));
    tr_try(task_passes(&it->begun));
    tr_cancel(n);
    tr_try(tr_join(n));
    expect(it->got == TR_ECANCELLED && of_the_program.borrowed == 1);
    return 0;
}

/* The function ends when there is nothing left of the run but what its thread holds. */
static void an_abandoned_thread_may_outlive_its_world(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct errand it;
        errand_init(&it);
        of_the_program = tr_limiter_of(1);
        assert_int_equal(tr_run(abandon_for_good, &it), 0);
        assert_int_equal(of_the_program.borrowed, 0);
        assert_null(of_the_program.borrowers_);
        assert_int_equal(it.abandoned, 0);
        gate_open(&it.may_end);
        gate_pass(&it.given_up);
        assert_int_equal(it.ran, 1);
        assert_int_equal(it.abandoned, 1);
    }
}

/* The function returns and its caller is cancelled at about the same time: one of both has happened. */
static int returning_and_giving_up_at_once_is_one_of_both(void *arg)
{
    (void)arg;
    int done = 0, given_up = 0;
    for (int i = 0; i < 2000; i++) {
        struct errand it;
        errand_init(&it);
        tr_auto(nursery) n = tr_open_nursery();
        tr_try(tr_start_soon(n, call_abandonable, &it));
        for (int wait = i % 20; wait >= 0; wait--)
            tr_try(tr_checkpoint());
        tr_cancel(n);
        tr_try(tr_join(n));
        if (it.got == TR_ECANCELLED)
            tr_try(task_passes(&it.given_up));
        expect(it.abandoned == (it.got == TR_ECANCELLED));
        given_up += it.abandoned;
        done += it.got == 0;
    }
    expect(done + given_up == 2000 && given_up > 0);
    return 0;
}

static int spin_until_cancelled(void *arg)
{
    gate_open(arg);
    while (tr_thread_cancelled() == 0)
        sched_yield();
    return tr_thread_cancelled();
}

static int call_spinner(void *arg)
{
    return tr_to_thread(spin_until_cancelled, arg);
}

static int a_function_can_see_that_its_caller_was_cancelled(void *arg)
{
    (void)arg;
    gate begun;
    gate_init(&begun);
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, call_spinner, &begun));
    tr_try(task_passes(&begun));
    tr_cancel(n);
    return tr_join(n);
}

static int cancelled_now(void *arg)
{
    (void)arg;
    return tr_thread_cancelled();
}

static int on_the_virtual_clock_it_sees_that_too(void *arg)
{
    expect(tr_to_thread(cancelled_now, arg) == 0);
    work_takes(10);
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, tr_to_thread(cancelled_now, arg)));
    expect(limit.cancelled_caught);
    return 0;
}

/* ---- many runs ------------------------------------------------------------------------------------- */

static int fifty_calls(void *arg)
{
    struct errand its[50] = {0};
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < 50; i++)
        tr_try(tr_start_soon(n, call, &its[i]));
    tr_try(tr_join(n));
    for (int i = 0; i < 50; i++)
        *(int *)arg += its[i].ran;
    return 0;
}

static void *run_ten_times(void *arg)
{
    for (int i = 0; i < 10; i++)
        tr_ignore(tr_run(fifty_calls, arg));
    return NULL;
}

static void runs_on_several_threads_have_workers_of_their_own(void **state)
{
    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* it does not see libuv close descriptors, and takes their numbers' reuse for a race */
#endif
    int done[4] = {0};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_ten_times, &done[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(done[i], 500);
    }
}

/* ---- outside, and without memory ---------------------------------------------------------------- */

static int in_a_task_there_is_no_worker(void *arg)
{
    expect(tr_thread_cancelled() == TR_EMISUSE);
    expect(tr_from_thread(run_errand, arg) == TR_EMISUSE);
    return 0;
}

static void *look_from_outside(void *arg)
{
    int *rcs = arg;
    rcs[0] = tr_thread_cancelled();
    rcs[1] = tr_from_thread(run_errand, NULL);
    rcs[2] = tr_to_thread(run_errand, NULL);
    rcs[3] = tr_thread_limiter() ? 0 : TR_ENORUNTIME;
    return NULL;
}

static void outside_there_is_nobody_to_ask(void **state)
{
    (void)state;
    int rcs[4] = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, look_from_outside, rcs), 0);
    pthread_join(thread, NULL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(rcs[i], TR_ENORUNTIME);
    look_from_outside(rcs);
    for (int i = 0; i < 4; i++)
        assert_int_equal(rcs[i], TR_ENORUNTIME);
}

static int call_the_run(void *arg)
{
    return tr_from_thread(run_errand, arg);
}

static int the_virtual_world_has_no_other_thread(void *arg)
{
    expect(tr_to_thread(call_the_run, arg) == TR_EMISUSE);
    expect_error("Misuse", "by the run's own thread");
    return 0;
}

static int call_in_all_ways(void *arg)
{
    static struct errand its[3]; /* for what is abandoned, and done after the run */
    memset(its, 0, sizeof its);
    its[2].rc = TR_EARGUMENT;
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(door) door = tr_open_door(n);
    work_takes(1);
    int rc = call(&its[0]);
    expect(rc < 0 || its[0].ran == 1);
    tr_scope limit = tr_move_on_after(0.5);
    tr_ignore(tr_within(&limit, call_abandonable(&its[1]))); /* cancelled or not, as memory allows */
    expect(its[1].abandoned == 0 || its[1].got == TR_ECANCELLED);
    tr_scope shield = tr_shield();
    rc = tr_within(&shield, tr_sleep(1));
    expect(rc < 0 || its[1].abandoned == (its[1].got == TR_ECANCELLED));
    rc = call(&its[2]);
    expect(rc == its[2].got && rc < 0);
    expect(!runtime->threads || tr_thread_limiter()->borrowed <= 1);
    (void)arg;
    return tr_join_with(n, rc);
}

static void running_out_of_memory_anywhere_is_a_clean_error(void **state)
{
    (void)state;
    run_short_of_memory(call_in_all_ways);
    run_short_of_memory(copy_a_group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REALLY(a_function_runs_on_another_thread_and_its_result_arrives),
        REALLY(other_tasks_run_while_one_waits_for_its_thread),
        REALLY(an_error_arrives_with_all_that_it_has),
        REALLY(a_bare_code_arrives_too),
        SCENARIO(a_bare_code_arrives_too),
        REALLY(an_error_that_the_worker_keeps_is_not_shared),
        REALLY(a_run_on_a_worker_gives_its_error_back),
        SCENARIO(a_group_is_copied_as_a_whole),
        SCENARIO(a_thread_needs_a_function),
        REALLY(a_thread_that_cannot_be_started_is_an_error),
        REALLY(a_hundred_calls_are_forty_at_a_time),
        SCENARIO(a_limiter_of_ones_own_counts_instead),
        SCENARIO(stacks_of_a_burst_are_given_back_though_something_happens_all_the_time),
        REALLY(workers_are_used_again),
        REALLY(workers_have_a_name_and_get_no_signals),
        SCENARIO(cancelled_before_it_begins_it_does_not),
        SCENARIO(cancelled_while_it_waits_for_the_limiter_it_does_not_begin),
        SCENARIO(once_it_has_begun_its_result_wins),
        SCENARIO(an_abandoned_function_goes_on_alone),
        SCENARIO(what_is_abandoned_keeps_its_place_from_others),
        SCENARIO(abandon_is_called_for_every_cancelled_and_nothing_else),
        REALLY(abandon_is_called_for_every_cancelled_and_nothing_else),
        SCENARIO(a_shield_keeps_an_abandonable_call),
        SCENARIO(a_run_may_end_before_what_it_has_abandoned),
        cmocka_unit_test(leftovers_are_done_at_the_end_of_the_virtual_world),
        cmocka_unit_test(an_abandoned_thread_may_outlive_its_world),
        REALLY(returning_and_giving_up_at_once_is_one_of_both),
        REALLY(a_function_can_see_that_its_caller_was_cancelled),
        SCENARIO(on_the_virtual_clock_it_sees_that_too),
        cmocka_unit_test(runs_on_several_threads_have_workers_of_their_own),
        SCENARIO(in_a_task_there_is_no_worker),
        cmocka_unit_test(outside_there_is_nobody_to_ask),
        SCENARIO(the_virtual_world_has_no_other_thread),
        cmocka_unit_test(running_out_of_memory_anywhere_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

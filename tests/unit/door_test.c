/* Ways into a run: from its workers, and by doors from threads that it knows nothing of. */
#include "support/threads.h"

#include "base/error.h"
#include "clock_world.h"
#include "sched/task.h"

#include <sched.h>

/* ---- from workers ------------------------------------------------------------------------------- */

/* What is asked for from a thread, and what came of it. */
struct wish {
    int (*fn)(void *);
    pthread_t there;
    gate begun, sent;
    bool named;
    int rc, ran, ended;
    uint64_t id;
    tr_door *door;
};

static void wish_init(struct wish *it, int (*fn)(void *))
{
    *it = (struct wish){.fn = fn};
    gate_init(&it->begun);
    gate_init(&it->sent);
}

static int ask_from_worker(void *arg)
{
    struct wish *it = arg;
    it->rc = tr_from_thread(it->fn, it);
    it->id = tr_error_id(tr_last_error());
    return it->rc;
}

static int sleep_a_little(void *arg)
{
    struct wish *it = arg;
    it->there = pthread_self();
    it->named = strcmp(tr_task_name(), "it->fn") == 0; /* what the caller wrote */
    tr_try(tr_sleep(0.001));
    it->ran++;
    return 9;
}

static int a_worker_has_a_task_run_where_it_came_from(void *arg)
{
    (void)arg;
    struct wish it;
    wish_init(&it, sleep_a_little);
    expect(tr_to_thread(ask_from_worker, &it) == 9);
    expect(it.ran == 1 && it.rc == 9 && pthread_equal(it.there, pthread_self()));
    expect(it.named);
    return 0;
}

static int turn_sour(void *arg)
{
    struct wish *it = arg;
    it->ran++;
    return tr_raise("app.Sour", "number %d is sour", it->ran);
}

/* Looks at the error, and goes on as if nothing had been. */
static int ask_and_forgive(void *arg)
{
    struct wish *it = arg;
    expect(ask_from_worker(arg) == TR_ERAISED);
    expect(strcmp(tr_error_message(tr_last_error()), "number 1 is sour") == 0);
    expect(strstr(tr_error_file(tr_last_error()), "door_test.c") && tr_error_frames(tr_last_error()) > 0);
    expect(it->id != 0);
    return 3;
}

static int a_failure_is_the_workers_to_handle(void *arg)
{
    (void)arg;
    struct wish it;
    wish_init(&it, turn_sour);
    expect(tr_to_thread(ask_and_forgive, &it) == 3);
    it.ran = 0;
    expect(tr_to_thread(ask_from_worker, &it) == TR_ERAISED);
    expect_error("app.Sour", "number 1 is sour");
    expect(tr_error_id(tr_last_error()) == it.id); /* there and back it is the same */
    return 0;
}

/* Leaves a nursery early with an error in it, and returns no error. */
static int fail_on_the_side(void *arg)
{
    struct wish *it = arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, turn_sour, it));
    tr_try(tr_sleep(0));
    return 0;
}

static int what_a_block_left_early_fails_reaches_the_worker(void *arg)
{
    (void)arg;
    struct wish it;
    wish_init(&it, fail_on_the_side);
    expect(tr_to_thread(ask_and_forgive, &it) == 3);
    return 0;
}

static int keep_failing(void *arg)
{
    struct wish *it = arg;
    static const tr_error *same;
    if (!same) {
        tr_ignore(turn_sour(it));
        same = tr_error_keep(tr_last_error());
    }
    it->ended++;
    int rc = tr_reraise(same);
    if (it->ended == 2) {
        tr_error_release(same);
        same = NULL;
    }
    return rc;
}

static int an_error_that_is_kept_here_is_not_shared_with_the_worker(void *arg)
{
    (void)arg;
    struct wish it;
    wish_init(&it, keep_failing);
    expect(tr_to_thread(ask_from_worker, &it) == TR_ERAISED);
    uint64_t first = tr_error_id(tr_last_error());
    expect(tr_to_thread(ask_from_worker, &it) == TR_ERAISED);
    expect(tr_error_id(tr_last_error()) == first && it.ran == 1);
    expect_error("app.Sour", "number 1 is sour");
    return 0;
}

static int wait_for_ever(void *arg)
{
    struct wish *it = arg;
    it->ran++;
    gate_open(&it->begun);
    int rc = tr_sleep_forever();
    tr_scope shield = tr_shield();
    tr_try(tr_within(&shield, tr_sleep(0.001)));
    it->ended++;
    return rc;
}

static int call_asker(void *arg)
{
    return tr_to_thread(ask_from_worker, arg);
}

static int the_task_is_cancelled_with_the_call(void *arg)
{
    (void)arg;
    struct wish it;
    wish_init(&it, wait_for_ever);
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, call_asker, &it));
    tr_try(task_passes(&it.begun));
    tr_cancel(n);
    tr_try(tr_join(n));
    expect(it.rc == TR_ECANCELLED && it.ran == 1 && it.ended == 1);
    return 0;
}

static void told_to_give_up(void *arg)
{
    struct wish *it = arg;
    gate_open(&it->sent);
}

static int call_abandonable_asker(void *arg)
{
    return tr_to_thread(ask_from_worker, arg, .abandon = told_to_give_up);
}

static int an_abandoned_call_still_waits_for_the_task_in_it(void *arg)
{
    (void)arg;
    struct wish it;
    wish_init(&it, wait_for_ever);
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, call_abandonable_asker, &it));
    tr_try(task_passes(&it.begun));
    tr_cancel(n);
    tr_try(tr_join(n));
    expect(it.ended == 1);
    tr_try(task_passes(&it.sent));
    expect(it.rc == TR_ECANCELLED);
    return 0;
}

static int ask_too_late(void *arg)
{
    struct wish *it = arg;
    gate_open(&it->begun);
    while (tr_thread_cancelled() == 0)
        sched_yield();
    return ask_from_worker(it);
}

static int call_abandonable_latecomer(void *arg)
{
    return tr_to_thread(ask_too_late, arg, .abandon = told_to_give_up);
}

static int whoever_was_abandoned_is_not_listened_to(void *arg)
{
    (void)arg;
    struct wish it;
    wish_init(&it, sleep_a_little);
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, call_abandonable_latecomer, &it));
    tr_try(task_passes(&it.begun));
    tr_cancel(n);
    tr_try(tr_join(n));
    tr_try(task_passes(&it.sent));
    expect(it.rc == TR_ECANCELLED && it.ran == 0);
    return 0;
}

/* Not abandoned, it is, as trio has it: with a shield something can still be put in order. */
static int put_in_order(void *arg)
{
    struct wish *it = arg;
    tr_scope shield = tr_shield();
    return tr_within(&shield, sleep_a_little(it));
}

static int call_latecomer(void *arg)
{
    return tr_to_thread(ask_too_late, arg);
}

static int a_cancelled_call_can_still_put_things_in_order(void *arg)
{
    (void)arg;
    struct wish it;
    wish_init(&it, put_in_order);
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, call_latecomer, &it));
    tr_try(task_passes(&it.begun));
    tr_cancel(n);
    tr_try(tr_join(n));
    expect(it.rc == 9 && it.ran == 1);
    return 0;
}

struct stairs {
    int depth, deepest;
    tr_limiter limiter;
};

static int climb(void *arg);

static int from_step(void *arg)
{
    return tr_from_thread(climb, arg);
}

static int climb(void *arg)
{
    struct stairs *stairs = arg;
    if (stairs->depth == stairs->deepest)
        return tr_raise("app.Top", "at the top, %d deep", stairs->depth);
    stairs->depth++;
    return tr_to_thread(from_step, stairs, .limiter = &stairs->limiter);
}

static int there_and_back_can_be_nested_fifty_deep(void *arg)
{
    (void)arg;
    struct stairs stairs = {0, 50, tr_limiter_of(50)};
    expect(climb(&stairs) == TR_ERAISED);
    expect_error("app.Top", "at the top, 50 deep");
    expect(stairs.limiter.borrowed == 0);
    return 0;
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int run_and_ask(void *arg)
{
    tr_try(tr_run(nothing, NULL));
    return ask_from_worker(arg);
}

static int try_to_ask_in_a_run(void *arg)
{
    (void)arg;
    return tr_from_thread(nothing, NULL);
}

static int run_and_ask_inside(void *arg)
{
    return tr_run(try_to_ask_in_a_run, arg);
}

static int a_worker_that_ran_a_run_of_its_own_still_finds_back(void *arg)
{
    struct wish it;
    wish_init(&it, sleep_a_little);
    expect(tr_to_thread(run_and_ask, &it) == 9);
    expect(tr_to_thread(run_and_ask_inside, arg) == TR_EMISUSE);
    return 0;
}

/* ---- doors -------------------------------------------------------------------------------------- */

static void *enter_once(void *arg)
{
    struct wish *it = arg;
    it->rc = tr_enter_door(it->door, it->fn, it);
    const tr_error *error = tr_last_error();
    it->id = tr_error_id(error);
    if (it->fn == turn_sour && (!error || strcmp(tr_error_message(error), "number 1 is sour") != 0))
        it->rc = 0;
    gate_open(&it->sent);
    tr_release_door(&it->door);
    return NULL;
}

static pthread_t stranger(struct wish *it, int (*fn)(void *), tr_door *door)
{
    pthread_t thread;
    wish_init(it, fn);
    it->door = tr_keep_door(door);
    if (pthread_create(&thread, NULL, enter_once, it) != 0)
        return 0;
    return thread;
}

static int a_stranger_comes_in_by_a_door(void *arg)
{
    (void)arg;
    struct wish it;
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(door) door = tr_open_door(n);
    pthread_t thread = stranger(&it, sleep_a_little, door);
    tr_try(tr_to_thread(join_thread, &thread));
    expect(it.rc == 9 && it.ran == 1 && pthread_equal(it.there, pthread_self()));
    return tr_join(n);
}

static int a_strangers_failure_is_its_own(void *arg)
{
    (void)arg;
    struct wish it;
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(door) door = tr_open_door(n);
    pthread_t thread = stranger(&it, turn_sour, door);
    tr_try(tr_to_thread(join_thread, &thread));
    expect(it.rc == TR_ERAISED && it.id != 0 && !tr_cancelled(n));
    return tr_join(n);
}

static int a_join_waits_for_who_came_in_and_not_for_the_door(void *arg)
{
    (void)arg;
    struct wish first, second;
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(door) door = tr_open_door(n);
    pthread_t thread = stranger(&first, wait_for_ever, door);
    tr_try(task_passes(&first.begun));
    tr_cancel(n);
    tr_try(tr_join(n));
    expect(first.ended == 1);
    pthread_t latecomer = stranger(&second, sleep_a_little, door);
    tr_try(tr_to_thread(join_thread, &thread));
    tr_try(tr_to_thread(join_thread, &latecomer));
    expect(first.rc == TR_ECANCELLED && second.rc == TR_ECLOSED && second.ran == 0);
    return 0;
}

static int enter_cancelled(struct wish *it, pthread_t *ret_thread)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(door) door = tr_open_door(n);
    tr_cancel(n);
    *ret_thread = stranger(it, sleep_a_little, door);
    tr_scope shield = tr_shield();
    tr_try(tr_within(&shield, task_passes(&it->sent)));
    return tr_join(n);
}

static int a_cancelled_nursery_admits_nobody(void *arg)
{
    (void)arg;
    struct wish it;
    pthread_t thread;
    tr_try(enter_cancelled(&it, &thread));
    tr_try(tr_to_thread(join_thread, &thread));
    expect(it.rc == TR_ECANCELLED && it.ran == 0);
    return 0;
}

static int open_and_leave(struct wish *it)
{
    tr_auto(nursery) n = tr_open_nursery();
    it->door = tr_open_door(n);
    return 0;
}

static int leave_it_open(void *arg)
{
    return open_and_leave(arg);
}

static void a_door_outlives_its_nursery_and_the_run(void **state)
{
    (void)state;
    struct wish it, others[3];
    wish_init(&it, nothing);
    assert_int_equal(tr_run(leave_it_open, &it), 0);
    assert_int_equal(tr_enter_door(it.door, nothing, NULL), TR_ECLOSED);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        threads[i] = stranger(&others[i], sleep_a_little, it.door);
    tr_release_door(&it.door);
    tr_release_door(&it.door);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(others[i].rc, TR_ECLOSED);
    }
}

static int enter_by_worker(void *arg)
{
    struct wish *it = arg;
    return it->rc = tr_enter_door(it->door, it->fn, it);
}

static int a_worker_may_use_a_door_too(void *arg)
{
    (void)arg;
    struct wish it;
    wish_init(&it, sleep_a_little);
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(door) door = tr_open_door(n);
    it.door = door;
    expect(tr_to_thread(enter_by_worker, &it) == 9);
    return tr_join(n);
}

static int doors_are_not_for_tasks(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(door) door = tr_open_door(n);
    expect(tr_enter_door(door, nothing, NULL) == TR_EMISUSE);
    expect_error("Misuse", "would wait for its own thread");
    tr_try(tr_join(n));
    expect(tr_open_door(n) == NULL && tr_error_code(tr_last_error()) == TR_ECLOSED);
    expect(tr_open_door(NULL) == NULL && tr_keep_door(NULL) == NULL);
    tr_auto(door) none = NULL;
    return 0;
}

static void *enter_wrongly(void *arg)
{
    struct wish *it = arg;
    it->rc = tr_enter_door(NULL, nothing, NULL);
    it->ran = tr_enter_door(it->door, NULL, NULL);
    return NULL;
}

static int what_is_no_door_or_no_function_is_refused(void *arg)
{
    (void)arg;
    struct wish it;
    wish_init(&it, nothing);
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(door) door = tr_open_door(n);
    it.door = door;
    pthread_t thread;
    pthread_create(&thread, NULL, enter_wrongly, &it);
    tr_try(tr_to_thread(join_thread, &thread));
    expect(it.rc == TR_EMISUSE && it.ran == TR_EARGUMENT);
    return tr_join(n);
}

/* ---- what cannot be -------------------------------------------------------------------------------- */

static void *enter_with_a_stack_too_large(void *arg)
{
    struct wish *it = arg;
    it->rc = tr_enter_door(it->door, nothing, NULL, .stack_size = SIZE_MAX);
    return NULL;
}

static int ask_with_a_stack_too_large(void *arg)
{
    return tr_from_thread(nothing, arg, .stack_size = SIZE_MAX);
}

static int a_stack_that_is_too_large_is_refused_at_the_door(void *arg)
{
    struct wish it;
    wish_init(&it, nothing);
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(door) door = tr_open_door(n);
    it.door = door;
    pthread_t thread;
    pthread_create(&thread, NULL, enter_with_a_stack_too_large, &it);
    tr_try(tr_to_thread(join_thread, &thread));
    expect(it.rc == TR_EARGUMENT);
    expect(tr_to_thread(ask_with_a_stack_too_large, arg) == TR_EARGUMENT);
    return tr_join(n);
}

struct doomed {
    struct wish wish;           /* first: it is entered with */
    tr_event released;
};

static int wait_to_be_released(void *arg)
{
    struct doomed *it = arg;
    gate_open(&it->wish.begun);
    tr_try(tr_event_wait(&it->released));
    return 9;
}

/* Its request lies on its stack, which must be there when the answer comes. */
static int a_thread_that_is_to_end_waits_for_its_answer_all_the_same(void *arg)
{
    (void)arg;
    struct doomed it = {0};
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(door) door = tr_open_door(n);
    pthread_t thread = stranger(&it.wish, wait_to_be_released, door);
    tr_try(task_passes(&it.wish.begun));
    expect(pthread_cancel(thread) == 0);
    tr_event_set(&it.released);
    tr_try(tr_to_thread(join_thread, &thread));
    expect(it.wish.rc == 9);
    return tr_join(n);
}

/* ---- a crowd at the door ------------------------------------------------------------------------ */

enum { CROWD = 8 };

struct crowd {
    atomic_int entered, served, cancelled, refused, odd;
    tr_event enough;
    tr_door *door;
    pthread_t threads[CROWD];
};

static int be_served(void *arg)
{
    struct crowd *crowd = arg;
    if (++crowd->entered == 500)
        tr_event_set(&crowd->enough);
    return tr_checkpoint();
}

/* Again and again, until it is closed for good. */
static void *push_in(void *arg)
{
    struct crowd *crowd = arg;
    tr_door *door = tr_keep_door(crowd->door);
    int rc;
    while ((rc = tr_enter_door(door, be_served, crowd)) != TR_ECLOSED) {
        crowd->served += rc == 0;
        crowd->cancelled += rc == TR_ECANCELLED;
        crowd->odd += rc != 0 && rc != TR_ECANCELLED;
    }
    crowd->refused++;
    tr_release_door(&door);
    return NULL;
}

static int let_them_push(struct crowd *crowd, bool join)
{
    tr_auto(nursery) n = tr_open_nursery();
    crowd->door = tr_open_door(n);
    for (int i = 0; i < CROWD; i++)
        pthread_create(&crowd->threads[i], NULL, push_in, crowd);
    tr_try(tr_event_wait(&crowd->enough));
    if (!join)
        return 0;
    tr_cancel(n);
    return tr_join(n);
}

static int disperse(struct crowd *crowd)
{
    for (int i = 0; i < CROWD; i++)
        tr_try(tr_to_thread(join_thread, &crowd->threads[i]));
    tr_release_door(&crowd->door);
    expect(crowd->refused == CROWD && crowd->odd == 0 && crowd->entered >= 500);
    expect(crowd->served <= crowd->entered);
    return 0;
}

static int a_crowd_at_the_door_does_not_keep_it_open(void *arg)
{
    (void)arg;
    for (int round = 0; round < 10; round++) {
        struct crowd crowd = {0};
        tr_try(let_them_push(&crowd, round % 2));
        tr_try(disperse(&crowd));
    }
    return 0;
}

static struct crowd of_the_last_run;

static int let_them_push_to_the_end(void *arg)
{
    return let_them_push(arg, false);
}

/* The run ends while they push; they find out by themselves. */
static void a_crowd_may_push_beyond_the_run(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        struct crowd *crowd = &of_the_last_run;
        *crowd = (struct crowd){0};
        assert_int_equal(tr_run(let_them_push_to_the_end, crowd), 0);
        for (int i = 0; i < CROWD; i++)
            pthread_join(crowd->threads[i], NULL);
        tr_release_door(&crowd->door);
        assert_int_equal(crowd->refused, CROWD);
        assert_int_equal(crowd->odd, 0);
    }
}

struct poor {
    tr_door *door;
    int rc, ran;
};

static int note_that_it_ran(void *arg)
{
    ((struct poor *)arg)->ran++;
    return 0;
}

static void *knock(void *arg)
{
    struct poor *it = arg;
    it->rc = tr_enter_door(it->door, note_that_it_ran, it);
    return NULL;
}

/* The virtual world gives visitors nothing of what they need, as the real one without memory. */
static int a_stranger_for_whom_there_is_no_memory_is_turned_away(void *arg)
{
    (void)arg;
    pthread_t stranger;
    tr_auto(nursery) n = tr_open_nursery();
    struct poor it = {.door = tr_open_door(n)};
    expect(pthread_create(&stranger, NULL, knock, &it) == 0 && pthread_join(stranger, NULL) == 0);
    tr_release_door(&it.door);
    tr_try(tr_join(n));
    expect(it.rc == -ENOMEM && it.ran == 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REALLY(a_worker_has_a_task_run_where_it_came_from),
        REALLY(a_failure_is_the_workers_to_handle),
        REALLY(what_a_block_left_early_fails_reaches_the_worker),
        REALLY(an_error_that_is_kept_here_is_not_shared_with_the_worker),
        REALLY(the_task_is_cancelled_with_the_call),
        REALLY(an_abandoned_call_still_waits_for_the_task_in_it),
        REALLY(whoever_was_abandoned_is_not_listened_to),
        REALLY(a_cancelled_call_can_still_put_things_in_order),
        REALLY(there_and_back_can_be_nested_fifty_deep),
        REALLY(a_worker_that_ran_a_run_of_its_own_still_finds_back),
        REALLY(a_stranger_comes_in_by_a_door),
        REALLY(a_strangers_failure_is_its_own),
        REALLY(a_join_waits_for_who_came_in_and_not_for_the_door),
        REALLY(a_cancelled_nursery_admits_nobody),
        cmocka_unit_test(a_door_outlives_its_nursery_and_the_run),
        REALLY(a_worker_may_use_a_door_too),
        SCENARIO(doors_are_not_for_tasks),
        REALLY(doors_are_not_for_tasks),
        REALLY(what_is_no_door_or_no_function_is_refused),
        REALLY(a_stack_that_is_too_large_is_refused_at_the_door),
        REALLY(a_thread_that_is_to_end_waits_for_its_answer_all_the_same),
        SCENARIO(a_stranger_for_whom_there_is_no_memory_is_turned_away),
        REALLY(a_crowd_at_the_door_does_not_keep_it_open),
        cmocka_unit_test(a_crowd_may_push_beyond_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Signals as a stream: caught, kept, put back. */
#include "support/real.h"
#include "support/tasks.h"

#include "clock_world.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

/* ---- what the scenarios are made of ---------------------------------------------------------------------- */

/* The program's own handlers, which were there before. */
static volatile sig_atomic_t handled[65];

static void own_handler(int number)
{
    handled[number]++;
}

static void handle_ourselves(int number)
{
    handled[number] = 0;
    sigaction(number, &(struct sigaction){.sa_handler = own_handler}, NULL);
}

static bool ours_is_back(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == own_handler;
}

struct asks {
    tr_signals *signals;
    int rc;
    bool ended;
};

static int ask_once(void *arg)
{
    struct asks *asks = arg;
    asks->rc = tr_next_signal(asks->signals);
    asks->ended = true;
    return 0;
}

static int let_it_arrive(void)
{
    for (int i = 0; i < 300; i++)
        tr_try(tr_checkpoint());
    return 0;
}

/* ---- scenarios ------------------------------------------------------------------------------------------------ */

static int a_signal_wakes_who_waits_for_it(void *arg)
{
    (void)arg;
    handle_ourselves(SIGUSR1);
    tr_auto(signals) s = NULL;
    tr_try(tr_open_signals(&s, SIGUSR1, SIGUSR2));
    tr_auto(nursery) n = tr_open_nursery();
    struct asks asks = {.signals = s};
    tr_try(tr_start_soon(n, ask_once, &asks));
    tr_try(let_it_arrive());
    expect(!asks.ended);
    expect(kill(getpid(), SIGUSR2) == 0);
    tr_try(tr_join(n));
    expect(asks.rc == SIGUSR2);
    expect(raise(SIGUSR1) == 0 && tr_next_signal(s) == SIGUSR1);
    expect(handled[SIGUSR1] == 0);
    return 0;
}

static int each_counts_once_in_the_order_they_came(void *arg)
{
    (void)arg;
    tr_auto(signals) s = NULL;
    tr_try(tr_open_signals(&s, SIGUSR1, SIGUSR2, SIGHUP));
    raise(SIGHUP);
    raise(SIGUSR1);
    raise(SIGHUP);
    raise(SIGUSR2);
    raise(SIGUSR1);
    tr_try(let_it_arrive());
    expect(tr_next_signal(s) == SIGHUP && tr_next_signal(s) == SIGUSR1);
    expect(tr_next_signal(s) == SIGUSR2);
    raise(SIGHUP); /* and again, once it was asked for */
    expect(tr_next_signal(s) == SIGHUP);
    tr_scope limit = tr_move_on_after(0.001);
    tr_try(tr_within(&limit, tr_next_signal(s)));
    expect(limit.cancelled_caught);
    return 0;
}

static int what_was_there_before_is_back_after_the_close(void *arg)
{
    (void)arg;
    handle_ourselves(SIGUSR1);
    sigaction(SIGUSR2, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    for (int round = 0; round < 3; round++) {
        tr_auto(signals) s = NULL;
        tr_try(tr_open_signals(&s, SIGUSR1, SIGUSR2, SIGUSR1));
        expect(!ours_is_back(SIGUSR1));
        tr_close_signals(&s);
        expect(!s && ours_is_back(SIGUSR1));
        tr_close_signals(&s);
    }
    raise(SIGUSR1);
    raise(SIGUSR2); /* ignored, or this were the end */
    expect(handled[SIGUSR1] == 1);
    sigaction(SIGUSR2, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    return 0;
}

/* Whether the runtime has taken notice or not. */
static int what_nobody_asked_for_is_raised_again(void *arg)
{
    (void)arg;
    for (int noticed = 0; noticed < 2; noticed++) {
        handle_ourselves(SIGUSR1);
        handle_ourselves(SIGUSR2);
        tr_auto(signals) s = NULL;
        tr_try(tr_open_signals(&s, SIGUSR1, SIGUSR2));
        raise(SIGUSR1);
        raise(SIGUSR1);
        if (noticed)
            tr_try(let_it_arrive());
        expect(handled[SIGUSR1] == 0);
        tr_close_signals(&s);
        expect(handled[SIGUSR1] == 1 && handled[SIGUSR2] == 0);
        tr_try(let_it_arrive());
        expect(handled[SIGUSR1] == 1);
    }
    return 0;
}

static int a_cancelled_task_takes_no_signal(void *arg)
{
    (void)arg;
    tr_auto(signals) s = NULL;
    tr_try(tr_open_signals(&s, SIGUSR1));
    for (int noticed = 0; noticed < 2; noticed++) {
        raise(SIGUSR1);
        if (noticed)
            tr_try(let_it_arrive());
        tr_scope over = tr_move_on_after(0);
        tr_try(tr_within(&over, tr_next_signal(s)));
        expect(over.cancelled_caught);
        expect(tr_next_signal(s) == SIGUSR1);
    }
    return 0;
}

static int one_task_asks_at_a_time(void *arg)
{
    (void)arg;
    tr_auto(signals) s = NULL;
    tr_try(tr_open_signals(&s, SIGUSR1));
    tr_auto(nursery) n = tr_open_nursery();
    struct asks asks = {.signals = s};
    tr_try(tr_start_soon(n, ask_once, &asks));
    tr_try(tr_checkpoint());
    expect(tr_next_signal(s) == TR_EMISUSE);
    raise(SIGUSR1);
    tr_try(tr_join(n));
    expect(asks.rc == SIGUSR1);
    return 0;
}

static int a_close_wakes_who_waits(void *arg)
{
    (void)arg;
    handle_ourselves(SIGUSR1);
    for (int pending = 0; pending < 2; pending++) {
        tr_auto(signals) s = NULL;
        tr_try(tr_open_signals(&s, SIGUSR1));
        tr_auto(nursery) n = tr_open_nursery();
        struct asks asks = {.signals = s};
        if (pending) {
            raise(SIGUSR1);
            tr_try(let_it_arrive());
        }
        tr_try(tr_start_soon(n, ask_once, &asks));
        tr_try(tr_checkpoint()); /* it waits, or is at its checkpoint */
        tr_close_signals(&s);
        expect(handled[SIGUSR1] == pending);
        tr_try(tr_join(n));
        expect(asks.rc == TR_ECLOSED);
    }
    expect(tr_next_signal(NULL) == TR_ECLOSED);
    return 0;
}

static int everybody_who_has_it_open_gets_it(void *arg)
{
    (void)arg;
    handle_ourselves(SIGUSR1);
    tr_auto(signals) a = NULL;
    tr_auto(signals) b = NULL;
    tr_try(tr_open_signals(&a, SIGUSR1));
    tr_try(tr_open_signals(&b, SIGUSR1));
    raise(SIGUSR1);
    expect(tr_next_signal(a) == SIGUSR1 && tr_next_signal(b) == SIGUSR1);
    tr_close_signals(&a);
    expect(!ours_is_back(SIGUSR1));
    raise(SIGUSR1);
    expect(tr_next_signal(b) == SIGUSR1 && handled[SIGUSR1] == 0);
    tr_close_signals(&b);
    expect(ours_is_back(SIGUSR1));
    return 0;
}

static int what_cannot_be_caught_is_refused(void *arg)
{
    (void)arg;
    handle_ourselves(SIGUSR1);
    tr_signals *s = NULL;
    expect(tr_open_signals_(&s, NULL, 0) == TR_EARGUMENT);
    expect(tr_open_signals(&s, 0) == TR_EARGUMENT && tr_open_signals(&s, -1) == TR_EARGUMENT);
    expect(tr_open_signals(&s, SIGUSR1, 65) == TR_EARGUMENT);
    expect(tr_open_signals(&s, SIGUSR1, SIGKILL) == -EINVAL);
    expect_error("errno.EINVAL", "signal 9 cannot be caught");
    expect(!s && ours_is_back(SIGUSR1));
    return 0;
}

static void count_it(uv_signal_t *signal, int number)
{
    (void)number;
    ++*(int *)signal->data;
}

/* A libuv loop of the program's own, say, that began to listen after us. */
static int who_listens_by_libuv_too_goes_on_listening(void *arg)
{
    (void)arg;
    uv_loop_t loop;
    uv_signal_t other;
    int count = 0;
    tr_auto(signals) s = NULL;
    tr_try(tr_open_signals(&s, SIGUSR1));
    expect(uv_loop_init(&loop) == 0 && uv_signal_init(&loop, &other) == 0);
    other.data = &count;
    expect(uv_signal_start(&other, count_it, SIGUSR1) == 0);
    tr_close_signals(&s);
    raise(SIGUSR1);
    uv_run(&loop, UV_RUN_NOWAIT);
    tr_try(tr_open_signals(&s, SIGUSR1)); /* and now before us */
    uv_close((uv_handle_t *)&other, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    expect(uv_loop_close(&loop) == 0 && count == 1);
    tr_close_signals(&s);
    struct sigaction now;
    expect(sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
    return 0;
}

/* ---- several threads, several processes --------------------------------------------------------------------------- */

static atomic_int listening;

static int listen_once(void *arg)
{
    (void)arg;
    tr_auto(signals) s = NULL;
    tr_try(tr_open_signals(&s, SIGUSR1));
    atomic_fetch_add(&listening, 1);
    return tr_next_signal(s);
}

static void *run_on_a_thread(void *arg)
{
    *(int *)arg = tr_run(listen_once, NULL);
    return NULL;
}

static void runs_on_several_threads_all_get_it(void **state)
{
    (void)state;
    handle_ourselves(SIGUSR1);
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    int results[THREADS] = {0};
    atomic_store(&listening, 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_on_a_thread, &results[i]), 0);
    while (atomic_load(&listening) < THREADS)
        sched_yield();
    kill(getpid(), SIGUSR1);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(results[i], SIGUSR1);
    }
    assert_int_equal(handled[SIGUSR1], 0);
    assert_true(ours_is_back(SIGUSR1));
}

static int leave_a_term_pending(void *arg)
{
    (void)arg;
    tr_auto(signals) s = NULL;
    tr_try(tr_open_signals(&s, SIGTERM));
    raise(SIGTERM);
    tr_try(let_it_arrive());
    return 0;
}

static void expect_to_be_ended_by_term(int (*fn)(void *))
{
    pid_t child = fork();
    if (child == 0) {
        (void)!tr_run(fn, NULL);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void a_term_that_nobody_asked_for_ends_the_process_after_all(void **state)
{
    (void)state;
    expect_to_be_ended_by_term(leave_a_term_pending);
}

static atomic_bool woken;

/* Takes the first that comes, and then does not block it any more. */
static void *be_woken(void *arg)
{
    sigset_t none;
    sigemptyset(&none);
    sigsuspend(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    atomic_store(&woken, true);
    while (pause() < 0)
        continue;
    return arg;
}

/* Another thread does not, as where the run's is a worker. */
static int leave_a_term_pending_where_it_is_blocked(void *arg)
{
    sigset_t term;
    pthread_t other;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &term, NULL);
    tr_auto(signals) s = NULL;
    tr_auto(signals) told = NULL;
    tr_try(tr_open_signals(&s, SIGTERM));
    tr_try(tr_open_signals(&told, SIGTERM));
    expect(pthread_create(&other, NULL, be_woken, arg) == 0 && pthread_kill(other, SIGTERM) == 0);
    expect(tr_next_signal(told) == SIGTERM);
    while (!atomic_load(&woken))
        tr_try(tr_checkpoint());
    return 0;
}

static void a_term_ends_the_process_though_the_thread_of_the_run_blocks_it(void **state)
{
    (void)state;
    expect_to_be_ended_by_term(leave_a_term_pending_where_it_is_blocked);
}

static void nothing_is_caught_outside_a_run(void **state)
{
    (void)state;
    tr_signals *s = NULL;
    assert_int_equal(tr_open_signals(&s, SIGUSR1), TR_ENORUNTIME);
    assert_int_equal(tr_next_signal(s), TR_ENORUNTIME);
    tr_close_signals(&s);
}

/* ---- short of memory -------------------------------------------------------------------------------------- */

/* As many as this are caught, each with a bit of memory of the world's. */
static int caught_now;

static int catch_one(struct sys *sys, int number, sys_caught_fn *caught, void *arg, struct sys_catch **ret)
{
    (void)number;
    (void)caught;
    (void)arg;
    void *memory = sys->ops->resize(sys, NULL, 1);
    if (!memory)
        return -ENOMEM;
    *ret = memory;
    caught_now++;
    return 0;
}

static int let_one_go(struct sys *sys, struct sys_catch *it)
{
    sys->ops->resize(sys, it, 0);
    caught_now--;
    return 0;
}

static int open_three(void *arg)
{
    (void)arg;
    static struct sys_ops ops;
    ops = *runtime->sys->ops;
    ops.catch_signal = catch_one;
    ops.let_signal_go = let_one_go;
    runtime->sys->ops = &ops;
    tr_signals *s = NULL;
    int rc = tr_open_signals(&s, SIGUSR1, SIGUSR2, SIGHUP);
    expect(rc == (s ? 0 : -ENOMEM) && caught_now == (s ? 3 : 0));
    tr_close_signals(&s);
    expect(caught_now == 0);
    return rc;
}

static void all_are_caught_or_none(void **state)
{
    (void)state;
    run_short_of_memory(open_three);
}

/* ---- showing the tasks ----------------------------------------------------------------------------------- */

static int wait_until_shown(int where)
{
    while (lseek(where, 0, SEEK_END) == 0)
        tr_try(tr_checkpoint());
    return 0;
}

static int ask_what_it_does(void *arg)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, forever, NULL));
    tr_try(tr_checkpoint());
    raise(SIGUSR1);
    tr_scope limit = tr_fail_after(30);
    tr_try(tr_within(&limit, wait_until_shown(*(int *)arg)));
    tr_cancel(n);
    return tr_join(n);
}

/* What a run says on standard error with this in its environment. */
static void said_with(const char *signal, int (*fn)(void *), char *ret_text, size_t room)
{
    int where = memfd_create("said", 0), before = dup(STDERR_FILENO);
    assert_true(where >= 0 && before >= 0);
    setenv("TRACTOR_DUMP_SIGNAL", signal, 1);
    dup2(where, STDERR_FILENO);
    int rc = tr_run(fn, &where);
    dup2(before, STDERR_FILENO);
    unsetenv("TRACTOR_DUMP_SIGNAL");
    ssize_t size = pread(where, ret_text, room - 1, 0);
    ret_text[size > 0 ? size : 0] = '\0';
    close(where);
    close(before);
    assert_int_equal(rc, 0);
}

static void the_signal_that_the_environment_names_shows_the_tasks(void **state)
{
    (void)state;
    static const char *const names[] = {"USR1", "SIGUSR1", "10"};
    struct sigaction before, now;
    sigaction(SIGUSR1, NULL, &before);
    for (int i = 0; i < 3; i++) {
        char text[1000];
        said_with(names[i], ask_what_it_does, text, sizeof text);
        assert_non_null(strstr(text, "tasks of process"));
        assert_non_null(strstr(text, "task forever ("));
        assert_non_null(strstr(text, "waits for its time, or cancellation"));
    }
    sigaction(SIGUSR1, NULL, &now);
    assert_true(now.sa_handler == before.sa_handler);
}

static void a_name_that_is_no_signal_is_complained_of(void **state)
{
    (void)state;
    char text[1000], complaint[100];
    static const char *const names[] = {"NONSENSE", "10x", "1O", " 10", "4294967306", "99999999999999999999"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        said_with(names[i], nothing_at_all, text, sizeof text);
        snprintf(complaint, sizeof complaint, "TRACTOR_DUMP_SIGNAL=%s is no signal", names[i]);
        assert_non_null(strstr(text, complaint));
    }
    said_with("", nothing_at_all, text, sizeof text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_caught_outside_a_run),
        IN_EARNEST(a_signal_wakes_who_waits_for_it),
        IN_EARNEST(each_counts_once_in_the_order_they_came),
        IN_EARNEST(what_was_there_before_is_back_after_the_close),
        IN_EARNEST(what_nobody_asked_for_is_raised_again),
        IN_EARNEST(a_cancelled_task_takes_no_signal),
        IN_EARNEST(one_task_asks_at_a_time),
        IN_EARNEST(a_close_wakes_who_waits),
        IN_EARNEST(everybody_who_has_it_open_gets_it),
        IN_EARNEST(what_cannot_be_caught_is_refused),
        IN_EARNEST(who_listens_by_libuv_too_goes_on_listening),
        cmocka_unit_test(runs_on_several_threads_all_get_it),
        cmocka_unit_test(a_term_that_nobody_asked_for_ends_the_process_after_all),
        cmocka_unit_test(a_term_ends_the_process_though_the_thread_of_the_run_blocks_it),
        cmocka_unit_test(all_are_caught_or_none),
        cmocka_unit_test(the_signal_that_the_environment_names_shows_the_tasks),
        cmocka_unit_test(a_name_that_is_no_signal_is_complained_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

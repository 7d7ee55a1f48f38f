/* How commands are ended, to the second, and what memory that runs out does to them: on the virtual clock, with
 * one process made of a few variables. */
#include "support/virtual.h"

#include "base/error.h"
#include "clock_world.h"
#include "sched/task.h"
#include "sys/sys.h"

#include <errno.h>
#include <math.h>
#include <signal.h>

/* ---- the process -------------------------------------------------------------------------------------------- */

enum { MOST_SIGNALS = 8 };

static struct process {
    double life, dying;         /* seconds until it exits by itself; from a signal that it heeds to its end */
    bool stubborn;              /* SIGTERM means nothing to it */
    tr_scope *cancels;          /* what its start cancels; or NULL */
    int refuses_to_start;       /* an errno value */
    int output;                 /* bytes that it writes */

    bool alive;
    double ends_at;
    struct sys_exit how;
    sys_exited_fn *exited;
    void *arg;
    int started, forgotten, made_fds, open_fds, signals[MOST_SIGNALS], signal_count;
    double signalled_at[MOST_SIGNALS];
} process;

static struct sys_ops ops;      /* the clock world's, and these: */
static bool (*poll_clock)(struct sys *sys, int64_t timeout_ns);

static int make_pipe(struct sys *sys, int ret_fds[2])
{
    (void)sys;
    ret_fds[0] = 1000 + process.made_fds++;
    ret_fds[1] = 1000 + process.made_fds++;
    process.open_fds += 2;
    return 0;
}

static void close_fd(struct sys *sys, int fd)
{
    (void)sys;
    (void)fd;
    process.open_fds--;
}

static void lend(struct sys *sys, int fd)
{
    (void)sys;
    (void)fd;
}

static ssize_t read_output(struct sys *sys, int fd, void *ret_bytes, size_t size)
{
    (void)sys;
    (void)fd;
    int got = process.output < (int)size ? process.output : (int)size;
    memset(ret_bytes, 'x', (size_t)got);
    process.output -= got;
    return got;
}

static ssize_t write_input(struct sys *sys, int fd, const void *bytes, size_t size)
{
    (void)sys;
    (void)fd;
    (void)bytes;
    return (ssize_t)size;
}

static int watch(struct sys *sys, int fd, sys_ready_fn *ready, void *arg, struct sys_watch **ret)
{
    (void)sys;
    (void)fd;
    (void)ready;
    (void)arg;
    *ret = (struct sys_watch *)&process;
    return 0;
}

static void unwatch(struct sys *sys, struct sys_watch *which)
{
    (void)sys;
    (void)which;
}

static int spawn(struct sys *sys, const struct sys_spawn *what, sys_exited_fn *exited, void *arg,
                 struct sys_process **ret)
{
    (void)sys;
    (void)what;
    if (process.refuses_to_start)
        return -process.refuses_to_start;
    if (process.cancels)
        tr_scope_cancel(process.cancels);
    process.started++;
    process.alive = true;
    process.ends_at = tr_now() + process.life;
    process.exited = exited;
    process.arg = arg;
    *ret = (struct sys_process *)&process;
    return 0;
}

static int signal_process(struct sys *sys, struct sys_process *which, int number)
{
    (void)sys;
    (void)which;
    if (!process.alive)
        return -ESRCH;
    process.signals[process.signal_count] = number;
    process.signalled_at[process.signal_count++] = tr_now();
    if (number == SIGKILL || (number == SIGTERM && !process.stubborn)) {
        process.ends_at = tr_now() + (number == SIGKILL ? 0 : process.dying);
        process.how = (struct sys_exit){.status = -1, .signal = number};
    }
    return 0;
}

static void forget(struct sys *sys, struct sys_process *which)
{
    (void)sys;
    (void)which;
    process.forgotten++;
}

static int pid(struct sys *sys, const struct sys_process *which)
{
    (void)sys;
    (void)which;
    return 4711;
}

/* The clock moves to whatever comes first. */
static bool poll_process(struct sys *sys, int64_t timeout_ns)
{
    double left = process.ends_at - sys->ops->now(sys) / 1e9;
    if (!process.alive || isinf(left) || (timeout_ns >= 0 && timeout_ns < left * 1e9))
        return poll_clock(sys, timeout_ns);
    poll_clock(sys, left > 0 ? (int64_t)(left * 1e9) : 0);
    process.alive = false;
    process.exited(process.arg, process.how);
    return false;
}

/* Makes the world of the running scenario one in which processes are like this. */
static int let_processes_be(struct process like)
{
    process = like;
    if (runtime->sys->ops == &ops)
        return 0;
    ops = *runtime->sys->ops;
    poll_clock = ops.poll;
    ops.pipe = make_pipe;
    ops.close = close_fd;
    ops.lend = lend;
    ops.read = read_output;
    ops.write = write_input;
    ops.watch = watch;
    ops.unwatch = unwatch;
    ops.spawn = spawn;
    ops.signal = signal_process;
    ops.forget = forget;
    ops.pid = pid;
    ops.poll = poll_process;
    runtime->sys->ops = &ops;
    return 0;
}

static bool nothing_is_left(void)
{
    return !process.alive && process.forgotten == process.started && process.open_fds == 0;
}

static bool about(double a, double b)
{
    return fabs(a - b) < 1e-3;
}

/* Seconds after `start` at which it got this signal; -1 if it did not. */
static double signalled(int number, double start)
{
    for (int i = 0; i < process.signal_count; i++)
        if (process.signals[i] == number)
            return process.signalled_at[i] - start;
    return -1;
}

/* ---- the ladder ---------------------------------------------------------------------------------------------- */

static int a_command_that_ends_by_itself_gets_no_signal(void *arg)
{
    (void)arg;
    let_processes_be((struct process){.life = 100});
    double start = tr_now();
    tr_process_result done = {.status = 77};
    tr_try(tr_run_process(&done, tr_argv("any")));
    expect(done.status == 0 && done.signal == 0 && !done.out.data && !done.err.data);
    expect(about(tr_now() - start, 100) && process.signal_count == 0 && nothing_is_left());
    return 0;
}

static int run_for_a_second(const tr_process_options *options)
{
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, tr_run_process_(NULL, options)));
    expect(limit.cancelled_caught);
    return 0;
}

static int a_cancelled_command_is_asked_to_end(void *arg)
{
    (void)arg;
    let_processes_be((struct process){.life = INFINITY, .dying = 3});
    double start = tr_now();
    tr_try(run_for_a_second(&(tr_process_options){.argv = tr_argv("any")}));
    expect(about(signalled(SIGTERM, start), 1) && about(signalled(SIGCONT, start), 1));
    expect(signalled(SIGKILL, start) < 0 && about(tr_now() - start, 4) && nothing_is_left());
    return 0;
}

static int one_that_does_not_heed_is_killed_after_five_seconds(void *arg)
{
    (void)arg;
    let_processes_be((struct process){.life = INFINITY, .stubborn = true});
    double start = tr_now();
    tr_try(run_for_a_second(&(tr_process_options){.argv = tr_argv("any")}));
    expect(about(signalled(SIGTERM, start), 1) && about(signalled(SIGKILL, start), 6));
    expect(about(tr_now() - start, 6) && nothing_is_left());
    return 0;
}

static int the_grace_is_an_option(void *arg)
{
    (void)arg;
    let_processes_be((struct process){.life = INFINITY, .stubborn = true});
    double start = tr_now();
    tr_try(run_for_a_second(&(tr_process_options){.argv = tr_argv("any"), .grace = 0.25}));
    expect(about(signalled(SIGKILL, start), 1.25) && nothing_is_left());
    let_processes_be((struct process){.life = INFINITY, .dying = 1e6});
    start = tr_now();
    tr_try(run_for_a_second(&(tr_process_options){.argv = tr_argv("any"), .grace = INFINITY}));
    expect(signalled(SIGKILL, start) < 0 && about(tr_now() - start, 1e6 + 1) && nothing_is_left());
    return 0;
}

static int cancelled_from_further_out_the_grace_is_the_same(void *arg)
{
    (void)arg;
    let_processes_be((struct process){.life = INFINITY, .dying = 4});
    double start = tr_now();
    tr_scope outer = tr_move_on_after(2);
    tr_try(tr_within(&outer, run_for_a_second(&(tr_process_options){.argv = tr_argv("any")})));
    expect(about(tr_now() - start, 5) && signalled(SIGKILL, start) < 0 && nothing_is_left());
    return 0;
}

static int run_cancelled(void)
{
    return tr_run_process(NULL, tr_argv("any"));
}

static int cancelled_before_nothing_is_started(void *arg)
{
    (void)arg;
    let_processes_be((struct process){.life = 1});
    tr_scope over = tr_cancel_scope();
    tr_scope_cancel(&over);
    tr_try(tr_within(&over, run_cancelled()));
    expect(over.cancelled_caught && process.started == 0 && nothing_is_left());
    return 0;
}

static int too_much_output_ends_the_command(void *arg)
{
    (void)arg;
    let_processes_be((struct process){.life = INFINITY, .output = 1001});
    expect(tr_run_process(NULL, tr_argv("any"), .capture_stdout = true, .most = 1000) == -ENOBUFS);
    expect(process.how.signal == SIGTERM && nothing_is_left());
    let_processes_be((struct process){.life = 1, .output = 1000});
    tr_process_result done;
    tr_try(tr_run_process(&done, tr_argv("any"), .capture_stdout = true, .most = 1000));
    expect(done.out.size == 1000 && nothing_is_left());
    return 0;
}

static int start_and_leave(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_process(n, NULL, tr_argv("any"), .in = TR_STDIO_PIPE, .out = TR_STDIO_PIPE));
    tr_try(tr_sleep(1));
    return 0;
}

static int leaving_the_block_ends_what_was_started_in_it(void *arg)
{
    (void)arg;
    let_processes_be((struct process){.life = INFINITY, .stubborn = true});
    double start = tr_now();
    tr_try(start_and_leave());
    expect(about(tr_now() - start, 6) && nothing_is_left());
    return 0;
}

static int the_join_waits_for_what_was_started(void *arg)
{
    (void)arg;
    let_processes_be((struct process){.life = 1000});
    double start = tr_now();
    tr_auto(nursery) n = tr_open_nursery();
    tr_process *any;
    tr_try(tr_start_process(n, &any, tr_argv("any")));
    expect(tr_process_pid(any) == 4711);
    tr_try(tr_join(n));
    expect(about(tr_now() - start, 1000) && process.signal_count == 0 && nothing_is_left());
    return 0;
}

static int start_with_pipes(tr_nursery *n)
{
    return tr_start_process(n, NULL, tr_argv("any"), .in = TR_STDIO_PIPE, .out = TR_STDIO_PIPE);
}

static int of_a_start_that_is_cancelled_nothing_is_left(void *arg)
{
    (void)arg;
    tr_scope over = tr_cancel_scope();
    let_processes_be((struct process){.life = INFINITY, .cancels = &over});
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_within(&over, start_with_pipes(n)));
    expect(over.cancelled_caught && process.started == 1 && nothing_is_left());
    return tr_join(n);
}

static int starts_that_fail_do_not_gather_in_the_nursery(void *arg)
{
    (void)arg;
    struct clock_world *world = (struct clock_world *)runtime->sys;
    let_processes_be((struct process){.refuses_to_start = ENOENT});
    tr_auto(nursery) n = tr_open_nursery();
    expect(start_with_pipes(n) == -ENOENT && start_with_pipes(n) == -ENOENT);
    size_t alive = world->alive;
    for (int i = 0; i < 10; i++)
        expect(start_with_pipes(n) == -ENOENT);
    expect(world->alive == alive);
    return tr_join(n);
}

/* ---- out of memory ------------------------------------------------------------------------------------------- */

static int run_with_everything(void *arg)
{
    (void)arg;
    let_processes_be((struct process){.life = 1, .output = 3000});
    tr_process_result done;
    int rc = tr_run_process(&done, tr_argv("any", "thing"), .input = "abc", .input_size = 3,
                            .capture_stdout = true, .capture_stderr = true);
    expect(nothing_is_left());
    tr_try(rc);
    expect(done.out.size + done.err.size == 3000);
    return 0;
}

static int run_and_cancel(void *arg)
{
    (void)arg;
    let_processes_be((struct process){.life = INFINITY, .stubborn = true});
    tr_scope limit = tr_move_on_after(1);
    int rc = tr_within(&limit, tr_run_process(NULL, tr_argv("any"), .capture_stderr = true));
    expect(nothing_is_left());
    return rc;
}

static int run_and_fail(void *arg)
{
    (void)arg;
    let_processes_be((struct process){.life = 1, .how = {.status = 3}, .output = 3000});
    int rc = tr_run_process(NULL, tr_argv("any"), .capture_stderr = true);
    expect(nothing_is_left() && (rc == TR_EPROCESS || rc == -ENOMEM));
    return 0;
}

static int refuse(void *arg)
{
    (void)arg;
    let_processes_be((struct process){.refuses_to_start = EAGAIN});
    int rc = tr_run_process(NULL, tr_argv("any"), .capture_stderr = true);
    expect(nothing_is_left() && (rc == -EAGAIN || rc == -ENOMEM));
    return 0;
}

static void a_run_that_is_short_of_memory_leaves_nothing(void **state)
{
    (void)state;
    run_short_of_memory(run_with_everything);
    run_short_of_memory(run_and_fail);
    run_short_of_memory(refuse);
}

static void ending_a_command_needs_no_memory(void **state)
{
    (void)state;
    run_short_of_memory(run_and_cancel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(a_command_that_ends_by_itself_gets_no_signal),
        SCENARIO(a_cancelled_command_is_asked_to_end),
        SCENARIO(one_that_does_not_heed_is_killed_after_five_seconds),
        SCENARIO(the_grace_is_an_option),
        SCENARIO(cancelled_from_further_out_the_grace_is_the_same),
        SCENARIO(cancelled_before_nothing_is_started),
        SCENARIO(too_much_output_ends_the_command),
        SCENARIO(leaving_the_block_ends_what_was_started_in_it),
        SCENARIO(the_join_waits_for_what_was_started),
        SCENARIO(of_a_start_that_is_cancelled_nothing_is_left),
        SCENARIO(starts_that_fail_do_not_gather_in_the_nursery),
        cmocka_unit_test(a_run_that_is_short_of_memory_leaves_nothing),
        cmocka_unit_test(ending_a_command_needs_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Commands in company: of other children of the program, of its own handlers for signals, of a kernel or a table
 * of descriptors that has little to give. */
#include "support/real.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define sh(...) tr_argv("sh", "-c", __VA_ARGS__)

/* ---- other children of this program -------------------------------------------------------------------------- */

static void handler(int number)
{
    (void)number;
}

/* A child that waits to be killed and has this number, if that can be had: it takes the right to choose the next
 * one, and that nobody else starts a process just then. 0 if not. */
static pid_t another_of_number(pid_t wanted)
{
    for (int attempt = 0; attempt < 20; attempt++) {
        FILE *last = fopen("/proc/sys/kernel/ns_last_pid", "we");
        bool chosen = last && fprintf(last, "%d", wanted - 1) > 0;
        if (last && fclose(last) != 0)
            chosen = false;
        pid_t pid = chosen ? fork() : -1;
        if (pid == 0)
            for (alarm(60);;)
                pause();
        if (pid == wanted || pid < 0)
            return pid > 0 ? pid : 0;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return 0;
}

static int a_stranger_that_got_its_number_is_left_alone(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_process *process;
    tr_try(tr_start_process(n, &process, tr_argv("sleep", "1000"), .may_fail = true));
    pid_t pid = tr_process_pid(process);
    expect(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid); /* reaped by somebody else */
    pid_t stranger = another_of_number(pid);
    if (!stranger)
        fprintf(stderr, "(the numbers of processes cannot be chosen here)\n");
    int rc = tr_process_signal(process, SIGSTOP), status;
    pid_t stopped = stranger ? waitpid(stranger, &status, WUNTRACED | WNOHANG) : 0;
    if (stranger)
        kill(stranger, SIGKILL); /* it may be waited for from now on */
    tr_try(tr_join(n));
    expect(!stranger || waitpid(stranger, NULL, 0) == stranger);
    expect(rc == -ESRCH && stopped == 0);
    return 0;
}

static int one_that_somebody_else_waited_for_has_failed(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_process *process;
    tr_process_result done;
    tr_try(tr_start_process(n, &process, tr_argv("sleep", "1000")));
    pid_t pid = tr_process_pid(process);
    expect(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
    expect(tr_join(n) == TR_EPROCESS);
    expect_error("ProcessFailed", "sleep ended, and somebody else in this program has taken how");
    expect(tr_error_exit_status(tr_last_error()) == -1 && tr_error_signal(tr_last_error()) == 0);
    tr_try(tr_process_wait(process, &done));
    expect(done.status == -1 && done.signal == 0);
    return 0;
}

static int run_true_and_false(void *arg)
{
    (void)arg;
    tr_try(tr_run_process(NULL, tr_argv("true")));
    expect(tr_run_process(NULL, tr_argv("false")) == TR_EPROCESS);
    expect(tr_error_exit_status(tr_last_error()) == 1);
    return 0;
}

static int how_it_ended_is_known_whatever_is_done_with_child_signals(void *arg)
{
    struct sigaction before, ours = {.sa_handler = handler, .sa_flags = SA_NOCLDWAIT};
    sigaction(SIGCHLD, &ours, &before);
    int with_handler = run_true_and_false(arg);
    sigaction(SIGCHLD, NULL, &ours);
    bool kept = ours.sa_handler == handler;
    signal(SIGCHLD, SIG_IGN);
    int ignored = run_true_and_false(arg);
    sigaction(SIGCHLD, &before, NULL);
    expect(kept && with_handler == 0 && ignored == 0);
    return 0;
}

static int start_a_hundred(tr_nursery *n)
{
    for (int i = 0; i < 100; i++)
        tr_try(tr_start_process(n, NULL, tr_argv("sleep", "1000"), .out = TR_STDIO_PIPE));
    return 0;
}

static int one_of_a_hundred_fails(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(start_a_hundred(n));
    tr_try(tr_start_process(n, NULL, tr_argv("false")));
    expect(tr_join(n) == TR_EPROCESS);
    return 0;
}

static int a_hundred_are_cancelled(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(start_a_hundred(n));
    tr_cancel(n);
    return tr_join(n);
}

/* Runs the scenarios in a process of its own, without pidfds, as on an old kernel. */
static int run_without_pidfds(int (*const *scenarios)(void *), size_t count)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof code / sizeof *code, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
        return 0; /* they cannot be taken away here */
    struct sigaction now;
    signal(SIGCHLD, handler);
    alarm(60);
    for (size_t i = 0; i < count; i++)
        if (tr_run(scenarios[i], NULL) < 0 || sigaction(SIGCHLD, NULL, &now) < 0 || now.sa_handler != handler)
            return 1;
    return 0;
}

static void without_pidfds_commands_end_as_elsewhere_and_handlers_stay(void **state)
{
    (void)state;
    int (*const scenarios[])(void *) = {run_true_and_false, one_of_a_hundred_fails, a_hundred_are_cancelled};
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(run_without_pidfds(scenarios, sizeof scenarios / sizeof *scenarios));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Leaves room for so many descriptors; what fills the table are copies of 0. */
static int fill_descriptors(int left, int *ret_fill, size_t most)
{
    struct rlimit few = {.rlim_cur = 64, .rlim_max = 64};
    size_t count = 0;
    expect(setrlimit(RLIMIT_NOFILE, &few) == 0);
    while (count < most && (ret_fill[count] = fcntl(0, F_DUPFD_CLOEXEC, 0)) >= 0)
        count++;
    expect(count >= (size_t)left);
    for (; left > 0; left--)
        close(ret_fill[--count]);
    return 0;
}

/* With no pidfd to be had, its end is told by SIGCHLD, for which a run has what it needs once it catches any. */
static int run_with_two_descriptors_left(void *arg)
{
    (void)arg;
    int fill[64];
    tr_auto(signals) others = NULL;
    tr_try(tr_open_signals(&others, SIGURG));
    tr_try(fill_descriptors(2, fill, 64));
    /* 3 is the one that looks */
    return tr_run_process(NULL, sh("for fd in /proc/$$/fd/*; do [ ${fd##*/} -gt 3 ] && exit 0; done; exit 1"),
                          .in = TR_STDIO_OURS);
}

static void when_descriptors_are_out_a_command_has_its_lifeline_all_the_same(void **state)
{
    (void)state;
    struct sigaction now;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        signal(SIGCHLD, handler);
        int rc = tr_run(run_with_two_descriptors_left, NULL);
        _exit(rc < 0 || sigaction(SIGCHLD, NULL, &now) < 0 || now.sa_handler != handler);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EARNEST(a_stranger_that_got_its_number_is_left_alone),
        IN_EARNEST(one_that_somebody_else_waited_for_has_failed),
        IN_EARNEST(how_it_ended_is_known_whatever_is_done_with_child_signals),
        cmocka_unit_test(without_pidfds_commands_end_as_elsewhere_and_handlers_stay),
        cmocka_unit_test(when_descriptors_are_out_a_command_has_its_lifeline_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

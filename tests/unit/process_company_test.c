/* Commands in company: of other children of the program, of its own handlers for signals, of a kernel or a table
 * of descriptors that has little to give. */
#include "support/real.h"

#include <signal.h>

/* ---- other children of this program -------------------------------------------------------------------------- */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EARNEST(a_stranger_that_got_its_number_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

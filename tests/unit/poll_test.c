/* The real poller in want: of the processor in the wrong moment, for which libuv's uv_run is overlaid by one
 * that comes late; and of descriptors. */
#include "support/real.h"
#include "support/tasks.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

int uv_run(uv_loop_t *loop, uv_run_mode mode)
{
    int (*real)(uv_loop_t *, uv_run_mode);
    *(void **)&real = dlsym(RTLD_NEXT, "uv_run");
    usleep(3000); /* tidy: call: a loop that turns late is what is tested */
    return real(loop, mode);
}

/* Deadlines that have come by the time the loop turns: it must not wait for anything else then. */
static int a_deadline_that_passes_before_the_wait_is_kept(void *arg)
{
    (void)arg;
    int fds[2];
    expect(pipe2(fds, O_CLOEXEC) == 0);
    for (int i = 0; i < 5; i++) {
        tr_try(tr_sleep(0.001));
        tr_scope limit = tr_move_on_after(0.001);
        tr_try(tr_within(&limit, tr_wait_readable(fds[0])));
        expect(limit.cancelled_caught);
    }
    close(fds[0]);
    close(fds[1]);
    return 0;
}

static int first_run_with(rlim_t most)
{
    const struct rlimit few = {.rlim_cur = most, .rlim_max = most};
    setrlimit(RLIMIT_NOFILE, &few);
    int rc = tr_run(nothing_at_all, NULL);
    return rc == 0 ? 0 : rc == -EMFILE ? 1 : 2;
}

/* For it libuv makes what it keeps. */
static void a_process_that_gets_no_descriptors_for_its_first_run_is_told_so(void **state)
{
    (void)state;
    int status, enough = open_descriptors() + 10;
    for (int most = 0; most <= enough; most++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(first_run_with((rlim_t)most));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_in_range(WEXITSTATUS(status), 0, 1);
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static _Noreturn void be_actor_without_descriptors(const int pipe[2])
{
    const struct rlimit few = {.rlim_cur = 3, .rlim_max = 3};
    char *argv[] = {"nobody", NULL};
    dup2(pipe[1], STDERR_FILENO);
    setrlimit(RLIMIT_NOFILE, &few);
    _exit(tr_main(1, argv, nothing_at_all, NULL));
}

static void an_actor_that_gets_no_descriptors_says_why_it_ends(void **state)
{
    (void)state;
    char text[256] = "";
    int status, fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0)
        be_actor_without_descriptors(fds);
    close(fds[1]);
    assert_true(read(fds[0], text, sizeof text - 1) >= 0);
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    assert_non_null(strstr(text, "EMFILE"));
}

/* With one descriptor more each time, until there are enough. */
static void a_run_that_gets_no_descriptors_says_so_and_keeps_none(void **state)
{
    (void)state;
    struct rlimit before, few;
    assert_int_equal(tr_run(nothing_at_all, NULL), 0); /* libuv needs some that it keeps */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int open_before = open_descriptors(), refused = 0, rc;
    few = before;
    few.rlim_cur = 0;
    do {
        setrlimit(RLIMIT_NOFILE, &few);
        rc = tr_run(nothing_at_all, NULL);
        int again = tr_run_virtually(nothing_at_all, NULL);
        setrlimit(RLIMIT_NOFILE, &before);
        assert_true(rc == 0 || rc == -EMFILE);
        assert_true(rc == 0 || tr_error_is(tr_last_error(), "errno.EMFILE"));
        assert_int_equal(again, rc);
        assert_int_equal(open_descriptors(), open_before);
        refused += rc < 0;
        few.rlim_cur++;
    } while (rc < 0);
    assert_true(refused > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_that_gets_no_descriptors_for_its_first_run_is_told_so),
        cmocka_unit_test(an_actor_that_gets_no_descriptors_says_why_it_ends),
        IN_EARNEST(a_deadline_that_passes_before_the_wait_is_kept),
        cmocka_unit_test(a_run_that_gets_no_descriptors_says_so_and_keeps_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

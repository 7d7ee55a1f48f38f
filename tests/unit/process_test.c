/* Commands in the real world: what they are given, what they give back, and how they end. */
#include "support/real.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define sh(...) tr_argv("sh", "-c", __VA_ARGS__)

static const char *out_of(const tr_process_result *done)
{
    return done->out.data ? done->out.data : "(nothing was captured)";
}

static bool says(const tr_process_result *done, const char *text)
{
    if (strcmp(out_of(done), text) == 0 && done->out.size == strlen(text))
        return true;
    fprintf(stderr, "it says: %s\n", out_of(done));
    return false;
}

/* ---- how it ended -------------------------------------------------------------------------------------------- */

static int a_command_that_does_what_it_should_is_no_error(void *arg)
{
    (void)arg;
    tr_try(tr_run_process(NULL, tr_argv("true")));
    tr_process_result done = {.status = 77, .out = {"", 1}};
    tr_try(tr_run_process(&done, tr_argv("/bin/true")));
    expect(done.status == 0 && done.signal == 0 && !done.out.data && done.out.size == 0);
    return 0;
}

static int a_status_other_than_zero_is_an_error(void *arg)
{
    (void)arg;
    tr_process_result done = {.status = 77};
    expect(tr_run_process(&done, sh("exit 7")) == TR_EPROCESS);
    expect_error("ProcessFailed", "sh exited with status 7");
    expect(tr_error_exit_status(tr_last_error()) == 7 && tr_error_signal(tr_last_error()) == 0);
    expect(done.status == 77);
    tr_try(tr_run_process(&done, sh("exit 7"), .may_fail = true));
    expect(done.status == 7 && done.signal == 0);
    return 0;
}

static int an_end_by_a_signal_is_an_error(void *arg)
{
    (void)arg;
    tr_process_result done;
    expect(tr_run_process(&done, sh("kill -KILL $$")) == TR_EPROCESS);
    expect_error("ProcessFailed", "sh was killed by signal 9 (Killed)");
    expect(tr_error_signal(tr_last_error()) == SIGKILL && tr_error_exit_status(tr_last_error()) == -1);
    tr_try(tr_run_process(&done, sh("kill -TERM $$"), .may_fail = true));
    expect(done.status == -1 && done.signal == SIGTERM);
    return 0;
}

static int an_error_tells_the_end_of_what_the_command_said(void *arg)
{
    (void)arg;
    expect(tr_run_process(NULL, sh("echo no such venue >&2; exit 1"), .capture_stderr = true) == TR_EPROCESS);
    expect(strcmp(tr_error_message(tr_last_error()), "sh exited with status 1: no such venue") == 0);
    expect(tr_run_process(NULL, sh("seq 1 100000 >&2; printf '\\033[1mred\\a\\n\\n' >&2; exit 1"),
                          .capture_stderr = true) == TR_EPROCESS);
    const char *message = tr_error_message(tr_last_error());
    expect(strstr(message, "\n99999\n100000\n?[1mred?") && strlen(message) < 500);
    expect(message[strlen(message) - 1] == '?' && strstr(message, "status 1: 999"));
    expect(tr_run_process(NULL, sh("exit 1"), .capture_stderr = true) == TR_EPROCESS);
    expect(strcmp(tr_error_message(tr_last_error()), "sh exited with status 1") == 0);
    return 0;
}

/* ---- what goes in and comes out ------------------------------------------------------------------------------ */

static int what_it_writes_is_captured(void *arg)
{
    (void)arg;
    tr_process_result done;
    tr_try(tr_run_process(&done, sh("echo out; echo err >&2"), .capture_stdout = true, .capture_stderr = true));
    expect(says(&done, "out\n") && strcmp(done.err.data, "err\n") == 0 && done.err.size == 4);
    tr_try(tr_run_process(&done, sh("echo out; echo err >&2"), .capture_stdout = true, .err = TR_STDIO_STDOUT));
    expect(says(&done, "out\nerr\n") && !done.err.data);
    tr_try(tr_run_process(&done, tr_argv("true"), .capture_stdout = true));
    expect(says(&done, ""));
    tr_try(tr_run_process(&done, sh("echo to nobody; echo nothing >&2"), .out = TR_STDIO_NULL,
                          .err = TR_STDIO_NULL));
    return 0;
}

static int there_is_nothing_to_read_unless_there_is(void *arg)
{
    (void)arg;
    tr_process_result done;
    tr_try(tr_run_process(&done, tr_argv("cat"), .capture_stdout = true));
    expect(says(&done, ""));
    tr_try(tr_run_process(&done, tr_argv("cat"), .capture_stdout = true, .input = "a\0b", .input_size = 3));
    expect(done.out.size == 3 && memcmp(done.out.data, "a\0b", 4) == 0);
    int pair[2];
    expect(pipe2(pair, O_CLOEXEC) == 0 && write(pair[1], "lent", 4) == 4);
    close(pair[1]);
    tr_try(tr_run_process(&done, tr_argv("cat"), .capture_stdout = true, .in = pair[0]));
    close(pair[0]);
    expect(says(&done, "lent"));
    return 0;
}

enum { LOTS = 10 << 20 };

static int ten_megabytes_go_through_and_come_back(void *arg)
{
    (void)arg;
    uint32_t *lots = tr_alloc(LOTS);
    for (uint32_t i = 0; i < LOTS / 4; i++)
        lots[i] = i * 2654435761u;
    tr_process_result done;
    tr_try(tr_run_process(&done, tr_argv("cat"), .input = lots, .input_size = LOTS, .capture_stdout = true));
    expect(done.out.size == LOTS && memcmp(done.out.data, lots, LOTS) == 0);
    tr_try(tr_run_process(&done, sh("tee /dev/stderr"), .input = lots, .input_size = LOTS,
                          .capture_stdout = true, .capture_stderr = true));
    expect(done.out.size == LOTS && memcmp(done.out.data, lots, LOTS) == 0);
    expect(done.err.size == LOTS && memcmp(done.err.data, lots, LOTS) == 0);
    return 0;
}

static int a_command_need_not_read_its_input(void *arg)
{
    (void)arg;
    void *lots = tr_alloc(LOTS);
    tr_try(tr_run_process(NULL, tr_argv("true"), .input = lots, .input_size = LOTS));
    tr_process_result done;
    tr_try(tr_run_process(&done, sh("exec <&-; echo deaf"), .input = lots, .input_size = LOTS,
                          .capture_stdout = true));
    expect(says(&done, "deaf\n"));
    return 0;
}

static int more_output_than_is_wanted_is_an_error(void *arg)
{
    (void)arg;
    tr_process_result done;
    tr_try(tr_run_process(&done, tr_argv("head", "-c", "100000", "/dev/zero"), .capture_stdout = true,
                          .most = 100000));
    expect(done.out.size == 100000);
    expect(tr_run_process(&done, tr_argv("head", "-c", "100001", "/dev/zero"), .capture_stdout = true,
                          .most = 100000) == -ENOBUFS);
    expect_error("errno.ENOBUFS", "head wrote more than 100000 bytes to descriptor 1");
    expect(tr_run_process(&done, sh("exec yes >&2"), .capture_stderr = true, .most = 10) == -ENOBUFS);
    expect(done.out.size == 100000);
    return 0;
}

/* ---- what it is given ---------------------------------------------------------------------------------------- */

static int the_environment_is_ours_with_changes(void *arg)
{
    (void)arg;
    setenv("TR_TEST_A", "a", 1);
    setenv("TR_TEST_B", "b", 1);
    tr_process_result done;
    tr_try(tr_run_process(&done, sh("echo $TR_TEST_A-${TR_TEST_B-none}-$TR_TEST_C"), .capture_stdout = true,
                          .environment = tr_argv("TR_TEST_C=old", "TR_TEST_B", "TR_TEST_C=c=d")));
    expect(says(&done, "a-none-c=d\n"));
    tr_try(tr_run_process(&done, tr_argv("env"), .capture_stdout = true, .clear_environment = true,
                          .environment = tr_argv("TR_TEST_A=only", "TR_TEST_AB=x")));
    expect(says(&done, "TR_TEST_A=only\nTR_TEST_AB=x\n"));
    tr_try(tr_run_process(&done, tr_argv("env"), .capture_stdout = true, .clear_environment = true));
    expect(says(&done, ""));
    unsetenv("TR_TEST_A");
    unsetenv("TR_TEST_B");
    return 0;
}

static int write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    expect(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
    return 0;
}

/* A folder with two others, of which only the second has a tool that can be run. */
static int make_folders(char *folder)
{
    expect(mkdtemp(folder));
    expect(mkdir(tr_format("%s/first", folder), 0700) == 0 && mkdir(tr_format("%s/second", folder), 0700) == 0);
    tr_try(write_file(tr_format("%s/first/tool", folder), "#!/bin/sh\necho wrong\n", 0600));
    tr_try(write_file(tr_format("%s/second/tool", folder), "#!/bin/sh\necho right\n", 0700));
    return write_file(tr_format("%s/second/nonsense", folder), "no program\n", 0700);
}

static int with_folders(int (*fn)(const char *folder))
{
    char folder[] = "/tmp/tractor-process-XXXXXX";
    tr_try(make_folders(folder));
    int rc = fn(folder);
    tr_try(tr_run_process(NULL, tr_argv("rm", "-r", folder)));
    return rc;
}

static int run_tool(tr_process_result *ret, const char *name, const char *path)
{
    return tr_run_process(ret, tr_argv(name), .capture_stdout = true,
                          .environment = tr_argv(tr_format("PATH=%s", path)));
}

static int look_along_path(const char *folder)
{
    tr_process_result done;
    const char *first = tr_format("%s/first", folder), *second = tr_format("%s/second", folder);
    tr_try(run_tool(&done, "tool", tr_format("/nowhere:/etc/passwd:%s:%s", first, second)));
    expect(says(&done, "right\n"));
    expect(run_tool(&done, "tool", tr_format("%s:/nowhere", first)) == -EACCES);
    expect_error("errno.EACCES", "cannot run tool: ");
    expect(run_tool(&done, "tool", "/nowhere:/etc") == -ENOENT);
    expect(run_tool(&done, "tool", "") == -ENOENT);
    expect(run_tool(&done, "nonsense", second) == -ENOEXEC);
    expect(run_tool(&done, "second", folder) == -EACCES);
    tr_try(tr_run_process(&done, tr_argv("tool"), .capture_stdout = true, .directory = second,
                          .environment = tr_argv("PATH=/nowhere::/bin")));
    expect(says(&done, "right\n"));
    tr_try(tr_run_process(&done, tr_argv("./tool"), .capture_stdout = true, .directory = second));
    expect(says(&done, "right\n"));
    tr_try(tr_run_process(&done, tr_argv("true"), .clear_environment = true)); /* where nobody says */
    return 0;
}

static int a_program_is_looked_for_as_execvp_does(void *arg)
{
    (void)arg;
    return with_folders(look_along_path);
}

static int what_cannot_be_run_is_told_at_once(void *arg)
{
    (void)arg;
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    tr_process_result done;
    expect(tr_run_process(&done, tr_argv("/nowhere/at/all")) == -ENOENT);
    expect_error("errno.ENOENT", "cannot run /nowhere/at/all: No such file");
    expect(tr_run_process(&done, tr_argv("no-such-program-anywhere")) == -ENOENT);
    expect(tr_run_process(&done, tr_argv(name)) == -ENAMETOOLONG);
    expect(tr_run_process(&done, tr_argv("/etc/passwd")) == -EACCES);
    expect(tr_run_process(&done, tr_argv("/etc/passwd/x")) == -ENOTDIR);
    expect(tr_run_process(&done, tr_argv("true"), .in = 1000) == -EBADF);
    expect(tr_run_process(&done, tr_argv("true"), .keep = tr_list(int32_t, 1000)) == -EBADF);
    return 0;
}

static int it_runs_in_the_directory_it_is_told(void *arg)
{
    (void)arg;
    tr_process_result done;
    tr_try(tr_run_process(&done, tr_argv("pwd"), .directory = "/usr/lib", .capture_stdout = true));
    expect(says(&done, "/usr/lib\n"));
    expect(tr_run_process(&done, tr_argv("pwd"), .directory = "/nowhere") == -ENOENT);
    expect_error("errno.ENOENT", "cannot run pwd in /nowhere: No such file");
    expect(tr_run_process(&done, tr_argv("pwd"), .directory = "/etc/passwd") == -ENOTDIR);
    return 0;
}

/* Its open descriptors, of which 3 is that with which it looks, and 100 a lifeline. */
#define list_descriptors() sh("cd /proc/$$/fd; echo *")

static int it_gets_no_descriptor_but_those_it_is_to_have(void *arg)
{
    (void)arg;
    tr_process_result done;
    int open_one = fcntl(0, F_DUPFD, 20), another = fcntl(0, F_DUPFD, 30); /* without close-on-exec */
    expect(open_one == 20 && another == 30);
    tr_try(tr_run_process(&done, list_descriptors(), .capture_stdout = true));
    expect(says(&done, "0 1 100 2 3\n"));
    fcntl(another, F_SETFD, FD_CLOEXEC);
    tr_try(tr_run_process(&done, list_descriptors(), .capture_stdout = true,
                          .keep = tr_list(int32_t, another)));
    expect(says(&done, "0 1 100 2 3 30\n"));
    expect(fcntl(open_one, F_GETFD) == 0 && fcntl(another, F_GETFD) == FD_CLOEXEC); /* ours are as before */
    close(open_one);
    close(another);
    return 0;
}

static void handler(int number)
{
    (void)number;
}

/* The number that follows `key` in its /proc/self/status. */
static unsigned long long mask_of(const tr_process_result *done, const char *key)
{
    const char *line = strstr(out_of(done), key);
    return line ? strtoull(line + strlen(key), NULL, 16) : ~0ull;
}

static int it_begins_with_the_usual_signals(void *arg)
{
    (void)arg;
    sigset_t some, before;
    sigemptyset(&some);
    sigaddset(&some, SIGUSR1);
    sigaddset(&some, SIGTERM);
    sigprocmask(SIG_BLOCK, &some, &before);
    signal(SIGUSR2, handler);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    void (*at_hangup)(int) = signal(SIGHUP, SIG_DFL);
    tr_process_result done;
    int rc = tr_run_process(&done, tr_argv("cat", "/proc/self/status"), .capture_stdout = true);
    signal(SIGUSR2, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    signal(SIGHUP, at_hangup);
    sigset_t now;
    sigprocmask(SIG_SETMASK, &before, &now);
    tr_try(rc);
    expect(sigismember(&now, SIGUSR1) && sigismember(&now, SIGTERM) && !sigismember(&now, SIGUSR2));
    expect(mask_of(&done, "SigBlk:") == 0 && mask_of(&done, "SigCgt:") == 0);
    const uint64_t others = 3ull << 31 | 1ull << (SIGINT - 1); /* 32 and 33 are the C library's own affair */
    expect((mask_of(&done, "SigIgn:") & ~others) == 1ull << (SIGQUIT - 1));
    return 0;
}

/* Commands of a process in which these of the first three descriptors are closed. */
static int run_with_closed(void *arg)
{
    const int *closed = arg;
    tr_process_result done;
    for (int fd = 0; fd < 3; fd++)
        if (*closed & 1 << fd)
            close(fd);
    tr_try(tr_run_process(&done, sh("cat; echo err >&2"), .input = "in\n", .input_size = 3,
                          .capture_stdout = true, .capture_stderr = true));
    expect(says(&done, "in\n") && strcmp(done.err.data, "err\n") == 0);
    tr_try(tr_run_process(&done, sh("cat; echo err >&2"), .capture_stdout = true, .err = TR_STDIO_STDOUT));
    expect(says(&done, "err\n"));
    /* What is closed here is closed there, and no other of ours in its place. */
    tr_try(tr_run_process(&done, sh("for fd in 0 1 2; do [ -e /proc/$$/fd/$fd ] || printf $fd >&3; done"),
                          .in = TR_STDIO_OURS, .keep = tr_list(int32_t, 3), .may_fail = true));
    return 0;
}

static void any_of_our_standard_streams_may_be_closed(void **state)
{
    (void)state;
    for (int closed = 0; closed < 8; closed++) {
        int told[2], status;
        char text[8] = "", expected[8] = "";
        assert_int_equal(pipe(told), 0);
        pid_t pid = fork();
        if (pid == 0) {
            dup2(told[1], 3);
            alarm(20);
            _exit(tr_run(run_with_closed, &closed) < 0);
        }
        close(told[1]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_true(read(told[0], text, sizeof text - 1) >= 0);
        close(told[0]);
        for (int fd = 0; fd < 3; fd++)
            if (closed & 1 << fd)
                expected[strlen(expected)] = (char)('0' + fd);
        assert_string_equal(text, expected);
    }
}

static int swap_outputs(void *arg)
{
    (void)arg;
    return tr_run_process(NULL, sh("printf out; printf err >&2"), .out = 2, .err = 1);
}

static void streams_may_be_swapped(void **state)
{
    (void)state;
    int out[2], err[2], status;
    char text[2][8] = {"", ""};
    assert_true(pipe(out) == 0 && pipe(err) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], 1);
        dup2(err[1], 2);
        _exit(tr_run(swap_outputs, NULL) < 0);
    }
    close(out[1]);
    close(err[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(read(out[0], text[0], 7) == 3 && read(err[0], text[1], 7) == 3);
    assert_string_equal(text[0], "err");
    assert_string_equal(text[1], "out");
    close(out[0]);
    close(err[0]);
}

/* ---- how it is ended ----------------------------------------------------------------------------------------- */

static int a_deadline_ends_it(void *arg)
{
    (void)arg;
    tr_scope limit = tr_fail_after(0.05);
    expect(tr_within(&limit, tr_run_process(NULL, tr_argv("sleep", "1000"))) == TR_ETIMEOUT);
    return 0;
}

/* Reads what it says until that ends in a newline. */
static int hear(int fd, char *ret_text, size_t room)
{
    for (size_t size = 0;;) {
        int got = tr_read(fd, ret_text + size, room - size - 1);
        tr_try(got);
        size += (size_t)got;
        ret_text[size] = 0;
        if (got == 0 || ret_text[size - 1] == '\n')
            return 0;
    }
}

/* Starts one that says its number when it is ready, cancels it, and tells how it ended. */
static int start_and_cancel(const tr_process_options *options, tr_process_result *ret)
{
    char ready[16];
    tr_auto(nursery) n = tr_open_nursery();
    tr_process *process;
    tr_try(tr_start_process_(n, &process, options));
    tr_try(hear(tr_process_stdout(process), ready, sizeof ready));
    expect(atoi(ready) == tr_process_pid(process));
    tr_cancel(n);
    tr_try(tr_join(n));
    expect(kill(tr_process_pid(process), 0) < 0 && errno == ESRCH);
    return tr_process_wait(process, ret);
}

static int one_that_ignores_the_request_is_killed(void *arg)
{
    (void)arg;
    tr_process_result done;
    tr_process_options options = {.argv = sh("trap '' TERM; echo $$; exec sleep 1000"),
                                  .out = TR_STDIO_PIPE, .grace = 0.05};
    tr_try(start_and_cancel(&options, &done));
    expect(done.signal == SIGKILL && done.status == -1);
    return 0;
}

static int one_that_is_stopped_ends_as_others_do(void *arg)
{
    (void)arg;
    tr_process_result done;
    tr_process_options options = {.argv = sh("echo $$; kill -STOP $$; sleep 1000"), .out = TR_STDIO_PIPE,
                                  .grace = INFINITY};
    tr_try(start_and_cancel(&options, &done));
    expect(done.signal == SIGTERM);
    options.argv = sh("trap '' TERM; echo $$; while :; do kill -STOP $$; done");
    options.grace = 0.05;
    tr_try(start_and_cancel(&options, &done));
    expect(done.signal == SIGKILL);
    return 0;
}

static int one_that_cleans_up_has_the_time_to(void *arg)
{
    (void)arg;
    tr_process_result done;
    tr_process_options options = {.argv = sh("trap 'exit 5' TERM; echo $$; while :; do read x; done"),
                                  .in = TR_STDIO_PIPE, .out = TR_STDIO_PIPE, .grace = INFINITY};
    tr_try(start_and_cancel(&options, &done));
    expect(done.signal == 0 && done.status == 5);
    return 0;
}

static int what_it_leaves_running_is_waited_for(void *arg)
{
    (void)arg;
    tr_process_result done;
    tr_try(tr_run_process(&done, sh("(sleep 0.1; echo late) & echo early"), .capture_stdout = true));
    expect(says(&done, "early\nlate\n"));
    return 0;
}

static int run_one_that_leaves_a_sleeper(const char *folder)
{
    const char *note = tr_format("%s/pid", folder);
    tr_scope limit = tr_move_on_after(0.2);
    tr_try(tr_within(&limit, tr_run_process(NULL, sh("sleep 20 & echo $! >$0", note), .capture_stdout = true)));
    expect(limit.cancelled_caught);
    tr_process_result done;
    tr_try(tr_run_process(&done, sh("cat $0 || echo 0", note), .capture_stdout = true, .err = TR_STDIO_NULL));
    int sleeper = atoi(out_of(&done)); /* 0 when the shell was too slow, or we */
    if (sleeper > 0)
        expect(kill(sleeper, SIGKILL) == 0); /* it is not ours, and lives */
    return 0;
}

static int what_it_leaves_running_does_not_outlast_cancellation(void *arg)
{
    (void)arg;
    return with_folders(run_one_that_leaves_a_sleeper);
}

/* ---- in a nursery -------------------------------------------------------------------------------------------- */

static int one_can_talk_to_it(void *arg)
{
    (void)arg;
    char text[64];
    tr_auto(nursery) n = tr_open_nursery();
    tr_process *cat;
    tr_try(tr_start_process(n, &cat, tr_argv("cat"), .in = TR_STDIO_PIPE, .out = TR_STDIO_PIPE));
    expect(tr_process_pid(cat) > 0 && tr_process_stdin(cat) >= 0 && tr_process_stdout(cat) >= 0);
    expect(tr_process_stderr(cat) == -1);
    for (int i = 0; i < 100; i++) {
        const char *line = tr_format("line %d\n", i);
        tr_try(tr_write(tr_process_stdin(cat), line, strlen(line)));
        tr_try(hear(tr_process_stdout(cat), text, sizeof text));
        expect(strcmp(text, line) == 0);
    }
    tr_process_close(cat, 0);
    tr_process_close(cat, 0);
    expect(tr_process_stdin(cat) == -1 && tr_write(tr_process_stdin(cat), "x", 1) == -EBADF);
    expect(tr_read(tr_process_stdout(cat), text, sizeof text) == 0);
    tr_process_result done = {.status = 77};
    tr_try(tr_process_wait(cat, &done));
    expect(done.status == 0 && done.signal == 0);
    return tr_join(n);
}

static int what_it_said_can_be_read_after_its_end(void *arg)
{
    (void)arg;
    char text[64];
    tr_auto(nursery) n = tr_open_nursery();
    tr_process *process;
    tr_try(tr_start_process(n, &process, sh("echo out; echo err >&2"), .out = TR_STDIO_PIPE,
                            .err = TR_STDIO_PIPE));
    tr_try(tr_join(n));
    expect(tr_process_signal(process, SIGTERM) == -ESRCH);
    tr_try(tr_process_wait(process, NULL));
    tr_try(hear(tr_process_stdout(process), text, sizeof text));
    expect(strcmp(text, "out\n") == 0 && tr_read(tr_process_stdout(process), text, 1) == 0);
    tr_try(hear(tr_process_stderr(process), text, sizeof text));
    expect(strcmp(text, "err\n") == 0);
    return 0;
}

static int its_failure_is_the_nurserys(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_process *fails, *other;
    tr_try(tr_start_process(n, &other, tr_argv("sleep", "1000")));
    tr_try(tr_start_process(n, &fails, sh("exit 3")));
    expect(tr_join(n) == TR_EPROCESS);
    expect(tr_error_exit_status(tr_last_error()) == 3);
    tr_process_result done;
    tr_try(tr_process_wait(other, &done));
    expect(done.signal == SIGTERM); /* cancelled with it, which is no failure */
    return 0;
}

static int one_that_may_fail_fails_nobody(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_process *fails;
    tr_try(tr_start_process(n, &fails, tr_argv("sleep", "1000"), .may_fail = true));
    tr_try(tr_process_signal(fails, SIGUSR1));
    tr_try(tr_join(n));
    tr_process_result done;
    tr_try(tr_process_wait(fails, &done));
    expect(done.signal == SIGUSR1);
    return 0;
}

static int start_and_leave(int *ret_pid)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_process *process;
    tr_try(tr_start_process(n, &process, tr_argv("sleep", "1000"), .in = TR_STDIO_PIPE, .out = TR_STDIO_PIPE));
    *ret_pid = tr_process_pid(process);
    return 0;
}

static int leaving_the_block_ends_it(void *arg)
{
    (void)arg;
    int pid;
    tr_try(start_and_leave(&pid));
    expect(kill(pid, 0) < 0 && errno == ESRCH);
    return 0;
}

static int one_that_cannot_start_leaves_the_nursery_alone(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_process *process = NULL;
    expect(tr_start_process(n, &process, tr_argv("/nowhere"), .in = TR_STDIO_PIPE) == -ENOENT);
    expect(!process && !tr_cancelled(n));
    return tr_join(n);
}

static int writing_to_one_that_is_gone_is_an_error_and_no_signal(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_process *process;
    tr_try(tr_start_process(n, &process, tr_argv("true"), .in = TR_STDIO_PIPE));
    tr_try(tr_process_wait(process, NULL));
    expect(tr_write(tr_process_stdin(process), "x", 1) == -EPIPE);
    expect(tr_write(tr_process_stdin(process), "x", 1) == -EPIPE);
    sigset_t pending;
    expect(sigpending(&pending) == 0 && !sigismember(&pending, SIGPIPE));
    return tr_join(n);
}

static int read_for_ever(void *process)
{
    char byte;
    expect(tr_read(tr_process_stdout(process), &byte, 1) == TR_ECLOSED);
    return 0;
}

static int closing_wakes_who_reads(void *arg)
{
    (void)arg;
    char byte;
    tr_auto(nursery) n = tr_open_nursery();
    tr_process *process;
    tr_try(tr_start_process(n, &process, tr_argv("sleep", "1000"), .out = TR_STDIO_PIPE));
    tr_try(tr_start_soon(n, read_for_ever, process));
    for (int i = 0; i < 3; i++)
        tr_try(tr_checkpoint());
    expect(tr_read(tr_process_stdout(process), &byte, 1) == TR_EMISUSE);
    tr_process_close(process, 1);
    tr_try(tr_checkpoint());
    tr_cancel(n);
    return tr_join(n);
}

static int square(void *arg)
{
    int *number = arg;
    tr_process_result done;
    const char *text = tr_format("%d", *number);
    tr_try(tr_run_process(&done, sh("read n; echo $((n * n))"), .input = text, .input_size = strlen(text),
                          .capture_stdout = true, .may_fail = true));
    *number = atoi(done.out.data);
    return 0;
}

static int a_hundred_at_once(void *arg)
{
    (void)arg;
    int numbers[100];
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < 100; i++) {
        numbers[i] = i;
        tr_try(tr_start_soon(n, square, &numbers[i]));
    }
    tr_try(tr_join(n));
    for (int i = 0; i < 100; i++)
        expect(numbers[i] == i * i);
    return 0;
}

static int a_hundred_cancelled_at_once(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < 100; i++)
        tr_try(tr_start_process(n, NULL, tr_argv("sleep", "1000"), .out = TR_STDIO_PIPE));
    tr_cancel(n);
    return tr_join(n);
}

/* ---- misuse -------------------------------------------------------------------------------------------------- */

static int nonsense_is_refused(void *arg)
{
    (void)arg;
    tr_process *process = NULL;
    tr_auto(nursery) n = tr_open_nursery();
    expect(tr_run_process(NULL, ((tr_list_tr_str){NULL, 0})) == TR_EARGUMENT);
    expect(tr_run_process(NULL, tr_argv("")) == TR_EARGUMENT);
    expect(tr_run_process(NULL, tr_argv("true", NULL)) == TR_EARGUMENT);
    expect(tr_run_process(NULL, tr_argv("true"), .environment = tr_argv("=x")) == TR_EARGUMENT);
    expect(tr_run_process(NULL, tr_argv("true"), .grace = -1) == TR_EARGUMENT);
    expect(tr_run_process(NULL, tr_argv("true"), .grace = NAN) == TR_EARGUMENT);
    expect(tr_run_process(NULL, tr_argv("true"), .in = TR_STDIO_PIPE) == TR_EARGUMENT);
    expect(tr_run_process(NULL, tr_argv("true"), .out = TR_STDIO_STDOUT) == TR_EARGUMENT);
    expect(tr_run_process(NULL, tr_argv("true"), .out = -9) == TR_EARGUMENT);
    expect(tr_run_process(NULL, tr_argv("true"), .keep = tr_list(int32_t, 1)) == TR_EARGUMENT);
    expect(tr_run_process(NULL, tr_argv("true"), .in = TR_STDIO_NULL, .input = "x", .input_size = 1) ==
           TR_EARGUMENT);
    expect(tr_run_process(NULL, tr_argv("true"), .input_size = 1) == TR_EARGUMENT);
    expect(tr_run_process(NULL, tr_argv("true"), .capture_stdout = true, .out = TR_STDIO_NULL) == TR_EARGUMENT);
    expect(tr_start_process(n, &process, tr_argv("true"), .capture_stdout = true) == TR_EARGUMENT);
    expect(tr_start_process(n, &process, tr_argv("true"), .input = "x", .input_size = 1) == TR_EARGUMENT);
    expect(tr_start_process(NULL, &process, tr_argv("true")) == TR_EMISUSE);
    expect(tr_run_process_(NULL, NULL) == TR_EARGUMENT && tr_start_process_(n, NULL, NULL) == TR_EARGUMENT);
    expect(!process);
    tr_try(tr_start_process(n, &process, tr_argv("true")));
    expect(tr_process_stdin(process) == -1 && tr_process_stdout(process) == -1 && tr_process_stderr(process) == -1);
    expect(tr_process_stdout(NULL) == -1 && tr_process_stderr(NULL) == -1);
    expect(tr_process_wait(NULL, NULL) == TR_EARGUMENT && tr_process_signal(NULL, 1) == TR_EARGUMENT);
    expect(tr_process_signal(process, 1000) == -EINVAL || tr_process_signal(process, 1000) == -ESRCH);
    expect(tr_process_pid(NULL) == -1 && tr_process_stdin(NULL) == -1);
    tr_process_close(NULL, 0);
    tr_process_close(process, 7);
    tr_try(tr_join(n));
    expect(tr_start_process(n, &process, tr_argv("true")) == TR_ECLOSED);
    return 0;
}

static void outside_a_run_there_are_no_commands(void **state)
{
    (void)state;
    assert_int_equal(tr_run_process(NULL, tr_argv("true")), TR_ENORUNTIME);
    assert_int_equal(tr_start_process(NULL, NULL, tr_argv("true")), TR_ENORUNTIME);
    assert_int_equal(tr_process_wait(NULL, NULL), TR_ENORUNTIME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EARNEST(a_command_that_does_what_it_should_is_no_error),
        IN_EARNEST(a_status_other_than_zero_is_an_error),
        IN_EARNEST(an_end_by_a_signal_is_an_error),
        IN_EARNEST(an_error_tells_the_end_of_what_the_command_said),
        IN_EARNEST(what_it_writes_is_captured),
        IN_EARNEST(there_is_nothing_to_read_unless_there_is),
        IN_EARNEST(ten_megabytes_go_through_and_come_back),
        IN_EARNEST(a_command_need_not_read_its_input),
        IN_EARNEST(more_output_than_is_wanted_is_an_error),
        IN_EARNEST(the_environment_is_ours_with_changes),
        IN_EARNEST(a_program_is_looked_for_as_execvp_does),
        IN_EARNEST(what_cannot_be_run_is_told_at_once),
        IN_EARNEST(it_runs_in_the_directory_it_is_told),
        IN_EARNEST(it_gets_no_descriptor_but_those_it_is_to_have),
        IN_EARNEST(it_begins_with_the_usual_signals),
        cmocka_unit_test(any_of_our_standard_streams_may_be_closed),
        cmocka_unit_test(streams_may_be_swapped),
        IN_EARNEST(a_deadline_ends_it),
        IN_EARNEST(one_that_ignores_the_request_is_killed),
        IN_EARNEST(one_that_is_stopped_ends_as_others_do),
        IN_EARNEST(one_that_cleans_up_has_the_time_to),
        IN_EARNEST(what_it_leaves_running_is_waited_for),
        IN_EARNEST(what_it_leaves_running_does_not_outlast_cancellation),
        IN_EARNEST(one_can_talk_to_it),
        IN_EARNEST(what_it_said_can_be_read_after_its_end),
        IN_EARNEST(its_failure_is_the_nurserys),
        IN_EARNEST(one_that_may_fail_fails_nobody),
        IN_EARNEST(leaving_the_block_ends_it),
        IN_EARNEST(one_that_cannot_start_leaves_the_nursery_alone),
        IN_EARNEST(writing_to_one_that_is_gone_is_an_error_and_no_signal),
        IN_EARNEST(closing_wakes_who_reads),
        IN_EARNEST(a_hundred_at_once),
        IN_EARNEST(a_hundred_cancelled_at_once),
        IN_EARNEST(nonsense_is_refused),
        cmocka_unit_test(outside_a_run_there_are_no_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

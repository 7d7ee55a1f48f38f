/* The real poller in want: of the processor in the wrong moment, for which the wait is overlaid by one that comes
 * late; of descriptors; and of a kernel that takes what it is told. And how often the kernel is told anything. */
#include "sched/io.h"
#include "support/real.h"
#include "support/tasks.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int epoll_wait(int set, struct epoll_event *ret_events, int room, int timeout)
{
    int (*real)(int, struct epoll_event *, int, int);
    *(void **)&real = dlsym(RTLD_NEXT, "epoll_wait");
    usleep(3000); /* tidy: call: a wait that begins late is what is tested */
    return real(set, ret_events, room, timeout);
}

static int refusals; /* so many changes of what is watched are refused for want of memory */
static int changes;  /* so many there were */

int epoll_ctl(int set, int what, int fd, struct epoll_event *event)
{
    int (*real)(int, int, int, struct epoll_event *);
    *(void **)&real = dlsym(RTLD_NEXT, "epoll_ctl");
    changes++;
    if (what != EPOLL_CTL_MOD || refusals == 0)
        return real(set, what, fd, event);
    refusals--;
    errno = ENOMEM;
    return -1;
}

static int wait_to_read(void *io)
{
    return io_wait_readable(io);
}

/* A writer has waited, too: that the socket takes bytes is reported again, and that nobody wants to know it any more is
 * what the kernel refuses to hear. */
static int read_and_write(struct io *io)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, wait_to_read, io));
    tr_try(tr_checkpoint());
    tr_try(io_wait_writable(io));
    refusals = 1;
    return tr_join(n);
}

static int a_reader_is_woken_when_the_kernel_will_not_watch_for_it(void *arg)
{
    (void)arg;
    int fds[2];
    struct io io;
    expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    tr_try(io_open(&io, fds[0]));
    tr_scope limit = tr_fail_after(10);
    int rc = tr_within(&limit, read_and_write(&io));
    io_close(&io);
    expect(rc == 0 && refusals == 0);
    close(fds[1]);
    return 0;
}

/* ---- many ---------------------------------------------------------------------------------------------------- */

enum { MANY = 200 };

struct crowd {
    struct io ios[MANY];
    int writers[MANY];
    int read;                   /* bytes, by all */
    tr_event all_read;
};

struct member {
    struct crowd *crowd;
    struct io *io;
};

static int read_bytes(void *arg)
{
    const struct member member = *(struct member *)arg;
    char byte;
    for (;;) {
        tr_try((int)io_read(member.io, &byte, 1));
        if (++member.crowd->read == MANY)
            tr_event_set(&member.crowd->all_read);
    }
}

/* So all of them are ready at once. */
static int write_to_all(struct crowd *crowd)
{
    crowd->read = 0;
    crowd->all_read = (tr_event){0};
    for (int i = 0; i < MANY; i++)
        expect(write(crowd->writers[i], "", 1) == 1);
    return tr_event_wait(&crowd->all_read);
}

static int begin_crowd(tr_nursery *n, struct crowd *crowd)
{
    static struct member members[MANY];
    for (int i = 0; i < MANY; i++) {
        int fds[2];
        expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
        crowd->writers[i] = fds[1];
        tr_try(io_open(&crowd->ios[i], fds[0]));
        members[i] = (struct member){crowd, &crowd->ios[i]};
        tr_try(tr_start_soon(n, read_bytes, &members[i]));
    }
    return 0;
}

static int have_all_read(struct crowd *crowd)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(begin_crowd(n, crowd));
    tr_try(write_to_all(crowd));
    changes = 0;
    for (int i = 0; i < 3; i++)
        tr_try(write_to_all(crowd));
    tr_cancel(n);
    return tr_join(n);
}

static int of_many_that_are_ready_at_once_the_kernel_is_not_told_anew(void *arg)
{
    (void)arg;
    static struct crowd crowd;
    int rc = have_all_read(&crowd);
    int told = changes;
    for (int i = 0; i < MANY; i++) {
        io_close(&crowd.ios[i]);
        close(crowd.writers[i]);
    }
    if (told > 0)
        print_error("it was told %d times\n", told);
    expect(told == 0);
    return rc;
}

/* ---- late, and few --------------------------------------------------------------------------------------------- */

/* Deadlines that have come by the time the wait begins: it must not wait for anything else then. */
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
    int rc = tr_run(one_signal, NULL);
    return rc == 0 ? 0 : rc == -EMFILE ? 1 : 2;
}

/* For it libuv makes what it keeps. */
static void a_process_that_gets_no_descriptors_for_its_first_run_is_told_so(void **state)
{
    (void)state;
    int status = 0, enough = open_descriptors() + 10;
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

static int in_virtual_time(int (*fn)(void *), void *arg)
{
    return tr_run_virtually(fn, arg);
}

static int run_with_descriptors(rlim_t most, const struct rlimit *usual, int (*run)(int (*)(void *), void *),
                                int (*fn)(void *))
{
    const struct rlimit few = {most, usual->rlim_max};
    int open_before = open_descriptors();
    setrlimit(RLIMIT_NOFILE, &few);
    int rc = run(fn, NULL);
    setrlimit(RLIMIT_NOFILE, usual);
    assert_true(rc == 0 || rc == -EMFILE);
    assert_true(rc == 0 || tr_error_is(tr_last_error(), "errno.EMFILE"));
    assert_int_equal(open_descriptors(), open_before);
    return rc;
}

/* With one descriptor more each time, until there are enough. Returns how often there were not. */
static int times_refused(int (*fn)(void *))
{
    struct rlimit usual;
    int rc;
    rlim_t most = 0;
    assert_int_equal(tr_run(one_signal, NULL), 0); /* libuv needs some that it keeps */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    do {
        rc = run_with_descriptors(most, &usual, tr_run, fn);
        assert_int_equal(run_with_descriptors(most, &usual, in_virtual_time, fn), rc);
        most++;
    } while (rc < 0);
    return (int)most - 1;
}

static void a_run_that_gets_no_descriptors_says_so_and_keeps_none(void **state)
{
    (void)state;
    assert_true(times_refused(nothing_at_all) > 0);
}

static void neither_does_one_that_gets_too_few_for_a_signal(void **state)
{
    (void)state;
    assert_true(times_refused(one_signal) > times_refused(nothing_at_all) + 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_that_gets_no_descriptors_for_its_first_run_is_told_so),
        cmocka_unit_test(an_actor_that_gets_no_descriptors_says_why_it_ends),
        IN_EARNEST(a_reader_is_woken_when_the_kernel_will_not_watch_for_it),
        IN_EARNEST(of_many_that_are_ready_at_once_the_kernel_is_not_told_anew),
        IN_EARNEST(a_deadline_that_passes_before_the_wait_is_kept),
        cmocka_unit_test(a_run_that_gets_no_descriptors_says_so_and_keeps_none),
        cmocka_unit_test(neither_does_one_that_gets_too_few_for_a_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

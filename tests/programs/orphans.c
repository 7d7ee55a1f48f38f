/* Whom a killed actor leaves behind: the root has it, whatever it is, and leaves no zombie; and whom the program has
 * forked by itself the root leaves alone. */
#define _GNU_SOURCE
#include "support/expect.h"
#include "support/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what actors do ------------------------------------------------------------------------------------ */

tr_fn(int32_t, own_pid)
{
    *ret = getpid();
    return 0;
}

tr_fn(bool, is_subreaper)
{
    int it = 0;
    prctl(PR_GET_CHILD_SUBREAPER, &it);
    *ret = it != 0;
    return 0;
}

/* As programs start one, by two forks: nothing binds it to us. */
tr_fn(int32_t, leave_a_daemon)
{
    int told[2];
    expect(pipe(told) == 0);
    int between = fork();
    if (between == 0) {
        int daemon = fork();
        if (daemon == 0) {
            execl("/bin/sleep", "sleep", "1000", NULL);
            _exit(1);
        }
        _exit(write(told[1], &daemon, sizeof daemon) != sizeof daemon);
    }
    expect(read(told[0], ret, sizeof *ret) == sizeof *ret && waitpid(between, NULL, 0) == between);
    close(told[0]);
    close(told[1]);
    return 0;
}

/* The pid of a child that it keeps. */
tr_stream_fn(int32_t, keep_a_child)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    tr_try(tr_yield(ctx, tr_portal_actor(worker)->pid));
    return tr_sleep_forever();
}

static int lose_a_child(int32_t *ret_grandchild)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(stream) pids = NULL;
    tr_portal *worker;
    tr_try(start(n, &worker));
    tr_try(tr_open_stream(worker, &pids, keep_a_child));
    tr_try(tr_next(pids, ret_grandchild, keep_a_child));
    kill(tr_portal_actor(worker)->pid, SIGKILL);
    return tr_join(n);
}

/* The orphan is told of, and its grandparent lives on. */
tr_fn(int32_t, bear_the_loss_of_a_child)
{
    tr_ignore(lose_a_child(ret));
    return 0;
}

/* ---- what is seen of a process ------------------------------------------------------------------------- */

static int parent_of(int pid)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    const char *behind = file && fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    if (file)
        fclose(file);
    return behind ? (int)strtol(behind + 4, NULL, 10) : 0;
}

static int until_gone(int pid)
{
    while (kill(pid, 0) == 0)
        tr_try(tr_checkpoint());
    return errno == ESRCH ? 0 : -errno;
}

static int is_reaped(int pid)
{
    tr_scope limit = tr_fail_after(20);
    return tr_within(&limit, until_gone(pid));
}

/* An actor's end, which fails the nursery it was in. */
static int expect_death(int rc)
{
    expect(rc < 0);
    expect_error("ActorDied", "signal 9");
    return 0;
}

/* ---- scenarios ----------------------------------------------------------------------------------------- */

static int a_grandchild_whose_parent_was_killed_leaves_no_zombie(void)
{
    int32_t grandchild = 0;
    tr_try(expect_death(lose_a_child(&grandchild)));
    return is_reaped(grandchild);
}

static int nor_does_one_further_down_of_whose_parent_the_root_hears_nothing(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    int32_t orphan;
    tr_try(start(n, &worker));
    tr_try(tr_call(worker, &orphan, bear_the_loss_of_a_child));
    tr_try(is_reaped(orphan));
    return end(n, worker);
}

static int what_an_actor_left_behind_lives_on_and_is_reaped_when_it_ends(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    int32_t left;
    tr_try(start(n, &worker));
    tr_try(tr_call(worker, &left, leave_a_daemon));
    expect(left > 0 && parent_of(left) == getpid());
    tr_try(end(n, worker));
    expect(kill(left, SIGKILL) == 0);
    return is_reaped(left);
}

static int what_a_command_left_behind_too(void)
{
    tr_auto(frame) frame = tr_open_frame();
    tr_process_result it;
    tr_try(tr_run_process(&it, tr_argv("sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"), .capture_stdout = true));
    int left = atoi(it.out.data);
    expect(left > 0 && parent_of(left) == getpid());
    expect(kill(left, SIGKILL) == 0);
    return is_reaped(left);
}

/* It is for the program to wait for, however often the root looks for orphans, before and behind it. */
static int what_the_program_has_forked_is_left_to_it(void)
{
    siginfo_t ended;
    int status, own = fork();
    if (own == 0)
        _exit(7);
    expect(waitid(P_PID, (id_t)own, &ended, WEXITED | WNOWAIT) == 0);
    tr_try(a_grandchild_whose_parent_was_killed_leaves_no_zombie());
    tr_try(what_an_actor_left_behind_lives_on_and_is_reaped_when_it_ends());
    expect(waitpid(own, &status, WNOHANG) == own);
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    return 0;
}

static int only_the_root_has_the_orphans(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    bool it;
    int own = 0;
    tr_try(start(n, &worker));
    tr_try(tr_call(worker, &it, is_subreaper));
    expect(!it);
    expect(prctl(PR_GET_CHILD_SUBREAPER, &own) == 0 && own == 1);
    return end(n, worker);
}

static const struct scenario scenarios[] = {
#define SCENARIO(name) {#name, name}
    SCENARIO(a_grandchild_whose_parent_was_killed_leaves_no_zombie),
    SCENARIO(nor_does_one_further_down_of_whose_parent_the_root_hears_nothing),
    SCENARIO(what_an_actor_left_behind_lives_on_and_is_reaped_when_it_ends),
    SCENARIO(what_a_command_left_behind_too),
    SCENARIO(what_the_program_has_forked_is_left_to_it),
    SCENARIO(only_the_root_has_the_orphans),
};

static int run_all(void *only)
{
    return run_scenarios(scenarios, sizeof scenarios / sizeof *scenarios, only);
}

/* ---- a process that goes on behind its tree ---------------------------------------------------------------- */

static void hear_of_children(int number)
{
    (void)number;
}

static int lose_one_and_end(void *ret_orphan)
{
    tr_ignore(lose_a_child(ret_orphan));
    signal(SIGCHLD, hear_of_children);
    return 0;
}

/* What main has behind tr_main is what it had before, and has set itself meanwhile: nobody's parent that it was not,
 * no zombie, its own handler. */
static int nothing_of_it_stays(char **argv)
{
    for (int before = 0; before < 2; before++) {
        int32_t orphan = 0;
        int now = -1;
        prctl(PR_SET_CHILD_SUBREAPER, before);
        if (tr_main(1, argv, lose_one_and_end, &orphan) != 0)
            return 1;
        if (kill(orphan, 0) == 0 || waitpid(-1, NULL, WNOHANG) != -1)
            return 2;
        prctl(PR_GET_CHILD_SUBREAPER, &now);
        if (now != before)
            return 3;
        if (signal(SIGCHLD, SIG_DFL) != hear_of_children)
            return 4;
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "nothing_of_it_stays") == 0)
        return nothing_of_it_stays(argv);
    return tr_main(argc, argv, run_all, argc > 1 ? argv[1] : NULL);
}

/* An end from outside, by Ctrl-C and SIGTERM: each scene is a program of its own, on a terminal of its own. The
 * end of what it says is there when nobody has that terminal any more, so it waits for all processes. */
#define _GNU_SOURCE
#include "support/expect.h"
#include "support/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* ---- the scenes ---------------------------------------------------------------------------------------- */

static void say(const char *what)
{
    printf("%s\n", what);
    fflush(stdout);
}

static int tell_of_end(void *what)
{
    say(tr_format("%s of %s", (const char *)what, tr_current_actor()->name));
    return 0;
}

tr_fn(void, wait_and_tell)
{
    tr_try(tr_at_end(tell_of_end, "hook"));
    say("called");
    int rc = tr_sleep_forever();
    say(tr_format("%s ends", tr_current_actor()->name));
    return rc;
}

tr_fn(void, wait_behind)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(tr_start_actor(n, &worker, "grandchild", .modules = tr_names(tr_this_module())));
    return tr_call(worker, NULL, wait_and_tell);
}

static int send_term(void *arg)
{
    (void)arg;
    return kill(getpid(), SIGTERM);
}

/* As if somebody else did, who is not its parent. */
tr_fn(void, wait_and_be_told)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, send_term, NULL));
    return wait_and_tell_tr_body_(ctx, NULL, NULL);
}

static int tree(void *arg)
{
    (void)arg;
    tr_try(tr_at_end(tell_of_end, "first hook"));
    tr_try(tr_at_end(tell_of_end, "second hook"));
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(tr_start_actor(n, &worker, "child", .modules = tr_names(tr_this_module())));
    return tr_call(worker, NULL, wait_behind);
}

static int deaf(void *arg)
{
    tr_scope shield = tr_shield();
    return tr_within(&shield, tree(arg));
}

static int busy(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    say("called");
    for (volatile int for_ever = 1; for_ever;)
        continue;
    return tr_join(n);
}

static int failing(void *arg)
{
    (void)arg;
    say("called");
    tr_ignore(tr_sleep_forever());
    return tr_raise("app.CleanUp", "could not put away");
}

static int listening(void *arg)
{
    (void)arg;
    tr_auto(signals) s = NULL;
    tr_try(tr_open_signals(&s, SIGINT));
    say("called");
    int rc = tr_next_signal(s);
    say(rc == SIGINT ? "heard" : "not heard");
    tr_close_signals(&s);
    say("called");
    return tr_sleep_forever();
}

static int child_told(void *arg)
{
    (void)arg;
    tr_scope scope = tr_cancel_scope();
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    int rc = tr_within(&scope, tr_call(worker, NULL, wait_and_be_told));
    expect(rc == TR_EREMOTE);
    return tr_join(n);
}

static int open_daemon(void *arg)
{
    (void)arg;
    tr_try(tr_at_end(tell_of_end, "hook"));
    say("called");
    return 0;
}

static const struct {
    const char *name;
    int (*fn)(void *);
} scenes[] = {{"tree", tree},       {"deaf", deaf},           {"busy", busy},
              {"failing", failing}, {"listening", listening}, {"child_told", child_told}};

static void at_exit(void)
{
    say("at exit");
}

static int play(int argc, char **argv, const char *name)
{
    if (strcmp(name, "daemon") == 0)
        return tr_run_daemon(argc, argv, open_daemon, NULL, .name = "daemon");
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        if (strcmp(scenes[i].name, name) != 0)
            continue;
        if (!tr_is_child())
            atexit(at_exit);
        int status = tr_main(argc, argv, scenes[i].fn, NULL);
        printf("status %d, ", status); /* not flushed */
        return status;
    }
    return 99;
}

/* ---- watching them --------------------------------------------------------------------------------------- */

struct show {
    pid_t pid;
    int terminal;
    char said[16384];
    size_t size;
    int status;
};

static void enter(const char *slave, const char *scene, bool ignore)
{
    setsid();
    int fd = open(slave, O_RDWR);
    ioctl(fd, TIOCSCTTY, 0);
    struct termios how;
    tcgetattr(fd, &how);
    how.c_lflag |= NOFLSH; /* or Ctrl-C throws away what is being said */
    tcsetattr(fd, TCSANOW, &how);
    for (int to = 0; to < 3; to++)
        dup2(fd, to);
    signal(SIGINT, ignore ? SIG_IGN : SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    execl("/proc/self/exe", "signals", "play", scene, NULL);
    _exit(98);
}

static int begin(struct show *show, const char *scene, bool ignore)
{
    *show = (struct show){.terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
    expect(show->terminal >= 0 && grantpt(show->terminal) == 0 && unlockpt(show->terminal) == 0);
    char slave[64];
    expect(ptsname_r(show->terminal, slave, sizeof slave) == 0);
    int held = open(slave, O_RDWR | O_NOCTTY | O_CLOEXEC); /* or it ends before it begins */
    show->pid = fork();
    if (show->pid == 0)
        enter(slave, scene, ignore);
    while (!strstr(show->said, "called")) {
        ssize_t got = read(show->terminal, show->said + show->size, sizeof show->said - 1 - show->size);
        expect(got > 0);
        show->size += (size_t)got;
    }
    close(held);
    return 0;
}

static int read_until(struct show *show, const char *what)
{
    while (!what || !strstr(show->said, what)) {
        ssize_t got = read(show->terminal, show->said + show->size, sizeof show->said - 1 - show->size);
        if (got <= 0)
            return what ? tr_raise("test.Failed", "not said: %s", what) : 0;
        show->size += (size_t)got;
    }
    return 0;
}

static void press_ctrl_c(struct show *show)
{
    (void)!write(show->terminal, "\003", 1);
}

static int end_of(struct show *show)
{
    tr_try(read_until(show, NULL));
    expect(waitpid(show->pid, &show->status, 0) == show->pid);
    close(show->terminal);
    return 0;
}

static bool died_of(const struct show *show, int number)
{
    if (!WIFSIGNALED(show->status) || WTERMSIG(show->status) != number)
        fprintf(stderr, "status %x; it said: %s\n", (unsigned)show->status, show->said);
    return WIFSIGNALED(show->status) && WTERMSIG(show->status) == number;
}

static bool said(const struct show *show, const char *what)
{
    if (!strstr(show->said, what))
        fprintf(stderr, "it said: %s\n", show->said);
    return strstr(show->said, what);
}

/* ---- the scenarios ------------------------------------------------------------------------------------------ */

static int ended_gracefully(struct show *show, int number)
{
    tr_try(end_of(show));
    expect(died_of(show, number));
    expect(said(show, "grandchild ends\r\nhook of grandchild"));
    const char *below = strstr(show->said, "hook of grandchild"); /* forked ones have exit handlers, too */
    expect(said(show, "second hook of root\r\nfirst hook of root"));
    expect(below < strstr(show->said, "second hook of root"));
    expect(said(show, "at exit")); /* main went on, and so did its exit */
    expect(said(show, tr_format("status %d, ", 128 + number)));
    expect(!strstr(show->said, "Error") && !strstr(show->said, "ActorDied"));
    return 0;
}

static int ctrl_c_cancels_the_tree_and_the_program_dies_of_it(void)
{
    struct show show;
    tr_try(begin(&show, "tree", false));
    press_ctrl_c(&show);
    return ended_gracefully(&show, SIGINT);
}

static int sigterm_to_the_root_does_the_same(void)
{
    struct show show;
    tr_try(begin(&show, "tree", false));
    kill(show.pid, SIGTERM);
    return ended_gracefully(&show, SIGTERM);
}

static int sigterm_to_everybody_is_no_failure(void)
{
    struct show show;
    tr_try(begin(&show, "tree", false));
    killpg(show.pid, SIGTERM);
    tr_try(end_of(&show));
    expect(died_of(&show, SIGTERM) && said(&show, "grandchild ends"));
    return 0;
}

static int a_second_ctrl_c_kills(const char *scene)
{
    struct show show;
    tr_try(begin(&show, scene, false));
    do { /* two that come at once are one; the terminal says it each time */
        press_ctrl_c(&show);
        show.size = 0;
    } while (read(show.terminal, show.said, sizeof show.said - 1) > 0);
    tr_try(end_of(&show));
    expect(died_of(&show, SIGINT));
    return 0;
}

static int a_second_ctrl_c_kills_a_tree_that_is_deaf_to_the_first(void)
{
    return a_second_ctrl_c_kills("deaf");
}

static int a_second_ctrl_c_kills_a_root_that_computes_for_ever(void)
{
    return a_second_ctrl_c_kills("busy");
}

static int a_daemon_ends_well_by_ctrl_c_and_exits(void)
{
    struct show show;
    tr_try(begin(&show, "daemon", false));
    press_ctrl_c(&show);
    tr_try(end_of(&show));
    expect(WIFEXITED(show.status) && WEXITSTATUS(show.status) == 0 && said(&show, "hook of daemon"));
    return 0;
}

static int an_error_beside_a_ctrl_c_is_reported(void)
{
    struct show show;
    tr_try(begin(&show, "failing", false));
    press_ctrl_c(&show);
    tr_try(end_of(&show));
    expect(died_of(&show, SIGINT) && said(&show, "app.CleanUp: could not put away"));
    return 0;
}

static int an_ignored_ctrl_c_stays_ignored(void)
{
    struct show show;
    tr_try(begin(&show, "tree", true));
    press_ctrl_c(&show);
    tr_try(read_until(&show, "^C"));
    kill(show.pid, SIGTERM);
    return ended_gracefully(&show, SIGTERM);
}

static int a_program_may_take_ctrl_c_for_itself(void)
{
    struct show show;
    tr_try(begin(&show, "listening", false));
    press_ctrl_c(&show);
    tr_try(read_until(&show, "heard\r\ncalled"));
    press_ctrl_c(&show); /* it is the library's again */
    tr_try(end_of(&show));
    expect(died_of(&show, SIGINT) && said(&show, "at exit"));
    return 0;
}

static int a_child_told_to_end_from_outside_ends_in_order_and_is_an_error(void)
{
    struct show show;
    tr_try(begin(&show, "child_told", false));
    tr_try(end_of(&show));
    expect(WIFEXITED(show.status) && WEXITSTATUS(show.status) == 1);
    expect(said(&show, "worker ends\r\nhook of worker") && said(&show, "was killed by signal 15"));
    return 0;
}

static const struct scenario scenarios[] = {
#define SCENARIO(name) {#name, name}
    SCENARIO(ctrl_c_cancels_the_tree_and_the_program_dies_of_it),
    SCENARIO(sigterm_to_the_root_does_the_same),
    SCENARIO(sigterm_to_everybody_is_no_failure),
    SCENARIO(a_second_ctrl_c_kills_a_tree_that_is_deaf_to_the_first),
    SCENARIO(a_second_ctrl_c_kills_a_root_that_computes_for_ever),
    SCENARIO(a_daemon_ends_well_by_ctrl_c_and_exits),
    SCENARIO(an_error_beside_a_ctrl_c_is_reported),
    SCENARIO(an_ignored_ctrl_c_stays_ignored),
    SCENARIO(a_program_may_take_ctrl_c_for_itself),
    SCENARIO(a_child_told_to_end_from_outside_ends_in_order_and_is_an_error),
};

static int run_all(void *only)
{
    return run_scenarios(scenarios, sizeof scenarios / sizeof *scenarios, only);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "play") == 0)
        return play(argc, argv, argv[2]);
    return tr_run(run_all, argc > 1 ? argv[1] : NULL);
}

/* The start methods: what an actor has of its ancestors under each, what becomes of a tree whose server dies or
 * stops, and what is refused. The script runs this program with each method, and a single case by its name. */
#define _GNU_SOURCE
#include "support/expect.h"
#include "support/worker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int prepared_by;         /* the process whose main this was set in */
static const char *method;      /* the tree's */
static char *program;

static bool tree_is(const char *word)
{
    return strcmp(method, word) == 0;
}

/* ---- what actors tell ------------------------------------------------------------------------------------ */

tr_fn(void, ping)
{
    return 0;
}

tr_fn(int32_t, whose_main)
{
    *ret = prepared_by;
    return 0;
}

/* Of an actor that this one starts. */
tr_fn(int32_t, whose_main_in_a_child, (tr_str, method))
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *child;
    tr_try(tr_start_actor(n, &child, "child", .modules = tr_names(tr_this_module()), .start_method = args->method));
    tr_try(tr_call(child, ret, whose_main));
    return end(n, child);
}

tr_fn(tr_str, variable, (tr_str, name))
{
    const char *value = getenv(args->name);
    return tr_return_fmt("%s", value ? value : "unset");
}

tr_fn(tr_str, directory)
{
    char path[4096];
    return tr_return_fmt("%s", getcwd(path, sizeof path) ? path : "nowhere");
}

tr_fn(void, say, (tr_str, line))
{
    printf("%s\n", args->line);
    fflush(stdout);
    return 0;
}

tr_fn(int32_t, signals_not_as_usual)
{
    sigset_t blocked;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    for (int number = 1; number < SIGRTMIN; number++)
        *ret += sigismember(&blocked, number) == 1;
    struct sigaction ended;
    sigaction(SIGCHLD, NULL, &ended);
    *ret += ended.sa_handler != SIG_DFL;
    return 0;
}

/* A text with the targets of all descriptors. */
tr_fn(tr_str, descriptors)
{
    char all[8192] = "", path[300], target[256];
    size_t used = 0;
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        ssize_t size = readlink(path, target, sizeof target);
        if (size > 0 && used + (size_t)size + 2 < sizeof all)
            used += (size_t)snprintf(all + used, sizeof all - used, "%.*s\n", (int)size, target);
    }
    if (folder)
        closedir(folder);
    return tr_return_fmt("%s", all);
}

tr_fn(tr_str, own_title)
{
    char title[64] = "";
    FILE *file = fopen("/proc/self/comm", "r");
    (void)!fgets(title, sizeof title, file);
    fclose(file);
    title[strcspn(title, "\n")] = '\0';
    return tr_return_fmt("%s", title);
}

/* ---- what an actor has ------------------------------------------------------------------------------------- */

static int it_has_what_its_parent_has_now(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    char before[4096];
    tr_portal *worker;
    tr_str text;
    expect(getcwd(before, sizeof before) && chdir("/tmp") == 0);
    setenv("METHODS_NEW", "new", 1);
    unsetenv("METHODS_OLD");
    int rc = start(n, &worker);
    expect(chdir(before) == 0);
    setenv("METHODS_OLD", "old", 1);
    tr_try(rc);
    tr_try(tr_call(worker, &text, variable, .name = "METHODS_NEW"));
    expect(strcmp(text, "new") == 0);
    tr_try(tr_call(worker, &text, variable, .name = "METHODS_OLD"));
    expect(strcmp(text, "unset") == 0);
    tr_try(tr_call(worker, &text, variable, .name = "TRACTOR_CHILD"));
    expect(strcmp(text, "unset") == 0);
    tr_try(tr_call(worker, &text, directory));
    expect(strcmp(text, "/tmp") == 0);
    return end(n, worker);
}

static int its_standard_streams_are_its_parents(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    char said[64] = "";
    int file = memfd_create("said", MFD_CLOEXEC), before = dup(1);
    fflush(stdout);
    expect(dup2(file, 1) == 1);
    int rc = start(n, &worker);
    dup2(before, 1);
    close(before);
    tr_try(rc);
    tr_try(tr_call(worker, NULL, say, .line = "into the file"));
    expect(pread(file, said, sizeof said - 1, 0) > 0);
    expect(strcmp(said, "into the file\n") == 0);
    close(file);
    return end(n, worker);
}

static int it_has_its_own_name_and_no_signals_blocked(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_str title;
    int32_t unusual;
    tr_try(start(n, &worker));
    tr_try(tr_call(worker, &title, own_title));
    expect(strcmp(title, "worker") == 0);
    tr_try(tr_call(worker, &unusual, signals_not_as_usual));
    expect(unusual == 0);
    return end(n, worker);
}

static int count_of_lines(const char *text)
{
    int lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

/* However many have been started before it, and whatever its parent has opened since tr_main. */
static int nothing_that_was_opened_later_leaks_into_it(void)
{
    enum { BEFORE = 20 };
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker[BEFORE];
    tr_str first, last;
    int marked = memfd_create("secret", 0), cloexec = memfd_create("secret", MFD_CLOEXEC);
    for (int i = 0; i < BEFORE; i++)
        tr_try(start(n, &worker[i]));
    tr_try(tr_call(worker[0], &first, descriptors));
    tr_try(tr_call(worker[BEFORE - 1], &last, descriptors));
    expect(!strstr(first, "secret") && !strstr(last, "secret"));
    expect(count_of_lines(first) == count_of_lines(last));
    close(marked);
    close(cloexec);
    tr_cancel(n);
    return 0;
}

/* ---- whose main it was ---------------------------------------------------------------------------------------- */

static int what_main_did_is_done_again_by_spawn_and_shared_else(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    int32_t own, below;
    tr_try(start(n, &worker));
    tr_try(tr_call(worker, &own, whose_main));
    tr_try(tr_call(worker, &below, whose_main_in_a_child, .method = ""));
    int pid = tr_portal_actor(worker)->pid;
    expect(own == (tree_is("spawn") ? pid : getpid()));
    expect(tree_is("spawn") ? below != pid && below != getpid() : below == getpid());
    return end(n, worker);
}

/* The difference between the two: the root's main, or that of who forks. */
static int below_a_spawned_actor_the_servers_differ(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    int32_t own, below;
    tr_try(tr_start_actor(n, &worker, "spawned", .modules = tr_names(tr_this_module()), .start_method = "spawn"));
    tr_try(tr_call(worker, &own, whose_main));
    tr_try(tr_call(worker, &below, whose_main_in_a_child, .method = ""));
    int pid = tr_portal_actor(worker)->pid;
    expect(own == pid);
    expect(!tree_is("forkserver") || below == getpid());
    expect(!tree_is("fork") || below == pid);
    tr_try(tr_call(worker, &below, whose_main_in_a_child, .method = method));
    tr_try(tr_call(worker, &below, whose_main_in_a_child, .method = "spawn"));
    expect(below != pid && below != getpid());
    return end(n, worker);
}

static int another_program_is_always_spawned(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    int32_t own;
    tr_try(tr_start_actor(n, &worker, "worker", .modules = tr_names(tr_this_module()), .program = program,
                          .start_method = method));
    tr_try(tr_call(worker, &own, whose_main));
    expect(own == tr_portal_actor(worker)->pid);
    return end(n, worker);
}

static int what_there_is_no_server_for_is_refused(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    const char *others[] = {"forkserver", "fork"};
    expect(tr_start_actor(n, &worker, "worker", .start_method = "cloning") == TR_EARGUMENT);
    expect_error("ArgumentError", "\"cloning\"");
    for (int i = 0; i < 2; i++) {
        if (tree_is(others[i]))
            continue;
        expect(tr_start_actor(n, &worker, "worker", .start_method = others[i]) == TR_EMISUSE);
        expect_error("Misuse", others[i]);
    }
    return tr_join(n);
}

/* ---- many --------------------------------------------------------------------------------------------------------- */

enum { MANY = 100 };

static int start_and_call(void *nursery)
{
    tr_portal *worker;
    tr_try(start(nursery, &worker));
    return tr_call(worker, NULL, ping);
}

static int many_start_at_once(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    {
        tr_auto(nursery) starting = tr_open_nursery();
        for (int i = 0; i < MANY; i++)
            tr_try(tr_start_soon(starting, start_and_call, n));
        tr_try(tr_join(starting));
    }
    tr_cancel(n);
    return tr_join(n);
}

static const struct scenario scenarios[] = {
#define SCENARIO(name) {#name, name}
    SCENARIO(it_has_what_its_parent_has_now),
    SCENARIO(its_standard_streams_are_its_parents),
    SCENARIO(it_has_its_own_name_and_no_signals_blocked),
    SCENARIO(nothing_that_was_opened_later_leaks_into_it),
    SCENARIO(what_main_did_is_done_again_by_spawn_and_shared_else),
    SCENARIO(below_a_spawned_actor_the_servers_differ),
    SCENARIO(another_program_is_always_spawned),
    SCENARIO(what_there_is_no_server_for_is_refused),
    SCENARIO(many_start_at_once),
};

static int run_all(void *only)
{
    return run_scenarios(scenarios, sizeof scenarios / sizeof *scenarios, only);
}

/* ---- the server's end ----------------------------------------------------------------------------------------------- */

/* The pid of our child that is a server; 0 for none. */
static int server(void)
{
    char path[64], line[512];
    DIR *all = opendir("/proc");
    int found = 0;
    for (struct dirent *entry; !found && (entry = readdir(all));) {
        snprintf(path, sizeof path, "/proc/%.20s/stat", entry->d_name);
        FILE *file = fopen(path, "r");
        const char *behind = file && fgets(line, sizeof line, file) ? strstr(line, "(tractor-server) ") : NULL;
        if (behind && strtol(strchr(behind, ')') + 4, NULL, 10) == getpid())
            found = (int)strtol(entry->d_name, NULL, 10);
        if (file)
            fclose(file);
    }
    closedir(all);
    return found;
}

static void signal_server(int number)
{
    int pid = server();
    if (pid == 0 || kill(pid, number) < 0)
        abort();
}

static int lose_it(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, NULL));
    tr_try(start(n, &worker));
    tr_try(tr_call(worker, NULL, ping));
    signal_server(SIGKILL);
    return tr_join(n);
}

static bool said(const char *type, const char *text)
{
    const tr_error *found = tr_error_find(tr_last_error(), type);
    return found && strstr(tr_error_report(tr_last_error()), text);
}

static int server_killed(char **argv)
{
    return tr_main(1, argv, lose_it, NULL) == 1 && said("ActorDied", "forked from") ? 0 : 1;
}

static int be_idle(void *arg)
{
    (void)arg;
    signal_server(SIGKILL);
    return tr_sleep_forever();
}

static int server_killed_while_there_are_no_actors(char **argv)
{
    return tr_main(1, argv, be_idle, NULL) == 1 && said("ActorDied", "has ended") ? 0 : 1;
}

/* At each of many moments of a start. */
static int lose_it_meanwhile(void *steps)
{
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < 6; i++)
        tr_try(tr_start_soon(n, start_and_call, n));
    for (int i = 0; i < *(int *)steps; i++)
        tr_try(tr_checkpoint());
    signal_server(SIGKILL);
    tr_try(tr_join(n));
    return tr_sleep_forever();
}

static int server_killed_while_actors_start(char **argv)
{
    int wrong = 0;
    for (int steps = 0; steps < 60; steps += 2)
        wrong += tr_main(1, argv, lose_it_meanwhile, &steps) != 1 || !said("ActorDied", "");
    return wrong;
}

/* A start that nobody answers is given up within the time that the actor would have had to end. */
static int give_up_a_start(tr_nursery *n, double grace)
{
    const double patience = 0.1, slack = 0.35;
    double began = tr_now();
    tr_scope limit = tr_move_on_after(patience);
    int rc = tr_within(&limit, tr_start_actor(n, NULL, "late", .grace = grace, .term_grace = grace));
    if (!limit.cancelled_caught)
        return tr_raise("test.Failed", "a start that nobody answered gave %d", rc);
    expect(tr_now() - began < patience + 2 * grace + slack);
    return 0;
}

static int stop_it(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    signal_server(SIGSTOP);
    tr_try(give_up_a_start(n, 1));
    tr_try(give_up_a_start(n, 0.02));
    tr_try(tr_call(worker, NULL, ping)); /* what runs is not concerned */
    kill(tr_portal_actor(worker)->pid, SIGKILL);
    return tr_join(n);
}

static int server_stopped(char **argv)
{
    return tr_main(1, argv, stop_it, NULL) == 1 && said("ActorDied", "forked from does not answer") &&
                   !tr_error_find(tr_last_error(), "test.Failed")
               ? 0
               : 1;
}

/* ---- refused, and other programs' needs -------------------------------------------------------------------------- */

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void *stay(void *lock)
{
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    return NULL;
}

static int threads_before_tr_main(char **argv)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_t thread;
    pthread_mutex_lock(&lock);
    pthread_create(&thread, NULL, stay, &lock);
    int rc = tr_main(1, argv, nothing, NULL, .start_method = "forkserver");
    bool refused = rc == 1 && said("Misuse", "threads");
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
    return refused ? 0 : 1;
}

static int unknown_method(char **argv)
{
    return tr_main(1, argv, nothing, NULL, .start_method = "cloning") == 1 && said("ArgumentError", "\"cloning\"") ? 0 : 1;
}

static int one(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(start_and_call(n));
    tr_cancel(n);
    return tr_join(n);
}

/* What stands in the buffer when the server is made is said once. */
static int said_before(char **argv)
{
    if (!tr_is_child())
        printf("before\n");
    int rc = tr_main(1, argv, one, NULL);
    printf("after\n");
    return rc;
}

static int roots_one_after_the_other(char **argv)
{
    int wrong = 0;
    for (int i = 0; i < 5; i++)
        wrong += tr_main(1, argv, one, NULL) != 0;
    wrong += server() != 0;
    return wrong;
}

/* ---- to be killed by the script ------------------------------------------------------------------------------------ */

tr_fn(void, stay_with_a_child)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *child;
    tr_try(start(n, &child));
    tr_try(tr_call(child, NULL, ping));
    puts("up");
    fflush(stdout);
    return tr_sleep_forever();
}

static int three_levels(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *worker;
    tr_try(start(n, &worker));
    return tr_call(worker, NULL, stay_with_a_child);
}

static int linger(char **argv)
{
    return tr_main(1, argv, three_levels, NULL);
}

/* ---- how long it takes ---------------------------------------------------------------------------------------------- */

/* All at once they are asked to end; how long that takes on a busy machine is nobody's failure. */
static int start_so_many(void *count)
{
    enum { PATIENCE_S = 60 };
    tr_auto(nursery) n = tr_open_nursery(.grace = PATIENCE_S, .term_grace = PATIENCE_S);
    double begun = tr_now();
    for (int i = 0; i < *(int *)count; i++)
        tr_try(start_and_call(n));
    fprintf(stderr, "%d actors by %s: %.0f ms", *(int *)count, method, (tr_now() - begun) * 1000);
    begun = tr_now();
    tr_cancel(n);
    int rc = tr_join(n);
    fprintf(stderr, ", ended: %.0f ms\n", (tr_now() - begun) * 1000);
    return rc;
}

static int many(char **argv)
{
    int count = argv[1] && argv[2] ? (int)strtol(argv[2], NULL, 10) : 1000;
    return tr_main(1, argv, start_so_many, &count);
}

static const struct {
    const char *name;
    int (*fn)(char **);
} cases[] = {
#define CASE(name) {#name, name}
    CASE(server_killed),
    CASE(server_killed_while_there_are_no_actors),
    CASE(server_killed_while_actors_start),
    CASE(server_stopped),
    CASE(threads_before_tr_main),
    CASE(unknown_method),
    CASE(said_before),
    CASE(roots_one_after_the_other),
    CASE(linger),
    CASE(many),
};

int main(int argc, char **argv)
{
    const char *word = getenv("TRACTOR_START_METHOD");
    method = word ? word : "spawn";
    program = argv[0];
    prepared_by = getpid();
    for (size_t i = 0; argc > 1 && i < sizeof cases / sizeof *cases; i++)
        if (strcmp(argv[1], cases[i].name) == 0)
            return cases[i].fn(argv);
    return tr_main(argc, argv, run_all, argc > 1 ? argv[1] : NULL);
}

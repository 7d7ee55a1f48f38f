/* Programs that are registered with one arbiter, as processes: they find each other, see each other killed, and go on
 * when the arbiter is. With only a folder as its argument it plays all of that with copies of itself, as in
 * "arbiters host ADDRESS", and reads what they print; nobody waits for a time. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tractor.h>

enum { CROWD = 16, ROUNDS = 5, LINE_ROOM = 256, PATIENCE_S = 100 };

#define want(...)                                                                                            \
    do {                                                                                                     \
        if (!(__VA_ARGS__))                                                                                  \
            return tr_raise("test.Failed", "line %d: not so: %s", __LINE__, #__VA_ARGS__);                   \
    } while (0)

/* ---- the parts ------------------------------------------------------------------------------------------ */

tr_fn(int64_t, answer)
{
    *ret = 42;
    return 0;
}

static int print_line(const char *text)
{
    puts(text);
    fflush(stdout);
    return 0;
}

static int host(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    char pid[LINE_ROOM];
    tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names(tr_this_module())));
    snprintf(pid, sizeof pid, "%d", (int)tr_portal_actor(donny)->pid);
    print_line(pid);
    return tr_join(n);
}

static int watch(void *arg)
{
    (void)arg;
    tr_auto(stream) changes = NULL;
    tr_actor_event event;
    int rc;
    tr_try(tr_watch_actors(&changes, "donny"));
    print_line("watching");
    while ((rc = tr_next_actor(changes, &event)) > 0)
        print_line(event.joined ? "joined" : "left");
    return rc;
}

static int call_somebody(const char *name)
{
    tr_auto(portal) somebody = NULL;
    int64_t value;
    tr_try(tr_wait_for_actor(&somebody, name));
    tr_try(tr_call(somebody, &value, answer));
    want(value == 42);
    return 0;
}

/* A watch is how to wait for it. */
static int wait_until_there_are(size_t wanted, const char *prefix)
{
    tr_auto(stream) changes = NULL;
    tr_actor_event event;
    tr_try(tr_watch_actors(&changes, prefix));
    for (size_t there = 0; there != wanted; there += event.joined ? 1 : (size_t)-1) {
        int rc = tr_next_actor(changes, &event);
        tr_try(rc);
        want(rc == 1);
    }
    return 0;
}

static int go_on_without(tr_nursery *n)
{
    tr_auto(portal) nobody = NULL;
    tr_list_tr_registration found;
    int rc;
    while ((rc = tr_find_actor(&nobody, "nobody")) == 0)
        continue;
    want(rc == TR_ENOARBITER);
    tr_try(tr_start_actor(n, NULL, "gretchen", .modules = tr_names(tr_this_module())));
    tr_try(call_somebody("gretchen"));
    tr_try(tr_query_actors(&found, .own_tree = true));
    want(found.count == 2);
    return 0;
}

static int outlive(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(call_somebody("donny"));
    print_line("called");
    tr_try(go_on_without(n));
    print_line("went on");
    tr_try(call_somebody("donny"));            /* whom only the next arbiter knows */
    tr_try(wait_until_there_are(4, NULL));     /* and this tree is registered with it */
    print_line("back");
    tr_cancel(n);
    return tr_join(n);
}

static int dismiss(void *arg)
{
    (void)arg;
    tr_auto(portal) arbiter = NULL, next = NULL;
    tr_try(tr_get_arbiter(&arbiter));
    want(tr_cancel_actor(arbiter) == 1);
    want(tr_get_arbiter(&next) == TR_ENOARBITER);
    return 0;
}

static int crowd(void *arg)
{
    (void)arg;
    tr_auto(portal) arbiter = NULL;
    tr_try(wait_until_there_are(CROWD, "crowd"));
    tr_try(tr_get_arbiter(&arbiter));
    print_line(tr_portal_actor(arbiter)->pid == getpid() ? "I am it" : "I am with it");
    return tr_sleep_forever();
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* An ordinary actor is no arbiter. */
static int join_a_child(void *arg)
{
    char **argv = arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_start_actor(n, &donny, "donny"));
    tr_process_result done;
    tr_try(tr_run_process(&done, tr_argv(argv[0], "nothing", tr_portal_actor(donny)->address),
                          .capture_stderr = true, .may_fail = true));
    want(done.status == 1 && strstr((const char *)done.err.data, "NoArbiter"));
    tr_cancel(n);
    return tr_join(n);
}

static const struct part {
    const char *name;
    int (*fn)(void *);
} parts[] = {{"host", host},   {"watch", watch},     {"outlive", outlive},
             {"crowd", crowd}, {"nothing", nothing}, {"join_a_child", join_a_child},
             {"dismiss", dismiss}};

static int play_part(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(parts[i].name, argv[1]) == 0)
            return tr_main(argc, argv, parts[i].fn, argv, .name = argv[1], .arbiter = argv[2],
                           .modules = tr_names(tr_this_module()));
    return 2;
}

/* ---- the play ------------------------------------------------------------------------------------------- */

struct player {
    pid_t pid;
    FILE *out;
};

static const char *program;

static struct player start(const char *part, const char *address)
{
    int out[2];
    if (pipe(out) < 0)
        abort();
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        execl(program, program, part, address, NULL);
        _exit(127);
    }
    close(out[1]);
    return (struct player){pid, fdopen(out[0], "r")};
}

/* The next line that it prints, without its end; "" when there is none. */
static const char *hear(const struct player *player)
{
    static char line[LINE_ROOM];
    if (!fgets(line, sizeof line, player->out))
        return "";
    line[strcspn(line, "\n")] = '\0';
    return line;
}

/* How it ended, as waitpid has it. */
static int end(struct player *player, int signal)
{
    int status = -1;
    if (signal)
        kill(player->pid, signal);
    waitpid(player->pid, &status, 0);
    fclose(player->out);
    return status;
}

static int failures, successes;

static void check(const char *what, bool holds)
{
    successes += holds;
    failures += !holds;
    if (!holds)
        fprintf(stderr, "FAILED: %s\n", what);
}

static void a_killed_actor_has_left_for_another_program(const char *address)
{
    struct player watcher = start("watch", address);
    check("it watches", strcmp(hear(&watcher), "watching") == 0);
    struct player first = start("host", address);
    int donny = atoi(hear(&first));
    check("an actor of another program joins", donny > 0 && strcmp(hear(&watcher), "joined") == 0);
    kill(donny, SIGKILL);
    check("and leaves when it is killed", strcmp(hear(&watcher), "left") == 0);
    check("which its own program hears of", end(&first, 0) != 0);
    struct player second = start("host", address);
    check("another joins", atoi(hear(&second)) > 0 && strcmp(hear(&watcher), "joined") == 0);
    end(&second, SIGKILL);
    check("and leaves when its root is killed", strcmp(hear(&watcher), "left") == 0);
    end(&watcher, SIGTERM);
}

static void a_program_goes_on_without_the_arbiter(const char *address)
{
    struct player first = start("host", address);
    check("the arbiter is there", atoi(hear(&first)) > 0);
    struct player other = start("outlive", address);
    check("its actor is called", strcmp(hear(&other), "called") == 0);
    end(&first, SIGKILL);
    check("its end changes nothing within another tree", strcmp(hear(&other), "went on") == 0);
    struct player second = start("host", address);
    check("the next arbiter is there", atoi(hear(&second)) > 0);
    check("and knows the other tree", strcmp(hear(&other), "back") == 0);
    check("which ends well", end(&other, 0) == 0);
    end(&second, SIGTERM);
}

static void another_program_may_end_the_arbiter(const char *address)
{
    struct player arbiter = start("host", address);
    check("the arbiter is there", atoi(hear(&arbiter)) > 0);
    struct player other = start("dismiss", address);
    check("another program ends it, and finds nobody then", end(&other, 0) == 0);
    check("it ends well", end(&arbiter, 0) == 0);
}

static void of_a_crowd_one_is_the_arbiter(const char *address)
{
    struct player players[CROWD];
    int arbiters = 0, others = 0;
    for (int i = 0; i < CROWD; i++)
        players[i] = start("crowd", address);
    for (int i = 0; i < CROWD; i++) {
        const char *said = hear(&players[i]);
        arbiters += strcmp(said, "I am it") == 0;
        others += strcmp(said, "I am with it") == 0;
    }
    check("of a crowd one is the arbiter, and all have seen all", arbiters == 1 && others == CROWD - 1);
    for (int i = 0; i < CROWD; i++)
        end(&players[i], SIGTERM);
}

/* One that the kernel has just chosen for us. */
static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&at, size) < 0 || getsockname(fd, (struct sockaddr *)&at, &size) < 0)
        abort();
    close(fd);
    return ntohs(at.sin_port);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    program = argv[0];
    if (argc > 2 || tr_is_child())
        return play_part(argc, argv);
    alarm(PATIENCE_S);
    char places[3][LINE_ROOM];
    snprintf(places[0], sizeof places[0], "unix:@tractor-registry-test-%d", getpid());
    snprintf(places[1], sizeof places[1], "unix:%s/arbiter", argv[1]);
    snprintf(places[2], sizeof places[2], "tcp://127.0.0.1:%d", free_port());
    for (int i = 0; i < 3; i++) {
        a_killed_actor_has_left_for_another_program(places[i]);
        a_program_goes_on_without_the_arbiter(places[i]);
        if (i < 2) /* who comes over TCP may not */
            another_program_may_end_the_arbiter(places[i]);
        for (int round = 0; round < ROUNDS; round++)
            of_a_crowd_one_is_the_arbiter(places[i]);
    }
    struct player alone = start("join_a_child", "");
    check("an actor that is no arbiter is none", end(&alone, 0) == 0);
    printf("%d passed, %d failed\n", successes, failures);
    return failures != 0;
}

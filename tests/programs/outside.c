/* What is done wrong around tr_main: outside it, twice, with nothing to run, with an arbiter that is none.
 * Each case is run by the script as a process of its own and prints what it found. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <netinet/in.h>
#include <unistd.h>

#include <tractor.h>

tr_fn(void, ping)
{
    return 0;
}

static int check(const char *what, int rc, int wanted)
{
    if (rc == wanted)
        return 0;
    printf("%s gave %d, not %d\n", what, rc, wanted);
    return 1;
}

static int everything_outside(char **argv)
{
    (void)argv;
    tr_portal *portal = NULL;
    tr_nursery *n = tr_open_nursery();
    int wrong = n != NULL || tr_is_child();
    wrong += check("tr_start_actor", tr_start_actor(n, &portal, "x"), TR_ENORUNTIME);
    wrong += check("tr_run_in_actor", tr_run_in_actor(n, &portal, "x", ping), TR_ENORUNTIME);
    wrong += check("tr_call", tr_call(portal, NULL, ping), TR_ENORUNTIME);
    wrong += check("tr_result", tr_result(portal, NULL, ping), TR_ENORUNTIME);
    wrong += check("tr_cancel_actor", tr_cancel_actor(portal), TR_ENORUNTIME);
    wrong += check("tr_wait_for_actor", tr_wait_for_actor(&portal, "x"), TR_ENORUNTIME);
    wrong += check("tr_find_actor", tr_find_actor(&portal, "x"), TR_ENORUNTIME);
    wrong += check("tr_get_arbiter", tr_get_arbiter(&portal), TR_ENORUNTIME);
    wrong += check("tr_join", tr_join(n), TR_ENORUNTIME);
    wrong += check("a name", tr_current_actor()->name[0], '\0');
    wrong += !tr_error_is(tr_last_error(), "NoRuntime");
    return wrong;
}

static int nothing_to_run(char **argv)
{
    int wrong = check("tr_main", tr_main(1, argv, NULL, NULL), 1);
    return wrong + !tr_error_is(tr_last_error(), "ArgumentError");
}

static int nested(void *argv)
{
    int rc = tr_main(1, argv, nested, NULL);
    return rc == 1 && tr_error_is(tr_last_error(), "Misuse") ? 0 : 1;
}

static int a_root_inside_a_root(char **argv)
{
    return tr_main(1, argv, nested, argv);
}

static int nothing(void *arg)
{
    (void)arg;
    return 7;
}

static void *second_root(void *argv)
{
    int rc = tr_main(1, argv, nothing, NULL);
    return (void *)(long)(rc == 1 && tr_error_is(tr_last_error(), "Misuse") ? 0 : 1);
}

static int with_another_thread(void *argv)
{
    pthread_t thread;
    void *wrong;
    if (pthread_create(&thread, NULL, second_root, argv) != 0)
        return 1;
    pthread_join(thread, &wrong);
    return wrong != NULL;
}

static int a_second_root_in_another_thread(char **argv)
{
    return tr_main(1, argv, with_another_thread, argv);
}

static int one_root_after_the_other(char **argv)
{
    int wrong = check("the first", tr_main(1, argv, nothing, NULL), 7);
    return wrong + check("the second", tr_main(1, argv, nothing, NULL), 7);
}

static int fail_for_real(void *arg)
{
    (void)arg;
    tr_try(tr_checkpoint());
    return tr_raise("app.Real", "the real one");
}

static int be_cancelled_by_a_sibling(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, fail_for_real, NULL));
    tr_try(tr_sleep(5));
    return tr_join(n);
}

static int fail_beside_a_sibling(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, fail_for_real, NULL));
    tr_ignore(tr_sleep(5));
    return tr_raise("app.Body", "and the body");
}

static int the_error_behind_a_cancelled_body_is_told(char **argv)
{
    int wrong = check("tr_main", tr_main(1, argv, be_cancelled_by_a_sibling, NULL), 1);
    wrong += !tr_error_is(tr_last_error(), "app.Real");
    wrong += check("tr_main", tr_main(1, argv, fail_beside_a_sibling, NULL), 1);
    wrong += !tr_error_is(tr_last_error(), "app.Real") || !tr_error_is(tr_last_error(), "app.Body");
    wrong += check("tr_run", tr_run(be_cancelled_by_a_sibling, NULL), TR_ERAISED);
    return wrong + !tr_error_is(tr_last_error(), "app.Real");
}

static int refused_runs_cost_nothing(char **argv)
{
    (void)argv;
    int before = dup(0);
    close(before);
    for (int i = 0; i < 50; i++)
        if (tr_run(NULL, NULL) != TR_EARGUMENT)
            return 1;
    int after = dup(0);
    close(after);
    return after > before + 8; /* the last world is kept for its error */
}

static int no_name(char **argv)
{
    int wrong = check("tr_main", tr_main(1, argv, nothing, NULL, .name = ""), 1);
    return wrong + !tr_error_is(tr_last_error(), "ArgumentError");
}

static int no_address(char **argv)
{
    static const char *const bad[] = {"nonsense",     "unix:relative", "tcp://127.0.0.1",
                                      "tcp://1.2.3.4:5", "tcp://127.0.0.1:99999"};
    int wrong = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        wrong += check(bad[i], tr_main(1, argv, nothing, NULL, .arbiter = bad[i]), 1);
        wrong += !tr_error_is(tr_last_error(), "ArgumentError");
    }
    return wrong;
}

/* ---- arbiters that are none ---------------------------------------------------------------------------- */

static int listening(int *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&at, size) < 0 || listen(fd, 5) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) < 0)
        exit(2);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

/* What it says to whoever comes, before it hangs up. */
struct impostor {
    int fd;
    const char *text;
    size_t size;
};

static void *answer_all(void *arg)
{
    const struct impostor *impostor = arg;
    for (int peer; (peer = accept(impostor->fd, NULL, NULL)) >= 0; close(peer))
        (void)!write(peer, impostor->text, impostor->size);
    return NULL;
}

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* A second, and another one for a machine that is busy. */
static int join_at(char **argv, int port)
{
    char address[64];
    double then = now();
    snprintf(address, sizeof address, "tcp://127.0.0.1:%d", port);
    int wrong = check("tr_main", tr_main(1, argv, nothing, NULL, .arbiter = address), 1);
    wrong += check("two seconds were over", now() > then + 2, false);
    return wrong + !tr_error_is(tr_last_error(), "NoArbiter");
}

static int join_impostor(char **argv, const char *text, size_t size)
{
    int port;
    struct impostor impostor = {listening(&port), text, size};
    pthread_t thread;
    pthread_create(&thread, NULL, answer_all, &impostor);
    int wrong = join_at(argv, port);
    shutdown(impostor.fd, SHUT_RDWR); /* ends the thread */
    pthread_join(thread, NULL);
    close(impostor.fd);
    return wrong;
}

static int an_arbiter_that_is_a_web_server(char **argv)
{
    static const char text[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    return join_impostor(argv, text, sizeof text - 1);
}

static int an_arbiter_that_hangs_up(char **argv)
{
    return join_impostor(argv, "", 0);
}

static int an_arbiter_of_another_version(char **argv)
{
    static const char hello[] = "\x2c\0\0\0\x98\x00\x00\x04\x05\xa1x\xd9\x20"
                                "0123456789abcdef0123456789abcdef\x91\xa0\x01";
    int wrong = join_impostor(argv, hello, sizeof hello - 1);
    return wrong + !strstr(tr_error_message(tr_last_error()), "versions 4 to 5");
}

static int an_arbiter_that_says_nothing(char **argv)
{
    int port, fd = listening(&port);
    int wrong = join_at(argv, port);
    close(fd);
    return wrong;
}

static const struct {
    const char *name;
    int (*fn)(char **);
} cases[] = {
#define CASE(name) {#name, name}
    CASE(everything_outside),
    CASE(nothing_to_run),
    CASE(a_root_inside_a_root),
    CASE(a_second_root_in_another_thread),
    CASE(one_root_after_the_other),
    CASE(the_error_behind_a_cancelled_body_is_told),
    CASE(refused_runs_cost_nothing),
    CASE(no_name),
    CASE(no_address),
    CASE(an_arbiter_that_is_a_web_server),
    CASE(an_arbiter_that_hangs_up),
    CASE(an_arbiter_of_another_version),
    CASE(an_arbiter_that_says_nothing),
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (argc < 2)
            puts(cases[i].name);
        else if (strcmp(argv[1], cases[i].name) == 0)
            return cases[i].fn(argv);
    return 0;
}

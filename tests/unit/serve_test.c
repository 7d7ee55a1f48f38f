/* Listeners, and serving who comes. */
#include "support/net.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

/* ---- what the scenarios are made of ---------------------------------------------------------------------- */

static int accept_it(void *arg)
{
    struct work *work = arg;
    return end_with(work, tr_accept(work->listener, &work->conn));
}

static int echo(tr_conn *conn, void *arg)
{
    (void)arg;
    char bytes[256];
    for (;;) {
        int got = tr_conn_read(conn, bytes, sizeof bytes);
        tr_try(got);
        if (got == 0)
            return 0;
        tr_try(tr_conn_write(conn, bytes, (size_t)got));
    }
}

static int says_hello_back(tr_conn *conn)
{
    char got[8] = "";
    tr_try(tr_conn_write(conn, "hello", 5));
    for (int size = 0; size < 5;) {
        int rc = tr_conn_read(conn, got + size, (size_t)(5 - size));
        tr_try(rc);
        expect(rc > 0);
        size += rc;
    }
    expect(strcmp(got, "hello") == 0);
    return 0;
}

/* A task that serves, and how that ended. */
struct service {
    tr_listener *listener;
    tr_handler *handler;
    void *arg;
    int rc;
    bool ended;
};

static int run_service(void *arg)
{
    struct service *service = arg;
    service->rc = tr_serve(service->listener, service->handler, service->arg);
    service->ended = true;
    return service->rc == TR_ECANCELLED ? service->rc : 0;
}

/* ---- listening -------------------------------------------------------------------------------------------------- */

static int a_listener_says_where_it_is(void *arg)
{
    (void)arg;
    tr_auto(listener) l = NULL;
    tr_try(tr_listen(&l, ANY_PORT));
    int port = 0;
    expect(sscanf(tr_listener_address(l), "tcp://127.0.0.1:%d", &port) == 1 && port > 0);
    tr_listener *second = NULL;
    expect(tr_listen(&second, tr_listener_address(l)) == -EADDRINUSE && !second);
    expect_error("errno.EADDRINUSE", tr_listener_address(l));
    expect(tr_listen(&second, "tcp://127.0.0.1") == TR_EARGUMENT && tr_listen(&second, NULL) == TR_EARGUMENT);
    expect(strcmp(tr_listener_address(NULL), "") == 0);
    tr_close_listener(&l);
    tr_close_listener(&l);
    tr_conn *none = NULL;
    expect(!l && tr_accept(l, &none) == TR_ECLOSED);
    tr_auto(listener) named = NULL;
    tr_try(tr_listen(&named, "tcp://localhost:0"));
    tr_auto(conn) met = NULL;
    return tr_connect(&met, tr_listener_address(named));
}

static int set(void *arg)
{
    *(bool *)arg = true;
    return 0;
}

static int others_run_while_one_begins_to_listen(void *arg)
{
    (void)arg;
    const char *addresses[] = {ANY_PORT, any_name(), any_path()};
    for (int i = 0; i < 3; i++) {
        bool ran = false;
        tr_auto(nursery) n = tr_open_nursery();
        tr_auto(listener) l = NULL;
        tr_try(tr_start_soon(n, set, &ran));
        tr_try(tr_listen(&l, addresses[i]));
        expect(ran);
    }
    return 0;
}

static int a_path_is_gone_with_its_listener(void *arg)
{
    (void)arg;
    const char *address = any_path(), *path = address + strlen("unix:");
    struct stat there;
    tr_auto(listener) l = NULL;
    tr_try(tr_listen(&l, address));
    expect(strcmp(tr_listener_address(l), address) == 0 && stat(path, &there) == 0);
    tr_close_listener(&l);
    expect(stat(path, &there) < 0 && errno == ENOENT);
    struct sockaddr_un at = {.sun_family = AF_UNIX}; /* what a dead process leaves */
    memcpy(at.sun_path, path, strlen(path) + 1);
    int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect(bind(dead, (struct sockaddr *)&at, sizeof at) == 0 && close(dead) == 0);
    tr_try(tr_listen(&l, address));
    tr_auto(conn) met = NULL;
    tr_try(tr_connect(&met, address));
    return 0;
}

static int one_task_accepts_and_hears_of_the_close(void *arg)
{
    (void)arg;
    tr_auto(listener) l = NULL;
    tr_try(tr_listen(&l, ANY_PORT));
    tr_auto(nursery) n = tr_open_nursery();
    struct work work = {.listener = l};
    tr_try(tr_start_soon(n, accept_it, &work));
    tr_try(let_others_run(100));
    tr_conn *none = NULL;
    expect(tr_accept(l, &none) == TR_EMISUSE);
    tr_close_listener(&l);
    tr_try(tr_join(n));
    expect(work.rc == TR_ECLOSED && !work.conn);
    return 0;
}

static int a_cancelled_accept_leaves_the_connection_for_the_next(void *arg)
{
    (void)arg;
    tr_auto(listener) l = NULL;
    tr_try(tr_listen(&l, ANY_PORT));
    tr_conn *none = NULL;
    tr_scope limit = tr_move_on_after(0.001);
    tr_try(tr_within(&limit, tr_accept(l, &none)));
    expect(limit.cancelled_caught && !none);
    tr_auto(conn) a = NULL;
    tr_auto(conn) b = NULL;
    tr_try(tr_connect(&a, tr_listener_address(l)));
    tr_try(tr_accept(l, &b));
    return tr_conn_write(a, "x", 1);
}

/* Whoever it is, over an abstract name, that is another user: it is let go before anybody sees it. */
static int another_user_gets_nothing_at_an_abstract_name(void *arg)
{
    (void)arg;
    if (geteuid() != 0)
        return 0; /* cannot become another */
    const char *address = any_name();
    tr_auto(listener) l = NULL;
    tr_try(tr_listen(&l, address));
    pid_t other = fork();
    if (other == 0) {
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        size_t size = strlen(address + 6);
        memcpy(at.sun_path + 1, address + 6, size);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        char byte;
        bool refused = setuid(65534) == 0 &&
                       connect(fd, (struct sockaddr *)&at, (socklen_t)(sizeof at.sun_family + 1 + size)) == 0 &&
                       read(fd, &byte, 1) <= 0;
        _exit(refused ? 0 : 1);
    }
    tr_auto(nursery) n = tr_open_nursery();
    struct work work = {.listener = l};
    tr_try(tr_start_soon(n, accept_it, &work));
    int status;
    while (waitpid(other, &status, WNOHANG) == 0)
        tr_try(tr_sleep(0.001));
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 0 && !work.ended);
    tr_auto(conn) met = NULL;
    tr_try(tr_connect(&met, address));
    tr_try(tr_join(n));
    expect(work.rc == 0);
    tr_close_conn(&work.conn);
    return 0;
}

/* ---- serving ---------------------------------------------------------------------------------------------------- */

static int talk_to_echo(void *arg)
{
    struct work *work = arg;
    tr_try(tr_connect(&work->conn, work->address));
    tr_try(says_hello_back(work->conn));
    work->ended = true;
    tr_try(says_hello_back(work->conn));
    tr_try(tr_sleep_forever());
    return 0;
}

static int a_thousand_are_served_at_a_time(void *arg)
{
    (void)arg;
    enum { CLIENTS = 1000 };
    static struct work clients[CLIENTS];
    tr_auto(listener) l = NULL;
    tr_try(tr_listen(&l, ANY_PORT));
    tr_auto(nursery) n = tr_open_nursery();
    struct service service = {.listener = l, .handler = echo};
    tr_try(tr_start_soon(n, run_service, &service));
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (struct work){.address = tr_listener_address(l)};
        tr_try(tr_start_soon(n, talk_to_echo, &clients[i]));
    }
    for (int i = 0; i < CLIENTS; i++)
        while (!clients[i].ended)
            tr_try(tr_sleep(0.001));
    tr_cancel(n);
    tr_try(tr_join(n));
    for (int i = 0; i < CLIENTS; i++)
        tr_close_conn(&clients[i].conn);
    expect(service.rc == TR_ECANCELLED);
    return 0;
}

static int asked_to_stop_it_lets_those_finish_who_are_there(void *arg)
{
    (void)arg;
    tr_auto(listener) l = NULL;
    tr_auto(conn) client = NULL;
    tr_try(tr_listen(&l, any_name()));
    struct service service = {.listener = l, .handler = echo, .rc = -1};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, run_service, &service));
    tr_try(tr_connect(&client, tr_listener_address(l)));
    tr_try(says_hello_back(client));
    tr_try(tr_stop(n, INFINITY));
    tr_try(says_hello_back(client));
    expect(!service.ended);
    tr_try(tr_conn_end(client));
    tr_try(tr_join(n));
    expect(service.ended && service.rc == 0);
    return 0;
}

static int close_it_yourself(tr_conn *conn, void *arg)
{
    int *count = arg;
    (*count)++;
    tr_try(tr_conn_write(conn, "bye", 3));
    tr_close_conn(&conn);
    return 0;
}

static int return_at_once(tr_conn *conn, void *arg)
{
    int *count = arg;
    (*count)++;
    return tr_conn_write(conn, "bye", 3);
}

static int a_connection_is_closed_when_its_handler_returns(void *arg)
{
    (void)arg;
    tr_handler *const handlers[] = {close_it_yourself, return_at_once};
    for (int kind = 0; kind < 2; kind++) {
        tr_auto(listener) l = NULL;
        tr_try(tr_listen(&l, ANY_PORT));
        tr_auto(nursery) n = tr_open_nursery();
        int count = 0;
        struct service service = {l, handlers[kind], &count, 0, false};
        tr_try(tr_start_soon(n, run_service, &service));
        for (int i = 0; i < 3; i++) {
            tr_auto(conn) c = NULL;
            char got[4];
            tr_try(tr_connect(&c, tr_listener_address(l)));
            expect(tr_conn_read(c, got, 4) == 3 && tr_conn_read(c, got, 4) == 0);
        }
        expect(count == 3 && !service.ended);
        tr_close_listener(&l);
        tr_try(tr_join(n));
        expect(service.rc == TR_ECLOSED);
    }
    return 0;
}

static int fail_on_x(tr_conn *conn, void *arg)
{
    int *cancelled = arg;
    char byte = 0;
    int rc = tr_conn_read(conn, &byte, 1);
    *cancelled += rc == TR_ECANCELLED;
    tr_try(rc);
    return byte == 'x' ? tr_raise("app.BadClient", "it said x") : 0;
}

static int a_handlers_failure_ends_the_serving(void *arg)
{
    (void)arg;
    tr_auto(listener) l = NULL;
    tr_try(tr_listen(&l, ANY_PORT));
    tr_auto(conn) a = NULL;
    tr_auto(conn) b = NULL;
    tr_try(tr_connect(&a, tr_listener_address(l)));
    tr_try(tr_connect(&b, tr_listener_address(l)));
    tr_try(tr_conn_write(b, "x", 1));
    int cancelled = 0;
    expect(tr_serve(l, fail_on_x, &cancelled) == TR_ERAISED);
    expect_error("app.BadClient", "it said x");
    expect(cancelled == 1);
    char byte;
    expect(tr_conn_read(a, &byte, 1) == 0); /* closed with its handler */
    expect(tr_serve(l, NULL, NULL) == TR_EARGUMENT && tr_serve(NULL, echo, NULL) == TR_ECLOSED);
    return 0;
}

static int count_up(tr_conn *conn, void *arg)
{
    int *count = arg;
    (*count)++;
    char byte;
    return tr_conn_read(conn, &byte, 1) == TR_ECANCELLED ? TR_ECANCELLED : 0;
}

/* Between the moment a connection was taken and the next wait. */
static int serving_ends_when_its_listener_is_closed_on_an_arrival(void *arg)
{
    (void)arg;
    tr_auto(listener) l = NULL;
    tr_auto(conn) client = NULL;
    tr_try(tr_listen(&l, ANY_PORT));
    tr_try(tr_connect(&client, tr_listener_address(l)));
    tr_auto(nursery) n = tr_open_nursery();
    struct service service = {l, echo, NULL, 0, false};
    tr_try(tr_start_soon(n, run_service, &service));
    tr_try(tr_checkpoint());
    tr_close_listener(&l);
    tr_try(tr_join(n));
    expect(service.ended && service.rc == TR_ECLOSED);
    return 0;
}

/* Many knock while no descriptor is left to let them in; once there are some again nobody has been lost. */
static int a_storm_without_descriptors_is_weathered(void *arg)
{
    (void)arg;
    enum { MANY = 50 };
    tr_conn *clients[MANY] = {NULL};
    tr_auto(listener) l = NULL;
    tr_try(tr_listen(&l, ANY_PORT));
    for (int i = 0; i < MANY; i++)
        tr_try(tr_connect(&clients[i], tr_listener_address(l)));
    struct rlimit before, none;
    expect(getrlimit(RLIMIT_NOFILE, &before) == 0);
    none = before;
    none.rlim_cur = (rlim_t)dup(0) + 10; /* some ten of them */
    close((int)none.rlim_cur - 10);
    int left = 0;
    for (int fd = 0; fd < (int)none.rlim_cur; fd++)
        left += fcntl(fd, F_GETFD) < 0;
    expect(left > 0 && setrlimit(RLIMIT_NOFILE, &none) == 0);
    tr_auto(nursery) n = tr_open_nursery();
    int count = 0;
    struct service service = {l, count_up, &count, 0, false};
    tr_try(tr_start_soon(n, run_service, &service));
    while (count < left)
        tr_try(tr_sleep(0.001));
    tr_try(tr_sleep(0.01));
    int served = count;
    expect(setrlimit(RLIMIT_NOFILE, &before) == 0);
    expect(served == left && !service.ended);
    while (count < MANY)
        tr_try(tr_sleep(0.001));
    for (int i = 0; i < MANY; i++)
        tr_close_conn(&clients[i]);
    tr_cancel(n);
    return tr_join(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EARNEST(a_listener_says_where_it_is),
        IN_EARNEST(others_run_while_one_begins_to_listen),
        IN_EARNEST(a_path_is_gone_with_its_listener),
        IN_EARNEST(one_task_accepts_and_hears_of_the_close),
        IN_EARNEST(a_cancelled_accept_leaves_the_connection_for_the_next),
        IN_EARNEST(another_user_gets_nothing_at_an_abstract_name),
        IN_EARNEST(a_thousand_are_served_at_a_time),
        IN_EARNEST(asked_to_stop_it_lets_those_finish_who_are_there),
        IN_EARNEST(a_connection_is_closed_when_its_handler_returns),
        IN_EARNEST(a_handlers_failure_ends_the_serving),
        IN_EARNEST(serving_ends_when_its_listener_is_closed_on_an_arrival),
        IN_EARNEST(a_storm_without_descriptors_is_weathered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

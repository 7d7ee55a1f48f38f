/* echo_server.c: a server that ends in good order on SIGTERM, and its clients, in one process. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <tractor.h>

static int repeat(tr_conn *conn)
{
    char bytes[4096];
    for (int got;;) {
        tr_scope idle = tr_until_stopped();         /* between two requests one may leave */
        tr_try(got = tr_within(&idle, tr_conn_read(conn, bytes, sizeof bytes)));
        if (got == 0)                               /* the end, or asked to stop */
            return 0;
        tr_scope limit = tr_fail_after(5);
        tr_try(tr_within(&limit, tr_conn_write(conn, bytes, (size_t)got)));
    }
}

static int echo(tr_conn *conn, void *arg)
{
    (void)arg;
    int rc = repeat(conn);
    return rc == TR_EBROKEN || rc == TR_ETIMEOUT ? 0 : rc;      /* not the whole server's failure */
}

static int serve(void *arg)
{
    tr_listener **listener = arg;
    int rc = tr_serve(*listener, echo, NULL);
    tr_close_listener(listener);                    /* who comes now is refused, and not kept waiting */
    return rc;
}

static int ask(const char *address, const char *line)
{
    tr_auto(conn) server = NULL;
    tr_try(tr_connect(&server, address));
    tr_try(tr_conn_write(server, line, strlen(line)));
    tr_try(tr_conn_end(server));                    /* that was all */
    char answer[80];
    for (int got, have = 0;; have += got) {
        tr_try(got = tr_conn_read(server, answer + have, sizeof answer - (size_t)have));
        if (got == 0)
            return printf("client: %.*s\n", have, answer);
    }
}

static int clients(void *arg)
{
    const char *address = arg, *lines[] = {"hello", "is there anybody", "good bye"};
    for (int i = 0; i < 3; i++) {
        tr_scope limit = tr_fail_after(3);          /* connecting, asking and the answer */
        tr_try(tr_within(&limit, ask(address, lines[i])));
    }
    tr_auto(conn) idle = NULL;                      /* one that says nothing, and does not go */
    tr_try(tr_connect(&idle, address));
    kill(getpid(), SIGTERM);                        /* as an operator would */
    char byte;
    int got;
    tr_try(got = tr_conn_read(idle, &byte, 1));
    puts(got == 0 ? "client: the server has hung up" : "client: what is this?");
    return 0;
}

static int program(void *arg)
{
    (void)arg;
    tr_auto(signals) signals = NULL;
    tr_try(tr_open_signals(&signals, SIGTERM, SIGINT));
    tr_auto(listener) listener = NULL;
    tr_try(tr_listen(&listener, "tcp://127.0.0.1:0"));
    const char *address = tr_format("%s", tr_listener_address(listener));

    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, serve, &listener));
    tr_try(tr_start_soon(n, clients, (void *)address));
    tr_try(tr_next_signal(signals));
    puts("server: stopping");
    tr_try(tr_stop(n, 10));                         /* ten seconds for what is under way */
    tr_try(tr_join(n));
    puts("server: stopped");
    return 0;
}

int main(void)
{
    int rc = tr_run(program, NULL);
    if (rc < 0)
        fputs(tr_error_report(tr_last_error()), stderr);
    return rc < 0;
}

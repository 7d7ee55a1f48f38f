/* What is at an arbiter's address and is none: who comes there is told so within a second, or by its own deadline. */
#define TR_MODULE "no_arbiter"
#include "scenarios/theatre.h"

#include <string.h>

/* ---- what else there may be ----------------------------------------------------------------------------- */

/* Until the other one has no more to say, or what it said is this long. */
static int hear(tr_conn *conn, size_t enough)
{
    char heard[64];
    size_t have = 0;
    int got = 1;
    while (got > 0 && have < enough) {
        got = tr_conn_read(conn, heard, sizeof heard);
        have += got > 0 ? (size_t)got : 0;
    }
    return got == TR_ECANCELLED ? got : 0;
}

static int answer(tr_conn *conn, const char *bytes, size_t size)
{
    int rc = tr_conn_write(conn, bytes, size);
    return rc == TR_ECANCELLED ? rc : 0; /* whom it serves may have gone */
}

static int hang_up(tr_conn *conn, void *arg)
{
    (void)conn;
    (void)arg;
    return 0;
}

static int listen_only(tr_conn *conn, void *arg)
{
    (void)arg;
    return hear(conn, SIZE_MAX);
}

static int serve_pages(tr_conn *conn, void *arg)
{
    static const char page[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    (void)arg;
    tr_try(hear(conn, 1));
    return answer(conn, page, sizeof page - 1);
}

/* Speaks first, as mail and ssh do, and waits. */
static int greet_otherwise(tr_conn *conn, void *arg)
{
    static const char banner[] = "SSH-2.0-none\r\n";
    (void)arg;
    tr_try(answer(conn, banner, sizeof banner - 1));
    return hear(conn, SIZE_MAX);
}

static int speak_the_next_version(tr_conn *conn, void *arg)
{
    static const char hello[] = "\x2c\0\0\0\x98\x00\x00\x04\x05\xa1x\xd9\x20"
                                "0123456789abcdef0123456789abcdef\x91\xa0\x01";
    (void)arg;
    tr_try(answer(conn, hello, sizeof hello - 1));
    return hear(conn, SIZE_MAX);
}

/* As an actor does, and then there is no answer to anything. */
static int greet_and_listen(tr_conn *conn, void *arg)
{
    char hello[] = "\x30\0\0\0\x98\x00\x00\x03\x03\xa1x\xd9\x20"
                   "0123456789abcdef0123456789abcdef\x91\xa0\xd2pid.";
    (void)arg;
    for (int i = 0; i < 4; i++)
        hello[sizeof hello - 1 - 4 + i] = (char)(tr_current_actor()->pid >> 8 * (3 - i));
    tr_try(answer(conn, hello, sizeof hello - 1));
    return hear(conn, SIZE_MAX);
}

/* A greeting that is never complete, a byte every tenth of a second. */
static int drip(tr_conn *conn, void *arg)
{
    static const char hello[] = "\x2c\0\0\0\x98\x00\x00\x03\x03\xa1x\xd9\x20";
    (void)arg;
    for (size_t i = 0; i < sizeof hello - 1; i++) {
        tr_try(answer(conn, hello + i, 1));
        tr_try(tr_sleep(0.1));
    }
    return hear(conn, SIZE_MAX);
}

static const struct kind {
    tr_handler *handler;
    const char *told;           /* of it, in the error */
} kinds[] = {
    {hang_up, "no arbiter at"}, /* "closed", or "reset", by which of us was first */
    {listen_only, "does not answer"},
    {serve_pages, "bytes"},
    {greet_otherwise, "bytes"},
    {speak_the_next_version, "versions 4 to 5"},
    {drip, "does not answer"},
    {greet_and_listen, "does not answer"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };
static const char *const places[] = {"unix:@stage", "tcp://127.0.0.1:1616"};

static const struct kind *kind;
static const char *place;

static int pretend(void *arg)
{
    (void)arg;
    tr_listener *listener;
    tr_try(tr_listen(&listener, place));
    say("open");
    int rc = tr_serve(listener, kind->handler, NULL);
    tr_close_listener(&listener);
    return rc;
}

static int pretender(int argc, char **argv)
{
    return tr_main(argc, argv, pretend, NULL);
}

/* ---- coming there --------------------------------------------------------------------------------------- */

static int do_nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void come_there(uint64_t seed)
{
    struct theatre *theatre = raise_curtain(seed, do_nothing);
    theatre->arbiter = place;
    run_to_the_end(theatre);
    (void)world_spawn(theatre->world, theatre->host, pretender);
    run_until_said(theatre, "open");
    double then = seconds_now(theatre);
    theatre->ended = false;
    theatre->root = another_root(theatre);
    while (!theatre->ended)
        assert_true(world_step(theatre->world));
    assert_true(seconds_now(theatre) < then + 1);
    if (!strstr(theatre->outcome, "NoArbiter") || !strstr(theatre->outcome, kind->told))
        fail_msg("kind %d: %s", (int)(kind - kinds), theatre->outcome);
    end_all(theatre);
}

static void a_root_is_told_within_a_second_what_is_no_arbiter(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 2 * KINDS; i++) {
        kind = &kinds[i / 2];
        place = places[i % 2];
        come_there(1 + i);
    }
}

/* ---- being there already -------------------------------------------------------------------------------- */

static int host(void *arg)
{
    (void)arg;
    return be_open_with_donny(TR_MODULE);
}

static int look(tr_portal **ret_portal)
{
    tr_list_tr_registration found;
    tr_auto(stream) changes = NULL;
    want(tr_find_actor(ret_portal, "nobody") == TR_ENOARBITER);
    want(tr_get_arbiter(ret_portal) == TR_ENOARBITER);
    want(tr_query_actors(&found) == TR_ENOARBITER);
    want(tr_watch_actors(&changes, NULL) == TR_ENOARBITER);
    return 0;
}

/* Each within a second. */
static int look_in_time(void)
{
    tr_auto(portal) portal = NULL;
    double then = tr_now();
    tr_try(look(&portal));
    want(tr_now() < then + 4);
    return 0;
}

/* And each sooner, where there is a deadline: what the error is then says which came first. */
static int look_in_a_hurry(void)
{
    tr_auto(portal) portal = NULL;
    tr_scope hurry = tr_fail_after(0.2), patience = tr_fail_after(2);
    double then = tr_now();
    int rc = tr_within(&hurry, tr_find_actor(&portal, "nobody"));
    want((rc == TR_ETIMEOUT || rc == TR_ENOARBITER) && tr_now() < then + 0.21);
    then = tr_now();
    rc = tr_within(&patience, tr_wait_for_actor(&portal, "nobody"));
    want(rc == TR_ETIMEOUT && tr_now() < then + 2.1);
    return 0;
}

static int wait_until_it_is_gone(void)
{
    tr_auto(stream) changes = NULL;
    tr_auto(portal) donny = NULL;
    tr_actor_event event;
    int rc;
    tr_try(tr_wait_for_actor(&donny, "donny"));
    tr_try(tr_watch_actors(&changes, NULL));
    say("met");
    while ((rc = tr_next_actor(changes, &event)) > 0)
        continue;
    want(rc == TR_ENOARBITER);
    say("gone");
    return 0;
}

static bool is_replaced;

static int live_through_it(void)
{
    tr_auto(portal) donny = NULL;
    tr_try(wait_until_it_is_gone());
    while (!is_replaced)
        tr_try(tr_sleep(0.01));
    tr_try(look_in_time());
    tr_try(look_in_a_hurry());
    say("told");
    tr_try(tr_wait_for_actor(&donny, "donny"));
    say("back");
    return 0;
}

static int visit(void *arg)
{
    (void)arg;
    int rc = live_through_it();
    if (rc < 0)
        say(tr_error_report(tr_last_error()));
    return rc;
}

static void live_through(uint64_t seed)
{
    is_replaced = false;
    struct theatre *theatre = raise_curtain(seed, host);
    theatre->arbiter = place;
    run_until_said(theatre, "open");
    let_in(theatre, visit, NULL);
    run_until_said(theatre, "met");
    world_kill(theatre->root, SIGKILL);
    run_until_said(theatre, "gone");
    theatre->said[0] = '\0';
    struct process *other = world_spawn(theatre->world, theatre->host, pretender);
    run_until_said(theatre, "open");
    is_replaced = true;
    run_until_said(theatre, "told");
    world_kill(other, SIGKILL);
    theatre->director = host;
    run_for(theatre, 0.1);
    (void)another_root(theatre);
    run_until_said(theatre, "back");
    end_all(theatre);
}

static void so_is_who_looks_for_somebody_and_it_is_back_with_the_next_arbiter(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 2 * KINDS; i++) {
        kind = &kinds[i / 2];
        place = places[i % 2];
        live_through(100 + i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_root_is_told_within_a_second_what_is_no_arbiter),
        cmocka_unit_test(so_is_who_looks_for_somebody_and_it_is_back_with_the_next_arbiter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Byte streams over loopback and Unix sockets, and the connecting to hosts with several addresses. */
#include "support/net.h"

#include "transport/transport.h"

#include <errno.h>
#include <ifaddrs.h>
#include <poll.h>

/* ---- streams ---------------------------------------------------------------------------------------------------- */

static int everything_arrives_both_ways(void *arg)
{
    (void)arg;
    const char *addresses[] = {ANY_PORT, any_name(), any_path()};
    for (int i = 0; i < 3; i++) {
        tr_auto(frame) f = tr_open_frame();
        meeting(addresses[i], a, b);
        tr_auto(nursery) n = tr_open_nursery();
        struct work out[2] = {{.conn = a, .bytes = pattern(A_LOT), .size = A_LOT},
                              {.conn = b, .bytes = pattern(A_LOT), .size = A_LOT}};
        struct work in[2] = {{.conn = b, .bytes = tr_alloc(A_LOT + 1), .size = A_LOT + 1},
                             {.conn = a, .bytes = tr_alloc(A_LOT + 1), .size = A_LOT + 1}};
        for (int k = 0; k < 2; k++) {
            tr_try(tr_start_soon(n, write_it, &out[k]));
            tr_try(tr_start_soon(n, read_all, &in[k]));
        }
        while (!out[0].ended || !out[1].ended)
            tr_try(tr_sleep(0.001));
        tr_try(tr_conn_end(a));
        tr_try(tr_conn_end(b));
        tr_try(tr_join(n));
        for (int k = 0; k < 2; k++)
            expect(out[k].rc == 0 && in[k].rc == 0 && in[k].done == A_LOT &&
                   memcmp(in[k].bytes, out[k].bytes, A_LOT) == 0);
    }
    return 0;
}

static int after_the_end_the_other_way_goes_on(void *arg)
{
    (void)arg;
    meeting(ANY_PORT, a, b);
    char got[8];
    tr_try(tr_conn_write(a, "last", 4));
    tr_try(tr_conn_end(a));
    tr_try(tr_conn_end(a));
    expect(tr_conn_write(a, "x", 1) == TR_ECLOSED);
    expect(tr_conn_read(b, got, 8) == 4 && tr_conn_read(b, got, 8) == 0 && tr_conn_read(b, got, 8) == 0);
    tr_try(tr_conn_write(b, "answer", 6));
    expect(tr_conn_read(a, got, 8) == 6);
    tr_close_conn(&b);
    expect(tr_conn_read(a, got, 8) == 0);
    expect(tr_conn_read(a, got, 0) == TR_EARGUMENT);
    return 0;
}

/* Closing with unread bytes makes the kernel reset the connection. */
static int a_lost_connection_is_broken_and_says_why(void *arg)
{
    (void)arg;
    meeting(ANY_PORT, a, b);
    char got[8];
    tr_try(tr_conn_write(a, "never read", 10));
    tr_try(let_others_run(100));
    tr_close_conn(&b);
    expect(tr_conn_read(a, got, 8) == TR_EBROKEN);
    expect_error("Broken", "reset by peer");
    expect(tr_error_is(tr_last_error(), "errno.ECONNRESET"));
    expect(tr_conn_write(a, "x", 1) == TR_EBROKEN);
    expect(tr_error_is(tr_last_error(), "errno.EPIPE"));
    return 0;
}

/* The kernel says it once, to whoever comes first. */
static int a_lost_connection_does_not_end_well_for_who_asks_second(void *arg)
{
    (void)arg;
    const char *addresses[] = {ANY_PORT, any_name()};
    for (int i = 0; i < 4; i++) {
        tr_auto(frame) f = tr_open_frame();
        meeting(addresses[i / 2], a, b);
        char got[8];
        tr_try(tr_conn_write(a, "never read", 10));
        tr_try(let_others_run(100));
        tr_close_conn(&b);
        expect((i % 2 ? tr_conn_write(a, "x", 1) : tr_conn_read(a, got, 8)) == TR_EBROKEN);
        expect(tr_conn_read(a, got, 8) == TR_EBROKEN && tr_conn_read(a, got, 8) == TR_EBROKEN);
        expect(tr_error_is(tr_last_error(), "errno.ECONNRESET"));
    }
    return 0;
}

/* What it had said before, and that it had nothing more to say, is not lost with it. */
static int what_was_said_before_the_end_is_read_after_a_writer_was_refused(void *arg)
{
    (void)arg;
    const char *addresses[] = {ANY_PORT, any_name()};
    for (int i = 0; i < 2; i++) {
        tr_auto(frame) f = tr_open_frame();
        meeting(addresses[i], a, b);
        char got[8];
        int rc;
        tr_try(tr_conn_write(b, "enough", 6));
        tr_close_conn(&b);
        while ((rc = tr_conn_write(a, "more", 4)) == 0)
            tr_try(tr_checkpoint());
        expect(rc == TR_EBROKEN && tr_error_is(tr_last_error(), "errno.EPIPE"));
        expect(tr_conn_read(a, got, 8) == 6 && tr_conn_read(a, got, 8) == 0);
    }
    return 0;
}

static int a_waiting_writer_learns_that_the_reader_went(void *arg)
{
    (void)arg;
    const char *addresses[] = {ANY_PORT, any_name()};
    for (int i = 0; i < 2; i++) {
        tr_auto(frame) f = tr_open_frame();
        meeting(addresses[i], a, b);
        tr_auto(nursery) n = tr_open_nursery();
        struct work work = {.conn = a, .bytes = pattern(A_LOT * 2), .size = A_LOT * 2};
        tr_try(tr_start_soon(n, write_it, &work));
        tr_try(let_others_run(300));
        expect(!work.ended);
        tr_close_conn(&b);
        tr_try(tr_join(n));
        expect(work.rc == TR_EBROKEN);
    }
    return 0;
}

static int a_close_wakes_those_at_work(void *arg)
{
    (void)arg;
    meeting(ANY_PORT, a, b);
    tr_auto(nursery) n = tr_open_nursery();
    char got[8];
    struct work reads = {.conn = a, .bytes = got, .size = 8};
    struct work writes = {.conn = a, .bytes = pattern(A_LOT * 2), .size = A_LOT * 2};
    tr_try(tr_start_soon(n, read_once, &reads));
    tr_try(tr_start_soon(n, write_it, &writes));
    tr_try(let_others_run(300));
    expect(tr_conn_read(a, got, 1) == TR_EMISUSE && tr_conn_write(a, "x", 1) == TR_EMISUSE);
    expect(tr_conn_end(a) == TR_EMISUSE);
    tr_close_conn(&a);
    expect(tr_conn_read(a, got, 1) == TR_ECLOSED);
    tr_try(tr_join(n));
    expect(reads.rc == TR_ECLOSED && writes.rc == TR_ECLOSED);
    return 0;
}

static int cancellation_before_and_in_the_middle(void *arg)
{
    (void)arg;
    meeting(ANY_PORT, a, b);
    char got[8];
    tr_try(tr_conn_write(a, "abc", 3));
    tr_scope over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_conn_read(b, got, 8)));
    expect(over.cancelled_caught);
    over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_conn_write(a, "d", 1)));
    expect(over.cancelled_caught);
    over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_conn_end(a)));
    expect(over.cancelled_caught);
    tr_try(let_others_run(100));
    expect(tr_conn_read(b, got, 8) == 3); /* and no more */
    tr_scope limit = tr_move_on_after(0.001);
    tr_try(tr_within(&limit, tr_conn_read(b, got, 8)));
    expect(limit.cancelled_caught);
    tr_scope half = tr_move_on_after(0.01);
    tr_try(tr_within(&half, tr_conn_write(a, pattern(A_LOT * 4), A_LOT * 4)));
    expect(half.cancelled_caught && tr_conn_read(b, got, 8) == 8); /* some of it is on its way */
    return 0;
}

/* ---- connecting ------------------------------------------------------------------------------------------------- */

static int what_cannot_be_connected_says_why(void *arg)
{
    (void)arg;
    tr_conn *none = NULL;
    refusing_auto refusing = refuse_all();
    const char *nobody = tr_format("tcp://127.0.0.1:%d", refusing.port);
    expect(tr_connect(&none, nobody) == -ECONNREFUSED);
    expect_error("errno.ECONNREFUSED", nobody);
    expect(tr_connect(&none, any_path()) == -ENOENT);
    expect(tr_connect(&none, any_name()) == -ECONNREFUSED);
    expect(tr_connect(&none, "tcp://255.255.255.255:9") == -ENETUNREACH ||
           tr_error_is(tr_last_error(), "errno.EACCES"));
    const char *const bad[] = {"",           "nonsense",       "tcp://",          "tcp://host",
                               "tcp://:80",  "tcp://h:",       "tcp://h:port",    "tcp://h:65536",
                               "unix:",      "unix:relative",  "unix:@",          "http://h:80",
                               "tcp://[]:1", "tcp://h:-1",     "tcp://h:99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect(tr_connect(&none, bad[i]) == TR_EARGUMENT);
    expect(tr_connect(&none, NULL) == TR_EARGUMENT);
    expect(!none);
    return 0;
}

static int set(void *arg)
{
    *(bool *)arg = true;
    return 0;
}

/* Who tries again and again does not keep the others from running, nor from listening there. */
static int others_run_while_a_connection_fails(void *arg)
{
    (void)arg;
    const char *addresses[] = {any_path(), any_name(), "nonsense"};
    for (int i = 0; i < 3; i++) {
        bool ran = false;
        tr_conn *none = NULL;
        tr_auto(nursery) n = tr_open_nursery();
        tr_try(tr_start_soon(n, set, &ran));
        expect(tr_connect(&none, addresses[i]) < 0 && ran);
    }
    return 0;
}

/* An address that means something on one link only, where this machine has one; else NULL. */
static const char *address_on_a_link(void)
{
    char host[INET6_ADDRSTRLEN];
    const char *found = NULL;
    struct ifaddrs *all = NULL, *one;
    if (getifaddrs(&all) < 0)
        return NULL;
    for (one = all; one && !found; one = one->ifa_next) {
        const struct sockaddr_in6 *at = (const void *)one->ifa_addr;
        if (at && at->sin6_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&at->sin6_addr) &&
            inet_ntop(AF_INET6, &at->sin6_addr, host, sizeof host))
            found = tr_format("tcp://[%s%%%s]:0", host, one->ifa_name);
    }
    freeifaddrs(all);
    return found;
}

static int an_address_of_a_link_says_which(void *arg)
{
    (void)arg;
    tr_listener *nowhere = NULL;
    tr_conn *none = NULL;
    int rc = tr_listen(&nowhere, "tcp://[fe80::1234%lo]:0");
    expect(rc == -EADDRNOTAVAIL || rc == -EAFNOSUPPORT);
    rc = tr_connect(&none, "tcp://[fe80::1234%1]:9");
    expect(rc < 0 && rc != -EINVAL);
    expect(tr_connect(&none, "tcp://[fe80::1234%no-such-link]:9") == TR_ENONAME);
    const struct sys_address unknown = {SYS_TCP, "fe80::1234%no-such-link", 9};
    int fd = -1;
    expect(transport_reach(&unknown, &fd) == -ENODEV && fd == -1);
    const char *here = address_on_a_link();
    if (!here)
        return 0;
    meeting(here, a, b);
    char got[4];
    tr_try(tr_conn_write(a, "yes", 3));
    expect(tr_conn_read(b, got, 4) == 3);
    return 0;
}

static int a_cancelled_task_connects_to_nothing(void *arg)
{
    (void)arg;
    tr_conn *none = NULL;
    tr_listener *nowhere = NULL;
    tr_auto(listener) l = NULL;
    tr_try(tr_listen(&l, ANY_PORT));
    tr_scope over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_connect(&none, tr_listener_address(l))));
    expect(over.cancelled_caught && !none);
    over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_listen(&nowhere, ANY_PORT)));
    expect(over.cancelled_caught && !nowhere);
    over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_accept(l, &none)));
    expect(over.cancelled_caught && !none);
    return 0;
}

/* ---- several addresses ------------------------------------------------------------------------------------------ */

static struct sys_address target_of(const tr_listener *listener)
{
    struct address at;
    struct sys_address target = {.family = SYS_TCP};
    if (address_parse(tr_listener_address(listener), &at) < 0)
        return target;
    snprintf(target.name, sizeof target.name, "%.*s", (int)sizeof target.name - 1, at.host);
    target.port = at.port;
    return target;
}

/* An address where nothing answers: a listener that does not accept, its queue full, so that the kernel
 * drops whoever comes next. */
struct black_hole {
    int listener, filling[8], count;
    struct sockaddr_in at;
};

static bool gets_through(int fd, const struct sockaddr_in *at)
{
    (void)!connect(fd, (const struct sockaddr *)at, sizeof *at);
    struct pollfd asked = {.fd = fd, .events = POLLOUT};
    return poll(&asked, 1, 50) > 0;
}

static int open_black_hole(struct black_hole *hole)
{
    socklen_t size = sizeof hole->at;
    *hole = (struct black_hole){.at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}};
    hole->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect(bind(hole->listener, (struct sockaddr *)&hole->at, size) == 0);
    expect(listen(hole->listener, 0) == 0);
    expect(getsockname(hole->listener, (struct sockaddr *)&hole->at, &size) == 0);
    while (hole->count < 8) {
        int fd = hole->filling[hole->count++] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (!gets_through(fd, &hole->at))
            return 0;
    }
    return tr_raise("test.Failed", "the queue never fills");
}

static void close_black_hole(struct black_hole *hole)
{
    while (hole->count > 0)
        close(hole->filling[--hole->count]);
    close(hole->listener);
}

static struct sys_address winner;

static struct sys_address into(const struct black_hole *hole)
{
    return (struct sys_address){SYS_TCP, "127.0.0.1", ntohs(hole->at.sin_port)};
}

static int a_second_address_is_tried_when_the_first_does_not_answer(void *arg)
{
    (void)arg;
    struct black_hole hole;
    tr_try(open_black_hole(&hole));
    tr_auto(listener) l = NULL;
    tr_try(tr_listen(&l, ANY_PORT));
    struct sys_address targets[] = {into(&hole), target_of(l)};
    int fd = -1;
    double start = tr_now();
    tr_try(transport_reach_any(targets, 2, &fd, &winner));
    expect(fd >= 0 && tr_now() - start > 0.24); /* it was given its time */
    expect(winner.port == targets[1].port); /* and which one it is, is told */
    close(fd);
    tr_auto(conn) met = NULL;
    tr_try(tr_accept(l, &met));
    close_black_hole(&hole);
    return 0;
}

static struct sys_address refused(const struct refusing *refusing)
{
    return (struct sys_address){SYS_TCP, "127.0.0.1", refusing->port};
}

static int a_second_address_is_tried_at_once_when_the_first_fails(void *arg)
{
    (void)arg;
    refusing_auto gone = refuse_all();
    tr_auto(listener) second = NULL;
    tr_auto(listener) third = NULL;
    tr_try(tr_listen(&second, ANY_PORT));
    tr_try(tr_listen(&third, ANY_PORT));
    struct sys_address targets[] = {refused(&gone), target_of(second), target_of(third)};
    int fd = -1;
    tr_try(transport_reach_any(targets, 3, &fd, &winner));
    close(fd);
    tr_auto(conn) met = NULL;
    tr_try(tr_accept(second, &met));
    return 0;
}

/* Without any patience for those that fail: with it, a dozen would take three seconds. */
static int failures_cost_no_time(void *arg)
{
    (void)arg;
    enum { FAILING = 12 };
    struct sys_address targets[FAILING + 1];
    refusing_auto gone = refuse_all();
    tr_auto(listener) good = NULL;
    tr_try(tr_listen(&good, ANY_PORT));
    for (int i = 0; i < FAILING; i++)
        targets[i] = refused(&gone);
    targets[FAILING] = target_of(good);
    int fd = -1;
    tr_scope limit = tr_move_on_after(2.5);
    tr_try(tr_within(&limit, transport_reach_any(targets, FAILING + 1, &fd, &winner)));
    expect(fd >= 0 && !limit.cancelled_caught);
    close(fd);
    return 0;
}

static int the_second_try_is_of_the_other_family(void *arg)
{
    (void)arg;
    refusing_auto gone = refuse_all();
    tr_auto(listener) four = NULL;
    tr_auto(listener) six = NULL;
    if (tr_listen(&six, "tcp://[::1]:0") < 0)
        return 0; /* no such family here */
    tr_try(tr_listen(&four, ANY_PORT));
    struct sys_address targets[] = {refused(&gone), target_of(four), target_of(four), target_of(six)};
    int fd = -1;
    tr_try(transport_reach_any(targets, 4, &fd, &winner));
    close(fd);
    tr_auto(conn) met = NULL;
    tr_try(tr_accept(six, &met));
    return 0;
}

static int when_none_answers_all_failures_are_told(void *arg)
{
    (void)arg;
    refusing_auto first = refuse_all(), second = refuse_all(), third = refuse_all();
    struct sys_address targets[] = {refused(&first), refused(&second), refused(&third)};
    int fd = -1;
    expect(transport_reach_any(targets, 3, &fd, &winner) == -ECONNREFUSED && fd == -1);
    expect_error("errno.ECONNREFUSED", "none of 3 addresses");
    expect(tr_error_members(tr_error_cause(tr_last_error())) == 3);
    return 0;
}

static int an_abandoned_race_leaves_nothing(void *arg)
{
    (void)arg;
    struct black_hole hole;
    tr_try(open_black_hole(&hole));
    struct sys_address targets[] = {into(&hole), into(&hole), into(&hole)};
    int fd = -1, before = open_descriptors();
    tr_scope limit = tr_move_on_after(0.3); /* while two are under way */
    tr_try(tr_within(&limit, transport_reach_any(targets, 3, &fd, &winner)));
    expect(limit.cancelled_caught && fd == -1 && open_descriptors() == before);
    close_black_hole(&hole);
    return 0;
}

static void there_is_no_network_outside_a_run(void **state)
{
    (void)state;
    tr_conn *conn = NULL;
    tr_listener *listener = NULL;
    const char *const *all;
    assert_int_equal(tr_connect(&conn, ANY_PORT), TR_ENORUNTIME);
    assert_int_equal(tr_listen(&listener, ANY_PORT), TR_ENORUNTIME);
    assert_int_equal(tr_accept(listener, &conn), TR_ENORUNTIME);
    assert_int_equal(tr_serve(listener, NULL, NULL), TR_ENORUNTIME);
    assert_int_equal(tr_resolve("localhost", NULL, &all), TR_ENORUNTIME);
    tr_close_listener(&listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_no_network_outside_a_run),
        IN_EARNEST(everything_arrives_both_ways),
        IN_EARNEST(after_the_end_the_other_way_goes_on),
        IN_EARNEST(a_lost_connection_is_broken_and_says_why),
        IN_EARNEST(a_lost_connection_does_not_end_well_for_who_asks_second),
        IN_EARNEST(what_was_said_before_the_end_is_read_after_a_writer_was_refused),
        IN_EARNEST(a_waiting_writer_learns_that_the_reader_went),
        IN_EARNEST(a_close_wakes_those_at_work),
        IN_EARNEST(cancellation_before_and_in_the_middle),
        IN_EARNEST(what_cannot_be_connected_says_why),
        IN_EARNEST(others_run_while_a_connection_fails),
        IN_EARNEST(an_address_of_a_link_says_which),
        IN_EARNEST(a_cancelled_task_connects_to_nothing),
        IN_EARNEST(a_second_address_is_tried_when_the_first_does_not_answer),
        IN_EARNEST(a_second_address_is_tried_at_once_when_the_first_fails),
        IN_EARNEST(failures_cost_no_time),
        IN_EARNEST(the_second_try_is_of_the_other_family),
        IN_EARNEST(when_none_answers_all_failures_are_told),
        IN_EARNEST(an_abandoned_race_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

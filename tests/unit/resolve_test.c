/* The names of hosts. The C library's getaddrinfo is overlaid by one that knows a few names more, with
 * several addresses, with none, or with an answer that comes when the scenario says so. */
#include "support/net.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>

/* ---- the names that are known here only -------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool answering = true;
static int asking, most_asking;
static atomic_int asked;

static void answer(bool now)
{
    pthread_mutex_lock(&lock);
    answering = now;
    most_asking = now ? most_asking : 0;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static int number_asking(void)
{
    pthread_mutex_lock(&lock);
    int number = asking;
    pthread_mutex_unlock(&lock);
    return number;
}

static void wait_for_the_answer(void)
{
    pthread_mutex_lock(&lock);
    if (++asking > most_asking)
        most_asking = asking;
    while (!answering)
        pthread_cond_wait(&changed, &lock);
    asking--;
    pthread_mutex_unlock(&lock);
}

typedef int look_up(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static int all_of(const char *const *numbers, const char *service, const struct addrinfo *wanted,
                  struct addrinfo **ret)
{
    look_up *real;
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    for (; *numbers; numbers++) {
        int rc = real(*numbers, service, wanted, ret);
        if (rc != 0)
            return rc;
        while (*ret)
            ret = &(*ret)->ai_next;
    }
    return 0;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *wanted, struct addrinfo **ret)
{
    atomic_fetch_add(&asked, 1);
    if (strcmp(host, "slow.test") == 0)
        wait_for_the_answer();
    if (strcmp(host, "slow.test") == 0 || strcmp(host, "four.test") == 0)
        return all_of((const char *const[]){"127.0.0.1", NULL}, service, wanted, ret);
    if (strcmp(host, "both.test") == 0)
        return all_of((const char *const[]){"::1", "::1", "127.0.0.2", "127.0.0.1", "::1", NULL}, service,
                      wanted, ret);
    if (strcmp(host, "none.test") == 0)
        return *ret = NULL, 0;
    errno = ENFILE;
    if (strcmp(host, "failing.test") == 0)
        return strcmp(service, "1") == 0   ? EAI_AGAIN
               : strcmp(service, "2") == 0 ? EAI_FAIL
               : strcmp(service, "3") == 0 ? EAI_MEMORY
               : strcmp(service, "4") == 0 ? EAI_SYSTEM
                                           : EAI_NONAME;
    return all_of((const char *const[]){host, NULL}, service, wanted, ret);
}

/* ---- scenarios ------------------------------------------------------------------------------------------------ */

static int numbers_and_names_become_addresses(void *arg)
{
    (void)arg;
    const char *const *all;
    expect(tr_resolve("127.0.0.1", "80", &all) == 1 && strcmp(all[0], "tcp://127.0.0.1:80") == 0);
    expect(tr_resolve("::1", NULL, &all) == 1 && strcmp(all[0], "tcp://[::1]:0") == 0);
    expect(tr_resolve("::1", "", &all) == 1 && strcmp(all[0], "tcp://[::1]:0") == 0);
    expect(tr_resolve("127.0.0.1", "http", &all) == 1 && strcmp(all[0], "tcp://127.0.0.1:80") == 0);
    int count = tr_resolve("localhost", "7", &all);
    expect(count >= 1);
    for (int i = 0; i < count; i++)
        expect(strcmp(all[i], "tcp://127.0.0.1:7") == 0 || strcmp(all[i], "tcp://[::1]:7") == 0);
    return 0;
}

static int each_address_is_told_once_in_its_order(void *arg)
{
    (void)arg;
    const char *const *all;
    expect(tr_resolve("both.test", "7", &all) == 3);
    expect(strcmp(all[0], "tcp://[::1]:7") == 0 && strcmp(all[1], "tcp://127.0.0.2:7") == 0);
    expect(strcmp(all[2], "tcp://127.0.0.1:7") == 0);
    return 0;
}

static int numbers_are_never_looked_up(void *arg)
{
    (void)arg;
    const char *const *all;
    int before = atomic_load(&asked);
    expect(tr_resolve("127.0.0.1", "80", &all) == 1 && tr_resolve("fe80::1", "0", &all) == 1);
    tr_auto(listener) l = NULL;
    tr_auto(conn) c = NULL;
    tr_try(tr_listen(&l, ANY_PORT));
    tr_try(tr_connect(&c, tr_listener_address(l)));
    expect(atomic_load(&asked) == before);
    return 0;
}

static int a_name_that_is_none_fails(void *arg)
{
    (void)arg;
    const char *const *all = NULL;
    char endless[300];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = 0;
    expect(tr_resolve(endless, "80", &all) == TR_ENONAME);
    expect_error("NameNotFound", "aaaa");
    expect(tr_resolve("none.test", "80", &all) == TR_ENONAME);
    expect(tr_resolve("127.0.0.1", "no-such-service", &all) == TR_ENONAME);
    expect(tr_resolve("127.0.0.1", "65536", &all) == TR_ENONAME);
    expect(tr_resolve("localhost", "-1", &all) == TR_ENONAME);
    expect(tr_resolve("", "80", &all) == TR_EARGUMENT && tr_resolve(NULL, "80", &all) == TR_EARGUMENT);
    expect(!all);
    tr_conn *none = NULL;
    tr_listener *nowhere = NULL;
    endless[70] = 0; /* a label has 63 letters at most */
    expect(tr_connect(&none, tr_format("tcp://%s:80", endless)) == TR_ENONAME && !none);
    expect(tr_listen(&nowhere, tr_format("tcp://%s:80", endless)) == TR_ENONAME && !nowhere);
    return 0;
}

static int every_failure_has_its_code(void *arg)
{
    (void)arg;
    const char *const *all;
    expect(tr_resolve("failing.test", "1", &all) == -EAGAIN);
    expect_error("errno.EAGAIN", "looking up failing.test");
    expect(tr_resolve("failing.test", "2", &all) == -EIO && tr_resolve("failing.test", "3", &all) == -ENOMEM);
    expect(tr_resolve("failing.test", "4", &all) == -ENFILE);
    expect(tr_resolve("failing.test", "5", &all) == TR_ENONAME);
    return 0;
}

static int a_host_with_several_addresses_is_met_at_the_one_that_answers(void *arg)
{
    (void)arg;
    tr_auto(listener) l = NULL;
    tr_try(tr_listen(&l, "tcp://four.test:0")); /* at 127.0.0.1, which comes third */
    const char *port = tr_format("%s", strrchr(tr_listener_address(l), ':'));
    tr_auto(conn) a = NULL;
    tr_auto(conn) b = NULL;
    tr_try(tr_connect(&a, tr_format("tcp://both.test%s", port)));
    tr_try(tr_accept(l, &b));
    tr_try(tr_conn_write(a, "x", 1));
    char byte;
    expect(tr_conn_read(b, &byte, 1) == 1);
    tr_close_conn(&a);
    refusing_auto nobody = refuse_all();
    expect(tr_connect(&a, tr_format("tcp://both.test:%d", nobody.port)) == -ECONNREFUSED);
    expect_error("errno.ECONNREFUSED", "none of 3 addresses");
    return 0;
}

/* ---- while nobody answers --------------------------------------------------------------------------------------- */

static int look_up_slowly(void *arg)
{
    int *count = arg;
    const char *const *all;
    tr_try(tr_resolve("slow.test", "7", &all));
    (*count)++;
    return 0;
}

static int others_run_while_a_name_is_looked_up(void *arg)
{
    (void)arg;
    int count = 0;
    answer(false);
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, look_up_slowly, &count));
    while (number_asking() == 0)
        tr_try(tr_sleep(0.001));
    expect(count == 0);
    answer(true);
    tr_try(tr_join(n));
    expect(count == 1);
    return 0;
}

static int connect_slowly(void *arg)
{
    return tr_connect(arg, "tcp://slow.test:80");
}

static int a_cancelled_lookup_is_left_to_itself(void *arg)
{
    (void)arg;
    const char *const *all = NULL;
    tr_conn *none = NULL;
    int count = 0;
    tr_scope over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_resolve("127.0.0.1", "80", &all)));
    expect(over.cancelled_caught);
    over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_resolve("slow.test", "80", &all)));
    expect(over.cancelled_caught);
    answer(false);
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, look_up_slowly, &count));
    tr_try(tr_start_soon(n, connect_slowly, &none));
    while (number_asking() < 2)
        tr_try(tr_sleep(0.001));
    tr_cancel(n);
    tr_try(tr_join(n));
    expect(count == 0 && !none && number_asking() == 2);
    answer(true); /* which nobody hears any more */
    while (number_asking() > 0)
        tr_try(tr_sleep(0));
    return let_others_run(200);
}

static int so_many_are_looked_up_at_a_time(void *arg)
{
    (void)arg;
    enum { MANY = 100, AT_A_TIME = 32 };
    int count = 0;
    answer(false);
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < MANY; i++)
        tr_try(tr_start_soon(n, look_up_slowly, &count));
    while (number_asking() < AT_A_TIME)
        tr_try(tr_sleep(0.001));
    tr_try(tr_sleep(0.03));
    expect(number_asking() == AT_A_TIME && count == 0);
    answer(true);
    tr_try(tr_join(n));
    expect(count == MANY && most_asking == AT_A_TIME);
    return 0;
}

static int abandon_lookups(void *arg)
{
    (void)arg;
    int count = 0;
    for (int i = 0; i < 20; i++) {
        tr_auto(nursery) n = tr_open_nursery();
        tr_try(tr_start_soon(n, look_up_slowly, &count));
        tr_try(let_others_run(i));
        tr_cancel(n);
        tr_try(tr_join(n));
    }
    return 0;
}

/* They outlive it, and find what they need. */
static void a_run_does_not_wait_for_abandoned_lookups(void **state)
{
    (void)state;
    answer(false);
    assert_int_equal(tr_run(abandon_lookups, NULL), 0);
    assert_int_equal(tr_run(nothing_at_all, NULL), 0);
    answer(true);
    while (number_asking() > 0)
        sched_yield();
    assert_int_equal(tr_run(abandon_lookups, NULL), 0); /* and now in any order */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EARNEST(numbers_and_names_become_addresses),
        IN_EARNEST(each_address_is_told_once_in_its_order),
        IN_EARNEST(numbers_are_never_looked_up),
        IN_EARNEST(a_name_that_is_none_fails),
        IN_EARNEST(every_failure_has_its_code),
        IN_EARNEST(a_host_with_several_addresses_is_met_at_the_one_that_answers),
        IN_EARNEST(others_run_while_a_name_is_looked_up),
        IN_EARNEST(a_cancelled_lookup_is_left_to_itself),
        IN_EARNEST(so_many_are_looked_up_at_a_time),
        cmocka_unit_test(a_run_does_not_wait_for_abandoned_lookups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

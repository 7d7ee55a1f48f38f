/* The names of hosts. */
#include "support/net.h"

/* ---- names ------------------------------------------------------------------------------------------------------ */

static int numbers_and_names_become_addresses(void *arg)
{
    (void)arg;
    const char *const *all;
    expect(tr_resolve("127.0.0.1", "80", &all) == 1 && strcmp(all[0], "tcp://127.0.0.1:80") == 0);
    expect(tr_resolve("::1", NULL, &all) == 1 && strcmp(all[0], "tcp://[::1]:0") == 0);
    expect(tr_resolve("127.0.0.1", "http", &all) == 1 && strcmp(all[0], "tcp://127.0.0.1:80") == 0);
    int count = tr_resolve("localhost", "7", &all);
    expect(count >= 1);
    for (int i = 0; i < count; i++)
        expect(strcmp(all[i], "tcp://127.0.0.1:7") == 0 || strcmp(all[i], "tcp://[::1]:7") == 0);
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
    expect(tr_resolve("127.0.0.1", "no-such-service", &all) == TR_ENONAME);
    expect(tr_resolve("127.0.0.1", "65536", &all) == TR_ENONAME);
    expect(tr_resolve("localhost", "-1", &all) == TR_ENONAME);
    expect(tr_resolve("", "80", &all) == TR_EARGUMENT && tr_resolve(NULL, "80", &all) == TR_EARGUMENT);
    expect(!all);
    tr_conn *none = NULL;
    memset(endless + 70, 0, 1); /* a label has 63 letters at most */
    expect(tr_connect(&none, tr_format("tcp://%s:80", endless)) == TR_ENONAME && !none);
    return 0;
}

static int a_cancelled_lookup_is_left_to_itself(void *arg)
{
    (void)arg;
    const char *const *all = NULL;
    tr_scope over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_resolve("127.0.0.1", "80", &all)));
    expect(over.cancelled_caught);
    over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_resolve("localhost", "80", &all)));
    expect(over.cancelled_caught && !all);
    return 0;
}

static int look_up_localhost(void *arg)
{
    int *count = arg;
    const char *const *all;
    tr_try(tr_resolve("localhost", "7", &all));
    (*count)++;
    return 0;
}

static int more_lookups_than_threads(void *arg)
{
    (void)arg;
    enum { MANY = 100 };
    int count = 0;
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < MANY; i++)
        tr_try(tr_start_soon(n, look_up_localhost, &count));
    tr_try(tr_join(n));
    expect(count == MANY);
    return 0;
}

/* Most are cancelled while the thread is at work; the run ends while some still are. */
static int abandon_lookups(void *arg)
{
    (void)arg;
    int count = 0;
    for (int i = 0; i < 20; i++) {
        tr_auto(nursery) n = tr_open_nursery();
        tr_try(tr_start_soon(n, look_up_localhost, &count));
        tr_try(let_others_run(i));
        tr_cancel(n);
        tr_try(tr_join(n));
    }
    const char *const *all;
    tr_scope limit = tr_move_on_after(0.001);
    tr_ignore(tr_within(&limit, tr_resolve("nobody.knows.this.invalid", "80", &all)));
    return 0;
}

static void a_run_does_not_wait_for_abandoned_lookups(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(tr_run(abandon_lookups, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EARNEST(numbers_and_names_become_addresses),
        IN_EARNEST(a_name_that_is_none_fails),
        IN_EARNEST(a_cancelled_lookup_is_left_to_itself),
        IN_EARNEST(more_lookups_than_threads),
        cmocka_unit_test(a_run_does_not_wait_for_abandoned_lookups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* retry_test.c: tests of code that waits, with a clock that jumps. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <tractor.h>

/* ---- what is tested ---- */

struct server {
    int failures;                                   /* so many times it fails before it answers */
    int asked;
};

static int ask(struct server *server)
{
    tr_try(tr_sleep(1));
    return ++server->asked > server->failures ? 0 : tr_raise("app.Busy", "try again");
}

static int ask_patiently(struct server *server)
{
    for (double pause = 1; ; pause *= 2) {
        int rc = ask(server);
        if (rc != TR_ERAISED)
            return rc;                              /* success, or cancelled */
        tr_try(tr_sleep(pause));
    }
}

/* ---- the tests ---- */

static int it_waits_twice_as_long_each_time(void *arg)
{
    (void)arg;
    struct server server = {.failures = 3};
    double start = tr_now();
    tr_try(ask_patiently(&server));
    assert(server.asked == 4);
    assert(tr_now() - start == 4 * 1 + 1 + 2 + 4);  /* exact: the clock only jumps */
    return 0;
}

static int it_can_be_given_up(void *arg)
{
    (void)arg;
    struct server server = {.failures = 1000000};
    tr_scope limit = tr_fail_after(3600);
    assert(tr_within(&limit, ask_patiently(&server)) == TR_ETIMEOUT);
    return 0;
}

struct queue {
    tr_lock lock;
    int served;
};

static int be_served(void *arg)
{
    struct queue *queue = arg;
    return tr_holding(&queue->lock, ++queue->served);
}

static int nobody_is_served_while_the_counter_is_closed(void *arg)
{
    (void)arg;
    struct queue queue = {0};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_lock_acquire(&queue.lock));
    tr_try(tr_start_soon(n, be_served, &queue));
    tr_try(tr_start_soon(n, be_served, &queue));
    tr_try(tr_wait_all_blocked(0));                 /* both wait by now, without a guess how long that takes */
    assert(queue.served == 0);
    tr_lock_release(&queue.lock);
    tr_try(tr_join(n));
    assert(queue.served == 2);
    return 0;
}

struct diary {
    tr_sequencer order;
    char text[8];
};

static int note(struct diary *diary, const char *what)
{
    size_t used = strlen(diary->text);
    snprintf(diary->text + used, sizeof diary->text - used, "%s", what);
    return 0;
}

static int guest(void *arg)
{
    struct diary *diary = arg;
    tr_try(tr_in_sequence(&diary->order, 0, note(diary, "a")));
    return tr_in_sequence(&diary->order, 2, note(diary, "c"));
}

static int host(void *arg)
{
    struct diary *diary = arg;
    return tr_in_sequence(&diary->order, 1, note(diary, "b"));
}

static int pieces_of_two_tasks_run_in_the_order_they_are_given(void *arg)
{
    (void)arg;
    struct diary diary = {0};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, host, &diary));
    tr_try(tr_start_soon(n, guest, &diary));
    tr_try(tr_join(n));
    assert(strcmp(diary.text, "abc") == 0);
    return 0;
}

static int (*const tests[])(void *) = {
    it_waits_twice_as_long_each_time,
    it_can_be_given_up,
    nobody_is_served_while_the_counter_is_closed,
    pieces_of_two_tasks_run_in_the_order_they_are_given,
};

/* Within a deadline, however far, a test in which all wait for each other fails, instead of never ending. */
static int limited(void *arg)
{
    tr_scope limit = tr_fail_after(1e9);
    return tr_within(&limit, (*(int (*const *)(void *))arg)(NULL));
}

int main(void)
{
    const size_t count = sizeof tests / sizeof *tests;
    for (uint64_t seed = 0; seed < 20; seed++)      /* twenty orders of what is ready at the same time */
        for (size_t i = 0; i < count; i++)
            assert(tr_run_virtually(limited, (void *)&tests[i], .seed = seed) == 0);
    printf("%zu tests passed\n", count);
    return 0;
}

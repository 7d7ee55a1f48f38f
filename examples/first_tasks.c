/* first_tasks.c: two tasks take turns; one fails and takes the other along; a deadline. */
#include <stdio.h>
#include <tractor.h>

static int count(void *arg)
{
    const char *name = arg;
    for (int i = 1; i <= 2; i++) {
        printf("%s %d\n", name, i);
        tr_try(tr_checkpoint());                    /* here the others get their turn */
    }
    return 0;
}

static int two_take_turns(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, count, "tick"));
    tr_try(tr_start_soon(n, count, "tock"));
    return tr_join(n);                              /* waits for both */
}

static int wait_for_ever(void *arg)
{
    (void)arg;
    int rc = tr_sleep_forever();
    printf("woken by %s (%s)\n", tr_code_type(rc), tr_cancel_reason());
    return rc;                                      /* always passed on */
}

static int fail(void *arg)
{
    return tr_raise("app.Broken", "the %s is broken", (const char *)arg);
}

static int one_fails(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, wait_for_ever, NULL));
    tr_try(tr_start_soon(n, fail, "lamp"));
    return tr_join(n);                              /* cancels the other, waits for it, returns the error */
}

static int program(void *arg)
{
    (void)arg;
    tr_try(two_take_turns());

    if (one_fails() < 0)
        printf("%s: %s\n", tr_error_type(tr_last_error()), tr_error_message(tr_last_error()));

    tr_scope limit = tr_move_on_after(0.1);         /* seconds */
    tr_try(tr_within(&limit, wait_for_ever(NULL)));
    puts(limit.cancelled_caught ? "too slow" : "in time");
    return 0;
}

int main(void)
{
    int rc = tr_run(program, NULL);
    if (rc < 0)
        fputs(tr_error_report(tr_last_error()), stderr);
    return rc < 0;
}

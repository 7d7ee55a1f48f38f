/* What actors print, line by line. */
#define _GNU_SOURCE
#include "support/expect.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- functions that the scenarios call ----------------------------------------------------------------- */

tr_fn(void, print_and_die, (int64_t, lines))
{
    for (int64_t i = 0; i < args->lines; i++)
        printf("line %d\n", (int)i); /* not flushed */
    assert(!"well");
    return 0;
}

tr_fn(void, print_long_line, (int64_t, size))
{
    for (int64_t i = 0; i < args->size; i++)
        putchar('x');
    return 0;
}

/* Leaves a process behind that holds its streams until the file is gone. */
tr_fn(void, leave_a_holder, (tr_str, until))
{
    if (fork() == 0) {
        while (access(args->until, F_OK) == 0)
            usleep(1000); /* tidy: call: nothing tells it that a file is gone */
        _exit(0);
    }
    printf("held\n");
    return 0;
}

tr_fn(void, speak)
{
    printf("to you\n");
    fprintf(stderr, "to me\n");
    return 0;
}

/* ---- what is heard ----------------------------------------------------------------------------------------- */

struct heard {
    size_t lines, bytes;
    bool out_of_order, names_assertion;
};

static int hear(const tr_line *line, void *arg)
{
    struct heard *heard = arg;
    char expected[32];
    snprintf(expected, sizeof expected, "line %zu", heard->lines);
    if (line->stream == 1)
        heard->out_of_order |= strcmp(line->text, expected) != 0;
    else
        heard->names_assertion |= strstr(line->text, "Assertion `!\"well\"' failed") != NULL;
    if (line->stream == 1)
        heard->lines += line->ends;
    heard->bytes += line->size;
    return line->size <= 4096 ? tr_checkpoint() : tr_raise("test.Failed", "a piece of %zu bytes", line->size);
}

#define options(heard) tr_options("worker", .on_line = hear, .on_line_arg = (heard))

static int die_in_the_middle(struct heard *heard)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_run_in_actor_with(n, NULL, options(heard), print_and_die, .lines = 20000));
    return tr_join(n);
}

static int all_that_was_printed_before_a_death_is_heard(void)
{
    struct heard heard = {0};
    tr_scope scope = tr_cancel_scope();
    expect(tr_within(&scope, die_in_the_middle(&heard)) == TR_EREMOTE);
    expect(heard.lines == 20000 && !heard.out_of_order && heard.names_assertion);
    return 0;
}

static int a_long_line_is_heard_in_pieces(void)
{
    struct heard heard = {0};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_run_in_actor_with(n, NULL, options(&heard), print_long_line, .size = 3 << 20));
    tr_try(tr_join(n));
    expect(heard.bytes == 3 << 20 && heard.lines == 1);
    return 0;
}

static int hear_one_that_is_held(struct heard *heard, const char *path)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_run_in_actor_with(n, NULL, options(heard), leave_a_holder, .until = path));
    return tr_join(n);
}

static int whoever_holds_its_streams_keeps_nobody(void)
{
    struct heard heard = {0};
    char path[] = "/tmp/tractor-test-XXXXXX";
    close(mkstemp(path));
    double begin = tr_now();
    int rc = hear_one_that_is_held(&heard, path);
    bool held = access(path, F_OK) == 0;
    unlink(path);
    expect(rc == 0 && held && heard.lines == 1);
    expect(tr_now() - begin < 10);
    return 0;
}

static const struct scenario scenarios[] = {
#define SCENARIO(name) {#name, name}
    SCENARIO(all_that_was_printed_before_a_death_is_heard),
    SCENARIO(a_long_line_is_heard_in_pieces),
    SCENARIO(whoever_holds_its_streams_keeps_nobody),
};

static int run_all(void *only)
{
    return run_scenarios(scenarios, sizeof scenarios / sizeof *scenarios, only);
}

/* For the script that looks at it from outside. */
static int show(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    printf("first\n"); /* not flushed */
    tr_try(tr_run_in_actor_with(n, NULL, tr_options("donny", .on_line = tr_print_tagged), speak));
    tr_try(tr_join(n));
    printf("last\n");
    return 0;
}

int main(int argc, char **argv)
{
    bool to_show = argc > 1 && strcmp(argv[1], "show") == 0;
    return tr_main(argc, argv, to_show ? show : run_all, argc > 1 ? argv[1] : NULL);
}

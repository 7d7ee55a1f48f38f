/* What actors print, line by line, with their names. */
#define TR_MODULE "lines"
#include "scenarios/theatre.h"

#include <string.h>

tr_fn(void, print, (tr_str, text), (int64_t, times), (bool, dies))
{
    for (int64_t i = 0; i < args->times; i++)
        process_print(1, args->text);
    if (args->dies)
        process_die_now(SIGSEGV);
    return 0;
}

tr_fn(void, print_when_cancelled)
{
    say("called");
    int rc = tr_sleep_forever();
    process_print(1, "one\n");
    process_print(2, "two\n");
    process_print(1, "half");
    return rc;
}

tr_fn(void, have_another_print, (tr_str, text))
{
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *portal;
    tr_try(tr_run_in_actor(nursery, &portal, "gretchen", print, .text = args->text, .times = 1));
    return tr_join(nursery);
}

/* ---- who hears of it ----------------------------------------------------------------------------- */

static int tell(const tr_line *line, void *arg)
{
    (void)arg;
    char text[5000];
    snprintf(text, sizeof text, "%s%d%s%s%s", line->actor->name, line->stream, line->begins ? ":" : "+", line->text,
             line->ends ? "." : "+");
    say(text);
    return line->size != strlen(line->text) ? tr_raise("test.Failed", "%zu", line->size) : tr_checkpoint();
}

static int refuse(const tr_line *line, void *arg)
{
    (void)arg;
    return tr_raise("app.Line", "%s", line->text);
}

static int take_a_while(const tr_line *line, void *arg)
{
    tr_try(tr_sleep(0.02));
    return tell(line, arg);
}

static int wait_for_ever(const tr_line *line, void *arg)
{
    (void)line;
    (void)arg;
    return tr_sleep_forever();
}

static int tag_some(const tr_line *line, void *arg)
{
    tr_line bad = *line;
    bad.size = 5000;
    if (tr_print_tagged(&bad, arg) != TR_EARGUMENT)
        return tr_raise("test.Failed", "5000 bytes were printed");
    return strcmp(line->text, "not me") == 0 ? 0 : tr_print_tagged(line, arg);
}

static size_t heard;

static int count(const tr_line *line, void *arg)
{
    (void)arg;
    heard += line->size + line->ends;
    return line->size <= 4096 ? 0 : tr_raise("test.Failed", "a piece of %zu bytes", line->size);
}

/* ---- the roots ----------------------------------------------------------------------------------- */

static struct {
    tr_line_fn *on_line;
    const char *text;
    int64_t times;
    bool dies;
} what;

static int have_it_printed(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(tr_run_in_actor_with(nursery, NULL, tr_options("donny", .on_line = what.on_line), print,
                                .text = what.text, .times = what.times, .dies = what.dies));
    return tr_join(nursery);
}

/* For where something may break that nobody is told of. */
static int have_it_printed_in_time(void *arg)
{
    tr_scope limit = tr_fail_after(20);
    return tr_within(&limit, have_it_printed(arg));
}

static struct theatre *printing(tr_line_fn *on_line, const char *text, int64_t times)
{
    what.on_line = on_line;
    what.text = text;
    what.times = times;
    what.dies = false;
    heard = 0;
    return raise_curtain(1, have_it_printed);
}

static int cancel_and_go_on(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_start_actor(nursery, &donny, "donny", .modules = tr_names("lines"), .on_line = tell));
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, tr_call(donny, NULL, print_when_cancelled)));
    tr_try(tr_cancel_actor(donny));
    say("gone");
    return tr_join(nursery);
}

static int fail_while_it_prints(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(tr_run_in_actor_with(nursery, NULL, tr_options("donny", .on_line = tell), print_when_cancelled));
    tr_try(tr_sleep(1));
    return tr_raise("app.Bad", "bad");
}

static int have_another_printed(void *arg)
{
    (void)arg;
    tr_auto(nursery) nursery = tr_open_nursery();
    tr_try(tr_run_in_actor_with(nursery, NULL, tr_options("donny", .on_line = tr_print_tagged),
                                have_another_print, .text = "from below\n"));
    return tr_join(nursery);
}

static void expect_said(struct theatre *theatre, const char *text)
{
    assert_string_equal(theatre->said, text);
    expect_nothing_left(theatre);
}

/* ---- the scenarios --------------------------------------------------------------------------------- */

static void lines_are_tagged_with_the_actors_name(void **state)
{
    (void)state;
    struct theatre *theatre = printing(tr_print_tagged, "hello\n\nthere", 1);
    expect_outcome(theatre, NULL);
    assert_string_equal(process_said(theatre->root), "donny: hello\ndonny: \ndonny: there\n");
    expect_nothing_left(theatre);
}

static void those_of_its_children_come_the_same_way(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(2, have_another_printed);
    expect_outcome(theatre, NULL);
    assert_string_equal(process_said(theatre->root), "donny: from below\n");
    expect_nothing_left(theatre);
}

static void a_function_may_tag_some_of_them(void **state)
{
    (void)state;
    struct theatre *theatre = printing(tag_some, "me\nnot me\nme too\n", 1);
    expect_outcome(theatre, NULL);
    assert_string_equal(process_said(theatre->root), "donny: me\ndonny: me too\n");
    expect_nothing_left(theatre);
}

static void a_function_gets_lines_whole(void **state)
{
    (void)state;
    struct theatre *theatre = printing(tell, "a\nbc", 3);
    expect_outcome(theatre, NULL);
    expect_said(theatre, "donny1:a.\ndonny1:bca.\ndonny1:bca.\ndonny1:bc.\n");
}

static void a_long_line_comes_in_pieces(void **state)
{
    (void)state;
    struct theatre *theatre = printing(count, "0123456789", 5000);
    expect_outcome(theatre, NULL);
    assert_int_equal(heard, 50001);
    expect_nothing_left(theatre);
}

/* Also where the pipe holds next to nothing. */
static void nothing_is_lost_when_it_dies(void **state)
{
    (void)state;
    for (size_t buffer = 16; buffer <= 65536; buffer *= 16) {
        struct theatre *theatre = printing(count, "0123456789\n", 1000);
        what.dies = true;
        world_weather(theatre->world)->buffer = buffer;
        expect_outcome(theatre, "was killed by signal 11");
        assert_int_equal(heard, 11000);
        expect_nothing_left(theatre);
    }
}

static void what_it_prints_at_its_end_is_there_before_it_is_gone(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(3, cancel_and_go_on);
    expect_outcome(theatre, NULL);
    assert_non_null(strstr(theatre->said, "donny1:one.\n"));
    assert_non_null(strstr(theatre->said, "donny2:two.\n"));
    assert_non_null(strstr(theatre->said, "donny1:half.\ngone\n"));
    expect_nothing_left(theatre);
    theatre = raise_curtain(4, fail_while_it_prints);
    expect_outcome(theatre, "app.Bad");
    assert_non_null(strstr(theatre->said, "donny1:one.\n"));
    assert_non_null(strstr(theatre->said, "donny1:half.\n"));
    expect_nothing_left(theatre);
}

static void a_function_that_fails_ends_the_actor(void **state)
{
    (void)state;
    struct theatre *theatre = printing(refuse, "hello\nthere\n", 1);
    expect_outcome(theatre, "app.Line: hello");
    expect_nothing_left(theatre);
}

static void one_that_takes_its_time_gets_all_that_was_printed(void **state)
{
    (void)state;
    struct theatre *theatre = printing(take_a_while, "hello\n", 200); /* four seconds for what a pipe holds */
    expect_outcome(theatre, NULL);
    size_t lines = 0;
    for (const char *at = theatre->said; (at = strstr(at, "donny1:hello")); at++)
        lines++;
    assert_int_equal(lines, 200);
    expect_nothing_left(theatre);
}

static void one_that_never_returns_keeps_nobody(void **state)
{
    (void)state;
    struct theatre *theatre = printing(wait_for_ever, "hello\n", 100000);
    world_weather(theatre->world)->buffer = 256;
    run_for(theatre, 2);
    kill_actor(theatre, "donny");
    double killed = seconds_now(theatre);
    expect_outcome(theatre, "ActorDied");
    assert_true(seconds_now(theatre) - killed < 1.1);
    expect_nothing_left(theatre);
}

static void whatever_call_fails_nothing_is_left(void **state)
{
    (void)state;
    for (int memory = 0; memory < 2; memory++)
        for (uint64_t n = 1, sprung = 1; sprung > 0; n++) {
            (void)printing(tell, "hello\n", 3);
            struct theatre *theatre = raise_curtain(n, have_it_printed_in_time);
            if (memory)
                process_fail_memory(theatre->root, n, false);
            else
                process_fail_calls(theatre->root, n, false);
            run_to_the_end(theatre);
            sprung = process_failed(theatre->root);
            expect_nothing_left(theatre);
            assert_true(n < 10000);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_tagged_with_the_actors_name),
        cmocka_unit_test(those_of_its_children_come_the_same_way),
        cmocka_unit_test(a_function_may_tag_some_of_them),
        cmocka_unit_test(a_function_gets_lines_whole),
        cmocka_unit_test(a_long_line_comes_in_pieces),
        cmocka_unit_test(nothing_is_lost_when_it_dies),
        cmocka_unit_test(what_it_prints_at_its_end_is_there_before_it_is_gone),
        cmocka_unit_test(a_function_that_fails_ends_the_actor),
        cmocka_unit_test(one_that_takes_its_time_gets_all_that_was_printed),
        cmocka_unit_test(one_that_never_returns_keeps_nobody),
        cmocka_unit_test(whatever_call_fails_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The log of real trees, and what their processes are called. With a word it is what tests/logs.sh looks at. */
#include "support/expect.h"

#include <pthread.h>
#include <unistd.h>

static const char *own_word; /* in argv, where this points to */

/* ---- functions that the scenarios call ----------------------------------------------------------------- */

tr_fn(int64_t, level_here)
{
    *ret = tr_log_level_;
    return 0;
}

/* Of a child of its own. */
tr_fn(int64_t, level_below)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *child;
    tr_try(tr_run_in_actor(n, &child, "child", level_here));
    tr_try(tr_result(child, ret, level_here));
    return tr_join(n);
}

static int read_file(const char *path, char *ret_text, size_t room)
{
    FILE *file = fopen(path, "r");
    size_t size = file ? fread(ret_text, 1, room - 1, file) : 0;
    ret_text[size] = '\0';
    for (size_t i = 0; i + 1 < size; i++)
        if (!ret_text[i])
            ret_text[i] = ' ';
    if (file)
        fclose(file);
    return size > 0 ? 0 : tr_raise("test.Failed", "nothing in %s", path);
}

tr_fn(tr_str, seen_as, (tr_str, file))
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/%s", args->file);
    tr_try(read_file(path, text, sizeof text));
    return tr_return_fmt("%s", text);
}

tr_fn(tr_str, word_of_argv)
{
    return tr_return_fmt("%s", own_word ? own_word : "none");
}

/* ---- levels ----------------------------------------------------------------------------------------------- */

/* Of an actor that is started now, with this .log or none, and of one that it starts. */
static int levels_of_new(const char *log, int *ret_its, int *ret_below)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *actor;
    int64_t its, below;
    tr_try(tr_start_actor(n, &actor, "listener", .modules = tr_names(tr_this_module()), .log = log));
    tr_try(tr_call(actor, &its, level_here));
    tr_try(tr_call(actor, &below, level_below));
    *ret_its = (int)its;
    *ret_below = (int)below;
    tr_cancel(n);
    tr_ignore(tr_join(n));
    return 0;
}

static int a_child_has_the_level_that_its_parent_has_when_it_starts(void)
{
    int its, below;
    tr_try(levels_of_new(NULL, &its, &below));
    expect(its == tr_log_level_ && below == its);
    tr_try(tr_console_log("critical"));
    tr_try(levels_of_new(NULL, &its, &below));
    expect(its == TR_LOG_CRITICAL && below == TR_LOG_CRITICAL);
    tr_try(tr_console_log("error"));
    tr_try(levels_of_new("", &its, &below));
    expect(its == TR_LOG_ERROR && below == TR_LOG_ERROR);
    return 0;
}

static int an_actor_may_have_a_level_of_its_own_for_itself_and_its_children(void)
{
    int its, below;
    tr_try(levels_of_new("none", &its, &below));
    expect(its == TR_LOG_NONE && below == TR_LOG_NONE);
    expect(tr_log_level_ != TR_LOG_NONE);
    return 0;
}

static int an_actor_of_an_unknown_level_is_not_started(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    expect(tr_start_actor(n, NULL, "donny", .log = "lots") == TR_EARGUMENT);
    expect_error("ArgumentError", "donny: there is no log level \"lots\"; there are trace, transport,");
    return tr_join(n);
}

/* ---- titles ----------------------------------------------------------------------------------------------- */

static int see(const char *name, const char *file, char *ret_text, size_t room)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *actor;
    tr_str text;
    tr_try(tr_run_in_actor(n, &actor, name, seen_as, .file = file));
    tr_try(tr_result(actor, &text, seen_as));
    snprintf(ret_text, room, "%s", text);
    return tr_join(n);
}

static int an_actor_is_seen_under_its_name(void)
{
    char text[512], ours[512];
    tr_try(see("donny", "comm", text, sizeof text));
    expect(strcmp(text, "donny\n") == 0);
    tr_try(see("a name longer than the kernel keeps", "comm", text, sizeof text));
    expect(strcmp(text, "a name longer t\n") == 0);
    tr_try(read_file("/proc/self/cmdline", ours, sizeof ours));
    tr_try(see("gretchen", "cmdline", text, sizeof text));
    char expected[sizeof ours + 16];
    snprintf(expected, sizeof expected, "%.*s: gretchen", (int)strcspn(ours, " "), ours);
    expect(strcmp(text, expected) == 0);
    tr_try(read_file("/proc/self/comm", ours, sizeof ours));
    expect(strcmp(ours, "logs\n") == 0); /* the root's own */
    return 0;
}

static int what_argv_points_to_stays(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *actor;
    tr_str text;
    tr_try(tr_run_in_actor(n, &actor, "donny", word_of_argv));
    tr_try(tr_result(actor, &text, word_of_argv));
    expect(strcmp(text, own_word) == 0);
    return tr_join(n);
}

/* ---- for the script ------------------------------------------------------------------------------------------ */

enum { LINES = 1000, MOST = 1500 };

tr_fn(void, say_much)
{
    char text[MOST + 1];
    memset(text, tr_current_actor()->name[0], MOST);
    text[MOST] = '\0';
    for (int i = 0; i < LINES; i++)
        tr_log_info("%d %.*s end", i, 1 + i * 37 % MOST, text);
    return 0;
}

static int three_speak_at_once(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_run_in_actor(n, NULL, "a", say_much));
    tr_try(tr_run_in_actor(n, NULL, "b", say_much));
    tr_try(tr_run_in_actor(n, NULL, "c", say_much));
    return tr_join(n);
}

tr_fn(int64_t, own_pid)
{
    *ret = tr_current_actor()->pid;
    return 0;
}

/* Until its standard input ends. */
static int have_an_actor_looked_at(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    int64_t pid;
    tr_try(tr_run_in_actor(n, &donny, "donny", own_pid));
    tr_try(tr_result(donny, &pid, own_pid));
    printf("%d\n", (int)pid);
    fflush(stdout);
    tr_try(tr_wait_readable(STDIN_FILENO));
    return tr_join(n);
}

/* The level, as root and as a child. */
static int tell_level(void *arg)
{
    (void)arg;
    int its, below;
    tr_try(levels_of_new(NULL, &its, &below));
    printf("%d %d %d\n", tr_log_level_, its, below);
    return 0;
}

/* ---- following ------------------------------------------------------------------------------------------------ */

static void *speak_once(void *arg)
{
    tr_log_warning("of a thread of its own");
    return arg;
}

/* While the run waits for nothing else. */
static int hear_thread(tr_stream *log)
{
    pthread_t thread;
    tr_log_line line;
    tr_scope silence = tr_move_on_after(0.2), limit = tr_fail_after(10);
    tr_try(tr_within(&silence, tr_next_log_line(log, &line)));
    expect(silence.cancelled_caught);
    expect(pthread_create(&thread, NULL, speak_once, NULL) == 0);
    int rc = tr_within(&limit, tr_next_log_line(log, &line));
    expect(pthread_join(thread, NULL) == 0);
    tr_try(rc);
    expect(strstr(line.text, "of a thread of its own"));
    return 0;
}

static int what_a_thread_of_the_programs_own_says_is_followed(void)
{
    tr_auto(portal) own = NULL;
    tr_auto(stream) log = NULL;
    tr_actor_state state;
    tr_try(tr_get_arbiter(&own));
    tr_try(tr_follow_log(own, &log, "warning"));
    tr_try(tr_inspect_actor(own, &state)); /* by then it is followed */
    for (int i = 0; i < 3; i++)
        tr_try(hear_thread(log));
    return 0;
}

/* ---- all ------------------------------------------------------------------------------------------------------ */

static int all(void *arg)
{
    static const struct scenario scenarios[] = {
        {"a_child_has_the_level_that_its_parent_has_when_it_starts",
         a_child_has_the_level_that_its_parent_has_when_it_starts},
        {"an_actor_may_have_a_level_of_its_own_for_itself_and_its_children",
         an_actor_may_have_a_level_of_its_own_for_itself_and_its_children},
        {"an_actor_of_an_unknown_level_is_not_started", an_actor_of_an_unknown_level_is_not_started},
        {"an_actor_is_seen_under_its_name", an_actor_is_seen_under_its_name},
        {"what_argv_points_to_stays", what_argv_points_to_stays},
        {"what_a_thread_of_the_programs_own_says_is_followed", what_a_thread_of_the_programs_own_says_is_followed},
    };
    return run_scenarios(scenarios, sizeof scenarios / sizeof *scenarios, arg);
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    own_word = argv[0] + strlen(argv[0]) - 4; /* "logs" */
    if (strcmp(word, "speak") == 0)
        return tr_main(argc, argv, three_speak_at_once, NULL, .log = "info");
    if (strcmp(word, "wait") == 0)
        return tr_main(argc, argv, have_an_actor_looked_at, NULL);
    if (strcmp(word, "level") == 0)
        return tr_main(argc, argv, tell_level, NULL);
    if (strcmp(word, "level-option") == 0)
        return tr_main(argc, argv, tell_level, NULL, .log = "debug");
    if (strcmp(word, "level-call") == 0 && tr_console_log("transport") == 0)
        return tr_main(argc, argv, tell_level, NULL);
    return tr_main(argc, argv, all, argc > 1 ? argv[1] : NULL);
}

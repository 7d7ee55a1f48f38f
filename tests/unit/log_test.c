/* The log: what is said at which level, what a line looks like, who gets it, and what nothing of it may harm. */
#include "support/real.h"

#include "base/log.h"
#include "sync/thread.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/resource.h>

/* ---- records, kept ------------------------------------------------------------------------------------- */

static struct heard {
    size_t count;
    int level;
    char level_name[16], actor[32], task[32], subsystem[32], file[32], message[4096];
    int line, pid;
    int64_t time_ns;
    bool on_another_thread;
    pthread_t listener;
} heard;

static void hear(const tr_log_record *record, void *arg)
{
    struct heard *to = arg;
    to->count++;
    to->level = record->level;
    to->line = record->line;
    to->pid = record->actor->pid;
    to->time_ns = record->time_ns;
    to->on_another_thread = !pthread_equal(pthread_self(), to->listener);
    snprintf(to->level_name, sizeof to->level_name, "%s", record->level_name);
    snprintf(to->actor, sizeof to->actor, "%s", record->actor->name);
    snprintf(to->task, sizeof to->task, "%s", record->task);
    snprintf(to->subsystem, sizeof to->subsystem, "%s", record->subsystem);
    snprintf(to->file, sizeof to->file, "%s", record->file);
    snprintf(to->message, sizeof to->message, "%s", record->message);
}

static int listen_from_now(void **state)
{
    (void)state;
    heard = (struct heard){.listener = pthread_self()};
    log_set_level(TR_LOG_WARNING, false);
    tr_log_to(hear, &heard);
    return 0;
}

static int listen_no_more(void **state)
{
    (void)state;
    tr_log_to(NULL, NULL);
    log_set_level(TR_LOG_WARNING, false);
    return 0;
}

/* ---- levels ----------------------------------------------------------------------------------------------- */

static void the_levels_are_those_of_tractor_in_their_order(void **state)
{
    (void)state;
    static const char *const names[] = {"trace", "transport", "debug", "runtime", "info",
                                        "cancel", "warning", "error", "critical", "none"};
    int before = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(log_level_of(names[i]) > before);
        before = log_level_of(names[i]);
    }
    assert_int_equal(TR_LOG_TRANSPORT, 5);
    assert_int_equal(TR_LOG_RUNTIME, 15);
    assert_int_equal(TR_LOG_CANCEL, 22);
    assert_int_equal(log_level_of(NULL), TR_LOG_WARNING);
    assert_int_equal(log_level_of(""), TR_LOG_WARNING);
    assert_int_equal(log_level_of("Trace"), -1);
}

static int asked;
static int dear(void)
{
    return ++asked;
}

static void what_is_below_the_level_is_not_even_evaluated(void **state)
{
    (void)state;
    asked = 0;
    tr_log_info("%d", dear());
    tr_log_cancel("%d", dear());
    assert_int_equal(asked, 0);
    tr_log_warning("%d", dear());
    assert_int_equal(asked, 1);
    assert_int_equal(tr_console_log("none"), 0);
    tr_log_critical("%d", dear());
    assert_int_equal(asked, 1);
    assert_int_equal(heard.count, 1);
    assert_int_equal(tr_console_log("trace"), 0);
    tr_log_trace("%d", dear());
    assert_string_equal(heard.message, "2");
    assert_string_equal(heard.level_name, "trace");
    assert_true(tr_log_is_on(TR_LOG_TRACE));
}

static int a_name_that_is_no_level(void *arg)
{
    (void)arg;
    expect(tr_console_log("lots") == TR_EARGUMENT);
    expect_error("ArgumentError", "no log level \"lots\"; there are trace, transport, debug, runtime, info, cancel, "
                                  "warning, error, critical and none");
    expect(tr_log_level_ == TR_LOG_WARNING);
    expect(heard.count == 1 && strstr(heard.message, "\"lots\""));
    expect(tr_console_log("cancel") == 0 && tr_log_level_ == TR_LOG_CANCEL);
    expect(tr_console_log(NULL) == 0 && tr_log_level_ == TR_LOG_WARNING);
    return 0;
}

static void a_name_that_is_no_level_is_an_error_that_tells_the_levels(void **state)
{
    (void)state;
    assert_int_equal(tr_run(a_name_that_is_no_level, NULL), 0);
    assert_int_equal(tr_console_log("lots"), TR_EARGUMENT); /* outside a run, too */
    assert_int_equal(heard.count, 2);
}

/* ---- records ----------------------------------------------------------------------------------------------- */

static int say_in_a_task(void *arg)
{
    (void)arg;
    tr_log(TR_LOG_ERROR, "%s is %d", "it", 7);
    return __LINE__ - 1;
}

static void a_record_has_all_parts(void **state)
{
    (void)state;
    int line = tr_run(say_in_a_task, NULL);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.level, TR_LOG_ERROR);
    assert_string_equal(heard.level_name, "error");
    assert_string_equal(heard.actor, "");
    assert_int_equal(heard.pid, getpid());
    assert_string_equal(heard.task, "main");
    assert_string_equal(heard.subsystem, "log_test");
    assert_string_equal(heard.file, "log_test.c");
    assert_int_equal(heard.line, line);
    assert_string_equal(heard.message, "it is 7");
    assert_true(heard.time_ns > 1700000000LL * 1000000000);
}

static void the_librarys_own_lines_have_their_room_for_a_subsystem(void **state)
{
    (void)state;
    log_say(TR_LOG_WARNING, "src/actor/keeper.c", 12, "so");
    assert_string_equal(heard.subsystem, "actor");
    assert_string_equal(heard.file, "keeper.c");
    log_say(TR_LOG_WARNING, "keeper.c", 12, "so");
    assert_string_equal(heard.subsystem, "");
}

static void echo(const tr_log_record *record, void *arg)
{
    hear(record, arg);
    tr_log_error("in there");
}

static void what_is_said_while_a_record_is_taken_is_lost(void **state)
{
    (void)state;
    tr_log_to(echo, &heard);
    tr_log_error("once");
    tr_log_error("twice");
    assert_int_equal(heard.count, 2);
    assert_string_equal(heard.message, "twice");
}

static void leave(const tr_log_record *record, void *arg)
{
    hear(record, arg);
    tr_log_to(hear, arg);
}

static void who_takes_the_records_may_hand_them_to_another(void **state)
{
    (void)state;
    tr_log_to(leave, &heard);
    for (int i = 0; i < 3; i++)
        tr_log_error("%d", i);
    assert_int_equal(heard.count, 3);
}

static void errno_stays(void **state)
{
    (void)state;
    errno = ENOENT;
    tr_log_error("%s", "so");
    assert_int_equal(errno, ENOENT);
}

static int say_on_a_worker(void *arg)
{
    tr_log_error("from a worker");
    return *(int *)arg;
}

static int work(void *arg)
{
    return tr_to_thread(say_on_a_worker, arg);
}

static void a_worker_speaks_for_its_actor(void **state)
{
    (void)state;
    assert_int_equal(tr_run(work, &(int){3}), 3);
    assert_string_equal(heard.message, "from a worker");
    assert_string_equal(heard.task, "worker");
    assert_int_equal(heard.pid, getpid());
    assert_true(heard.on_another_thread);
}

static void *say_on_a_thread(void *arg)
{
    for (int i = 0; i < 1000; i++)
        tr_log_error("%s", (const char *)arg);
    return NULL;
}

static void threads_of_the_program_speak_one_at_a_time(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    log_set_self(&(tr_actor){"donny", "0123456789abcdef0123456789abcdef", "", 1});
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, say_on_a_thread, "from a thread"), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    log_set_self(&(tr_actor){"", "", "", 0});
    assert_int_equal(heard.count, THREADS * 1000); /* counted without a lock of ours */
    assert_string_equal(heard.actor, "donny");
    assert_string_equal(heard.task, "");
}

/* ---- lines -------------------------------------------------------------------------------------------------- */

enum { LINE_ROOM = 4096 };
static const tr_actor donny = {"donny", "b8d3dc0912345678b8d3dc0912345678", "", 29862};

static tr_log_record a_record(const char *message)
{
    return (tr_log_record){.time_ns = 1772627696789012345, .level = TR_LOG_INFO, .level_name = "info", .actor = &donny,
                           .task = "say_hello", .subsystem = "scene", .file = "scene.c", .line = 12, .message = message};
}

static const char *line_of(const char *message, bool coloured)
{
    static char line[LINE_ROOM + 1];
    tr_log_record record = a_record(message);
    size_t size = log_format(&record, coloured, line, LINE_ROOM);
    assert_true(size <= LINE_ROOM);
    line[size] = '\0';
    return line;
}

static void a_line_says_when_who_where_and_what(void **state)
{
    (void)state;
    assert_string_equal(line_of("Action!", false), "2026-03-04T12:34:56.789012Z (donny[b8d3dc09], 29862, say_hello) "
                                                   "[info] scene scene.c:12 Action!\n");
    assert_string_equal(line_of("Action!", true),
                        "\x1b[2m2026-03-04T12:34:56.789012Z (donny[b8d3dc09], 29862, say_hello) \x1b[0m\x1b[32m[info] "
                        "\x1b[0m\x1b[2mscene scene.c:12\x1b[0m \x1b[32m" "Action!\x1b[0m\n");
}

static void where_there_is_no_actor_and_no_task_there_are_dashes(void **state)
{
    (void)state;
    char line[LINE_ROOM];
    tr_log_record record = a_record("Cut.");
    record.actor = &(tr_actor){"", "", "", 7};
    record.task = "";
    size_t size = log_format(&record, false, line, sizeof line - 1);
    line[size] = '\0';
    assert_string_equal(line, "2026-03-04T12:34:56.789012Z (-, 7, -) [info] scene scene.c:12 Cut.\n");
}

static void a_message_cannot_begin_a_line_nor_steer_the_terminal(void **state)
{
    (void)state;
    const char *line = line_of("one\ntwo\t\x1b[31m\x7f \xc3\xa4", false);
    assert_non_null(strstr(line, " one\\ntwo \\x1b[31m\\x7f \xc3\xa4\n"));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void what_is_too_long_ends_in_dots(void **state)
{
    (void)state;
    char message[3000];
    memset(message, 'x', sizeof message);
    message[sizeof message - 1] = '\0';
    tr_log_error("%s", message);
    assert_int_equal(strlen(heard.message), 2000);
    assert_string_equal(heard.message + 1996, "x...");
    memset(message, '\x01', sizeof message); /* four bytes each */
    message[sizeof message - 1] = '\0';
    for (int coloured = 0; coloured < 2; coloured++) {
        const char *line = line_of(message, coloured);
        assert_true(strlen(line) > LINE_ROOM - 8 && strlen(line) <= LINE_ROOM);
        assert_non_null(strstr(line, coloured ? "\\x01...\x1b[0m\n" : "\\x01...\n"));
    }
}

/* ---- the console -------------------------------------------------------------------------------------------- */

static int kept_error;

static void redirect_errors(int fd)
{
    kept_error = dup(STDERR_FILENO);
    assert_true(kept_error >= 0);
    if (fd < 0)
        close(STDERR_FILENO);
    else
        assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
}

static void restore_errors(void)
{
    assert_int_equal(dup2(kept_error, STDERR_FILENO), STDERR_FILENO);
    close(kept_error);
}

static int say_something(void *arg)
{
    (void)arg;
    tr_log_error("something");
    return 0;
}

/* In a run, and outside of one. */
static void say_to(int fd)
{
    tr_log_to(NULL, NULL);
    redirect_errors(fd);
    errno = EDOM;
    tr_log_error("something");
    int error = errno, rc = tr_run(say_something, NULL);
    restore_errors();
    assert_int_equal(error, EDOM);
    assert_int_equal(rc, 0);
}

static void a_closed_stderr_harms_nobody(void **state)
{
    (void)state;
    say_to(-1);
}

static void a_full_disk_harms_nobody(void **state)
{
    (void)state;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    say_to(fd);
    close(fd);
}

static void a_reader_that_is_gone_raises_no_signal(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    void (*before)(int) = signal(SIGPIPE, SIG_DFL);
    say_to(ends[1]);
    (void)signal(SIGPIPE, before);
    close(ends[1]);
}

static void a_pipe_that_is_full_and_may_not_wait_loses_the_line(void **state)
{
    (void)state;
    int ends[2];
    char page[4096] = "";
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    while (write(ends[1], page, sizeof page) > 0)
        continue;
    say_to(ends[1]);
    close(ends[0]);
    close(ends[1]);
}

static void a_file_that_may_not_grow_raises_no_signal(void **state)
{
    (void)state;
    char path[] = "/tmp/log_test_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    struct rlimit before, none;
    getrlimit(RLIMIT_FSIZE, &before);
    none = (struct rlimit){0, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &none);
    say_to(fd);
    setrlimit(RLIMIT_FSIZE, &before);
    close(fd);
}

/* What the terminal got of a line. */
static size_t say_to_terminal(char *ret_said, size_t room)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(slave >= 0);
    say_to(slave);
    ssize_t size = read(master, ret_said, room - 1);
    assert_true(size > 0);
    ret_said[size] = '\0';
    close(slave);
    close(master);
    return (size_t)size;
}

static void a_terminal_gets_colours_unless_it_does_not_want_them(void **state)
{
    (void)state;
    char said[LINE_ROOM];
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    (void)say_to_terminal(said, sizeof said);
    assert_non_null(strstr(said, "\x1b[31m[error] "));
    setenv("NO_COLOR", "1", 1);
    (void)say_to_terminal(said, sizeof said);
    assert_null(strchr(said, '\x1b'));
    setenv("NO_COLOR", "", 1);
    (void)say_to_terminal(said, sizeof said);
    assert_non_null(strchr(said, '\x1b'));
    setenv("TERM", "dumb", 1);
    (void)say_to_terminal(said, sizeof said);
    assert_null(strchr(said, '\x1b'));
}

/* ---- taps ------------------------------------------------------------------------------------------------- */

static void a_tap_hears_what_others_do_not(void **state)
{
    (void)state;
    struct heard fine = {.listener = pthread_self()}, finer = fine;
    struct log_tap tap = {.level = TR_LOG_DEBUG, .take = hear, .arg = &fine};
    struct log_tap another = {.level = TR_LOG_TRACE, .take = hear, .arg = &finer};
    assert_int_equal(log_tap_add(&tap), 0);
    assert_int_equal(log_tap_add(&another), 1);
    assert_true(tr_log_is_on(TR_LOG_TRACE));
    assert_int_equal(log_level(), TR_LOG_WARNING); /* which is what children begin with */
    tr_log_trace("one hears this");
    tr_log_debug("two hear this");
    log_tap_remove(&another);
    tr_log_trace("and nobody this");
    tr_log_warning("all hear this");
    assert_int_equal(finer.count, 2);
    assert_int_equal(fine.count, 2);
    assert_int_equal(heard.count, 1);
    log_set_level(TR_LOG_ERROR, true);
    assert_true(tr_log_is_on(TR_LOG_DEBUG));
    log_tap_remove(&tap);
    log_tap_remove(&tap); /* once more does no harm */
    assert_false(tr_log_is_on(TR_LOG_WARNING));
}

#define HEARD(name) cmocka_unit_test_setup_teardown(name, listen_from_now, listen_no_more)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEARD(the_levels_are_those_of_tractor_in_their_order),
        HEARD(what_is_below_the_level_is_not_even_evaluated),
        HEARD(a_name_that_is_no_level_is_an_error_that_tells_the_levels),
        HEARD(a_record_has_all_parts),
        HEARD(the_librarys_own_lines_have_their_room_for_a_subsystem),
        HEARD(what_is_said_while_a_record_is_taken_is_lost),
        HEARD(who_takes_the_records_may_hand_them_to_another),
        HEARD(a_tap_hears_what_others_do_not),
        HEARD(errno_stays),
        HEARD(a_worker_speaks_for_its_actor),
        HEARD(threads_of_the_program_speak_one_at_a_time),
        HEARD(a_line_says_when_who_where_and_what),
        HEARD(where_there_is_no_actor_and_no_task_there_are_dashes),
        HEARD(a_message_cannot_begin_a_line_nor_steer_the_terminal),
        HEARD(what_is_too_long_ends_in_dots),
        HEARD(a_closed_stderr_harms_nobody),
        HEARD(a_full_disk_harms_nobody),
        HEARD(a_reader_that_is_gone_raises_no_signal),
        HEARD(a_pipe_that_is_full_and_may_not_wait_loses_the_line),
        HEARD(a_file_that_may_not_grow_raises_no_signal),
        HEARD(a_terminal_gets_colours_unless_it_does_not_want_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

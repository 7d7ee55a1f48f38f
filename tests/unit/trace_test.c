/* Places in programs, as they are told to others and shown. */
#include "support/real.h"

#include "base/error.h"
#include "base/hooks.h"

#include <sys/stat.h>

__attribute__((noinline)) static int raise_here(void)
{
    return tr_raise("app.Here", "here");
}

/* Whether the backtrace of the newest error has the function that raised it, by name, file and line. */
static bool is_named(void)
{
    for (size_t i = 0; i < tr_error_frames(tr_last_error()); i++)
        if (strstr(tr_error_frame(tr_last_error(), i), "raise_here at tests/unit/trace_test.c:1"))
            return true;
    return false;
}

static int a_static_function_is_named_with_file_and_line(void *arg)
{
    (void)arg;
    expect(raise_here() == TR_ERAISED && is_named());
    expect(raise_here() == TR_ERAISED && is_named()); /* what was read is used again */
    return 0;
}

static bool shows(const char *located, const char *shown)
{
    char text[512];
    return !trace_show(located, text, sizeof text) && strcmp(text, shown) == 0;
}

static int what_cannot_be_looked_up_is_told_as_it_is(void *arg)
{
    (void)arg;
    expect(shows("10\t/nowhere/thing\tabcd\t", "thing+0x10"));
    expect(shows("10\t/nowhere/thing\t\tf+0x3", "thing+0x10 (f+0x3)"));
    expect(shows("10\tthing\t\t", "thing+0x10"));
    expect(shows("10\t/proc/self/exe\tabcd\t", "exe+0x10")); /* the file is there, and another build */
    expect(shows("10\t/etc/passwd\tabcd\t", "passwd+0x10"));
    expect(shows("10\t/tmp\tabcd\t", "tmp+0x10"));
    expect(shows("10\t/dev/zero\tabcd\t", "zero+0x10"));
    return 0;
}

/* A peer may say anything. */
static int what_is_no_place_is_shown_as_it_came(void *arg)
{
    (void)arg;
    const char *const nonsense[] = {"", "nonsense", "\t", "10\t/x", "10\t/x\ta\tf\tg", "1z\t/x\ta\tf", "0x7fff1234"};
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
        expect(shows(nonsense[i], nonsense[i]));
    return 0;
}

/* Opening it would wait for somebody who writes. */
static int a_pipe_that_is_named_as_a_program_is_not_opened(void *arg)
{
    (void)arg;
    char folder[] = "/tmp/tractor-test-XXXXXX", pipe[64], located[128];
    expect(mkdtemp(folder));
    snprintf(pipe, sizeof pipe, "%s/pipe", folder);
    snprintf(located, sizeof located, "10\t%s\tabcd\t", pipe);
    expect(mkfifo(pipe, 0600) == 0);
    bool shown = shows(located, "pipe+0x10");
    unlink(pipe);
    rmdir(folder);
    expect(shown);
    return 0;
}

static int many_programs_are_not_kept_in_mind(void *arg)
{
    (void)arg;
    expect(raise_here() == TR_ERAISED && is_named());
    for (int i = 0; i < 100; i++) {
        char located[64];
        snprintf(located, sizeof located, "10\t/nowhere/%d/thing\tabcd\t", i);
        expect(shows(located, "thing+0x10"));
    }
    expect(raise_here() == TR_ERAISED && is_named());
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EARNEST(a_static_function_is_named_with_file_and_line),
        IN_EARNEST(what_cannot_be_looked_up_is_told_as_it_is),
        IN_EARNEST(what_is_no_place_is_shown_as_it_came),
        IN_EARNEST(a_pipe_that_is_named_as_a_program_is_not_opened),
        IN_EARNEST(many_programs_are_not_kept_in_mind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

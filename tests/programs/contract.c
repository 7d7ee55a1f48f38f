/* Programs that do not agree on what they call: another one is started that was built from other
 * declarations. */
#define TR_MODULE "contract"
#include "support/expect.h"
#include "support/inherited.h"

#include <stdlib.h>

tr_fn_decl(int64_t, price, (tr_str, venue), (int64_t, qty), (bool, fresh));
tr_fn_decl(int64_t, now_a_stream);
tr_stream_fn_decl(int64_t, now_a_function);

static const char *other_program;

static int start(tr_nursery *nursery, tr_portal **ret_portal)
{
    return tr_start_actor(nursery, ret_portal, "other", .program = other_program,
                          .modules = tr_names("contract"));
}

static int both_declarations_are_shown(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *other;
    tr_try(start(n, &other));
    int64_t got;
    expect(tr_call(other, &got, price, .qty = 1) == TR_EREMOTE);
    const tr_error *error = tr_error_find(tr_last_error(), "SignatureMismatch");
    expect(error && strstr(tr_error_message(error), "(venue: tr_str, qty: int32_t)"));
    expect(strstr(tr_error_message(tr_last_error()), "(venue: tr_str, qty: int64_t, fresh: bool)"));
    tr_try(tr_cancel_actor(other));
    return tr_join(n);
}

static int a_stream_called_as_a_function_says_so(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *other;
    tr_try(start(n, &other));
    int64_t got;
    expect(tr_call(other, &got, now_a_stream) == TR_EREMOTE);
    expect_error("Misuse", "contract.now_a_stream is a stream");
    tr_try(tr_cancel_actor(other));
    return tr_join(n);
}

static int a_function_opened_as_a_stream_says_so(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *other;
    tr_try(start(n, &other));
    {
        tr_auto(stream) items = NULL;
        int64_t got;
        tr_try(tr_open_stream(other, &items, now_a_function));
        expect(tr_next(items, &got, now_a_function) == TR_EREMOTE);
        expect_error("Misuse", "contract.now_a_function returns a value");
    }
    tr_try(tr_cancel_actor(other));
    return tr_join(n);
}

static int a_program_that_ends_while_it_starts_is_an_error(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *other;
    setenv("OTHER_VERSION", "exits", 1);
    int rc = start(n, &other);
    unsetenv("OTHER_VERSION");
    expect(rc == TR_ESTART);
    expect_error("StartFailed", "exited with status 9");
    tr_try(start(n, &other)); /* the nursery is none the worse */
    tr_try(tr_cancel_actor(other));
    return tr_join(n);
}

static int a_program_that_never_joins_is_given_up(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *other;
    setenv("OTHER_VERSION", "hangs", 1);
    int rc = tr_start_actor(n, &other, "other", .program = other_program, .start_timeout = 0.1);
    unsetenv("OTHER_VERSION");
    expect(rc == TR_ESTART);
    expect_error("StartFailed", "not up after 0.1 s");
    expect(tr_start_actor(n, &other, "other", .program = "/bin/true") == TR_ESTART);
    expect_error("StartFailed", "did not come up");
    return tr_join(n);
}

static int what_stands_before_tr_main_inherits_nothing_of_ours(void)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *other;
    setenv("OTHER_VERSION", "looks", 1);
    int rc = start(n, &other);
    unsetenv("OTHER_VERSION");
    tr_try(rc);
    tr_try(tr_cancel_actor(other));
    return tr_join(n);
}

static const struct scenario scenarios[] = {
#define SCENARIO(name) {#name, name}
    SCENARIO(both_declarations_are_shown),
    SCENARIO(a_stream_called_as_a_function_says_so),
    SCENARIO(a_function_opened_as_a_stream_says_so),
    SCENARIO(a_program_that_ends_while_it_starts_is_an_error),
    SCENARIO(a_program_that_never_joins_is_given_up),
    SCENARIO(what_stands_before_tr_main_inherits_nothing_of_ours),
};

static int run_all(void *only)
{
    return run_scenarios(scenarios, sizeof scenarios / sizeof *scenarios, only);
}

int main(int argc, char **argv)
{
    char count[16];
    snprintf(count, sizeof count, "%d", inherited());
    setenv("INHERITED", count, !tr_is_child());
    static char path[4096];
    const char *slash = strrchr(argv[0], '/');
    snprintf(path, sizeof path, "%.*sother_version", slash ? (int)(slash - argv[0] + 1) : 0, argv[0]);
    other_program = path;
    return tr_main(argc, argv, run_all, argc > 1 ? argv[1] : NULL);
}

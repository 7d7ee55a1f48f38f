/* The little that scenario programs need: expectations that tell, and a runner that counts. A scenario is
 * a function that returns a negative code when something failed that it did not expect. */
#ifndef TESTS_EXPECT_H
#define TESTS_EXPECT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tractor.h>

struct scenario {
    const char *name;
    int (*fn)(void);
};

/* Where memory is out this could not be told by an error, which would be taken for one about that. */
static inline int expectation_failed_(const char *condition)
{
    int rc = tr_raise("test.Failed", "%s", condition);
    if (rc != TR_ERAISED)
        abort();
    return rc;
}

#define expect(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            const char *last_ = tr_last_error() ? tr_error_report(tr_last_error()) : "none";       \
            fprintf(stderr, "%s:%d: not so: %s\n  newest error: %s\n", __FILE__, __LINE__,         \
                    #condition, last_);                                                            \
            return expectation_failed_(#condition);                                                \
        }                                                                                          \
    } while (0)

/* The newest error is of this type, at whatever depth, with this text in its message. */
#define expect_error(type, text)                                                                   \
    do {                                                                                           \
        const tr_error *found_ = tr_error_find(tr_last_error(), (type));                           \
        expect(found_ != NULL);                                                                    \
        expect(strstr(tr_error_message(found_), (text)) != NULL);                                  \
    } while (0)

/* Each scenario in a scope of its own, so that what one leaves behind fails it and no other. */
static inline int run_scenarios(const struct scenario *scenarios, size_t count, const char *only)
{
    int passed = 0, failed = 0;
    for (size_t i = 0; i < count; i++) {
        if (only && strcmp(only, scenarios[i].name) != 0)
            continue;
        tr_auto(frame) frame = tr_open_frame();
        tr_scope scope = tr_cancel_scope();
        int rc = tr_within(&scope, scenarios[i].fn());
        if (rc >= 0) {
            passed++;
            continue;
        }
        failed++;
        fprintf(stderr, "FAILED: %s\n%s\n", scenarios[i].name, tr_error_report(tr_last_error()));
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}

#endif

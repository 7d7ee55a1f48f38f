/* What went wrong, in so many words as a person needs: what it is, why, and where it arose.
 *
 * An error of another actor comes in a box for each actor on its way, with a backtrace of each place; all of that is
 * shown to those who ask for it. What others have written may be anything, so it is kept from doing harm to a
 * terminal. */
#include "cli.h"

#include <string.h>

enum { DEEPEST = 8 };               /* causes of causes; `--verbose` has them all */

static void print_error(const tr_error *error, int depth, const char *why);

static const tr_error *without_boxes(const tr_error *error)
{
    while (tr_error_code(error) == TR_EREMOTE && tr_error_cause(error))
        error = tr_error_cause(error);
    return error;
}

static void print_place(const tr_error *error, int depth)
{
    const tr_actor *actor = tr_error_actor(error);
    char uuid[SHORT_UUID + 1];
    if (!tr_error_file(error)[0])
        return;
    fprintf(stderr, "%*sat ", 2 * depth, "");
    print_text(stderr, tr_error_file(error));
    fprintf(stderr, ":%d, in actor ", tr_error_line(error));
    print_text(stderr, actor->name);
    fputs(" (", stderr);
    snprintf(uuid, sizeof uuid, "%s", actor->uuid);
    print_text(stderr, uuid);
    fprintf(stderr, ", pid %d)\n", actor->pid);
}

static void print_reasons(const tr_error *error, int depth)
{
    if (depth > DEEPEST)
        return;
    if (tr_error_cause(error))
        print_error(tr_error_cause(error), depth, "caused by ");
    for (size_t i = 0; i < tr_error_members(error); i++)
        print_error(tr_error_member(error, i), depth, "");
}

static void print_error(const tr_error *error, int depth, const char *why)
{
    error = without_boxes(error);
    fprintf(stderr, "%*s%s", 2 * depth, "", why);
    print_text(stderr, tr_error_type(error));
    fputs(": ", stderr);
    print_text(stderr, tr_error_message(error));
    fputc('\n', stderr);
    print_place(error, depth + 1);
    print_reasons(error, depth + 1);
}

/* One that was reached by TCP, as those on other hosts are. */
static bool is_told_nothing(const tr_error *error)
{
    const tr_error *refusal = tr_error_find(error, "ModuleNotExposed");
    return refusal && strstr(tr_error_message(refusal), "\"tractor.inspect.");
}

static int status_of(int rc)
{
    return rc == TR_EARGUMENT    ? STATUS_USAGE
           : rc == TR_ENOARBITER ? STATUS_NOBODY
           : rc == TR_ETIMEOUT   ? STATUS_LATE
                                 : STATUS_FAILED;
}

int explain(int rc, bool verbose)
{
    const tr_error *error = tr_last_error();
    fflush(stdout);
    if (verbose)
        print_text(stderr, tr_error_report(error));
    else if (rc == TR_EREMOTE && is_told_nothing(error))
        return complain(STATUS_FAILED, "%s does not tell: it answers tools of its own host only",
                        tr_error_actor(error)->name);
    else if (rc == TR_EREMOTE)
        print_error(error, 0, "tractor: ");
    else
        return complain(status_of(rc), "%s", tr_error_message(error));
    return status_of(rc);
}

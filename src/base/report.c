/* An error as text for people: one line for what, lines below it for where, and the same again,
 * indented, for each cause and member. Made once and kept by the error, so that showing it twice
 * costs nothing and whoever shows it need not free it. */
#include "base/buf.h"
#include "base/error.h"

#include <string.h>

enum { INDENT = 2, DEEPEST = 40 }; /* deeper causes are cut: something goes in circles */

/* One line. A report cut short for want of memory is still a report. */
#define add(text, depth, ...)                                                                      \
    ((void)buf_print((text), "%*s", (depth) * INDENT, ""), (void)buf_print((text), __VA_ARGS__),   \
     (void)buf_append((text), "\n", 1))

static void add_place(struct buf *text, int depth, const struct tr_error *error)
{
    const tr_actor *actor = &error->actor;
    if (error->file[0] && actor->name[0])
        add(text, depth, "at %s:%d, in actor %s (%.8s, pid %d)", error->file, error->line,
            actor->name, actor->uuid, actor->pid);
    else if (error->file[0])
        add(text, depth, "at %s:%d", error->file, error->line);
}

static void add_error(struct buf *text, int depth, const struct tr_error *error)
{
    add(text, depth, "%s: %s", error->type, error->message);
    add_place(text, depth + 1, error);
    if (error->code != TR_EREMOTE) /* a box's backtrace only shows that somebody waited */
        for (size_t i = 0; i < tr_error_frames(error); i++)
            add(text, depth + 2, "%s", tr_error_frame(error, i));
    if (depth >= DEEPEST)
        return;
    if (error->cause)
        add_error(text, depth + 1, error->cause);
    for (size_t i = 0; i < error->member_count; i++)
        add_error(text, depth + 1, error->members[i]);
}

const char *tr_error_report(const tr_error *error)
{
    if (!error)
        return "";
    struct tr_error *keeper = (struct tr_error *)error;
    if (keeper->report)
        return keeper->report;
    struct buf text = {0};
    add_error(&text, 0, error);
    char *report = arena_alloc(&keeper->memory, text.size + 1);
    if (report && text.size)
        memcpy(report, text.data, text.size);
    buf_fini(&text);
    keeper->report = report;
    return report ? report : error->message;
}

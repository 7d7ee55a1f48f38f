/* An error as text for people: a line for what, lines below it for where, and the same again, indented, for
 * each cause and member. Made once and kept by the error, so that showing it twice costs nothing and whoever
 * shows it need not free it.
 *
 *     RemoteActorError, path: root <- middle (9f3c51aa, pid 7) <- leaf (61dc6b18, pid 8)
 *       ActorDied: process 8 of actor leaf was killed by signal 6 (Aborted)
 *         caused by AssertionError: stock >= 0
 *           at examples/crash_report.c:17, in actor leaf (61dc6b18, pid 8)
 *             take at examples/crash_report.c:17 (crash_report+0x12f4)
 *             ... 4 of the library
 *
 * The boxes that an error got on its way, one for each actor, say nothing but the way, and are one line. The
 * members of a group have numbers. Of a backtrace the library's own places are only counted, unless there is
 * nothing else. */
#include "base/buf.h"
#include "base/error.h"
#include "base/runtime.h"

#include <stdio.h>
#include <string.h>

enum { INDENT = 2, DEEPEST = 40 }; /* deeper causes are cut: something goes in circles */

/* What is written, where in the tree, and who has got the errors there, as "" where nobody knows. */
struct report {
    struct buf *text;
    const char *receiver;
    char number[128];              /* "2.1. " of a member */
};

/* A report cut short for want of memory is still a report. */
#define put(report, ...) ((void)buf_print((report)->text, __VA_ARGS__))
#define begin_line(report, depth) put((report), "%*s", (depth) * INDENT, "")
#define end_line(report) put((report), "\n")

static void put_actor(struct report *report, const tr_actor *actor)
{
    put(report, "%s (%.8s, pid %d)", actor->name, actor->uuid, actor->pid);
}

/* ---- where -------------------------------------------------------------------------------------------------- */

static void put_place(struct report *report, int depth, const struct tr_error *error)
{
    if (!error->file[0])
        return;
    begin_line(report, depth);
    put(report, "at %s:%d", error->file, error->line);
    if (error->actor.name[0]) {
        put(report, ", in actor ");
        put_actor(report, &error->actor);
    }
    end_line(report);
}

static bool in_library(const struct tr_error *error, size_t frame)
{
    return error->library_frames >> frame & 1;
}

static void put_frame(struct report *report, int depth, const char *frame)
{
    begin_line(report, depth);
    put(report, "%s", frame);
    end_line(report);
}

static void put_folded(struct report *report, int depth, size_t count)
{
    if (count == 0)
        return;
    begin_line(report, depth);
    put(report, "... %zu of the library", count);
    end_line(report);
}

/* The innermost of the library, which raise the error, are not even counted. */
static void put_frames(struct report *report, int depth, const struct tr_error *error)
{
    size_t folded = 0, count = tr_error_frames(error), ours = 0, shown = 0;
    (void)tr_error_frame(error, 0); /* now it is known which are whose */
    for (size_t i = 0; i < count; i++)
        ours += in_library(error, i);
    for (size_t i = 0; i < tr_error_frames(error); i++) {
        if (in_library(error, i) && ours < count) {
            folded += shown > 0;
            continue;
        }
        put_folded(report, depth, folded);
        put_frame(report, depth, tr_error_frame(error, i));
        folded = 0;
        shown++;
    }
    put_folded(report, depth, folded);
}

/* ---- what --------------------------------------------------------------------------------------------------- */

static void put_error(struct report *report, int depth, const char *why, const struct tr_error *error);

/* As many boxes as there are around it; returns what is in them. */
static const struct tr_error *put_path(struct report *report, const struct tr_error *box)
{
    put(report, "%s, path: %s", box->type, report->receiver);
    for (; box->code == TR_EREMOTE && box->cause; box = box->cause) {
        put(report, " <- ");
        put_actor(report, &box->actor);
        report->receiver = box->actor.name;
    }
    end_line(report);
    return box;
}

static void put_members(struct report *report, int depth, const struct tr_error *group)
{
    size_t size = strlen(report->number);
    for (size_t i = 0; i < group->member_count; i++) {
        snprintf(report->number + size, sizeof report->number - size, "%zu.", i + 1);
        put_error(report, depth, report->number, group->members[i]);
        report->number[size] = '\0';
    }
}

/* `why` is put before it: it caused something, or is a member. */
static void put_error(struct report *report, int depth, const char *why, const struct tr_error *error)
{
    const char *receiver = report->receiver;
    begin_line(report, depth);
    put(report, "%s%s", why, why[0] ? " " : "");
    if (error->code == TR_EREMOTE && error->cause) {
        const struct tr_error *inside = put_path(report, error);
        put_error(report, depth + 1, "", inside);
        report->receiver = receiver;
        return;
    }
    put(report, "%s: %s", error->type, error->message);
    end_line(report);
    put_place(report, depth + 1, error);
    put_frames(report, depth + 2, error);
    if (depth >= DEEPEST)
        return;
    if (error->cause)
        put_error(report, depth + 1, "caused by", error->cause);
    put_members(report, depth + 1, error);
}

const char *tr_error_report(const tr_error *error)
{
    if (!error)
        return "";
    struct tr_error *keeper = (struct tr_error *)error;
    if (keeper->report)
        return keeper->report;
    struct buf text = {0};
    struct report report = {&text, runtime && runtime->self.name[0] ? runtime->self.name : "here", ""};
    put_error(&report, 0, "", error);
    char *whole = arena_alloc(&keeper->memory, text.size + 1);
    if (whole && text.size)
        memcpy(whole, text.data, text.size);
    buf_fini(&text);
    keeper->report = whole;
    return whole ? whole : error->message;
}

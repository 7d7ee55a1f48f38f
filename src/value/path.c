/* Paths as text, written from the end of a buffer towards its start, since the chain runs inwards out. */
#include "value/path.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PATH_TEXT = 400 };

/* Puts a text before what is there, without the zero of its own; NULL when it does not fit. */
static char *prepend(char *start, const char *low, const char *text)
{
    size_t size = strlen(text);
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): on purpose */
    return (size_t)(start - low) < size ? NULL : memcpy(start - size, text, size);
}

static const char *render(const struct path *path, char room[PATH_TEXT])
{
    char *start = room + PATH_TEXT - 1;
    *start = '\0';
    for (; path && (path->name || path->outer); path = path->outer) {
        char step[300];
        bool first = !path->outer || (!path->outer->name && !path->outer->outer);
        if (path->name)
            snprintf(step, sizeof step, "%s%.255s", first ? "" : ".", path->name);
        else
            snprintf(step, sizeof step, "[%zu]", path->index);
        char *before = prepend(start, room, step);
        if (!before)
            break;
        start = before;
    }
    return start;
}

int path_fail(const struct path *path, const char *format, ...)
{
    char what[400], room[PATH_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    const char *where = render(path, room);
    return raise_code(TR_EARGUMENT, "%s%s%s", where, where[0] ? ": " : "", what);
}

int path_too_deep(const struct path *path)
{
    return path_fail(path, "nested more than %d deep", CODEC_DEPTH);
}

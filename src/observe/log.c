/* Log lines to the console, one write each, so that lines of several actors never mix. */
#include "base/log.h"

#include "base/hooks.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {"none", "error", "warning", "info", "debug", "trace"};

const char *log_level_name(enum log_level level)
{
    return names[level];
}

int log_level_of(const char *name)
{
    if (!name || !name[0])
        return LOG_WARNING;
    for (int level = LOG_NONE; level <= LOG_TRACE; level++)
        if (strcmp(name, names[level]) == 0)
            return level;
    return -1;
}

void log_write(enum log_level level, const char *room, const char *file, int line,
               const char *format, ...)
{
    char what[800], text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    const char *slash = strrchr(file, '/');
    int size = snprintf(text, sizeof text, "%s %s[%d] %s: %s (%s:%d)\n", names[level],
                        runtime->self.name, runtime->self.pid, room, what, slash ? slash + 1 : file,
                        line);
    console_write(text, (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
}

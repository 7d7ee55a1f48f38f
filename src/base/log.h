/* What the runtime says about itself. A line that is not wanted costs one comparison. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/runtime.h"

enum log_level { LOG_NONE, LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_TRACE };

#define log_at(LEVEL, room, ...)                                                                   \
    (runtime->log_level >= (LEVEL) ? log_write((LEVEL), (room), __FILE__, __LINE__, __VA_ARGS__)   \
                                   : (void)0)

/* Defined in src/observe. */
void log_write(enum log_level level, const char *room, const char *file, int line,
               const char *format, ...) TR_PRINTF(5, 6);

/* The level of a name like "debug"; -1 for an unknown one, LOG_WARNING for NULL or "". */
int log_level_of(const char *name);
const char *log_level_name(enum log_level level);

#endif

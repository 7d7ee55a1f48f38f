/* The last words of a process, as they pass from the one that dies to its parent through a pipe: the
 * texts below, each ended by a zero byte, then one place of the backtrace after the other, as they travel
 * (base/hooks.h, trace_locate).
 *
 *     type, message, file, line
 *
 * Plain text, because the writer is in no state for more. */
#ifndef SYS_CRASH_H
#define SYS_CRASH_H

enum { CRASH_TYPE, CRASH_MESSAGE, CRASH_FILE, CRASH_LINE, CRASH_TEXTS };
enum { CRASH_ROOM = 4096 };   /* a pipe takes it at once, whatever the user's limits; enough for ERROR_FRAMES */

#endif

/* How a process ended, in words: the same for actors and commands. */
#include "spawn/exit.h"

#include <stdio.h>
#include <string.h>

const char *exit_text(struct sys_exit how, char ret_text[EXIT_TEXT_ROOM])
{
    if (how.signal)
        snprintf(ret_text, EXIT_TEXT_ROOM, "was killed by signal %d (%s)", how.signal, strsignal(how.signal));
    else if (how.status >= 0)
        snprintf(ret_text, EXIT_TEXT_ROOM, "exited with status %d", how.status);
    else if (how.error)
        snprintf(ret_text, EXIT_TEXT_ROOM, "could not be forked: %s", strerror(how.error));
    else if (how.untold == SYS_SERVER_GONE)
        snprintf(ret_text, EXIT_TEXT_ROOM, "ended with the server that it was forked from");
    else if (how.untold == SYS_SERVER_SILENT)
        snprintf(ret_text, EXIT_TEXT_ROOM, "ended, and the server that it was forked from does not answer");
    else
        snprintf(ret_text, EXIT_TEXT_ROOM, "ended, and somebody else in this program has taken how");
    return ret_text;
}

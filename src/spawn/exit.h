/* How a process ended, in words. */
#ifndef SPAWN_EXIT_H
#define SPAWN_EXIT_H

#include "sys/sys.h"

enum { EXIT_TEXT_ROOM = 96 };

/* What goes behind its name: "exited with status 3". Returns ret_text. */
const char *exit_text(struct sys_exit how, char ret_text[EXIT_TEXT_ROOM]);

#endif

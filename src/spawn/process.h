/* Commands, inside the room: what running one to its end needs beyond its public handle. */
#ifndef SPAWN_PROCESS_H
#define SPAWN_PROCESS_H

#include "tractor/process.h"

/* 0 if it has exited with status 0, else TR_EPROCESS, raised, with `tail`, the end of what it said, or "".
 * To be called after the exit. */
int process_verdict(const tr_process *process, const char *tail);

#endif

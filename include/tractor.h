/* libtractor: structured concurrency for C, across processes. One header a room:
 *
 *     error.h      what failed, where, and why
 *     task.h       tasks, nurseries, cancel scopes, deadlines, memory of a task
 *     sync.h       events, locks, semaphores ... between the tasks of a process
 *     channel.h    memory channels between the tasks of a process
 *     io.h         waiting for, reading and writing descriptors of the program's own
 *     net.h        byte streams over TCP and Unix sockets, listeners, names of hosts
 *     signal.h     signals of the process, as a stream
 *     thread.h     blocking functions on worker threads, and ways back in
 *     value.h      types that travel between actors
 *     function.h   functions that are called from other actors
 *     actor.h      actors, portals, calls, and tr_main
 *     process.h    commands: foreign programs
 *     stream.h     remote functions that give many values
 *     registry.h   who is there: asking for actors, and watching them come and go
 *     inspect.h    what runs: trees, actors, their tasks and functions, for tools
 *     context.h    remote functions that talk with their callers
 *     buffer.h     large byte strings that are read where they were written
 *     topics.h     remote functions that share one producer, each with topics of its own
 *     testing.h    for tests: a clock that jumps, seeded schedules, streams in memory
 *     log.h        lines that say what the library and the program do
 *     instrument.h being told what the scheduler does */
#ifndef TRACTOR_H
#define TRACTOR_H

#include "tractor/actor.h"
#include "tractor/buffer.h"
#include "tractor/channel.h"
#include "tractor/context.h"
#include "tractor/error.h"
#include "tractor/function.h"
#include "tractor/inspect.h"
#include "tractor/instrument.h"
#include "tractor/io.h"
#include "tractor/log.h"
#include "tractor/net.h"
#include "tractor/signal.h"
#include "tractor/process.h"
#include "tractor/registry.h"
#include "tractor/stream.h"
#include "tractor/sync.h"
#include "tractor/task.h"
#include "tractor/testing.h"
#include "tractor/thread.h"
#include "tractor/topics.h"
#include "tractor/value.h"

#endif

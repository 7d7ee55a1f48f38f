/* What the ground floor needs from the world without knowing it. src/sys defines these; a fake world
 * answers them through the same table of operations as everything else. */
#ifndef BASE_HOOKS_H
#define BASE_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __clang_analyzer__ /* which follows memory from where it is given to where it is taken */
#define MEM_GIVES __attribute__((ownership_returns(malloc, 1)))
#define MEM_TAKES __attribute__((ownership_takes(malloc, 1)))
#else
#define MEM_GIVES
#define MEM_TAKES
#endif

/* Memory, as malloc and friends mean it. NULL when there is none: that is an error, never an abort. */
void *mem_alloc(size_t size) MEM_GIVES;
void *mem_resize(void *memory, size_t size);
void mem_free(void *memory) MEM_TAKES;
static inline void *mem_zalloc(size_t size)
{
    void *memory = mem_alloc(size);
    return memory ? memset(memory, 0, size) : NULL;
}

/* The return addresses of the calling functions, innermost first; how many were found. */
size_t trace_capture(void **ret_addresses, size_t room);

/* One address as text that means something in another process too, for machines: which file, which build of
 * it, where in that, and in which exported function. Cheap, and safe in a signal handler. Writes at most `room`
 * bytes with the final 0. */
void trace_locate(const void *address, char *ret_text, size_t room);

/* Such a text, perhaps from another process, for people: function, file and line, as far as they can be found
 * here. Whether that is a place in this library. The first one in a process takes milliseconds. */
bool trace_show(const char *located, char *ret_text, size_t room);

/* A text for whoever watches the program's standard error, and whether that is somebody who likes colours. Like the
 * rest here on any thread, with a runtime or without. */
void console_write(const char *text, size_t size);
bool console_is_coloured(void);

/* Nanoseconds since 1970, UTC; our process's number; what the environment says, or NULL. */
int64_t wall_clock(void);
int process_number(void);
const char *environment_value(const char *name);

#endif

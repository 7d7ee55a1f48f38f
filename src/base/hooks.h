/* What the ground floor needs from the world without knowing it. src/sys defines these; a fake world
 * answers them through the same table of operations as everything else. */
#ifndef BASE_HOOKS_H
#define BASE_HOOKS_H

#include <stddef.h>

/* Memory, as malloc and friends mean it. NULL when there is none: that is an error, never an abort. */
void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
void *mem_resize(void *memory, size_t size);
void mem_free(void *memory);

/* The return addresses of the calling functions, innermost first; how many were found. */
size_t trace_capture(void **ret_addresses, size_t room);

/* One address as text that means something in another process too: module, offset and, where known,
 * function. Writes at most `room` bytes with the final 0. */
void trace_describe(const void *address, char *ret_text, size_t room);

/* A text for whoever watches the program's standard error. */
void console_write(const char *text, size_t size);

#endif

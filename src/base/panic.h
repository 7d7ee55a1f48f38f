/* A broken internal invariant, or a use of the library that can only be a bug of its caller, ends the
 * process at once, in every build: going on would spoil what the guarantees promise. Whatever can be
 * caused by the outside (memory, peers, the operating system) is an error instead. */
#ifndef BASE_PANIC_H
#define BASE_PANIC_H

/* Prints file, line, the message, and which task and actor it was, then aborts. Defined in src/sys. */
_Noreturn void panic_at(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));

#define panic(...) panic_at(__FILE__, __LINE__, __VA_ARGS__)
#define ensure(condition)                                                                          \
    ((condition) ? (void)0 : panic_at(__FILE__, __LINE__, "broken invariant: %s", #condition))

#endif

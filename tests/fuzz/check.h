/* What must hold after every input. What does not ends the process, which is how a fuzzer hears of it. */
#ifndef FUZZ_CHECK_H
#define FUZZ_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define require(condition)                                                                         \
    ((condition) ? (void)0 : require_failed_(__FILE__, __LINE__, #condition))

_Noreturn static inline void require_failed_(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    abort();
}

#endif

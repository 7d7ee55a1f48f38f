/* memcpy, for what may be large.
 *
 * The C library copies by `rep movsb` from some 2 KiB on. Where the target begins 1 to 15 bytes after the source,
 * modulo the size of a page, some processors (AMD's of today) take sixteen times as long for that; and bytes that
 * stand behind the head of a message are just so. In smaller pieces it is as fast, and always. */
#ifndef BASE_COPY_H
#define BASE_COPY_H

#include <stddef.h>
#include <string.h>

enum { COPY_PIECE = 1024 };

/* How much it is at most is hidden from the compiler, which would take to `rep movs` itself. */
static inline void copy_piece(void *to, const void *from, size_t size)
{
    __asm__("" : "+r"(size));
    memcpy(to, from, size);
}

/* Nothing may be copied from or to NULL. */
static inline void *copy_bytes(void *to, const void *from, size_t size)
{
    char *at = to;
    const char *next = from;
    if (__builtin_constant_p(size) && size > 0 && size < COPY_PIECE)
        return memcpy(to, from, size);
    for (; size > COPY_PIECE; size -= COPY_PIECE, at += COPY_PIECE, next += COPY_PIECE)
        copy_piece(at, next, COPY_PIECE);
    if (size)
        copy_piece(at, next, size);
    return to;
}

#endif

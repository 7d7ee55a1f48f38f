/* Draining only moves `data` forward. The gap that it leaves is closed when room is wanted and the gap is at least
 * as large as what is moved, else the memory is doubled: so each byte is moved about once on its way through, and
 * what is filled and drained at the same pace soon needs no more memory. It keeps that, but not what an exceptionally
 * large message has left. */
#include "base/buf.h"

#include "base/hooks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Smaller than a page, larger than nearly every frame. */
enum { FIRST_ROOM = 1024, MOST_KEPT = 1024 * 1024 };

void buf_fini(struct buf *buf)
{
    mem_free(buf->memory);
    *buf = (struct buf){0};
}

int buf_reserve(struct buf *buf, size_t more)
{
    if (buf->memory && buf_space(buf) >= more)
        return 0;
    if (more > SIZE_MAX / 2 - buf->size)
        return -ENOMEM;
    size_t want = buf->size + more, room = buf->memory ? buf->room * 2 : FIRST_ROOM;
    if (buf->memory && want <= buf->room && buf->size <= (size_t)(buf->data - buf->memory)) {
        buf->data = copy_bytes(buf->memory, buf->data, buf->size);
        return 0;
    }
    while (room < want)
        room *= 2;
    uint8_t *memory = mem_alloc(room);
    if (!memory)
        return -ENOMEM;
    copy_bytes(memory, buf->data, buf->size);
    mem_free(buf->memory);
    buf->memory = buf->data = memory;
    buf->room = room;
    return 0;
}

int buf_append_more(struct buf *buf, const void *bytes, size_t size)
{
    int rc = buf_reserve(buf, size);
    if (rc < 0)
        return rc;
    copy_bytes(buf_end(buf), bytes, size);
    buf_added(buf, size);
    return 0;
}

int buf_print(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    int rc = size < 0 ? -EINVAL : buf_reserve(buf, (size_t)size + 1);
    if (rc >= 0) {
        vsnprintf((char *)buf_end(buf), (size_t)size + 1, format, again);
        buf_added(buf, (size_t)size);
    }
    va_end(again);
    va_end(args);
    return rc;
}

void buf_drain(struct buf *buf, size_t size)
{
    buf->data += size;
    buf->size -= size;
    if (buf->size > 0)
        return;
    if (buf->room > MOST_KEPT)
        buf_fini(buf);
    buf->data = buf->memory;
}

/* Draining only moves `data` forward; the gap it leaves is closed when room is wanted next, so a
 * message is moved at most once on its way through. */
#include "base/buf.h"

#include "base/hooks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Smaller than a page, larger than nearly every frame. */
enum { FIRST_ROOM = 1024 };

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
    size_t want = buf->size + more, room = buf->room ? buf->room : FIRST_ROOM;
    if (buf->memory && want <= buf->room / 2) {
        memmove(buf->memory, buf->data, buf->size);
        buf->data = buf->memory;
        return 0;
    }
    while (room < want)
        room *= 2;
    uint8_t *memory = mem_alloc(room);
    if (!memory)
        return -ENOMEM;
    if (buf->size)
        memcpy(memory, buf->data, buf->size);
    mem_free(buf->memory);
    buf->memory = buf->data = memory;
    buf->room = room;
    return 0;
}

int buf_append(struct buf *buf, const void *bytes, size_t size)
{
    int rc = buf_reserve(buf, size);
    if (rc < 0)
        return rc;
    if (size)
        memcpy(buf_end(buf), bytes, size);
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
    if (buf->size == 0)
        buf->data = buf->memory;
}

/* A growing byte buffer that is filled at its end and drained at its start. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/copy.h"

#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data;     /* the first byte not yet drained */
    size_t size;       /* how many there are */
    uint8_t *memory;   /* the allocation `data` points into */
    size_t room;       /* and its size */
};

/* All zero is an empty buffer; buf_fini makes one again. One of bytes that lie elsewhere, without `memory`, is only
 * read: nothing may be appended to it. */
void buf_fini(struct buf *buf);

/* Room for `more` bytes after the end: 0 or -ENOMEM. They are counted once buf_added says so. */
int buf_reserve(struct buf *buf, size_t more);
int buf_append_more(struct buf *buf, const void *bytes, size_t size);
/* Appends formatted text, without its final zero. 0 or -ENOMEM, with nothing appended. */
int buf_print(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_drain(struct buf *buf, size_t size);

static inline uint8_t *buf_end(struct buf *buf)
{
    return buf->data + buf->size;
}

static inline size_t buf_space(const struct buf *buf)
{
    return buf->room - (size_t)(buf->data - buf->memory) - buf->size;
}

static inline void buf_added(struct buf *buf, size_t size)
{
    buf->size += size;
}

/* 0 or -ENOMEM. Mostly there is room. */
static inline int buf_append(struct buf *buf, const void *bytes, size_t size)
{
    if (size == 0 || buf_space(buf) < size)
        return buf_append_more(buf, bytes, size);
    copy_bytes(buf_end(buf), bytes, size);
    buf_added(buf, size);
    return 0;
}

#endif

/* How rings lie in shared memory: both controls in the first page, then the bytes of both. A page is there when
 * something has passed through it: small messages walk through all of them by and by, nothing through none. */
#include "transport/rings.h"

#include "sys/sys.h"

/* Enough for some large messages, and small enough to stay in a processor's cache. */
enum { PAGE = 4096, RING_SIZE = 128 * 1024, SIZE = PAGE + 2 * RING_SIZE };

/* Who makes them writes into the first. */
static struct ring ring_at(void *memory, int which)
{
    return (struct ring){.control = (struct ring_control *)memory + which,
                         .bytes = (uint8_t *)memory + PAGE + (size_t)which * RING_SIZE,
                         .size = RING_SIZE};
}

static void lay_out(struct rings *ret, void *memory, int out)
{
    *ret = (struct rings){memory, .in = ring_at(memory, !out), .out = ring_at(memory, out)};
}

int rings_make(struct rings *ret, int *ret_fd)
{
    void *memory;
    int rc = sys_share(SYS_ALL_WRITE, SIZE, &memory, ret_fd);
    if (rc >= 0)
        lay_out(ret, memory, 0);
    return rc;
}

int rings_take(struct rings *ret, int fd)
{
    void *memory;
    int rc = sys_share_in(SYS_ALL_WRITE, fd, SIZE, &memory);
    if (rc >= 0)
        lay_out(ret, memory, 1);
    return rc;
}

void rings_free(struct rings *rings)
{
    sys_unshare(rings->memory, SIZE);
}

/* Connections of actors. Today they are all sockets, Unix and TCP, between which there is no difference here: the
 * system takes care that small writes leave at once, and the session that many frames are one write. */
#include "transport/wire.h"

#include "sys/sys.h"

int wire_open(struct wire *wire, int fd)
{
    *wire = (struct wire){.io = {.fd = -1}};
    int rc = io_open(&wire->io, fd);
    if (rc < 0)
        sys_close(&fd);
    return rc;
}

void wire_close(struct wire *wire)
{
    io_close(&wire->io);
}

void wire_hang_up(struct wire *wire)
{
    if (wire_is_open(wire))
        sys_hang_up(wire->io.fd);
}

long wire_read(struct wire *wire, void *ret_bytes, size_t size)
{
    return io_read(&wire->io, ret_bytes, size);
}

int wire_write(struct wire *wire, const void *bytes, size_t size)
{
    return io_write_all(&wire->io, bytes, size);
}

void wire_set_patience(struct wire *wire, int64_t ns)
{
    sys_patience(wire->io.fd, ns);
}

bool wire_is_stuck(const struct wire *wire)
{
    return sys_is_stuck(wire->io.fd) > 0;
}

/* How many descriptors a program started now would inherit, beyond the standard three. */
#ifndef TESTS_INHERITED_H
#define TESTS_INHERITED_H

#include <fcntl.h>

static inline int inherited(void)
{
    int count = 0;
    for (int fd = 3; fd < 256; fd++) {
        int flags = fcntl(fd, F_GETFD);
        count += flags >= 0 && !(flags & FD_CLOEXEC);
    }
    return count;
}

#endif

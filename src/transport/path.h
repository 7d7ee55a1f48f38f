/* The ways to one actor that may be reached at several addresses, tried from the best to the worst.
 *
 * Its Unix sockets come first, one after the other: who finds them is on its host, and is there in microseconds; on
 * another host, or in another network namespace, nobody has such a name (it is random), and that is told at once. So
 * nobody needs to know which host is which. Then all TCP addresses race each other (connect.c); an actor whose own
 * socket is not here is not meant by its loopback addresses either, which would lead to somebody else.
 *
 * Who answers need not be the one that was meant: a name in the file system may be another's on this host, and so may
 * a private network's address. Whoever asks looks at who it is, and may try on: what has won once is not tried
 * again. */
#ifndef TRANSPORT_PATH_H
#define TRANSPORT_PATH_H

#include "tractor/value.h"
#include "transport/transport.h"

enum { PATH_MOST = 16 };    /* addresses that are looked at, and those that names may stand for */

struct path {
    const tr_list_tr_str *addresses;
    bool allow_remote;          /* other hosts may be dialed */
    double patience;            /* seconds that other hosts may take to answer */
    size_t next;                /* of `addresses`, while Unix sockets are tried */
    bool not_here;              /* nobody answers at its Unix sockets */
    bool raced;                 /* the rest is in `targets` */
    struct sys_address targets[PATH_MOST];
    size_t count;
};

/* A checkpoint: connects by the next way. 0, or what the last of the ways failed with, raised: an errno value,
 * TR_ENONAME, TR_EARGUMENT for addresses that are none or that are not allowed, -ETIMEDOUT after the patience. */
int path_try(struct path *path, int *ret_fd);

/* Whether there is another. */
bool path_goes_on(const struct path *path);

#endif

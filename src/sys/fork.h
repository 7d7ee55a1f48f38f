/* What passes between a server and those who have it fork. Each message is one packet, of this process's own
 * program and so in its own representation.
 *
 *     to the door     one byte, with a descriptor: the end of a connection of whoever wants to order
 *     connection  --> fork_order, with descriptors: FORK_KEEP of them and those that the child keeps
 *                 <-- fork_news FORK_BORN, with a pidfd where there are any, then FORK_ENDED; or FORK_FAILED
 */
#ifndef SYS_FORK_H
#define SYS_FORK_H

#include "sys/sys.h"

#include <sys/socket.h>

enum { FORK_STANDARD = 0, FORK_DIRECTORY = 3, FORK_ENVIRONMENT, FORK_KEEP, FORK_MOST = FORK_KEEP + SYS_KEEP_MOST };

struct fork_order {
    uint64_t id;                /* of the orderer's choice; not 0 */
    uint32_t keep_count;
    char birth[SYS_BIRTH_ROOM];
};

enum fork_news_kind { FORK_FAILED, FORK_BORN, FORK_ENDED };

struct fork_news {
    uint64_t id;
    int32_t kind;
    int32_t pid;
    int32_t status;             /* as in struct sys_exit, when it has ended */
    int32_t signal;
    int32_t error;              /* an errno value, when it failed */
};

/* 0 or a negative errno value; -EAGAIN when there is no room. */
int fork_send(int to, const void *bytes, size_t size, const int *fds, size_t fd_count);

/* The size; 0 at the end; a negative errno value, -EAGAIN when there is nothing. *ret_fd_count is at most
 * FORK_MOST; all are close-on-exec and the caller's. -EMFILE when there were more than could be taken. */
ssize_t fork_receive(int from, void *ret_bytes, size_t room, int ret_fds[FORK_MOST], size_t *ret_fd_count);

/* real_serve.c: all that a server does. Returns in each process that is forked, with what was ordered and the
 * descriptors for it, and with the door closed. SIGCHLD must be blocked, and do what is usual. */
void fork_serve(int door, struct fork_order *ret_order, int ret_fds[FORK_MOST]);

#endif

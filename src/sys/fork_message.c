/* Packets with descriptors in them; and what binds those that are forked. */
#include "sys/fork.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

union room {
    char bytes[CMSG_SPACE(FORK_MOST * sizeof(int))];
    struct cmsghdr align;
};

void fork_bind(pid_t pid, int lifeline)
{
    struct pollfd end = {.fd = lifeline, .events = POLLIN};
    (void)fcntl(lifeline, F_SETOWN, pid);
    (void)fcntl(lifeline, F_SETSIG, SIGKILL);
    (void)fcntl(lifeline, F_SETFL, O_ASYNC | O_NONBLOCK);
    if (poll(&end, 1, 0) > 0)
        (void)kill(pid, SIGKILL);
}

int fork_send(int to, const void *bytes, size_t size, const int *fds, size_t fd_count)
{
    union room room;
    struct iovec part = {(void *)bytes, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    memset(&room, 0, sizeof room);
    if (fd_count > 0) {
        struct cmsghdr *head = &room.align;
        message.msg_control = room.bytes;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(head), fds, fd_count * sizeof(int));
    }
    return sendmsg(to, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static size_t take_descriptors(struct msghdr *message, int ret_fds[FORK_MOST])
{
    size_t count = 0;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(ret_fds, CMSG_DATA(head), count * sizeof(int));
    }
    return count;
}

ssize_t fork_receive(int from, void *ret_bytes, size_t room, int ret_fds[FORK_MOST], size_t *ret_fd_count)
{
    union room control;
    struct iovec part = {ret_bytes, room};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    *ret_fd_count = 0;
    ssize_t size = recvmsg(from, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0)
        return -errno;
    *ret_fd_count = take_descriptors(&message, ret_fds);
    return message.msg_flags & MSG_CTRUNC ? -EMFILE : size;
}

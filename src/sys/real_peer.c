/* Who is at the other end of a connection, by the word of the kernel.
 *
 * Of a Unix socket it has noted who connected and who listened, each as it did so: the user, and the process. What it
 * gives is how we call these; a process in a namespace of its own calls itself by another pid, which the kernel shows
 * in /proc, as the last of its pids. Of a process that we have no pid for, in a namespace outside of ours or beside
 * it, it gives 0, and then there is no telling. Nor is there over TCP: who may connect there is the listener's choice
 * of address.
 *
 * Where /proc is missing, or is another namespace's, only who calls himself as we do is believed. A pid can be
 * another's by the time it is looked up: then whoever had it has ended, and the connection with him.
 *
 * Of a pair of sockets it has noted who made them, which says nothing of who has an end now. */
#include "sys/real.h"

#include "base/numbers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* 1 with it, or 0 where there is none. */
static int noted_peer(int fd, struct ucred *ret_peer)
{
    struct sockaddr any = {0};
    socklen_t size = sizeof any;
    if (getsockname(fd, &any, &size) < 0)
        return -errno;
    if (any.sa_family != AF_UNIX)
        return 0;
    size = sizeof *ret_peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret_peer, &size) < 0 ? -errno : 1;
}

int real_peer_is_us(struct sys *sys, int fd)
{
    (void)sys;
    struct ucred peer = {0};
    int rc = noted_peer(fd, &peer);
    return rc > 0 ? peer.uid == geteuid() : rc < 0 ? rc : 1;
}

/* Whether the numbers in /proc are those by which we call others. */
static bool proc_is_ours(void)
{
    char self[16] = "";
    int pid;
    return readlink("/proc/self", self, sizeof self - 1) > 0 && numbers_parse(self, &pid, 1) && pid == getpid();
}

/* The first bytes of what is said of a process, its pids among them; "" if nothing is. */
static void read_status(pid_t pid, char *ret_text, size_t room)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, ret_text, room - 1);
    if (fd >= 0)
        close(fd);
    ret_text[size > 0 ? size : 0] = '\0';
}

/* Whether a process calls itself so. The line is "NSpid:" and a pid for each namespace, ours first. The name of the
 * process comes before it, and cannot have a newline in it. */
static bool calls_itself(pid_t process, int pid)
{
    enum { ENOUGH = 4096 };
    char status[ENOUGH];
    int last;
    read_status(process, status, sizeof status);
    char *line = strstr(status, "\nNSpid:\t");
    if (!line)
        return false;
    line++;
    line[strcspn(line, "\n")] = '\0';
    return numbers_parse(strrchr(line, '\t') + 1, &last, 1) && last == pid;
}

int real_peer_is(struct sys *sys, int fd, int pid)
{
    (void)sys;
    struct ucred peer = {0};
    int rc = noted_peer(fd, &peer);
    if (rc <= 0)
        return rc < 0 ? rc : 1;
    return peer.pid == 0 || peer.pid == pid || (proc_is_ours() && calls_itself(peer.pid, pid));
}

/* Memory that several processes see: a memfd, sealed by whoever makes it, so that it can neither grow nor shrink. A
 * file that shrinks under a mapping is a SIGBUS for who touches it; so what comes from another process is only mapped
 * when it has these seals, which cannot be taken off, and the right size. Holes may still be made in it, but what was
 * in them reads as zero then. A page is there once somebody has touched it.
 *
 * One that only its maker writes to is sealed against mappings that can be written through, and against write(2), once
 * the maker has such a mapping (F_SEAL_FUTURE_WRITE, Linux 5.1). Nor can anybody punch holes in it then.
 *
 * None of it is ever executed. A kernel may be set to give no memory of which that is not said (vm.memfd_noexec=2), and
 * one before Linux 6.3 cannot be told.
 *
 * It is handed over a Unix socket, beside bytes. Of the descriptors that come with a message there is room for one:
 * the kernel closes the others. */
#include "sys/real.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int seals_of(enum sys_sharing sharing)
{
    return F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL | (sharing == SYS_ONE_WRITES ? F_SEAL_FUTURE_WRITE : 0);
}

static int map(int fd, size_t size, int access, void **ret_memory)
{
    void *memory = mmap(NULL, size, access, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return -errno;
    *ret_memory = memory;
    return 0;
}

static int make(int fd, enum sys_sharing sharing, size_t size, void **ret_memory)
{
    void *memory = NULL;
    int rc = ftruncate(fd, (off_t)size) < 0 ? -errno : map(fd, size, PROT_READ | PROT_WRITE, &memory);
    if (rc < 0)
        return rc;
    if (fcntl(fd, F_ADD_SEALS, seals_of(sharing)) < 0) {
        rc = -errno;
        munmap(memory, size);
        return rc;
    }
    *ret_memory = memory;
    return 0;
}

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x8u /* of Linux 6.3 */
#endif

int real_memory_file(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd < 0 ? -errno : fd;
}

int real_share(struct sys *sys, enum sys_sharing sharing, size_t size, void **ret_memory, int *ret_fd)
{
    (void)sys;
    int fd = real_memory_file("tractor");
    if (fd < 0)
        return fd;
    int rc = make(fd, sharing, size, ret_memory);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

int real_share_in(struct sys *sys, enum sys_sharing sharing, int fd, size_t size, void **ret_memory)
{
    (void)sys;
    struct stat what;
    int seals = fcntl(fd, F_GET_SEALS), due = seals_of(sharing);
    if (seals < 0 || (seals & due) != due || fstat(fd, &what) < 0 || what.st_size != (off_t)size)
        return -EPERM;
    return map(fd, size, sharing == SYS_ONE_WRITES ? PROT_READ : PROT_READ | PROT_WRITE, ret_memory);
}

void real_unshare(struct sys *sys, void *memory, size_t size)
{
    (void)sys;
    munmap(memory, size);
}

int real_processor(struct sys *sys)
{
    (void)sys;
    return sched_getcpu(); /* no system call */
}

/* ---- passing descriptors ------------------------------------------------------------------------------------ */

/* Room for one descriptor and its head. CMSG_SPACE would have room for two. */
union passing {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(int))];
};

ssize_t real_write_with(struct sys *sys, int fd, const void *bytes, size_t size, int passed)
{
    (void)sys;
    struct iovec from = {(void *)bytes, size};
    union passing passing = {.room = {0}};
    struct msghdr message = {.msg_iov = &from, .msg_iovlen = 1, .msg_control = &passing,
                             .msg_controllen = CMSG_LEN(sizeof passed)};
    passing.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof passed), .cmsg_level = SOL_SOCKET,
                                    .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&passing.head), &passed, sizeof passed);
    ssize_t sent;
    while ((sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT)) < 0 && errno == EINTR)
        continue;
    return sent < 0 ? -errno : sent;
}

ssize_t real_read_with(struct sys *sys, int fd, void *ret_bytes, size_t size, int *ret_passed)
{
    (void)sys;
    struct iovec room = {ret_bytes, size};
    union passing passing;
    struct msghdr message = {.msg_iov = &room, .msg_iovlen = 1, .msg_control = &passing,
                             .msg_controllen = CMSG_LEN(sizeof *ret_passed)};
    ssize_t got;
    while ((got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        continue;
    *ret_passed = -1;
    if (got < 0)
        return -errno;
    const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
        head->cmsg_len == CMSG_LEN(sizeof *ret_passed))
        memcpy(ret_passed, CMSG_DATA(head), sizeof *ret_passed);
    return got;
}

/* Kernels that are not as this one may be: the C library's functions are overlaid by ones that do as theirs. Before
 * Linux 6.5 they know calls that shall not wait (RWF_NOWAIT) for files only; before 6.3 no memory that is never
 * executed, where later ones may be set to know no other (vm.memfd_noexec=2). */
#include "support/real.h"
#include "sys/sys.h"
#include "tractor/io.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

typedef ssize_t transfer(int, const struct iovec *, int, off_t, int);

static ssize_t if_file(const char *name, int fd, const struct iovec *all, int count, off_t at, int flags)
{
    struct stat what;
    transfer *real;
    *(void **)&real = dlsym(RTLD_NEXT, name);
    if (fstat(fd, &what) < 0 || S_ISREG(what.st_mode))
        return real(fd, all, count, at, flags);
    errno = EOPNOTSUPP;
    return -1;
}

ssize_t preadv2(int fd, const struct iovec *all, int count, off_t at, int flags)
{
    return if_file("preadv2", fd, all, count, at, flags);
}

ssize_t pwritev2(int fd, const struct iovec *all, int count, off_t at, int flags)
{
    return if_file("pwritev2", fd, all, count, at, flags);
}

/* For the kernel it is ready with the first byte, and still a read would wait for eight. */
static int a_blocking_socket_gives_what_is_there(void *arg)
{
    (void)arg;
    int ends[2], eight = 8;
    char got[16];
    expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    expect(setsockopt(ends[0], SOL_SOCKET, SO_RCVLOWAT, &eight, sizeof eight) == 0);
    tr_try(tr_write(ends[1], "abc", 3));
    expect(tr_read(ends[0], got, sizeof got) == 3);
    tr_scope limit = tr_move_on_after(0.001);
    tr_try(tr_within(&limit, tr_read(ends[0], got, sizeof got)));
    expect(limit.cancelled_caught);
    close(ends[1]);
    expect(tr_read(ends[0], got, sizeof got) == 0);
    close(ends[0]);
    return 0;
}

static int read_to_the_end(void *arg)
{
    int *fd = arg, sum = 0, got;
    char bytes[5000];
    while ((got = tr_read(*fd, bytes, sizeof bytes)) > 0)
        sum += got;
    *fd = sum;
    return got;
}

static int a_blocking_pipe_keeps_only_those_at_work_with_it_waiting(void *arg)
{
    (void)arg;
    enum { A_LOT = 1024 * 1024 };
    int ends[2];
    expect(pipe2(ends, O_CLOEXEC) == 0);
    int reader = ends[0];
    tr_auto(nursery) n = tr_open_nursery();
    char *bytes = tr_alloc(A_LOT);
    tr_scope limit = tr_move_on_after(0.001);
    tr_try(tr_within(&limit, tr_read(reader, bytes, A_LOT)));
    expect(limit.cancelled_caught);
    tr_try(tr_start_soon(n, read_to_the_end, &reader));
    tr_try(tr_write(ends[1], memset(bytes, 'x', A_LOT), A_LOT));
    close(ends[1]);
    tr_try(tr_join(n));
    expect(reader == A_LOT);
    close(ends[0]);
    return 0;
}

/* ---- memory -------------------------------------------------------------------------------------------------- */

static enum { AS_HERE, KNOWS_NO_NOEXEC, NOTHING_ELSE } memory;

int memfd_create(const char *name, unsigned flags)
{
    enum { NOEXEC_SEAL = 0x8 };
    int (*real)(const char *, unsigned);
    *(void **)&real = dlsym(RTLD_NEXT, "memfd_create");
    if (memory == AS_HERE)
        return real(name, flags);
    if (!(flags & NOEXEC_SEAL) == (memory == KNOWS_NO_NOEXEC))
        return real(name, flags & ~(unsigned)NOEXEC_SEAL); /* this one may be old, too */
    errno = memory == KNOWS_NO_NOEXEC ? EINVAL : EACCES;
    return -1;
}

static int share(enum sys_sharing sharing)
{
    enum { SIZE = 65536 };
    void *ours, *theirs;
    int fd;
    expect(sys_share(sharing, SIZE, &ours, &fd) == 0);
    expect(sys_share_in(sharing, fd, SIZE, &theirs) == 0);
    memcpy(ours, "abc", 3);
    expect(memcmp(theirs, "abc", 3) == 0);
    sys_unshare(theirs, SIZE);
    sys_unshare(ours, SIZE);
    sys_close(&fd);
    return 0;
}

static int memory_is_shared_whether_a_kernel_knows_such_as_is_never_executed_or_no_other(void *arg)
{
    (void)arg;
    int rc = 0;
    for (memory = AS_HERE; memory <= NOTHING_ELSE && rc >= 0; memory++)
        if ((rc = share(SYS_ALL_WRITE)) >= 0)
            rc = share(SYS_ONE_WRITES);
    memory = AS_HERE;
    return rc;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EARNEST(a_blocking_socket_gives_what_is_there),
        IN_EARNEST(a_blocking_pipe_keeps_only_those_at_work_with_it_waiting),
        IN_EARNEST(memory_is_shared_whether_a_kernel_knows_such_as_is_never_executed_or_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

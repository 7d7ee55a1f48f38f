/* The real world: its table, and the operations that need no more than a line or two. */
#include "sys/real.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static int64_t real_now(struct sys *sys)
{
    if (real_of(sys)->stands)
        return real_of(sys)->stands_at;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void real_set_clock(struct sys *sys, int64_t now_ns)
{
    real_of(sys)->stands = true;
    real_of(sys)->stands_at = now_ns;
}

int real_random(struct sys *sys, void *ret_bytes, size_t size)
{
    (void)sys;
    for (size_t done = 0; done < size;) {
        ssize_t got = getrandom((char *)ret_bytes + done, size - done, 0);
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got > 0)
            done += (size_t)got;
    }
    return 0;
}

void *real_resize(struct sys *sys, void *memory, size_t size)
{
    (void)sys;
    if (size > 0)
        return realloc(memory, size);
    free(memory);
    return NULL;
}

/* Twice the size is mapped, and what lies outside the alignment given back. */
int real_stacks_map(struct sys *sys, size_t size, void **ret_low)
{
    (void)sys;
    char *low = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (low == MAP_FAILED)
        return -errno;
    size_t before = -(uintptr_t)low & (size - 1);
    if (before > 0)
        munmap(low, before);
    munmap(low + before + size, size - before);
    *ret_low = low + before;
    return 0;
}

void real_stacks_unmap(struct sys *sys, void *low, size_t size)
{
    (void)sys;
    munmap(low, size);
}

/* Since Linux 6.13 a guard costs no mapping. Before, it splits one in three, and the kernel's limit on
 * mappings is for all there are: only the first so many stacks of a run have one then. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

bool real_guard(struct sys *sys, void *low, size_t size)
{
    enum { MOST_BY_MAPPING = 10000 };
    struct real *real = real_of(sys);
    if (madvise(low, size, MADV_GUARD_INSTALL) == 0)
        return true;
    return real->guards++ < MOST_BY_MAPPING && mprotect(low, size, PROT_NONE) == 0;
}

static const char *real_env(struct sys *sys, const char *name)
{
    (void)sys;
    return getenv(name);
}

static void real_print(struct sys *sys, const char *text, size_t size)
{
    (void)sys;
    (void)fwrite(text, 1, size, stdout);
    fflush(stdout);
}

static void real_print_by_line(struct sys *sys)
{
    (void)sys;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
}

__attribute__((noreturn)) static void real_exit(struct sys *sys, int status)
{
    (void)sys;
    exit(status);
}

void real_abort(struct sys *sys)
{
    (void)sys;
    abort();
}

static void real_stop(struct sys *sys)
{
    real_dismiss_crew(real_of(sys));
    real_forget_overflow(real_of(sys));
    real_end_forking(real_of(sys));
    real_give_up_root(real_of(sys));
    real_poll_stop(real_of(sys));
    map_fini(&real_of(sys)->orphans.started);
}

static void real_free(struct sys *sys)
{
    free(real_of(sys));
}

static const struct sys_ops real_ops = {
    .now = real_now,
    .wall = real_wall,
    .set_clock = real_set_clock,
    .random = real_random,
    .resize = real_resize,
    .stacks_map = real_stacks_map,
    .stacks_unmap = real_stacks_unmap,
    .guard = real_guard,
    .watch = real_watch,
    .watch_for = real_watch_for,
    .unwatch = real_unwatch,
    .poll = real_poll,
    .read = real_read,
    .write = real_write,
    .close = real_close,
    .adopt = real_adopt,
    .lend = real_lend,
    .pipe = real_pipe,
    .pair = real_pair,
    .descriptors = real_descriptors,
    .share = real_share,
    .share_in = real_share_in,
    .unshare = real_unshare,
    .processor = real_processor,
    .write_with = real_write_with,
    .read_with = real_read_with,
    .listen = real_listen,
    .unlisten = real_unlisten,
    .hang_up = real_hang_up,
    .accept = real_accept,
    .connect = real_connect,
    .connected = real_connected,
    .end_writing = real_end_writing,
    .local_address = real_local_address,
    .peer_is_us = real_peer_is_us,
    .peer_is = real_peer_is,
    .patience = real_patience,
    .is_stuck = real_is_stuck,
    .listening = real_listening,
    .numeric = real_numeric,
    .look_up = real_look_up,
    .catch_signal = real_catch_signal,
    .let_signal_go = real_let_signal_go,
    .raise_signal = real_raise_signal,
    .heed_end = real_heed_end,
    .unheed_end = real_unheed_end,
    .at_exit = real_at_exit,
    .spawn = real_spawn,
    .signal = real_signal,
    .forget = real_forget,
    .pid = real_pid,
    .program = real_program,
    .inherited = real_inherited,
    .server = real_server,
    .use_server = real_use_server,
    .die_with_parent = real_die_with_parent,
    .name_overflow = real_name_overflow,
    .last_words = real_last_words,
    .crash_to = real_crash_to,
    .claim_root = real_claim_root,
    .title = real_title,
    .user = real_user,
    .usage = real_usage,
    .host = real_host,
    .work = real_work,
    .mailbox = real_mailbox,
    .mailbox_close = real_mailbox_close,
    .mailbox_hold = real_mailbox_hold,
    .mailbox_drop = real_mailbox_drop,
    .post = real_post,
    .ask = real_ask,
    .answer = real_answer,
    .visit = real_visit,
    .env = real_env,
    .print_error = real_print_error,
    .coloured = real_coloured,
    .print = real_print,
    .print_by_line = real_print_by_line,
    .exit = real_exit,
    .abort = real_abort,
    .trace = real_trace,
    .trace_locate = real_trace_locate,
    .trace_show = real_trace_show,
    .stop = real_stop,
    .free = real_free,
};

/* What a program without standard streams opens next becomes one, and gets what is printed: ours would be a
 * socket or the poller. libuv does not even close such. So they are /dev/null, where they are missing. */
void real_have_standard_streams(void)
{
    int fd = STDIN_FILENO;
    while (fd <= STDERR_FILENO && fcntl(fd, F_GETFD) >= 0)
        fd++;
    if (fd > STDERR_FILENO)
        return;
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd >= 0 && fd <= STDERR_FILENO)
            fcntl(fd, F_SETFD, 0); /* its children shall have them too */
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static int make_world(void)
{
    real_have_standard_streams();
    struct real *real = calloc(1, sizeof *real);
    int rc = real ? real_poll_start(real) : -ENOMEM;
    bool owns_server = real_server_is_for_us();
    if (rc < 0) {
        if (owns_server)
            real_end_server();
        free(real);
        return rc;
    }
    list_init(&real->unseen);
    list_init(&real->forking.untold);
    real->forking.requests = -1;
    real->forking.owns_server = owns_server;
    sys_enter(&real->sys, &real_ops);
    return 0;
}

static const char *env_before(const char *name)
{
    return getenv(name);
}

const struct sys_maker sys_real = {make_world, real_birth, env_before, real_make_server};

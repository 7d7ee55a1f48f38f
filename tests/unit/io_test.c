/* Descriptors of the program's own: pipes, socket pairs, files, terminals, blocking or not. */
#include "support/real.h"
#include "support/tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

/* ---- what the scenarios are made of ---------------------------------------------------------------------- */

enum { A_LOT = 1024 * 1024 };

/* Two descriptors that the scenario closes by leaving. */
struct ends {
    int read, write;
};

static void close_ends(struct ends *ends)
{
    if (ends->read >= 0)
        close(ends->read);
    if (ends->write >= 0)
        close(ends->write);
}

#define ends_auto __attribute__((cleanup(close_ends))) struct ends

static struct ends open_pipe(int flags)
{
    int fds[2];
    return pipe2(fds, O_CLOEXEC | flags) < 0 ? (struct ends){-1, -1} : (struct ends){fds[0], fds[1]};
}

static struct ends open_pair(int flags)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, fds) < 0)
        return (struct ends){-1, -1};
    return (struct ends){fds[0], fds[1]};
}

/* A task at work with a descriptor, and how that ended. */
struct work {
    int fd, rc;
    char *bytes;
    size_t size, done;
    bool ended;
};

static int wait_to_read(void *arg)
{
    struct work *work = arg;
    work->rc = tr_wait_readable(work->fd);
    work->ended = true;
    return 0;
}

static int wait_to_write(void *arg)
{
    struct work *work = arg;
    work->rc = tr_wait_writable(work->fd);
    work->ended = true;
    return 0;
}

static int read_once(void *arg)
{
    struct work *work = arg;
    work->rc = tr_read(work->fd, work->bytes, work->size);
    work->ended = true;
    return 0;
}

static int write_it(void *arg)
{
    struct work *work = arg;
    work->rc = tr_write(work->fd, work->bytes, work->size);
    work->ended = true;
    return 0;
}

static int read_all(void *arg)
{
    struct work *work = arg;
    while ((work->rc = tr_read(work->fd, work->bytes + work->done, work->size - work->done)) > 0)
        work->done += (size_t)work->rc;
    work->ended = true;
    return 0;
}

static int let_others_run(int times)
{
    for (int i = 0; i < times; i++)
        tr_try(tr_checkpoint());
    return 0;
}

static char *pattern(size_t size)
{
    char *bytes = tr_alloc(size);
    for (size_t i = 0; bytes && i < size; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    return bytes;
}

/* ---- reading and writing ----------------------------------------------------------------------------------- */

static int send_through(struct ends *ends)
{
    tr_auto(nursery) n = tr_open_nursery();
    struct work in = {.fd = ends->write, .bytes = pattern(A_LOT), .size = A_LOT};
    struct work out = {.fd = ends->read, .bytes = tr_alloc(A_LOT + 1), .size = A_LOT + 1};
    tr_try(tr_start_soon(n, write_it, &in));
    tr_try(tr_start_soon(n, read_all, &out));
    while (!in.ended)
        tr_try(tr_sleep(0.001));
    close(ends->write);
    ends->write = -1;
    tr_try(tr_join(n));
    expect(in.rc == 0 && out.rc == 0 && out.done == A_LOT);
    expect(memcmp(in.bytes, out.bytes, A_LOT) == 0);
    return 0;
}

static int flags_of(int fd)
{
    return fcntl(fd, F_GETFL);
}

static int everything_arrives_whatever_the_descriptor_is(void *arg)
{
    (void)arg;
    for (int kind = 0; kind < 4; kind++) {
        tr_auto(frame) f = tr_open_frame();
        int nonblocking = kind & 1 ? O_NONBLOCK : 0;
        ends_auto ends = kind & 2 ? open_pair(nonblocking) : open_pipe(nonblocking);
        int before = flags_of(ends.read);
        tr_try(send_through(&ends));
        expect(flags_of(ends.read) == before && (before & O_NONBLOCK) == nonblocking);
    }
    return 0;
}

static int reading_gives_what_is_there(void *arg)
{
    (void)arg;
    ends_auto ends = open_pipe(0);
    char text[8] = "";
    tr_try(tr_write(ends.write, "abc", 3));
    expect(tr_read(ends.read, text, sizeof text) == 3 && strcmp(text, "abc") == 0);
    tr_try(tr_write(ends.write, "defg", 4));
    expect(tr_read(ends.read, text, 3) == 3 && tr_read(ends.read, text, 3) == 1 && text[0] == 'g');
    expect(tr_read(ends.read, text, 0) == TR_EARGUMENT);
    expect(tr_write(ends.write, "", 0) == 0);
    close(ends.write);
    ends.write = -1;
    expect(tr_read(ends.read, text, 3) == 0 && tr_read(ends.read, text, 3) == 0);
    return 0;
}

static int files_are_always_ready(void *arg)
{
    (void)arg;
    char path[] = "/tmp/tractor-io-XXXXXX", text[8] = "";
    ends_auto file = {mkstemp(path), -1};
    expect(file.read >= 0);
    unlink(path);
    char *bytes = pattern(A_LOT);
    tr_try(tr_wait_readable(file.read));
    tr_try(tr_wait_writable(file.read));
    tr_try(tr_write(file.read, bytes, A_LOT));
    expect(lseek(file.read, 0, SEEK_CUR) == A_LOT && tr_read(file.read, text, 8) == 0);
    expect(lseek(file.read, 0, SEEK_SET) == 0 && tr_read(file.read, text, 8) == 8);
    expect(memcmp(text, bytes, 8) == 0);
    ends_auto null = {open("/dev/null", O_RDWR | O_CLOEXEC), -1};
    tr_try(tr_wait_readable(null.read));
    tr_try(tr_write(null.read, bytes, A_LOT));
    expect(tr_read(null.read, text, 8) == 0);
    ends_auto folder = {open("/tmp", O_RDONLY | O_CLOEXEC), -1};
    expect(tr_read(folder.read, text, 8) == -EISDIR);
    return 0;
}

/* A terminal does not understand that a call shall not wait. */
static int a_terminal_keeps_nobody_waiting_but_its_reader(void *arg)
{
    (void)arg;
    ends_auto ends = {posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), -1};
    expect(ends.read >= 0 && grantpt(ends.read) == 0 && unlockpt(ends.read) == 0);
    ends.write = open(ptsname(ends.read), O_RDWR | O_NOCTTY | O_CLOEXEC);
    expect(ends.write >= 0);
    tr_auto(nursery) n = tr_open_nursery();
    char line[16] = "";
    struct work work = {.fd = ends.write, .bytes = line, .size = sizeof line};
    tr_try(tr_start_soon(n, read_once, &work));
    tr_try(let_others_run(300));
    expect(!work.ended);
    tr_try(tr_write(ends.read, "yes\n", 4));
    tr_try(tr_join(n));
    expect(work.rc == 4 && memcmp(line, "yes\n", 4) == 0);
    char echoed[16];
    expect(tr_read(ends.read, echoed, sizeof echoed) > 0);
    return 0;
}

static struct ends open_terminal(void)
{
    struct ends ends = {posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), -1};
    struct termios as_it_is;
    if (grantpt(ends.read) < 0 || unlockpt(ends.read) < 0)
        return ends;
    ends.write = open(ptsname(ends.read), O_RDWR | O_NOCTTY | O_CLOEXEC);
    tcgetattr(ends.write, &as_it_is);
    cfmakeraw(&as_it_is);
    tcsetattr(ends.write, TCSANOW, &as_it_is);
    return ends;
}

/* Either side says that it is ready when there is room for one byte, and would wait with all the others. */
static int a_terminal_that_nobody_reads_keeps_only_its_writer_waiting(void *arg)
{
    (void)arg;
    for (int way = 0; way < 2; way++) {
        tr_auto(frame) f = tr_open_frame();
        ends_auto ends = open_terminal();
        int to = way ? ends.read : ends.write, from = way ? ends.write : ends.read;
        tr_auto(nursery) n = tr_open_nursery();
        struct work work = {.fd = to, .bytes = pattern(A_LOT), .size = A_LOT};
        tr_try(tr_start_soon(n, write_it, &work));
        tr_try(let_others_run(300));
        expect(!work.ended && !(flags_of(to) & O_NONBLOCK));
        char *bytes = tr_alloc(A_LOT);
        for (int done = 0, got; done < A_LOT; done += got)
            tr_try(got = tr_read(from, bytes + done, (size_t)(A_LOT - done)));
        tr_try(tr_join(n));
        expect(work.rc == 0 && memcmp(bytes, work.bytes, A_LOT) == 0);
    }
    return 0;
}

static int nobody_left_to_read_is_an_error_and_no_signal(void *arg)
{
    (void)arg;
    ends_auto pipe_ends = open_pipe(0), pair = open_pair(0);
    close(pipe_ends.read);
    close(pair.read);
    pipe_ends.read = pair.read = -1;
    expect(tr_write(pipe_ends.write, "x", 1) == -EPIPE);
    expect(tr_write(pair.write, "x", 1) == -EPIPE);
    expect_error("errno.EPIPE", "Broken pipe");
    tr_try(tr_wait_writable(pipe_ends.write)); /* the next write tells what is wrong */
    sigset_t pending;
    expect(sigpending(&pending) == 0 && !sigismember(&pending, SIGPIPE));
    return 0;
}

/* One that the program had pending itself is not taken from it. */
static int a_pending_signal_of_the_programs_own_stays(void *arg)
{
    (void)arg;
    ends_auto ends = open_pipe(0);
    close(ends.read);
    ends.read = -1;
    sigset_t broken_pipe, before, pending;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    expect(pthread_sigmask(SIG_BLOCK, &broken_pipe, &before) == 0 && raise(SIGPIPE) == 0);
    int rc = tr_write(ends.write, "x", 1);
    sigpending(&pending);
    int taken = 0;
    expect(sigwait(&broken_pipe, &taken) == 0 && pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    expect(rc == -EPIPE && sigismember(&pending, SIGPIPE) && taken == SIGPIPE);
    return 0;
}

static int the_writer_that_waits_learns_that_the_reader_went(void *arg)
{
    (void)arg;
    for (int kind = 0; kind < 2; kind++) {
        ends_auto ends = kind ? open_pair(0) : open_pipe(0);
        tr_auto(nursery) n = tr_open_nursery();
        struct work work = {.fd = ends.write, .bytes = pattern(A_LOT), .size = A_LOT};
        tr_try(tr_start_soon(n, write_it, &work));
        tr_try(let_others_run(300));
        expect(!work.ended);
        close(ends.read);
        ends.read = -1;
        tr_try(tr_join(n));
        expect(work.rc == -EPIPE);
    }
    return 0;
}

/* ---- waiting --------------------------------------------------------------------------------------------------- */

static int waiting_lasts_until_there_is_something(void *arg)
{
    (void)arg;
    ends_auto ends = open_pair(0);
    tr_auto(nursery) n = tr_open_nursery();
    struct work reads = {.fd = ends.read}, writes = {.fd = ends.read};
    tr_try(tr_start_soon(n, wait_to_read, &reads));
    tr_try(tr_start_soon(n, wait_to_write, &writes));
    tr_try(let_others_run(300));
    expect(writes.ended && writes.rc == 0 && !reads.ended);
    tr_try(tr_write(ends.write, "x", 1));
    tr_try(tr_join(n));
    expect(reads.ended && reads.rc == 0);
    char byte;
    expect(tr_read(ends.read, &byte, 1) == 1);
    return 0;
}

static int reader_and_writer_wait_for_one_descriptor(void *arg)
{
    (void)arg;
    ends_auto ends = open_pair(0);
    tr_auto(nursery) n = tr_open_nursery();
    char text[4];
    struct work writes = {.fd = ends.read, .bytes = pattern(A_LOT), .size = A_LOT};
    struct work reads = {.fd = ends.read, .bytes = text, .size = sizeof text};
    struct work other = {.fd = ends.write, .bytes = tr_alloc(A_LOT), .size = A_LOT};
    tr_try(tr_start_soon(n, write_it, &writes));
    tr_try(tr_start_soon(n, read_once, &reads));
    tr_try(let_others_run(300));
    expect(!writes.ended && !reads.ended);
    tr_try(tr_write(ends.write, "x", 1));
    while (!reads.ended)
        tr_try(tr_sleep(0.001));
    expect(reads.rc == 1 && !writes.ended); /* waking the reader has not lost the writer */
    tr_try(tr_start_soon(n, read_all, &other));
    while (!writes.ended || other.done < A_LOT)
        tr_try(tr_sleep(0.001));
    expect(writes.rc == 0 && memcmp(writes.bytes, other.bytes, A_LOT) == 0);
    tr_cancel(n);
    return tr_join(n);
}

static int a_second_reader_is_refused(void *arg)
{
    (void)arg;
    ends_auto ends = open_pipe(0);
    tr_auto(nursery) n = tr_open_nursery();
    char text[4];
    struct work first = {.fd = ends.read};
    tr_try(tr_start_soon(n, wait_to_read, &first));
    tr_try(tr_checkpoint());
    expect(tr_wait_readable(ends.read) == TR_EMISUSE);
    expect(tr_read(ends.read, text, 1) == TR_EMISUSE);
    expect_error("Misuse", "another task reads");
    expect(!first.ended);
    struct work full = {.fd = ends.write, .bytes = pattern(A_LOT), .size = A_LOT};
    tr_try(tr_start_soon(n, write_it, &full));
    tr_try(tr_checkpoint());
    expect(tr_write(ends.write, "x", 1) == TR_EMISUSE && tr_wait_writable(ends.write) == TR_EMISUSE);
    tr_cancel(n);
    tr_try(tr_join(n));
    expect(first.rc == TR_ECANCELLED && full.rc == TR_ECANCELLED);
    return 0;
}

static int what_is_no_descriptor_is_refused(void *arg)
{
    (void)arg;
    ends_auto ends = open_pipe(0);
    int closed = ends.read;
    close(closed);
    ends.read = -1;
    char text[4];
    expect(tr_wait_readable(closed) == -EBADF && tr_wait_writable(closed) == -EBADF);
    expect(tr_read(closed, text, 1) == -EBADF && tr_write(closed, "x", 1) == -EBADF);
    expect(tr_wait_readable(-1) == -EBADF && tr_wait_writable(-7) == -EBADF);
    expect(tr_read(-1, text, 1) == -EBADF && tr_write(-1, "x", 1) == -EBADF);
    expect(tr_read(ends.write, text, 1) == -EBADF); /* not open for reading */
    tr_notify_closing(closed);
    tr_notify_closing(-1);
    return 0;
}

/* ---- closing ------------------------------------------------------------------------------------------------------ */

static int those_who_wait_are_told_of_the_close(void *arg)
{
    (void)arg;
    ends_auto ends = open_pair(0);
    tr_auto(nursery) n = tr_open_nursery();
    char text[4];
    struct work reads = {.fd = ends.read, .bytes = text, .size = 4};
    struct work writes = {.fd = ends.read, .bytes = pattern(A_LOT), .size = A_LOT};
    tr_try(tr_start_soon(n, read_once, &reads));
    tr_try(tr_start_soon(n, write_it, &writes));
    tr_try(let_others_run(300));
    tr_notify_closing(ends.read);
    close(ends.read);
    ends.read = -1;
    tr_try(tr_join(n));
    expect(reads.rc == TR_ECLOSED && writes.rc == TR_ECLOSED);
    return 0;
}

/* The number comes back before those who waited for the old one have run: they are told, and the new one is
 * another descriptor, also for the kernel. */
static int a_number_that_comes_back_is_another_descriptor(void *arg)
{
    (void)arg;
    for (int round = 0; round < 50; round++) {
        ends_auto ends = open_pipe(0);
        tr_auto(nursery) n = tr_open_nursery();
        struct work old = {.fd = ends.read}, now = {.fd = ends.read};
        tr_try(tr_start_soon(n, wait_to_read, &old));
        tr_try(tr_checkpoint());
        int still_open = dup(ends.read); /* as a child process would have it */
        tr_notify_closing(ends.read);
        close(ends.read);
        int fds[2];
        expect(pipe2(fds, O_CLOEXEC) == 0 && fds[0] == ends.read);
        ends_auto again = {-1, fds[1]};
        tr_try(tr_start_soon(n, wait_to_read, &now));
        tr_try(tr_write(ends.write, "x", 1)); /* the old one is readable; that is nobody's business */
        tr_try(let_others_run(200));
        close(still_open);
        expect(old.ended && old.rc == TR_ECLOSED && !now.ended);
        tr_try(tr_write(again.write, "x", 1));
        tr_try(tr_join(n));
        expect(now.ended && now.rc == 0);
    }
    return 0;
}

/* A bug of the program, but one that must not spoil anything: the kernel forgets the file that was waited
 * for, or has it still under another number. */
static int closing_without_a_word_spoils_nothing(void *arg)
{
    (void)arg;
    for (int copied = 0; copied < 2; copied++) {
        ends_auto ends = open_pipe(0);
        tr_auto(nursery) n = tr_open_nursery();
        struct work old = {.fd = ends.read};
        tr_try(tr_start_soon(n, wait_to_read, &old));
        tr_try(let_others_run(100));
        int copy = copied ? dup(ends.read) : -1;
        close(ends.read);
        ends.read = copy;
        tr_try(let_others_run(100));
        tr_cancel(n);
        tr_try(tr_join(n));
        expect(old.rc == TR_ECANCELLED);
        tr_try(tr_write(ends.write, copied ? "x" : "", copied ? 1 : 0));
        tr_try(let_others_run(200)); /* the kernel may report a watch that is gone */
        if (copied)
            tr_try(tr_wait_readable(ends.read));
    }
    return 0;
}

/* The number is another file's while a task still waits for the old one. */
static int a_number_that_was_closed_without_a_word_can_be_waited_for(void *arg)
{
    (void)arg;
    ends_auto old = open_pair(0);
    tr_auto(nursery) n = tr_open_nursery();
    struct work reads = {.fd = old.read};
    tr_try(tr_start_soon(n, wait_to_read, &reads));
    tr_try(let_others_run(100));
    ends_auto now = open_pair(0);
    expect(dup2(now.read, old.read) == old.read);
    tr_try(tr_wait_writable(old.read));
    tr_try(tr_write(now.write, "x", 1));
    tr_try(tr_join(n)); /* by then it waits for the new one */
    expect(reads.rc == 0);
    return 0;
}

/* As a program does that sets its standard input aside for a while. */
static int a_file_that_comes_back_under_its_number_can_be_waited_for(void *arg)
{
    (void)arg;
    ends_auto ends = open_pipe(0), other = open_pipe(0);
    tr_auto(nursery) n = tr_open_nursery();
    struct work before = {.fd = ends.read}, after = {.fd = ends.read};
    tr_try(tr_start_soon(n, wait_to_read, &before));
    tr_try(let_others_run(100));
    int aside = dup(ends.read);
    expect(aside >= 0 && dup2(other.read, ends.read) == ends.read); /* without a word */
    tr_notify_closing(ends.read);
    tr_try(tr_checkpoint());
    expect(before.rc == TR_ECLOSED && dup2(aside, ends.read) == ends.read);
    close(aside);
    tr_try(tr_start_soon(n, wait_to_read, &after));
    tr_try(let_others_run(100));
    expect(!after.ended);
    tr_try(tr_write(ends.write, "x", 1));
    tr_try(tr_join(n));
    expect(after.rc == 0);
    return 0;
}

/* ---- cancellation --------------------------------------------------------------------------------------------------- */

static int a_cancelled_call_does_nothing(void *arg)
{
    (void)arg;
    ends_auto ends = open_pipe(0);
    char byte = 0;
    tr_try(tr_write(ends.write, "a", 1));
    tr_scope over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_read(ends.read, &byte, 1)));
    expect(over.cancelled_caught && byte == 0);
    over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_write(ends.write, "b", 1)));
    expect(over.cancelled_caught);
    over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_wait_readable(ends.read)));
    expect(over.cancelled_caught);
    over = tr_move_on_after(0);
    tr_try(tr_within(&over, tr_wait_writable(ends.write)));
    expect(over.cancelled_caught);
    char text[4];
    expect(tr_read(ends.read, text, 4) == 1 && text[0] == 'a');
    return 0;
}

static int a_cancelled_reader_leaves_what_comes_for_the_next(void *arg)
{
    (void)arg;
    ends_auto ends = open_pipe(0);
    char text[4] = "";
    tr_scope limit = tr_move_on_after(0.001);
    tr_try(tr_within(&limit, tr_read(ends.read, text, 4)));
    expect(limit.cancelled_caught);
    tr_try(tr_write(ends.write, "abc", 3));
    expect(tr_read(ends.read, text, 4) == 3);
    return 0;
}

/* Something has arrived and the reader is cancelled in the same turn: what it read is not lost. */
static int success_counts_when_both_come_at_once(void *arg)
{
    (void)arg;
    ends_auto ends = open_pipe(0);
    char text[4] = "";
    tr_auto(nursery) n = tr_open_nursery();
    struct work work = {.fd = ends.read, .bytes = text, .size = 4};
    tr_try(tr_write(ends.write, "abc", 3));
    tr_try(tr_start_soon(n, read_once, &work));
    tr_try(tr_checkpoint()); /* it has read, and lets others run */
    expect(!work.ended);
    tr_cancel(n);
    tr_try(tr_join(n));
    expect(work.rc == 3 && strcmp(text, "abc") == 0);
    return 0;
}

static tr_scope allowance;

static int wait_to_read_within(void *arg)
{
    return tr_within(&allowance, wait_to_read(arg));
}

/* The program was busy meanwhile: by the time it looks, the byte has come and the deadline has passed. */
static int what_came_in_time_is_not_lost_to_a_deadline_that_has_passed_since(void *arg)
{
    (void)arg;
    ends_auto ends = open_pipe(0);
    struct work reads = {.fd = ends.read};
    tr_auto(nursery) n = tr_open_nursery();
    allowance = tr_cancel_scope();
    tr_try(tr_start_soon(n, wait_to_read_within, &reads));
    tr_try(tr_wait_all_blocked(0));
    expect(write(ends.write, "x", 1) == 1);
    tr_try(tr_scope_set_deadline(&allowance, tr_now()));
    tr_try(tr_join(n));
    expect(reads.rc == 0 && allowance.cancel_called && !allowance.cancelled_caught);
    return 0;
}

static int a_cancelled_writer_leaves_a_part(void *arg)
{
    (void)arg;
    ends_auto ends = open_pipe(0);
    char *bytes = pattern(A_LOT), *got = tr_alloc(A_LOT);
    expect(bytes && got);
    tr_scope limit = tr_move_on_after(0.001);
    tr_try(tr_within(&limit, tr_write(ends.write, bytes, A_LOT)));
    expect(limit.cancelled_caught);
    int size = tr_read(ends.read, got, A_LOT);
    expect(size > 0 && size < A_LOT && memcmp(bytes, got, (size_t)size) == 0);
    tr_try(tr_write(ends.write, "x", 1)); /* the descriptor itself is as good as before */
    return 0;
}

/* ---- fairness and outside ------------------------------------------------------------------------------------------ */

static int yield_until_ended(void *arg)
{
    struct work *work = arg;
    while (!work->ended)
        tr_try(tr_checkpoint());
    return 0;
}

static int busy_tasks_do_not_keep_a_descriptor_waiting(void *arg)
{
    (void)arg;
    ends_auto ends = open_pipe(0);
    tr_auto(nursery) n = tr_open_nursery();
    struct work work = {.fd = ends.read};
    tr_try(tr_start_soon(n, wait_to_read, &work));
    for (int i = 0; i < 3; i++)
        tr_try(tr_start_soon(n, yield_until_ended, &work));
    tr_try(let_others_run(10));
    tr_try(tr_write(ends.write, "x", 1));
    return tr_join(n);
}

/* For twice the time after which the world is to be looked at. */
static int compute(void)
{
    for (double end = tr_now() + 0.0001; tr_now() < end;)
        continue;
    return tr_checkpoint();
}

/* Also when looks had become rare, since checkpoints followed each other fast. */
static int a_descriptor_does_not_wait_for_more_than_a_long_batch_or_two(void *arg)
{
    (void)arg;
    ends_auto ends = open_pipe(0);
    tr_auto(nursery) n = tr_open_nursery();
    struct work work = {.fd = ends.read};
    tr_try(tr_start_soon(n, wait_to_read, &work));
    tr_try(let_others_run(10000));
    for (int i = 0; i < 600; i++)
        tr_try(compute());
    expect(write(ends.write, "x", 1) == 1);
    int batches = 0;
    for (; !work.ended; batches++)
        tr_try(compute());
    expect(batches <= 4);
    return tr_join(n);
}

/* More than the poller takes in one look. */
static int many_descriptors_at_once(void *arg)
{
    (void)arg;
    enum { MANY = 400 };
    static struct ends ends[MANY];
    static struct work work[MANY];
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < MANY; i++) {
        ends[i] = open_pipe(0);
        work[i] = (struct work){.fd = ends[i].read};
        tr_try(tr_start_soon(n, wait_to_read, &work[i]));
    }
    tr_try(tr_checkpoint());
    for (int i = 0; i < MANY; i++)
        expect(write(ends[i].write, "x", 1) == 1);
    tr_try(tr_join(n));
    for (int i = 0; i < MANY; i++) {
        expect(work[i].ended && work[i].rc == 0);
        close_ends(&ends[i]);
    }
    return 0;
}

static void nothing_is_read_outside_a_run(void **state)
{
    (void)state;
    char text[4];
    assert_int_equal(tr_wait_readable(0), TR_ENORUNTIME);
    assert_int_equal(tr_wait_writable(1), TR_ENORUNTIME);
    assert_int_equal(tr_read(0, text, 4), TR_ENORUNTIME);
    assert_int_equal(tr_write(1, text, 4), TR_ENORUNTIME);
    tr_notify_closing(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_read_outside_a_run),
        IN_EARNEST(everything_arrives_whatever_the_descriptor_is),
        IN_EARNEST(reading_gives_what_is_there),
        IN_EARNEST(files_are_always_ready),
        IN_EARNEST(a_terminal_keeps_nobody_waiting_but_its_reader),
        IN_EARNEST(a_terminal_that_nobody_reads_keeps_only_its_writer_waiting),
        IN_EARNEST(nobody_left_to_read_is_an_error_and_no_signal),
        IN_EARNEST(a_pending_signal_of_the_programs_own_stays),
        IN_EARNEST(the_writer_that_waits_learns_that_the_reader_went),
        IN_EARNEST(waiting_lasts_until_there_is_something),
        IN_EARNEST(reader_and_writer_wait_for_one_descriptor),
        IN_EARNEST(a_second_reader_is_refused),
        IN_EARNEST(what_is_no_descriptor_is_refused),
        IN_EARNEST(those_who_wait_are_told_of_the_close),
        IN_EARNEST(a_number_that_comes_back_is_another_descriptor),
        IN_EARNEST(closing_without_a_word_spoils_nothing),
        IN_EARNEST(a_number_that_was_closed_without_a_word_can_be_waited_for),
        IN_EARNEST(a_file_that_comes_back_under_its_number_can_be_waited_for),
        IN_EARNEST(a_cancelled_call_does_nothing),
        IN_EARNEST(a_cancelled_reader_leaves_what_comes_for_the_next),
        IN_EARNEST(success_counts_when_both_come_at_once),
        IN_EARNEST(what_came_in_time_is_not_lost_to_a_deadline_that_has_passed_since),
        IN_EARNEST(a_cancelled_writer_leaves_a_part),
        IN_EARNEST(busy_tasks_do_not_keep_a_descriptor_waiting),
        IN_EARNEST(a_descriptor_does_not_wait_for_more_than_a_long_batch_or_two),
        IN_EARNEST(many_descriptors_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

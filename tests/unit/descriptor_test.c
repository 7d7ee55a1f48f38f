/* Descriptors with which everything can be made to happen: two numbers of which the test says when they are
 * ready, on the virtual clock. Reading and writing, what is closed in between, and memory that runs out. */
#include "support/tasks.h"

#include "base/log.h"
#include "clock_world.h"
#include "sched/io.h"
#include "sched/task.h"
#include "tractor/io.h"
#include "transport/transport.h"

#include <errno.h>

/* ---- the world ------------------------------------------------------------------------------------------------ */

enum { FIRST = 100, DESCRIPTORS = 2 };

/* One of them. `ready` are events that the next poll reports to who has armed for them. */
struct sys_watch {
    sys_ready_fn *fn;
    void *arg;
    int armed;
};

static struct fake {
    struct sys_watch *watch;    /* NULL while nobody watches it */
    int ready;
    int arming;                 /* how that goes: 0, or a negative errno value */
    int readable, room;         /* bytes */
    int most;                   /* of them taken by one call; 0: all there is room for */
} fakes[DESCRIPTORS];

static bool (*poll_clock)(struct sys *sys, int64_t timeout_ns);

static int watch(struct sys *sys, int fd, sys_ready_fn *ready, void *arg, struct sys_watch **ret)
{
    struct sys_watch *made = sys->ops->resize(sys, NULL, sizeof *made);
    if (!made)
        return -ENOMEM;
    *made = (struct sys_watch){ready, arg, 0};
    *ret = fakes[fd - FIRST].watch = made;
    return 0;
}

static struct fake *fake_of(const struct sys_watch *watch)
{
    struct fake *fake = fakes;
    while (fake->watch != watch)
        fake++;
    return fake;
}

static int watch_for(struct sys *sys, struct sys_watch *watch, int events)
{
    (void)sys;
    if (fake_of(watch)->arming < 0)
        return fake_of(watch)->arming;
    watch->armed = events;
    return 0;
}

static void unwatch(struct sys *sys, struct sys_watch *watch)
{
    fake_of(watch)->watch = NULL;
    sys->ops->resize(sys, watch, 0);
}

static ssize_t read_fake(struct sys *sys, int fd, void *ret_bytes, size_t size)
{
    (void)sys;
    struct fake *fake = &fakes[fd - FIRST];
    if (fake->readable == 0)
        return -EAGAIN;
    int got = fake->readable < (int)size ? fake->readable : (int)size;
    memset(ret_bytes, 'x', (size_t)got);
    fake->readable -= got;
    return got;
}

static ssize_t write_fake(struct sys *sys, int fd, const void *bytes, size_t size)
{
    (void)sys;
    (void)bytes;
    struct fake *fake = &fakes[fd - FIRST];
    if (fake->room == 0)
        return -EAGAIN;
    int put = fake->room < (int)size ? fake->room : (int)size;
    if (fake->most && put > fake->most)
        put = fake->most;
    fake->room -= put;
    return put;
}

/* Tells whoever has armed; the clock stands still for that. */
static bool report(struct fake *fake)
{
    struct sys_watch *watch = fake->watch;
    int events = watch ? watch->armed & fake->ready : 0;
    fake->ready &= ~events;
    if (!events)
        return false;
    watch->armed = 0;
    watch->fn(watch->arg, events);
    return true;
}

static bool poll_fakes(struct sys *sys, int64_t timeout_ns)
{
    bool reported = false;
    for (int i = 0; i < DESCRIPTORS; i++)
        reported |= report(&fakes[i]);
    return poll_clock(sys, reported ? 0 : timeout_ns);
}

/* For the beginning of a scenario. */
static void let_descriptors_be(void)
{
    static struct sys_ops ops;
    ops = *runtime->sys->ops;
    poll_clock = ops.poll;
    ops.watch = watch;
    ops.watch_for = watch_for;
    ops.unwatch = unwatch;
    ops.read = read_fake;
    ops.write = write_fake;
    ops.poll = poll_fakes;
    runtime->sys->ops = &ops;
    memset(fakes, 0, sizeof fakes);
}

static bool nobody_is_watched(void)
{
    return !fakes[0].watch && !fakes[1].watch;
}

/* ---- tasks at work ---------------------------------------------------------------------------------------------- */

struct work {
    int fd, rc;
    bool ended;
    tr_scope scope;
};

static int end_with(struct work *work, int rc)
{
    work->rc = rc;
    work->ended = true;
    return 0;
}

static int reads(void *arg)
{
    struct work *work = arg;
    char bytes[4];
    return end_with(work, tr_read(work->fd, bytes, sizeof bytes));
}

static int waits_to_read(void *arg)
{
    struct work *work = arg;
    return end_with(work, tr_wait_readable(work->fd));
}

static int writes(void *arg)
{
    struct work *work = arg;
    return end_with(work, tr_write(work->fd, "1234", 4));
}

static int writes_in_a_scope(void *arg)
{
    struct work *work = arg;
    int rc = 0;
    tr_try(tr_within(&work->scope, (rc = tr_write(work->fd, "1234", 4))));
    return end_with(work, rc);
}

/* ---- what happens ------------------------------------------------------------------------------------------------ */

static int a_reader_waits_until_it_is_told(void *arg)
{
    (void)arg;
    let_descriptors_be();
    tr_auto(nursery) n = tr_open_nursery();
    struct work work = {.fd = FIRST};
    tr_try(tr_start_soon(n, reads, &work));
    tr_try(tr_sleep(1));
    expect(!work.ended && fakes[0].watch->armed == SYS_READABLE);
    fakes[0] = (struct fake){.watch = fakes[0].watch, .ready = SYS_READABLE, .readable = 3};
    tr_try(tr_join(n));
    expect(work.rc == 3 && nobody_is_watched());
    return 0;
}

static int what_is_written_in_pieces_arrives_as_a_whole(void *arg)
{
    (void)arg;
    let_descriptors_be();
    tr_auto(nursery) n = tr_open_nursery();
    struct work work = {.fd = FIRST};
    fakes[0].room = 1;
    tr_try(tr_start_soon(n, writes, &work));
    for (int i = 1; i < 4; i++) {
        tr_try(tr_sleep(1));
        expect(!work.ended && fakes[0].room == 0 && fakes[0].watch->armed == SYS_WRITABLE);
        fakes[0].ready = SYS_WRITABLE;
        fakes[0].room = 1;
    }
    tr_try(tr_join(n));
    expect(work.rc == 0 && fakes[0].room == 0 && nobody_is_watched());
    return 0;
}

/* A peer that reads as fast as it is written to is no reason for the others to starve. */
static int others_run_between_the_pieces_that_are_taken_at_once(void *arg)
{
    (void)arg;
    let_descriptors_be();
    tr_auto(nursery) n = tr_open_nursery();
    struct work work = {.fd = FIRST};
    fakes[0].room = 4;
    fakes[0].most = 1;
    tr_try(tr_start_soon(n, writes, &work));
    for (int left = 3; left >= 0; left--) {
        tr_try(tr_checkpoint());
        expect(fakes[0].room == left);
    }
    tr_try(tr_join(n));
    expect(work.rc == 0 && work.ended);
    return 0;
}

/* Both have been told to go on, and before they come to it, the descriptors are closed. */
static int a_close_between_the_report_and_the_reading_is_seen(void *arg)
{
    (void)arg;
    let_descriptors_be();
    struct work reader = {.fd = FIRST}, writer = {.fd = FIRST + 1};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, reads, &reader));
    tr_try(tr_start_soon(n, writes, &writer));
    tr_try(tr_sleep(1));
    for (int i = 0; i < DESCRIPTORS; i++) {
        fakes[i].ready = SYS_READABLE | SYS_WRITABLE;
        fakes[i].readable = fakes[i].room = 4;
        expect(report(&fakes[i]) && !reader.ended && !writer.ended);
        tr_notify_closing(FIRST + i);
    }
    expect(nobody_is_watched());
    tr_try(tr_join(n));
    expect(reader.rc == TR_ECLOSED && writer.rc == TR_ECLOSED);
    expect(fakes[0].readable == 4 && fakes[1].room == 4); /* another's, by then */
    return 0;
}

/* Closed without a word: the poller refuses it when the one is cancelled, and that ends the other's wait. */
static int a_descriptor_that_went_bad_is_told_to_who_still_waits(void *arg)
{
    (void)arg;
    let_descriptors_be();
    struct work reader = {.fd = FIRST}, writer = {.fd = FIRST, .scope = tr_cancel_scope()};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, waits_to_read, &reader));
    tr_try(tr_start_soon(n, writes_in_a_scope, &writer));
    tr_try(tr_sleep(1));
    fakes[0].arming = -EBADF;
    tr_scope_cancel(&writer.scope);
    tr_try(tr_join(n));
    expect(writer.rc == TR_ECANCELLED && reader.rc == -EBADF && nobody_is_watched());
    return 0;
}

/* The same when the one has what it waited for. */
static int one_that_goes_bad_with_a_report_is_told_to_the_other(void *arg)
{
    (void)arg;
    let_descriptors_be();
    struct work reader = {.fd = FIRST}, writer = {.fd = FIRST};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, reads, &reader));
    tr_try(tr_start_soon(n, writes, &writer));
    tr_try(tr_sleep(1));
    fakes[0] = (struct fake){
        .watch = fakes[0].watch, .arming = -EBADF, .ready = SYS_WRITABLE, .room = 4};
    tr_try(tr_join(n));
    expect(writer.rc == 0 && reader.rc == -EBADF && nobody_is_watched());
    return 0;
}

/* ---- what the rooms above use ------------------------------------------------------------------------------------ */

struct watcher {
    struct io *io;
    int rc;
};

static int wait_for_readable(void *arg)
{
    struct watcher *watcher = arg;
    watcher->rc = io_wait_readable(watcher->io);
    return 0;
}

static int one_task_waits_for_one_thing(void *arg)
{
    (void)arg;
    let_descriptors_be();
    struct io io;
    struct watcher first = {&io, 77};
    tr_try(io_open(&io, FIRST));
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, wait_for_readable, &first));
    tr_try(tr_checkpoint());
    expect(io_wait_readable(&io) == TR_EMISUSE);
    expect_error("Misuse", "another task waits for this descriptor already");
    fakes[0].ready = SYS_READABLE;
    tr_try(tr_join(n));
    expect(first.rc == 0);
    io_give_up(&io);
    return 0;
}

static int a_closed_one_says_so(void *arg)
{
    (void)arg;
    let_descriptors_be();
    struct io io;
    char byte;
    tr_try(io_open(&io, FIRST));
    io_give_up(&io);
    io_give_up(&io);
    expect(nobody_is_watched());
    expect(io_wait_readable(&io) == TR_ECLOSED && io_wait_writable(&io) == TR_ECLOSED);
    expect(io_read(&io, &byte, 1) == TR_ECLOSED && io_write_all(&io, "x", 1) == TR_ECLOSED);
    expect(io_receive(&io, &byte, 1) == TR_ECLOSED && io_send_all(&io, "x", 1) == TR_ECLOSED);
    expect_error("Closed", "");
    return 0;
}

static int one_that_cannot_be_watched_is_no_open_one(void *arg)
{
    (void)arg;
    let_descriptors_be();
    struct io io;
    int rc = io_open(&io, FIRST);
    expect(rc == (fakes[0].watch ? 0 : -ENOMEM) && io.fd == (rc < 0 ? -1 : FIRST));
    io_give_up(&io);
    expect(nobody_is_watched());
    return rc;
}

static int shortages, told;

static int accept_after_shortages(struct sys *sys, int fd, int *ret_fd)
{
    (void)sys;
    (void)fd;
    if (shortages-- > 0)
        return -EMFILE;
    *ret_fd = 77;
    return 0;
}

static void count_told(struct sys *sys, const char *text, size_t size)
{
    (void)sys;
    (void)size;
    told += strstr(text, "trying again") != NULL;
}

static int a_long_shortage_is_told_once(void *arg)
{
    (void)arg;
    let_descriptors_be();
    struct sys_ops *ops = (struct sys_ops *)runtime->sys->ops;
    ops->accept = accept_after_shortages;
    ops->print_error = count_told;
    struct listener listener = {.lock = -1};
    int fd = -1;
    tr_try(io_open(&listener.io, FIRST));
    shortages = 100;
    told = 0;
    tr_try(transport_accept(&listener, &fd));
    expect(fd == 77 && told == 1);
    io_give_up(&listener.io);
    return 0;
}

/* ---- short of memory ---------------------------------------------------------------------------------------------- */

static int wait_with_two(void *arg)
{
    (void)arg;
    let_descriptors_be();
    fakes[0].ready = SYS_READABLE;
    fakes[1].ready = SYS_WRITABLE;
    int first = tr_wait_readable(FIRST);
    int second = tr_wait_writable(FIRST + 1);
    expect((first == 0) == (fakes[0].ready == 0) && (second == 0) == (fakes[1].ready == 0));
    expect((first == 0 || first == -ENOMEM) && (second == 0 || second == -ENOMEM));
    expect(nobody_is_watched());
    return first < 0 ? first : second;
}

static void running_out_of_memory_anywhere_is_a_clean_error(void **state)
{
    (void)state;
    run_short_of_memory(wait_with_two);
    run_short_of_memory(one_that_cannot_be_watched_is_no_open_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(a_reader_waits_until_it_is_told),
        SCENARIO(what_is_written_in_pieces_arrives_as_a_whole),
        SCENARIO(others_run_between_the_pieces_that_are_taken_at_once),
        SCENARIO(a_close_between_the_report_and_the_reading_is_seen),
        SCENARIO(a_descriptor_that_went_bad_is_told_to_who_still_waits),
        SCENARIO(one_that_goes_bad_with_a_report_is_told_to_the_other),
        SCENARIO(one_task_waits_for_one_thing),
        SCENARIO(a_closed_one_says_so),
        SCENARIO(a_long_shortage_is_told_once),
        cmocka_unit_test(running_out_of_memory_anywhere_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

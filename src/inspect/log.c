/* Following an actor's log: a tap on its records, a ring of lines, a task that passes them on.
 *
 * Records are made anywhere, on any thread, also in the middle of the scheduler's work, where nobody can be woken. So
 * who makes one on the run's own thread has the task woken before the loop looks at the world, and who does on another
 * one posts a letter for that. Then the task passes on what there is, and rests for a twentieth of a second: so a
 * follower at level trace is not shown, without end, what it takes to show it, since passing a batch on costs a few
 * more lines, which are in the next one. What is said of that task itself is not shown.
 *
 * The ring is of bytes, all of them there from the beginning, since a thread that knows nothing of us cannot
 * allocate. A line that has no room takes that of the oldest, which are counted. It is touched only between two
 * records. */
#define TR_MODULE "tractor.inspect"
#include "actor/portal.h"
#include "actor/serve.h"
#include "base/error.h"
#include "base/hooks.h"
#include "base/log.h"
#include "inspect/functions.h"
#include "sched/task.h"
#include "sync/lot.h"

#include <errno.h>
#include <string.h>

enum { RING_ROOM = 256 * 1024, LINE_ROOM = 4096, MOST_FOLLOWERS = 16 };
static const double REST_S = 0.05;

/* Before each line in the ring. */
struct mark {
    uint32_t size;
    int32_t level;
};

struct follower {
    struct log_tap tap;
    const struct runtime *runtime; /* whose task passes it on */
    struct before_look soon;    /* wakes that, */
    tr_lot news;                /* which waits here */
    struct sys_mailbox *mailbox; /* for other threads; NULL where there are none */
    struct sys_letter letter;
    bool waits;                 /* and nobody has seen to it yet that it is woken */
    size_t start, used;         /* of the ring */
    uint64_t lost;              /* since a line was taken */
    uint8_t ring[RING_ROOM];
};

/* ---- the ring ---------------------------------------------------------------------------------------------- */

static void put_bytes(struct follower *to, const void *bytes, size_t size)
{
    size_t at = (to->start + to->used) % RING_ROOM, first = size < RING_ROOM - at ? size : RING_ROOM - at;
    memcpy(to->ring + at, bytes, first);
    memcpy(to->ring, (const uint8_t *)bytes + first, size - first);
    to->used += size;
}

/* NULL to drop them. */
static void take_bytes(struct follower *from, void *ret_bytes, size_t size)
{
    size_t at = from->start, first = size < RING_ROOM - at ? size : RING_ROOM - at;
    if (ret_bytes) {
        memcpy(ret_bytes, from->ring + at, first);
        memcpy((uint8_t *)ret_bytes + first, from->ring, size - first);
    }
    from->start = (at + size) % RING_ROOM;
    from->used -= size;
}

static void lose_oldest(struct follower *follower)
{
    struct mark mark;
    take_bytes(follower, &mark, sizeof mark);
    take_bytes(follower, NULL, mark.size);
    follower->lost++;
}

/* ---- telling that there is something -------------------------------------------------------------------------- */

static void told_by_loop(struct before_look *soon)
{
    lot_wake_all(&container_of(soon, struct follower, soon)->news);
}

/* Too late, when the mailbox is closed, there is nobody to be told. */
static void told_by_letter(struct sys_letter *letter, void *owner)
{
    struct follower *follower = owner;
    (void)letter;
    if (follower)
        lot_wake_all(&follower->news);
}

/* Only once for each time that it waits: while it rests it need not be told, and the letter is never posted twice. */
static void tell(struct follower *follower)
{
    if (!follower->waits)
        return;
    follower->waits = false;
    if (runtime == follower->runtime)
        sched_before_look(&follower->soon);
    else if (follower->mailbox)
        sys_post(follower->mailbox, &follower->letter);
}

/* Called for each record, on whatever thread. */
static void keep(const tr_log_record *record, void *arg)
{
    struct follower *follower = arg;
    char line[LINE_ROOM];
    if (strstr(record->message, "tr_inspect_log_of"))
        return; /* that we looked into the ring and go on waiting */
    const size_t size = log_format(record, false, line, sizeof line) - 1; /* without its newline */
    const struct mark mark = {(uint32_t)size, record->level};
    while (RING_ROOM - follower->used < sizeof mark + size)
        lose_oldest(follower);
    put_bytes(follower, &mark, sizeof mark);
    put_bytes(follower, line, size);
    tell(follower);
}

struct taken {
    struct follower *from;
    bool any;
    int32_t level;
    uint64_t lost;
    char line[LINE_ROOM];
};

/* Called between two records. */
static void take_line(void *arg)
{
    struct taken *taken = arg;
    struct follower *from = taken->from;
    struct mark mark;
    taken->any = from->used > 0;
    if (!taken->any)
        return;
    take_bytes(from, &mark, sizeof mark);
    take_bytes(from, taken->line, mark.size);
    taken->line[mark.size] = '\0';
    taken->level = mark.level;
    taken->lost = from->lost;
    from->lost = 0;
}

/* ---- serving ----------------------------------------------------------------------------------------------- */

static int pass_on_all(tr_ctx *ctx, struct taken *taken)
{
    for (;;) {
        log_between(take_line, taken);
        if (!taken->any)
            return 0;
        tr_try(tr_send_yield(ctx, tr_log_line, {taken->level, taken->line, taken->lost}));
    }
}

static void look_into_ring(void *arg)
{
    struct taken *taken = arg;
    taken->any = taken->from->used > 0;
    taken->from->waits = !taken->any;
}

static int pass_on(tr_ctx *ctx, struct taken *taken)
{
    for (;;) {
        tr_try(pass_on_all(ctx, taken));
        tr_try(tr_sleep(REST_S));
        log_between(look_into_ring, taken);
        if (!taken->any)
            tr_try(lot_park_for(&taken->from->news, "something to be said"));
    }
}

static int follow(tr_ctx *ctx, struct follower *follower)
{
    struct taken *taken = arena_alloc(&ctx->served->memory, sizeof *taken);
    if (!taken)
        return error_raise_plain(-ENOMEM);
    taken->from = follower;
    const bool one_too_many = log_tap_add(&follower->tap) >= MOST_FOLLOWERS;
    int rc = one_too_many ? raise_code(-EAGAIN, "%d follow this log already", MOST_FOLLOWERS) : pass_on(ctx, taken);
    log_tap_remove(&follower->tap);
    list_remove(&follower->soon.place);
    return rc;
}

static int follow_with_mailbox(tr_ctx *ctx, struct follower *follower)
{
    int rc = sys_mailbox(follower, &follower->mailbox);
    if (rc < 0)
        return error_raise_plain(rc);
    rc = follow(ctx, follower);
    if (follower->mailbox) {
        sys_mailbox_close(follower->mailbox);
        sys_mailbox_drop(follower->mailbox);
    }
    return rc;
}

tr_stream_fn_def(tr_inspect_log_of)
{
    const bool said = args->level && args->level[0];
    const int level = said ? log_level_of(args->level) : log_level();
    if (level < 0)
        return log_refuse("the log to be followed", args->level);
    struct follower *follower = mem_zalloc(sizeof *follower);
    if (!follower)
        return error_raise_plain(-ENOMEM);
    follower->tap = (struct log_tap){.level = level, .take = keep, .arg = follower};
    follower->runtime = runtime;
    follower->soon.fn = told_by_loop;
    list_init(&follower->soon.place);
    follower->letter.deliver = told_by_letter;
    int rc = follow_with_mailbox(ctx, follower);
    mem_free(follower);
    return rc;
}

/* ---- asking ------------------------------------------------------------------------------------------------ */

int tr_follow_log(tr_portal *portal, tr_stream **ret_stream, const char *level)
{
    tr_try(portal_usable(portal));
    if (!ret_stream)
        return raise_code(TR_EARGUMENT, "nowhere to put the stream");
    if (level && level[0] && log_level_of(level) < 0)
        return log_refuse("the log to be followed", level);
    return tr_open_stream(portal, ret_stream, tr_inspect_log_of, .level = level);
}

int tr_next_log_line(tr_stream *stream, tr_log_line *ret_line)
{
    return tr_next(stream, ret_line, tr_inspect_log_of);
}

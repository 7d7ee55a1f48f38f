/* Following an actor's log: a tap on its records, a ring of lines, a task that passes them on.
 *
 * Records are made anywhere, on any thread, also in the middle of the scheduler's work, where nobody can be woken. So
 * the task looks into the ring twenty times a second, for as long as somebody follows. That also keeps a follower at
 * level trace from being shown, without end, what it takes to show it: passing a batch on costs a few more lines, which
 * are in the next one. What is said of that task itself is not shown.
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

#include <errno.h>
#include <string.h>

enum { RING_ROOM = 256 * 1024, LINE_ROOM = 4096, MOST_FOLLOWERS = 16 };
static const double LOOK_S = 0.05;

/* Before each line in the ring. */
struct mark {
    uint32_t size;
    int32_t level;
};

struct follower {
    struct log_tap tap;
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

/* Called for each record, on whatever thread. */
static void keep(const tr_log_record *record, void *arg)
{
    struct follower *follower = arg;
    char line[LINE_ROOM];
    if (strstr(record->message, "tr_inspect_log_of"))
        return; /* that we looked into the ring and go on sleeping */
    const size_t size = log_format(record, false, line, sizeof line) - 1; /* without its newline */
    const struct mark mark = {(uint32_t)size, record->level};
    while (RING_ROOM - follower->used < sizeof mark + size)
        lose_oldest(follower);
    put_bytes(follower, &mark, sizeof mark);
    put_bytes(follower, line, size);
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

static int pass_on(tr_ctx *ctx, struct taken *taken)
{
    for (;;) {
        log_between(take_line, taken);
        if (taken->any)
            tr_try(tr_send_yield(ctx, tr_log_line, {taken->level, taken->line, taken->lost}));
        else
            tr_try(tr_sleep(LOOK_S));
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
    int rc = follow(ctx, follower);
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

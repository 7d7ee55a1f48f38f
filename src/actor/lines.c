/* The standard output and error of a child, line by line: a pipe for each, and a task that reads it.
 *
 * Such a task is shielded, since the more interesting words come when everything is cancelled; and it reads to
 * the pipe's end, which comes after all that the dead had written. Others may hold the pipe, a process that the
 * child forked for instance: so once the process is reaped there is a limit (lines_limit) to each wait for more,
 * and to each call of the program's function; one that is cut short is an error, since lines are lost.
 *
 * A line waits here until it is complete, but a long one not for ever: it is given out in pieces, which say so.
 * While the program's function has not returned nothing is read, and a child that writes more than the pipe
 * holds waits: nothing here grows. */
#include "actor/lines.h"

#include "actor/actor.h"
#include "base/error.h"
#include "base/plant.h"
#include "sched/io.h"
#include "sched/task.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { OUT = 1, ERR = 2, STREAMS = 3, LONGEST_PIECE = 4096 };

struct capture {
    struct lines *lines;
    int stream, theirs;         /* theirs: the child's end; -1 once passed */
    struct io io;
    tr_scope life;              /* around each wait for more */
    tr_scope giving;            /* around each line that is given out */
    size_t read_late;           /* after that was over */
    bool in_line;               /* a piece of it was given out */
    size_t size;
    char text[LONGEST_PIECE + 1];
};

struct lines {
    tr_line_fn *fn;
    void *arg;
    const tr_actor *actor;
    bool is_over;               /* the process is gone */
    double patience;            /* with whoever is given a line, since then */
    struct capture captures[STREAMS]; /* [0], the input, is none */
};

/* ---- cutting into lines -------------------------------------------------------------------------------- */

static int give(struct capture *capture, char *text, size_t size, bool ends)
{
    struct lines *lines = capture->lines;
    char *end = text + size, kept = *end;
    tr_line line = {.actor = lines->actor,
                    .stream = capture->stream,
                    .text = text,
                    .size = size,
                    .begins = !capture->in_line,
                    .ends = ends};
    capture->in_line = !ends;
    *end = '\0';
    capture->giving = lines->is_over ? tr_move_on_after(lines->patience) : tr_cancel_scope();
    int rc = tr_within(&capture->giving, lines->fn(&line, lines->arg));
    *end = kept;
    if (capture->giving.cancelled_caught)
        rc = raise_code(TR_ETIMEOUT, "what %s had printed is lost: on_line did not return", lines->actor->name);
    if (rc < 0) {
        capture->size = 0; /* it was told, and failed or was cut short: not again */
        capture->in_line = false;
    }
    return rc;
}

static int give_lines(struct capture *capture)
{
    char *at = capture->text, *end = at + capture->size, *newline;
    while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
        tr_try(give(capture, at, (size_t)(newline - at), true));
        at = newline + 1;
    }
    capture->size = (size_t)(end - at);
    memmove(capture->text, at, capture->size);
    if (capture->size < LONGEST_PIECE)
        return 0;
    tr_try(give(capture, capture->text, capture->size, false));
    capture->size = 0;
    return 0;
}

/* What is waited for has its time, but not what is there: of that a pipe holds so much at most. */
static long read_more(struct capture *capture)
{
    enum { LARGEST_PIPE = 1 << 20 };
    char *at = capture->text + capture->size;
    size_t room = LONGEST_PIECE - capture->size;
    long got = tr_within(&capture->life, io_receive(&capture->io, at, room));
    if (!capture->life.cancelled_caught)
        return got;
    got = capture->read_late < LARGEST_PIPE ? sys_read(capture->io.fd, at, room) : 0;
    capture->read_late += got > 0 ? (size_t)got : 0;
    return got > 0 ? got : 0;
}

/* What has no newline at its end is a line, too. */
static int read_all(struct capture *capture)
{
    for (;;) {
        long got = read_more(capture);
        if (got < 0)
            return (int)got;
        if (got == 0 || (planted(LOST_LINES) && capture->lines->is_over))
            break;
        capture->size += (size_t)got;
        tr_try(give_lines(capture));
    }
    if (capture->size == 0 && !capture->in_line)
        return 0;
    return give(capture, capture->text, capture->size, true);
}

static int read_lines(void *arg)
{
    struct capture *capture = arg;
    tr_scope shield = tr_shield();
    int rc = tr_within(&shield, read_all(capture));
    io_close(&capture->io);
    return rc;
}

/* ---- pipes ----------------------------------------------------------------------------------------------- */

static int open_one(struct capture *capture, int *ret_theirs)
{
    int ends[2], rc = sys_pipe(ends);
    if (rc < 0)
        return error_raise_plain(rc);
    rc = io_open(&capture->io, ends[0]);
    if (rc < 0) {
        sys_close(&ends[0]);
        sys_close(&ends[1]);
        return rc;
    }
    sys_lend(ends[1]);
    *ret_theirs = capture->theirs = ends[1];
    return 0;
}

int lines_open(struct arena *memory, tr_line_fn *fn, void *arg, int standard[3], struct lines **ret_lines)
{
    struct lines *lines = arena_alloc(memory, sizeof *lines);
    if (!lines)
        return error_raise_plain(-ENOMEM);
    *lines = (struct lines){.fn = fn, .arg = arg};
    for (int i = OUT; i <= ERR; i++)
        lines->captures[i] = (struct capture){
            .lines = lines, .stream = i, .theirs = -1, .io = {.fd = -1}, .life = tr_cancel_scope()};
    int rc = open_one(&lines->captures[OUT], &standard[OUT]);
    if (rc >= 0)
        rc = open_one(&lines->captures[ERR], &standard[ERR]);
    if (rc < 0)
        lines_close(lines);
    else
        *ret_lines = lines;
    return rc;
}

void lines_pass(struct lines *lines)
{
    for (int i = OUT; i <= ERR; i++)
        sys_close(&lines->captures[i].theirs);
}

int lines_start(struct lines *lines, tr_nursery *nursery, const tr_actor *actor)
{
    lines->actor = actor;
    tr_try(tr_start_soon(nursery, read_lines, &lines->captures[OUT]));
    return tr_start_soon(nursery, read_lines, &lines->captures[ERR]);
}

void lines_limit(struct lines *lines, double seconds)
{
    lines->is_over = true;
    lines->patience = seconds;
    for (int i = OUT; i <= ERR; i++) {
        tr_ignore(tr_scope_set_deadline(&lines->captures[i].life, tr_now() + seconds));
        tr_ignore(tr_scope_set_deadline(&lines->captures[i].giving, tr_now() + seconds));
    }
}

void lines_close(struct lines *lines)
{
    lines_pass(lines);
    for (int i = OUT; i <= ERR; i++)
        io_close(&lines->captures[i].io);
}

/* ---- passing them on ------------------------------------------------------------------------------------- */

int tr_print_tagged(const tr_line *line, void *arg)
{
    (void)arg;
    tr_try(task_required());
    char text[NAME_LENGTH + 2 + LONGEST_PIECE + 1];
    size_t tag = strlen(line->actor->name), size = 0;
    if (line->size == 0 && !line->begins)
        return 0; /* all of it was printed */
    if (tag > NAME_LENGTH || line->size > LONGEST_PIECE)
        return raise_code(TR_EARGUMENT, "this is no line of an actor");
    size = (size_t)snprintf(text, sizeof text, "%s: ", line->actor->name);
    memcpy(text + size, line->text, line->size);
    size += line->size;
    text[size++] = '\n';
    if (line->stream == ERR)
        sys_print_error(text, size);
    else
        sys_print(text, size);
    return 0;
}

/* A command run to its end: one that is started in a nursery of its own, with a task for each pipe.
 * Whatever ends early, by cancellation or because there is too much output, cancels that nursery, and so
 * the command; a pipe's task closes it when it leaves, so that a command that is to end is not held up by
 * output that nobody reads any more. Its failure is judged last, since what it said belongs to the
 * error. */
#include "base/buf.h"
#include "base/error.h"
#include "base/hooks.h"
#include "sched/task.h"
#include "spawn/process.h"
#include "tractor/io.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };             /* what a pipe holds */

static const size_t MOST = 64 << 20;

struct capture {
    struct run *run;
    int from;                           /* STDOUT_FILENO or STDERR_FILENO */
    bool wanted;
    struct buf bytes;
};

struct run {
    const tr_process_options *options;
    tr_process *process;
    struct capture out, err;
    tr_process_result result;
};

/* ---- the pipes ----------------------------------------------------------------------------------------- */

static int feed(void *arg)
{
    struct run *run = arg;
    int rc = tr_write(tr_process_stdin(run->process), run->options->input, run->options->input_size);
    tr_process_close(run->process, STDIN_FILENO);
    return rc == -EPIPE ? 0 : rc;
}

static int collect_all(struct capture *capture)
{
    size_t most = capture->run->options->most ? capture->run->options->most : MOST;
    tr_process *process = capture->run->process;
    int fd = capture->from == STDOUT_FILENO ? tr_process_stdout(process) : tr_process_stderr(process);
    for (struct buf *bytes = &capture->bytes;;) {
        if (buf_reserve(bytes, CHUNK) < 0)
            return error_raise_plain(-ENOMEM);
        int got = tr_read(fd, buf_end(bytes), buf_space(bytes));
        if (got <= 0)
            return got;
        buf_added(bytes, (size_t)got);
        if (bytes->size > most)
            return raise_code(-ENOBUFS, "%s wrote more than %zu bytes to descriptor %d",
                              capture->run->options->argv.items[0], most, capture->from);
    }
}

static int collect(void *arg)
{
    struct capture *capture = arg;
    int rc = collect_all(capture);
    tr_process_close(capture->run->process, capture->from);
    return rc;
}

/* ---- the run ------------------------------------------------------------------------------------------- */

static int pass_on(struct run *run, tr_nursery *nursery)
{
    tr_process_options options = *run->options;
    options.input = NULL;
    options.input_size = options.most = 0;
    options.capture_stdout = options.capture_stderr = false;
    options.may_fail = true;
    options.in = run->options->input_size ? TR_STDIO_PIPE : options.in ? options.in : TR_STDIO_NULL;
    if (run->out.wanted)
        options.out = TR_STDIO_PIPE;
    if (run->err.wanted)
        options.err = TR_STDIO_PIPE;
    tr_try(tr_start_process_(nursery, &run->process, &options));
    if (run->options->input_size)
        tr_try(tr_start_soon(nursery, feed, run));
    if (run->out.wanted)
        tr_try(tr_start_soon(nursery, collect, &run->out));
    if (run->err.wanted)
        tr_try(tr_start_soon(nursery, collect, &run->err));
    return tr_process_wait(run->process, &run->result);
}

/* The last lines of what it said, as far as they fit into an error's message, and fit to be printed. In the
 * frame's memory. */
static const char *tail_of(const struct buf *said)
{
    enum { TAIL = 400 };
    size_t size = said->size;
    while (size > 0 && strchr(" \t\r\n", said->data[size - 1]))
        size--;
    size_t from = size > TAIL ? size - TAIL : 0;
    const uint8_t *line = from ? memchr(said->data + from, '\n', size - from) : NULL;
    if (line)
        from = (size_t)(line + 1 - said->data);
    while (from < size && (said->data[from] & 0xC0) == 0x80) /* the rest of a character */
        from++;
    char *text = tr_alloc(size - from + 1);
    for (size_t i = from; text && i < size; i++) {
        uint8_t c = said->data[i];
        text[i - from] = (char)((c < ' ' && c != '\n' && c != '\t') || c == 0x7F ? '?' : c);
    }
    return text ? text : "";
}

static int run_in_nursery(struct run *run)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    if (!nursery)
        return -ENOMEM;
    tr_try(tr_join_with(nursery, pass_on(run, nursery)));
    return run->options->may_fail ? 0 : process_verdict(run->process, tail_of(&run->err.bytes));
}

/* ---- the result ---------------------------------------------------------------------------------------- */

static int keep_bytes(const struct capture *capture, tr_bytes *ret)
{
    if (!capture->wanted)
        return 0;
    char *copy = tr_alloc(capture->bytes.size + 1);
    if (!copy)
        return error_raise_plain(-ENOMEM);
    if (capture->bytes.size)
        memcpy(copy, capture->bytes.data, capture->bytes.size);
    *ret = (tr_bytes){copy, capture->bytes.size};
    return 0;
}

static int give_result(struct run *run, tr_process_result *ret)
{
    if (!ret)
        return 0;
    tr_try(keep_bytes(&run->out, &run->result.out));
    tr_try(keep_bytes(&run->err, &run->result.err));
    *ret = run->result;
    return 0;
}

static int check(const tr_process_options *options)
{
    if (!options)
        return raise_code(TR_EARGUMENT, "the options are NULL");
    if (options->in == TR_STDIO_PIPE || options->out == TR_STDIO_PIPE || options->err == TR_STDIO_PIPE)
        return raise_code(TR_EARGUMENT, "nobody would be at the other end: pipes are for tr_start_process");
    if ((options->in && options->input_size) || (options->out && options->capture_stdout) ||
        (options->err && options->capture_stderr))
        return raise_code(TR_EARGUMENT, "a stream cannot go both ways: what is given as bytes or captured "
                                        "has no descriptor");
    if (options->input_size && !options->input)
        return raise_code(TR_EARGUMENT, "the input is NULL");
    return 0;
}

int tr_run_process_(tr_process_result *ret, const tr_process_options *options)
{
    tr_try(task_required());
    tr_try(check(options));
    struct run run = {.options = options,
                      .out = {&run, STDOUT_FILENO, options->capture_stdout, {0}},
                      .err = {&run, STDERR_FILENO, options->capture_stderr, {0}}};
    int rc = run_in_nursery(&run);
    if (rc >= 0)
        rc = give_result(&run, ret);
    buf_fini(&run.out.bytes);
    buf_fini(&run.err.bytes);
    return rc;
}

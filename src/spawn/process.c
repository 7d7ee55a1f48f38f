/* A command in a nursery is a task in it: its keeper, which starts the process, waits for its end, and
 * ends only when it has ended and was reaped. As for actors, that is all a nursery has to know of
 * processes: waiting for the task is waiting for the process, its failure is the command's, and cancelling
 * it ends the command.
 *
 *     begin --> wait for the exit --> verdict
 *                    | cancelled
 *                    +--> SIGTERM, a grace, SIGKILL --> cancelled
 *
 * The ladder is shielded, and its last step cannot fail: whatever happens here, the process is gone and
 * reaped when the keeper is. The struct belongs to the nursery and not to the task, so that how it ended
 * can be asked, and what it left in its pipes be read, until the block is left; pipes are its own, and
 * closed then. They are descriptors and nothing more: the program reads and writes them as any of its own. */
#include "spawn/process.h"

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "sched/task.h"
#include "spawn/exit.h"
#include "sync/lot.h"
#include "sys/sys.h"
#include "tractor/io.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>

enum { IN, OUT, ERR, STREAMS };

static const double GRACE_S = 5; /* trio's */

struct tr_process {
    struct guest guest;             /* how the nursery owns it */
    struct sys_process *process;    /* NULL before the start and after the end */
    int pid;
    int lifeline;                   /* the end that keeps it alive; -1 when there is none */
    int pipes[STREAMS];             /* our ends; -1 where there is none */
    tr_event exited;                /* it has ended and is reaped */
    struct sys_exit how;            /* and this is how */
    const char *name;
    double grace;
    bool may_fail;
    const tr_process_options *options; /* the caller's; while it starts */
    struct arena memory;            /* of the name and this */
};

/* ---- our ends of its pipes -------------------------------------------------------------------------- */

void tr_process_close(tr_process *process, int which)
{
    if (!process || which < IN || which >= STREAMS || process->pipes[which] < 0)
        return;
    tr_notify_closing(process->pipes[which]);
    sys_close(&process->pipes[which]);
}

int tr_process_stdin(const tr_process *process)
{
    return process ? process->pipes[IN] : -1;
}

int tr_process_stdout(const tr_process *process)
{
    return process ? process->pipes[OUT] : -1;
}

int tr_process_stderr(const tr_process *process)
{
    return process ? process->pipes[ERR] : -1;
}

/* ---- beginning --------------------------------------------------------------------------------------- */

/* What the process gets; closed here once it has its copies. */
struct ends {
    int pipes[STREAMS], lifeline;
};

static int make_ends(struct tr_process *process, struct ends *theirs)
{
    const tr_process_options *options = process->options;
    const int asked[STREAMS] = {options->in, options->out, options->err};
    int pair[2], rc = sys_pipe(pair);
    if (rc < 0)
        return rc;
    theirs->lifeline = pair[0];
    process->lifeline = pair[1];
    for (int i = 0; i < STREAMS; i++) {
        if (asked[i] != TR_STDIO_PIPE)
            continue;
        if ((rc = sys_pipe(pair)) < 0)
            return rc;
        theirs->pipes[i] = pair[i != IN];
        process->pipes[i] = pair[i == IN];
        sys_lend(theirs->pipes[i]);
    }
    return 0;
}

static int standard_of(int asked, int pipe)
{
    switch (asked) {
    case 0:
    case TR_STDIO_OURS:
        return SYS_OURS;
    case TR_STDIO_NULL:
        return SYS_NULL;
    case TR_STDIO_PIPE:
        return pipe;
    default:
        return asked;
    }
}

static void exited(void *arg, struct sys_exit how)
{
    struct tr_process *process = arg;
    process->how = how;
    tr_event_set(&process->exited);
}

static int spawn(struct tr_process *process, const struct ends *theirs, bool *ret_bad_directory)
{
    const tr_process_options *options = process->options;
    size_t count = options->argv.count;
    const char **argv = arena_alloc(&process->memory, (count + 1) * sizeof *argv);
    if (!argv)
        return -ENOMEM;
    memcpy(argv, options->argv.items, count * sizeof *argv);
    int out = standard_of(options->out, theirs->pipes[OUT]);
    bool joined = options->err == TR_STDIO_STDOUT;
    struct sys_spawn what = {
        .program = argv[0],
        .search = true,
        .argv = (char *const *)argv,
        .directory = options->directory,
        .environment = options->environment.items,
        .environment_count = options->environment.count,
        .clear_environment = options->clear_environment,
        .standard = {standard_of(options->in, theirs->pipes[IN]), out,
                     joined ? (out == SYS_OURS ? OUT : out) : standard_of(options->err, theirs->pipes[ERR])},
        .keep = options->keep.items,
        .keep_count = options->keep.count,
        .lifeline = theirs->lifeline,
        .ret_bad_directory = ret_bad_directory};
    return sys_spawn(&what, exited, process, &process->process);
}

static void close_ours(struct tr_process *process)
{
    for (int i = 0; i < STREAMS; i++)
        tr_process_close(process, i);
    sys_close(&process->lifeline);
}

static int begin(struct tr_process *process)
{
    struct ends theirs = {{-1, -1, -1}, -1};
    bool bad_directory = false;
    int rc = make_ends(process, &theirs);
    if (rc >= 0)
        rc = spawn(process, &theirs, &bad_directory);
    for (int i = 0; i < STREAMS; i++)
        sys_close(&theirs.pipes[i]);
    sys_close(&theirs.lifeline);
    if (rc >= 0) {
        process->pid = sys_pid(process->process);
        return 0;
    }
    close_ours(process);
    if (bad_directory)
        return raise_code(rc, "cannot run %s in %s: %s", process->name, process->options->directory,
                          tr_code_sentence(rc));
    return raise_code(rc, "cannot run %s: %s", process->name, tr_code_sentence(rc));
}

/* ---- ending ------------------------------------------------------------------------------------------ */

static int wait_for_exit(struct tr_process *process)
{
    return process->exited.set ? 0 : lot_park_for(&process->exited.waiting_, "a command to end");
}

int tr_process_signal(tr_process *process, int number)
{
    if (!process)
        return raise_code(TR_EARGUMENT, "the command is NULL");
    int rc = process->process ? sys_signal(process->process, number) : -ESRCH;
    return rc < 0 ? error_raise_plain(rc) : 0;
}

static void terminate(struct tr_process *process)
{
    struct tr_error *newest = task_error_aside();
    (void)sys_signal(process->process, SIGTERM);
    (void)sys_signal(process->process, SIGCONT); /* one that is stopped would not hear it */
    if (!event_wait_shielded(&process->exited, process->grace)) {
        log_at(TR_LOG_WARNING, "%s, pid %d, does not end: SIGKILL", process->name, process->pid);
        (void)sys_signal(process->process, SIGKILL);
        lot_park_shielded(&process->exited.waiting_, "a killed command to end");
    }
    task_error_back(newest);
}

int process_verdict(const tr_process *process, const char *tail)
{
    const struct sys_exit how = process->how;
    char text[EXIT_TEXT_ROOM];
    if (how.signal == 0 && how.status == 0)
        return 0;
    struct tr_error *error = error_new(TR_EPROCESS, tr_code_type(TR_EPROCESS), "", 0, "%s %s%s%s",
                                       process->name, exit_text(how, text), tail[0] ? ": " : "", tail);
    if (error->code == TR_EPROCESS) { /* else memory is out; that is the error then */
        error->signal = how.signal;
        error->exit_status = how.status;
    }
    return error_raise(error);
}

static int keep(void *arg)
{
    struct tr_process *process = arg;
    tr_try(task_checkpoint_if_cancelled());
    tr_try(begin(process));
    int rc = tr_started(process);
    if (rc >= 0)
        rc = wait_for_exit(process);
    if (!process->exited.set)
        terminate(process);
    sys_forget(process->process);
    process->process = NULL;
    sys_close(&process->lifeline);
    return rc < 0 || process->may_fail ? rc : process_verdict(process, "");
}

int tr_process_wait(tr_process *process, tr_process_result *ret)
{
    tr_try(tr_checkpoint());
    if (!process)
        return raise_code(TR_EARGUMENT, "the command is NULL");
    tr_try(wait_for_exit(process));
    if (ret)
        *ret = (tr_process_result){.status = process->how.status, .signal = process->how.signal};
    return 0;
}

int tr_process_pid(const tr_process *process)
{
    return process ? process->pid : -1;
}

/* ---- starting ---------------------------------------------------------------------------------------- */

static int check_words(const tr_process_options *options)
{
    const tr_list_tr_str *argv = &options->argv, *changes = &options->environment;
    if (argv->count == 0 || !argv->items[0] || !argv->items[0][0])
        return raise_code(TR_EARGUMENT, "a command needs a name");
    for (size_t i = 0; i < argv->count; i++)
        if (!argv->items[i])
            return raise_code(TR_EARGUMENT, "argument %zu of %s is NULL", i, argv->items[0]);
    for (size_t i = 0; i < changes->count; i++)
        if (!changes->items[i] || !changes->items[i][0] || changes->items[i][0] == '=')
            return raise_code(TR_EARGUMENT, "entry %zu of the environment of %s has no name", i,
                              argv->items[0]);
    return 0;
}

static int check_streams(const tr_process_options *options)
{
    const int asked[STREAMS] = {options->in, options->out, options->err};
    for (int i = 0; i < STREAMS; i++)
        if (asked[i] < TR_STDIO_STDOUT || (asked[i] == TR_STDIO_STDOUT && i != ERR))
            return raise_code(TR_EARGUMENT, "descriptor %d of %s cannot be %d", i, options->argv.items[0],
                              asked[i]);
    for (size_t i = 0; i < options->keep.count; i++)
        if (options->keep.items[i] < STREAMS)
            return raise_code(TR_EARGUMENT, "%s cannot keep descriptor %d", options->argv.items[0],
                              options->keep.items[i]);
    return 0;
}

static int check(const tr_process_options *options)
{
    if (!options)
        return raise_code(TR_EARGUMENT, "the options are NULL");
    tr_try(check_words(options));
    tr_try(check_streams(options));
    if (isnan(options->grace) || options->grace < 0)
        return raise_code(TR_EARGUMENT, "%s cannot have %g seconds to end", options->argv.items[0],
                          options->grace);
    if (options->input || options->input_size || options->capture_stdout || options->capture_stderr ||
        options->most)
        return raise_code(TR_EARGUMENT, "input and captured output are for tr_run_process");
    return 0;
}

static void release(struct guest *guest)
{
    struct tr_process *process = container_of(guest, struct tr_process, guest);
    close_ours(process);
    struct arena memory = process->memory;
    arena_fini(&memory);
}

static struct tr_process *process_new(const tr_process_options *options)
{
    struct arena memory = {0};
    struct tr_process *process = arena_alloc(&memory, sizeof *process);
    const char *name = arena_text(&memory, options->argv.items[0]);
    if (!process || !name) {
        arena_fini(&memory);
        error_raise_plain(-ENOMEM);
        return NULL;
    }
    *process = (struct tr_process){.guest.release = release,
                                   .lifeline = -1,
                                   .pipes = {-1, -1, -1},
                                   .name = name,
                                   .grace = options->grace > 0 ? options->grace : GRACE_S,
                                   .may_fail = options->may_fail,
                                   .options = options,
                                   .memory = memory};
    return process;
}

int tr_start_process_(tr_nursery *nursery, tr_process **ret_process, const tr_process_options *options)
{
    tr_try(nursery_usable(nursery));
    tr_try(check(options));
    struct tr_process *process = process_new(options);
    if (!process)
        return -ENOMEM;
    int rc = tr_start(nursery, keep, process, NULL, .name = process->name);
    if (rc < 0) {
        release(&process->guest);
        return rc;
    }
    nursery_add_guest(nursery, &process->guest); /* which is there: our call kept it open until just now */
    if (ret_process)
        *ret_process = process;
    return 0;
}

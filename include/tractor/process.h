/* Commands: foreign programs, run to their end, or started in a nursery and talked to.
 *
 *     tr_process_result done;
 *     tr_try(tr_run_process(&done, tr_argv("git", "status", "-s"), .capture_stdout = true));
 *     printf("%s", (const char *)done.out.data);
 *
 * A command lives as a task does: its nursery waits for its end, its failure is the nursery's failure, and
 * cancelling the nursery ends it: it gets SIGTERM (and SIGCONT, should it be stopped), after five seconds or
 * `.grace` SIGKILL, and in any case it is reaped before anything goes on. (trio.run_process)
 *
 * However this process ends, or the thread that started them, by a crash or SIGKILL too, its commands are killed
 * with it at once: the kernel is told before they begin, in two ways. One is a descriptor, 100 or the next free,
 * that a command finds open, and need not keep. Beyond reach is only a program that changes its user and has
 * closed that as well; and one that by its file's set-user-ID has become another user altogether, as su does: no
 * signal of ours reaches that, so that cancelling it waits until it ends. What a command starts in turn is its
 * own business.
 *
 * How a command ended is asked of the kernel for that process alone: other children of the program stay its own.
 * SIGCHLD need not be handled, and a handler stays; but if it is ignored, or has SA_NOCLDWAIT, that ends here,
 * since the kernel would throw away how children end. Who waits for any child (waitpid(-1, ...)) takes that too:
 * such a command has failed, with what is left to say.
 *
 * A command begins with no signal blocked and none handled or ignored, except that SIGHUP, SIGINT and SIGQUIT
 * stay ignored if they are here, as in an actor. It stays in our process group: Ctrl-C at the terminal
 * reaches it as it reaches us. It gets its three standard streams and what `.keep` names, and no other
 * descriptor of ours, whether or not that was opened close-on-exec (before Linux 5.11 that counts).
 *
 * A program is named by a path if there is a slash in the name, relative to `.directory`; else it is
 * looked for along PATH, the command's own if `.environment` has one, as execvp does; a file that is
 * neither a binary nor begins with #! is not handed to a shell. */
#ifndef TRACTOR_PROCESS_H
#define TRACTOR_PROCESS_H

#include "tractor/task.h"
#include "tractor/value.h"

struct tr_arguments_are_named;

typedef struct tr_process tr_process;

/* The words of a command on the spot; the first is the program. Put together at run time they are
 * (tr_list_tr_str){words, count}, which needs no NULL at its end. */
#define tr_argv(...) tr_list(tr_str, __VA_ARGS__)

/* What a standard stream of a command may be, instead of a descriptor of ours above 0. 0 is the usual:
 * nothing to read for the input of tr_run_process, else what ours is. */
enum tr_stdio {
    TR_STDIO_OURS = -1,     /* what ours is */
    TR_STDIO_NULL = -2,     /* /dev/null */
    TR_STDIO_PIPE = -3,     /* a pipe that we have the other end of; tr_start_process only */
    TR_STDIO_STDOUT = -4    /* what its standard output is; .err only */
};

/* All zero is the usual. Nothing is needed any more once the call returns. */
typedef struct tr_process_options {
    struct tr_arguments_are_named *named_;
    tr_list_tr_str argv;        /* given by the macros below */

    const char *directory;      /* to run in; NULL: ours */
    tr_list_tr_str environment; /* what is other than in ours: "NAME=value", or "NAME" for none */
    bool clear_environment;     /* those entries are all there are */
    tr_list_int32_t keep;       /* descriptors above 2 that it gets too, under the same numbers */

    int in, out, err;           /* enum tr_stdio, or a descriptor, which should be one that blocks */
    const void *input;          /* tr_run_process: bytes for its standard input, which ends after them */
    size_t input_size;
    bool capture_stdout;        /* tr_run_process: what it writes there becomes part of the result */
    bool capture_stderr;
    size_t most;                /* bytes kept of each; 0: 64 MiB. More is an error, -ENOBUFS */

    bool may_fail;              /* a status other than 0, or an end by a signal, is no error */
    double grace;               /* seconds from SIGTERM to SIGKILL, INFINITY for no SIGKILL; 0: 5, so for
                                 * none give a very short one */
} tr_process_options;

/* How a command ended. */
typedef struct tr_process_result {
    int status;                 /* its exit status; -1 when a signal ended it */
    int signal;                 /* that signal; 0 when it exited. -1 and 0 when somebody else has waited for it */
    tr_bytes out, err;          /* what was captured, a zero byte behind it (not counted), in the frame's
                                 * memory, thus gone with the calling task; NULL and 0 if nothing was to be */
} tr_process_result;

/* Runs a command to its end. `ret` may be NULL. It has ended when the process has, and everything it was
 * to read and to tell has been passed on: what it has left running in the background, with its output, is
 * waited for too (send that elsewhere if it is not to be). Input that it does not read is no error. A
 * checkpoint; cancelled, it ends the command as said above, whatever is still in the pipes, and returns
 * TR_ECANCELLED. TR_EPROCESS unless it exits with status 0 (or may fail): the error tells
 * tr_error_exit_status and tr_error_signal, and, if it was captured, the end of its standard error; what else
 * was captured is dropped, as after any failure, so let it fail if its output matters all the same.
 * -ENOENT, -EACCES, -ENOTDIR and so on when the program cannot be run or the directory not be entered,
 * -EMFILE, TR_EARGUMENT, -ENOBUFS after which the command has been ended. (trio.run_process) */
#define tr_run_process(ret, ...) TR_RUN_PROCESS_((ret), __VA_ARGS__, )
#define TR_RUN_PROCESS_(RET, ARGV, ...) tr_run_process_((RET), TR_PROCESS_(ARGV, __VA_ARGS__))
#define TR_PROCESS_(ARGV, ...)                                                                     \
    (&(const tr_process_options){__VA_ARGS__ .argv = ARGV, .named_ = NULL})
TR_API int tr_run_process_(tr_process_result *ret, const tr_process_options *options) TR_USE_RESULT;

/* Starts a command in a nursery:
 *
 *     tr_try(tr_start_process(nursery, &bc, tr_argv("bc"), .in = TR_STDIO_PIPE, .out = TR_STDIO_PIPE));
 *     tr_try(tr_write(tr_process_stdin(bc), "6 * 7\n", 6));
 *     tr_try(got = tr_read(tr_process_stdout(bc), text, sizeof text));
 *
 * tr_join waits for its end; leaving the nursery's block before that ends it. A failure as above is the
 * nursery's, unless it may fail; so is none after it was cancelled. The tr_process belongs to the nursery
 * and can be used until its block is left, with its pipes, also when the command has ended. A checkpoint;
 * cancelled, nothing is left of it. Errors in starting as above; TR_ECLOSED after the nursery's join.
 * (nursery.start(trio.run_process, ...)) */
#define tr_start_process(nursery, ret_process, ...)                                                \
    TR_START_PROCESS_((nursery), (ret_process), __VA_ARGS__, )
#define TR_START_PROCESS_(NURSERY, PROCESS, ARGV, ...)                                             \
    tr_start_process_((NURSERY), (PROCESS), TR_PROCESS_(ARGV, __VA_ARGS__))
TR_API int tr_start_process_(tr_nursery *nursery, tr_process **ret_process,
                             const tr_process_options *options) TR_USE_RESULT;

/* Waits until it has ended and was reaped; says how, if `ret` is not NULL, without its output. Only
 * observes. A checkpoint in every case. (trio.Process.wait) */
TR_API int tr_process_wait(tr_process *process, tr_process_result *ret) TR_USE_RESULT;

/* Sends it a signal. No checkpoint. -ESRCH when it has ended, -EINVAL for a number that is none.
 * (trio.Process.send_signal) */
TR_API int tr_process_signal(tr_process *process, int signal) TR_USE_RESULT;

/* Its number; not another process's before the nursery knows of its end. */
TR_API int tr_process_pid(const tr_process *process);

/* Our ends of its pipes, descriptors for tr_read and tr_write (io.h); -1, with which these return -EBADF, where
 * there is none or it was closed. Reading comes to the end when nobody can write there any more; writing what
 * nobody will read is -EPIPE and no signal. They belong to the process: closed by tr_process_close, or when the
 * nursery's block is left. (process.stdin, stdout, stderr) */
TR_API int tr_process_stdin(const tr_process *process);
TR_API int tr_process_stdout(const tr_process *process);
TR_API int tr_process_stderr(const tr_process *process);

/* Closes our end of its descriptor 0, 1 or 2; closing 0 is how it learns that there is no more to read.
 * Who reads or writes there gets TR_ECLOSED. Nothing happens if there is none. No checkpoint.
 * (process.stdin.aclose) */
TR_API void tr_process_close(tr_process *process, int which);

#endif

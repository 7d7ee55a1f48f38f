/* Actors: processes that share nothing, started in nurseries, called by name with named arguments.
 *
 * An actor is a process that runs the same program as its parent (or another one that calls tr_main),
 * with a scheduler of its own. It belongs to a nursery of its parent, like a task: the nursery ends when
 * it has ended and was reaped, its failure is the nursery's failure, and cancelling the nursery ends it.
 *
 * A child is started with its parent's arguments, environment, working directory and standard streams.
 * It ignores SIGINT and SIGQUIT, which a terminal sends to all: what they mean is the root's business. When
 * it is to end (tr_cancel_actor, the end of its nursery) it is asked to; after one second it gets SIGTERM,
 * after another SIGKILL, unless options say other times. An actor that is ending itself gives its own children
 * half of the time that is left to it at most, at each of the two steps, so that a tree ends within the
 * bounds of its uppermost actors, however deep. Processes that it forked by itself are its own business. What
 * it prints by stdio is written when that is flushed, at its end at the latest unless it is killed.
 *
 * Ctrl-C (SIGINT) and SIGTERM cancel the root's main function, so the whole tree ends in good order, once. The
 * process then dies of that signal, as a shell expects: tr_main returns 128 + its number, what stands behind
 * it in main runs, and if the program exits with that status, it does so after its exit handlers. A second one
 * kills the root at once, whatever it is doing, and the kernel all others with it. SIGTERM does the same to a
 * child; its parent has then ActorDied, unless it asked for that end too, or is told to end itself, as when a whole
 * process group gets SIGTERM. All this only where it would end the process: ignored signals (nohup, background
 * jobs) stay ignored, a handler of the program's stays, and while tr_signals has a signal open that is what it is
 * for. tr_run leaves signals alone.
 *
 * How it is started is the tree's choice (tr_main's .start_method, or the environment's TRACTOR_START_METHOD), which
 * all its actors inherit:
 *
 *     "spawn"       (the usual) a fresh process of the program: main runs anew in each up to tr_main, and nothing of
 *                   the parent's memory is there. The price does not grow with the parent.
 *     "forkserver"  the root has a server: a copy of it as it stood when it called tr_main, which does nothing but
 *                   be copied again, for all actors of the tree. A start costs about half of a spawn's.
 *     "fork"        each actor has such a server of its own, a copy of it as it stood when it called tr_main. It
 *                   differs from the former below actors that are spawned (by .start_method or .program): those
 *                   they start share what their main did, and not what the root's did.
 *
 * A forked actor goes on from tr_main as if it had called that itself. It shares, each with a copy of its own, what
 * main did before: memory, descriptors that were open, handlers of signals, umask, limits, also what a generator of
 * random numbers will give next. Nothing that the root or its parent did later has an effect on it, but that
 * environment, working directory and standard streams are its parent's, as in a spawned one. tr_main must then be
 * called before there are threads (TR_EMISUSE). The server is a process of the program's, titled tractor-server,
 * and ends with its owner, however that ends; if it is killed, so is all it has started, and the actor whose
 * server it is fails: with "forkserver" the whole tree.
 *
 * It is seen under its name: ps -e and top show that, ps -f the program and the name, "./first_scene: donny" (the
 * latter where the kernel allows it and main has started no threads). What argv points to stays as it was. The root
 * is seen as it was started.
 *
 * A message (the arguments of a call, a result, an item of a stream) has at most 16 MiB.
 *
 * A portal is a handle through which an actor's functions are called. The one that a nursery's actor
 * comes with belongs to the nursery and can be used and read until the nursery's block is left, also
 * after tr_join; the others belong to the caller: tr_auto(portal) p = NULL; (which does nothing to one of a
 * nursery, if it stands inside the nursery's block)
 *
 * What a call returns (strings, lists) lives in the calling task's innermost frame (task.h). */
#ifndef TRACTOR_ACTOR_H
#define TRACTOR_ACTOR_H

#include "tractor/function.h"
#include "tractor/task.h"

/* ---- state of an actor ----------------------------------------------------------------------------- */

/* Actors share no memory, but tasks of one actor may. Its statespace is a value of a type of the codec (a
 * tr_struct, or tr_value for free-form data) that whoever starts the actor gives it:
 *
 *     tr_struct(kennel, (int64_t, doggy));
 *     ... tr_options("checker", .statespace = tr_statespace(kennel, &(kennel){.doggy = 10})) ...
 *
 * The pointer must be one to such a value, or it does not compile; it is read when the actor is started. */
typedef struct tr_statespace_option {
    const tr_type *type;    /* NULL: none */
    const void *value;
} tr_statespace_option;
#define tr_statespace(T, ...)                                                                      \
    ((tr_statespace_option){&tr_type_##T, (const T *const[1]){__VA_ARGS__}[0]})

/* The statespace of the actor that this is, a copy of what was given, the same for all its tasks; theirs to read
 * and to write for as long as the actor lives. (What they let it point to must live as long; what it came with
 * does.) Changes are nobody else's: they do not go back to the parent, nor on to children.
 *
 *     kennel *mine;
 *     tr_try(tr_get_statespace(&mine, kennel));
 *     mine->doggy++;
 *
 * No checkpoint. TR_EMISUSE when none was given, TR_ESIGNATURE when it is of another type (a program of another
 * version, for instance), TR_ENORUNTIME, -ENOMEM. (Actor.statespace) */
#define tr_get_statespace(ret_value, T) tr_get_statespace_((T **const[1]){(ret_value)}[0], &tr_type_##T)
TR_API int tr_get_statespace_(void *ret_value, const tr_type *type) TR_USE_RESULT;

/* ---- running ------------------------------------------------------------------------------------- */

/* How the root is run; all zero is the usual. Strings and lists are copied. */
typedef struct tr_main_options {
    struct tr_arguments_are_named *named_;
    const char *name;       /* the root actor's, by which others find it too; "root" if NULL */
    const char *arbiter;    /* the address of a shared arbiter, joined if there is one, else served here:
                             * "unix:@name", "unix:/path", "tcp://127.0.0.1:1616" or "tcp://[::1]:1616"; names of
                             * hosts are looked up, and other hosts need .allow_remote. If something else is there,
                             * or it does not answer within a second: TR_ENOARBITER. Once the root that serves
                             * it has ended, trees do not find each other until another serves it (registry.h).
                             * NULL or "": $TRACTOR_ARBITER, or an arbiter private to this tree */
    tr_list_tr_str modules; /* "module" or "module.function": what other actors may call in the root, while its
                             * main function runs; of other programs too, with a shared arbiter */
    tr_statespace_option statespace; /* the root's: tr_statespace(type, pointer) */
    const char *log;        /* the level of its log, and so its children's: "cancel" (log.h); NULL or "": as
                             * tr_console_log has said before, else $TRACTOR_LOG, or "warning" */
    const char *start_method; /* how the tree's actors are started, as said below: "spawn", "forkserver" or
                             * "fork"; NULL or "": $TRACTOR_START_METHOD, or "spawn" */
    tr_list_tr_str listen;  /* where it listens besides its own Unix socket, 7 at most: tr_names("tcp://10.0.0.1:0").
                             * Names are looked up; port 0: the kernel chooses. Children listen on the same hosts,
                             * at ports of their own */
    tr_list_tr_str advertise; /* what others are told instead of the first, second ... of these; "", or fewer: the
                             * address itself. Port 0: the one that is listened at. Needed for "tcp://0.0.0.0:0" */
    bool allow_remote;      /* the tree may listen at addresses that other hosts reach, and connect to such. Peers
                             * are not authenticated yet, of which the log warns: docs/hosts.md */
    double lost_after;      /* seconds within which it is noticed that another host has vanished, from 0.1 to 86400 (of
                             * less than 0.6 it may be 0.6, since a kernel sends again after 0.2 s at the earliest); 0:
                             * 15. Calls then fail with HostLost, inside ActorDied. A busy actor is not lost */
    bool visitor;           /* it only looks at others (inspect.h): nobody finds it, since it does not listen and is
                             * registered nowhere; no arbiter is asked, and it cannot start actors */
    const char *transport;  /* by what this process's actor and others on this host talk: "auto", a Unix socket and,
                             * once much is said, shared memory; "shm", the latter at once; "uds", never. Two peers
                             * share memory if both may. NULL or "": $TRACTOR_TRANSPORT, or "auto" */
} tr_main_options;

/* Runs fn(arg) as the main task of a tree of actors, and returns once everything it started is gone: the
 * exit status for main to return, which is fn's result, or 1 after an error, which is printed to
 * standard error (tr_last_error() still has it), or 128 and the number of the signal that it was ended by.
 * Options follow by name:
 *
 *     return tr_main(argc, argv, director, NULL, .name = "director");
 *
 * With .arbiter, no nursery is needed to be one of a cluster: the function finds others and calls them, and is found by
 * .name and called (.modules) for as long as it runs, alone in its program (examples/standalone.c).
 *
 * In a process that was started as an actor, this call is where the actor lives: it does not return, and
 * what stands before it in main runs in every actor (tr_is_child tells). Not to be called in a task, so no
 * checkpoint. One root at a time in a process; fn must not be NULL. (tractor.run)
 *
 * From its first actor or command on until it returns, processes below the root whose parents have died become
 * children of this process (PR_SET_CHILD_SUBREAPER), and are reaped when they end. Children that the program forks
 * itself are its own to wait for, also here, and with them what they leave behind: a daemon is better started as a
 * command. What the library starts is known by a value of the limit RLIMIT_RSS, which Linux does not heed. */
#define tr_main(argc, argv, ...) TR_MAIN_(argc, argv, __VA_ARGS__, )
#define TR_MAIN_(ARGC, ARGV, FN, ARG, ...)                                                         \
    tr_main_((ARGC), (ARGV), (FN), (ARG), &(const tr_main_options){__VA_ARGS__ .named_ = NULL})
TR_API int tr_main_(int argc, char **argv, int (*fn)(void *), void *arg,
                    const tr_main_options *options);

/* Runs an actor that only serves, until it is told to end: by SIGTERM or Ctrl-C, or by another actor
 * (tr_cancel_actor). What others may call in it is what .modules says; with .arbiter, programs that share that find it
 * by its name:
 *
 *     return tr_run_daemon(argc, argv, NULL, NULL, .name = "daemon", .modules = tr_names(tr_this_module()));
 *
 * begin(arg), unless it is NULL, is called as soon as it can be found and called: to print where it listens, to open
 * what it needs, to add hooks for its end. What it opens by tr_auto is gone when it returns; if it fails, so does the
 * daemon.
 *
 * All is as with tr_main, but for the exit status: the end that it was told of is what it was waiting for, so that is
 * 0 once everything it started has ended in good order, also after a signal, and the process exits instead of dying
 * of that. (systemd takes both for a success; supervisors, containers and scripts only 0.) It is 1 after an error,
 * which is printed. A second signal kills it at once, and it has died of that. Where SIGINT was ignored when it was
 * started, as scripts do with background jobs, it stays so: send SIGTERM. Not to be called in a task, so no
 * checkpoint. (tractor.run_daemon) */
#define tr_run_daemon(argc, argv, ...) TR_RUN_DAEMON_(argc, argv, __VA_ARGS__, )
#define TR_RUN_DAEMON_(ARGC, ARGV, BEGIN, ARG, ...)                                                \
    tr_run_daemon_((ARGC), (ARGV), (BEGIN), (ARG), &(const tr_main_options){__VA_ARGS__ .named_ = NULL})
TR_API int tr_run_daemon_(int argc, char **argv, int (*begin)(void *), void *arg,
                          const tr_main_options *options);

/* Whether this process was started as an actor by another one. May be called anywhere. */
TR_API bool tr_is_child(void);

/* The actor that this process is. Never NULL; outside tr_main everything in it is empty. */
TR_API const tr_actor *tr_current_actor(void);

/* Has fn(arg) called at the end of this actor, once, before those that were added earlier: to remove a file, to
 * say good-bye to somebody. Any task may add one, a hook too; `arg` must live until then.
 *
 * That is when its main function and all that others had called in it have ended, however that came: by return,
 * error, cancellation, its parent's request, Ctrl-C or SIGTERM. It can still call other actors, and has not told
 * its parent of its end. Hooks may wait: they are shielded from cancellation, for 5 seconds all together, and a
 * child has at most what its parent grants it (its grace and term_grace, by which it is killed); what is not done
 * by then is cut short, and TR_ETIMEOUT. A hook's error is one of the actor's, beside others: the root's tr_main fails
 * with it, and a child's nursery, as ActorDied with it as the cause. The others are called all the same.
 *
 * exit() in a task has them called there, in that task, while other tasks go on; their errors are printed. Nobody
 * calls them after SIGKILL, a crash, abort, a failed assert, _exit, a second Ctrl-C, or an exit() on a thread
 * that is not the actor's. No checkpoint. TR_ENORUNTIME outside of actors, TR_EARGUMENT without a function,
 * -ENOMEM. (Actor.lifetime_stack.callback) */
TR_API int tr_at_end(int (*fn)(void *), void *arg) TR_USE_RESULT;

/* ---- starting actors ----------------------------------------------------------------------------- */

/* A list of module names on the spot: .modules = tr_names("venue", "clock.now") */
#define tr_names(...) tr_list(tr_str, __VA_ARGS__)

/* What an actor wrote to its standard output or error: a line without its newline, or a piece of one. Whatever is
 * left when nothing more can come is a line as well. */
typedef struct tr_line {
    const tr_actor *actor;  /* whose */
    int stream;             /* 1 for its output, 2 for its errors */
    const char *text;       /* ended by a zero byte, and there may be others; gone when the function returns */
    size_t size;            /* at most 4096: longer lines come in pieces, */
    bool begins, ends;      /* the first and the last of which this is */
} tr_line;

/* Called in a task of the parent's, for each stream one after the other, in order; may wait (then the child,
 * when its pipe is full, does too), and is shielded from cancellation. A negative result ends the actor, and is
 * its nursery's error. */
typedef int tr_line_fn(const tr_line *line, void *arg);

/* One of these: "name: text", as a line of our own standard output or error. Waits for the terminal, all tasks
 * with it, as printf does. No checkpoint. TR_ENORUNTIME outside a run. */
TR_API int tr_print_tagged(const tr_line *line, void *arg) TR_USE_RESULT;

typedef struct tr_actor_options {
    struct tr_arguments_are_named *named_;
    const char *name;       /* 1 to 255 bytes; need not be unique */
    tr_list_tr_str modules; /* "module" or "module.function": what others may call in it */
    const char *program;    /* the path of another to run instead of this one; it must call tr_main */
    double start_timeout;   /* seconds until it must be up; 0: 30 */
    double grace;           /* seconds it has to end when it is asked to; then it gets SIGTERM. 0: the
                             * nursery's, or 1 */
    double term_grace;      /* seconds after that; then it gets SIGKILL. 0: the nursery's, or 1 */
    const char *start_method; /* NULL or "": the tree's; that, or "spawn". Of another .program always "spawn" */
    tr_line_fn *on_line;    /* gets what it and its children write to standard output and error: tr_print_tagged,
                             * or your own; NULL: these are ours, too. All that was written before its death
                             * arrives; if others still hold the streams, what comes within a second. A call
                             * that has not returned a second after that is cut short: TooSlow. */
    void *on_line_arg;      /* must live as long as the nursery */
    tr_statespace_option statespace; /* what it begins with: tr_statespace(type, pointer) */
    const char *log;        /* the level of its log, and so its children's (log.h); NULL or "": ours as it is
                             * when it is started */
    tr_list_tr_str listen, advertise; /* as tr_main's; none: on the hosts where we listen, advertised likewise */
    bool local;             /* it listens at its own Unix socket only, wherever we do */
} tr_actor_options;

/* Starts an actor that serves calls until it is cancelled (a daemon), for which tr_join waits: so tr_cancel
 * the nursery, or tr_cancel_actor, first. Names of modules are not looked for: a wrong one shows at a call.
 *
 *     tr_start_actor(nursery, &portal, "frank", .modules = tr_names(tr_this_module()))
 *
 * Returns when it is up; `ret_portal` may be NULL. A checkpoint; cancelled, nothing is left of it. If
 * the process ends unasked the nursery fails with RemoteActorError around ActorDied.
 * TR_ESTART when the program cannot be run or does not come up in time, TR_EARGUMENT for a bad name or an unknown
 * start method, TR_EMISUSE for one that the tree is not prepared for,
 * TR_ECLOSED after the nursery's join. (ActorNursery.start_actor) */
#define tr_start_actor(nursery, ret_portal, ...) TR_START_(nursery, ret_portal, __VA_ARGS__, )
#define TR_START_(NURSERY, PORTAL, NAME, ...)                                                      \
    tr_start_actor_((NURSERY), (PORTAL), TR_OPTIONS_(NAME, __VA_ARGS__))
#define TR_OPTIONS_(NAME, ...)                                                                     \
    (&(const tr_actor_options){__VA_ARGS__ .name = (NAME), .named_ = NULL})
TR_API int tr_start_actor_(tr_nursery *nursery, tr_portal **ret_portal,
                           const tr_actor_options *options) TR_USE_RESULT;

/* Starts an actor to run one function, whose module it serves, and ends it when that has returned (and the
 * nursery's body has come to tr_join or its end: until then others may want to talk to it):
 *
 *     tr_run_in_actor(nursery, &portal, "donny", say_hello, .other_actor = "gretchen")
 *
 * A checkpoint: returns when it is up and the call is on its way; arguments are copied. If the function
 * fails, so does the nursery, with RemoteActorError. Errors as tr_start_actor. (ActorNursery.run_in_actor) */
#define tr_run_in_actor(nursery, ret_portal, name, ...)                                            \
    TR_RUN_(nursery, ret_portal, TR_OPTIONS_(name, ), __VA_ARGS__, )
#define TR_RUN_(NURSERY, PORTAL, OPTIONS, NAME, ...)                                               \
    NAME##_tr_run_((NURSERY), (PORTAL), (OPTIONS), TR_ARGS_(NAME, __VA_ARGS__))

/* The same with options: tr_run_in_actor_with(n, &p, tr_options("donny", .modules = ...), fn, ...) */
#define tr_run_in_actor_with(nursery, ret_portal, options, ...)                                    \
    TR_RUN_(nursery, ret_portal, options, __VA_ARGS__, )
#define tr_options(...) TR_OPTIONS_P_(__VA_ARGS__, )
#define TR_OPTIONS_P_(...) TR_OPTIONS_(__VA_ARGS__)

/* ---- calling ------------------------------------------------------------------------------------- */

/* Calls a function in the actor behind the portal and waits for its result:
 *
 *     tr_try(tr_call(portal, &line, say_hello, .other_actor = "donny"));
 *
 * The compiler checks names and types of arguments and result (NULL for void, or to drop it). A
 * checkpoint. Cancelled, it cancels the remote task and waits for its end, 2 seconds at most; what does
 * not heed that runs on. The deadline of the calling scope holds in the callee too, by the
 * callee's own clock, also when it is moved while the call runs. Without one, a call to
 * an actor that is busy for ever takes for ever.
 * TR_EREMOTE when the call failed there or the actor died: tr_last_error() then has the remote error as
 * its cause, such as ModuleNotExposed, FunctionNotFound, ArgumentError, SignatureMismatch, ActorDied,
 * or whatever the function raised. A daemon lives on after a call in it failed. (Portal.run) */
#define tr_call(portal, ret, ...) TR_CALL_(portal, ret, __VA_ARGS__, )
#define TR_CALL_(PORTAL, OUT, NAME, ...)                                                           \
    NAME##_tr_call_((PORTAL), (OUT), TR_ARGS_(NAME, __VA_ARGS__))

/* Waits for the result of the function that the actor was started with, and gives it again each time.
 * It belongs to the portal. Only observes: a failed actor fails its nursery whether or not anybody
 * looked (and since that cancels the body, one who wants every result, failed or not, uses a daemon and
 * tr_call, or a nursery for each). A checkpoint on its way to waiting only. TR_EREMOTE with the nursery's
 * error, TR_EMISUSE if the actor was not started by tr_run_in_actor, TR_ESIGNATURE if not with this
 * function. (Portal.result) */
#define tr_result(portal, ret, fn) fn##_tr_result_((portal), (ret))

/* Asks the actor to end and waits until it is gone: 1 when it went by itself, 0 when it had to be
 * killed. Its calls end with an error, its nursery goes on without it. If it has died before, that is
 * still the nursery's error. An actor that is not of a nursery of ours cannot be killed: TR_ETIMEOUT when it
 * has not ended after 3 seconds. One that is reached over TCP refuses to end: TR_EREMOTE around errno.EACCES. A
 * checkpoint; once asked it ends also if this is cancelled.
 * (Portal.cancel_actor) */
TR_API int tr_cancel_actor(tr_portal *portal) TR_USE_RESULT;

/* Who is behind the portal. Belongs to it. Never NULL for a portal that is not. */
TR_API const tr_actor *tr_portal_actor(const tr_portal *portal);

/* tr_auto(portal): gives it back at the end of the block. No checkpoint. */
typedef tr_portal *tr_portal_auto_;
TR_API void tr_portal_done_(tr_portal **portal);

/* ---- finding ------------------------------------------------------------------------------------- */

/* A portal to an actor by that name, of this tree or else of everything at the shared arbiter; of several the oldest.
 * tr_wait_for_actor waits until there is one; it goes on when the arbiter ends, since one may come in this tree or with
 * the next arbiter: give it a deadline. tr_find_actor returns 1 if there is one now and 0 (with *ret_portal untouched)
 * if there is none, or TR_ENOARBITER if there is none in this tree and the shared arbiter does not answer within a
 * second. To be released by the caller. Checkpoints. Lists, and who comes and goes: registry.h.
 * (tractor.wait_for_actor, find_actor) */
TR_API int tr_wait_for_actor(tr_portal **ret_portal, const char *name) TR_USE_RESULT;
TR_API int tr_find_actor(tr_portal **ret_portal, const char *name) TR_USE_RESULT;

/* A portal to the arbiter: the shared one, or this tree's root. A checkpoint. Errors as above. (tractor.get_arbiter) */
TR_API int tr_get_arbiter(tr_portal **ret_portal) TR_USE_RESULT;

#endif

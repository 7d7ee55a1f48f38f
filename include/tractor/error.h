/* Errors: a negative number that says what kind, and an object of the task that says the rest.
 *
 * Functions of this library return 0 or a positive value on success and a negative code on failure;
 * a failed call leaves its outputs untouched. Codes -1 to -4095 are errno values and have the type
 * "errno.ENOENT" and so on; the library's own lie below and are listed here. Your functions may
 * return either kind, or raise an error of their own with tr_raise.
 *
 * The object tells the type, a message, where and in which actor it arose, the C backtrace there, and
 * what caused it. An error that came from another actor is a "RemoteActorError" whose cause is the
 * error as it was there; one box per actor it passed through. Several errors at once are one
 * "ErrorGroup" with members, of which some may be groups again, as one nursery fails in another; a single
 * error is never wrapped. Chains of causes and groups in groups that are deeper than 32 lose their middle.
 * (Python's tractor and trio: the same, with exceptions.)
 *
 * Lifetime: an error object lives until its task ends or raises or receives another one, whichever
 * comes first; tr_error_keep prolongs it. Only the newest is there: a code that is returned after some other
 * call has failed as well has lost its message. Where clean-up may fail, put the error aside:
 *
 *     const tr_error *first = tr_error_keep(tr_last_error());
 *     tr_ignore(say_goodbye(conn));
 *     rc = tr_reraise(first);
 *     tr_error_release(first);
 *     return rc;
 *
 * A call that succeeds may leave an older error there: look after a failure only. None of the functions
 * here is a checkpoint. */
#ifndef TRACTOR_ERROR_H
#define TRACTOR_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TR_API __attribute__((visibility("default")))
#define TR_USE_RESULT __attribute__((warn_unused_result))
#define TR_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#error "libtractor needs gcc or clang: it relies on the cleanup attribute"
#endif

/* code, value, type name, sentence */
#define TR_ERRORS(X)                                                                               \
    X(TR_ECANCELLED, -4097, "Cancelled", "a surrounding scope was cancelled")                      \
    X(TR_ENORUNTIME, -4098, "NoRuntime", "called outside tr_main and tr_run")                      \
    X(TR_EREMOTE, -4099, "RemoteActorError", "another actor failed")                               \
    X(TR_EDIED, -4100, "ActorDied", "the actor's process ended without a word")                    \
    X(TR_EGROUP, -4101, "ErrorGroup", "several errors at once")                                    \
    X(TR_ENOTEXPOSED, -4102, "ModuleNotExposed", "the actor does not serve that module")           \
    X(TR_ENOFUNCTION, -4103, "FunctionNotFound", "the module has no such function")                \
    X(TR_EARGUMENT, -4104, "ArgumentError", "an argument does not fit")                            \
    X(TR_ETIMEOUT, -4105, "TooSlow", "the time allowed was over")                                  \
    X(TR_ECLOSED, -4106, "Closed", "this end was closed before")                                   \
    X(TR_EBROKEN, -4107, "Broken", "the other end is gone")                                        \
    X(TR_EPROTOCOL, -4108, "ProtocolError", "the peer does not speak this protocol")               \
    X(TR_ESTART, -4109, "StartFailed", "the actor could not be started")                           \
    X(TR_EMISUSE, -4110, "Misuse", "not allowed here")                                             \
    X(TR_ERAISED, -4111, "Error", "raised by the application")                                     \
    X(TR_ENOARBITER, -4112, "NoArbiter", "no arbiter answers at that address")                     \
    X(TR_ESIGNATURE, -4113, "SignatureMismatch", "caller and callee declare it differently")       \
    X(TR_EPROCESS, -4114, "ProcessFailed", "a command failed")                                        \
    X(TR_ENONAME, -4115, "NameNotFound", "no host or no service has that name")                    \
    X(TR_EOVERRUN, -4116, "StreamOverrun", "the reader of a stream fell too far behind")           \
    X(TR_ELAGGED, -4117, "Lagged", "this reader has missed some values")                           \
    X(TR_ELOST, -4118, "HostLost", "another host does not answer any more")

enum tr_code {
#define TR_CODE_(CODE, VALUE, TYPE, SENTENCE) CODE = (VALUE),
    TR_ERRORS(TR_CODE_)
#undef TR_CODE_
};

typedef struct tr_error tr_error;

/* Who an actor is. The strings belong to whatever handed the struct out. */
typedef struct tr_actor {
    const char *name;    /* as given to tr_main or the nursery; not unique */
    const char *uuid;    /* 32 hexadecimal digits; unique */
    const char *address; /* where it listens: "unix:..." or "tcp://..."; "" when unknown */
    int pid;             /* on its host */
} tr_actor;

/* Raises an error of your own: tr_raise("app.BadOrder", "no such venue: %s", venue). Returns
 * TR_ERAISED, or the code of the built-in type or errno value that `type` names, to be returned in
 * turn. Copies everything. Outside a run it has nowhere to put it and returns TR_ENORUNTIME. */
#define tr_raise(type, ...) tr_failure_(tr_raise_at_(__FILE__, __LINE__, (type), __VA_ARGS__))
TR_API int tr_raise_at_(const char *file, int line, const char *type, const char *format, ...)
    TR_PRINTF(4, 5) TR_USE_RESULT;

/* Raises `type` because of `cause`, which is kept by it; NULL stands for tr_last_error(). */
#define tr_raise_from(cause, type, ...)                                                            \
    tr_failure_(tr_raise_from_((cause), __FILE__, __LINE__, (type), __VA_ARGS__))
TR_API int tr_raise_from_(const tr_error *cause, const char *file, int line, const char *type,
                          const char *format, ...) TR_PRINTF(5, 6) TR_USE_RESULT;

/* The code of a failure, unchanged. Compilers and analysers see here that it is negative, and so that nobody who
 * uses tr_try goes on after it and reads outputs that were not set. The empty instruction keeps the function that
 * raises in the backtrace: without it "return tr_raise(...)" would be a jump, with nothing to come back to. */
static inline TR_USE_RESULT int tr_failure_(int code)
{
    __asm__ volatile("");
    if (code >= 0)
        __builtin_unreachable();
    return code;
}

/* Raises an error that was kept, again: the same error, with the same id. Returns its code; TR_EMISUSE for
 * NULL. */
TR_API int tr_reraise(const tr_error *error) TR_USE_RESULT;

/* The newest error of the calling task, or, outside tr_run and tr_main, the one they ended with on this
 * thread ("NoRuntime" before any). NULL when there was none. Borrowed: see Lifetime above. */
TR_API const tr_error *tr_last_error(void);

/* Whether the error, what it boxes, what caused it or any of its members has this type. False for
 * NULL. */
TR_API bool tr_error_is(const tr_error *error, const char *type);

/* The nearest such error itself, or NULL. Borrowed from `error`. */
TR_API const tr_error *tr_error_find(const tr_error *error, const char *type);

/* What there is to know of it; of NULL nothing: 0, "" or NULL. */
TR_API int tr_error_code(const tr_error *error);
TR_API const char *tr_error_type(const tr_error *error);
TR_API const char *tr_error_message(const tr_error *error);
TR_API const tr_actor *tr_error_actor(const tr_error *error);   /* where it arose; never NULL */
TR_API const char *tr_error_file(const tr_error *error);        /* "" when unknown */
TR_API int tr_error_line(const tr_error *error);
TR_API uint64_t tr_error_id(const tr_error *error);              /* the same in every actor */
TR_API const tr_error *tr_error_cause(const tr_error *error);   /* or what it boxes; may be NULL */

/* The members of an ErrorGroup; 0 and NULL for all others. */
TR_API size_t tr_error_members(const tr_error *error);
TR_API const tr_error *tr_error_member(const tr_error *error, size_t index);

/* For ActorDied and ProcessFailed: the signal that ended the process or 0, and its exit status or -1. */
TR_API int tr_error_signal(const tr_error *error);
TR_API int tr_error_exit_status(const tr_error *error);

/* The C backtrace of the place where it arose, in whichever actor that was, innermost first, a line each:
 * "function at file.c:12 (program+0x1234)", with ", inlined in outer at file.c:30" where that is so. That takes libdw
 * (Debian: libdw1), and the program with debug information (-g), the same build of it, at the same path where this
 * is called; it is looked up then, which takes milliseconds the first time. (A program with LeakSanitizer must be
 * linked with -ldw.) Otherwise it is "program+0x1234", with the function if it is exported ("(function+0x10)");
 * addr2line -fie program 0x1234 tells the rest. Functions that ended in a call of the next one ("return f();")
 * are not in it where the compiler made that a jump. */
TR_API size_t tr_error_frames(const tr_error *error);
TR_API const char *tr_error_frame(const tr_error *error, size_t index);

/* Keeps an error beyond its task's next one; give each back with tr_error_release. NULL is allowed.
 * An error belongs to the thread it arose on; what thread.h carries to another one is that one's. */
TR_API const tr_error *tr_error_keep(const tr_error *error);
TR_API void tr_error_release(const tr_error *error);

/* The whole of it as text for people, several lines: types, messages, actors, causes, members with numbers,
 * backtraces; each line ends with a newline. Boxes of RemoteActorError are one line, with the path from this actor
 * to the one where it arose; of backtraces the library's own places are only counted. Not for machines: it may
 * change. Belongs to the error and lives as long. Never NULL. */
TR_API const char *tr_error_report(const tr_error *error);

/* The type name and the sentence of a code; never NULL. Of an errno value the bare name, "ENOENT"; of what is
 * no code of ours, 0 included, "Error". */
TR_API const char *tr_code_type(int code);
TR_API const char *tr_code_sentence(int code);

/* Drops a result on purpose; functions whose result matters warn otherwise. */
#define tr_ignore(...) ((void)!(__VA_ARGS__))

/* Returns from the enclosing function when an expression is a negative code. Use it for everything
 * whose failure you do not handle on the spot. */
#define tr_try(...) TR_TRY_(TR_PASTE_(tr_rc_, __COUNTER__), __VA_ARGS__)
#define TR_TRY_(RC, ...)                                                                           \
    do {                                                                                           \
        int RC = (__VA_ARGS__);                                                                    \
        if (RC < 0)                                                                                \
            return RC;                                                                             \
    } while (0)
#define TR_PASTE_(a, b) TR_PASTE2_(a, b)
#define TR_PASTE2_(a, b) a##b

/* This place in the source, as text. */
#define TR_HERE_ __FILE__ ":" TR_TEXT_(__LINE__)
#define TR_TEXT_(x) TR_TEXT2_(x)
#define TR_TEXT2_(x) #x

/* Declares a variable of one of the library's types that is released when its block is left, by any
 * way but longjmp: tr_auto(portal) p = NULL; */
#define tr_auto(kind) __attribute__((cleanup(tr_##kind##_done_), unused)) tr_##kind##_auto_

#endif

/* What the rooms say of themselves, by the same lines as programs (tractor/log.h). One that is not wanted costs one
 * comparison; one that is, needs no memory, so what is said when there is none is said.
 *
 * Level, and who takes the records, are the process's and not a runtime's: threads that have no runtime, or only a
 * small one, log as well. They lie in src/sys (console.c), below which the process is; a world of many processes
 * exchanges them as it goes from one to the next. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/runtime.h"
#include "tractor/log.h"

/* A room's line: its subsystem is the room. */
#define log_at(LEVEL, ...)                                                                         \
    (tr_log_is_on(LEVEL) ? log_say((LEVEL), __FILE__, __LINE__, __VA_ARGS__) : (void)0)

/* ---- in src/observe -------------------------------------------------------------------------------- */

void log_say(tr_log_level level, const char *file, int line, const char *format, ...) TR_PRINTF(4, 5)
    __attribute__((cold));

/* The level of a name like "debug"; -1 for an unknown one, that of warnings for NULL or "". */
int log_level_of(const char *name);

/* TR_EARGUMENT, raised, with the names there are; `where` is what has been set to that. */
int log_refuse(const char *where, const char *name);

/* What a line looks like on the console, with its newline: how many bytes, at most `room`. */
size_t log_format(const tr_log_record *record, bool coloured, char *ret_line, size_t room);

/* ---- in src/sys ------------------------------------------------------------------------------------ */

/* Somebody who gets the records of a level or above besides, whatever the process's own; called as any tr_log_fn. Lies
 * where its owner keeps it, until it is removed. */
struct log_tap {
    int level;
    tr_log_fn *take;
    void *arg;
    struct log_tap *next;
};

/* A process's part of the log. */
struct log_state {
    int level;                      /* what it says; tr_log_level_ is that, or a tap's that wants more */
    struct log_tap *taps;
    bool chosen;                    /* by the program: the environment has nothing to say any more */
    bool taking;                    /* `take` is running */
    tr_log_fn *take;                /* NULL: the console */
    void *arg;
};

/* The level alone, which anybody may read inline. */
void log_set_level(int level, bool chosen);
bool log_level_is_chosen(void);

/* The process's own, whoever follows its log at another. */
int log_level(void);

int log_tap_add(struct log_tap *tap);       /* how many there were before */
void log_tap_remove(struct log_tap *tap);

/* fn(arg) while no record is handed over, in whatever thread. */
void log_between(void (*fn)(void *arg), void *arg);

/* Shows it to the taps. Whether the console need not have it: `take` has, or is what is speaking, or the process would
 * not have said it but for a tap. */
bool log_hand_over(const tr_log_record *record);

/* Who this process is, for threads without a runtime; copied. */
void log_set_self(const tr_actor *self);

/* What that is: two copies, and a number. */
enum { LOG_NAME_ROOM = 256, LOG_UUID_ROOM = 33 };
int log_copy_self(char ret_name[LOG_NAME_ROOM], char ret_uuid[LOG_UUID_ROOM]);

/* For worlds that have several processes in one thread: this one's part, in exchange for the other's. */
extern const struct log_state log_at_birth;
struct log_state log_exchange(struct log_state with);

#endif

/* The program `tractor`: what its commands share. It is an ordinary program of the library's, a visitor in everybody's
 * tree, and sees the public headers only. */
#ifndef CLI_H
#define CLI_H

#include <stdarg.h>
#include <stdio.h>
#include <tractor.h>

/* How it exits; the texts are the program's help. */
#define STATUSES(X)                                                                                \
    X(STATUS_FINE, 0, "fine")                                                                      \
    X(STATUS_FAILED, 1, "the other side failed: the function's error, an actor that died")         \
    X(STATUS_USAGE, 2, "wrong usage: an option, an argument, a name that means several actors")    \
    X(STATUS_NOBODY, 3, "nothing is running, or nobody and nothing of that name")                  \
    X(STATUS_LATE, 4, "not within the time allowed")
enum status {
#define STATUS_(NAME, NUMBER, TEXT) NAME = (NUMBER),
    STATUSES(STATUS_)
#undef STATUS_
};

struct options {
    const struct command *command;
    const char *arbiter;        /* whose actors are meant; NULL: those of all the user's trees */
    double timeout;             /* seconds for all of it; 0: the command's own */
    const char *level;          /* of a log */
    bool json, watch, verbose;
    char **words;               /* what is no option, behind the command's name */
    int count;
};

/* One file each. */
struct command {
    const char *name;
    const char *synopsis;       /* behind "tractor name" */
    const char *summary;        /* one line */
    const char *help;           /* the rest: what it shows, and examples */
    int least, most;            /* words; most -1: any number */
    double timeout;             /* seconds, if nothing else is said; 0: as long as it takes */
    int (*run)(const struct options *options); /* in a task: a status, or a negative code, raised */
};
extern const struct command ps_command, tree_command, tasks_command, call_command, functions_command, cancel_command,
    log_command, wait_command;

/* ---- main.c -------------------------------------------------------------------------------------------- */

/* "tractor: ..." on standard error, harmless to a terminal; returns the status. */
int complain(enum status status, const char *format, ...) TR_PRINTF(2, 3);

/* ---- explain.c ----------------------------------------------------------------------------------------- */

/* Says what the newest error, whose code is `rc`, is, all of it if `verbose`; returns the status. */
int explain(int rc, bool verbose);

/* ---- company.c: who there is --------------------------------------------------------------------------- */

enum { NAME_ROOM = 256, UUID_ROOM = 33, HOST_ROOM = 65, ADDRESS_ROOM = 161, SHORT_UUID = 8 };
enum { MOST_ADDRESSES = 8 };    /* as many as an actor may have */

/* Copies, since lists of them are kept for longer than the answers they came in. */
struct actor {
    char name[NAME_ROOM], uuid[UUID_ROOM];
    char addresses[MOST_ADDRESSES][ADDRESS_ROOM]; /* the first is what it calls its own; "" behind the last */
    int pid;
    bool answered;              /* the rest is known */
    bool refused;               /* it has answered that it does not tell: it is of a version that cannot */
    char host[HOST_ROOM], parent[UUID_ROOM], parent_name[NAME_ROOM];
    double uptime, cpu;         /* seconds */
    uint64_t memory;            /* bytes */
    const struct actor *above;  /* tree.c: its parent in the same company; NULL: nobody who is there */
};

struct company {
    struct actor *actors;       /* in the order in which they came, tree by tree */
    size_t count, room;
};

/* All zero is nobody. */
void company_free(struct company *company);

/* A checkpoint: all that are registered. STATUS_NOBODY, after words about it, when there is none. */
int company_list(const struct options *options, struct company *company);

/* The same without a word, and also nobody, as the `each` of company_roots: all of one root. */
int company_add(tr_portal *root, void *company);

/* A checkpoint: asks each of them about itself; who does not answer within a second has not answered. */
int company_ask(struct company *company);

/* The roots that are to be asked for actors: a portal to each is given to each(portal, arg), as long as that returns
 * 0 or more; who does not answer is passed over. How many there were, or a negative code. */
int company_roots(const struct options *options, int (*each)(tr_portal *root, void *arg), void *arg);

/* tr_reach_actor, within a second. */
int company_reach(const char *address, const char *uuid, tr_portal **ret_portal);

/* A checkpoint: the one actor that a name, name@pid or the beginning of a uuid means, and a portal to it, the caller's
 * (NULL: none is wanted). STATUS_FINE; or another status, after words about it. */
int company_find(const struct options *options, const char *word, struct actor *ret_actor, tr_portal **ret_portal);

/* ---- watch.c: who comes and goes ------------------------------------------------------------------------- */

struct watcher;

struct watch {
    tr_nursery *nursery;            /* there is a task in it for each root */
    void (*told)(const tr_actor_event *event, void *arg); /* NULL: a root's watch has ended */
    void *arg;
    struct watcher *first;          /* NULL: nobody is watched */
    bool no_arbiter;                /* somebody who was to be watched knows of nobody */
};

/* As company_roots, where `each` may be NULL; and each root is watched from then on. An arbiter is dialed once, for as
 * long as it is there. */
int watch_roots(struct watch *watch, const struct options *options, int (*each)(tr_portal *root, void *arg), void *arg);

/* ---- value.c: texts and values ------------------------------------------------------------------------- */

/* A value as JSON in one line. To be freed. */
char *value_to_json(const tr_value *value);

/* JSON as a value, in the calling task's innermost frame. Why not, or NULL. */
const char *value_of_json(const char *text, tr_value *ret_value);

/* A line: as JSON, or a text as it is and everything else as JSON. */
void value_print(const tr_value *value, bool json);

/* What a remote actor has sent as text, harmless to a terminal if that is where it goes. */
void print_text(FILE *to, const char *text);

/* What is said of one that has not answered. */
const char *silence_text(const struct actor *actor);

/* ---- the words of tables ------------------------------------------------------------------------------- */

enum { FIGURE_ROOM = 32 };

/* "950 ms", "3.2 s", "12 min", "5 h", "3 d" / "1.2 MiB". */
const char *duration_text(double seconds, char text[FIGURE_ROOM]);
const char *size_text(uint64_t bytes, char text[FIGURE_ROOM]);

#endif

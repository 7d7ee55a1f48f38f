/* The observer: a process outside the tree, not a member of it and not an actor, which starts the root and sees
 * what becomes of all of them.
 *
 * Nothing escapes it: it is a subreaper, so whoever loses its parent becomes its child, whatever that did to
 * session, group or name; and the trial is over for certain when the kernel says that there is no child left
 * (ECHILD). Who lives meanwhile is asked of /proc, from parent to child.
 *
 * It waits for events only (the bell of the board, the end of a child), each time with a limit. */
#ifndef CHAOS_OBSERVER_H
#define CHAOS_OBSERVER_H

#include "board.h"

#include <stdio.h>
#include <sys/types.h>

struct observer {
    struct board *board;
    int memory, bell, children; /* children: a signalfd */
    int log;                    /* what the tree prints */
    pid_t root;
    pid_t host;                 /* another tree's root, if there is one; -1 */
    bool root_gone, host_gone, all_gone;
    int root_status, host_status; /* as waitpid says it */
    int64_t all_gone_ns;
    int foundlings;             /* how many have become ours because their parents had gone */
};

/* One of the tree that lives: no zombie. */
struct seen {
    pid_t pid;
    enum phase phase;
};

enum { SEEN_MOST = 256 };

int64_t now_ns(void);

/* Makes the board; the environment, limits and so on that are set then are the tree's. */
bool observer_prepare(struct observer *observer);

/* Starts this program once more, with these arguments, as the root; its standard streams are the log's. */
bool observer_start(struct observer *observer, char *const *argv);

/* The same as the root of another tree, beside it. */
bool observer_start_host(struct observer *observer, char *const *argv);

/* How many live, up to SEEN_MOST; the root first, if it does. */
int observer_look(struct observer *observer, struct seen *ret_seen);

/* Waits until it is so, all are gone, or the time is over. What it returns is whether it is so. */
bool observer_wait(struct observer *observer, bool (*is_so)(struct observer *, void *), void *arg,
                   int64_t until_ns);
bool observer_wait_for_end(struct observer *observer, int64_t until_ns);

/* Whether a process is so new that it is still a copy of its parent, before its exec; for one that is stopped. */
bool observer_is_newborn(pid_t pid);

/* Prints what the kernel says of those that live. */
void observer_print_living(struct observer *observer, FILE *to);

/* Kills all that live, and again, until there are none; how many there were to begin with. */
int observer_end_all(struct observer *observer);

/* The last few lines that the tree has printed. */
/* What the kernel calls it; "" if it is gone. */
void observer_name(pid_t pid, char *ret_name, size_t room);
void observer_print_log(const struct observer *observer, FILE *to);
bool observer_heard(const struct observer *observer, const char *text);

#endif

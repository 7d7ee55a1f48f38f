/* Orphans: processes below a root whose parents have died, which are the root's from then on, as a subreaper.
 *
 * What binds an actor to its parent has the kernel kill it when that dies; then somebody has to reap it. Left to
 * the first process of the system, it would be reaped some time, in a container often never. So it comes here,
 * and so does whatever else such an actor has left behind, a daemon for instance: that lives on, as it would
 * without us, and is reaped when it ends.
 *
 *     root: its first spawn --> has orphans --> reaps those that end --> gives them up at its end
 *
 * Who is an orphan? The kernel does not tell a child that it gave us from one that the program has forked itself,
 * and must have the status of. So what this library starts in a root is marked, and hands its mark down to all
 * below it: as the soft limit of its resident set, which Linux has not looked at since 2.4, which every process
 * inherits, and which can be read of a zombie. A child with the mark that we have not started ourselves is an
 * orphan. The mark is drawn anew for each root, since one may run below another. What the program forks itself, in
 * the root, has none: it is the program's to wait for, with all below it.
 *
 * What can go wrong costs a zombie, no more, until the root has ended: an orphan that has changed its user or that
 * limit is not known for one; where the program handles SIGCHLD itself, an end is noticed with the next one of our
 * own. */
#include "sys/real.h"

#include "base/numbers.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* ---- the mark --------------------------------------------------------------------------------------- */

/* Of the one root of this process, from its server's making or its first spawn on; 0: none. */
static rlim_t mark;

/* Nearly the largest, so that whoever takes it for what it says is not limited. */
static rlim_t draw_mark(void)
{
    const rlim_t drawn = ((rlim_t)1 << 48) - 1;
    rlim_t chance = 0;
    struct rlimit now;
    if (getrlimit(RLIMIT_RSS, &now) < 0 || now.rlim_max < (RLIM_INFINITY & ~drawn) ||
        real_random(NULL, &chance, sizeof chance) < 0)
        return 0;
    chance = (RLIM_INFINITY & ~drawn) | (chance & drawn);
    return chance < now.rlim_max && chance != now.rlim_cur ? chance : 0;
}

bool real_mark(struct rlimit *ret)
{
    if (!mark)
        mark = draw_mark();
    return mark && getrlimit(RLIMIT_RSS, ret) == 0 && (ret->rlim_cur = mark) <= ret->rlim_max;
}

static bool is_orphan(const struct real *real, pid_t child)
{
    struct rlimit its;
    return !map_get(&real->orphans.started, (uint64_t)child) && !real_is_server(child) &&
           prlimit(child, RLIMIT_RSS, NULL, &its) == 0 && its.rlim_cur == mark;
}

/* ---- reaping ---------------------------------------------------------------------------------------- */

/* Whether it was one that had ended. */
static bool reap(const struct real *real, pid_t child)
{
    return is_orphan(real, child) && waitpid(child, NULL, WNOHANG) == child;
}

/* Of the children of one of our threads; *lives is increased by the orphans that live. */
static int reap_listed(const struct real *real, const char *thread, int *lives)
{
    char path[64], *text = NULL;
    size_t room = 0;
    int reaped = 0;
    snprintf(path, sizeof path, "/proc/self/task/%.20s/children", thread);
    FILE *children = fopen(path, "re");
    while (children && getdelim(&text, &room, ' ', children) > 0) {
        int child;
        text[strcspn(text, " ")] = '\0';
        if (!numbers_parse(text, &child, 1) || !is_orphan(real, child))
            continue;
        if (waitpid(child, NULL, WNOHANG) == child)
            reaped++;
        else
            ++*lives;
    }
    free(text);
    if (children)
        fclose(children);
    return reaped;
}

/* A list that loses children while it is read may skip some, so it is read until there are none to reap. Returns
 * how many live. */
static int reap_all(const struct real *real)
{
    int reaped, lives;
    do {
        reaped = lives = 0;
        DIR *threads = opendir("/proc/self/task");
        for (struct dirent *thread; threads && (thread = readdir(threads));)
            if (thread->d_name[0] != '.')
                reaped += reap_listed(real, thread->d_name, &lives);
        if (threads)
            closedir(threads);
    } while (reaped > 0);
    return lives;
}

/* The kernel shows one that has ended, always the same. If that is ours its own watch reaps it, and calls here again;
 * if it is the program's, it may be there for long, and hide others. */
void real_reap_orphans(struct real *real)
{
    siginfo_t first;
    if (!real->orphans.ours)
        return;
    do {
        first = (siginfo_t){0};
        if (waitid(P_ALL, 0, &first, WEXITED | WNOHANG | WNOWAIT) < 0 || !first.si_pid)
            return;
    } while (reap(real, first.si_pid));
    if (!map_get(&real->orphans.started, (uint64_t)first.si_pid))
        (void)reap_all(real);
}

static void some_child_ended(void *real)
{
    real_reap_orphans(real);
}

/* ---- having them, and not any more -------------------------------------------------------------------- */

/* With a handler of the program's own we do not meddle; where they are ignored the kernel reaps. */
static void listen_for_ends(struct real *real)
{
    struct sigaction now;
    if (sigaction(SIGCHLD, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        (void)real_catch_signal(&real->sys, SIGCHLD, some_child_ended, real, &real->orphans.ends);
}

static bool become_subreaper(struct orphans *orphans)
{
    struct rlimit its;
    return real_mark(&its) && prctl(PR_GET_CHILD_SUBREAPER, &orphans->before) == 0 &&
           prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
}

void real_have_orphans(struct real *real)
{
    struct orphans *orphans = &real->orphans;
    if (orphans->is_root && !orphans->ours)
        orphans->ours = become_subreaper(orphans);
    if (orphans->ours && !orphans->ends)
        listen_for_ends(real);
}

/* Those that the kernel has killed may take a moment to end; a daemon takes longer, and is not waited for. */
static void await_the_dying(struct real *real)
{
    enum { PATIENCE_MS = 250 };
    siginfo_t any;
    for (int ms = 0; ms < PATIENCE_MS; ms++) {
        int rc = waitid(P_ALL, 0, &any, WEXITED | WNOHANG | WNOWAIT);
        if ((rc < 0 && errno == ECHILD) || reap_all(real) == 0)
            return;
        (void)poll(NULL, 0, 1);
    }
}

/* ---- the root's claim --------------------------------------------------------------------------------- */

static atomic_flag claimed = ATOMIC_FLAG_INIT;

int real_claim_root(struct sys *sys)
{
    if (atomic_flag_test_and_set(&claimed))
        return -EBUSY;
    real_of(sys)->orphans.is_root = true;
    return 0;
}

void real_give_up_root(struct real *real)
{
    struct orphans *orphans = &real->orphans;
    if (!orphans->is_root)
        return;
    if (orphans->ours) {
        await_the_dying(real); /* who may still leave some, such as the server of a killed actor */
        (void)prctl(PR_SET_CHILD_SUBREAPER, orphans->before);
    }
    if (orphans->ends)
        (void)real_let_signal_go(&real->sys, orphans->ends);
    orphans->ends = NULL;
    orphans->ours = orphans->is_root = false;
    mark = 0;
    atomic_flag_clear(&claimed);
}

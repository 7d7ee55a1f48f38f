/* Worker threads: where blocking functions run.
 *
 * libuv has a pool of threads, but of a fixed size, four: a fifth function that blocks would wait for
 * one of the others, and if one of those waits for something that only the fifth can bring about (or for
 * a task that waits for it), for ever. So there is no fixed size here. A worker that is idle takes the
 * work, the one that was busy last first; if there is none, one more is hired. What bounds their number
 * is the limiter of tr_to_thread, which knows what is running and can be set. Idle workers leave after
 * ten seconds.
 *
 *     hired --> BUSY <--> IDLE --> ENDED    `place` is in the list of that name; `lock` guards all three
 *
 * A worker is idle from when its work's code has returned, before it posts that it has: so the answer
 * can be followed by work for the same worker, and a world that ends upon it finds nobody busy.
 *
 * The end of the world: who is idle or ended is joined, so nothing of them is left. Who is still busy
 * does what nobody waits for any more, and may do so for ever: it is detached, lives on with the crew
 * and the mailbox, both counted, and touches nothing else of that world; the last one frees the crew. */
#include "sys/real.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum { IDLE_S = 10 };

struct crew {
    pthread_mutex_t lock;
    struct link busy, idle, ended;
    size_t holds;               /* the world, and workers that it has left behind */
    bool dismissed;
};

struct worker {
    struct sys sys;             /* entered while it works: a runtime for what it runs */
    struct crew *crew;
    struct link place;
    pthread_t thread;
    pthread_cond_t called;      /* there is work, or the crew is dismissed */
    struct sys_work *work;      /* NULL when it has none */
    bool left_behind;           /* nobody will join it */
};

static struct worker *worker_at(struct link *place)
{
    return container_of(place, struct worker, place);
}

/* ---- a runtime for threads without a scheduler -------------------------------------------------- */

static void keep(struct sys *sys)
{
    (void)sys; /* it is part of the worker, and used again */
}

static void free_visitor(struct sys *sys)
{
    free(sys);
}

#define FOR_THREADS                                                                                \
    .random = real_random, .resize = real_resize, .look_up = real_look_up,                         \
    .print_error = real_print_error, .coloured = real_coloured, .wall = real_wall,                 \
    .abort = real_abort, .trace = real_trace,                     \
    .trace_locate = real_trace_locate, .trace_show = real_trace_show

static const struct sys_ops worker_ops = {FOR_THREADS, .free = keep};
static const struct sys_ops visitor_ops = {FOR_THREADS, .free = free_visitor};

void real_visit(struct sys_mailbox *mailbox)
{
    (void)mailbox;
    struct sys *sys = runtime ? NULL : calloc(1, sizeof *sys);
    if (sys)
        sys_enter(sys, &visitor_ops); /* the thread's end frees it */
}

/* ---- a worker's life ---------------------------------------------------------------------------- */

static void become_idle(struct worker *worker)
{
    struct crew *crew = worker->crew;
    pthread_mutex_lock(&crew->lock);
    worker->work = NULL;
    if (!crew->dismissed) {
        list_remove(&worker->place);
        list_push(&crew->idle, &worker->place);
    }
    pthread_mutex_unlock(&crew->lock);
}

static void perform(struct worker *worker)
{
    struct sys_work *work = worker->work;
    struct sys_mailbox *to = work->to;
    sys_enter(&worker->sys, &worker_ops);
    work->run(work);
    become_idle(worker);
    real_post(to, &work->done);
    sys_forsake();
    real_mailbox_drop(to);
}

/* Whether there is more to do. */
static bool wait_for_work(struct worker *worker)
{
    struct crew *crew = worker->crew;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += IDLE_S;
    int rc = 0;
    pthread_mutex_lock(&crew->lock);
    while (!worker->work && !crew->dismissed && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&worker->called, &crew->lock, &until);
    bool more = worker->work != NULL;
    if (!more && !crew->dismissed) {
        list_remove(&worker->place);
        list_push(&crew->ended, &worker->place);
    }
    pthread_mutex_unlock(&crew->lock);
    return more;
}

static void free_worker(struct worker *worker)
{
    pthread_cond_destroy(&worker->called);
    free(worker);
}

static void drop_crew(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    bool last = --crew->holds == 0;
    pthread_mutex_unlock(&crew->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&crew->lock);
    free(crew);
}

static void *live(void *arg)
{
    struct worker *worker = arg;
    pthread_setname_np(pthread_self(), "tractor-worker");
    do
        perform(worker);
    while (wait_for_work(worker));
    if (worker->left_behind) { /* settled before the crew was dismissed, which we have seen */
        drop_crew(worker->crew);
        free_worker(worker);
    }
    return NULL;
}

/* ---- the crew, as the world's thread sees it ---------------------------------------------------- */

static struct crew *new_crew(void)
{
    struct crew *crew = calloc(1, sizeof *crew);
    if (!crew)
        return NULL;
    pthread_mutex_init(&crew->lock, NULL);
    list_init(&crew->busy);
    list_init(&crew->idle);
    list_init(&crew->ended);
    crew->holds = 1;
    return crew;
}

static void join_all(struct link *workers)
{
    for (struct link *place; (place = list_shift(workers));) {
        struct worker *worker = worker_at(place);
        pthread_join(worker->thread, NULL);
        free_worker(worker);
    }
}

/* Gives the work to the worker that was busy last, if any is idle; joins those that have left
 * meanwhile. */
static bool given_to_idle(struct crew *crew, struct sys_work *work)
{
    struct link ended;
    list_init(&ended);
    pthread_mutex_lock(&crew->lock);
    list_splice(&ended, &crew->ended);
    bool any = !list_empty(&crew->idle);
    if (any) {
        struct worker *worker = worker_at(crew->idle.prev);
        list_remove(&worker->place);
        list_push(&crew->busy, &worker->place);
        worker->work = work;
        pthread_cond_signal(&worker->called);
    }
    pthread_mutex_unlock(&crew->lock);
    join_all(&ended);
    return any;
}

static struct worker *new_worker(struct crew *crew, struct sys_work *work)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return NULL;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->called, &monotonic);
    pthread_condattr_destroy(&monotonic);
    worker->crew = crew;
    worker->work = work;
    return worker;
}

/* Signals that are sent to the process are not for workers; those that a thread causes itself are. */
static int start(struct worker *worker)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int rc = pthread_create(&worker->thread, NULL, live, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -rc;
}

/* Under the lock: the new one may be idle before we know that it has started. */
static int hire(struct crew *crew, struct sys_work *work)
{
    struct worker *worker = new_worker(crew, work);
    if (!worker)
        return -ENOMEM;
    pthread_mutex_lock(&crew->lock);
    list_push(&crew->busy, &worker->place);
    int rc = start(worker);
    if (rc < 0)
        list_remove(&worker->place);
    pthread_mutex_unlock(&crew->lock);
    if (rc < 0)
        free_worker(worker);
    return rc;
}

int real_work(struct sys *sys, struct sys_work *work)
{
    struct real *real = real_of(sys);
    if (!real->crew && !(real->crew = new_crew()))
        return -ENOMEM;
    real_mailbox_hold(work->to);
    int rc = given_to_idle(real->crew, work) ? 0 : hire(real->crew, work);
    if (rc < 0)
        real_mailbox_drop(work->to);
    return rc;
}

/* Nobody changes the lists afterwards but us. */
static void dismiss(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    crew->dismissed = true;
    list_each(place, &crew->busy) {
        struct worker *worker = worker_at(place);
        worker->left_behind = true;
        crew->holds++;
        pthread_detach(worker->thread);
    }
    list_each(place, &crew->idle)
        pthread_cond_signal(&worker_at(place)->called);
    pthread_mutex_unlock(&crew->lock);
}

void real_dismiss_crew(struct real *real)
{
    struct crew *crew = real->crew;
    if (!crew)
        return;
    real->crew = NULL;
    dismiss(crew);
    join_all(&crew->idle);
    join_all(&crew->ended);
    drop_crew(crew);
}

/* tr_to_thread: a blocking function on a worker thread, and a task that waits for it.
 *
 *     WORKING --> RETURNED      by the worker, when fn has returned: the result will be the caller's
 *        +------> ABANDONED     by the caller, when it was cancelled and may give up: its result is dropped
 *
 * Worker and caller may come to it in the same moment, so `state` is changed by compare-and-exchange and
 * who is first decides: either the caller gives up and the worker calls `abandon`, or the caller waits
 * the moment more until the result arrives. So `arg` has one owner at each time, and a result that is
 * there is not thrown away. (A table of states would not help here: the move and the question whether it
 * is allowed must be one step.)
 *
 * That the work is done is told by a letter to the run's mailbox. It is delivered within a poll, on the
 * run's thread, gives the limiter its one back and wakes the caller, or frees the job if it was
 * abandoned. When the run ends with abandoned work still going on, their limiters get theirs back at
 * once; the letter then comes back, and the worker frees the job, which by then nobody else knows of.
 *
 * Around the wait the caller has a nursery, for the tasks of tr_from_thread: see door.c. */
#include "sync/thread.h"

#include "base/error.h"
#include "base/hooks.h"
#include "sched/task.h"
#include "sync/lot.h"

#include <errno.h>

enum { WORKING, RETURNED, ABANDONED };
enum { THREADS_AT_FIRST = 40 }; /* as trio has it: enough to wait with, not too many to compute with */
enum { MOST_LOOKUPS = 32 };     /* at a time; those that were abandoned included */

/* What a run has to do with other threads. Made when first needed. */
struct threads {
    struct guest guest;         /* how the run owns it */
    struct sys_mailbox *mailbox;
    tr_limiter limiter, lookups;
    struct link abandoned;      /* jobs that are still being worked on */
};

static void end_threads(struct guest *guest)
{
    struct threads *threads = container_of(guest, struct threads, guest);
    for (struct link *place; (place = list_shift(&threads->abandoned));) {
        struct job *job = container_of(place, struct job, place);
        limiter_give_back(job->limiter, job);
    }
    sys_mailbox_close(threads->mailbox);
    sys_mailbox_drop(threads->mailbox);
    runtime->threads = NULL;
    mem_free(threads);
}

/* NULL, raised, when there are none and none can be made. */
static struct threads *threads_of_run(void)
{
    if (runtime->threads)
        return runtime->threads;
    struct threads *threads = mem_zalloc(sizeof *threads);
    int rc = threads ? sys_mailbox(threads, &threads->mailbox) : -ENOMEM;
    if (rc < 0) {
        mem_free(threads);
        error_raise_plain(rc);
        return NULL;
    }
    threads->limiter = tr_limiter_of(THREADS_AT_FIRST);
    threads->lookups = tr_limiter_of(MOST_LOOKUPS);
    threads->guest.release = end_threads;
    list_init(&threads->abandoned);
    run_add_guest(&threads->guest);
    runtime->threads = threads;
    return threads;
}

tr_limiter *tr_thread_limiter(void)
{
    struct threads *threads = task_required() < 0 ? NULL : threads_of_run();
    return threads ? &threads->limiter : NULL;
}

tr_limiter *threads_lookup_limiter(void)
{
    struct threads *threads = threads_of_run();
    return threads ? &threads->lookups : NULL;
}

/* ---- on the worker ------------------------------------------------------------------------------ */

static void run_job(struct sys_work *work)
{
    struct job *job = container_of(work, struct job, work);
    tr_actor self = runtime->self;
    const char *name = runtime->front->name;
    runtime->self = job->self;
    runtime->job = job;
    runtime->front->name = "worker";
    job->rc = job->fn(job->arg);
    struct tr_error *error = error_of(job->rc);
    task_error_back(NULL); /* nobody but us is to hold it */
    job->error = error_detach(error);
    int working = WORKING;
    bool abandoned = !atomic_compare_exchange_strong(&job->state, &working, RETURNED);
    if (job->abandon && (abandoned || job->rc == TR_ECANCELLED))
        job->abandon(job->arg);
    task_error_back(NULL);
    runtime->job = NULL;
    runtime->front->name = name;
    runtime->self = self;
}

int job_required(struct job **ret_job)
{
    if (task_current())
        return raise_code(TR_EMISUSE, "task %s is on no worker thread", tr_task_name());
    if (!runtime || !runtime->job)
        return error_raise_plain(TR_ENORUNTIME);
    *ret_job = runtime->job;
    return 0;
}

int tr_thread_cancelled(void)
{
    struct job *job;
    tr_try(job_required(&job));
    return atomic_load(&job->cancelled) ? error_raise_plain(TR_ECANCELLED) : 0;
}

/* ---- a job's life ------------------------------------------------------------------------------- */

static void free_job(struct job *job)
{
    error_unref(job->error);
    struct arena memory = job->memory;
    arena_fini(&memory);
}

static void job_done(struct sys_letter *letter, void *owner)
{
    struct job *job = container_of(letter, struct job, work.done);
    if (owner)
        limiter_give_back(job->limiter, job);
    if (job->host) {
        task_wake(job->host, 0);
        return;
    }
    list_remove(&job->place);
    free_job(job);
}

static const char *copy_text(struct arena *memory, const char *text)
{
    const char *copy = arena_text(memory, text);
    return copy ? copy : "";
}

static struct job *new_job(struct threads *threads, int (*fn)(void *), void *arg,
                           const tr_thread_options *options)
{
    struct arena memory = {0};
    struct job *job = arena_alloc(&memory, sizeof *job);
    if (!job)
        return NULL;
    *job = (struct job){.work = {.run = run_job, .done.deliver = job_done, .to = threads->mailbox},
                        .fn = fn,
                        .arg = arg,
                        .abandon = options->abandon,
                        .limiter = options->limiter ? options->limiter : &threads->limiter};
    job->self = (tr_actor){.name = copy_text(&memory, runtime->self.name),
                           .uuid = copy_text(&memory, runtime->self.uuid),
                           .address = copy_text(&memory, runtime->self.address),
                           .pid = runtime->self.pid};
    job->memory = memory;
    list_init(&job->place);
    return job;
}

/* ---- the caller --------------------------------------------------------------------------------- */

bool job_is_awaited(const struct job *job)
{
    return job->host != NULL;
}

static bool give_up(void *arg)
{
    struct job *job = arg;
    int working = WORKING;
    atomic_store(&job->cancelled, true);
    if (!job->abandon || !atomic_compare_exchange_strong(&job->state, &working, ABANDONED))
        return false;
    job->host = NULL;
    list_push(&runtime->threads->abandoned, &job->place);
    return true;
}

/* Once this has returned TR_ECANCELLED the job is not ours any more. */
static int wait_for(struct job *job)
{
    tr_auto(nursery) inside = tr_open_nursery();
    if (!inside)
        return -ENOMEM;
    job->inside = inside;
    job->host = task_current();
    int rc = sys_work(&job->work);
    if (rc < 0)
        return error_raise_plain(rc);
    rc = task_park("work on a thread", give_up, job);
    tr_ignore(tr_join(inside)); /* what may be cancelled there is told by rc, and nothing fails there */
    return rc;
}

/* Its result and the error of that, now ours. */
static int conclude(struct job *job)
{
    int rc = job->rc;
    if (job->error)
        (void)error_raise(job->error);
    job->error = NULL;
    free_job(job);
    return rc;
}

/* It did not begin. */
static int refuse(struct job *job, int rc)
{
    struct tr_error *why = task_error_aside();
    if (rc == TR_ECANCELLED && job->abandon)
        job->abandon(job->arg);
    free_job(job);
    task_error_back(why);
    return rc;
}

int tr_to_thread_(int (*fn)(void *), void *arg, const tr_thread_options *options)
{
    tr_try(task_required());
    if (!fn)
        return raise_code(TR_EARGUMENT, "a thread needs a function");
    struct threads *threads = threads_of_run();
    if (!threads)
        return tr_refused_();
    struct job *job = new_job(threads, fn, arg, options);
    if (!job)
        return error_raise_plain(-ENOMEM);
    int rc = tr_limiter_acquire(job->limiter, job);
    if (rc < 0)
        return refuse(job, rc);
    rc = wait_for(job);
    if (rc == TR_ECANCELLED)
        return error_raise_plain(rc);
    if (rc >= 0)
        return conclude(job);
    limiter_give_back(job->limiter, job);
    return refuse(job, rc);
}

/* Ways in: functions that other threads have run as tasks, and wait for.
 *
 *     a thread: request --> mailbox --> a poll of the run's thread: admitted? --> a task in the nursery
 *        blocked in sys_ask                       | no                                 | its end
 *        goes on <--------------------------------+------------------------------------+
 *
 * tr_from_thread and tr_enter_door differ in nothing but where the task goes, and when it does not: into
 * the nursery around the waiting tr_to_thread call, by the run's mailbox; or into the door's nursery, by
 * the door, which is a mailbox of its own. So a thread may hold it when everything else is gone, and the
 * mailbox's rule that a letter to a closed one comes back is all there is to refusing it. The other half
 * of a door belongs to the nursery as a guest, lives on the run's thread only, and closes the mailbox
 * when the nursery's block is left.
 *
 * A request lies on the stack of the thread that waits. It is answered exactly once; nothing may touch
 * it after that. Its result, the error included, is that thread's: the task itself never fails. */
#include "base/error.h"
#include "base/hooks.h"
#include "sched/stack.h"
#include "sched/task.h"
#include "sync/thread.h"

#include <errno.h>

struct request {
    struct sys_letter letter;
    struct sys_mailbox *mailbox;
    struct job *job;            /* of tr_from_thread; NULL at a door */
    int (*fn)(void *);
    void *arg;
    tr_task_options options;
    int rc;
    struct tr_error *error;     /* for that thread: nobody else holds it */
};

static struct request *request_of(struct sys_letter *letter)
{
    return container_of(letter, struct request, letter);
}

/* ---- on the run's thread ------------------------------------------------------------------------ */

/* The request is gone afterwards. */
static void answer(struct request *request, int rc, struct tr_error *error)
{
    request->rc = rc;
    request->error = error;
    sys_answer(request->mailbox, &request->letter);
}

/* The task. What a block inside fails that was left early comes out of the scope. */
static int serve(void *arg)
{
    struct request *request = arg;
    tr_scope whole = tr_cancel_scope();
    int rc = tr_within(&whole, request->fn(request->arg));
    struct tr_error *error = error_of(rc);
    task_error_back(NULL); /* nobody but us is to hold it */
    answer(request, rc, error_detach(error));
    return 0;
}

static int start_in(tr_nursery *nursery, struct request *request)
{
    return nursery_start(nursery, serve, request, &request->options);
}

static void enter_call(struct sys_letter *letter, void *owner)
{
    struct request *request = request_of(letter);
    bool awaited = owner && job_is_awaited(request->job);
    int rc = awaited ? start_in(request->job->inside, request) : TR_ECANCELLED;
    if (rc < 0)
        answer(request, rc, NULL);
}

/* A door's other half. */
struct doorway {
    struct guest guest;         /* how the nursery owns it */
    tr_nursery *nursery;
    struct sys_mailbox *mailbox;
};

/* A cancelled nursery admits nobody who comes by himself: so many may come, again and again, that it
 * would never be empty. That it is closed is the better answer, if it is both. */
static void enter_nursery(struct sys_letter *letter, void *owner)
{
    struct request *request = request_of(letter);
    struct doorway *doorway = owner;
    int rc = TR_ECLOSED;
    if (doorway && nursery_is_open(doorway->nursery))
        rc = nursery_is_cancelled(doorway->nursery) ? TR_ECANCELLED : start_in(doorway->nursery, request);
    if (rc < 0)
        answer(request, rc, NULL);
}

/* ---- on the thread that waits ------------------------------------------------------------------- */

/* Raises what needs no memory: there may be no runtime to have any. */
static int check(struct sys_mailbox *mailbox, int (*fn)(void *), const tr_task_options *options)
{
    if (task_current())
        return raise_code(TR_EMISUSE, "task %s would wait for its own thread", tr_task_name());
    if (!mailbox)
        return error_raise_plain(TR_EMISUSE);
    return fn && options->stack_size <= STACK_MOST ? 0 : error_raise_plain(TR_EARGUMENT);
}

static int ask(struct request *request)
{
    int rc = sys_ask(request->mailbox, &request->letter);
    if (rc < 0)
        return raise_code(TR_EMISUSE, "in this world work is done by the run's own thread");
    if (request->error)
        (void)error_raise(request->error);
    else if (request->rc < 0)
        (void)error_raise_plain(request->rc);
    return request->rc;
}

int tr_from_thread_(int (*fn)(void *), void *arg, const tr_task_options *options)
{
    struct job *job;
    tr_try(job_required(&job));
    tr_try(check(job->work.to, fn, options));
    return ask(&(struct request){.letter.deliver = enter_call,
                                 .mailbox = job->work.to,
                                 .job = job,
                                 .fn = fn,
                                 .arg = arg,
                                 .options = *options});
}

/* ---- doors -------------------------------------------------------------------------------------- */

static struct sys_mailbox *mailbox_of(tr_door *door)
{
    return (struct sys_mailbox *)door;
}

static void close_door(struct guest *guest)
{
    struct doorway *doorway = container_of(guest, struct doorway, guest);
    sys_mailbox_close(doorway->mailbox);
    sys_mailbox_drop(doorway->mailbox);
    mem_free(doorway);
}

tr_door *tr_open_door(tr_nursery *nursery)
{
    if (nursery_usable(nursery) < 0)
        return NULL;
    struct doorway *doorway = mem_zalloc(sizeof *doorway);
    int rc = doorway ? sys_mailbox(doorway, &doorway->mailbox) : -ENOMEM;
    if (rc < 0) {
        mem_free(doorway);
        error_raise_plain(rc);
        return NULL;
    }
    doorway->nursery = nursery;
    doorway->guest.release = close_door;
    nursery_add_guest(nursery, &doorway->guest);
    sys_mailbox_hold(doorway->mailbox); /* the nursery's and the caller's */
    return (tr_door *)doorway->mailbox;
}

tr_door *tr_keep_door(tr_door *door)
{
    if (door)
        sys_mailbox_hold(mailbox_of(door));
    return door;
}

void tr_release_door(tr_door **held)
{
    tr_door *door = *held;
    *held = NULL;
    if (door)
        sys_mailbox_drop(mailbox_of(door));
}

int tr_enter_door_(tr_door *door, int (*fn)(void *), void *arg, const tr_task_options *options)
{
    tr_try(check(mailbox_of(door), fn, options));
    sys_visit(mailbox_of(door));
    if (!runtime)
        return -ENOMEM; /* and no place for an error */
    return ask(&(struct request){.letter.deliver = enter_nursery,
                                 .mailbox = mailbox_of(door),
                                 .fn = fn,
                                 .arg = arg,
                                 .options = *options});
}

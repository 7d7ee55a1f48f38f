/* nng: REQ and REP; where several calls are under way, a context with its own asynchronous operation for each, on both
 * sides; PUSH and PULL for streams. Over its abstract Unix sockets, with its own defaults. */
#include "pair.h"

#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static char address[64];

static void good(int rv, const char *what)
{
    if (rv != 0) {
        fprintf(stderr, "%s: %s\n", what, nng_strerror(rv));
        exit(1);
    }
}

/* The near side is the one that listens; the far one tries until it does. */
static void dial(nng_socket it)
{
    good(nng_dial(it, address, NULL, NNG_FLAG_NONBLOCK), "dial");
}

static nng_msg *message(const struct pair_job *job, int64_t number)
{
    nng_msg *it;
    good(nng_msg_alloc(&it, job->size), "memory");
    memset(nng_msg_body(it), 0, job->size);
    pair_mark(nng_msg_body(it), number);
    return it;
}

/* ---- the far side: as many workers as calls may be under way, each receives and sends by turns -------------------- */

struct worker {
    nng_ctx context;
    nng_aio *aio;
    bool sends;
};

static void work(void *arg)
{
    struct worker *it = arg;
    good(nng_aio_result(it->aio), "worker");
    it->sends = !it->sends;
    if (it->sends) { /* what came goes back */
        nng_ctx_send(it->context, it->aio);
    } else {
        nng_ctx_recv(it->context, it->aio);
    }
}

static void echo(const struct pair_job *job)
{
    nng_socket socket;
    good(nng_rep0_open(&socket), "rep");
    struct worker *workers = calloc((size_t)job->outstanding, sizeof *workers);
    for (int i = 0; i < job->outstanding; i++) {
        good(nng_ctx_open(&workers[i].context, socket), "context");
        good(nng_aio_alloc(&workers[i].aio, work, &workers[i]), "aio");
        nng_ctx_recv(workers[i].context, workers[i].aio);
    }
    dial(socket);
    pause();
}

static void produce(const struct pair_job *job)
{
    nng_socket out;
    good(nng_push0_open(&out), "push");
    dial(out);
    for (int64_t i = 0; i < pair_warm_up(job) + job->count; i++)
        good(nng_sendmsg(out, message(job, i), 0), "send");
    pause();
}

static void be_far(const struct pair_job *job)
{
    pair_stand(job->place, true);
    if (pair_is(job, "stream"))
        produce(job);
    else
        echo(job);
}

/* ---- the near side ----------------------------------------------------------------------------------------------- */

struct caller {
    nng_ctx context;
    nng_aio *aio;
    const struct pair_job *job;
    int64_t left, number;
    bool waits;                 /* for the answer */
};

static sem_t ended;

static void take_turn(void *arg)
{
    struct caller *it = arg;
    good(nng_aio_result(it->aio), "caller");
    it->waits = !it->waits;
    if (it->waits) {
        nng_ctx_recv(it->context, it->aio);
        return;
    }
    nng_msg *answer = nng_aio_get_msg(it->aio);
    pair_check(nng_msg_body(answer), it->number);
    nng_msg_free(answer);
    if (--it->left == 0) {
        sem_post(&ended);
        return;
    }
    nng_aio_set_msg(it->aio, message(it->job, ++it->number));
    nng_ctx_send(it->context, it->aio);
}

static struct caller *open_callers(nng_socket socket, const struct pair_job *job)
{
    struct caller *all = calloc((size_t)job->outstanding, sizeof *all);
    sem_init(&ended, 0, 0);
    for (int i = 0; i < job->outstanding; i++) {
        all[i].job = job;
        good(nng_ctx_open(&all[i].context, socket), "context");
        good(nng_aio_alloc(&all[i].aio, take_turn, &all[i]), "aio");
    }
    return all;
}

static void call_at_once(struct caller *all, const struct pair_job *job, int64_t count)
{
    for (int i = 0; i < job->outstanding; i++) {
        all[i].left = count / job->outstanding + (i < count % job->outstanding);
        if (all[i].left == 0)
            sem_post(&ended);
        else {
            nng_aio_set_msg(all[i].aio, message(job, all[i].number));
            nng_ctx_send(all[i].context, all[i].aio);
        }
    }
    for (int i = 0; i < job->outstanding; i++)
        sem_wait(&ended);
}

static void call_in_turn(nng_socket socket, struct pair_job *job, int64_t count, bool timed)
{
    double last = pair_seconds(CLOCK_MONOTONIC);
    for (int64_t i = 0; i < count; i++) {
        nng_msg *answer;
        good(nng_sendmsg(socket, message(job, i), 0), "send");
        good(nng_recvmsg(socket, &answer, 0), "receive");
        pair_check(nng_msg_body(answer), i);
        nng_msg_free(answer);
        if (timed)
            pair_lap(job, i, &last);
    }
}

static void call(struct pair_job *job, pid_t far)
{
    nng_socket socket;
    good(nng_req0_open(&socket), "req");
    good(nng_listen(socket, address, NULL, 0), "listen");
    if (job->outstanding == 1) {
        call_in_turn(socket, job, pair_warm_up(job), false);
        pair_begin(job, far);
        call_in_turn(socket, job, job->count, job->samples != NULL);
    } else {
        struct caller *callers = open_callers(socket, job);
        call_at_once(callers, job, pair_warm_up(job));
        pair_begin(job, far);
        call_at_once(callers, job, job->count);
    }
    pair_end(job);
}

static void stream(struct pair_job *job, pid_t far)
{
    nng_socket in;
    good(nng_pull0_open(&in), "pull");
    good(nng_listen(in, address, NULL, 0), "listen");
    for (int64_t i = 0; i < pair_warm_up(job) + job->count; i++) {
        nng_msg *it;
        if (i == pair_warm_up(job)) /* the producer is ahead by what is buffered, a few messages */
            pair_begin(job, far);
        good(nng_recvmsg(in, &it, 0), "receive");
        pair_check(nng_msg_body(it), i);
        nng_msg_free(it);
    }
    pair_end(job);
}

int main(int argc, char **argv)
{
    struct pair_job job;
    pair_understand(&job, argc, argv, 1);
    snprintf(address, sizeof address, "abstract://tractor-bench-%d", (int)getpid());
    pair_stand(job.place, false);
    pid_t far = fork();
    if (far == 0)
        be_far(&job);
    if (pair_is(&job, "stream"))
        stream(&job, far);
    else
        call(&job, far);
    kill(far, SIGKILL);
    waitpid(far, NULL, 0);
    _exit(0);
}

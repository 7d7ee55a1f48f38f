/* ZeroMQ: REQ and REP for calls one after the other, DEALER and ROUTER where several are under way, PUSH and PULL for
 * streams. Over ipc, with its own defaults. */
#include "pair.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

static char address[64];

static void *open_socket(void *context, int type, int (*join)(void *, const char *))
{
    void *it = zmq_socket(context, type);
    if (!it || join(it, address) < 0) {
        fprintf(stderr, "%s\n", zmq_strerror(zmq_errno()));
        exit(1);
    }
    return it;
}

static void produce(void *context, char *bytes, const struct pair_job *job)
{
    void *orders = open_socket(context, ZMQ_REP, zmq_connect), *out;
    zmq_recv(orders, address, sizeof address, 0); /* where to, with its zero byte */
    out = open_socket(context, ZMQ_PUSH, zmq_connect);
    zmq_send(orders, "", 0, 0);
    for (int turn = 0; turn < 2; turn++) {
        int64_t count = turn == 0 ? pair_warm_up(job) : job->count;
        zmq_recv(orders, bytes, job->size, 0);
        zmq_send(orders, "", 0, 0);
        for (int64_t i = 0; i < count; i++) {
            pair_mark(bytes, i);
            zmq_send(out, bytes, job->size, 0);
        }
    }
    pause();
}

/* Whole messages of several parts go back as they came: from a ROUTER the first is who it is for. */
static void echo(void *context, int type)
{
    void *it = open_socket(context, type, zmq_connect);
    zmq_msg_t part;
    for (;;) {
        zmq_msg_init(&part);
        zmq_msg_recv(&part, it, 0);
        int more = zmq_msg_more(&part);
        zmq_msg_send(&part, it, more ? ZMQ_SNDMORE : 0);
    }
}

static void be_far(const struct pair_job *job)
{
    pair_stand(job->place, true);
    void *context = zmq_ctx_new();
    if (pair_is(job, "stream"))
        produce(context, calloc(1, job->size), job);
    else
        echo(context, job->outstanding > 1 ? ZMQ_ROUTER : ZMQ_REP);
}

static void call(void *it, struct pair_job *job, char *bytes, int64_t count, bool timed)
{
    int64_t sent = 0;
    double last = pair_seconds(CLOCK_MONOTONIC);
    for (int64_t answered = 0; answered < count; answered++) {
        while (sent < count && sent - answered < job->outstanding) {
            pair_mark(bytes, sent++);
            zmq_send(it, bytes, job->size, 0);
        }
        zmq_recv(it, bytes, job->size, 0);
        pair_check(bytes, answered);
        if (timed)
            pair_lap(job, answered, &last);
    }
}

static void consume(void *orders, void *in, const struct pair_job *job, char *bytes, int64_t count)
{
    zmq_send(orders, "", 0, 0);
    zmq_recv(orders, bytes, job->size, 0);
    for (int64_t i = 0; i < count; i++) {
        zmq_recv(in, bytes, job->size, 0);
        pair_check(bytes, i);
    }
}

static void stream(void *context, struct pair_job *job, char *bytes, pid_t far)
{
    void *orders = open_socket(context, ZMQ_REQ, zmq_bind);
    snprintf(address + strlen(address), sizeof address - strlen(address), "-values");
    void *in = open_socket(context, ZMQ_PULL, zmq_bind);
    zmq_send(orders, address, sizeof address, 0);
    zmq_recv(orders, bytes, job->size, 0);
    consume(orders, in, job, bytes, pair_warm_up(job));
    pair_begin(job, far);
    consume(orders, in, job, bytes, job->count);
    pair_end(job);
}

int main(int argc, char **argv)
{
    struct pair_job job;
    pair_understand(&job, argc, argv, 1);
    snprintf(address, sizeof address, "ipc://@tractor-bench-%d", (int)getpid());
    pair_stand(job.place, false);
    pid_t far = fork();
    if (far == 0)
        be_far(&job);
    void *context = zmq_ctx_new();
    char *bytes = calloc(1, job.size);
    if (pair_is(&job, "stream")) {
        stream(context, &job, bytes, far);
    } else {
        void *it = open_socket(context, job.outstanding > 1 ? ZMQ_DEALER : ZMQ_REQ, zmq_bind);
        call(it, &job, bytes, pair_warm_up(&job), false);
        pair_begin(&job, far);
        call(it, &job, bytes, job.count, job.samples != NULL);
        pair_end(&job);
    }
    kill(far, SIGKILL);
    waitpid(far, NULL, 0);
    _exit(0);
}

/* Cap'n Proto: an interface of its RPC, over a Unix socket by the simplest set-up it has (EzRpc); as many promises as
 * calls may be under way; a stream is a capability of the near side on which the far one calls a `stream` method, each
 * time waiting for the window to let it on. */
#include "pair.h"
#include "pair.capnp.h"

#include <capnp/ez-rpc.h>
#include <kj/debug.h>
#include <signal.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace {

class FarImpl final : public Far::Server {
  public:
    kj::Promise<void> numbers(NumbersContext context) override
    {
        auto to = context.getResults();
        to.setFirst(context.getParams().getFirst());
        to.setSecond(context.getParams().getSecond());
        return kj::READY_NOW;
    }

    kj::Promise<void> bytes(BytesContext context) override
    {
        context.getResults().setBytes(context.getParams().getBytes());
        return kj::READY_NOW;
    }

    kj::Promise<void> produce(ProduceContext context) override
    {
        auto params = context.getParams();
        return put(params.getSink(), kj::heapArray<kj::byte>(params.getSize()), 0, params.getCount());
    }

  private:
    kj::Promise<void> put(Sink::Client sink, kj::Array<kj::byte> bytes, int64_t number, int64_t count)
    {
        if (number == count)
            return kj::READY_NOW;
        kj::Promise<void> sent = bytes.size() == sizeof number ? put_number(sink, number) : put_bytes(sink, bytes, number);
        return sent.then([this, KJ_CPCAP(sink), bytes = kj::mv(bytes), number, count]() mutable {
            return put(kj::mv(sink), kj::mv(bytes), number + 1, count);
        });
    }

    static kj::Promise<void> put_number(Sink::Client &sink, int64_t number)
    {
        auto request = sink.putNumberRequest();
        request.setNumber(number);
        return request.send();
    }

    static kj::Promise<void> put_bytes(Sink::Client &sink, kj::Array<kj::byte> &bytes, int64_t number)
    {
        auto request = sink.putRequest();
        pair_mark(bytes.begin(), number);
        request.setBytes(bytes);
        return request.send();
    }
};

class SinkImpl final : public Sink::Server {
  public:
    explicit SinkImpl(int64_t &seen) : seen(seen)
    {
    }

    kj::Promise<void> put(PutContext context) override
    {
        pair_check(context.getParams().getBytes().begin(), seen++);
        return kj::READY_NOW;
    }

    kj::Promise<void> putNumber(PutNumberContext context) override
    {
        KJ_REQUIRE(context.getParams().getNumber() == seen);
        seen++;
        return kj::READY_NOW;
    }

  private:
    int64_t &seen;
};

kj::Promise<void> call_once(Far::Client &far, const pair_job &job, kj::ArrayPtr<kj::byte> bytes, int64_t number)
{
    if (job.size == 16) {
        auto request = far.numbersRequest();
        request.setFirst(number);
        request.setSecond(~number);
        return request.send().then([number](auto &&answer) { KJ_REQUIRE((int64_t)answer.getFirst() == number); });
    }
    auto request = far.bytesRequest();
    pair_mark(bytes.begin(), number);
    request.setBytes(bytes);
    return request.send().then([number](auto &&answer) { pair_check(answer.getBytes().begin(), number); });
}

/* Every `step`-th number from `number` on. */
kj::Promise<void> call_on(Far::Client &far, const pair_job &job, kj::ArrayPtr<kj::byte> bytes, int64_t number,
                          int64_t count, int step)
{
    if (number >= count)
        return kj::READY_NOW;
    return call_once(far, job, bytes, number).then([&far, &job, bytes, number, count, step]() {
        return call_on(far, job, bytes, number + step, count, step);
    });
}

void call(Far::Client &far, pair_job &job, kj::ArrayPtr<kj::byte> bytes, int64_t count, bool timed,
          kj::WaitScope &scope)
{
    if (job.outstanding > 1) {
        auto all = kj::heapArrayBuilder<kj::Promise<void>>(job.outstanding);
        for (int i = 0; i < job.outstanding; i++)
            all.add(call_on(far, job, bytes, i, count, job.outstanding));
        kj::joinPromises(all.finish()).wait(scope);
        return;
    }
    double last = pair_seconds(CLOCK_MONOTONIC);
    for (int64_t i = 0; i < count; i++) {
        call_once(far, job, bytes, i).wait(scope);
        if (timed)
            pair_lap(&job, i, &last);
    }
}

void stream(Far::Client &far, const pair_job &job, int64_t count, kj::WaitScope &scope)
{
    int64_t seen = 0;
    auto request = far.produceRequest();
    request.setSink(kj::heap<SinkImpl>(seen));
    request.setCount(count);
    request.setSize(job.size);
    request.send().wait(scope);
    KJ_REQUIRE(seen == count);
}

void measure(Far::Client far, pair_job &job, pid_t pid, kj::WaitScope &scope)
{
    auto bytes = kj::heapArray<kj::byte>(job.size);
    bool streams = pair_is(&job, "stream");
    if (streams)
        stream(far, job, pair_warm_up(&job), scope);
    else
        call(far, job, bytes, pair_warm_up(&job), false, scope);
    pair_begin(&job, pid);
    if (streams)
        stream(far, job, job.count, scope);
    else
        call(far, job, bytes, job.count, job.samples != nullptr, scope);
    pair_end(&job);
}

[[noreturn]] void be_far(const pair_job &job, const std::string &address, int ready)
{
    pair_stand(job.place, true);
    capnp::EzRpcServer server(kj::heap<FarImpl>(), address);
    server.getPort().wait(server.getWaitScope());
    KJ_REQUIRE(write(ready, "", 1) == 1);
    kj::NEVER_DONE.wait(server.getWaitScope());
}

} // namespace

int main(int argc, char **argv)
{
    pair_job job;
    int ready[2];
    char byte;
    pair_understand(&job, argc, argv, 1);
    std::string address = "unix-abstract:tractor-bench-" + std::to_string(getpid());
    if (pipe(ready) < 0)
        return 1;
    pair_stand(job.place, false);
    pid_t far = fork();
    if (far == 0)
        be_far(job, address, ready[1]);
    if (read(ready[0], &byte, 1) != 1)
        return 1;
    {
        capnp::EzRpcClient client(address);
        measure(client.getMain<Far>(), job, far, client.getWaitScope());
    }
    kill(far, SIGKILL);
    waitpid(far, nullptr, 0);
    return 0;
}

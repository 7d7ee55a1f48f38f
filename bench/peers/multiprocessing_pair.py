"""Python's multiprocessing: a Process and a Pipe, over which tuples of two integers and bytes go pickled, as send and
recv do by themselves. Where several calls are under way, that many are sent before the first answer is awaited."""
import multiprocessing
import os
import sys
import time

WHAT, SIZE, COUNT, PLACE, OUTSTANDING = sys.argv[1], *map(int, sys.argv[2:4]), sys.argv[4], int(sys.argv[5])
WARM_UP = COUNT // 10 + 1


def stand(second):
    if PLACE != "free":
        os.sched_setaffinity(0, {1 if second and PLACE == "two" else 0})


def cpu_seconds(pid):  # the kernel's number of another process's clock
    return time.clock_gettime((~pid << 3) | 2)


def message(number):
    if WHAT == "stream" and SIZE == 8:
        return number
    return (number, ~number) if SIZE == 16 else number.to_bytes(8, "little").ljust(SIZE, b"\0")


def far(pipe):
    stand(True)
    if WHAT == "stream":
        for count in (WARM_UP, COUNT):
            pipe.recv()
            for i in range(count):
                pipe.send(message(i))
        pipe.recv()
    while True:
        pipe.send(pipe.recv())


def call(pipe, count, samples):
    sent = 0
    last = time.perf_counter()
    for answered in range(count):
        while sent < count and sent - answered < OUTSTANDING:
            pipe.send(message(sent))
            sent += 1
        assert pipe.recv() == message(answered)
        if samples is not None:
            now = time.perf_counter()
            samples.append((now - last) * 1e6)
            last = now


def stream(pipe, count, _):
    pipe.send(None)
    for i in range(count):
        got = pipe.recv()
        assert (got if SIZE == 8 else int.from_bytes(got[:8], "little")) == i


def main():
    stand(False)
    near_end, far_end = multiprocessing.Pipe()
    process = multiprocessing.Process(target=far, args=(far_end,), daemon=True)
    process.start()
    work = stream if WHAT == "stream" else call
    work(near_end, WARM_UP, None)
    samples = [] if WHAT == "latency" else None
    cpu, wall = cpu_seconds(os.getpid()) + cpu_seconds(process.pid), time.perf_counter()
    work(near_end, COUNT, samples)
    wall = time.perf_counter() - wall
    cpu = cpu_seconds(os.getpid()) + cpu_seconds(process.pid) - cpu
    print(f"us {wall * 1e6 / COUNT:.5f}\ncpu_us {cpu * 1e6 / COUNT:.5f}")
    if samples:
        samples.sort()
        for key, part in (("p50_us", .5), ("p90_us", .9), ("p99_us", .99), ("p999_us", .999)):
            print(f"{key} {samples[int((COUNT - 1) * part)]:.4f}")
    process.kill()


main()

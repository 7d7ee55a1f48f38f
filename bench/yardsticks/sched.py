"""The figures of bench/sched.c for trio, whose words are the same. Fewer rounds, since each takes so much longer;
the "million" tasks that are cancelled are a hundred thousand, and the figure is for each."""

import os
import statistics
import time

import trio
import trio.testing

ROUNDS = 3
TIMES = 5000
MANY = 100_000


def per_time(start, count):
    return (time.perf_counter() - start) / count * 1e9


async def take_turns(left):
    while left[0] > 0:
        await trio.lowlevel.checkpoint()
        left[0] -= 1


async def take_turns_computing(left):
    x = 1.0
    while left[0] > 0:
        x = x * 1.0000001 + 0.5
        await trio.lowlevel.checkpoint()
        left[0] -= 1


async def switch_with(other):
    left = [TIMES]
    start = time.perf_counter()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(take_turns, left)
        nursery.start_soon(other, left)
    return per_time(start, TIMES)


async def switches():
    return await switch_with(take_turns)


async def switches_computing():
    return await switch_with(take_turns_computing)


async def end_at_once():
    pass


async def spawns():
    start = time.perf_counter()
    for _ in range(TIMES):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(end_at_once)
    return per_time(start, TIMES)


async def send_all(items):
    async with items:
        for i in range(TIMES):
            await items.send(i)


async def messages():
    send, receive = trio.open_memory_channel(64)
    expected = 0
    start = time.perf_counter()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_all, send)
        async for item in receive:
            assert item == expected, "a message is missing"
            expected += 1
    return per_time(start, TIMES)


async def deadlines():
    start = time.perf_counter()
    for _ in range(TIMES):
        with trio.move_on_after(10):
            pass
    return per_time(start, TIMES)


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


async def while_parked(count, measure):
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(trio.sleep_forever)
        await trio.testing.wait_all_tasks_blocked()
        value = await measure()
        nursery.cancel_scope.cancel()
    return value


async def idle_bytes():
    before = resident_bytes()

    async def bytes_each():
        return (resident_bytes() - before) / MANY

    return await while_parked(MANY, bytes_each)


async def ratio():
    few = await while_parked(10, switches)
    return await while_parked(MANY, switches) / few


async def cancel_all():
    start = None

    async def begin():
        nonlocal start
        start = time.perf_counter()

    await while_parked(MANY, begin)
    return per_time(start, MANY)


async def report(key, count, measure):
    values = [await measure() for _ in range(count)]
    print(key, f"{statistics.median(values):.3f}", flush=True)


async def main():
    await report("idle_task_bytes", 1, idle_bytes)
    await report("switch_ns", ROUNDS, switches)
    await report("switch_fp_ns", ROUNDS, switches_computing)
    await report("spawn_join_ns", ROUNDS, spawns)
    await report("channel_ns", ROUNDS, messages)
    await report("deadline_ns", ROUNDS, deadlines)
    await report("switch_100k_ratio", 1, ratio)
    await report("million_cancel_join_ns", 1, cancel_all)


trio.run(main)

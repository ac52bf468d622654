"""Virtual time passes only when everything waits, and in order."""

import asyncio

from triplane.data.clock import ManualClock, SystemClock


async def test_time_leaps_to_the_next_sleeper() -> None:
    clock = ManualClock(1_000_000)
    seen = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        seen.append((name, clock.monotonic()))
        await clock.sleep(seconds)
        seen.append((name, clock.monotonic()))

    await asyncio.gather(sleeper("a", 3600), sleeper("b", 1), sleeper("c", 2))
    assert seen == [("b", 1), ("c", 2), ("b", 2), ("c", 4), ("a", 3600), ("a", 7200)]
    assert clock.now_ms() == 1_000_000 + 7_200_000


async def test_time_stands_still_while_something_runs() -> None:
    clock = ManualClock()
    woken = asyncio.ensure_future(clock.sleep(10))
    for _ in range(30):
        await asyncio.sleep(0)
    assert clock.monotonic() == 0
    await woken
    assert clock.monotonic() == 10


async def test_a_cancelled_sleeper_does_not_move_time() -> None:
    clock = ManualClock()
    lost = asyncio.ensure_future(clock.sleep(5))
    await asyncio.sleep(0)
    lost.cancel()
    await clock.sleep(7)
    assert clock.monotonic() == 7
    await clock.sleep(-1)
    assert clock.monotonic() == 7


async def test_by_hand_it_moves_only_when_told() -> None:
    clock = ManualClock(auto=False)
    seen = []

    async def ticker() -> None:
        while True:
            await clock.sleep(1)
            seen.append(clock.monotonic())

    task = asyncio.ensure_future(ticker())
    await clock.advance(3.5)
    assert seen == [1, 2, 3]
    assert clock.monotonic() == 3.5
    await clock.advance(0.5)
    assert seen == [1, 2, 3, 4]
    clock.jump(-5000)
    assert clock.now_ms() == -1000
    assert clock.monotonic() == 4
    task.cancel()


async def test_the_system_clock_goes_forward() -> None:
    clock = SystemClock()
    before, wall = clock.monotonic(), clock.now_ms()
    await clock.sleep(0.002)
    assert clock.monotonic() > before
    assert wall > 1_600_000_000_000

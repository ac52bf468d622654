"""Time as something that is passed in, so that feeds can be paced, watched and tested without waiting.

:class:`SystemClock` is the real one. :class:`ManualClock` is virtual: its time stands still while anything runs and
leaps to the next sleeper once the event loop has nothing else to do, so an hour of time-outs takes milliseconds and
always happens in the same order.
"""

import asyncio
import heapq
import itertools
import time
from typing import Final, Protocol

IDLE_TURNS: Final = 64
"""Turns of the event loop without anybody asking the virtual clock for sleep, after which everything is waiting."""


class Clock(Protocol):
    """What tells the time."""

    def now_ms(self) -> int:
        """Wall time, milliseconds since 1970 UTC; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; zero or less only lets others run."""
        ...


class SystemClock:
    """The computer's clock."""

    def now_ms(self) -> int:
        """Wall time, milliseconds since 1970 UTC."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait in real time."""
        await asyncio.sleep(max(seconds, 0.0))


class FastClock:
    """A clock whose seconds are a fraction of the computer's, for a market that is replayed faster than real time.

    Parameters
    ----------
    clock
        The computer's.
    speed
        Its seconds in one of those.
    """

    def __init__(self, clock: Clock, speed: float) -> None:
        self._clock, self._speed = clock, speed
        self._begin = clock.now_ms(), clock.monotonic()

    def now_ms(self) -> int:
        """Milliseconds since 1970 as far as this clock is concerned."""
        start, begin = self._begin
        return start + round((self._clock.monotonic() - begin) * 1000 * self._speed)

    def monotonic(self) -> float:
        """Its seconds since some fixed moment."""
        return self._clock.monotonic() * self._speed

    async def sleep(self, seconds: float) -> None:
        """Wait so many of its seconds."""
        await self._clock.sleep(seconds / self._speed)


class ManualClock:
    """Virtual time, for programs that wait for nothing but this clock and each other (no threads, no sockets).

    Parameters
    ----------
    start_ms
        Wall time at the beginning.
    auto
        Leap to the next sleeper whenever everything waits. Otherwise time moves by :meth:`advance` alone.
    """

    def __init__(self, start_ms: int = 0, *, auto: bool = True) -> None:
        self._start_ms = start_ms
        self._now = 0.0
        self._auto = auto
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._idle = 0
        self._turning = False

    def now_ms(self) -> int:
        """Wall time, milliseconds since 1970 UTC."""
        return self._start_ms + round(self._now * 1000)

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._now

    def jump(self, milliseconds: int) -> None:
        """Move the wall clock, as a time server would; monotonic time and sleepers do not notice."""
        self._start_ms += milliseconds

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._numbers), future))
        self._idle = 0
        if self._auto and not self._turning:
            self._turning = True
            loop.call_soon(self._turn, loop)
        await future

    async def advance(self, seconds: float) -> None:
        """Let virtual time pass, waking sleepers in their order and letting each run until it waits again."""
        end = self._now + seconds
        while True:
            for _ in range(IDLE_TURNS):
                await asyncio.sleep(0)
            if not self._wake_next(end):
                break
        self._now = end

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        self._idle += 1
        if self._idle > IDLE_TURNS:
            self._idle = 0
            self._wake_next(float("inf"))
        self._turning = bool(self._sleepers)
        if self._turning:
            loop.call_soon(self._turn, loop)

    def _wake_next(self, until: float) -> bool:
        while self._sleepers and self._sleepers[0][0] <= until:
            when, _, future = heapq.heappop(self._sleepers)
            if not future.done():  # a cancelled sleeper must not move time
                self._now = max(self._now, when)
                future.set_result(None)
                return True
        return False

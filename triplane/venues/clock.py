"""The venue's time, kept on the monotonic clock, so that the computer's own clock may jump.

Each measurement is a question for the server time; the one with the shortest round trip is the most exact, to within
half of that trip.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from triplane.data.clock import Clock

SAMPLES: Final = 4
EVERY: Final = 300.0
"""Seconds between measurements: a bad quartz drifts 30 ms in that time."""


class VenueClock:
    """The venue's time.

    Parameters
    ----------
    clock
        The computer's.
    ask
        Asks the venue for its time, ms.
    """

    def __init__(self, clock: Clock, ask: Callable[[], Awaitable[int]]) -> None:
        self.clock, self._ask = clock, ask
        self._offset = clock.now_ms() - clock.monotonic() * 1000.0
        self._lock = asyncio.Lock()
        self.synced = float("-inf")
        """When it was measured, monotonic seconds."""
        self.error_ms = float("inf")
        """How far off it can have been then."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        return round(self._offset + self.clock.monotonic() * 1000.0)

    async def sync(self, before: float = float("inf")) -> None:
        """Measure; not when it has been measured since ``before`` (monotonic seconds), maybe while waiting here."""
        async with self._lock:
            if self.synced >= before:
                return
            best = float("inf")
            for _ in range(SAMPLES):
                sent = self.clock.monotonic()
                server = await self._ask()
                took = self.clock.monotonic() - sent
                if took < best:
                    best, self._offset = took, server - (sent + took / 2) * 1000.0
            self.synced, self.error_ms = self.clock.monotonic(), best * 500.0

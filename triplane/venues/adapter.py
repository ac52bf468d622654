"""What all adapters do alike: open and close, keep the venue's time, tell events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from triplane.data.clock import Clock
from triplane.venues.base import VenueEvent
from triplane.venues.errors import VenueError
from triplane.venues.stream import PrivateStream


class Adapter:
    """Base of the adapters; they give it their requests and their private stream, and say how to load the markets."""

    _clock: Clock
    _rest: Any  # what makes its requests: open, close, and the venue's clock
    _stream: PrivateStream
    _sync_every: float
    _resync: "asyncio.Task[None] | None" = None

    async def open(self) -> None:
        """Load the markets and measure the clock."""
        try:
            await self._rest.open()
            await self._load()
        except BaseException:
            await self.close()
            raise
        if self._resync is None:
            self._resync = asyncio.create_task(self._keep_time())

    async def _load(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of every connection; may be called twice."""
        if self._resync is not None:
            self._resync.cancel()
            await asyncio.gather(self._resync, return_exceptions=True)
            self._resync = None
        await self._stream.close()
        await self._rest.close()

    def now_ms(self) -> int:
        """The venue's time."""
        now: int = self._rest.clock.now_ms()
        return now

    def events(self) -> AsyncIterator[VenueEvent]:
        """The private stream, for ever, through reconnects, until :meth:`close`."""
        return self._stream.events()

    async def _keep_time(self) -> None:
        while True:
            await self._clock.sleep(self._sync_every)
            try:
                await self._rest.clock.sync()
            except VenueError:  # the old measure stays good for long, and a refusal for the time asks for a new one
                continue

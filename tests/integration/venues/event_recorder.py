"""Records the private stream of an adapter."""

import asyncio

from triplane.venues.base import Execution, StreamState, StreamStatus


class EventRecorder:
    """Everything that the private stream says."""

    def __init__(self, venue):
        self.events = []
        self._more = asyncio.Event()
        self._task = asyncio.create_task(self._listen(venue))

    async def _listen(self, venue):
        async for event in venue.events():
            self.events.append(event)
            self._more.set()

    async def until(self, wanted, since=0, seconds=20.0):
        """The first event from number ``since`` on for which ``wanted`` holds."""
        async with asyncio.timeout(seconds):
            while True:
                self._more.clear()
                for event in self.events[since:]:
                    if wanted(event):
                        return event
                await self._more.wait()

    async def up(self, since=0):
        return await self.until(lambda e: isinstance(e, StreamState) and e.state is StreamStatus.UP, since)

    async def fill(self, client_id, since=0):
        return await self.until(lambda e: isinstance(e, Execution) and e.client_id == client_id, since)

    @property
    def fills(self):
        return [event for event in self.events if isinstance(event, Execution)]

    @property
    def states(self):
        return [event.state for event in self.events if isinstance(event, StreamState)]

    async def done(self):
        """The stream has ended by itself."""
        async with asyncio.timeout(10):
            await self._task

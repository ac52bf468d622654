"""The last messages for the page, numbered, so that a client that was away can ask for what it missed.

Every client has a cursor into this log; a slow one costs the publisher nothing. Numbers only grow, also over a restart:
they begin at the start time in microseconds.
"""

import asyncio
from typing import Any

Message = dict[str, Any]


class EventLog:
    """A ring of messages ``{id, type, session_id, symbol, timestamp, data}``; for the thread of the event loop.

    Parameters
    ----------
    session_id
        Stands in every message.
    started_ms
        Start time, for the numbers.
    capacity
        Messages that are kept.
    """

    def __init__(self, session_id: str, started_ms: int, capacity: int = 8192) -> None:
        self._session = session_id
        self._base = self.last_id = started_ms * 1000
        self._ring: list[Message] = [{}] * capacity
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def first_id(self) -> int:
        """Id of the oldest message still held; ``last_id + 1`` when none is."""
        return max(self._base, self.last_id - len(self._ring)) + 1

    def append(self, kind: str, symbol: str | None, timestamp: int, data: Any) -> int:
        """Add a message, which must not change from here on; returns its id."""
        self.last_id += 1
        self._ring[self.last_id % len(self._ring)] = {
            "id": self.last_id,
            "type": kind,
            "session_id": self._session,
            "symbol": symbol,
            "timestamp": timestamp,
            "data": data,
        }
        if self._waiting:
            for future in self._waiting:
                if not future.done():
                    future.set_result(None)
            self._waiting.clear()
        return self.last_id

    def after(self, event_id: int, limit: int) -> list[Message]:
        """Give up to ``limit`` messages with an id above ``event_id``, oldest first."""
        begin = max(event_id + 1, self.first_id)
        end = min(begin + limit, self.last_id + 1)
        return [self._ring[i % len(self._ring)] for i in range(begin, end)]

    async def wait(self, event_id: int) -> None:
        """Return as soon as there is a message with an id above ``event_id``; may be cancelled at any time."""
        while self.last_id <= event_id:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            try:
                await future
            finally:
                self._waiting.discard(future)

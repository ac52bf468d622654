"""The newest messages of the sockets, numbered, so that a client that was away can ask for what it missed.

A message is encoded once, as JSON and as the very bytes of its WebSocket frame, whatever the number of clients; those
that are at the same place with the same wishes are given the same bytes. Some messages are *pictures* of how something
stands: a newer one takes the place of the one before. Numbers only grow, also over a restart: they begin at the start
time in microseconds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

from msgspec.structs import asdict

from triplane.api.replica.views import SocketData
from triplane.model.facts import about
from triplane.model.live import ENCODER

CAPACITY: Final = 8192
BATCH: Final = 32 * 1024
"""Bytes that are sent at once to a client, unless a single message is larger."""
PICTURES: Final = 1000

RESYNC: Final = "resync"
EVERY_SESSION: Final = "*"

TOPICS: Final = frozenset(SocketData.__struct_fields__) - {RESYNC, "heartbeat"}
USUAL: Final = TOPICS - {"facts"}
"""What a client gets that names no topics."""

STREAM_TYPES: Final = {
    "market_data": "candle",
    "signal_generated": "signal",
    "state_change": "state_change",
    "session_update": "status",
    "error": "error",
}
"""Topics to the types of ``/stream/{symbol}``."""


@dataclass(eq=False)
class Message:
    """One message; encoded when the first client wants it."""

    id: int
    topic: str
    session_id: str | None
    symbol: str | None
    timestamp: int
    data: Any

    @cached_property
    def frame(self) -> bytes:
        """The frame of the message for ``/ws``."""
        return frame_of(
            ENCODER.encode(envelope(self.id, self.topic, self.session_id, self.symbol, self.timestamp, self.data))
        )

    @cached_property
    def stream_frame(self) -> bytes:
        """The same in the shape of ``/stream/{symbol}``."""
        kind, data = STREAM_TYPES.get(self.topic, "error"), self.data
        if self.topic == "market_data":
            data = {"timeframe": data.timeframe, **asdict(data.candle)}
        elif self.topic == RESYNC:
            data = {"code": RESYNC, "message": data.reason}
        return frame_of(ENCODER.encode(stream_envelope(self.id, kind, self.symbol, self.timestamp, data)))


def envelope(
    number: int, kind: str, session_id: str | None, symbol: str | None, timestamp: int, data: Any
) -> dict[str, Any]:
    """What every message of ``/ws`` looks like."""
    return {
        "id": number, "type": kind, "session_id": session_id, "symbol": symbol, "timestamp": timestamp, "data": data,
    }  # fmt: skip


def stream_envelope(number: int, kind: str, symbol: str | None, timestamp: int, data: Any) -> dict[str, Any]:
    """What every message of ``/stream/{symbol}`` looks like."""
    return {"id": number, "type": kind, "symbol": symbol, "timestamp": timestamp, "data": data}


def frame_of(text: bytes) -> bytes:
    """The bytes of a WebSocket text frame from a server: they are the same for every client."""
    n = len(text)
    if n < 126:
        return b"\x81%c%b" % (n, text)
    if n < 1 << 16:
        return b"\x81\x7e%b%b" % (n.to_bytes(2, "big"), text)
    return b"\x81\x7f%b%b" % (n.to_bytes(8, "big"), text)


class Filter(NamedTuple):
    """What a client wants: None is everything (but ``facts``); a session of None is the one that is shown now."""

    topics: frozenset[str] | None = None
    symbols: frozenset[str] | None = None
    session: str | None = None
    stream: bool = False

    def wants(self, message: Message, shown: str | None) -> bool:
        """Tell whether a message is for the client."""
        session = self.session or shown
        if message.session_id not in (None, session) and session != EVERY_SESSION:
            return False
        if message.topic == RESYNC:
            return True
        if message.topic not in (USUAL if self.topics is None else self.topics):
            return False
        symbol = message.symbol
        return self.symbols is None or not symbol or any(about(one, symbol) for one in self.symbols)


class Batch(NamedTuple):
    """What comes next for a client: frames, one by one and together, and where it stands then."""

    each: list[bytes]
    frames: bytes
    last_id: int
    left_out: int


class MessageLog:
    """A ring of messages; for the thread of the event loop.

    Parameters
    ----------
    started_ms
        Start time, for the numbers.
    capacity
        Messages that are kept.

    Attributes
    ----------
    shown
        The session that clients get which name none.
    on_news
        Called when there is a message to send.
    """

    def __init__(self, started_ms: int, capacity: int = CAPACITY) -> None:
        self.base = self.last_id = started_ms * 1000
        self.shown: str | None = None
        self.on_news: Callable[[], None] = lambda: None
        self._ring: list[Message | None] = [None] * capacity
        self._pictures: dict[tuple[Any, ...], int] = {}
        self._batches: dict[tuple[int, Filter], Batch] = {}

    @property
    def first_id(self) -> int:
        """Id of the oldest message still held; ``last_id + 1`` when none is."""
        return max(self.base, self.last_id - len(self._ring)) + 1

    @property
    def published(self) -> int:
        """How many there were."""
        return self.last_id - self.base

    def append(
        self, topic: str, session_id: str | None, symbol: str | None, timestamp: int, data: Any,
        picture: tuple[Any, ...] | None = None,
    ) -> int:  # fmt: skip
        """Add a message, whose data must not change from here on; returns its id.

        Parameters
        ----------
        picture
            It takes the place of an older message with the same mark, if there is one.
        """
        self.last_id += 1
        if picture is not None:
            self._replace(picture)
        self._ring[self.last_id % len(self._ring)] = Message(self.last_id, topic, session_id, symbol, timestamp, data)
        self._batches.clear()
        self.on_news()
        return self.last_id

    def _replace(self, picture: tuple[Any, ...]) -> None:
        before = self._pictures.get(picture, 0)
        if before >= self.first_id:
            self._ring[before % len(self._ring)] = None
        self._pictures[picture] = self.last_id
        if len(self._pictures) > PICTURES:
            self._pictures = {mark: at for mark, at in self._pictures.items() if at >= self.first_id}

    def after(self, event_id: int) -> Iterator[Message]:
        """Give the messages with an id above ``event_id``, oldest first."""
        for number in range(max(event_id + 1, self.first_id), self.last_id + 1):
            message = self._ring[number % len(self._ring)]
            if message is not None:
                yield message

    def batch(self, cursor: int, wanted: Filter) -> Batch:
        """What comes next for a client at ``cursor``; made once for all that are at the same place."""
        known = self._batches.get((cursor, wanted))
        if known is None:
            known = self._batches[cursor, wanted] = self._gather(cursor, wanted)
        return known

    def _gather(self, cursor: int, wanted: Filter) -> Batch:
        frames: list[bytes] = []
        size = seen = 0
        last = self.last_id
        for message in self.after(cursor):
            seen += 1
            if wanted.wants(message, self.shown):
                frames.append(message.stream_frame if wanted.stream else message.frame)
                size += len(frames[-1])
                if size >= BATCH:
                    last = message.id
                    break
        return Batch(frames, b"".join(frames), last, last - cursor - seen)

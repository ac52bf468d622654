"""The private stream of a venue: kept open for ever, and nothing that was received is lost.

Messages go, as they arrive, through the venue's decoder into an unbounded queue. The venue's part
(:class:`StreamProtocol`) says where to connect, how to log in, what a message means, and how to keep the connection
alive.

* When the connection ends, for whatever reason, :attr:`StreamStatus.DOWN` is reported and a new one is made, at once,
  then after 1, 2, 4, 8, 16 s with jitter. Each new one is followed by :attr:`StreamStatus.UP`: events before it may
  have been missed.
* When it has to be replaced (it is a day old, its key expires, keeping it alive fails), the new one is opened first,
  and only then the old one is dropped; what both deliver arrives twice.
* Silence is normal here, and pings only show that the connection is open. So whoever does something that the venue has
  to report calls :meth:`PrivateStream.expect`; if nothing arrives in time, the stream is mute and is replaced.
* A message that cannot be read counts as missed: ``UP`` is reported once more.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import orjson

from triplane.data.clock import Clock
from triplane.data.live import backoff
from triplane.errors import TriplaneError
from triplane.venues.base import StreamState, StreamStatus, VenueEvent
from triplane.venues.keys import redact

_log: Final = logging.getLogger(__name__)


class Rotate(Exception):  # noqa: N818 - reads as what it is
    """The connection has to be replaced."""


class WebSocket(Protocol):
    """What a stream protocol may do with its connection."""

    async def send(self, text: str, /) -> None: ...

    async def recv(self) -> str | bytes:
        """Wait for a message; only while logging in."""
        ...


class StreamProtocol:
    """A venue's part. Each method may raise :class:`Rotate` or a TriplaneError, which ends the connection."""

    _address: str

    async def address(self) -> str:
        """Where to connect; asked for each connection."""
        return self._address

    async def log_in(self, socket: WebSocket) -> None:
        """Log in and subscribe, until the venue has confirmed both; nothing where the address says it all."""

    def parse(self, text: str | bytes) -> Any:
        """A message; None for one that only keeps the connection alive."""
        return orjson.loads(text)

    def read(self, message: Any) -> list[VenueEvent]:
        """The events in a message."""
        raise NotImplementedError

    async def keep_alive(self, socket: WebSocket) -> None:  # noqa: ARG002 - pings do it
        """Keep the connection alive, for ever; when this ends, the connection is replaced."""
        await asyncio.Event().wait()


@dataclass(frozen=True, slots=True)
class StreamTiming:
    """Deadlines, seconds."""

    connect: float = 10.0
    ping: float = 20.0  # between pings, and until their answers
    age: float = 23 * 3600.0  # venues cut after a day
    expected: float = 5.0  # for an event that must come
    steady: float = 30.0  # a connection that lasted so long was good


class _StreamConnection:
    """One socket with its reader and its keep-alive task."""

    def __init__(self, owner: "PrivateStream", socket: Any) -> None:
        self.socket, self._owner = socket, owner
        self.retired = asyncio.Event()
        self.why = ""
        self.reader = asyncio.create_task(self._read())
        jobs = (partial(owner.protocol.keep_alive, socket), self._age)
        self._others = [asyncio.create_task(self._until_retired(job)) for job in jobs]

    def retire(self, why: str) -> None:
        """The connection has to be replaced."""
        self.why = self.why or why
        self.retired.set()

    async def ended(self) -> bool:
        """Wait until it has to be replaced (true) or is gone (false)."""
        retired = asyncio.create_task(self.retired.wait())
        try:
            await asyncio.wait({retired, self.reader}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            retired.cancel()
        return not self.reader.done()

    async def close(self) -> None:
        """Close it; everything received before is in the queue then."""
        for task in self._others:
            task.cancel()
        await self.socket.close()
        await asyncio.gather(self.reader, *self._others, return_exceptions=True)

    async def _age(self) -> None:
        await self._owner.clock.sleep(self._owner.timing.age)
        raise Rotate("it is a day old")

    async def _until_retired(self, job: Callable[[], Awaitable[None]]) -> None:
        try:
            await job()
            self.retire("its keep-alive has ended")
        except (Rotate, TriplaneError, OSError) as error:
            self.retire(str(error))
        except Exception as error:  # noqa: BLE001 - whatever it was, the connection is not kept alive any more
            self.retire(type(error).__name__)

    async def _read(self) -> None:
        from websockets.exceptions import ConnectionClosed  # noqa: PLC0415 - only for sessions at a venue

        try:
            while True:
                self._owner.receive(await self.socket.recv(), self)
        except ConnectionClosed as error:
            close = error.rcvd
            self.why = self.why or (f"closed by the venue with {close.code}" if close else "cut")


class PrivateStream:
    """The stream of one account.

    Parameters
    ----------
    protocol
        The venue's part.
    now_ms
        The venue's time, for the events of the stream itself.
    parse
        Parses a text; None for a message that only keeps the connection alive.
    """

    def __init__(
        self,
        protocol: StreamProtocol,
        clock: Clock,
        now_ms: Callable[[], int],
        timing: StreamTiming | None = None,
        *,
        parse: Callable[[str | bytes], Any] = orjson.loads,
    ) -> None:
        self.protocol, self.clock, self._now_ms, self._parse = protocol, clock, now_ms, parse
        self.timing = timing or StreamTiming()
        self._rng = random.Random()  # noqa: S311 - jitter
        self._queue: asyncio.Queue[VenueEvent | None] = asyncio.Queue()
        self._up = False
        self.received = 0
        """Messages so far."""
        self._heard = asyncio.Event()
        self._current: _StreamConnection | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None

    async def events(self) -> AsyncIterator[VenueEvent]:
        """All events, from the first call on, until :meth:`close`; for one reader."""
        if not self._tasks:
            self._start(self._run())
        while (event := await self._queue.get()) is not None:
            yield event

    def expect(self, since: int) -> None:
        """The venue has accepted a request and has to send an event about it soon.

        ``since`` is :attr:`received` from before the request was sent, because the event may be faster than the answer.
        """
        waiting = self._watch is not None and not self._watch.done()
        if self._current is not None and self.received == since and not waiting:
            self._heard.clear()
            self._watch = self._start(self._silence(self._current))

    async def close(self) -> None:
        """End the stream and its events; may be called twice."""
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._queue.put_nowait(None)

    def receive(self, text: str | bytes, connection: _StreamConnection) -> None:
        try:
            message = self._parse(text)
            if message is None:
                return
            self.received += 1
            self._heard.set()
            for event in self.protocol.read(message):
                self._queue.put_nowait(event)
        except Rotate as error:
            connection.retire(str(error))
        except Exception as error:  # noqa: BLE001 - no message may end the reader; what it said is lost, so reconcile
            text = str(error) if isinstance(error, TriplaneError) else type(error).__name__
            _log.warning("a message of the private stream cannot be read: %s", redact(text))
            self._tell(StreamStatus.UP, f"a message could not be read: {text}")

    # ------------------------------------------------------------------------------------------------ its life
    def _start(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _tell(self, state: StreamStatus, text: str) -> None:
        self._up = state is StreamStatus.UP
        self._queue.put_nowait(StreamState(state, redact(text), self._now_ms()))

    async def _run(self) -> None:
        old: _StreamConnection | None = None
        why, attempt = "connected", 0
        try:
            while True:
                if attempt > 1:
                    await self.clock.sleep(backoff(attempt - 2, self._rng))
                attempt += 1
                try:
                    self._current = await self._connect()
                except Exception as error:  # noqa: BLE001 - whatever went wrong, it is tried again
                    self._failed(error, old)
                    continue
                self._tell(StreamStatus.UP, why)
                last, old, since = old, self._current, self.clock.monotonic()
                if last is not None:
                    await last.close()
                retired = await old.ended()
                why = f"replaced: {old.why}" if retired else f"connected again: {old.why}"
                if not retired:
                    self._tell(StreamStatus.DOWN, old.why)
                if self.clock.monotonic() - since >= self.timing.steady:
                    attempt = 0
        finally:
            for connection in {old, self._current}:
                if connection is not None:
                    await connection.close()

    def _failed(self, error: Exception, old: _StreamConnection | None) -> None:
        text = redact(str(error) if isinstance(error, TriplaneError | Rotate) else type(error).__name__)
        _log.warning("the private stream cannot be opened: %s", text)
        if self._up and (old is None or old.reader.done()):
            self._tell(StreamStatus.DOWN, f"no new connection: {text}")

    async def _connect(self) -> _StreamConnection:
        from websockets.asyncio.client import connect  # noqa: PLC0415 - only for sessions at a venue

        timing = self.timing
        async with asyncio.timeout(timing.connect):
            socket = await connect(
                await self.protocol.address(),
                open_timeout=None,
                ping_interval=timing.ping,
                ping_timeout=timing.ping,
                close_timeout=1.0,
                max_size=None,
            )
            try:
                await self.protocol.log_in(socket)
            except BaseException:  # also when cancelled: nobody else knows the socket yet
                await socket.close()
                raise
        return _StreamConnection(self, socket)

    async def _silence(self, connection: _StreamConnection) -> None:
        waited = asyncio.create_task(self._heard.wait())
        limit = asyncio.create_task(self.clock.sleep(self.timing.expected))
        try:
            await asyncio.wait({waited, limit}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waited.cancel()
            limit.cancel()
        if not self._heard.is_set():
            connection.retire("it is mute: nothing came of an accepted request")

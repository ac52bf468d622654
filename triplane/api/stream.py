"""The two WebSockets: every client reads the engine's log of events at its own pace.

There is no queue for a client. Each has a *cursor*, the id of the last event it has seen, and takes what came after
it when its connection has room. So the engine publishes once whatever the number of clients, a client that reconnects
with its last id misses nothing, and one that is slow hurts only itself: pictures of a candle that is still forming
are left out when a newer one is there already, after falling behind further than the log reaches it is told to read
again over REST (``resync``), and when it takes nothing for some seconds it is dropped.
"""

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from fastapi import WebSocket, WebSocketDisconnect

from triplane.api.context import Context, find
from triplane.api.errors import ApiError, answer
from triplane.api.ports import EventLog, Payload
from triplane.errors import TriplaneError

BATCH: Final = 256
MAX_CLIENTS: Final = 100
TRY_AGAIN_LATER: Final = 1013

RESYNC: Final = "resync"

TOPICS: Final = frozenset(
    {
        "market_data", "zone_update", "marker", "decision", "signal_generated", "order_created", "order_updated",
        "position_update", "position_closed", "risk_alert", "session_update", "state_change", "account_update",
        "backtest_progress",
    }
)  # fmt: skip

STREAM_TYPES: Final = {
    "market_data": "candle",
    "signal_generated": "signal",
    "state_change": "state_change",
    "session_update": "status",
}
"""Topics of ``/ws`` to types of ``/stream/{symbol}``."""


def now_ms() -> int:
    """Give the time of day, ms; it only stamps heartbeats."""
    return time.time_ns() // 1_000_000


@dataclass(eq=False)
class Client:
    """One connection: what it wants and how far it is."""

    number: int
    path: str
    cursor: int
    topics: frozenset[str] | None = None
    symbols: frozenset[str] | None = None
    active: bool = False
    connected_at: int = field(default_factory=now_ms)
    sent: int = 0
    conflated: int = 0

    def wants(self, event: Payload) -> bool:
        """Tell whether an event is among the topics and symbols that were asked for."""
        if event["type"] == RESYNC:  # concerns everybody
            return True
        if self.topics is not None and event["type"] not in self.topics:
            return False
        return self.symbols is None or not event.get("symbol") or event["symbol"] in self.symbols


class Clients:
    """All connections of an application.

    Parameters
    ----------
    heartbeat_s
        After so long without an event a heartbeat is sent, seconds.
    patience_s
        A client that does not take a message for so long is dropped, seconds.
    """

    def __init__(self, heartbeat_s: float, patience_s: float) -> None:
        self.heartbeat_s = heartbeat_s
        self.patience_s = patience_s
        self._numbers = itertools.count(1)
        self._channels: set[Channel] = set()

    def describe(self) -> list[Payload]:
        """List the connections as ``/market-rest/connections`` shows them."""
        return [
            {
                "id": client.number,
                "path": client.path,
                "topics": None if client.topics is None else sorted(client.topics),
                "symbols": None if client.symbols is None else sorted(client.symbols),
                "connected_at": client.connected_at,
                "sent": client.sent,
                "conflated": client.conflated,
                "last_event_id": client.cursor,
                "lag": max(0, channel.log.last_id - client.cursor),
            }
            for channel in sorted(self._channels, key=lambda channel: channel.client.number)
            for client in [channel.client]
        ]

    def wake(self) -> None:
        """Let every connection look at the log of a session that has just begun."""
        for channel in self._channels:
            channel.wake()

    async def serve(self, channel: "Channel") -> None:
        """Accept a connection and serve it to its end."""
        await channel.socket.accept()
        channel.client.number = next(self._numbers)
        self._channels.add(channel)
        reader = asyncio.ensure_future(channel.read())
        writer = asyncio.ensure_future(channel.write(self.heartbeat_s, self.patience_s))
        try:
            done, _ = await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except (WebSocketDisconnect, ConnectionError):
            pass
        except TimeoutError:
            await channel.drop(self.patience_s)
        finally:
            self._channels.discard(channel)
            for task in (reader, writer):
                task.cancel()
            await asyncio.gather(reader, writer, return_exceptions=True)

    def full(self) -> bool:
        """Tell whether no further connection is taken."""
        return len(self._channels) >= MAX_CLIENTS


def conflate(events: Sequence[Payload]) -> list[Payload]:
    """Leave out pictures of a forming candle that a later one of the same symbol replaces."""
    kept: list[Payload] = []
    seen: set[str] = set()
    for event in reversed(events):
        if event["type"] == "market_data":
            symbol = event["symbol"]
            if not event["data"]["candle"]["is_closed"] and symbol in seen:
                continue
            seen.add(symbol)
        kept.append(event)
    return kept[::-1]


class Channel:
    """One connection at work; the two kinds differ in what they send and what they take."""

    def __init__(self, socket: WebSocket, context: Context, cursor: int, active: bool) -> None:
        self.socket = socket
        self.context = context
        self.client = Client(0, socket.url.path, cursor, active=active)
        self.resume_from: int | None = None
        self._changed = asyncio.Event()
        self._patience = 0.0

    @property
    def log(self) -> EventLog:
        """The log of the session that runs now; another session has another one."""
        return self.context.engine.events

    def wake(self) -> None:
        """Look again at once."""
        self._changed.set()

    async def read(self) -> None:
        """Take messages until the client goes."""
        while True:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await self.handle(message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace"))

    async def write(self, heartbeat_s: float, patience_s: float) -> None:
        """Send events as they come, heartbeats when none do."""
        self._patience = patience_s
        client = self.client
        while True:
            if self.resume_from is not None:
                client.cursor, self.resume_from = self.resume_from, None
            if not client.active:
                await self._pause(heartbeat_s)
                continue
            if not self.log.first_id - 1 <= client.cursor <= self.log.last_id:
                why = "behind the oldest" if client.cursor < self.log.first_id else "ahead of the newest"
                lost, client.cursor = client.cursor, self.log.last_id
                await self.resync(f"The event {lost} is {why} that is held; read the present state over REST.")
            events = self.log.after(client.cursor, BATCH)
            if not events:
                await self._pause(heartbeat_s)
                continue
            kept = conflate(events)
            client.conflated += len(events) - len(kept)
            for event in kept:
                if client.wants(event):
                    await self.event(event)
                client.cursor = event["id"]
            client.cursor = events[-1]["id"]

    async def _pause(self, heartbeat_s: float) -> None:
        """Wait for an event or for the client to ask for something else; after so long send a heartbeat."""
        if self.resume_from is not None:
            return
        self._changed.clear()
        waiting: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._changed.wait())]
        if self.client.active:
            waiting.append(asyncio.ensure_future(self.log.wait(self.client.cursor)))
        try:
            done, _ = await asyncio.wait(waiting, timeout=heartbeat_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        if not done:
            await self.heartbeat()

    async def send(self, message: Payload) -> None:
        """Send one message; TimeoutError when the client does not take it."""
        text = orjson.dumps(message, default=str).decode()
        async with asyncio.timeout(self._patience or None):
            await self.socket.send_text(text)
        self.client.sent += 1

    async def drop(self, after_s: float) -> None:
        """Close a connection whose client does not listen."""
        reason = f"Nothing was taken for {after_s:g} s; connect again with the last event id."
        try:
            async with asyncio.timeout(1.0):
                await self.socket.close(TRY_AGAIN_LATER, reason)
        except (TimeoutError, RuntimeError, ConnectionError):
            return  # it is gone already, or will be when the server gives up on its buffer

    async def handle(self, text: str) -> None:
        """Take one message of the client."""
        raise NotImplementedError

    async def event(self, event: Payload) -> None:
        """Send one event."""
        raise NotImplementedError

    async def heartbeat(self) -> None:
        """Send a sign of life, which also tells the client its place in the log."""
        raise NotImplementedError

    async def resync(self, reason: str) -> None:
        """Tell the client that events were lost to it."""
        raise NotImplementedError


class Workspace(Channel):
    """``/ws``: the client subscribes to topics and symbols; the type of a message is its topic."""

    async def handle(self, text: str) -> None:
        """Take ``{"op": "subscribe" | "unsubscribe" | "ping", …}``."""
        try:
            self._apply(_object(text))
        except TriplaneError as error:
            await self._say("error", {"code": "invalid", "message": str(error)})
            return
        await self.heartbeat()
        self._changed.set()

    def _apply(self, message: Payload) -> None:
        client, op = self.client, message.get("op")
        if op == "ping":
            return
        if op == "unsubscribe":
            topics = _names(message, "topics")
            client.topics = (
                frozenset() if topics is None else (TOPICS if client.topics is None else client.topics) - topics
            )
            return
        if op != "subscribe":
            raise TriplaneError(f"op is {str(op)[:40]!r}; it must be 'subscribe', 'unsubscribe' or 'ping'.")
        topics, symbols = _names(message, "topics"), _names(message, "symbols")
        if topics is not None and not topics <= TOPICS:
            raise TriplaneError(
                f"topics has {', '.join(sorted(topics - TOPICS))[:80]}; allowed are {', '.join(sorted(TOPICS))}."
            )
        last = message.get("last_event_id")
        if last is not None and (not isinstance(last, int) or isinstance(last, bool) or last < 0):
            raise TriplaneError(f"last_event_id is {str(last)[:40]!r}; it must be a whole number from 0, or null.")
        client.topics, client.symbols = topics, symbols
        if last is not None or not client.active:
            self.resume_from = self.log.last_id if last is None else last  # the writer goes there after what it is at
        client.active = True

    async def event(self, event: Payload) -> None:
        """Send it as it is."""
        await self.send(event)

    async def heartbeat(self) -> None:
        """Send ``heartbeat``."""
        await self._say("heartbeat", {})

    async def resync(self, reason: str) -> None:
        """Send ``resync``."""
        await self._say(RESYNC, {"reason": reason})

    async def _say(self, kind: str, data: Payload) -> None:
        session = self.context.engine.status()["session_id"]
        await self.send(
            {
                "id": self.client.cursor if self.resume_from is None else self.resume_from,
                "type": kind,
                "session_id": session,
                "symbol": None,
                "timestamp": now_ms(),
                "data": data,
            }
        )


class Stream(Channel):
    """``/stream/{symbol}``: candles, signals, state changes and the status of one symbol."""

    def __init__(self, socket: WebSocket, context: Context, cursor: int, symbol: str) -> None:
        super().__init__(socket, context, cursor, active=True)
        self.symbol = symbol
        self.timeframe: str = context.engine.status(symbol)["timeframe"]
        self.client.topics = frozenset(STREAM_TYPES)
        self.client.symbols = frozenset({symbol})

    async def handle(self, text: str) -> None:  # noqa: ARG002 - whatever it says, there is nothing to ask for here
        """Answer any message with the status."""
        await self.heartbeat()

    async def event(self, event: Payload) -> None:
        """Send it in the shape of this channel."""
        data = event["data"]
        if event["type"] == RESYNC:
            await self._say("error", _resync(data["reason"]), event["timestamp"], event["id"])
            return
        if event["type"] == "market_data":
            data = {"timeframe": self.timeframe, **data["candle"]}
        await self._say(STREAM_TYPES[event["type"]], data, event["timestamp"], event["id"])

    async def heartbeat(self) -> None:
        """Send ``status``."""
        await self._say("status", self.context.engine.status(self.symbol), now_ms(), self.client.cursor)

    async def resync(self, reason: str) -> None:
        """Send ``error`` with the code ``resync``."""
        await self._say("error", _resync(reason), now_ms(), self.client.cursor)

    async def _say(self, kind: str, data: Payload, timestamp: int, event_id: int) -> None:
        await self.send({"id": event_id, "type": kind, "symbol": self.symbol, "timestamp": timestamp, "data": data})


async def workspace(socket: WebSocket) -> None:
    """Serve ``/ws``."""
    context = find(socket)
    try:
        _admit(socket, context)
    except ApiError as error:
        await socket.send_denial_response(answer(error.status, error.message, error.code, error.headers))
        return
    await socket.app.state.clients.serve(Workspace(socket, context, context.engine.events.last_id, active=False))


async def stream(socket: WebSocket, symbol: str) -> None:
    """Serve ``/stream/{symbol}``; ``?last_event_id=`` resumes."""
    context = find(socket)
    try:
        _admit(socket, context)
        known = context.symbol(symbol)
        cursor = _cursor(socket, context)
    except ApiError as error:
        await socket.send_denial_response(answer(error.status, error.message, error.code, error.headers))
        return
    await socket.app.state.clients.serve(Stream(socket, context, cursor, known))


def _admit(socket: WebSocket, context: Context) -> None:
    context.access.require(socket)
    if socket.app.state.clients.full():
        raise ApiError(503, f"There are {MAX_CLIENTS} connections already; close one.")


def _cursor(socket: WebSocket, context: Context) -> int:
    last = socket.query_params.get("last_event_id", str(context.engine.events.last_id))
    if not (last.isascii() and last.isdigit() and len(last) < 19):
        raise ApiError(422, f"last_event_id is {last[:40]!r}; it must be a whole number from 0.")
    return int(last)


def _resync(reason: str) -> Payload:
    return {"code": RESYNC, "message": reason}


def _object(text: str) -> Payload:
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict):
        raise TriplaneError('The message is not a JSON object such as {"op": "subscribe", "topics": ["market_data"]}.')
    return message


def _names(message: Payload, name: str) -> frozenset[str] | None:
    """Give a list of names of a message; empty or absent means all, None."""
    value: Any = message.get(name)
    if value is None or value == []:
        return None
    if not isinstance(value, list) or len(value) > 1000 or not all(isinstance(one, str) for one in value):
        raise TriplaneError(f"{name} must be a list of names.")
    return frozenset(value)

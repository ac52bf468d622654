"""The two WebSockets: every client reads the log of messages at its own pace.

There is no queue for a client. Each has a *cursor*, the id of the last message it has seen, and is sent what came after
it when its connection has room. So a message is made once whatever the number of clients, a client that reconnects
with its last id misses nothing, and one that is slow hurts only itself: pictures that a newer one has replaced are
left out, after falling behind further than the log reaches it is told to read again over REST (``resync``), and when it
takes nothing for some seconds it is dropped.
"""

import asyncio
import itertools
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
from fastapi import WebSocket, WebSocketDisconnect

from triplane.api import messages
from triplane.api.context import Context, find
from triplane.api.errors import ApiError
from triplane.api.limits import BodyLimit, check_json
from triplane.api.messages import RESYNC, STREAM_TYPES, TOPICS, USUAL, Batch, Filter, MessageLog
from triplane.api.replica.views import View
from triplane.api.wire import drop, wire_to
from triplane.errors import TriplaneError
from triplane.model.live import ENCODER

MAX_CLIENTS: Final = 1000
MESSAGE: Final = BodyLimit(values=2500)
"""Of a client; it may name a thousand topics and symbols."""
LONGEST_ID: Final = 100
TRY_AGAIN_LATER: Final = 1013
TICK: Final = 0.25
"""Seconds between two looks at who is silent or stuck."""
GATHER: Final = 0.01
"""Seconds between two rounds to all clients; with many clients as long as a round takes."""


def now_ms() -> int:
    """Give the time of day, ms; it only stamps heartbeats."""
    return time.time_ns() // 1_000_000


class Connection(View, frozen=True, kw_only=True):
    """One client of a WebSocket."""

    id: int
    path: str
    topics: list[str] | None
    symbols: list[str] | None
    session: str | None
    connected_at: int
    sent: int
    conflated: int
    last_event_id: int
    lag: int


class Client:
    """One connection; the two kinds differ in what they send and what they take."""

    def __init__(self, socket: WebSocket, context: Context, cursor: int, wanted: Filter, *, active: bool) -> None:
        self.socket, self.context = socket, context
        self.number, self.connected_at = 0, now_ms()
        self.cursor, self.wanted, self.active = cursor, wanted, active
        self.sent = self.conflated = 0
        self.sent_at = time.monotonic()
        self.stuck_since: float | None = None
        self.wire = wire_to(socket)
        self.wire.on_room = self.flush
        self._answers: list[bytes] = []

    @property
    def log(self) -> MessageLog:
        """What it reads."""
        return self.context.messages

    def flush(self) -> None:
        """Send what there is, as far as there is room."""
        while self._more() and self.wire.room:
            if self._answers:
                frames, self._answers = self._answers, []
                self._send(Batch(frames, b"".join(frames), self.cursor, 0))
                continue
            log = self.log
            if not log.first_id - 1 <= self.cursor <= log.last_id:
                why = "behind the oldest" if self.cursor < log.first_id else "ahead of the newest"
                lost, self.cursor = self.cursor, log.last_id
                self.resync(f"The event {lost} is {why} that is kept; read the present state over REST.")
                continue
            batch = log.batch(self.cursor, self.wanted)
            self.cursor = batch.last_id
            self.conflated += batch.left_out
            if batch.each:
                self._send(batch)

    def _more(self) -> bool:
        return bool(self._answers) or (self.active and self.cursor != self.log.last_id)

    def _send(self, batch: Batch) -> None:
        self.sent += len(batch.each)
        self.sent_at, self.stuck_since = time.monotonic(), None
        self.wire.write(batch.frames)

    def answer(self, message: dict[str, Any]) -> None:
        """Send a message of its own to this client."""
        self._answers.append(messages.frame_of(ENCODER.encode(message)))
        self.flush()

    async def read(self) -> None:
        """Take messages until the client goes."""
        while True:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if len(self._answers) < 100:  # who asks and does not read gets no more answers
                self.handle(message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace"))

    def handle(self, text: str) -> None:
        """Take one message of the client."""
        raise NotImplementedError

    def heartbeat(self) -> None:
        """Send a sign of life, which also tells the client its place in the log."""
        raise NotImplementedError

    def resync(self, reason: str) -> None:
        """Tell the client that messages were lost to it."""
        raise NotImplementedError

    def describe(self) -> Connection:
        """How it goes."""
        topics, symbols, session, _ = self.wanted
        return Connection(
            id=self.number,
            path=self.socket.url.path,
            topics=None if topics is None else sorted(topics),
            symbols=None if symbols is None else sorted(symbols),
            session=session,
            connected_at=self.connected_at,
            sent=self.sent,
            conflated=self.conflated,
            last_event_id=self.cursor,
            lag=max(0, self.log.last_id - self.cursor),
        )


class Workspace(Client):
    """``/ws``: the client subscribes to topics and symbols; the type of a message is its topic."""

    def handle(self, text: str) -> None:
        """Take ``{"op": "subscribe" | "unsubscribe" | "ping", …}``."""
        try:
            self._apply(_object(text))
        except (TriplaneError, ApiError) as error:
            self._say("error", {"code": "invalid", "message": str(error)})
            return
        self.heartbeat()

    def _apply(self, message: dict[str, Any]) -> None:
        op = message.get("op")
        if op == "ping":
            return
        if op == "unsubscribe":
            topics = _names(message, "topics")
            before = USUAL if self.wanted.topics is None else self.wanted.topics
            self.wanted = self.wanted._replace(topics=frozenset[str]() if topics is None else before - topics)
            return
        if op != "subscribe":
            raise TriplaneError(f"op is {str(op)[:40]!r}; it must be 'subscribe', 'unsubscribe' or 'ping'.")
        topics, symbols, session = _names(message, "topics"), _names(message, "symbols"), message.get("session")
        if topics is not None and not topics <= TOPICS:
            raise TriplaneError(
                f"topics has {', '.join(sorted(topics - TOPICS))[:80]}; allowed are {', '.join(sorted(TOPICS))}."
            )
        if session is not None and not (isinstance(session, str) and len(session) <= LONGEST_ID):
            raise TriplaneError(
                f"session must be the id of a session (at most {LONGEST_ID} characters), '*' for all, or null for the "
                "one that is shown."
            )
        last = message.get("last_event_id")
        if last is not None and (not isinstance(last, int) or isinstance(last, bool) or last < 0):
            raise TriplaneError(f"last_event_id is {str(last)[:40]!r}; it must be a whole number from 0, or null.")
        self.wanted = Filter(topics, symbols, session)
        if last is not None or not self.active:
            self.cursor = self.log.last_id if last is None else last
        self.active = True

    def heartbeat(self) -> None:
        """Send ``heartbeat``."""
        self._say("heartbeat", {})

    def resync(self, reason: str) -> None:
        """Send ``resync``."""
        self._say(RESYNC, {"reason": reason})

    def _say(self, kind: str, data: dict[str, Any]) -> None:
        session = self.wanted.session or self.log.shown
        self.answer(messages.envelope(self.cursor, kind, session, None, now_ms(), data))


class Stream(Client):
    """``/stream/{symbol}``: candles, signals, state changes, errors and the status of one symbol."""

    def __init__(self, socket: WebSocket, context: Context, cursor: int, symbol: str, session: str | None) -> None:
        wanted = Filter(frozenset(STREAM_TYPES), frozenset({symbol}), session, stream=True)
        super().__init__(socket, context, cursor, wanted, active=True)
        self.symbol = symbol

    def handle(self, text: str) -> None:  # noqa: ARG002 - whatever it says, there is nothing to ask for here
        """Answer any message with the status."""
        self.heartbeat()

    def heartbeat(self) -> None:
        """Send ``status``."""
        try:
            self._say("status", self.context.sessions.status(self.wanted.session, self.symbol))
        except ApiError as error:
            self._say("error", {"code": error.code, "message": error.message})

    def resync(self, reason: str) -> None:
        """Send ``error`` with the code ``resync``."""
        self._say("error", {"code": RESYNC, "message": reason})

    def _say(self, kind: str, data: Any) -> None:
        self.answer(messages.stream_envelope(self.cursor, kind, self.symbol, now_ms(), data))


class Clients:
    """All connections of an application.

    Parameters
    ----------
    log
        What they read.
    heartbeat_s
        After so long without a message a heartbeat is sent, seconds.
    patience_s
        A client that does not take a message for so long is dropped, seconds.
    """

    def __init__(self, log: MessageLog, heartbeat_s: float = 15.0, patience_s: float = 10.0) -> None:
        self.heartbeat_s, self.patience_s = heartbeat_s, patience_s
        self._numbers = itertools.count(1)
        self._clients: dict[Client, None] = {}
        self._round: asyncio.TimerHandle | None = None
        self._next_round = 0.0
        self._ticking: asyncio.Task[None] | None = None
        self._dropping: set[asyncio.Task[None]] = set()
        log.on_news = self._news

    def __len__(self) -> int:
        """How many there are."""
        return len(self._clients)

    def describe(self) -> list[Connection]:
        """List the connections."""
        return [client.describe() for client in self._clients]

    def require_room(self) -> None:
        """Answer 503 when no further connection is taken."""
        if len(self._clients) >= MAX_CLIENTS:
            raise ApiError(503, f"There are {MAX_CLIENTS} connections already; close one.")

    async def serve(self, client: Client) -> None:
        """Accept a connection and serve it to its end."""
        await client.socket.accept()
        client.number = next(self._numbers)
        self._clients[client] = None
        if self._ticking is None:
            self._ticking = asyncio.ensure_future(self._tick())
        client.flush()
        try:
            await client.read()
        except (WebSocketDisconnect, ConnectionError):
            pass
        finally:
            self._clients.pop(client, None)
            client.wire.on_room = None
            if not self._clients and self._ticking is not None:
                self._ticking.cancel()
                self._ticking = None

    def _news(self) -> None:
        """Go round soon; not at once, so that what comes together leaves together."""
        if self._round is None and self._clients:
            loop = asyncio.get_running_loop()
            self._round = loop.call_at(max(self._next_round, loop.time()), self._go_round)

    def _go_round(self) -> None:
        self._round, began = None, time.thread_time()
        for client in list(self._clients):
            client.flush()
        pause = max(GATHER, time.thread_time() - began)  # so sockets never take more than half of the time
        self._next_round = asyncio.get_running_loop().time() + pause

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(min(TICK, self.heartbeat_s / 2, self.patience_s / 2))
            now = time.monotonic()
            for client in list(self._clients):
                client.flush()
                if not client.wire.room:
                    client.stuck_since = client.stuck_since or now
                    if now - client.stuck_since > self.patience_s:
                        self._drop(client)
                elif client.active and now - client.sent_at > self.heartbeat_s:
                    client.heartbeat()

    def _drop(self, client: Client) -> None:
        reason = f"Nothing was taken for {self.patience_s:g} s; connect again with the last event id."
        self._clients.pop(client, None)
        task = asyncio.ensure_future(drop(client.socket, TRY_AGAIN_LATER, reason))
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)


async def workspace(socket: WebSocket) -> None:
    """Serve ``/ws``."""
    await _serve(socket, lambda here: Workspace(socket, here, here.messages.last_id, Filter(), active=False))


async def stream(socket: WebSocket, symbol: str) -> None:
    """Serve ``/stream/{symbol}``; ``?last_event_id=`` resumes, ``?session=`` names the session."""

    def make(here: Context) -> Stream:
        session = socket.query_params.get("session")
        row = here.sessions.symbol(session, symbol)[1]
        return Stream(socket, here, _cursor(socket, here), row, session)

    await _serve(socket, make)


async def _serve(socket: WebSocket, make: Callable[[Context], Client]) -> None:
    """Let a client in, or say why not."""
    here = find(socket)
    try:
        here.access.require(socket)
        here.clients.require_room()
        client = make(here)
    except ApiError as error:
        await socket.send_denial_response(error.answer())
        return
    await here.clients.serve(client)


def _cursor(socket: WebSocket, context: Context) -> int:
    last = socket.query_params.get("last_event_id", str(context.messages.last_id))
    if not (last.isascii() and last.isdigit() and len(last) < 19):
        raise ApiError(422, f"last_event_id is {last[:40]!r}; it must be a whole number from 0.")
    return int(last)


def _object(text: str) -> dict[str, Any]:
    check_json(text.encode(), MESSAGE)
    try:
        message = msgspec.json.decode(text)
    except msgspec.DecodeError:
        message = None
    if not isinstance(message, dict):
        raise TriplaneError('The message is not a JSON object such as {"op": "subscribe", "topics": ["market_data"]}.')
    return message


def _names(message: dict[str, Any], name: str) -> frozenset[str] | None:
    """Give a list of names of a message; empty or absent means all, None."""
    value: Any = message.get(name)
    if value is None or value == []:
        return None
    if not isinstance(value, list) or len(value) > 1000 or not all(isinstance(one, str) for one in value):
        raise TriplaneError(f"{name} must be a list of names.")
    return frozenset(value)

"""The connections of a server: how long a client may take, how much it may send, and how many there may be.

Whoever can reach the port can open connections and say nothing, say something slowly, or listen slowly, and each costs
a descriptor and memory. So every connection has a deadline for what comes next, and those that have not shown the token
share a fixed number of places: when all are taken the oldest makes room for the newest, which always gets its turn. A
thousand connections held open therefore never keep the one out that throws the kill switch.
"""

import asyncio
import contextlib
import math
from dataclasses import dataclass
from typing import Any, Final

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from triplane.api.auth import CONNECTION

log = structlog.get_logger(__name__)

QUEUED: Final = 8
"""Requests of one connection that may wait for their turn."""
PIECES: Final = 4096
"""Chunks that a body may come in."""
LINE: Final = 8000
"""Longest address or header, bytes; the WebSocket library takes 8192 with what stands around it."""
TOLD_EVERY: Final = 60.0


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one client and all of them may take.

    Attributes
    ----------
    places
        Connections that have not shown the token, and as many again that have but rest between two requests.
    head_s, body_s
        To send a request's head, and then its body.
    idle_s
        Between two requests.
    write_s
        Without taking anything of an answer.
    linger_s
        To take the last of an answer, or to stop sending after it.
    head_bytes, headers
        Size and number of a request's headers.
    message_bytes
        Of one WebSocket message.
    """

    places: int = 256
    head_s: float = 5.0
    body_s: float = 10.0
    idle_s: float = 15.0
    write_s: float = 10.0
    linger_s: float = 3.0
    head_bytes: int = 16 * 1024
    headers: int = 100
    message_bytes: int = 64 * 1024


class State(ServerState):
    """All connections of a server, and who makes room for whom."""

    def __init__(self, limits: ConnectionLimits, descriptors: int) -> None:
        super().__init__()
        self.limits = limits
        self.places = max(1, min(limits.places, descriptors // 4))  # the rest is for files, sockets and who is known
        self.dropped = 0
        self._strangers: dict[Connection, None] = {}  # as sets that remember who came first
        self._known: dict[Connection, None] = {}
        self._closing: dict[Any, float] = {}
        self._told, self._tell_at = 0, 0.0

    def join(self, connection: "Connection") -> None:
        """Take a new connection in."""
        self._strangers[connection] = None
        if len(self._strangers) > self.places:
            self.make_room()

    def make_room(self) -> None:
        """Drop the oldest connection that has not shown the token."""
        for oldest in self._strangers:
            self.dropped += 1
            self._drop(oldest)
            return

    def trust(self, connection: "Connection") -> None:
        """Note that a connection has shown the token: strangers cannot push it out any more."""
        if connection not in self._strangers:
            return
        del self._strangers[connection]
        if len(self._known) >= self.places:
            idle = next((one for one in self._known if one.idle), None)
            if idle is not None:
                self._drop(idle)
        self._known[connection] = None

    def leave(self, connection: "Connection") -> None:
        """Forget a connection that has ended or become a WebSocket."""
        self._strangers.pop(connection, None)
        self._known.pop(connection, None)

    def sweep(self, now: float) -> None:
        """Drop who is late, and who was closed but does not take the last of its answer."""
        for connection in [*self._strangers, *self._known]:
            if now > min(connection.due, connection.stalled):
                self._drop(connection)
        self._closing = {one: self._closing.get(one, now) for one in self.connections if one.transport.is_closing()}
        for closing, since in self._closing.items():
            if now - since > self.limits.linger_s:
                closing.transport.abort()
        if self.dropped > self._told and now >= self._tell_at:
            log.warning("too many connections without the token, the oldest are dropped", since_start=self.dropped)
            self._told, self._tell_at = self.dropped, now + TOLD_EVERY

    def _drop(self, connection: "Connection") -> None:
        self.leave(connection)
        connection.transport.abort()


class _TooMuch(Exception):  # noqa: N818 - it ends the parser, nobody else sees it
    """A head, a body or a queue of requests is larger than allowed."""


class Connection(HttpToolsProtocol):
    """One connection that speaks HTTP."""

    server_state: State

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in its base
        """Begin: the first head is awaited."""
        super().connection_made(transport)
        self._receiving = self._in_head = self._refused = False
        self._head = self._unfinished = self._pieces = 0
        self._status = 400
        self.stalled = math.inf
        self._wait(self.server_state.limits.head_s)
        self.server_state.join(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.server_state.leave(self)
        super().connection_lost(exc)

    @property
    def idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _wait(self, seconds: float) -> None:
        self.due = self.loop.time() + seconds

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self._refused:  # what is still coming is thrown away, so that the client reads why
            return
        within = self._in_head
        super().data_received(data)
        if within and self._in_head and self.parser is not None:  # one header that does not end
            self._unfinished += len(data)
            if self._unfinished > self.server_state.limits.head_bytes:
                self._refuse(431)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the base's words
        """Refuse what cannot be parsed, or was not parsed to its end."""
        self._refuse(self._status)

    def _refuse(self, status: int) -> None:
        self._refused = True
        if not self.idle:  # it would end up in the middle of an answer
            self.transport.abort()
            return
        text = b'{"code":"bad_request","message":"The request is not HTTP, or its head is too large."}'
        self.transport.write(
            b"%scontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
            % (STATUS_LINE[status], len(text), text)
        )
        with contextlib.suppress(OSError, NotImplementedError):
            self.transport.write_eof()
        self._wait(self.server_state.limits.linger_s)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: {"trust": self._trust}}
        self._receiving = self._in_head = True
        self._head = self._unfinished = self._pieces = 0
        self._wait(self.server_state.limits.head_s)

    def _trust(self) -> None:
        self.server_state.trust(self)

    def on_url(self, url: bytes) -> None:
        """A piece of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; also one that stands behind a body."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        limits = self.server_state.limits
        self._head += size
        if size > LINE or self._head > limits.head_bytes or len(self.headers) >= limits.headers:
            self._status = 431
            raise _TooMuch

    def on_headers_complete(self) -> None:
        """The head is complete: the request can be answered, and its body is awaited."""
        if len(self.pipeline) >= QUEUED:
            raise _TooMuch
        self._in_head = False
        self._wait(self.server_state.limits.body_s)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._pieces += 1
        if self._pieces > PIECES:
            raise _TooMuch
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete; its answer may take as long as it takes."""
        super().on_message_complete()
        self._receiving = False
        self._wait(self.server_state.limits.idle_s if self.idle else math.inf)

    def on_response_complete(self) -> None:
        """The answer is complete; it may have come before the end of the body."""
        super().on_response_complete()
        limits = self.server_state.limits
        if self._receiving:
            self.due = min(self.due, self.loop.time() + limits.linger_s)
        elif self.idle:
            self._wait(limits.idle_s)

    def pause_writing(self) -> None:
        """The client does not take what is sent."""
        super().pause_writing()
        self.stalled = self.loop.time() + self.server_state.limits.write_s

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        self.stalled = math.inf

    def handle_websocket_upgrade(self) -> None:
        """From here on the connection is a WebSocket, which nobody keeps without the token."""
        self.server_state.leave(self)
        super().handle_websocket_upgrade()


class Socket(WebSocketsSansIOProtocol):
    """One connection that speaks WebSocket: its head is complete, so what is no handshake now will never be one."""

    def data_received(self, data: bytes) -> None:
        """Parse what came; the first time that is the head."""
        super().data_received(data)
        if not self.handshake_initiated:
            self.transport.abort()

    async def send(self, message: Any) -> None:
        """Send; a refusal that is complete ends the handshake, which the base would log as an error."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True

    def handle_parser_exception(self) -> None:
        """End what cannot be parsed; the base does not expect that before the handshake."""
        if self.handshake_initiated:
            super().handle_parser_exception()

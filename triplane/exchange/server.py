"""The exchange on a port: one ASGI application for REST, sockets and control."""

import asyncio
import re
from typing import Any, Final
from urllib.parse import parse_qs

import orjson
from starlette.requests import Request
from starlette.responses import Response

from triplane.errors import BadInput
from triplane.exchange import control
from triplane.exchange.market_clock import MarketClock
from triplane.exchange.mexc import rest as mexc
from triplane.exchange.rest import Reply, handle
from triplane.exchange.sockets import ClientConnection

_PATH: Final = re.compile(r"/+((?P<route>public|market|private|spot)/+)?(?P<kind>ws|stream)(/(?P<names>.*))?")
QUEUE: Final = 20_000
"""Texts that a slow reader may be behind before it is disconnected."""
LONGEST_DELAY: Final = 3600.0
"""Longest time an answer is held back."""


class _SocketQueue:
    """A connection's queue of texts; ``None`` with a code closes it."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | int] = asyncio.Queue(QUEUE)

    def send(self, text: bytes) -> None:
        """Queue a text; a client that does not read is disconnected."""
        if self.queue.full():
            self.close(1008)
        else:
            self.queue.put_nowait(text)

    def close(self, code: int) -> None:
        """Close, without what is still queued."""
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(code)


def cut(send: Any) -> None:
    """Abort a connection as a broken network does. ``send`` is a method of what holds the transport."""
    send.__self__.transport.abort()


class App:
    """The ASGI application of an exchange."""

    def __init__(self, market_clock: MarketClock) -> None:
        self.market_clock, self.exchange = market_clock, market_clock.exchange
        self.ready = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request, one socket, or the life of the server."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._lifespan(receive, send)

    async def _lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        self._running = asyncio.create_task(self.market_clock.run())
        await send({"type": "lifespan.startup.complete"})
        self.ready.set()
        await receive()
        self._running.cancel()
        await asyncio.wait({self._running})
        await send({"type": "lifespan.shutdown.complete"})

    # ------------------------------------------------------------------------------------------------ REST
    async def _http(self, scope: Any, receive: Any, send: Any) -> None:
        body = await Request(scope, receive).body()
        method, path = scope["method"], scope["path"]
        if path.startswith("/box/"):
            reply = self._box(method, path, body)
        else:
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            query, text = scope["query_string"].decode(), body.decode()
            if path.startswith(mexc.PREFIXES):
                reply = mexc.handle(self.exchange, method, path, query, text, headers)
            else:
                reply = handle(self.exchange, method, path, query, text, headers.get("x-mbx-apikey", ""))
        if reply.delay:
            gone = asyncio.create_task(receive())
            await asyncio.wait({gone}, timeout=min(reply.delay, LONGEST_DELAY))
            gone.cancel()
        if reply.lost:
            cut(send)
            return
        answer = Response(orjson.dumps(reply.body), reply.status, reply.headers, "application/json;charset=UTF-8")
        await answer(scope, receive, send)

    def _box(self, method: str, path: str, body: bytes) -> Reply:
        do = control.ROUTES.get((method, path))
        if do is None:
            return Reply(404, {"error": f"there is no {method} {path}"})
        try:
            return Reply(200, do(self.market_clock, orjson.loads(body) if body else None))
        except (BadInput, orjson.JSONDecodeError) as error:
            return Reply(400, {"error": str(error)})

    # ------------------------------------------------------------------------------------------------ sockets
    async def _websocket(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        found = parse_path(scope["path"], scope["query_string"].decode())
        if found is None:
            await send({"type": "websocket.close", "code": 1008})
            return
        route, combined, names, wanted = found
        await send({"type": "websocket.accept"})
        socket = _SocketQueue()
        connection = ClientConnection(socket, route, combined, self.exchange.clock.now_ms(), events=wanted)
        hub = self.exchange.hub_of(route)
        hub.connect(connection, names)
        writer = asyncio.create_task(_write(socket, send))
        reader = asyncio.create_task(self._read(connection, receive))
        try:
            await asyncio.wait({writer, reader}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hub.disconnect(connection)
            writer.cancel()
            reader.cancel()
            await asyncio.gather(writer, reader, return_exceptions=True)

    async def _read(self, connection: ClientConnection, receive: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text") or message.get("bytes") or b""
            self.exchange.hub_of(connection.route).receive(connection, text)


async def _write(socket: _SocketQueue, send: Any) -> None:
    while True:
        item = await socket.queue.get()
        if item == 1006:
            cut(send)
            return
        if isinstance(item, int):
            await send({"type": "websocket.close", "code": item})
            return
        await send({"type": "websocket.send", "text": item.decode()})


def parse_path(path: str, query: str) -> tuple[str, bool, list[str], frozenset[str]] | None:
    """Route, whether combined, streams and wanted events of a socket's address; None for one that does not exist."""
    if path == "/edge" or path.rstrip("/") == "/ws-api/v3":
        return path.split("/")[1], False, [], frozenset()
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    given = parse_qs(query)
    texts = [found["names"] or "", *given.get("streams", [])]
    names = [name for text in texts for name in text.split("/") if name] + given.get("listenKey", [])
    wanted = frozenset(name for text in given.get("events", []) for name in text.split("/") if name)
    return found["route"] or "", found["kind"] == "stream", names, wanted

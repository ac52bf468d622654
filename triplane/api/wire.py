"""How messages leave for one client: as the bytes of their frames straight to its connection, the same for all clients.

A WebSocket server does not mask its frames, so they need not be made anew for each client; with hundreds of them that
is most of the work. Behind a server without this extension messages go the ordinary way, one by one.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from fastapi import WebSocket, WebSocketDisconnect
from websockets.http11 import Request

from triplane.api.connections import Socket
from triplane.api.messages import Batch, text_of

EXTENSION: Final = "triplane.frames"
HIGH: Final = 32 * 1024
"""Bytes that wait for a client; above that it gets no more until it takes them."""
LINGER: Final = 1.0


class FrameProtocol(Socket):
    """One connection that speaks WebSocket, and also takes frames that are ready."""

    on_room: Callable[[], None] | None = None

    def handle_connect(self, event: Request) -> None:
        """Offer the extension with the handshake."""
        super().handle_connect(event)
        if self.handshake_initiated and not self.handshake_complete:
            self.scope["extensions"][EXTENSION] = {"protocol": self}

    def resume_writing(self) -> None:
        """There is room again."""
        super().resume_writing()
        if self.on_room is not None:
            self.on_room()


class Wire(Protocol):
    """To one client. Nothing here waits."""

    @property
    def room(self) -> bool:
        """Whether the client has taken what it was sent."""
        ...

    def send(self, batch: Batch) -> None:
        """Send messages."""
        ...

    def stop(self) -> None:
        """Send nothing more."""
        ...

    def abort(self) -> None:
        """Give the connection up."""
        ...


class FrameWire:
    """Writes ready frames."""

    def __init__(self, protocol: FrameProtocol, on_room: Callable[[], None]) -> None:
        self._protocol = protocol
        protocol.on_room = on_room

    @property
    def room(self) -> bool:
        """Whether the client has taken what it was sent."""
        return self._protocol.transport.get_write_buffer_size() < HIGH

    def send(self, batch: Batch) -> None:
        """Send messages."""
        protocol = self._protocol
        if not (protocol.close_sent or protocol.disconnected or protocol.transport.is_closing()):
            protocol.transport.write(batch.frames)

    def stop(self) -> None:
        """Send nothing more."""
        self._protocol.on_room = None

    def abort(self) -> None:
        """Give the connection up."""
        self._protocol.transport.abort()


class AsgiWire:
    """Sends one message after the other, the way that every server knows."""

    def __init__(self, socket: WebSocket, on_room: Callable[[], None]) -> None:
        self._socket, self._on_room = socket, on_room
        self._task: asyncio.Task[None] | None = None

    @property
    def room(self) -> bool:
        """Whether the client has taken what it was sent."""
        return self._task is None

    def send(self, batch: Batch) -> None:
        """Send messages."""
        self._task = asyncio.ensure_future(self._send(batch.each))
        self._task.add_done_callback(self._sent)

    async def _send(self, frames: list[bytes]) -> None:
        for frame in frames:
            await self._socket.send_text(text_of(frame).decode())

    def _sent(self, task: "asyncio.Task[None]") -> None:
        self._task = None
        if not task.cancelled() and task.exception() is None:
            self._on_room()

    def stop(self) -> None:
        """Send nothing more."""
        if self._task is not None:
            self._task.cancel()

    def abort(self) -> None:
        """Give the connection up."""
        self.stop()


def wire_to(socket: WebSocket, on_room: Callable[[], None]) -> Wire:
    """The best way to a client; ``on_room`` is called when it has taken what it was sent."""
    offered: dict[str, Any] | None = socket.scope.get("extensions", {}).get(EXTENSION)
    return AsgiWire(socket, on_room) if offered is None else FrameWire(offered["protocol"], on_room)


async def drop(socket: WebSocket, wire: Wire, code: int, reason: str) -> None:
    """Close a connection whose client does not listen."""
    try:
        async with asyncio.timeout(LINGER):
            await socket.close(code, reason)
    except (TimeoutError, RuntimeError, ConnectionError, WebSocketDisconnect):
        pass  # it is gone already, or does not even take the end
    wire.abort()

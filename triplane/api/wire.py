"""How messages leave for one client: as the bytes of their frames straight to its connection, the same for all clients.

A WebSocket server does not mask its frames, so they need not be made anew for each client; with hundreds of them that
is most of the work.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from fastapi import WebSocket, WebSocketDisconnect
from websockets.http11 import Request

from triplane.api.connections import Socket

EXTENSION: Final = "triplane.frames"
HIGH: Final = 32 * 1024
"""Bytes that wait for a client; above that it gets no more until it takes them."""
LINGER: Final = 1.0


class FrameProtocol(Socket):
    """One connection that speaks WebSocket, and also takes frames that are ready; nothing here waits.

    Attributes
    ----------
    on_room
        Called when the client has taken what it was sent.
    """

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

    @property
    def room(self) -> bool:
        """Whether the client has taken what it was sent."""
        return self.transport.get_write_buffer_size() < HIGH

    def write(self, frames: bytes) -> None:
        """Send frames."""
        if not (self.close_sent or self.disconnected or self.transport.is_closing()):
            self.transport.write(frames)

    def abort(self) -> None:
        """Give the connection up."""
        self.on_room = None
        self.transport.abort()


def wire_to(socket: WebSocket) -> FrameProtocol:
    """The connection of a client."""
    protocol: FrameProtocol = socket.scope["extensions"][EXTENSION]["protocol"]
    return protocol


async def drop(socket: WebSocket, code: int, reason: str) -> None:
    """Close a connection whose client does not listen."""
    try:
        async with asyncio.timeout(LINGER):
            await socket.close(code, reason)
    except (TimeoutError, RuntimeError, ConnectionError, WebSocketDisconnect):
        pass  # it is gone already, or does not even take the end
    wire_to(socket).abort()

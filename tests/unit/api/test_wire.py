"""Frames that are ready go straight to the connection; who does not take them gets no more."""

import asyncio
from typing import Any

import pytest

from triplane.api.wire import EXTENSION, HIGH, FrameProtocol, drop, wire_to

FRAME = b'\x81\x07{"a":1}'


class Transport:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.waiting = 0
        self.closing = self.aborted = False

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.aborted = True


class Protocol(FrameProtocol):
    """One behind its handshake."""

    def __init__(self) -> None:
        self.transport: Any = Transport()
        self.writable = asyncio.Event()
        self.close_sent = self.disconnected = False


class Socket:
    def __init__(self, protocol: FrameProtocol) -> None:
        self.scope = {"extensions": {EXTENSION: {"protocol": protocol}}}
        self.closed: tuple[int, str] | None = None

    async def close(self, code: int, reason: str) -> None:
        self.closed = code, reason


def test_the_very_bytes_are_written() -> None:
    protocol = Protocol()
    wire = wire_to(Socket(protocol))  # type: ignore[arg-type]
    wire.write(FRAME)
    assert protocol.transport.written[0] is FRAME
    protocol.transport.waiting = HIGH - 1
    assert wire.room
    protocol.transport.waiting = HIGH
    assert not wire.room


@pytest.mark.parametrize("end", ["close_sent", "disconnected", "closing"])
def test_nothing_is_written_behind_the_end(end: str) -> None:
    protocol = Protocol()
    setattr(protocol.transport if end == "closing" else protocol, end, True)
    protocol.write(FRAME)
    assert protocol.transport.written == []


def test_the_client_is_told_when_there_is_room_again_until_it_is_given_up() -> None:
    protocol, room = Protocol(), []
    protocol.resume_writing()
    protocol.on_room = lambda: room.append(1)
    protocol.resume_writing()
    assert room == [1]
    protocol.abort()
    assert protocol.on_room is None


async def test_who_does_not_listen_is_dropped() -> None:
    protocol = Protocol()
    socket = Socket(protocol)
    await drop(socket, 1013, "Too slow.")  # type: ignore[arg-type]
    assert (socket.closed, protocol.transport.aborted) == ((1013, "Too slow."), True)

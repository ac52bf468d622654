"""Frames that are ready go straight to the connection; who does not take them gets no more."""

from typing import Any

import pytest

from triplane.api.messages import Batch
from triplane.api.wire import EXTENSION, HIGH, AsgiWire, FrameWire, drop, wire_to

FRAME = b'\x81\x07{"a":1}'
BATCH = Batch([FRAME], FRAME, 1, 0)


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


class Protocol:
    def __init__(self) -> None:
        self.transport = Transport()
        self.close_sent = self.disconnected = False
        self.on_room: Any = None


class Socket:
    def __init__(self, protocol: Protocol | None = None) -> None:
        self.scope = {"extensions": {EXTENSION: {"protocol": protocol}} if protocol else {}}
        self.closed: tuple[int, str] | None = None

    async def close(self, code: int, reason: str) -> None:
        self.closed = code, reason


def test_the_very_bytes_are_written() -> None:
    protocol = Protocol()
    wire = wire_to(Socket(protocol), lambda: None)  # type: ignore[arg-type]
    assert isinstance(wire, FrameWire)
    wire.send(BATCH)
    assert protocol.transport.written[0] is BATCH.frames
    protocol.transport.waiting = HIGH - 1
    assert wire.room
    protocol.transport.waiting = HIGH
    assert not wire.room


@pytest.mark.parametrize("end", ["close_sent", "disconnected", "closing"])
def test_nothing_is_written_behind_the_end(end: str) -> None:
    protocol = Protocol()
    setattr(protocol.transport if end == "closing" else protocol, end, True)
    wire_to(Socket(protocol), lambda: None).send(BATCH)  # type: ignore[arg-type]
    assert protocol.transport.written == []


def test_the_client_is_told_when_there_is_room_again_until_it_stops() -> None:
    protocol, room = Protocol(), []
    wire = wire_to(Socket(protocol), lambda: room.append(1))  # type: ignore[arg-type]
    protocol.on_room()
    assert room == [1]
    wire.stop()
    assert protocol.on_room is None


async def test_who_does_not_listen_is_dropped() -> None:
    protocol = Protocol()
    socket = Socket(protocol)
    await drop(socket, wire_to(socket, lambda: None), 1013, "Too slow.")  # type: ignore[arg-type]
    assert (socket.closed, protocol.transport.aborted) == ((1013, "Too slow."), True)


def test_a_server_without_the_extension_is_served_the_ordinary_way() -> None:
    assert isinstance(wire_to(Socket(), lambda: None), AsgiWire)  # type: ignore[arg-type]

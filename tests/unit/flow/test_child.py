"""What a child tells its supervisor arrives in whole lines, however little room the pipe has."""

import json
import os
from collections.abc import Iterator

import pytest

from triplane.flow import child


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The read end of a standard output that never blocks."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.set_blocking(reading, False)
    write = os.write
    monkeypatch.setattr(child.os, "write", lambda _descriptor, data: write(writing, data))
    monkeypatch.setattr(child, "_begun", b"")
    yield reading
    os.close(reading)
    os.close(writing)


def read(pipe: int) -> bytes:
    found = b""
    while True:
        try:
            found += os.read(pipe, 1 << 20)
        except BlockingIOError:
            return found


def test_only_whole_lines_arrive(pipe: int) -> None:
    big = {"beat": True, "wanted": ["x" * 1000] * 100}  # more than a pipe holds
    told = b""
    for _ in range(20):
        child.tell(big)
        child.tell({"beat": True})
        told += read(pipe)
    lines = [json.loads(line) for line in told.split(b"\n")[:-1]]
    assert len(lines) > 10
    assert all(line in (big, {"beat": True}) for line in lines)
    assert big in lines


def test_a_line_without_any_room_is_left_out(pipe: int) -> None:
    child.tell({"beat": "x" * (1 << 20)})  # begun, and far from its end
    child.tell({"restart": "engine"})
    told = b""
    while child._begun:
        told += read(pipe)
        child.tell({"beat": 1})
    told += read(pipe)
    assert [len(line) > 100 or json.loads(line) for line in told.split(b"\n")[:-1]] == [True, {"beat": 1}]

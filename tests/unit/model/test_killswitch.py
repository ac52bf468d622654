"""The kill switch: a file that stays, and counts as on when it cannot be read."""

import os
from pathlib import Path

import pytest

from triplane.errors import TriplaneError
from triplane.model.killswitch import UNREADABLE, KillSwitch, Thrown


def test_kill_switch_survives_and_fails_closed(tmp_path: Path) -> None:
    switch = KillSwitch(tmp_path)
    assert (switch.on, switch.read()) == (False, None)
    switch.set("enough", flatten=True, time_ms=5)
    again = KillSwitch(tmp_path)
    assert again.on
    assert again.read() == Thrown("enough", flatten=True, time=5)
    (tmp_path / "kill_switch.json").write_text("{broken")
    assert (again.on, again.read()) == (True, UNREADABLE)
    again.clear()
    again.clear()
    assert not switch.on
    with pytest.raises(TriplaneError, match="cannot be written"):
        KillSwitch(tmp_path / "no").set("x", flatten=False, time_ms=0)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[" * 200_000, b"\xff", b"{}", b"null", b'{"reason":"\\ud800","flatten":false,"time":1}',
        b'{"reason":"\\udc00","flatten":false,"time":1}', b'{"reason":5,"flatten":false,"time":1}',
        b'{"reason":"x","flatten":"false","time":1}', b'{"reason":"' + b"x" * 501 + b'","flatten":true,"time":1}',
        b'{"reason":"x","flatten":true,"time":1,"more":' + b"[" * 8000 + b"]" * 8000 + b"}",
    ],
)  # fmt: skip
def test_what_cannot_be_read_counts_as_on_and_closes_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "kill_switch.json").write_bytes(content)
    switch = KillSwitch(tmp_path)
    assert switch.on
    assert switch.read() == UNREADABLE
    assert (UNREADABLE.reason, UNREADABLE.flatten) == ("the kill switch file cannot be read", False)


def test_whatever_lies_there_counts_as_on(tmp_path: Path) -> None:
    switch, path = KillSwitch(tmp_path), tmp_path / "kill_switch.json"
    path.symlink_to(tmp_path / "nowhere")
    assert (switch.on, switch.read()) == (True, UNREADABLE)
    switch.clear()
    os.mkfifo(path)
    assert (switch.on, switch.read()) == (True, UNREADABLE)
    switch.clear()
    path.mkdir()
    assert (switch.on, switch.read()) == (True, UNREADABLE)
    with pytest.raises(TriplaneError, match="cannot be taken away"):
        switch.clear()


def test_a_reason_can_always_be_read_again(tmp_path: Path) -> None:
    switch = KillSwitch(tmp_path)
    switch.set("\ud800" + "\U0001f600" * 600, flatten=True, time_ms=5)
    assert switch.read() == Thrown("?" + "\U0001f600" * 499, flatten=True, time=5)

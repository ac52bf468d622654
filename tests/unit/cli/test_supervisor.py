"""Children are kept alive: started again when they die or stand still, given up when they cannot start."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from triplane.cli import supervisor as module
from triplane.cli.supervisor import Child, Supervisor

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

CHILD = """
import json, os, sys, threading, time
told = json.loads(sys.stdin.readline())
with open(told["lives"], "a") as lives:
    lives.write(json.dumps({"pid": os.getpid(), "told": told, "secret": os.environ.get("SECRET")}) + "\\n")
{body}
gone = threading.Event()
def parent():
    sys.stdin.read()
    gone.set()
threading.Thread(target=parent, daemon=True).start()
while not gone.wait(0.05):
    print(json.dumps({"beat": True, "wanted": ["a", "b"]}), flush=True)
os._exit(0)
"""


class Nursery:
    """Makes children of a script and tells of their lives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.supervisor = Supervisor()
        self.asked: list[dict[str, Any]] = []

    def start(self, body: str = "", name: str = "engine", **more: Any) -> Child:
        script = self.folder / f"{name}.py"
        script.write_text(CHILD.replace("{body}", body))
        lives = self.folder / f"{name}.lives"

        async def asked(message: dict[str, Any]) -> None:
            self.asked.append(message)

        child = Child(name, [str(script)], lambda: {"lives": str(lives)}, on_message=asked, **more)
        self.supervisor.start(child)
        return child

    def lives(self, name: str = "engine") -> list[dict[str, Any]]:
        import json

        path = self.folder / f"{name}.lives"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    async def until_life(self, number: int) -> None:
        async with asyncio.timeout(30):
            while len(self.lives()) < number:
                await asyncio.sleep(0.02)


@pytest.fixture
async def nursery(tmp_path: Path) -> AsyncIterator[Nursery]:
    nursery = Nursery(tmp_path)
    yield nursery
    await nursery.supervisor.stop()


async def test_nothing_that_a_child_says_ends_the_supervisor(nursery: Nursery) -> None:
    long = 'print("x" * (1 << 21), flush=True)'
    child = nursery.start(f'print("no JSON"); print("7"); print("[" * 100000); {long}; print("[1]")')
    assert await nursery.supervisor.ready(child) is None
    assert child.alive
    assert child.starts == 1


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_a_child_that_dies_is_started_again_and_told_what_it_was_busy_with(nursery: Nursery) -> None:
    child = nursery.start()
    assert await nursery.supervisor.ready(child) is None
    assert child.alive
    os.kill(nursery.lives()[0]["pid"], signal.SIGKILL)
    await nursery.until_life(2)
    first, second = nursery.lives()
    assert "wanted" not in first["told"]
    assert second["told"]["wanted"] == ["a", "b"]


async def test_a_child_that_stands_still_is_killed_and_started_again(
    nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FROZEN_S", 1.0)
    child = nursery.start()
    await nursery.supervisor.ready(child)
    pid = nursery.lives()[0]["pid"]
    os.kill(pid, signal.SIGSTOP)
    await nursery.until_life(2)
    assert gone(pid)


async def test_a_child_that_is_long_in_starting_again_is_let_be_and_one_that_hangs_then_is_not(
    nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long journal is read again for longer than a loop may stand still; meanwhile it says that it is starting."""
    monkeypatch.setattr(module, "FROZEN_S", 1.0)
    busy = """
if "wanted" in told:
    end = time.monotonic() + 3
    while time.monotonic() < end:
        print(json.dumps({"beat": True, "starting": True}), flush=True)
        time.sleep(0.1)
"""
    child = nursery.start(busy)
    await nursery.supervisor.ready(child)
    first = child.last
    os.kill(nursery.lives()[0]["pid"], signal.SIGKILL)
    async with asyncio.timeout(30):
        while child.starts < 2 or child.last is first:
            await asyncio.sleep(0.05)
    assert child.starts == 2


async def test_a_supervisor_that_was_stopped_itself_kills_nobody(
    nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FROZEN_S", 1.0)
    monkeypatch.setattr(module, "SILENT_S", 0.5)
    child = nursery.start()
    await nursery.supervisor.ready(child)
    time.sleep(3)  # noqa: ASYNC251 - nothing turns here, as after Ctrl-Z
    await asyncio.sleep(2)
    assert (child.starts, child.alive) == (1, True)


async def test_a_person_may_have_a_silent_child_restarted_but_not_a_lively_one(
    nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SILENT_S", 0.5)
    child = nursery.start()
    await nursery.supervisor.ready(child)
    assert not child.restart()
    os.kill(nursery.lives()[0]["pid"], signal.SIGSTOP)
    async with asyncio.timeout(10):
        while not child.restart():
            await asyncio.sleep(0.05)
    await nursery.until_life(2)


async def test_one_that_cannot_start_is_given_up_with_its_exit_code(nursery: Nursery) -> None:
    child = nursery.start("sys.exit(2)")
    assert await nursery.supervisor.ready(child) == 2
    assert await nursery.supervisor.ended() == "engine"
    assert len(nursery.lives()) == 1


async def test_children_stop_when_asked_or_are_made_to(nursery: Nursery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE_S", 0.5)
    polite, deaf = nursery.start(name="polite"), nursery.start("gone_is_never_set = True", name="deaf")
    deaf_script = nursery.folder / "deaf.py"
    assert "gone.set()" in deaf_script.read_text()
    for child in (polite, deaf):
        await nursery.supervisor.ready(child)
    os.kill(nursery.lives("deaf")[0]["pid"], signal.SIGSTOP)  # woken for its end
    await nursery.supervisor.stop()
    for name in ("polite", "deaf"):
        assert gone(nursery.lives(name)[0]["pid"])
    assert not polite.alive


async def test_a_child_gets_its_own_environment_and_may_ask(nursery: Nursery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "key")
    child = nursery.start('print(json.dumps({"restart": "engine"}), flush=True); print("noise", flush=True)',
                          environment={"PATH": os.environ["PATH"]})  # fmt: skip
    await nursery.supervisor.ready(child)
    assert nursery.lives()[0]["secret"] is None
    assert nursery.asked == [{"restart": "engine"}]

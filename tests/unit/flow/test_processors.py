"""The lifecycle of processors, and where they come from."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from triplane.errors import BadInput
from triplane.flow import processors
from triplane.flow.bus import EventBus
from triplane.flow.processors import GROUP, Processor, Processors, find, load
from triplane.model.facts import Error, SessionEnd


class Part(Processor):
    def __init__(self, name: str, said: list[str], fails: str = "") -> None:
        self.name = name
        self.said = said
        self.fails = fails

    async def on_start(self) -> None:
        self.said.append(f"+{self.name}")
        await self.fail("start")

    async def on_stop(self) -> None:
        self.said.append(f"-{self.name}")
        await self.fail("stop")

    async def fail(self, when: str) -> None:
        if self.fails == f"raise in {when}":
            raise OSError(self.name)
        if self.fails == f"hang in {when}":
            await asyncio.Event().wait()
        if self.fails == f"exit in {when}":
            raise SystemExit(3)


def error(number: int) -> Error:
    return Error(session_id="s", seq=number, time=0, code="x", message="y")


async def test_start_in_order_stop_in_reverse_once_each() -> None:
    said: list[str] = []
    group = Processors(EventBus()).add(Part("a", said), Part("b", said)).add(Part("c", said))
    for _ in range(2):
        await group.start()
    for _ in range(2):
        await group.stop()

    assert said == ["+a", "+b", "+c", "-c", "-b", "-a"]
    await group.start()
    assert said[6:] == ["+a", "+b", "+c"]


@pytest.mark.parametrize("when", ["start", "stop"])
@pytest.mark.parametrize("how", ["raise", "hang", "exit"])
async def test_a_failure_of_one_does_not_stop_the_rest(when: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(processors, "START_S", 0.01)
    monkeypatch.setattr(Processor, "stop_s", 0.01)
    group = Processors(EventBus()).add(Part("a", said), Part("b", said, f"{how} in {when}"), Part("c", said))
    with capture_logs() as logs:
        await group.start()
        await group.stop()

    assert [word for word in said if "b" not in word] == ["+a", "+c", "-c", "-a"]
    assert said.count("-b") == 1
    assert [part.name for part, _ in group.failures] == ["b"]
    assert [(line["log_level"], line["processor"]) for line in logs] == [("error", "b")]


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_a_processor_hears_its_topics_in_order_while_it_runs(kind: str) -> None:
    heard: list[Any] = []
    threads = set()

    class Plain(Processor):
        topics = ("error.v1", "session_end.v1")

        def on_fact(self, fact: Any) -> None:
            threads.add(threading.current_thread())
            heard.append(fact)

    class Async(Processor):
        topics = ("error.v1", "session_end.v1")

        async def on_fact(self, fact: Any) -> None:
            threads.add(threading.current_thread())
            heard.append(fact)

    bus = EventBus()
    await bus.start()
    part = Plain() if kind == "plain" else Async()
    end = SessionEnd(session_id="s", seq=3, time=0, decisions_sha256="0")
    bus.publish(error(0))
    await part.start(bus)
    for fact in (error(1), error(2), end):
        bus.publish(fact)
    await bus._drained()
    await part.stop()
    bus.publish(error(4))
    await bus.stop()

    assert heard == [error(1), error(2), end]
    assert part.title == type(part).__name__
    assert (threading.current_thread() in threads) == (kind == "async")
    assert not bus.dead_letters


async def test_topics_without_a_handler_are_told_in_the_dead_letter() -> None:
    class Forgetful(Processor):
        topics = ("*",)

    bus = EventBus(retries=0)
    await bus.start()
    await Forgetful().start(bus)
    bus.publish(error(1))
    await bus.stop()

    (letter,) = bus.dead_letters
    assert "Forgetful has topics and no on_fact" in letter.error


# ------------------------------------------------------------------------------------------------ files, entry points
FILE = """
from triplane.flow.processors import Processor

class Trades(Processor):
    topics = ("trade.v1",)
    async def on_fact(self, fact):
        pass

class Errors(Trades):
    topics = ("error.v1",)
"""


def test_every_processor_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "my.py"
    path.write_text(FILE)

    assert [(part.title, part.topics) for part in load([str(path)])] == [
        ("Trades", ("trade.v1",)),
        ("Errors", ("error.v1",)),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\n", "defines no subclass"),
        ("def f(:\n", "SyntaxError"),
        ("raise SystemExit(2)\n", "SystemExit(2)"),
        (
            "from triplane.flow.processors import Processor\nclass P(Processor):\n def __init__(self): self.x\n",
            "AttributeError",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_told_and_left_out(tmp_path: Path, text: str, words: str) -> None:
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text(FILE)
    bad.write_text(text)
    with capture_logs() as logs:
        assert len(load([str(bad), str(good)])) == 2

    (line,) = logs
    assert line["processor"] == str(bad)
    assert words in line["error"]


def test_what_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.py does not exist"):
        find(str(tmp_path / "none.py"))
    with pytest.raises(BadInput, match="Unknown processor mine; installed: none"):
        find("mine")


def test_an_installed_package_offers_processors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "offers-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Name: offers\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(f"[{GROUP}]\nmine = offers_parts:Trades\nodd = offers_parts:odd\n")
    (tmp_path / "offers_parts.py").write_text(FILE + "\ndef odd():\n    return 5\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert [part.title for part in load(["mine"])] == ["Trades"]
    with pytest.raises(BadInput, match="does not make a"):
        find("odd")()
    with pytest.raises(BadInput, match="installed: mine, odd"):
        find("other")

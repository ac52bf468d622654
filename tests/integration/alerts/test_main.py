"""The process of the subscribers beside an engine that speaks, falls silent, ends and comes again."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from msgspec.structs import replace

from triplane.alerts import conditions, main, senders, service
from triplane.flow.log import FactLog
from triplane.flow.server import FlowServer
from triplane.model.facts import Error, Fact, Fill, Position, Session, Trade
from triplane.model.live import Answer, FeedHealth, Health, SessionHealth

SECRET = "only for this start"
HEAD: dict[str, Any] = {"session_id": "s", "seq": 0, "time": 0, "symbol": "BTCUSDT", "decision": 4}
FILL = Fill(**HEAD, fill_id="f1", order_id="o1", filled_at=0, leg="entry", side="buy", price="64000", quantity="1",
            fee="1", slippage="0", maker=False, reason=None)  # fmt: skip
POSITION = Position(**HEAD, id="p4", side="LONG", status="open", size="1", quantity="1", entry_price="64000",
                    entry_time=0, stop_loss="63500", take_profits=[], leverage="1")  # fmt: skip
TRADE = Trade(**HEAD, id="p4", position_id="p4", side="LONG", quantity="1", entry_time=0, exit_time=0,
              entry_price="64000", exit_price="65000", pnl="998", fees="2", funding="0", slippage="0",
              balance_after="10998", r_multiple=2.0, mae=None, mfe=None, exit_reason="target", bars_held=12,
              stop_loss="63500")  # fmt: skip


def session_fact(started_at: int) -> Session:
    return Session(session_id="s", seq=0, time=0, mode="paper", venue="", source="demo", strategy="ict_blocks",
                   strategy_text="", parameters={}, symbols=["BTCUSDT"], base="1m", timeframe="15m",
                   start_balance="10000", started_at=started_at, settings={})  # fmt: skip


def trade(number: int) -> Trade:
    return replace(TRADE, id=f"p{number}", position_id=f"p{number}", pnl=str(number))


class Engine:
    """The engine's end of the wire, and a session whose facts are told by hand."""

    def __init__(self, data_dir: Path, port: int = 0, started_at: int = 1) -> None:
        self.folder = data_dir / "sessions" / "s"
        self.folder.mkdir(parents=True, exist_ok=True)
        listener = socket.create_server(("127.0.0.1", port))
        self.port: int = listener.getsockname()[1]
        self.server = FlowServer(listener, SECRET, self._handle)
        self.log = FactLog(self.folder)
        self.seq = 0
        self.session = SessionHealth(
            session_id="s", status="running", mode="paper", strategy="ict_blocks", symbols=["BTCUSDT"],
            timeframe="15m", speed=60.0, started_at=started_at, seq=0, feed=FeedHealth(source="demo", connected=True),
        )  # fmt: skip
        self.health = Health(at=0, pid=1, started_at=started_at, version="1", loop_s=0, disk_free=1, disk_low=False,
                             memory_mb=1, kill_switch=False, kill_reason=None, sessions=[self.session])  # fmt: skip
        self._beat: asyncio.Task[None] | None = None

    async def _handle(self, _command: object) -> Answer:
        raise AssertionError("alerts give no commands")

    async def start(self, *past: Fact) -> None:
        """Open the session with its past, and begin to speak."""
        self.tell(*past)
        self.log.go_live(asyncio.get_running_loop().call_soon)
        await self.server.start()
        self.server.add("s", self.log)
        self._beat = asyncio.create_task(self._speak())

    def tell(self, *facts: Fact) -> None:
        for fact in facts:
            self.seq += 1
            self.log.take([replace(fact, seq=self.seq)])

    async def _speak(self) -> None:
        while True:
            session = replace(self.session, seq=self.log.last_seq)
            self.server.say(replace(self.health, sessions=[session]))
            await asyncio.sleep(0.02)

    async def heard(self) -> None:
        """Return when somebody listens and has been told how things are."""
        await until(lambda: self.server.heard)
        self.server.say(replace(self.health, sessions=[replace(self.session, seq=self.log.last_seq)]))

    async def freeze(self) -> None:
        """Not a sign of life any more, while the connection stays."""
        if self._beat is not None:
            self._beat.cancel()

    async def end(self) -> None:
        await self.freeze()
        await self.server.stop()
        self.log.close()


class Discord:
    """Records the titles of the embeds that it is sent."""

    def __init__(self) -> None:
        self.embeds: list[dict[str, Any]] = []
        self.changed = asyncio.Condition()

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        async with self.changed:
            self.embeds += body.get("embeds", [body])
            self.changed.notify_all()
        return web.Response(status=204)

    @property
    def titles(self) -> list[str]:
        return [embed["title"] for embed in self.embeds]

    async def shows(self, *titles: str) -> None:
        """Return once exactly these titles have come, in this order; a test that waits in vain times out."""
        async with asyncio.timeout(30), self.changed:
            await self.changed.wait_for(lambda: len(self.embeds) >= len(titles))
        assert self.titles == list(titles)


@pytest.fixture
async def discord(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Discord]:
    made = Discord()
    app = web.Application()
    app.router.add_post("/{tail:.*}", made.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        monkeypatch.setattr(senders, "DISCORD", f"http://127.0.0.1:{server.port}")
        made.port = server.port  # type: ignore[attr-defined]
        yield made


def settings(data_dir: Path, port: int, **more: Any) -> dict[str, Any]:
    return {"secret": SECRET, "engine_port": port, "data_dir": str(data_dir),
            "alerts": [{"url": "discord://123/abc", "per_minute": 500}], "processors": []} | more  # fmt: skip


@asynccontextmanager
async def subscribers(config: dict[str, Any]) -> AsyncIterator[None]:
    """``serve`` until the block ends, then SIGTERM as from the supervisor."""
    task = asyncio.create_task(main.serve(config))
    try:
        yield
    finally:
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(10):
            await task


async def test_a_session_from_its_start_to_its_end(tmp_path: Path, discord: Discord) -> None:
    engine = Engine(tmp_path)
    await engine.start()
    async with subscribers(settings(tmp_path, engine.port)):
        await discord.shows("A session is running")
        engine.tell(session_fact(main.wall_ms()), FILL, POSITION)
        await discord.shows("A session is running", "BTCUSDT long opened")
        engine.tell(TRADE)
        await discord.shows("A session is running", "BTCUSDT long opened", "BTCUSDT long closed: +998.00 USDT")
    await discord.shows(
        "A session is running", "BTCUSDT long opened", "BTCUSDT long closed: +998.00 USDT", "A session has ended"
    )
    await engine.end()

    assert {embed["footer"]["text"] for embed in discord.embeds} == {"PAPER · ict_blocks"}
    assert [embed["color"] for embed in discord.embeds] == [0x95A5A6, 0x95A5A6, 0x2ECC71, 0x95A5A6]


async def test_silence_is_told_once_and_the_return_once(
    tmp_path: Path, discord: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, "SILENT_S", 0.5)
    monkeypatch.setattr(conditions, "ASLEEP_S", 0.2)  # a test machine that is held up is no silence
    monkeypatch.setattr(service, "LOOK_S", 0.02)
    engine = Engine(tmp_path)
    await engine.start()
    async with subscribers(settings(tmp_path, engine.port)):
        await discord.shows("A session is running")
        await engine.freeze()
        await discord.shows("A session is running", "The engine is silent")
        await engine.end()
        again = Engine(tmp_path, engine.port, started_at=2)
        await again.start(session_fact(1))
        await discord.shows("A session is running", "The engine is silent", "The engine is back")
    await again.end()
    assert discord.titles.count("The engine is silent") == 1


async def test_an_engine_that_is_dead_from_the_start(
    tmp_path: Path, discord: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, "STARTING_S", 0.1)
    async with subscribers(settings(tmp_path, 1)):
        await discord.shows("The engine is silent")


async def test_a_restart_tells_nothing_twice_and_nothing_is_lost(tmp_path: Path, discord: Discord) -> None:
    engine = Engine(tmp_path)
    await engine.start(session_fact(1), *(trade(number) for number in range(1, 20)))
    async with subscribers(settings(tmp_path, engine.port)):  # the first start: all that is history
        await discord.shows("A session is running")
        engine.tell(trade(20))
        await discord.shows("A session is running", "BTCUSDT long closed: +20.00 USDT")
    engine.tell(trade(21))
    discord.embeds.clear()
    async with subscribers(settings(tmp_path, engine.port)):  # a moment later: what happened meanwhile is news
        await discord.shows("BTCUSDT long closed: +21.00 USDT", "A session is running")
        assert {embed["footer"]["text"] for embed in discord.embeds} == {"PAPER · ict_blocks"}
    note = tmp_path / "alerts.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"at": 0}))
    engine.tell(trade(22))
    engine.log.flush()
    await until(lambda: (engine.folder / "facts.jsonl").read_text().count("\n") == engine.seq)
    discord.embeds.clear()
    async with subscribers(settings(tmp_path, engine.port)):  # a day later: history again
        await discord.shows("A session is running")
        engine.tell(trade(23))
        await discord.shows("A session is running", "BTCUSDT long closed: +23.00 USDT")
    await engine.end()


async def test_the_past_of_an_old_session_that_is_made_again_is_not_told(tmp_path: Path, discord: Discord) -> None:
    engine = Engine(tmp_path)
    config = settings(tmp_path, engine.port)
    async with subscribers(config):  # before the engine has made the file of facts
        await engine.start(session_fact(1), *(trade(number) for number in range(1, 20)))
        await discord.shows("A session is running")
        engine.tell(trade(20))
        await discord.shows("A session is running", "BTCUSDT long closed: +20.00 USDT")
    await engine.end()


async def test_a_session_that_has_lost_its_end_is_not_told_again(tmp_path: Path, discord: Discord) -> None:
    engine = Engine(tmp_path)
    await engine.start()
    async with subscribers(settings(tmp_path, engine.port)):
        await discord.shows("A session is running")
        engine.tell(session_fact(main.wall_ms()), trade(1), trade(2), trade(3))
        before = ["A session is running", *(f"BTCUSDT long closed: +{number}.00 USDT" for number in (1, 2, 3))]
        await discord.shows(*before)
        await engine.end()
        again = Engine(tmp_path, engine.port)
        await again.start(session_fact(main.wall_ms()), trade(1), trade(2))
        await again.heard()
        again.tell(trade(33))
        await discord.shows(*before, "BTCUSDT long closed: +33.00 USDT")
    await again.end()


PROCESSORS = """
import time
from pathlib import Path
from triplane.flow.processors import Processor

OUT = Path({out!r})

class Hangs(Processor):
    topics = ("*",)
    def on_fact(self, fact):
        time.sleep(3600)

class Raises(Processor):
    topics = ("*",)
    async def on_start(self):
        raise RuntimeError("not today")

class Writes(Processor):
    topics = ("error.v1",)
    async def on_start(self):
        OUT.write_text("started")
    async def on_fact(self, fact):
        OUT.write_text(OUT.read_text() + " " + fact.code)
    async def on_stop(self):
        OUT.write_text(OUT.read_text() + " stopped")
"""


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not check():
            await asyncio.sleep(0.02)


async def test_the_process_with_a_users_processors_and_a_service_that_hangs(tmp_path: Path, discord: Discord) -> None:
    out, file = tmp_path / "out.txt", tmp_path / "my.py"
    file.write_text(PROCESSORS.format(out=str(out)))
    engine = Engine(tmp_path)
    await engine.start()
    with socket.create_server(("127.0.0.1", 0)) as hangs:  # connections are taken and never answered
        targets = [{"url": f"json://127.0.0.1:{hangs.getsockname()[1]}/T0kenT0kenT0kenT0ken"},
                   {"url": "json://your_host_here/"}, {"url": "nobody://knows"},
                   {"url": f"json://127.0.0.1:{discord.port}/hook"}]  # type: ignore[attr-defined]  # fmt: skip
        config = settings(tmp_path, engine.port, alerts=targets, processors=["gone.py", str(file)])
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "triplane.cli.process", "subscribers",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(json.dumps(config).encode() + b"\n")
        await until(lambda: "A session is running" in discord.titles)
        engine.tell(Error(**HEAD, code="one", message="Oh."), Error(**HEAD, code="two", message="No."))
        await until(lambda: out.read_text() == "started one two")
        process.stdin.close()  # as the supervisor does to stop it
        async with asyncio.timeout(20):
            said, _ = await process.communicate()
    await engine.end()

    assert process.returncode == 0
    assert out.read_text() == "started one two stopped"
    assert discord.titles == ["A session is running", "Oh.", "No.", "A session has ended"]
    for words in ("gone.py does not exist", "RuntimeError('not today')", "still holds a placeholder", "nobody://…"):
        assert words in said.decode()
    assert "T0kenT0kenT0kenT0ken" not in said.decode()

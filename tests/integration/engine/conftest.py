"""Sessions of real strategies on generated markets."""

import asyncio
import textwrap
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triplane.api.replica.session import SessionReplica
from triplane.api.replica.views import EngineState
from triplane.data.clock import ManualClock
from triplane.data.feed import CandleBatch, FeedEvent, FeedState, FeedStatus
from triplane.data.generator import demo_instrument, generate
from triplane.engine.commands import Commands
from triplane.engine.opening import Opened, Options, open_runner
from triplane.engine.setup import Setup
from triplane.model.facts import Fact, Session
from triplane.model.settings import TradingSettings
from triplane.strategies.registry import find

START = 1_735_689_600_000


class ByHand:
    """A feed whose events the test gives, one queue for all."""

    symbols = ("BTCUSDT",)
    interval_ms = 60_000
    instruments = (demo_instrument("BTCUSDT"),)

    def __init__(self) -> None:
        self.queue: asyncio.Queue[FeedEvent] = asyncio.Queue()
        self.known: Mapping[str, int] = {}
        self.closed = False

    async def open(self) -> None:
        """Nothing to do."""

    async def __aiter__(self) -> AsyncIterator[FeedEvent]:
        while True:
            yield await self.queue.get()
            self.queue.task_done()

    async def history(self, symbol: str, before_ms: int, n: int) -> Any:
        raise NotImplementedError

    async def close(self) -> None:
        self.closed = True


HEARD = EngineState(state="ok", heard_s=0.0, text="")


class Fold:
    """A consumer that shows the facts as the page does, and keeps them."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.replica: SessionReplica | None = None

    def take(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            self.facts.append(fact)
            if isinstance(fact, Session):
                self.replica = SessionReplica(fact)
            elif self.replica is not None:
                self.replica.take([fact])


class Engine:
    """One life of a session: what runs it, what is shown of it, and its commands."""

    def __init__(self, opened: Opened, fold: Fold) -> None:
        self.opened, self.fold = opened, fold
        self.runner, self.session, self.continued = opened.runner, opened.runner.session, opened.continued
        self._commands = Commands(opened.runner)

    @property
    def replica(self) -> SessionReplica:
        assert self.fold.replica is not None
        return self.fold.replica

    def status(self, symbol: str = "BTCUSDT") -> Any:
        return self.replica.status(symbol, HEARD)

    def told(self, kind: type[Any]) -> list[Any]:
        return [fact for fact in self.fold.facts if isinstance(fact, kind)]

    def command(self, kind: str, **fields: Any) -> str:
        return self._commands.carry_out(kind, fields)

    def stop(self) -> None:
        self.runner.stop()


class World:
    """One session, its engine, and the candles to feed it with."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder = folder
        limits = TradingSettings(max_trades_day=1000, cooldown_bars=0, daily_loss_share=0, max_drawdown=0)
        self.spec = find("ema_cross")
        values: dict[str, Any] = {
            "strategy": "ema_cross",
            "params": self.spec.resolve({"fast": 3, "slow": 7}),
            "instruments": ByHand.instruments,
            "base_ms": 60_000,
            "timeframe_ms": 60_000,
            "source": "by hand",
            "trading": limits,
        } | changes
        self.setup = Setup(**values)
        self.spec = find(self.setup.strategy)
        self.core = self.setup.core()
        self.clock = ManualClock(START, auto=False)
        self.candles = generate(3, START, 1500)
        self.fed = 0

    def open(self, **options: Any) -> Engine:
        """A new life of the session."""
        self.hand = ByHand()

        def make_feed(known: Mapping[str, int]) -> Any:
            self.hand.known = known
            return self.hand

        fold = Fold()
        opened = open_runner(
            self.folder,
            self.setup,
            self.core,
            make_feed,
            options=Options(facts=False, consumers=[fold], **options),
            clock=self.clock,
        )
        self.engine = Engine(opened, fold)
        return self.engine

    async def start(self, **options: Any) -> "asyncio.Task[Any]":
        """Open and run."""
        self.open(**options)
        return self.run()

    def run(self) -> "asyncio.Task[Any]":
        """Run what was opened."""
        self.task = asyncio.create_task(self.engine.runner.run())
        return self.task

    async def taken(self) -> None:
        """Return when everything given was taken; raises what ended the run before."""
        joined = asyncio.create_task(self.hand.queue.join())
        await asyncio.wait([joined, self.task], return_when=asyncio.FIRST_COMPLETED)
        if self.task.done():
            joined.cancel()
            self.task.result()

    async def feed(self, n: int, at_once: int = 20) -> None:
        """Give the next candles and wait until they are taken."""
        for start in range(self.fed, self.fed + n, at_once):
            part = self.candles[start : min(start + at_once, self.fed + n)]
            self.hand.queue.put_nowait(CandleBatch(np.zeros(len(part), np.int64), part))
        self.fed += n
        await self.taken()

    async def say(self, state: FeedState, text: str = "") -> None:
        """Give a status and wait until it is taken."""
        self.hand.queue.put_nowait(FeedStatus(state, text, None, 0))
        await self.taken()

    async def feed_until(self, reached: Callable[[], bool]) -> None:
        """Give candles until something is so."""
        while not reached():
            assert self.fed < len(self.candles), "the market is over"
            await self.feed(1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def make_world(tmp_path: Path) -> Callable[..., World]:
    return lambda **changes: World(tmp_path, **changes)


@pytest.fixture
def make_python_world(tmp_path: Path) -> Callable[[str], World]:
    """A session of a strategy in a file of the user's, from the body of its ``on_bar``."""

    def make(body: str) -> World:
        path = tmp_path / "mine.py"
        lines = textwrap.indent(textwrap.dedent(body), " " * 8)
        path.write_text(
            "from triplane.strategies.base import Enter, PythonStrategy\n\n\n"
            "class Mine(PythonStrategy):\n    name = 'mine'\n\n"
            "    def start(self):\n        self.seen = []\n\n"
            f"    def on_bar(self, bar, view):\n        self.seen.append(bar)\n{lines}\n\n\nSTRATEGY = Mine\n"
        )
        return World(tmp_path, strategy=str(path), params={})

    return make

"""Runs a paper session that is killed again and again; a program of its own, started by ``test_kill.py``.

It loads and compiles everything once, then lives of the session are forks of it. A life may be killed at any moment:
while it opens the journal and makes its state again, or between any two instructions of the run. The feed of each life
ends a little further on, and waits there, so that no life comes to the end before its kill.

Usage: ``python paper_session.py FOLDER KILLS SEED``; prints one JSON object.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from triplane.data.clock import SystemClock
from triplane.data.feed import CandleBatch, FeedEvent
from triplane.data.generator import demo_instrument, generate
from triplane.data.replay import ReplayFeed
from triplane.engine.journal import Kind, Reader
from triplane.engine.opening import Options, open_runner
from triplane.engine.session import JOURNAL
from triplane.engine.setup import Setup
from triplane.engine.verify import verify
from triplane.model.facts import Fact
from triplane.model.settings import TradingSettings
from triplane.store import Projector, Store
from triplane.strategies.registry import find

CANDLES = 9_000
BATCH = 8
SYMBOLS = ("BTCUSDT", "ETHUSDT")
START = 1_735_689_600_000
SPEC = find("ema_cross")
LIMITS = TradingSettings(max_trades_day=1000, cooldown_bars=1, daily_loss_share=0, max_drawdown=0)
SETUP = Setup(
    "ema_cross",
    SPEC.resolve({"fast": 4, "slow": 9}),
    tuple(demo_instrument(symbol) for symbol in SYMBOLS),
    60_000,
    60_000,
    source="chaos",
    trading=LIMITS,
)


class Feed(ReplayFeed):
    """Small batches; says when it begins; waits for its end before the last ``stop_at`` candles are passed."""

    def __init__(self, market: Mapping[str, Any], known: Mapping[str, int], stop_at: int | None, ready: int) -> None:
        instruments = {i.symbol: i for i in SETUP.instruments}
        super().__init__(market, SystemClock(), "max", known, instruments=instruments)
        self._stop_at = stop_at
        self._ready = ready

    async def __aiter__(self) -> AsyncIterator[FeedEvent]:
        if self._ready >= 0:
            os.write(self._ready, b"r")
        async for event in super().__aiter__():
            if not isinstance(event, CandleBatch):
                yield event
                continue
            for at in range(0, len(event), BATCH):
                part = CandleBatch(event.which[at : at + BATCH], event.candles[at : at + BATCH])
                if self._stop_at is not None and part.candles["open_time"][0] >= START + self._stop_at * 60_000:
                    await asyncio.Event().wait()
                yield part


class Life:
    """The session as ``triplane up`` runs it, its log of facts and the database too, in one process."""

    def __init__(
        self, folder: Path, core: Any, market: Mapping[str, Any], stop_at: int | None = None, ready: int = -1
    ) -> None:
        self._store = Store(folder / "triplane.sqlite")
        self._projector = Projector(self._store, folder / "sessions")
        self._projector.start()
        opened = open_runner(
            folder, SETUP, core, lambda known: Feed(market, known, stop_at, ready),
            options=Options(consumers=[self]),
        )  # fmt: skip
        self._runner, self._log, self.session = opened.runner, opened.log, opened.runner.session

    def take(self, facts: Sequence[Fact]) -> None:
        self._projector.on_facts(facts)

    async def run(self) -> Any:
        assert self._log is not None
        self._log.go_live(asyncio.get_running_loop().call_soon)
        outcome = await self._runner.run()
        self._log.close()
        self._projector.close(60.0)
        self._store.close()
        return outcome


def one_life(folder: Path, core: Any, market: Mapping[str, Any], stop_at: int, chance: random.Random) -> bool:
    """Fork a life and kill it at a random moment; True when it was killed, False when it ended by itself."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        asyncio.run(Life(folder, core, market, stop_at, write).run())
        os._exit(0)
    os.close(write)
    if chance.random() < 0.25:
        time.sleep(chance.uniform(0.0, 0.2))  # perhaps while it still opens its files
    else:
        os.read(read, 1)
        time.sleep(chance.uniform(0.0, 0.015))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(read)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def result(folder: Path, core: Any, market: Mapping[str, Any]) -> dict[str, Any]:
    """Run to the end, and tell everything that must not depend on what happened before."""
    life = Life(folder, core, market)
    outcome = asyncio.run(life.run())
    session = life.session
    sessions = list((folder / "sessions").iterdir())
    rows = b"".join(bytes(f.payload) for f in Reader(session.folder / JOURNAL) if f.kind == Kind.OUTPUT)
    with Store(folder / "triplane.sqlite") as store:
        tables = {
            "orders": everything(store, "orders", ("seq", "symbol", "leg", "status", "quantity", "filled_price")),
            "fills": everything(store, "fills", ("seq", "symbol", "leg", "side", "price", "quantity", "fee")),
            "trades": everything(store, "trades", ("seq", "symbol", "pnl", "balance_after", "exit_time", "stop_loss")),
            "signals": everything(store, "signals", ("seq", "symbol", "status", "price")),
        }
    return {
        "finished": outcome.finished,
        "sessions": len(sessions),
        "candles": session.candles,
        "account": session.A.tobytes().hex(),
        "rows": rows.hex(),
        "decisions_sha256": session.decisions.hexdigest(),
        "verified": verify(session.folder, core).ok,
        "tables": tables,
    }


def everything(store: Store, name: str, columns: tuple[str, ...]) -> list[list[str]]:
    """All records of a table, oldest first."""
    found: list[list[str]] = []
    page = 1
    while items := getattr(store, name)(page=page, limit=500).items:
        found += [[str(item[column]) for column in columns] for item in items]
        page += 1
    return sorted(found, key=lambda record: (int(record[0]), record))


def main(folder: Path, kills: int, seed: int) -> None:
    """The undisturbed run, the disturbed one, and both results."""
    chance = random.Random(seed)
    core = SETUP.core()
    market = {symbol: generate(seed + k, START, CANDLES, symbol=symbol) for k, symbol in enumerate(SYMBOLS)}
    (folder / "calm").mkdir()
    (folder / "killed").mkdir()
    calm = result(folder / "calm", core, market)
    killed = 0
    for life in range(kills):
        killed += one_life(folder / "killed", core, market, (life + 1) * CANDLES // kills, chance)
    print(json.dumps({"kills": killed, "calm": calm, "killed": result(folder / "killed", core, market)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

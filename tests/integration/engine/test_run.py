"""The running session: the same decisions as a backtest, continued after a stop, stopped by what must stop it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triplane.data.clock import SystemClock
from triplane.data.feed import FeedState
from triplane.data.generator import generate
from triplane.data.instruments import Instrument
from triplane.data.recorded import open_recorded
from triplane.data.replay import ReplayFeed
from triplane.engine.events import CandleClosed, Fill, Notice, RiskAlert
from triplane.engine.journal import JournalError, Kind, Reader
from triplane.engine.live import Options, open_engine
from triplane.engine.session import JOURNAL
from triplane.engine.settings import CostSettings
from triplane.engine.setup import Setup
from triplane.engine.verify import verify
from triplane.errors import BadInput, TriplaneError
from triplane.research.backtest import simulate
from triplane.strategies.compiler import compile_strategy
from triplane.strategies.registry import find, source_of

REAL = Path(__file__).parents[3].parent / "shared" / "data" / "klines" / "spot" / "BTCUSDT-1m.parquet"
FIGURES = ("trades", "net_pnl", "max_drawdown_pct", "sharpe", "fees", "win_rate", "profit_factor", "expectancy_r")


def run_once(
    folder: Path, candles: Any, page: bool, strategy: str = "ema_cross", timeframe_ms: int = 60_000
) -> dict[str, Any]:
    """What ``up --once`` does."""
    spec = find(strategy)
    core = compile_strategy(spec, source_of(strategy))
    instrument = Instrument.research("BTCUSDT")
    setup = Setup(strategy, spec.resolve({}), (instrument,), 60_000, timeframe_ms, source="test")
    engine = open_engine(
        folder,
        setup,
        core,
        spec,
        lambda known: ReplayFeed(
            {"BTCUSDT": candles}, SystemClock(), "max", known, instruments={"BTCUSDT": instrument}
        ),
        options=Options(page=page),
    )
    summary = engine.summary(asyncio.run(engine.run()))
    assert verify(engine.session.folder, core).decisions_sha256 == summary["decisions_sha256"]
    return summary


def same_as_backtest(summary: dict[str, Any], candles: Any, **arguments: Any) -> None:
    result = simulate(candles, symbol="BTCUSDT", costs=CostSettings(), **arguments).summary()

    assert summary["decisions_sha256"] == result["decisions_sha256"]
    assert summary["bars"] == result["bars"]
    for name in FIGURES:
        assert summary[name] == pytest.approx(result[name]), name


@pytest.mark.parametrize("page", [False, True])
def test_the_live_engine_decides_as_the_backtest_does(tmp_path: Path, page: bool) -> None:
    candles = generate(9, 1_735_689_600_000, 20_000)
    summary = run_once(tmp_path, candles, page)

    assert summary["finished"]
    assert summary["trades"] > 20
    same_as_backtest(summary, candles, strategy="ema_cross", timeframe="1m")


@pytest.mark.skipif(not REAL.exists(), reason="the recorded market is not here")
def test_the_live_engine_decides_as_the_backtest_does_on_a_real_market(tmp_path: Path) -> None:
    candles = open_recorded(REAL).candles
    summary = run_once(tmp_path, candles, False)

    assert summary["bars"] == len(candles)
    same_as_backtest(summary, candles, strategy="ema_cross", timeframe="1m")


async def test_a_stopped_session_goes_on_behind_its_last_candle(world: Any) -> None:
    task = await world.start()
    await world.feed(700)
    first = world.engine
    assert first.ready()
    shown = [first.replica.decisions(100), first.replica.portfolio(), first.replica.history("BTCUSDT", 400)]
    figures = first.performance()
    first.stop()
    outcome = await task
    assert (outcome.finished, outcome.candles) == (False, 700)
    assert world.hand.closed

    task = await world.start()
    again = world.engine
    assert again.continued
    assert again.session.id == first.session.id
    assert world.hand.known == {"BTCUSDT": int(world.candles["open_time"][699])}
    assert [again.replica.decisions(100), again.replica.portfolio(), again.replica.history("BTCUSDT", 400)] == shown
    assert again.performance() == figures
    await world.feed(300)
    again.stop()
    await task
    whole = simulate(
        world.candles[:1000],
        strategy="ema_cross",
        symbol="BTCUSDT",
        timeframe="1m",
        params={"fast": 3, "slow": 7},
        instrument=world.setup.instruments[0],
        settings=world.setup.trading,
    )
    journal = Reader(again.session.folder / JOURNAL)
    rows = b"".join(bytes(frame.payload) for frame in journal if frame.kind == Kind.OUTPUT)
    assert rows == whole.rows[: again.session.rows].tobytes()  # behind them the backtest closes what is open
    assert again.session.rows > 100
    assert verify(again.session.folder, world.core).ok


async def test_what_is_published_reaches_the_bus_once_and_in_order(world: Any) -> None:
    seen: list[Any] = []
    world.open()
    world.engine.bus.subscribe("*", seen.append)
    task = world.run()
    await world.feed(600)
    world.engine.stop()
    await task
    candles = [event for event in seen if isinstance(event, CandleClosed)]
    seen = [event for event in seen if not isinstance(event, CandleClosed)]
    before = len(seen)
    assert [event.payload()["close"] for event in candles] == world.candles["close"][:600].tolist()
    assert any(isinstance(event, Fill) for event in seen)
    assert [event.seq for event in seen] == sorted(event.seq for event in seen)

    world.open()
    world.engine.bus.subscribe("*", seen.append)
    task = world.run()
    await world.feed(1)
    world.engine.stop()
    await task
    assert all(
        event.seq > seen[before - 1].seq for event in seen[before:] if not isinstance(event, CandleClosed)
    )  # the past is not published again
    assert not world.engine.bus.dead_letters


async def test_a_stale_feed_closes_entries_until_it_recovers(world: Any) -> None:
    notices: list[Notice] = []
    world.open()
    world.engine.bus.subscribe(Notice.type, notices.append)
    task = world.run()
    await world.feed(200)
    for state, gates in (
        (FeedState.STALE, ["stale_feed"]),
        (FeedState.STALE, ["stale_feed"]),
        (FeedState.RECOVERED, []),
    ):
        await world.say(state, "quiet")
        status = world.engine.status()
        assert status["gates"] == gates
        assert world.engine.feed()["stale"] == bool(gates)
        if gates:
            assert not status["can_receive_signals"]
            assert not world.engine.signal_check("BTCUSDT")["would_trade"]
    await world.say(FeedState.RECONNECTING, "lost")
    assert (world.engine.feed()["connected"], world.engine.feed()["reconnects"]) == (False, 1)
    world.engine.stop()
    await task
    assert [notice.code for notice in notices] == ["feed_stale", "feed_stale", "feed_recovered", "feed_reconnecting"]


async def test_the_watchdog_closes_entries_when_the_feed_is_mute(world: Any) -> None:
    task = await world.start(options=Options(live=True, stale_after=30.0))
    await world.feed(150)
    await world.clock.advance(20)
    assert world.engine.status()["gates"] == []
    await world.clock.advance(20)
    assert world.engine.status()["gates"] == ["stale_feed"]
    await world.feed(1)
    await world.clock.advance(10)
    assert world.engine.status()["gates"] == []
    world.engine.stop()
    await task


async def test_history_is_held_until_the_feed_is_live(make_world: Callable[..., Any]) -> None:
    world = make_world(hold=True)
    task = await world.start()
    await world.feed(400)
    assert (world.engine.ready(), world.engine.status()["state"]) == (False, "BOOTSTRAP")
    await world.say(FeedState.LIVE)
    assert (world.engine.ready(), world.engine.status()["state"]) == (True, "SCANNING")
    world.engine.stop()
    await task


async def test_the_kill_switch_survives_a_restart(world: Any) -> None:
    task = await world.start()
    await world.feed_until(lambda: world.engine.status()["is_active_trade"])
    answer = await world.engine.command("halt", reason="enough", flatten=True)
    assert answer["accepted"]
    status = world.engine.status()
    assert (status["state"], status["halt_reason"], status["is_active_trade"]) == ("HALTED", "kill_switch", False)
    world.engine.stop()
    await task

    (world.folder / "sessions").rename(world.folder / "old")  # a new session must not trade either
    world.fed = 0
    task = await world.start()
    assert not world.engine.continued
    await world.feed(300)
    assert world.engine.status()["state"] == "HALTED"
    assert world.engine.status()["gates"] == ["kill_switch"]
    assert world.engine.record.trades == 0
    await world.engine.command("resume", session_id=world.engine.session.id)
    assert world.engine.status()["state"] == "SCANNING"
    assert world.engine.status()["gates"] == []
    world.engine.stop()
    await task
    assert verify(world.engine.session.folder, world.core).ok


async def test_commands_of_a_person(world: Any) -> None:
    task = await world.start()
    engine = world.engine
    await world.feed(150)
    await world.feed_until(lambda: engine.status()["state"] == "SCANNING")
    await engine.command("simulate", symbol="BTCUSDT", side=1, stop=None)
    assert engine.status()["state"] == "ENTRY_PENDING"
    assert engine.status()["current_order_id"] is not None
    await engine.command("cancel", symbol="BTCUSDT")
    assert engine.portfolio()["pending_orders"] == []
    await engine.command("simulate", symbol="BTCUSDT", side=-1)
    await engine.command("market", symbol="BTCUSDT")
    (position,) = engine.portfolio()["open_positions"]
    assert position["side"] == "SHORT"
    assert position["margin_ratio"] == pytest.approx(1.0, abs=0.01)
    with pytest.raises(TriplaneError, match="not SCANNING"):
        await engine.command("simulate", symbol="BTCUSDT", side=1)
    await engine.command("close", symbol="BTCUSDT")
    assert engine.replica.trades()[-1]["exit_reason"] == "manual"
    await engine.command("reset", balance=5000)
    assert engine.portfolio()["wallet_balance"] == "5000"
    await engine.command("limits", values={"execution_mode": "manual", "risk_per_trade": 0.02})
    assert engine.settings()["risk_per_trade"] == 0.02
    await world.feed_until(lambda: bool(engine.pending_signals()))
    waiting = engine.pending_signals()[0]
    await engine.command("execute", symbol="BTCUSDT", decision=waiting["decision"])
    assert engine.status()["is_active_trade"]
    assert engine.pending_signals() == []
    await engine.command("close", symbol="BTCUSDT")
    await world.feed_until(lambda: bool(engine.pending_signals()))
    await engine.command("expire", symbol="BTCUSDT", decision=engine.pending_signals()[0]["decision"])
    assert engine.replica.signals()[-1]["status"] == "expired"
    await engine.command("stop", session_id=engine.session.id)
    await task
    assert verify(engine.session.folder, world.core).ok


async def test_commands_that_cannot_be_carried_out(world: Any) -> None:
    task = await world.start()
    engine = world.engine
    await world.feed(5)
    size = engine.session.journal.size
    for kind, fields, error, said in (
        ("dance", {}, BadInput, "command is 'dance'"),
        ("start", {}, TriplaneError, "stop it before"),
        ("stop", {"session_id": "other"}, LookupError, "does not run here"),
        ("close", {"symbol": "DOGEUSDT"}, LookupError, "not in this session"),
        ("close", {"symbol": "BTCUSDT"}, LookupError, "no open position"),
        ("market", {"symbol": "BTCUSDT"}, LookupError, "no pending entry"),
        ("execute", {"symbol": "BTCUSDT", "decision": 3}, LookupError, "decision 3"),
        ("simulate", {"symbol": "BTCUSDT", "side": 0}, BadInput, "side is 0"),
        ("reset", {"balance": -5}, BadInput, "balance is -5"),
        ("limits", {"values": {"risk_per_trade": 7}}, BadInput, "risk_per_trade is 7"),
    ):
        with pytest.raises(error, match=said):
            await engine.command(kind, **fields)
    assert engine.session.journal.size == size
    with pytest.raises(LookupError):
        engine.status("DOGEUSDT")
    with pytest.raises(BadInput, match="limit is 0"):
        engine.history("BTCUSDT", 0)
    engine.stop()
    await task


class Failing:
    """A store that fails for a while."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.events: list[Any] = []
        self.status = ""

    def last_seq(self, session_id: str) -> int:
        return -1

    def write(self, events: Any, last_seq: int, session: dict[str, Any]) -> None:
        if self.failures > 0:
            self.failures -= 1
            raise TriplaneError("The disk is full.")
        self.events += events
        self.status = session["status"]


async def test_a_store_that_fails_neither_stops_trading_nor_loses_anything(world: Any) -> None:
    sink = Failing(3)
    seen: list[Any] = []
    world.open(sink=sink)
    world.engine.runner.writer._sleep = lambda _: asyncio.sleep(0)
    world.engine.bus.subscribe("*", seen.append)
    task = world.run()
    await world.feed(800)
    assert not await world.engine.runner.writer.flush(world.engine.session, "running")
    world.engine.stop()
    await task

    assert sink.status == "stopped"
    assert [e.seq for e in sink.events] == [e.seq for e in seen if not isinstance(e, CandleClosed)]
    assert any(isinstance(e, RiskAlert | Fill) for e in sink.events)


async def test_a_journal_that_does_not_reach_the_disk_ends_the_run(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    task = await world.start()
    await world.feed(200)

    def broken(*_: Any) -> int:
        raise JournalError("The journal cannot be written: Input/output error.")

    monkeypatch.setattr("triplane.engine.runner.SYNC_EVERY", 0.0)
    monkeypatch.setattr(world.engine.session.journal, "flush", broken)
    with pytest.raises(JournalError, match="Input/output error"):
        await task


async def test_a_broken_feed_ends_the_run_with_its_error_and_the_session_goes_on_later(world: Any) -> None:
    task = await world.start()
    await world.feed(100)
    world.fed = 50
    with pytest.raises(TriplaneError, match="must come in the order of their time"):
        await world.feed(10)
    assert task.done()
    world.fed = 100
    task = await world.start()
    await world.feed(100)
    assert world.engine.session.candles == 200
    world.engine.stop()
    await task
    assert np.array_equal(world.engine.record.curve.times, world.candles["open_time"][:200])
